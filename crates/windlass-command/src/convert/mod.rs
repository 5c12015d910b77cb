//! Values given as arguments, converted to the types of parameters as PowerShell does it in the
//! invariant culture.
//!
//! Not here, as no parameter of ours has them: `System.Type` (there is no type system to look a name
//! up in), `System.Text.RegularExpressions.Regex` (.NET's own dialect) and `System.Xml.XmlDocument`.

mod enums;
mod numbers;
mod texts;
mod times;

use std::fmt;

use crate::decimal::Decimal;
use crate::number::Number;

pub use enums::{
    AUTHENTICATION_MECHANISM, CIM_AUTHENTICATION, CIM_ENCODING, CIM_IMPERSONATION, CIM_PROTOCOL, CIM_PROXY,
    DAY_OF_WEEK, EnumType, FILE_ATTRIBUTES, OUT_TARGET, OUTPUT_BUFFERING_MODE, PROXY_ACCESS_TYPE,
    SESSION_FILTER_STATE,
};
pub use times::{DateTime, DateTimeKind};

/// A value, before or after conversion.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `$null`
    Null,
    /// A truth value.
    Bool(bool),
    /// `System.Management.Automation.SwitchParameter`
    Switch(bool),
    /// A UTF-16 unit.
    Char(u16),
    /// A number of any type.
    Number(Number),
    /// A string.
    String(String),
    /// A point in time.
    DateTime(DateTime),
    /// A length of time, in ticks of 100 ns.
    TimeSpan(i64),
    /// Major, minor, build and revision, as many as given.
    Version(Vec<u32>),
    /// A GUID in network order of its text.
    Guid([u8; 16]),
    /// A URI as written.
    Uri(String),
    /// A culture by name.
    Culture(String),
    /// A value of an enumeration.
    Enum(&'static EnumType, i64),
    /// An array.
    Array(Vec<Value>),
    /// A hashtable with its entries in order.
    Hashtable(Vec<(Value, Value)>),
    /// A script block's text.
    ScriptBlock(String),
}

/// A type to convert to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Type {
    /// `System.Boolean`
    Bool,
    /// `System.Management.Automation.SwitchParameter`
    Switch,
    /// `System.Char`
    Char,
    /// `System.Byte`
    Byte,
    /// `System.SByte`
    SByte,
    /// `System.Int16`
    Int16,
    /// `System.UInt16`
    UInt16,
    /// `System.Int32`
    Int32,
    /// `System.UInt32`
    UInt32,
    /// `System.Int64`
    Int64,
    /// `System.UInt64`
    UInt64,
    /// `System.Double`
    Double,
    /// `System.Decimal`
    Decimal,
    /// `System.String`
    String,
    /// `System.DateTime`
    DateTime,
    /// `System.TimeSpan`
    TimeSpan,
    /// `System.Version`
    Version,
    /// `System.Guid`
    Guid,
    /// `System.Uri`
    Uri,
    /// `System.Globalization.CultureInfo`
    Culture,
    /// `System.Management.Automation.ScriptBlock`
    ScriptBlock,
    /// `System.Collections.Hashtable`
    Hashtable,
    /// `System.Security.SecureString`: nothing but null converts to it.
    SecureString,
    /// `System.Management.Automation.PSCredential`: nothing but null converts to it; a parameter's
    /// credential attribute asks for the password of a name instead.
    Credential,
    /// An enumeration.
    Enum(&'static EnumType),
    /// An array of a type; a single value becomes an array of one.
    Array(Box<Type>),
}

/// What conversion needs to know about the world.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Today's year, month and day: a time without a date means today.
    pub today: (u16, u8, u8),
    /// Minutes by which local time is ahead of UTC, at a time in UTC ticks.
    pub utc_offset: fn(i64) -> i32,
}

/// A value that does not convert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot convert {from} to {to}")]
pub struct ConvertError {
    /// What was to be converted: a short text, or the type where the value may be secret or long.
    pub from: String,
    /// The name of the type asked for.
    pub to: String,
}

/// Converts a value to a type.
///
/// # Errors
///
/// Where PowerShell refuses the conversion.
pub fn convert(value: &Value, to: &Type, context: &Context) -> Result<Value, ConvertError> {
    attempt(value, to, context).ok_or_else(|| ConvertError { from: describe(value), to: to.to_string() })
}

