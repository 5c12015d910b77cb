//! Classes of a session's host: fetched once, then known (DSP0201 in WS-Management).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use windlass_cim::cimxml::{ClassLimits, decode_class};
use windlass_cim::wscim::Learned;
use windlass_cim::{
    CimArray, CimClass, CimInstance, CimName, CimProperty, CimValue, Mismatch, Namespace, ResourceUri,
    Schema, UriFamily,
};
use windlass_soap::SelectorSet;
use windlass_wsman::{Enumerate, Item, Operation, Reply, Request, Xml};

use super::class_filter::ClassFilter;
use super::session::Shared;
use crate::client::{Sending, Unreadable};
use crate::dcom::{DcomClient, Wanted};
use crate::error::{Error, Result};

/// Classes that are remembered for one session.
const MAX_CLASSES: usize = 2000;

/// A class by namespace and name, both in lower case.
type Key = (String, String);
/// A class, or none where the host does not tell of it.
type Known = Option<Arc<CimClass>>;

/// What is known of the classes of a host. A class that the host does not tell of is remembered, too.
#[derive(Debug, Default)]
pub(super) struct ClassCache {
    classes: RwLock<HashMap<Key, Known>>,
    /// How the host writes instances of the classes that were met last.
    learned: Mutex<Learned>,
}

/// The known classes of one namespace.
pub(super) struct KnownClasses<'c> {
    cache: &'c ClassCache,
    namespace: Namespace,
}

