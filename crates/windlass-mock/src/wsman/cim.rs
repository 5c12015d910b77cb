//! CIM over WS-Man: Get, Put, Create, Delete, Enumerate, and methods (DSP0227).

use std::sync::Arc;

use windlass_cim::cimxml::ClassEncoder;
use windlass_cim::wql::Condition;
use windlass_cim::wscim::{DateTimeStyle, Decoder, Encoder, NS_WSMAN};
use windlass_cim::{
    CimInstance, CimName, CimStatus, CimValue, Keys, Mismatch, Namespace, ObjectPath, ResourceUri, UriFamily,
    wql,
};
use windlass_soap::{Selector, SelectorSet, SelectorValue};
use windlass_wsman::{
    AssociationFilter, AssociationKind, Create, CreateResponse, EndpointReference, Enumerate,
    EnumerationMode, Fault, Filter, FragmentPath, Header, Operation, PolymorphismMode, Reply, Xml,
};
use windlass_xml::Writer;

use super::enumeration::{self, Items, Rendered};
use super::fault::cim_fault;
use super::fragment;
use super::{Caller, Outcome, reply, reply_with};
use crate::cim::{CimFailure, CimRequest, Instances, Selection};
use crate::host::Host;

/// The namespace of requests that name none.
const DEFAULT_NAMESPACE: &str = "root/cimv2";

/// Carries out an operation on a CIM resource.
pub(super) async fn handle(
    host: &Arc<Host>,
    header: &Header,
    uri: ResourceUri,
    operation: Operation<'_>,
    caller: &Caller,
) -> Outcome {
    if uri.family == UriFamily::ClassSchema {
        return super::schema::handle(host, header, operation, caller).await;
    }
    let target = Target::new(uri, header, caller)?;
    match operation {
        Operation::Get => get(host, header, target).await,
        Operation::Put(body) => put(host, header, target, body.into_owned()).await,
        Operation::Create(Create::Resource(body)) => create(host, header, target, body.into_owned()).await,
        Operation::Delete => {
            let path = target.instance()?;
            blocking(host, &target.user.clone(), move |host, request| host.cim.delete(request, &path))
                .await?;
            Ok(reply(header, Reply::Delete))
        }
        Operation::Enumerate(request) => enumerate(host, header, target, request, caller).await,
        Operation::Subscribe(request) => {
            super::subscription::subscribe(host, header, target, *request, caller).await
        }
        Operation::Invoke(body) => invoke(host, header, target, body.map(Xml::into_owned)).await,
        _ => Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default()))),
    }
}

/// What a request is about.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) uri: ResourceUri,
    pub(super) namespace: Namespace,
    keys: Vec<(String, CimValue)>,
    pub(super) user: String,
    datetimes: DateTimeStyle,
}

impl Target {
    pub(super) fn new(uri: ResourceUri, header: &Header, caller: &Caller) -> Result<Self, Box<Fault>> {
        let mut namespace = uri.namespace.clone();
        let mut keys = Vec::new();
        for selector in &header.selectors {
            if selector.name.eq_ignore_ascii_case(windlass_wsman::uri::CIM_NAMESPACE) {
                if let SelectorValue::Text(text) = &selector.value {
                    namespace.get_or_insert_with(|| Namespace::new(text));
                }
            } else {
                keys.push((selector.name.clone(), key_value(selector)?));
            }
        }
        let namespace = namespace.unwrap_or_else(|| Namespace::new(DEFAULT_NAMESPACE));
        Ok(Self { uri, namespace, keys, user: caller.user.to_string(), datetimes: caller.datetimes })
    }

    fn class(&self) -> Result<CimName, Box<Fault>> {
        self.uri.class.clone().ok_or_else(|| {
            let text = "The resource URI names all classes; the operation needs one.";
            Box::new(Fault::invalid_resource_uri(text))
        })
    }

