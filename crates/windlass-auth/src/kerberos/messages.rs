//! The messages between client and service, and what both share ([RFC 4120] section 5).

use zeroize::Zeroizing;

use super::asn1::{Fields, ReadFields as _, int32, message, uint32};
use super::crypto::{Enctype, Key};
use super::name::{FullName, PrincipalName};
use crate::AuthError;
use crate::der::{self, Reader};

/// The version of the protocol in every message.
pub(super) const VERSION: i32 = 5;

/// Purposes of encryption ([RFC 4120] section 7.5.1).
pub(super) mod usage {
    pub(in super::super) const AS_REQ_TIMESTAMP: u32 = 1;
    pub(in super::super) const TICKET: u32 = 2;
    pub(in super::super) const AS_REP: u32 = 3;
    pub(in super::super) const TGS_REQ_CHECKSUM: u32 = 6;
    pub(in super::super) const TGS_REQ_AUTHENTICATOR: u32 = 7;
    pub(in super::super) const TGS_REP: u32 = 8;
    pub(in super::super) const AP_REQ_AUTHENTICATOR: u32 = 11;
    pub(in super::super) const AP_REP: u32 = 12;
}

/// EncryptedData.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedData {
    /// How it is encrypted.
    pub etype: i32,
    /// The version of the key.
    pub kvno: Option<u32>,
    /// The ciphertext.
    pub cipher: Vec<u8>,
}

impl EncryptedData {
    /// Encrypts for a purpose, as [RFC 4120] section 7.5.1 numbers them.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn seal(key: &Key, kvno: Option<u32>, usage: u32, plain: &[u8]) -> Result<Self, AuthError> {
        Ok(Self { etype: key.enctype().number(), kvno, cipher: key.encrypt(usage, plain)? })
    }

    pub(super) fn read(field: &mut Reader<'_>, name: &'static str) -> Result<Self, AuthError> {
        let mut fields = field.enter(der::SEQUENCE, name)?;
        field.finish(name)?;
        let etype = fields.integer(0, name)?;
        let kvno = fields.optional_integer(1, name)?;
        Ok(Self {
            etype: int32(&fields, etype, name)?,
            kvno: kvno.map(|kvno| uint32(&fields, kvno, name)).transpose()?,
            cipher: fields.octets(2, name)?.to_vec(),
        })
    }

    /// Reads it where it stands alone.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        Self::read(&mut Reader::new(bytes, "kerberos EncryptedData"), "EncryptedData")
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        Fields::new()
            .integer(0, self.etype)
            .optional(self.kvno, |fields, kvno| fields.integer(1, kvno))
            .octets(2, &self.cipher)
            .sequence()
    }

    /// Decrypts for a purpose. `None` if the key is of another kind or the wrong one.
    pub fn decrypt(&self, key: &Key, usage: u32) -> Option<Zeroizing<Vec<u8>>> {
        if key.enctype().number() != self.etype {
            return None;
        }
        key.decrypt(usage, &self.cipher)
    }
}

/// An EncryptionKey of a kind that this crate can use.
pub(super) fn read_key(field: &mut Reader<'_>, name: &'static str) -> Result<Key, AuthError> {
    let mut fields = field.enter(der::SEQUENCE, name)?;
    field.finish(name)?;
    let number = fields.integer(0, name)?;
    let bytes = fields.octets(1, name)?;
    int32(&fields, number, name)
        .ok()
        .and_then(Enctype::from_number)
        .and_then(|enctype| Key::new(enctype, bytes))
        .ok_or_else(|| fields.malformed(name, "expected a key for AES with HMAC-SHA1"))
}

pub(super) fn write_key(key: &Key) -> Vec<u8> {
    Fields::new().integer(0, key.enctype().number()).octets(1, key.bytes().expose()).sequence()
}

/// A ticket as whoever cannot decrypt it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The realm that issued it.
    pub realm: String,
    /// The service that it is for.
    pub service: PrincipalName,
    /// The part for the service.
    pub enc_part: EncryptedData,
}

impl Ticket {
    const WHAT: &str = "kerberos ticket";

