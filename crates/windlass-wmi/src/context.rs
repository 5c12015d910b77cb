//! Named values that travel with a call: IWbemContext ([MS-WMI] 2.2.13).

use uuid::Uuid;
use windlass_core::cursor::ReadCursor;
use windlass_dcom::ObjRef;

use crate::error::Error;
use crate::ids;

/// The version of the form.
const VERSION: u32 = 1;
/// Values of one context.
const MOST_VALUES: usize = 1024;
/// What says that a variant is an array.
const ARRAY: u16 = 0x2000;

const VT_NULL: u16 = 1;
const VT_I2: u16 = 2;
const VT_I4: u16 = 3;
const VT_R4: u16 = 4;
const VT_R8: u16 = 5;
const VT_BSTR: u16 = 8;
const VT_BOOL: u16 = 11;
const VT_UI1: u16 = 17;

/// Tells the provider which of the properties of an instance to write.
pub const PUT_EXT_PROPERTIES: &str = "__PUT_EXT_PROPERTIES";
/// Tells the provider that the context limits a write.
pub const PUT_EXTENSIONS: &str = "__PUT_EXTENSIONS";
/// Whether properties that are null are written, too.
pub const PUT_EXT_STRICT_NULLS: &str = "__PUT_EXT_STRICT_NULLS";
/// Whether all properties are written, or none.
pub const PUT_EXT_ATOMIC: &str = "__PUT_EXT_ATOMIC";

/// The language by which the caller wants data to be formatted.
pub const DATA_LOCALE: &str = "__MI_DESTINATIONOPTIONS_DATA_LOCALE";

/// Named values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Context {
    /// Tells contexts apart.
    pub id: Uuid,
    /// The values in their order.
    pub values: Vec<(String, ContextValue)>,
}

/// A value of a context.
#[derive(Debug, Clone, PartialEq)]
pub enum ContextValue {
    /// None.
    Null,
    /// A number or truth value of the type that the first field says, in eight bytes.
    Scalar(u16, [u8; 8]),
    /// A text.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// An array of numbers: their type, the size of each, and all of them.
    Numbers(u16, u32, Vec<u8>),
}

impl ContextValue {
    /// A truth value.
    pub fn boolean(value: bool) -> Self {
        let [low, high] = if value { [0xFF, 0xFF] } else { [0, 0] };
        Self::Scalar(VT_BOOL, [low, high, 0, 0, 0, 0, 0, 0])
    }

    /// A 32-bit number.
    pub fn number(value: i32) -> Self {
        let [a, b, c, d] = value.to_le_bytes();
        Self::Scalar(VT_I4, [a, b, c, d, 0, 0, 0, 0])
    }

    /// Whether it is a truth value that holds.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::Scalar(VT_BOOL, [low, high, ..]) if (*low, *high) != (0, 0))
    }
}

impl Context {
    /// The context of a write that is limited to these properties.
    pub fn partial_put<'p>(properties: impl IntoIterator<Item = &'p str>) -> Self {
        let properties = properties.into_iter().map(str::to_owned).collect();
        let values = vec![
            (PUT_EXTENSIONS.to_owned(), ContextValue::boolean(true)),
            (PUT_EXT_STRICT_NULLS.to_owned(), ContextValue::boolean(true)),
            (PUT_EXT_PROPERTIES.to_owned(), ContextValue::Texts(properties)),
        ];
        Self { id: Uuid::nil(), values }
    }

    /// The same with the language by which data is formatted, such as `de-DE`.
    #[must_use]
    pub fn with_data_locale(mut self, language: &str) -> Self {
        self.values.push((DATA_LOCALE.to_owned(), ContextValue::Text(language.to_owned())));
        self
    }

    /// The language by which data is formatted, where the context names one.
    pub fn data_locale(&self) -> Option<&str> {
        match self.get(DATA_LOCALE) {
            Some(ContextValue::Text(language)) => Some(language),
            _ => None,
        }
    }

    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&ContextValue> {
        self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The properties that a write is limited to, where it is.
    pub fn put_properties(&self) -> Option<&[String]> {
        match (self.get(PUT_EXTENSIONS), self.get(PUT_EXT_PROPERTIES)) {
            (Some(on), Some(ContextValue::Texts(properties))) if on.is_true() => Some(properties),
            _ => None,
        }
    }

    /// The context as an object reference.
    pub fn marshal(&self) -> ObjRef {
        ObjRef::custom(ids::CONTEXT, ids::CLSID_CONTEXT, self.encode())
    }

    /// Takes the context out of an object reference.
    ///
    /// # Errors
    /// Another kind of reference, bytes that are no context.
    pub fn unmarshal(reference: &ObjRef) -> Result<Self, Error> {
        let data = reference.custom_data(ids::CLSID_CONTEXT).ok_or(Error::Expected("an IWbemContext"))?;
        Self::decode(data)
    }

    /// Reads the marshalled form.
    ///
    /// # Errors
    /// Bytes that are no context.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = ReadCursor::new(bytes);
        let version = cursor.u32_le("version")?;
        if version != VERSION {
            let found = u64::from(version);
            return Err(Error::Value { field: "version", offset: 0, found, expected: "1" });
        }
        let id = Uuid::from_bytes_le(cursor.array("contextId")?);
        let count = wide(cursor.u32_le("NumberOfValues")?);
        if count > MOST_VALUES {
            return Err(Error::Limit { what: "values of a context", limit: MOST_VALUES });
        }
        let mut values = Vec::new();
        for _ in 0..count {
            let name = text(&mut cursor)?;
            cursor.u32_le("flags")?;
            values.push((name, value(&mut cursor)?));
        }
        Ok(Self { id, values })
    }

    /// The marshalled form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = VERSION.to_le_bytes().to_vec();
        out.extend(self.id.to_bytes_le());
        out.extend(length(self.values.len()));
        for (name, value) in &self.values {
            write_text(name, &mut out);
            out.extend([0; 4]);
            match value {
                ContextValue::Null => out.extend(VT_NULL.to_le_bytes()),
                ContextValue::Scalar(kind, bytes) => {
                    out.extend(kind.to_le_bytes());
                    out.extend(bytes);
                }
                ContextValue::Text(text) => {
                    out.extend(VT_BSTR.to_le_bytes());
                    write_text(text, &mut out);
                }
                ContextValue::Texts(texts) => {
                    out.extend((VT_BSTR | ARRAY).to_le_bytes());
                    out.extend(length(texts.len()));
                    out.extend([4, 0, 0, 0]);
                    for text in texts {
                        write_text(text, &mut out);
                    }
                }
                ContextValue::Numbers(kind, size, bytes) => {
                    out.extend((kind | ARRAY).to_le_bytes());
                    let count = bytes.len().checked_div(wide(*size)).unwrap_or_default();
                    out.extend(length(count));
                    out.extend(size.to_le_bytes());
                    out.extend(bytes);
                }
            }
        }
        out
    }
}