    /// The path of the class, or of the instance that the selectors name.
    fn path(&self) -> Result<ObjectPath, Box<Fault>> {
        let mut path = ObjectPath::class(self.class()?).in_namespace(self.namespace.clone());
        for (name, value) in &self.keys {
            path = path.with_key(name.as_str(), value.clone());
        }
        Ok(path)
    }

    /// The path of the instance; of a class without keys there is one instance at most.
    fn instance(&self) -> Result<ObjectPath, Box<Fault>> {
        let mut path = self.path()?;
        if path.keys == Keys::Class {
            path.keys = Keys::Singleton;
        }
        Ok(path)
    }

    fn encoder(&self) -> Encoder {
        let encoder = Encoder::new(ResourceUri { namespace: self.wire_namespace(), ..self.uri.clone() })
            .with_datetimes(self.datetimes);
        // Clients of the DMTF form expect no types on instances.
        if self.uri.family == UriFamily::Wmi { encoder } else { encoder.without_root_type() }
    }

    fn wire_namespace(&self) -> Option<Namespace> {
        (self.uri.family == UriFamily::Wmi).then(|| self.namespace.clone())
    }
}

/// Runs a CIM operation on a thread that may block.
pub(super) async fn blocking<T, F>(host: &Arc<Host>, user: &str, run: F) -> Result<T, Box<Fault>>
where
    T: Send + 'static,
    F: FnOnce(&Host, &CimRequest<'_>) -> Result<T, CimFailure> + Send + 'static,
{
    let (host, user) = (Arc::clone(host), user.to_owned());
    let ran = tokio::task::spawn_blocking(move || run(&host, &host.cim_request(&user)));
    match ran.await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(failure)) => Err(Box::new(cim_fault(&failure))),
        Err(_) => Err(super::aborted()),
    }
}

async fn get(host: &Arc<Host>, header: &Header, target: Target) -> Outcome {
    let path = target.instance()?;
    let fragment = header.fragment_transfer.as_ref().map(FragmentPath::read).transpose()?;
    let instance =
        blocking(host, &target.user.clone(), move |host, request| host.cim.get(request, &path)).await?;
    let Some(fragment) = fragment else {
        let mut writer = Writer::new();
        let written = target.encoder().instance(&mut writer, &instance);
        written.map_err(|error| unwritable(&error))?;
        return Ok(reply(header, Reply::Get(Xml::from(writer.finish()))));
    };
    let part = write_fragment(&target, &instance, &fragment)?;
    Ok(reply_with(header, Reply::Get(Xml::from(part)), |answer| {
        answer.fragment_transfer.clone_from(&header.fragment_transfer);
    }))
}

/// The part of an instance that is asked for, as `w:XmlFragment`.
fn write_fragment(
    target: &Target,
    instance: &CimInstance,
    part: &FragmentPath,
) -> Result<String, Box<Fault>> {
    let property = fragment::of(part, instance)?;
    let mut writer = Writer::new();
    if part.is_text {
        writer
            .start("w:XmlFragment")
            .attr("xmlns:w", NS_WSMAN)
            .text(&fragment::text_of(&property.value))
            .end();
    } else {
        let mut part = CimInstance::new(instance.class_name.clone());
        part.properties.insert(property);
        target.encoder().projection(&mut writer, &part).map_err(|error| unwritable(&error))?;
    }
    Ok(writer.finish())
}

