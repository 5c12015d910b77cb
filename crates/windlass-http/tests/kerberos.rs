//! Kerberos over both sides of a connection.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use bytes::Bytes;
use windlass_auth::kerberos::{
    EncryptedData, Enctype, FullName, HeldTicket, Key, Keytab, KeytabEntry, Ticket, TicketContent,
};
use windlass_auth::{Accounts, Credential, KdcRequest};
use windlass_http::{
    AuthMethod, Challenge, ClientConfig, ClientConnection, ClientEvent, ForwardProxy, HttpError,
    KerberosClient, KerberosServer, Scheme, ServerConfig, ServerConnection, ServerEvent,
};

const NOW: u64 = 134_116_992_000_000_000;
const UNIX_NOW: i64 = 1_767_225_600;

fn name(text: &str) -> FullName {
    FullName::parse(text, Some("CORP.EXAMPLE")).unwrap()
}

fn key(byte: u8) -> Key {
    Key::new(Enctype::Aes256, &[byte; 32]).unwrap()
}

/// What a client holds that has asked a KDC before.
fn tickets() -> KerberosClient {
    let (client, service) = (name("alice"), name("HTTP/srv"));
    let content = TicketContent {
        flags: 0,
        key: key(2),
        client: client.clone(),
        auth_time: UNIX_NOW,
        start_time: None,
        end_time: UNIX_NOW + 3600,
    };
    let enc_part = EncryptedData::seal(&key(1), Some(1), 2, &content.encode()).unwrap();
    let ticket = Ticket { realm: client.realm.clone(), service: service.name.clone(), enc_part }.encode();
    let kerberos = KerberosClient::default();
    let held =
        HeldTicket { client, service, key: key(2), ticket, flags: 0, start: UNIX_NOW, end: UNIX_NOW + 3600 };
    kerberos.tickets.insert(held.service.name.clone(), held);
    kerberos
}

fn client(auth: AuthMethod, kerberos: KerberosClient) -> ClientConfig {
    let credential = Credential::password("alice@CORP.EXAMPLE", "Pa55w0rd".to_owned());
    let mut config = ClientConfig::new("srv:5985", Scheme::Http, auth, Some(credential));
    config.kerberos = Some(kerberos);
    config.spn = Some("HTTP/srv".to_owned());
    config.now = NOW;
    config
}

fn server(negotiate: bool) -> ServerConfig {
    let mut accounts = Accounts::new();
    accounts.insert("alice@CORP.EXAMPLE", "Pa55w0rd".to_owned());
    let mut config = ServerConfig::new(Scheme::Http, Arc::new(accounts), "srv");
    let entry = KeytabEntry { owner: name("HTTP/srv"), written: 0, kvno: 1, key: key(1) };
    let keytab = Arc::new(Keytab::new(vec![entry]));
    config.kerberos = Some(KerberosServer { keytab, ..KerberosServer::default() });
    config.negotiate = negotiate;
    config.now = NOW;
    config
}

