//! What KDCs and services refuse, in words ([RFC 4120] section 7.5.9).

use super::kdc::KrbError;
use crate::AuthError;

pub(super) const PREAUTH_REQUIRED: i32 = 25;
/// The answer does not fit into a datagram.
const RESPONSE_TOO_BIG: i32 = 52;
const SKEW: i32 = 37;

/// Whom and what a refusal concerns.
pub(super) struct About<'a> {
    pub(super) client: &'a str,
    pub(super) service: &'a str,
    /// The own time: seconds since 1970.
    pub(super) now: i64,
}

/// Whether a KDC says that its answer is too big for UDP, so that it has to be asked over TCP.
pub fn is_response_too_big(answer: &[u8]) -> bool {
    KrbError::is_error(answer) && KrbError::decode(answer).is_ok_and(|error| error.code == RESPONSE_TOO_BIG)
}

/// Why a KDC refused.
pub(super) fn of_kdc(realm: &str, error: &KrbError, about: &About<'_>) -> AuthError {
    let About { client, service, now } = about;
    let reason = match error.code {
        1 => format!("the account {client} has expired"),
        6 => format!("there is no user {client}"),
        7 => format!(
            "there is no service {service}: check the computer's name, or choose another class of service \
             principal name"
        ),
        9 => format!("{client} or {service} has no key"),
        12 => format!("its policy does not allow it, for example at this hour or from here, for {client}"),
        13 => format!("it cannot do what is asked for {service}"),
        14 => format!(
            "{client} or {service} has no key for AES with HMAC-SHA1, and RC4 and AES with HMAC-SHA2 are not \
             supported here"
        ),
        18 => format!("the account {client} is disabled, locked or revoked"),
        23 => format!("the password of {client} has expired"),
        24 | 31 => format!("the password or key of {client} is wrong"),
        25 => format!("it wants another proof of {client} than a password or key"),
        32 => format!("the ticket of {client} has expired: log on again"),
        33 => "the ticket is not valid yet: check the clocks".to_owned(),
        SKEW => skew(error.time, *now),
        41 => "the request was altered on the way".to_owned(),
        68 => format!("{client} belongs to another realm"),
        _ => error.text.clone().unwrap_or_else(|| "it gives no reason".to_owned()),
    };
    AuthError::KdcRefused { realm: realm.to_owned(), code: error.code, reason }
}

/// Why a service refused.
pub(super) fn of_service(error: &KrbError, now: i64) -> AuthError {
    let reason = match error.code {
        SKEW => skew(error.time, now),
        32 => "the ticket has expired".to_owned(),
        33 => "the ticket is not valid yet: check the clocks".to_owned(),
        34 => "the logon is a repetition of an earlier one".to_owned(),
        35 | 45 => "the ticket is for another service: check the service principal name".to_owned(),
        31 | 41 | 44 => {
            "the ticket is not encrypted with the key of the service: was its password changed?".to_owned()
        }
        _ => error.text.clone().unwrap_or_else(|| format!("error {}", error.code)),
    };
    AuthError::TicketRefused(reason)
}

pub(super) fn wrong_password(realm: &str, client: &str) -> AuthError {
    let reason = format!("the password or key of {client} is wrong");
    AuthError::KdcRefused { realm: realm.to_owned(), code: 24, reason }
}

pub(super) fn no_common_enctype(client: &str, offered: &str) -> AuthError {
    AuthError::Kerberos(format!(
        "{client} has only keys for {offered}: of the encryption types, this program supports \
         aes256-cts-hmac-sha1-96 and aes128-cts-hmac-sha1-96"
    ))
}

fn skew(theirs: i64, own: i64) -> String {
    let apart = own.saturating_sub(theirs);
    let direction = if apart >= 0 { "ahead of" } else { "behind" };
    format!("the clock here is {} s {direction} the one there", apart.unsigned_abs())
}
