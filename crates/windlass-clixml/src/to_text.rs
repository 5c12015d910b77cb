//! What `ToString` gives for a value that PowerShell received, in an English culture.

use crate::datetime::PsDateTime;
use crate::datetime::TICKS_PER_SECOND;
use crate::float;
use crate::object::{Base, PsObject};
use crate::value::PsValue;

/// The text of a value as PowerShell's `ToString` gives it: what the object said itself, else the
/// items of a list, the properties of a property bag, or the value. Inner objects without a text of
/// their own show their type, or nothing, so that this never goes deep.
pub fn to_text(value: &PsValue) -> String {
    match value.to_object() {
        Some(object) => object_text(&object),
        None => inner_text(value),
    }
}

/// The text of an object.
pub(crate) fn object_text(object: &PsObject) -> String {
    if let Some(text) = own_text(object) {
        return text.to_owned();
    }
    match &object.base {
        Base::Primitive(value) => inner_text(value),
        Base::None | Base::MemberSet => {
            let shown = object
                .properties()
                .map(|property| format!("{}={}", property.name, inner_text(&property.value)));
            let shown: Vec<String> = shown.collect();
            if shown.is_empty() { String::new() } else { format!("@{{{}}}", shown.join("; ")) }
        }
        Base::Dictionary(_) => base_name(object).to_owned(),
        Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
            items.iter().map(inner_text).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The text that came with an object, or with the object inside it.
fn own_text(object: &PsObject) -> Option<&str> {
    let mut object = object;
    loop {
        if let Some(text) = &object.to_string {
            return Some(text);
        }
        match &object.base {
            Base::Primitive(PsValue::Object(inner)) => object = inner,
            _ => return None,
        }
    }
}

/// The text of a value inside another.
fn inner_text(value: &PsValue) -> String {
    match value {
        PsValue::Null => String::new(),
        PsValue::String(text) | PsValue::Uri(text) | PsValue::ScriptBlock(text) => text.as_str().to_owned(),
        PsValue::Char(unit) => String::from_utf16_lossy(&[*unit]),
        PsValue::Bool(true) => "True".to_owned(),
        PsValue::Bool(false) => "False".to_owned(),
        PsValue::DateTime(time) => english_time(*time),
        PsValue::TimeSpan(ticks) => span(*ticks),
        PsValue::U8(number) => number.to_string(),
        PsValue::I8(number) => number.to_string(),
        PsValue::U16(number) => number.to_string(),
        PsValue::I16(number) => number.to_string(),
        PsValue::U32(number) => number.to_string(),
        PsValue::I32(number) => number.to_string(),
        PsValue::U64(number) => number.to_string(),
        PsValue::I64(number) => number.to_string(),
        PsValue::F32(number) => float::shown_f32(*number),
        PsValue::F64(number) => float::shown_f64(*number),
        PsValue::Decimal(number) => number.to_string(),
        PsValue::Bytes(_) => "System.Byte[]".to_owned(),
        PsValue::Guid(guid) => guid.to_string(),
        PsValue::Version(version) => version.to_string(),
        PsValue::Xml(_) => "System.Xml.XmlDocument".to_owned(),
        PsValue::SecureString(_) => "System.Security.SecureString".to_owned(),
        PsValue::ProgressRecord(record) => format!(
            "parent = {} id = {} act = {} stat = {} cur = {} pct = {} sec = {} type = {}",
            record.parent_activity_id,
            record.activity_id,
            record.activity,
            record.status_description,
            record.current_operation.as_deref().unwrap_or_default(),
            record.percent_complete,
            record.seconds_remaining,
            record.kind.name(),
        ),
        PsValue::Object(object) => inner_object(object),
        PsValue::Back(reference) => {
            reference.upgrade().map(|object| inner_object(&object)).unwrap_or_default()
        }
    }
}

fn inner_object(object: &PsObject) -> String {
    if let Some(text) = own_text(object) {
        return text.to_owned();
    }
    match &object.base {
        Base::None | Base::MemberSet => String::new(),
        Base::Primitive(value) => match value.unwrapped() {
            PsValue::Object(inner) => base_name(inner).to_owned(),
            value => inner_text(value),
        },
        _ => base_name(object).to_owned(),
    }
}

/// The .NET type that PowerShell reads a container into.
fn base_name(object: &PsObject) -> &'static str {
    match &object.base {
        Base::None | Base::MemberSet | Base::Primitive(_) => "",
        Base::List(_) | Base::Enumerable(_) => "System.Collections.ArrayList",
        Base::Stack(_) => "System.Collections.Stack",
        Base::Queue(_) => "System.Collections.Queue",
        Base::Dictionary(_) if object.is_ordered_dictionary() => {
            "System.Collections.Specialized.OrderedDictionary"
        }
        Base::Dictionary(_) => "System.Collections.Hashtable",
    }
}

/// `11/21/2026 1:14:15 PM`, with the narrow space that Unicode's English has.
fn english_time(time: PsDateTime) -> String {
    let civil = time.civil();
    let hour = if civil.hour.is_multiple_of(12) { 12 } else { civil.hour % 12 };
    let half = if civil.hour < 12 { "AM" } else { "PM" };
    format!(
        "{}/{}/{:04} {hour}:{:02}:{:02}\u{202f}{half}",
        civil.month, civil.day, civil.year, civil.minute, civil.second
    )
}

/// `[-][d.]hh:mm:ss[.fffffff]`
fn span(ticks: i64) -> String {
    let per_second = TICKS_PER_SECOND.unsigned_abs();
    let total = ticks.unsigned_abs();
    let (seconds, fraction) = (total / per_second, total % per_second);
    let sign = if ticks < 0 { "-" } else { "" };
    let days = if seconds >= 86_400 { format!("{}.", seconds / 86_400) } else { String::new() };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:07}") };
    format!("{sign}{days}{:02}:{:02}:{:02}{fraction}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_show_their_own_text_or_what_is_in_them() {
        let inner = PsObject::custom().with("B", 1);
        let bag = PsObject::custom().with("A", inner).with("T", 1.5).with_adapted("a", 2);
        assert_eq!(to_text(&bag.into()), "@{A=; T=1.5}");
        let list = PsValue::list([1.into(), PsValue::Null, "x".into(), PsValue::list([]), true.into()]);
        assert_eq!(to_text(&list), "1  x System.Collections.ArrayList True");
        assert_eq!(to_text(&crate::ps_enum("System.DayOfWeek", "Friday", 5)), "Friday");
        assert_eq!(to_text(&PsValue::dictionary([("a", 1.into())])), "System.Collections.Hashtable");
    }

    #[test]
    fn times_and_spans_are_written_in_english() {
        let time = crate::datetime::parse("2026-11-21T00:05:09Z").unwrap();
        assert_eq!(to_text(&time.into()), "11/21/2026 12:05:09\u{202f}AM");
        let first = crate::datetime::parse("0001-01-01T00:00:00").unwrap();
        assert_eq!(to_text(&first.into()), "1/1/0001 12:00:00\u{202f}AM");
        assert_eq!(span(-1), "-00:00:00.0000001");
        assert_eq!(span(936_000_000_000), "1.02:00:00");
    }
}
