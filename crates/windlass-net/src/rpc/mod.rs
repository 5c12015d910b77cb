//! DCE/RPC over TCP: one association, driven in the background.

mod driver;
mod listener;
mod security;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use windlass_rpc::epm::{self, MapRequest, MapResponse, Tower, TowerBinding};
use windlass_rpc::ndr::NdrError;
use windlass_rpc::pdu::{ContextOutcome, FaultStatus};
use windlass_rpc::{BoundInterface, CallRequest, ClientOptions, RpcError, SyntaxId};

use crate::timeouts::within;
use crate::{BoxStream, Counters, Endpoint, Error, KdcMap, Kerberos, NameMap, Stage, Timeouts, dial};
use driver::{Command, Driver};

pub use listener::{RpcAnswer, RpcHandler, RpcListener};
pub use security::RpcSecurity;

/// How RPC connections are opened and used.
#[derive(Clone)]
#[non_exhaustive]
pub struct RpcOptions {
    /// Names that do not resolve as the system says.
    pub names: NameMap,
    /// Where KDCs are.
    pub kdcs: KdcMap,
    /// Realms and tickets, shared with other connections. Without it nobody logs on with Kerberos.
    pub kerberos: Option<Kerberos>,
    /// Time limits: `resolve` and `connect` for the connection, `authenticate` for each bind with all the
    /// legs of its logon.
    pub timeouts: Timeouts,
    /// The time limit of a call that does not bring its own; `None` is no limit.
    pub call: Option<Duration>,
    /// What the association allows.
    pub association: ClientOptions,
    /// Counts what crosses.
    pub counters: Arc<Counters>,
}

impl Default for RpcOptions {
    /// Calls of up to 60 s.
    fn default() -> Self {
        Self {
            names: NameMap::new(),
            kdcs: KdcMap::default(),
            kerberos: None,
            timeouts: Timeouts::default(),
            call: Some(Duration::from_secs(60)),
            association: ClientOptions::default(),
            counters: Arc::default(),
        }
    }
}

/// What a bind brought.
#[derive(Debug, Clone)]
pub struct RpcBinding {
    /// The interfaces in the order in which they were given.
    pub interfaces: Vec<BoundInterface>,
    /// The security context, if one was asked for.
    pub security: Option<u32>,
}

impl RpcBinding {
    /// The presentation context of an interface, if the server serves it.
    pub fn context(&self, interface: &SyntaxId) -> Option<u16> {
        self.interfaces
            .iter()
            .find(|bound| bound.interface == *interface && bound.outcome == ContextOutcome::Accepted)
            .map(|bound| bound.context)
    }
}

/// One association with a server. Calls may run side by side; a call that is dropped or runs out of time
/// is given up at the server. Closes when dropped.
pub struct RpcConnection {
    peer: String,
    address: Option<IpAddr>,
    commands: mpsc::UnboundedSender<Command>,
    options: RpcOptions,
}

impl RpcConnection {
    /// Connects over TCP.
    ///
    /// # Errors
    /// The stage that failed ([`Stage::Resolve`], [`Stage::Connect`]), with the peer and the reason.
    pub async fn connect(host: &str, port: u16, options: RpcOptions) -> Result<Self, Error> {
        let endpoint = Endpoint::winrm(host, false).with_port(port);
        let stream = dial::dial(&endpoint, &options.names, &options.timeouts).await?;
        let peer = options.names.describe(&endpoint);
        let address = stream.peer_addr().ok().map(|address| address.ip().to_canonical());
        Ok(Self { address, ..Self::over(Box::new(stream), &peer, options) })
    }

    /// Uses a stream that is open. `peer` is what errors call the other side. Needs a runtime.
    pub fn over(stream: BoxStream, peer: &str, mut options: RpcOptions) -> Self {
        if let Some(kerberos) = &options.kerberos {
            options.kdcs.add_config(kerberos.config());
        }
        let (commands, receiver) = mpsc::unbounded_channel();
        options.counters.connected();
        let driver = Driver::new(peer, &options);
        tokio::spawn(driver.run(stream, receiver));
        Self { peer: peer.to_owned(), address: None, commands, options }
    }

