//! Both sides of a connection, coupled in memory.
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
use windlass_auth::{Accounts, BindingPolicy, ChannelBinding, Credential};
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, HttpError, Scheme, ServerConfig,
    ServerConnection, ServerEvent,
};

const SOAP: &str = "application/soap+xml;charset=UTF-8";

fn server_config(scheme: Scheme) -> ServerConfig {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    ServerConfig::new(scheme, Arc::new(accounts), "host")
}

fn client_config(scheme: Scheme, auth: AuthMethod, password: &str) -> ClientConfig {
    let credential = Credential::password("alice", password.to_owned());
    ClientConfig::new("host:5985", scheme, auth, Some(credential))
}

/// A connection whose server answers every request with its body in capital letters.
struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    /// Bytes are delivered in steps of this size.
    step: usize,
    server_events: Vec<ServerEvent>,
    /// What went over the wire, from the client and from the server.
    wire: (Vec<u8>, Vec<u8>),
    status: u16,
}

impl Pair {
    fn new(client: ClientConfig, server: ServerConfig) -> Self {
        Self {
            client: ClientConnection::new(client).unwrap(),
            server: ServerConnection::new(server),
            step: usize::MAX,
            server_events: Vec::new(),
            wire: Default::default(),
            status: 200,
        }
    }

    fn pump(&mut self) -> Option<ClientEvent> {
        loop {
            let mut idle = true;
            while let Some(bytes) = self.client.poll_transmit() {
                idle = false;
                self.wire.0.extend_from_slice(&bytes);
                for part in bytes.chunks(self.step.min(bytes.len())) {
                    self.server.receive(part);
                }
            }
            while let Some(event) = self.server.poll_event() {
                if let ServerEvent::Request(request) = &event {
                    let body = Bytes::from(request.body.to_ascii_uppercase());
                    self.server.respond(self.status, SOAP, body).unwrap();
                }
                self.server_events.push(event);
            }
            while let Some(bytes) = self.server.poll_transmit() {
                idle = false;
                self.wire.1.extend_from_slice(&bytes);
                for part in bytes.chunks(self.step.min(bytes.len())) {
                    self.client.receive(part);
                }
            }
            if let Some(event) = self.client.poll_event() {
                return Some(event);
            }
            if idle {
                return None;
            }
        }
    }

    fn ask(&mut self, body: &str) -> ClientEvent {
        self.client.request(Bytes::from(body.to_owned()), SOAP).unwrap();
        self.pump().expect("an event")
    }

    fn expect_answer(&mut self, body: &str, sealed: bool) {
        match self.ask(body) {
            ClientEvent::Response(response) => {
                assert_eq!(response.status, self.status);
                assert_eq!(response.body, body.to_ascii_uppercase());
                assert_eq!(response.content_type, SOAP);
                assert_eq!(response.sealed, sealed);
            }
            other => panic!("{other:?}"),
        }
        let Some(ServerEvent::Request(request)) = self.server_events.last() else { panic!("no request") };
        assert_eq!((request.path.as_str(), request.sealed), ("/wsman", sealed));
        assert_eq!(request.identity.as_ref().map(|identity| identity.user.as_str()), Some("alice"));
    }

