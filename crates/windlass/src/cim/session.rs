//! A CIM session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use uuid::Uuid;
use windlass_cim::{CimClass, CimClassType, CimInstance, CimName, CimValue, Namespace, ObjectPath};

use super::builder::{CimSessionBuilder, CimSessionOptions, Protocol};
use super::class_filter::ClassFilter;
use super::classes::{self, ClassCache};
use super::enumerate::{self, InstanceStream, TypedStream};
use super::enumeration::Enumeration;
use super::events::{self, EventStream, Subscription};
use super::methods::{self, MethodResult};
use super::objects;
use super::operation::OperationOptions;
use super::raw::WsmanResource;
use super::sinks::{self, SinkListener, SinkOptions};
use crate::client::Client;
use crate::dcom::DcomClient;
use crate::error::{Error, Result};
use crate::net::Dial;
use crate::statistics::Statistics;
use crate::target::{Authentication, Target};
use crate::tasks::Tasks;

/// The number of the session that was opened last.
static LAST_ID: AtomicU32 = AtomicU32::new(0);
/// How long the ends of dropped enumerations may take when the session closes.
const SETTLE: Duration = Duration::from_secs(10);

/// A CIM session with a computer. It holds connections, nothing else: what an operation opens on the
/// host is closed with the operation.
pub struct CimSession {
    shared: Arc<Shared>,
    id: u32,
    name: String,
    instance_id: Uuid,
    computer: String,
}

/// What a session and its operations share.
pub(super) struct Shared {
    pub(super) client: Arc<Client>,
    pub(super) tasks: Tasks,
    pub(super) options: CimSessionOptions,
    /// What operations do otherwise than the session says.
    pub(super) operation: OperationOptions,
    pub(super) classes: Arc<ClassCache>,
    /// In place of WS-Management.
    pub(super) dcom: Option<Arc<DcomClient>>,
}

impl Shared {
    /// The namespace that is meant: an empty one is that of the session.
    pub(super) fn namespace(&self, namespace: &str) -> Namespace {
        if namespace.is_empty() { self.options.namespace.clone() } else { Namespace::new(namespace) }
    }
}

impl CimSession {
    /// A session with a computer over WS-Management.
    pub fn builder(computer: &str) -> CimSessionBuilder {
        CimSessionBuilder::new(Target::computer(computer))
    }

    /// A session with the local computer over DCOM, the protocol of local sessions, through a host in this
    /// process, to which `dial` opens pipes.
    pub fn local_dcom(dial: Arc<dyn Dial>) -> CimSessionBuilder {
        Self::local(dial).protocol(Protocol::Dcom)
    }

    /// A session with the local computer through a host in this process, to which `dial` opens pipes.
    pub fn local(dial: Arc<dyn Dial>) -> CimSessionBuilder {
        let mut target = Target::computer("localhost");
        target.set_authentication(Authentication::Anonymous).set_dial(dial);
        CimSessionBuilder::new(target).skip_test_connection(true)
    }

    pub(super) fn new(shared: Arc<Shared>, name: Option<String>, computer: String) -> Self {
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let name = name.unwrap_or_else(|| format!("CimSession{id}"));
        Self { shared, id, name, instance_id: Uuid::new_v4(), computer }
    }

    /// The same session, with other options for the operations that are started through it. Both share
    /// connections and known classes.
    #[must_use]
    pub fn with_options(&self, operation: OperationOptions) -> Self {
        let Shared { client, tasks, options, classes, dcom, .. } = &*self.shared;
        let dcom = dcom.as_ref().map(|dcom| Arc::new(dcom.with(operation.dcom_calls())));
        let shared = Shared {
            client: Arc::clone(client),
            tasks: tasks.clone(),
            options: options.clone(),
            operation,
            classes: Arc::clone(classes),
            dcom,
        };
        Self {
            shared: Arc::new(shared),
            id: self.id,
            name: self.name.clone(),
            instance_id: self.instance_id,
            computer: self.computer.clone(),
        }
    }

    /// The session's number in this process.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The session's own id.
    pub fn instance_id(&self) -> Uuid {
        self.instance_id
    }

    /// The computer, as the caller named it.
    pub fn computer_name(&self) -> &str {
        &self.computer
    }

    /// What the session speaks.
    pub fn protocol(&self) -> Protocol {
        if self.shared.dcom.is_some() { Protocol::Dcom } else { Protocol::Wsman }
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        match &self.shared.dcom {
            None => self.shared.client.counts().into(),
            Some(dcom) => Statistics { rpc_exchanges: dcom.exchanges(), ..dcom.counts().into() },
        }
    }

