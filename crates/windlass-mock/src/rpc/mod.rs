//! DCE/RPC over TCP: interfaces that clients bind to and call.

mod echo;
mod endpoint;
mod listener;
mod management;
mod mapper;
mod outward;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use uuid::Uuid;
use windlass_rpc::pdu::{AuthLevel, FaultStatus};
use windlass_rpc::{Caller, SyntaxId};

use crate::powershell::Stop;

pub use echo::EchoService;
pub(crate) use endpoint::{Groups, Services};
pub(crate) use listener::serve;
pub(crate) use outward::{CallError, Outward};

/// A call to an [`RpcService`].
#[derive(Debug, Clone)]
pub struct RpcCall {
    /// The interface that the client bound to.
    pub interface: SyntaxId,
    /// The operation.
    pub opnum: u16,
    /// The object; for DCOM the IPID.
    pub object: Option<Uuid>,
    /// The parameters.
    pub stub: Vec<u8>,
    /// Who calls, and how the call is protected.
    pub caller: Caller,
    /// The connection that it came over.
    pub connection: RpcConnectionInfo,
    /// Given when the client would like the call to end early.
    pub cancelled: Stop,
}

/// A connection that calls come over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RpcConnectionInfo {
    /// Tells connections of one host apart.
    pub id: u64,
    /// The host's address as the client dialled it; `None` for a connection in memory.
    pub local: Option<SocketAddr>,
    /// The client's address; `None` for a connection in memory.
    pub peer: Option<SocketAddr>,
}

/// The results of a call on their way, or the fault that it ends with.
pub type RpcReply<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FaultStatus>> + Send + 'a>>;

/// Interfaces that the host serves over RPC.
pub trait RpcService: Send + Sync {
    /// The interfaces, each with the highest minor version that is served.
    fn interfaces(&self) -> Vec<SyntaxId>;

    /// What the endpoint mapper says about them; at most 63 bytes.
    fn annotation(&self) -> &str {
        ""
    }

    /// The least protection that a call must have. Calls below it are refused with access denied. Only
    /// operations that tell nothing and change nothing may do with less than integrity.
    fn minimum_level(&self, _interface: &SyntaxId, _opnum: u16) -> AuthLevel {
        AuthLevel::Integrity
    }

    /// Executes a call. Dropping what it returns gives the call up.
    fn call(&self, call: RpcCall) -> RpcReply<'_>;
}
