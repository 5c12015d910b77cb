//! Values as text.

use windlass_clixml::{Base, PsDateTime, PsObject, PsValue, to_text};

use crate::date_format::format_date;

/// How many items of a list a cell shows.
pub(crate) const ENUMERATION_LIMIT: usize = 4;

/// What a value reads as in a cell or list: enumerations in braces, at most four items.
pub(crate) fn cell_text(value: &PsValue) -> String {
    if let PsValue::Bytes(bytes) = value {
        return enumeration(bytes.iter().map(u8::to_string), bytes.len());
    }
    let Some(object) = value.as_object() else { return to_text(value) };
    match &object.base {
        Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
            enumeration(items.iter().map(to_text), items.len())
        }
        Base::Dictionary(entries) => {
            let shown = |(key, value): &(PsValue, PsValue)| format!("[{}, {}]", to_text(key), to_text(value));
            enumeration(entries.iter().map(shown), entries.len())
        }
        _ => to_text(value),
    }
}

fn enumeration(items: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<_> = items.take(ENUMERATION_LIMIT).collect();
    let more = if count > ENUMERATION_LIMIT { "…" } else { "" };
    format!("{{{}{more}}}", shown.join(", "))
}

/// Whether the object has no type but that of a property bag.
pub(crate) fn is_custom(object: &PsObject) -> bool {
    object.type_names.contains("System.Management.Automation.PSCustomObject")
        || object.type_names.contains("Deserialized.System.Management.Automation.PSCustomObject")
        || !object.type_names.is_present()
}

/// `Thursday, January 1, 1970 12:00:00 AM`, as a date alone is shown.
pub(crate) fn long_date_time(value: PsDateTime) -> String {
    format_date(value, "F").unwrap_or_default()
}
