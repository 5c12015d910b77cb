//! Classes: read, written and deleted.

use windlass_cim::{CimClass, CimName, Namespace};
use windlass_wmi::stubs::{Changed, ClassOrInstance, Delete, Out, services_opnum};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, object};

use super::{DcomClient, Wanted};
use crate::error::{Error, Result};

/// Classes that come with one answer.
const CLASSES_AT_ONCE: u32 = 100;

impl DcomClient {
    /// A class with its texts, as WS-Management gives it; one without name or anything else for an empty name.
    pub(crate) async fn get_class(&self, namespace: &Namespace, name: &str) -> Result<CimClass> {
        if !name.is_empty() && !CimName::is_identifier(name) {
            return Err(Error::usage(format!("{name:?} is not the name of a class")));
        }
        match self.look_up(namespace, name, flags::USE_AMENDED_QUALIFIERS).await? {
            WmiObject::Class(class) => Ok(class),
            WmiObject::Instance(_) => Err(self.broken("an instance came for a class")),
        }
    }

    /// The classes of a namespace that are wanted.
    pub(crate) async fn classes(&self, namespace: &Namespace, wanted: &Wanted) -> Result<Vec<CimClass>> {
        let mut running = self.enumerate(namespace.as_str(), wanted).await?;
        let mut classes = Vec::new();
        let outcome = 'fetch: loop {
            match running.next(CLASSES_AT_ONCE).await {
                Ok(Some(objects)) => {
                    for object in objects {
                        match object {
                            WmiObject::Class(class) => classes.push(class),
                            WmiObject::Instance(_) => {
                                break 'fetch Err(self.broken("instances came for classes"));
                            }
                        }
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.core.tasks.spawn(running.finish());
        outcome.map(|()| classes)
    }

    /// Writes a class: a new one, or only one that is there.
    pub(crate) async fn put_class(
        &self,
        namespace: &Namespace,
        class: &CimClass,
        create: bool,
    ) -> Result<()> {
        let request = self.put_class_request(class, create)?;
        self.change(namespace, services_opnum::PUT_CLASS, &request).await
    }

    /// The request to write a class.
    pub(crate) fn put_class_request(&self, class: &CimClass, create: bool) -> Result<ClassOrInstance> {
        let class = object::marshal_class(class).map_err(|error| Error::usage(error.to_string()))?;
        Ok(ClassOrInstance {
            object: Some(class),
            flags: if create { flags::CREATE_ONLY } else { flags::UPDATE_ONLY },
            context: self.context(None).map(|context| context.marshal()),
            call: Out::Unwanted,
        })
    }

    /// The request to delete a class.
    pub(crate) fn delete_class_request(&self, name: &str) -> Delete {
        let context = self.context(None).map(|context| context.marshal());
        Delete { path: Some(name.to_owned()), flags: 0, context, call: Out::Unwanted }
    }

    /// Deletes a class with all that derive from it and their instances.
    pub(crate) async fn delete_class(&self, namespace: &Namespace, name: &str) -> Result<()> {
        let request = self.delete_class_request(name);
        self.change(namespace, services_opnum::DELETE_CLASS, &request).await
    }

    /// Makes a call that gives nothing but its result.
    pub(super) async fn change<Q: windlass_dcom::Stub>(
        &self,
        namespace: &Namespace,
        opnum: u16,
        request: &Q,
    ) -> Result<()> {
        let (_, answer): (_, Changed) = self.services_call(namespace, opnum, request).await?;
        match answer.result.is_failure() {
            true => Err(self.failed(answer.result)),
            false => Ok(()),
        }
    }
}
