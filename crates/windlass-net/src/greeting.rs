//! What a server shows to somebody it does not know, for people who look for a fault: its certificate with every
//! check by itself, and the answer to a request without a logon.

use std::io;

use rustls::CertificateError;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use windlass_auth::ChannelBinding;
use windlass_http::{HttpError, ResponseHead, parse_challenges};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Validity;

use crate::timeouts::within;
use crate::verify::is_about_validity;
use crate::{Connector, Error, Stage, tls_failure};

/// Most bytes of the head of an answer.
const LONGEST_HEAD: usize = 64 << 10;

/// What came of one check: what was seen, or what is wrong.
pub type Sight = Result<String, String>;

/// What TLS shows of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TlsSight {
    /// The version that was agreed on.
    pub version: String,
    /// Whether the certificates lead to a trusted root.
    pub chain: Sight,
    /// Whether the certificate is for the name that was dialled.
    pub name: Sight,
    /// Whether the certificate is in force.
    pub period: Sight,
    /// What a logon can be bound to.
    pub binding: Sight,
}

/// What a server answers to a request without a logon.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Greeting {
    /// The status.
    pub status: u16,
    /// The schemes of authentication that it offers.
    pub schemes: Vec<String>,
    /// What its clock shows, as the field Date has it.
    pub date: Option<String>,
}

impl Connector {
    /// Shakes hands with the server, whatever its certificate is, and checks that afterwards. None without TLS.
    ///
    /// # Errors
    /// There is no handshake.
    pub async fn inspect_tls(&self) -> Result<Option<TlsSight>, Error> {
        let options = self.options();
        if !options.endpoint.is_secure() {
            return Ok(None);
        }
        let peer = self.peer();
        let failed = |reason: String| Error::Tls { peer: peer.clone(), reason };
        let name = ServerName::try_from(options.endpoint.public_host().to_owned())
            .map_err(|_| failed("the host's name cannot stand in a certificate".to_owned()))?;
        let stream = self.open_stream(&peer).await?;
        let config = options.tls.onlooker_config()?;
        let shaken = async {
            let connecting = TlsConnector::from(config).connect(name.clone(), stream).await;
            connecting.map_err(|error| failed(tls_failure::explain(&error)))
        };
        let stream = within(Stage::Tls, &peer, options.timeouts.tls, shaken).await?;
        let session = stream.get_ref().1;
        let version = session.protocol_version().map_or_else(String::new, |version| {
            version.as_str().map_or_else(|| format!("{version:?}"), |text| text.replace("TLSv1_", "TLS 1."))
        });
        let Some((certificate, others)) = session.peer_certificates().and_then(<[_]>::split_first) else {
            return Err(failed("the server shows no certificate".to_owned()));
        };
        Ok(Some(TlsSight {
            version,
            chain: self.chain(certificate, others)?,
            name: self.name(certificate, &name),
            period: period(certificate),
            binding: ChannelBinding::tls_server_end_point(certificate)
                .map(|_| "tls-server-end-point".to_owned())
                .map_err(|error| error.to_string()),
        }))
    }

