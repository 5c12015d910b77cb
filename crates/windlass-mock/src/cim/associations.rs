//! What is related to what: `ASSOCIATORS OF` and `REFERENCES OF` ([MS-WMI] 2.2.1).

use std::collections::HashMap;
use std::sync::Arc;

use windlass_cim::wql::{Associators, Query, References, ResultMode};
use windlass_cim::{
    CimClass, CimInstance, CimName, CimStatus, CimType, CimValue, ClassStore, Namespace, ObjectPath,
    PropertyDecl, Schema,
};

use super::provider::{CimFailure, CimRequest};
use super::repository::{NamespaceClasses, Repository, Selection, complete, resolve};
use super::{as_text, has_keys, same_path};

/// So many objects of one class are looked for among all of the class, fewer one by one.
const MANY: usize = 8;

impl Repository {
    /// The classes that a query for what is related asks for; `None` if it asks for instances.
    pub(super) fn related_classes(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        query: &Query,
    ) -> Result<Option<Vec<Arc<CimClass>>>, CimFailure> {
        let (mode, of) = match query {
            Query::Associators(query) => (query.mode, &query.of),
            Query::References(query) => (query.mode, &query.of),
            Query::Select(_) => return Ok(None),
        };
        let namespace = self.namespace(namespace_name)?;
        let names = match mode {
            ResultMode::Instances | ResultMode::KeysOnly => return Ok(None),
            ResultMode::ClassDefsOnly => self
                .related(request, namespace_name, query)?
                .into_iter()
                .map(|instance| instance.class_name)
                .collect(),
            ResultMode::SchemaOnly => {
                let source = namespace.class(&of.class_name)?;
                namespace.related_by_schema(&source, query)
            }
        };
        let mut found: Vec<Arc<CimClass>> = Vec::new();
        for name in names {
            let class = namespace.store.class(&name);
            found.extend(class.filter(|class| !found.iter().any(|known| Arc::ptr_eq(known, class))));
        }
        Ok(Some(found))
    }

    /// The instances that a query for what is related asks for.
    pub(super) fn related_instances(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        query: &Query,
    ) -> Result<Selection, CimFailure> {
        let (Query::Associators(Associators { mode, .. }) | Query::References(References { mode, .. })) =
            query
        else {
            return Err(CimFailure::new(CimStatus::INVALID_QUERY));
        };
        let keys_only = match mode {
            ResultMode::Instances => false,
            ResultMode::KeysOnly => true,
            ResultMode::ClassDefsOnly | ResultMode::SchemaOnly => {
                let text = "This protocol has no answer to queries for classes.";
                return Err(CimFailure::new(CimStatus::NOT_SUPPORTED).because(text));
            }
        };
        let found = self.related(request, namespace_name, query)?.into_iter();
        let found = found.map(move |instance| Ok(if keys_only { keys_of(instance) } else { instance }));
        Ok(Selection { instances: Box::new(found), projected: false })
    }

    fn related(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        query: &Query,
    ) -> Result<Vec<CimInstance>, CimFailure> {
        let namespace = self.namespace(namespace_name)?;
        match query {
            Query::References(query) => {
                let source = self.existing(request, namespace_name, &query.of)?;
                let links = Links::of_references(query);
                let found = links.find(request, &namespace, namespace_name, &source)?;
                Ok(found.into_iter().map(|(link, _)| link).collect())
            }
            Query::Associators(query) => {
                let source = self.existing(request, namespace_name, &query.of)?;
                let links = Links::of_associators(query);
                let mut targets = Targets::default();
                for (link, own) in links.find(request, &namespace, namespace_name, &source)? {
                    for property in link.properties.iter().filter(|property| property.name != own) {
                        let CimValue::Reference(target) = &property.value else { continue };
                        if is_result(query, &namespace.store, &property.name, &target.class_name) {
                            targets.add(target.as_ref().clone().in_namespace(namespace_name.clone()));
                        }
                    }
                }
                Ok(self.fetch(request, namespace_name, &namespace, &targets.paths))
            }
            Query::Select(_) => Ok(Vec::new()),
        }
    }

    /// The path of an object that there is, with the keys as the class declares them.
    fn existing(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        path: &ObjectPath,
    ) -> Result<ObjectPath, CimFailure> {
        let path = match &path.namespace {
            Some(_) => path.clone(),
            None => path.clone().in_namespace(namespace_name.clone()),
        };
        let instance = self.get(request, &path)?;
        Ok(instance.path().unwrap_or(path))
    }

