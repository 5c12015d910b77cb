//! Values: everything that can stand in CLIXML.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::back::BackReference;
use crate::datetime::PsDateTime;
use crate::decimal::Decimal;
use crate::encode::Encoder;
use crate::object::{Base, PsObject};
use crate::progress::ProgressRecord;
use crate::string::PsString;
use crate::version::Version;
use crate::writer::{Label, Writer};

/// A value of PowerShell.
///
/// Clones are cheap: whatever is large is shared. Comparing and dropping go without recursion.
/// `Debug` prints the CLIXML with secure strings left out.
#[derive(Clone, Default)]
pub enum PsValue {
    /// `$null`, tag `Nil`.
    #[default]
    Null,
    /// Tag `S`.
    String(PsString),
    /// One UTF-16 code unit, tag `C`.
    Char(u16),
    /// Tag `B`.
    Bool(bool),
    /// Tag `DT`.
    DateTime(PsDateTime),
    /// A span of time in ticks of 100 ns, tag `TS`.
    TimeSpan(i64),
    /// Tag `By`.
    U8(u8),
    /// Tag `SB`.
    I8(i8),
    /// Tag `U16`.
    U16(u16),
    /// Tag `I16`.
    I16(i16),
    /// Tag `U32`.
    U32(u32),
    /// Tag `I32`.
    I32(i32),
    /// Tag `U64`.
    U64(u64),
    /// Tag `I64`.
    I64(i64),
    /// Tag `Sg`.
    F32(f32),
    /// Tag `Db`.
    F64(f64),
    /// Tag `D`.
    Decimal(Decimal),
    /// Tag `BA`.
    Bytes(Arc<[u8]>),
    /// Tag `G`.
    Guid(Uuid),
    /// An absolute or relative address, tag `URI`.
    Uri(PsString),
    /// Tag `Version`.
    Version(Version),
    /// The text of an XML document, never parsed here, tag `XD`.
    Xml(PsString),
    /// The text of a script block, which PowerShell receives as a string, tag `SBK`.
    ScriptBlock(PsString),
    /// What stands in tag `SS`: ciphertext whose key is the session's business.
    SecureString(PsString),
    /// Tag `PR`.
    ProgressRecord(Arc<ProgressRecord>),
    /// Tag `Obj`. Where one object stands in several places of a message, those share it.
    Object(Arc<PsObject>),
    /// An object that encloses this value, as in a child that names its parent.
    Back(BackReference),
}

impl PsValue {
    /// Bytes.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// An untyped list, as PowerShell's `@(...)` sends it: type names of `System.Object[]`.
    pub fn list(items: impl IntoIterator<Item = PsValue>) -> Self {
        PsObject::typed(["System.Object[]", "System.Array", "System.Object"])
            .with_base(Base::List(items.into_iter().collect()))
            .into()
    }

    /// A hash table.
    pub fn dictionary<K: Into<PsValue>>(entries: impl IntoIterator<Item = (K, PsValue)>) -> Self {
        PsObject::typed(["System.Collections.Hashtable", "System.Object"])
            .with_base(Base::Dictionary(
                entries.into_iter().map(|(key, value)| (key.into(), value)).collect(),
            ))
            .into()
    }

    /// Whether this is `$null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The value inside objects that wrap one, such as an enumeration or a string with note
    /// properties; other values as they are.
    pub fn unwrapped(&self) -> &Self {
        let mut value = self;
        while let Self::Object(object) = value {
            match &object.base {
                Base::Primitive(inner) => value = inner,
                _ => break,
            }
        }
        value
    }

