//! Kerberos files and messages as MIT writes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass_auth::kerberos::{
    CredentialCache, EtypeInfo2, KdcRep, Keytab, Krb5Config, KrbError, ReplayCache, Ticket, TicketContent,
};
use windlass_auth::{
    Credential, KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions,
    SecurityContext, Step,
};

/// When the tokens were made, as a FILETIME.
const THEN: u64 = (1_795_322_896 + 11_644_473_600) * 10_000_000;

macro_rules! fixture {
    ($name:literal) => {
        hex(include_str!(concat!("../../../fixtures/auth/", $name, ".hex")))
    };
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn keytab() -> Keytab {
    Keytab::decode(&fixture!("mit_keytab")).unwrap()
}

#[test]
fn a_keytab_is_read_and_written_byte_for_byte() {
    let keytab = keytab();
    let owners: Vec<String> = keytab.entries().iter().map(|entry| entry.owner.to_string()).collect();
    assert_eq!(owners, ["HTTP/srv.windlass.test@WINDLASS.TEST"; 2]);
    assert_eq!(keytab.entries()[0].kvno, 2);
    assert_eq!(keytab.encode(), fixture!("mit_keytab"));
}

#[test]
fn a_credential_cache_is_read_and_its_tickets_are_of_use() {
    let cache = CredentialCache::decode(&fixture!("mit_ccache")).unwrap();
    assert_eq!(cache.owner().to_string(), "alice@WINDLASS.TEST");
    let services: Vec<String> =
        cache.tickets().iter().map(|ticket| ticket.service.name.to_string()).collect();
    assert_eq!(services, ["krbtgt/WINDLASS.TEST", "HTTP/srv.windlass.test"]);
    assert_eq!(CredentialCache::decode(&cache.encode()).unwrap(), cache);

    let options = KerberosInitiatorOptions::new(
        Credential::Tickets(Arc::new(cache)),
        "HTTP/srv.windlass.test",
        Arc::new(Krb5Config::default()),
        Arc::default(),
        THEN,
    );
    let mut initiator = KerberosInitiator::new(options);
    let Step::Continue(token) = initiator.step(None).unwrap() else { panic!("no KDC is needed") };
    let options = KerberosAcceptorOptions::new(Arc::new(keytab()), Arc::new(ReplayCache::new()), THEN);
    let mut acceptor = KerberosAcceptor::new(options);
    let Step::Complete(Some(answer)) = acceptor.step(Some(&token)).unwrap() else { panic!("no answer") };
    assert_eq!(initiator.step(Some(&answer)).unwrap(), Step::Complete(None));
    assert_eq!(acceptor.peer().unwrap().to_string(), "WINDLASS.TEST\\alice");
}

#[test]
fn a_logon_and_its_messages_are_accepted() {
    let options = KerberosAcceptorOptions::new(Arc::new(keytab()), Arc::new(ReplayCache::new()), THEN);
    let mut acceptor = KerberosAcceptor::new(options);
    assert_eq!(acceptor.step(Some(&fixture!("mit_ap_req"))).unwrap(), Step::Complete(None));
    assert_eq!(acceptor.peer().unwrap().to_string(), "WINDLASS.TEST\\alice");
    let token = fixture!("mit_wrap");
    let mut data = token[16..].to_vec();
    let length = acceptor.unseal(&token[..16], &mut data).unwrap();
    assert_eq!(&data[..length], b"a message of MIT");
    let mut data = fixture!("mit_wrap_iov_data");
    let length = acceptor.unseal(&fixture!("mit_wrap_iov_header"), &mut data).unwrap();
    assert_eq!(&data[..length], b"another message, in pieces");
    acceptor.verify(b"a signed message", &fixture!("mit_mic")).unwrap();
}

#[test]
fn answers_of_the_kdc_are_read() {
    let error = KrbError::decode(&fixture!("mit_krb_error_preauth")).unwrap();
    assert_eq!((error.code, error.realm.as_str()), (25, "WINDLASS.TEST"));
    let initial = KdcRep::decode(&fixture!("mit_as_rep")).unwrap();
    assert!(!initial.granting);
    assert_eq!(initial.client.to_string(), "alice@WINDLASS.TEST");
    let info = initial.padata.iter().find(|element| element.kind == 19).unwrap();
    let info = EtypeInfo2::decode(&info.value).unwrap();
    assert_eq!(info[0].salt.as_deref(), Some(&b"WINDLASS.TESTalice"[..]));
    let service = KdcRep::decode(&fixture!("mit_tgs_rep")).unwrap();
    assert!(service.granting);
    let ticket = Ticket::decode(&service.ticket).unwrap();
    assert_eq!(ticket.encode(), service.ticket);
    let content = keytab()
        .entries()
        .iter()
        .find_map(|entry| ticket.enc_part.decrypt(&entry.key, 2))
        .expect("the keytab has its key");
    assert_eq!(TicketContent::decode(&content).unwrap().client, initial.client);
}
