//! Instances and their properties.

use std::sync::Arc;

use crate::class::CimClass;
use crate::error::Error;
use crate::list::{Named, NamedList};
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::{KeyBinding, Keys, ObjectPath};
use crate::qualifier::Qualifier;
use crate::types::CimType;
use crate::value::CimValue;
use crate::wscim::octets_of_text;

/// An instance of a class.
///
/// `==` compares names, place, properties in their order and qualifiers; not whether the class is
/// attached.
#[derive(Clone, Debug)]
pub struct CimInstance {
    /// The name of its class.
    pub class_name: CimName,
    /// The namespace that it came from.
    pub namespace: Option<Namespace>,
    /// The server that it came from.
    pub server_name: Option<String>,
    /// Its properties, in order.
    pub properties: NamedList<CimProperty>,
    /// What is said about this instance (a feature of WMI).
    pub qualifiers: NamedList<Qualifier>,
    /// Its class, when known.
    pub class: Option<Arc<CimClass>>,
    /// Its path as the server stated it.
    pub stated_path: Option<Box<ObjectPath>>,
}

/// A property of an instance.
#[derive(Clone, Debug, PartialEq)]
pub struct CimProperty {
    /// Its name.
    pub name: CimName,
    /// Its value.
    pub value: CimValue,
    /// The type of the value, or of its elements; meaningful for null too.
    pub cim_type: CimType,
    /// Whether it is an array; meaningful for null too.
    pub is_array: bool,
    /// Whether type and shape are known from the class or stated by the server; otherwise they
    /// were guessed from the text.
    pub is_typed: bool,
    /// Whether it is a key.
    pub is_key: bool,
    /// Whether it was set by [`CimInstance::set`] since the instance was read.
    pub is_modified: bool,
}

impl CimProperty {
    /// A property with the type of its value; a null counts as an untyped string.
    pub fn new(name: impl Into<CimName>, value: impl Into<CimValue>) -> Self {
        let value = value.into();
        let cim_type = value.cim_type();
        Self {
            name: name.into(),
            cim_type: cim_type.unwrap_or(CimType::String),
            is_array: value.is_array(),
            is_typed: cim_type.is_some(),
            is_key: false,
            is_modified: false,
            value,
        }
    }

    /// A property without value.
    pub fn null(name: impl Into<CimName>, cim_type: CimType, is_array: bool) -> Self {
        Self {
            name: name.into(),
            value: CimValue::Null,
            cim_type,
            is_array,
            is_typed: true,
            is_key: false,
            is_modified: false,
        }
    }

    /// The same property as a key.
    #[must_use]
    pub fn into_key(mut self) -> Self {
        self.is_key = true;
        self
    }
}

impl Named for CimProperty {
    fn name(&self) -> &CimName {
        &self.name
    }
}

impl CimInstance {
    /// An instance without properties.
    pub fn new(class_name: impl Into<CimName>) -> Self {
        Self {
            class_name: class_name.into(),
            namespace: None,
            server_name: None,
            properties: NamedList::new(),
            qualifiers: NamedList::new(),
            class: None,
            stated_path: None,
        }
    }

    /// The instance that a path refers to, known by its keys alone.
    #[must_use]
    pub fn of_path(path: &ObjectPath) -> Self {
        let mut instance = Self::new(path.class_name.clone());
        instance.namespace.clone_from(&path.namespace);
        instance.server_name.clone_from(&path.server);
        let keys = path.bindings().iter();
        let keys = keys.map(|key| CimProperty::new(key.name.clone(), key.value.clone()).into_key());
        instance.properties = keys.collect();
        instance.stated_path = Some(Box::new(path.clone()));
        instance
    }

    /// A new instance of a class: every property with its default value, keys marked.
    #[must_use]
    pub fn of_class(class: &Arc<CimClass>) -> Self {
        let mut instance = Self::new(class.name.clone());
        instance.namespace.clone_from(&class.namespace);
        instance.properties = class
            .properties
            .iter()
            .map(|decl| CimProperty {
                value: decl.default.clone(),
                is_key: decl.is_key(),
                ..CimProperty::null(decl.name.clone(), decl.data_type.element, decl.data_type.is_array)
            })
            .collect();
        instance.class = Some(Arc::clone(class));
        instance
    }

