//! Which computer, how to reach it and as whom: the parameters that every session shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use windlass_auth::Credential;

use windlass_net::{
    AuthMethod, ClientIdentity, Connector, ConnectorOptions, Dial, Endpoint, KdcMap, Kerberos, NameMap, Pool,
    PoolOptions, ProxyAccess, RedirectNotice, RpcOptions, RpcSecurity, Timeouts, TlsOptions,
};
use windlass_rpc::pdu::{AuthLevel, AuthType};

use crate::error::{Error, Result};
use crate::kerberos;
use crate::tap::Tap;

/// How the user proves who they are (`-Authentication`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Authentication {
    /// Negotiate.
    #[default]
    Default,
    /// Name and password as they are: over HTTPS, or where unencrypted messages are allowed.
    Basic,
    /// A hash of the password and of each request: over HTTPS, or where unencrypted messages are allowed.
    Digest,
    /// SPNEGO, which agrees on NTLM or Kerberos.
    Negotiate,
    /// NTLM, without SPNEGO around it (`NtlmDomain`).
    Ntlm,
    /// Kerberos, without SPNEGO around it: as the credential says, or with the tickets that the user
    /// already holds.
    Kerberos,
    /// Negotiate with the tickets that the user already holds, whatever credential is set.
    NegotiateWithImplicitCredential,
    /// CredSSP: hands the password to the computer, which can then log on elsewhere as the user.
    CredSsp,
    /// The client's certificate, over HTTPS (`-CertificateThumbprint`, `-Authentication ClientCertificate`).
    Certificate,
    /// Nobody in particular: enough for Identify on many hosts.
    Anonymous,
}

/// A computer and the way to it. Every session builder has one; fill it once and give it to many.
#[derive(Clone)]
pub struct Target {
    pub(crate) computer: String,
    uri: Option<String>,
    port: Option<u16>,
    use_ssl: bool,
    application_name: String,
    authentication: Authentication,
    credential: Option<Credential>,
    allow_unencrypted: bool,
    port_in_spn: bool,
    spn_class: String,
    tls: TlsOptions,
    proxy: ProxyAccess,
    max_redirections: u32,
    credssp_min_version: Option<u32>,
    names: NameMap,
    kdcs: KdcMap,
    kerberos: Option<Kerberos>,
    delegate_tickets: bool,
    forbid_ntlm: bool,
    timeouts: Timeouts,
    pool: PoolOptions,
    trusted_hosts: Option<Vec<String>>,
    dial: Option<Arc<dyn Dial>>,
    tap: Option<Arc<dyn Tap>>,
    redirect_notice: Option<RedirectNotice>,
}

impl Target {
    /// A computer by name or address. An empty name, `.` and `localhost` are this computer.
    pub fn computer(name: &str) -> Self {
        let computer = if name.is_empty() || name == "." { "localhost" } else { name };
        Self {
            computer: computer.to_owned(),
            uri: None,
            port: None,
            use_ssl: false,
            application_name: "wsman".to_owned(),
            authentication: Authentication::Default,
            credential: None,
            allow_unencrypted: false,
            port_in_spn: false,
            spn_class: "HTTP".to_owned(),
            tls: TlsOptions::default(),
            proxy: ProxyAccess::Direct,
            max_redirections: 0,
            credssp_min_version: None,
            names: NameMap::new(),
            kdcs: KdcMap::default(),
            kerberos: None,
            delegate_tickets: false,
            forbid_ntlm: false,
            timeouts: Timeouts::default(),
            pool: PoolOptions::default(),
            trusted_hosts: None,
            dial: None,
            tap: None,
            redirect_notice: None,
        }
    }

    /// A computer by URI (`-ConnectionUri`). Without a port it means 80 or 443, not 5985 or 5986.
    pub fn uri(uri: &str) -> Self {
        let host = Endpoint::from_uri(uri).map_or_else(String::new, |endpoint| endpoint.host().to_owned());
        let mut target = Self::computer(&host);
        target.uri = Some(uri.to_owned());
        target
    }

    /// Another port than 5985, or 5986 with TLS.
    pub fn set_port(&mut self, port: u16) -> &mut Self {
        self.port = Some(port);
        self
    }

