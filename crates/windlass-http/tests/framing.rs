//! `multipart/encrypted` as Windows and others write it, and as attackers do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use bytes::BytesMut;
use proptest::prelude::*;
use windlass_auth::{AuthError, SealingProtocol, SecurityContext, Step};
use windlass_core::SecretBytes;
use windlass_http::multipart::{self, Pair};
use windlass_http::{RequestHead, ResponseHead};

/// Seals by turning bits over, so that the framing can be looked at; its header is the length of the
/// message and what the test wants behind it.
struct Transparent {
    protocol: SealingProtocol,
    header: Vec<u8>,
}

impl SecurityContext for Transparent {
    fn step(&mut self, _input: Option<&[u8]>) -> Result<Step, AuthError> {
        Ok(Step::Complete(None))
    }

    fn is_complete(&self) -> bool {
        true
    }

    fn can_seal(&self) -> bool {
        true
    }

    fn sealing_protocol(&self) -> SealingProtocol {
        self.protocol
    }

    fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), AuthError> {
        header.clear();
        data.iter_mut().for_each(|byte| *byte = !*byte);
        if self.protocol == SealingProtocol::CredSsp {
            header.extend_from_slice(&[23, 3, 3]);
            header.extend_from_slice(&u16::try_from(data.len() + self.header.len()).unwrap().to_be_bytes());
        }
        header.extend_from_slice(&self.header);
        Ok(())
    }

    fn unseal(&mut self, _header: &[u8], data: &mut [u8]) -> Result<usize, AuthError> {
        data.iter_mut().for_each(|byte| *byte = !*byte);
        Ok(data.len())
    }

    fn session_key(&self) -> Option<&SecretBytes> {
        None
    }

    fn mechanism(&self) -> &'static str {
        "Transparent"
    }
}

fn spnego() -> Transparent {
    Transparent { protocol: SealingProtocol::Spnego, header: vec![0xAB; 16] }
}

const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// A body of one pair with the pieces that implementations write differently.
fn body(dashes: &str, indent: &str, trailer: &str) -> Vec<u8> {
    let mut body = format!(
        "{dashes}Encrypted Boundary\r\n\
         {indent}Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
         {indent}OriginalContent: type={SOAP};Length=4\r\n\
         {dashes}Encrypted Boundary\r\n\
         {indent}Content-Type: application/octet-stream\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&[16, 0, 0, 0]);
    body.extend_from_slice(&[0xAB; 16]);
    body.extend_from_slice(&[!b'<', !b'a', !b'/', !b'>']);
    body.extend_from_slice(format!("{dashes}Encrypted Boundary--{trailer}").as_bytes());
    body
}

fn unseal(bytes: &[u8]) -> Result<(String, Vec<u8>), String> {
    multipart::unseal(&mut spnego(), BytesMut::from(bytes))
        .map(|(content_type, body)| (content_type, body.to_vec()))
        .map_err(|error| error.to_string())
}

#[test]
fn what_windows_writes_is_written() {
    let sealed = multipart::seal(&mut spnego(), SealingProtocol::Spnego, SOAP, b"<a/>").unwrap();
    assert_eq!(sealed.pieces.concat(), body("--", "\t", "\r\n"));
    assert_eq!(
        sealed.content_type,
        "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\""
    );
    assert!(multipart::is_sealed(&sealed.content_type));
    assert_eq!(multipart::protocol_of(&sealed.content_type), Some(SealingProtocol::Spnego));
}

#[test]
fn every_known_form_is_read() {
    for dashes in ["--", "-- "] {
        for indent in ["\t", "", " "] {
            for trailer in ["", "\r\n", "\r\n\r\n"] {
                let expected = Ok((SOAP.to_owned(), b"<a/>".to_vec()));
                assert_eq!(
                    unseal(&body(dashes, indent, trailer)),
                    expected,
                    "{dashes:?} {indent:?} {trailer:?}"
                );
            }
        }
    }
    let lower = body("--", "", "\r\n");
    let position = memchr::memmem::find(&lower, b"Encrypted Boundary").unwrap();
    let mut mixed = lower.clone();
    mixed[position..position + 18].make_ascii_lowercase();
    assert!(unseal(&mixed).is_ok());
}

#[test]
fn a_split_at_another_place_is_read_if_there_is_one_message() {
    // Header and data of a Kerberos token written by plain gss_wrap: the data is longer than the message.
    let mut bytes = body("--", "\t", "\r\n");
    let start = memchr::memmem::find(&bytes, &[16, 0, 0, 0]).unwrap();
    bytes[start] = 4;
    let pairs = multipart::parse(&bytes, SealingProtocol::Kerberos).unwrap();
    assert_eq!(pairs.len(), 1);
    assert_eq!((pairs[0].header.len(), pairs[0].data.len(), pairs[0].length), (4, 16, 4));
    // For this context it is wrong all the same: the plaintext has not the length that was announced.
    assert!(unseal(&bytes).unwrap_err().contains("not as long as OriginalContent says"));
}

