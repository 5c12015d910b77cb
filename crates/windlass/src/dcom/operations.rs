//! Operations on single objects.

use std::sync::Arc;

use uuid::Uuid;
use windlass_cim::{CimClass, CimInstance, CimName, Keys, Mismatch, Namespace, ObjectPath, PathLimits};
use windlass_dcom::Stub;
use windlass_wmi::context::Context;
use windlass_wmi::stubs::{
    Changed, ClassOrInstance, Delete, ExecMethod, LookedUp, Lookup, Out, ResultString, Timeout, result_opnum,
    services_opnum,
};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids, object};

use super::DcomClient;
use super::exporter::{Exporter, Method};
use crate::error::{Error, Result};

impl DcomClient {
    /// The instance at a path.
    pub(crate) async fn get(&self, namespace: &Namespace, path: &ObjectPath) -> Result<CimInstance> {
        let found = self.look_up(namespace, &local(path), 0).await?;
        match found {
            WmiObject::Instance(instance) => Ok(instance),
            WmiObject::Class(_) => Err(self.broken("a class came for an instance")),
        }
    }

    pub(super) async fn look_up(&self, namespace: &Namespace, path: &str, flags: u32) -> Result<WmiObject> {
        let request = self.look_up_request(path, flags);
        let (_, answer): (_, LookedUp) =
            self.services_call(namespace, services_opnum::GET_OBJECT, &request).await?;
        if answer.result.is_failure() {
            return Err(self.failed(answer.result));
        }
        let found = answer.found.get().ok_or_else(|| self.broken("an answer lacks its object"))?;
        object::unmarshal(found).map_err(|error| self.broken(error))
    }

    /// Creates an instance of a class and returns its path.
    pub(crate) async fn create(
        &self,
        namespace: &Namespace,
        class: &Arc<CimClass>,
        instance: &CimInstance,
    ) -> Result<ObjectPath> {
        let created = whole(class, instance)?;
        let stated = self.put(namespace, &created, flags::CREATE_ONLY, None).await?;
        let stated = stated.and_then(|text| ObjectPath::parse(&text, &PathLimits::default()).ok());
        stated.or_else(|| created.path()).ok_or_else(|| self.broken("it did not say what it created"))
    }

    /// Changes the properties of the instance at a path that `changes` has; no others.
    pub(crate) async fn modify(
        &self,
        namespace: &Namespace,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        changes: &CimInstance,
    ) -> Result<()> {
        let mut changed = whole(class, changes)?;
        for key in path.bindings() {
            changed.set(&key.name, key.value.clone()).map_err(|error| Error::usage(error.to_string()))?;
        }
        let names = changes.properties.iter().filter(|property| !property.is_key);
        let context = Context::partial_put(names.map(|property| property.name.as_str()));
        self.put(namespace, &changed, flags::UPDATE_ONLY, Some(context)).await?;
        Ok(())
    }

    /// Writes an instance; gives its path where the server says it.
    async fn put(
        &self,
        namespace: &Namespace,
        instance: &CimInstance,
        flags: u32,
        context: Option<Context>,
    ) -> Result<Option<String>> {
        let request = self.put_request(instance, flags, context)?;
        let (exporter, answer): (_, Changed) =
            self.services_call(namespace, services_opnum::PUT_INSTANCE, &request).await?;
        if answer.result.is_failure() {
            return Err(self.failed(answer.result));
        }
        let Some(reference) = answer.call.get() else { return Ok(None) };
        let result = exporter.hold(reference)?;
        let text: Result<ResultString> =
            self.result(&exporter, result, result_opnum::GET_RESULT_STRING).await;
        exporter.release(&[result]).await;
        let text = text?;
        if text.result.is_failure() {
            return Err(self.failed(text.result));
        }
        Ok(text.text)
    }

    fn put_request(
        &self,
        instance: &CimInstance,
        flags: u32,
        context: Option<Context>,
    ) -> Result<ClassOrInstance> {
        let instance = object::marshal_instance(instance).map_err(|error| Error::usage(error.to_string()))?;
        Ok(ClassOrInstance {
            object: Some(instance),
            flags,
            context: self.context(context).map(|context| context.marshal()),
            call: Out::WANTED,
        })
    }

    /// The request to create an instance of a class.
    pub(crate) fn create_request(
        &self,
        class: &Arc<CimClass>,
        instance: &CimInstance,
    ) -> Result<ClassOrInstance> {
        self.put_request(&whole(class, instance)?, flags::CREATE_ONLY, None)
    }

    /// The request to delete the instance at a path.
    pub(crate) fn delete_request(&self, path: &ObjectPath) -> Delete {
        let context = self.context(None).map(|context| context.marshal());
        Delete { path: Some(local(path)), flags: 0, context, call: Out::Unwanted }
    }

