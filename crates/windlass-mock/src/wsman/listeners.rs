//! The listeners of the service: `winrm/config/Listener` ([MS-WSMV] 2.2.4.19, 3.1.4.1).

use std::net::IpAddr;
use std::sync::Arc;

use windlass_cim::wscim::NS_XSI;
use windlass_wsman::{
    Create, CreateResponse, EndpointReference, EnumerationMode, Fault, FaultCode, Header, Operation, Reply,
    SelectorSet, Xml, uri,
};
use windlass_xml::Writer;

use super::enumeration::{self, Items, Rendered};
use super::{Caller, Outcome, config, reply};
use crate::host::Host;
use crate::listener::{self, Listener, ListenerScheme};

/// Listeners of a host at once.
const MOST: usize = 16;
/// What stands in URLs behind the port.
const PREFIX: &str = "wsman";

/// Carries out an operation on the listeners.
pub(super) async fn handle(
    host: &Arc<Host>,
    header: &Header,
    operation: Operation<'_>,
    caller: &Caller,
) -> Outcome {
    // A listener that is removed while another client changes it would come back.
    let _change = match operation {
        Operation::Put(_) | Operation::Create(_) | Operation::Delete => Some(host.listeners.change().await),
        _ => None,
    };
    match operation {
        Operation::Get => {
            let found = find(host, &header.selectors)?;
            Ok(reply(header, Reply::Get(Xml::from(to_xml(&found)))))
        }
        Operation::Put(body) => {
            change(host, &find(host, &header.selectors)?, &body).await?;
            let changed = find(host, &header.selectors)?;
            Ok(reply(header, Reply::Put(Some(Xml::from(to_xml(&changed))))))
        }
        Operation::Enumerate(request) => {
            let mode = request.mode;
            if request.filter.is_some() {
                return Err(Box::new(Fault::filter_dialect_unavailable()));
            }
            let items: Items = Box::new(host.listeners.all().into_iter().map(move |listener| {
                let xml = (mode != EnumerationMode::Reference).then(|| to_xml(&listener));
                let reference = (mode != EnumerationMode::Object).then(|| reference(&listener));
                Ok(Rendered { xml, reference })
            }));
            enumeration::enumerate(host, header, &request, items, caller).await
        }
        Operation::Create(Create::Resource(body)) => {
            let (address, scheme) = named(&header.selectors)?;
            let created = create(host, &address, scheme, &body).await?;
            let response = CreateResponse { resource: Some(created), shell: None, other: None };
            Ok(reply(header, Reply::Create(Box::new(response))))
        }
        Operation::Delete => {
            let (address, scheme) = named(&header.selectors)?;
            if !host.listeners.remove(&address, scheme) {
                return Err(absent());
            }
            Ok(reply(header, Reply::Delete))
        }
        _ => Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default()))),
    }
}

/// The address and the scheme that selectors name; together they are the key.
fn named(selectors: &SelectorSet) -> Result<(String, ListenerScheme), Box<Fault>> {
    let (Some(address), Some(transport)) = (selectors.get("Address"), selectors.get("Transport")) else {
        return Err(Box::new(Fault::insufficient_selectors()));
    };
    let scheme = ListenerScheme::parse(transport).ok_or_else(|| {
        let text = format!("The transport of a listener is HTTP or HTTPS, not {transport:?}.");
        Box::new(Fault::invalid_selectors(text))
    })?;
    Ok((address.to_owned(), scheme))
}

/// The listener that selectors name.
fn find(host: &Host, selectors: &SelectorSet) -> Result<Listener, Box<Fault>> {
    let (address, scheme) = named(selectors)?;
    let all = host.listeners.all();
    all.into_iter().find(|listener| listener.is(&address, scheme)).ok_or_else(absent)
}

fn absent() -> Box<Fault> {
    Box::new(Fault::unexpected_selectors())
}

/// Makes a listener as the body says, and gives its reference.
async fn create(
    host: &Arc<Host>,
    address: &str,
    scheme: ListenerScheme,
    body: &Xml<'_>,
) -> Result<EndpointReference, Box<Fault>> {
    let new = Listener::new(address, scheme, scheme.default_port());
    let Wanted { listener, enabled } = Wanted::read(new, true, body)?;
    local_address(host, address)?;
    let all = host.listeners.all();
    if all.iter().any(|known| known.is(address, scheme)) {
        return Err(Box::new(Fault::new(FaultCode::ALREADY_EXISTS)));
    }
    if all.len() >= MOST {
        let text = format!("The service has as many listeners as are allowed ({MOST}).");
        return Err(Box::new(Fault::quota(FaultCode::QUOTA_MAX_OPERATIONS, text)));
    }
    if !host.listeners.can_serve(scheme) {
        return Err(refused("HTTPS cannot be listened on: the computer has no certificate for it."));
    }
    let reference = reference(&listener);
    put(host, listener, enabled).await?;
    Ok(reference)
}

