//! The messages between client and KDC ([RFC 4120] section 5.4, 5.2.7 and 5.9).

use windlass_core::SecretBytes;
use zeroize::Zeroizing;

use super::asn1::{Fields, ReadFields as _, int32, integer_element, message, uint32};
use super::crypto::{Enctype, Key};
use super::messages::{EncryptedData, Ticket, VERSION, read_key, write_key};
use super::name::{FullName, PrincipalName};
use crate::AuthError;
use crate::der::{self, Reader};

/// More elements than this in one list are refused.
const MAX_LIST: usize = 64;

/// Types of pre-authentication data.
pub(super) mod padata {
    pub(in super::super) const TGS_REQ: i32 = 1;
    pub(in super::super) const ENC_TIMESTAMP: i32 = 2;
    pub(in super::super) const ETYPE_INFO2: i32 = 19;
    pub(in super::super) const FX_COOKIE: i32 = 133;
}

/// Options of requests; bit 0 is the highest.
pub(super) mod option {
    pub(in super::super) const FORWARDABLE: u32 = 1 << 30;
    pub(in super::super) const CANONICALIZE: u32 = 1 << 16;
}

/// One element of pre-authentication data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaData {
    /// Its type.
    pub kind: i32,
    /// Its value.
    pub value: Vec<u8>,
}

impl PaData {
    fn read_list(list: &mut Reader<'_>) -> Result<Vec<Self>, AuthError> {
        let mut out = Vec::new();
        let mut elements = list.enter(der::SEQUENCE, "padata")?;
        list.finish("padata")?;
        while !elements.is_empty() {
            if out.len() == MAX_LIST {
                return Err(elements.malformed("padata", "too many elements"));
            }
            let mut fields = elements.enter(der::SEQUENCE, "padata")?;
            let kind = fields.integer(1, "padata-type")?;
            let kind = int32(&fields, kind, "padata-type")?;
            out.push(Self { kind, value: fields.octets(2, "padata-value")?.to_vec() });
        }
        Ok(out)
    }

    /// Writes METHOD-DATA: what a KDC asks for.
    pub fn encode_list(list: &[Self]) -> Vec<u8> {
        let elements: Vec<u8> = list
            .iter()
            .flat_map(|element| Fields::new().integer(1, element.kind).octets(2, &element.value).sequence())
            .collect();
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &elements);
        out
    }
}

/// AS-REQ or TGS-REQ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcReq {
    /// Whether it asks the ticket-granting service.
    pub granting: bool,
    /// Pre-authentication data.
    pub padata: Vec<PaData>,
    /// The body as it was written: what the checksum of a TGS-REQ covers.
    pub body: Vec<u8>,
}

impl KdcReq {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let number = if self.granting { 12 } else { 10 };
        let padata = (!self.padata.is_empty()).then(|| PaData::encode_list(&self.padata));
        Fields::new()
            .integer(1, VERSION)
            .integer(2, number)
            .optional(padata, |fields, padata| fields.raw(3, &padata))
            .raw(4, &self.body)
            .message(number)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let granting = bytes.first() == Some(&0x6C);
        let number = if granting { 12 } else { 10 };
        let mut fields = message(bytes, number, "kerberos KDC request")?;
        fields.constant(1, VERSION.into(), "pvno")?;
        fields.constant(2, number.into(), "msg-type")?;
        let padata = match fields.optional_field(3, "padata")? {
            Some(mut list) => PaData::read_list(&mut list)?,
            None => Vec::new(),
        };
        let mut wrapper = fields.field(4, "req-body")?;
        let body = wrapper.expect(der::SEQUENCE, "req-body")?.raw.to_vec();
        wrapper.finish("req-body")?;
        Ok(Self { granting, padata, body })
    }
}

