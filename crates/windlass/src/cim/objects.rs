//! Operations on one object: get, create, modify, delete.

use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, CimName, CimProperty, CimValue, Namespace, ObjectPath};
use windlass_soap::FragmentTransfer;
use windlass_wsman::{Create, CreateResponse, Operation, Reply, Xml};
use windlass_xml::{Element, Reader};

use super::classes::{self, KnownClasses};
use super::resource::Resource;
use super::session::Shared;
use crate::client::{Sending, Unreadable};
use crate::error::{Error, Layer, Result};

pub(super) async fn get(shared: &Shared, path: &ObjectPath) -> Result<CimInstance> {
    if let Some(dcom) = &shared.dcom {
        let got = dcom.get(namespace_of(shared, path), path).await;
        return got.map_err(|error| error.while_doing("getting an instance"));
    }
    let resource = shared.naming().object(path)?;
    let request = shared.request(&resource, Operation::Get);
    let reader = InstanceReader::new(shared, path);
    let got = shared.client.call(&request, Sending::REPEATABLE, |reply| match reply {
        Reply::Get(xml) => reader.read(shared, &xml, &path.class_name),
        _ => Err(windlass_wsman::Error::OtherReply("Get").into()),
    });
    let instance = got.await.map_err(|error| error.while_doing("getting an instance"))?;
    Ok(typed(shared, &reader, instance).await)
}

/// One property of the instance at a path, by fragment transfer (DSP0226 7.7).
pub(super) async fn get_property(shared: &Shared, path: &ObjectPath, name: &CimName) -> Result<CimValue> {
    if shared.dcom.is_some() {
        let got = Box::pin(get(shared, path)).await?;
        return got
            .get(name)
            .cloned()
            .ok_or_else(|| Error::usage(format!("the class {} has no property {name}", path.class_name)));
    }
    let resource = shared.naming().object(path)?;
    let mut request = shared.request(&resource, Operation::Get);
    request.header.fragment_transfer = Some(fragment(name));
    let reader = InstanceReader::new(shared, path);
    let got = shared.client.call(&request, Sending::REPEATABLE, |reply| match reply {
        Reply::Get(xml) => reader.read(shared, &xml, &path.class_name),
        _ => Err(windlass_wsman::Error::OtherReply("Get").into()),
    });
    let part = got.await.map_err(|error| error.while_doing("getting a property"))?;
    let part = typed(shared, &reader, part).await;
    part.get(name).cloned().ok_or_else(|| {
        let reason = format!("the host answered without the property {name}");
        Error::protocol(Layer::Cim, shared.client.host(), reason)
    })
}

pub(super) async fn create(
    shared: &Shared,
    namespace: &Namespace,
    instance: &CimInstance,
) -> Result<ObjectPath> {
    if let Some(dcom) = &shared.dcom {
        let class = classes::get(shared, namespace, &instance.class_name).await?;
        let created = dcom.create(namespace, &class, instance).await;
        return created.map_err(|error| error.while_doing("creating an instance"));
    }
    let resource = shared.naming().class(namespace, &instance.class_name);
    let body = encode(&resource, instance)?;
    let operation = Operation::Create(Create::Resource(Xml::from(body)));
    let request = shared.request(&resource, operation);
    let created = shared.client.call(&request, Sending::ONCE, |reply| {
        let reference = CreateResponse::try_from(reply)?.resource;
        Ok(reference.and_then(|reference| reference_path(&reference)))
    });
    let path = created.await.map_err(|error| error.while_doing("creating an instance"))?;
    path.ok_or_else(|| {
        let reason = "the host did not say which instance it created";
        Error::protocol(Layer::Cim, shared.client.host(), reason)
    })
}

pub(super) async fn modify(
    shared: &Shared,
    path: &ObjectPath,
    instance: &CimInstance,
) -> Result<Option<CimInstance>> {
    if let Some(dcom) = &shared.dcom {
        let namespace = namespace_of(shared, path);
        let class = classes::get(shared, namespace, &path.class_name).await?;
        let changed = dcom.modify(namespace, &class, path, instance).await;
        return changed.map(|()| None).map_err(|error| error.while_doing("changing an instance"));
    }
    let resource = shared.naming().object(path)?;
    let body = encode(&resource, instance)?;
    put(shared, path, &resource, body, None).await
}

