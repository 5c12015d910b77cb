//! The configuration file: defaults, host groups, where names lead.
//!
//! It never holds a password: name a file with `credential_file`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Deserialize;

use crate::cli::Format;

/// The variable that names another file; an empty one means none.
const VARIABLE: &str = "WINDLASS_CONFIG";

/// What the file may say.
pub(crate) const HELP: &str = "Configuration:
  ~/.config/windlass/config.toml (XDG_CONFIG_HOME counts; WINDLASS_CONFIG names another file). Options win
  over it, and so does the environment. All of it may be left out:

    [defaults]
    credential = 'CORP\\alice'            # who logs on; the password is asked for
    credential_file = '~/.windlass-alice' # or user and password, a line each, mode 0600
    keytab = '/etc/windlass.keytab'       # or keys for Kerberos
    output = 'table'
    ca_file = '/etc/ssl/corp.pem'
    trusted_hosts = ['10.1.*', '<local>']
    no_encryption = false
    skip_ca_check = false
    skip_cn_check = false
    forbid_ntlm = false
    spn_class = 'HTTP'

    [groups]                              # -ComputerName web means both
    web = ['srv1', 'srv2']

    [resolve]                             # as --resolve does
    srv1 = '10.1.0.5:5985'

    [resolve_rpc]                         # as --resolve-rpc does
    srv1 = '10.1.0.5'";

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConfigFile {
    pub(crate) defaults: FileDefaults,
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    pub(crate) resolve: BTreeMap<String, String>,
    pub(crate) resolve_rpc: BTreeMap<String, String>,
}

/// Its table of defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileDefaults {
    pub(crate) credential: Option<String>,
    pub(crate) credential_file: Option<PathBuf>,
    pub(crate) keytab: Option<PathBuf>,
    output: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) trusted_hosts: Vec<String>,
    pub(crate) no_encryption: bool,
    pub(crate) skip_ca_check: bool,
    pub(crate) skip_cn_check: bool,
    pub(crate) forbid_ntlm: bool,
    pub(crate) spn_class: Option<String>,
}

impl ConfigFile {
    /// Reads the user's file; one that is not there says nothing.
    pub(crate) fn read() -> Result<Self> {
        let (path, is_named) = match std::env::var_os(VARIABLE) {
            Some(path) if path.is_empty() => return Ok(Self::default()),
            Some(path) => (PathBuf::from(path), true),
            None => match folder() {
                Some(folder) => (folder.join("config.toml"), false),
                None => return Ok(Self::default()),
            },
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("{}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut file: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            anyhow::anyhow!("line {line}: {}", error.message())
        })?;
        if let Some(name) = &file.defaults.output
            && Format::from_str(name, true).is_err()
        {
            bail!("output is table, list, json, ndjson, csv or clixml, not '{name}'");
        }
        for path in
            [&mut file.defaults.credential_file, &mut file.defaults.keytab, &mut file.defaults.ca_file]
        {
            *path = path.take().map(|path| at_home(&path));
        }
        Ok(file)
    }

    /// How results are printed.
    pub(crate) fn output(&self) -> Option<Format> {
        self.defaults.output.as_deref().and_then(|name| Format::from_str(name, true).ok())
    }
}

/// The folder of the user's configuration.
pub(crate) fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(base.join("windlass"))
}

/// `~/` at the start is the user's home.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// The computers that names stand for: a group's name stands for its members, which may be groups too. Each
/// group counts once.
pub(crate) fn members(groups: &BTreeMap<String, Vec<String>>, names: Vec<String>) -> Vec<String> {
    let mut waiting: Vec<String> = names.into_iter().rev().collect();
    let (mut found, mut opened) = (Vec::new(), Vec::new());
    while let Some(name) = waiting.pop() {
        let group = groups.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
        match group {
            Some((known, members)) if !opened.contains(&known) => {
                opened.push(known);
                waiting.extend(members.iter().rev().cloned());
            }
            // A group that holds its own name means the computer of that name.
            _ => found.push(name),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_help_is_a_configuration() {
        let example = HELP.split_once("left out:").unwrap().1;
        let file = ConfigFile::parse(example).unwrap();
        assert_eq!(file.defaults.credential.as_deref(), Some("CORP\\alice"));
        assert_eq!(file.output(), Some(Format::Table));
        assert_eq!(file.groups["web"], ["srv1", "srv2"]);
        assert_eq!(file.resolve["srv1"], "10.1.0.5:5985");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (text, said) in [
            ("[defaults]\ncolour = 1\n", "line 2: unknown field `colour`"),
            ("[groups]\n\nweb = 'srv1'\n", "line 3: "),
            ("[defaults\n", "line 1: "),
            ("[defaults]\noutput = 'pretty'\n", "output is table, list"),
        ] {
            let error = ConfigFile::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn groups_become_their_members() {
        let groups: BTreeMap<String, Vec<String>> =
            [("web", vec!["srv1", "srv2"]), ("all", vec!["web", "db"]), ("db", vec!["db", "all"])]
                .map(|(name, members)| (name.to_owned(), members.into_iter().map(str::to_owned).collect()))
                .into();
        for (names, expected) in [
            (&["srv9"][..], &["srv9"][..]),
            (&["WEB", "srv9"], &["srv1", "srv2", "srv9"]),
            (&["all"], &["srv1", "srv2", "db", "all"]),
        ] {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(members(&groups, names), expected);
        }
    }
}