    /// The same instance with one property more, or another value for it. Nothing is converted.
    #[must_use]
    pub fn with(mut self, name: impl Into<CimName>, value: impl Into<CimValue>) -> Self {
        self.properties.insert(CimProperty::new(name, value));
        self
    }

    /// The same instance with one key property more.
    #[must_use]
    pub fn with_key(mut self, name: impl Into<CimName>, value: impl Into<CimValue>) -> Self {
        self.properties.insert(CimProperty::new(name, value).into_key());
        self
    }

    /// The same instance in a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<Namespace>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The value of a property; `None` when there is no such property.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CimValue> {
        self.properties.get(name).map(|p| &p.value)
    }

    /// The property of that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&CimProperty> {
        self.properties.get(name)
    }

    /// Sets a property and marks it as modified. The value is converted to the type of the property
    /// when that is known, see [`CimValue::convert`].
    ///
    /// # Errors
    /// When the value does not convert, or the class is attached and has no such property.
    pub fn set(&mut self, name: &str, value: impl Into<CimValue>) -> Result<(), Error> {
        let value = value.into();
        let declared = self.class.as_ref().map(|class| class.property(name));
        if let Some(property) = self.properties.get_mut(name) {
            property.value = if property.is_typed {
                value.convert(property.cim_type, property.is_array).map_err(|e| e.inside(&property.name))?
            } else {
                value
            };
            property.is_modified = true;
            return Ok(());
        }
        let mut property = match declared {
            None => CimProperty::new(name, value),
            Some(None) => {
                let reason = format!("there is no property `{name}`");
                return Err(Error::Schema { class: self.class_name.clone(), reason });
            }
            Some(Some(decl)) => {
                let kind = (decl.data_type.element, decl.data_type.is_array);
                let value = value.convert(kind.0, kind.1).map_err(|e| e.inside(&decl.name))?;
                let null = CimProperty::null(decl.name.clone(), kind.0, kind.1);
                CimProperty { value, is_key: decl.is_key(), ..null }
            }
        };
        property.is_modified = true;
        self.properties.insert(property);
        Ok(())
    }

    /// The properties set since the instance was read.
    pub fn modified(&self) -> impl Iterator<Item = &CimProperty> {
        self.properties.iter().filter(|p| p.is_modified)
    }

    /// Attaches the class: values are converted to its types, keys marked, names spelled as it
    /// spells them, missing properties left absent.
    ///
    /// # Errors
    /// When a value does not convert and `mismatch` says so. Properties unknown to the class stay.
    pub fn attach_class(&mut self, class: &Arc<CimClass>, mismatch: Mismatch) -> Result<(), Error> {
        for property in self.properties.iter_mut() {
            let Some(decl) = class.property(&property.name) else { continue };
            let (element, is_array) = (decl.data_type.element, decl.data_type.is_array);
            if !property.value.fits(element, is_array) {
                let converted = match &property.value {
                    // Read without the class, octets in base64 were a text like any other.
                    CimValue::String(text) if decl.is_octet_string() && element == CimType::UInt8 => {
                        octets_of_text(text).and_then(|octets| octets.converted(element, is_array))
                    }
                    value => value.converted(element, is_array),
                };
                match converted {
                    Ok(converted) => property.value = converted,
                    Err(error) if mismatch == Mismatch::Fail => return Err(error.inside(&decl.name)),
                    Err(_) => {}
                }
            }
            property.name = decl.name.clone();
            property.cim_type = element;
            property.is_array = is_array;
            property.is_typed = true;
            property.is_key = decl.is_key();
        }
        self.class = Some(Arc::clone(class));
        Ok(())
    }

    /// The path of the instance: the one that the server stated, or one made of the key properties.
    /// `None` when no key is known or a key has no value.
    #[must_use]
    pub fn path(&self) -> Option<ObjectPath> {
        if let Some(path) = &self.stated_path {
            return Some((**path).clone());
        }
        let keys = self.keys()?;
        Some(ObjectPath {
            server: self.server_name.clone(),
            namespace: self.namespace.clone(),
            class_name: self.class_name.clone(),
            keys,
        })
    }

    fn keys(&self) -> Option<Keys> {
        let mut bindings = NamedList::new();
        for property in self.properties.iter().filter(|p| p.is_key) {
            if property.value.is_null() {
                return None;
            }
            bindings.insert(KeyBinding { name: property.name.clone(), value: property.value.clone() });
        }
        if !bindings.is_empty() {
            return Some(Keys::Bindings(bindings));
        }
        let class = self.class.as_ref()?;
        (class.is_singleton() || class.keys().next().is_none()).then_some(Keys::Singleton)
    }
}

