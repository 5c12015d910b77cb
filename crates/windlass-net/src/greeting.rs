//! What a server shows to somebody it does not know, for people who look for a fault: its certificate with every
//! check by itself, and the answer to a request without a logon.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use windlass_auth::ChannelBinding;
use windlass_http::{HttpError, ResponseHead, parse_challenges};

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
            return Ok(Ok("the certificate is the pinned one, or the logon will fail".to_owned()));
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
            Err(error) if is_about_validity(&error) => match moments(certificate) {
                Some([_, until]) => verify(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
                    seconds(&until).saturating_sub(1),
                ))),
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

    /// Sends a request without a logon and without a body.
    ///
    /// # Errors
    /// The server is not reached, its certificate is not accepted, or its answer is not HTTP.
    pub async fn greet(&self) -> Result<Greeting, Error> {
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
            stream.write_all(request.as_bytes()).await.map_err(|error| lost(error.to_string()))?;
            stream.flush().await.map_err(|error| lost(error.to_string()))?;
            let mut head = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    head.truncate(end + 4);
                    return Ok(head);
                }
                let read = stream.read(&mut buffer).await.map_err(|error| lost(error.to_string()))?;
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
        let head = within(Stage::Operation, &peer, options.timeouts.authenticate, answered).await?;
        let head =
            ResponseHead::decode(&head).map_err(|source| Error::Http { peer: peer.clone(), source })?;
        let offers = parse_challenges(&head.headers, "WWW-Authenticate");
        Ok(Greeting {
            status: head.status,
            schemes: offers.into_iter().map(|offer| offer.scheme).collect(),
            date: head.headers.get("Date").map(str::to_owned),
        })
    }
}

/// Whether a certificate is in force.
fn period(certificate: &CertificateDer<'_>) -> Sight {
    let Some([from, until]) = moments(certificate) else {
        return Err("the certificate does not say when it is in force".to_owned());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let shown = |digits: &str| {
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        format!("{}-{}-{} {}:{} UTC", part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 12))
    };
    if now < seconds(&from) {
        Err(format!("the certificate is not in force before {}", shown(&from)))
    } else if now > seconds(&until) {
        Err(format!("the certificate ran out on {}", shown(&until)))
    } else {
        Ok(format!("in force until {}", shown(&until)))
    }
}

/// From when until when a certificate is in force ([RFC 5280] 4.1.2.5), each as 14 digits from the year on.
fn moments(certificate: &[u8]) -> Option<[String; 2]> {
    const SEQUENCE: u8 = 0x30;
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // The version may be left out; serial number, algorithm and issuer come before.
    let mut left = 3;
    loop {
        let (tag, content, rest) = element(fields)?;
        fields = rest;
        if tag == 0xa0 {
            continue;
        }
        if left > 0 {
            left -= 1;
            continue;
        }
        if tag != SEQUENCE {
            return None;
        }
        let (from_tag, from, rest) = element(content)?;
        let (until_tag, until, _) = element(rest)?;
        return Some([moment(from_tag, from)?, moment(until_tag, until)?]);
    }
}

/// The element of DER at the start: its tag, its content, and what follows.
fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = input.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0x00..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                bytes
                    .iter()
                    .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
                rest,
            )
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// A UTCTime or GeneralizedTime as 14 digits.
fn moment(tag: u8, text: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let whole = match tag {
        0x17 => format!("{}{digits}", if digits.get(..2)? < "50" { "20" } else { "19" }),
        0x18 => digits.to_owned(),
        _ => return None,
    };
    (whole.len() == 14 && whole.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

/// Seconds since 1970; 0 for what comes before.
fn seconds(digits: &str) -> u64 {
    let part = |from: usize, to: usize| -> u64 {
        digits.get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or_default()
    };
    let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let days = days.saturating_sub(719_469);
    days * 86_400 + part(8, 10) * 3600 + part(10, 12) * 60 + part(12, 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (digits, expected) in [
            ("19700101000000", 0),
            ("19700101000001", 1),
            ("20000301000000", 951_868_800),
            ("20261122143000", 1_795_357_800),
            ("20500101000000", 2_524_608_000),
        ] {
            assert_eq!(seconds(digits), expected, "{digits}");
        }
    }

    #[test]
    fn certificates_tell_their_period() {
        let pem = include_bytes!("../tests/certificates/good.pem");
        let certificate =
            <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(pem).unwrap();
        let [from, until] = moments(&certificate).unwrap();
        assert!(from < until && seconds(&from) < seconds(&until), "{from} {until}");
        for end in 0..certificate.len().min(200) {
            assert_eq!(moments(certificate.get(..end).unwrap()), None);
        }
    }
}
