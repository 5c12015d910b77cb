//! The host as a client: calls to objects that its own clients export.

use std::io;
use std::net::SocketAddr;

use thiserror::Error as ThisError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;
use windlass_rpc::pdu::{ContextOutcome, FaultStatus};
use windlass_rpc::{CallRequest, ClientAssociation, ClientEvent, ClientOptions, RpcError, SyntaxId};

/// How much is read at once.
const READ_SIZE: usize = 16 << 10;
/// The most that one answer may have: those that the host asks for are short.
const MOST_ANSWERED: usize = 64 << 10;

/// Why a call has no answer.
#[derive(Debug, ThisError)]
pub(crate) enum CallError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Rpc(#[from] RpcError),
    #[error("the call was refused: {0}")]
    Fault(FaultStatus),
    #[error("it does not serve the interface {0}")]
    NoInterface(Uuid),
    #[error("the peer closed the connection")]
    Closed,
}

/// An anonymous connection to somebody's exporter. Calls go one after the other. Whoever uses it sets the time
/// limits; after a call that was dropped, the connection is of no use.
pub(crate) struct Outward {
    stream: TcpStream,
    association: ClientAssociation,
    buffer: Vec<u8>,
}

impl Outward {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, CallError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut options = ClientOptions::default();
        options.max_response = MOST_ANSWERED;
        Ok(Self { stream, association: ClientAssociation::new(options), buffer: vec![0; READ_SIZE] })
    }

    /// Binds interfaces of version 0.0, all of which have to be served, and gives their contexts.
    pub(crate) async fn bind(&mut self, interfaces: &[Uuid]) -> Result<Vec<u16>, CallError> {
        let wanted: Vec<_> = interfaces.iter().map(|uuid| SyntaxId::new(*uuid, 0, 0)).collect();
        self.association.bind(&wanted, None)?;
        loop {
            match self.event().await? {
                ClientEvent::Bound { interfaces, .. } => {
                    let contexts = interfaces.iter().map(|bound| match bound.outcome {
                        ContextOutcome::Accepted => Ok(bound.context),
                        _ => Err(CallError::NoInterface(bound.interface.uuid)),
                    });
                    return contexts.collect();
                }
                ClientEvent::BindFailed(error) => return Err(error.into()),
                _ => {}
            }
        }
    }

    pub(crate) async fn call(
        &mut self,
        context: u16,
        opnum: u16,
        object: Option<Uuid>,
        stub: Vec<u8>,
    ) -> Result<Vec<u8>, CallError> {
        let request = CallRequest { context, security: None, opnum, object, stub };
        let number = self.association.call(request)?;
        loop {
            match self.event().await? {
                ClientEvent::Response { call, stub } if call == number => return Ok(stub),
                ClientEvent::Fault { call, status, .. } if call == number => {
                    return Err(CallError::Fault(status));
                }
                _ => {}
            }
        }
    }

    /// Waits, while no call is under way, until the peer hangs up or sends what nobody asked for.
    pub(crate) async fn hung_up(&mut self) -> CallError {
        loop {
            if let Err(error) = self.event().await {
                return error;
            }
        }
    }

    async fn event(&mut self) -> Result<ClientEvent, CallError> {
        loop {
            if let Some(event) = self.association.poll_event() {
                return Ok(event);
            }
            while let Some(bytes) = self.association.poll_transmit() {
                self.stream.write_all(&bytes).await?;
            }
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err(CallError::Closed),
                read => self.association.receive(self.buffer.get(..read).unwrap_or_default())?,
            }
        }
    }
}
