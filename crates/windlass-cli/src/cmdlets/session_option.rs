//! `New-PSSessionOption` and `New-CimSessionOption`.

use std::sync::Arc;

use windlass_clixml::{PsObject, PsValue, ps_enum};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Kind, Outcome, declared, text};

use super::{cmdlet, each, nameless};
use crate::runspace::{Local, argument};

const PS_OPTION: &str = "System.Management.Automation.Remoting.PSSessionOption";
const WSMAN_OPTION: &str = "Microsoft.Management.Infrastructure.Options.WSManSessionOptions";
const DCOM_OPTION: &str = "Microsoft.Management.Infrastructure.Options.DComSessionOptions";
const CIM_OPTION: &str = "Microsoft.Management.Infrastructure.Options.CimSessionOptions";

const TICKS_PER_MILLISECOND: i64 = 10_000;

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "New-PSSessionOption", "Makes the options of a new PSSession.", |l, c, x| {
            each(l, c, x, ps)
        }),
        cmdlet(local, "New-CimSessionOption", "Makes the options of a new CIM session.", |l, c, x| {
            each(l, c, x, cim)
        }),
    ]
}

fn ps(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let object = ps_object(local, call).map_err(|failure| cx.fail(*failure))?;
    cx.write(object)
}

/// The options that the entries of a hash table stand for: each is a parameter of `New-PSSessionOption`, or the
/// property that comes of it. Entries that are null do not count.
pub(crate) fn ps_of_entries(local: &Local, entries: &[(PsValue, PsValue)]) -> Result<PsValue, String> {
    let call = by_entries("New-PSSessionOption", entries)?;
    ps_object(local, &call).map(PsValue::from).map_err(|failure| failure.message)
}

/// The same for CIM sessions and `New-CimSessionOption`, for command lines, where there are no objects.
pub(crate) fn cim_of_entries(local: &Local, entries: &[(PsValue, PsValue)]) -> Result<PsValue, String> {
    let call = by_entries("New-CimSessionOption", entries)?;
    cim_object(local, &call).map(PsValue::from).map_err(|failure| failure.message)
}

fn by_entries(cmdlet: &str, entries: &[(PsValue, PsValue)]) -> Result<Bound, String> {
    let info = declared(cmdlet).unwrap_or_else(nameless);
    let mut values = Vec::new();
    for (key, value) in entries.iter().filter(|(_, value)| !value.is_null()) {
        let mut name = text(key);
        if name.eq_ignore_ascii_case("MaximumConnectionRedirectionCount") {
            name = "MaximumRedirection".to_owned();
        }
        // A slip of the pen shall not pass, nor shall a beginning.
        let Some(parameter) = info.parameters().iter().find(|parameter| parameter.is_called(&name)) else {
            return Err(format!("'{name}' is no option of a session: see {cmdlet}"));
        };
        let is_answer = |value: &PsValue| matches!(value, PsValue::Bool(_)) || value.as_i64().is_some();
        let value = match value.unwrapped() {
            value if parameter.kind == Kind::Switch && !is_answer(value) => {
                return Err(format!("{name} is $true or $false, not '{}'", text(value)));
            }
            PsValue::TimeSpan(ticks) => PsValue::I64(ticks / TICKS_PER_MILLISECOND),
            _ => value.clone(),
        };
        values.push((name, value));
    }
    Bound::by_name(&info, values).map_err(|failure| failure.message)
}

fn ps_object(local: &Local, call: &Bound) -> Result<PsObject, Box<Failure>> {
    check_ps(local, call)?;
    let time = |name: &str, default: i64| {
        PsValue::TimeSpan(call.integer(name).unwrap_or(default).saturating_mul(TICKS_PER_MILLISECOND))
    };
    let given = |name: &str| call.get(name).cloned().unwrap_or_default();
    let one_of = |name: &str, default: PsValue| call.get(name).cloned().unwrap_or(default);
    let number = |name: &str, default: i32| call.get(name).cloned().unwrap_or_else(|| default.into());
    let buffering = ps_enum("System.Management.Automation.Runspaces.OutputBufferingMode", "None", 0);
    let access = ps_enum("System.Management.Automation.Remoting.ProxyAccessType", "None", 0);
    let negotiate = ps_enum("System.Management.Automation.Runspaces.AuthenticationMechanism", "Negotiate", 2);
    let mut object = PsObject::typed([PS_OPTION, "System.Object"])
        .with_to_string(PS_OPTION)
        .with_adapted("MaximumConnectionRedirectionCount", number("MaximumRedirection", 5))
        .with_adapted("NoCompression", call.switch("NoCompression"))
        .with_adapted("NoMachineProfile", call.switch("NoMachineProfile"))
        .with_adapted("ProxyAccessType", one_of("ProxyAccessType", access))
        .with_adapted("ProxyAuthentication", one_of("ProxyAuthentication", negotiate))
        .with_adapted("ProxyCredential", given("ProxyCredential"))
        .with_adapted("SkipCACheck", call.switch("SkipCACheck"))
        .with_adapted("SkipCNCheck", call.switch("SkipCNCheck"))
        .with_adapted("SkipRevocationCheck", call.switch("SkipRevocationCheck"))
        .with_adapted("OperationTimeout", time("OperationTimeout", 180_000))
        .with_adapted("NoEncryption", call.switch("NoEncryption"))
        .with_adapted("UseUTF16", call.switch("UseUTF16"))
        .with_adapted("IncludePortInSPN", call.switch("IncludePortInSPN"))
        .with_adapted("OutputBufferingMode", one_of("OutputBufferingMode", buffering))
        .with_adapted("MaxConnectionRetryCount", number("MaxConnectionRetryCount", 5))
        .with_adapted("Culture", given("Culture"))
        .with_adapted("UICulture", given("UICulture"))
        .with_adapted("MaximumReceivedDataSizePerCommand", given("MaximumReceivedDataSizePerCommand"))
        .with_adapted("MaximumReceivedObjectSize", number("MaximumReceivedObjectSize", 200 << 20))
        .with_adapted("ApplicationArguments", given("ApplicationArguments"))
        .with_adapted("OpenTimeout", time("OpenTimeout", 180_000))
        .with_adapted("CancelTimeout", time("CancelTimeout", 60_000))
        .with_adapted("IdleTimeout", time("IdleTimeout", -1));
    if call.has("RetryWindow") {
        object = object.with_adapted("RetryWindow", time("RetryWindow", 0));
    }
    Ok(object)
}