async fn put(host: &Arc<Host>, header: &Header, target: Target, body: Xml<'static>) -> Outcome {
    let path = target.instance()?;
    let fragment = header.fragment_transfer.as_ref().map(FragmentPath::read).transpose()?;
    let changed_property = match &fragment {
        Some(part) => Some(fragment::changed(part, &CimInstance::new(path.class_name.clone()))?.to_owned()),
        None => None,
    };
    let is_text = fragment.as_ref().is_some_and(|fragment| fragment.is_text);
    let user = target.user.clone();
    let written = target.clone();
    let changed = blocking(host, &user, move |host, request| {
        let changes = match &changed_property {
            Some(name) if is_text => CimInstance::new(path.class_name.clone()).with(name, text_of(&body)?),
            Some(name) => {
                let changes = decode_instance(host, &target, &body, true)?;
                if let Some(other) = changes.properties.iter().find(|property| !property.name.is(name)) {
                    let text = format!("The fragment is {name}, the body holds {}.", other.name);
                    return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
                }
                changes
            }
            None => decode_instance(host, &target, &body, false)?,
        };
        host.cim.put(request, &path, changes)
    });
    let changed = changed.await?;
    let answer = match &fragment {
        Some(fragment) => write_fragment(&written, &changed, fragment)?,
        None => {
            let mut writer = Writer::new();
            written.encoder().instance(&mut writer, &changed).map_err(|error| unwritable(&error))?;
            writer.finish()
        }
    };
    Ok(reply_with(header, Reply::Put(Some(Xml::from(answer))), |answer| {
        answer.fragment_transfer.clone_from(&header.fragment_transfer);
    }))
}

/// The text in a `w:XmlFragment`.
fn text_of(body: &Xml<'_>) -> Result<String, CimFailure> {
    let mut reader = body.reader(windlass_xml::Limits::default());
    match reader.next_element().map_err(|error| invalid(&error))? {
        Some(element) if element.is(NS_WSMAN, "XmlFragment") => {
            Ok(reader.read_text().map_err(|error| invalid(&error))?.into_owned())
        }
        _ => Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because("The body holds no fragment.")),
    }
}

async fn create(host: &Arc<Host>, header: &Header, target: Target, body: Xml<'static>) -> Outcome {
    let class = ObjectPath::class(target.class()?).in_namespace(target.namespace.clone());
    let family = target.clone();
    let user = target.user.clone();
    let created = blocking(host, &user, move |host, request| {
        let instance = decode_instance(host, &target, &body, false)?;
        host.cim.create(request, &class, instance)
    });
    let path = created.await?.path();
    let resource = path.map(|path| reference(&family, &path));
    let response = CreateResponse { resource, shell: None, other: None };
    Ok(reply(header, Reply::Create(Box::new(response))))
}

async fn invoke(host: &Arc<Host>, header: &Header, target: Target, body: Option<Xml<'static>>) -> Outcome {
    let action = header.action.clone().unwrap_or_default();
    let method = action.rsplit('/').next().unwrap_or_default().to_owned();
    let resource = header.resource_uri.as_deref().unwrap_or_default();
    let base = action.strip_suffix(&method).and_then(|base| base.strip_suffix('/')).unwrap_or_default();
    if method.is_empty() || !base.eq_ignore_ascii_case(resource.split('?').next().unwrap_or_default()) {
        return Err(Box::new(Fault::action_not_supported(&action)));
    }
    let path = target.path()?;
    let user = target.user.clone();
    let output = blocking(host, &user, move |host, request| {
        let namespace = host.cim.namespace(&target.namespace)?;
        let class = namespace.class(&path.class_name)?;
        let declared = class.method(&method).ok_or_else(|| {
            let text = format!("The class {} has no method {method}.", class.name);
            CimFailure::new(CimStatus::METHOD_NOT_FOUND).because(text)
        })?;
        let method = declared.name.clone();
        let input = match &body {
            None => CimInstance::new("__PARAMETERS"),
            Some(body) => {
                let mut reader = body.reader(windlass_xml::Limits::default());
                let element = reader.next_element().map_err(|error| invalid(&error))?;
                let Some(element) = element else {
                    return Err(CimFailure::new(CimStatus::INVALID_PARAMETER));
                };
                let types = Arc::new(declared.input_class());
                let mut decoder = Decoder::new().with_schema(namespace.store(), Mismatch::Fail);
                decoder.parameters(&mut reader, &element, Some(&types)).map_err(|error| invalid(&error))?
            }
        };
        let unknown = input.properties.iter().find(|property| declared.parameter(&property.name).is_none());
        if let Some(unknown) = unknown {
            let text = format!("The method {method} has no parameter {}.", unknown.name);
            return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
        }
        let output = host.cim.invoke(request, &path, &method, &input)?;
        let mut writer = Writer::new();
        let element = format!("{method}_OUTPUT");
        let encoder = target.encoder();
        encoder
            .parameters(&mut writer, &class.name, &element, &output.properties)
            .map_err(|error| internal(&error))?;
        Ok(writer.finish())
    });
    let output = output.await?;
    Ok(reply(header, Reply::Invoke(Some(Xml::from(output)))))
}