    /// The objects of these paths, in their order. What has gone meanwhile is left out.
    fn fetch(
        &self,
        request: &CimRequest<'_>,
        namespace_name: &Namespace,
        namespace: &NamespaceClasses,
        paths: &[ObjectPath],
    ) -> Vec<CimInstance> {
        let mut classes: HashMap<&CimName, Vec<(usize, &ObjectPath)>> = HashMap::new();
        for (place, path) in paths.iter().enumerate() {
            classes.entry(&path.class_name).or_default().push((place, path));
        }
        let mut found: Vec<(usize, CimInstance)> = Vec::with_capacity(paths.len());
        for (name, wanted) in classes {
            let Some(class) = namespace.store.class(name) else { continue };
            if wanted.len() < MANY {
                let got =
                    wanted.iter().filter_map(|(place, path)| Some((*place, self.get(request, path).ok()?)));
                found.extend(got);
            } else if let Ok(all) = self.enumerate(request, namespace_name, name, None) {
                found.extend(pick(all.map_while(Result::ok), &class, &wanted));
            }
        }
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, instance)| instance).collect()
    }
}

impl NamespaceClasses {
    /// The classes that can be related to instances of a class.
    fn related_by_schema(&self, source: &CimClass, query: &Query) -> Vec<CimName> {
        match query {
            Query::References(query) => {
                let links = Links::of_references(query);
                links.classes(&self.store, &source.name).map(|class| class.name.clone()).collect()
            }
            Query::Associators(query) => {
                let links = Links::of_associators(query);
                let mut found = Vec::new();
                for class in links.classes(&self.store, &source.name) {
                    let ends: Vec<_> = references(class).collect();
                    let own = ends.iter().position(|end| links.may_refer(&self.store, end, &source.name));
                    let others = ends.iter().enumerate().filter(|(place, _)| Some(*place) != own);
                    for (_, end) in others {
                        let Some(target) = &end.data_type.class else { continue };
                        if is_result(query, &self.store, &end.name, target) {
                            found.push(target.clone());
                        }
                    }
                }
                found
            }
            Query::Select(_) => Vec::new(),
        }
    }
}

/// Whether an association's property of this name that refers to this class leads to a result.
fn is_result(query: &Associators, store: &ClassStore, property: &CimName, target: &CimName) -> bool {
    query.result_role.as_ref().is_none_or(|role| role == property)
        && query.result_class.as_ref().is_none_or(|wanted| store.is_a(target, wanted))
        && query
            .required_qualifier
            .as_ref()
            .is_none_or(|name| store.class(target).is_some_and(|class| class.qualifiers.contains(name)))
}

/// Which associations are looked through.
struct Links<'q> {
    class: Option<&'q CimName>,
    role: Option<&'q CimName>,
    qualifier: Option<&'q CimName>,
}

impl<'q> Links<'q> {
    fn of_references(query: &'q References) -> Self {
        Self {
            class: query.result_class.as_ref(),
            role: query.role.as_ref(),
            qualifier: query.required_qualifier.as_ref(),
        }
    }

    fn of_associators(query: &'q Associators) -> Self {
        Self {
            class: query.association_class.as_ref(),
            role: query.role.as_ref(),
            qualifier: query.required_association_qualifier.as_ref(),
        }
    }

    /// The association instances that refer to `source`, each with the property that does.
    fn find(
        &self,
        request: &CimRequest<'_>,
        namespace: &NamespaceClasses,
        namespace_name: &Namespace,
        source: &ObjectPath,
    ) -> Result<Vec<(CimInstance, CimName)>, CimFailure> {
        if let Some(class) = self.class {
            namespace.class(class)?;
        }
        let mut found = Vec::new();
        for class in self.classes(&namespace.store, &source.class_name) {
            let Some(provider) = namespace.provider(class) else { continue };
            for instance in provider.enumerate(request, class, None)? {
                let instance = complete(instance?, Some(namespace_name));
                let own = instance.properties.iter().find(|property| {
                    self.role.is_none_or(|role| *role == property.name)
                        && matches!(&property.value, CimValue::Reference(target) if same_path(target, source))
                });
                if let Some(own) = own.map(|property| property.name.clone()) {
                    found.push((instance, own));
                }
            }
        }
        Ok(found)
    }

