//! Computers that a call reaches over SSH: `-HostName` with its parameters, and `-SSHConnection`.

use std::time::Duration;

use windlass::{ProcessCommand, PsSessionOptions, SshConnection, Target};
use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Failure, text};

use super::{Local, Recipe, argument};

/// What PowerShell calls the endpoint behind SSH.
const CONFIGURATION: &str = "DefaultShell";
/// What the hash tables of -SSHConnection hold.
const KEYS: [&str; 9] = [
    "HostName",
    "ComputerName",
    "UserName",
    "KeyFilePath",
    "IdentityFilePath",
    "Port",
    "Subsystem",
    "ConnectingTimeout",
    "Options",
];

/// Whether a call goes over SSH.
pub(crate) fn is_over_ssh(call: &Bound) -> bool {
    call.has("HostName") || call.has("SSHConnection")
}

/// What it takes to open PSSessions over SSH with the computers that a call names.
pub(crate) fn ssh_recipes(local: &Local, call: &Bound) -> Result<Vec<Recipe>, Box<Failure>> {
    let refused = |reason: String| argument(local, "InvalidArgument", reason);
    let mut recipes = Vec::new();
    for name in call.texts("HostName") {
        recipes.push(recipe(local, &name, |key| call.get(key)).map_err(refused)?);
    }
    for table in call.list("SSHConnection") {
        let entries =
            table.entries().ok_or_else(|| refused("-SSHConnection takes hash tables".to_owned()))?;
        let is_known = |key: &str| KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
        if let Some(key) = entries.iter().map(|(key, _)| text(key)).find(|key| !is_known(key)) {
            return Err(refused(format!("-SSHConnection knows no {key}: it takes {}", KEYS.join(", "))));
        }
        let name =
            table.entry("HostName").or_else(|| table.entry("ComputerName")).map(text).unwrap_or_default();
        recipes.push(recipe(local, &name, |key| table.entry(key)).map_err(refused)?);
    }
    Ok(recipes)
}

fn recipe<'v>(
    local: &Local,
    name: &str,
    given: impl Fn(&str) -> Option<&'v PsValue>,
) -> Result<Recipe, String> {
    let given = |key: &str| given(key).filter(|value| !value.is_null());
    let mut ssh = SshConnection::new(name).map_err(|error| error.to_string())?;
    if let Some(user) = given("UserName") {
        ssh = ssh.user(&text(user));
    }
    if let Some(port) = given("Port") {
        let number = port.as_i64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        ssh = ssh.port(number.ok_or_else(|| format!("-Port {} is not from 1 to 65535", text(port)))?);
    }
    if let Some(path) = given("KeyFilePath").or_else(|| given("IdentityFilePath")) {
        let path = local.path_of(text(path));
        if !path.is_file() {
            return Err(format!("-KeyFilePath {}: there is no such file", path.display()));
        }
        ssh = ssh.key_file(path);
    }
    if let Some(subsystem) = given("Subsystem") {
        ssh = ssh.subsystem(&text(subsystem));
    }
    if let Some(options) = given("Options") {
        let entries = options.entries().ok_or("-Options takes a hash table of options of ssh")?;
        ssh = entries.iter().fold(ssh, |ssh, (name, value)| ssh.option(&text(name), &text(value)));
    }
    let mut options = PsSessionOptions::default();
    // As in PowerShell, what is not positive means no limit.
    if let Some(limit) = given("ConnectingTimeout").and_then(PsValue::as_i64) {
        options.wsman.open_timeout =
            u64::try_from(limit).ok().filter(|limit| *limit > 0).map(Duration::from_millis);
    }
    Ok(Recipe {
        computer: ssh.host().to_owned(),
        target: Target::computer(ssh.host()),
        configuration: CONFIGURATION.to_owned(),
        options,
        host: local.terminal.info(),
        program: Some(ProcessCommand::from(ssh)),
    })
}
