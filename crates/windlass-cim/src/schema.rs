//! Where classes are looked up.

use std::collections::HashMap;
use std::sync::Arc;

use crate::class::{CimClass, PropertyDecl};
use crate::error::Error;
use crate::list::{Named, NamedList};
use crate::method::MethodDecl;
use crate::name::CimName;
use crate::qualifier::Qualifier;

/// A source of classes: a store, a cache of what a server told, or nothing.
pub trait Schema {
    /// The class of that name, with all that it inherits.
    fn class(&self, name: &str) -> Option<Arc<CimClass>>;

    /// Whether `class` is `ancestor` or derives from it, as far as is known.
    fn is_a(&self, class: &str, ancestor: &str) -> bool {
        class.eq_ignore_ascii_case(ancestor) || self.class(class).is_some_and(|c| c.is_a(ancestor))
    }
}

/// No class is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSchema;

impl Schema for NoSchema {
    fn class(&self, _: &str) -> Option<Arc<CimClass>> {
        None
    }
}

impl<S: Schema + ?Sized> Schema for &S {
    fn class(&self, name: &str) -> Option<Arc<CimClass>> {
        (**self).class(name)
    }
}

/// The classes of one namespace.
#[derive(Clone, Debug, Default)]
pub struct ClassStore {
    classes: Vec<Arc<CimClass>>,
    places: HashMap<CimName, usize>,
}

impl ClassStore {
    /// A store without classes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a class as it is declared: with its own elements, and of its superclasses the nearest
    /// named in [`CimClass::derivation`]. What it inherits is filled in from the store.
    ///
    /// # Errors
    /// When the superclass is unknown, the class exists, an element contradicts the one that it
    /// overrides, or keys are added to those of the superclass.
    pub fn add(&mut self, class: CimClass) -> Result<Arc<CimClass>, Error> {
        if self.places.contains_key(&class.name) {
            return Err(fault(&class, "it exists already"));
        }
        let parent = match class.superclass() {
            None => None,
            Some(name) => {
                let parent = self.class(name);
                Some(parent.ok_or_else(|| fault(&class, &format!("its superclass `{name}` is unknown")))?)
            }
        };
        let class = Arc::new(match parent {
            Some(parent) => inherit(class, &parent)?,
            None => with_origin(class),
        });
        self.places.insert(class.name.clone(), self.classes.len());
        self.classes.push(Arc::clone(&class));
        Ok(class)
    }

    /// Takes a class that already has what it inherits, as servers give it. Replaces one of the same
    /// name.
    pub fn add_complete(&mut self, class: CimClass) -> Arc<CimClass> {
        let class = Arc::new(class);
        match self.places.get(&class.name).and_then(|&place| self.classes.get_mut(place)) {
            Some(old) => *old = Arc::clone(&class),
            None => {
                self.places.insert(class.name.clone(), self.classes.len());
                self.classes.push(Arc::clone(&class));
            }
        }
        class
    }

    /// Takes a class away. Those that derive from it stay as they are.
    pub fn remove(&mut self, name: &str) -> Option<Arc<CimClass>> {
        let place = self.places.remove(&CimName::from(name))?;
        for later in self.places.values_mut().filter(|later| **later > place) {
            *later -= 1;
        }
        Some(self.classes.remove(place))
    }

    /// The classes in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CimClass>> {
        self.classes.iter()
    }

    /// The classes whose nearest superclass is `name`; without a name, those that have none.
    pub fn subclasses<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = &'a Arc<CimClass>> {
        self.classes.iter().filter(move |class| match (class.superclass(), name) {
            (Some(parent), Some(name)) => parent.is(name),
            (parent, name) => parent.is_none() && name.is_none(),
        })
    }

    /// The class itself and all that derive from it.
    pub fn family<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<CimClass>> {
        self.classes.iter().filter(move |class| class.is_a(name))
    }
}

impl Schema for ClassStore {
    fn class(&self, name: &str) -> Option<Arc<CimClass>> {
        let place = self.places.get(&CimName::from(name))?;
        self.classes.get(*place).map(Arc::clone)
    }
}

