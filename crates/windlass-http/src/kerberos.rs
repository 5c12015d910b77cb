//! What the connections of either side share for Kerberos, and the contexts made of it.

use std::net::IpAddr;
use std::sync::Arc;

use windlass_auth::kerberos::{ForeignKerberos, Keytab, Krb5Config, ReplayCache, TicketStore};
use windlass_auth::spnego::{AcceptorFactory, MechType, Mechanism};
use windlass_auth::{
    AuthError, KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator, KerberosInitiatorOptions,
    NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions, SecurityContext, SpnegoAcceptor,
    SpnegoInitiator,
};

/// What the connections of a client share for Kerberos.
#[derive(Debug, Clone, Default)]
pub struct KerberosClient {
    /// What is known of realms.
    pub config: Arc<Krb5Config>,
    /// The tickets that are held.
    pub tickets: Arc<TicketStore>,
    /// What makes the contexts in place of this project's own Kerberos.
    pub foreign: Option<Arc<dyn ForeignKerberos>>,
}

/// What the connections of a host share for Kerberos.
#[derive(Debug, Clone, Default)]
pub struct KerberosServer {
    /// The keys of the service.
    pub keytab: Arc<Keytab>,
    /// What was presented before.
    pub replay: Arc<ReplayCache>,
}

impl KerberosClient {
    /// What a context is made of, given what NTLM would be made of.
    pub(crate) fn options(&self, ntlm: &NtlmInitiatorOptions) -> KerberosInitiatorOptions {
        let mut options = KerberosInitiatorOptions::new(
            ntlm.credential.clone(),
            ntlm.target.as_deref().unwrap_or_default(),
            Arc::clone(&self.config),
            Arc::clone(&self.tickets),
            ntlm.now,
        );
        options.channel_binding.clone_from(&ntlm.channel_binding);
        options
    }

    /// Kerberos on its own.
    pub(crate) fn initiator(
        &self,
        options: KerberosInitiatorOptions,
    ) -> Result<Box<dyn SecurityContext>, AuthError> {
        let Some(foreign) = &self.foreign else { return Ok(Box::new(KerberosInitiator::new(options))) };
        let KerberosInitiatorOptions { credential, service, channel_binding, .. } = &options;
        let host = service.split_once('/').map_or("", |(_, host)| host);
        let host = host.split(':').next().unwrap_or_default();
        foreign.initiator(credential, service, self.config.realm_of_host(host), channel_binding.as_ref())
    }
}

impl KerberosServer {
    fn options(&self, ntlm: &NtlmAcceptorOptions) -> KerberosAcceptorOptions {
        let mut options =
            KerberosAcceptorOptions::new(Arc::clone(&self.keytab), Arc::clone(&self.replay), ntlm.now);
        options.channel_binding.clone_from(&ntlm.channel_binding);
        options.binding_policy = ntlm.binding_policy;
        options.services.clone_from(&ntlm.targets);
        options
    }

    /// Kerberos on its own.
    pub(crate) fn acceptor(&self, ntlm: &NtlmAcceptorOptions) -> KerberosAcceptor {
        KerberosAcceptor::new(self.options(ntlm))
    }
}

/// SPNEGO with the mechanisms that the credential fits: Kerberos first where it is worth a try, then NTLM
/// where it is allowed.
///
/// # Errors
/// The credential fits none of them.
pub fn negotiate(
    kerberos: Option<&KerberosClient>,
    ntlm: NtlmInitiatorOptions,
    forbid_ntlm: bool,
) -> Result<SpnegoInitiator, AuthError> {
    let mut mechanisms = Vec::new();
    let has_password = ntlm.credential.nt_hash().is_some();
    if let Some(kerberos) = kerberos {
        let options = kerberos.options(&ntlm);
        if options.is_promising() || forbid_ntlm || !has_password {
            let context = kerberos.initiator(options)?;
            mechanisms.push(Mechanism { mech_type: MechType::kerberos(), context });
        }
    }
    if has_password && !forbid_ntlm {
        let context = Box::new(NtlmInitiator::new(ntlm));
        mechanisms.push(Mechanism { mech_type: MechType::ntlm(), context });
    }
    SpnegoInitiator::new(mechanisms)
}

/// SPNEGO, and raw tokens in its place, for the mechanisms that the host has.
pub(crate) fn accept(
    kerberos: Option<&KerberosServer>,
    ntlm: &NtlmAcceptorOptions,
    allow_ntlm: bool,
) -> Box<dyn SecurityContext> {
    let mut offered: Vec<(MechType, AcceptorFactory)> = Vec::new();
    if let Some(kerberos) = kerberos {
        let options = kerberos.options(ntlm);
        offered.push((MechType::kerberos(), Box::new(move || Box::new(KerberosAcceptor::new(options)))));
    }
    if allow_ntlm {
        let options = ntlm.clone();
        offered.push((MechType::ntlm(), Box::new(move || Box::new(NtlmAcceptor::new(options)))));
    }
    Box::new(SpnegoAcceptor::new(offered))
}

/// Whether a service principal name leads to an address instead of a name: nobody has tickets for those.
pub(crate) fn names_an_address(target: &str) -> bool {
    let host = target.split_once('/').map_or(target, |(_, host)| host);
    host.starts_with('[') || host.parse::<IpAddr>().is_ok()
}
