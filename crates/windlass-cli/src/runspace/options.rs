//! `New-PSSessionOption` and `New-CimSessionOption`: from their values to the options of sessions.

use std::time::Duration;

use windlass::net::{ProxyAccess, ProxyAuthentication, Timeouts};
use windlass::{CimSessionOptions, Credential, DcomOptions, PsSessionOptions, Target};
use windlass_clixml::PsValue;
use windlass_mock::powershell::text;
use windlass_wsman::BufferMode;

use super::Local;
use crate::cmdlets::session_option;

/// A value among the options, whether they are an object or a hash table; null counts as not given.
fn option<'v>(options: &'v PsValue, name: &str) -> Option<&'v PsValue> {
    options.entry(name).or_else(|| options.get(name)).filter(|value| !value.is_null())
}

fn is_on(options: &PsValue, name: &str) -> bool {
    option(options, name).and_then(PsValue::as_bool).unwrap_or(false)
}

/// A time in milliseconds, or as a span of time; negative ones count as not given.
fn time(options: &PsValue, name: &str) -> Option<Duration> {
    match option(options, name)?.unwrapped() {
        PsValue::TimeSpan(ticks) => Some(Duration::from_micros(u64::try_from(*ticks / 10).ok()?)),
        other => Some(Duration::from_millis(u64::try_from(other.as_i64()?).ok()?)),
    }
}

/// Applies a `PSSessionOption`, or a hash table in its place, to a session and the way to it.
pub(crate) fn ps_options(
    local: &Local,
    given: &PsValue,
    options: &mut PsSessionOptions,
    target: &mut Target,
) -> Result<(), String> {
    let from_table;
    let given = match given.entries() {
        Some(entries) => {
            from_table = session_option::ps_of_entries(local, entries)?;
            &from_table
        }
        None => given,
    };
    // Zero means no limit.
    if let Some(limit) = time(given, "OpenTimeout") {
        options.wsman.open_timeout = (!limit.is_zero()).then_some(limit);
        if limit.is_zero() {
            target.set_timeouts(Timeouts::default());
        }
    }
    if let Some(limit) = time(given, "OperationTimeout") {
        options.wsman.operation_timeout = if limit.is_zero() { Duration::from_secs(86_400) } else { limit };
    }
    if let Some(limit) = time(given, "CancelTimeout") {
        options.wsman.cancel_timeout = limit;
    }
    options.idle_timeout = time(given, "IdleTimeout").or(options.idle_timeout);
    if let Some(window) = time(given, "RetryWindow") {
        options.retry_window = window;
    }
    let number = |name| option(given, name).and_then(PsValue::as_i64);
    if let Some(count) = number("MaxConnectionRetryCount") {
        options.max_connection_retry_count =
            u32::try_from(count).map_err(|_| "MaxConnectionRetryCount is negative")?;
    }
    if let Some(size) = number("MaximumReceivedObjectSize") {
        options.max_received_object_size =
            usize::try_from(size).map_err(|_| "MaximumReceivedObjectSize is negative")?;
    }
    if let Some(size) = number("MaximumReceivedDataSizePerCommand") {
        options.max_received_data_size_per_command =
            Some(u64::try_from(size).map_err(|_| "MaximumReceivedDataSizePerCommand is negative")?);
    }
    match option(given, "OutputBufferingMode").map(text).as_deref() {
        Some("Drop") => options.output_buffering = Some(BufferMode::Drop),
        Some("Block") => options.output_buffering = Some(BufferMode::Block),
        _ => {}
    }
    options.wsman.compress = !is_on(given, "NoCompression");
    options.no_machine_profile |= is_on(given, "NoMachineProfile");
    options.wsman.use_utf16 |= is_on(given, "UseUTF16");
    if let Some(culture) = option(given, "Culture") {
        options.wsman.culture = text(culture);
    }
    if let Some(culture) = option(given, "UICulture") {
        options.wsman.ui_culture = text(culture);
    }
    if let Some(entries) = option(given, "ApplicationArguments").and_then(PsValue::entries) {
        options.application_arguments =
            entries.iter().map(|(key, value)| (text(key), value.clone())).collect();
    }
    if is_on(given, "SkipCACheck") {
        target.set_skip_ca_check(true);
    }
    if is_on(given, "SkipCNCheck") {
        target.set_skip_cn_check(true);
    }
    if is_on(given, "SkipRevocationCheck") {
        target.set_skip_revocation_check(true);
    }
    set_proxy(local, given, "ProxyAccessType", target)?;
    if is_on(given, "NoEncryption") {
        target.set_allow_unencrypted(true);
    }
    if is_on(given, "IncludePortInSPN") {
        target.set_include_port_in_spn(true);
    }
    Ok(())
}