async fn enumerate(
    host: &Arc<Host>,
    header: &Header,
    target: Target,
    request: Enumerate,
    caller: &Caller,
) -> Outcome {
    let wanted = wanted(&target, &request)?;
    let (mode, exclude) =
        (request.mode, request.polymorphism == Some(PolymorphismMode::ExcludeSubClassProperties));
    let class = target.uri.class.clone();
    let started = target.clone();
    let user = target.user.clone();
    let items = blocking(host, &user, move |host, cim| {
        let Selection { instances, projected } = wanted.start(host, cim, &started)?;
        let namespace = host.cim.namespace(&started.namespace)?;
        let base = match (exclude, &class) {
            (true, Some(class)) => Some(namespace.class(class)?),
            _ => None,
        };
        let target = started.clone();
        let rendered = instances.map(move |instance| {
            let mut instance = instance.map_err(|failure| Box::new(cim_fault(&failure)))?;
            if let Some(base) = &base {
                instance.class_name = base.name.clone();
                instance.properties.retain(|property| base.property(&property.name).is_some());
            }
            render(&target, &instance, mode, projected)
        });
        let items: Items = Box::new(rendered);
        Ok(items)
    });
    let items = items.await?;
    enumeration::enumerate(host, header, &request, items, caller).await
}

/// Which instances an enumeration asks for.
enum Wanted {
    Class {
        only: bool,
    },
    Query(Box<wql::Query>),
    /// Associations, with only these properties of the results.
    Associations(Box<wql::Query>, Vec<String>),
    Selectors(Vec<(String, CimValue)>),
}

fn wanted(target: &Target, request: &Enumerate) -> Result<Wanted, Box<Fault>> {
    Ok(match &request.filter {
        None => Wanted::Class { only: request.polymorphism == Some(PolymorphismMode::None) },
        Some(Filter::Wql(text)) => match wql::parse(text) {
            Ok(query) => Wanted::Query(Box::new(query)),
            Err(error) => {
                let failure = CimFailure::new(CimStatus::INVALID_QUERY)
                    .because(format!("The query is not valid: {error}."));
                return Err(Box::new(cim_fault(&failure)));
            }
        },
        Some(Filter::Selectors(selectors)) => {
            let keys: Result<Vec<_>, Box<Fault>> =
                selectors.iter().map(|selector| Ok((selector.name.clone(), key_value(selector)?))).collect();
            Wanted::Selectors(keys?)
        }
        Some(Filter::Association(filter)) => {
            Wanted::Associations(Box::new(association_query(target, filter)?), filter.properties.clone())
        }
        Some(Filter::Other { .. }) => return Err(Box::new(Fault::filter_dialect_unavailable())),
    })
}