/// The body of a request, as far as this crate uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcReqBody {
    /// Options; bit 0 is the highest.
    pub options: u32,
    /// The client, in a request for an initial ticket.
    pub client: Option<PrincipalName>,
    /// The realm that is asked.
    pub realm: String,
    /// The service that a ticket is wanted for.
    pub service: Option<PrincipalName>,
    /// Until when it should be valid.
    pub till: i64,
    /// Comes back in the answer.
    pub nonce: u32,
    /// The kinds of keys that the client can use, the best first.
    pub etypes: Vec<i32>,
}

impl KdcReqBody {
    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let etypes: Vec<u8> = self.etypes.iter().flat_map(|etype| integer_element(*etype)).collect();
        let mut list = Vec::new();
        der::write(&mut list, der::SEQUENCE, &etypes);
        Fields::new()
            .flags(0, self.options)
            .optional(self.client.as_ref(), |fields, name| fields.name(1, name))
            .string(2, &self.realm)
            .optional(self.service.as_ref(), |fields, name| fields.name(3, name))
            .time(5, self.till)
            .integer(7, self.nonce)
            .raw(8, &list)
            .sequence()
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields =
            Reader::new(bytes, "body of the kerberos KDC request").enter(der::SEQUENCE, "req-body")?;
        let options = fields.flags(0, "kdc-options")?;
        let client = fields.optional_name(1, "cname")?;
        let realm = fields.string(2, "realm")?;
        let service = fields.optional_name(3, "sname")?;
        fields.skip(4, "from")?;
        let till = fields.time(5, "till")?;
        fields.skip(6, "rtime")?;
        let nonce = fields.integer(7, "nonce")?;
        let nonce = uint32(&fields, nonce, "nonce")?;
        let mut wrapper = fields.field(8, "etype")?;
        let mut list = wrapper.enter(der::SEQUENCE, "etype")?;
        let mut etypes = Vec::new();
        while !list.is_empty() {
            let number = list.expect(der::INTEGER, "etype")?.content;
            if etypes.len() == MAX_LIST || number.is_empty() || number.len() > 4 {
                return Err(list.malformed("etype", "expected a few small integers"));
            }
            let sign: i32 = if number.first().is_some_and(|octet| *octet >= 0x80) { -1 } else { 0 };
            etypes.push(number.iter().fold(sign, |sum, octet| sum << 8 | i32::from(*octet)));
        }
        Ok(Self { options, client, realm, service, till, nonce, etypes })
    }
}

/// AS-REP or TGS-REP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcRep {
    /// Whether it comes from the ticket-granting service.
    pub granting: bool,
    /// Pre-authentication data.
    pub padata: Vec<PaData>,
    /// Whom the ticket is for.
    pub client: FullName,
    /// The ticket, as it was written.
    pub ticket: Vec<u8>,
    /// The part for the client.
    pub enc_part: EncryptedData,
}

impl KdcRep {
    /// Reads it.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let granting = bytes.first() == Some(&0x6D);
        let number = if granting { 13 } else { 11 };
        let mut fields = message(bytes, number, "kerberos KDC answer")?;
        fields.constant(0, VERSION.into(), "pvno")?;
        fields.constant(1, number.into(), "msg-type")?;
        let padata = match fields.optional_field(2, "padata")? {
            Some(mut list) => PaData::read_list(&mut list)?,
            None => Vec::new(),
        };
        let client = FullName { realm: fields.string(3, "crealm")?, name: fields.name(4, "cname")? };
        let mut wrapper = fields.field(5, "ticket")?;
        let ticket = wrapper.element("ticket")?.raw;
        Ticket::decode(ticket)?;
        let enc_part = EncryptedData::read(&mut fields.field(6, "enc-part")?, "enc-part")?;
        Ok(Self { granting, padata, client, ticket: ticket.to_vec(), enc_part })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let number = if self.granting { 13 } else { 11 };
        let padata = (!self.padata.is_empty()).then(|| PaData::encode_list(&self.padata));
        Fields::new()
            .integer(0, VERSION)
            .integer(1, number)
            .optional(padata, |fields, padata| fields.raw(2, &padata))
            .string(3, &self.client.realm)
            .name(4, &self.client.name)
            .raw(5, &self.ticket)
            .raw(6, &self.enc_part.encode())
            .message(number)
    }
}