    /// Reads a ticket.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 1, Self::WHAT)?;
        fields.constant(0, VERSION.into(), "tkt-vno")?;
        Ok(Self {
            realm: fields.string(1, "realm")?,
            service: fields.name(2, "sname")?,
            enc_part: EncryptedData::read(&mut fields.field(3, "enc-part")?, "enc-part")?,
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        Fields::new()
            .integer(0, VERSION)
            .string(1, &self.realm)
            .name(2, &self.service)
            .raw(3, &self.enc_part.encode())
            .message(1)
    }
}

/// What a ticket tells the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketContent {
    /// The ticket's flags; bit 0 is the highest.
    pub flags: u32,
    /// The key that client and service share.
    pub key: Key,
    /// Who the client is.
    pub client: FullName,
    /// When the client logged on, as seconds since 1970.
    pub auth_time: i64,
    /// When the ticket becomes valid, if later.
    pub start_time: Option<i64>,
    /// When it stops being valid.
    pub end_time: i64,
}

impl TicketContent {
    /// The flag of a ticket that must be validated before use.
    pub const INVALID: u32 = 1 << 24;

    /// Reads it.
    ///
    /// # Errors
    /// It is malformed, or the key is of a kind that cannot be used.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 3, "content of the kerberos ticket")?;
        let flags = fields.flags(0, "flags")?;
        let key = read_key(&mut fields.field(1, "key")?, "key")?;
        let client = FullName { realm: fields.string(2, "crealm")?, name: fields.name(3, "cname")? };
        fields.skip(4, "transited")?;
        Ok(Self {
            flags,
            key,
            client,
            auth_time: fields.time(5, "authtime")?,
            start_time: fields.optional_time(6, "starttime")?,
            end_time: fields.time(7, "endtime")?,
        })
    }

    /// Writes it, with an empty path of transited realms.
    pub fn encode(&self) -> Vec<u8> {
        let transited = Fields::new().integer(0, 1).octets(1, &[]).sequence();
        Fields::new()
            .flags(0, self.flags)
            .raw(1, &write_key(&self.key))
            .string(2, &self.client.realm)
            .name(3, &self.client.name)
            .raw(4, &transited)
            .time(5, self.auth_time)
            .optional(self.start_time, |fields, time| fields.time(6, time))
            .time(7, self.end_time)
            .message(3)
    }
}

/// AP-REQ: a ticket and the proof that its holder knows the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApReq {
    /// Its options; bit 0 is the highest.
    pub options: u32,
    /// The ticket.
    pub ticket: Ticket,
    /// The encrypted authenticator.
    pub authenticator: EncryptedData,
}

impl ApReq {
    /// The ticket is encrypted with the session key of another ticket.
    pub const USE_SESSION_KEY: u32 = 1 << 30;
    /// The service has to prove itself, too.
    pub const MUTUAL_REQUIRED: u32 = 1 << 29;

    /// Reads it.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 14, "kerberos AP-REQ")?;
        fields.constant(0, VERSION.into(), "pvno")?;
        fields.constant(1, 14, "msg-type")?;
        let options = fields.flags(2, "ap-options")?;
        let mut wrapper = fields.field(3, "ticket")?;
        let ticket = Ticket::decode(wrapper.element("ticket")?.raw)?;
        wrapper.finish("ticket")?;
        let authenticator = EncryptedData::read(&mut fields.field(4, "authenticator")?, "authenticator")?;
        Ok(Self { options, ticket, authenticator })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        ap_req(self.options, &self.ticket.encode(), &self.authenticator)
    }
}

/// An AP-REQ around a ticket as it was received.
pub(super) fn ap_req(options: u32, ticket: &[u8], authenticator: &EncryptedData) -> Vec<u8> {
    Fields::new()
        .integer(0, VERSION)
        .integer(1, 14)
        .flags(2, options)
        .raw(3, ticket)
        .raw(4, &authenticator.encode())
        .message(14)
}

/// The proof in an AP-REQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticator {
    /// Who the client is.
    pub client: FullName,
    /// A checksum, or what GSS-API puts in its place: type and content.
    pub checksum: Option<(i32, Vec<u8>)>,
    /// The client's time: microseconds.
    pub micros: u32,
    /// The client's time: seconds since 1970.
    pub time: i64,
    /// A key of the client's choice.
    pub subkey: Option<Key>,
    /// Where the client starts to count its messages.
    pub sequence: Option<u32>,
}