    /// The instances of a class and of its subclasses. An empty namespace is that of the session.
    pub fn enumerate(&self, namespace: &str, class: &str) -> InstanceStream {
        self.instances(Enumeration::class(class).namespace(namespace))
    }

    /// The instances that a WQL query selects.
    pub fn query(&self, namespace: &str, wql: &str) -> InstanceStream {
        self.instances(Enumeration::query(wql).namespace(namespace))
    }

    /// The instances of the class that a Rust type stands for: see [`windlass_cim::cim_class!`]. Only the
    /// properties that the type has are asked for.
    pub fn instances_of<T: CimClassType>(&self) -> TypedStream<T> {
        let columns = T::PROPERTIES.iter().copied();
        let enumeration = Enumeration::class(T::CLASS).namespace(T::NAMESPACE).properties(columns);
        TypedStream::new(self.instances(enumeration), self.shared.client.host())
    }

    /// Any enumeration.
    pub fn instances(&self, enumeration: Enumeration) -> InstanceStream {
        enumerate::start(&self.shared, enumeration)
    }

    /// The instance at a path.
    ///
    /// # Errors
    /// There is none, or the host was not reached or refused.
    pub async fn get(&self, path: &ObjectPath) -> Result<CimInstance> {
        objects::get(&self.shared, path).await
    }

    /// An instance as the host has it now.
    ///
    /// # Errors
    /// No path of it is known, there is none any more, or the host was not reached or refused.
    pub async fn refresh(&self, instance: &CimInstance) -> Result<CimInstance> {
        objects::get(&self.shared, &path_of(instance)?).await
    }

    /// One property of the instance at a path.
    ///
    /// # Errors
    /// There is none, or the host was not reached or refused.
    pub async fn get_property(&self, path: &ObjectPath, name: &str) -> Result<CimValue> {
        objects::get_property(&self.shared, path, &CimName::from(name)).await
    }

    /// A new instance of a class with its default values, known to this client alone (`-ClientOnly`).
    /// Without types, an instance without properties.
    ///
    /// # Errors
    /// There is no such class, or the host was not reached or refused.
    pub async fn new_instance(&self, namespace: &str, class: &str) -> Result<CimInstance> {
        let namespace = self.shared.namespace(namespace);
        let made = match self.shared.is_typed() {
            true => CimInstance::of_class(&classes::get(&self.shared, &namespace, class).await?),
            false => CimInstance::new(class),
        };
        Ok(made.in_namespace(namespace))
    }

    /// Creates an instance and returns its path. An empty namespace is that of the session.
    ///
    /// # Errors
    /// The host did not create it.
    pub async fn create(&self, namespace: &str, instance: &CimInstance) -> Result<ObjectPath> {
        objects::create(&self.shared, &self.shared.namespace(namespace), instance).await
    }

    /// Changes the instance at a path to have these properties; those that are left out keep their
    /// values. Returns it as the host has it then, where the host says so.
    ///
    /// # Errors
    /// The host did not change it.
    pub async fn modify(&self, path: &ObjectPath, instance: &CimInstance) -> Result<Option<CimInstance>> {
        objects::modify(&self.shared, path, instance).await
    }

    /// Changes the instance that `instance` was read from to have its properties (`Set-CimInstance`).
    /// Those that were set since it was read are sent; all, where none was.
    ///
    /// # Errors
    /// No path of it is known, or the host did not change it.
    pub async fn update(&self, instance: &CimInstance) -> Result<Option<CimInstance>> {
        let path = path_of(instance)?;
        let mut changes = instance.clone();
        if changes.modified().next().is_some() {
            changes.properties.retain(|property| property.is_modified || property.is_key);
        }
        objects::modify(&self.shared, &path, &changes).await
    }

    /// Changes one property of the instance at a path.
    ///
    /// # Errors
    /// The host did not change it.
    pub async fn set_property(
        &self,
        path: &ObjectPath,
        name: &str,
        value: impl Into<CimValue> + Send,
    ) -> Result<()> {
        objects::modify_property(&self.shared, path, &CimName::from(name), value.into()).await
    }

    /// Deletes the instance at a path.
    ///
    /// # Errors
    /// The host did not delete it.
    pub async fn delete(&self, path: &ObjectPath) -> Result<()> {
        objects::delete(&self.shared, path).await
    }

