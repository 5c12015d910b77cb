//! `krb5.conf`: which realm a host belongs to and where the KDCs of a realm are.

use std::collections::BTreeMap;

use super::NAME;
use crate::AuthError;

/// No file is longer, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Braces nest no deeper.
const MAX_DEPTH: usize = 16;
/// The largest request that goes over UDP, in bytes, where the file does not say.
const UDP_PREFERENCE_LIMIT: usize = 1465;
/// How far clocks may be apart, in seconds, where the file does not say.
const CLOCK_SKEW: u32 = 300;

/// What a client or service has to know of its realms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Krb5Config {
    /// The realm of names that come without one.
    pub default_realm: Option<String>,
    /// The KDCs of each realm as `host`, `host:port`, or either after `tcp/` or `udp/`.
    pub kdcs: BTreeMap<String, Vec<String>>,
    /// Hosts, and domains with a dot before them, to realms; in lower case.
    pub domain_realm: BTreeMap<String, String>,
    /// Whether KDCs may be looked for in the DNS; not unless it is said.
    pub dns_lookup_kdc: Option<bool>,
    /// How far clocks may be apart, in seconds.
    pub clock_skew: Option<u32>,
    /// The largest request that goes over UDP first, in bytes.
    pub udp_preference_limit: Option<usize>,
    /// Files and directories whose content belongs here, too, in the order in which they are named.
    pub includes: Vec<Include>,
}

/// A line that brings in other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    /// One file.
    File(String),
    /// Every file of a directory.
    Directory(String),
}

impl Krb5Config {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The file is too long or its braces do not match.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        let mut config = Self::default();
        config.add(text)?;
        Ok(config)
    }

    /// Adds a further file. What an earlier one says stands.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn add(&mut self, text: &str) -> Result<(), AuthError> {
        if text.len() > MAX_SIZE {
            return Err(AuthError::TooLarge { what: "krb5.conf", actual: text.len(), limit: MAX_SIZE });
        }
        let mut section = String::new();
        let mut path: Vec<String> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[') {
                if !path.is_empty() {
                    return Err(malformed("a section begins inside braces"));
                }
                name.split(']').next().unwrap_or_default().trim().clone_into(&mut section);
            } else if line.starts_with('}') {
                path.pop().ok_or_else(|| malformed("a brace closes that was not opened"))?;
            } else if let Some(include) = include(line) {
                self.includes.push(include);
            } else if let Some((name, value)) = line.split_once('=') {
                let name = name.trim().trim_end_matches('*');
                let value = value.trim();
                if value == "{" {
                    if path.len() == MAX_DEPTH {
                        return Err(malformed("braces nest too deep"));
                    }
                    path.push(name.to_owned());
                } else {
                    self.set(&section, &path, name, unquote(value));
                }
            }
        }
        if !path.is_empty() {
            return Err(malformed("a brace is not closed"));
        }
        Ok(())
    }

    /// Takes one setting, unless an earlier one stands.
    fn set(&mut self, section: &str, path: &[String], name: &str, value: &str) {
        match (section, path, name) {
            ("libdefaults", [], "default_realm") => {
                self.default_realm.get_or_insert_with(|| value.to_owned());
            }
            ("libdefaults", [], "dns_lookup_kdc") => {
                self.dns_lookup_kdc.get_or_insert_with(|| is_true(value));
            }
            ("libdefaults", [], "clockskew") => {
                self.clock_skew = self.clock_skew.or_else(|| value.parse().ok());
            }
            ("libdefaults", [], "udp_preference_limit") => {
                self.udp_preference_limit = self.udp_preference_limit.or_else(|| value.parse().ok());
            }
            ("realms", [realm], "kdc" | "master_kdc" | "primary_kdc") => {
                let kdcs = self.kdcs.entry(realm.clone()).or_default();
                for kdc in value.split_whitespace() {
                    if !kdcs.iter().any(|known| known == kdc) {
                        kdcs.push(kdc.to_owned());
                    }
                }
            }
            ("domain_realm", [], domain) => {
                self.domain_realm.entry(domain.to_lowercase()).or_insert_with(|| value.to_owned());
            }
            _ => {}
        }
    }

    /// How far clocks may be apart, in seconds.
    pub fn clock_skew(&self) -> u32 {
        self.clock_skew.unwrap_or(CLOCK_SKEW)
    }

    /// The largest request that goes over UDP first, in bytes.
    pub fn udp_preference_limit(&self) -> usize {
        self.udp_preference_limit.unwrap_or(UDP_PREFERENCE_LIMIT)
    }

    /// The realm that a host is said to be in, by its own name or by the longest domain around it.
    pub fn realm_of_host(&self, host: &str) -> Option<&str> {
        let host = host.to_lowercase();
        let mut rest = host.trim_end_matches('.');
        loop {
            if let Some(realm) = self.domain_realm.get(rest) {
                return Some(realm);
            }
            rest = match rest.strip_prefix('.') {
                Some(bare) => bare,
                None => rest.get(rest.find('.')?..)?,
            };
        }
    }

    /// A realm that is configured under this name, whatever its case.
    pub fn find_realm(&self, name: &str) -> Option<&str> {
        self.kdcs
            .keys()
            .chain(self.default_realm.as_ref())
            .find(|realm| realm.eq_ignore_ascii_case(name))
            .map(String::as_str)
    }
}

