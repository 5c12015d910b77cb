//! How a client logs on: which header goes out, and what the 401s mean.

use windlass_auth::{
    AuthError, ChannelBinding, CredSspInitiator, CredSspInitiatorOptions, Credential, DigestClient,
    InnerTlsFactory, NtlmInitiator, NtlmInitiatorOptions, SecurityContext, Step, basic,
};
use windlass_core::Secret;

use crate::kerberos::{names_an_address, negotiate};
use crate::{CERTIFICATE_PROFILE, Challenge, ClientConfig, HttpError, KerberosClient, Scheme};

/// How a client logs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthMethod {
    /// Not at all.
    None,
    /// Name and password in every request.
    Basic,
    /// A hash of the password and of the request, in every request.
    Digest,
    /// SPNEGO.
    Negotiate,
    /// NTLM alone, without SPNEGO around it.
    Ntlm,
    /// Kerberos, without SPNEGO around it.
    Kerberos,
    /// SPNEGO inside TLS inside the tokens; hands the password to the server.
    CredSsp,
    /// The client certificate of the TLS connection.
    Certificate,
}

impl AuthMethod {
    /// What messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "anonymous",
            Self::Basic => "Basic",
            Self::Digest => "Digest",
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Kerberos => "Kerberos",
            Self::CredSsp => "CredSSP",
            Self::Certificate => "Certificate",
        }
    }
}

/// The client's side of the logon on one connection.
pub(crate) enum Login {
    /// The same header with every request, or none.
    Header { method: AuthMethod, value: Option<Secret> },
    /// Another header with every request, once the server gave its challenge.
    Digest(Box<DigestClient>),
    /// A handshake that belongs to the connection.
    Handshake(Box<Handshake>),
}

/// A logon in several legs.
pub(crate) struct Handshake {
    method: AuthMethod,
    options: NtlmInitiatorOptions,
    /// What CredSSP needs beside.
    credssp: Option<CredSsp>,
    /// What Kerberos needs beside.
    kerberos: Option<KerberosClient>,
    forbid_ntlm: bool,
    /// The scheme in the headers. NTLM and Kerberos travel as `Negotiate` unless the server knows only
    /// their own.
    pub(crate) scheme: &'static str,
    pub(crate) context: Option<Box<dyn SecurityContext>>,
    /// A request was answered under this context.
    pub(crate) proven: bool,
}

struct CredSsp {
    tls: InnerTlsFactory,
    min_version: u32,
}

impl Login {
    pub(crate) fn new(config: &ClientConfig) -> Result<Self, HttpError> {
        let method = config.auth;
        let readable = config.scheme == Scheme::Http && !config.allow_unencrypted;
        match method {
            AuthMethod::None if readable => Err(HttpError::Unencrypted("anonymous access")),
            AuthMethod::None => Ok(Self::Header { method, value: None }),
            AuthMethod::Basic if readable => Err(HttpError::Unencrypted("Basic authentication")),
            AuthMethod::Basic => {
                let value = basic::encode(credential(config)?)
                    .map_err(|source| HttpError::Auth { mechanism: method.name(), source })?;
                Ok(Self::Header { method, value: Some(Secret::new(format!("Basic {}", value.expose()))) })
            }
            AuthMethod::Digest if readable => Err(HttpError::Unencrypted("Digest authentication")),
            AuthMethod::Digest => {
                let client = DigestClient::new(credential(config)?.clone())
                    .map_err(|source| HttpError::Auth { mechanism: method.name(), source })?;
                Ok(Self::Digest(Box::new(client)))
            }
            AuthMethod::Certificate if config.scheme == Scheme::Http => {
                Err(HttpError::Config { field: "auth", reason: "a certificate needs TLS" })
            }
            AuthMethod::Certificate => {
                Ok(Self::Header { method, value: Some(Secret::new(CERTIFICATE_PROFILE)) })
            }
            AuthMethod::Kerberos if config.kerberos.is_none() => {
                Err(HttpError::Config { field: "kerberos", reason: "nothing is known of realms" })
            }
            AuthMethod::Negotiate | AuthMethod::Ntlm | AuthMethod::Kerberos | AuthMethod::CredSsp => {
                Ok(Self::Handshake(Box::new(Handshake {
                    method,
                    options: NtlmInitiatorOptions {
                        credential: credential(config)?.clone(),
                        target: config.spn.clone(),
                        channel_binding: binding(config),
                        workstation: config.workstation.clone(),
                        now: config.now,
                    },
                    credssp: credssp(config)?,
                    kerberos: config.kerberos.clone(),
                    forbid_ntlm: config.forbid_ntlm,
                    scheme: if method == AuthMethod::CredSsp { "CredSSP" } else { "Negotiate" },
                    context: None,
                    proven: false,
                })))
            }
        }
    }
}

impl Handshake {
    /// Starts from the beginning.
    pub(crate) fn start(&mut self) -> Result<Step, HttpError> {
        self.proven = false;
        let context = self.open().map_err(|source| self.fault(source))?;
        self.context.insert(context).step(None).map_err(|source| self.fault(source))
    }

