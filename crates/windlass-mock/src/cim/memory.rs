//! Classes and instances that live in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_cim::wql::Condition;
use windlass_cim::{
    CimClass, CimInstance, CimStatus, CimValue, ClassStore, Error, MethodDecl, Mismatch, Namespace,
    ObjectPath, Schema, mof,
};

use super::has_keys;
use super::provider::{CimFailure, CimProvider, CimRequest, Instances};

/// What a method does: takes a call, gives the output.
type Method = Arc<dyn Fn(&Call<'_>) -> Result<CimInstance, CimFailure> + Send + Sync>;

/// A call of a method.
#[non_exhaustive]
pub struct Call<'c> {
    /// Who calls.
    pub request: &'c CimRequest<'c>,
    /// The instance, or the class for a static method.
    pub path: &'c ObjectPath,
    /// The input parameters.
    pub input: &'c CimInstance,
    /// The provider.
    pub provider: &'c MemoryProvider,
}

impl Call<'_> {
    /// Changes the instance that the method was called on.
    ///
    /// # Errors
    /// It is gone, or `change` fails.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut CimInstance) -> Result<T, Error>,
    ) -> Result<T, CimFailure> {
        let mut instances = self.provider.lock();
        let instance = instances
            .iter_mut()
            .find(|known| known.class_name == self.path.class_name && has_keys(known, self.path));
        let instance = instance.ok_or_else(|| CimFailure::new(CimStatus::NOT_FOUND))?;
        change(instance).map_err(|error| CimFailure::failed(&error))
    }
}

/// Most instances that clients may create.
const MOST_INSTANCES: usize = 100_000;

/// A provider whose classes come from MOF and whose instances live in memory.
pub struct MemoryProvider {
    namespace: Namespace,
    classes: Vec<CimClass>,
    store: ClassStore,
    instances: Mutex<Vec<CimInstance>>,
    methods: HashMap<(String, String), Method>,
}

impl MemoryProvider {
    /// A provider of instances whose classes somebody else knows.
    pub(super) fn of_instances() -> Self {
        Self {
            namespace: Namespace::new(""),
            classes: Vec::new(),
            store: ClassStore::new(),
            instances: Mutex::default(),
            methods: HashMap::new(),
        }
    }

    /// A provider with the classes and instances that a MOF text declares.
    ///
    /// # Errors
    /// When the text is not MOF, or an instance does not fit its class.
    pub fn from_mof(namespace: impl Into<Namespace>, text: &str) -> Result<Self, Error> {
        let file = mof::parse(text)?;
        let mut store = ClassStore::new();
        for class in super::system_classes()? {
            store.add(class)?;
        }
        for class in &file.classes {
            store.add(class.clone())?;
        }
        let provider = Self {
            namespace: namespace.into(),
            classes: file.classes,
            store,
            instances: Mutex::default(),
            methods: HashMap::new(),
        };
        for instance in file.instances {
            provider.insert(instance)?;
        }
        Ok(provider)
    }

    /// Leaves a class to another provider of the namespace.
    #[must_use]
    pub fn without_class(mut self, class: &str) -> Self {
        self.classes.retain(|known| !known.name.is(class));
        self
    }

    /// The first instance of exactly this class that `wanted` takes.
    pub fn find(&self, class: &str, mut wanted: impl FnMut(&CimInstance) -> bool) -> Option<CimInstance> {
        self.lock().iter().find(|known| known.class_name.is(class) && wanted(known)).cloned()
    }

    /// An instance of a class with its default values, not added.
    ///
    /// # Errors
    /// There is no such class.
    pub fn new_instance(&self, class: &str) -> Result<CimInstance, CimFailure> {
        let class = self.store.class(class).ok_or_else(|| CimFailure::new(CimStatus::INVALID_CLASS))?;
        Ok(CimInstance::of_class(&class))
    }

    /// Adds an instance.
    ///
    /// # Errors
    /// When it does not fit its class.
    pub fn insert(&self, mut instance: CimInstance) -> Result<(), Error> {
        if let Some(class) = self.store.class(&instance.class_name) {
            instance.attach_class(&class, Mismatch::Fail)?;
            // What is not said has the default value of the class, mostly null.
            let mut whole = CimInstance::of_class(&class);
            for property in instance.properties {
                whole.properties.insert(property);
            }
            whole.qualifiers = instance.qualifiers;
            instance = whole;
        }
        self.lock().push(instance);
        Ok(())
    }