    /// The association classes that can refer to instances of a class.
    fn classes<'s>(
        &self,
        store: &'s ClassStore,
        source: &CimName,
    ) -> impl Iterator<Item = &'s Arc<CimClass>> {
        store.iter().filter(move |class| {
            class.is_association()
                && self.class.is_none_or(|wanted| class.is_a(wanted))
                && self.qualifier.is_none_or(|name| class.qualifiers.contains(name))
                && references(class).any(|end| self.may_refer(store, end, source))
        })
    }

    /// Whether a property of an association may refer to instances of a class, or of one that derives from
    /// it. Of classes that are not here nothing is known.
    fn may_refer(&self, store: &ClassStore, end: &PropertyDecl, source: &CimName) -> bool {
        self.role.is_none_or(|role| *role == end.name)
            && end.data_type.class.as_ref().is_none_or(|declared| {
                store.class(declared).is_none()
                    || store.is_a(source, declared)
                    || store.is_a(declared, source)
            })
    }
}

fn references(class: &CimClass) -> impl Iterator<Item = &PropertyDecl> {
    class.properties.iter().filter(|property| property.data_type.element == CimType::Reference)
}

/// Objects that were found, each once.
#[derive(Default)]
struct Targets {
    paths: Vec<ObjectPath>,
    places: HashMap<String, Vec<usize>>,
}

impl Targets {
    fn add(&mut self, path: ObjectPath) {
        let alike = self.places.entry(label(&path)).or_default();
        if alike.iter().all(|place| !self.paths.get(*place).is_some_and(|known| same_path(known, &path))) {
            alike.push(self.paths.len());
            self.paths.push(path);
        }
    }
}

/// Those of all instances of a class that are wanted, with their places. Looks no further than it must.
fn pick(
    all: impl Iterator<Item = CimInstance>,
    class: &CimClass,
    wanted: &[(usize, &ObjectPath)],
) -> Vec<(usize, CimInstance)> {
    let mut open: HashMap<String, Vec<(usize, ObjectPath)>> = HashMap::new();
    for (place, path) in wanted {
        if let Ok(path) = resolve(path, class) {
            let keys = path.bindings().iter().map(|key| (&key.name, &key.value));
            open.entry(keys_label(keys)).or_default().push((*place, path));
        }
    }
    let mut left: usize = open.values().map(Vec::len).sum();
    let mut found = Vec::with_capacity(left);
    for instance in all {
        if left == 0 {
            break;
        }
        let keys = class.keys().filter_map(|key| Some((&key.name, instance.get(&key.name)?)));
        let Some(alike) = open.get_mut(&keys_label(keys)) else { continue };
        if let Some(at) = alike.iter().position(|(_, path)| has_keys(&instance, path)) {
            let (place, _) = alike.swap_remove(at);
            found.push((place, instance));
            left -= 1;
        }
    }
    found
}

/// The same for all paths that name one object.
fn label(path: &ObjectPath) -> String {
    let keys = path.bindings().iter().map(|key| (&key.name, &key.value));
    format!("{}.{}", path.class_name.as_str().to_lowercase(), keys_label(keys))
}

fn keys_label<'k>(keys: impl Iterator<Item = (&'k CimName, &'k CimValue)>) -> String {
    let text = |value: &CimValue| match value {
        CimValue::Reference(path) => path.class_name.as_str().to_lowercase(),
        value => as_text(value).unwrap_or_default().to_ascii_lowercase(),
    };
    let mut keys: Vec<String> =
        keys.map(|(name, value)| format!("{}={}", name.as_str().to_lowercase(), text(value))).collect();
    keys.sort_unstable();
    keys.join("\0")
}

