//! Constants in queries.

use std::fmt;

use super::print::write_quoted;
use crate::datetime::CimDateTime;
use crate::path::ObjectPath;
use crate::value::CimValue;

/// A constant: null, a boolean, a `uint64` or `sint64`, a finite `real64`, or a string. What has no
/// notation of its own, such as a datetime, is a string.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal(CimValue);

impl Literal {
    /// `NULL`.
    pub const NULL: Self = Self(CimValue::Null);

    /// The value.
    #[must_use]
    pub fn value(&self) -> &CimValue {
        &self.0
    }

    pub(super) fn integer(n: i128) -> Option<Self> {
        let value = u64::try_from(n).map(CimValue::UInt64);
        value.or_else(|_| i64::try_from(n).map(CimValue::SInt64)).ok().map(Self)
    }

    /// A constant for a scalar; `None` for arrays and embedded objects.
    #[must_use]
    pub fn from_value(value: &CimValue) -> Option<Self> {
        match value {
            CimValue::Null => Some(Self::NULL),
            CimValue::Boolean(b) => Some(Self::from(*b)),
            CimValue::Real32(r) => Some(Self::from(f64::from(*r))),
            CimValue::Real64(r) => Some(Self::from(*r)),
            CimValue::Char16(c) => char::from_u32(u32::from(*c)).map(|c| Self::from(c.to_string())),
            other => match other.as_i128() {
                Some(n) => Self::integer(n),
                None => other.to_text().map(|text| Self::from(text.into_owned())),
            },
        }
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self(CimValue::Boolean(value))
    }
}

impl From<u64> for Literal {
    fn from(value: u64) -> Self {
        Self(CimValue::UInt64(value))
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self(u64::try_from(value).map_or(CimValue::SInt64(value), CimValue::UInt64))
    }
}

impl From<u32> for Literal {
    fn from(value: u32) -> Self {
        Self::from(u64::from(value))
    }
}

impl From<i32> for Literal {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<f64> for Literal {
    /// What is not finite has no notation and becomes a string.
    fn from(value: f64) -> Self {
        let real = CimValue::Real64(value);
        if value.is_finite() {
            Self(real)
        } else {
            Self(real.to_text().unwrap_or_default().into_owned().into())
        }
    }
}

impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Self(value.into())
    }
}

impl From<String> for Literal {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<CimDateTime> for Literal {
    fn from(value: CimDateTime) -> Self {
        Self(value.to_string().into())
    }
}

impl From<&ObjectPath> for Literal {
    fn from(value: &ObjectPath) -> Self {
        Self(value.to_string().into())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            CimValue::Boolean(true) => f.write_str("TRUE"),
            CimValue::Boolean(false) => f.write_str("FALSE"),
            CimValue::UInt64(n) => write!(f, "{n}"),
            CimValue::SInt64(n) => write!(f, "{n}"),
            CimValue::Real64(r) => write!(f, "{r:?}"),
            CimValue::String(text) => write_quoted(text, f),
            _ => f.write_str("NULL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_print_with_their_notation() {
        for (literal, text) in [
            (Literal::NULL, "NULL"),
            (true.into(), "TRUE"),
            (5.into(), "5"),
            ((-5).into(), "-5"),
            (1.0.into(), "1.0"),
            (1e300.into(), "1e300"),
            (f64::NAN.into(), "'NaN'"),
            ("O'Brien".into(), r"'O\'Brien'"),
        ] {
            assert_eq!(literal.to_string(), text);
        }
        assert_eq!(Literal::from_value(&CimValue::Char16(65)), Some("A".into()));
        assert_eq!(Literal::from_value(&vec![1_u8].into()), None);
    }
}