    /// Whom the connection is with, as `host:port`.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The address that was dialled; `None` for a stream that is not TCP.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// What crossed, counted with the other users of the same counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.options.counters
    }

    /// Binds interfaces, and logs on if `security` is given. May be called again for more interfaces or
    /// another security context. An interface that is not served is no error: see the result.
    ///
    /// # Errors
    /// The logon or the association was refused, it took longer than [`Timeouts::authenticate`]
    /// ([`Stage::Authenticate`]), or the connection broke.
    pub async fn bind(
        &self,
        interfaces: &[SyntaxId],
        security: Option<&RpcSecurity>,
    ) -> Result<RpcBinding, Error> {
        let security = security
            .map(|security| security.initiator(&self.peer, self.options.kerberos.as_ref()))
            .transpose()?;
        let interfaces = interfaces.to_vec();
        let (reply, answer) = oneshot::channel();
        let command = Command::Bind { interfaces, security, reply };
        within(Stage::Authenticate, &self.peer, self.options.timeouts.authenticate, async {
            self.send(command)?;
            answer.await.unwrap_or_else(|_| Err(self.gone()))
        })
        .await
    }

    /// Binds one interface, which has to be served, and gives its presentation and security contexts.
    ///
    /// # Errors
    /// As [`bind`](Self::bind), and if the interface is not served.
    pub async fn bind_one(
        &self,
        interface: &SyntaxId,
        security: Option<&RpcSecurity>,
    ) -> Result<(u16, Option<u32>), Error> {
        let binding = self.bind(&[*interface], security).await?;
        match binding.context(interface) {
            Some(context) => Ok((context, binding.security)),
            None => {
                let outcome = binding.interfaces.first().map(|bound| bound.outcome);
                let reason = outcome.map(|outcome| outcome.to_string()).unwrap_or_default();
                Err(Error::NoInterface { peer: self.peer.clone(), interface: *interface, reason })
            }
        }
    }

    /// Makes a call within the time limit of the options.
    ///
    /// # Errors
    /// As [`call_within`](Self::call_within).
    pub async fn call(&self, request: CallRequest) -> Result<Vec<u8>, Error> {
        self.call_within(request, self.options.call).await
    }

    /// Makes a call and returns its results.
    ///
    /// # Errors
    /// [`Error::Fault`] if the server refused it or failed; [`Error::TimedOut`] with
    /// [`Stage::Operation`]; [`Error::Lost`] if the connection broke.
    pub async fn call_within(&self, request: CallRequest, limit: Option<Duration>) -> Result<Vec<u8>, Error> {
        let (reply, answer) = oneshot::channel();
        within(Stage::Operation, &self.peer, limit, async {
            // When this future is dropped, so is `answer`: the driver gives the call up.
            self.send(Command::Call { request, reply })?;
            answer.await.unwrap_or_else(|_| Err(self.gone()))
        })
        .await
    }

    /// The session key of a security context, for interfaces that encrypt parameters with it.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn session_key(&self, security: u32) -> Result<Option<windlass_core::SecretBytes>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::SessionKey { security, reply })?;
        answer.await.map_err(|_| self.gone())
    }

    /// Asks the endpoint mapper at the other end which TCP port serves an interface. Binds it first.
    ///
    /// # Errors
    /// As [`bind_one`](Self::bind_one) and [`call`](Self::call), and if the answer is malformed.
    /// `Ok(None)` if the interface is not registered.
    pub async fn map_port(
        &self,
        interface: &SyntaxId,
        security: Option<&RpcSecurity>,
    ) -> Result<Option<u16>, Error> {
        let (context, security) = self.bind_one(&epm::INTERFACE, security).await?;
        let question = MapRequest::new(Tower::tcp(&TowerBinding {
            interface: *interface,
            transfer_syntax: SyntaxId::NDR,
            port: 0,
            address: Ipv4Addr::UNSPECIFIED,
        }));
        let stub = question.encode();
        let request = CallRequest { context, security, opnum: epm::MAP, object: None, stub };
        let answer = self.call(request).await?;
        let answer = MapResponse::decode(&answer).map_err(|source| self.stub("epm", source))?;
        Ok(answer.tcp_ports().next())
    }

    /// An error about results that cannot be read.
    pub fn stub(&self, interface: &'static str, source: NdrError) -> Error {
        Error::Rpc { peer: self.peer.clone(), source: RpcError::Stub { interface, source } }
    }

    fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).map_err(|_| self.gone())
    }

    fn gone(&self) -> Error {
        let reason = "the connection was closed before".to_owned();
        Error::Lost { peer: self.peer.clone(), reason, executed: false }
    }
}

/// Whether a fault says that the caller was not let in.
pub(crate) fn is_refusal(status: FaultStatus) -> bool {
    matches!(status, FaultStatus::ACCESS_DENIED | FaultStatus::SECURITY_PACKAGE)
}
