//! The parameters by which every cmdlet reaches computers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
    /// Reach a computer name at an address, as NAME=ADDRESS[:PORT]; may be repeated
    #[arg(long, value_name = "NAME=ADDR[:PORT]")]
    pub(crate) resolve: Vec<String>,
    /// How many computers to work on at once; 0 means 32
    #[arg(long, default_value_t = 32, value_name = "COUNT")]
    pub(crate) throttle_limit: usize,
}

/// The mechanisms that `-Authentication` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Authentication {
    /// Negotiate
    Default,
    /// User name and password as they are; only over HTTPS or with -NoEncryption
    Basic,
    /// SPNEGO
    Negotiate,
    /// NTLM
    #[value(aliases = ["ntlm-domain", "NtlmDomain"])]
    Ntlm,
}

/// A name and the address it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) name: String,
    pub(crate) address: std::net::IpAddr,
    pub(crate) port: Option<u16>,
}

impl Resolution {
    /// Reads `NAME=ADDR[:PORT]`; an IPv6 address with a port stands in brackets.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, address) = text.split_once('=')?;
        if name.is_empty() {
            return None;
        }
        let name = name.to_owned();
        if let Ok(socket) = address.parse::<SocketAddr>() {
            return Some(Self { name, address: socket.ip(), port: Some(socket.port()) });
        }
        let address = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
        Some(Self { name, address, port: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions() {
        for (text, address, port) in [
            ("srv1=127.0.0.1", "127.0.0.1", None),
            ("srv1=127.0.0.1:5985", "127.0.0.1", Some(5985)),
            ("srv1=::1", "::1", None),
            ("srv1=[::1]:80", "::1", Some(80)),
        ] {
            let parsed = Resolution::parse(text).unwrap();
            assert_eq!((parsed.name.as_str(), parsed.address.to_string().as_str(), parsed.port), ("srv1", address, port));
        }
        for text in ["srv1", "=127.0.0.1", "srv1=elsewhere", "srv1=127.0.0.1:x"] {
            assert_eq!(Resolution::parse(text), None, "{text}");
        }
    }
}