impl Authenticator {
    /// Reads it.
    ///
    /// # Errors
    /// It is malformed, or the sub-key is of a kind that cannot be used.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 2, "kerberos authenticator")?;
        fields.constant(0, VERSION.into(), "authenticator-vno")?;
        let client = FullName { realm: fields.string(1, "crealm")?, name: fields.name(2, "cname")? };
        let checksum = match fields.optional_field(3, "cksum")? {
            None => None,
            Some(mut field) => {
                let mut inner = field.enter(der::SEQUENCE, "cksum")?;
                let kind = inner.integer(0, "cksumtype")?;
                Some((int32(&inner, kind, "cksumtype")?, inner.octets(1, "checksum")?.to_vec()))
            }
        };
        let micros = fields.integer(4, "cusec")?;
        let micros = micros_of(&fields, micros)?;
        let time = fields.time(5, "ctime")?;
        let subkey = match fields.optional_field(6, "subkey")? {
            None => None,
            Some(mut field) => Some(read_key(&mut field, "subkey")?),
        };
        let sequence = fields.optional_integer(7, "seq-number")?;
        let sequence = sequence.map(|value| uint32(&fields, value, "seq-number")).transpose()?;
        Ok(Self { client, checksum, micros, time, subkey, sequence })
    }

    /// Writes it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let checksum = self
            .checksum
            .as_ref()
            .map(|(kind, content)| Fields::new().integer(0, *kind).octets(1, content).sequence());
        let fields = Fields::new()
            .integer(0, VERSION)
            .string(1, &self.client.realm)
            .name(2, &self.client.name)
            .optional(checksum, |fields, checksum| fields.raw(3, &checksum))
            .integer(4, self.micros)
            .time(5, self.time)
            .optional(self.subkey.as_ref(), |fields, key| fields.raw(6, &write_key(key)))
            .optional(self.sequence, |fields, sequence| fields.integer(7, sequence));
        Zeroizing::new(fields.message(2))
    }
}

/// AP-REP: the service's proof. Gives its encrypted part.
///
/// # Errors
/// It is malformed.
pub(super) fn decode_ap_rep(bytes: &[u8]) -> Result<EncryptedData, AuthError> {
    let mut fields = message(bytes, 15, "kerberos AP-REP")?;
    fields.constant(0, VERSION.into(), "pvno")?;
    fields.constant(1, 15, "msg-type")?;
    EncryptedData::read(&mut fields.field(2, "enc-part")?, "enc-part")
}

pub(super) fn encode_ap_rep(enc_part: &EncryptedData) -> Vec<u8> {
    Fields::new().integer(0, VERSION).integer(1, 15).raw(2, &enc_part.encode()).message(15)
}

/// What the AP-REP tells the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApRepContent {
    /// The client's time, given back: seconds since 1970.
    pub time: i64,
    /// The client's time, given back: microseconds.
    pub micros: u32,
    /// A key of the service's choice.
    pub subkey: Option<Key>,
    /// Where the service starts to count its messages.
    pub sequence: Option<u32>,
}

impl ApRepContent {
    /// Reads it.
    ///
    /// # Errors
    /// It is malformed, or the sub-key is of a kind that cannot be used.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 27, "content of the kerberos AP-REP")?;
        let time = fields.time(0, "ctime")?;
        let micros = fields.integer(1, "cusec")?;
        let micros = micros_of(&fields, micros)?;
        let subkey = match fields.optional_field(2, "subkey")? {
            None => None,
            Some(mut field) => Some(read_key(&mut field, "subkey")?),
        };
        let sequence = fields.optional_integer(3, "seq-number")?;
        let sequence = sequence.map(|value| uint32(&fields, value, "seq-number")).transpose()?;
        Ok(Self { time, micros, subkey, sequence })
    }

    /// Writes it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let fields = Fields::new()
            .time(0, self.time)
            .integer(1, self.micros)
            .optional(self.subkey.as_ref(), |fields, key| fields.raw(2, &write_key(key)))
            .optional(self.sequence, |fields, sequence| fields.integer(3, sequence));
        Zeroizing::new(fields.message(27))
    }
}

fn micros_of(reader: &Reader<'_>, value: i64) -> Result<u32, AuthError> {
    u32::try_from(value)
        .ok()
        .filter(|micros| *micros < 1_000_000)
        .ok_or_else(|| reader.malformed("cusec", "expected fewer than a million microseconds"))
}