    /// Calls a method of the instance at a path, or of a class if the path has no keys. The properties
    /// of `input` are the parameters.
    ///
    /// # Errors
    /// The host did not call it. A method that returns something else than 0 is no error here.
    pub async fn invoke(&self, path: &ObjectPath, method: &str, input: &CimInstance) -> Result<MethodResult> {
        methods::invoke(&self.shared, path, &CimName::from(method), input).await
    }

    /// The definition of a class. An empty namespace is that of the session.
    ///
    /// # Errors
    /// There is none, or the host was not reached or refused.
    pub async fn get_class(&self, namespace: &str, class: &str) -> Result<Arc<CimClass>> {
        classes::get(&self.shared, &self.shared.namespace(namespace), class).await
    }

    /// The definitions of all classes of a namespace.
    ///
    /// # Errors
    /// The host does not list them, or was not reached.
    pub async fn classes(&self, namespace: &str) -> Result<Vec<Arc<CimClass>>> {
        classes::list(&self.shared, &self.shared.namespace(namespace)).await
    }

    /// The definitions of the classes of a namespace that a filter lets through (`Get-CimClass`).
    ///
    /// # Errors
    /// The one class that is named does not exist, the host does not list them, or was not reached.
    pub async fn find_classes(&self, namespace: &str, filter: &ClassFilter) -> Result<Vec<Arc<CimClass>>> {
        classes::find(&self.shared, &self.shared.namespace(namespace), filter).await
    }

    /// The classes that a query gives, such as `SELECT * FROM meta_class` or one with `ClassDefsOnly` or
    /// `SchemaOnly`. Over DCOM alone: WS-Management has no such operation.
    ///
    /// # Errors
    /// The query is not valid or gives instances, or the host was not reached or refused.
    pub async fn query_classes(&self, namespace: &str, wql: &str) -> Result<Vec<Arc<CimClass>>> {
        classes::query(&self.shared, &self.shared.namespace(namespace), wql).await
    }

    /// Makes a class, over DCOM alone: WS-Management has no such operation.
    ///
    /// # Errors
    /// There is one of that name, its superclass is unknown, or the host was not reached or refused.
    pub async fn create_class(&self, namespace: &str, class: &CimClass) -> Result<()> {
        classes::put(&self.shared, &self.shared.namespace(namespace), class, true).await
    }

    /// Changes a class that has neither instances nor subclasses, over DCOM alone.
    ///
    /// # Errors
    /// There is none, or the host was not reached or refused.
    pub async fn modify_class(&self, namespace: &str, class: &CimClass) -> Result<()> {
        classes::put(&self.shared, &self.shared.namespace(namespace), class, false).await
    }

    /// Deletes a class with its subclasses and all their instances, over DCOM alone.
    ///
    /// # Errors
    /// There is none, or the host was not reached or refused.
    pub async fn delete_class(&self, namespace: &str, class: &str) -> Result<()> {
        classes::delete(&self.shared, &self.shared.namespace(namespace), class).await
    }

    /// Subscribes to events.
    ///
    /// # Errors
    /// The host refuses the query, or was not reached.
    pub async fn subscribe(&self, subscription: Subscription) -> Result<EventStream> {
        events::subscribe(&self.shared, subscription).await
    }

    /// Listens for results that the server delivers by calling back, over DCOM alone. Nothing else in a session
    /// listens; read at [`SinkListener`] what it takes and what it does not protect before you open one.
    ///
    /// # Errors
    /// The session is not over DCOM and TCP, the computer was not reached, or this address cannot be listened on.
    pub async fn listen_for_results(&self, options: SinkOptions) -> Result<SinkListener> {
        sinks::listen(&self.shared, options).await
    }

    /// A resource of WS-Management by its URI, or by a short form such as `winrm/config`.
    pub fn resource(&self, uri: &str) -> WsmanResource {
        WsmanResource::new(Arc::clone(&self.shared), uri)
    }

    /// Waits until everything that was opened on the host is closed there, and closes the connections.
    pub async fn close(self) {
        self.shared.tasks.settled(SETTLE).await;
        if let Some(dcom) = &self.shared.dcom {
            dcom.close().await;
        }
        self.shared.client.close_idle();
    }
}

/// The path of an instance, as the host stated it or as its keys tell.
fn path_of(instance: &CimInstance) -> Result<ObjectPath> {
    instance.path().ok_or_else(|| {
        Error::usage(format!("the keys of this instance of {} are not known", instance.class_name))
    })
}