fn value(cursor: &mut ReadCursor<'_>) -> Result<ContextValue, Error> {
    let offset = cursor.position();
    let kind = cursor.u16_le("VARTYPE")?;
    let is_array = kind & ARRAY != 0;
    Ok(match (is_array, kind & !ARRAY) {
        (false, 0 | VT_NULL) => ContextValue::Null,
        (false, VT_BSTR) => ContextValue::Text(text(cursor)?),
        (false, VT_I2 | VT_I4 | VT_R4 | VT_R8 | VT_BOOL | VT_UI1) => {
            ContextValue::Scalar(kind, cursor.array("value")?)
        }
        (true, VT_BSTR) => {
            let count = wide(cursor.u32_le("count")?);
            cursor.u32_le("element size")?;
            // Every text has a length.
            if count.checked_mul(4).is_none_or(|least| least > cursor.remaining()) {
                let found = u64::try_from(count).unwrap_or(u64::MAX);
                return Err(Error::Value { field: "count", offset, found, expected: "no more than fit" });
            }
            let texts: Result<Vec<String>, Error> = (0..count).map(|_| text(cursor)).collect();
            ContextValue::Texts(texts?)
        }
        (true, element @ (VT_I2 | VT_I4 | VT_R4 | VT_R8 | VT_BOOL | VT_UI1)) => {
            let count = wide(cursor.u32_le("count")?);
            let offset = cursor.position();
            let size = cursor.u32_le("element size")?;
            if !matches!(size, 1 | 2 | 4 | 8) {
                let found = u64::from(size);
                return Err(Error::Value { field: "element size", offset, found, expected: "1, 2, 4 or 8" });
            }
            let bytes = cursor.take(count.saturating_mul(wide(size)), "elements")?;
            ContextValue::Numbers(element, size, bytes.to_vec())
        }
        _ => {
            let found = u64::from(kind);
            return Err(Error::Value { field: "VARTYPE", offset, found, expected: "a type of contexts" });
        }
    })
}

/// A text with the number of its UTF-16 units before it.
fn text(cursor: &mut ReadCursor<'_>) -> Result<String, Error> {
    let units = wide(cursor.u32_le("length")?);
    let bytes = cursor.take(units.saturating_mul(2), "text")?;
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    Ok(String::from_utf16(&units).map_err(|_| windlass_dcom::Error::Text("text of a context"))?)
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend(length(text.encode_utf16().count()));
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

fn length(count: usize) -> [u8; 4] {
    u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes()
}

fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_read_back() {
        let mut context = Context::partial_put(["State", "Größe"]);
        context.values.push(("__CorrelationId".to_owned(), ContextValue::Text("{1}".to_owned())));
        context.values.push(("__ProviderArchitecture".to_owned(), ContextValue::number(64)));
        context.values.push(("bytes".to_owned(), ContextValue::Numbers(VT_UI1, 1, vec![1, 2])));
        context.values.push(("none".to_owned(), ContextValue::Null));
        let read = Context::unmarshal(&context.marshal()).unwrap();
        assert_eq!(read, context);
        assert_eq!(read.put_properties().unwrap(), ["State", "Größe"]);
        let bytes = context.encode();
        for length in 0..bytes.len() {
            assert!(Context::decode(&bytes[..length]).is_err());
        }
    }
}