fn fault(class: &CimClass, reason: &str) -> Error {
    Error::Schema { class: class.name.clone(), reason: reason.to_owned() }
}

/// A class without superclass is the origin of all that it declares.
fn with_origin(mut class: CimClass) -> CimClass {
    for property in class.properties.iter_mut() {
        property.origin.get_or_insert_with(|| class.name.clone());
    }
    for method in class.methods.iter_mut() {
        method.origin.get_or_insert_with(|| class.name.clone());
    }
    class
}

fn inherit(class: CimClass, parent: &CimClass) -> Result<CimClass, Error> {
    let name = class.name.clone();
    let parent_has_keys = parent.keys().next().is_some();
    if let Some(key) = class.keys().find(|key| parent_has_keys && parent.property(&key.name).is_none()) {
        return Err(fault(&class, &format!("key `{}` comes on top of inherited keys", key.name)));
    }
    let mut derivation = vec![parent.name.clone()];
    derivation.extend(parent.derivation.iter().cloned());
    Ok(CimClass {
        derivation,
        qualifiers: merge_qualifiers(class.qualifiers, &parent.qualifiers, &name)?,
        properties: merge(class.properties, &parent.properties, &name)?,
        methods: merge(class.methods, &parent.methods, &name)?,
        ..class
    })
}

/// A property or method that subclasses inherit.
trait Heritable: Named + Clone {
    /// What a subclass inherits when it says nothing about the element.
    fn inherited(&self) -> Self;

    /// The element of a subclass that overrides `inherited`.
    fn overriding(self, inherited: &Self, class: &CimName) -> Result<Self, Error>;

    /// The element as `class` introduces it.
    fn introduced(self, class: &CimName) -> Self;
}

/// Inherited elements first, in their order, then those of the class.
fn merge<T: Heritable>(
    own: NamedList<T>,
    inherited: &NamedList<T>,
    class: &CimName,
) -> Result<NamedList<T>, Error> {
    let mut own = own;
    let mut all = NamedList::with_capacity(own.len() + inherited.len());
    for element in inherited {
        all.insert(match own.remove(element.name()) {
            Some(overriding) => overriding.overriding(element, class)?,
            None => element.inherited(),
        });
    }
    all.extend(own.into_iter().map(|element| element.introduced(class)));
    Ok(all)
}

impl Heritable for PropertyDecl {
    fn inherited(&self) -> Self {
        Self { qualifiers: pass_on(&self.qualifiers), is_propagated: true, ..self.clone() }
    }

    fn overriding(self, inherited: &Self, class: &CimName) -> Result<Self, Error> {
        let same = self.data_type.element == inherited.data_type.element
            && self.data_type.is_array == inherited.data_type.is_array;
        if !same {
            let reason = format!("property `{}` overrides one of another type", self.name);
            return Err(Error::Schema { class: class.clone(), reason });
        }
        Ok(Self {
            qualifiers: merge_qualifiers(self.qualifiers, &inherited.qualifiers, class)?,
            default: if self.default.is_null() { inherited.default.clone() } else { self.default },
            origin: inherited.origin.clone(),
            is_propagated: false,
            ..self
        })
    }

    fn introduced(self, class: &CimName) -> Self {
        Self { origin: Some(class.clone()), is_propagated: false, ..self }
    }
}

impl Heritable for MethodDecl {
    fn inherited(&self) -> Self {
        Self { qualifiers: pass_on(&self.qualifiers), is_propagated: true, ..self.clone() }
    }

    fn overriding(self, inherited: &Self, class: &CimName) -> Result<Self, Error> {
        Ok(Self {
            qualifiers: merge_qualifiers(self.qualifiers, &inherited.qualifiers, class)?,
            origin: inherited.origin.clone(),
            is_propagated: false,
            ..self
        })
    }

    fn introduced(self, class: &CimName) -> Self {
        Self { origin: Some(class.clone()), is_propagated: false, ..self }
    }
}

