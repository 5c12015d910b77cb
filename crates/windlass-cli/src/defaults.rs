//! The options that hold for every connection of a process: who logs on, where names lead, what is trusted.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use windlass::net::NameMap;

use crate::credential;
use crate::runspace::Defaults;

/// Where a variable names the user who logs on.
const USER_VARIABLE: &str = "WINDLASS_USER";

/// What holds for every connection, unless a cmdlet says otherwise.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DefaultOptions {
    /// Who logs on where no cmdlet names a credential: user, DOMAIN\user or user@domain
    #[arg(long, value_name = "USER")]
    pub(crate) credential: Option<String>,
    /// File with the user's name on the first line and the password on the second, readable by its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) credential_file: Option<PathBuf>,
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
    #[arg(long)]
    pub(crate) no_encryption: bool,
    /// Accept a server certificate from an unknown authority
    #[arg(long)]
    pub(crate) skip_ca_check: bool,
    /// Accept a server certificate for another name
    #[arg(long)]
    pub(crate) skip_cn_check: bool,
    /// Addresses that are trusted without TLS and Kerberos, with wildcards, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(crate) trusted_hosts: Vec<String>,
}

impl DefaultOptions {
    /// Reads files and asks for a password where that is needed.
    pub(crate) fn resolve(&self) -> Result<Defaults> {
        let user = self.credential.clone().or_else(|| {
            std::env::var(USER_VARIABLE)
                .ok()
                .filter(|user| !user.is_empty() && self.credential_file.is_none())
        });
        let login = credential::find(user.as_deref(), self.credential_file.as_deref())?;
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
            trusted_hosts: self.trusted_hosts.clone(),
            logins: Vec::new(),
        })
    }
}
