//! The options that hold for every connection of a process: who logs on, where names lead, what is trusted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use windlass::net::NameMap;

use crate::cli::Format;
use crate::config::ConfigFile;
use crate::credential::{self, KeytabFile};
use crate::runspace::Defaults;

/// Where a variable names the user who logs on.
const USER_VARIABLE: &str = "WINDLASS_USER";

/// What holds for every connection, unless a cmdlet says otherwise.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DefaultOptions {
    /// Who logs on where no cmdlet names a credential: user, DOMAIN\user or user@domain
    #[arg(long, short = 'u', alias = "username", value_name = "USER")]
    pub(crate) credential: Option<String>,
    /// File with the user's name on the first line and the password on the second, readable by its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) credential_file: Option<PathBuf>,
    /// File with keys for Kerberos: the user of -Credential logs on with them instead of a password
    #[arg(long, value_name = "FILE")]
    pub(crate) keytab: Option<PathBuf>,
    /// Keep what is said over WS-Management in a file of this folder, without passwords
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Tell what would be sent, and where to, and send nothing
    #[arg(long)]
    pub(crate) what_if: bool,
    /// How results are printed, where the configuration file says so
    #[arg(skip)]
    pub(crate) output: Option<Format>,
    /// Names that stand for several computers
    #[arg(skip)]
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// Reach a computer name at an address, such as srv1=127.0.0.1 or srv1=127.0.0.1:5985; may be repeated
    #[arg(long, value_name = "NAME=ADDR[:PORT]")]
    pub(crate) resolve: Vec<String>,
    /// Reach a computer name over DCOM at another address, or through a resolver of RPC at another port than 135,
    /// such as srv1=127.0.0.1:9135; may be repeated
    #[arg(long, value_name = "NAME=ADDR[:PORT]")]
    pub(crate) resolve_rpc: Vec<String>,
    /// File with further certificate authorities to trust, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// File with revocation lists, in PEM; without one revocation is not checked
    #[arg(long, value_name = "FILE")]
    pub(crate) crl_file: Option<PathBuf>,
    /// Allow plain HTTP without message encryption
    #[arg(long, alias = "unencrypted")]
    pub(crate) no_encryption: bool,
    /// Accept a server certificate from an unknown authority
    #[arg(long)]
    pub(crate) skip_ca_check: bool,
    /// Accept a server certificate for another name
    #[arg(long)]
    pub(crate) skip_cn_check: bool,
    /// Do without NTLM: only Kerberos is left to Negotiate
    #[arg(long)]
    pub(crate) forbid_ntlm: bool,
    /// Class of the service that Kerberos asks tickets for, such as WSMAN or HOST [default: HTTP]
    #[arg(long, value_name = "CLASS")]
    pub(crate) spn_class: Option<String>,
    /// Write the secrets of TLS connections to a file, for tools that decrypt captures: who has it reads all
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key_log: Option<PathBuf>,
    /// Addresses that are trusted without TLS and Kerberos, with wildcards, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(crate) trusted_hosts: Vec<String>,
}

impl DefaultOptions {
    /// With what the configuration file says where neither an option nor the environment does.
    pub(crate) fn with_config(mut self) -> Result<Self> {
        let file = ConfigFile::read()?;
        self.output = file.output();
        let told = |entries: BTreeMap<String, String>| -> Vec<String> {
            entries.into_iter().map(|(name, place)| format!("{name}={place}")).collect()
        };
        // What comes later counts.
        self.resolve.splice(..0, told(file.resolve));
        self.resolve_rpc.splice(..0, told(file.resolve_rpc));
        let defaults = file.defaults;
        let is_named = self.credential.is_some()
            || self.credential_file.is_some()
            || std::env::var_os(USER_VARIABLE).is_some_and(|user| !user.is_empty());
        if !is_named {
            self.credential = defaults.credential;
            self.credential_file = defaults.credential_file;
        }
        self.keytab = self.keytab.or(defaults.keytab);
        self.ca_file = self.ca_file.or(defaults.ca_file);
        if self.trusted_hosts.is_empty() {
            self.trusted_hosts = defaults.trusted_hosts;
        }
        self.no_encryption |= defaults.no_encryption;
        self.skip_ca_check |= defaults.skip_ca_check;
        self.skip_cn_check |= defaults.skip_cn_check;
        self.forbid_ntlm |= defaults.forbid_ntlm;
        self.spn_class = self.spn_class.or(defaults.spn_class);
        self.groups = file.groups;
        Ok(self)
    }

    /// Reads the configuration file and those that it and the options name, and asks for a password where
    /// that is needed.
    pub(crate) fn resolve(&self) -> Result<Defaults> {
        self.clone().with_config()?.resolved()
    }

    /// The same where the configuration file has been read.
    pub(crate) fn resolved(&self) -> Result<Defaults> {
        let user = self.credential.clone().or_else(|| {
            std::env::var(USER_VARIABLE)
                .ok()
                .filter(|user| !user.is_empty() && self.credential_file.is_none())
        });
        let keytab = match &self.keytab {
            Some(path) => Some(KeytabFile::read(path)?),
            None => None,
        };
        let (login, keytab_user) = match keytab {
            Some(_) => (None, user),
            None => (credential::find(user.as_deref(), self.credential_file.as_deref())?, None),
        };
        let mut names = NameMap::new();
        for entry in &self.resolve {
            names.parse_entry(entry).context("--resolve")?;
        }
        let mut rpc_names = NameMap::new();
        for entry in &self.resolve_rpc {
            rpc_names.parse_entry(entry).context("--resolve-rpc")?;
        }
        let read = |file: &Option<PathBuf>| match file {
            Some(file) => std::fs::read(file).with_context(|| format!("cannot read {}", file.display())),
            None => Ok(Vec::new()),
        };
        Ok(Defaults {
            login,
            names,
            rpc_names,
            authorities: read(&self.ca_file)?,
            revocation_lists: read(&self.crl_file)?,
            no_encryption: self.no_encryption,
            skip_ca_check: self.skip_ca_check,
            skip_cn_check: self.skip_cn_check,
            forbid_ntlm: self.forbid_ntlm,
            spn_class: self.spn_class.clone(),
            tls_key_log: self.tls_key_log.as_deref().map(std::path::absolute).transpose()?,
            trusted_hosts: self.trusted_hosts.clone(),
            logins: Vec::new(),
            keytab,
            keytab_user,
            groups: self.groups.clone(),
            what_if: self.what_if,
            record: self.record.clone(),
            folder: None,
        })
    }
}