/// How many redirections the options allow: -1 stands for any number.
pub(crate) fn redirections(given: Option<&PsValue>) -> u32 {
    let count = given.and_then(|given| {
        option(given, "MaximumConnectionRedirectionCount").or_else(|| option(given, "MaximumRedirection"))
    });
    match count.and_then(PsValue::as_i64) {
        None => Target::DEFAULT_REDIRECTIONS,
        Some(count) => u32::try_from(count).unwrap_or(u32::MAX),
    }
}

/// The proxy that the options ask for: those of the system, or none.
fn set_proxy(local: &Local, given: &PsValue, access: &str, target: &mut Target) -> Result<(), String> {
    let wanted = option(given, access).map(text).unwrap_or_default();
    if wanted.is_empty() || ["None", "NoProxyServer"].iter().any(|none| wanted.eq_ignore_ascii_case(none)) {
        return Ok(());
    }
    let authentication = match option(given, "ProxyAuthentication").map(text).as_deref() {
        Some("Basic") => ProxyAuthentication::Basic,
        Some("Digest") => ProxyAuthentication::Digest,
        _ => ProxyAuthentication::Negotiate,
    };
    let credential = match option(given, "ProxyCredential") {
        Some(value) => {
            let login = super::login_of(local, value).map_err(|failure| failure.message)?;
            Some(Credential::password(&login.user, login.password))
        }
        None => None,
    };
    target.set_proxy(ProxyAccess::System(credential, authentication));
    Ok(())
}

/// Whether a `CimSessionOptions` asks for DCOM.
pub(crate) fn wants_dcom(given: &PsValue) -> bool {
    option(given, "Protocol").map(text).is_some_and(|protocol| protocol.eq_ignore_ascii_case("Dcom"))
}

/// How calls over DCOM are protected. They are always protected against changes, even where `PacketIntegrity`
/// is off.
pub(crate) fn dcom_options(given: &PsValue) -> Result<DcomOptions, String> {
    let mut options = DcomOptions::default();
    if let Some(privacy) = option(given, "PacketPrivacy").and_then(PsValue::as_bool) {
        options.packet_privacy = privacy;
    }
    match option(given, "Impersonation").map(text) {
        Some(kind) if !["Default", "Impersonate"].iter().any(|known| kind.eq_ignore_ascii_case(known)) => {
            Err(format!("-Impersonation {kind} is not supported over DCOM: use Impersonate or Default"))
        }
        _ => Ok(options),
    }
}

/// Applies a `CimSessionOptions` to a session and the way to it.
pub(crate) fn cim_options(
    local: &Local,
    given: &PsValue,
    options: &mut CimSessionOptions,
    target: &mut Target,
) -> Result<(), String> {
    let size = option(given, "MaxEnvelopeSizeKB").and_then(PsValue::as_u64).filter(|size| *size > 0);
    if let Some(size) = size {
        options.wsman.max_envelope_size = size.saturating_mul(1024);
    }
    options.wsman.use_utf16 |= option(given, "Encoding").map(text).as_deref() == Some("Utf16");
    if let Some(prefix) = option(given, "HttpPrefix").map(text).filter(|prefix| !prefix.is_empty()) {
        target.set_application_name(&prefix);
    }
    if let Some(culture) = option(given, "Culture") {
        options.wsman.culture = text(culture);
    }
    if let Some(culture) = option(given, "UICulture") {
        options.wsman.ui_culture = text(culture);
    }
    if is_on(given, "UseSsl") {
        target.set_use_ssl(true);
    }
    // In PowerShell `-SkipCACheck:$false` skips nevertheless; here the value counts.
    if is_on(given, "SkipCACheck") {
        target.set_skip_ca_check(true);
    }
    if is_on(given, "SkipCNCheck") {
        target.set_skip_cn_check(true);
    }
    if is_on(given, "SkipRevocationCheck") {
        target.set_skip_revocation_check(true);
    }
    set_proxy(local, given, "ProxyType", target)?;
    if is_on(given, "NoEncryption") {
        target.set_allow_unencrypted(true);
    }
    if is_on(given, "EncodePortInServicePrincipalName") {
        target.set_include_port_in_spn(true);
    }
    Ok(())
}
