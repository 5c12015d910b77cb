//! The text of a value, as PowerShell makes it where a string is wanted.

use windlass_clixml::{Base, DateTimeKind, PsDateTime, PsObject, PsValue};
use windlass_command::double_text;

/// How deep text is made of what objects hold; what is deeper prints as its type.
const DEPTH: usize = 4;

/// The text of a value: `"$value"` in the invariant culture.
pub fn text(value: &PsValue) -> String {
    text_at(value, DEPTH)
}

fn text_at(value: &PsValue, depth: usize) -> String {
    match value {
        PsValue::Null => String::new(),
        PsValue::String(text) | PsValue::Uri(text) | PsValue::Xml(text) | PsValue::ScriptBlock(text) => {
            text.to_string()
        }
        PsValue::Char(unit) => String::from_utf16_lossy(&[*unit]),
        PsValue::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        PsValue::DateTime(value) => date_time(*value),
        PsValue::TimeSpan(ticks) => time_span(*ticks),
        PsValue::U8(value) => value.to_string(),
        PsValue::I8(value) => value.to_string(),
        PsValue::U16(value) => value.to_string(),
        PsValue::I16(value) => value.to_string(),
        PsValue::U32(value) => value.to_string(),
        PsValue::I32(value) => value.to_string(),
        PsValue::U64(value) => value.to_string(),
        PsValue::I64(value) => value.to_string(),
        PsValue::F32(value) => double_text(value.to_string().parse().unwrap_or_default()),
        PsValue::F64(value) => double_text(*value),
        PsValue::Decimal(value) => value.to_string(),
        PsValue::Bytes(bytes) => bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(" "),
        PsValue::Guid(guid) => guid.to_string(),
        PsValue::Version(version) => version.to_string(),
        PsValue::SecureString(_) => "System.Security.SecureString".to_owned(),
        PsValue::ProgressRecord(_) => "System.Management.Automation.ProgressRecord".to_owned(),
        PsValue::Object(object) => object_text(object, depth),
        PsValue::Back(_) => String::new(),
    }
}

fn object_text(object: &PsObject, depth: usize) -> String {
    if let Some(text) = &object.to_string {
        return text.to_string();
    }
    let Some(depth) = depth.checked_sub(1) else { return type_name(object) };
    match &object.base {
        Base::Primitive(value) => text_at(value, depth),
        Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
            items.iter().map(|item| text_at(item, depth)).collect::<Vec<_>>().join(" ")
        }
        Base::None if is_custom(object) => {
            let properties = object.properties();
            let parts: Vec<_> = properties
                .map(|property| format!("{}={}", property.name, text_at(&property.value, depth)))
                .collect();
            format!("@{{{}}}", parts.join("; "))
        }
        Base::None | Base::Dictionary(_) | Base::MemberSet => type_name(object),
    }
}

fn is_custom(object: &PsObject) -> bool {
    object.type_names.iter().any(|name| name.ends_with("System.Management.Automation.PSCustomObject"))
}

fn type_name(object: &PsObject) -> String {
    match object.type_names.most_derived() {
        "" => "System.Object".to_owned(),
        name => name.to_owned(),
    }
}

/// `MM/dd/yyyy HH:mm:ss`, the general form of the invariant culture.
fn date_time(value: PsDateTime) -> String {
    let at = value.civil();
    let (year, month, day) = (at.year, at.month, at.day);
    format!("{month:02}/{day:02}/{year:04} {:02}:{:02}:{:02}", at.hour, at.minute, at.second)
}

