//! One shell of a host: what PowerShell sessions and `cmd` shells have in common ([MS-WSMV] 3.1.4).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;
use windlass_net::{Gate, Lane, Repetition, in_time};
use windlass_soap::OptionSet;
use windlass_wsman::client::{Session, ShellTarget, uuid_uri};
use windlass_wsman::xpress::{self, Decompressor, Packer};
use windlass_wsman::{
    CommandLine, CommandState, Connect, ConnectResponse, Create, CreateResponse, Disconnect, Operation,
    Payload, ReceiveOutput, ReceiveResponse, Request, RunState, SendInput, Shell, Signal, SignalCode, Stream,
};

use crate::client::{Client, Sending};
use crate::error::{Error, Layer, Result};
use crate::patience::Patience;
use crate::tasks::Tasks;

/// Most bytes that the compressed pieces of one answer may become.
const MOST_UNPACKED: usize = 64 << 20;

/// What a shell says whose streams are compressed.
const COMPRESSED: &str = "XpressCompression";

/// An open shell.
pub(crate) struct RemoteShell {
    client: Arc<Client>,
    target: ShellTarget,
    /// Whether streams are compressed.
    compressed: bool,
    packer: Mutex<Packer>,
}

/// Output of a shell or a command.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Pieces of streams, in order.
    pub(crate) pieces: Vec<Piece>,
    /// The command's state after them.
    pub(crate) state: Option<CommandState>,
    /// A piece is another command's.
    is_mixed: bool,
}

/// A piece of a stream.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) is_stderr: bool,
    pub(crate) data: Vec<u8>,
}

/// The Receives of one command, or of the shell: one operation whose messages are counted, so that a
/// host can tell one that is repeated from the next ([MS-WSMV] 2.2.4.34).
#[derive(Debug)]
pub(crate) struct Receiving {
    command: Option<String>,
    streams: &'static [&'static str],
    operation: Uuid,
    sequence: u64,
    is_probing: bool,
}

/// How long a host may take to answer that the network works again.
const PROBE: Duration = Duration::from_secs(2);

impl Receiving {
    /// Of a command, or of the shell.
    pub(crate) fn new(command: Option<String>, streams: &'static [&'static str]) -> Self {
        Self { command, streams, operation: Client::new_id(), sequence: 1, is_probing: false }
    }

    /// Whether the next Receive is to show that the network works: it is answered soon, and what brings nothing
    /// is told, too.
    pub(crate) fn set_probing(&mut self, is_probing: bool) {
        self.is_probing = is_probing;
    }

    fn request(&self, target: &ShellTarget, session: &Session) -> Request<'static> {
        let output = ReceiveOutput {
            command_id: self.command.clone(),
            streams: self.streams.iter().map(|&name| name.to_owned()).collect(),
            sequence_id: None,
        };
        let mut request = target.receive(session, Client::new_id(), output);
        request.header.operation_id = Some(uuid_uri(self.operation));
        request.header.sequence_id = Some(self.sequence);
        if self.is_probing {
            let usual = request.header.operation_timeout;
            request.header.operation_timeout = Some(usual.map_or(PROBE, |usual| usual.min(PROBE)));
        }
        request
    }
}

impl Received {
    /// Whether the command has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.state == RunState::Done)
    }

    fn from_response(
        response: ReceiveResponse<'_>,
        command: Option<&str>,
        compressed: bool,
    ) -> Result<Self, windlass_wsman::Error> {
        let is_other = |stream: &Stream<'_>| match (command, &stream.command_id) {
            (Some(command), Some(named)) => !named.eq_ignore_ascii_case(command),
            _ => false,
        };
        let is_mixed = response.streams.iter().any(is_other);
        let mut pieces = Vec::with_capacity(response.streams.len());
        let mut room = MOST_UNPACKED;
        for stream in &response.streams {
            let mut data = Vec::with_capacity(stream.data.size_hint());
            stream.data.decode_into(&mut data)?;
            if compressed {
                let mut plain = Vec::new();
                Decompressor::new(room).decompress(&data, &mut plain)?;
                room = room.saturating_sub(plain.len());
                data = plain;
            }
            if !data.is_empty() {
                pieces.push(Piece { is_stderr: stream.name == "stderr", data });
            }
        }
        Ok(Self { pieces, state: response.state, is_mixed })
    }
}

