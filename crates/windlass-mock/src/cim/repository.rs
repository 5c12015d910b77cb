//! The namespaces of a host.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use windlass_cim::wql::{Condition, Query, Select, Work};
use windlass_cim::{CimClass, CimInstance, CimStatus, ClassStore, Keys, Namespace, ObjectPath, Schema};

use super::made::MadeClasses;
use super::provider::{CimFailure, CimProvider, CimRequest, Instances};

/// The namespaces of a host, their classes and their providers.
#[derive(Default)]
pub(crate) struct Repository {
    namespaces: BTreeMap<String, RwLock<Arc<NamespaceClasses>>>,
}

/// The classes of one namespace. Who holds this sees them as they were when it was asked for.
#[derive(Clone, Default)]
pub(crate) struct NamespaceClasses {
    pub(super) store: ClassStore,
    providers: HashMap<String, Arc<dyn CimProvider>>,
    pub(super) made: MadeClasses,
}

/// What an enumeration gives, and how.
pub(crate) struct Selection {
    /// The instances.
    pub(crate) instances: Instances,
    /// Whether the answer is a projection: instances lack properties that the query did not ask for.
    pub(crate) projected: bool,
}

/// Steps that the evaluation of a condition may take for one instance.
const WORK: usize = 100_000;

impl Repository {
    /// Adds a provider with its classes.
    pub(crate) fn add(&mut self, provider: &Arc<dyn CimProvider>) -> Result<(), windlass_cim::Error> {
        let key = provider.namespace().as_str().to_lowercase();
        let entry = match self.namespaces.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let mut namespace = NamespaceClasses::default();
                for class in super::system_classes()? {
                    namespace.store.add(class)?;
                }
                new.insert(RwLock::new(Arc::new(namespace)))
            }
        };
        let namespace = Arc::make_mut(entry.get_mut().unwrap_or_else(PoisonError::into_inner));
        for class in provider.classes()? {
            let name = class.name.as_str().to_lowercase();
            namespace.store.add(class)?;
            namespace.providers.insert(name, Arc::clone(provider));
        }
        Ok(())
    }

    /// The classes of a namespace.
    pub(crate) fn namespace(&self, name: &Namespace) -> Result<Arc<NamespaceClasses>, CimFailure> {
        let namespace = self.slot(name)?.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(&namespace))
    }

    /// Changes the classes of a namespace, or leaves them as they are after an error.
    pub(crate) fn change_classes(
        &self,
        name: &Namespace,
        change: impl FnOnce(&mut NamespaceClasses) -> Result<(), CimFailure>,
    ) -> Result<(), CimFailure> {
        let mut namespace = self.slot(name)?.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = NamespaceClasses::clone(&namespace);
        change(&mut changed)?;
        *namespace = Arc::new(changed);
        Ok(())
    }

    fn slot(&self, name: &Namespace) -> Result<&RwLock<Arc<NamespaceClasses>>, CimFailure> {
        self.namespaces.get(&name.as_str().to_lowercase()).ok_or_else(|| {
            CimFailure::new(CimStatus::INVALID_NAMESPACE)
                .because(format!("The namespace {} does not exist.", name.as_str()))
        })
    }

    /// One instance.
    pub(crate) fn get(&self, request: &CimRequest<'_>, path: &ObjectPath) -> Result<CimInstance, CimFailure> {
        let (namespace, class) = self.class_of(path)?;
        let path = resolve(path, &class)?;
        let mut found = Err(CimFailure::new(CimStatus::NOT_FOUND));
        // A path may name the class that declares the keys instead of the instance's own.
        for class in namespace.store.family(&class.name) {
            match namespace.provider(class) {
                Some(provider) => found = provider.get(request, class, &path),
                None => continue,
            }
            match &found {
                Err(failure) if failure.status == CimStatus::NOT_FOUND => {}
                _ => break,
            }
        }
        found.map(|instance| complete(instance, path.namespace.as_ref()))
    }

    /// The instances of a class and of those that derive from it.
    pub(crate) fn enumerate(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        class: &str,
        condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure> {
        let namespace = self.namespace(namespace_name)?;
        namespace.class(class)?;
        let mut parts: Vec<Instances> = Vec::new();
        for class in namespace.store.family(class) {
            if class.is_abstract() && !class.is_association() {
                continue;
            }
            if let Some(provider) = namespace.provider(class) {
                parts.push(provider.enumerate(request, class, condition)?);
            }
        }
        let name = namespace_name.clone();
        let all = parts.into_iter().flatten();
        Ok(Box::new(all.map(move |instance| instance.map(|instance| complete(instance, Some(&name))))))
    }

    /// The classes that a query asks for; `None` if it asks for instances.
    pub(crate) fn queried_classes(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        query: &Query,
    ) -> Result<Option<Vec<Arc<CimClass>>>, CimFailure> {
        let Query::Select(select) = query else {
            return self.related_classes(request, namespace_name, query);
        };
        if !select.is_schema() {
            return Ok(None);
        }
        let namespace = self.namespace(namespace_name)?;
        let mut found = Vec::new();
        for class in namespace.store.iter() {
            let matches = select.matches(class.as_ref(), &namespace.store, &mut Work::new(WORK));
            if matches.map_err(|error| limits_exceeded(&error))? {
                found.push(Arc::clone(class));
            }
        }
        Ok(Some(found))
    }

    /// The instances that a query asks for.
    pub(crate) fn query(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        query: Query,
    ) -> Result<Selection, CimFailure> {
        match query {
            Query::Select(select) => self.select(request, namespace_name, select),
            related => self.related_instances(request, namespace_name, &related),
        }
    }

    fn select(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        select: Select,
    ) -> Result<Selection, CimFailure> {
        let namespace = self.namespace(namespace_name)?;
        let class = namespace.class(&select.from)?;
        select.validate(&class).map_err(|error| {
            CimFailure::new(CimStatus::INVALID_QUERY).because(format!("The query is not valid: {error}."))
        })?;
        let all = self.enumerate(request, namespace_name, &select.from, select.condition.as_ref())?;
        let projected = matches!(select.projection, windlass_cim::wql::Projection::Columns(_));
        let chosen = all.filter_map(move |instance| {
            let instance = match instance {
                Ok(instance) => instance,
                Err(failure) => return Some(Err(failure)),
            };
            match select.matches(&instance, &namespace.store, &mut Work::new(WORK)) {
                Ok(true) => Some(Ok(select.project(instance))),
                Ok(false) => None,
                Err(error) => Some(Err(limits_exceeded(&error))),
            }
        });
        Ok(Selection { instances: Box::new(chosen), projected })
    }

    /// Calls a method.
    pub(crate) fn invoke(
        &self,
        request: &CimRequest<'_>,
        path: &ObjectPath,
        method: &str,
        input: &CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        let (namespace, class) = self.class_of(path)?;
        let declared = class.method(method).ok_or_else(|| {
            CimFailure::new(CimStatus::METHOD_NOT_FOUND)
                .because(format!("The class {} has no method {method}.", class.name))
        })?;
        let (path, class) = match path.keys {
            Keys::Class if !declared.is_static() => {
                let text = format!("The method {method} is not static: it needs an instance.");
                return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
            }
            Keys::Class => (path.clone(), class),
            _ => self.owner(request, &namespace, &class, path)?,
        };
        let declared = class.method(method).ok_or_else(|| CimFailure::new(CimStatus::METHOD_NOT_FOUND))?;
        let provider = namespace.provider(&class).ok_or_else(|| CimFailure::new(CimStatus::NOT_SUPPORTED))?;
        provider.invoke(request, &class, &path, declared, input)
    }

    /// The class of the instance that a path of this class or of one that it derives from names, and its
    /// path.
    fn owner(
        &self,
        request: &CimRequest<'_>,
        namespace: &NamespaceClasses,
        class: &Arc<CimClass>,
        path: &ObjectPath,
    ) -> Result<(ObjectPath, Arc<CimClass>), CimFailure> {
        let mut path = resolve(path, class)?;
        for class in namespace.store.family(&class.name) {
            let Some(provider) = namespace.provider(class) else { continue };
            match provider.get(request, class, &path) {
                Ok(_) => {
                    path.class_name = class.name.clone();
                    return Ok((path, Arc::clone(class)));
                }
                Err(failure) if failure.status == CimStatus::NOT_FOUND => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(CimFailure::new(CimStatus::NOT_FOUND))
    }

    /// Changes an instance.
    pub(crate) fn put(
        &self,
        request: &CimRequest<'_>,
        path: &ObjectPath,
        changes: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        let (namespace, class) = self.class_of(path)?;
        let (path, class) = self.owner(request, &namespace, &class, path)?;
        let provider = namespace.provider(&class).ok_or_else(|| CimFailure::new(CimStatus::NOT_SUPPORTED))?;
        let changed = provider.put(request, &class, &path, changes)?;
        Ok(complete(changed, path.namespace.as_ref()))
    }

    /// Creates an instance.
    pub(crate) fn create(
        &self,
        request: &CimRequest<'_>,
        class: &ObjectPath,
        instance: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        let (namespace, found) = self.class_of(class)?;
        let provider = namespace.provider(&found).ok_or_else(|| CimFailure::new(CimStatus::NOT_SUPPORTED))?;
        let created = provider.create(request, &found, instance)?;
        Ok(complete(created, class.namespace.as_ref()))
    }

    /// Deletes an instance.
    pub(crate) fn delete(&self, request: &CimRequest<'_>, path: &ObjectPath) -> Result<(), CimFailure> {
        let (namespace, class) = self.class_of(path)?;
        let (path, class) = self.owner(request, &namespace, &class, path)?;
        let provider = namespace.provider(&class).ok_or_else(|| CimFailure::new(CimStatus::NOT_SUPPORTED))?;
        provider.delete(request, &class, &path)
    }

    fn class_of(&self, path: &ObjectPath) -> Result<(Arc<NamespaceClasses>, Arc<CimClass>), CimFailure> {
        let namespace =
            path.namespace.as_ref().ok_or_else(|| CimFailure::new(CimStatus::INVALID_NAMESPACE))?;
        let namespace = self.namespace(namespace)?;
        let class = namespace.class(&path.class_name)?;
        Ok((namespace, class))
    }
}

impl NamespaceClasses {
    /// The classes.
    pub(crate) fn store(&self) -> &ClassStore {
        &self.store
    }

    /// The class of this name.
    pub(crate) fn class(&self, name: &str) -> Result<Arc<CimClass>, CimFailure> {
        self.store.class(name).ok_or_else(|| {
            CimFailure::new(CimStatus::INVALID_CLASS).because(format!("The class {name} does not exist."))
        })
    }

    /// What is behind a class; for those that clients made, the host itself.
    pub(super) fn provider(&self, class: &CimClass) -> Option<&dyn CimProvider> {
        match self.providers.get(&class.name.as_str().to_lowercase()) {
            Some(provider) => Some(provider.as_ref()),
            None => self.made.provider(&class.name),
        }
    }
}

fn limits_exceeded(error: &windlass_cim::Error) -> CimFailure {
    CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED).because(format!("{error}."))
}

/// The path with keys of the names and types that the class declares.
pub(super) fn resolve(path: &ObjectPath, class: &CimClass) -> Result<ObjectPath, CimFailure> {
    if path.bindings().is_empty() && class.keys().next().is_some() {
        let text = format!("The keys of the {} are missing.", class.name);
        return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
    }
    path.clone().resolve(class).map_err(|error| {
        CimFailure::new(CimStatus::INVALID_PARAMETER).because(format!("The keys are not valid: {error}."))
    })
}

pub(super) fn complete(mut instance: CimInstance, namespace: Option<&Namespace>) -> CimInstance {
    if instance.namespace.is_none() {
        instance.namespace = namespace.cloned();
    }
    instance
}
