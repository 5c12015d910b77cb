//! Samba's interface for trying RPC out: numbers and bytes go out and come back.

use uuid::Uuid;
use windlass_rpc::SyntaxId;
use windlass_rpc::ndr::{Limits, NdrError, Reader, Writer};
use windlass_rpc::pdu::{AuthLevel, FaultStatus};

use super::{RpcCall, RpcReply, RpcService};

/// `rpcecho`.
const INTERFACE: SyntaxId = SyntaxId::new(Uuid::from_u128(0x60a15ec5_4de8_11d7_a637_005056a20182), 1, 0);

const ADD_ONE: u16 = 0;
const ECHO_DATA: u16 = 1;
const SINK_DATA: u16 = 2;
const SOURCE_DATA: u16 = 3;
/// The most bytes that are made on request.
const MAX_SOURCE: usize = 4 << 20;

/// The operations of `rpcecho` that move numbers and bytes. Does not ask who calls.
#[derive(Debug, Clone, Copy, Default)]
pub struct EchoService;

impl EchoService {
    /// The interface.
    pub const INTERFACE: SyntaxId = INTERFACE;

    fn execute(opnum: u16, stub: &[u8]) -> Result<Vec<u8>, FaultStatus> {
        let malformed = |_: NdrError| FaultStatus::BAD_STUB_DATA;
        let mut reader = Reader::new(stub, Limits::default());
        let mut writer = Writer::new();
        let number = match opnum {
            ADD_ONE | ECHO_DATA | SINK_DATA | SOURCE_DATA => reader.u32("len").map_err(malformed)?,
            _ => return Err(FaultStatus::OP_RANGE),
        };
        match opnum {
            ADD_ONE => writer.u32(number.wrapping_add(1)),
            ECHO_DATA | SINK_DATA => {
                let data = reader.conformant_bytes("in_data").map_err(malformed)?;
                if usize::try_from(number) != Ok(data.len()) {
                    return Err(FaultStatus::BAD_STUB_DATA);
                }
                if opnum == ECHO_DATA {
                    writer.conformant_bytes(data);
                }
            }
            _ => {
                let count = usize::try_from(number).unwrap_or(usize::MAX);
                if count > MAX_SOURCE {
                    return Err(FaultStatus::OUT_ARGS_TOO_BIG);
                }
                let data: Vec<u8> = (0..=u8::MAX).cycle().take(count).collect();
                writer.conformant_bytes(&data);
            }
        }
        Ok(writer.into_bytes())
    }
}

impl RpcService for EchoService {
    fn interfaces(&self) -> Vec<SyntaxId> {
        vec![INTERFACE]
    }

    fn annotation(&self) -> &'static str {
        "Echo for trials"
    }

    fn minimum_level(&self, _interface: &SyntaxId, _opnum: u16) -> AuthLevel {
        AuthLevel::None
    }

    fn call(&self, call: RpcCall) -> RpcReply<'_> {
        Box::pin(std::future::ready(Self::execute(call.opnum, &call.stub)))
    }
}
