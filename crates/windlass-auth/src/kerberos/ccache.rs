//! Credential caches in files, as `kinit` writes them (version 5.4).

use std::fmt;

use windlass_core::cursor::ReadCursor;

use super::crypto::{Enctype, Key};
use super::messages::Ticket;
use super::name::{FullName, PrincipalName, too_many};
use super::tickets::HeldTicket;
use crate::AuthError;

/// No cache is longer, in bytes.
const MAX_SIZE: usize = 16 << 20;
/// No more tickets are read from one.
const MAX_TICKETS: usize = 10_000;
/// The realm of entries that hold settings instead of tickets.
const SETTINGS: &str = "X-CACHECONF:";
const WHAT: &str = "credential cache";

/// A user's tickets.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialCache {
    owner: FullName,
    tickets: Vec<HeldTicket>,
}

impl CredentialCache {
    /// A cache of these tickets.
    pub fn new(owner: FullName, tickets: Vec<HeldTicket>) -> Self {
        Self { owner, tickets }
    }

    /// Reads a file's content. Tickets with keys of kinds that this crate cannot use are passed over, and
    /// so are settings.
    ///
    /// # Errors
    /// It is no credential cache, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        if bytes.len() > MAX_SIZE {
            return Err(AuthError::TooLarge { what: WHAT, actual: bytes.len(), limit: MAX_SIZE });
        }
        let short = AuthError::truncated(WHAT);
        let mut cursor = ReadCursor::new(bytes);
        match cursor.array::<2>("version").map_err(&short)? {
            [5, 4] => {}
            _ => return Err(malformed("version", "expected a credential cache of version 5.4")),
        }
        let header = usize::from(cursor.u16_be("header length").map_err(&short)?);
        cursor.take(header, "header").map_err(&short)?;
        let owner = principal(&mut cursor)?;
        let mut tickets = Vec::new();
        let mut seen = 0;
        while !cursor.is_empty() {
            if seen == MAX_TICKETS {
                return Err(malformed("tickets", "too many"));
            }
            seen += 1;
            tickets.extend(credential(&mut cursor)?);
        }
        Ok(Self { owner, tickets })
    }

    /// Writes a file's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![5, 4, 0, 0];
        write_principal(&mut out, &self.owner);
        for ticket in &self.tickets {
            write_principal(&mut out, &ticket.client);
            write_principal(&mut out, &ticket.service);
            out.extend_from_slice(
                &u16::try_from(ticket.key.enctype().number()).unwrap_or_default().to_be_bytes(),
            );
            write_counted(&mut out, ticket.key.bytes().expose());
            let second = |time: i64| u32::try_from(time).unwrap_or_default().to_be_bytes();
            for time in [ticket.start, ticket.start, ticket.end, 0] {
                out.extend_from_slice(&second(time));
            }
            out.push(0);
            out.extend_from_slice(&ticket.flags.to_be_bytes());
            out.extend_from_slice(&[0; 8]);
            write_counted(&mut out, &ticket.ticket);
            write_counted(&mut out, &[]);
        }
        out
    }

    /// Whose it is.
    pub fn owner(&self) -> &FullName {
        &self.owner
    }

    /// The tickets.
    pub fn tickets(&self) -> &[HeldTicket] {
        &self.tickets
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialCache({}, {} tickets)", self.owner, self.tickets.len())
    }
}

/// One entry; `None` if it is of no use here.
fn credential(cursor: &mut ReadCursor<'_>) -> Result<Option<HeldTicket>, AuthError> {
    let short = AuthError::truncated(WHAT);
    let client = principal(cursor)?;
    let service = principal(cursor)?;
    let enctype = i32::from(cursor.u16_be("key type").map_err(&short)?);
    let key = counted(cursor, "key")?;
    let auth_time = i64::from(cursor.u32_be("authtime").map_err(&short)?);
    let start = i64::from(cursor.u32_be("starttime").map_err(&short)?);
    let end = i64::from(cursor.u32_be("endtime").map_err(&short)?);
    cursor.u32_be("renew-till").map_err(&short)?;
    let session_key_ticket = cursor.u8("is_skey").map_err(&short)? != 0;
    let flags = cursor.u32_be("ticket flags").map_err(&short)?;
    for field in ["addresses", "authorization data"] {
        let count = cursor.u32_be(field).map_err(&short)?;
        // Each takes six bytes at least, so that no count is worked through that the file cannot hold.
        for _ in 0..count {
            cursor.u16_be(field).map_err(&short)?;
            counted(cursor, field)?;
        }
    }
    let ticket = counted(cursor, "ticket")?.to_vec();
    counted(cursor, "second ticket")?;
    if service.realm == SETTINGS || session_key_ticket {
        return Ok(None);
    }
    let key = Enctype::from_number(enctype).and_then(|enctype| Key::new(enctype, key));
    let Some(key) = key else { return Ok(None) };
    Ticket::decode(&ticket)?;
    let start = if start == 0 { auth_time } else { start };
    Ok(Some(HeldTicket { client, service, key, ticket, flags, start, end }))
}

fn principal(cursor: &mut ReadCursor<'_>) -> Result<FullName, AuthError> {
    let short = AuthError::truncated(WHAT);
    let kind = i32::from_be_bytes(cursor.array("name type").map_err(&short)?);
    let count = usize::try_from(cursor.u32_be("component count").map_err(&short)?).unwrap_or(usize::MAX);
    if too_many(count) {
        return Err(malformed("principal", "it has too many parts"));
    }
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| malformed("principal", "it is not UTF-8"))
    };
    let realm = text(counted(cursor, "realm")?)?;
    let mut components = Vec::with_capacity(count);
    for _ in 0..count {
        components.push(text(counted(cursor, "component")?)?);
    }
    Ok(FullName { realm, name: PrincipalName { kind, components } })
}

fn counted<'a>(cursor: &mut ReadCursor<'a>, field: &'static str) -> Result<&'a [u8], AuthError> {
    let short = AuthError::truncated(WHAT);
    let length = usize::try_from(cursor.u32_be(field).map_err(&short)?).unwrap_or(usize::MAX);
    cursor.take(length, field).map_err(&short)
}

fn write_principal(out: &mut Vec<u8>, name: &FullName) {
    out.extend_from_slice(&name.name.kind.to_be_bytes());
    out.extend_from_slice(&u32::try_from(name.name.components.len()).unwrap_or_default().to_be_bytes());
    for text in std::iter::once(&name.realm).chain(&name.name.components) {
        write_counted(out, text.as_bytes());
    }
}

fn write_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(bytes);
}

fn malformed(field: &'static str, reason: &'static str) -> AuthError {
    AuthError::Malformed { token: WHAT, field, reason }
}
