//! Proxies and servers that redirect, good and bad, each saying exactly what a test wants.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use windlass_auth::Credential;
use windlass_net::{
    Connector, ConnectorOptions, Endpoint, Error, Pool, PoolOptions, Proxy, ProxyAccess, ProxyAuthentication,
    ProxyRefusal, Request,
};

use support::{SOAP, echo, listen, options, read_request};

async fn ask(options: ConnectorOptions) -> Result<Bytes, Error> {
    let pool = Pool::new(Connector::new(options), PoolOptions::default());
    pool.request(Request::new("hello", SOAP)).await.map(|response| response.body)
}

fn through(port: u16, scheme: &str, login: Option<ProxyAuthentication>) -> ConnectorOptions {
    let mut options = options(5985, None);
    let mut proxy = Proxy::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
    if let Some(authentication) = login {
        proxy = proxy.with_credential(Credential::password("bob", "pw".to_owned()), authentication);
    }
    options.proxy = ProxyAccess::Through(proxy);
    options
}

fn refusal(outcome: Result<Bytes, Error>) -> String {
    match outcome {
        Err(Error::Proxy { reason: ProxyRefusal::Credential, .. }) => "credential".to_owned(),
        Err(Error::Proxy { reason: ProxyRefusal::Failed(reason), .. }) => reason,
        other => panic!("{other:?}"),
    }
}

async fn say(stream: &mut TcpStream, answer: &str) {
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_tunnel_carries_the_conversation_and_the_server_sees_no_proxy_headers() {
    let port = listen(|_, mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        assert!(request.starts_with("CONNECT localhost:5985 HTTP/1.1\r\nHost: localhost:5985\r\n"));
        assert!(!request.contains("Authorization"));
        say(&mut stream, "HTTP/1.1 200 Connection established\r\n\r\n").await;
        let request = read_request(&mut stream).await.unwrap();
        assert!(request.starts_with("POST /wsman") && !request.contains("Proxy-"));
        support::answer(&mut stream, "through").await;
        echo(stream).await;
    })
    .await;
    assert_eq!(ask(through(port, "http", None)).await.unwrap(), "through");
}

#[tokio::test]
async fn a_password_goes_to_a_proxy_only_when_it_asks_for_that() {
    for (challenge, login, expected) in [
        ("Basic realm=\"p\"", None, "it demands a logon (Basic)"),
        ("Basic realm=\"p\"", Some(ProxyAuthentication::Negotiate), "it does not accept Negotiate"),
        ("Basic realm=\"p\"", Some(ProxyAuthentication::Digest), "it does not accept Digest"),
        ("Basic realm=\"p\"", Some(ProxyAuthentication::Basic), "credential"),
        ("Digest realm=\"p\", nonce=\"n\", qop=\"auth\"", Some(ProxyAuthentication::Digest), "credential"),
        ("Digest realm=\"p\", nonce=\"n\"", Some(ProxyAuthentication::Digest), "no common"),
        ("NTLM", Some(ProxyAuthentication::Negotiate), "credential"),
    ] {
        let port = listen(move |_, mut stream| async move {
            while let Some(request) = read_request(&mut stream).await {
                let basic = challenge.starts_with("Basic") && login == Some(ProxyAuthentication::Basic);
                assert!(basic || !request.contains("Proxy-Authorization: Basic"));
                let answer = format!(
                    "HTTP/1.1 407 No\r\nProxy-Authenticate: {challenge}\r\nContent-Length: 4\r\n\r\nsorr"
                );
                say(&mut stream, &answer).await;
            }
        })
        .await;
        let reason = refusal(ask(through(port, "http", login)).await);
        assert!(reason.contains(expected), "{challenge} {login:?}: {reason}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_up_after_its_challenge_is_dialled_again() {
    let port = listen(|number, mut stream| async move {
        let request = read_request(&mut stream).await.unwrap();
        if number == 0 {
            let answer =
                "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nConnection: close\r\n\r\n";
            return say(&mut stream, answer).await;
        }
        assert!(request.contains("Proxy-Authorization: Basic Ym9iOnB3\r\n"));
        say(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
        echo(stream).await;
    })
    .await;
    let outcome = ask(through(port, "http", Some(ProxyAuthentication::Basic))).await;
    assert_eq!(outcome.unwrap(), "hello");
}

#[tokio::test]
async fn bad_proxies_end_in_an_error_that_names_them() {
    for (answer, expected) in [
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "http 502"),
        ("HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", "http 302"),
        ("SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
        ("HTTP/1.1 200", "no complete answer"),
        ("", "no complete answer"),
    ] {
        let port = listen(move |_, mut stream| async move {
            read_request(&mut stream).await.unwrap();
            say(&mut stream, answer).await;
        })
        .await;
        let error = ask(through(port, "http", None)).await.unwrap_err();
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.is_unreachable() && !error.may_have_executed());
        assert!(refusal(Err(error)).contains(expected), "{answer}");
    }
    let port = listen(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(20_000));
        let _ = stream.write_all(endless.as_bytes()).await;
        let _ = stream.read(&mut [0; 1]).await;
    })
    .await;
    assert!(refusal(ask(through(port, "http", None)).await).contains("too long"));
}

