//! Opening a session, coming to one that was left, and finding those that there are.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use windlass_net::in_time;
use windlass_psrp::payload::ConnectRunspacePool;
use windlass_psrp::{ClientPool, Outgoing, PsrpError, Stream};
use windlass_soap::{FaultCode, FaultSide, SelectorSet};
use windlass_wsman::client::guid;
use windlass_wsman::{CommandInfo, Enumerate, Filter, Item, Shell, ShellInfo, uri};

use super::builder::{PsSessionBuilder, configuration_name};
use super::invocation::Invocation;
use super::life::SessionTicket;
use super::link::Link;
use super::machine::Machine;
use super::process::ProcessLink;
use super::session::follow;
use super::shared::Shared;
use crate::client::Client;
use crate::error::{Error, Layer, Result};
use crate::shell::RemoteShell;
use crate::tasks::Tasks;

/// A session that a host has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundSession {
    /// What it takes to connect to it.
    pub ticket: SessionTicket,
    /// Whether nobody is connected to it.
    pub is_disconnected: bool,
    /// Who opened it.
    pub owner: Option<String>,
    /// How long the host keeps it while nothing happens.
    pub idle_timeout: Option<Duration>,
    /// For how long nothing has happened.
    pub inactivity: Option<Duration>,
}

/// What opening gives: the session's inside, and pipelines that run in it.
trait Opened: Send + 'static {
    fn shared(&self) -> &Arc<Shared>;
    /// Whether it is to be closed when nobody wants it; a session of another client is left as it is.
    fn is_ours(&self) -> bool;
}

impl Opened for Arc<Shared> {
    fn shared(&self) -> &Arc<Shared> {
        self
    }
    fn is_ours(&self) -> bool {
        true
    }
}

/// A session that was left, and the pipelines that run in it.
pub(super) type Joined = (Arc<Shared>, Vec<Invocation>);

impl Opened for Joined {
    fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
    fn is_ours(&self) -> bool {
        false
    }
}

/// Opens in a task that runs to its end, so that nothing is left behind when the caller leaves.
#[expect(private_bounds, reason = "the trait is a detail of this module")]
pub(super) async fn carried_through<T, F>(open: impl FnOnce(Tasks) -> F) -> Result<T>
where
    T: Opened,
    F: Future<Output = Result<T>> + Send + 'static,
{
    // The session's own work is counted apart: one that fails to open waits for the end of it.
    let opened = Tasks::current()?
        .carry_through(open(Tasks::current()?), |unwanted: T| async move {
            if unwanted.is_ours() {
                unwanted.shared().close().await.ok();
            } else {
                unwanted.shared().abandon();
            }
        })
        .await?;
    opened.shared().park_later();
    Ok(opened)
}

/// The longest pause before a busy host is asked again.
const LONGEST_BUSY: Duration = Duration::from_secs(5);
/// The longest one before another attempt to reach a host: somebody may wait who mistyped its port.
const LONGEST_AWAY: Duration = Duration::from_secs(1);

/// Opens a session, in no more time than that may take.
pub(super) async fn create(builder: Arc<PsSessionBuilder>, tasks: Tasks) -> Result<Arc<Shared>> {
    builder.options.wsman.opening(create_patiently(&builder, &tasks)).await
}

/// Opens a session, again where the host was busy or not there, and without compression where the host knows none.
async fn create_patiently(builder: &PsSessionBuilder, tasks: &Tasks) -> Result<Arc<Shared>> {
    // A program that failed does so again.
    let mut retries = if builder.process.is_none() { builder.options.max_connection_retry_count } else { 0 };
    let deadline = builder.options.wsman.open_timeout.map(|limit| Instant::now() + limit);
    let mut pause = Duration::from_millis(250);
    let mut compress = builder.options.wsman.compress;
    loop {
        match create_once(builder, compress, tasks).await {
            Err(error) if compress && refuses_compression(&error) => {
                tracing::debug!(%error, "the session is opened without compression");
                compress = false;
            }
            Err(error)
                if retries > 0
                    && is_transient(&error)
                    && deadline.is_none_or(|deadline| Instant::now() + pause < deadline) =>
            {
                tracing::debug!(%error, "opening the session is tried again");
                retries -= 1;
                tokio::time::sleep(pause).await;
                let longest = if error.layer() == Layer::Connect { LONGEST_AWAY } else { LONGEST_BUSY };
                pause = (pause * 2).min(longest);
            }
            outcome => return outcome,
        }
    }
}