/// What to do with a value that does not convert to the type that its class declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mismatch {
    /// Refuse the instance.
    #[default]
    Fail,
    /// Keep the value as it was sent, so that one broken provider does not hide all others.
    Keep,
}

impl PartialEq for CimInstance {
    fn eq(&self, other: &Self) -> bool {
        self.class_name == other.class_name
            && self.namespace == other.namespace
            && self.server_name == other.server_name
            && self.properties == other.properties
            && self.qualifiers == other.qualifiers
            && self.stated_path == other.stated_path
    }
}

impl Named for CimInstance {
    fn name(&self) -> &CimName {
        &self.class_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;
    use crate::class::PropertyDecl;

    fn class() -> Arc<CimClass> {
        Arc::new(
            CimClass::new("Disk")
                .with_property(PropertyDecl::key("Id", CimType::String))
                .with_property(PropertyDecl::new("Size", CimType::UInt64).with_default(7_u64))
                .with_property(PropertyDecl::new("Name", CimType::String)),
        )
    }

    #[test]
    fn a_new_instance_has_the_defaults_of_its_class() {
        let mut disk = CimInstance::of_class(&class());
        assert_eq!(disk.get("SIZE"), Some(&CimValue::UInt64(7)));
        assert_eq!(disk.get("name"), Some(&CimValue::Null));
        assert_eq!(disk.get("none"), None);
        assert!(disk.path().is_none());
        disk.set("id", "C:").unwrap();
        assert_eq!(disk.path().unwrap().to_string(), "Disk.Id=\"C:\"");
        assert_eq!(disk.modified().count(), 1);
        assert!(disk.set("Other", 1_u8).is_err());
    }

    #[test]
    fn setting_converts_to_the_declared_type() {
        let mut disk = CimInstance::of_class(&class());
        disk.set("Size", 9_i32).unwrap();
        assert_eq!(disk.get("Size"), Some(&CimValue::UInt64(9)));
        let error = disk.set("Size", -9_i32).unwrap_err();
        assert!(error.to_string().starts_with("`Size`: "), "{error}");
    }

    #[test]
    fn attaching_a_class_types_the_values() {
        let untyped = CimInstance::new("disk").with("ID", "C:").with("size", "12").with("Extra", "x");
        let mut disk = untyped.clone();
        disk.attach_class(&class(), Mismatch::Fail).unwrap();
        assert_eq!(disk.get("Size"), Some(&CimValue::UInt64(12)));
        assert!(disk.property("id").unwrap().is_key);
        assert_eq!(disk.properties.last().unwrap().name.as_str(), "Extra");

        let octets = PropertyDecl::new("Sid", DataType::array(CimType::UInt8));
        let octets = octets.with_qualifier(Qualifier::new("OctetString", true));
        let mut file = CimInstance::new("File").with("Sid", "QUJD");
        file.attach_class(&Arc::new(CimClass::new("File").with_property(octets)), Mismatch::Fail).unwrap();
        assert_eq!(file.get("Sid"), Some(&CimValue::from(b"ABC".to_vec())));

        let mut broken = untyped.with("size", "twelve");
        assert!(broken.clone().attach_class(&class(), Mismatch::Fail).is_err());
        broken.attach_class(&class(), Mismatch::Keep).unwrap();
        assert_eq!(broken.get("Size"), Some(&CimValue::from("twelve")));
    }
}