    /// TLS (`-UseSSL`).
    pub fn set_use_ssl(&mut self, use_ssl: bool) -> &mut Self {
        self.use_ssl = use_ssl;
        self
    }

    /// The path of the service (`-ApplicationName`, `-HttpPrefix`): `wsman` unless said otherwise.
    pub fn set_application_name(&mut self, name: &str) -> &mut Self {
        self.application_name = name.to_owned();
        self
    }

    /// How to prove who the user is.
    pub fn set_authentication(&mut self, authentication: Authentication) -> &mut Self {
        self.authentication = authentication;
        self
    }

    /// Who the user is.
    pub fn set_credential(&mut self, credential: Credential) -> &mut Self {
        self.credential = Some(credential);
        self
    }

    /// Allow messages to travel unencrypted over plain HTTP (`-NoEncryption`).
    pub fn set_allow_unencrypted(&mut self, allow: bool) -> &mut Self {
        self.allow_unencrypted = allow;
        self
    }

    /// Put the port into the service principal name (`-IncludePortInSPN`).
    pub fn set_include_port_in_spn(&mut self, include: bool) -> &mut Self {
        self.port_in_spn = include;
        self
    }

    /// The class of the service principal name: `HTTP` unless said otherwise, or `WSMAN`, `HOST`, `RPCSS`.
    pub fn set_spn_class(&mut self, class: &str) -> &mut Self {
        self.spn_class = class.to_owned();
        self
    }

    /// Accept certificates from unknown authorities (`-SkipCACheck`).
    pub fn set_skip_ca_check(&mut self, skip: bool) -> &mut Self {
        self.tls.skip_ca_check = skip;
        self
    }

    /// Accept certificates for other names (`-SkipCNCheck`).
    pub fn set_skip_cn_check(&mut self, skip: bool) -> &mut Self {
        self.tls.skip_cn_check = skip;
        self
    }

