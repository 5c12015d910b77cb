//! Equality and order of values as CIM defines them.

use std::cmp::Ordering;

use crate::path::Keys;
use crate::path::ObjectPath;
use crate::text::{integer_to_real, parse_bool, parse_integer, parse_real64};
use crate::value::CimValue;
use crate::{CimDateTime, CimInstance};

impl CimValue {
    /// Whether both denote the same value: numbers by their amount whatever their type, strings by
    /// their characters, datetimes by the instant, references by what they refer to, embedded
    /// instances by their properties in any order, arrays element by element. Null equals null.
    #[must_use]
    pub fn cim_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Reference(a), Self::Reference(b)) => a.refers_to_same(b),
            (Self::Instance(a), Self::Instance(b)) => same_properties(a, b),
            (Self::Class(a), Self::Class(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.items().iter().zip(b.items()).all(|(a, b)| a.cim_eq(b))
            }
            _ => self.cim_cmp(other) == Some(Ordering::Equal),
        }
    }

    /// The order of two scalars: of numbers by their amount, strings by their characters, booleans
    /// with false first, datetimes in time. `None` for null, NaN, what has no order, and values of
    /// kinds that do not compare.
    #[must_use]
    pub fn cim_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Char16(a), Self::Char16(b)) => Some(a.cmp(b)),
            (Self::DateTime(a), Self::DateTime(b)) => a.compare(b),
            _ => compare_numbers(self, other),
        }
    }

    /// The order that queries see: as [`CimValue::cim_cmp`], but strings without regard to case, and
    /// a string against a number, boolean or datetime after reading it as such ([MS-WMI] 2.2.1).
    #[must_use]
    pub fn query_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::String(a), Self::String(b)) => Some(compare_ignoring_case(a, b)),
            (Self::String(text), typed) => typed.cmp_text(text).map(Ordering::reverse),
            (typed, Self::String(text)) => typed.cmp_text(text),
            (Self::Boolean(a), number) | (number, Self::Boolean(a)) if number.as_i128().is_some() => {
                let as_bool = number.as_i128() != Some(0);
                let order = a.cmp(&as_bool);
                Some(if self.as_bool().is_some() { order } else { order.reverse() })
            }
            (Self::Char16(c), number) => i128::from(*c).partial_cmp(&number.as_i128()?),
            (number, Self::Char16(c)) => number.as_i128()?.partial_cmp(&i128::from(*c)),
            _ => self.cim_cmp(other),
        }
    }

    /// The order of a value that is no string against text.
    fn cmp_text(&self, text: &str) -> Option<Ordering> {
        match self {
            Self::Boolean(b) => Some(b.cmp(&parse_bool(text)?)),
            Self::DateTime(d) => d.compare(&CimDateTime::parse_any(text).ok()?),
            Self::Char16(c) => {
                let mut units = text.encode_utf16();
                let unit = units.next()?;
                units.next().is_none().then(|| c.cmp(&unit))
            }
            Self::Reference(path) => {
                let other: ObjectPath = text.parse().ok()?;
                path.refers_to_same(&other).then_some(Ordering::Equal)
            }
            _ => match parse_integer(text) {
                Some(n) => compare_numbers(self, &Self::from_i128(n)?),
                None => compare_numbers(self, &Self::Real64(parse_real64(text)?)),
            },
        }
    }

    fn from_i128(n: i128) -> Option<Self> {
        i64::try_from(n).map(Self::SInt64).or_else(|_| u64::try_from(n).map(Self::UInt64)).ok()
    }
}

impl ObjectPath {
    /// Whether both refer to the same class or instance. Places are compared where both state them;
    /// keys in any order, a number equal to its text, since paths do not state types.
    #[must_use]
    pub fn refers_to_same(&self, other: &Self) -> bool {
        let server = |path: &Self| path.server.clone().filter(|s| s != ".");
        let same_server = match (server(self), server(other)) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
            _ => true,
        };
        let same_namespace = match (&self.namespace, &other.namespace) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        same_server && same_namespace && self.class_name == other.class_name && {
            match (&self.keys, &other.keys) {
                (Keys::Bindings(a), Keys::Bindings(b)) => {
                    a.len() == b.len()
                        && a.iter().all(|key| b.get(&key.name).is_some_and(|k| key_eq(&key.value, &k.value)))
                }
                (a, b) => a == b,
            }
        }
    }

    /// Whether the keys of this path pick that instance out of its class, as a server of WMI decides
    /// it: texts without regard to case, numbers and datetimes equal to their text.
    #[must_use]
    pub fn selects(&self, instance: &CimInstance) -> bool {
        match &self.keys {
            Keys::Class => false,
            Keys::Singleton => true,
            Keys::Bindings(keys) => keys.iter().all(|key| {
                let value = match key.name.is_empty() {
                    true => instance.properties.iter().find(|p| p.is_key).map(|p| &p.value),
                    false => instance.get(&key.name),
                };
                value.is_some_and(|v| v.query_cmp(&key.value) == Some(Ordering::Equal))
            }),
        }
    }
}

/// Whether two values of keys are equal when one of them may be text where the other is typed.
fn key_eq(a: &CimValue, b: &CimValue) -> bool {
    match (a, b) {
        (CimValue::String(a), CimValue::String(b)) => a == b,
        (CimValue::String(text), typed) | (typed, CimValue::String(text)) => {
            typed.cmp_text(text) == Some(Ordering::Equal)
        }
        _ => a.cim_eq(b),
    }
}

fn same_properties(a: &CimInstance, b: &CimInstance) -> bool {
    a.class_name == b.class_name
        && a.properties.len() == b.properties.len()
        && a.properties.iter().all(|p| b.get(&p.name).is_some_and(|v| p.value.cim_eq(v)))
}

