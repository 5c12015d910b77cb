//! What a session over DCOM is made with.

use std::sync::Arc;
use std::time::Duration;

use windlass_core::status::Hresult;
use windlass_net::{BoxStream, Dial, Endpoint, RpcConnection, RpcOptions, RpcSecurity, Stage, within};
use windlass_rpc::pdu::AuthLevel;

use crate::error::{Error, Layer, Result};

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
}

impl Setup {
    pub(super) fn host(&self) -> String {
        match &self.dial {
            Some(_) => self.computer.clone(),
            None => {
                let endpoint = Endpoint::winrm(&self.computer, false).with_port(self.port);
                self.rpc.names.describe(&endpoint)
            }
        }
    }

    pub(super) fn broken(&self, reason: impl std::fmt::Display) -> Error {
        Error::protocol(Layer::Cim, &self.host(), reason)
    }

    pub(super) fn failed(&self, code: Hresult) -> Error {
        Error::from_hresult(&self.host(), code)
    }

    /// How a call failed. A fault of the server may be an HRESULT.
    pub(super) fn fault(&self, error: windlass_net::Error) -> Error {
        match &error {
            windlass_net::Error::Fault { status, .. } if status.0 & 0x8000_0000 != 0 => {
                self.failed(Hresult(status.0))
            }
            _ => Error::from_rpc(error),
        }
    }

    /// A connection to a port of the computer.
    pub(super) async fn connect(&self, port: u16) -> Result<RpcConnection> {
        match &self.dial {
            Some(dial) => {
                let (host, limit) = (self.host(), self.rpc.timeouts.connect);
                let dialled = within(Stage::Connect, &host, limit, async {
                    let unreachable = |source| windlass_net::Error::Connect { peer: host.clone(), source };
                    dial.dial().await.map_err(unreachable)
                });
                let stream: BoxStream = dialled.await.map_err(Error::from_rpc)?;
                Ok(RpcConnection::over(stream, &self.computer, self.rpc.clone()))
            }
            None => {
                let connected = RpcConnection::connect(&self.computer, port, self.rpc.clone()).await;
                connected.map_err(Error::from_rpc)
            }
        }
    }

    /// How long what happens before the first call of WMI may take, each stage of it.
    pub(super) fn opening(&self) -> Option<Duration> {
        self.rpc.timeouts.authenticate
    }
}
