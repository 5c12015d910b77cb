//! The endpoint mapper of a host.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use windlass_rpc::SyntaxId;
use windlass_rpc::epm::{self, Mapper, Registration};
use windlass_rpc::pdu::AuthLevel;

use super::{RpcCall, RpcReply, RpcService};

/// Lists the services of the host. Anybody may ask.
pub(super) struct EndpointMapper(Mapper);

impl EndpointMapper {
    pub(super) fn new(services: &[Arc<dyn RpcService>], port: u16) -> Self {
        let mut entries: Vec<Registration> = services
            .iter()
            .flat_map(|service| {
                let annotation = service.annotation().to_owned();
                service.interfaces().into_iter().map(move |interface| Registration {
                    interface,
                    port,
                    annotation: annotation.clone(),
                })
            })
            .collect();
        let annotation = "Endpoint mapper".to_owned();
        entries.push(Registration { interface: epm::INTERFACE, port, annotation });
        Self(Mapper::new(entries))
    }
}

impl RpcService for EndpointMapper {
    fn interfaces(&self) -> Vec<SyntaxId> {
        vec![epm::INTERFACE]
    }

    fn minimum_level(&self, _interface: &SyntaxId, _opnum: u16) -> AuthLevel {
        AuthLevel::None
    }

    fn call(&self, call: RpcCall) -> RpcReply<'_> {
        // Towers have room for four bytes; a client that came over IPv6 knows where it dialled.
        let address = match call.connection.local.map(|local| local.ip()) {
            Some(IpAddr::V4(address)) => address,
            Some(IpAddr::V6(address)) => address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED),
            None => Ipv4Addr::LOCALHOST,
        };
        let result = self.0.call(call.opnum, &call.stub, address);
        Box::pin(std::future::ready(result))
    }
}