fn attempt(value: &Value, to: &Type, context: &Context) -> Option<Value> {
    match to {
        Type::Bool => Some(Value::Bool(is_true(value))),
        Type::Switch => match value {
            Value::Null => Some(Value::Switch(false)),
            Value::Bool(on) | Value::Switch(on) => Some(Value::Switch(*on)),
            _ => None,
        },
        Type::String => to_text(value).map(Value::String),
        Type::Char => numbers::char(value),
        Type::Byte
        | Type::SByte
        | Type::Int16
        | Type::UInt16
        | Type::Int32
        | Type::UInt32
        | Type::Int64
        | Type::UInt64
        | Type::Double
        | Type::Decimal => numbers::number(value, to).map(Value::Number),
        Type::Enum(kind) => enums::convert(value, kind).map(|n| Value::Enum(kind, n)),
        Type::Array(item) => match value {
            Value::Null => Some(Value::Null),
            Value::Array(items) => {
                let items: Option<Vec<Value>> = items.iter().map(|i| attempt(i, item, context)).collect();
                items.map(Value::Array)
            }
            single => attempt(single, item, context).map(|v| Value::Array(vec![v])),
        },
        Type::DateTime => times::date_time(value, context).map(Value::DateTime),
        Type::TimeSpan => times::time_span(value).map(Value::TimeSpan),
        Type::Guid => texts::guid(value).map(Value::Guid),
        // The rest are references: null stays null.
        _ if *value == Value::Null => Some(Value::Null),
        Type::Version => texts::version(value).map(Value::Version),
        Type::Uri => texts::uri(value).map(Value::Uri),
        Type::Culture => texts::culture(value).map(Value::Culture),
        Type::ScriptBlock => match value {
            Value::ScriptBlock(_) => Some(value.clone()),
            _ => None,
        },
        Type::Hashtable => match value {
            Value::Hashtable(_) => Some(value.clone()),
            _ => None,
        },
        Type::SecureString | Type::Credential => None,
    }
}

/// Whether PowerShell counts a value as true: neither null, zero nor empty.
#[must_use]
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) | Value::Switch(on) => *on,
        Value::Char(unit) => *unit != 0,
        Value::Number(number) => numbers::to_f64(number) != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => match items.as_slice() {
            [] => false,
            [Value::Array(inner)] => !inner.is_empty(),
            [only] => is_true(only),
            _ => true,
        },
        _ => true,
    }
}

/// A value as PowerShell makes a string of it; `None` only where a unit of UTF-16 is no character.
#[must_use]
pub fn to_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => String::new(),
        Value::Bool(on) | Value::Switch(on) => if *on { "True" } else { "False" }.to_owned(),
        Value::Char(unit) => char::from_u32(u32::from(*unit))?.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) | Value::Uri(text) | Value::Culture(text) | Value::ScriptBlock(text) => {
            text.clone()
        }
        Value::DateTime(time) => time.to_string(),
        Value::TimeSpan(ticks) => times::time_span_text(*ticks),
        Value::Version(parts) => texts::version_text(parts),
        Value::Guid(bytes) => texts::guid_text(bytes),
        Value::Enum(kind, value) => kind.text(*value),
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(to_text).collect();
            items?.join(" ")
        }
        Value::Hashtable(_) => "System.Collections.Hashtable".to_owned(),
    })
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Hashtable(_) => "a hashtable".to_owned(),
        Value::ScriptBlock(_) => "a script block".to_owned(),
        other => {
            let text = to_text(other).unwrap_or_default();
            let mut short: String = text.chars().take(80).collect();
            if short.len() < text.len() {
                short.push('\u{2026}');
            }
            format!("\"{short}\"")
        }
    }
}

impl fmt::Display for Type {
    /// The name of the .NET type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "System.Boolean",
            Self::Switch => "System.Management.Automation.SwitchParameter",
            Self::Char => "System.Char",
            Self::Byte => "System.Byte",
            Self::SByte => "System.SByte",
            Self::Int16 => "System.Int16",
            Self::UInt16 => "System.UInt16",
            Self::Int32 => "System.Int32",
            Self::UInt32 => "System.UInt32",
            Self::Int64 => "System.Int64",
            Self::UInt64 => "System.UInt64",
            Self::Double => "System.Double",
            Self::Decimal => "System.Decimal",
            Self::String => "System.String",
            Self::DateTime => "System.DateTime",
            Self::TimeSpan => "System.TimeSpan",
            Self::Version => "System.Version",
            Self::Guid => "System.Guid",
            Self::Uri => "System.Uri",
            Self::Culture => "System.Globalization.CultureInfo",
            Self::ScriptBlock => "System.Management.Automation.ScriptBlock",
            Self::Hashtable => "System.Collections.Hashtable",
            Self::SecureString => "System.Security.SecureString",
            Self::Credential => "System.Management.Automation.PSCredential",
            Self::Enum(kind) => kind.name,
            Self::Array(item) => return write!(f, "{item}[]"),
        })
    }
}

