//! Enumerations: many instances, a page at a time (DSP0226 8).

use std::sync::Arc;
use std::task::{Context, Poll};

use windlass_cim::wql::{self, Query};
use windlass_cim::{CimInstance, CimName, Namespace, ObjectPath};
use windlass_wsman::{
    AssociationFilter, AssociationKind, Enumerate, EnumerationMode, Filter, Item, Operation, Page,
    PolymorphismMode, Pull, Release,
};

use super::classes;
use super::objects::{self, InstanceReader};
use super::resource::Resource;
use super::session::Shared;
use crate::batches::{self, Batches, Outlet};
use crate::client::{Client, Sending, Unreadable};
use crate::error::{Error, Layer, Result};

/// Answers without instances in a row after which the host is taken to be broken.
const MAX_EMPTY_PAGES: u32 = 1000;

/// Which instances are wanted, and what of them.
#[derive(Debug, Clone)]
pub struct Enumeration {
    source: Source,
    namespace: String,
    polymorphism: Option<PolymorphismMode>,
    with_paths: bool,
}

#[derive(Debug, Clone)]
enum Source {
    Class(String),
    Wql(String),
    Associations(Box<ObjectPath>, Box<AssociationFilter>),
}

impl Enumeration {
    /// The instances of a class and of its subclasses.
    pub fn class(name: &str) -> Self {
        Self::new(Source::Class(name.to_owned()))
    }

    /// What a WQL query selects.
    pub fn query(wql: &str) -> Self {
        Self::new(Source::Wql(wql.to_owned()))
    }

    /// What is associated with the object at a path.
    pub fn associators(path: &ObjectPath) -> Self {
        Self::associations(path, AssociationKind::Associated)
    }

    /// The associations of the object at a path.
    pub fn references(path: &ObjectPath) -> Self {
        Self::associations(path, AssociationKind::References)
    }

    fn associations(path: &ObjectPath, kind: AssociationKind) -> Self {
        let filter = Box::new(AssociationFilter { kind, ..AssociationFilter::default() });
        Self::new(Source::Associations(Box::new(path.clone()), filter))
    }

    /// Only associations of this class.
    #[must_use]
    pub fn association_class(mut self, class: &str) -> Self {
        self.narrow(|filter| filter.association_class = Some(class.to_owned()));
        self
    }

    /// Only results of this class.
    #[must_use]
    pub fn result_class(mut self, class: &str) -> Self {
        self.narrow(|filter| filter.result_class = Some(class.to_owned()));
        self
    }

    /// Only where the object has this role in the association.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.narrow(|filter| filter.role = Some(role.to_owned()));
        self
    }

    /// Only where the result has this role in the association.
    #[must_use]
    pub fn result_role(mut self, role: &str) -> Self {
        self.narrow(|filter| filter.result_role = Some(role.to_owned()));
        self
    }

    fn narrow(&mut self, narrow: impl FnOnce(&mut AssociationFilter)) {
        if let Source::Associations(_, filter) = &mut self.source {
            narrow(filter);
        }
    }

    fn new(source: Source) -> Self {
        Self { source, namespace: String::new(), polymorphism: None, with_paths: false }
    }

    /// In this namespace; an empty one is that of the session.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Without the instances of subclasses (`-Shallow`).
    #[must_use]
    pub fn shallow(mut self) -> Self {
        self.polymorphism = Some(PolymorphismMode::None);
        self
    }

    /// What is returned of the instances of subclasses.
    #[must_use]
    pub fn polymorphism(mut self, mode: PolymorphismMode) -> Self {
        self.polymorphism = Some(mode);
        self
    }

    /// With the path of each instance, as the host states it.
    #[must_use]
    pub fn with_paths(mut self) -> Self {
        self.with_paths = true;
        self
    }
}

/// Instances as they come. A caller who reads slowly makes the session ask slowly. Dropping it ends the
/// enumeration on the host.
pub struct InstanceStream {
    instances: Batches<CimInstance>,
}

impl InstanceStream {
    /// The next instance; `None` after the last. An error is the last thing that comes.
    pub async fn next(&mut self) -> Option<Result<CimInstance>> {
        self.instances.next().await
    }

    /// All instances that are left.
    ///
    /// # Errors
    /// The enumeration did not come to its end.
    pub async fn collect(mut self) -> Result<Vec<CimInstance>> {
        let mut all = Vec::new();
        while let Some(instance) = self.next().await {
            all.push(instance?);
        }
        Ok(all)
    }
}

impl futures_core::Stream for InstanceStream {
    type Item = Result<CimInstance>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.instances.poll_next(context)
    }
}

/// Starts the task that fetches the pages.
pub(super) fn start(shared: &Arc<Shared>, enumeration: Enumeration) -> InstanceStream {
    let (outlet, instances) = batches::channel();
    let shared_by_task = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let outcome = match Fetch::new(&shared_by_task, enumeration) {
            Ok(fetch) => fetch.run(&outlet).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            outlet.fail(error.while_doing("enumerating instances")).await;
        }
    });
    InstanceStream { instances }
}

/// One enumeration under way.
struct Fetch<'s> {
    shared: &'s Shared,
    resource: Resource,
    request: Enumerate,
    reader: InstanceReader,
    /// The class of projections, which do not name theirs.
    class: CimName,
}

/// What one answer held.
struct Fetched {
    instances: Vec<CimInstance>,
    context: Option<String>,
    is_last: bool,
}

