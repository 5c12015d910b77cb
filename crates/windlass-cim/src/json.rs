//! Instances as plain JSON, for people and scripts: a property is a member, its value what JSON has
//! for it.
//!
//! Integers are numbers, whatever their size; reals are numbers, or the strings `NaN`, `INF` and
//! `-INF`; datetimes, references and characters are strings; embedded instances are objects. The
//! class is the member `__CLASS`. What the types were is lost: [`from_json`] gets them from the
//! class. The `Serialize` and `Deserialize` of [`CimValue`] and the other types keep them instead.

use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::class::CimClass;
use crate::error::Error;
use crate::instance::{CimInstance, CimProperty};
use crate::schema::Schema;
use crate::types::{CimType, DataType};
use crate::value::{CimArray, CimValue};

/// The member that names the class.
const CLASS: &str = "__CLASS";
/// Objects inside each other that are read; the JSON parser itself allows 128.
const MAX_DEPTH: usize = 16;

/// An instance as a JSON object, its class first.
#[must_use]
pub fn to_json(instance: &CimInstance) -> Value {
    let mut object = Map::with_capacity(instance.properties.len() + 1);
    object.insert(CLASS.to_owned(), instance.class_name.as_str().into());
    for property in &instance.properties {
        object.insert(property.name.to_string(), value_to_json(&property.value));
    }
    Value::Object(object)
}

/// A value as JSON. An embedded class is its name.
#[must_use]
pub fn value_to_json(value: &CimValue) -> Value {
    match value {
        CimValue::Null => Value::Null,
        CimValue::Boolean(b) => (*b).into(),
        CimValue::String(text) => text.as_str().into(),
        CimValue::Char16(unit) => match char::from_u32(u32::from(*unit)) {
            Some(c) => c.to_string().into(),
            None => (*unit).into(),
        },
        CimValue::Instance(instance) => to_json(instance),
        CimValue::Class(class) => class.name.as_str().into(),
        CimValue::Array(array) => array.items().iter().map(value_to_json).collect(),
        other => number(other).unwrap_or_else(|| other.to_text().unwrap_or_default().into()),
    }
}

fn number(value: &CimValue) -> Option<Value> {
    match value {
        CimValue::UInt64(n) => Some((*n).into()),
        CimValue::Real32(r) => {
            // The shortest decimal of the real32, not the digits that widening adds.
            let shortest: f64 = r.to_string().parse().ok()?;
            Number::from_f64(shortest).map(Value::Number)
        }
        CimValue::Real64(r) => Number::from_f64(*r).map(Value::Number),
        other => other.as_i64().map(Value::from),
    }
}

/// Reads an instance from a JSON object. `class_name` holds where the object does not name its
/// class; with a class that `schema` knows, members get its types.
///
/// # Errors
/// When it is no object, names no class, has a member that the class does not, or one that does not
/// fit its type.
pub fn from_json(value: &Value, class_name: Option<&str>, schema: &dyn Schema) -> Result<CimInstance, Error> {
    read_instance(value, class_name, schema, 0)
}

fn read_instance(
    value: &Value,
    class_name: Option<&str>,
    schema: &dyn Schema,
    depth: usize,
) -> Result<CimInstance, Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Limit { what: "objects inside each other", limit: MAX_DEPTH });
    }
    let error = Error::Type { expected: "an object", found: describe(value) };
    let object = value.as_object().ok_or(error)?;
    let named = object.get(CLASS).and_then(Value::as_str).or(class_name);
    let named = named.ok_or(Error::Type { expected: "an object with __CLASS", found: "an object" })?;
    let class = schema.class(named);
    let mut instance = CimInstance::new(named);
    for (name, value) in object.iter().filter(|(name, _)| *name != CLASS) {
        instance.properties.insert(read_property(name, value, class.as_ref(), schema, depth)?);
    }
    instance.class = class;
    Ok(instance)
}

fn read_property(
    name: &str,
    value: &Value,
    class: Option<&Arc<CimClass>>,
    schema: &dyn Schema,
    depth: usize,
) -> Result<CimProperty, Error> {
    let Some(class) = class else {
        let value = value_from_json(value, None, schema, depth).map_err(|e| e.inside(&name.into()))?;
        return Ok(CimProperty::new(name, value));
    };
    let decl = class.property(name).ok_or_else(|| {
        let reason = format!("there is no property `{name}`");
        Error::Schema { class: class.name.clone(), reason }
    })?;
    let value =
        value_from_json(value, Some(&decl.data_type), schema, depth).map_err(|e| e.inside(&decl.name))?;
    let null = CimProperty::null(decl.name.clone(), decl.data_type.element, decl.data_type.is_array);
    Ok(CimProperty { value, is_key: decl.is_key(), ..null })
}