    /// Trust the authorities of a PEM text besides those of the system.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn add_trusted_roots(&mut self, pem: &[u8]) -> Result<&mut Self> {
        self.tls.add_roots_pem(pem)?;
        Ok(self)
    }

    /// The certificate that the client shows in the TLS handshake.
    pub fn set_client_identity(&mut self, identity: ClientIdentity) -> &mut Self {
        self.tls.identity = Some(identity);
        self
    }

    /// Log on with this certificate, over HTTPS: [`set_client_identity`](Self::set_client_identity) and
    /// [`Authentication::Certificate`] in one.
    pub fn set_client_certificate(&mut self, identity: ClientIdentity) -> &mut Self {
        self.authentication = Authentication::Certificate;
        self.use_ssl = true;
        self.set_client_identity(identity)
    }

    /// Accept this certificate of the server and no other: the SHA-256 fingerprint in hexadecimal.
    ///
    /// # Errors
    /// The text is no such fingerprint.
    pub fn add_pin(&mut self, fingerprint: &str) -> Result<&mut Self> {
        self.tls.add_pin(fingerprint)?;
        Ok(self)
    }

    /// Look certificates up in the revocation lists of a PEM text. Without lists revocation is not
    /// checked.
    ///
    /// # Errors
    /// The text holds no list.
    pub fn add_revocation_lists(&mut self, pem: &[u8]) -> Result<&mut Self> {
        self.tls.add_revocation_lists_pem(pem)?;
        Ok(self)
    }

    /// Do not look at revocation lists (`-SkipRevocationCheck`).
    pub fn set_skip_revocation_check(&mut self, skip: bool) -> &mut Self {
        self.tls.skip_revocation_check = skip;
        self
    }

    /// Write the secrets of TLS connections to this file, for tools that decrypt recordings.
    pub fn set_key_log(&mut self, path: &std::path::Path) -> &mut Self {
        self.tls.key_log = Some(path.to_owned());
        self
    }

    /// Where connections go first (`-ProxyAccessType`, `-ProxyAuthentication`, `-ProxyCredential`;
    /// `-ProxyType` of CIM): straight to the computer unless said otherwise.
    pub fn set_proxy(&mut self, proxy: ProxyAccess) -> &mut Self {
        self.proxy = proxy;
        self
    }

    /// How many redirections are followed (`-AllowRedirection`, `-MaximumRedirection`): none unless said
    /// otherwise; PowerShell's own limit is [`DEFAULT_REDIRECTIONS`](Self::DEFAULT_REDIRECTIONS). The user
    /// logs on at each place afresh; none may be without TLS once there was TLS.
    pub fn set_max_redirections(&mut self, count: u32) -> &mut Self {
        self.max_redirections = count;
        self
    }

    /// The `MaximumRedirectionCount` of PowerShell.
    pub const DEFAULT_REDIRECTIONS: u32 = 5;

    /// Accept hosts that speak an older version of CredSSP than 5, such as 2: those are open to relays.
    pub fn set_credssp_min_version(&mut self, version: u32) -> &mut Self {
        self.credssp_min_version = Some(version);
        self
    }

    /// Names that lead to given addresses, whatever the system's resolver says.
    pub fn set_names(&mut self, names: NameMap) -> &mut Self {
        self.names = names;
        self
    }

    /// Where the KDC of each realm is.
    pub fn set_kdcs(&mut self, kdcs: KdcMap) -> &mut Self {
        self.kdcs = kdcs;
        self
    }

    /// What Kerberos knows of realms, and its tickets: give clones of one to all targets, so that they
    /// share the tickets. Without one, each session reads the computer's `krb5.conf` where it needs it.
    pub fn set_kerberos(&mut self, kerberos: Kerberos) -> &mut Self {
        self.kerberos = Some(kerberos);
        self
    }

    /// Whether Kerberos hands the server the user's ticket-granting ticket, so that it can act for the user
    /// elsewhere. It takes the operating system's Kerberos, the cargo feature `gssapi`, and a ticket that may
    /// be handed on: `kinit -f`, or `forwardable = true` in `krb5.conf`.
    pub fn set_delegate_tickets(&mut self, delegate: bool) -> &mut Self {
        self.delegate_tickets = delegate;
        self
    }

    /// Whether Negotiate does without NTLM, so that only Kerberos is left.
    pub fn set_forbid_ntlm(&mut self, forbid: bool) -> &mut Self {
        self.forbid_ntlm = forbid;
        self
    }

    /// How long reaching the computer may take, stage by stage.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) -> &mut Self {
        self.timeouts = timeouts;
        self
    }

    /// How many connections a session may open and keep.
    pub fn set_pool(&mut self, pool: PoolOptions) -> &mut Self {
        self.pool = pool;
        self
    }

    /// The computers to which a password may be proven without TLS and Kerberos (WinRM's TrustedHosts):
    /// names or addresses, `*` at the start or end of one, `<local>` for names without a dot. Without a
    /// list every computer is trusted.
    pub fn set_trusted_hosts(&mut self, hosts: Vec<String>) -> &mut Self {
        self.trusted_hosts = Some(hosts);
        self
    }

    /// Opens connections through `dial` instead of TCP.
    pub fn set_dial(&mut self, dial: Arc<dyn Dial>) -> &mut Self {
        self.dial = Some(dial);
        self
    }

    /// Lets `tap` hear what is said over WS-Management.
    pub fn set_tap(&mut self, tap: Arc<dyn Tap>) -> &mut Self {
        self.tap = Some(tap);
        self
    }

    /// Tells `notice` of each place that a service sends this client to, before anything is sent there: whom the
    /// credential goes to is not to change in silence.
    pub fn set_redirect_notice(&mut self, notice: RedirectNotice) -> &mut Self {
        self.redirect_notice = Some(notice);
        self
    }

    pub(crate) fn tap(&self) -> Option<Arc<dyn Tap>> {
        self.tap.clone()
    }

    /// The computer's name.
    pub fn computer_name(&self) -> &str {
        &self.computer
    }

    /// Whether it is the computer that this runs on, by a name or an address that always means it.
    pub(crate) fn is_this_computer(&self) -> bool {
        let name = self.computer.trim_start_matches('[').trim_end_matches(']');
        let address = name.parse::<IpAddr>();
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether nobody on the way can read what travels.
    pub(crate) fn encrypts(&self) -> bool {
        self.endpoint().is_ok_and(|endpoint| endpoint.is_secure()) || !self.allow_unencrypted
    }

    /// Checks the parameters and gives the service's address.
    ///
    /// # Errors
    /// Parameters that do not fit together.
    pub fn endpoint(&self) -> Result<Endpoint> {
        if let Some(uri) = &self.uri {
            return Endpoint::from_uri(uri)
                .ok_or_else(|| Error::usage(format!("{uri:?} is not an http or https URI with a host")));
        }
        if self.port == Some(0) {
            return Err(Error::usage("port 0 is not a port: it must be from 1 to 65535"));
        }
        if self.computer.contains(['/', '\\', '@', ' ']) {
            return Err(Error::usage(format!("{:?} is not the name of a computer", self.computer)));
        }
        let endpoint = Endpoint::winrm(&self.computer, self.use_ssl).with_path(&self.application_name);
        Ok(match self.port {
            Some(port) => endpoint.with_port(port),
            None => endpoint,
        })
    }

    /// Checks the parameters and makes the session's pool of connections; nothing is sent yet.
    pub(crate) fn pool(&self, open_timeout: Option<Duration>) -> Result<Pool> {
        Ok(Pool::new(self.connector(open_timeout)?, self.pool))
    }

    /// What opens connections to it.
    pub(crate) fn connector(&self, open_timeout: Option<Duration>) -> Result<Connector> {
        let endpoint = self.endpoint()?;
        self.check(&endpoint)?;
        let credential = self.logon()?;
        let mut options = ConnectorOptions::new(endpoint, self.method(), credential);
        options.names = self.names.clone();
        options.kdcs = self.kdcs.clone();
        options.kerberos = self.realms()?;
        if self.delegate_tickets || matches!(options.credential, Some(Credential::System)) {
            let kerberos = options.kerberos.take().unwrap_or_default();
            options.kerberos = Some(kerberos::through_system(kerberos, self.delegate_tickets)?);
        }
        options.forbid_ntlm = self.forbid_ntlm;
        options.tls = self.tls.clone();
        options.proxy = self.proxy.clone();
        options.max_redirections = self.max_redirections;
        options.redirect_notice.clone_from(&self.redirect_notice);
        if let Some(version) = self.credssp_min_version {
            options.credssp_min_version = version;
        }
        // Nothing in an anonymous request is worth hiding.
        options.allow_unencrypted =
            self.allow_unencrypted || self.authentication == Authentication::Anonymous;
        options.spn_class.clone_from(&self.spn_class);
        options.port_in_spn = self.port_in_spn;
        options.timeouts = match open_timeout {
            Some(limit) => self.timeouts.capped(limit),
            None => self.timeouts,
        };
        Ok(match &self.dial {
            None => Connector::new(options),
            Some(dial) => Connector::over(options, Arc::clone(dial)),
        })
    }

    /// Who logs on: the credential, or whom the tickets that the user holds name.
    fn logon(&self) -> Result<Option<Credential>> {
        let implicit = self.authentication == Authentication::NegotiateWithImplicitCredential
            || self.authentication == Authentication::Kerberos && self.credential.is_none();
        match self.authentication {
            Authentication::Anonymous | Authentication::Certificate => Ok(None),
            _ if implicit => kerberos::held_tickets().map(Some),
            _ => Ok(self.credential.clone()),
        }
    }

    /// What is known of realms, where Kerberos may be used.
    fn realms(&self) -> Result<Option<Kerberos>> {
        if self.kerberos.is_some() {
            return Ok(self.kerberos.clone());
        }
        match self.method() {
            AuthMethod::Kerberos => kerberos::from_environment().map(Some),
            // NTLM does without: what is wrong with the configuration matters only to who wants Kerberos.
            AuthMethod::Negotiate | AuthMethod::CredSsp => {
                let kerberos = kerberos::from_environment();
                Ok(Some(kerberos.inspect_err(|error| tracing::warn!(%error)).unwrap_or_default()))
            }
            // A proxy may want it.
            _ if !matches!(self.proxy, ProxyAccess::Direct) => {
                let kerberos = kerberos::from_environment();
                Ok(Some(kerberos.inspect_err(|error| tracing::warn!(%error)).unwrap_or_default()))
            }
            _ => Ok(None),
        }
    }

    /// Another port, or the usual one.
    pub(crate) fn choose_port(&mut self, port: Option<u16>) {
        self.port = port;
    }

    /// The port that the caller named.
    pub(crate) fn stated_port(&self) -> Option<u16> {
        self.port
    }

    /// What opens connections instead of TCP.
    pub(crate) fn own_dial(&self) -> Option<Arc<dyn Dial>> {
        self.dial.clone()
    }

    /// How RPC connections are opened.
    pub(crate) fn rpc_options(&self, open_timeout: Option<Duration>) -> Result<RpcOptions> {
        let mut options = RpcOptions::default();
        options.kerberos = self.realms()?;
        options.names = self.names.clone();
        options.kdcs = self.kdcs.clone();
        options.timeouts = match open_timeout {
            Some(limit) => self.timeouts.capped(limit),
            None => self.timeouts,
        };
        Ok(options)
    }

    /// How RPC connections log on; `None` for nobody in particular.
    pub(crate) fn rpc_security(&self, level: AuthLevel) -> Result<Option<RpcSecurity>> {
        let provider = match self.authentication {
            Authentication::Anonymous => return Ok(None),
            Authentication::Ntlm => AuthType::NTLM,
            Authentication::Kerberos => AuthType::KERBEROS,
            Authentication::Default
            | Authentication::Negotiate
            | Authentication::NegotiateWithImplicitCredential => AuthType::SPNEGO,
            other => return Err(Error::usage(format!("DCOM does not authenticate with {other:?}"))),
        };
        let credential = self.logon()?.ok_or_else(|| Error::no_credential(&self.computer))?;
        let target = format!("RPCSS/{}", self.computer);
        Ok(Some(RpcSecurity::new(credential, &target).with_level(level).with_auth_type(provider)))
    }

    fn method(&self) -> AuthMethod {
        match self.authentication {
            Authentication::Basic => AuthMethod::Basic,
            Authentication::Digest => AuthMethod::Digest,
            Authentication::Ntlm => AuthMethod::Ntlm,
            Authentication::CredSsp => AuthMethod::CredSsp,
            Authentication::Kerberos => AuthMethod::Kerberos,
            Authentication::Default
            | Authentication::Negotiate
            | Authentication::NegotiateWithImplicitCredential => AuthMethod::Negotiate,
            Authentication::Certificate => AuthMethod::Certificate,
            Authentication::Anonymous => AuthMethod::None,
        }
    }

    fn check(&self, endpoint: &Endpoint) -> Result<()> {
        if matches!(
            self.authentication,
            Authentication::Anonymous
                | Authentication::Kerberos
                | Authentication::NegotiateWithImplicitCredential
        ) {
            return Ok(());
        }
        if self.authentication == Authentication::Certificate {
            return match (endpoint.is_secure(), &self.tls.identity) {
                (true, Some(_)) => Ok(()),
                (false, _) => Err(Error::usage("a certificate proves who the user is over HTTPS only")),
                (true, None) => Err(Error::usage("no certificate: which one to log on with has to be said")),
            };
        }
        if self.credential.is_none() {
            return Err(Error::no_credential(endpoint.host()));
        }
        if endpoint.is_secure() {
            return Ok(());
        }
        let exposed = match self.authentication {
            Authentication::Basic => Some("Basic over plain HTTP shows the password to everybody on the way"),
            Authentication::Digest => Some("Digest over plain HTTP shows messages to everybody on the way"),
            _ => None,
        };
        if let Some(exposed) = exposed.filter(|_| !self.allow_unencrypted) {
            return Err(Error::usage(format!("{exposed}: use TLS, or allow unencrypted messages")));
        }
        match &self.trusted_hosts {
            Some(trusted) if !is_trusted(endpoint.host(), trusted) => Err(Error::usage(format!(
                "{} is not a trusted host: use TLS, or add it to the trusted hosts{}",
                endpoint.host(),
                if endpoint.host().parse::<IpAddr>().is_ok() {
                    "; an IP address cannot be verified otherwise"
                } else {
                    ""
                }
            ))),
            _ => Ok(()),
        }
    }
}