/// What the KDC's answer tells the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcRepContent {
    /// The key that client and service share.
    pub key: Key,
    /// The nonce of the request.
    pub nonce: u32,
    /// The ticket's flags; bit 0 is the highest.
    pub flags: u32,
    /// When the client logged on: seconds since 1970.
    pub auth_time: i64,
    /// When the ticket becomes valid, if later.
    pub start_time: Option<i64>,
    /// When it stops being valid.
    pub end_time: i64,
    /// The service that it is for.
    pub service: FullName,
}

impl KdcRepContent {
    /// Reads it. Some KDCs put the tag of the other kind of answer on it.
    ///
    /// # Errors
    /// It is malformed, or the key is of a kind that cannot be used.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let number = if bytes.first() == Some(&0x79) { 25 } else { 26 };
        let mut fields = message(bytes, number, "content of the kerberos KDC answer")?;
        let key = read_key(&mut fields.field(0, "key")?, "key")?;
        fields.skip(1, "last-req")?;
        let nonce = fields.integer(2, "nonce")?;
        let nonce = uint32(&fields, nonce, "nonce")?;
        fields.skip(3, "key-expiration")?;
        let flags = fields.flags(4, "flags")?;
        let auth_time = fields.time(5, "authtime")?;
        let start_time = fields.optional_time(6, "starttime")?;
        let end_time = fields.time(7, "endtime")?;
        fields.skip(8, "renew-till")?;
        let service = FullName { realm: fields.string(9, "srealm")?, name: fields.name(10, "sname")? };
        Ok(Self { key, nonce, flags, auth_time, start_time, end_time, service })
    }

    /// Writes it.
    pub fn encode(&self, granting: bool) -> Zeroizing<Vec<u8>> {
        let mut nothing = Vec::new();
        der::write(&mut nothing, der::SEQUENCE, &[]);
        let fields = Fields::new()
            .raw(0, &write_key(&self.key))
            .raw(1, &nothing)
            .integer(2, self.nonce)
            .flags(4, self.flags)
            .time(5, self.auth_time)
            .optional(self.start_time, |fields, time| fields.time(6, time))
            .time(7, self.end_time)
            .string(9, &self.service.realm)
            .name(10, &self.service.name);
        Zeroizing::new(fields.message(if granting { 26 } else { 25 }))
    }
}

/// KRB-ERROR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KrbError {
    /// What went wrong ([RFC 4120] section 7.5.9).
    pub code: i32,
    /// The time of whoever says so: seconds since 1970.
    pub time: i64,
    /// The realm of the service.
    pub realm: String,
    /// The service.
    pub service: PrincipalName,
    /// More about it, in words.
    pub text: Option<String>,
    /// More about it, in a form that depends on the code.
    pub data: Option<Vec<u8>>,
}