/// Whether the host cannot do what the header that asks for compression says.
fn refuses_compression(error: &Error) -> bool {
    let codes = [FaultCode::SOAP_FAULT_MUST_UNDERSTAND, FaultCode::UNSUPPORTED_FEATURE];
    error.fault().is_some_and(|fault| {
        fault.side == FaultSide::MustUnderstand || codes.iter().any(|&code| fault.is(code))
    })
}

/// Whether the host was busy, not there, or dropped the connection before it did anything. A name that leads nowhere
/// will not do so a moment later.
fn is_transient(error: &Error) -> bool {
    error.is_retryable() && error.layer() != Layer::Resolve
}

async fn create_once(builder: &PsSessionBuilder, compress: bool, tasks: &Tasks) -> Result<Arc<Shared>> {
    let id = Uuid::new_v4();
    let mut pool = ClientPool::new(builder.pool_options(id));
    // What a process gets first. WS-Management carries it in what makes the shell.
    let mut first = None;
    let shared = match &builder.process {
        Some(command) => {
            let link = ProcessLink::spawn(command, tasks)?;
            let protocol = |error: PsrpError| Error::protocol(Layer::Psrp, link.name(), error);
            let data = pool.creation_fragments(link.capacity()).map_err(protocol)?;
            first = Some(Outgoing { pipeline: None, stream: Stream::Default, data });
            share(builder, tasks, Link::Process(link), pool)
        }
        None => {
            let client = client(builder)?;
            let host = client.host().to_owned();
            let options = builder.shell_options();
            let session = client.session();
            let resource_uri = builder.resource_uri();
            let envelope = usize::try_from(session.max_envelope_size).unwrap_or(usize::MAX);
            let room = session.create_capacity(&resource_uri, &options, envelope);
            let fragments =
                pool.creation_fragments(room).map_err(|error| Error::protocol(Layer::Psrp, &host, error))?;
            let mut shell = Shell::powershell(guid(id), &fragments);
            shell.name.clone_from(&builder.name);
            shell.idle_timeout = builder.options.idle_timeout;
            shell.buffer_mode = builder.options.output_buffering;
            let shell = RemoteShell::open(client, &resource_uri, shell, options, compress, tasks).await?;
            let shared = share(builder, tasks, Link::Shell(shell), pool);
            shared.set_idle_timeout(builder.options.idle_timeout);
            shared
        }
    };
    let opened = async {
        if let Some(first) = &first {
            shared.link.send(first, None).await?;
        }
        shared.flush().await?;
        shared.wait_open().await
    };
    // A host may answer each Receive that it has nothing yet, for ever.
    let outcome = in_time(opened).await.unwrap_or_else(|| {
        let limit = builder.options.wsman.open_timeout.unwrap_or_default();
        Err(Error::timed_out(Layer::Psrp, shared.host_name(), "opening the session", limit))
    });
    match outcome {
        Ok(()) => Ok(shared),
        Err(error) => {
            in_time(tasks.finish(async move { shared.close().await })).await;
            Err(error)
        }
    }
}

/// Comes to a session that was left.
pub(super) async fn join(builder: Arc<PsSessionBuilder>, tasks: Tasks, id: Uuid) -> Result<Joined> {
    builder.options.wsman.opening(come_to(&builder, &tasks, id)).await
}

