//! Operations on one object: get, create, modify, delete, call a method.

use std::sync::Arc;

use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{
    CimInstance, CimName, CimProperty, CimValue, MethodDecl, Mismatch, Namespace, ObjectPath,
};
use windlass_wsman::{Create, CreateResponse, Operation, Reply, Xml};

use super::classes::{self, KnownClasses};
use super::resource::Resource;
use super::session::Shared;
use crate::client::{Client, Sending, Unreadable};
use crate::error::{Error, Result};

/// What a method returned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MethodResult {
    /// `ReturnValue`; null for a method without one. 0 mostly means success.
    pub return_value: CimValue,
    /// The output parameters.
    pub outputs: Vec<CimProperty>,
}

pub(super) async fn get(shared: &Shared, path: &ObjectPath) -> Result<CimInstance> {
    let resource = resource(shared, path)?;
    let session = shared.client.session();
    let request =
        session.request(&resource.uri.to_string(), resource.selectors, Client::new_id(), Operation::Get);
    let reader = InstanceReader::new(shared, path);
    let got = shared.client.call(&request, Sending::REPEATABLE, |reply| match reply {
        Reply::Get(xml) => reader.read(shared, &xml),
        _ => Err(windlass_wsman::Error::OtherReply("Get").into()),
    });
    let instance = got.await.map_err(|error| error.while_doing("getting an instance"))?;
    Ok(typed(shared, &reader, instance).await)
}

pub(super) async fn create(
    shared: &Shared,
    namespace: &Namespace,
    instance: &CimInstance,
) -> Result<ObjectPath> {
    let resource = Resource::class(shared.options.uri_style, namespace, &instance.class_name);
    let body = encode(&resource, instance)?;
    let session = shared.client.session();
    let operation = Operation::Create(Create::Resource(Xml::from(body)));
    let request = session.request(&resource.uri.to_string(), resource.selectors, Client::new_id(), operation);
    let created = shared.client.call(&request, Sending::ONCE, |reply| {
        let reference = CreateResponse::try_from(reply)?.resource;
        Ok(reference.and_then(|reference| reference_path(&reference)))
    });
    let path = created.await.map_err(|error| error.while_doing("creating an instance"))?;
    path.ok_or_else(|| {
        let reason = "the host did not say which instance it created";
        Error::protocol(crate::Layer::Cim, shared.client.host(), reason)
    })
}

pub(super) async fn modify(
    shared: &Shared,
    path: &ObjectPath,
    instance: &CimInstance,
) -> Result<Option<CimInstance>> {
    let resource = resource(shared, path)?;
    let body = encode(&resource, instance)?;
    let session = shared.client.session();
    let operation = Operation::Put(Xml::from(body));
    let request = session.request(&resource.uri.to_string(), resource.selectors, Client::new_id(), operation);
    let reader = InstanceReader::new(shared, path);
    let changed = shared.client.call(&request, Sending::ONCE, |reply| match reply {
        Reply::Put(Some(xml)) => reader.read(shared, &xml).map(Some),
        Reply::Put(None) => Ok(None),
        _ => Err(windlass_wsman::Error::OtherReply("Put").into()),
    });
    match changed.await.map_err(|error| error.while_doing("changing an instance"))? {
        Some(instance) => Ok(Some(typed(shared, &reader, instance).await)),
        None => Ok(None),
    }
}

pub(super) async fn delete(shared: &Shared, path: &ObjectPath) -> Result<()> {
    let resource = resource(shared, path)?;
    let session = shared.client.session();
    let request =
        session.request(&resource.uri.to_string(), resource.selectors, Client::new_id(), Operation::Delete);
    let deleted = shared.client.call(&request, Sending::ONCE, |_| Ok(()));
    deleted.await.map_err(|error| error.while_doing("deleting an instance"))
}

pub(super) async fn invoke(
    shared: &Shared,
    path: &ObjectPath,
    method: &CimName,
    input: &CimInstance,
) -> Result<MethodResult> {
    let resource = resource(shared, path)?;
    let declared = declared_method(shared, path, method).await;
    let mut input = input.clone();
    if let Some(declared) = &declared {
        // Values that do not fit the declaration are sent as they are: the host says what is wrong.
        input.attach_class(&Arc::new(declared.input_class()), Mismatch::Keep).ok();
    }
    let outputs = declared.map(|declared| Arc::new(declared.output_class()));
    let mut writer = windlass_xml::Writer::new();
    let element = format!("{method}_INPUT");
    let encoder = Encoder::new(resource.uri.clone());
    let written = encoder.parameters(&mut writer, &path.class_name, &element, &input.properties);
    written.map_err(|error| refused(&error))?;
    let session = shared.client.session();
    let request = session.invoke(
        &resource.uri.to_string(),
        method.as_str(),
        resource.selectors,
        Client::new_id(),
        Some(Xml::from(writer.finish())),
    );
    let limits = shared.client.limits().xml;
    let called = shared.client.call(&request, Sending::ONCE, |reply| match reply {
        Reply::Invoke(Some(xml)) => {
            let mut reader = xml.reader(limits);
            let expected = windlass_cim::Error::Element { offset: 0, expected: "the output of a method" };
            let element = reader.next_element().map_err(windlass_wsman::Error::from)?.ok_or(expected)?;
            Ok(Decoder::new().parameters(&mut reader, &element, outputs.as_ref())?)
        }
        Reply::Invoke(None) => Ok(CimInstance::new("")),
        _ => Err(windlass_wsman::Error::OtherReply("a method").into()),
    });
    let output = called.await.map_err(|error| error.while_doing("calling a method"))?;
    let mut result = MethodResult { return_value: CimValue::Null, outputs: Vec::new() };
    for property in &output.properties {
        if property.name.is("ReturnValue") {
            result.return_value = property.value.clone();
        } else {
            result.outputs.push(property.clone());
        }
    }
    Ok(result)
}