impl KrbError {
    /// Whether these bytes start like one.
    pub fn is_error(bytes: &[u8]) -> bool {
        bytes.first() == Some(&0x7E)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut fields = message(bytes, 30, "kerberos KRB-ERROR")?;
        fields.constant(0, VERSION.into(), "pvno")?;
        fields.constant(1, 30, "msg-type")?;
        fields.skip(2, "ctime")?;
        fields.skip(3, "cusec")?;
        let time = fields.time(4, "stime")?;
        fields.skip(5, "susec")?;
        let code = fields.integer(6, "error-code")?;
        let code = int32(&fields, code, "error-code")?;
        fields.skip(7, "crealm")?;
        fields.skip(8, "cname")?;
        Ok(Self {
            code,
            time,
            realm: fields.string(9, "realm")?,
            service: fields.name(10, "sname")?,
            text: fields.optional_string(11, "e-text")?,
            data: fields.optional_octets(12, "e-data")?.map(<[u8]>::to_vec),
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        Fields::new()
            .integer(0, VERSION)
            .integer(1, 30)
            .time(4, self.time)
            .integer(5, 0)
            .integer(6, self.code)
            .string(9, &self.realm)
            .name(10, &self.service)
            .optional(self.text.as_deref(), |fields, text| fields.string(11, text))
            .optional(self.data.as_deref(), |fields, data| fields.octets(12, data))
            .message(30)
    }

    /// The pre-authentication data that the KDC asks for.
    pub(super) fn method_data(&self) -> Result<Vec<PaData>, AuthError> {
        let mut list = Reader::new(self.data.as_deref().unwrap_or_default(), "kerberos METHOD-DATA");
        PaData::read_list(&mut list)
    }
}

/// One way to make a key of a password ([RFC 4120] section 5.2.7.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtypeInfo2 {
    /// The kind of key.
    pub etype: i32,
    /// What goes beside the password; the client's realm and name if absent.
    pub salt: Option<Vec<u8>>,
    /// The number of PBKDF2 rounds.
    pub rounds: Option<u32>,
}

impl EtypeInfo2 {
    /// Reads ETYPE-INFO2: the ways that the KDC accepts.
    ///
    /// # Errors
    /// It is malformed.
    pub fn decode(bytes: &[u8]) -> Result<Vec<Self>, AuthError> {
        let mut list = Reader::new(bytes, "kerberos ETYPE-INFO2").enter(der::SEQUENCE, "ETYPE-INFO2")?;
        let mut out = Vec::new();
        while !list.is_empty() {
            if out.len() == MAX_LIST {
                return Err(list.malformed("ETYPE-INFO2", "too many elements"));
            }
            let mut fields = list.enter(der::SEQUENCE, "ETYPE-INFO2")?;
            let etype = fields.integer(0, "etype")?;
            let salt = match fields.optional_field(1, "salt")? {
                Some(mut field) => Some(field.element("salt")?.content.to_vec()),
                None => None,
            };
            let rounds = match fields.optional_octets(2, "s2kparams")? {
                Some(bytes) => Some(u32::from_be_bytes(
                    bytes.try_into().map_err(|_| fields.malformed("s2kparams", "expected four octets"))?,
                )),
                None => None,
            };
            out.push(Self { etype: int32(&fields, etype, "etype")?, salt, rounds });
        }
        Ok(out)
    }

    /// Writes ETYPE-INFO2.
    pub fn encode(list: &[Self]) -> Vec<u8> {
        let mut elements = Vec::new();
        for entry in list {
            let salt = entry.salt.as_deref().map(|salt| {
                let mut out = Vec::new();
                der::write(&mut out, der::GENERAL_STRING, salt);
                out
            });
            elements.extend(
                Fields::new()
                    .integer(0, entry.etype)
                    .optional(salt, |fields, salt| fields.raw(1, &salt))
                    .optional(entry.rounds, |fields, rounds| fields.octets(2, &rounds.to_be_bytes()))
                    .sequence(),
            );
        }
        let mut out = Vec::new();
        der::write(&mut out, der::SEQUENCE, &elements);
        out
    }
}

/// PA-ENC-TS-ENC: the proof that the client knows its key.
pub(super) fn timestamp(time: i64, micros: u32) -> SecretBytes {
    SecretBytes::new(Fields::new().time(0, time).integer(1, micros).sequence())
}

/// The checksum in the authenticator of a TGS-REQ.
pub(super) fn body_checksum(key: &Key, usage: u32, body: &[u8]) -> (i32, Vec<u8>) {
    (Enctype::checksum_number(key.enctype()), key.checksum(usage, &[body]).to_vec())
}
