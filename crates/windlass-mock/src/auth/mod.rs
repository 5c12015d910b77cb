//! How clients may log on, and what all connections share for it.

mod certificates;
mod domain;
mod inner_tls;
mod lockout;
mod owner;
mod rsa;

use std::sync::{Arc, OnceLock};

use windlass_auth::digest::Algorithm;
use windlass_auth::{AccountStore, AuthError, DigestAcceptor, InnerTlsFactory};
use windlass_http::KerberosServer;

pub(crate) use certificates::Certificates;
use domain::DomainAccounts;
use lockout::Lockout;
pub(crate) use owner::owner;

use crate::Error;
use crate::config::Config;

/// What the host calls the place that passwords are for.
const REALM: &str = "WSMAN";

/// Which mechanisms clients may log on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// Basic: over TLS, or where unencrypted messages are allowed.
    pub basic: bool,
    /// Digest: over TLS, or where unencrypted messages are allowed.
    pub digest: bool,
    /// NTLM in Negotiate, or raw in its place.
    pub negotiate: bool,
    /// The scheme `NTLM`.
    pub ntlm: bool,
    /// CredSSP.
    pub credssp: bool,
    /// Kerberos, in Negotiate and under its own name, where the host has a keytab.
    pub kerberos: bool,
}

impl Default for Authentication {
    /// All of them.
    fn default() -> Self {
        Self { basic: true, digest: true, negotiate: true, ntlm: true, credssp: true, kerberos: true }
    }
}

impl Authentication {
    /// What [`offering`](Self::offering) knows.
    pub const NAMES: [&str; 6] = ["basic", "digest", "negotiate", "ntlm", "credssp", "kerberos"];

    /// The mechanisms of these names, in any case, and no others. Unknown names offer nothing.
    pub fn offering<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut offered = Self {
            basic: false,
            digest: false,
            negotiate: false,
            ntlm: false,
            credssp: false,
            kerberos: false,
        };
        for name in names {
            match name.to_ascii_lowercase().as_str() {
                "basic" => offered.basic = true,
                "digest" => offered.digest = true,
                "negotiate" => offered.negotiate = true,
                "ntlm" => offered.ntlm = true,
                "credssp" => offered.credssp = true,
                "kerberos" => offered.kerberos = true,
                _ => {}
            }
        }
        offered
    }
}

/// What all connections of a host share to check logons.
pub(crate) struct Gate {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) digest: Arc<DigestAcceptor>,
    pub(crate) credssp: InnerTlsFactory,
    pub(crate) kerberos: Option<KerberosServer>,
    pub(crate) lockout: Lockout,
}

impl Gate {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let failed = |error: AuthError| Error::Authentication(error.to_string());
        let algorithms = [Algorithm::Sha256, Algorithm::Md5Sess, Algorithm::Md5];
        let digest = DigestAcceptor::new(REALM, &algorithms).map_err(failed)?;
        let kerberos = config
            .keytab
            .as_ref()
            .map(|keytab| KerberosServer { keytab: Arc::clone(keytab), ..KerberosServer::default() });
        let lockout = Lockout::default();
        let accounts: Arc<dyn AccountStore> = match &config.ntlm_auth {
            Some(command) => Arc::new(DomainAccounts::new(config.accounts.clone(), command.clone())),
            None => Arc::new(config.accounts.clone()),
        };
        Ok(Self { accounts, digest: Arc::new(digest), credssp: credssp(), kerberos, lockout })
    }
}

/// The TLS of CredSSP. Its RSA key takes a moment to make: that waits until a client asks for it.
fn credssp() -> InnerTlsFactory {
    let config: OnceLock<Result<inner_tls::Setup, String>> = OnceLock::new();
    InnerTlsFactory::new(move || match config.get_or_init(inner_tls::Setup::new) {
        Ok(setup) => setup.open(),
        Err(reason) => Err(AuthError::InnerTls(reason.clone())),
    })
}
