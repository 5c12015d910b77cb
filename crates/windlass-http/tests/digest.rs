//! Digest on one connection: both sides coupled, and servers and clients that cheat.
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
use windlass_auth::digest::Algorithm;
use windlass_auth::{Accounts, Credential, DigestAcceptor};
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, HttpError, Scheme, ServerConfig,
    ServerConnection, ServerEvent,
};

const SOAP: &str = "application/soap+xml;charset=UTF-8";
const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";

fn client(scheme: Scheme, password: &str) -> ClientConfig {
    let credential = Credential::password("alice", password.to_owned());
    ClientConfig::new("host:5986", scheme, AuthMethod::Digest, Some(credential))
}

fn server(acceptor: &Arc<DigestAcceptor>) -> ServerConnection {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    let mut config = ServerConfig::new(Scheme::Https, Arc::new(accounts), "host");
    config.digest = Some(Arc::clone(acceptor));
    ServerConnection::new(config)
}

fn acceptor() -> Arc<DigestAcceptor> {
    Arc::new(DigestAcceptor::new("WSMAN", &[Algorithm::Sha256, Algorithm::Md5]).unwrap())
}

/// Carries one message to the server and back.
fn ask(client: &mut ClientConnection, server: &mut ServerConnection, body: &str) -> ClientEvent {
    client.request(Bytes::from(body.to_owned()), SOAP).unwrap();
    loop {
        while let Some(bytes) = client.poll_transmit() {
            server.receive(&bytes);
        }
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Request(request) = event {
                assert_eq!(request.identity.unwrap().to_string(), "alice");
                server.respond(200, SOAP, Bytes::from(request.body.to_ascii_uppercase())).unwrap();
            }
        }
        while let Some(bytes) = server.poll_transmit() {
            client.receive(&bytes);
        }
        if let Some(event) = client.poll_event() {
            return event;
        }
    }
}

fn body_of(event: ClientEvent) -> Bytes {
    match event {
        ClientEvent::Response(response) => response.body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_challenge_serves_many_requests() {
    let (mut server, mut client) =
        (server(&acceptor()), ClientConnection::new(client(Scheme::Https, "Pa55w0rd")).unwrap());
    for body in ["one", "two", "three"] {
        assert_eq!(body_of(ask(&mut client, &mut server, body)), body.to_uppercase());
    }
    assert_eq!(client.http_requests(), 4);
}

#[test]
fn a_server_that_forgot_its_nonces_gets_the_message_again() {
    let (mut first, mut second) = (server(&acceptor()), server(&acceptor()));
    let mut client = ClientConnection::new(client(Scheme::Https, "Pa55w0rd")).unwrap();
    assert_eq!(body_of(ask(&mut client, &mut first, "one")), "ONE");
    assert_eq!(body_of(ask(&mut client, &mut second, "two")), "TWO");
    assert_eq!(client.http_requests(), 4);
}

#[test]
fn a_wrong_password_is_refused_after_one_try() {
    let (mut server, mut client) =
        (server(&acceptor()), ClientConnection::new(client(Scheme::Https, "wrong")).unwrap());
    let event = ask(&mut client, &mut server, "one");
    assert_eq!(event, ClientEvent::Failed(HttpError::AccessDenied { scheme: "Digest" }));
    assert_eq!(client.http_requests(), 2);
}

#[test]
fn digest_needs_tls_unless_it_is_allowed_without() {
    let mut config = client(Scheme::Http, "x");
    assert!(matches!(ClientConnection::new(config.clone()), Err(HttpError::Unencrypted(_))));
    config.allow_unencrypted = true;
    assert!(ClientConnection::new(config).is_ok());

    let mut config = ServerConfig::new(Scheme::Http, Arc::new(Accounts::new()), "host");
    config.digest = Some(acceptor());
    let mut server = ServerConnection::new(config);
    server.receive(b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    let answer = server.poll_transmit().unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("Digest"));
}

/// Sends a message to a server that answers with these texts, one a request.
fn against(answers: &[&str]) -> (ClientEvent, Vec<String>) {
    let mut client = ClientConnection::new(client(Scheme::Https, "Pa55w0rd")).unwrap();
    client.request(Bytes::from_static(b"message"), SOAP).unwrap();
    let mut sent = Vec::new();
    for answer in answers {
        let mut request = Vec::new();
        while let Some(bytes) = client.poll_transmit() {
            request.extend_from_slice(&bytes);
        }
        sent.push(String::from_utf8(request).unwrap());
        client.receive(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        if let Some(event) = client.poll_event() {
            return (event, sent);
        }
    }
    panic!("no event")
}

#[test]
fn nothing_of_the_message_goes_out_before_the_challenge() {
    let (_, sent) = against(&[&format!("401 No\r\n{CHALLENGE}"), "200 OK"]);
    assert!(!sent[0].contains("message") && !sent[0].contains("Authorization"));
    assert!(sent[1].contains("message") && sent[1].contains("nc=00000001"));
}

#[test]
fn servers_that_cheat_are_refused() {
    let challenge = format!("401 No\r\n{CHALLENGE}");
    let stale = format!("{challenge}, stale=true");
    let weak = "401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"";
    let basic = "401 No\r\nWWW-Authenticate: Basic realm=\"r\"";
    let forged = "200 OK\r\nAuthentication-Info: rspauth=\"00\"";
    for (answers, expected) in [
        (vec!["200 OK"], "handshake"),
        (vec![weak], "qop"),
        (vec![basic], "does not accept Digest"),
        (vec![&*challenge, &*challenge], "refused the credential"),
        (vec![&*challenge, &*stale, &*stale], "refused the credential"),
        (vec![&*challenge, forged], "integrity code"),
    ] {
        let (event, _) = against(&answers);
        let ClientEvent::Failed(error) = event else { panic!("{answers:?}: {event:?}") };
        assert!(error.to_string().contains(expected), "{answers:?}: {error}");
    }
}
