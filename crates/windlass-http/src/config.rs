//! What the connections of either side are made of.

use std::sync::Arc;

use windlass_auth::{
    AccountStore, BindingPolicy, ChannelBinding, Credential, DigestAcceptor, InnerTlsFactory,
    NtlmAcceptorOptions, Principal, credssp,
};

use crate::{AuthMethod, HttpError, KerberosClient, KerberosServer, Limits, Scheme};

/// What a client's connection is made of.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// What goes into the Host header, with the port where it is not the default.
    pub host: String,
    /// The path and query to post to.
    pub path: String,
    /// Whether TLS is around the connection.
    pub scheme: Scheme,
    /// How to log on.
    pub auth: AuthMethod,
    /// What to log on with.
    pub credential: Option<Credential>,
    /// The TLS channel; looked at with [`Scheme::Https`] only.
    pub channel_binding: Option<ChannelBinding>,
    /// Whether messages may travel readable over plain HTTP.
    pub allow_unencrypted: bool,
    /// The service principal name of the server, such as `HTTP/server.corp.example`.
    pub spn: Option<String>,
    /// What Kerberos needs beside a credential; without it, it is not tried.
    pub kerberos: Option<KerberosClient>,
    /// Whether Negotiate does without NTLM.
    pub forbid_ntlm: bool,
    /// Opens the TLS that CredSSP carries inside its tokens.
    pub inner_tls: Option<InnerTlsFactory>,
    /// The lowest version of CredSSP that the server may speak.
    pub credssp_min_version: u32,
    /// The name of this computer, as NTLM tells it; may be empty.
    pub workstation: String,
    /// The User-Agent header.
    pub user_agent: String,
    /// Limits on what the server sends.
    pub limits: Limits,
    /// Whether to send no message along with the last token of a handshake. Found out by
    /// [`crate::ClientConnection::authenticates_empty`]; carry it over to further connections.
    pub authenticate_empty: bool,
    /// The time as a FILETIME (100 ns since 1601).
    pub now: u64,
}

impl ClientConfig {
    /// A configuration with the usual values for everything else.
    pub fn new(
        host: impl Into<String>,
        scheme: Scheme,
        auth: AuthMethod,
        credential: Option<Credential>,
    ) -> Self {
        Self {
            host: host.into(),
            path: "/wsman".to_owned(),
            scheme,
            auth,
            credential,
            channel_binding: None,
            allow_unencrypted: false,
            spn: None,
            kerberos: None,
            forbid_ntlm: false,
            inner_tls: None,
            credssp_min_version: credssp::SAFE_VERSION,
            workstation: String::new(),
            user_agent: "windlass".to_owned(),
            limits: Limits::default(),
            authenticate_empty: false,
            now: 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), HttpError> {
        let clean = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !clean(&self.host) {
            return Err(HttpError::Config { field: "host", reason: "expected a name or address" });
        }
        if !clean(&self.path) || !self.path.starts_with('/') {
            return Err(HttpError::Config { field: "path", reason: "expected a path" });
        }
        if self.user_agent.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(HttpError::Config { field: "user_agent", reason: "expected printable text" });
        }
        Ok(())
    }
}

/// What a server's connection is made of.
#[derive(Clone)]
pub struct ServerConfig {
    /// Whether TLS is around the connection.
    pub scheme: Scheme,
    /// Where accounts are looked up.
    pub accounts: Arc<dyn AccountStore>,
    /// Whether Basic is accepted.
    pub basic: bool,
    /// Whether Digest is accepted: what all connections of the host share for it.
    pub digest: Option<Arc<DigestAcceptor>>,
    /// Whether NTLM in Negotiate, or raw in its place, is accepted.
    pub negotiate: bool,
    /// Whether the scheme `NTLM` is offered and accepted.
    pub ntlm: bool,
    /// Whether Kerberos is accepted, in Negotiate and under its own name: its keys.
    pub kerberos: Option<KerberosServer>,
    /// Whether CredSSP is accepted: opens the TLS inside its tokens.
    pub credssp: Option<InnerTlsFactory>,
    /// The lowest version of CredSSP that a client may speak.
    pub credssp_min_version: u32,
    /// Who the TLS client certificate of this connection stands for, if it has one.
    pub certificate: Option<Principal>,
    /// Whether messages may travel readable over plain HTTP.
    pub allow_unencrypted: bool,
    /// Whether a request with `WSMANIDENTIFY: unauthenticated` needs no logon.
    pub anonymous_identify: bool,
    /// The TLS channel.
    pub channel_binding: Option<ChannelBinding>,
    /// What is demanded of the client's channel binding.
    pub binding_policy: BindingPolicy,
    /// The service principal names that are answered to; any if `None`.
    pub targets: Option<Vec<String>>,
    /// The name of this computer.
    pub computer: String,
    /// Limits on what the client sends.
    pub limits: Limits,
    /// The time as a FILETIME (100 ns since 1601).
    pub now: u64,
}

impl ServerConfig {
    /// A configuration with Negotiate alone and the usual values for everything else.
    pub fn new(scheme: Scheme, accounts: Arc<dyn AccountStore>, computer: impl Into<String>) -> Self {
        Self {
            scheme,
            accounts,
            basic: false,
            digest: None,
            negotiate: true,
            ntlm: false,
            kerberos: None,
            credssp: None,
            credssp_min_version: credssp::SAFE_VERSION,
            certificate: None,
            allow_unencrypted: false,
            anonymous_identify: false,
            channel_binding: None,
            binding_policy: BindingPolicy::default(),
            targets: None,
            computer: computer.into(),
            limits: Limits::default(),
            now: 0,
        }
    }

    pub(crate) fn readable_allowed(&self) -> bool {
        self.scheme == Scheme::Https || self.allow_unencrypted
    }

    pub(crate) fn acceptor_options(&self) -> NtlmAcceptorOptions {
        NtlmAcceptorOptions {
            channel_binding: self.channel_binding.clone(),
            binding_policy: self.binding_policy,
            targets: self.targets.clone(),
            ..NtlmAcceptorOptions::new(self.accounts.clone(), &self.computer, self.now)
        }
    }

    /// The acceptor for Digest, where it is accepted.
    pub(crate) fn digest(&self) -> Option<&Arc<DigestAcceptor>> {
        self.digest.as_ref().filter(|_| self.readable_allowed())
    }

    /// A WWW-Authenticate line for each scheme, in the order of preference. `stale` tells a client that
    /// its last digest was right but for the nonce.
    pub(crate) fn challenges(&self, stale: bool) -> String {
        let mut lines = String::new();
        if self.negotiate || self.kerberos.is_some() {
            lines.push_str("WWW-Authenticate: Negotiate\r\n");
        }
        if self.kerberos.is_some() {
            lines.push_str("WWW-Authenticate: Kerberos\r\n");
        }
        if self.ntlm {
            lines.push_str("WWW-Authenticate: NTLM\r\n");
        }
        if self.credssp.is_some() {
            lines.push_str("WWW-Authenticate: CredSSP\r\n");
        }
        for challenge in self.digest().map(|digest| digest.challenges(stale, self.now)).unwrap_or_default() {
            lines.push_str(&format!("WWW-Authenticate: {challenge}\r\n"));
        }
        if self.basic && self.readable_allowed() {
            lines.push_str("WWW-Authenticate: Basic realm=\"WSMAN\"\r\n");
        }
        lines
    }
}
