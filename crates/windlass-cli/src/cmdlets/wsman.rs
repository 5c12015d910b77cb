//! `Test-WSMan` and the cmdlets for raw resources of WS-Management.

use std::sync::Arc;

use windlass::{Authentication, CimSession, Listing, Protocol, ResourceItem, WsmanResource, identify};
use windlass_clixml::{PsObject, PsValue};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome, text};
use windlass_soap::{EndpointReference, SelectorSet};
use windlass_wsman::{EnumerationMode, Filter, PolymorphismMode, dialect};
use windlass_xml::{Limits, Reader, Writer};

use super::{cmdlet, each};
use crate::runspace::{Local, Place, Reach, argument, of_error};

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Test-WSMan", "Asks whether a WS-Management service answers.", |l, c, x| {
            each(l, c, x, test)
        }),
        cmdlet(local, "Get-WSManInstance", "Gets or enumerates a resource of WS-Management.", |l, c, x| {
            each(l, c, x, get)
        }),
        cmdlet(local, "Set-WSManInstance", "Changes a resource of WS-Management.", |l, c, x| {
            each(l, c, x, set)
        }),
        cmdlet(local, "New-WSManInstance", "Creates a resource of WS-Management.", |l, c, x| {
            each(l, c, x, new)
        }),
        cmdlet(local, "Remove-WSManInstance", "Deletes a resource of WS-Management.", |l, c, x| {
            each(l, c, x, remove)
        }),
        cmdlet(local, "Invoke-WSManAction", "Calls an action of a resource of WS-Management.", |l, c, x| {
            each(l, c, x, invoke)
        }),
    ]
}

fn place(call: &Bound) -> Place {
    match call.text("ConnectionURI").filter(|uri| !uri.is_empty()) {
        Some(uri) => Place::Uri(uri),
        None => Place::Computer(call.text("ComputerName").filter(|name| !name.is_empty() && name != ".")),
    }
}

fn test(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let reach = Reach::of(local, call).map_err(|failure| cx.fail(*failure))?;
    let place = place(call);
    let mut target = reach.target(local, call, &place).map_err(|failure| cx.fail(*failure))?;
    if let Some(name) = call.text("ApplicationName") {
        target.set_application_name(&name);
    }
    // Without a credential anybody may ask, and the answer says little.
    let anonymous = !call.has("Credential") && !call.has("Authentication");
    if anonymous {
        target.set_authentication(Authentication::Anonymous);
    }
    if matches!(place, Place::Computer(None)) && !local.is_resolved("localhost") {
        let host = local.handle.block_on(local.host());
        match host {
            Ok(host) => host.reach(&mut target),
            Err(error) => return Err(cx.fail(*argument(local, "LocalHost", format!("{error:#}")))),
        }
    }
    let computer = target.computer_name().to_owned();
    match local.wait(cx, identify(&target))? {
        Ok(identity) => cx.write(shown(&identity)),
        Err(error) => cx.error(of_error(local, &error, "WsManError", &computer)),
    }
}

/// The properties of Identify's answer under the names that PowerShell shows.
fn shown(identity: &windlass::Identity) -> PsValue {
    PsObject::custom()
        .with("wsmid", "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd")
        .with("ProtocolVersion", identity.protocol_version.as_str())
        .with("ProductVendor", identity.product_vendor.as_str())
        .with("ProductVersion", identity.product_version.as_str())
        .with("SecurityProfiles", identity.security_profiles.join(", "))
        .into()
}

/// The resource that a call names, in a session for the call.
fn with_resource<T>(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
    work: impl AsyncFnOnce(WsmanResource) -> Result<T, windlass::Error>,
) -> Result<Option<T>, windlass_mock::powershell::Halt> {
    let opening = opening(local, call).map_err(|failure| cx.fail(*failure))?;
    let (builder, computer) = opening;
    let uri = call.text("ResourceURI").unwrap_or_default();
    let (uri, query) = uri.split_once('?').unwrap_or((&uri, ""));
    let done = local.wait(cx, async {
        let session = builder.skip_test_connection(true).connect().await?;
        let mut resource = session.resource(uri);
        for (name, value) in query.split('+').filter_map(|pair| pair.split_once('=')) {
            resource = resource.selector(name, value);
        }
        for (name, value) in call.get("SelectorSet").and_then(PsValue::entries).unwrap_or_default() {
            resource = resource.selector(&text(name), &text(value));
        }
        for (name, value) in call.get("OptionSet").and_then(PsValue::entries).unwrap_or_default() {
            resource = resource.option(&text(name), &text(value));
        }
        if let Some(fragment) = call.text("Fragment") {
            resource = resource.fragment(&fragment);
        }
        let done = work(resource).await;
        session.close().await;
        done
    })?;
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) => {
            cx.error(of_error(local, &error, "WsManError", &computer))?;
            Ok(None)
        }
    }
}

