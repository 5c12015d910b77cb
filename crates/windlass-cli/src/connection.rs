//! The parameters by which every cmdlet reaches computers.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use windlass::net::NameMap;
use windlass::{Credential, DEFAULT_THROTTLE, Target};

use crate::credential::{self, Login};

/// Where to connect and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct Connection {
    /// Computers to connect to, separated by commas
    #[arg(long, aliases = ["cn", "server-name"], value_delimiter = ',', value_name = "NAME")]
    pub(crate) computer_name: Vec<String>,
    /// TCP port [default: 5985, or 5986 with -UseSSL]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Connect over HTTPS
    #[arg(long)]
    pub(crate) use_ssl: bool,
    /// How to prove who the user is
    #[arg(long, value_enum, ignore_case = true, default_value = "default")]
    pub(crate) authentication: Authentication,
    /// User name: user, DOMAIN\user or user@domain
    #[arg(long, value_name = "USER")]
    pub(crate) credential: Option<String>,
    /// File with the user's name on the first line and the password on the second, readable by its owner alone
    #[arg(long, value_name = "FILE")]
    pub(crate) credential_file: Option<PathBuf>,
    /// First path segment of the address
    #[arg(long, default_value = "wsman", value_name = "PATH")]
    pub(crate) application_name: String,
    /// Seconds after which an operation counts as failed; 0 is the default of the server
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub(crate) operation_timeout_sec: u32,
    /// Accept a server certificate from an unknown authority
    #[arg(long)]
    pub(crate) skip_ca_check: bool,
    /// Accept a server certificate for another name
    #[arg(long)]
    pub(crate) skip_cn_check: bool,
    /// File with further certificate authorities to trust, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Allow plain HTTP without message encryption
    #[arg(long)]
    pub(crate) no_encryption: bool,
    /// Reach a computer name at an address, such as srv1=127.0.0.1 or srv1=127.0.0.1:5985; may be repeated
    #[arg(long, value_name = "NAME=ADDR[:PORT]")]
    pub(crate) resolve: Vec<String>,
    /// How many computers to work on at once; 0 means 32
    #[arg(long, default_value_t = DEFAULT_THROTTLE, value_name = "COUNT")]
    pub(crate) throttle_limit: usize,
}

/// The mechanisms that `-Authentication` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Authentication {
    /// Negotiate
    Default,
    /// User name and password as they are; only over HTTPS or with -NoEncryption
    Basic,
    /// A hash of the password; only over HTTPS or with -NoEncryption
    Digest,
    /// SPNEGO
    Negotiate,
    /// NTLM
    #[value(aliases = ["ntlm-domain", "NtlmDomain"])]
    Ntlm,
    /// CredSSP, which hands the password to the computer
    #[value(name = "credssp", aliases = ["CredSSP", "cred-ssp", "CredSsp"])]
    CredSsp,
}

impl Connection {
    /// The way to one of the computers, as the user that the parameters name.
    pub(crate) fn target(&self, computer: &str, login: Option<&Login>) -> Result<Target> {
        let mut target = Target::computer(computer);
        if let Some(port) = self.port {
            target.set_port(port);
        }
        target
            .set_use_ssl(self.use_ssl)
            .set_application_name(&self.application_name)
            .set_authentication(self.authentication.into())
            .set_allow_unencrypted(self.no_encryption)
            .set_skip_ca_check(self.skip_ca_check)
            .set_skip_cn_check(self.skip_cn_check);
        if let Some(login) = login {
            target.set_credential(Credential::password(&login.user, login.password.clone()));
        }
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            target
                .add_trusted_roots(&pem)
                .with_context(|| format!("{} holds no certificate", file.display()))?;
        }
        let mut names = NameMap::new();
        for entry in &self.resolve {
            names.parse_entry(entry).context("-Resolve")?;
        }
        target.set_names(names);
        Ok(target)
    }

    /// The credential that the parameters name, asked for once for all computers.
    pub(crate) fn login(&self) -> Result<Option<Login>> {
        credential::find(self.credential.as_deref(), self.credential_file.as_deref())
    }

    /// The computers; none given means the local one.
    pub(crate) fn computers(&self) -> Vec<&str> {
        if self.computer_name.is_empty() {
            return vec!["localhost"];
        }
        self.computer_name.iter().map(String::as_str).collect()
    }
}

impl From<Authentication> for windlass::Authentication {
    fn from(authentication: Authentication) -> Self {
        match authentication {
            Authentication::Default => Self::Default,
            Authentication::Basic => Self::Basic,
            Authentication::Digest => Self::Digest,
            Authentication::Negotiate => Self::Negotiate,
            Authentication::Ntlm => Self::Ntlm,
            Authentication::CredSsp => Self::CredSsp,
        }
    }
}
