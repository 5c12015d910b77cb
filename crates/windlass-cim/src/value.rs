//! Values of every CIM type.

use crate::class::CimClass;
use crate::datetime::CimDateTime;
use crate::instance::CimInstance;
use crate::path::ObjectPath;
use crate::types::CimType;

/// A value of a property, parameter, qualifier or key.
///
/// `==` compares type and content; two NaN are equal. See [`CimValue::cim_eq`] and
/// [`CimValue::cim_cmp`] for the comparison that CIM defines.
#[derive(Clone, Debug, Default)]
pub enum CimValue {
    /// No value. An absent property has no [`CimProperty`](crate::CimProperty); an empty array is an
    /// [`CimValue::Array`] without items.
    #[default]
    Null,
    /// `boolean`
    Boolean(bool),
    /// `uint8`
    UInt8(u8),
    /// `sint8`
    SInt8(i8),
    /// `uint16`
    UInt16(u16),
    /// `sint16`
    SInt16(i16),
    /// `uint32`
    UInt32(u32),
    /// `sint32`
    SInt32(i32),
    /// `uint64`
    UInt64(u64),
    /// `sint64`
    SInt64(i64),
    /// `real32`
    Real32(f32),
    /// `real64`
    Real64(f64),
    /// `char16`: a UTF-16 code unit, which may be half of a pair.
    Char16(u16),
    /// `string`
    String(String),
    /// `datetime`
    DateTime(Box<CimDateTime>),
    /// A reference to an instance or class.
    Reference(Box<ObjectPath>),
    /// An embedded instance.
    Instance(Box<CimInstance>),
    /// An embedded class.
    Class(Box<CimClass>),
    /// An array.
    Array(Box<CimArray>),
}

/// An array of values of one type; an element may be null.
#[derive(Clone, Debug, PartialEq)]
pub struct CimArray {
    element: CimType,
    items: Vec<CimValue>,
}

impl CimValue {
    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is an array, empty ones included.
    #[must_use]
    pub fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }

    /// The type of the value, or of the elements of an array; `None` for null.
    #[must_use]
    pub fn cim_type(&self) -> Option<CimType> {
        Some(match self {
            Self::Null => return None,
            Self::Boolean(_) => CimType::Boolean,
            Self::UInt8(_) => CimType::UInt8,
            Self::SInt8(_) => CimType::SInt8,
            Self::UInt16(_) => CimType::UInt16,
            Self::SInt16(_) => CimType::SInt16,
            Self::UInt32(_) => CimType::UInt32,
            Self::SInt32(_) => CimType::SInt32,
            Self::UInt64(_) => CimType::UInt64,
            Self::SInt64(_) => CimType::SInt64,
            Self::Real32(_) => CimType::Real32,
            Self::Real64(_) => CimType::Real64,
            Self::Char16(_) => CimType::Char16,
            Self::String(_) => CimType::String,
            Self::DateTime(_) => CimType::DateTime,
            Self::Reference(_) => CimType::Reference,
            Self::Instance(_) => CimType::Instance,
            Self::Class(_) => CimType::Object,
            Self::Array(array) => array.element,
        })
    }

    /// Whether a property declared with `element` can hold this scalar or null. An embedded instance
    /// is also an object.
    #[must_use]
    pub fn is_of(&self, element: CimType) -> bool {
        match (self, element) {
            (Self::Array(_), _) => false,
            (Self::Null, _) | (Self::Instance(_), CimType::Object) => true,
            _ => self.cim_type() == Some(element),
        }
    }

    /// The items of an array; a scalar counts as its only item, null as none.
    #[must_use]
    pub fn items(&self) -> &[CimValue] {
        match self {
            Self::Null => &[],
            Self::Array(array) => &array.items,
            scalar => std::slice::from_ref(scalar),
        }
    }

    /// What it is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Array(_) => "an array",
            other => other.cim_type().map_or("null", CimType::name),
        }
    }
}

impl CimArray {
    /// An empty array of a type.
    #[must_use]
    pub fn new(element: CimType) -> Self {
        Self { element, items: Vec::new() }
    }

    /// An array of scalars. `None` when an item is an array or of another type.
    #[must_use]
    pub fn from_values(element: CimType, items: Vec<CimValue>) -> Option<Self> {
        items.iter().all(|item| item.is_of(element)).then_some(Self { element, items })
    }

    /// An array of items that the caller knows to be of that type.
    pub(crate) fn from_trusted(element: CimType, items: Vec<CimValue>) -> Self {
        Self { element, items }
    }

    /// The type of the elements.
    #[must_use]
    pub fn element(&self) -> CimType {
        self.element
    }

    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[CimValue] {
        &self.items
    }

    /// Takes the elements.
    #[must_use]
    pub fn into_items(self) -> Vec<CimValue> {
        self.items
    }

    /// Appends an element; gives it back when it is of another type.
    ///
    /// # Errors
    /// The value, when it is an array or of another type.
    pub fn push(&mut self, item: CimValue) -> Result<(), CimValue> {
        if item.is_of(self.element) {
            self.items.push(item);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl PartialEq for CimValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::UInt8(a), Self::UInt8(b)) => a == b,
            (Self::SInt8(a), Self::SInt8(b)) => a == b,
            (Self::UInt16(a), Self::UInt16(b)) | (Self::Char16(a), Self::Char16(b)) => a == b,
            (Self::SInt16(a), Self::SInt16(b)) => a == b,
            (Self::UInt32(a), Self::UInt32(b)) => a == b,
            (Self::SInt32(a), Self::SInt32(b)) => a == b,
            (Self::UInt64(a), Self::UInt64(b)) => a == b,
            (Self::SInt64(a), Self::SInt64(b)) => a == b,
            (Self::Real32(a), Self::Real32(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::Real64(a), Self::Real64(b)) => a == b || a.is_nan() && b.is_nan(),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::DateTime(a), Self::DateTime(b)) => a == b,
            (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::Instance(a), Self::Instance(b)) => a == b,
            (Self::Class(a), Self::Class(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_empty_and_scalar_are_told_apart() {
        let empty = CimValue::Array(Box::new(CimArray::new(CimType::UInt8)));
        assert_ne!(empty, CimValue::Null);
        assert_ne!(empty, CimValue::Array(Box::new(CimArray::new(CimType::SInt8))));
        assert_eq!(empty.cim_type(), Some(CimType::UInt8));
        assert_eq!(CimValue::Null.cim_type(), None);
        assert_eq!(CimValue::UInt8(1).items(), [CimValue::UInt8(1)]);
        assert_eq!(CimValue::Real64(f64::NAN), CimValue::Real64(f64::NAN));
    }

    #[test]
    fn arrays_hold_one_type() {
        assert!(CimArray::from_values(CimType::UInt8, vec![CimValue::UInt8(1), CimValue::Null]).is_some());
        assert!(CimArray::from_values(CimType::UInt8, vec![CimValue::UInt16(1)]).is_none());
        let mut array = CimArray::new(CimType::String);
        assert!(array.push("a".into()).is_ok());
        assert_eq!(array.push(CimValue::Boolean(true)), Err(CimValue::Boolean(true)));
        assert_eq!(array.len(), 1);
    }

    #[test]
    fn a_value_is_small() {
        assert!(size_of::<CimValue>() <= 24);
    }
}
