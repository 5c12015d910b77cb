//! What a client makes of servers that misbehave.
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
use windlass_auth::{Accounts, Credential};
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, HttpError, Scheme, ServerConfig,
    ServerConnection, ServerEvent,
};

const SOAP: &str = "application/soap+xml;charset=UTF-8";

fn server() -> ServerConnection {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    ServerConnection::new(ServerConfig::new(Scheme::Http, Arc::new(accounts), "host"))
}

fn client(auth: AuthMethod) -> ClientConnection {
    let credential = Credential::password("alice", "Pa55w0rd".to_owned());
    ClientConnection::new(ClientConfig::new("host:5985", Scheme::Http, auth, Some(credential))).unwrap()
}

fn send(client: &mut ClientConnection, body: &'static str) {
    client.request(Bytes::from_static(body.as_bytes()), SOAP).unwrap();
}

fn transmit(client: &mut ClientConnection) -> Vec<u8> {
    std::iter::from_fn(|| client.poll_transmit()).flatten().collect()
}

/// Carries everything to the server and gives its answer.
fn forward(client: &mut ClientConnection, server: &mut ServerConnection) -> Vec<u8> {
    server.receive(&transmit(client));
    while let Some(event) = server.poll_event() {
        if let ServerEvent::Request(request) = event {
            server.respond(200, SOAP, request.body).unwrap();
        }
    }
    std::iter::from_fn(|| server.poll_transmit()).flatten().collect()
}

/// A client and a server that have exchanged one message.
fn established(auth: AuthMethod) -> (ClientConnection, ServerConnection) {
    let (mut client, mut server) = (client(auth), server());
    send(&mut client, "first");
    for _ in 0..2 {
        let answer = forward(&mut client, &mut server);
        client.receive(&answer);
    }
    assert!(matches!(client.poll_event(), Some(ClientEvent::Response(_))));
    (client, server)
}