/// `[-][d.]hh:mm:ss[.fffffff]`
fn time_span(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let all = ticks.unsigned_abs();
    let (seconds, fraction) = (all / 10_000_000, all % 10_000_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:07}") } else { String::new() };
    format!("{sign}{days}{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
}

/// The name of a value's .NET type, as error records name targets: without its namespace.
pub(crate) fn short_type_name(value: &PsValue) -> String {
    let full = match value {
        PsValue::Null => return String::new(),
        PsValue::Object(object) if is_custom(object) => "PSObject",
        PsValue::Object(object) => {
            let name = object.type_names.most_derived();
            let name = name.strip_prefix("Deserialized.").unwrap_or(name);
            return match name.split('`').next().and_then(|name| name.rsplit('.').next()) {
                Some(name) if !name.is_empty() => name.to_owned(),
                _ => "PSObject".to_owned(),
            };
        }
        other => full_type_name(other),
    };
    full.rsplit('.').next().unwrap_or(full).to_owned()
}

/// The full name of a simple value's .NET type.
pub(crate) fn full_type_name(value: &PsValue) -> &str {
    match value {
        PsValue::Null => "",
        PsValue::String(_) => "System.String",
        PsValue::Char(_) => "System.Char",
        PsValue::Bool(_) => "System.Boolean",
        PsValue::DateTime(_) => "System.DateTime",
        PsValue::TimeSpan(_) => "System.TimeSpan",
        PsValue::U8(_) => "System.Byte",
        PsValue::I8(_) => "System.SByte",
        PsValue::U16(_) => "System.UInt16",
        PsValue::I16(_) => "System.Int16",
        PsValue::U32(_) => "System.UInt32",
        PsValue::I32(_) => "System.Int32",
        PsValue::U64(_) => "System.UInt64",
        PsValue::I64(_) => "System.Int64",
        PsValue::F32(_) => "System.Single",
        PsValue::F64(_) => "System.Double",
        PsValue::Decimal(_) => "System.Decimal",
        PsValue::Bytes(_) => "System.Byte[]",
        PsValue::Guid(_) => "System.Guid",
        PsValue::Uri(_) => "System.Uri",
        PsValue::Version(_) => "System.Version",
        PsValue::Xml(_) => "System.Xml.XmlDocument",
        PsValue::ScriptBlock(_) => "System.Management.Automation.ScriptBlock",
        PsValue::SecureString(_) => "System.Security.SecureString",
        PsValue::ProgressRecord(_) => "System.Management.Automation.ProgressRecord",
        PsValue::Object(object) => match (object.type_names.most_derived(), &object.base) {
            // A number or a text with properties, such as the name of its computer.
            ("", Base::Primitive(inner)) => full_type_name(inner),
            (name, _) => name,
        },
        PsValue::Back(_) => "System.Object",
    }
}

/// A point in time in this computer's zone, as .NET's local times are.
pub(crate) fn local_time(at: jiff::Timestamp) -> PsDateTime {
    let zoned = at.to_zoned(jiff::tz::TimeZone::system());
    let offset = zoned.offset().seconds();
    // Before 1970 the parts of a timestamp are both negative.
    let seconds = at.as_second() - i64::from(at.subsec_nanosecond() < 0);
    let nanoseconds = at.subsec_nanosecond().rem_euclid(1_000_000_000);
    let utc = PsDateTime::from_unix(seconds, u32::try_from(nanoseconds).unwrap_or_default());
    let minutes = i16::try_from(offset / 60).unwrap_or_default();
    let ticks = utc.ticks().saturating_add(i64::from(offset) * windlass_clixml::TICKS_PER_SECOND);
    PsDateTime::from_ticks(ticks, DateTimeKind::Local(minutes)).unwrap_or(utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_dotnet_prints_them() {
        for (value, expected) in [
            (0.1, "0.1"),
            (1.0 / 7.0, "0.14285714285714285"),
            (5.0, "5"),
            (123_456.5, "123456.5"),
            (1e14, "100000000000000"),
            (1e15, "1E+15"),
            (-1.5e-7, "-1.5E-07"),
            (1e-4, "0.0001"),
            (1e-5, "1E-05"),
            (0.0, "0"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(text(&PsValue::F64(value)), expected);
        }
        assert_eq!(text(&PsValue::F32(0.1)), "0.1");
    }

    #[test]
    fn containers_and_custom_objects_print_their_content() {
        assert_eq!(text(&PsValue::list([1.into(), "a".into(), PsValue::Null])), "1 a ");
        let object: PsValue = PsObject::custom().with("A", 1).with("B", "x").into();
        assert_eq!(text(&object), "@{A=1; B=x}");
        assert_eq!(short_type_name(&object), "PSObject");
        assert_eq!(short_type_name(&PsValue::from(1)), "Int32");
    }

    #[test]
    fn spans_of_time_print_days_and_fractions_where_there_are_any() {
        assert_eq!(text(&PsValue::TimeSpan(10_000_000)), "00:00:01");
        assert_eq!(text(&PsValue::TimeSpan(-864_000_000_001)), "-1.00:00:00.0000001");
    }
}
