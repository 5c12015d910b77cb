//! CIM sessions that block.

use std::sync::Arc;

use uuid::Uuid;
use windlass_cim::{CimClass, CimClassType, CimInstance, CimValue, ObjectPath};

use super::{forward, forward_target, step, wait, wait_for};
use crate::error::Result;
use crate::{
    CimSessionOptions, ClassFilter, DcomOptions, Enumeration, EventStream, InstanceStream, MethodResult,
    OperationOptions, Protocol, Statistics, Subscription, TypedStream, UriStyle,
};

/// The parameters of a new CIM session: [`crate::CimSessionBuilder`].
#[derive(Clone)]
pub struct CimSessionBuilder(crate::CimSessionBuilder);

impl CimSessionBuilder {
    forward_target!();

    forward! {
        /// The session's name; otherwise `CimSession` and its number.
        name(name: &str);
        /// All options at once.
        options(options: CimSessionOptions);
        /// The namespace of operations that name none: `root/cimv2` unless said otherwise.
        namespace(namespace: &str);
        /// What the session speaks.
        protocol(protocol: Protocol);
        /// How calls over DCOM are protected and instances fetched.
        dcom_options(options: DcomOptions);
        /// How the URIs of classes are spelled.
        uri_style(style: UriStyle);
        /// Whether instances get the types of their classes.
        typed(typed: bool);
        /// Leave out the Identify that otherwise checks port and credential (`-SkipTestConnection`).
        skip_test_connection(skip: bool);
    }

    /// Opens the session.
    ///
    /// # Errors
    /// As [`crate::CimSessionBuilder::connect`] says, and the caller is in an async runtime.
    pub fn connect(self) -> Result<CimSession> {
        wait(self.0.connect()).map(CimSession)
    }
}

/// A CIM session with a computer: [`crate::CimSession`]. Every call that waits is refused in an async runtime.
pub struct CimSession(crate::CimSession);

impl CimSession {
    /// A session with a computer over WS-Management.
    pub fn builder(computer: &str) -> CimSessionBuilder {
        CimSessionBuilder(crate::CimSession::builder(computer))
    }

    /// The same session, with other options for the operations that are started through it.
    #[must_use]
    pub fn with_options(&self, operation: OperationOptions) -> Self {
        Self(self.0.with_options(operation))
    }

    /// The session's number in this process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The session's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The session's own id.
    pub fn instance_id(&self) -> Uuid {
        self.0.instance_id()
    }

