//! The way to a computer of subcommands that are no cmdlets.

use anyhow::{Context, Result};
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

    /// Goes where a place as winrs.exe takes it leads, `[http[s]://]NAME[:PORT]`, and gives the name.
    pub(crate) fn lead(&mut self, place: &str) -> Result<String> {
        let scheme = |name: &str| {
            let (before, rest) = place.split_at_checked(name.len())?;
            before.eq_ignore_ascii_case(name).then_some(rest)
        };
        let (is_secure, rest) = match (scheme("https://"), scheme("http://")) {
            (Some(rest), _) => (Some(true), rest),
            (None, Some(rest)) => (Some(false), rest),
            (None, None) => (None, place),
        };
        self.use_ssl = is_secure.unwrap_or(self.use_ssl);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // An address of IPv6 has colons of its own, unless brackets hold it.
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
            _ => (rest, None),
        };
        if let Some(port) = port {
            let number = port.parse().ok().filter(|number| *number > 0);
            self.port = Some(number.with_context(|| format!("'{port}' is no port"))?);
        }
        Ok(name.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_winrs() {
        for (place, name, port, is_secure) in [
            ("srv1", "srv1", 5985, false),
            ("srv1:81", "srv1", 81, false),
            ("HTTPS://srv1", "srv1", 5986, true),
            ("http://srv1:80/", "srv1", 80, false),
            ("fe80::1", "fe80::1", 5985, false),
            ("[fe80::1]:99", "[fe80::1]", 99, false),
        ] {
            let mut way = PlainWay { port: None, use_ssl: false, authentication: None };
            assert_eq!(way.lead(place).unwrap(), name);
            assert_eq!((way.port(), way.is_secure()), (port, is_secure), "{place}");
        }
        let mut way = PlainWay { port: None, use_ssl: false, authentication: None };
        assert!(way.lead("srv1:http").is_err());
    }
}
