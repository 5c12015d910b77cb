//! Conversion of values to what parameters take.

use windlass_clixml::ps_enum;
use windlass_clixml::{DateTimeKind, PsDateTime, PsObject, PsValue, TICKS_PER_SECOND};

use super::compare::is_true;
use super::kind::{Kind, Scalar};
use super::text::text;

/// Why a value could not be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConversionError {
    /// The reason is known.
    Because(String),
    /// There is no conversion between the types.
    NoConversion,
}

/// Converts a value to what a parameter of this kind takes. A list that goes where one value is wanted
/// is refused; one value that goes where a list is wanted becomes a list of one.
pub(crate) fn convert(value: PsValue, kind: Kind) -> Result<PsValue, ConversionError> {
    match kind {
        Kind::Switch => match value.unwrapped() {
            PsValue::Null => Ok(true.into()),
            // An object of type SwitchParameter carries its state in a property.
            PsValue::Object(object) => match object.get("IsPresent").and_then(PsValue::as_bool) {
                Some(present) => Ok(present.into()),
                None => Err(ConversionError::NoConversion),
            },
            other => Ok(is_true(other).into()),
        },
        Kind::One(scalar) => convert_one(value, scalar),
        Kind::Many(scalar) => {
            let items = match value.items() {
                Some(items) => items.to_vec(),
                None if value.is_null() => return Ok(PsValue::Null),
                None => vec![value],
            };
            let items: Result<Vec<_>, _> = items.into_iter().map(|item| convert_one(item, scalar)).collect();
            Ok(PsValue::list(items?))
        }
    }
}

