//! What the messages of [RFC 4120] are made of: tagged fields of a few types.

use super::name::{PrincipalName, too_many};
use super::time;
use crate::AuthError;
use crate::der::{self, Reader};

/// A GeneralizedTime.
const GENERALIZED_TIME: u8 = 0x18;
/// A UTF8String, which some implementations write where a GeneralString belongs.
const UTF8_STRING: u8 = 0x0C;

/// The tag of a constructed element of the application class.
pub(super) const fn application(number: u8) -> u8 {
    0x60 | number
}

/// Writes the fields of a sequence.
#[derive(Default)]
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn raw(mut self, number: u8, content: &[u8]) -> Self {
        der::write(&mut self.0, der::context(number), content);
        self
    }

    pub(super) fn integer(self, number: u8, value: impl Into<i64>) -> Self {
        let bytes = integer(value.into());
        self.typed(number, der::INTEGER, &bytes)
    }

    pub(super) fn octets(self, number: u8, value: &[u8]) -> Self {
        self.typed(number, der::OCTET_STRING, value)
    }

    pub(super) fn string(self, number: u8, value: &str) -> Self {
        self.typed(number, der::GENERAL_STRING, value.as_bytes())
    }

    pub(super) fn time(self, number: u8, seconds: i64) -> Self {
        self.typed(number, GENERALIZED_TIME, time::encode(seconds).as_bytes())
    }

    pub(super) fn flags(self, number: u8, flags: u32) -> Self {
        let [a, b, c, d] = flags.to_be_bytes();
        self.typed(number, der::BIT_STRING, &[0, a, b, c, d])
    }

    pub(super) fn name(self, number: u8, name: &PrincipalName) -> Self {
        let mut components = Vec::new();
        for component in &name.components {
            der::write(&mut components, der::GENERAL_STRING, component.as_bytes());
        }
        let mut list = Vec::new();
        der::write(&mut list, der::SEQUENCE, &components);
        let encoded = Self::new().integer(0, name.kind).raw(1, &list).sequence();
        self.raw(number, &encoded)
    }

    pub(super) fn optional<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }

    /// The fields as a SEQUENCE.
    pub(super) fn sequence(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + 6);
        der::write(&mut out, der::SEQUENCE, &self.0);
        out
    }

    /// The fields as a SEQUENCE with an application tag around it.
    pub(super) fn message(self, number: u8) -> Vec<u8> {
        der::wrapped(application(number), der::SEQUENCE, &self.0)
    }

    fn typed(mut self, number: u8, tag: u8, content: &[u8]) -> Self {
        self.0.extend(der::wrapped(der::context(number), tag, content));
        self
    }
}

/// An INTEGER without the tag of a field.
pub(super) fn integer_element(value: impl Into<i64>) -> Vec<u8> {
    let mut out = Vec::new();
    der::write(&mut out, der::INTEGER, &integer(value.into()));
    out
}

/// Content octets of an INTEGER.
fn integer(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let redundant = bytes
        .windows(2)
        .take_while(|pair| {
            matches!(pair, [0, next] if *next < 0x80) || matches!(pair, [0xFF, next] if *next >= 0x80)
        })
        .count();
    bytes.get(redundant..).unwrap_or_default().to_vec()
}

/// Reads the content of the application-tagged SEQUENCE that makes up a whole message.
pub(super) fn message<'a>(bytes: &'a [u8], number: u8, what: &'static str) -> Result<Reader<'a>, AuthError> {
    let mut reader = Reader::new(bytes, what);
    let mut outer = reader.enter(application(number), "message type")?;
    let fields = outer.enter(der::SEQUENCE, "message")?;
    outer.finish("message")?;
    reader.finish("message")?;
    Ok(fields)
}