    fn open(&self) -> Result<Box<dyn SecurityContext>, AuthError> {
        if let Some(credssp) = &self.credssp {
            return self.delegate(credssp);
        }
        let options = self.options.clone();
        Ok(match (self.method, &self.kerberos) {
            (AuthMethod::Ntlm, _) => Box::new(NtlmInitiator::new(options)),
            (AuthMethod::Kerberos, Some(kerberos)) => {
                if options.target.as_deref().is_some_and(names_an_address) {
                    let reason = "there are no tickets for addresses: give the computer by its name";
                    return Err(AuthError::NoServiceName(reason));
                }
                kerberos.initiator(kerberos.options(&options))?
            }
            (_, kerberos) => Box::new(negotiate(kerberos.as_ref(), options, self.forbid_ntlm)?),
        })
    }

    /// The time, as a FILETIME, for handshakes to come.
    pub(crate) fn set_now(&mut self, now: u64) {
        self.options.now = now;
    }

    /// CredSSP binds itself to its own TLS: what is inside is bound to none.
    fn delegate(&self, credssp: &CredSsp) -> Result<Box<dyn SecurityContext>, AuthError> {
        let options = NtlmInitiatorOptions { channel_binding: None, ..self.options.clone() };
        let negotiate = Box::new(negotiate(self.kerberos.as_ref(), options, self.forbid_ntlm)?);
        let options = CredSspInitiatorOptions {
            min_version: credssp.min_version,
            ..CredSspInitiatorOptions::new(self.options.credential.clone(), credssp.tls.open()?, negotiate)
        };
        Ok(Box::new(CredSspInitiator::new(options)?))
    }

    /// Takes the server's token.
    pub(crate) fn step(&mut self, token: &[u8]) -> Result<Step, HttpError> {
        let context = self.context.as_mut().ok_or(HttpError::OutOfOrder("no handshake under way"))?;
        context.step(Some(token)).map_err(|source| self.fault(source))
    }

    /// Takes the KDC's answer.
    pub(crate) fn kdc_reply(&mut self, reply: &[u8]) -> Result<Step, HttpError> {
        let context = self.context.as_mut().ok_or(HttpError::OutOfOrder("no handshake under way"))?;
        context.kdc_reply(reply).map_err(|source| self.fault(source))
    }

    /// No KDC answers.
    pub(crate) fn kdc_unreachable(&mut self, reason: &str) -> Result<Step, HttpError> {
        let context = self.context.as_mut().ok_or(HttpError::OutOfOrder("no handshake under way"))?;
        context.kdc_unreachable(reason).map_err(|source| self.fault(source))
    }

    /// This side's part of the handshake is done, so that messages may go out.
    pub(crate) fn is_ready(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.is_complete() || context.can_seal())
    }

    /// The handshake is over on both sides.
    pub(crate) fn is_complete(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.is_complete())
    }

    /// The server's offer under the scheme in use.
    pub(crate) fn offer<'a>(&self, challenges: &'a [Challenge]) -> Option<&'a Challenge> {
        challenges.iter().find(|challenge| challenge.is(self.scheme))
    }

    /// The server's token under the scheme in use, if it sent one.
    pub(crate) fn offered_token(&self, challenges: &[Challenge]) -> Result<Option<Vec<u8>>, HttpError> {
        let token = self.offer(challenges).and_then(Challenge::token).transpose();
        token.map_err(|source| self.fault(source))
    }

    /// Another scheme that the method can use and the server offers. Changes to it.
    pub(crate) fn change_scheme(&mut self, challenges: &[Challenge]) -> bool {
        let own = match self.method {
            AuthMethod::Ntlm => "NTLM",
            AuthMethod::Kerberos if self.offer(challenges).is_none() => "Kerberos",
            _ => return false,
        };
        let usable = self.scheme != own && challenges.iter().any(|challenge| challenge.is(own));
        if usable {
            self.scheme = own;
        }
        usable
    }

    pub(crate) fn name(&self) -> &'static str {
        self.method.name()
    }

    fn fault(&self, source: AuthError) -> HttpError {
        HttpError::Auth { mechanism: self.method.name(), source }
    }
}

fn credential(config: &ClientConfig) -> Result<&Credential, HttpError> {
    config.credential.as_ref().ok_or(HttpError::Config { field: "credential", reason: "none was given" })
}

fn credssp(config: &ClientConfig) -> Result<Option<CredSsp>, HttpError> {
    if config.auth != AuthMethod::CredSsp {
        return Ok(None);
    }
    let reason = "CredSSP needs a TLS of its own";
    let tls = config.inner_tls.clone().ok_or(HttpError::Config { field: "inner_tls", reason })?;
    Ok(Some(CredSsp { tls, min_version: config.credssp_min_version }))
}

fn binding(config: &ClientConfig) -> Option<ChannelBinding> {
    config.channel_binding.clone().filter(|_| config.scheme == Scheme::Https)
}
