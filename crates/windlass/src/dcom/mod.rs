//! CIM over DCOM: activation, namespaces and objects of WMI ([MS-DCOM] 3.2, [MS-WMI] 3.2).
//!
//! A session has one connection to the resolver while it activates, and one to the exporter. What the
//! server says of addresses is not believed: the computer that was dialled is dialled again, only the port
//! is taken.

mod calls;
mod enumeration;
mod operations;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::Mutex;
use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_net::{Dial, RpcOptions, RpcSecurity};
use windlass_rpc::pdu::AuthLevel;

use self::calls::Exporter;
use crate::error::{Error, Layer};
use crate::tasks::Tasks;

pub(crate) use enumeration::Wanted;

/// The port of the resolver.
pub(crate) const RESOLVER_PORT: u16 = 135;

/// How CIM over DCOM protects calls (`-PacketIntegrity`, `-PacketPrivacy`) and fetches instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DcomOptions {
    /// Whether nobody on the way can read calls; otherwise nobody can change them.
    pub packet_privacy: bool,
    /// Whether many instances come in one packet with their class once, as soon as the first answer has not
    /// brought all of them. It costs two trips more.
    pub smart_enumeration: bool,
}

impl Default for DcomOptions {
    /// Encrypted calls, packets of many instances.
    fn default() -> Self {
        Self { packet_privacy: true, smart_enumeration: true }
    }
}

impl DcomOptions {
    pub(crate) fn level(self) -> AuthLevel {
        if self.packet_privacy { AuthLevel::Privacy } else { AuthLevel::Integrity }
    }
}

/// What a session over DCOM is made with.
pub(crate) struct Setup {
    pub(crate) computer: String,
    pub(crate) port: u16,
    /// `None` for the host in this process, which trusts it.
    pub(crate) security: Option<RpcSecurity>,
    pub(crate) rpc: RpcOptions,
    pub(crate) dial: Option<Arc<dyn Dial>>,
    pub(crate) options: DcomOptions,
    /// The languages of texts, the preferred one first.
    pub(crate) locale: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

/// A client of WMI on one computer.
pub(crate) struct DcomClient {
    setup: Setup,
    tasks: Tasks,
    exporter: Mutex<Option<Arc<Exporter>>>,
    /// The namespaces that are open, with the exporter that they are at.
    namespaces: Mutex<HashMap<String, (Arc<Exporter>, Uuid)>>,
    exchanges: Arc<AtomicU64>,
}

impl DcomClient {
    pub(crate) fn new(setup: Setup, tasks: Tasks) -> Self {
        Self {
            setup,
            tasks,
            exporter: Mutex::new(None),
            namespaces: Mutex::default(),
            exchanges: Arc::default(),
        }
    }

    fn host(&self) -> String {
        format!("{}:{}", self.setup.computer, self.setup.port)
    }

    /// Requests that waited for an answer so far: binds and calls.
    pub(crate) fn exchanges(&self) -> u64 {
        self.exchanges.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What crossed the wire so far.
    pub(crate) fn counts(&self) -> windlass_net::Counts {
        self.setup.rpc.counters.snapshot()
    }

    fn broken(&self, reason: impl std::fmt::Display) -> Error {
        Error::protocol(Layer::Cim, &self.host(), reason)
    }

    fn failed(&self, code: Hresult) -> Error {
        Error::from_hresult(&self.host(), code)
    }
}