fn opening(local: &Arc<Local>, call: &Bound) -> Result<(windlass::CimSessionBuilder, String), Box<Failure>> {
    let reach = Reach::of(local, call)?;
    let place = place(call);
    let mut target = reach.target(local, call, &place)?;
    if let Some(name) = call.text("ApplicationName") {
        target.set_application_name(&name);
    }
    if let Some(options) = call.get("SessionOption").filter(|value| !value.is_null()) {
        let mut ignored = windlass::PsSessionOptions::default();
        crate::runspace::ps_options(local, options, &mut ignored, &mut target)
            .map_err(|reason| argument(local, "InvalidSessionOption", reason))?;
    }
    let computer = target.computer_name().to_owned();
    if matches!(place, Place::Computer(None)) && !local.is_resolved("localhost") {
        let refused = |error: anyhow::Error| argument(local, "LocalHost", format!("{error:#}"));
        return Ok((local.handle.block_on(local.host()).map_err(refused)?.cim_session(), computer));
    }
    reach.check_address(local, call, &target, Protocol::Wsman)?;
    Ok((CimSession::builder(&computer).target(target), computer))
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.switch("Enumerate") {
        if call.switch("Associations") {
            let message = "-Associations is not supported here: Get-CimAssociatedInstance finds them";
            return Err(cx.fail(*argument(local, "NotSupported", message)));
        }
        let listing = listing(local, call).map_err(|failure| cx.fail(*failure))?;
        let items = with_resource(local, call, cx, async |resource| resource.list(&listing).await)?;
        return items.unwrap_or_default().into_iter().try_for_each(|item| cx.write(item_value(item)));
    }
    match with_resource(local, call, cx, async |resource| resource.get().await)? {
        Some(xml) => cx.write(xml_value(&xml)),
        None => Ok(()),
    }
}

/// What is to be listed, and how.
fn listing(local: &Local, call: &Bound) -> Result<Listing, Box<Failure>> {
    let mut listing = Listing::default();
    listing.filter = filter(local, call)?;
    listing.mode = match call.text("ReturnType").unwrap_or_default().to_ascii_lowercase().as_str() {
        "epr" => EnumerationMode::Reference,
        "objectandepr" => EnumerationMode::ObjectAndReference,
        _ => EnumerationMode::Object,
    };
    // Those of no subclass have no properties of one.
    if call.switch("Shallow") {
        listing.polymorphism = Some(PolymorphismMode::None);
    } else if call.switch("BasePropertiesOnly") {
        listing.polymorphism = Some(PolymorphismMode::ExcludeSubClassProperties);
    }
    Ok(listing)
}

/// An instance, the reference to it, or both under the names of their elements.
fn item_value(item: ResourceItem) -> PsValue {
    match (item.content, item.reference.map(reference_value)) {
        (Some(xml), None) => xml_value(&xml),
        (Some(xml), Some(reference)) => {
            let root = Reader::new(&xml, Limits::default()).next_element().ok().flatten();
            let name = root.map(|root| root.local().to_owned()).unwrap_or_default();
            PsObject::custom()
                .with(name.as_str(), xml_value(&xml))
                .with("EndpointReference", reference)
                .into()
        }
        (None, reference) => reference.unwrap_or_default(),
    }
}

/// A reference with the selectors that are texts.
fn reference_value(reference: EndpointReference) -> PsValue {
    let mut selectors = PsObject::custom();
    for selector in &reference.selectors {
        if let windlass_soap::SelectorValue::Text(value) = &selector.value {
            selectors = selectors.with(selector.name.as_str(), value.as_str());
        }
    }
    PsObject::custom()
        .with("Address", reference.address.as_str())
        .with("ResourceURI", reference.resource_uri.unwrap_or_default())
        .with("SelectorSet", selectors)
        .into()
}

/// Which instances are wanted. The language is WQL, unless `-Dialect` says otherwise, by a short name or by its URI.
fn filter(local: &Local, call: &Bound) -> Result<Option<Filter>, Box<Failure>> {
    let Some(wanted) = call.text("Filter") else { return Ok(None) };
    let language = call.text("Dialect").filter(|name| !name.is_empty());
    let language = language.unwrap_or_else(|| dialect::WQL.to_owned());
    let is = |name: &str, uri: &str| [name, uri].iter().any(|known| language.eq_ignore_ascii_case(known));
    if is("wql", dialect::WQL) {
        return Ok(Some(Filter::Wql(wanted)));
    }
    if is("selector", dialect::SELECTOR) {
        return selectors(&wanted).map(|set| Some(Filter::Selectors(set))).ok_or_else(|| {
            let message =
                format!("-Filter '{wanted}' is not NAME='VALUE', or several of them with ; between");
            argument(local, "InvalidFilter", message)
        });
    }
    if is("association", dialect::ASSOCIATION) {
        let message = "filters by association are not supported here: Get-CimAssociatedInstance finds them";
        return Err(argument(local, "NotSupported", message));
    }
    Ok(Some(Filter::Other { dialect: Some(language), content: windlass_xml::escape_text(&wanted).into() }))
}

