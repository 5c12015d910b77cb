//! A KDC in a few lines: one user, any service but one, all under one key.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use windlass::Secret;
use windlass_auth::kerberos::{
    ApReq, EncryptedData, Enctype, EtypeInfo2, FullName, KdcRep, KdcRepContent, KdcReq, KdcReqBody, Key,
    Keytab, KeytabEntry, KrbError, PaData, PrincipalName, Ticket, TicketContent,
};

use super::support::PASSWORD;

pub const REALM: &str = "CORP.TEST";
/// The computer that it knows no service of.
pub const STRANGER: &str = "stranger";
const SALT: &[u8] = b"CORP.TESTalice";
const ROUNDS: u32 = 10;
const VERSION: u32 = 3;
const PROOF: i32 = 2;
const KEY_INFO: i32 = 19;

/// How many tickets it gave: for the user, and for services.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    pub initial: usize,
    pub service: usize,
}

/// Serves until the process ends; its port, and what it gave so far.
pub fn start() -> (u16, Arc<Mutex<Given>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let given = Arc::new(Mutex::new(Given::default()));
    let counts = Arc::clone(&given);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
            stream.read_exact(&mut request).unwrap();
            let answer = answer(&request, &mut counts.lock().unwrap());
            stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    (port, given)
}

/// The keys of the services of computers, those that it gives tickets for or others.
pub fn keytab(computers: &[&str], right: bool) -> Vec<u8> {
    let entry = |computer: &&str| {
        let name = PrincipalName { kind: 1, components: vec!["HTTP".to_owned(), (*computer).to_owned()] };
        let owner = FullName { realm: REALM.to_owned(), name };
        KeytabEntry { owner, written: 0, kvno: VERSION, key: if right { key(7) } else { key(8) } }
    };
    Keytab::new(computers.iter().map(entry).collect()).encode()
}

/// A `krb5.conf` that says where it is.
pub fn config(port: u16) -> String {
    format!(
        "[libdefaults]\n default_realm = {REALM}\n[realms]\n {REALM} = {{\n  kdc = tcp/127.0.0.1:{port}\n }}\n"
    )
}

fn key(byte: u8) -> Key {
    Key::new(Enctype::Aes256, &[byte; 32]).unwrap()
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn answer(request: &[u8], given: &mut Given) -> Vec<u8> {
    let KdcReq { granting, padata, body } = KdcReq::decode(request).unwrap();
    let body = KdcReqBody::decode(&body).unwrap();
    let service = body.service.clone().unwrap();
    let refuse = |code, data| {
        let (realm, service) = (REALM.to_owned(), service.clone());
        KrbError { code, time: now(), realm, service, text: None, data }.encode()
    };
    if granting {
        if service.components.get(1).is_some_and(|host| host == STRANGER) {
            return refuse(7, None);
        }
        given.service += 1;
        let through = ApReq::decode(&padata[0].value).unwrap();
        let content = TicketContent::decode(&through.ticket.enc_part.decrypt(&key(1), 2).unwrap()).unwrap();
        return issue(&body, true, (&content.key, 8), &key(7), service);
    }
    let user = Key::from_password(Enctype::Aes256, &Secret::new(PASSWORD), SALT, Some(ROUNDS)).unwrap();
    let Some(proof) = padata.iter().find(|element| element.kind == PROOF) else {
        let info = EtypeInfo2 { etype: 18, salt: Some(SALT.to_vec()), rounds: Some(ROUNDS) };
        let wanted = [
            PaData { kind: PROOF, value: Vec::new() },
            PaData { kind: KEY_INFO, value: EtypeInfo2::encode(&[info]) },
        ];
        return refuse(25, Some(PaData::encode_list(&wanted)));
    };
    if EncryptedData::decode(&proof.value).unwrap().decrypt(&user, 1).is_none() {
        return refuse(24, None);
    }
    given.initial += 1;
    issue(&body, false, (&user, 3), &key(1), service)
}

fn issue(
    body: &KdcReqBody,
    granting: bool,
    (reply_key, usage): (&Key, u32),
    ticket_key: &Key,
    service: PrincipalName,
) -> Vec<u8> {
    let name = PrincipalName { kind: 1, components: vec!["alice".to_owned()] };
    let client = FullName { realm: REALM.to_owned(), name };
    let (auth_time, end_time) = (now() - 10, now() + 3600);
    let content = TicketContent {
        flags: 0,
        key: key(5),
        client: client.clone(),
        auth_time,
        start_time: None,
        end_time,
    };
    let enc_part = EncryptedData::seal(ticket_key, Some(VERSION), 2, &content.encode()).unwrap();
    let ticket = Ticket { realm: REALM.to_owned(), service: service.clone(), enc_part };
    let content = KdcRepContent {
        key: key(5),
        nonce: body.nonce,
        flags: 0,
        auth_time,
        start_time: None,
        end_time,
        service: FullName { realm: REALM.to_owned(), name: service },
    };
    let enc_part = EncryptedData::seal(reply_key, None, usage, &content.encode(granting)).unwrap();
    KdcRep { granting, padata: Vec::new(), client, ticket: ticket.encode(), enc_part }.encode()
}
