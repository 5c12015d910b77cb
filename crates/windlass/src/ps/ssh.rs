//! The PowerShell of another computer behind the program `ssh`: the parameters of `New-PSSession -HostName`.

use std::path::{Path, PathBuf};

use super::process::ProcessCommand;
use crate::error::{Error, Result};

/// The subsystem of an SSH server that is PowerShell.
const SUBSYSTEM: &str = "powershell";

/// How `ssh` is asked to reach the PowerShell of another computer. Its configuration, agent and known hosts are
/// used as always; it asks for passwords on the terminal.
///
/// ```
/// use windlass::{ProcessCommand, PsSession, SshConnection};
///
/// # fn main() -> windlass::Result<()> {
/// let srv1 = SshConnection::new("alice@srv1:2222")?.key_file("/home/alice/.ssh/id_ed25519");
/// let session = PsSession::process(ProcessCommand::from(srv1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshConnection {
    host: String,
    user: Option<String>,
    port: Option<u16>,
    key_file: Option<PathBuf>,
    subsystem: String,
    options: Vec<(String, String)>,
}

impl SshConnection {
    /// A computer as `[ssh://][USER@]HOST[:PORT]`, an IPv6 address in brackets where a port follows.
    ///
    /// # Errors
    /// The text names no computer, or `ssh` would take it for an option.
    pub fn new(place: &str) -> Result<Self> {
        let refused =
            |reason: &str| Error::usage(format!("{place:?} is no computer to reach over SSH: {reason}"));
        let rest = place.strip_prefix("ssh://").unwrap_or(place).trim_end_matches('/');
        let (user, address) = match rest.rsplit_once('@') {
            Some((user, address)) => (Some(user.to_owned()), address),
            None => (None, rest),
        };
        let (host, port) =
            split_port(address).ok_or_else(|| refused("its port is not a number from 1 to 65535"))?;
        if host.is_empty() {
            return Err(refused("it has no name"));
        }
        if host.starts_with('-') || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(refused("no computer is called so"));
        }
        let host = host.to_owned();
        Ok(Self { host, user, port, key_file: None, subsystem: SUBSYSTEM.to_owned(), options: Vec::new() })
    }

    /// The computer.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The user to log on as, unless the place named one.
    #[must_use]
    pub fn user(mut self, user: &str) -> Self {
        self.user.get_or_insert_with(|| user.to_owned());
        self
    }

    /// The port of the SSH server, unless the place named one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port.get_or_insert(port);
        self
    }

    /// The file with the private key.
    #[must_use]
    pub fn key_file(mut self, path: impl AsRef<Path>) -> Self {
        self.key_file = Some(path.as_ref().to_owned());
        self
    }

    /// The subsystem of the server that runs PowerShell, `powershell` unless said otherwise.
    #[must_use]
    pub fn subsystem(mut self, subsystem: &str) -> Self {
        subsystem.clone_into(&mut self.subsystem);
        self
    }

    /// An option of ssh_config(5), such as `StrictHostKeyChecking` and `yes`.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.options.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl From<SshConnection> for ProcessCommand {
    fn from(ssh: SshConnection) -> Self {
        let mut command = Self::new("ssh").named(&ssh.host).argument("-x");
        if let Some(user) = &ssh.user {
            command = command.argument("-l").argument(user);
        }
        if let Some(port) = ssh.port {
            command = command.argument("-p").argument(&port.to_string());
        }
        if let Some(path) = &ssh.key_file {
            command = command.argument("-i").argument(&path.to_string_lossy());
        }
        for (name, value) in &ssh.options {
            command = command.argument("-o").argument(&format!("{name}={value}"));
        }
        command.argument("-s").argument("--").argument(&ssh.host).argument(&ssh.subsystem)
    }
}

/// A host and its port; nothing where what should be a port is none.
fn split_port(address: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match address.split_once(':') {
            // More than one colon: an IPv6 address alone.
            Some((_, rest)) if rest.contains(':') => (address, None),
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    match port {
        None => Some((host, None)),
        Some(port) => Some((host, Some(port.parse().ok().filter(|port| *port != 0)?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_powershell_reads_them() {
        let cases = [
            ("srv1", "srv1", None, None),
            ("alice@srv1", "srv1", Some("alice"), None),
            ("alice@corp.example@srv1:2222", "srv1", Some("alice@corp.example"), Some(2222)),
            ("ssh://srv1:22/", "srv1", None, Some(22)),
            ("[fe80::1]:22", "fe80::1", None, Some(22)),
            ("fe80::1", "fe80::1", None, None),
        ];
        for (place, host, user, port) in cases {
            let ssh = SshConnection::new(place).unwrap();
            assert_eq!((ssh.host.as_str(), ssh.user.as_deref(), ssh.port), (host, user, port), "{place}");
        }
        for place in
            ["", "alice@", "-oProxyCommand=id", "alice@-x", "srv1:0", "srv1:x", "a b", "[::1", "[::1]22"]
        {
            assert!(SshConnection::new(place).is_err(), "{place}");
        }
    }

    #[test]
    fn what_the_place_says_comes_before_the_parameters() {
        let ssh = SshConnection::new("alice@srv1:2222").unwrap().user("bob").port(22);
        assert_eq!((ssh.user.as_deref(), ssh.port), (Some("alice"), Some(2222)));
    }

    #[test]
    fn options_stand_before_the_host_and_nothing_is_taken_for_one() {
        let ssh = SshConnection::new("srv1")
            .unwrap()
            .user("-v")
            .port(2222)
            .key_file("/k")
            .option("BatchMode", "yes");
        let expected = ProcessCommand::new("ssh")
            .named("srv1")
            .arguments([
                "-x",
                "-l",
                "-v",
                "-p",
                "2222",
                "-i",
                "/k",
                "-o",
                "BatchMode=yes",
                "-s",
                "--",
                "srv1",
            ])
            .argument("powershell");
        assert_eq!(ProcessCommand::from(ssh), expected);
    }
}
