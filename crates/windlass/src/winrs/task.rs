//! The task that runs one command of a `cmd` shell from its start to its clean-up.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::mpsc;
use windlass_soap::OptionSet;
use windlass_wsman::{CommandLine, SignalCode};

use super::Shared;
use super::command::{Order, RunningCommand, ShellEvent, Signalled, WinRsCommand};
use crate::batches::{self, Outlet};
use crate::error::{Error, Layer, Result};
use crate::retry::Retry;
use crate::shell::{Received, Receiving};

const STREAMS: &[&str] = &["stdout", "stderr"];
/// Orders of the caller that may wait: each waits for its own answer anyway.
const ORDERS: usize = 4;

/// Starts the task.
pub(super) fn start(shared: &Arc<Shared>, command: WinRsCommand) -> RunningCommand {
    let (outlet, events) = batches::channel();
    let (orders, accepted) = mpsc::channel(ORDERS);
    let (signals, signalled) = mpsc::channel(ORDERS);
    let shared_by_task = Arc::clone(shared);
    shared.tasks.spawn(async move {
        if let Err(error) = run(&shared_by_task, command, &outlet, (accepted, signalled)).await {
            outlet.fail(error.while_doing("running a command")).await;
        }
    });
    RunningCommand { events, orders, signals }
}

/// Runs the command and frees its place in the shell, whatever happens in between.
async fn run(
    shared: &Arc<Shared>,
    command: WinRsCommand,
    outlet: &Outlet<ShellEvent>,
    (orders, signals): (mpsc::Receiver<Order>, mpsc::Receiver<Signalled>),
) -> Result<()> {
    let options = OptionSet::new()
        .with("WINRS_CONSOLEMODE_STDIN", flag(command.console_input))
        .with("WINRS_SKIP_CMD_SHELL", flag(command.skip_cmd_shell));
    let line = CommandLine {
        command_id: None,
        command: Cow::Borrowed(&command.program),
        arguments: command.arguments.iter().map(|argument| Cow::Borrowed(argument.as_str())).collect(),
    };
    let id: Arc<str> = shared.shell.command(line, options).await?.into();
    shared.tasks.spawn(obey(Arc::clone(shared), Arc::clone(&id), command.takes_input, orders));
    shared.tasks.spawn(pass_on(Arc::clone(shared), Arc::clone(&id), signals));
    let outcome = match command.timeout {
        None => follow(shared, &id, outlet).await,
        Some(limit) => {
            let followed = tokio::time::timeout(limit, follow(shared, &id, outlet)).await;
            let host = shared.shell.client().host();
            followed.unwrap_or_else(|_| Err(Error::timed_out(Layer::Remote, host, "the command", limit)))
        }
    };
    let freed = shared.shell.signal(&id, SignalCode::Terminate, Some(shared.cancel_timeout)).await;
    outcome?;
    freed
}

fn flag(set: bool) -> &'static str {
    if set { "TRUE" } else { "FALSE" }
}

/// Hands on what the command writes, until it ends, the caller leaves or the shell closes.
async fn follow(shared: &Shared, id: &str, outlet: &Outlet<ShellEvent>) -> Result<()> {
    let mut closing = shared.closing.subscribe();
    let mut receiving = Receiving::new(Some(id.to_owned()), STREAMS);
    let mut retry = Retry::new(shared.retry_window);
    loop {
        let received = tokio::select! {
            received = receive(shared, &mut receiving, &mut retry) => received?,
            () = outlet.abandoned() => return Ok(()),
            _ = closing.wait_for(|&closing| closing) => {
                return Err(Error::closed(shared.shell.client().host(), "the shell was closed"));
            }
        };
        let is_done = received.is_done();
        if !outlet.send(events(received)).await || is_done {
            return Ok(());
        }
    }
}

/// Asks for output, again while the network is away.
async fn receive(shared: &Shared, receiving: &mut Receiving, retry: &mut Retry) -> Result<Received> {
    loop {
        // After a failure any answer tells that the network is back.
        receiving.set_probing(retry.is_trying());
        match shared.shell.receive(receiving).await {
            Ok(received) => {
                retry.succeeded();
                return Ok(received);
            }
            Err(error) if retry.allows(&error) => {
                tracing::debug!(%error, "output is asked for again");
                retry.pause().await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn events(received: Received) -> Vec<ShellEvent> {
    let is_done = received.is_done();
    let exit_code = received.state.and_then(|state| state.exit_code).unwrap_or_default();
    let pieces = received.pieces.into_iter().map(|piece| match piece.is_stderr {
        true => ShellEvent::Stderr(piece.data.into()),
        false => ShellEvent::Stdout(piece.data.into()),
    });
    pieces.chain(is_done.then_some(ShellEvent::Exited(exit_code))).collect()
}

/// Carries out what the caller asks for, in order, until the caller drops the command.
async fn obey(shared: Arc<Shared>, id: Arc<str>, takes_input: bool, mut orders: mpsc::Receiver<Order>) {
    let shell = &shared.shell;
    let mut closing = shared.closing.subscribe();
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = closing.wait_for(|&closing| closing) => None,
        };
        match order {
            None => return,
            Some(Order::Write(_, done) | Order::CloseInput(done)) if !takes_input => {
                done.send(Err(Error::usage("the command was started without input"))).ok();
            }
            Some(Order::Write(bytes, done)) => {
                done.send(write(&shared, &id, &bytes).await).ok();
            }
            Some(Order::CloseInput(done)) => {
                done.send(shell.send(Some(&id), "stdin", (&[], true), None).await).ok();
            }
        }
    }
}

/// Sends the signals of the caller, in order, until the caller drops the command.
async fn pass_on(shared: Arc<Shared>, id: Arc<str>, mut signals: mpsc::Receiver<Signalled>) {
    let mut closing = shared.closing.subscribe();
    loop {
        let signal = tokio::select! {
            signal = signals.recv() => signal,
            _ = closing.wait_for(|&closing| closing) => None,
        };
        let Some((code, done)) = signal else { return };
        done.send(shared.shell.signal(&id, code, Some(shared.cancel_timeout)).await).ok();
    }
}

async fn write(shared: &Shared, id: &str, bytes: &[u8]) -> Result<()> {
    for piece in bytes.chunks(shared.shell.send_capacity().max(1)) {
        shared.shell.send(Some(id), "stdin", (piece, false), None).await?;
    }
    Ok(())
}