/// One message there and back; gives who the server thinks it is, and the bytes of the client's requests.
fn exchange(
    client: &mut ClientConnection,
    server: &mut ServerConnection,
) -> Result<(String, String), HttpError> {
    client.request(Bytes::from_static(b"<question/>"), "application/soap+xml")?;
    let (mut who, mut said) = (String::new(), String::new());
    for _ in 0..20 {
        while let Some(bytes) = client.poll_transmit() {
            said.push_str(&String::from_utf8_lossy(&bytes));
            server.receive(&bytes);
        }
        while let Some(event) = server.poll_event() {
            match event {
                ServerEvent::Request(request) => {
                    assert_eq!(request.body, b"<question/>"[..]);
                    assert!(request.sealed);
                    who = request.identity.unwrap().to_string();
                    server.respond(200, "application/soap+xml", Bytes::from_static(b"<answer/>")).unwrap();
                }
                ServerEvent::LogonFailed { reason, .. } => return Err(reason),
                other => panic!("{other:?}"),
            }
        }
        while let Some(bytes) = server.poll_transmit() {
            client.receive(&bytes);
        }
        match client.poll_event() {
            Some(ClientEvent::Response(response)) => {
                assert!(response.sealed);
                assert_eq!(response.body, b"<answer/>"[..]);
                return Ok((who, said));
            }
            Some(ClientEvent::Failed(error)) => return Err(error),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    panic!("the exchange does not end")
}

#[test]
fn messages_are_sealed_under_the_label_of_the_mechanism() {
    for (auth, negotiate, label) in [
        (AuthMethod::Kerberos, true, "HTTP-Kerberos-session-encrypted"),
        (AuthMethod::Kerberos, false, "HTTP-Kerberos-session-encrypted"),
        (AuthMethod::Negotiate, true, "HTTP-SPNEGO-session-encrypted"),
        (AuthMethod::Negotiate, false, "HTTP-SPNEGO-session-encrypted"),
    ] {
        let mut client = ClientConnection::new(client(auth, tickets())).unwrap();
        let mut server = ServerConnection::new(server(negotiate));
        let (who, said) = exchange(&mut client, &mut server).unwrap();
        assert_eq!(who, "CORP.EXAMPLE\\alice");
        assert!(said.contains(label) && !said.contains("<question/>"), "{said}");
        assert_eq!(client.http_requests(), 2);
        let (_, said) = exchange(&mut client, &mut server).unwrap();
        assert!(!said.contains("Authorization"));
        assert_eq!(client.http_requests(), 3);
    }
}

#[test]
fn kdcs_are_asked_and_ntlm_is_what_is_left_without_them() {
    let mut alone = ClientConnection::new(client(AuthMethod::Kerberos, KerberosClient::default())).unwrap();
    alone.request(Bytes::new(), "text/plain").unwrap();
    assert_eq!(alone.poll_kdc().unwrap().realm, "CORP.EXAMPLE");
    alone.kdc_unreachable("nobody there");
    assert!(matches!(alone.poll_event(), Some(ClientEvent::Failed(HttpError::Auth { .. }))));

    for forbid_ntlm in [false, true] {
        let config = ClientConfig { forbid_ntlm, ..client(AuthMethod::Negotiate, KerberosClient::default()) };
        let mut client = ClientConnection::new(config).unwrap();
        client.request(Bytes::new(), "text/plain").unwrap();
        assert!(client.poll_kdc().is_some());
        client.kdc_unreachable("nobody there");
        assert_eq!(client.poll_transmit().is_some(), !forbid_ntlm);
    }
}

#[test]
fn an_address_has_no_tickets() {
    let mut config = client(AuthMethod::Kerberos, tickets());
    config.spn = Some("HTTP/10.0.0.1".to_owned());
    let mut connection = ClientConnection::new(config).unwrap();
    let error = connection.request(Bytes::new(), "text/plain").unwrap_err();
    assert!(error.to_string().contains("by its name"), "{error}");
}

#[test]
fn a_host_without_ntlm_refuses_it() {
    let mut config = client(AuthMethod::Ntlm, tickets());
    config.allow_unencrypted = true;
    let mut client = ClientConnection::new(config).unwrap();
    let error = exchange(&mut client, &mut ServerConnection::new(server(false))).unwrap_err();
    assert!(error.to_string().contains("no common security mechanism"), "{error}");
}

/// A proxy that hands requests on and wants a ticket first.
#[derive(Default)]
struct Proxy {
    authorization: Option<String>,
}

impl ForwardProxy for Proxy {
    fn origin(&self) -> &str {
        "http://srv:5985"
    }

    fn authorization(&mut self, _method: &str, _target: &str) -> Option<String> {
        self.authorization.take()
    }

    fn challenged(&mut self, _challenges: &[Challenge]) -> Result<Option<KdcRequest>, HttpError> {
        Ok(Some(KdcRequest { realm: "PROXY.EXAMPLE".to_owned(), message: Vec::new() }))
    }

    fn kdc_answer(&mut self, answer: Result<&[u8], &str>) -> Result<Option<KdcRequest>, HttpError> {
        answer.map_err(|reason| HttpError::ProxyRefused { reason: reason.to_owned() })?;
        self.authorization = Some("Negotiate AAAA".to_owned());
        Ok(None)
    }
}

#[test]
fn a_kdc_is_asked_for_a_proxy_and_the_same_request_goes_out_once_more() {
    for reachable in [true, false] {
        let mut client = ClientConnection::new(client(AuthMethod::Kerberos, tickets())).unwrap();
        client.forward_through(Box::new(Proxy::default()));
        client.request(Bytes::from_static(b"<question/>"), "application/soap+xml").unwrap();
        let all = |client: &mut ClientConnection| {
            let pieces: Vec<Bytes> = std::iter::from_fn(|| client.poll_transmit()).collect();
            String::from_utf8_lossy(&pieces.concat()).into_owned()
        };
        let first = all(&mut client);
        assert!(first.starts_with("POST http://srv:5985/wsman HTTP/1.1\r\n"), "{first}");
        client.receive(b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.poll_kdc().unwrap().realm, "PROXY.EXAMPLE");
        assert_eq!(all(&mut client), "", "nothing goes out meanwhile");
        if reachable {
            client.kdc_reply(b"a ticket");
            let again = all(&mut client);
            let without = again.replace("Proxy-Authorization: Negotiate AAAA\r\n", "");
            assert!(without != again && without == first, "{again}");
        } else {
            client.kdc_unreachable("nobody there");
            assert!(matches!(
                client.poll_event(),
                Some(ClientEvent::Failed(HttpError::ProxyRefused { reason })) if reason == "nobody there"
            ));
        }
    }
}
