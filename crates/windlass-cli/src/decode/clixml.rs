//! CLIXML as JSON that keeps types.

use anyhow::Result;
use serde_json::{Map, Value, json};
use windlass_clixml::{Base, Limits, PsObject, PsValue, decode, decode_stream, to_text};

/// Objects within objects that are shown; deeper ones show their type only.
const DEPTH: usize = 32;
/// What one value counts for besides its text, in bytes.
const VALUE: usize = 64;
/// What is shown of a short input, in bytes.
const MOST: usize = VALUE << 18;

/// How much is shown of an input of this length; the rest is cut. A document of some kilobytes can refer to the
/// same objects so often that it stands for billions of values. Without references no value takes less than
/// four bytes, so that all of them are shown.
pub(super) fn budget(input: usize) -> usize {
    input.saturating_mul(VALUE / 4).max(MOST)
}

/// A document with a root element, as in files and on standard error.
pub(super) fn document(text: &str, left: &mut usize) -> Result<Value> {
    let values = decode_stream(text, &Limits::default())?;
    let one = |item: &windlass_clixml::StreamValue| match &item.stream {
        Some(stream) => json!({ "stream": stream.as_str(), "value": shown(&item.value, DEPTH, left) }),
        None => shown(&item.value, DEPTH, left),
    };
    Ok(json!({ "format": "clixml", "values": values.iter().map(one).collect::<Vec<_>>() }))
}

/// A single value, as in messages.
pub(super) fn value(text: &str, left: &mut usize) -> Result<Value> {
    let value = decode(text, &Limits::default())?;
    Ok(json!({ "format": "clixml", "value": describe(&value, left) }))
}

/// A value with the type of what JSON has no type for. What it takes is taken from what is left.
pub(super) fn describe(value: &PsValue, left: &mut usize) -> Value {
    shown(value, DEPTH, left)
}

fn shown(value: &PsValue, depth: usize, left: &mut usize) -> Value {
    let Some(rest) = left.checked_sub(VALUE) else { return json!({ "cut": true }) };
    *left = rest;
    match value {
        PsValue::Null => Value::Null,
        PsValue::Bool(value) => json!(value),
        PsValue::I32(value) => json!(value),
        PsValue::String(text) => told(text.as_str(), left),
        PsValue::SecureString(_) => json!({ "type": "SecureString" }),
        PsValue::Bytes(bytes) => json!({ "type": "Byte[]", "hex": told(&super::hex(bytes), left) }),
        PsValue::Object(object) => match depth.checked_sub(1) {
            Some(deeper) => object_json(object, deeper, left),
            None => json!({ "type": told(object.type_names.most_derived(), left) }),
        },
        other => json!({ "type": type_name(other), "text": told(&to_text(other), left) }),
    }
}

/// A text, taken from what is left.
fn told(text: &str, left: &mut usize) -> Value {
    *left = left.saturating_sub(text.len());
    json!(text)
}

fn object_json(object: &PsObject, depth: usize, left: &mut usize) -> Value {
    let mut map = Map::new();
    if object.type_names.is_present() {
        map.insert("type".to_owned(), told(object.type_names.most_derived(), left));
    }
    if let Some(text) = &object.to_string {
        map.insert("text".to_owned(), told(text.as_str(), left));
    }
    match &object.base {
        Base::Primitive(inner) => {
            map.insert("value".to_owned(), shown(inner, depth, left));
        }
        Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
            map.insert("items".to_owned(), items.iter().map(|item| shown(item, depth, left)).collect());
        }
        Base::Dictionary(entries) => {
            let entry = |(key, value): &(PsValue, PsValue)| {
                json!([shown(key, depth, left), shown(value, depth, left)])
            };
            map.insert("entries".to_owned(), entries.iter().map(entry).collect());
        }
        _ => {}
    }
    for (name, properties) in [("adapted", &object.adapted), ("extended", &object.extended)] {
        let mut entries = Map::new();
        for property in properties.as_slice() {
            let name = property.name.as_str();
            *left = left.saturating_sub(name.len());
            entries.insert(name.to_owned(), shown(&property.value, depth, left));
        }
        if !entries.is_empty() {
            map.insert(name.to_owned(), Value::Object(entries));
        }
    }
    Value::Object(map)
}

fn type_name(value: &PsValue) -> &'static str {
    match value {
        PsValue::Char(_) => "Char",
        PsValue::DateTime(_) => "DateTime",
        PsValue::TimeSpan(_) => "TimeSpan",
        PsValue::U8(_) => "Byte",
        PsValue::I8(_) => "SByte",
        PsValue::U16(_) => "UInt16",
        PsValue::I16(_) => "Int16",
        PsValue::U32(_) => "UInt32",
        PsValue::U64(_) => "UInt64",
        PsValue::I64(_) => "Int64",
        PsValue::F32(_) => "Single",
        PsValue::F64(_) => "Double",
        PsValue::Decimal(_) => "Decimal",
        PsValue::Guid(_) => "Guid",
        PsValue::Uri(_) => "Uri",
        PsValue::Version(_) => "Version",
        PsValue::Xml(_) => "XmlDocument",
        PsValue::ScriptBlock(_) => "ScriptBlock",
        PsValue::ProgressRecord(_) => "ProgressRecord",
        PsValue::Back(_) => "reference to an enclosing object",
        _ => "Object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_far_more_than_it_holds_is_cut() {
        let numbers = "<I32>7</I32>".repeat(1000);
        let text = format!("<S>{}</S>", "7".repeat(100_000));
        for content in [numbers, text] {
            let mut bomb = format!("<Obj RefId=\"0\"><LST>{content}</LST></Obj>");
            // Each object holds the one before twice: together they stand for half a million of them.
            for number in 1..20 {
                let again = number - 1;
                bomb = format!("<Obj RefId=\"{number}\"><LST>{bomb}<Ref RefId=\"{again}\" /></LST></Obj>");
            }
            let mut left = budget(bomb.len());
            let shown = value(&bomb, &mut left).unwrap().to_string();
            assert!(shown.contains("cut") && shown.len() < 2 * MOST, "{} bytes", shown.len());
            // What comes after it in the same input has no budget of its own.
            assert_eq!(value("<I32>7</I32>", &mut left).unwrap()["value"], json!({ "cut": true }));
        }
    }

    #[test]
    fn what_holds_all_that_it_shows_is_never_cut() {
        let many = format!("<Obj RefId=\"0\"><LST>{}</LST></Obj>", "<Nil/>".repeat(2 * MOST / VALUE));
        let shown = value(&many, &mut budget(many.len())).unwrap();
        assert_eq!(shown["value"]["items"].as_array().unwrap().last(), Some(&Value::Null));
    }
}
