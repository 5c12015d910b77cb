//! Classes that clients make and delete; the host itself keeps their instances ([MS-WMI] 3.1.4.3.5,
//! 3.1.4.3.7).

use std::collections::BTreeSet;
use std::sync::Arc;

use windlass_cim::{CimClass, CimName, CimStatus, Schema};

use super::memory::MemoryProvider;
use super::provider::{CimFailure, CimProvider};
use super::repository::NamespaceClasses;

/// Classes that clients may make in one namespace.
const MOST_CLASSES: usize = 1000;

/// The classes that clients made in a namespace.
#[derive(Clone)]
pub(crate) struct MadeClasses {
    /// Their names in lower case.
    names: BTreeSet<String>,
    instances: Arc<MemoryProvider>,
}

/// What is to be there before a class is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// The class, or not.
    Either,
    /// No such class.
    Nothing,
    /// The class.
    Class,
}

impl Default for MadeClasses {
    fn default() -> Self {
        Self { names: BTreeSet::new(), instances: Arc::new(MemoryProvider::of_instances()) }
    }
}

impl MadeClasses {
    /// What keeps the instances of a class, if a client made it.
    pub(crate) fn provider(&self, class: &CimName) -> Option<&dyn CimProvider> {
        self.has(class).then_some(self.instances.as_ref())
    }

    fn has(&self, class: &CimName) -> bool {
        self.names.contains(&class.as_str().to_lowercase())
    }
}

impl NamespaceClasses {
    /// Writes a class with what it adds to its superclass.
    pub(crate) fn put_class(&mut self, mut class: CimClass, before: Before) -> Result<(), CimFailure> {
        let refused = |status, text: String| Err(CimFailure::new(status).because(text));
        let name = class.name.clone();
        if !CimName::is_identifier(&name) || name.starts_with("__") {
            return refused(CimStatus::INVALID_PARAMETER, format!("A class cannot be named {name:?}."));
        }
        match (self.store.class(&name), before) {
            (Some(_), Before::Nothing) => return Err(CimFailure::new(CimStatus::ALREADY_EXISTS)),
            (None, Before::Class) => return Err(CimFailure::new(CimStatus::NOT_FOUND)),
            (Some(_), _) if !self.made.has(&name) => {
                return refused(CimStatus::NOT_SUPPORTED, format!("The class {name} belongs to a provider."));
            }
            (Some(_), _) if self.store.family(&name).count() > 1 => {
                return Err(CimFailure::new(CimStatus::CLASS_HAS_CHILDREN));
            }
            (Some(_), _) if self.made.instances.has_instances(&name) => {
                return Err(CimFailure::new(CimStatus::CLASS_HAS_INSTANCES));
            }
            (Some(_), _) => {
                self.store.remove(&name);
            }
            (None, _) if self.made.names.len() >= MOST_CLASSES => {
                return Err(CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED));
            }
            (None, _) => {}
        }
        if class.superclass().is_some_and(|parent| self.store.class(parent).is_none()) {
            return Err(CimFailure::new(CimStatus::INVALID_SUPERCLASS));
        }
        // What it inherits comes from the superclass as it is here.
        class.properties.retain(|property| !property.is_propagated);
        class.methods.retain(|method| !method.is_propagated);
        (class.namespace, class.server_name) = (None, None);
        self.store.add(class).map_err(|error| {
            CimFailure::new(CimStatus::INVALID_PARAMETER).because(format!("The class is not valid: {error}."))
        })?;
        self.made.names.insert(name.as_str().to_lowercase());
        Ok(())
    }

    /// Deletes a class with all that derive from it and their instances.
    pub(crate) fn delete_class(&mut self, name: &str) -> Result<(), CimFailure> {
        let family: Vec<CimName> = self.store.family(name).map(|class| class.name.clone()).collect();
        if family.is_empty() {
            return Err(CimFailure::new(CimStatus::NOT_FOUND));
        }
        if let Some(kept) = family.iter().find(|class| !self.made.has(class)) {
            let text = format!("The class {kept} belongs to a provider.");
            return Err(CimFailure::new(CimStatus::NOT_SUPPORTED).because(text));
        }
        for class in &family {
            self.store.remove(class);
            self.made.names.remove(&class.as_str().to_lowercase());
            self.made.instances.forget(class);
        }
        Ok(())
    }
}