impl Wanted {
    fn start(self, host: &Host, request: &CimRequest<'_>, target: &Target) -> Result<Selection, CimFailure> {
        let class = || target.uri.class.clone().ok_or_else(|| CimFailure::new(CimStatus::INVALID_CLASS));
        let all = |class: &CimName, condition: Option<&Condition>| -> Result<Instances, CimFailure> {
            host.cim.enumerate(request, &target.namespace, class, condition)
        };
        match self {
            Self::Query(query) => host.cim.query(request, &target.namespace, *query),
            Self::Associations(query, properties) => {
                let selection = host.cim.query(request, &target.namespace, *query)?;
                if properties.is_empty() {
                    return Ok(selection);
                }
                let instances = selection.instances.map(move |instance| {
                    instance.map(|mut instance| {
                        let wanted = |name: &CimName| properties.iter().any(|wanted| name.is(wanted));
                        instance.properties.retain(|property| wanted(&property.name));
                        instance
                    })
                });
                Ok(Selection { instances: Box::new(instances), projected: false })
            }
            Self::Class { only } => {
                let class = class()?;
                let instances = all(&class, None)?;
                let instances: Instances = match only {
                    false => instances,
                    true => Box::new(instances.filter(move |instance| {
                        instance.as_ref().map_or(true, |instance| instance.class_name == class)
                    })),
                };
                Ok(Selection { instances, projected: false })
            }
            Self::Selectors(selectors) => {
                let class = class()?;
                let mut path = ObjectPath::class(class.clone());
                for (name, value) in selectors {
                    path = path.with_key(name, value);
                }
                let instances = all(&class, None)?.filter(move |instance| {
                    instance.as_ref().map_or(true, |instance| crate::cim::has_keys(instance, &path))
                });
                Ok(Selection { instances: Box::new(instances), projected: false })
            }
        }
    }
}

/// An association filter as the query that asks for the same.
fn association_query(target: &Target, filter: &AssociationFilter) -> Result<wql::Query, Box<Fault>> {
    let of = path_of(&filter.object).ok_or_else(|| {
        Box::new(Fault::cannot_process_filter("The object of the association names no class."))
    })?;
    let of = if of.namespace.is_some() { of } else { of.in_namespace(target.namespace.clone()) };
    let name = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(CimName::from);
    Ok(match filter.kind {
        AssociationKind::Associated => wql::Query::Associators(wql::Associators {
            association_class: name(&filter.association_class),
            result_class: name(&filter.result_class),
            role: name(&filter.role),
            result_role: name(&filter.result_role),
            ..wql::Associators::of(of)
        }),
        AssociationKind::References => wql::Query::References(wql::References {
            result_class: name(&filter.result_class),
            role: name(&filter.role),
            ..wql::References::of(of)
        }),
    })
}

/// Makes the item of an instance.
pub(super) fn render(
    target: &Target,
    instance: &CimInstance,
    mode: EnumerationMode,
    projected: bool,
) -> Result<Rendered, Box<Fault>> {
    let xml = match mode {
        EnumerationMode::Reference => None,
        EnumerationMode::Object | EnumerationMode::ObjectAndReference => {
            let mut writer = Writer::new();
            let encoder = target.encoder();
            // Queries for some properties get them alone from WMI, and instances from others.
            let written = match projected && target.uri.family == UriFamily::Wmi {
                true => encoder.projection(&mut writer, instance),
                false => encoder.instance(&mut writer, instance),
            };
            written.map_err(|error| unwritable(&error))?;
            Some(writer.finish())
        }
    };
    let reference = match mode {
        EnumerationMode::Object => None,
        EnumerationMode::Reference | EnumerationMode::ObjectAndReference => {
            instance.path().map(|path| reference(target, &path))
        }
    };
    Ok(Rendered { xml, reference })
}