fn failure(client: &mut ClientConnection) -> HttpError {
    match client.poll_event() {
        Some(ClientEvent::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_readable_answer_to_a_sealed_message_is_refused() {
    for status in ["200 OK", "500 Internal Server Error", "403 Forbidden"] {
        let (mut client, _server) = established(AuthMethod::Ntlm);
        send(&mut client, "second");
        let _ = transmit(&mut client);
        client.receive(
            format!("HTTP/1.1 {status}\r\nContent-Type: {SOAP}\r\nContent-Length: 4\r\n\r\n<a/>").as_bytes(),
        );
        assert!(matches!(failure(&mut client), HttpError::UnsealedAnswer { .. }));
        assert!(!client.is_open());
    }
}

#[test]
fn every_flipped_bit_of_a_sealed_answer_is_refused() {
    let (mut client, mut server) = established(AuthMethod::Negotiate);
    send(&mut client, "second");
    let answer = forward(&mut client, &mut server);
    let length = memchr::memmem::find(&answer, b"octet-stream\r\n").unwrap() + 14;
    // The signature, then "second" as ciphertext.
    for bit in 0..8 * (4 + 16 + 6) {
        let (mut client, mut server) = established(AuthMethod::Negotiate);
        send(&mut client, "second");
        let mut answer = forward(&mut client, &mut server);
        answer[length + bit / 8] ^= 1 << (bit % 8);
        client.receive(&answer);
        let error = failure(&mut client);
        assert!(matches!(error, HttpError::Auth { .. } | HttpError::Multipart { .. }), "bit {bit}: {error}");
    }
}

#[test]
fn a_replayed_answer_is_refused() {
    let (mut client, mut server) = established(AuthMethod::Negotiate);
    send(&mut client, "same");
    let answer = forward(&mut client, &mut server);
    client.receive(&answer);
    assert!(matches!(client.poll_event(), Some(ClientEvent::Response(_))));
    send(&mut client, "same");
    client.receive(&answer);
    assert!(matches!(failure(&mut client), HttpError::Auth { .. }));
}

#[test]
fn a_replayed_request_is_refused_by_the_server() {
    let (mut client, mut server) = established(AuthMethod::Negotiate);
    send(&mut client, "again");
    let request = transmit(&mut client);
    server.receive(&request);
    assert!(matches!(server.poll_event(), Some(ServerEvent::Request(_))));
    server.respond(200, SOAP, Bytes::new()).unwrap();
    let _ = server.poll_transmit();
    server.receive(&request);
    assert!(matches!(server.poll_event(), Some(ServerEvent::Failed(HttpError::Auth { .. }))));
    assert!(server.poll_transmit().unwrap().starts_with(b"HTTP/1.1 400 "));
    assert!(server.wants_close());
}

#[test]
fn a_server_that_ignores_the_first_message_gets_it_again() {
    let (mut client, mut real) = (client(AuthMethod::Negotiate), server());
    send(&mut client, "hello");
    let challenge = forward(&mut client, &mut real);
    client.receive(&challenge);

    // The message travels with the token; this server looks at the token only.
    let combined = transmit(&mut client);
    let head = memchr::memmem::find(&combined, b"Content-Type").unwrap();
    let stripped = [&combined[..head], b"Content-Length: 0\r\n\r\n"].concat();
    real.receive(&stripped);
    let done: Vec<u8> = std::iter::from_fn(|| real.poll_transmit()).flatten().collect();
    assert!(done.starts_with(b"HTTP/1.1 200 OK\r\n"));
    client.receive(&done);

    // A fresh handshake, then the message on its own.
    for _ in 0..3 {
        let answer = forward(&mut client, &mut real);
        client.receive(&answer);
    }
    let Some(ClientEvent::Response(response)) = client.poll_event() else { panic!("no response") };
    assert_eq!(response.body, "hello");
    assert!(client.authenticates_empty());
}

#[test]
fn a_server_that_always_ignores_the_message_is_given_up() {
    let (mut client, mut real) = (client(AuthMethod::Negotiate), server());
    send(&mut client, "hello");
    for _ in 0..6 {
        let request = transmit(&mut client);
        let end = memchr::memmem::find(&request, b"Content-").unwrap_or_default();
        real.receive(&[&request[..end], b"Content-Length: 0\r\n\r\n"].concat());
        let answer: Vec<u8> = std::iter::from_fn(|| real.poll_transmit()).flatten().collect();
        client.receive(&answer);
        if let Some(event) = client.poll_event() {
            assert!(matches!(event, ClientEvent::Failed(_)), "{event:?}");
            return;
        }
        while let Some(event) = real.poll_event() {
            if let ServerEvent::Request(_) = event {
                let _ = real.respond(200, SOAP, Bytes::new());
            }
        }
    }
    assert!(!client.is_open() || client.http_requests() <= 6, "it ends");
}

#[test]
fn a_closed_connection_says_whether_the_message_may_be_repeated() {
    let (mut client, mut server) = (client(AuthMethod::Ntlm), server());
    send(&mut client, "hello");
    let challenge = forward(&mut client, &mut server);
    client.receive_eof();
    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::Reconnect { safe_to_repeat: true }),
        "only a token was sent"
    );

    let mut client = self::client(AuthMethod::Ntlm);
    send(&mut client, "hello");
    let _ = transmit(&mut client);
    client.receive(&challenge);
    assert!(!client.request_sent());
    let _ = transmit(&mut client);
    assert!(client.request_sent(), "the message went with the last token");
    client.receive_eof();
    assert_eq!(client.poll_event(), Some(ClientEvent::Reconnect { safe_to_repeat: false }));
    assert_eq!(client.request(Bytes::new(), SOAP), Err(HttpError::Closed));
}

#[test]
fn a_dropped_context_asks_for_another_connection() {
    let (mut client, _server) = established(AuthMethod::Ntlm);
    send(&mut client, "second");
    client.receive(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.poll_event(), Some(ClientEvent::Reconnect { safe_to_repeat: true }));
}

/// Anyone on the way can write these answers in place of the real one.
#[test]
fn a_refusal_without_a_seal_is_no_reason_to_send_twice_what_may_come_once() {
    const FORGOTTEN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    const STRANGER: &[u8] =
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    const LEAVING: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n\
        Connection: close\r\nContent-Length: 0\r\n\r\n";
    for answer in [FORGOTTEN, STRANGER, LEAVING] {
        let (mut client, _server) = established(AuthMethod::Negotiate);
        client.request_once(Bytes::from_static(b"second"), SOAP).unwrap();
        assert!(!transmit(&mut client).is_empty());
        client.receive(answer);
        assert_eq!(client.poll_event(), Some(ClientEvent::Reconnect { safe_to_repeat: false }));
        assert!(transmit(&mut client).is_empty());
    }

    // The same of a server that seems to have read the token alone.
    let (mut client, mut server) = (client(AuthMethod::Negotiate), server());
    client.request_once(Bytes::from_static(b"first"), SOAP).unwrap();
    let challenge = forward(&mut client, &mut server);
    client.receive(&challenge);
    assert!(client.poll_event().is_none() && !transmit(&mut client).is_empty());
    client.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.poll_event(), Some(ClientEvent::Reconnect { safe_to_repeat: false }));
    assert!(transmit(&mut client).is_empty() && client.authenticates_empty());
}

/// The last token of the real answer, in a refusal made of it.
#[test]
fn a_token_in_a_refusal_does_not_send_a_message_twice_that_may_come_once() {
    let (mut client, mut server) = (client(AuthMethod::Negotiate), server());
    client.request_once(Bytes::from_static(b"first"), SOAP).unwrap();
    let challenge = forward(&mut client, &mut server);
    client.receive(&challenge);
    let answer = forward(&mut client, &mut server);
    let head = String::from_utf8_lossy(&answer).into_owned();
    let token = head.lines().find(|line| line.starts_with("WWW-Authenticate: Negotiate ")).unwrap();
    let forged = format!("HTTP/1.1 401 Unauthorized\r\n{token}\r\nContent-Length: 0\r\n\r\n");
    client.receive(forged.as_bytes());
    assert_eq!(client.poll_event(), Some(ClientEvent::Reconnect { safe_to_repeat: false }));
    assert!(transmit(&mut client).is_empty());
}

