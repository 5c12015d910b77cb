//! Why a TLS handshake failed, in words and with what helps.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// What the library of certificates calls a certificate of an authority that a server shows as its own. It
/// never takes one, be it trusted or not.
const AUTHORITY_AS_SERVER: &str = "CaUsedAsEndEntity";
/// What it calls a certificate older than X.509 v3, which it cannot check.
const OLD_FORM: &str = "UnsupportedCertVersion";

/// The reason of a failed handshake, with what to do where that is known.
pub(crate) fn explain(error: &io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "the peer closed the connection; is this the plain HTTP port?".to_owned()
            }
            _ => error.to_string(),
        };
    };
    explain_tls(tls)
}

/// The reason that the library of TLS gives, with what to do where that is known.
pub(crate) fn explain_tls(tls: &rustls::Error) -> String {
    match tls {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the peer does not speak TLS; is this the plain HTTP port?".to_owned()
        }
        rustls::Error::InvalidMessage(message) => {
            format!("the peer's answer is not TLS ({}); is this the plain HTTP port?", words(message))
        }
        rustls::Error::InvalidCertificate(reason) => explain_certificate(reason),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "the peer speaks neither TLS 1.3 nor TLS 1.2".to_owned()
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => "the peer wants a certificate of the client that it trusts".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::Unknown(alert)) => {
            format!("the peer gave up the handshake with the unknown alert {alert}")
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the peer gave up the handshake: {}", words(alert))
        }
        rustls::Error::PeerIncompatible(reason) => {
            format!("the peer's TLS is too old or too narrow: {}", words(reason))
        }
        rustls::Error::PeerMisbehaved(reason) => {
            format!("the peer does not keep the rules of TLS: {}", words(reason))
        }
        rustls::Error::InappropriateMessage { .. } | rustls::Error::InappropriateHandshakeMessage { .. } => {
            "the peer does not keep the rules of TLS: a message came out of turn".to_owned()
        }
        other => other.to_string(),
    }
}

fn explain_certificate(reason: &CertificateError) -> String {
    use CertificateError as Reason;
    let what = match reason {
        Reason::ApplicationVerificationFailure => "the certificate is not the pinned one",
        Reason::Revoked => "the certificate was revoked",
        Reason::UnknownRevocationStatus => {
            "no revocation list covers the certificate; add one or skip the revocation check"
        }
        Reason::ExpiredRevocationList | Reason::ExpiredRevocationListContext { .. } => {
            "the revocation list has expired; get a new one or skip the revocation check"
        }
        Reason::UnknownIssuer => "the certificate's issuer is not trusted; add its root or skip the CA check",
        Reason::NotValidForName | Reason::NotValidForNameContext { .. } => {
            return format!(
                "the certificate is for another name ({reason}); dial that name or skip the CN check"
            );
        }
        Reason::Expired | Reason::ExpiredContext { .. } => {
            return format!("the certificate has expired ({reason}); the server needs a new one");
        }
        Reason::NotValidYet | Reason::NotValidYetContext { .. } => {
            return format!("the certificate is not valid yet ({reason}); is the clock right?");
        }
        Reason::BadEncoding => "the certificate is malformed",
        Reason::BadSignature => "the signature of the certificate or of the handshake is wrong",
        Reason::UnhandledCriticalExtension => {
            "the certificate has a critical extension that is not understood here"
        }
        Reason::InvalidPurpose | Reason::InvalidPurposeContext { .. } => {
            "the certificate is not meant for servers; it needs the key usage \"server authentication\""
        }
        // Told where an authority of the issuer's name is trusted and has a key of another kind, too: one that was
        // renewed, or a test certificate called like another.
        Reason::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the certificate is not signed with the key of the trusted authority that has its issuer's name, or the \
             key is of a kind that is not supported; add the issuer's own root or skip the CA check"
        }
        Reason::UnsupportedSignatureAlgorithmContext { .. } => {
            "the certificate is signed with an algorithm or a key that is not supported; the server needs one \
             with SHA-256 or better, and RSA of at least 2048 bits or ECDSA"
        }
        Reason::Other(other) if other.to_string() == AUTHORITY_AS_SERVER => {
            "the server shows the certificate of an authority (CA:TRUE) as its own, which is refused even if it \
             is trusted; pin its fingerprint, skip the CA check, or give the server a certificate of its own"
        }
        Reason::Other(other) if other.to_string() == OLD_FORM => {
            "the certificate is older than X.509 version 3 and cannot be checked; give the server a newer one, or \
             skip the CA check and the CN check"
        }
        other => return format!("the certificate is not acceptable: {}", words(other)),
    };
    what.to_owned()
}

/// The name of a reason as words: `SelectedUnusableGroup` is "selected unusable group". What a reason holds
/// besides its name is left out.
fn words(reason: &impl fmt::Debug) -> String {
    let name = format!("{reason:?}");
    let mut words = String::new();
    let mut after_lower = false;
    for letter in name.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && after_lower {
            words.push(' ');
        }
        after_lower = !letter.is_ascii_uppercase();
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{OtherError, PeerMisbehaved};

    use super::*;

    fn explained(error: rustls::Error) -> String {
        explain(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn reasons_are_words() {
        let authority = OtherError(Arc::new(io::Error::other(AUTHORITY_AS_SERVER)));
        let unsupported = CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![6, 8, 42],
            public_key_algorithm_id: vec![6, 7, 42],
        };
        for (error, part) in [
            (CertificateError::Other(authority).into(), "pin its fingerprint"),
            (unsupported.into(), "add the issuer's own root"),
            (CertificateError::InvalidOcspResponse.into(), "not acceptable: invalid ocsp response"),
            (
                rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
                "up the handshake: handshake failure",
            ),
            (rustls::Error::AlertReceived(AlertDescription::Unknown(200)), "unknown alert 200"),
            (PeerMisbehaved::SelectedUnofferedKxGroup.into(), "selected unoffered kx group"),
        ] {
            let text = explained(error);
            assert!(text.contains(part), "{text}");
            assert!(!text.contains(['{', '[']), "{text}");
        }
    }
}