    fn expect_failure(&mut self, body: &str) -> HttpError {
        match self.ask(body) {
            ClientEvent::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn messages_are_sealed_over_plain_http() {
    for (auth, legs) in [(AuthMethod::Negotiate, 2), (AuthMethod::Ntlm, 2)] {
        for step in [usize::MAX, 1, 7] {
            let mut pair =
                Pair::new(client_config(Scheme::Http, auth, "Pa55w0rd"), server_config(Scheme::Http));
            pair.step = step;
            pair.expect_answer("<secret>one</secret>", true);
            pair.expect_answer(&"<secret>two</secret>".repeat(5000), true);
            pair.status = 500;
            pair.expect_answer("<secret>three</secret>", true);
            assert_eq!(pair.client.http_requests(), legs + 2, "the message travels with the last token");
            for wire in [&pair.wire.0, &pair.wire.1] {
                assert!(
                    memchr::memmem::find(wire, b"secret").is_none()
                        && memchr::memmem::find(wire, b"SECRET").is_none()
                );
            }
        }
    }
}

#[test]
fn the_client_frames_as_windows_does() {
    let mut pair =
        Pair::new(client_config(Scheme::Http, AuthMethod::Ntlm, "Pa55w0rd"), server_config(Scheme::Http));
    pair.expect_answer("<a/>", true);
    let wire = &pair.wire.0;
    let header = b"Content-Type: multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"\r\n";
    assert!(memchr::memmem::find(wire, header).is_some());
    let part = b"\r\n\r\n--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=4\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\x10\0\0\0\x01\0\0\0";
    let start = memchr::memmem::find(wire, part).expect("the part");
    assert_eq!(&wire[start + part.len() + 12..][4..], b"--Encrypted Boundary--\r\n");
}

#[test]
fn over_tls_messages_stay_as_they_are() {
    for auth in [AuthMethod::Basic, AuthMethod::Negotiate, AuthMethod::Ntlm] {
        let mut server = server_config(Scheme::Https);
        server.basic = true;
        let mut pair = Pair::new(client_config(Scheme::Https, auth, "Pa55w0rd"), server);
        pair.expect_answer("<one/>", false);
        pair.expect_answer("<two/>", false);
    }
}

#[test]
fn readable_messages_need_permission_on_both_sides() {
    let error = |auth| ClientConnection::new(client_config(Scheme::Http, auth, "x")).err().unwrap();
    assert!(matches!(error(AuthMethod::Basic), HttpError::Unencrypted(_)));
    assert!(matches!(error(AuthMethod::None), HttpError::Unencrypted(_)));

    for auth in [AuthMethod::Basic, AuthMethod::Negotiate] {
        let mut client = client_config(Scheme::Http, auth, "Pa55w0rd");
        client.allow_unencrypted = true;
        let mut server = server_config(Scheme::Http);
        server.basic = true;
        let mut pair = Pair::new(client.clone(), server.clone());
        match (auth, pair.ask("<a/>")) {
            (AuthMethod::Basic, ClientEvent::Failed(error)) => {
                assert_eq!(
                    error.to_string(),
                    "the server does not accept Basic; it offers Negotiate",
                    "a host that refuses unencrypted messages does not even offer Basic"
                );
            }
            (_, ClientEvent::Response(response)) => assert_eq!(response.status, 403),
            (_, other) => panic!("{other:?}"),
        }
        server.allow_unencrypted = true;
        Pair::new(client, server).expect_answer("<a/>", false);
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let mut answers = Vec::new();
    for user in ["alice", "nobody"] {
        for auth in [AuthMethod::Basic, AuthMethod::Negotiate, AuthMethod::Ntlm] {
            let mut client = client_config(Scheme::Https, auth, "wrong");
            client.credential = Some(Credential::password(user, "wrong".to_owned()));
            let mut server = server_config(Scheme::Https);
            server.basic = true;
            let mut pair = Pair::new(client, server);
            let error = pair.expect_failure("<a/>");
            assert_eq!(error, HttpError::AccessDenied { scheme: auth.name() });
            assert!(error.is_refusal());
            assert!(!pair.client.is_open());
            let Some(ServerEvent::LogonFailed { failures: 1, reason }) = pair.server_events.last() else {
                panic!("{:?}", pair.server_events)
            };
            assert!(reason.is_refusal());
            let last = pair.wire.1.windows(12).rposition(|window| window == b"HTTP/1.1 401").unwrap();
            answers.push(String::from_utf8(pair.wire.1[last..].to_vec()).unwrap());
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[test]
fn a_scheme_that_is_not_offered_is_named() {
    let mut server = server_config(Scheme::Https);
    server.negotiate = false;
    server.basic = true;
    let mut pair = Pair::new(client_config(Scheme::Https, AuthMethod::Negotiate, "x"), server);
    assert_eq!(
        pair.expect_failure("<a/>"),
        HttpError::SchemeNotOffered { wanted: "Negotiate", offered: vec!["Basic".to_owned()] }
    );
}

#[test]
fn ntlm_falls_back_to_its_own_scheme() {
    let mut server = server_config(Scheme::Http);
    server.negotiate = false;
    server.ntlm = true;
    let mut pair = Pair::new(client_config(Scheme::Http, AuthMethod::Ntlm, "Pa55w0rd"), server);
    pair.expect_answer("<a/>", true);
}

#[test]
fn channel_bindings_are_checked() {
    let here = ChannelBinding::from_application_data(b"tls-server-end-point:here".to_vec());
    let elsewhere = ChannelBinding::from_application_data(b"tls-server-end-point:elsewhere".to_vec());
    let run = |scheme, client_binding: Option<&ChannelBinding>, policy| {
        let mut client = client_config(scheme, AuthMethod::Negotiate, "Pa55w0rd");
        client.channel_binding = client_binding.cloned();
        let mut server = server_config(Scheme::Https);
        server.channel_binding = Some(here.clone());
        server.binding_policy = policy;
        Pair::new(client, server).ask("<a/>")
    };
    let https = Scheme::Https;
    assert!(matches!(run(https, Some(&here), BindingPolicy::Strict), ClientEvent::Response(_)));
    assert!(matches!(run(https, None, BindingPolicy::Relaxed), ClientEvent::Response(_)));
    assert!(matches!(run(https, Some(&elsewhere), BindingPolicy::None), ClientEvent::Response(_)));
    assert!(matches!(run(https, None, BindingPolicy::Strict), ClientEvent::Failed(_)));
    assert!(matches!(run(https, Some(&elsewhere), BindingPolicy::Relaxed), ClientEvent::Failed(_)));
}

#[test]
fn a_server_that_forgot_the_context_is_met_with_a_new_logon() {
    let mut pair = Pair::new(
        client_config(Scheme::Http, AuthMethod::Negotiate, "Pa55w0rd"),
        server_config(Scheme::Http),
    );
    pair.expect_answer("<one/>", true);
    pair.server = ServerConnection::new(server_config(Scheme::Http));
    pair.expect_answer("<two/>", true);
    assert_eq!(pair.client.http_requests(), 2 + 1 + 2);
}

#[test]
fn a_prepared_connection_takes_one_exchange() {
    for (scheme, auth, ahead) in [
        (Scheme::Http, AuthMethod::Negotiate, 1),
        (Scheme::Http, AuthMethod::Ntlm, 1),
        (Scheme::Https, AuthMethod::Ntlm, 1),
        (Scheme::Https, AuthMethod::Basic, 0),
    ] {
        let mut server = server_config(scheme);
        server.basic = true;
        let mut pair = Pair::new(client_config(scheme, auth, "Pa55w0rd"), server);
        pair.client.prepare().unwrap();
        assert_eq!(pair.pump(), Some(ClientEvent::Prepared));
        assert_eq!(pair.client.http_requests(), ahead);
        assert!(pair.server_events.is_empty());
        for count in 1..=2 {
            pair.expect_answer("<one/>", scheme == Scheme::Http);
            assert_eq!(pair.client.http_requests(), ahead + count);
        }
        // There is nothing left to do for a logon that is over.
        pair.client.prepare().unwrap();
        assert_eq!(pair.pump(), Some(ClientEvent::Prepared));
        pair.expect_answer("<two/>", scheme == Scheme::Http);
        assert_eq!(pair.client.http_requests(), ahead + 3);
    }
}

#[test]
fn anonymous_identify_needs_no_logon_and_nothing_else_goes_without() {
    let mut config = server_config(Scheme::Http);
    config.anonymous_identify = true;
    let mut server = ServerConnection::new(config);
    server.receive(
        b"POST /wsman HTTP/1.1\r\nHost: h\r\nWSMANIDENTIFY: unauthenticated\r\nContent-Length: 2\r\n\r\nhi",
    );
    let Some(ServerEvent::Request(request)) = server.poll_event() else { panic!("no request") };
    assert_eq!((request.identity, &request.body[..]), (None, &b"hi"[..]));
    server.respond(200, SOAP, Bytes::from_static(b"HI")).unwrap();
    server.receive(b"POST /wsman HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(server.poll_event(), None);
    let _identify = server.poll_transmit().unwrap();
    assert!(server.poll_transmit().unwrap().starts_with(b"HTTP/1.1 401 Unauthorized\r\n"));
}

#[test]
fn clients_that_wait_for_100_continue_get_it() {
    let mut config = server_config(Scheme::Https);
    config.basic = true;
    let mut server = ServerConnection::new(config);
    server.receive(
        b"POST /wsman?PSVersion=7.6 HTTP/1.1\r\nHost: h\r\nAuthorization: Basic YWxpY2U6UGE1NXcwcmQ=\r\n\
          Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assert_eq!(server.poll_transmit().unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(server.poll_event(), None);
    server.receive(b"5\r\nhello\r\n0\r\n\r\n");
    let Some(ServerEvent::Request(request)) = server.poll_event() else { panic!("no request") };
    assert_eq!((request.path.as_str(), request.query.as_deref()), ("/wsman", Some("PSVersion=7.6")));
    assert_eq!(request.body, "hello");
}

#[test]
fn pipelined_requests_are_answered_one_by_one() {
    let mut config = server_config(Scheme::Https);
    config.basic = true;
    let mut server = ServerConnection::new(config);
    let request =
        b"POST / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6UGE1NXcwcmQ=\r\nContent-Length: 1\r\n\r\nx";
    server.receive(&request.repeat(2));
    for _ in 0..2 {
        assert!(matches!(server.poll_event(), Some(ServerEvent::Request(_))));
        assert_eq!(server.poll_event(), None);
        server.respond(200, SOAP, Bytes::new()).unwrap();
    }
    assert!(server.respond(200, SOAP, Bytes::new()).is_err());
}

#[test]
fn a_client_that_wants_to_close_is_closed() {
    let mut config = server_config(Scheme::Https);
    config.basic = true;
    let mut server = ServerConnection::new(config);
    server.receive(
        b"POST / HTTP/1.1\r\nAuthorization: Basic YWxpY2U6UGE1NXcwcmQ=\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(!server.wants_close());
    server.respond(200, SOAP, Bytes::new()).unwrap();
    assert!(server.wants_close());
    let answer = server.poll_transmit().unwrap();
    assert!(memchr::memmem::find(&answer, b"Connection: close\r\n").is_some());
}

#[test]
fn other_protocols_and_methods_are_told_off() {
    for (input, status) in [
        (&b"\x16\x03\x01\x02\x00\x01"[..], 400),
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n", 401),
        (b"POST / HTTP/1.1\r\nAuthorization: Negotiate !!\r\n\r\n", 401),
    ] {
        let mut server = ServerConnection::new(server_config(Scheme::Http));
        server.receive(input);
        let answer = String::from_utf8(server.poll_transmit().unwrap().to_vec()).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let mut server = ServerConnection::new(server_config(Scheme::Http));
    server.receive(&b"POST / HTTP/1.1\r\nX: ".repeat(8000));
    assert!(server.poll_transmit().unwrap().starts_with(b"HTTP/1.1 431 "));
    assert!(server.wants_close());
}