impl RemoteShell {
    /// Opens a shell. The answer tells its id, which may differ from the one that was proposed.
    ///
    /// Run this where it is carried through: a Create whose answer nobody takes leaves a shell behind.
    pub(crate) async fn open(
        client: Arc<Client>,
        resource_uri: &str,
        shell: Shell<'_>,
        options: OptionSet,
        compress: bool,
        tasks: &Tasks,
    ) -> Result<Self> {
        let compression = compress.then_some(xpress::NAME);
        let session = client.session();
        let request = session.create_shell(resource_uri, shell, options, compression, Client::new_id());
        let proposed = match &request.operation {
            Operation::Create(Create::Shell(shell)) => shell.shell_id.clone(),
            _ => None,
        };
        let sending = if proposed.is_some() { Sending::UNIQUE } else { Sending::ONCE };
        let created = client
            .call(&request, sending, |reply| {
                let created = CreateResponse::try_from(reply)?;
                let mode = created.shell.as_ref().and_then(|shell| shell.compression_mode.clone());
                Ok((created.shell_id().map(str::to_owned), mode))
            })
            .await;
        let (shell_id, mode) = match created {
            Ok((Some(id), mode)) => (id, mode),
            Ok((None, _)) => {
                let host = client.host();
                return Err(Error::protocol(
                    Layer::Wsman,
                    host,
                    "the host did not say which shell it opened",
                ));
            }
            Err(error) => {
                if let Some(id) = proposed.filter(|_| error.may_have_executed()) {
                    // The shell may exist although its answer was lost.
                    let lost = Self::attach(client, resource_uri, &id);
                    in_time(tasks.finish(async move { lost.delete(None).await })).await;
                }
                return Err(error);
            }
        };
        let mut shell = Self::attach(client, resource_uri, &shell_id);
        // A host that took the header and says nothing does as it was asked.
        shell.set_compressed(mode.as_deref().or(Some(COMPRESSED)).filter(|_| compress));
        Ok(shell)
    }

    /// A shell that is known to be open.
    pub(crate) fn attach(client: Arc<Client>, resource_uri: &str, shell_id: &str) -> Self {
        let target = ShellTarget::new(resource_uri, shell_id);
        Self { client, target, compressed: false, packer: Mutex::default() }
    }