/// `Name='first';Count='1'`, where the quotes may be left out.
fn selectors(text: &str) -> Option<SelectorSet> {
    let mut set = SelectorSet::new();
    for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = value.trim();
        let inner = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        set.push(name.trim(), inner('\'').or_else(|| inner('"')).unwrap_or(value));
    }
    (!set.is_empty()).then_some(set)
}

fn set(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let content = content(local, call).map_err(|failure| cx.fail(*failure))?;
    let changed = with_resource(local, call, cx, async |resource| {
        let body = match content {
            Content::Whole(xml) => xml,
            // What is not given keeps its value.
            Content::Values(values) => changed(&resource.get().await?, &values),
        };
        resource.put(&body).await
    })?;
    match changed.flatten() {
        Some(xml) => cx.write(xml_value(&xml)),
        None => Ok(()),
    }
}

fn new(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let content = content(local, call).map_err(|failure| cx.fail(*failure))?;
    let uri = call.text("ResourceURI").unwrap_or_default();
    let body = content.element(&uri, None);
    let created = with_resource(local, call, cx, async |resource| resource.create(&body).await)?;
    match created.flatten() {
        Some(reference) => cx.write(reference_value(reference)),
        None => Ok(()),
    }
}

fn remove(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    with_resource(local, call, cx, async |resource| resource.delete().await).map(|_| ())
}

fn invoke(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let content = content(local, call).map_err(|failure| cx.fail(*failure))?;
    let uri = call.text("ResourceURI").unwrap_or_default();
    let action = call.text("Action").unwrap_or_default();
    let body = content.element(&uri, Some(&action));
    let answer =
        with_resource(local, call, cx, async |resource| resource.invoke(&action, Some(&body)).await)?;
    match answer.flatten() {
        Some(xml) => cx.write(xml_value(&xml)),
        None => Ok(()),
    }
}

/// What is to be sent.
enum Content {
    /// An element as a file holds it.
    Whole(String),
    /// Values by name.
    Values(Vec<(String, String)>),
}

fn content(local: &Local, call: &Bound) -> Result<Content, Box<Failure>> {
    if let Some(path) = call.text("FilePath") {
        return std::fs::read_to_string(local.path_of(&path))
            .map(Content::Whole)
            .map_err(|error| argument(local, "FileNotRead", format!("{path} cannot be read: {error}")));
    }
    let entries = call.get("ValueSet").and_then(PsValue::entries).unwrap_or_default();
    Ok(Content::Values(entries.iter().map(|(name, value)| (text(name), text(value))).collect()))
}

impl Content {
    /// The element for a resource, or for the input of one of its actions.
    fn element(&self, uri: &str, action: Option<&str>) -> String {
        let values = match self {
            Self::Whole(xml) => return xml.clone(),
            Self::Values(values) => values,
        };
        let uri = windlass_cim::expand_alias(uri.split('?').next().unwrap_or_default());
        let last = uri.rsplit('/').next().unwrap_or_default();
        let name = match action {
            Some(action) => format!("{}_INPUT", action.rsplit('/').next().unwrap_or_default()),
            None => last.to_owned(),
        };
        let mut writer = Writer::new();
        let element = format!("p:{name}");
        writer.start(&element);
        writer.attr("xmlns:p", &uri);
        for (name, value) in values {
            writer.leaf(&format!("p:{name}"), value);
        }
        writer.end();
        writer.finish()
    }
}