/// Changes one property of the instance at a path, by fragment transfer.
pub(super) async fn modify_property(
    shared: &Shared,
    path: &ObjectPath,
    name: &CimName,
    value: CimValue,
) -> Result<()> {
    if shared.dcom.is_some() {
        let change = CimInstance::new(path.class_name.clone()).with(name.clone(), value);
        return modify(shared, path, &change).await.map(|_| ());
    }
    let resource = shared.naming().object(path)?;
    let mut part = CimInstance::new(path.class_name.clone());
    part.properties.insert(CimProperty::new(name.clone(), value));
    let mut writer = windlass_xml::Writer::new();
    let written = Encoder::new(resource.uri.clone()).projection(&mut writer, &part);
    written.map_err(|error| refused(&error))?;
    put(shared, path, &resource, writer.finish(), Some(fragment(name))).await.map(|_| ())
}

async fn put(
    shared: &Shared,
    path: &ObjectPath,
    resource: &Resource,
    body: String,
    fragment: Option<FragmentTransfer>,
) -> Result<Option<CimInstance>> {
    let mut request = shared.request(resource, Operation::Put(Xml::from(body)));
    request.header.fragment_transfer = fragment;
    let reader = InstanceReader::new(shared, path);
    let changed = shared.client.call(&request, Sending::ONCE, |reply| match reply {
        Reply::Put(Some(xml)) => reader.read(shared, &xml, &path.class_name).map(Some),
        Reply::Put(None) => Ok(None),
        _ => Err(windlass_wsman::Error::OtherReply("Put").into()),
    });
    match changed.await.map_err(|error| error.while_doing("changing an instance"))? {
        Some(instance) => Ok(Some(typed(shared, &reader, instance).await)),
        None => Ok(None),
    }
}

pub(super) async fn delete(shared: &Shared, path: &ObjectPath) -> Result<()> {
    if let Some(dcom) = &shared.dcom {
        let deleted = dcom.delete(namespace_of(shared, path), path).await;
        return deleted.map_err(|error| error.while_doing("deleting an instance"));
    }
    let resource = shared.naming().object(path)?;
    let request = shared.request(&resource, Operation::Delete);
    let deleted = shared.client.call(&request, Sending::ONCE, |_| Ok(()));
    deleted.await.map_err(|error| error.while_doing("deleting an instance"))
}

/// The namespace of a path; that of the session where it names none.
fn namespace_of<'n>(shared: &'n Shared, path: &'n ObjectPath) -> &'n Namespace {
    path.namespace.as_ref().unwrap_or(&shared.options.namespace)
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
            .with_schema(known, windlass_cim::Mismatch::Keep)
            .with_namespace(self.namespace.clone())
            .with_server_name(self.server.as_str())
    }

    /// Reads the only instance of an answer. `class` is that of projections.
    fn read(&self, shared: &Shared, xml: &Xml<'_>, class: &CimName) -> Result<CimInstance, Unreadable> {
        let known = shared.classes.of(&self.namespace);
        read_item(self, &mut self.decoder(&known), xml, class)
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
    Ok(read_element(&mut source, &element, decoder, class)?)
}

/// Reads the instance whose start tag was just read, see [`read_item`].
pub(super) fn read_element<'a>(
    reader: &mut Reader<'a>,
    element: &Element<'a>,
    decoder: &mut Decoder<'_>,
    class: &CimName,
) -> Result<CimInstance, windlass_cim::Error> {
    if element.is(windlass_cim::wscim::NS_WSMAN, "XmlFragment") {
        return decoder.projection(reader, element, class);
    }
    decoder.instance(reader, element)
}

/// Gives an instance the types of its class, where the session wants that.
async fn typed(shared: &Shared, reader: &InstanceReader, mut instance: CimInstance) -> CimInstance {
    if shared.is_typed() {
        classes::attach(shared, reader.namespace(), std::slice::from_mut(&mut instance)).await;
    }
    instance
}

fn fragment(name: &CimName) -> FragmentTransfer {
    FragmentTransfer { dialect: None, expression: name.to_string() }
}

fn encode(resource: &Resource, instance: &CimInstance) -> Result<String> {
    let mut writer = windlass_xml::Writer::new();
    Encoder::new(resource.uri.clone()).instance(&mut writer, instance).map_err(|error| refused(&error))?;
    Ok(writer.finish())
}

/// Objects that cannot be written are the caller's.
pub(super) fn refused(error: &windlass_cim::Error) -> Error {
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
