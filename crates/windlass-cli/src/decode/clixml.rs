//! CLIXML as JSON that keeps types.

use anyhow::Result;
use serde_json::{Map, Value, json};
use windlass_clixml::{Base, Limits, PsObject, PsValue, decode, decode_stream, to_text};

/// Objects within objects that are shown; deeper ones show their type only.
const DEPTH: usize = 32;
/// Objects that are shown of one input; further ones show their type only. A document of some kilobytes can
/// refer to the same objects so often that it stands for billions.
const MOST: usize = 1 << 18;

/// A document with a root element, as in files and on standard error.
pub(super) fn document(text: &str) -> Result<Value> {
    let values = decode_stream(text, &Limits::default())?;
    let mut left = MOST;
    let one = |item: &windlass_clixml::StreamValue| match &item.stream {
        Some(stream) => json!({ "stream": stream.as_str(), "value": shown(&item.value, DEPTH, &mut left) }),
        None => shown(&item.value, DEPTH, &mut left),
    };
    Ok(json!({ "format": "clixml", "values": values.iter().map(one).collect::<Vec<_>>() }))
}

/// A single value, as in messages.
pub(super) fn value(text: &str) -> Result<Value> {
    let value = decode(text, &Limits::default())?;
    Ok(json!({ "format": "clixml", "value": describe(&value, DEPTH) }))
}

/// A value with the type of what JSON has no type for.
pub(super) fn describe(value: &PsValue, depth: usize) -> Value {
    shown(value, depth, &mut { MOST })
}

fn shown(value: &PsValue, depth: usize, left: &mut usize) -> Value {
    match value {
        PsValue::Null => Value::Null,
        PsValue::Bool(value) => json!(value),
        PsValue::I32(value) => json!(value),
        PsValue::String(text) => json!(text.as_str()),
        PsValue::SecureString(_) => json!({ "type": "SecureString" }),
        PsValue::Bytes(bytes) => json!({ "type": "Byte[]", "hex": super::hex(bytes) }),
        PsValue::Object(object) => match (depth.checked_sub(1), left.checked_sub(1)) {
            (Some(deeper), Some(fewer)) => {
                *left = fewer;
                object_json(object, deeper, left)
            }
            _ => json!({ "type": object.type_names.most_derived() }),
        },
        other => json!({ "type": type_name(other), "text": to_text(other) }),
    }
}

fn object_json(object: &PsObject, depth: usize, left: &mut usize) -> Value {
    let mut map = Map::new();
    if object.type_names.is_present() {
        map.insert("type".to_owned(), json!(object.type_names.most_derived()));
    }
    if let Some(text) = &object.to_string {
        map.insert("text".to_owned(), json!(text.as_str()));
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
        let entries: Map<String, Value> =
            properties.iter().map(|p| (p.name.as_str().to_owned(), shown(&p.value, depth, left))).collect();
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
