//! Values as JSON for people and programs, much as `ConvertTo-Json` gives them.

use serde_json::{Map, Number, Value};

use crate::object::{Base, PsObject};
use crate::to_text::to_text;
use crate::value::PsValue;

/// How much of a value JSON shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonLimits {
    /// Objects in one another; what is deeper shows as its text. At most 64.
    pub depth: usize,
    /// Values in all, those that are shared counted for each place; what comes after shows as its
    /// text.
    pub values: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { depth: MAX_DEPTH, values: 1 << 20 }
    }
}

/// Deeper values than this are never built: whoever drops them would go as deep.
const MAX_DEPTH: usize = 64;

/// A value as JSON.
///
/// An object becomes its properties; a list an array; a dictionary an object; an enumeration value its
/// name; a point in time ISO 8601, bytes base64, and everything else that JSON has no form for its
/// text. A value with properties of its own becomes an object with the member `value`. What refers
/// back to an enclosing object, and what passes a limit, becomes its text.
pub fn to_json(value: &PsValue, limits: JsonLimits) -> Value {
    Converter { left: limits.values }.value(value, limits.depth.min(MAX_DEPTH))
}

struct Converter {
    left: usize,
}

impl Converter {
    fn value(&mut self, value: &PsValue, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        match value {
            PsValue::Object(_) if depth == 0 || self.left == 0 => Value::String(to_text(value)),
            PsValue::Object(object) => self.object(object, depth - 1),
            PsValue::Back(_) => Value::String(to_text(value)),
            simple => simple_value(simple),
        }
    }

    fn object(&mut self, object: &PsObject, depth: usize) -> Value {
        match &object.base {
            Base::None | Base::MemberSet => {
                let mut members = Map::new();
                for property in object.properties() {
                    let value = self.value(&property.value, depth);
                    add(&mut members, &property.name, value);
                }
                match (&object.to_string, members.is_empty()) {
                    (Some(text), true) => Value::String(text.to_string()),
                    _ => Value::Object(members),
                }
            }
            Base::Primitive(inner) => {
                let name = object.to_string.as_ref().filter(|_| object.type_names.contains("System.Enum"));
                let value = match name {
                    Some(name) => Value::String(name.to_string()),
                    None => self.value(inner, depth),
                };
                self.with_properties(object, value, depth)
            }
            Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
                let items = items.iter().map(|item| self.value(item, depth)).collect();
                self.with_properties(object, Value::Array(items), depth)
            }
            Base::Dictionary(entries) => {
                let mut members = Map::new();
                for (key, value) in entries {
                    let value = self.value(value, depth);
                    add(&mut members, &to_text(key), value);
                }
                for property in &object.extended {
                    let value = self.value(&property.value, depth);
                    add(&mut members, &property.name, value);
                }
                Value::Object(members)
            }
        }
    }

    /// A value alone, or in an object beside the properties that were added to it.
    fn with_properties(&mut self, object: &PsObject, value: Value, depth: usize) -> Value {
        if object.extended.is_empty() {
            return value;
        }
        let mut members = Map::new();
        members.insert("value".to_owned(), value);
        for property in &object.extended {
            let value = self.value(&property.value, depth);
            add(&mut members, &property.name, value);
        }
        Value::Object(members)
    }
}

/// Adds a member; a name that is there already is made another.
fn add(members: &mut Map<String, Value>, name: &str, value: Value) {
    let mut name = name.to_owned();
    while members.contains_key(&name) {
        name.push('_');
    }
    members.insert(name, value);
}