/// Compares texts character by character after folding to lower case.
pub(crate) fn compare_ignoring_case(a: &str, b: &str) -> Ordering {
    let fold = |s: &str| s.chars().flat_map(char::to_lowercase).collect::<String>();
    if a.is_ascii() && b.is_ascii() {
        let lower = |b: u8| b.to_ascii_lowercase();
        a.bytes().map(lower).cmp(b.bytes().map(lower))
    } else {
        fold(a).cmp(&fold(b))
    }
}

fn compare_numbers(a: &CimValue, b: &CimValue) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => compare_integer_with_real(a, b.as_f64()?),
        (None, Some(b)) => compare_integer_with_real(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Compares without losing digits: first the rounded integer, then what rounding took.
fn compare_integer_with_real(n: i128, real: f64) -> Option<Ordering> {
    let rounded = integer_to_real(n)?;
    match rounded.partial_cmp(&real)? {
        Ordering::Equal => Some(n.cmp(&real_to_integer(real)?)),
        order => Some(order),
    }
}

/// The integer that a real of at most 65 bits without fraction denotes.
fn real_to_integer(real: f64) -> Option<i128> {
    let bits = real.to_bits();
    let exponent = i64::try_from(bits >> 52 & 0x7ff).ok()? - 1075;
    let fraction = i128::from(bits & 0x000f_ffff_ffff_ffff);
    let mantissa = if exponent == -1075 { fraction } else { fraction | 1 << 52 };
    let magnitude = if exponent >= 0 {
        mantissa.checked_shl(u32::try_from(exponent).ok().filter(|e| *e < 64)?)?
    } else {
        mantissa >> (-exponent).min(64)
    };
    Some(if real.is_sign_negative() { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datetime(text: &str) -> CimValue {
        text.parse::<CimDateTime>().unwrap().into()
    }

    #[test]
    fn numbers_compare_by_amount() {
        let cmp = |a: CimValue, b: CimValue| a.cim_cmp(&b);
        assert_eq!(cmp(1_u8.into(), (-1_i64).into()), Some(Ordering::Greater));
        assert_eq!(cmp(u64::MAX.into(), 1.5_f64.into()), Some(Ordering::Greater));
        let two_to_53 = 9_007_199_254_740_992_u64;
        assert_eq!(cmp((two_to_53 + 1).into(), 9_007_199_254_740_992_f64.into()), Some(Ordering::Greater));
        assert_eq!(cmp(two_to_53.into(), 9_007_199_254_740_992_f64.into()), Some(Ordering::Equal));
        assert_eq!(cmp((-3_i8).into(), (-3.0_f32).into()), Some(Ordering::Equal));
        assert_eq!(cmp(0_u8.into(), (-0.0_f64).into()), Some(Ordering::Equal));
        assert_eq!(cmp(1_u8.into(), f64::NAN.into()), None);
        assert_eq!(cmp(1_u8.into(), f64::INFINITY.into()), Some(Ordering::Less));
        assert_eq!(cmp(1_u8.into(), "1".into()), None);
        assert_eq!(cmp(CimValue::Null, CimValue::Null), None);
    }

    #[test]
    fn datetimes_compare_by_instant() {
        let a = datetime("20240101120000.000000+060");
        let b = datetime("20240101110000.000000+000");
        assert_ne!(a, b);
        assert!(a.cim_eq(&b));
    }

    #[test]
    fn queries_compare_across_kinds() {
        let cmp = |a: CimValue, b: CimValue| a.query_cmp(&b);
        assert_eq!(cmp("ABC".into(), "abd".into()), Some(Ordering::Less));
        assert_eq!(cmp("Ä".into(), "ä".into()), Some(Ordering::Equal));
        assert_eq!(cmp(5_u32.into(), "5".into()), Some(Ordering::Equal));
        assert_eq!(cmp("0x10".into(), 5_u32.into()), Some(Ordering::Greater));
        assert_eq!(cmp(5_u32.into(), "five".into()), None);
        assert_eq!(cmp(true.into(), "TRUE".into()), Some(Ordering::Equal));
        assert_eq!(cmp(true.into(), (-1_i64).into()), Some(Ordering::Equal));
        assert_eq!(cmp(0_i64.into(), true.into()), Some(Ordering::Less));
        assert_eq!(cmp(CimValue::Char16(65), "A".into()), Some(Ordering::Equal));
        assert_eq!(cmp(datetime("20240101120000.000000+000"), "2024-01-01T13:00:00+01:00".into()), {
            Some(Ordering::Equal)
        });
        assert_eq!(cmp(1.5_f64.into(), "1.5".into()), Some(Ordering::Equal));
    }

    #[test]
    fn paths_compare_by_what_they_refer_to() {
        let same = |a: &str, b: &str| {
            a.parse::<ObjectPath>().unwrap().refers_to_same(&b.parse::<ObjectPath>().unwrap())
        };
        assert!(same("A.x=1,y=\"b\"", r#"\\.\root\cimv2:a.Y="b",X="1""#));
        assert!(!same("A.x=1", "A.x=2"));
        assert!(!same("A.x=\"a\"", "A.x=\"A\""));
        assert!(!same("root/a:A", "root/b:A"));
        assert!(!same("A", "A=@"));
    }

    #[test]
    fn keys_select_instances() {
        let instance = CimInstance::new("P").with_key("Handle", "12").with_key("Name", "Spooler");
        let selects = |path: &str| path.parse::<ObjectPath>().unwrap().selects(&instance);
        assert!(selects("P.Handle=12,Name=\"SPOOLER\""));
        assert!(selects("P=\"12\""));
        assert!(!selects("P.Handle=13"));
        assert!(!selects("P.Other=12"));
        assert!(!selects("P"));
    }
}