    /// The text of a string, address, XML document or script block.
    pub fn as_str(&self) -> Option<&str> {
        match self.unwrapped() {
            Self::String(text) | Self::Uri(text) | Self::Xml(text) | Self::ScriptBlock(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.unwrapped() {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Any integer that fits.
    pub fn as_i64(&self) -> Option<i64> {
        Some(match self.unwrapped() {
            Self::U8(value) => i64::from(*value),
            Self::I8(value) => i64::from(*value),
            Self::U16(value) | Self::Char(value) => i64::from(*value),
            Self::I16(value) => i64::from(*value),
            Self::U32(value) => i64::from(*value),
            Self::I32(value) => i64::from(*value),
            Self::U64(value) => i64::try_from(*value).ok()?,
            Self::I64(value) => *value,
            _ => return None,
        })
    }

    /// Any integer that fits.
    pub fn as_i32(&self) -> Option<i32> {
        self.as_i64().and_then(|value| i32::try_from(value).ok())
    }

    /// Any integer that fits.
    pub fn as_u64(&self) -> Option<u64> {
        match self.unwrapped() {
            Self::U64(value) => Some(*value),
            other => other.as_i64().and_then(|value| u64::try_from(value).ok()),
        }
    }

    /// Any number, as nearly as a double can hold it.
    pub fn as_f64(&self) -> Option<f64> {
        match self.unwrapped() {
            Self::F32(value) => Some(f64::from(*value)),
            Self::F64(value) => Some(*value),
            Self::Decimal(value) => value.to_string().parse().ok(),
            Self::U64(value) => value.to_string().parse().ok(),
            other => other.as_i64().and_then(|value| value.to_string().parse().ok()),
        }
    }

    /// A byte array.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.unwrapped() {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A GUID.
    pub fn as_guid(&self) -> Option<Uuid> {
        match self.unwrapped() {
            Self::Guid(guid) => Some(*guid),
            _ => None,
        }
    }

    /// A version number.
    pub fn as_version(&self) -> Option<Version> {
        match self.unwrapped() {
            Self::Version(version) => Some(*version),
            _ => None,
        }
    }

    /// A point in time.
    pub fn as_datetime(&self) -> Option<PsDateTime> {
        match self.unwrapped() {
            Self::DateTime(value) => Some(*value),
            _ => None,
        }
    }

    /// The object, where this is one. Use [`PsValue::to_object`] to follow references backwards too.
    pub fn as_object(&self) -> Option<&Arc<PsObject>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object, also where this refers to an enclosing one that is still alive.
    pub fn to_object(&self) -> Option<Arc<PsObject>> {
        match self {
            Self::Object(object) => Some(Arc::clone(object)),
            Self::Back(reference) => reference.upgrade(),
            _ => None,
        }
    }

    /// A property of an object: extended ones first, then adapted ones, names in any case.
    pub fn get(&self, name: &str) -> Option<&PsValue> {
        self.as_object()?.get(name)
    }

    /// The items of a list, stack, queue or other enumeration.
    pub fn items(&self) -> Option<&[PsValue]> {
        self.as_object()?.items()
    }

    /// The entries of a dictionary, in order.
    pub fn entries(&self) -> Option<&[(PsValue, PsValue)]> {
        self.as_object()?.entries()
    }

    /// The value of a dictionary under a string key, in any case.
    pub fn entry(&self, key: &str) -> Option<&PsValue> {
        self.as_object()?.entry(key)
    }
}

macro_rules! from {
    ($($source:ty => $variant:ident),* $(,)?) => {$(
        impl From<$source> for PsValue {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    PsString => String, &str => String, String => String, &String => String,
    bool => Bool, PsDateTime => DateTime, Decimal => Decimal, Uuid => Guid, Version => Version,
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, u64 => U64, i64 => I64,
    f32 => F32, f64 => F64,
    ProgressRecord => ProgressRecord, PsObject => Object, Arc<PsObject> => Object,
}

impl<T: Into<PsValue>> From<Option<T>> for PsValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl fmt::Debug for PsValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        Encoder::new(Writer::compact(&mut text)).redacted().value(self, Label::None);
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_objects_stay_small() {
        assert!(size_of::<PsValue>() <= 32);
        // With the counts of its owners 128, which are copied without a call.
        assert!(size_of::<PsObject>() <= 112);
    }
}
