//! Two sides of Kerberos, with a ticket that no KDC had to give.
#![allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]

use std::sync::Arc;

use windlass_auth::kerberos::{
    EncryptedData, Enctype, FullName, HeldTicket, Key, Keytab, KeytabEntry, ReplayCache, Ticket,
    TicketContent, TicketStore,
};
use windlass_auth::{
    Credential, KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions,
};

use crate::ntlm::shake_hands;

/// 2026-01-01T00:00:00Z as a FILETIME and since 1970.
const NOW: u64 = 134_116_992_000_000_000;
const UNIX_NOW: i64 = 1_767_225_600;
/// The purpose of the key of a ticket.
const TICKET: u32 = 2;

/// What both sides hold before they meet.
pub struct Realm {
    tickets: Arc<TicketStore>,
    keytab: Arc<Keytab>,
}

impl Realm {
    /// A user with a ticket for a service.
    ///
    /// # Panics
    /// When there are no random bytes.
    pub fn new() -> Self {
        let name = |text| FullName::parse(text, Some("CORP.EXAMPLE")).expect("a name");
        let key = |byte| Key::new(Enctype::Aes256, &[byte; 32]).expect("a key");
        let (client, service) = (name("alice"), name("HTTP/srv"));
        let content = TicketContent {
            flags: 0,
            key: key(2),
            client: client.clone(),
            auth_time: UNIX_NOW,
            start_time: None,
            end_time: UNIX_NOW + 3600,
        };
        let enc_part =
            EncryptedData::seal(&key(1), Some(1), TICKET, &content.encode()).expect("random bytes");
        let ticket = Ticket { realm: client.realm.clone(), service: service.name.clone(), enc_part };
        let tickets = Arc::new(TicketStore::new());
        let entry = KeytabEntry { owner: service.clone(), written: 0, kvno: 1, key: key(1) };
        let held = HeldTicket {
            client,
            service,
            key: key(2),
            ticket: ticket.encode(),
            flags: 0,
            start: UNIX_NOW,
            end: UNIX_NOW + 3600,
        };
        tickets.insert(held.service.name.clone(), held);
        Self { tickets, keytab: Arc::new(Keytab::new(vec![entry])) }
    }

    /// Two sides after their handshake.
    pub fn pair(&self) -> (KerberosInitiator, KerberosAcceptor) {
        let credential = Credential::password("alice@CORP.EXAMPLE", "Pa55w0rd".to_owned());
        let options = KerberosInitiatorOptions::new(
            credential,
            "HTTP/srv",
            Arc::default(),
            Arc::clone(&self.tickets),
            NOW,
        );
        let mut initiator = KerberosInitiator::new(options);
        let replay = Arc::new(ReplayCache::new());
        let options = KerberosAcceptorOptions::new(Arc::clone(&self.keytab), replay, NOW);
        let mut acceptor = KerberosAcceptor::new(options);
        shake_hands(&mut initiator, &mut acceptor);
        (initiator, acceptor)
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self::new()
    }
}
