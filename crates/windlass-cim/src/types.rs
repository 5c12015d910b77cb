//! The data types of CIM (DSP0004 5.2).

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::name::CimName;

/// An intrinsic CIM type, without regard to arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CimType {
    /// `boolean`.
    Boolean,
    /// `uint8`.
    UInt8,
    /// `sint8`.
    SInt8,
    /// `uint16`.
    UInt16,
    /// `sint16`.
    SInt16,
    /// `uint32`.
    UInt32,
    /// `sint32`.
    SInt32,
    /// `uint64`.
    UInt64,
    /// `sint64`.
    SInt64,
    /// `real32`.
    Real32,
    /// `real64`.
    Real64,
    /// `char16`: one UTF-16 code unit.
    Char16,
    /// `string`.
    String,
    /// `datetime`: a point in time or an interval.
    DateTime,
    /// `<class> ref`: a reference to an instance.
    Reference,
    /// An embedded instance of a named class.
    Instance,
    /// An embedded object: a class or an instance of any class.
    Object,
}

impl CimType {
    /// Every type, in the order of declaration.
    pub const ALL: [Self; 17] = [
        Self::Boolean,
        Self::UInt8,
        Self::SInt8,
        Self::UInt16,
        Self::SInt16,
        Self::UInt32,
        Self::SInt32,
        Self::UInt64,
        Self::SInt64,
        Self::Real32,
        Self::Real64,
        Self::Char16,
        Self::String,
        Self::DateTime,
        Self::Reference,
        Self::Instance,
        Self::Object,
    ];

    /// The name that schemas use: `uint32`, `datetime`; `reference`, `instance` and `object` where
    /// MOF would name a class.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::UInt8 => "uint8",
            Self::SInt8 => "sint8",
            Self::UInt16 => "uint16",
            Self::SInt16 => "sint16",
            Self::UInt32 => "uint32",
            Self::SInt32 => "sint32",
            Self::UInt64 => "uint64",
            Self::SInt64 => "sint64",
            Self::Real32 => "real32",
            Self::Real64 => "real64",
            Self::Char16 => "char16",
            Self::String => "string",
            Self::DateTime => "datetime",
            Self::Reference => "reference",
            Self::Instance => "instance",
            Self::Object => "object",
        }
    }

    /// Whether it is one of the eight integer types; `char16` is not.
    #[must_use]
    pub fn is_integer(self) -> bool {
        matches!(
            self,
            Self::UInt8
                | Self::SInt8
                | Self::UInt16
                | Self::SInt16
                | Self::UInt32
                | Self::SInt32
                | Self::UInt64
                | Self::SInt64
        )
    }

    /// Whether it is an integer or a real type.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        self.is_integer() || matches!(self, Self::Real32 | Self::Real64)
    }

    /// Whether it is an embedded instance or object.
    #[must_use]
    pub fn is_embedded(self) -> bool {
        matches!(self, Self::Instance | Self::Object)
    }
}

impl fmt::Display for CimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CimType {
    type Err = Error;

    /// Reads a type's name in any case, `ref` included.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.eq_ignore_ascii_case("ref") {
            return Ok(Self::Reference);
        }
        Self::ALL
            .into_iter()
            .find(|t| t.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::unknown_type(text))
    }
}

/// The declared type of a property, parameter or return value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DataType {
    /// The type of the value, or of each element.
    pub element: CimType,
    /// Whether it is an array.
    pub is_array: bool,
    /// The greatest number of elements of an array, where declared.
    pub array_size: Option<u32>,
    /// The class that a reference points to, or whose instances are embedded.
    pub class: Option<CimName>,
}

impl DataType {
    /// A scalar of an intrinsic type.
    #[must_use]
    pub fn scalar(element: CimType) -> Self {
        Self { element, is_array: false, array_size: None, class: None }
    }

    /// An array of an intrinsic type, of any length.
    #[must_use]
    pub fn array(element: CimType) -> Self {
        Self { is_array: true, ..Self::scalar(element) }
    }

    /// A reference to an instance of `class`.
    pub fn reference(class: impl Into<CimName>) -> Self {
        Self { class: Some(class.into()), ..Self::scalar(CimType::Reference) }
    }

    /// An embedded instance of `class`.
    pub fn instance(class: impl Into<CimName>) -> Self {
        Self { class: Some(class.into()), ..Self::scalar(CimType::Instance) }
    }

    /// The same type as an array.
    #[must_use]
    pub fn into_array(self) -> Self {
        Self { is_array: true, ..self }
    }
}

impl From<CimType> for DataType {
    fn from(element: CimType) -> Self {
        Self::scalar(element)
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.element, &self.class) {
            (CimType::Reference, Some(class)) => write!(f, "{class} ref")?,
            (CimType::Instance | CimType::Object, Some(class)) => write!(f, "{class}")?,
            (element, _) => write!(f, "{element}")?,
        }
        match (self.is_array, self.array_size) {
            (true, Some(size)) => write!(f, "[{size}]"),
            (true, None) => f.write_str("[]"),
            (false, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for t in CimType::ALL {
            assert_eq!(t.name().to_uppercase().parse::<CimType>().unwrap(), t);
        }
        assert_eq!("ref".parse::<CimType>().unwrap(), CimType::Reference);
        assert!("uint128".parse::<CimType>().is_err());
    }

    #[test]
    fn data_types_print_as_in_mof() {
        assert_eq!(DataType::array(CimType::UInt8).to_string(), "uint8[]");
        assert_eq!(DataType::reference("CIM_Disk").to_string(), "CIM_Disk ref");
        let sized = DataType { array_size: Some(4), ..DataType::array(CimType::String) };
        assert_eq!(sized.to_string(), "string[4]");
    }
}