/// Reads instances of one namespace.
pub(super) struct InstanceReader {
    namespace: Namespace,
    server: String,
    limits: windlass_xml::Limits,
}

impl InstanceReader {
    pub(super) fn new(shared: &Shared, path: &ObjectPath) -> Self {
        let namespace = path.namespace.clone().unwrap_or_else(|| shared.options.namespace.clone());
        Self::of_namespace(shared, namespace)
    }

    pub(super) fn of_namespace(shared: &Shared, namespace: Namespace) -> Self {
        let host = shared.client.host();
        let server = host.rsplit_once(':').map_or(host, |(server, _)| server).to_owned();
        Self { namespace, server, limits: shared.client.limits().xml }
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// A decoder for the instances of one answer, with the types of the classes that are known.
    pub(super) fn decoder<'c>(&self, known: &'c KnownClasses<'_>) -> Decoder<'c> {
        Decoder::new()
            .with_schema(known, Mismatch::Keep)
            .with_namespace(self.namespace.clone())
            .with_server_name(self.server.as_str())
    }

    /// Reads the only instance of an answer.
    fn read(&self, shared: &Shared, xml: &Xml<'_>) -> Result<CimInstance, Unreadable> {
        let known = shared.classes.of(&self.namespace);
        read_item(self, &mut self.decoder(&known), xml, &CimName::from(""))
    }
}

/// Reads one item. `class` is the class of projections, which do not name theirs.
pub(super) fn read_item(
    reader: &InstanceReader,
    decoder: &mut Decoder<'_>,
    xml: &Xml<'_>,
    class: &CimName,
) -> Result<CimInstance, Unreadable> {
    let mut source = xml.reader(reader.limits);
    let element = source
        .next_element()
        .map_err(windlass_wsman::Error::from)?
        .ok_or(windlass_cim::Error::Element { offset: 0, expected: "an instance" })?;
    if element.is(windlass_cim::wscim::NS_WSMAN, "XmlFragment") {
        return Ok(decoder.projection(&mut source, &element, class)?);
    }
    Ok(decoder.instance(&mut source, &element)?)
}

/// Gives an instance the types of its class, where the session wants that.
async fn typed(shared: &Shared, reader: &InstanceReader, mut instance: CimInstance) -> CimInstance {
    if shared.options.typed {
        classes::attach(shared, reader.namespace(), std::slice::from_mut(&mut instance)).await;
    }
    instance
}

/// The method as its class declares it, where the session wants types and the host tells them.
async fn declared_method(shared: &Shared, path: &ObjectPath, method: &CimName) -> Option<MethodDecl> {
    if !shared.options.typed {
        return None;
    }
    let namespace = path.namespace.as_ref().unwrap_or(&shared.options.namespace);
    let class = classes::get(shared, namespace, &path.class_name).await.ok()?;
    class.method(method).cloned()
}

fn resource(shared: &Shared, path: &ObjectPath) -> Result<Resource> {
    Resource::object(shared.options.uri_style, &shared.options.namespace, path)
}

fn encode(resource: &Resource, instance: &CimInstance) -> Result<String> {
    let mut writer = windlass_xml::Writer::new();
    Encoder::new(resource.uri.clone()).instance(&mut writer, instance).map_err(|error| refused(&error))?;
    Ok(writer.finish())
}

/// Objects that cannot be written are the caller's.
fn refused(error: &windlass_cim::Error) -> Error {
    Error::usage(error.to_string())
}

/// The path that a reference names.
pub(super) fn reference_path(reference: &windlass_soap::EndpointReference) -> Option<ObjectPath> {
    let uri: windlass_cim::ResourceUri = reference.resource_uri.as_deref()?.parse().ok()?;
    uri.to_path(reference.selectors.iter().filter_map(|selector| match &selector.value {
        windlass_soap::SelectorValue::Text(text) => {
            Some((selector.name.as_str(), CimValue::String(text.clone())))
        }
        windlass_soap::SelectorValue::Reference(inner) => {
            Some((selector.name.as_str(), reference_path(inner)?.into()))
        }
    }))
}
