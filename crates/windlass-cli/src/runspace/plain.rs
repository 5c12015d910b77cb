//! The way to a computer of subcommands that are no cmdlets.

use anyhow::Result;
use clap::Args;
use windlass::{Authentication, Credential, Target};

use super::Local;
use super::reach::{default_credential, described, logon, mechanism};

/// How to reach the computer.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlainWay {
    /// TCP port [default: 5985, or 5986 with -UseSSL]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Connect over HTTPS
    #[arg(long, alias = "ssl")]
    use_ssl: bool,
    /// How to log on: Negotiate, Kerberos, Ntlm, Basic, Digest or Credssp
    #[arg(long, value_name = "NAME", value_parser = known_mechanism)]
    authentication: Option<Authentication>,
}

impl PlainWay {
    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.use_ssl { 5986 } else { 5985 })
    }

    /// How to log on.
    pub(crate) fn authentication(&self) -> Authentication {
        self.authentication.unwrap_or_default()
    }

    /// Whether TLS is spoken there.
    pub(crate) fn is_secure(&self) -> bool {
        self.use_ssl
    }

    /// Who logs on there.
    pub(crate) fn credential(&self, local: &Local) -> Option<Credential> {
        default_credential(local)
    }

    /// Who logs on there, and how: for people.
    pub(crate) fn logon(&self, local: &Local) -> String {
        logon(self.authentication(), default_credential(local).as_ref())
    }

    /// The computer, with who logs on where no cmdlet names a credential.
    pub(crate) fn target(&self, local: &Local, computer: &str) -> Result<Target> {
        let mut target = Target::computer(computer);
        local.prepare(&mut target)?;
        if let Some(port) = self.port {
            target.set_port(port);
        }
        target.set_use_ssl(self.use_ssl).set_authentication(self.authentication());
        // What is tried one after the other shares the tickets.
        if let Ok(kerberos) = windlass::kerberos::from_environment() {
            target.set_kerberos(kerberos);
        }
        if let Some(credential) = default_credential(local) {
            target.set_credential(credential);
        }
        Ok(target)
    }

    /// Where a target is, and who would log on there: for people.
    pub(crate) fn described(&self, local: &Local, target: &Target) -> Result<String> {
        Ok(described(local, target, &self.logon(local))?)
    }
}

fn known_mechanism(name: &str) -> Result<Authentication, &'static str> {
    mechanism(name).ok_or("it is Negotiate, Kerberos, Ntlm, Basic, Digest or Credssp")
}
