//! Paths of classes and instances (DSP0004 8.2, [MS-WMI] 2.2.2).

mod parse;
mod print;

use crate::class::CimClass;
use crate::error::Error;
use crate::list::{Named, NamedList};
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::value::CimValue;

pub use parse::{PathLimits, parse_namespace_path};

/// The path of a class or instance: `\\server\root\cimv2:Win32_Process.Handle="4"`.
///
/// `==` compares names and keys in their order; see [`ObjectPath::refers_to_same`].
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPath {
    /// The computer; `.` is the one at hand.
    pub server: Option<String>,
    /// The namespace.
    pub namespace: Option<Namespace>,
    /// The class.
    pub class_name: CimName,
    /// Which instance of the class.
    pub keys: Keys,
}

/// The part of a path that tells instances apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// The path names the class itself.
    Class,
    /// The only instance of its class: `Class=@`.
    Singleton,
    /// Values of the key properties. A single value without a name, `Class="value"`, has the empty
    /// name.
    Bindings(NamedList<KeyBinding>),
}

/// The value of one key property.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyBinding {
    /// The property.
    pub name: CimName,
    /// Its value. Paths do not state types: what was read from text is a string, boolean, `uint64`
    /// or, if negative, `sint64`.
    pub value: CimValue,
}

impl Named for KeyBinding {
    fn name(&self) -> &CimName {
        &self.name
    }
}

impl ObjectPath {
    /// The path of a class.
    pub fn class(name: impl Into<CimName>) -> Self {
        Self { server: None, namespace: None, class_name: name.into(), keys: Keys::Class }
    }

    /// The path of the only instance of a class.
    pub fn singleton(class: impl Into<CimName>) -> Self {
        Self { keys: Keys::Singleton, ..Self::class(class) }
    }

    /// The same path with one more key.
    #[must_use]
    pub fn with_key(mut self, name: impl Into<CimName>, value: impl Into<CimValue>) -> Self {
        let binding = KeyBinding { name: name.into(), value: value.into() };
        match &mut self.keys {
            Keys::Bindings(bindings) => {
                bindings.insert(binding);
            }
            keys => *keys = Keys::Bindings([binding].into_iter().collect()),
        }
        self
    }

    /// The same path in a namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<Namespace>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// The same path on a server.
    #[must_use]
    pub fn on_server(mut self, server: impl Into<String>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// Whether it is the path of a class.
    #[must_use]
    pub fn is_class(&self) -> bool {
        self.keys == Keys::Class
    }

    /// The value of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&CimValue> {
        self.bindings().iter().find(|b| b.name.is(name)).map(|b| &b.value)
    }

    /// The keys, none for a class or a singleton.
    #[must_use]
    pub fn bindings(&self) -> &[KeyBinding] {
        match &self.keys {
            Keys::Bindings(bindings) => bindings,
            Keys::Class | Keys::Singleton => &[],
        }
    }

    /// Gives the keys the names and types that the class declares.
    ///
    /// # Errors
    /// When a key is unknown to the class, does not convert, or one is missing.
    pub fn resolve(mut self, class: &CimClass) -> Result<Self, Error> {
        let Keys::Bindings(bindings) = self.keys else { return Ok(self) };
        let fault = |reason: String| Error::Schema { class: class.name.clone(), reason };
        let mut resolved = NamedList::new();
        for binding in bindings {
            let decl = if binding.name.is_empty() {
                class.keys().next()
            } else {
                class.keys().find(|p| p.name == binding.name)
            };
            let decl = decl.ok_or_else(|| fault(format!("there is no key `{}`", binding.name)))?;
            let value = binding
                .value
                .convert(decl.data_type.element, decl.data_type.is_array)
                .map_err(|e| e.inside(&decl.name))?;
            resolved.insert(KeyBinding { name: decl.name.clone(), value });
        }
        if let Some(missing) = class.keys().find(|p| !resolved.contains(&p.name)) {
            return Err(fault(format!("key `{}` is missing", missing.name)));
        }
        self.keys = Keys::Bindings(resolved);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::PropertyDecl;
    use crate::types::CimType;

    #[test]
    fn the_class_gives_keys_their_types() {
        let class = CimClass::new("Route")
            .with_property(PropertyDecl::key("Index", CimType::UInt32))
            .with_property(PropertyDecl::key("Mask", CimType::String));
        let path: ObjectPath = "route.INDEX=\"4\",mask=255".parse().unwrap();
        let path = path.resolve(&class).unwrap();
        assert_eq!(path.to_string(), "route.Index=4,Mask=\"255\"");
        assert_eq!(path.key("index"), Some(&CimValue::UInt32(4)));
        let unnamed: ObjectPath = "Route=4".parse().unwrap();
        assert!(unnamed.resolve(&class).unwrap_err().to_string().contains("`Mask` is missing"));
        let unknown: ObjectPath = "Route.x=4".parse().unwrap();
        assert!(unknown.resolve(&class).is_err());
    }
}