impl Type {
    /// The type of that name: PowerShell's short name or .NET's own.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(item) = name.strip_suffix("[]") {
            return Self::from_name(item).map(|item| Self::Array(Box::new(item)));
        }
        let known: &[(&str, Self)] = &[
            ("bool", Self::Bool),
            ("switch", Self::Switch),
            ("char", Self::Char),
            ("byte", Self::Byte),
            ("sbyte", Self::SByte),
            ("int16", Self::Int16),
            ("short", Self::Int16),
            ("uint16", Self::UInt16),
            ("ushort", Self::UInt16),
            ("int", Self::Int32),
            ("int32", Self::Int32),
            ("uint", Self::UInt32),
            ("uint32", Self::UInt32),
            ("long", Self::Int64),
            ("int64", Self::Int64),
            ("ulong", Self::UInt64),
            ("uint64", Self::UInt64),
            ("double", Self::Double),
            ("decimal", Self::Decimal),
            ("string", Self::String),
            ("datetime", Self::DateTime),
            ("timespan", Self::TimeSpan),
            ("version", Self::Version),
            ("guid", Self::Guid),
            ("uri", Self::Uri),
            ("cultureinfo", Self::Culture),
            ("scriptblock", Self::ScriptBlock),
            ("hashtable", Self::Hashtable),
            ("securestring", Self::SecureString),
            ("pscredential", Self::Credential),
        ];
        let by_name = |(short, kind): &(&str, Self)| {
            short.eq_ignore_ascii_case(name) || kind.to_string().eq_ignore_ascii_case(name)
        };
        known
            .iter()
            .find(|entry| by_name(entry))
            .map(|(_, kind)| kind.clone())
            .or_else(|| EnumType::from_name(name).map(Self::Enum))
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Self::Number(Number::Decimal(number))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(Number::Int32(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: Context = Context { today: (2026, 11, 22), utc_offset: |_| 60 };

    #[test]
    fn arrays_and_errors() {
        let numbers = Type::from_name("int[]").unwrap();
        let both = Value::Array(vec!["0x10".into(), 5.into()]);
        assert_eq!(convert(&both, &numbers, &CONTEXT), Ok(Value::Array(vec![16.into(), 5.into()])));
        let error = convert(&"x".into(), &numbers, &CONTEXT).unwrap_err();
        assert_eq!(error.to_string(), "cannot convert \"x\" to System.Int32[]");
    }

    #[test]
    fn every_name_leads_back_to_its_type() {
        for name in ["bool", "int", "System.UInt64", "pscredential", "System.DayOfWeek", "uri[]"] {
            let kind = Type::from_name(name).unwrap();
            assert_eq!(Type::from_name(&kind.to_string()), Some(kind), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_conversion_panic(text in ".{0,40}") {
            for name in ["bool", "char", "byte", "int", "long", "double", "decimal", "datetime", "timespan",
                "version", "guid", "uri", "cultureinfo", "System.IO.FileAttributes", "System.DayOfWeek"] {
                let kind = Type::from_name(name).unwrap();
                if let Ok(value) = convert(&text.as_str().into(), &kind, &CONTEXT) {
                    // What came out converts to itself by way of its text.
                    if let Some(again) = to_text(&value).filter(|_| kind != Type::Bool && kind != Type::DateTime) {
                        prop_assert!(convert(&again.as_str().into(), &kind, &CONTEXT).is_ok(), "{} {:?}", again, kind);
                    }
                }
            }
        }

        #[test]
        fn integers_convert_from_their_text(n in any::<i64>()) {
            let text = n.to_string();
            prop_assert_eq!(
                convert(&text.as_str().into(), &Type::Int64, &CONTEXT),
                Ok(Value::Number(Number::Int64(n)))
            );
        }
    }
}
