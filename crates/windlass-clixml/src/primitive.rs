//! The simple types: tags and text ([MS-PSRP] 2.2.5.1).

use crate::error::Error;
use crate::escape::{unescape, unescape_units};
use crate::string::PsString;
use crate::text::Characters;
use crate::value::PsValue;
use crate::version::Version;
use crate::{datetime, duration, number, uri};

/// Reads the text of an element of a simple type.
pub(crate) fn parse(
    local: &str,
    characters: Characters<'_>,
    form: Form,
    offset: usize,
) -> Result<PsValue, Error> {
    let text = || characters.as_str();
    let value = match local {
        "S" => Some(PsValue::String(decoded(&characters))),
        "I32" => number::parse_i64(text()).and_then(|value| i32::try_from(value).ok()).map(PsValue::I32),
        "B" => number::parse_bool(text()).map(PsValue::Bool),
        "I64" => number::parse_i64(text()).map(PsValue::I64),
        "DT" => datetime::parse(text()).map(PsValue::DateTime),
        "TS" => duration::parse(text()).map(PsValue::TimeSpan),
        "Db" => number::parse_f64(text()).map(PsValue::F64),
        "Sg" => number::parse_f32(text()).map(PsValue::F32),
        "U32" => number::parse_u64(text()).and_then(|value| u32::try_from(value).ok()).map(PsValue::U32),
        "U64" => number::parse_u64(text()).map(PsValue::U64),
        "By" => number::parse_u64(text()).and_then(|value| u8::try_from(value).ok()).map(PsValue::U8),
        "SB" => number::parse_i64(text()).and_then(|value| i8::try_from(value).ok()).map(PsValue::I8),
        "U16" => number::parse_u64(text()).and_then(|value| u16::try_from(value).ok()).map(PsValue::U16),
        "I16" => number::parse_i64(text()).and_then(|value| i16::try_from(value).ok()).map(PsValue::I16),
        "C" => number::parse_u64(text()).and_then(|value| u16::try_from(value).ok()).map(PsValue::Char),
        "D" => number::parse_decimal(text()).map(PsValue::Decimal),
        "G" => number::parse_guid(text()).map(PsValue::Guid),
        "BA" => number::parse_base64(text()).map(PsValue::bytes),
        "Version" => Version::parse(text()).map(PsValue::Version),
        "URI" => Some(decoded(&characters)).filter(|text| uri::is_valid(text)).map(PsValue::Uri),
        "XD" => {
            Some(decoded(&characters)).filter(|text| crate::xmldoc::is_well_formed(text)).map(PsValue::Xml)
        }
        "SBK" => Some(PsValue::ScriptBlock(decoded(&characters))),
        "SS" => Some(verbatim(characters)).filter(|text| form.secures(text)).map(PsValue::SecureString),
        _ => None,
    };
    value.ok_or_else(|| Error::value(local, offset))
}

/// Whether an element holds a simple type as text.
pub(crate) fn is_tag(local: &str) -> bool {
    matches!(
        local,
        "S" | "I32"
            | "B"
            | "I64"
            | "DT"
            | "TS"
            | "Db"
            | "Sg"
            | "U32"
            | "U64"
            | "By"
            | "SB"
            | "U16"
            | "I16"
            | "C"
            | "D"
            | "G"
            | "BA"
            | "Version"
            | "URI"
            | "XD"
            | "SBK"
            | "SS"
    )
}

/// Whether the namespace of an element with this tag must be right: readers look at it where they
/// decode escapes, and only there.
pub(crate) fn needs_namespace(local: &str) -> bool {
    matches!(local, "S" | "SBK" | "URI" | "XD")
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
        Characters::Borrowed(text) => unescape(text),
        Characters::Owned(text) => unescape(text),
        Characters::Wide(units) => unescape_units(units),
    }
}

/// The characters as they are.
pub(crate) fn verbatim(characters: Characters<'_>) -> PsString {
    match characters {
        Characters::Borrowed(text) => PsString::new(text),
        Characters::Owned(text) => PsString::from(text),
        Characters::Wide(units) => PsString::from_utf16(&units),
    }
}
