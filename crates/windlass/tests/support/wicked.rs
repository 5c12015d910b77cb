//! A server in memory that opens one PowerShell session and has one vice.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use uuid::Uuid;
use windlass::{Authentication, Target};
use windlass_psrp::fragment::Fragmenter;
use windlass_psrp::message::Destination;
use windlass_psrp::{
    Message, MessageType, PipelineState, ServerEvent, ServerOptions, ServerPool, Stream as Lane,
};
use windlass_soap::{EndpointReference, SelectorSet};
use windlass_wsman::{
    CommandResponse, CommandState, Create, CreateResponse, Fault, Limits, Operation, Payload,
    ReceiveResponse, Reply, Request, Response, RunState, Stream, decode_request,
};

/// What the server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vice {
    None,
    /// It never answers requests with this action.
    Silent(&'static str),
    /// Everything with this action times out.
    TimedOut(&'static str),
    /// It knows nothing of the shell when requests with this action come.
    Gone(&'static str),
    /// It knows nothing of the shell once a command was started in it.
    Drops,
    /// The connection is lost once, when a request with this action has been carried out.
    Lost(&'static str),
    /// It is far away: each answer takes [`ROUND_TRIP`].
    Far,
    /// A pipeline says 1, and nothing more until it is told to go on ([`Wicked::go_on`]).
    Slow,
    /// It gives the shell another id.
    OtherShell,
    /// It gives the command another id.
    OtherCommand,
    /// It sends output under the id of another command.
    OtherStream,
    /// It ends the command and does not say how the pipeline ended.
    NoEnd,
    /// Each Receive of a command brings nothing, at once.
    Hasty,
    /// A pipeline brings this message: kind, pool and data.
    Pipeline(MessageType, Uuid, &'static str),
    /// Opening brings this message of the pool before all others.
    Pool(MessageType, Uuid, &'static str),
    /// The end of the pipeline comes twice, with output between.
    EndsTwice,
    /// Fragments of a pipeline are bytes like these.
    Noise(&'static [u8]),
}

/// The pool's own id stands for itself in a vice.
pub const THIS_POOL: Uuid = Uuid::nil();

pub struct Wicked(Mutex<State>, watch::Sender<bool>);

struct State {
    vice: Vice,
    pool: ServerPool,
    shell: String,
    raw: Vec<u8>,
    has_lost: bool,
    /// The pipeline that is to go on.
    slow: Option<Uuid>,
    /// Actions of the requests that came.
    seen: Vec<String>,
}

enum Answer {
    Now(Box<Reply<'static>>),
    /// After the time that the client allowed.
    Late(Box<Reply<'static>>),
    Never,
}

impl Wicked {
    pub fn new(vice: Vice) -> Arc<Self> {
        Arc::new(Self(
            Mutex::new(State {
                vice,
                pool: ServerPool::new(ServerOptions::default()),
                shell: String::new(),
                raw: Vec::new(),
                has_lost: false,
                slow: None,
                seen: Vec::new(),
            }),
            watch::Sender::new(true),
        ))
    }

    /// The way to it.
    pub fn target(self: &Arc<Self>) -> Target {
        let server = Arc::clone(self);
        let dial = move || -> io::Result<DuplexStream> {
            let mut works = server.1.subscribe();
            if !*works.borrow_and_update() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let serving = serve(Arc::clone(&server), theirs);
            tokio::spawn(async move {
                tokio::select! {
                    () = serving => {}
                    _ = works.wait_for(|works| !works) => {}
                }
            });
            Ok(ours)
        };
        let mut target = Target::computer("localhost");
        target
            .set_dial(Arc::new(dial))
            .set_authentication(Authentication::Basic)
            .set_credential(super::credential("x"))
            .set_allow_unencrypted(true);
        target
    }

    /// The network fails, or works again.
    pub fn set_network(&self, works: bool) {
        self.1.send_replace(works);
    }

    /// The pipeline that was slow says 2 and ends.
    pub fn go_on(&self) {
        let mut state = self.0.lock().unwrap();
        let id = state.slow.take().unwrap();
        state.pool.write_output(id, &2.into()).unwrap();
        state.pool.complete(id, PipelineState::Completed, None).unwrap();
    }

    /// How many requests with this action came.
    pub fn seen(&self, action: &str) -> usize {
        self.0.lock().unwrap().seen.iter().filter(|seen| *seen == action).count()
    }
}

/// One connection: requests with a length, one after the other.
async fn serve(server: Arc<Wicked>, mut stream: DuplexStream) {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                return;
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap().to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
        let length: usize = length.trim().parse().unwrap();
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                return;
            }
        }
        let body = String::from_utf8(bytes[head..head + length].to_vec()).unwrap();
        bytes.drain(..head + length);
        let request = decode_request(&body, &Limits::default()).unwrap();
        let (answer, is_lost, is_far) = {
            let mut state = server.0.lock().unwrap();
            (state.answer(&request), state.loses(), state.vice == Vice::Far)
        };
        if is_lost {
            return;
        }
        if is_far {
            tokio::time::sleep(ROUND_TRIP).await;
        }
        let reply = match answer {
            Answer::Now(reply) => reply,
            Answer::Late(reply) => {
                tokio::time::sleep(request.header.operation_timeout.unwrap()).await;
                reply
            }
            Answer::Never => std::future::pending().await,
        };
        let status = if matches!(*reply, Reply::Fault(_)) { "500 Internal Server Error" } else { "200 OK" };
        let body = Response::new(&request.header, "uuid:0", *reply).encode();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

impl State {
    /// Whether the connection is lost in place of the answer to the last request.
    fn loses(&mut self) -> bool {
        let lost =
            matches!(self.vice, Vice::Lost(action) if self.seen.last().is_some_and(|last| last == action));
        let first = lost && !self.has_lost;
        self.has_lost |= lost;
        first
    }

    fn answer(&mut self, request: &Request<'_>) -> Answer {
        let action = request.header.action.as_deref().unwrap().rsplit('/').next().unwrap().to_owned();
        self.seen.push(action.clone());
        match self.vice {
            Vice::Silent(silent) if silent == action => return Answer::Never,
            Vice::TimedOut(slow) if slow == action => return late(Fault::timed_out()),
            Vice::Drops if self.seen.iter().any(|seen| seen == "Command") && action != "Command" => {
                return now(fault(Fault::unexpected_selectors()));
            }
            Vice::Gone(gone) if gone == action => return now(fault(Fault::unexpected_selectors())),
            _ => {}
        }
        match &request.operation {
            Operation::Create(Create::Shell(shell)) => {
                self.shell = shell.shell_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
                if self.vice == Vice::OtherShell {
                    self.shell = "11111111-2222-3333-4444-555555555555".to_owned();
                }
                self.pool = ServerPool::new(ServerOptions::default());
                // Shells that run programs have none.
                if let Some(creation) = &shell.creation_xml {
                    self.pool.receive(None, Lane::Default, &creation.to_vec().unwrap()).unwrap();
                }
                if let Vice::Pool(kind, pool, data) = self.vice {
                    self.raw = self.message(kind, pool, None, data);
                }
                let resource = request.header.resource_uri.clone().unwrap();
                let selectors = SelectorSet::new().with("ShellId", self.shell.as_str());
                now(Reply::Create(Box::new(CreateResponse {
                    resource: Some(EndpointReference::anonymous(resource, selectors)),
                    shell: None,
                    other: None,
                })))
            }
            _ if request.header.selectors.get("ShellId") != Some(&self.shell) => {
                now(fault(Fault::unexpected_selectors()))
            }
            Operation::Command(_) if self.pool.id().is_none() => {
                now(Reply::Command(CommandResponse { command_id: "PROGRAM".to_owned() }))
            }
            Operation::Command(command) => {
                let id = command.command_id.clone().unwrap();
                self.begin(Uuid::try_parse(&id).unwrap(), &command.fragments().unwrap());
                let other = "99999999-2222-3333-4444-555555555555".to_owned();
                let command_id = if self.vice == Vice::OtherCommand { other } else { id };
                now(Reply::Command(CommandResponse { command_id }))
            }
            Operation::Receive(_) if self.pool.id().is_none() => late(Fault::timed_out()),
            Operation::Receive(output) => self.receive(output.command_id.clone()),
            Operation::Send(_) => now(Reply::Send),
            Operation::Signal(_) => now(Reply::Signal),
            Operation::Delete => now(Reply::Delete),
            Operation::Disconnect(_) => now(Reply::Disconnect),
            Operation::Reconnect(_) => now(Reply::Reconnect),
            other => panic!("{other:?}"),
        }
    }

    /// Runs a pipeline, which writes one number.
    fn begin(&mut self, id: Uuid, fragments: &[u8]) {
        self.pool.receive(Some(id), Lane::Default, fragments).unwrap();
        while let Some(event) = self.pool.poll_event() {
            let ServerEvent::CreatePipeline { id, .. } = event else { continue };
            const COMPLETED: &str = "<Obj RefId=\"0\"><MS><I32 N=\"PipelineState\">4</I32></MS></Obj>";
            match self.vice {
                Vice::Pipeline(kind, pool, data) => self.raw = self.message(kind, pool, Some(id), data),
                Vice::Noise(noise) => self.raw = noise.to_vec(),
                Vice::EndsTwice => {
                    let end = self.message(MessageType::PipelineState, THIS_POOL, Some(id), COMPLETED);
                    let output =
                        self.message(MessageType::PipelineOutput, THIS_POOL, Some(id), "<I32>2</I32>");
                    self.raw = [end.as_slice(), &output, &end].concat();
                }
                Vice::NoEnd => {
                    self.raw = self.message(MessageType::PipelineOutput, THIS_POOL, Some(id), "<I32>1</I32>");
                }
                Vice::Hasty => {}
                Vice::Slow => {
                    self.pool.write_output(id, &1.into()).unwrap();
                    self.slow = Some(id);
                }
                _ => {
                    self.pool.write_output(id, &1.into()).unwrap();
                    self.pool.complete(id, PipelineState::Completed, None).unwrap();
                }
            }
        }
    }

    fn receive(&mut self, command: Option<String>) -> Answer {
        let pipeline = command.as_deref().map(|id| Uuid::try_parse(id).unwrap());
        let raw = matches!(
            (self.vice, pipeline),
            (Vice::Pool(..), None)
                | (Vice::Pipeline(..) | Vice::Noise(_) | Vice::EndsTwice | Vice::NoEnd, Some(_))
        );
        let data = match std::mem::take(&mut self.raw) {
            data if raw && !data.is_empty() => Some(data),
            _ => self.pool.poll_send_for(pipeline, 1 << 16).map(|outgoing| outgoing.data),
        };
        let over = pipeline.is_some() && (self.vice == Vice::NoEnd || data.is_some()) && self.slow.is_none();
        let state = if over && self.vice != Vice::Hasty { RunState::Done } else { RunState::Running };
        let data = match data {
            Some(data) => data,
            None if self.vice == Vice::Hasty && pipeline.is_some() => Vec::new(),
            None => return late(Fault::timed_out()),
        };
        let named = match self.vice {
            Vice::OtherStream if pipeline.is_some() => Some("99999999-2222-3333-4444-555555555555"),
            _ => command.as_deref(),
        };
        let stream = Stream {
            name: "stdout".into(),
            command_id: named.map(|id| id.to_owned().into()),
            end: false,
            data: Payload::Bytes(data.into()),
        };
        now(Reply::Receive(ReceiveResponse {
            streams: vec![stream],
            state: Some(CommandState::new(command, state)),
            ..ReceiveResponse::default()
        }))
    }

    fn message(&self, kind: MessageType, pool: Uuid, pipeline: Option<Uuid>, data: &str) -> Vec<u8> {
        let pool = if pool == THIS_POOL { self.pool.id().unwrap() } else { pool };
        let pipeline = pipeline.unwrap_or_default();
        let destination = Destination::Client;
        let message = Message { destination, kind, pool, pipeline, byte_order_mark: false, data }.encode();
        Fragmenter::default().fragment(&message)
    }
}

fn now(reply: Reply<'static>) -> Answer {
    Answer::Now(Box::new(reply))
}

fn late(reason: Fault) -> Answer {
    Answer::Late(Box::new(fault(reason)))
}

fn fault(fault: Fault) -> Reply<'static> {
    Reply::Fault(Box::new(fault))
}

/// How long a request and its answer travel together where the server is far away.
pub const ROUND_TRIP: Duration = Duration::from_millis(100);

/// Longer than anything takes, on the tests' clock.
pub const FOR_EVER: Duration = Duration::from_secs(24 * 3600);
