//! Classes and their properties.

use crate::list::{Named, NamedList};
use crate::method::MethodDecl;
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::{Keys, ObjectPath};
use crate::qualifier::Qualifier;
use crate::types::{CimType, DataType};
use crate::value::CimValue;

/// A class with all that it has, inherited elements included.
#[derive(Clone, Debug, PartialEq)]
pub struct CimClass {
    /// Its name.
    pub name: CimName,
    /// The namespace that it lives in.
    pub namespace: Option<Namespace>,
    /// The server that gave it.
    pub server_name: Option<String>,
    /// Its superclasses, the nearest first, as far as they are known.
    pub derivation: Vec<CimName>,
    /// What is said about it.
    pub qualifiers: NamedList<Qualifier>,
    /// Its properties, references included.
    pub properties: NamedList<PropertyDecl>,
    /// Its methods.
    pub methods: NamedList<MethodDecl>,
}

impl CimClass {
    /// A class without anything.
    pub fn new(name: impl Into<CimName>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            server_name: None,
            derivation: Vec::new(),
            qualifiers: NamedList::new(),
            properties: NamedList::new(),
            methods: NamedList::new(),
        }
    }

    /// The same class with one more property.
    #[must_use]
    pub fn with_property(mut self, property: PropertyDecl) -> Self {
        self.properties.insert(property);
        self
    }

    /// The same class with one more method.
    #[must_use]
    pub fn with_method(mut self, method: MethodDecl) -> Self {
        self.methods.insert(method);
        self
    }

    /// The same class with one more qualifier.
    #[must_use]
    pub fn with_qualifier(mut self, qualifier: Qualifier) -> Self {
        self.qualifiers.insert(qualifier);
        self
    }

    /// The nearest superclass.
    #[must_use]
    pub fn superclass(&self) -> Option<&CimName> {
        self.derivation.first()
    }

    /// Whether it is `class` or derives from it.
    #[must_use]
    pub fn is_a(&self, class: &str) -> bool {
        self.name.is(class) || self.derivation.iter().any(|name| name.is(class))
    }

    /// The property of that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&PropertyDecl> {
        self.properties.get(name)
    }

    /// The method of that name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&MethodDecl> {
        self.methods.get(name)
    }

    /// The key properties, in order.
    pub fn keys(&self) -> impl Iterator<Item = &PropertyDecl> {
        self.properties.iter().filter(|p| p.is_key())
    }

    /// Whether it has instances of itself only through subclasses.
    #[must_use]
    pub fn is_abstract(&self) -> bool {
        self.qualifiers.has("Abstract")
    }

    /// Whether it relates other instances.
    #[must_use]
    pub fn is_association(&self) -> bool {
        self.qualifiers.has("Association")
    }

    /// Whether its instances are events.
    #[must_use]
    pub fn is_indication(&self) -> bool {
        self.qualifiers.has("Indication") || self.is_a("__Event")
    }

    /// Whether there is at most one instance.
    #[must_use]
    pub fn is_singleton(&self) -> bool {
        self.qualifiers.has("Singleton")
    }

    /// The path of the class itself.
    #[must_use]
    pub fn path(&self) -> ObjectPath {
        ObjectPath {
            server: self.server_name.clone(),
            namespace: self.namespace.clone(),
            class_name: self.name.clone(),
            keys: Keys::Class,
        }
    }
}

impl Named for CimClass {
    fn name(&self) -> &CimName {
        &self.name
    }
}

/// A property as its class declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct PropertyDecl {
    /// Its name.
    pub name: CimName,
    /// The type of its values.
    pub data_type: DataType,
    /// The value that new instances start with.
    pub default: CimValue,
    /// What is said about it.
    pub qualifiers: NamedList<Qualifier>,
    /// The class that introduced it.
    pub origin: Option<CimName>,
    /// Whether it was inherited unchanged.
    pub is_propagated: bool,
}

impl PropertyDecl {
    /// A property without default value and qualifiers.
    pub fn new(name: impl Into<CimName>, data_type: impl Into<DataType>) -> Self {
        Self {
            name: name.into(),
            data_type: data_type.into(),
            default: CimValue::Null,
            qualifiers: NamedList::new(),
            origin: None,
            is_propagated: false,
        }
    }

    /// A key property.
    pub fn key(name: impl Into<CimName>, data_type: impl Into<DataType>) -> Self {
        Self::new(name, data_type).with_qualifier(Qualifier::flag("key"))
    }

    /// The same property with one more qualifier.
    #[must_use]
    pub fn with_qualifier(mut self, qualifier: Qualifier) -> Self {
        self.qualifiers.insert(qualifier);
        self
    }

    /// The same property with a default value.
    #[must_use]
    pub fn with_default(mut self, value: impl Into<CimValue>) -> Self {
        self.default = value.into();
        self
    }

    /// Whether it identifies instances.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.qualifiers.has("key")
    }

    /// Whether clients may set it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.qualifiers.has("write")
    }

    /// Whether a `uint8[]` or string array holds an octet string.
    #[must_use]
    pub fn is_octet_string(&self) -> bool {
        self.data_type.is_array
            && matches!(self.data_type.element, CimType::UInt8 | CimType::String)
            && self.qualifiers.has("OctetString")
    }
}

impl Named for PropertyDecl {
    fn name(&self) -> &CimName {
        &self.name
    }
}