/// Changes a listener as the body says. Where that takes another socket, it is opened before the old one
/// is closed, so that a failure leaves things as they are.
async fn change(host: &Arc<Host>, present: &Listener, body: &Xml<'_>) -> Result<(), Box<Fault>> {
    let was_enabled = present.socket.is_some();
    let Wanted { listener, enabled } = Wanted::read(present.clone(), was_enabled, body)?;
    if enabled && was_enabled && listener.port == present.port {
        host.listeners.put(listener);
        return Ok(());
    }
    put(host, listener.closed(), enabled).await
}

/// Takes a listener among those that there are, and opens it if it is enabled.
async fn put(host: &Arc<Host>, listener: Listener, enabled: bool) -> Result<(), Box<Fault>> {
    if !enabled {
        host.listeners.put(listener);
        return Ok(());
    }
    let ip = listener.place.map_or_else(|| local_address(host, &listener.address), Ok)?;
    let failed = |error: crate::Error| refused(&format!("The listener cannot be opened: {error}."));
    let bound = listener::bind(&std::net::SocketAddr::new(ip, listener.port).to_string()).await;
    host.listeners.open(host, listener, bound.map_err(failed)?).map_err(failed)
}

/// The address of the computer that a listener's stands for.
fn local_address(host: &Host, address: &str) -> Result<IpAddr, Box<Fault>> {
    let local = host.listeners.addresses();
    let wanted = match address.split_once(':') {
        None if address == "*" => local.first().copied(),
        Some((kind, ip)) if kind.eq_ignore_ascii_case("ip") => {
            ip.parse().ok().filter(|ip| local.contains(ip))
        }
        _ => None,
    };
    wanted.ok_or_else(|| {
        let text = format!("{address:?} is no address of this computer: * is, and IP: with one of its own.");
        Box::new(Fault::invalid_selectors(text))
    })
}

/// What the body of a Create or a Put asks for.
struct Wanted {
    listener: Listener,
    enabled: bool,
}

impl Wanted {
    /// Reads the body; what it does not speak of stays as it is.
    fn read(mut listener: Listener, mut enabled: bool, body: &Xml<'_>) -> Result<Self, Box<Fault>> {
        for (name, value) in config::texts(body)? {
            let wrong = |wanted: &str| refused(&format!("{name} of a listener has to be {wanted}."));
            match name.as_str() {
                "Address" if value.eq_ignore_ascii_case(&listener.address) => {}
                "Transport" if ListenerScheme::parse(&value) == Some(listener.scheme) => {}
                "Address" | "Transport" => return Err(wrong("what the selectors say")),
                // With 0 the system chooses a port: Windows would refuse it.
                "Port" => listener.port = value.parse().map_err(|_| wrong("a number up to 65535"))?,
                "Hostname" => listener.host_name = value,
                "Enabled" => match value.as_str() {
                    "true" | "1" => enabled = true,
                    "false" | "0" => enabled = false,
                    _ => return Err(wrong("true or false")),
                },
                "URLPrefix" if value == PREFIX => {}
                "URLPrefix" => return Err(wrong(PREFIX)),
                "CertificateThumbprint" if value.is_empty() => {}
                "CertificateThumbprint" => return Err(wrong("empty: the service has one certificate")),
                // Told, not asked for: it comes back from clients that change what they read.
                "ListeningOn" => {}
                _ => {
                    let text = format!("A listener has no element {name}.");
                    return Err(Box::new(Fault::schema_validation(text)));
                }
            }
        }
        Ok(Self { listener, enabled })
    }
}

fn refused(text: &str) -> Box<Fault> {
    Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text))
}

fn resource() -> String {
    format!("{}/listener", uri::CONFIG)
}

fn reference(listener: &Listener) -> EndpointReference {
    let selectors =
        SelectorSet::new().with("Address", &listener.address).with("Transport", listener.scheme.name());
    EndpointReference::anonymous(resource(), selectors)
}

fn to_xml(listener: &Listener) -> String {
    let mut writer = Writer::new();
    writer.start("cfg:Listener").attr("xmlns:cfg", &resource()).attr("xmlns:xsi", NS_XSI);
    writer.leaf("cfg:Address", &listener.address).leaf("cfg:Transport", listener.scheme.name());
    writer.leaf("cfg:Port", &listener.port.to_string()).leaf("cfg:Hostname", &listener.host_name);
    writer.leaf("cfg:Enabled", if listener.socket.is_some() { "true" } else { "false" });
    writer.leaf("cfg:URLPrefix", PREFIX).leaf("cfg:CertificateThumbprint", "");
    if let Some(socket) = listener.socket {
        writer.leaf("cfg:ListeningOn", &socket.ip().to_string());
    }
    writer.end();
    writer.finish()
}