fn simple_value(value: &PsValue) -> Value {
    match value {
        PsValue::Null => Value::Null,
        PsValue::Bool(value) => Value::Bool(*value),
        PsValue::U64(value) => Value::from(*value),
        PsValue::F32(number) => float(&number.to_string(), value),
        PsValue::F64(number) => {
            Number::from_f64(*number).map_or_else(|| Value::String(to_text(value)), Value::Number)
        }
        PsValue::Decimal(number) => float(&number.to_string(), value),
        PsValue::Char(_) => Value::String(to_text(value)),
        PsValue::DateTime(time) => Value::String(time.to_string()),
        PsValue::Bytes(bytes) => Value::String(base64_simd::STANDARD.encode_to_string(bytes)),
        PsValue::Xml(text) => Value::String(text.to_string()),
        PsValue::ProgressRecord(record) => {
            let mut members = Map::new();
            members.insert("Activity".to_owned(), record.activity.as_str().into());
            members.insert("ActivityId".to_owned(), record.activity_id.into());
            members.insert("StatusDescription".to_owned(), record.status_description.as_str().into());
            members.insert("CurrentOperation".to_owned(), record.current_operation.as_deref().into());
            members.insert("ParentActivityId".to_owned(), record.parent_activity_id.into());
            members.insert("PercentComplete".to_owned(), record.percent_complete.into());
            members.insert("SecondsRemaining".to_owned(), record.seconds_remaining.into());
            members.insert("RecordType".to_owned(), record.kind.name().into());
            Value::Object(members)
        }
        other => match other.as_i64() {
            Some(number) => Value::from(number),
            None => Value::String(to_text(other)),
        },
    }
}

/// A number where a double holds its digits exactly as written, else its text.
fn float(digits: &str, value: &PsValue) -> Value {
    if let Ok(number) = digits.parse::<i64>() {
        return Value::from(number);
    }
    let number = digits.parse::<f64>().ok().filter(|number| number.to_string() == digits);
    number.and_then(Number::from_f64).map_or_else(|| Value::String(to_text(value)), Value::Number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{PsDateTime, ps_enum};

    fn json(value: impl Into<PsValue>) -> String {
        to_json(&value.into(), JsonLimits::default()).to_string()
    }

    #[test]
    fn objects_become_their_properties() {
        let object = PsObject::custom()
            .with("Name", "x")
            .with("Kind", ps_enum("System.DayOfWeek", "Friday", 5))
            .with("When", PsDateTime::from_unix(0, 0))
            .with("List", PsValue::list([1.into(), PsValue::Null, 1.5.into(), true.into()]))
            .with("Table", PsValue::dictionary([("a", 1.into()), ("A", 2.into())]))
            .with("Bytes", PsValue::bytes([1, 2, 3]))
            .with_adapted("name", "hidden");
        assert_eq!(
            json(object),
            r#"{"Name":"x","Kind":"Friday","When":"1970-01-01T00:00:00Z","List":[1,null,1.5,true],"Table":{"a":1,"A":2},"Bytes":"AQID"}"#
        );
    }

    #[test]
    fn values_with_properties_keep_both() {
        let object = PsObject::untyped().with_base(Base::Primitive(5.into())).with("Note", "n");
        assert_eq!(json(object), r#"{"value":5,"Note":"n"}"#);
        assert_eq!(json(PsObject::new("System.Half").with_to_string("1.5")), r#""1.5""#);
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_texts() {
        let decimal = |text: &str| crate::Decimal::parse(text).unwrap();
        assert_eq!(json(decimal("1.5")), "1.5");
        assert_eq!(json(decimal("1.50")), r#""1.50""#);
        assert_eq!(json(decimal("79228162514264337593543950335")), r#""79228162514264337593543950335""#);
        assert_eq!(json(f64::NAN), r#""NaN""#);
        assert_eq!(json(u64::MAX), "18446744073709551615");
        assert_eq!(json(0.1_f32), "0.1");
    }

    #[test]
    fn what_is_deep_or_shared_much_is_cut() {
        let mut value: PsValue = "leaf".into();
        for _ in 0..100_000 {
            value = PsObject::custom().with("a", value).into();
        }
        assert!(to_json(&value, JsonLimits::default()).to_string().len() < 1000);
        let mut bomb: PsValue = 1.into();
        for _ in 0..60 {
            let shared = Arc::new(PsObject::untyped().with_base(Base::List(vec![bomb.clone(), bomb])));
            bomb = shared.into();
        }
        let cut = to_json(&bomb, JsonLimits { values: 1000, ..JsonLimits::default() });
        assert!(cut.to_string().len() < 100_000);
    }
}
