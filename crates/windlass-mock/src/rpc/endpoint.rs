//! What all associations of a host are served from.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use windlass_auth::spnego::{AcceptorFactory, MechType};
use windlass_auth::{
    KerberosAcceptor, KerberosAcceptorOptions, NtlmAcceptor, NtlmAcceptorOptions, SecurityContext,
    SpnegoAcceptor,
};
use windlass_rpc::pdu::AuthType;
use windlass_rpc::{Endpoint, SyntaxId};

use super::RpcService;
use super::management::Management;
use super::mapper::EndpointMapper;
use crate::host::Host;
use crate::listener::file_time;

/// The services of a host, by interface.
pub(crate) struct Services {
    services: Vec<Arc<dyn RpcService>>,
}

impl Services {
    /// These, with the endpoint mapper and the management interface on top. `port` is where they are
    /// served; `None` where nothing listens.
    pub(crate) fn new(mut services: Vec<Arc<dyn RpcService>>, port: Option<u16>) -> Self {
        let mapper = EndpointMapper::new(&services, port.unwrap_or_default());
        services.push(Arc::new(mapper));
        let interfaces = services.iter().flat_map(|service| service.interfaces()).collect();
        services.push(Arc::new(Management::new(interfaces)));
        Self { services }
    }

    /// The service that an interface belongs to.
    pub(crate) fn find(&self, wanted: &SyntaxId) -> Option<&Arc<dyn RpcService>> {
        self.services
            .iter()
            .find(|service| service.interfaces().iter().any(|interface| interface.serves(wanted)))
    }
}

/// The association groups of a host: connections of one client that belong together.
#[derive(Debug, Default)]
pub(crate) struct Groups(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    last: u32,
    open: BTreeSet<u32>,
}

impl Groups {
    fn join(&self, wanted: u32) -> Option<u32> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted != 0 {
            return known.open.contains(&wanted).then_some(wanted);
        }
        known.last = known.last.checked_add(1).unwrap_or(1);
        let group = known.last;
        known.open.insert(group);
        // Groups hold nothing: the oldest can be forgotten.
        if known.open.len() > 10_000 {
            known.open.pop_first();
        }
        Some(group)
    }
}

impl Host {
    /// Whether clients may log on over RPC with this provider.
    pub(crate) fn offers(&self, auth_type: AuthType) -> bool {
        let offered = &self.config.authentication;
        let kerberos = offered.kerberos && self.gate.kerberos.is_some();
        match auth_type {
            AuthType::NTLM => offered.ntlm,
            AuthType::KERBEROS => kerberos,
            AuthType::SPNEGO => offered.negotiate || kerberos,
            _ => false,
        }
    }
}

impl Endpoint for Host {
    fn serves(&self, interface: &SyntaxId) -> bool {
        self.rpc_services.get().is_some_and(|services| services.find(interface).is_some())
    }

    fn acceptor(&self, auth_type: AuthType) -> Option<Box<dyn SecurityContext>> {
        if !self.offers(auth_type) {
            return None;
        }
        let config = &self.config;
        let now = file_time(SystemTime::now());
        let accounts = Arc::clone(&self.gate.accounts);
        let options = NtlmAcceptorOptions::new(accounts, &config.computer, now);
        let kerberos = self.gate.kerberos.as_ref().filter(|_| config.authentication.kerberos).map(|shared| {
            KerberosAcceptorOptions::new(Arc::clone(&shared.keytab), Arc::clone(&shared.replay), now)
        });
        match auth_type {
            AuthType::NTLM => Some(Box::new(NtlmAcceptor::new(options))),
            AuthType::KERBEROS => Some(Box::new(KerberosAcceptor::new(kerberos?))),
            AuthType::SPNEGO => {
                let mut offered: Vec<(MechType, AcceptorFactory)> = Vec::new();
                if let Some(kerberos) = kerberos {
                    let make: AcceptorFactory = Box::new(move || Box::new(KerberosAcceptor::new(kerberos)));
                    offered.push((MechType::kerberos(), make));
                }
                if config.authentication.negotiate {
                    let make: AcceptorFactory = Box::new(move || Box::new(NtlmAcceptor::new(options)));
                    offered.push((MechType::ntlm(), make));
                }
                Some(Box::new(SpnegoAcceptor::new(offered)))
            }
            _ => None,
        }
    }

    fn join_group(&self, wanted: u32) -> Option<u32> {
        self.rpc_groups.join(wanted)
    }
}