impl ClassCache {
    /// The known classes of a namespace.
    pub(super) fn of(&self, namespace: &Namespace) -> KnownClasses<'_> {
        KnownClasses { cache: self, namespace: namespace.clone() }
    }

    /// Takes what was learned of how instances are written; [`ClassCache::learn`] brings it back.
    pub(super) fn learned(&self) -> Learned {
        std::mem::take(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn learn(&self, learned: Learned) {
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = learned;
    }

    fn look_up(&self, namespace: &Namespace, class: &str) -> Option<Known> {
        self.classes.read().unwrap_or_else(PoisonError::into_inner).get(&key(namespace, class)).cloned()
    }

    /// Forgets everything: classes were changed.
    fn forget(&self) {
        self.classes.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remember(&self, namespace: &Namespace, class: &str, found: Known) {
        let mut classes = self.classes.write().unwrap_or_else(PoisonError::into_inner);
        if classes.len() >= MAX_CLASSES {
            classes.clear();
        }
        classes.insert(key(namespace, class), found);
    }
}

impl Schema for KnownClasses<'_> {
    fn class(&self, name: &str) -> Option<Arc<CimClass>> {
        self.cache.look_up(&self.namespace, name).flatten()
    }
}

fn key(namespace: &Namespace, class: &str) -> Key {
    (namespace.as_str().to_ascii_lowercase(), class.to_ascii_lowercase())
}

/// The definition of a class.
pub(super) async fn get(shared: &Shared, namespace: &Namespace, class: &str) -> Result<Arc<CimClass>> {
    if let Some(Some(known)) = shared.classes.look_up(namespace, class) {
        return Ok(known);
    }
    if let Some(dcom) = &shared.dcom {
        let found = dcom.get_class(namespace, class).await;
        let found = Arc::new(found.map_err(|error| error.while_doing("getting a class"))?);
        shared.classes.remember(namespace, class, Some(Arc::clone(&found)));
        return Ok(found);
    }
    let limits = shared.client.limits().xml;
    let request = request(shared, namespace, class, Operation::Get);
    let got = shared.client.call(&request, Sending::REPEATABLE, |reply| match reply {
        Reply::Get(xml) => read(&xml, namespace, limits),
        _ => Err(windlass_wsman::Error::OtherReply("Get").into()),
    });
    let found = Arc::new(got.await.map_err(|error| error.while_doing("getting a class"))?);
    shared.classes.remember(namespace, class, Some(Arc::clone(&found)));
    Ok(found)
}

/// Writes a class: a new one, or one that is there.
pub(super) async fn put(
    shared: &Shared,
    namespace: &Namespace,
    class: &CimClass,
    create: bool,
) -> Result<()> {
    let written = dcom(shared)?.put_class(namespace, class, create).await;
    shared.classes.forget();
    written.map_err(|error| error.while_doing("writing a class"))
}

/// Deletes a class.
pub(super) async fn delete(shared: &Shared, namespace: &Namespace, class: &str) -> Result<()> {
    let deleted = dcom(shared)?.delete_class(namespace, class).await;
    shared.classes.forget();
    deleted.map_err(|error| error.while_doing("deleting a class"))
}

/// The classes that a query gives.
pub(super) async fn query(shared: &Shared, namespace: &Namespace, wql: &str) -> Result<Vec<Arc<CimClass>>> {
    if windlass_cim::wql::parse(wql).is_ok_and(|query| !query.is_schema()) {
        return Err(Error::usage("the query asks for instances, not for classes"));
    }
    let wanted = Wanted::ClassQuery { text: wql.to_owned() };
    let found = dcom(shared)?.classes(namespace, &wanted).await;
    let found = found.map_err(|error| error.while_doing("querying classes"))?;
    Ok(found.into_iter().map(Arc::new).collect())
}

fn dcom(shared: &Shared) -> Result<&DcomClient> {
    let usage =
        || Error::usage("classes are written and queried over DCOM; WS-Management has no such operation");
    shared.dcom.as_deref().ok_or_else(usage)
}

/// The definitions of all classes of a namespace.
pub(super) async fn list(shared: &Shared, namespace: &Namespace) -> Result<Vec<Arc<CimClass>>> {
    if let Some(dcom) = &shared.dcom {
        let listed = dcom.classes(namespace, &Wanted::Classes).await;
        let listed = listed.map_err(|error| error.while_doing("listing classes"))?;
        return Ok(listed.into_iter().map(Arc::new).collect());
    }
    let limits = shared.client.limits().xml;
    let listed = shared
        .client
        .enumerate_with(
            |operation| request(shared, namespace, "", operation),
            Enumerate::default(),
            |item| match item {
                Item::Object(xml) => Ok(Some(Arc::new(read(xml, namespace, limits)?))),
                _ => Ok(None),
            },
        )
        .await;
    let classes = listed.map_err(|error| error.while_doing("listing classes"))?;
    for class in &classes {
        shared.classes.remember(namespace, class.name.as_str(), Some(Arc::clone(class)));
    }
    Ok(classes)
}

/// The classes of a namespace that a filter lets through. A plain name takes one request.
pub(super) async fn find(
    shared: &Shared,
    namespace: &Namespace,
    filter: &ClassFilter,
) -> Result<Vec<Arc<CimClass>>> {
    let candidates = match filter.only_name() {
        Some(name) => vec![get(shared, namespace, name).await?],
        None => list(shared, namespace).await?,
    };
    let filter = filter.compile();
    Ok(candidates.into_iter().filter(|class| filter.matches(class)).collect())
}

/// A class where the host tells of it. What the host does not tell is remembered, too.
pub(super) async fn known(shared: &Shared, namespace: &Namespace, name: &str) -> Option<Arc<CimClass>> {
    if name.is_empty() {
        return None;
    }
    if let Some(known) = shared.classes.look_up(namespace, name) {
        return known;
    }
    match get(shared, namespace, name).await {
        Ok(class) => Some(class),
        Err(error) => {
            tracing::debug!(%error, class = %name, "the types of a class are not known");
            // Only an answer is remembered: a failed network may come back.
            if error.fault().is_some() {
                shared.classes.remember(namespace, name, None);
            }
            None
        }
    }
}

/// Gives instances, and those embedded in them, the types of their classes, which are fetched where they
/// are not known. Instances of classes that the host does not tell of stay as they are.
pub(super) async fn attach(shared: &Shared, namespace: &Namespace, instances: &mut [CimInstance]) {
    let mut lacking = Vec::new();
    for instance in instances.iter() {
        untyped(instance, &mut lacking);
    }
    fetch(shared, namespace, lacking).await;
    let known = shared.classes.of(namespace);
    for instance in instances {
        give_types(instance, &known);
    }
}

/// The same for instances in the values of parameters.
pub(super) async fn attach_values(shared: &Shared, namespace: &Namespace, parameters: &mut [CimProperty]) {
    let mut lacking = Vec::new();
    for parameter in parameters.iter() {
        untyped_in(&parameter.value, &mut lacking);
    }
    fetch(shared, namespace, lacking).await;
    let known = shared.classes.of(namespace);
    for parameter in parameters {
        give_types_in(&mut parameter.value, &known);
    }
}

async fn fetch(shared: &Shared, namespace: &Namespace, classes: Vec<CimName>) {
    for class in classes {
        known(shared, namespace, &class).await;
    }
}

/// The classes of instances that have none attached. Readers bound how deep instances nest.
fn untyped(instance: &CimInstance, found: &mut Vec<CimName>) {
    if instance.class.is_none() && !found.contains(&instance.class_name) {
        found.push(instance.class_name.clone());
    }
    for property in &instance.properties {
        untyped_in(&property.value, found);
    }
}

fn untyped_in(value: &CimValue, found: &mut Vec<CimName>) {
    match value {
        CimValue::Instance(instance) => untyped(instance, found),
        CimValue::Array(array) if array.element().is_embedded() => {
            array.items().iter().for_each(|item| untyped_in(item, found));
        }
        _ => {}
    }
}

fn give_types(instance: &mut CimInstance, known: &KnownClasses<'_>) {
    if instance.class.is_none()
        && let Some(class) = known.class(&instance.class_name)
    {
        // Values that do not fit are kept as they came.
        instance.attach_class(&class, Mismatch::Keep).ok();
    }
    for property in instance.properties.iter_mut() {
        give_types_in(&mut property.value, known);
    }
}

fn give_types_in(value: &mut CimValue, known: &KnownClasses<'_>) {
    match value {
        CimValue::Instance(instance) => give_types(instance, known),
        CimValue::Array(array) if array.element().is_embedded() => {
            let mut items = array.items().to_vec();
            items.iter_mut().for_each(|item| give_types_in(item, known));
            if let Some(typed) = CimArray::from_values(array.element(), items) {
                **array = typed;
            }
        }
        _ => {}
    }
}

fn schema_uri() -> String {
    ResourceUri { family: UriFamily::ClassSchema, namespace: None, class: None }.to_string()
}

fn selectors(namespace: &Namespace, class: &str) -> SelectorSet {
    SelectorSet::new()
        .with(windlass_cim::wscim::NAMESPACE_SELECTOR, namespace.as_str())
        .with("ClassName", class)
}

/// A request for definitions of classes. Services that are not Windows leave out qualifiers, keys among them, and
/// what is inherited, unless they are asked for both.
fn request<'o>(shared: &Shared, namespace: &Namespace, class: &str, operation: Operation<'o>) -> Request<'o> {
    let mut request = shared.bare(&schema_uri(), selectors(namespace, class), operation);
    for part in ["Qualifiers", "InheritedElements", "InheritanceHierarchy", "ClassOrigin"] {
        request.header.options.push(format!("Include{part}"), "TRUE", false);
    }
    request
}

/// Reads a class; some services put an element around it.
fn read(xml: &Xml<'_>, namespace: &Namespace, limits: windlass_xml::Limits) -> Result<CimClass, Unreadable> {
    let mut reader = xml.reader(limits);
    loop {
        let element = reader
            .next_element()
            .map_err(windlass_wsman::Error::from)?
            .ok_or(windlass_cim::Error::Element { offset: 0, expected: "CLASS" })?;
        if element.local() == "CLASS" {
            let mut class = decode_class(&mut reader, &element, &ClassLimits::default())?;
            class.namespace.get_or_insert_with(|| namespace.clone());
            return Ok(class);
        }
    }
}
