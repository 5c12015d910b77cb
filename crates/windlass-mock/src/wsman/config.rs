//! The configuration of the service: `winrm/config` and what is below it ([MS-WSMV] 2.2.4.7 and following).

use std::sync::Arc;

use windlass_wsman::{Fault, FaultCode, Header, Operation, Reply, Xml, uri};
use windlass_xml::{Event, Writer};

use super::{Caller, Outcome, reply};
use crate::host::Host;
use crate::settings::Values;

/// Elements inside each other in a Put.
const MOST_LEVELS: usize = 8;

/// What stands behind `winrm/config` in a resource URI, if it is one of the configuration.
pub(super) fn part(resource: &str) -> Option<&str> {
    let (start, rest) = resource.split_at_checked(uri::CONFIG.len())?;
    if !start.eq_ignore_ascii_case(uri::CONFIG) {
        return None;
    }
    match rest.split('?').next().unwrap_or_default() {
        "" => Some(""),
        rest => rest.strip_prefix('/').map(|rest| rest.trim_end_matches('/')),
    }
}

/// Carries out an operation on a part of the configuration.
pub(super) async fn handle(
    host: &Arc<Host>,
    header: &Header,
    part: &str,
    operation: Operation<'_>,
    caller: &Caller,
) -> Outcome {
    if part.eq_ignore_ascii_case("listener") {
        return super::listeners::handle(host, header, operation, caller).await;
    }
    let known = leaves(host);
    let prefix = section(&known, part).ok_or_else(|| {
        Box::new(Fault::invalid_resource_uri(header.resource_uri.as_deref().unwrap_or_default()))
    })?;
    match operation {
        Operation::Get => Ok(reply(header, Reply::Get(Xml::from(to_xml(&known, &prefix))))),
        Operation::Put(body) => {
            put(host, &known, &prefix, &body)?;
            Ok(reply(header, Reply::Put(Some(Xml::from(to_xml(&leaves(host), &prefix))))))
        }
        _ => Err(Box::new(Fault::action_not_supported(header.action.as_deref().unwrap_or_default()))),
    }
}

/// Every value with the names of the elements around it.
fn leaves(host: &Host) -> Vec<(&'static str, String)> {
    let Values {
        max_envelope_size_kb,
        max_timeout_ms,
        max_batch_items,
        enumeration_timeout_ms,
        trusted_hosts,
    } = host.settings.get();
    let limits = &host.config.limits;
    let authentication = host.config.authentication;
    let is = |value: bool| value.to_string();
    let text = str::to_owned;
    vec![
        ("MaxEnvelopeSizekb", max_envelope_size_kb.to_string()),
        ("MaxTimeoutms", max_timeout_ms.to_string()),
        ("MaxBatchItems", max_batch_items.to_string()),
        ("MaxProviderRequests", u32::MAX.to_string()),
        ("Client/NetworkDelayms", text("5000")),
        ("Client/URLPrefix", text("wsman")),
        ("Client/AllowUnencrypted", is(false)),
        ("Client/Auth/Basic", is(true)),
        ("Client/Auth/Digest", is(false)),
        ("Client/Auth/Kerberos", is(true)),
        ("Client/Auth/Negotiate", is(true)),
        ("Client/Auth/Certificate", is(false)),
        ("Client/Auth/CredSSP", is(false)),
        ("Client/DefaultPorts/HTTP", text("5985")),
        ("Client/DefaultPorts/HTTPS", text("5986")),
        ("Client/TrustedHosts", trusted_hosts),
        ("Service/RootSDDL", text("O:NSG:BAD:P(A;;GA;;;BA)S:P(AU;FA;GA;;;WD)")),
        ("Service/MaxConcurrentOperations", u32::MAX.to_string()),
        ("Service/MaxConcurrentOperationsPerUser", limits.enumerations_per_user.to_string()),
        ("Service/EnumerationTimeoutms", enumeration_timeout_ms.to_string()),
        ("Service/MaxConnections", limits.connections.to_string()),
        ("Service/MaxPacketRetrievalTimeSeconds", limits.request_timeout.as_secs().to_string()),
        ("Service/AllowUnencrypted", is(host.config.allow_unencrypted)),
        ("Service/Auth/Basic", is(authentication.basic)),
        ("Service/Auth/Kerberos", is(false)),
        ("Service/Auth/Negotiate", is(authentication.negotiate)),
        ("Service/Auth/Certificate", is(false)),
        ("Service/Auth/CredSSP", is(false)),
        ("Service/Auth/CbtHardeningLevel", text("Relaxed")),
        ("Service/DefaultPorts/HTTP", text("5985")),
        ("Service/DefaultPorts/HTTPS", text("5986")),
        ("Service/IPv4Filter", text("*")),
        ("Service/IPv6Filter", text("*")),
        ("Service/EnableCompatibilityHttpListener", is(false)),
        ("Service/EnableCompatibilityHttpsListener", is(false)),
        ("Service/CertificateThumbprint", String::new()),
        ("Service/AllowRemoteAccess", is(true)),
        ("Winrs/AllowRemoteShellAccess", is(host.config.allow_exec)),
        ("Winrs/IdleTimeout", limits.idle_timeout.as_millis().to_string()),
        ("Winrs/MaxConcurrentUsers", i32::MAX.to_string()),
        ("Winrs/MaxShellRunTime", i32::MAX.to_string()),
        ("Winrs/MaxProcessesPerShell", limits.commands_per_shell.to_string()),
        ("Winrs/MaxMemoryPerShellMB", i32::MAX.to_string()),
        ("Winrs/MaxShellsPerUser", limits.shells_per_user.to_string()),
    ]
}

