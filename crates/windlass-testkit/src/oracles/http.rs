//! Oracles of HTTP heads, of encrypted bodies and of whole connections.

use std::sync::Arc;

use bytes::Bytes;
use windlass_auth::{Accounts, Credential, SealingProtocol};
use windlass_core::Secret;
use windlass_http::{
    AuthMethod, ClientConfig, ClientConnection, ClientEvent, Exchange, HttpError, Limits, Overheard,
    RequestHead, ResponseHead, Scheme, ServerConfig, ServerConnection, ServerEvent, multipart,
    parse_challenges,
};

/// Heads decode or are refused; what is read from them is part of them.
pub(super) fn http_heads(data: &[u8]) {
    if let Ok(head) = RequestHead::decode(data) {
        assert!(head.target.contains(head.path()) || head.path() == "/");
        assert!(!head.path().contains('?'));
    }
    if let Ok(head) = ResponseHead::decode(data) {
        assert!(head.status <= 999);
        for challenge in parse_challenges(&head.headers, "WWW-Authenticate") {
            assert!(!challenge.scheme.is_empty());
        }
    }
}

/// The pairs of an encrypted body lie in it, in order, without overlap.
pub(super) fn multipart_framing(data: &[u8]) {
    for protocol in [SealingProtocol::Spnego, SealingProtocol::Kerberos, SealingProtocol::CredSsp] {
        let Ok(pairs) = multipart::parse(data, protocol) else { continue };
        let mut end = 0;
        for pair in pairs {
            assert!(end < pair.header.start && pair.header.start <= pair.header.end);
            assert!(pair.header.end == pair.data.start && pair.data.start <= pair.data.end);
            assert!(pair.data.end <= data.len() && pair.length <= data.len());
            end = pair.data.end;
        }
        assert!(end > 0, "a body has at least one message");
    }
}

/// What goes by between two others is understood alike however the bytes arrive.
pub(super) fn http_overheard(data: &[u8]) {
    assert_eq!(overheard(data, data.len().max(1)), overheard(data, 7), "the same bytes in other pieces");
}

/// What both sides say stands in the data one after the other, parted by a zero byte.
fn overheard(data: &[u8], step: usize) -> (Vec<Exchange>, Result<(), HttpError>) {
    let middle = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (client, server) = data.split_at(middle);
    // Small, so that data of any length meets them.
    let limits = Limits { head: 1024, body: 64, body_before_logon: 64 };
    let mut heard = Overheard::new(limits);
    let both = client
        .chunks(step)
        .map(|bytes| (true, bytes))
        .chain(server.get(1..).unwrap_or_default().chunks(step).map(|bytes| (false, bytes)));
    let mut told = Ok(());
    for (is_client, bytes) in both {
        told = if is_client { heard.client_said(bytes) } else { heard.server_said(bytes) };
        if told.is_err() {
            break;
        }
    }
    if told.is_ok() {
        told = heard.server_ended();
    }
    let exchanges: Vec<Exchange> = std::iter::from_fn(|| heard.next_exchange()).collect();
    for exchange in &exchanges {
        assert!(exchange.question.len() <= limits.body && exchange.answer.len() <= limits.body);
    }
    (exchanges, told)
}

/// A server lets nobody in without a password, however the bytes arrive.
pub(super) fn http_server(data: &[u8]) {
    let whole = serve(data, data.len().max(1));
    let pieces = serve(data, 7);
    assert_eq!(whole, pieces, "the same bytes in other pieces");
}

fn serve(data: &[u8], step: usize) -> Vec<String> {
    let mut accounts = Accounts::new();
    accounts.insert("alice", Secret::new("not to be guessed"));
    let mut config = ServerConfig::new(Scheme::Https, Arc::new(accounts), "host");
    config.basic = true;
    config.ntlm = true;
    config.anonymous_identify = true;
    let mut server = ServerConnection::new(config);
    let mut seen = Vec::new();
    for part in data.chunks(step) {
        server.receive(part);
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Request(request) = &event {
                assert!(request.identity.is_none(), "somebody got in");
                assert_eq!(server.respond(200, "text/plain", Bytes::from_static(b"hi")), Ok(()));
            }
            seen.push(format!("{event:?}"));
        }
        while server.poll_transmit().is_some() {}
    }
    seen
}

/// A client that seals believes no answer, whatever it is, and sends nothing twice because of it that may come
/// only once.
pub(super) fn http_client(data: &[u8]) {
    for once in [false, true] {
        let credential = Credential::password("alice", Secret::new("pw"));
        let config = ClientConfig::new("host", Scheme::Http, AuthMethod::Negotiate, Some(credential));
        let mut client = match ClientConnection::new(config) {
            Ok(client) => client,
            Err(error) => panic!("a good configuration is refused: {error}"),
        };
        let message = Bytes::from_static(b"<a/>");
        let queued = match once {
            true => client.request_once(message, "text/xml"),
            false => client.request(message, "text/xml"),
        };
        assert_eq!(queued, Ok(()));
        let mut sent = false;
        for part in data.chunks(50) {
            while client.poll_transmit().is_some() {
                assert!(!(once && sent), "something follows a message that may come only once");
                sent |= client.request_sent();
            }
            client.receive(part);
        }
        client.receive_eof();
        while let Some(event) = client.poll_event() {
            assert!(!matches!(event, ClientEvent::Response(_)), "an unauthentic answer was believed");
            let repeats = matches!(event, ClientEvent::Reconnect { safe_to_repeat: true });
            assert!(!(once && sent && repeats), "a message that may come only once goes out again");
        }
        assert_eq!(client.request(Bytes::new(), "text/xml"), Err(HttpError::Closed));
    }
}