/// Reads a value. Without a type, integers are `sint64` or `uint64`, other numbers `real64`, and an
/// array has the type of its first element.
fn value_from_json(
    value: &Value,
    data_type: Option<&DataType>,
    schema: &dyn Schema,
    depth: usize,
) -> Result<CimValue, Error> {
    let read = match value {
        Value::Null => CimValue::Null,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
            (Some(n), _, _) => n.into(),
            (None, Some(n), _) => n.into(),
            (None, None, Some(r)) => r.into(),
            (None, None, None) => {
                return Err(Error::Type { expected: "a number of 64 bits", found: "a number" });
            }
        },
        Value::String(text) => match data_type.and_then(|wanted| character(text, wanted)) {
            Some(unit) => CimValue::Char16(unit),
            None => text.as_str().into(),
        },
        Value::Object(_) => {
            let declared = data_type.and_then(|t| t.class.as_ref());
            read_instance(value, declared.map(|c| c.as_str()), schema, depth + 1)?.into()
        }
        Value::Array(items) => {
            let element = data_type.cloned().map(|t| DataType { is_array: false, ..t });
            let items = items.iter().map(|item| match item {
                Value::Array(_) => Err(Error::Type { expected: "a scalar", found: "an array" }),
                item => value_from_json(item, element.as_ref(), schema, depth),
            });
            let items = items.collect::<Result<Vec<_>, _>>()?;
            let first = items.iter().find_map(CimValue::cim_type).unwrap_or(CimType::String);
            let element = element.map_or(first, |t| t.element);
            let items = items.into_iter().map(|item| item.convert(element, false));
            CimArray::from_trusted(element, items.collect::<Result<_, _>>()?).into()
        }
    };
    match data_type {
        Some(data_type) => read.convert(data_type.element, data_type.is_array),
        None => Ok(read),
    }
}

/// The one character of a text where a character is wanted: a digit too, which as text of CIM would
/// be the number of a character.
fn character(text: &str, wanted: &DataType) -> Option<u16> {
    let mut units = text.encode_utf16();
    let unit = units.next().filter(|_| wanted.element == CimType::Char16)?;
    units.next().is_none().then_some(unit)
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::class::PropertyDecl;
    use crate::schema::{ClassStore, NoSchema};

    fn schema() -> ClassStore {
        let mut store = ClassStore::new();
        store
            .add(
                CimClass::new("X")
                    .with_property(PropertyDecl::key("id", CimType::UInt64))
                    .with_property(PropertyDecl::new("real", CimType::Real32))
                    .with_property(PropertyDecl::new("when", CimType::DateTime))
                    .with_property(PropertyDecl::new("list", DataType::array(CimType::UInt8)))
                    .with_property(PropertyDecl::new("letter", CimType::Char16))
                    .with_property(PropertyDecl::new("inner", DataType::instance("X"))),
            )
            .unwrap();
        store
    }

    #[test]
    fn a_class_brings_the_types_back() {
        let json = json!({
            "__CLASS": "X",
            "id": u64::MAX,
            "real": 0.1,
            "when": "20240131235959.000000+060",
            "list": [1, 255, null],
            "letter": "x",
            "inner": {"__CLASS": "X", "id": 5, "real": null},
        });
        let schema = schema();
        let instance = from_json(&json, None, &schema).unwrap();
        assert_eq!(instance.get("id"), Some(&u64::MAX.into()));
        assert_eq!(instance.get("real"), Some(&0.1_f32.into()));
        assert!(instance.property("id").unwrap().is_key);
        assert_eq!(to_json(&instance), json);
        let anonymous = json!({"id": 1, "inner": {"id": 2}});
        let instance = from_json(&anonymous, Some("x"), &schema).unwrap();
        assert_eq!(instance.get("inner").unwrap().as_instance().unwrap().get("id"), Some(&2_u64.into()));
    }

    #[test]
    fn characters_come_back_as_they_were() {
        let schema = schema();
        for unit in [0, u16::from(b'0'), u16::from(b'7'), u16::from(b'x'), 0x20ac, 0xd800] {
            let instance = CimInstance::new("X").with("letter", CimValue::Char16(unit));
            let again = from_json(&to_json(&instance), None, &schema).unwrap();
            assert_eq!(again.get("letter"), Some(&CimValue::Char16(unit)));
        }
    }

    #[test]
    fn without_a_class_types_are_guessed() {
        let json = json!({"__CLASS": "Y", "a": -1, "b": 1.5, "c": ["x"], "d": "NaN", "e": []});
        let instance = from_json(&json, None, &NoSchema).unwrap();
        assert_eq!(instance.get("a"), Some(&(-1_i64).into()));
        assert_eq!(instance.get("c"), Some(&vec!["x".to_owned()].into()));
        assert_eq!(to_json(&instance), json);
        assert_eq!(value_to_json(&f64::NAN.into()), json!("NaN"));
        assert_eq!(value_to_json(&CimValue::Char16(0xd800)), json!(0xd800));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let schema = schema();
        for json in [
            json!(5),
            json!({}),
            json!({"__CLASS": "X", "unknown": 1}),
            json!({"__CLASS": "X", "id": -1}),
            json!({"__CLASS": "X", "id": "five"}),
            json!({"__CLASS": "X", "list": [[1]]}),
            json!({"__CLASS": "X", "list": [256]}),
            json!({"__CLASS": "X", "when": "soon"}),
        ] {
            assert!(from_json(&json, None, &schema).is_err(), "{json}");
        }
        let mut deep = json!({"__CLASS": "Y"});
        for _ in 0..20 {
            deep = json!({"__CLASS": "Y", "inner": deep});
        }
        assert!(from_json(&deep, None, &NoSchema).is_err());
    }
}