    fn chain(&self, certificate: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<Sight, Error> {
        let tls = &self.options().tls;
        if !tls.pins.is_empty() {
            let fingerprint: [u8; 32] = Sha256::digest(certificate).into();
            return Ok(match tls.pins.contains(&fingerprint) {
                true => Ok("the certificate is the pinned one".to_owned()),
                false => {
                    Err(tls_failure::explain_tls(&CertificateError::ApplicationVerificationFailure.into()))
                }
            });
        }
        if tls.skip_ca_check {
            return Ok(Ok("not looked at, as -SkipCACheck says".to_owned()));
        }
        let verifier = tls.verifier()?;
        let algorithms = verifier.provider.signature_verification_algorithms.all;
        let verify = |now| {
            let parsed = ParsedCertificate::try_from(certificate)?;
            verify_server_cert_signed_by_trust_anchor(&parsed, &verifier.roots, others, now, algorithms)
        };
        let checked = match verify(UnixTime::now()) {
            // The period is a check of its own: the chain is looked at as it was within it.
            Err(error) if is_about_validity(&error) => match validity(certificate) {
                Some(Validity { not_after, .. }) => {
                    verify(UnixTime::since_unix_epoch(not_after.to_unix_duration()))
                }
                None => Err(error),
            },
            checked => checked,
        };
        Ok(match checked {
            Ok(()) => Ok(format!("leads to a trusted authority, {} certificates", others.len() + 1)),
            Err(error) => Err(tls_failure::explain_tls(&error)),
        })
    }

    fn name(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Sight {
        let tls = &self.options().tls;
        if tls.skip_cn_check || !tls.pins.is_empty() {
            return Ok("not looked at, as the options say".to_owned());
        }
        let checked =
            ParsedCertificate::try_from(certificate).and_then(|parsed| verify_server_name(&parsed, name));
        match checked {
            Ok(()) => Ok(format!("is for {}", name.to_str())),
            Err(error) => Err(tls_failure::explain_tls(&error)),
        }
    }

    /// Sends a request without a logon and without a body. None where the server hangs up on it without an answer,
    /// as some do on everybody whom they do not know.
    ///
    /// # Errors
    /// The server is not reached, its certificate is not accepted, or its answer is not HTTP.
    pub async fn greet(&self) -> Result<Option<Greeting>, Error> {
        let options = self.options();
        let peer = self.peer();
        let stream = self.open_stream(&peer).await?;
        let (mut stream, _) = self.secure(&peer, stream).await?;
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Microsoft WinRM Client\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n",
            options.endpoint.path(),
            options.endpoint.authority(),
        );
        let answered = async {
            let lost = |reason: String| Error::Lost { peer: peer.clone(), reason, executed: false };
            let sent = async {
                stream.write_all(request.as_bytes()).await?;
                stream.flush().await
            };
            match sent.await {
                Err(error) if is_hang_up(&error) => return Ok(None),
                sent => sent.map_err(|error| lost(error.to_string()))?,
            }
            let mut head: Vec<u8> = Vec::new();
            let mut buffer = [0; 4096];
            let mut searched = 0;
            loop {
                let rest = head.get(searched..).unwrap_or_default();
                if let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    head.truncate(searched + end + 4);
                    return Ok(Some(head));
                }
                // The end may have begun with the last three bytes.
                searched = head.len().saturating_sub(3);
                let read = match stream.read(&mut buffer).await {
                    Ok(0) if head.is_empty() => return Ok(None),
                    Err(error) if head.is_empty() && is_hang_up(&error) => return Ok(None),
                    read => read.map_err(|error| lost(error.to_string()))?,
                };
                head.extend_from_slice(buffer.get(..read).unwrap_or_default());
                if !head.starts_with(b"HTTP/".get(..head.len().min(5)).unwrap_or_default()) {
                    return Err(Error::OtherProtocol { peer: peer.clone(), wanted: "HTTP" });
                }
                if read == 0 {
                    return Err(lost("the peer closed the connection instead of an answer".to_owned()));
                }
                if head.len() > LONGEST_HEAD {
                    let source = HttpError::TooLarge { what: "the head of the answer", limit: LONGEST_HEAD };
                    return Err(Error::Http { peer: peer.clone(), source });
                }
            }
        };
        let answered = within(Stage::Operation, &peer, options.timeouts.authenticate, answered).await?;
        let Some(head) = answered else { return Ok(None) };
        let head =
            ResponseHead::decode(&head).map_err(|source| Error::Http { peer: peer.clone(), source })?;
        let offers = parse_challenges(&head.headers, "WWW-Authenticate");
        Ok(Some(Greeting {
            status: head.status,
            schemes: offers.into_iter().map(|offer| offer.scheme).collect(),
            date: head.headers.get("Date").map(str::to_owned),
        }))
    }
}

/// Whether it says that the peer closed the connection, in whatever way.
fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Whether a certificate is in force.
fn period(certificate: &CertificateDer<'_>) -> Sight {
    let Some(Validity { not_before, not_after, .. }) = validity(certificate) else {
        return Err("the certificate does not say when it is in force".to_owned());
    };
    let now = UnixTime::now().as_secs();
    if now < not_before.to_unix_duration().as_secs() {
        Err(format!("the certificate is not in force before {not_before}"))
    } else if now > not_after.to_unix_duration().as_secs() {
        Err(format!("the certificate ran out on {not_after}"))
    } else {
        Ok(format!("in force until {not_after}"))
    }
}

/// From when until when a certificate is in force ([RFC 5280] 4.1.2.5).
fn validity(certificate: &[u8]) -> Option<Validity> {
    Some(*Certificate::from_der(certificate).ok()?.tbs_certificate().validity())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    fn certificate(pem: &[u8]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem).unwrap()
    }

    #[test]
    fn certificates_tell_their_period() {
        let good = certificate(include_bytes!("../tests/certificates/good.pem"));
        assert_eq!(period(&good).unwrap(), "in force until 2050-01-01T00:00:00Z");
        let expired = certificate(include_bytes!("../tests/certificates/expired.pem"));
        assert_eq!(period(&expired).unwrap_err(), "the certificate ran out on 2021-01-01T00:00:00Z");
        assert!(period(&CertificateDer::from(&b"none"[..])).is_err());
    }
}