fn check_ps(local: &Local, call: &Bound) -> Result<(), Box<Failure>> {
    let access = call.text("ProxyAccessType").filter(|access| !access.eq_ignore_ascii_case("None"));
    if call.get("ProxyCredential").is_some_and(|value| !value.is_null()) && access.is_none() {
        return Err(argument(
            local,
            "InvalidParameterCombination",
            "-ProxyCredential needs a proxy: name one with -ProxyAccessType",
        ));
    }
    let authentication = call.text("ProxyAuthentication").unwrap_or_else(|| "Negotiate".to_owned());
    if !["Negotiate", "Basic", "Digest"].contains(&authentication.as_str()) {
        return Err(argument(
            local,
            "InvalidProxyAuthentication",
            format!("a proxy cannot be authenticated to by {authentication}: use Negotiate, Basic or Digest"),
        ));
    }
    match call.integer("IdleTimeout") {
        Some(idle) if idle != -1 && idle < 60_000 => Err(argument(
            local,
            "InvalidIdleTimeout",
            format!(
                "-IdleTimeout {idle} is too short: it is -1 for the host's own, or at least 60000 milliseconds"
            ),
        )),
        _ => Ok(()),
    }
}

fn cim(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let object = cim_object(local, call).map_err(|failure| cx.fail(*failure))?;
    cx.write(object)
}

fn cim_object(local: &Local, call: &Bound) -> Result<PsObject, Box<Failure>> {
    let protocol = call.text("Protocol");
    let dcom = call.set() == "DcomParameterSet"
        || protocol.as_deref().is_some_and(|protocol| protocol.eq_ignore_ascii_case("Dcom"));
    let given = |name: &str| call.get(name).cloned().unwrap_or_default();
    let on = |name: &str| call.get(name).and_then(PsValue::as_bool).unwrap_or(true);
    let type_name = if dcom { DCOM_OPTION } else { WSMAN_OPTION };
    let object = PsObject::typed([type_name, CIM_OPTION, "System.Object"]).with_to_string(type_name);
    let object = if dcom {
        let impersonate =
            ps_enum("Microsoft.Management.Infrastructure.Options.ImpersonationType", "Impersonate", 3);
        object
            .with_adapted("PacketPrivacy", on("PacketPrivacy"))
            .with_adapted("PacketIntegrity", on("PacketIntegrity"))
            .with_adapted("Impersonation", call.get("Impersonation").cloned().unwrap_or(impersonate))
    } else {
        if call.text("ProxyCertificateThumbprint").is_some_and(|text| !text.is_empty()) {
            let message = "-ProxyCertificateThumbprint is not supported: proxies are spoken to without TLS, \
                           use -ProxyCredential";
            return Err(argument(local, "ProxyCertificateNotSupported", message));
        }
        if call.get("ProxyCredential").is_some_and(|value| !value.is_null())
            && call.text("ProxyType").is_none_or(|kind| kind == "None")
        {
            let message = "-ProxyCredential needs a proxy: name one with -ProxyType";
            return Err(argument(local, "InvalidParameterCombination", message));
        }
        object
            .with_adapted("CertCACheck", !call.switch("SkipCACheck"))
            .with_adapted("CertCNCheck", !call.switch("SkipCNCheck"))
            .with_adapted("CertRevocationCheck", !call.switch("SkipRevocationCheck"))
            .with_adapted("SkipCACheck", call.switch("SkipCACheck"))
            .with_adapted("SkipCNCheck", call.switch("SkipCNCheck"))
            .with_adapted("SkipRevocationCheck", call.switch("SkipRevocationCheck"))
            .with_adapted("NoEncryption", call.switch("NoEncryption"))
            .with_adapted("UseSsl", call.switch("UseSsl"))
            .with_adapted("EncodePortInServicePrincipalName", call.switch("EncodePortInServicePrincipalName"))
            .with_adapted("Encoding", call.get("Encoding").map_or_else(|| "Default".to_owned(), text))
            .with_adapted("HttpPrefix", given("HttpPrefix"))
            .with_adapted("MaxEnvelopeSizeKB", given("MaxEnvelopeSizeKB"))
            .with_adapted("ProxyType", given("ProxyType"))
            .with_adapted("ProxyAuthentication", given("ProxyAuthentication"))
            .with_adapted("ProxyCredential", given("ProxyCredential"))
    };
    Ok(object
        .with_adapted("Culture", given("Culture"))
        .with_adapted("UICulture", given("UICulture"))
        .with_adapted("Protocol", if dcom { "Dcom" } else { "Wsman" }))
}
