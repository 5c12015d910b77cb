//! Reading instances.

use std::sync::Arc;

use super::parse::Parser;
use crate::class::{CimClass, PropertyDecl};
use crate::error::Error;
use crate::instance::{CimInstance, CimProperty};
use crate::name::CimName;
use crate::path::ObjectPath;

impl Parser<'_> {
    /// `of Class [as $alias] { … }`, up to the closing brace.
    pub(super) fn instance(&mut self) -> Result<CimInstance, Error> {
        let (mut instance, alias) = self.body(0)?;
        if let Some(alias) = alias {
            let path = self.path(&instance);
            self.aliases.insert(alias, path);
        }
        instance.class = None;
        Ok(instance)
    }

    /// The same inside a value.
    pub(super) fn embedded_instance(&mut self, depth: usize) -> Result<CimInstance, Error> {
        let (mut instance, _) = self.body(depth)?;
        instance.class = None;
        Ok(instance)
    }

    fn body(&mut self, depth: usize) -> Result<(CimInstance, Option<CimName>), Error> {
        if !self.accept_word("of")? {
            return Err(self.unexpected("of"));
        }
        let class_name = self.name("the name of a class")?;
        let alias = self.optional_alias()?;
        let class = self.find_class(&class_name);
        let mut instance = CimInstance::new(class_name);
        self.expect_sign('{')?;
        while !self.accept_sign('}')? {
            let qualifiers = self.qualifiers()?;
            let position = self.position;
            let name = self.name("the name of a property")?;
            self.expect_sign('=')?;
            let declared = class.as_deref().map(|class| self.property(class, &name));
            let property = match declared {
                Some(Some(decl)) => {
                    let value = self.value_of(&decl.data_type, depth)?;
                    let kind = (decl.data_type.element, decl.data_type.is_array);
                    let is_key = decl.is_key();
                    CimProperty { value, is_key, ..CimProperty::null(decl.name, kind.0, kind.1) }
                }
                Some(None) => {
                    return Err(self.error_at(position, format!("the class has no property `{name}`")));
                }
                None => CimProperty::new(name, self.value(depth)?),
            };
            let is_key = property.is_key || qualifiers.has("key");
            self.add(&mut instance.properties, CimProperty { is_key, ..property }, position)?;
            self.expect_sign(';')?;
        }
        instance.class = class;
        Ok((instance, alias))
    }

    fn find_class(&self, name: &CimName) -> Option<Arc<CimClass>> {
        self.declared.get(name).cloned().or_else(|| self.schema.class(name))
    }

    /// The property of a class declared in this text, or of one of its superclasses. `None` where all
    /// of them are known and none has it; an unknown superclass may have it, then the value stays
    /// untyped.
    fn property(&self, class: &CimClass, name: &CimName) -> Option<PropertyDecl> {
        let mut class = Arc::new(class.clone());
        // A text could declare classes in a circle.
        for _ in 0..self.limits.elements {
            if let Some(decl) = class.property(name) {
                return Some(decl.clone());
            }
            let superclass = class.superclass()?;
            class = self.find_class(superclass)?;
        }
        None
    }

    /// What an alias refers to: the keys that are known, or the class alone.
    fn path(&self, instance: &CimInstance) -> ObjectPath {
        instance.path().unwrap_or_else(|| ObjectPath::class(instance.class_name.clone()))
    }
}