    /// Whether there are instances of exactly this class.
    pub(super) fn has_instances(&self, class: &str) -> bool {
        self.find(class, |_| true).is_some()
    }

    /// Takes away the instances of exactly this class.
    pub(super) fn forget(&self, class: &str) {
        self.lock().retain(|known| !known.class_name.is(class));
    }

    /// Gives a method of a class its meaning. Methods without one cannot be called.
    #[must_use]
    pub fn with_method(
        mut self,
        class: &str,
        method: &str,
        run: impl Fn(&Call<'_>) -> Result<CimInstance, CimFailure> + Send + Sync + 'static,
    ) -> Self {
        self.methods.insert((class.to_lowercase(), method.to_lowercase()), Arc::new(run));
        self
    }

    fn lock(&self) -> MutexGuard<'_, Vec<CimInstance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CimProvider for MemoryProvider {
    fn namespace(&self) -> Namespace {
        self.namespace.clone()
    }

    fn classes(&self) -> Result<Vec<CimClass>, Error> {
        Ok(self.classes.clone())
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure> {
        let instances = self.lock();
        let own = instances.iter().filter(|instance| instance.class_name == class.name);
        let own: Vec<_> = own.cloned().map(Ok).collect();
        Ok(Box::new(own.into_iter()))
    }

    fn get(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
    ) -> Result<CimInstance, CimFailure> {
        let found = self.find(&class.name, |known| has_keys(known, path));
        found.ok_or_else(|| CimFailure::new(CimStatus::NOT_FOUND))
    }

    fn invoke(
        &self,
        request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        method: &MethodDecl,
        input: &CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        if !path.is_class() {
            self.get(request, class, path)?;
        }
        // A method is found where it was declared, or where it was overridden.
        let owners = std::iter::once(&class.name).chain(&class.derivation);
        let run = owners
            .filter_map(|owner| {
                self.methods.get(&(owner.as_str().to_lowercase(), method.name.as_str().to_lowercase()))
            })
            .next()
            .ok_or_else(|| CimFailure::new(CimStatus::METHOD_NOT_AVAILABLE))?;
        run(&Call { request, path, input, provider: self })
    }

    fn put(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        changes: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        let mut instances = self.lock();
        let known =
            instances.iter_mut().find(|known| known.class_name == class.name && has_keys(known, path));
        let known = known.ok_or_else(|| CimFailure::new(CimStatus::NOT_FOUND))?;
        let mut changed = known.clone();
        for property in &changes.properties {
            let Some(declared) = class.property(&property.name) else {
                let text = format!("The class {} has no property {}.", class.name, property.name);
                return Err(CimFailure::new(CimStatus::NO_SUCH_PROPERTY).because(text));
            };
            if declared.is_key() {
                continue;
            }
            changed
                .set(&property.name, property.value.clone())
                .map_err(|error| CimFailure::new(CimStatus::TYPE_MISMATCH).because(format!("{error}.")))?;
        }
        *known = changed.clone();
        Ok(changed)
    }

    fn create(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        instance: CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        let mut created = CimInstance::of_class(class);
        for property in instance.properties {
            let name = property.name.clone();
            created.set(&name, property.value).map_err(|error| {
                CimFailure::new(CimStatus::INVALID_PARAMETER).because(format!("{error}."))
            })?;
        }
        if let Some(missing) = class.keys().find(|key| created.get(&key.name).is_none_or(CimValue::is_null)) {
            let text = format!("The key {} is missing.", missing.name);
            return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
        }
        let mut instances = self.lock();
        if instances.len() >= MOST_INSTANCES {
            return Err(CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED));
        }
        let path = created.path().ok_or_else(|| CimFailure::new(CimStatus::INVALID_PARAMETER))?;
        if instances.iter().any(|known| known.class_name == class.name && has_keys(known, &path)) {
            return Err(CimFailure::new(CimStatus::ALREADY_EXISTS));
        }
        instances.push(created.clone());
        Ok(created)
    }

    fn delete(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
    ) -> Result<(), CimFailure> {
        let mut instances = self.lock();
        let place =
            instances.iter().position(|known| known.class_name == class.name && has_keys(known, path));
        match place {
            Some(place) => {
                instances.remove(place);
                Ok(())
            }
            None => Err(CimFailure::new(CimStatus::NOT_FOUND)),
        }
    }
}
