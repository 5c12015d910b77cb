//! The simple types: tags and text ([MS-PSRP] 2.2.5.1).

use crate::escape::{unescape, unescape_units};
use crate::string::PsString;
use crate::tag::Primitive;
use crate::text::{self, Characters};
use crate::value::PsValue;
use crate::version::Version;
use crate::{datetime, duration, number, uri, xmldoc};

/// Reads the value at the start of the content of an element, up to the bracket of the next tag, and says
/// how long it is. `None` where there is none, or text that is not well-formed.
#[inline]
pub(crate) fn read(kind: Primitive, content: &str, form: Form) -> Option<(PsValue, usize)> {
    let bytes = content.as_bytes();
    if kind == Primitive::Bool {
        let value = bytes.starts_with(b"true<");
        if value || bytes.starts_with(b"false<") {
            return Some((PsValue::Bool(value), if value { 4 } else { 5 }));
        }
    } else if let Some((length, number)) = kind.digits(bytes) {
        return Some((from_digits(kind, number)?, length));
    }
    if let Some(text) = text::plain(content) {
        return Some((parse(kind, Characters::Plain(text), form)?, text.len()));
    }
    let (characters, length) = text::read_text(content, 0).ok()?;
    Some((parse(kind, characters, form)?, length))
}

/// The value of an element that holds a few digits and nothing else.
#[inline]
fn from_digits(kind: Primitive, number: u64) -> Option<PsValue> {
    Some(match kind {
        Primitive::I32 => PsValue::I32(number.try_into().ok()?),
        Primitive::I64 => PsValue::I64(number.try_into().ok()?),
        Primitive::U32 => PsValue::U32(number.try_into().ok()?),
        Primitive::U64 => PsValue::U64(number),
        Primitive::I16 => PsValue::I16(number.try_into().ok()?),
        Primitive::U16 => PsValue::U16(number.try_into().ok()?),
        Primitive::I8 => PsValue::I8(number.try_into().ok()?),
        Primitive::U8 => PsValue::U8(number.try_into().ok()?),
        Primitive::Char => PsValue::Char(number.try_into().ok()?),
        _ => return None,
    })
}

/// Reads the text of an element of a simple type; `None` where it is no value of that type.
pub(crate) fn parse(kind: Primitive, characters: Characters<'_>, form: Form) -> Option<PsValue> {
    let text = || characters.as_str();
    let signed = || number::parse_i64(text());
    let unsigned = || number::parse_u64(text());
    match kind {
        Primitive::String => Some(PsValue::String(decoded(&characters))),
        Primitive::I32 => Some(PsValue::I32(i32::try_from(signed()?).ok()?)),
        Primitive::I64 => signed().map(PsValue::I64),
        Primitive::Bool => number::parse_bool(text()).map(PsValue::Bool),
        Primitive::DateTime => datetime::parse(text()).map(PsValue::DateTime),
        Primitive::TimeSpan => duration::parse(text()).map(PsValue::TimeSpan),
        Primitive::F64 => number::parse_f64(text()).map(PsValue::F64),
        Primitive::F32 => number::parse_f32(text()).map(PsValue::F32),
        Primitive::U32 => Some(PsValue::U32(u32::try_from(unsigned()?).ok()?)),
        Primitive::U64 => unsigned().map(PsValue::U64),
        Primitive::U8 => Some(PsValue::U8(u8::try_from(unsigned()?).ok()?)),
        Primitive::I8 => Some(PsValue::I8(i8::try_from(signed()?).ok()?)),
        Primitive::U16 => Some(PsValue::U16(u16::try_from(unsigned()?).ok()?)),
        Primitive::I16 => Some(PsValue::I16(i16::try_from(signed()?).ok()?)),
        Primitive::Char => Some(PsValue::Char(u16::try_from(unsigned()?).ok()?)),
        Primitive::Decimal => number::parse_decimal(text()).map(PsValue::Decimal),
        Primitive::Guid => number::parse_guid(text()).map(PsValue::Guid),
        Primitive::Bytes => number::parse_base64(text()).map(PsValue::bytes),
        Primitive::Version => Version::parse(text()).map(PsValue::Version),
        Primitive::Uri => Some(decoded(&characters)).filter(|text| uri::is_valid(text)).map(PsValue::Uri),
        Primitive::Xml => {
            Some(decoded(&characters)).filter(|text| xmldoc::is_well_formed(text)).map(PsValue::Xml)
        }
        Primitive::ScriptBlock => Some(PsValue::ScriptBlock(decoded(&characters))),
        Primitive::SecureString => {
            Some(verbatim(characters)).filter(|text| form.secures(text)).map(PsValue::SecureString)
        }
    }
}

/// Where CLIXML comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A message of a session: one element, no namespace, secure strings encrypted with its key.
    Message,
    /// A document with a root, secure strings as hexadecimal digits.
    Document,
}

impl Form {
    fn secures(self, text: &str) -> bool {
        self == Self::Message
            || (!text.is_empty()
                && text.len().is_multiple_of(4)
                && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }
}

/// The characters with the escapes of CLIXML replaced.
pub(crate) fn decoded(characters: &Characters<'_>) -> PsString {
    match characters {
        Characters::Plain(text) => PsString::new(text),
        Characters::Borrowed(text) => unescape(text),
        Characters::Owned(text) => unescape(text),
        Characters::Wide(units) => unescape_units(units),
    }
}

/// The characters as they are.
pub(crate) fn verbatim(characters: Characters<'_>) -> PsString {
    match characters {
        Characters::Plain(text) | Characters::Borrowed(text) => PsString::new(text),
        Characters::Owned(text) => PsString::from(text),
        Characters::Wide(units) => PsString::from_utf16(&units),
    }
}
