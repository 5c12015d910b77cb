//! What is accepted of certificates, and what wrong ports and wrong certificates say.
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

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use support::{SOAP, echo, listen, options};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion};
use windlass_net::{Connector, Error, Request, TlsOptions};

/// A TLS server with one of the certificates of `tests/certificates`.
fn acceptor(certificate: &str) -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    let chain = CertificateDer::from_pem_file(format!("{folder}/{certificate}.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/{certificate}.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A TLS server with the certificate of X.509 v1 and a key.
fn old_acceptor(version: &'static SupportedProtocolVersion, key: &str) -> TlsAcceptor {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");
    let chain = CertificateDer::from_pem_file(format!("{folder}/old.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/{key}.key")).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let key = provider.key_provider.load_private_key(key).unwrap();
    // Unlike `with_single_cert`, this does not look into the certificate.
    let resolver = SingleCertAndKey::from(CertifiedKey::new(vec![chain], key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    TlsAcceptor::from(Arc::new(config))
}

/// Trusts the tests' own authority alone.
fn test_roots() -> TlsOptions {
    let pem = include_bytes!("certificates/ca.pem");
    let mut tls = TlsOptions { without_system_roots: true, ..TlsOptions::default() };
    tls.add_roots_pem(pem).unwrap();
    tls
}

async fn serve_tls(certificate: &'static str) -> u16 {
    listen(move |_, stream| async move {
        if let Ok(stream) = acceptor(certificate).accept(stream).await {
            echo(stream).await;
        }
    })
    .await
}

async fn exchange(port: u16, tls: TlsOptions) -> Result<String, Error> {
    let mut connection = Connector::new(options(port, Some(tls))).connect().await?;
    let response = connection.request(&Request::new("hello", SOAP)).await?;
    Ok(String::from_utf8(response.body.to_vec()).unwrap())
}

fn skip(ca: bool, cn: bool) -> TlsOptions {
    TlsOptions { skip_ca_check: ca, skip_cn_check: cn, without_system_roots: true, ..test_roots() }
}

fn no_roots(ca: bool, cn: bool) -> TlsOptions {
    TlsOptions { extra_roots: Vec::new(), ..skip(ca, cn) }
}

#[tokio::test]
async fn each_check_can_be_left_out_alone() {
    let good = serve_tls("good").await;
    let other = serve_tls("other").await;
    let expired = serve_tls("expired").await;
    for (case, port, tls, refusal) in [
        ("all checks", good, test_roots(), None),
        ("unknown issuer", good, no_roots(false, false), Some("issuer is not trusted")),
        ("unknown issuer, name not checked", good, no_roots(false, true), Some("issuer is not trusted")),
        ("unknown issuer, skipped", good, no_roots(true, false), None),
        ("other name", other, test_roots(), Some("another name")),
        ("other name, chain not checked", other, skip(true, false), Some("another name")),
        ("other name, skipped", other, skip(false, true), None),
        ("other name and unknown issuer, both skipped", other, no_roots(true, true), None),
        ("expired", expired, test_roots(), Some("expired")),
        ("expired, both skipped", expired, no_roots(true, true), Some("expired")),
    ] {
        let outcome = exchange(port, tls).await.map_err(|error| error.to_string());
        match (outcome, refusal) {
            (Ok(body), None) => assert_eq!(body, "hello", "{case}"),
            (Err(error), Some(part)) => {
                assert!(error.starts_with("TLS handshake with localhost:"), "{case}: {error}");
                assert!(error.contains(part), "{case}: {error}");
            }
            (outcome, _) => panic!("{case}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn an_authority_that_is_its_own_server_is_taken_when_it_is_pinned() {
    let port = serve_tls("itself").await;
    let mut tls = TlsOptions { without_system_roots: true, ..TlsOptions::default() };
    tls.add_roots_pem(include_bytes!("certificates/itself.pem")).unwrap();
    let error = exchange(port, tls.clone()).await.unwrap_err().to_string();
    assert!(error.contains("CA:TRUE") && error.contains("pin its fingerprint"), "{error}");

    let certificate = CertificateDer::from_pem_slice(include_bytes!("certificates/itself.pem")).unwrap();
    tls.pins.push(Sha256::digest(&certificate).into());
    assert_eq!(exchange(port, tls).await.unwrap(), "hello");
}

/// Microsoft's CIM server for other systems makes itself a certificate of X.509 v1.
#[tokio::test]
async fn certificates_of_the_first_version_are_taken_where_nothing_is_to_be_checked() {
    for version in [&TLS12, &TLS13] {
        let port = listen(move |_, stream| async move {
            if let Ok(stream) = old_acceptor(version, "old").accept(stream).await {
                echo(stream).await;
            }
        })
        .await;
        assert_eq!(exchange(port, no_roots(true, true)).await.unwrap(), "hello");
        for tls in [no_roots(true, false), no_roots(false, true), test_roots()] {
            let error = exchange(port, tls).await.unwrap_err().to_string();
            assert!(error.contains("older than X.509 version 3"), "{error}");
        }
    }
    // Whoever has the certificate and not its key is refused.
    let port = listen(|_, stream| async move {
        old_acceptor(&TLS13, "good").accept(stream).await.ok();
    })
    .await;
    let error = exchange(port, no_roots(true, true)).await.unwrap_err().to_string();
    assert!(error.contains("older than X.509 version 3"), "{error}");
}

#[tokio::test]
async fn each_check_is_told_by_itself() {
    let port = serve_tls("expired").await;
    let seen = |tls: TlsOptions| async move {
        Connector::new(options(port, Some(tls))).inspect_tls().await.unwrap().unwrap()
    };
    let all = seen(test_roots()).await;
    assert!(all.chain.is_ok() && all.name.is_ok() && all.period.unwrap_err().contains("ran out"));
    assert!(seen(no_roots(false, false)).await.chain.unwrap_err().contains("issuer is not trusted"));

    let certificate = CertificateDer::from_pem_slice(include_bytes!("certificates/expired.pem")).unwrap();
    let mut pinned = no_roots(false, false);
    pinned.pins.push(Sha256::digest(&certificate).into());
    assert!(seen(pinned.clone()).await.chain.is_ok());
    pinned.pins = vec![[0; 32]];
    assert!(seen(pinned).await.chain.unwrap_err().contains("not the pinned one"));
}

#[tokio::test]
async fn tls_on_the_plain_port_says_so() {
    let plain = listen(|_, stream| echo(stream)).await;
    // A server of HTTP takes the handshake for a request line and answers 400.
    let talking = listen(|_, mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut buffer = [0; 64];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let closing = listen(|_, stream| async move { drop(stream) }).await;
    for port in [talking, closing] {
        let error = exchange(port, test_roots()).await.unwrap_err();
        assert!(error.is_unreachable(), "{error:?}");
        assert!(error.to_string().contains("is this the plain HTTP port?"), "{error}");
    }
    let mut slow = options(plain, Some(test_roots()));
    slow.timeouts.tls = Some(std::time::Duration::from_millis(100));
    let error = Connector::new(slow).connect().await.err().unwrap();
    assert!(error.to_string().starts_with("the TLS handshake with localhost:"), "{error}");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_says_so() {
    let port = serve_tls("good").await;
    let mut connection = Connector::new(options(port, None)).connect().await.unwrap();
    let error = connection.request(&Request::new("hello", SOAP)).await.unwrap_err();
    assert!(matches!(error, Error::PeerSpeaksTls { .. }), "{error:?}");
    assert!(error.to_string().ends_with("is this the HTTPS port?"), "{error}");
}

#[tokio::test]
async fn secrets_of_connections_go_to_a_private_file_where_one_is_named() {
    use std::os::unix::fs::PermissionsExt as _;

    let path = std::env::temp_dir().join(format!("windlass-key-log-{}", std::process::id()));
    let port = serve_tls("good").await;
    let tls = TlsOptions { key_log: Some(path.clone()), ..test_roots() };
    assert_eq!(exchange(port, tls).await.unwrap(), "hello");
    let text = std::fs::read_to_string(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(mode & 0o777, 0o600);
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
    for line in text.lines() {
        let [_, random, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert!(random.len() == 64 && random.bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
        assert!(secret.len() >= 64 && secret.bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
    }
    let nowhere = TlsOptions { key_log: Some("/nowhere/at/all".into()), ..test_roots() };
    assert!(matches!(exchange(port, nowhere).await, Err(Error::TlsOptions { .. })));
}