/// Takes requests for another server, first a CONNECT where `refusal` is given, and asks for a logon.
async fn forwarding(refusal: Option<&'static str>, challenge: Option<&'static str>) -> u16 {
    listen(move |number, mut stream| async move {
        if let Some(refusal) = refusal.filter(|_| number == 0) {
            assert!(read_request(&mut stream).await.unwrap().starts_with("CONNECT localhost:5985 "));
            return say(&mut stream, refusal).await;
        }
        let mut asked = false;
        while let Some(request) = read_request(&mut stream).await {
            assert!(
                request.starts_with("POST http://localhost:5985/wsman HTTP/1.1\r\nHost: localhost:5985\r\n")
            );
            assert!(request.contains("\r\nAuthorization: Basic ") && request.ends_with("hello"));
            match challenge {
                Some(challenge) if !asked => {
                    assert!(!request.contains("Proxy-"));
                    let head = "HTTP/1.1 407 No\r\nContent-Length: 0\r\nProxy-Authenticate";
                    say(&mut stream, &format!("{head}: {challenge}\r\n\r\n")).await;
                }
                Some(challenge) => {
                    let (scheme, _) = challenge.split_once(' ').unwrap();
                    assert!(request.contains(&format!("\r\nProxy-Authorization: {scheme} ")));
                    assert!(scheme == "Basic" || request.contains("uri=\"http://localhost:5985/wsman\""));
                    support::answer(&mut stream, "through").await;
                }
                None => support::answer(&mut stream, "through").await,
            }
            asked = true;
        }
    })
    .await
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_hands_requests_on() {
    let digest = "Digest realm=\"p\", nonce=\"n\", qop=\"auth\"";
    for (challenge, login) in [
        (None, None),
        (Some("Basic realm=\"p\""), Some(ProxyAuthentication::Basic)),
        (Some(digest), Some(ProxyAuthentication::Digest)),
    ] {
        for refused in
            ["HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 405 No\r\n\r\n", "HTTP/1.1 501 No\r\n\r\n"]
        {
            let port = forwarding(Some(refused), challenge).await;
            let mut options = through(port, "http", login);
            options.endpoint = Endpoint::winrm("localhost", false);
            let pool = Pool::new(Connector::new(options), PoolOptions::default());
            for _ in 0..2 {
                let response = pool.request(Request::new("hello", SOAP)).await.unwrap();
                assert_eq!(response.body, "through", "{challenge:?}");
            }
        }
    }
    let mut options = through(forwarding(None, None).await, "http", None);
    let ProxyAccess::Through(proxy) = options.proxy else { panic!("no proxy") };
    options.proxy = ProxyAccess::Through(proxy.forwarding());
    assert_eq!(ask(options).await.unwrap(), "through");
}

#[tokio::test]
async fn a_proxy_that_hands_on_and_takes_no_logon_is_named() {
    for (challenge, login, expected) in [
        ("Basic realm=\"p\"", None, "it demands a logon (Basic)"),
        ("Basic realm=\"p\"", Some(ProxyAuthentication::Basic), "credential"),
        ("NTLM", Some(ProxyAuthentication::Negotiate), "credential"),
    ] {
        let port = listen(move |_, mut stream| async move {
            while read_request(&mut stream).await.is_some() {
                let head = "HTTP/1.1 407 No\r\nContent-Length: 0\r\nProxy-Authenticate";
                say(&mut stream, &format!("{head}: {challenge}\r\n\r\n")).await;
            }
        })
        .await;
        let mut options = through(port, "http", login);
        let ProxyAccess::Through(proxy) = options.proxy else { panic!("no proxy") };
        options.proxy = ProxyAccess::Through(proxy.forwarding());
        assert!(refusal(ask(options).await).contains(expected), "{challenge}");
    }
}

#[tokio::test]
async fn no_secure_server_is_reached_without_a_tunnel() {
    let port = listen(|_, mut stream| async move {
        assert!(read_request(&mut stream).await.unwrap().starts_with("CONNECT "));
        say(&mut stream, "HTTP/1.1 403 Forbidden\r\n\r\n").await;
    })
    .await;
    let mut options = through(port, "http", None);
    options.endpoint = Endpoint::winrm("localhost", true);
    let ProxyAccess::Through(proxy) = options.proxy else { panic!("no proxy") };
    options.proxy = ProxyAccess::Through(proxy.forwarding());
    assert!(refusal(ask(options).await).contains("http 403"));
}

#[tokio::test]
async fn socks_with_and_without_a_password() {
    for (scheme, login, said) in [
        ("socks5h", None, &b"\x05\x01\x00"[..]),
        ("socks5h", Some(ProxyAuthentication::Basic), b"\x05\x02\x00\x02"),
    ] {
        let port = listen(move |_, mut stream| async move {
            let mut greeting = vec![0; said.len()];
            stream.read_exact(&mut greeting).await.unwrap();
            assert_eq!(greeting, said);
            if login.is_some() {
                stream.write_all(b"\x05\x02").await.unwrap();
                let mut logon = [0; 8];
                stream.read_exact(&mut logon).await.unwrap();
                assert_eq!(&logon, b"\x01\x03bob\x02pw");
                stream.write_all(b"\x01\x00").await.unwrap();
            } else {
                stream.write_all(b"\x05\x00").await.unwrap();
            }
            let mut request = [0; 16];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"\x05\x01\x00\x03\x09localhost\x17\x61");
            stream.write_all(b"\x05\x00\x00\x03\x01x\x00\x00").await.unwrap();
            echo(stream).await;
        })
        .await;
        assert_eq!(ask(through(port, scheme, login)).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn bad_socks_servers_end_in_an_error() {
    for (answer, expected) in [
        (&b"\x05\xff"[..], "none of our ways"),
        (b"\x05\x02", "demands a logon"),
        (b"\x05\x01", "not offered"),
        (b"\x04\x00", "does not speak SOCKS 5"),
        (b"\x05\x00\x05\x02\x00\x01", "rules do not allow"),
        (b"\x05\x00\x05\x05\x00\x01", "refused the connection"),
        (b"\x05\x00\x05\x00\x00\x09", "unknown kind"),
        (b"\x05", "broke"),
    ] {
        let port = listen(move |_, mut stream| async move {
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = stream.read(&mut [0; 64]).await;
        })
        .await;
        let reason = refusal(ask(through(port, "socks5h", None)).await);
        assert!(reason.contains(expected), "{answer:?}: {reason}");
    }
}

/// A server that redirects every request to this place.
async fn redirecting(status: u16, location: String) -> u16 {
    listen(move |_, mut stream| {
        let location = location.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                let head =
                    format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
                say(&mut stream, &head).await;
            }
        }
    })
    .await
}

fn reason_of(outcome: Result<Bytes, Error>) -> &'static str {
    match outcome {
        Err(Error::Redirect { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn redirections_are_followed_only_as_far_as_allowed() {
    let goal = listen(|_, stream| echo(stream)).await;
    let second = redirecting(308, format!("http://localhost:{goal}/wsman")).await;
    let first = redirecting(301, format!("http://localhost:{second}/wsman")).await;
    for (allowed, expected) in [(0, "redirections are not allowed"), (1, "too many redirections")] {
        let mut options = options(first, None);
        options.max_redirections = allowed;
        assert_eq!(reason_of(ask(options).await), expected);
    }
    let mut options = options(first, None);
    options.max_redirections = 2;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    options.redirect_notice = Some(std::sync::Arc::new(move |from: &Endpoint, to: &Endpoint| {
        told.send((from.port(), to.port())).unwrap();
    }));
    assert_eq!(ask(options).await.unwrap(), "hello");
    assert_eq!((heard.try_recv(), heard.try_recv()), (Ok((first, second)), Ok((second, goal))));
}

#[tokio::test]
async fn the_place_that_a_server_redirects_to_gets_neither_password_nor_tokens_nor_message() {
    let port = redirecting(307, "http://elsewhere:5985/wsman".to_owned()).await;
    let mut readable = options(port, None);
    readable.max_redirections = 5;
    assert_eq!(
        reason_of(ask(readable).await),
        "that would show the password to another computer without TLS"
    );

    let mut delegating = options(port, None);
    (delegating.auth, delegating.max_redirections) = (windlass_net::AuthMethod::CredSsp, 5);
    assert_eq!(reason_of(ask(delegating).await), "that would hand the password to another computer");

    // With a handshake it is the first token of a new one, and no message beside it, that arrives.
    let (sender, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let goal = listen(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await.unwrap()).unwrap();
            say(&mut stream, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    // The first server asks for the second token before it redirects.
    let challenge = {
        use base64_simd::STANDARD;
        use windlass_auth::{
            Accounts, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
        };
        use windlass_auth::{SecurityContext, Step};
        let credential = Credential::password("alice", "secret".to_owned());
        let offer = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, 0)).step(None).unwrap();
        let Step::Continue(offer) = offer else { panic!("no offer") };
        let options = NtlmAcceptorOptions::new(std::sync::Arc::new(Accounts::new()), "first", 0);
        let Step::Continue(challenge) = NtlmAcceptor::new(options).step(Some(&offer)).unwrap() else {
            panic!("no challenge")
        };
        STANDARD.encode_to_string(challenge)
    };
    let first = listen(move |_, mut stream| {
        let challenge = challenge.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let head = format!(
                "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate {challenge}\r\nContent-Length: 0\r\n\r\n"
            );
            say(&mut stream, &head).await;
            read_request(&mut stream).await.unwrap();
            let location = format!("Location: http://localhost:{goal}/wsman");
            say(&mut stream, &format!("HTTP/1.1 307 x\r\n{location}\r\nContent-Length: 0\r\n\r\n")).await;
        }
    })
    .await;
    let mut sealed = options(first, None);
    (sealed.auth, sealed.max_redirections, sealed.allow_unencrypted) =
        (windlass_net::AuthMethod::Ntlm, 5, false);
    assert!(matches!(ask(sealed).await, Err(Error::Refused { .. })));
    let request = arrived.recv().await.unwrap();
    assert!(request.contains("\r\nAuthorization: Negotiate TlRMTVNTUAABAAAA"), "{request}");
    assert!(request.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{request}");
}

#[tokio::test]
async fn places_that_are_none_are_not_gone_to() {
    for location in ["", "ftp://localhost/", "//evil/wsman", "javascript:1", "http://user@evil/"] {
        let port = redirecting(302, location.to_owned()).await;
        let mut options = options(port, None);
        options.max_redirections = 5;
        assert_eq!(reason_of(ask(options).await), "that is not an http or https URI", "{location}");
    }
}