fn decode_instance(
    host: &Host,
    target: &Target,
    body: &Xml<'_>,
    is_fragment: bool,
) -> Result<CimInstance, CimFailure> {
    let namespace = host.cim.namespace(&target.namespace)?;
    let class = target.uri.class.clone().ok_or_else(|| CimFailure::new(CimStatus::INVALID_CLASS))?;
    let mut decoder = Decoder::new()
        .with_schema(namespace.store(), Mismatch::Fail)
        .with_namespace(target.namespace.clone());
    let mut reader = body.reader(windlass_xml::Limits::default());
    let element = reader.next_element().map_err(|error| invalid(&error))?;
    let Some(element) = element else { return Err(CimFailure::new(CimStatus::INVALID_PARAMETER)) };
    let decoded = match is_fragment {
        true => decoder.projection(&mut reader, &element, &class),
        false => decoder.instance(&mut reader, &element),
    };
    let instance = decoded.map_err(|error| invalid(&error))?;
    if !is_fragment && !namespace.class(&class)?.is_a(&instance.class_name) && instance.class_name != class {
        let text = format!("The body holds a {}, the resource is {class}.", instance.class_name);
        return Err(CimFailure::new(CimStatus::INVALID_PARAMETER).because(text));
    }
    Ok(instance)
}

/// The value of a key selector.
fn key_value(selector: &Selector) -> Result<CimValue, Box<Fault>> {
    match &selector.value {
        SelectorValue::Text(text) => Ok(CimValue::String(text.clone())),
        SelectorValue::Reference(epr) => match path_of(epr) {
            Some(path) => Ok(CimValue::Reference(Box::new(path))),
            None => {
                let text = format!("The selector {} refers to nothing.", selector.name);
                Err(Box::new(Fault::invalid_selectors(text)))
            }
        },
    }
}

/// The path that an endpoint reference stands for. The reader bounds how deep references nest.
fn path_of(epr: &EndpointReference) -> Option<ObjectPath> {
    let uri: ResourceUri = epr.resource_uri.as_deref()?.parse().ok()?;
    let mut selectors = Vec::new();
    for selector in &epr.selectors {
        let value = match &selector.value {
            SelectorValue::Text(text) => CimValue::String(text.clone()),
            SelectorValue::Reference(inner) => CimValue::Reference(Box::new(path_of(inner)?)),
        };
        selectors.push((selector.name.clone(), value));
    }
    uri.to_path(selectors)
}

/// The endpoint reference of a path, in the family of the request.
fn reference(target: &Target, path: &ObjectPath) -> EndpointReference {
    let uri =
        ResourceUri { namespace: target.wire_namespace(), ..target.uri.clone() }.sibling(&path.class_name);
    let mut selectors = SelectorSet::new();
    let namespace = path.namespace.as_ref().unwrap_or(&target.namespace);
    selectors.push(windlass_wsman::uri::CIM_NAMESPACE, namespace.as_str());
    for binding in path.bindings() {
        match &binding.value {
            CimValue::Reference(inner) => {
                selectors.push_reference(binding.name.as_str(), reference(target, inner));
            }
            value => selectors.push(binding.name.as_str(), value.to_text().unwrap_or_default()),
        }
    }
    EndpointReference::anonymous(uri.to_string(), selectors)
}

fn invalid(error: &dyn std::fmt::Display) -> CimFailure {
    CimFailure::new(CimStatus::INVALID_PARAMETER).because(format!("The body cannot be used: {error}."))
}

fn internal(error: &dyn std::fmt::Display) -> CimFailure {
    CimFailure::new(CimStatus::FAILED).because(format!("The answer cannot be written: {error}."))
}

fn unwritable(error: &windlass_cim::Error) -> Box<Fault> {
    Box::new(Fault::internal_error(format!("The instance cannot be written: {error}.")))
}

/// How a class is to be written, as the options ask.
pub(super) fn class_encoder(header: &Header) -> ClassEncoder {
    let wants =
        |name: &str| !header.options.get(name).is_some_and(|value| value.eq_ignore_ascii_case("false"));
    ClassEncoder {
        qualifiers: wants("IncludeQualifiers"),
        class_origin: wants("IncludeClassOrigin"),
        derivation: wants("IncludeInheritanceHierarchy"),
        inherited: wants("IncludeInheritedElements"),
    }
}
