//! `Serialize` and `Deserialize` that keep types: `{"type": "uint32", "value": 5}`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::instance::{CimInstance, CimProperty};
use crate::list::NamedList;
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::{KeyBinding, Keys, ObjectPath};
use crate::types::CimType;
use crate::value::{CimArray, CimValue};

/// A scalar: text where the type has one, else the object itself.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Null,
    Text(String),
    Instance(Box<InstanceForm>),
}

/// A typed value. An array holds scalars.
#[derive(Serialize, Deserialize)]
struct ValueForm {
    #[serde(rename = "type")]
    cim_type: String,
    #[serde(default, skip_serializing_if = "is_false")]
    array: bool,
    value: Items,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Items {
    Many(Vec<Scalar>),
    One(Scalar),
}

#[derive(Serialize, Deserialize)]
struct PropertyForm {
    name: String,
    #[serde(flatten)]
    value: ValueForm,
    #[serde(default, skip_serializing_if = "is_false")]
    key: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    untyped: bool,
}

#[derive(Serialize, Deserialize)]
struct InstanceForm {
    class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    properties: Vec<PropertyForm>,
}

#[derive(Serialize, Deserialize)]
struct PathForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    class: String,
    #[serde(default, skip_serializing_if = "is_false")]
    singleton: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<PropertyForm>,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

fn scalar_form(value: &CimValue) -> Scalar {
    match value {
        CimValue::Instance(instance) => Scalar::Instance(Box::new(instance_form(instance))),
        other => other.to_text().map_or(Scalar::Null, |text| Scalar::Text(text.into_owned())),
    }
}

fn value_form(value: &CimValue, cim_type: CimType) -> ValueForm {
    let (array, items) = match value {
        CimValue::Array(list) => (true, Items::Many(list.items().iter().map(scalar_form).collect())),
        scalar => (false, Items::One(scalar_form(scalar))),
    };
    ValueForm { cim_type: cim_type.name().to_owned(), array, value: items }
}

fn property_form(property: &CimProperty) -> PropertyForm {
    let mut value = value_form(&property.value, property.cim_type);
    value.array = property.is_array;
    PropertyForm { name: property.name.to_string(), value, key: property.is_key, untyped: !property.is_typed }
}

fn instance_form(instance: &CimInstance) -> InstanceForm {
    InstanceForm {
        class: instance.class_name.to_string(),
        namespace: instance.namespace.as_ref().map(ToString::to_string),
        server: instance.server_name.clone(),
        properties: instance.properties.iter().map(property_form).collect(),
    }
}

fn scalar(form: Scalar, cim_type: CimType) -> Result<CimValue, String> {
    match form {
        Scalar::Null => Ok(CimValue::Null),
        Scalar::Text(text) => CimValue::parse_text(cim_type, &text).map_err(|e| e.to_string()),
        Scalar::Instance(form) if cim_type.is_embedded() => instance(*form).map(CimValue::from),
        Scalar::Instance(_) => Err(format!("an object where {cim_type} is expected")),
    }
}

fn value(form: ValueForm) -> Result<(CimValue, CimType, bool), String> {
    let cim_type: CimType = form.cim_type.parse().map_err(|e: crate::Error| e.to_string())?;
    let value = match form.value {
        Items::One(one) => scalar(one, cim_type)?,
        Items::Many(many) => {
            let items = many.into_iter().map(|item| scalar(item, cim_type)).collect::<Result<_, _>>()?;
            CimArray::from_trusted(cim_type, items).into()
        }
    };
    let is_array = form.array || value.is_array();
    if is_array && !value.is_array() && !value.is_null() {
        return Err("a scalar where an array is expected".to_owned());
    }
    Ok((value, cim_type, is_array))
}

fn property(form: PropertyForm) -> Result<CimProperty, String> {
    let (value, cim_type, is_array) = value(form.value)?;
    let null = CimProperty::null(form.name, cim_type, is_array);
    Ok(CimProperty { value, is_key: form.key, is_typed: !form.untyped, ..null })
}

fn instance(form: InstanceForm) -> Result<CimInstance, String> {
    let properties = form.properties.into_iter().map(property).collect::<Result<NamedList<_>, _>>()?;
    Ok(CimInstance {
        namespace: form.namespace.map(Namespace::from),
        server_name: form.server,
        properties,
        ..CimInstance::new(form.class)
    })
}

impl Serialize for CimInstance {
    /// Class, place and properties; neither qualifiers nor the attached class.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        instance_form(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CimInstance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        instance(InstanceForm::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for CimValue {
    /// Null is null; an embedded class is left out as null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.cim_type() {
            None => serializer.serialize_none(),
            Some(cim_type) => value_form(self, cim_type).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CimValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<ValueForm>::deserialize(deserializer)? {
            None => Ok(Self::Null),
            Some(form) => value(form).map(|(value, ..)| value).map_err(D::Error::custom),
        }
    }
}

impl Serialize for ObjectPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = |key: &KeyBinding| property_form(&CimProperty::new(key.name.clone(), key.value.clone()));
        PathForm {
            server: self.server.clone(),
            namespace: self.namespace.as_ref().map(ToString::to_string),
            class: self.class_name.to_string(),
            singleton: self.keys == Keys::Singleton,
            keys: self.bindings().iter().map(key).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObjectPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = PathForm::deserialize(deserializer)?;
        let keys = form.keys.into_iter().map(|key| {
            property(key).map(|property| KeyBinding { name: property.name, value: property.value })
        });
        let bindings = keys.collect::<Result<NamedList<_>, _>>().map_err(D::Error::custom)?;
        let keys = match (form.singleton, bindings.is_empty()) {
            (true, _) => Keys::Singleton,
            (false, true) => Keys::Class,
            (false, false) => Keys::Bindings(bindings),
        };
        let namespace = form.namespace.map(Namespace::from);
        Ok(Self { server: form.server, namespace, class_name: CimName::from(form.class), keys })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_survive() {
        let instance = CimInstance::new("X")
            .in_namespace("root/x")
            .with_key("id", 5_u32)
            .with("list", vec![1_u8, 2])
            .with("none", CimValue::Null)
            .with("nan", f64::NAN)
            .with("letter", CimValue::Char16(0xd800))
            .with("inner", CimInstance::new("Y").with("s", "5"));
        let json = serde_json::to_value(&instance).unwrap();
        assert_eq!(json["properties"][0], json!({"name": "id", "type": "uint32", "value": "5", "key": true}));
        assert_eq!(serde_json::from_value::<CimInstance>(json).unwrap(), instance);

        for value in [CimValue::Null, 5_i8.into(), vec!["a".to_owned()].into(), true.into()] {
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<CimValue>(&json).unwrap(), value, "{json}");
        }
        for path in [
            ObjectPath::class("A"),
            ObjectPath::singleton("A"),
            ObjectPath::class("A").with_key("k", 5_u8).in_namespace("root/x").on_server("s"),
        ] {
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<ObjectPath>(&json).unwrap(), path, "{json}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for json in [
            json!({"type": "uint8", "value": "256"}),
            json!({"type": "uint128", "value": "1"}),
            json!({"type": "uint8", "array": true, "value": "1"}),
            json!({"type": "uint8", "value": {"class": "X", "properties": []}}),
        ] {
            assert!(serde_json::from_value::<CimValue>(json.clone()).is_err(), "{json}");
        }
    }
}
