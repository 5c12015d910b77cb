//! A KDC in a few lines: one user, `alice`, and any service but one, all under one key.

use windlass_auth::kerberos::{
    ApReq, EncryptedData, Enctype, EtypeInfo2, FullName, KdcRep, KdcRepContent, KdcReq, KdcReqBody, Key,
    KeytabEntry, KrbError, PaData, PrincipalName, Ticket, TicketContent,
};
use windlass_core::Secret;

pub const REALM: &str = "CORP.EXAMPLE";
pub const PASSWORD: &str = "Pa55w0rd";
/// The computer that it knows no service of.
pub const UNKNOWN: &str = "unknown";
const SALT: &[u8] = b"a salt of its own";

/// A name in the realm.
pub fn full(components: &[&str]) -> FullName {
    let components = components.iter().map(|&component| component.to_owned()).collect();
    FullName { realm: REALM.to_owned(), name: PrincipalName { kind: 1, components } }
}

pub fn service_key() -> Key {
    Key::new(Enctype::Aes256, &[7; 32]).unwrap()
}

/// What the keytab of a service has that tickets are given for.
pub fn service_entry(service: &[&str]) -> KeytabEntry {
    KeytabEntry { owner: full(service), written: 0, kvno: 3, key: service_key() }
}

/// Counts the tickets that it gives.
pub struct Kdc {
    now: i64,
    pub initial: usize,
    pub service: usize,
}

impl Kdc {
    /// One whose clock stands at these seconds since 1970.
    pub fn at(now: i64) -> Self {
        Self { now, initial: 0, service: 0 }
    }

    pub fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        let KdcReq { granting, padata, body } = KdcReq::decode(message).unwrap();
        let body = KdcReqBody::decode(&body).unwrap();
        let granting_key = Key::new(Enctype::Aes256, &[1; 32]).unwrap();
        let user_key = Key::from_password(Enctype::Aes256, &Secret::new(PASSWORD), SALT, Some(10)).unwrap();
        let refuse = |code, data| {
            let service = body.service.clone().unwrap();
            KrbError { code, time: self.now, realm: REALM.to_owned(), service, text: None, data }.encode()
        };
        if granting {
            if body.service.as_ref().is_some_and(|service| service.components[1] == UNKNOWN) {
                return refuse(7, None);
            }
            self.service += 1;
            let through = ApReq::decode(&padata[0].value).unwrap();
            let content = through.ticket.enc_part.decrypt(&granting_key, 2).unwrap();
            let content = TicketContent::decode(&content).unwrap();
            return self.issue(&body, true, &content.key, 8, &service_key());
        }
        let Some(proof) = padata.iter().find(|element| element.kind == 2) else {
            let info = EtypeInfo2 { etype: 18, salt: Some(SALT.to_vec()), rounds: Some(10) };
            let list = PaData::encode_list(&[
                PaData { kind: 2, value: Vec::new() },
                PaData { kind: 19, value: EtypeInfo2::encode(&[info]) },
            ]);
            return refuse(25, Some(list));
        };
        let stamp = EncryptedData::decode(&proof.value).unwrap();
        if stamp.decrypt(&user_key, 1).is_none() {
            return refuse(24, None);
        }
        self.initial += 1;
        self.issue(&body, false, &user_key, 3, &granting_key)
    }

    fn issue(
        &self,
        body: &KdcReqBody,
        granting: bool,
        reply_key: &Key,
        usage: u32,
        ticket_key: &Key,
    ) -> Vec<u8> {
        let key = Key::new(Enctype::Aes256, &[5; 32]).unwrap();
        let client = full(&["alice"]);
        let service = body.service.clone().unwrap();
        let content = TicketContent {
            flags: 0,
            key: key.clone(),
            client: client.clone(),
            auth_time: self.now - 10,
            start_time: None,
            end_time: self.now + 3600,
        };
        let enc_part = EncryptedData::seal(ticket_key, Some(3), 2, &content.encode()).unwrap();
        let ticket = Ticket { realm: REALM.to_owned(), service: service.clone(), enc_part };
        let content = KdcRepContent {
            key,
            nonce: body.nonce,
            flags: 0,
            auth_time: self.now - 10,
            start_time: None,
            end_time: self.now + 3600,
            service: FullName { realm: REALM.to_owned(), name: service },
        };
        let enc_part = EncryptedData::seal(reply_key, None, usage, &content.encode(granting)).unwrap();
        KdcRep { granting, padata: Vec::new(), client, ticket: ticket.encode(), enc_part }.encode()
    }
}
