//! Values as text.

use windlass_clixml::{Base, Civil, PsDateTime, PsObject, PsValue, TICKS_PER_SECOND};

use crate::number;

/// How many items of a list a cell shows.
const ENUMERATION_LIMIT: usize = 4;
/// Objects within objects that are spelled out; deeper ones read as their type.
const DEPTH: usize = 3;
/// The narrow no-break space that en-US puts before AM and PM.
const BEFORE_AM: char = '\u{202F}';

/// What a value reads as in a string, such as `"$value"`.
pub fn text_of(value: &PsValue) -> String {
    text(value, Style::Plain, DEPTH)
}

/// What a value reads as in a cell or list: enumerations in braces, at most four items.
pub(crate) fn cell_text(value: &PsValue) -> String {
    text(value, Style::Cell, DEPTH)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Cell,
}

fn text(value: &PsValue, style: Style, depth: usize) -> String {
    match value {
        PsValue::Null => String::new(),
        PsValue::String(text) | PsValue::Uri(text) | PsValue::Xml(text) | PsValue::ScriptBlock(text) => {
            text.as_str().to_owned()
        }
        PsValue::Char(unit) => String::from_utf16_lossy(&[*unit]),
        PsValue::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        PsValue::DateTime(value) => short_date_long_time(*value),
        PsValue::TimeSpan(ticks) => time_span(*ticks),
        PsValue::U8(value) => value.to_string(),
        PsValue::I8(value) => value.to_string(),
        PsValue::U16(value) => value.to_string(),
        PsValue::I16(value) => value.to_string(),
        PsValue::U32(value) => value.to_string(),
        PsValue::I32(value) => value.to_string(),
        PsValue::U64(value) => value.to_string(),
        PsValue::I64(value) => value.to_string(),
        PsValue::F32(value) => number::single(*value),
        PsValue::F64(value) => number::double(*value),
        PsValue::Decimal(value) => value.to_string(),
        PsValue::Bytes(bytes) => {
            let items = bytes.iter().map(u8::to_string);
            enumeration(items, bytes.len(), style)
        }
        PsValue::Guid(value) => value.to_string(),
        PsValue::Version(value) => value.to_string(),
        PsValue::SecureString(_) => "System.Security.SecureString".to_owned(),
        PsValue::ProgressRecord(record) => record.activity.as_str().to_owned(),
        PsValue::Object(object) => object_text(object, style, depth),
        PsValue::Back(_) => match value.to_object() {
            Some(object) => named(&object),
            None => String::new(),
        },
    }
}

fn object_text(object: &PsObject, style: Style, depth: usize) -> String {
    let Some(deeper) = depth.checked_sub(1) else { return named(object) };
    match &object.base {
        Base::Primitive(inner) => match &object.to_string {
            Some(shown) if object.type_names.contains("System.Enum") => shown.as_str().to_owned(),
            _ => text(inner, style, deeper),
        },
        Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
            enumeration(items.iter().map(|item| text(item, Style::Plain, deeper)), items.len(), style)
        }
        Base::Dictionary(entries) if style == Style::Cell => {
            let shown = |(key, value): &(PsValue, PsValue)| {
                format!("[{}, {}]", text(key, Style::Plain, deeper), text(value, Style::Plain, deeper))
            };
            enumeration(entries.iter().map(shown), entries.len(), style)
        }
        _ => match &object.to_string {
            Some(shown) => shown.as_str().to_owned(),
            None if is_custom(object) => {
                let shown: Vec<_> = object
                    .properties()
                    .map(|property| {
                        format!("{}={}", property.name.as_str(), text(&property.value, Style::Plain, deeper))
                    })
                    .collect();
                format!("@{{{}}}", shown.join("; "))
            }
            None => named(object),
        },
    }
}

fn enumeration(items: impl Iterator<Item = String>, count: usize, style: Style) -> String {
    if style == Style::Plain {
        return items.collect::<Vec<_>>().join(" ");
    }
    let shown: Vec<_> = items.take(ENUMERATION_LIMIT).collect();
    let more = if count > ENUMERATION_LIMIT { "…" } else { "" };
    format!("{{{}{more}}}", shown.join(", "))
}

fn named(object: &PsObject) -> String {
    match &object.to_string {
        Some(shown) => shown.as_str().to_owned(),
        None => object.type_names.most_derived().to_owned(),
    }
}

/// Whether the object has no type but that of a property bag.
pub(crate) fn is_custom(object: &PsObject) -> bool {
    object.type_names.contains("System.Management.Automation.PSCustomObject")
        || object.type_names.contains("Deserialized.System.Management.Automation.PSCustomObject")
        || !object.type_names.is_present()
}

/// `1/2/1970 12:00:00 AM`
fn short_date_long_time(value: PsDateTime) -> String {
    let Civil { year, month, day, .. } = value.civil();
    format!("{month}/{day}/{year} {}", long_time(value))
}

/// `Thursday, January 1, 1970 12:00:00 AM`, as a date alone is shown.
pub(crate) fn long_date_time(value: PsDateTime) -> String {
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let Civil { year, month, day, .. } = value.civil();
    let name = |names: &[&'static str], index: u32| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let weekday = name(&DAYS, value.weekday());
    format!("{weekday}, {} {day}, {year} {}", name(&MONTHS, month.saturating_sub(1)), long_time(value))
}

fn long_time(value: PsDateTime) -> String {
    let Civil { hour, minute, second, .. } = value.civil();
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let half = if hour < 12 { "AM" } else { "PM" };
    format!("{twelve}:{minute:02}:{second:02}{BEFORE_AM}{half}")
}

/// `1.02:03:04.5000000`: days and fraction only where there are any.
fn time_span(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let per_second = TICKS_PER_SECOND.unsigned_abs();
    let (seconds, fraction) = (ticks.unsigned_abs() / per_second, ticks.unsigned_abs() % per_second);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = if days > 0 { format!("{days}.") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:07}") } else { String::new() };
    format!("{sign}{days}{:02}:{:02}:{:02}{fraction}", rest / 3600, rest / 60 % 60, rest % 60)
}
