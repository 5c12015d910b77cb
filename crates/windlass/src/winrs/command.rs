//! A command of a `cmd` shell as its caller sees it.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use windlass_wsman::SignalCode;

use crate::batches::Batches;
use crate::error::{Error, Result};

/// A command line for a `cmd` shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WinRsCommand {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) takes_input: bool,
    pub(super) skip_cmd_shell: bool,
    pub(super) console_input: bool,
    pub(super) timeout: Option<Duration>,
}

/// Something that a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShellEvent {
    /// Bytes of its standard output.
    Stdout(Bytes),
    /// Bytes of its standard error.
    Stderr(Bytes),
    /// It ended with this exit code: the last event.
    Exited(i32),
}

/// A signal for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WinRsSignal {
    /// Ctrl-C.
    CtrlC,
    /// Ctrl-Break.
    CtrlBreak,
    /// Ends the command.
    Terminate,
}

/// All that a command wrote, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub exit_code: i32,
}

/// What the caller asks of a running command.
pub(super) enum Order {
    Write(Vec<u8>, oneshot::Sender<Result<()>>),
    CloseInput(oneshot::Sender<Result<()>>),
}

/// A signal that the caller sends, and who waits until it is there.
pub(super) type Signalled = (SignalCode, oneshot::Sender<Result<()>>);

/// A command that runs. Dropping it ends the command.
pub struct RunningCommand {
    pub(super) events: Batches<ShellEvent>,
    pub(super) orders: mpsc::Sender<Order>,
    /// Apart from the orders: a program that does not read holds its input up, and no signal.
    pub(super) signals: mpsc::Sender<Signalled>,
}

/// The standard input of a command, to write to while what it does is followed elsewhere.
#[derive(Clone)]
pub struct CommandInput(mpsc::Sender<Order>);

impl WinRsCommand {
    /// A program, or a command of `cmd.exe`. The host quotes nothing: what `cmd.exe` treats specially
    /// has to be quoted by the caller.
    pub fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            takes_input: false,
            skip_cmd_shell: false,
            console_input: true,
            timeout: None,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With input, which the caller writes and ends. A command without it that reads waits until it is ended: to tell
    /// the host that no input will come takes a request of its own.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.takes_input = true;
        self.console_input = false;
        self
    }

    /// Start the program itself, without `cmd.exe` around it.
    #[must_use]
    pub fn skip_cmd_shell(mut self) -> Self {
        self.skip_cmd_shell = true;
        self
    }

    /// How long the command may run: then it is ended, and its caller told that the time was over.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether the program finds a console (the default) or a pipe as its standard input.
    #[must_use]
    pub fn console_input(mut self, console: bool) -> Self {
        self.console_input = console;
        self
    }
}

impl Output {
    /// Standard output as text in UTF-8.
    pub fn stdout_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text in UTF-8.
    pub fn stderr_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

impl RunningCommand {
    /// What the command did next; `None` after the last event.
    pub async fn next(&mut self) -> Option<Result<ShellEvent>> {
        self.events.next().await
    }

    /// Writes to the command's standard input and waits until the host has taken it.
    ///
    /// # Errors
    /// The command takes no input or has ended, or the host was not reached.
    pub async fn write(&self, bytes: &[u8]) -> Result<()> {
        order(&self.orders, |done| Order::Write(bytes.to_vec(), done)).await
    }

    /// Ends the command's standard input.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub async fn close_input(&self) -> Result<()> {
        order(&self.orders, Order::CloseInput).await
    }

    /// The command's standard input for another task.
    pub fn input(&self) -> CommandInput {
        CommandInput(self.orders.clone())
    }

    /// Signals the command.
    ///
    /// # Errors
    /// The host was not reached or refused.
    pub async fn signal(&self, signal: WinRsSignal) -> Result<()> {
        let code = match signal {
            WinRsSignal::CtrlC => SignalCode::CtrlC,
            WinRsSignal::CtrlBreak => SignalCode::CtrlBreak,
            WinRsSignal::Terminate => SignalCode::Terminate,
        };
        order(&self.signals, |done| (code, done)).await
    }

    /// Collects everything until the command ends.
    ///
    /// # Errors
    /// The command did not run to its end.
    pub async fn output(mut self) -> Result<Output> {
        let mut output = Output::default();
        while let Some(event) = self.next().await {
            match event? {
                ShellEvent::Stdout(bytes) => output.stdout.extend_from_slice(&bytes),
                ShellEvent::Stderr(bytes) => output.stderr.extend_from_slice(&bytes),
                ShellEvent::Exited(code) => output.exit_code = code,
            }
        }
        Ok(output)
    }
}

impl CommandInput {
    /// As [`RunningCommand::write`].
    ///
    /// # Errors
    /// As there.
    pub async fn write(&self, bytes: &[u8]) -> Result<()> {
        order(&self.0, |done| Order::Write(bytes.to_vec(), done)).await
    }

    /// As [`RunningCommand::close_input`].
    ///
    /// # Errors
    /// As there.
    pub async fn close(&self) -> Result<()> {
        order(&self.0, Order::CloseInput).await
    }
}

/// Gives an order and waits until it is carried out.
async fn order<T>(
    orders: &mpsc::Sender<T>,
    order: impl FnOnce(oneshot::Sender<Result<()>>) -> T,
) -> Result<()> {
    let (done, outcome) = oneshot::channel();
    let ended = || Error::closed("", "the command has ended");
    orders.send(order(done)).await.map_err(|_| ended())?;
    outcome.await.unwrap_or_else(|_| Err(ended()))
}

impl futures_core::Stream for RunningCommand {
    type Item = Result<ShellEvent>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}