fn convert_one(value: PsValue, scalar: Scalar) -> Result<PsValue, ConversionError> {
    match scalar {
        Scalar::Object | Scalar::PsObject => Ok(value),
        Scalar::String => match value.items() {
            Some(_) => Err(ConversionError::NoConversion),
            None => Ok(text(&value).into()),
        },
        Scalar::Bool => match value.unwrapped() {
            PsValue::Bool(_) => Ok(value.unwrapped().clone()),
            other if super::compare::is_number(other) => Ok(is_true(other).into()),
            _ => Err(ConversionError::Because(
                "Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0."
                    .to_owned(),
            )),
        },
        Scalar::Int32 => integer(&value, i32::MIN.into(), i32::MAX.into(), "Int32")
            .map(|number| PsValue::I32(i32::try_from(number).unwrap_or_default())),
        Scalar::UInt32 => integer(&value, 0, u32::MAX.into(), "UInt32")
            .map(|number| PsValue::U32(u32::try_from(number).unwrap_or_default())),
        Scalar::Int64 => integer(&value, i64::MIN, i64::MAX, "Int64").map(PsValue::I64),
        Scalar::Double => match value.unwrapped() {
            PsValue::String(text) => text.trim().parse().map(PsValue::F64).map_err(|_| bad_format(text)),
            PsValue::Bool(value) => Ok(PsValue::F64(f64::from(u8::from(*value)))),
            other => other.as_f64().map(PsValue::F64).ok_or(ConversionError::NoConversion),
        },
        Scalar::DateTime => match value.unwrapped() {
            PsValue::DateTime(at) => Ok(PsValue::DateTime(*at)),
            PsValue::String(text) => parse_date_time(text).map(PsValue::DateTime).ok_or_else(|| {
                ConversionError::Because(format!("String '{text}' was not recognized as a valid DateTime."))
            }),
            other => other
                .as_i64()
                .and_then(|ticks| PsDateTime::from_ticks(ticks, DateTimeKind::Unspecified))
                .map(PsValue::DateTime)
                .ok_or(ConversionError::NoConversion),
        },
        Scalar::TimeSpan => match value.unwrapped() {
            PsValue::TimeSpan(ticks) => Ok(PsValue::TimeSpan(*ticks)),
            PsValue::String(text) => parse_time_span(text).map(PsValue::TimeSpan).ok_or_else(|| {
                ConversionError::Because(format!("String '{text}' was not recognized as a valid TimeSpan."))
            }),
            other => other.as_i64().map(PsValue::TimeSpan).ok_or(ConversionError::NoConversion),
        },
        // A script block that travelled arrives as a string, and PowerShell makes no script of one.
        Scalar::ScriptBlock => match value {
            PsValue::ScriptBlock(_) | PsValue::Null => Ok(value),
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::UInt64 => match value.unwrapped() {
            PsValue::U64(number) => Ok(PsValue::U64(*number)),
            _ => integer(&value, 0, i64::MAX, "UInt64")
                .map(|number| PsValue::U64(u64::try_from(number).unwrap_or_default())),
        },
        Scalar::Char => match value.unwrapped() {
            PsValue::Char(_) => Ok(value),
            PsValue::String(text) => match text.units().collect::<Vec<u16>>().as_slice() {
                [only] => Ok(PsValue::Char(*only)),
                _ => Err(ConversionError::Because("String must be exactly one character long.".to_owned())),
            },
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::Uri => match value.unwrapped() {
            PsValue::Uri(_) | PsValue::Null => Ok(value),
            PsValue::String(uri) => Ok(PsValue::Uri(uri.clone())),
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::Guid => match value.unwrapped() {
            PsValue::Guid(_) => Ok(value),
            PsValue::String(guid) => guid
                .trim()
                .parse()
                .map(PsValue::Guid)
                .map_err(|_| ConversionError::Because("Unrecognized Guid format.".to_owned())),
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::Culture => culture(&value),
        Scalar::Credential => match value.unwrapped() {
            PsValue::Null | PsValue::String(_) => Ok(value),
            PsValue::Object(object) if is_of(object, CREDENTIAL) => Ok(value),
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::Typed(facts) => match value.unwrapped() {
            PsValue::Null => Ok(value),
            PsValue::Object(object) if is_of(object, facts.type_name) => Ok(value),
            PsValue::Object(object) if facts.from_table && object.entries().is_some() => Ok(value),
            _ => Err(ConversionError::NoConversion),
        },
        Scalar::Hashtable | Scalar::Dictionary => match value.entries() {
            Some(_) => Ok(value),
            None => Err(ConversionError::NoConversion),
        },
        Scalar::Enum(names) => {
            let found = match value.unwrapped() {
                PsValue::String(text) => names.parse(text),
                other => other.as_i32().and_then(|code| names.from_code(code)),
            };
            found.map(|(name, code)| ps_enum(names.type_name, name, code)).ok_or_else(|| {
                ConversionError::Because(format!(
                    "Unable to match the identifier name {} to a valid enumerator name. Specify one of the \
                     following enumerator names and try again:\n{}",
                    text(&value),
                    names.list()
                ))
            })
        }
    }
}

/// The .NET type of a user's name and password.
const CREDENTIAL: &str = "System.Management.Automation.PSCredential";

/// Whether an object is of a type, here or before it travelled.
fn is_of(object: &PsObject, name: &str) -> bool {
    object.type_names.iter().any(|known| {
        let known = known.as_str();
        known == name || known.strip_prefix("Deserialized.") == Some(name)
    })
}

/// A culture by its name, such as `de-DE`.
fn culture(value: &PsValue) -> Result<PsValue, ConversionError> {
    use windlass_command::convert::{Context, Type, Value, convert};
    let name = text(value);
    let context = Context { today: (2000, 1, 1), utc_offset: |_| 0 };
    match convert(&Value::String(name.clone()), &Type::Culture, &context) {
        Ok(Value::Culture(culture)) => Ok(culture.into()),
        _ => Err(ConversionError::Because(format!(
            "Culture is not supported. (Parameter 'name')\n{name} is an invalid culture identifier."
        ))),
    }
}

fn integer(value: &PsValue, least: i64, most: i64, name: &str) -> Result<i64, ConversionError> {
    let range =
        || ConversionError::Because(format!("Value was either too large or too small for an {name}."));
    let number = match value.unwrapped() {
        PsValue::Bool(value) => i64::from(*value),
        PsValue::String(text) => parse_integer(text).ok_or_else(|| bad_format(text))?,
        PsValue::U64(_) => value.as_i64().ok_or_else(range)?,
        PsValue::F32(_) | PsValue::F64(_) | PsValue::Decimal(_) => {
            // To the nearest, a half to the even one.
            let rounded = value.as_f64().unwrap_or(f64::NAN).round_ties_even();
            format!("{rounded:.0}").parse().map_err(|_| range())?
        }
        other => other.as_i64().ok_or(ConversionError::NoConversion)?,
    };
    if (least..=most).contains(&number) { Ok(number) } else { Err(range()) }
}

fn parse_integer(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None if text.is_empty() => Some(0),
        None => text.parse().ok().or_else(|| {
            let value: f64 = text.parse().ok()?;
            format!("{:.0}", value.round_ties_even()).parse().ok()
        }),
    }
}

fn bad_format(text: &str) -> ConversionError {
    ConversionError::Because(format!("The input string '{text}' was not in a correct format."))
}

/// Reads a point in time: ISO 8601, or month, day and year of the invariant culture.
fn parse_date_time(text: &str) -> Option<PsDateTime> {
    let text = text.trim();
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(super::text::local_time(at));
    }
    if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
        return from_civil(at);
    }
    ["%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y"]
        .into_iter()
        .find_map(|format| {
            let whole = jiff::civil::DateTime::strptime(format, text).ok();
            whole.or_else(|| Some(jiff::civil::Date::strptime(format, text).ok()?.at(0, 0, 0, 0)))
        })
        .and_then(from_civil)
}

fn from_civil(at: jiff::civil::DateTime) -> Option<PsDateTime> {
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    let nanoseconds = u32::try_from(utc.subsec_nanosecond()).ok()?;
    let value = PsDateTime::from_unix(utc.as_second(), nanoseconds);
    PsDateTime::from_ticks(value.ticks(), DateTimeKind::Unspecified)
}

/// Reads `[-][d.]hh:mm[:ss[.fffffff]]` or a number of days.
fn parse_time_span(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let seconds = |days: i64, hours: i64, minutes: i64, seconds: i64| {
        days.checked_mul(86_400)?.checked_add(hours * 3600 + minutes * 60 + seconds)
    };
    let parts: Vec<&str> = text.split(':').collect();
    let (whole, fraction) = match parts.as_slice() {
        [days] => (seconds(days.parse().ok()?, 0, 0, 0)?, 0),
        [first, minutes, rest @ ..] if rest.len() <= 1 => {
            let (days, hours) = first.split_once('.').unwrap_or(("0", first));
            let (last, fraction) =
                rest.first().map_or(("0", ""), |last| last.split_once('.').unwrap_or((last, "")));
            let small = |text: &str, most: i64| text.parse().ok().filter(|value| (0..=most).contains(value));
            let whole =
                seconds(days.parse().ok()?, small(hours, 23)?, small(minutes, 59)?, small(last, 59)?)?;
            let digits = format!("{fraction:0<7}");
            (whole, digits.get(..7).filter(|_| fraction.len() <= 7)?.parse().ok()?)
        }
        _ => return None,
    };
    let ticks = whole.checked_mul(TICKS_PER_SECOND)?.checked_add(fraction)?;
    Some(if negative { -ticks } else { ticks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::powershell::kind::ERROR_CATEGORY;

    fn to(value: impl Into<PsValue>, scalar: Scalar) -> Option<String> {
        convert(value.into(), Kind::One(scalar)).ok().map(|value| text(&value))
    }

    #[test]
    fn numbers_are_read_from_texts_and_rounded_to_even() {
        assert_eq!(to("0x10", Scalar::Int32).as_deref(), Some("16"));
        assert_eq!(to("2.5", Scalar::Int32).as_deref(), Some("2"));
        assert_eq!(to(3.5, Scalar::Int32).as_deref(), Some("4"));
        assert_eq!(to("x", Scalar::Int32), None);
        assert_eq!(to(3_000_000_000_i64, Scalar::Int32), None);
        assert_eq!(to(f64::NAN, Scalar::Int64), None);
        assert_eq!(to(-1, Scalar::UInt32), None);
    }

    #[test]
    fn times_and_spans_are_read() {
        assert_eq!(to("2026-11-21", Scalar::DateTime).as_deref(), Some("11/21/2026 00:00:00"));
        assert_eq!(to("11/21/2026 13:14:15", Scalar::DateTime).as_deref(), Some("11/21/2026 13:14:15"));
        assert_eq!(to("1.02:03:04.5", Scalar::TimeSpan).as_deref(), Some("1.02:03:04.5000000"));
        assert_eq!(to("25:00", Scalar::TimeSpan), None);
    }

    #[test]
    fn one_value_goes_where_many_are_wanted_but_not_the_reverse() {
        let many = convert("a".into(), Kind::Many(Scalar::String)).unwrap();
        assert_eq!(many.items().map(<[_]>::len), Some(1));
        assert!(convert(PsValue::list(["a".into()]), Kind::One(Scalar::String)).is_err());
        assert!(convert("x".into(), Kind::One(Scalar::ScriptBlock)).is_err());
    }

    #[test]
    fn enumerations_come_by_name_or_number() {
        let scalar = Scalar::Enum(&ERROR_CATEGORY);
        assert_eq!(to("invaliddata", scalar).as_deref(), Some("InvalidData"));
        assert_eq!(to(6, scalar).as_deref(), Some("InvalidData"));
        assert_eq!(to("nothing", scalar), None);
    }
}
