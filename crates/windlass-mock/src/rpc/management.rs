//! The remote management interface that every RPC server has (C706 appendix Q).

use uuid::Uuid;
use windlass_rpc::SyntaxId;
use windlass_rpc::ndr::Writer;
use windlass_rpc::pdu::{AuthLevel, FaultStatus};

use super::{RpcCall, RpcReply, RpcService};

/// `mgmt`.
const INTERFACE: SyntaxId = SyntaxId::new(Uuid::from_u128(0xafa8bd80_7d8a_11c9_bef4_08002b102989), 1, 0);

const INQ_IF_IDS: u16 = 0;
const IS_SERVER_LISTENING: u16 = 2;
const STOP_SERVER_LISTENING: u16 = 3;

/// Tells which interfaces there are and that the server listens; it does not let itself be stopped.
pub(super) struct Management(Vec<SyntaxId>);

impl Management {
    pub(super) fn new(mut interfaces: Vec<SyntaxId>) -> Self {
        interfaces.push(INTERFACE);
        Self(interfaces)
    }

    fn execute(&self, opnum: u16) -> Result<Vec<u8>, FaultStatus> {
        let mut writer = Writer::new();
        match opnum {
            INQ_IF_IDS => {
                writer.unique_ptr(true);
                writer.conformant_count(self.0.len());
                writer.count(self.0.len());
                for _ in &self.0 {
                    writer.unique_ptr(true);
                }
                for interface in &self.0 {
                    writer.uuid(&interface.uuid);
                    writer.u16(interface.major);
                    writer.u16(interface.minor);
                }
                writer.u32(0);
            }
            IS_SERVER_LISTENING => {
                writer.u32(0);
                writer.u32(1);
            }
            STOP_SERVER_LISTENING => return Err(FaultStatus::ACCESS_DENIED),
            1 | 4 => return Err(FaultStatus::UNSPECIFIED),
            _ => return Err(FaultStatus::OP_RANGE),
        }
        Ok(writer.into_bytes())
    }
}

impl RpcService for Management {
    fn interfaces(&self) -> Vec<SyntaxId> {
        vec![INTERFACE]
    }

    fn minimum_level(&self, _interface: &SyntaxId, _opnum: u16) -> AuthLevel {
        AuthLevel::None
    }

    fn call(&self, call: RpcCall) -> RpcReply<'_> {
        Box::pin(std::future::ready(self.execute(call.opnum)))
    }
}