/// Whether the list covers the host.
fn is_trusted(host: &str, trusted: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    trusted.iter().map(|pattern| pattern.trim().to_ascii_lowercase()).any(|pattern| {
        if pattern == "<local>" {
            return !host.contains(['.', ':']);
        }
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(suffix), _) if !suffix.contains('*') => host.ends_with(suffix),
            (_, Some(prefix)) => host.starts_with(prefix),
            _ => host == pattern,
        }
    })
}

/// Gives a session builder the setters of its `target`, each returning the builder.
macro_rules! target_setters {
    () => {
        /// Takes over all parameters of a target.
        #[must_use]
        pub fn target(mut self, target: crate::Target) -> Self {
            self.target = target;
            self
        }

        /// Another port than 5985, or 5986 with TLS.
        #[must_use]
        pub fn port(mut self, port: u16) -> Self {
            self.target.set_port(port);
            self
        }

        /// TLS (`-UseSSL`).
        #[must_use]
        pub fn use_ssl(mut self, use_ssl: bool) -> Self {
            self.target.set_use_ssl(use_ssl);
            self
        }

        /// The path of the service: `wsman` unless said otherwise.
        #[must_use]
        pub fn application_name(mut self, name: &str) -> Self {
            self.target.set_application_name(name);
            self
        }

        /// How to prove who the user is.
        #[must_use]
        pub fn authentication(mut self, authentication: crate::Authentication) -> Self {
            self.target.set_authentication(authentication);
            self
        }

        /// Who the user is.
        #[must_use]
        pub fn credential(mut self, credential: crate::Credential) -> Self {
            self.target.set_credential(credential);
            self
        }

        /// Allow messages to travel unencrypted over plain HTTP.
        #[must_use]
        pub fn allow_unencrypted(mut self, allow: bool) -> Self {
            self.target.set_allow_unencrypted(allow);
            self
        }

        /// Accept certificates from unknown authorities.
        #[must_use]
        pub fn skip_ca_check(mut self, skip: bool) -> Self {
            self.target.set_skip_ca_check(skip);
            self
        }

        /// Accept certificates for other names.
        #[must_use]
        pub fn skip_cn_check(mut self, skip: bool) -> Self {
            self.target.set_skip_cn_check(skip);
            self
        }

        /// Opens connections through `dial` instead of TCP.
        #[must_use]
        pub fn dial(mut self, dial: std::sync::Arc<dyn crate::net::Dial>) -> Self {
            self.target.set_dial(dial);
            self
        }
    };
}
pub(crate) use target_setters;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(target: &Target) -> Option<String> {
        target.pool(None).err().map(|error| error.to_string())
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused_before_anything_is_sent() {
        let base = || {
            let mut target = Target::computer("srv1");
            target.set_credential(Credential::password("alice", "x".to_owned()));
            target
        };
        assert_eq!(refused(&base()), None);
        assert!(refused(&Target::computer("srv1")).unwrap().contains("no credential"));
        assert!(refused(base().set_port(0)).unwrap().contains("port 0"));
        assert!(refused(base().set_authentication(Authentication::Basic)).unwrap().contains("Basic"));
        assert_eq!(refused(base().set_authentication(Authentication::Basic).set_use_ssl(true)), None);
        assert!(refused(&Target::uri("ftp://srv1")).unwrap().contains("not an http"));
        assert!(refused(&Target::computer("a/b")).unwrap().contains("not the name"));
        assert!(refused(base().set_trusted_hosts(vec!["*.corp".to_owned()])).unwrap().contains("trusted"));
        assert_eq!(refused(base().set_trusted_hosts(vec!["SRV*".to_owned()])), None);
    }

    #[test]
    fn trusted_hosts_match_as_winrm_matches_them() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        for (host, trusted, expected) in [
            ("srv1", "*", true),
            ("SRV1", "srv1", true),
            ("srv1.corp.example", "*.corp.example", true),
            ("10.0.0.7", "10.0.*", true),
            ("srv1", "<local>", true),
            ("srv1.corp", "<local>", false),
            ("::1", "<local>", false),
            ("srv2", "srv1, srv3", false),
            ("srv1", "", false),
        ] {
            assert_eq!(is_trusted(host, &list(trusted)), expected, "{host} {trusted}");
        }
    }
}