#[test]
fn boundaries_inside_ciphertext_mean_nothing() {
    let message: Vec<u8> =
        b"--Encrypted Boundary--\r\n--Encrypted Boundary\r\n".iter().map(|byte| !byte).collect();
    let sealed = multipart::seal(&mut spnego(), SealingProtocol::Spnego, SOAP, &message).unwrap();
    assert_eq!(unseal(&sealed.pieces.concat()), Ok((SOAP.to_owned(), message)));
}

#[test]
fn several_messages_are_joined() {
    let one = body("--", "\t", "\r\n");
    let end = one.len() - b"--Encrypted Boundary--\r\n".len();
    let three = [&one[..end], &one[..end], &one].concat();
    assert_eq!(unseal(&three), Ok((SOAP.to_owned(), b"<a/><a/><a/>".to_vec())));
}

#[test]
fn credssp_splits_long_messages() {
    let mut context = Transparent { protocol: SealingProtocol::CredSsp, header: vec![1; 12] };
    let message: Vec<u8> = (0..40_000u32).map(|index| index.to_le_bytes()[0]).collect();
    let sealed = multipart::seal(&mut context, SealingProtocol::CredSsp, SOAP, &message).unwrap();
    assert!(sealed.content_type.starts_with("multipart/x-multi-encrypted;"));
    assert_eq!(sealed.pieces.len(), 3 * 2 + 1);
    let bytes = sealed.pieces.concat();
    assert_eq!(multipart::parse(&bytes, SealingProtocol::CredSsp).unwrap().len(), 3);
    let (_, plain) = multipart::unseal(&mut context, BytesMut::from(&bytes[..])).unwrap();
    assert_eq!(plain, message);
}

#[test]
fn malformed_bodies_are_refused_with_the_place() {
    let good = body("--", "\t", "\r\n");
    let change = |from: &str, to: &str| {
        let text: String = good.iter().copied().map(char::from).collect();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<u8>>()
    };
    for (bytes, reason) in [
        (Vec::new(), "expected a boundary"),
        (b"--Encrypted Boundary--\r\n".to_vec(), "a body without a message"),
        (change("\tOriginalContent", "\tOther"), "expected OriginalContent"),
        (change(";Length=4", ";Length=x"), "without type and Length"),
        (change(";Length=4", ""), "without type and Length"),
        (change(";Length=4", ";Length=4000"), "longer than the body"),
        (change(";Length=4", ";Length=3"), "not as long as"),
        (change(";Length=4", ";Length=5"), "not as long as"),
        (change("octet-stream", "octets"), "expected Content-Type: application/octet-stream"),
        (change("\x10\0\0\0", "\x10\0\x01\0"), "the security header is too long"),
        (change("\x10\0\0\0", "\u{ff}\u{ff}\u{ff}\u{ff}"), "the security header is too long"),
        (change("Encrypted Boundary--", "Encrypted Boundary"), "expected a header line"),
        (change("Boundary--\r\n", "Boundary--\r\nmore"), "expected a boundary after the ciphertext"),
        ([b"--Encrypted Boundary\r\n", &b"\tX: y\r\n".repeat(9)[..]].concat(), "too many header lines"),
        ([b"--Encrypted Boundary\r\n", &b"x".repeat(5000)[..]].concat(), "expected a header line"),
    ] {
        let error = unseal(&bytes).unwrap_err();
        assert!(error.contains(reason) && error.contains("offset"), "{reason}: {error}");
    }
    for end in 0..good.len() - 2 {
        assert!(unseal(&good[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_survives(message in prop::collection::vec(any::<u8>(), 0..2000), header in 0usize..64) {
        for protocol in [SealingProtocol::Spnego, SealingProtocol::Kerberos] {
            let mut context = Transparent { protocol, header: vec![b'-'; header] };
            let sealed = multipart::seal(&mut context, protocol, SOAP, &message).unwrap();
            let bytes = sealed.pieces.concat();
            let (content_type, plain) = multipart::unseal(&mut context, BytesMut::from(&bytes[..])).unwrap();
            prop_assert_eq!(content_type, SOAP);
            prop_assert_eq!(&plain[..], &message[..]);
        }
    }

    #[test]
    fn pairs_lie_within_the_body(bytes in prop::collection::vec(any::<u8>(), 0..600), cut in 0usize..200) {
        let mut mixed = body("--", "\t", "\r\n");
        mixed.truncate(cut);
        mixed.extend_from_slice(&bytes);
        for protocol in [SealingProtocol::Spnego, SealingProtocol::CredSsp] {
            for Pair { header, data, .. } in multipart::parse(&mixed, protocol).unwrap_or_default() {
                prop_assert!(header.end <= data.start && data.end <= mixed.len());
            }
        }
    }

    #[test]
    fn heads_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = RequestHead::decode(&bytes);
        let _ = ResponseHead::decode(&bytes);
        let line = [b"POST / HTTP/1.1\r\n", &bytes[..], b"\r\n\r\n"].concat();
        let _ = RequestHead::decode(&line);
    }
}