    /// Takes over what the host says of the compression of a shell.
    pub(crate) fn set_compressed(&mut self, mode: Option<&str>) {
        self.compressed = mode.is_some_and(|mode| mode.eq_ignore_ascii_case(COMPRESSED));
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn id(&self) -> &str {
        &self.target.shell_id
    }

    /// How many bytes of a stream fit one Send.
    pub(crate) fn send_capacity(&self) -> usize {
        self.send_capacity_within(u64::MAX)
    }

    /// The same for a host that takes envelopes of no more than so many bytes.
    pub(crate) fn send_capacity_within(&self, most: u64) -> usize {
        let session = self.client.session();
        let envelope = usize::try_from(session.max_envelope_size.min(most)).unwrap_or(usize::MAX);
        let capacity = session.send_capacity(&self.target, envelope);
        // What does not get smaller is stored, with four bytes before each 64 KB.
        if self.compressed { capacity.saturating_sub(capacity / 16_384 + 4) } else { capacity }
    }

    /// Starts a command and returns the id that the host gave it.
    pub(crate) async fn command(&self, line: CommandLine<'_>, options: OptionSet) -> Result<String> {
        let session = self.client.session();
        let sending = if line.command_id.is_some() { Sending::UNIQUE } else { Sending::ONCE };
        let request = self.target.command(&session, Client::new_id(), line, options);
        self.client
            .call(&request, sending, |reply| Ok(windlass_wsman::CommandResponse::try_from(reply)?.command_id))
            .await
    }

    /// Sends bytes to a stream of a command, or of the shell; the end of the request waits for the gate, where
    /// there is one.
    pub(crate) async fn send(
        &self,
        command: Option<&str>,
        stream: &str,
        (data, last): (&[u8], bool),
        gate: Option<Gate>,
    ) -> Result<()> {
        let mut packed = Vec::new();
        let under_way = self.compressed.then(|| self.packer().pack(data, Instant::now, &mut packed));
        let data = if self.compressed { packed.as_slice() } else { data };
        let piece = Stream::new(stream, command, data);
        let piece = if last { piece.last() } else { piece };
        let session = self.client.session();
        let request = self.target.send(&session, Client::new_id(), SendInput { streams: vec![piece] });
        self.client.call(&request, Sending { gate, ..Sending::ONCE }, |_| Ok(())).await?;
        if let Some(payload) = under_way {
            self.packer().arrived(&payload, Instant::now());
        }
        Ok(())
    }

    fn packer(&self) -> MutexGuard<'_, Packer> {
        self.packer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for output of a command, or of the shell. The host answers each Receive within its
    /// time-out; one that brought nothing is repeated.
    pub(crate) async fn receive(&self, receiving: &mut Receiving) -> Result<Received> {
        let mut patience = Patience::default();
        loop {
            let asked = Instant::now();
            let session = self.client.session();
            let request = receiving.request(&self.target, &session);
            let received = self
                .client
                .call(&request, Sending::REPEATABLE, |reply| {
                    let response = ReceiveResponse::try_from(reply)?;
                    Ok(Received::from_response(response, receiving.command.as_deref(), self.compressed)?)
                })
                .await;
            match received {
                Err(error) if error.fault().is_some_and(windlass_soap::Fault::is_timeout) => {
                    if receiving.is_probing {
                        return Ok(Received::default());
                    }
                }
                Err(error) => return Err(error),
                Ok(received) if received.is_mixed => {
                    let reason = "the host sent output of another command than was asked for";
                    return Err(Error::protocol(Layer::Wsman, self.client.host(), reason));
                }
                Ok(received) => {
                    receiving.sequence += 1;
                    if !received.pieces.is_empty() || received.is_done() || receiving.is_probing {
                        return Ok(received);
                    }
                }
            }
            patience.after(asked.elapsed()).await;
        }
    }

    /// Signals a command, ahead of all work. Only its end does no harm when it comes twice: a program
    /// may count how often it is interrupted.
    pub(crate) async fn signal(
        &self,
        command: &str,
        code: SignalCode,
        limit: Option<Duration>,
    ) -> Result<()> {
        let session = self.client.session();
        let once = Sending { repetition: Repetition::Never, ..Sending::CLEAN_UP };
        let sending = if code == SignalCode::Terminate { Sending::CLEAN_UP } else { once };
        let request = self.target.signal(&session, Client::new_id(), Signal::new(command, code));
        self.clean_up(request, sending, limit).await
    }

    /// Closes the shell, ahead of all work. A shell that is gone already is closed.
    pub(crate) async fn delete(&self, limit: Option<Duration>) -> Result<()> {
        let session = self.client.session();
        let request = self.target.delete(&session, Client::new_id());
        self.clean_up(request, Sending::CLEAN_UP, limit).await
    }

    /// Leaves the shell, which lives on at the host.
    pub(crate) async fn disconnect(&self, disconnect: Disconnect) -> Result<()> {
        let session = self.client.session();
        let request = self.target.disconnect(&session, Client::new_id(), disconnect);
        self.client.call(&request, Sending { lane: Lane::CleanUp, ..Sending::ONCE }, |_| Ok(())).await
    }

    /// Comes back to the shell, or to one of its commands.
    pub(crate) async fn reconnect(&self, command: Option<String>) -> Result<()> {
        let session = self.client.session();
        let request = self.target.reconnect(&session, Client::new_id(), command);
        self.client.call(&request, Sending::ONCE, |_| Ok(())).await
    }

    /// Takes over the shell, or one of its commands, and returns what the host answers to `connect_xml`.
    pub(crate) async fn connect(
        &self,
        command: Option<String>,
        connect_xml: Option<&[u8]>,
        options: OptionSet,
    ) -> Result<Vec<u8>> {
        let session = self.client.session();
        let connect = Connect { command_id: command, connect_xml: connect_xml.map(Payload::bytes) };
        let request = self.target.connect(&session, Client::new_id(), connect, options);
        self.client
            .call(&request, Sending::ONCE, |reply| {
                let response = ConnectResponse::try_from(reply)?;
                Ok(response
                    .connect_response_xml
                    .map(|payload| payload.to_vec())
                    .transpose()?
                    .unwrap_or_default())
            })
            .await
    }

    /// What is gone needs no clean-up.
    async fn clean_up(
        &self,
        mut request: Request<'_>,
        sending: Sending,
        limit: Option<Duration>,
    ) -> Result<()> {
        if let Some(limit) = limit {
            request.header.operation_timeout = Some(limit);
        }
        match self.client.call(&request, sending, |_| Ok(())).await {
            Err(error) if is_gone(&error) => Ok(()),
            other => other,
        }
    }
}

/// Whether the fault says that the shell or the command does not exist any more.
pub(crate) fn is_gone(error: &Error) -> bool {
    error.fault().and_then(windlass_soap::Fault::code).is_some_and(|code| code.is_end_of_stream())
}