/// The element with other texts in the children that are named. The others stay as they are, with attributes and
/// what is inside of them.
fn changed(xml: &str, values: &[(String, String)]) -> String {
    let mut reader = Reader::new(xml, Limits::default());
    let Ok(Some(root)) = reader.next_element() else { return xml.to_owned() };
    let leaf = |ns: &str, name: &str, value: &str| {
        let mut writer = Writer::new();
        writer.start(&format!("p:{name}")).attr("xmlns:p", ns).text(value).end();
        writer.finish()
    };
    let mut left: Vec<&(String, String)> = values.iter().collect();
    let mut out = String::new();
    // What is copied already, and where the last child ends.
    let (mut copied, mut end) = (0, None);
    while let Ok(Some(child)) = reader.next_element() {
        if reader.skip().is_err() {
            return xml.to_owned();
        }
        end = Some(reader.next_position());
        let given = left.iter().position(|(known, _)| known.eq_ignore_ascii_case(child.local()));
        if let Some(place) = given {
            let (_, value) = left.remove(place);
            out.push_str(xml.get(copied..child.offset()).unwrap_or_default());
            out.push_str(&leaf(child.ns(), child.local(), value));
            copied = reader.next_position();
        }
    }
    let added: String = left.iter().map(|(name, value)| leaf(root.ns(), name, value)).collect();
    let Some(end) = end else {
        let mut writer = Writer::new();
        writer.start(&format!("p:{}", root.local())).attr("xmlns:p", root.ns()).raw(&added).end();
        return writer.finish();
    };
    out.push_str(xml.get(copied..end).unwrap_or_default());
    out.push_str(&added);
    out.push_str(xml.get(end..).unwrap_or_default());
    out
}

/// Most levels of elements that become objects within objects.
const DEEPEST: usize = 16;

/// An element as an object, as PowerShell shows XML: attributes and children are properties, a child with
/// nothing but text is that text, several of a name are a list.
fn xml_value(xml: &str) -> PsValue {
    let mut reader = Reader::new(xml, Limits::default());
    match reader.next_element() {
        Ok(Some(root)) => {
            let (name, attributes) = (root.local().to_owned(), attributes(&root));
            let object = element_value(&mut reader, attributes, DEEPEST);
            match object {
                PsValue::Object(object) => PsObject::clone(&object).with_to_string(name.as_str()).into(),
                other => other,
            }
        }
        _ => xml.into(),
    }
}

fn attributes(element: &windlass_xml::Element<'_>) -> Vec<(String, PsValue)> {
    let shown = element.attributes().filter_map(|attribute| attribute.ok());
    shown.map(|(_, local, value)| (local.to_owned(), PsValue::from(value.as_ref()))).collect()
}

fn element_value(reader: &mut Reader<'_>, mut members: Vec<(String, PsValue)>, depth: usize) -> PsValue {
    let mut text = String::new();
    loop {
        match reader.next() {
            Ok(windlass_xml::Event::Start(child)) => {
                let name = child.local().to_owned();
                let own = attributes(&child);
                let value = match depth.checked_sub(1) {
                    Some(depth) => element_value(reader, own, depth),
                    None => {
                        if reader.skip().is_err() {
                            break;
                        }
                        PsValue::Null
                    }
                };
                match members.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, held)) => {
                        let mut items = held.items().map_or_else(|| vec![held.clone()], <[PsValue]>::to_vec);
                        items.push(value);
                        *held = PsValue::list(items);
                    }
                    None => members.push((name, value)),
                }
            }
            Ok(windlass_xml::Event::Text(piece)) => text.push_str(&piece),
            Ok(windlass_xml::Event::End | windlass_xml::Event::Eof) | Err(_) => break,
        }
    }
    if members.is_empty() {
        return text.trim().into();
    }
    let mut object = PsObject::custom();
    for (name, value) in members {
        object = object.with(name.as_str(), value);
    }
    if !text.trim().is_empty() {
        object = object.with("#text", text.trim());
    }
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_becomes_an_object() {
        let value = xml_value(
            "<c:Config xmlns:c='urn:c' lang='en'><c:Size>5</c:Size><c:L><c:A>1</c:A></c:L><c:L/></c:Config>",
        );
        assert_eq!(value.get("Size").and_then(PsValue::as_str), Some("5"));
        assert_eq!(value.get("L").and_then(PsValue::items).map(<[PsValue]>::len), Some(2));
        assert_eq!(value.get("lang").and_then(PsValue::as_str), Some("en"));
    }

    #[test]
    fn values_that_are_not_given_stay() {
        let held = "<c:S xmlns:c='urn:c' xmlns:x='urn:x'><c:A x:nil='true'/><c:B>2</c:B><c:C><c:D>3</c:D></c:C></c:S>";
        let xml = changed(held, &[("b".into(), "9".into()), ("E".into(), "<".into())]);
        assert_eq!(
            xml,
            "<c:S xmlns:c='urn:c' xmlns:x='urn:x'><c:A x:nil='true'/><p:B xmlns:p=\"urn:c\">9</p:B>\
             <c:C><c:D>3</c:D></c:C><p:E xmlns:p=\"urn:c\">&lt;</p:E></c:S>"
        );
        let empty = changed("<S xmlns='urn:c'/>", &[("A".into(), "1".into())]);
        assert_eq!(empty, "<p:S xmlns:p=\"urn:c\"><p:A xmlns:p=\"urn:c\">1</p:A></p:S>");
    }
}