/// The instance with its keys alone.
fn keys_of(mut instance: CimInstance) -> CimInstance {
    instance.properties.retain(|property| property.is_key);
    instance
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use windlass_cim::wql::{self, Condition};
    use windlass_cim::{Error, mof};

    use super::*;
    use crate::cim::{CimProvider, Events, Instances};
    use crate::facts::Facts;

    const ITEMS: u32 = 1000;

    /// Items that belong to one owner, and how often they were looked through.
    #[derive(Default)]
    struct Owned(AtomicUsize);

    impl CimProvider for Owned {
        fn namespace(&self) -> Namespace {
            Namespace::new("root/owned")
        }

        fn classes(&self) -> Result<Vec<CimClass>, Error> {
            let text = r#"
                class Owner { [Key] string Name; };
                [Description("What is owned.")] class Item { [Key] uint32 Id; };
                class Other { [Key] uint32 Id; };
                [Association] class Owns { [Key] Owner ref Whole; [Key] Item ref Part; };
                [Association] class Follows { [Key] Other ref Before; [Key] Other ref After; };"#;
            Ok(mof::parse(text)?.classes)
        }

        fn enumerate(
            &self,
            _request: &CimRequest<'_>,
            class: &Arc<CimClass>,
            _condition: Option<&Condition>,
        ) -> Result<Instances, CimFailure> {
            let class = Arc::clone(class);
            let owner = || ObjectPath::class("Owner").with_key("Name", "me");
            let own = |class: &Arc<CimClass>, key: &str, value: CimValue| {
                let mut instance = CimInstance::of_class(class);
                instance.set(key, value).unwrap();
                Ok(instance)
            };
            let link = move |class: &Arc<CimClass>, id| {
                let part = ObjectPath::class("Item").with_key("Id", CimValue::UInt32(id));
                let mut link = CimInstance::of_class(class);
                link.set("Whole", CimValue::Reference(Box::new(owner()))).unwrap();
                link.set("Part", CimValue::Reference(Box::new(part))).unwrap();
                link
            };
            Ok(match class.name.as_str() {
                "Owner" => Box::new(std::iter::once(own(&class, "Name", "me".into()))),
                "Owns" => Box::new((0..ITEMS).rev().map(move |id| Ok(link(&class, id)))),
                "Item" => {
                    self.0.fetch_add(1, Ordering::Relaxed);
                    Box::new((0..ITEMS).map(move |id| own(&class, "Id", id.into())))
                }
                other => panic!("nothing leads to {other}"),
            })
        }
    }

    fn ask(query: &str) -> (Result<Vec<String>, CimFailure>, Vec<String>, usize) {
        let provider = Arc::new(Owned::default());
        let mut repository = Repository::default();
        let shared: Arc<dyn CimProvider> = provider.clone();
        repository.add(&shared).unwrap();
        let (facts, events) = (Facts::default(), Events::default());
        let request =
            CimRequest { user: "alice", computer: "here", facts: &facts, allow_exec: false, events: &events };
        let (namespace, query) = (provider.namespace(), wql::parse(query).unwrap());
        let classes = repository.queried_classes(&request, &namespace, &query).unwrap();
        let classes = classes.into_iter().flatten().map(|class| class.name.to_string()).collect();
        let found = repository.query(&request, &namespace, query).map(|found| {
            found.instances.map(|instance| instance.unwrap().path().unwrap().to_string()).collect()
        });
        (found, classes, provider.0.load(Ordering::Relaxed))
    }

    #[test]
    fn what_is_related_is_looked_through_once_and_in_the_order_of_the_links() {
        let (found, classes, looks) = ask("ASSOCIATORS OF {Owner.Name='ME'}");
        let found = found.unwrap();
        assert_eq!((found.len(), classes.len(), looks), (1000, 0, 1));
        assert!(found[0].ends_with("Item.Id=999") && found[999].ends_with("Item.Id=0"), "{found:?}");
    }

    #[test]
    fn queries_for_classes_give_classes() {
        for (query, wanted) in [
            ("ASSOCIATORS OF {Owner.Name='me'} WHERE ClassDefsOnly", "Item"),
            ("REFERENCES OF {Owner.Name='me'} WHERE ClassDefsOnly", "Owns"),
            ("ASSOCIATORS OF {Owner} WHERE SchemaOnly", "Item"),
            ("ASSOCIATORS OF {Other} WHERE SchemaOnly", "Other"),
            ("REFERENCES OF {Item} WHERE SchemaOnly", "Owns"),
        ] {
            let (found, classes, _) = ask(query);
            assert_eq!(classes, [wanted], "{query}");
            assert_eq!(found.unwrap_err().status, CimStatus::NOT_SUPPORTED, "{query}");
        }
    }

    #[test]
    fn required_qualifiers_are_required() {
        for (query, count) in [
            ("ASSOCIATORS OF {Owner.Name='me'} WHERE RequiredQualifier = Description", 1000),
            ("ASSOCIATORS OF {Owner.Name='me'} WHERE RequiredQualifier = Abstract", 0),
            ("ASSOCIATORS OF {Owner.Name='me'} WHERE RequiredAssocQualifier = Association", 1000),
            ("ASSOCIATORS OF {Owner.Name='me'} WHERE RequiredAssocQualifier = Description", 0),
            ("REFERENCES OF {Owner.Name='me'} WHERE RequiredQualifier = Description", 0),
        ] {
            assert_eq!(ask(query).0.unwrap().len(), count, "{query}");
        }
    }
}