    /// The computer, as the caller named it.
    pub fn computer_name(&self) -> &str {
        self.0.computer_name()
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    /// The instances of a class and of its subclasses. An empty namespace is that of the session.
    pub fn enumerate(&self, namespace: &str, class: &str) -> Instances {
        Instances::new(self.0.enumerate(namespace, class))
    }

    /// The instances that a WQL query selects.
    pub fn query(&self, namespace: &str, wql: &str) -> Instances {
        Instances::new(self.0.query(namespace, wql))
    }

    /// The instances of the class that a Rust type stands for.
    pub fn instances_of<T: CimClassType>(&self) -> Values<T> {
        Values { stream: self.0.instances_of(), is_over: false }
    }

    /// Any enumeration.
    pub fn instances(&self, enumeration: Enumeration) -> Instances {
        Instances::new(self.0.instances(enumeration))
    }

    /// The instance at a path.
    ///
    /// # Errors
    /// As [`crate::CimSession::get`] says.
    pub fn get(&self, path: &ObjectPath) -> Result<CimInstance> {
        wait(self.0.get(path))
    }

    /// An instance as the host has it now.
    ///
    /// # Errors
    /// As [`crate::CimSession::refresh`] says.
    pub fn refresh(&self, instance: &CimInstance) -> Result<CimInstance> {
        wait(self.0.refresh(instance))
    }

    /// One property of the instance at a path.
    ///
    /// # Errors
    /// As [`crate::CimSession::get_property`] says.
    pub fn get_property(&self, path: &ObjectPath, name: &str) -> Result<CimValue> {
        wait(self.0.get_property(path, name))
    }

    /// A new instance of a class with its default values, known to this client alone.
    ///
    /// # Errors
    /// As [`crate::CimSession::new_instance`] says.
    pub fn new_instance(&self, namespace: &str, class: &str) -> Result<CimInstance> {
        wait(self.0.new_instance(namespace, class))
    }

    /// Creates an instance and returns its path.
    ///
    /// # Errors
    /// As [`crate::CimSession::create`] says.
    pub fn create(&self, namespace: &str, instance: &CimInstance) -> Result<ObjectPath> {
        wait(self.0.create(namespace, instance))
    }

    /// Changes the instance at a path to have these properties.
    ///
    /// # Errors
    /// As [`crate::CimSession::modify`] says.
    pub fn modify(&self, path: &ObjectPath, instance: &CimInstance) -> Result<Option<CimInstance>> {
        wait(self.0.modify(path, instance))
    }

    /// Changes the instance that `instance` was read from to have its properties.
    ///
    /// # Errors
    /// As [`crate::CimSession::update`] says.
    pub fn update(&self, instance: &CimInstance) -> Result<Option<CimInstance>> {
        wait(self.0.update(instance))
    }

    /// Changes one property of the instance at a path.
    ///
    /// # Errors
    /// As [`crate::CimSession::set_property`] says.
    pub fn set_property(
        &self,
        path: &ObjectPath,
        name: &str,
        value: impl Into<CimValue> + Send,
    ) -> Result<()> {
        wait(self.0.set_property(path, name, value))
    }

    /// Deletes the instance at a path.
    ///
    /// # Errors
    /// As [`crate::CimSession::delete`] says.
    pub fn delete(&self, path: &ObjectPath) -> Result<()> {
        wait(self.0.delete(path))
    }

    /// Calls a method of the instance at a path, or of a class if the path has no keys.
    ///
    /// # Errors
    /// As [`crate::CimSession::invoke`] says.
    pub fn invoke(&self, path: &ObjectPath, method: &str, input: &CimInstance) -> Result<MethodResult> {
        wait(self.0.invoke(path, method, input))
    }

    /// The definition of a class.
    ///
    /// # Errors
    /// As [`crate::CimSession::get_class`] says.
    pub fn get_class(&self, namespace: &str, class: &str) -> Result<Arc<CimClass>> {
        wait(self.0.get_class(namespace, class))
    }

    /// The definitions of all classes of a namespace.
    ///
    /// # Errors
    /// As [`crate::CimSession::classes`] says.
    pub fn classes(&self, namespace: &str) -> Result<Vec<Arc<CimClass>>> {
        wait(self.0.classes(namespace))
    }

    /// The definitions of the classes of a namespace that a filter lets through.
    ///
    /// # Errors
    /// As [`crate::CimSession::find_classes`] says.
    pub fn find_classes(&self, namespace: &str, filter: &ClassFilter) -> Result<Vec<Arc<CimClass>>> {
        wait(self.0.find_classes(namespace, filter))
    }

    /// The classes that a query gives.
    ///
    /// # Errors
    /// As [`crate::CimSession::query_classes`] says.
    pub fn query_classes(&self, namespace: &str, wql: &str) -> Result<Vec<Arc<CimClass>>> {
        wait(self.0.query_classes(namespace, wql))
    }

    /// Makes a class.
    ///
    /// # Errors
    /// As [`crate::CimSession::create_class`] says.
    pub fn create_class(&self, namespace: &str, class: &CimClass) -> Result<()> {
        wait(self.0.create_class(namespace, class))
    }

    /// Changes a class.
    ///
    /// # Errors
    /// As [`crate::CimSession::modify_class`] says.
    pub fn modify_class(&self, namespace: &str, class: &CimClass) -> Result<()> {
        wait(self.0.modify_class(namespace, class))
    }

    /// Deletes a class.
    ///
    /// # Errors
    /// As [`crate::CimSession::delete_class`] says.
    pub fn delete_class(&self, namespace: &str, class: &str) -> Result<()> {
        wait(self.0.delete_class(namespace, class))
    }

    /// Subscribes to events.
    ///
    /// # Errors
    /// As [`crate::CimSession::subscribe`] says.
    pub fn subscribe(&self, subscription: Subscription) -> Result<Events> {
        wait(self.0.subscribe(subscription)).map(|stream| Events { stream, is_over: false })
    }

    /// Waits until everything that was opened on the host is closed there, and closes the connections.
    ///
    /// # Errors
    /// The caller is in an async runtime.
    pub fn close(self) -> Result<()> {
        wait_for(self.0.close())
    }
}

/// Instances as they come: [`InstanceStream`]. Dropping it ends the enumeration on the host.
pub struct Instances {
    stream: InstanceStream,
    is_over: bool,
}

impl Instances {
    fn new(stream: InstanceStream) -> Self {
        Self { stream, is_over: false }
    }
}

impl Iterator for Instances {
    type Item = Result<CimInstance>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.is_over, self.stream.next())
    }
}

/// Instances as values of a Rust type: [`TypedStream`].
pub struct Values<T> {
    stream: TypedStream<T>,
    is_over: bool,
}

impl<T: CimClassType> Iterator for Values<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.is_over, self.stream.next())
    }
}

/// Events as they happen: [`EventStream`]. Dropping it ends the subscription on the host.
pub struct Events {
    stream: EventStream,
    is_over: bool,
}

impl Events {
    /// Where a later subscription may go on after the events that were taken.
    pub fn bookmark(&self) -> Option<&str> {
        self.stream.bookmark()
    }

    /// Ends the subscription on the host and waits until that is done.
    ///
    /// # Errors
    /// The caller is in an async runtime.
    pub fn close(self) -> Result<()> {
        wait_for(self.stream.close())
    }
}

impl Iterator for Events {
    type Item = Result<CimInstance>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.is_over, self.stream.next())
    }
}