#[test]
fn a_server_that_is_known_by_its_certificate_is_believed() {
    let credential = Credential::password("alice", "Pa55w0rd".to_owned());
    let config = ClientConfig::new("host:5986", Scheme::Https, AuthMethod::Negotiate, Some(credential));
    let mut client = ClientConnection::new(config).unwrap();
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    let mut server = ServerConnection::new(ServerConfig::new(Scheme::Https, Arc::new(accounts), "host"));
    for answers in [2, 1] {
        client.request_once(Bytes::from_static(b"message"), SOAP).unwrap();
        for _ in 0..answers {
            let answer = forward(&mut client, &mut server);
            client.receive(&answer);
        }
        assert!(matches!(client.poll_event(), Some(ClientEvent::Response(_))));
    }
    client.request_once(Bytes::from_static(b"message"), SOAP).unwrap();
    assert!(!transmit(&mut client).is_empty());
    client.receive(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.poll_event(), None);
    assert!(transmit(&mut client).starts_with(b"POST "), "the logon starts over");
}

#[test]
fn a_challenge_that_is_no_base64_is_not_taken_for_a_refusal() {
    for auth in [AuthMethod::Negotiate, AuthMethod::Ntlm] {
        let mut client = client(auth);
        send(&mut client, "hello");
        let _ = transmit(&mut client);
        client.receive(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate !!\r\nContent-Length: 0\r\n\r\n",
        );
        let error = failure(&mut client);
        assert!(matches!(error, HttpError::Auth { .. }) && !error.is_refusal(), "{error}");
        let told = format!("{} authentication: malformed challenge, token: expected base64", auth.name());
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn redirects_and_proxies_are_reported_not_followed() {
    let mut one = client(AuthMethod::Ntlm);
    send(&mut one, "hello");
    one.receive(b"HTTP/1.1 301 Moved\r\nLocation: http://evil/wsman\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        failure(&mut one),
        HttpError::Redirect { status: 301, location: "http://evil/wsman".to_owned() }
    );

    let mut two = client(AuthMethod::Ntlm);
    send(&mut two, "hello");
    two.receive(b"HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(failure(&mut two), HttpError::ProxyAuthentication);
}

#[test]
fn what_is_not_http_is_named() {
    for (bytes, said) in [
        (&b"\x15\x03\x03\x00\x02\x02\x46"[..], "TLS"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "does not start with HTTP/"),
    ] {
        let mut client = client(AuthMethod::Ntlm);
        send(&mut client, "hello");
        client.receive(bytes);
        assert!(failure(&mut client).to_string().contains(said));
    }
}

#[test]
fn servers_that_know_no_logon_are_not_said_to_refuse_the_credential() {
    for (auth, answer, said) in [
        (AuthMethod::Negotiate, "404 Not Found", "with http 404; no WinRM service seems to be at this port"),
        (AuthMethod::Ntlm, "200 OK", "with http 200; no WinRM service seems to be at this port"),
        (AuthMethod::Negotiate, "503 Unavailable", "handshake early, with http 503"),
        (AuthMethod::Negotiate, "401 Unauthorized", "not accept Negotiate; it offered no way to log on"),
    ] {
        let mut client = client(auth);
        send(&mut client, "hello");
        client.receive(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        let said_so = failure(&mut client).to_string();
        assert!(said_so.contains(said), "{said_so}");
        assert_eq!(said_so.contains("no WinRM"), said.contains("no WinRM"), "{said_so}");
    }
}

#[test]
fn a_challenge_on_a_closing_connection_is_hopeless() {
    let (mut client, mut server) = (client(AuthMethod::Ntlm), server());
    send(&mut client, "hello");
    let challenge = String::from_utf8(forward(&mut client, &mut server)).unwrap();
    client.receive(challenge.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes());
    assert_eq!(failure(&mut client), HttpError::HandshakeIncomplete { mechanism: "NTLM", status: 401 });
}

#[test]
fn a_stripped_final_token_is_noticed() {
    let (mut client, mut server) = (client(AuthMethod::Negotiate), server());
    send(&mut client, "hello");
    let challenge = forward(&mut client, &mut server);
    client.receive(&challenge);
    let answer = forward(&mut client, &mut server);
    let start = memchr::memmem::find(&answer, b"WWW-Authenticate: ").unwrap();
    let end = start + memchr::memmem::find(&answer[start..], b"\r\n").unwrap() + 2;
    client.receive(&[&answer[..start], &answer[end..]].concat());
    assert_eq!(failure(&mut client), HttpError::HandshakeIncomplete { mechanism: "Negotiate", status: 200 });
}

#[test]
fn unasked_bytes_close_the_connection() {
    let (mut client, _server) = established(AuthMethod::Ntlm);
    client.receive(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
    assert!(!client.is_open());
    assert_eq!(client.request(Bytes::new(), SOAP), Err(HttpError::Closed));
    assert_eq!(client.poll_event(), None);
}