/// The part of the tree that a URI names, spelled as the elements are and with a slash behind it.
fn section(known: &[(&'static str, String)], part: &str) -> Option<String> {
    if part.is_empty() {
        return Some(String::new());
    }
    let prefix = format!("{part}/");
    known.iter().find_map(|(name, _)| {
        let (start, _) = name.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(&prefix).then(|| start.to_owned())
    })
}

fn to_xml(known: &[(&'static str, String)], prefix: &str) -> String {
    let mut namespace = uri::CONFIG.to_owned();
    if !prefix.is_empty() {
        namespace.push('/');
        namespace.push_str(&prefix.trim_end_matches('/').to_ascii_lowercase());
    }
    let root = prefix.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty());
    let mut writer = Writer::new();
    writer.start(&format!("cfg:{}", root.unwrap_or("Config"))).attr("xmlns:cfg", &namespace);
    let mut open: Vec<&str> = Vec::new();
    for (path, value) in known {
        let Some(path) = path.strip_prefix(prefix) else { continue };
        let mut names: Vec<&str> = path.split('/').collect();
        let Some(leaf) = names.pop() else { continue };
        let common = open.iter().zip(&names).take_while(|(open, name)| open == name).count();
        for _ in common..open.len() {
            writer.end();
        }
        open.truncate(common);
        for name in names.into_iter().skip(common) {
            writer.start(&format!("cfg:{name}"));
            open.push(name);
        }
        writer.leaf(&format!("cfg:{leaf}"), value);
    }
    for _ in open {
        writer.end();
    }
    writer.end();
    writer.finish()
}

/// Changes what the body says otherwise than it is.
fn put(
    host: &Host,
    known: &[(&'static str, String)],
    prefix: &str,
    body: &Xml<'_>,
) -> Result<(), Box<Fault>> {
    let mut values = host.settings.get();
    for (path, value) in texts(body)? {
        let path = format!("{prefix}{path}");
        let refused = |why: &str| {
            let text = format!("The value of {path} {why}.");
            Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text))
        };
        let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(&path));
        let (name, present) = found.ok_or_else(|| refused("is not part of the configuration"))?;
        if *present == value {
            continue;
        }
        let number = |least: u32| {
            let number = value.trim().parse::<u32>().ok().filter(|number| *number >= least);
            number.ok_or_else(|| refused(&format!("has to be a number of at least {least}")))
        };
        match *name {
            "MaxEnvelopeSizekb" => {
                let most = host.config.limits.envelope / 1024;
                let wanted = number(32)?;
                if usize::try_from(wanted).is_ok_and(|wanted| wanted > most) {
                    return Err(refused(&format!("is at most {most}")));
                }
                values.max_envelope_size_kb = wanted;
            }
            "MaxTimeoutms" => values.max_timeout_ms = number(500)?,
            "MaxBatchItems" => values.max_batch_items = number(1)?,
            "Service/EnumerationTimeoutms" => values.enumeration_timeout_ms = number(500)?,
            "Client/TrustedHosts" => values.trusted_hosts = value,
            _ => return Err(refused("cannot be changed")),
        }
    }
    host.settings.set(values);
    Ok(())
}

/// The texts in a document with the names of the elements around them, the outermost aside.
pub(super) fn texts(body: &Xml<'_>) -> Result<Vec<(String, String)>, Box<Fault>> {
    let invalid = |text: &dyn std::fmt::Display| Box::new(Fault::schema_validation(text.to_string()));
    let mut reader = body.reader(windlass_xml::Limits::default());
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut text = String::new();
    // Whether the element at hand has no children.
    let mut is_leaf = false;
    loop {
        match reader.next().map_err(|error| invalid(&error))? {
            Event::Start(element) => {
                if path.len() >= MOST_LEVELS {
                    return Err(invalid(&"The elements of the configuration are nested too deeply."));
                }
                path.push(element.local().to_owned());
                text.clear();
                is_leaf = true;
            }
            Event::Text(piece) => text.push_str(&piece),
            Event::End => {
                if let Some(names) = path.get(1..).filter(|names| is_leaf && !names.is_empty()) {
                    found.push((names.join("/"), text.trim().to_owned()));
                }
                is_leaf = false;
                path.pop();
            }
            Event::Eof => return Ok(found),
        }
    }
}
