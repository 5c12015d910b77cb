//! Reading the properties of a message's data by name and type.

use windlass_clixml::{Decoder, PsObject, PsString, PsValue, Version};

use crate::error::PsrpError;
use crate::message::MessageType;

/// The properties of one structure. Errors name the structure and the property.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    structure: &'static str,
    object: &'a PsObject,
}

/// A type that a property can have. Conversion is as strict as PowerShell's: an `I64` is no `I32`.
pub(crate) trait FromProperty: Sized {
    /// Its name in errors.
    const EXPECTED: &'static str;

    /// The value, where it has the type.
    fn from_property(value: &PsValue) -> Option<Self>;
}

macro_rules! from_property {
    ($($type:ty: $expected:literal = $variant:ident;)*) => {$(
        impl FromProperty for $type {
            const EXPECTED: &'static str = $expected;

            fn from_property(value: &PsValue) -> Option<Self> {
                match value.unwrapped() {
                    PsValue::$variant(inner) => Some(inner.clone()),
                    _ => None,
                }
            }
        }
    )*};
}

from_property! {
    bool: "a boolean" = Bool;
    i32: "an I32" = I32;
    i64: "an I64" = I64;
    PsString: "a string" = String;
    Version: "a version" = Version;
    uuid::Uuid: "a GUID" = Guid;
    windlass_clixml::PsDateTime: "a date" = DateTime;
}

impl<'a> Fields<'a> {
    /// Takes the data of a message or the value of a property, which must be an object.
    pub(crate) fn new(structure: &'static str, value: &'a PsValue) -> Result<Self, PsrpError> {
        match value {
            PsValue::Object(object) => Ok(Self { structure, object }),
            other => Err(PsrpError::PropertyType {
                structure,
                property: "data",
                expected: "an object",
                found: kind_of(other),
            }),
        }
    }

    /// A property as it is; `None` where it is absent. Where it comes twice, the last counts, as in
    /// PowerShell.
    pub(crate) fn value(&self, name: &'static str) -> Option<&'a PsValue> {
        self.object.get(name)
    }

    /// A property that must be there, null or not.
    pub(crate) fn present(&self, name: &'static str) -> Result<&'a PsValue, PsrpError> {
        self.value(name).ok_or(PsrpError::MissingProperty { structure: self.structure, property: name })
    }

    /// A property that must be there and have its type.
    pub(crate) fn required<T: FromProperty>(&self, name: &'static str) -> Result<T, PsrpError> {
        self.typed(name, self.present(name)?)
    }

    /// A property that may be absent or null, and otherwise has its type.
    pub(crate) fn optional<T: FromProperty>(&self, name: &'static str) -> Result<Option<T>, PsrpError> {
        match self.value(name) {
            None | Some(PsValue::Null) => Ok(None),
            Some(value) => self.typed(name, value).map(Some),
        }
    }

    /// A property that may be absent or null, as text; other types give none, as nothing hangs on it.
    pub(crate) fn text(&self, name: &'static str) -> Option<PsString> {
        self.value(name).and_then(PsString::from_property)
    }

    /// A property as it is, null where it is absent.
    pub(crate) fn any(&self, name: &'static str) -> PsValue {
        self.value(name).cloned().unwrap_or_default()
    }

    /// A property that is a structure of its own.
    pub(crate) fn structure(
        &self,
        name: &'static str,
        structure: &'static str,
    ) -> Result<Fields<'a>, PsrpError> {
        match self.present(name)? {
            PsValue::Object(object) => Ok(Fields { structure, object }),
            other => Err(self.wrong_type(name, "an object", other)),
        }
    }

    /// A property that must be there and be a list.
    pub(crate) fn list(&self, name: &'static str) -> Result<&'a [PsValue], PsrpError> {
        let value = self.present(name)?;
        value.items().ok_or_else(|| self.wrong_type(name, "a list", value))
    }

    /// What an error says about a property of the wrong type.
    pub(crate) fn wrong_type(
        &self,
        property: &'static str,
        expected: &'static str,
        value: &PsValue,
    ) -> PsrpError {
        PsrpError::PropertyType { structure: self.structure, property, expected, found: kind_of(value) }
    }

    /// What an error says about a property whose number is not allowed.
    pub(crate) fn wrong_value(
        &self,
        property: &'static str,
        expected: &'static str,
        found: i64,
    ) -> PsrpError {
        PsrpError::PropertyValue { structure: self.structure, property, expected, found }
    }

    fn typed<T: FromProperty>(&self, name: &'static str, value: &PsValue) -> Result<T, PsrpError> {
        T::from_property(value).ok_or_else(|| self.wrong_type(name, T::EXPECTED, value))
    }
}

/// Decodes the data of a message; none stand for null.
pub(crate) fn decode_data(
    decoder: &mut Decoder,
    kind: MessageType,
    data: &str,
    limits: &windlass_clixml::Limits,
) -> Result<PsValue, PsrpError> {
    if data.is_empty() {
        return Ok(PsValue::Null);
    }
    decoder.decode(data, limits).map_err(|source| PsrpError::Clixml { kind, source })
}

/// What an error calls a value, without showing it.
pub(crate) fn kind_of(value: &PsValue) -> &'static str {
    match value {
        PsValue::Null => "null",
        PsValue::String(_) => "a string",
        PsValue::Char(_) => "a character",
        PsValue::Bool(_) => "a boolean",
        PsValue::DateTime(_) => "a date",
        PsValue::TimeSpan(_) => "a time span",
        PsValue::U8(_) => "a byte",
        PsValue::I8(_) => "an I8",
        PsValue::U16(_) => "a U16",
        PsValue::I16(_) => "an I16",
        PsValue::U32(_) => "a U32",
        PsValue::I32(_) => "an I32",
        PsValue::U64(_) => "a U64",
        PsValue::I64(_) => "an I64",
        PsValue::F32(_) | PsValue::F64(_) => "a float",
        PsValue::Decimal(_) => "a decimal",
        PsValue::Bytes(_) => "a byte array",
        PsValue::Guid(_) => "a GUID",
        PsValue::Uri(_) => "an address",
        PsValue::Version(_) => "a version",
        PsValue::Xml(_) => "an XML document",
        PsValue::ScriptBlock(_) => "a script block",
        PsValue::SecureString(_) => "a secure string",
        PsValue::ProgressRecord(_) => "a progress record",
        PsValue::Object(_) => "an object",
        PsValue::Back(_) => "a reference",
    }
}