/// The qualifiers that a subclass inherits.
fn pass_on(qualifiers: &NamedList<Qualifier>) -> NamedList<Qualifier> {
    let inherited = qualifiers.iter().filter(|q| q.flavor.to_subclass);
    inherited.map(|q| Qualifier { is_propagated: true, ..q.clone() }).collect()
}

fn merge_qualifiers(
    own: NamedList<Qualifier>,
    inherited: &NamedList<Qualifier>,
    class: &CimName,
) -> Result<NamedList<Qualifier>, Error> {
    let mut all = pass_on(inherited);
    for qualifier in own {
        if let Some(old) = all.get(&qualifier.name)
            && !old.flavor.overridable
            && old.value != qualifier.value
        {
            let reason = format!("qualifier `{}` cannot be overridden", qualifier.name);
            return Err(Error::Schema { class: class.clone(), reason });
        }
        all.insert(qualifier);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qualifier::Flavor;
    use crate::types::CimType;

    fn derived(name: &str, parent: &str) -> CimClass {
        CimClass { derivation: vec![parent.into()], ..CimClass::new(name) }
    }

    fn store() -> ClassStore {
        let restricted = Flavor { to_subclass: false, ..Flavor::default() };
        let mut store = ClassStore::new();
        let base = CimClass::new("Base")
            .with_qualifier(Qualifier { flavor: restricted, ..Qualifier::flag("Abstract") })
            .with_qualifier(Qualifier::new("Description", "base"))
            .with_property(PropertyDecl::key("Id", CimType::UInt32))
            .with_property(PropertyDecl::new("Name", CimType::String).with_default("x"))
            .with_method(MethodDecl::new("Stop", CimType::UInt32));
        store.add(base).unwrap();
        store
    }

    #[test]
    fn subclasses_inherit() {
        let mut store = store();
        let child = derived("Child", "BASE")
            .with_property(PropertyDecl::new("Extra", CimType::Boolean))
            .with_property(PropertyDecl::new("NAME", CimType::String));
        let child = store.add(child).unwrap();
        let grandchild = store.add(derived("Grandchild", "Child")).unwrap();

        let names: Vec<_> = child.properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["Id", "NAME", "Extra"]);
        assert!(!child.is_abstract());
        assert!(child.qualifiers.get("description").unwrap().is_propagated);
        assert!(child.property("Id").unwrap().is_key());
        assert!(child.property("Id").unwrap().is_propagated);
        let name = child.property("Name").unwrap();
        assert_eq!((name.is_propagated, name.default.as_str()), (false, Some("x")));
        assert_eq!(name.origin, Some("Base".into()));
        assert_eq!(child.property("Extra").unwrap().origin, Some("Child".into()));
        assert_eq!(grandchild.derivation, [CimName::from("Child"), "Base".into()]);
        assert!(grandchild.method("stop").unwrap().is_propagated);
        assert!(store.is_a("grandchild", "base"));
        assert!(!store.is_a("base", "child"));
        assert_eq!(store.family("child").count(), 2);
        assert_eq!(store.subclasses(Some("Base")).count(), 1);
        assert_eq!(store.subclasses(None).count(), 1);
    }

    #[test]
    fn contradictions_are_refused() {
        let mut store = store();
        for (class, reason) in [
            (derived("A", "Nothing"), "superclass `Nothing` is unknown"),
            (CimClass::new("base"), "exists already"),
            (derived("A", "Base").with_property(PropertyDecl::new("Id", CimType::String)), "another type"),
            (derived("A", "Base").with_property(PropertyDecl::key("K", CimType::String)), "on top of"),
        ] {
            let error = store.add(class).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let fixed = Flavor { overridable: false, ..Flavor::default() };
        let sealed = Qualifier { flavor: fixed, ..Qualifier::new("Kind", "a") };
        store.add(derived("B", "Base").with_qualifier(sealed)).unwrap();
        assert!(store.add(derived("C", "B").with_qualifier(Qualifier::new("Kind", "b"))).is_err());
        assert!(store.add(derived("C", "B").with_qualifier(Qualifier::new("Kind", "a"))).is_ok());
    }
}
