//! The text of one element as a value.

use std::borrow::Cow;

use windlass_xml::{Element, Reader};

use super::shape::Kind;
use super::{NS_COMMON, NS_MICROSOFT, NS_XSD, NS_XSI};
use crate::error::Error;
use crate::types::CimType;
use crate::value::{CimArray, CimValue};

/// The attributes of a property element that matter.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) is_nil: bool,
    pub(super) is_null_array: bool,
    pub(super) stated: Option<Stated>,
}

/// What `xsi:type` names.
#[derive(Clone, Debug)]
pub(super) enum Stated {
    Class(String),
    Scalar(CimType),
    Base64,
    Hex,
}

impl Marks {
    pub(super) fn read(reader: &Reader<'_>, element: &Element<'_>) -> Result<Self, Error> {
        let mut marks = Self::default();
        if !element.has_attributes() {
            return Ok(marks);
        }
        for attribute in element.attributes() {
            let (ns, local, value) = attribute?;
            match (&*ns, local) {
                (NS_XSI, "nil") => marks.is_nil = matches!(value.trim(), "true" | "1"),
                (NS_XSI, "type") => marks.stated = stated(reader, &value)?,
                (NS_MICROSOFT, "IsNullArray") => marks.is_null_array = matches!(value.trim(), "true" | "1"),
                _ => {}
            }
        }
        Ok(marks)
    }
}

fn stated(reader: &Reader<'_>, qname: &str) -> Result<Option<Stated>, Error> {
    let (ns, local) = reader.resolve(qname)?;
    if &*ns != NS_COMMON && &*ns != NS_XSD {
        let class = local.strip_suffix("_Type").unwrap_or(local);
        return Ok(Some(Stated::Class(class.to_owned())));
    }
    Ok(Some(Stated::Scalar(match local {
        "cimBoolean" | "boolean" => CimType::Boolean,
        "cimByte" | "byte" => CimType::SInt8,
        "cimUnsignedByte" | "unsignedByte" => CimType::UInt8,
        "cimShort" | "short" => CimType::SInt16,
        "cimUnsignedShort" | "unsignedShort" => CimType::UInt16,
        "cimInt" | "int" => CimType::SInt32,
        "cimUnsignedInt" | "unsignedInt" => CimType::UInt32,
        "cimLong" | "long" => CimType::SInt64,
        "cimUnsignedLong" | "unsignedLong" => CimType::UInt64,
        "cimFloat" | "float" => CimType::Real32,
        "cimDouble" | "double" => CimType::Real64,
        "cimChar16" => CimType::Char16,
        "cimString" | "string" => CimType::String,
        "cimDateTime" | "dateTime" | "duration" => CimType::DateTime,
        "cimReference" => CimType::Reference,
        "cimBase64Binary" | "base64Binary" => return Ok(Some(Stated::Base64)),
        "cimHexBinary" | "hexBinary" => return Ok(Some(Stated::Hex)),
        _ => return Ok(None),
    })))
}

/// The value of an element that holds text alone; a string takes the text.
pub(super) fn text_value(
    text: &mut Cow<'_, str>,
    stated: Option<&Stated>,
    kind: Option<&Kind>,
) -> Result<CimValue, Error> {
    match (kind, stated) {
        (Some(Kind { element: CimType::String, .. }), _)
        | (None, None | Some(Stated::Base64 | Stated::Hex | Stated::Class(_))) => {
            Ok(CimValue::String(std::mem::take(text).into_owned()))
        }
        (None, Some(Stated::Scalar(cim_type))) => CimValue::parse_text(*cim_type, text),
        (Some(kind), stated) if kind.element == CimType::UInt8 && kind.is_array => {
            octets(text, stated, kind.is_octets)
        }
        (Some(kind), _) => CimValue::parse_text(kind.element, text),
    }
}

/// Octets in base64 or hexadecimal, as stated, or one octet as a number.
fn octets(text: &str, stated: Option<&Stated>, is_octets: bool) -> Result<CimValue, Error> {
    let error = || Error::Text { expected: CimType::UInt8 };
    match stated {
        Some(Stated::Base64) => base64(text).ok_or_else(error),
        Some(Stated::Hex) => hex(text).ok_or_else(error),
        _ => match CimValue::parse_text(CimType::UInt8, text) {
            Err(_) if is_octets => base64(text).ok_or_else(error),
            number => number,
        },
    }
}