    /// The request for the object at a path.
    pub(crate) fn look_up_request(&self, path: &str, flags: u32) -> Lookup {
        Lookup {
            name: Some(path.to_owned()),
            flags,
            context: self.context(None).map(|context| context.marshal()),
            found: Out::WANTED,
            call: Out::Unwanted,
        }
    }

    /// The request for the instance or class at a path.
    pub(crate) fn get_request(&self, path: &ObjectPath) -> Lookup {
        let flags = if path.is_class() { flags::USE_AMENDED_QUALIFIERS } else { 0 };
        self.look_up_request(&local(path), flags)
    }

    /// Deletes the instance at a path.
    pub(crate) async fn delete(&self, namespace: &Namespace, path: &ObjectPath) -> Result<()> {
        self.change(namespace, services_opnum::DELETE_INSTANCE, &self.delete_request(path)).await
    }

    /// Calls a method of the instance or class at a path. The outputs come as an instance.
    pub(crate) async fn invoke(
        &self,
        namespace: &Namespace,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        method: &CimName,
        input: &CimInstance,
    ) -> Result<CimInstance> {
        let request = self.invoke_request(class, path, method, input)?;
        let (_, answer): (_, LookedUp) =
            self.services_call(namespace, services_opnum::EXEC_METHOD, &request).await?;
        if answer.result.is_failure() {
            return Err(self.failed(answer.result));
        }
        match answer.found.get() {
            Some(output) => object::unmarshal_instance(output).map_err(|error| self.broken(error)),
            None => Ok(CimInstance::new(PARAMETERS)),
        }
    }

    /// The request to call a method.
    pub(crate) fn invoke_request(
        &self,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        method: &CimName,
        input: &CimInstance,
    ) -> Result<ExecMethod> {
        let declared = class
            .method(method)
            .ok_or_else(|| Error::usage(format!("the class {} has no method {method}", class.name)))?;
        let mut inputs = declared.input_class();
        inputs.name = PARAMETERS.into();
        let parameters = match inputs.properties.is_empty() && input.properties.is_empty() {
            true => None,
            false => {
                let instance = whole(&Arc::new(inputs), input)?;
                let marshalled = object::marshal_instance(&instance);
                Some(marshalled.map_err(|error| Error::usage(error.to_string()))?)
            }
        };
        Ok(ExecMethod {
            path: Some(local(path)),
            method: Some(method.as_str().to_owned()),
            flags: 0,
            context: self.context(None).map(|context| context.marshal()),
            input: parameters,
            output: Out::WANTED,
            call: Out::Unwanted,
        })
    }

    /// Calls a method of a namespace. Where the server has forgotten the client's objects, such as after a
    /// restart, the client logs in once more.
    pub(super) async fn services_call<Q: Stub, R: Stub>(
        &self,
        namespace: &Namespace,
        opnum: u16,
        request: &Q,
    ) -> Result<(Arc<Exporter>, R)> {
        match self.services_call_once(namespace, opnum, request).await {
            Err(error) if self.forget(&error).await => {
                self.services_call_once(namespace, opnum, request).await
            }
            outcome => outcome,
        }
    }

    async fn services_call_once<Q: Stub, R: Stub>(
        &self,
        namespace: &Namespace,
        opnum: u16,
        request: &Q,
    ) -> Result<(Arc<Exporter>, R)> {
        let (exporter, services) = self.services(namespace.as_str()).await?;
        let method = Method::new(ids::SERVICES, services, opnum).within(self.limit());
        let answer = exporter.call(method, request).await?;
        Ok((exporter, answer))
    }

    async fn result<R: Stub>(&self, exporter: &Exporter, ipid: Uuid, opnum: u16) -> Result<R> {
        let method = Method::new(ids::CALL_RESULT, ipid, opnum).within(self.limit());
        exporter.call(method, &Timeout(flags::INFINITE)).await
    }
}

/// The class of parameters.
const PARAMETERS: &str = "__PARAMETERS";

/// An instance with all properties of its class, and the values of `given`.
fn whole(class: &Arc<CimClass>, given: &CimInstance) -> Result<CimInstance> {
    let mut given = given.clone();
    given.attach_class(class, Mismatch::Fail).map_err(|error| Error::usage(error.to_string()))?;
    let mut instance = CimInstance::of_class(class);
    for property in given.properties {
        let name = property.name.clone();
        instance.set(&name, property.value).map_err(|error| Error::usage(error.to_string()))?;
    }
    Ok(instance)
}

/// The path within its namespace.
fn local(path: &ObjectPath) -> String {
    let mut path = path.clone();
    path.server = None;
    path.namespace = None;
    // The only instance of a class is at `Class=@`.
    if path.keys == Keys::Class { path.class_name.as_str().to_owned() } else { path.to_string() }
}