impl<'s> Fetch<'s> {
    fn new(shared: &'s Shared, enumeration: Enumeration) -> Result<Self> {
        let namespace: Namespace = shared.namespace(&enumeration.namespace);
        let style = shared.options.uri_style;
        let (resource, class, filter) = match enumeration.source {
            Source::Class(name) => {
                if !CimName::is_identifier(&name) {
                    return Err(Error::usage(format!("{name:?} is not the name of a class")));
                }
                let class = CimName::from(name.as_str());
                (Resource::class(style, &namespace, &class), class, None)
            }
            Source::Wql(text) => {
                let class = match wql::parse(&text) {
                    Ok(Query::Select(select)) => select.from,
                    // The host may know more of WQL than this client; its fault says it better.
                    _ => CimName::from(""),
                };
                (Resource::all_classes(style, &namespace), class, Some(Filter::Wql(text)))
            }
            Source::Associations(path, mut filter) => {
                filter.object = Resource::object(style, &namespace, &path)?.reference();
                let filter = Filter::Association(filter);
                (Resource::all_classes(style, &namespace), CimName::from(""), Some(filter))
            }
        };
        let mode = if enumeration.with_paths {
            EnumerationMode::ObjectAndReference
        } else {
            EnumerationMode::Object
        };
        let request = Enumerate {
            optimize: true,
            max_elements: Some(shared.options.max_elements),
            filter,
            mode,
            polymorphism: enumeration.polymorphism,
            expires: None,
        };
        let reader = InstanceReader::of_namespace(shared, namespace);
        Ok(Self { shared, resource, request, reader, class })
    }

    /// Fetches page after page. Whatever happens, the host is left without the enumeration.
    async fn run(&self, outlet: &Outlet<CimInstance>) -> Result<()> {
        let first = self.fetch(Operation::Enumerate(self.request.clone())).await?;
        let mut context = first.context;
        let mut is_last = first.is_last;
        if !outlet.send(first.instances).await && !is_last {
            self.release(context).await;
            return Ok(());
        }
        let mut empty_pages = 0;
        while !is_last {
            let Some(current) = context.clone() else {
                return Err(self.broken("the host gave neither the end nor a way to go on"));
            };
            let pull = Pull {
                context: current,
                max_elements: Some(self.shared.options.max_elements),
                ..Pull::default()
            };
            let page = tokio::select! {
                page = self.fetch(Operation::Pull(pull)) => page,
                () = outlet.abandoned() => {
                    self.release(context).await;
                    return Ok(());
                }
            };
            let page = match page {
                Ok(page) => page,
                // The host needs longer to find the next instance.
                Err(error) if error.fault().is_some_and(windlass_soap::Fault::is_timeout) => continue,
                Err(error) => {
                    self.release(context).await;
                    return Err(error);
                }
            };
            context = page.context.or(context);
            is_last = page.is_last;
            empty_pages = if page.instances.is_empty() { empty_pages + 1 } else { 0 };
            if empty_pages > MAX_EMPTY_PAGES {
                self.release(context).await;
                return Err(self.broken("the host goes on answering without instances"));
            }
            if !outlet.send(page.instances).await && !is_last {
                self.release(context).await;
                return Ok(());
            }
        }
        Ok(())
    }

    async fn fetch(&self, operation: Operation<'_>) -> Result<Fetched> {
        let request = self.request(operation);
        let fetched =
            self.shared.client.call(&request, Sending::ONCE, |reply| self.read(Page::try_from(reply)?));
        let mut fetched = fetched.await?;
        if self.shared.options.typed {
            classes::attach(self.shared, self.reader.namespace(), &mut fetched.instances).await;
        }
        Ok(fetched)
    }

    fn read(&self, page: Page<'_>) -> Result<Fetched, Unreadable> {
        let known = self.shared.classes.of(self.reader.namespace());
        let mut decoder = self.reader.decoder(&known);
        let mut instances = Vec::with_capacity(page.items.len());
        for item in &page.items {
            match item {
                Item::Object(xml) => {
                    instances.push(objects::read_item(&self.reader, &mut decoder, xml, &self.class)?);
                }
                Item::ObjectAndReference(xml, reference) => {
                    let mut instance = objects::read_item(&self.reader, &mut decoder, xml, &self.class)?;
                    instance.stated_path = objects::reference_path(reference).map(Box::new);
                    instances.push(instance);
                }
                Item::Reference(reference) => {
                    if let Some(path) = objects::reference_path(reference) {
                        let mut instance = CimInstance::new(path.class_name.clone());
                        instance.namespace.clone_from(&path.namespace);
                        instance.stated_path = Some(Box::new(path));
                        instances.push(instance);
                    }
                }
            }
        }
        Ok(Fetched { instances, context: page.context, is_last: page.end_of_sequence })
    }

    /// Ends the enumeration on the host, ahead of all work.
    async fn release(&self, context: Option<String>) {
        let Some(context) = context else { return };
        let request = self.request(Operation::Release(Release { context }));
        if let Err(error) = self.shared.client.call(&request, Sending::CLEAN_UP, |_| Ok(())).await {
            tracing::debug!(%error, "an enumeration could not be released");
        }
    }

    fn request<'o>(&self, operation: Operation<'o>) -> windlass_wsman::Request<'o> {
        let session = self.shared.client.session();
        let uri = self.resource.uri.to_string();
        session.request(&uri, self.resource.selectors.clone(), Client::new_id(), operation)
    }

    fn broken(&self, reason: &str) -> Error {
        Error::protocol(Layer::Cim, self.shared.client.host(), reason)
    }
}
