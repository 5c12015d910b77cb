//! `ConvertTo-Json`.

use base64_simd::STANDARD;
use serde_json::{Map, Number, Value, json};
use windlass_clixml::{Base, PsObject, PsValue, to_text};

use crate::text::is_custom;

/// A value as JSON, objects within objects down to `depth`; deeper ones become their text, as
/// `ConvertTo-Json -Depth` does it. Bytes are base64, dates ISO 8601.
pub fn to_json(value: &PsValue, depth: usize) -> Value {
    match value {
        PsValue::Null => Value::Null,
        PsValue::Bool(value) => json!(value),
        PsValue::U8(value) => json!(value),
        PsValue::I8(value) => json!(value),
        PsValue::U16(value) => json!(value),
        PsValue::I16(value) => json!(value),
        PsValue::U32(value) => json!(value),
        PsValue::I32(value) => json!(value),
        PsValue::U64(value) => json!(value),
        PsValue::I64(value) => json!(value),
        PsValue::F32(value) => value.to_string().parse().map_or(Value::Null, finite),
        PsValue::F64(value) => finite(*value),
        PsValue::Decimal(value) => value.to_string().parse().map_or(Value::Null, finite),
        PsValue::DateTime(value) => json!(value.to_string()),
        PsValue::Bytes(bytes) => json!(STANDARD.encode_to_string(bytes)),
        PsValue::Object(object) => object_to_json(object, value, depth),
        other => json!(to_text(other)),
    }
}

fn object_to_json(object: &PsObject, value: &PsValue, depth: usize) -> Value {
    let deeper = depth.checked_sub(1);
    match (&object.base, deeper) {
        (Base::Primitive(inner), _) if object.properties().next().is_none() => to_json(inner, depth),
        (Base::Primitive(inner), Some(deeper)) => {
            let mut map = properties(object, deeper);
            map.shift_insert(0, "value".to_owned(), to_json(inner, deeper));
            Value::Object(map)
        }
        (
            Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items),
            Some(deeper),
        ) => Value::Array(items.iter().map(|item| to_json(item, deeper)).collect()),
        (Base::Dictionary(entries), Some(deeper)) => {
            Value::Object(entries.iter().map(|(key, value)| (to_text(key), to_json(value, deeper))).collect())
        }
        (Base::None, Some(deeper)) if object.properties().next().is_some() || is_custom(object) => {
            Value::Object(properties(object, deeper))
        }
        _ => json!(to_text(value)),
    }
}

fn properties(object: &PsObject, depth: usize) -> Map<String, Value> {
    object
        .properties()
        .map(|property| (property.name.as_str().to_owned(), to_json(&property.value, depth)))
        .collect()
}

/// JSON has no number for infinities and NaN.
fn finite(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None => json!(value.to_string()),
    }
}