async fn come_to(builder: &PsSessionBuilder, tasks: &Tasks, id: Uuid) -> Result<Joined> {
    let client = client(builder)?;
    let host = client.host().to_owned();
    let protocol = |error: PsrpError| Error::protocol(Layer::Psrp, &host, error);
    let mut pool = ClientPool::new(builder.pool_options(id));
    let session = client.session();
    let resource_uri = builder.resource_uri();
    let options = builder.shell_options();
    let envelope = usize::try_from(session.max_envelope_size).unwrap_or(usize::MAX);
    let room = session.create_capacity(&resource_uri, &options, envelope);
    let limits = ConnectRunspacePool { min_runspaces: None, max_runspaces: None };
    let fragments = pool.connect_fragments(limits, room).map_err(protocol)?;
    let mut shell = RemoteShell::attach(Arc::clone(&client), &resource_uri, &guid(id));
    if builder.options.wsman.compress {
        // Whether its streams are compressed was agreed on by the client that opened it.
        let known = shells(&client).await?;
        let found = known.iter().find(|known| known.shell_id.as_deref() == Some(shell.id()));
        shell.set_compressed(found.and_then(|found| found.compression_mode.as_deref()));
    }
    let answer = shell.connect(None, Some(&fragments), options.clone()).await?;
    pool.connect_response(&answer).map_err(protocol)?;
    let shared = share(builder, tasks, Link::Shell(shell), pool);
    let mut invocations = Vec::new();
    for command in commands(&client, id).await? {
        let Ok(pipeline) = Uuid::try_parse(&command) else { continue };
        let taken = shared.with_machine(|machine| {
            machine.pool.connect_pipeline(pipeline).map(|()| machine.open_box(pipeline))
        });
        let changed = taken.map_err(protocol)?;
        let shell = shared.link.shell("connected")?;
        shell.connect(Some(command), None, options.clone()).await?;
        let (run, invocation) = follow(&shared, pipeline, changed, None);
        shared.tasks.spawn(run.take_over());
        invocations.push(invocation);
    }
    Ok((shared, invocations))
}

/// The shells of the endpoint.
pub(super) async fn find(builder: &PsSessionBuilder) -> Result<Vec<FoundSession>> {
    let client = client(builder)?;
    let resource_uri = builder.resource_uri();
    let shells = builder.options.wsman.opening(shells(&client)).await;
    client.close_idle();
    let is_ours = |shell: &ShellInfo| {
        shell.resource_uri.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(&resource_uri))
    };
    let found = shells?.into_iter().filter(is_ours).filter_map(|shell| {
        let instance_id = Uuid::try_parse(shell.shell_id.as_deref()?).ok()?;
        Some(FoundSession {
            is_disconnected: shell.is_disconnected(),
            ticket: SessionTicket {
                name: shell.name.clone().unwrap_or_default(),
                instance_id,
                computer_name: builder.target.computer_name().to_owned(),
                configuration_name: configuration_name(&resource_uri).to_owned(),
            },
            owner: shell.owner,
            idle_timeout: shell.idle_timeout,
            inactivity: shell.inactivity,
        })
    });
    Ok(found.collect())
}

/// All shells that the host shows this user.
async fn shells(client: &Client) -> Result<Vec<ShellInfo>> {
    let limits = *client.limits();
    client
        .enumerate(uri::SHELL, SelectorSet::new(), Enumerate::default(), |item| match item {
            Item::Object(xml) => Ok(Some(ShellInfo::from_xml(xml, &limits)?)),
            _ => Ok(None),
        })
        .await
}

/// The commands that run in a shell.
async fn commands(client: &Client, shell: Uuid) -> Result<Vec<String>> {
    let limits = *client.limits();
    let filter = Filter::Selectors(SelectorSet::new().with("ShellId", guid(shell)));
    let request = Enumerate { filter: Some(filter), ..Enumerate::default() };
    client
        .enumerate(uri::SHELL_COMMAND, SelectorSet::new(), request, |item| match item {
            Item::Object(xml) => Ok(CommandInfo::from_xml(xml, &limits)?.command_id),
            _ => Ok(None),
        })
        .await
}

fn client(builder: &PsSessionBuilder) -> Result<Arc<Client>> {
    let pool = builder.target.pool(builder.options.wsman.open_timeout)?;
    Ok(Arc::new(builder.options.wsman.client(pool, builder.target.tap())))
}

fn share(builder: &PsSessionBuilder, tasks: &Tasks, link: Link, pool: ClientPool) -> Arc<Shared> {
    Shared::new(link, tasks.clone(), Machine::new(pool), builder.answerer(), builder.timing())
}
