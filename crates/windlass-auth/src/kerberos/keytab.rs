//! Key tables in files, as MIT's and Heimdal's `ktutil` and Windows' `ktpass` write them (version 5.2).

use std::fmt;

use windlass_core::cursor::ReadCursor;

use super::crypto::{Enctype, Key};
use super::name::{FullName, PrincipalName, too_many};
use crate::AuthError;

/// No key table is longer, in bytes.
const MAX_SIZE: usize = 16 << 20;
/// No more keys are read from one.
const MAX_ENTRIES: usize = 10_000;
const WHAT: &str = "keytab";

/// The keys of services or users.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keytab {
    entries: Vec<KeytabEntry>,
    unusable: usize,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeytabEntry {
    /// Whose it is.
    pub owner: FullName,
    /// When it was written: seconds since 1970.
    pub written: u32,
    /// Its version.
    pub kvno: u32,
    /// The key.
    pub key: Key,
}

impl Keytab {
    /// A table of these keys.
    pub fn new(entries: Vec<KeytabEntry>) -> Self {
        Self { entries, unusable: 0 }
    }

    /// Reads a file's content. Keys of kinds that this crate cannot use are passed over.
    ///
    /// # Errors
    /// It is no key table, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        if bytes.len() > MAX_SIZE {
            return Err(AuthError::TooLarge { what: WHAT, actual: bytes.len(), limit: MAX_SIZE });
        }
        let short = AuthError::truncated(WHAT);
        let mut cursor = ReadCursor::new(bytes);
        match cursor.array::<2>("version").map_err(&short)? {
            [5, 2] => {}
            _ => return Err(malformed("version", "expected a keytab of version 5.2")),
        }
        let mut table = Self::default();
        while !cursor.is_empty() {
            let size = i32::from_be_bytes(cursor.array("entry size").map_err(&short)?);
            let length = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
            let entry = cursor.take(length, "entry").map_err(&short)?;
            // A negative size marks a hole where an entry was deleted; zero ends the file.
            if size == 0 {
                break;
            }
            if size < 0 {
                continue;
            }
            if table.entries.len() + table.unusable == MAX_ENTRIES {
                return Err(malformed("entries", "too many"));
            }
            match read_entry(entry)? {
                Some(entry) => table.entries.push(entry),
                None => table.unusable += 1,
            }
        }
        Ok(table)
    }

    /// Writes a file's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![5, 2];
        for entry in &self.entries {
            let bytes = write_entry(entry);
            out.extend_from_slice(&i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
            out.extend_from_slice(&bytes);
        }
        out
    }

    /// The keys.
    pub fn entries(&self) -> &[KeytabEntry] {
        &self.entries
    }

    /// How many keys were passed over, since they are for RC4, DES or AES with SHA-2.
    pub fn unusable(&self) -> usize {
        self.unusable
    }

    /// The keys of one owner; letter case of names is not looked at.
    pub(super) fn of<'a>(&'a self, owner: &'a FullName) -> impl Iterator<Item = &'a KeytabEntry> {
        self.entries.iter().filter(|entry| {
            entry.owner.realm.eq_ignore_ascii_case(&owner.realm)
                && entry.owner.name.same_ignoring_case(&owner.name)
        })
    }
}

impl fmt::Debug for Keytab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries.iter().map(|entry| entry.owner.to_string())).finish()
    }
}

fn read_entry(bytes: &[u8]) -> Result<Option<KeytabEntry>, AuthError> {
    let short = AuthError::truncated(WHAT);
    let mut cursor = ReadCursor::new(bytes);
    let count = usize::from(cursor.u16_be("component count").map_err(&short)?);
    if too_many(count) {
        return Err(malformed("principal", "it has too many parts"));
    }
    let realm = text(&mut cursor, "realm")?;
    let mut components = Vec::with_capacity(count);
    for _ in 0..count {
        components.push(text(&mut cursor, "component")?);
    }
    let kind = i32::from_be_bytes(cursor.array("name type").map_err(&short)?);
    let written = cursor.u32_be("timestamp").map_err(&short)?;
    let mut kvno = u32::from(cursor.u8("key version").map_err(&short)?);
    let enctype = i32::from(cursor.u16_be("key type").map_err(&short)?);
    let length = usize::from(cursor.u16_be("key length").map_err(&short)?);
    let key = cursor.take(length, "key").map_err(&short)?;
    // A version of 32 bits may follow, and takes precedence unless it is zero.
    if let Ok(long) = cursor.u32_be("long key version")
        && long != 0
    {
        kvno = long;
    }
    let Some(enctype) = Enctype::from_number(enctype) else { return Ok(None) };
    let key =
        Key::new(enctype, key).ok_or_else(|| malformed("key", "it has the wrong length for its type"))?;
    let owner = FullName { realm, name: PrincipalName { kind, components } };
    Ok(Some(KeytabEntry { owner, written, kvno, key }))
}

fn write_entry(entry: &KeytabEntry) -> Vec<u8> {
    let mut out = Vec::new();
    let name = &entry.owner.name;
    out.extend_from_slice(&u16::try_from(name.components.len()).unwrap_or(u16::MAX).to_be_bytes());
    for text in std::iter::once(&entry.owner.realm).chain(&name.components) {
        write_counted(&mut out, text.as_bytes());
    }
    out.extend_from_slice(&name.kind.to_be_bytes());
    out.extend_from_slice(&entry.written.to_be_bytes());
    out.push(u8::try_from(entry.kvno & 0xFF).unwrap_or_default());
    out.extend_from_slice(&u16::try_from(entry.key.enctype().number()).unwrap_or_default().to_be_bytes());
    write_counted(&mut out, entry.key.bytes().expose());
    out.extend_from_slice(&entry.kvno.to_be_bytes());
    out
}

fn write_counted(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes.get(..usize::from(length)).unwrap_or(bytes));
}

fn text(cursor: &mut ReadCursor<'_>, field: &'static str) -> Result<String, AuthError> {
    let short = AuthError::truncated(WHAT);
    let length = usize::from(cursor.u16_be(field).map_err(&short)?);
    let bytes = cursor.take(length, field).map_err(&short)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed(field, "it is not UTF-8"))
}

fn malformed(field: &'static str, reason: &'static str) -> AuthError {
    AuthError::Malformed { token: WHAT, field, reason }
}