/// Octets that were read as text, when their class was not known.
pub(crate) fn octets_of_text(text: &str) -> Result<CimValue, Error> {
    octets(text, None, true)
}

fn base64(text: &str) -> Option<CimValue> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = base64_simd::STANDARD.decode_to_vec(packed).ok()?;
    Some(bytes.into())
}

fn hex(text: &str) -> Option<CimValue> {
    let digits: Vec<u8> = text.trim().bytes().collect();
    let pairs = digits.chunks(2).map(|pair| match pair {
        [a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().map(CimValue::UInt8)
        }
        _ => None,
    });
    let items = pairs.collect::<Option<Vec<_>>>()?;
    Some(CimArray::from_trusted(CimType::UInt8, items).into())
}

/// Adds an element's value to what the elements of the same name gave before: the second makes an
/// array of them.
pub(super) fn append(value: &mut CimValue, element: CimType, item: CimValue) -> Result<CimType, Error> {
    if let CimValue::Array(array) = value {
        match array.push(item) {
            Ok(()) => return Ok(array.element()),
            Err(item) => return append_mixed(value, item),
        }
    }
    let first = std::mem::take(value);
    let element = first.cim_type().or(item.cim_type()).unwrap_or(element);
    let mut array = CimArray::new(element);
    let mut refused = None;
    for item in [first, item] {
        if let Err(item) = array.push(item) {
            refused = Some(item);
        }
    }
    *value = CimValue::Array(Box::new(array));
    refused.map_or(Ok(element), |item| append_mixed(value, item))
}

/// An item of another type than those before: only nulls before leave the choice open, texts can
/// stand for any scalar.
fn append_mixed(value: &mut CimValue, item: CimValue) -> Result<CimType, Error> {
    let found = item.describe();
    let CimValue::Array(array) = std::mem::take(value) else {
        return Err(Error::Type { expected: "an array", found });
    };
    let open = array.items().iter().all(CimValue::is_null);
    let element = item.cim_type().filter(|_| open && !item.is_array()).unwrap_or(CimType::String);
    let mut items = array.into_items();
    items.push(item);
    let items = items.into_iter().map(|item| item.convert(element, false)).collect::<Result<_, _>>()?;
    *value = CimArray::from_trusted(element, items).into();
    Ok(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_in_three_forms() {
        let bytes = CimValue::from(b"ABC".to_vec());
        assert_eq!(octets(" QU\nJD ", Some(&Stated::Base64), false).unwrap(), bytes);
        assert_eq!(octets("414243", Some(&Stated::Hex), false).unwrap(), bytes);
        assert_eq!(octets("QUJD", None, true).unwrap(), bytes);
        assert_eq!(octets("65", None, true).unwrap(), CimValue::UInt8(65));
        for (text, stated) in [("QUJ", Stated::Base64), ("4", Stated::Hex), ("4é", Stated::Hex)] {
            assert!(octets(text, Some(&stated), false).is_err(), "{text}");
        }
    }

    #[test]
    fn repeated_elements_become_arrays() {
        let mut value = CimValue::from("a");
        append(&mut value, CimType::String, CimValue::Null).unwrap();
        append(&mut value, CimType::String, "b".into()).unwrap();
        assert_eq!(value.items(), ["a".into(), CimValue::Null, "b".into()]);

        let mut value = CimValue::Null;
        append(&mut value, CimType::String, CimValue::Null).unwrap();
        append(&mut value, CimType::String, CimValue::UInt8(1)).unwrap();
        assert_eq!(value.cim_type(), Some(CimType::UInt8));
        append(&mut value, CimType::String, "x".into()).unwrap();
        assert_eq!(value.items(), [CimValue::Null, CimValue::Null, "1".into(), "x".into()]);
        let instance = crate::CimInstance::new("X");
        assert!(append(&mut value, CimType::String, instance.into()).is_err());
    }
}