fn include(line: &str) -> Option<Include> {
    let (word, rest) = line.split_once(char::is_whitespace)?;
    match word {
        "include" => Some(Include::File(rest.trim().to_owned())),
        "includedir" => Some(Include::Directory(rest.trim().to_owned())),
        _ => None,
    }
}

fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

fn is_true(value: &str) -> bool {
    ["1", "true", "t", "yes", "y", "on"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn malformed(reason: &'static str) -> AuthError {
    AuthError::Malformed { token: "krb5.conf", field: NAME, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# of the company
includedir /etc/krb5.conf.d/
[libdefaults]
    default_realm = CORP.EXAMPLE
    dns_lookup_kdc = no
    clockskew = 60
    default_realm = OTHER.EXAMPLE
[realms]
    CORP.EXAMPLE = {
        kdc = dc1.corp.example
        kdc = \"dc2.corp.example:8888\"
        auth_to_local = {
            kdc = not.a.kdc
        }
        admin_server = dc1.corp.example
    }
    SUB.CORP.EXAMPLE = {
        kdc = tcp/dc.sub.corp.example
    }
[domain_realm]
    .corp.example = CORP.EXAMPLE
    corp.example = CORP.EXAMPLE
    odd.corp.example = SUB.CORP.EXAMPLE
; the end
";

    #[test]
    fn a_file_is_read() {
        let config = Krb5Config::parse(FILE).unwrap();
        assert_eq!(config.default_realm.as_deref(), Some("CORP.EXAMPLE"));
        assert_eq!(config.clock_skew(), 60);
        assert_eq!(config.dns_lookup_kdc, Some(false));
        assert_eq!(config.kdcs["CORP.EXAMPLE"], ["dc1.corp.example", "dc2.corp.example:8888"]);
        assert_eq!(config.kdcs["SUB.CORP.EXAMPLE"], ["tcp/dc.sub.corp.example"]);
        assert_eq!(config.includes, [Include::Directory("/etc/krb5.conf.d/".to_owned())]);
        assert_eq!(config.find_realm("corp.example"), Some("CORP.EXAMPLE"));
    }

    #[test]
    fn hosts_are_in_the_realm_of_the_longest_domain() {
        let config = Krb5Config::parse(FILE).unwrap();
        for (host, realm) in [
            ("srv1.corp.example", Some("CORP.EXAMPLE")),
            ("SRV1.CORP.EXAMPLE.", Some("CORP.EXAMPLE")),
            ("corp.example", Some("CORP.EXAMPLE")),
            ("odd.corp.example", Some("SUB.CORP.EXAMPLE")),
            ("deep.odd.corp.example", Some("SUB.CORP.EXAMPLE")),
            ("srv1.example", None),
            ("", None),
        ] {
            assert_eq!(config.realm_of_host(host), realm, "{host}");
        }
    }

    #[test]
    fn what_comes_first_stands() {
        let mut config = Krb5Config::parse(FILE).unwrap();
        config.add("[libdefaults]\ndefault_realm = X\nclockskew=9\n[realms]\nX = {\nkdc = x:1\n}\n").unwrap();
        assert_eq!(config.default_realm.as_deref(), Some("CORP.EXAMPLE"));
        assert_eq!(config.clock_skew(), 60);
        assert_eq!(config.kdcs["X"], ["x:1"]);
    }

    #[test]
    fn braces_have_to_match() {
        for bad in ["[realms]\nX = {\n", "}\n", "[realms]\nX = {\n[libdefaults]\n}"] {
            assert!(Krb5Config::parse(bad).is_err(), "{bad}");
        }
        let deep = "a = {\n".repeat(100);
        assert!(Krb5Config::parse(&format!("[realms]\n{deep}")).is_err());
    }
}
