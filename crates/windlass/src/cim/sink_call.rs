//! What is asked of a server that delivers the results itself.

use windlass_cim::{CimClass, CimInstance, CimName, Namespace, ObjectPath};
use windlass_wmi::flags;
use windlass_wmi::stubs::{Enumerate, Query, services_opnum};

use super::classes;
use super::session::Shared;
use crate::dcom::{DcomClient, Exported, Inbox};
use crate::error::Result;

/// An operation whose results the server delivers: see [`super::SinkListener::start`].
#[derive(Debug, Clone)]
pub struct SinkCall {
    namespace: String,
    reports: bool,
    operation: Operation,
}

#[derive(Debug, Clone)]
enum Operation {
    Query(String),
    Events(String),
    Instances(String),
    Classes(String),
    Get(ObjectPath),
    Create(CimInstance),
    Delete(ObjectPath),
    PutClass(Box<CimClass>, bool),
    DeleteClass(String),
    Invoke(ObjectPath, CimName, CimInstance),
}

impl SinkCall {
    fn new(operation: Operation) -> Self {
        Self { namespace: String::new(), reports: false, operation }
    }

    /// What a WQL query selects (ExecQueryAsync).
    pub fn query(wql: &str) -> Self {
        Self::new(Operation::Query(wql.to_owned()))
    }

    /// Events as they happen, without end (ExecNotificationQueryAsync).
    pub fn events(wql: &str) -> Self {
        Self::new(Operation::Events(wql.to_owned()))
    }

    /// The instances of a class and of its subclasses (CreateInstanceEnumAsync).
    pub fn instances(class: &str) -> Self {
        Self::new(Operation::Instances(class.to_owned()))
    }

    /// The classes that derive from one; all, where none is named (CreateClassEnumAsync).
    pub fn classes(superclass: &str) -> Self {
        Self::new(Operation::Classes(superclass.to_owned()))
    }

    /// The instance at a path, or the class if the path has no keys (GetObjectAsync).
    pub fn get(path: &ObjectPath) -> Self {
        Self::new(Operation::Get(path.clone()))
    }

    /// Creates an instance (PutInstanceAsync). [`super::SinkStream::path`] is where it is then.
    pub fn create(instance: &CimInstance) -> Self {
        Self::new(Operation::Create(instance.clone()))
    }

    /// Deletes the instance at a path (DeleteInstanceAsync).
    pub fn delete(path: &ObjectPath) -> Self {
        Self::new(Operation::Delete(path.clone()))
    }

    /// Makes a class, or changes one that is there (PutClassAsync).
    pub fn put_class(class: &CimClass, create: bool) -> Self {
        Self::new(Operation::PutClass(Box::new(class.clone()), create))
    }

    /// Deletes a class (DeleteClassAsync).
    pub fn delete_class(name: &str) -> Self {
        Self::new(Operation::DeleteClass(name.to_owned()))
    }

    /// Calls a method (ExecMethodAsync). Its outputs come as an instance.
    pub fn invoke(path: &ObjectPath, method: &str, input: &CimInstance) -> Self {
        Self::new(Operation::Invoke(path.clone(), CimName::from(method), input.clone()))
    }

    /// In this namespace; an empty one is that of the session. A path that has one names it itself.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Have the server say how far it has come.
    #[must_use]
    pub fn with_progress(mut self) -> Self {
        self.reports = true;
        self
    }

    /// Whether results may come at any time, or never.
    pub(super) fn is_endless(&self) -> bool {
        matches!(self.operation, Operation::Events(_))
    }

    pub(super) fn namespace_of(&self, shared: &Shared) -> Namespace {
        let path = match &self.operation {
            Operation::Get(path) | Operation::Delete(path) | Operation::Invoke(path, ..) => Some(path),
            _ => None,
        };
        let stated = path.and_then(|path| path.namespace.clone());
        stated.unwrap_or_else(|| shared.namespace(&self.namespace))
    }

    /// Makes the call.
    pub(super) async fn send(
        &self,
        shared: &Shared,
        dcom: &DcomClient,
        namespace: &Namespace,
        (inbox, sink): (&Inbox, &Exported),
    ) -> Result<()> {
        let status = if self.reports { flags::SEND_STATUS } else { 0 };
        let context = || dcom.context(None).map(|context| context.marshal());
        match &self.operation {
            Operation::Query(text) | Operation::Events(text) => {
                let (language, query) = (Some("WQL".to_owned()), Some(text.clone()));
                let request = Query { language, query, flags: status, context: context() };
                let opnum = match self.is_endless() {
                    true => services_opnum::EXEC_NOTIFICATION_QUERY,
                    false => services_opnum::EXEC_QUERY,
                };
                dcom.call_to_sink(namespace, opnum, request, inbox, sink).await
            }
            Operation::Instances(class) => {
                let request = Enumerate { class: Some(class.clone()), flags: status, context: context() };
                let opnum = services_opnum::CREATE_INSTANCE_ENUM;
                dcom.call_to_sink(namespace, opnum, request, inbox, sink).await
            }
            Operation::Classes(class) => {
                let flags = status | flags::USE_AMENDED_QUALIFIERS;
                let request = Enumerate { class: Some(class.clone()), flags, context: context() };
                dcom.call_to_sink(namespace, services_opnum::CREATE_CLASS_ENUM, request, inbox, sink).await
            }
            Operation::Get(path) => {
                let mut request = dcom.get_request(path);
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::GET_OBJECT, request, inbox, sink).await
            }
            Operation::Create(instance) => {
                let class = classes::get(shared, namespace, &instance.class_name).await?;
                let mut request = dcom.create_request(&class, instance)?;
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::PUT_INSTANCE, request, inbox, sink).await
            }
            Operation::Delete(path) => {
                let mut request = dcom.delete_request(path);
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::DELETE_INSTANCE, request, inbox, sink).await
            }
            Operation::PutClass(class, create) => {
                let mut request = dcom.put_class_request(class, *create)?;
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::PUT_CLASS, request, inbox, sink).await
            }
            Operation::DeleteClass(name) => {
                let mut request = dcom.delete_class_request(name);
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::DELETE_CLASS, request, inbox, sink).await
            }
            Operation::Invoke(path, method, input) => {
                let class = classes::get(shared, namespace, &path.class_name).await?;
                let mut request = dcom.invoke_request(&class, path, method, input)?;
                request.flags |= status;
                dcom.call_to_sink(namespace, services_opnum::EXEC_METHOD, request, inbox, sink).await
            }
        }
    }
}