/// Reading fields one after another.
pub(super) trait ReadFields<'a>: Sized {
    fn field(&mut self, number: u8, name: &'static str) -> Result<Reader<'a>, AuthError>;
    fn optional_field(&mut self, number: u8, name: &'static str) -> Result<Option<Reader<'a>>, AuthError>;
    fn integer(&mut self, number: u8, name: &'static str) -> Result<i64, AuthError>;
    fn optional_integer(&mut self, number: u8, name: &'static str) -> Result<Option<i64>, AuthError>;
    fn octets(&mut self, number: u8, name: &'static str) -> Result<&'a [u8], AuthError>;
    fn optional_octets(&mut self, number: u8, name: &'static str) -> Result<Option<&'a [u8]>, AuthError>;
    fn string(&mut self, number: u8, name: &'static str) -> Result<String, AuthError>;
    fn optional_string(&mut self, number: u8, name: &'static str) -> Result<Option<String>, AuthError>;
    fn time(&mut self, number: u8, name: &'static str) -> Result<i64, AuthError>;
    fn optional_time(&mut self, number: u8, name: &'static str) -> Result<Option<i64>, AuthError>;
    fn flags(&mut self, number: u8, name: &'static str) -> Result<u32, AuthError>;
    fn name(&mut self, number: u8, name: &'static str) -> Result<PrincipalName, AuthError>;
    fn optional_name(&mut self, number: u8, name: &'static str) -> Result<Option<PrincipalName>, AuthError>;
    /// An integer that must have one value.
    fn constant(&mut self, number: u8, value: i64, name: &'static str) -> Result<(), AuthError>;
    /// A field that is not looked at.
    fn skip(&mut self, number: u8, name: &'static str) -> Result<(), AuthError>;
}

impl<'a> ReadFields<'a> for Reader<'a> {
    fn field(&mut self, number: u8, name: &'static str) -> Result<Reader<'a>, AuthError> {
        self.enter(der::context(number), name)
    }

    fn optional_field(&mut self, number: u8, name: &'static str) -> Result<Option<Reader<'a>>, AuthError> {
        self.enter_optional(der::context(number), name)
    }

    fn integer(&mut self, number: u8, name: &'static str) -> Result<i64, AuthError> {
        self.optional_integer(number, name)?.ok_or_else(|| self.malformed(name, "it is missing"))
    }

    fn optional_integer(&mut self, number: u8, name: &'static str) -> Result<Option<i64>, AuthError> {
        let content = self.optional_explicit(der::context(number), der::INTEGER, name)?;
        content.map(|content| read_integer(self, content, name)).transpose()
    }

    fn octets(&mut self, number: u8, name: &'static str) -> Result<&'a [u8], AuthError> {
        self.optional_octets(number, name)?.ok_or_else(|| self.malformed(name, "it is missing"))
    }

    fn optional_octets(&mut self, number: u8, name: &'static str) -> Result<Option<&'a [u8]>, AuthError> {
        self.optional_explicit(der::context(number), der::OCTET_STRING, name)
    }

    fn string(&mut self, number: u8, name: &'static str) -> Result<String, AuthError> {
        self.optional_string(number, name)?.ok_or_else(|| self.malformed(name, "it is missing"))
    }

    fn optional_string(&mut self, number: u8, name: &'static str) -> Result<Option<String>, AuthError> {
        let Some(mut field) = self.optional_field(number, name)? else { return Ok(None) };
        let text = read_string(&mut field, name)?;
        field.finish(name)?;
        Ok(Some(text))
    }

    fn time(&mut self, number: u8, name: &'static str) -> Result<i64, AuthError> {
        self.optional_time(number, name)?.ok_or_else(|| self.malformed(name, "it is missing"))
    }

    fn optional_time(&mut self, number: u8, name: &'static str) -> Result<Option<i64>, AuthError> {
        let content = self.optional_explicit(der::context(number), GENERALIZED_TIME, name)?;
        let read =
            |content| time::decode(content).ok_or_else(|| self.malformed(name, "expected a time in UTC"));
        content.map(read).transpose()
    }

    fn flags(&mut self, number: u8, name: &'static str) -> Result<u32, AuthError> {
        let mut field = self.field(number, name)?;
        let content = field.expect(der::BIT_STRING, name)?.content;
        field.finish(name)?;
        let Some((unused, bits)) = content.split_first().filter(|(unused, _)| **unused < 8) else {
            return Err(self.malformed(name, "expected flags"));
        };
        // Only the first 32 mean anything; fewer are as if zeros followed.
        let mut flags = [0; 4];
        flags.iter_mut().zip(bits).for_each(|(flag, bits)| *flag = *bits);
        let kept = bits.len().saturating_mul(8).saturating_sub(usize::from(*unused)).min(32);
        let mask = u32::try_from(kept).ok().and_then(|kept| u32::MAX.checked_shr(kept)).unwrap_or(0);
        Ok(u32::from_be_bytes(flags) & !mask)
    }

    fn name(&mut self, number: u8, name: &'static str) -> Result<PrincipalName, AuthError> {
        self.optional_name(number, name)?.ok_or_else(|| self.malformed(name, "it is missing"))
    }

    fn optional_name(&mut self, number: u8, name: &'static str) -> Result<Option<PrincipalName>, AuthError> {
        let Some(mut field) = self.optional_field(number, name)? else { return Ok(None) };
        let mut fields = field.enter(der::SEQUENCE, name)?;
        field.finish(name)?;
        let kind = fields.integer(0, name)?;
        let kind = int32(&fields, kind, name)?;
        let mut wrapper = fields.field(1, name)?;
        let mut list = wrapper.enter(der::SEQUENCE, name)?;
        wrapper.finish(name)?;
        let mut components = Vec::new();
        while !list.is_empty() {
            if too_many(components.len() + 1) {
                return Err(list.malformed(name, "it has too many parts"));
            }
            components.push(read_string(&mut list, name)?);
        }
        Ok(Some(PrincipalName { kind, components }))
    }

    fn constant(&mut self, number: u8, value: i64, name: &'static str) -> Result<(), AuthError> {
        if self.integer(number, name)? == value {
            Ok(())
        } else {
            Err(self.malformed(name, "unexpected value"))
        }
    }

    fn skip(&mut self, number: u8, name: &'static str) -> Result<(), AuthError> {
        self.optional_field(number, name).map(|_| ())
    }
}

fn read_integer(reader: &Reader<'_>, content: &[u8], name: &'static str) -> Result<i64, AuthError> {
    let Some(first) = content.first().filter(|_| content.len() <= 8) else {
        return Err(reader.malformed(name, "expected an integer of at most eight octets"));
    };
    let sign: i64 = if *first >= 0x80 { -1 } else { 0 };
    Ok(content.iter().fold(sign, |sum, octet| sum << 8 | i64::from(*octet)))
}

fn read_string(reader: &mut Reader<'_>, name: &'static str) -> Result<String, AuthError> {
    let element = reader.element(name)?;
    if !matches!(element.tag, der::GENERAL_STRING | UTF8_STRING) {
        return Err(reader.malformed(name, "expected a string"));
    }
    String::from_utf8(element.content.to_vec()).map_err(|_| reader.malformed(name, "it is not UTF-8"))
}

/// An Int32.
pub(super) fn int32(reader: &Reader<'_>, value: i64, name: &'static str) -> Result<i32, AuthError> {
    i32::try_from(value).map_err(|_| reader.malformed(name, "expected 32 bits"))
}

/// A UInt32; MIT writes those above 2^31 as negative numbers.
pub(super) fn uint32(reader: &Reader<'_>, value: i64, name: &'static str) -> Result<u32, AuthError> {
    u32::try_from(value)
        .or_else(|_| i32::try_from(value).map(i32::cast_unsigned))
        .map_err(|_| reader.malformed(name, "expected 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_short_as_they_can_be() {
        for (value, expected) in [
            (0, &[0][..]),
            (127, &[127]),
            (128, &[0, 128]),
            (-1, &[0xFF]),
            (-128, &[0x80]),
            (-129, &[0xFF, 0x7F]),
            (0x7FFF_FFFF, &[0x7F, 0xFF, 0xFF, 0xFF]),
            (0xFFFF_FFFF, &[0, 0xFF, 0xFF, 0xFF, 0xFF]),
        ] {
            assert_eq!(integer(value), expected, "{value}");
            let reader = Reader::new(&[], "test");
            assert_eq!(read_integer(&reader, expected, "value").unwrap(), value);
        }
    }

    #[test]
    fn flags_may_be_few() {
        for (content, expected) in [
            (&[0x03, 0x05, 0x00, 0x40, 0x81, 0x00, 0x10][..], 0x4081_0010),
            (&[0x03, 0x02, 0x06, 0xC0], 0xC000_0000),
            (&[0x03, 0x01, 0x00], 0),
            (&[0x03, 0x06, 0x00, 1, 2, 3, 4, 5], 0x0102_0304),
        ] {
            let mut field = Vec::new();
            der::write(&mut field, der::context(0), content);
            let mut reader = Reader::new(&field, "test");
            assert_eq!(ReadFields::flags(&mut reader, 0, "flags").unwrap(), expected, "{content:02x?}");
        }
    }
}
