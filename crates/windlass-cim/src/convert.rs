//! Conversions between Rust values and CIM values.

use crate::class::CimClass;
use crate::datetime::{CimDateTime, Interval, PointInTime};
use crate::error::Error;
use crate::instance::CimInstance;
use crate::path::ObjectPath;
use crate::types::CimType;
use crate::value::{CimArray, CimValue};

/// A Rust type that a scalar of one CIM type maps to.
pub trait CimScalar: Sized {
    /// The CIM type.
    const TYPE: CimType;

    /// Wraps the value.
    fn into_value(self) -> CimValue;

    /// Takes the value out; integers convert where the number fits.
    ///
    /// # Errors
    /// When the value is null, an array, of another kind, or does not fit.
    fn from_value(value: &CimValue) -> Result<Self, Error>;
}

macro_rules! integers {
    ($($rust:ty => $variant:ident),*) => {$(
        impl CimScalar for $rust {
            const TYPE: CimType = CimType::$variant;

            fn into_value(self) -> CimValue {
                CimValue::$variant(self)
            }

            fn from_value(value: &CimValue) -> Result<Self, Error> {
                value
                    .as_i128()
                    .and_then(|n| Self::try_from(n).ok())
                    .ok_or_else(|| mismatch(Self::TYPE, value))
            }
        }
    )*};
}

integers! {
    u8 => UInt8, i8 => SInt8, u16 => UInt16, i16 => SInt16,
    u32 => UInt32, i32 => SInt32, u64 => UInt64, i64 => SInt64
}

macro_rules! others {
    ($($rust:ty => $type:ident, $into:expr, $($from:pat => $out:expr),+);* $(;)?) => {$(
        impl CimScalar for $rust {
            const TYPE: CimType = CimType::$type;

            fn into_value(self) -> CimValue {
                $into(self)
            }

            fn from_value(value: &CimValue) -> Result<Self, Error> {
                match value {
                    $($from => Ok($out),)+
                    other => Err(mismatch(Self::TYPE, other)),
                }
            }
        }
    )*};
}

others! {
    bool => Boolean, CimValue::Boolean, CimValue::Boolean(b) => *b;
    f32 => Real32, CimValue::Real32, CimValue::Real32(r) => *r;
    f64 => Real64, CimValue::Real64, CimValue::Real64(r) => *r, CimValue::Real32(r) => f64::from(*r);
    String => String, CimValue::String, CimValue::String(s) => s.clone();
    CimDateTime => DateTime, |d| CimValue::DateTime(Box::new(d)), CimValue::DateTime(d) => **d;
    ObjectPath => Reference, |p| CimValue::Reference(Box::new(p)), CimValue::Reference(p) => (**p).clone();
    CimInstance => Instance, |i| CimValue::Instance(Box::new(i)), CimValue::Instance(i) => (**i).clone();
}

fn mismatch(expected: CimType, found: &CimValue) -> Error {
    Error::Type { expected: expected.name(), found: found.describe() }
}

impl<T: CimScalar> From<T> for CimValue {
    fn from(value: T) -> Self {
        value.into_value()
    }
}

impl<T: CimScalar> From<Vec<T>> for CimValue {
    fn from(values: Vec<T>) -> Self {
        let items = values.into_iter().map(T::into_value).collect();
        Self::Array(Box::new(CimArray::from_trusted(T::TYPE, items)))
    }
}

impl<T: CimScalar> From<Option<T>> for CimValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into_value)
    }
}

impl From<&str> for CimValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<PointInTime> for CimValue {
    fn from(point: PointInTime) -> Self {
        CimDateTime::Point(point).into()
    }
}

impl From<Interval> for CimValue {
    fn from(interval: Interval) -> Self {
        CimDateTime::Interval(interval).into()
    }
}

impl From<CimClass> for CimValue {
    fn from(class: CimClass) -> Self {
        Self::Class(Box::new(class))
    }
}

impl From<CimArray> for CimValue {
    fn from(array: CimArray) -> Self {
        Self::Array(Box::new(array))
    }
}

impl CimValue {
    /// A value of any integer type.
    #[must_use]
    pub fn as_i128(&self) -> Option<i128> {
        Some(match *self {
            Self::UInt8(n) => n.into(),
            Self::SInt8(n) => n.into(),
            Self::UInt16(n) => n.into(),
            Self::SInt16(n) => n.into(),
            Self::UInt32(n) => n.into(),
            Self::SInt32(n) => n.into(),
            Self::UInt64(n) => n.into(),
            Self::SInt64(n) => n.into(),
            _ => return None,
        })
    }

    /// A value of any integer type, where it is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_i128().and_then(|n| n.try_into().ok())
    }

    /// A value of any integer type, where it fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128().and_then(|n| n.try_into().ok())
    }

    /// A value of a real type.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Real32(r) => Some(r.into()),
            Self::Real64(r) => Some(r),
            _ => None,
        }
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match *self {
            Self::Boolean(b) => Some(b),
            _ => None,
        }
    }

    /// A string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// A datetime.
    #[must_use]
    pub fn as_datetime(&self) -> Option<&CimDateTime> {
        match self {
            Self::DateTime(d) => Some(d),
            _ => None,
        }
    }

    /// A reference.
    #[must_use]
    pub fn as_reference(&self) -> Option<&ObjectPath> {
        match self {
            Self::Reference(path) => Some(path),
            _ => None,
        }
    }

    /// An embedded instance.
    #[must_use]
    pub fn as_instance(&self) -> Option<&CimInstance> {
        match self {
            Self::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// An array.
    #[must_use]
    pub fn as_array(&self) -> Option<&CimArray> {
        match self {
            Self::Array(array) => Some(array),
            _ => None,
        }
    }

    /// Takes a scalar out, see [`CimScalar::from_value`].
    ///
    /// # Errors
    /// When the value is null, an array, of another kind, or does not fit.
    pub fn get<T: CimScalar>(&self) -> Result<T, Error> {
        T::from_value(self)
    }

    /// Takes the elements of an array out.
    ///
    /// # Errors
    /// When the value is not an array or an element does not fit.
    pub fn get_array<T: CimScalar>(&self) -> Result<Vec<T>, Error> {
        match self {
            Self::Array(array) => array.items().iter().map(T::from_value).collect(),
            other => Err(Error::Type { expected: "an array", found: other.describe() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_convert_where_they_fit() {
        assert_eq!(CimValue::UInt8(7).get::<i64>().unwrap(), 7);
        assert_eq!(CimValue::from(300_u16).get::<u16>().unwrap(), 300);
        assert!(CimValue::from(300_u16).get::<u8>().is_err());
        assert!(CimValue::from(-1_i32).get::<u64>().is_err());
        assert!(CimValue::Char16(65).get::<u16>().is_err());
        assert!(CimValue::Null.get::<String>().is_err());
        assert_eq!(CimValue::from(u64::MAX).as_u64(), Some(u64::MAX));
        assert_eq!(CimValue::from(u64::MAX).as_i64(), None);
    }

    #[test]
    fn arrays_and_options() {
        let value = CimValue::from(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(value.get_array::<String>().unwrap(), ["a", "b"]);
        assert_eq!(value.cim_type(), Some(CimType::String));
        assert_eq!(CimValue::from(None::<u8>), CimValue::Null);
        let error = CimValue::from(true).get::<u32>().unwrap_err();
        assert_eq!(error.to_string(), "boolean where uint32 is expected");
    }
}
