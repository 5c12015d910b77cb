//! `Invoke-Command`: run a command on remote computers.

use anyhow::Result;
use clap::Args;
use tokio::sync::mpsc;
use windlass::{PipelineEvent, PsSession, Target, fleet};
use windlass_psrp::PowerShell;

use crate::cli::Format;
use crate::cmdlets::script_block;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::{report, report_local};
use crate::output::{Printer, from_computer, streams};

/// Results that wait to be printed before the computers are made to wait.
const WAITING: usize = 256;

/// Run a command on remote computers
///
/// Opens a session on each computer, runs the command, prints its output as it comes and closes the
/// session. Errors, warnings and the other streams go to standard error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass Invoke-Command -ComputerName srv1 -Credential alice { Get-Process }
  windlass Invoke-Command -ComputerName srv1,srv2 -UseSSL -ScriptBlock '{ Get-Service | Where-Object Status -eq Running }'
  windlass Invoke-Command -ComputerName srv1 -Authentication Basic -NoEncryption { Get-Date } --output json")]
pub(crate) struct InvokeCommand {
    #[command(flatten)]
    connection: Connection,
    /// Session configuration, such as PowerShell.7
    #[arg(long, value_name = "NAME")]
    configuration_name: Option<String>,
    /// Leave the computer's name out of the results
    #[arg(long)]
    hide_computer_name: bool,
    /// What to run; the braces may be left out
    #[arg(long = "script-block", value_name = "BLOCK", required_unless_present = "block")]
    script_block: Option<String>,
    #[arg(value_name = "BLOCK", conflicts_with = "script_block", hide = true)]
    block: Option<String>,
}

/// What comes from one of the computers.
struct Message {
    computer: String,
    event: Result<PipelineEvent, windlass::Error>,
}

impl InvokeCommand {
    /// Runs the command and prints what it says.
    pub(crate) async fn run(self, format: Option<Format>) -> Exit {
        match self.everywhere(format).await {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    async fn everywhere(self, format: Option<Format>) -> Result<Exit> {
        let login = self.connection.login()?;
        let block = self.script_block.as_deref().or(self.block.as_deref()).unwrap_or_default();
        let powershell = script_block::pipeline(block);
        let mut jobs = Vec::new();
        for computer in self.connection.computers() {
            jobs.push((computer.to_owned(), self.connection.target(computer, login.as_ref())?));
        }
        let (messages, mut incoming) = mpsc::channel(WAITING);
        let configuration = self.configuration_name.clone();
        let throttle = self.connection.throttle_limit;
        let work = tokio::spawn(async move {
            let one = |(computer, target)| {
                let (powershell, configuration) = (powershell.clone(), configuration.clone());
                on_computer(computer, target, configuration, powershell, messages.clone())
            };
            let mut everywhere = fleet(jobs, throttle, one);
            while everywhere.next().await.is_some() {}
        });
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        let mut printer = Printer::standard(format);
        let mut exit = Exit::DONE;
        loop {
            tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => exit = exit.max(self.print(message, &mut printer)?),
                    None => break,
                },
                _ = &mut interrupt => {
                    // Dropping the work drops the sessions, which close what they opened.
                    work.abort();
                    exit = Exit::INTERRUPTED;
                    break;
                }
            }
        }
        printer.finish()?;
        Ok(exit)
    }

    fn print<W: std::io::Write>(&self, message: Message, printer: &mut Printer<W>) -> Result<Exit> {
        let Message { computer, event } = message;
        Ok(match event {
            Ok(PipelineEvent::Output(value)) => {
                let value = if self.hide_computer_name { value } else { from_computer(value, &computer) };
                printer.result(value)?;
                Exit::DONE
            }
            Ok(event) => streams::show(&event, &computer),
            Err(error) => report(&error, Exit::of(&error)),
        })
    }
}

/// Opens a session, runs the pipeline and closes the session; hands on everything that is said.
async fn on_computer(
    computer: String,
    target: Target,
    configuration: Option<String>,
    powershell: PowerShell,
    messages: mpsc::Sender<Message>,
) {
    let mut builder = PsSession::builder(&computer).target(target);
    if let Some(configuration) = &configuration {
        builder = builder.configuration_name(configuration);
    }
    let session = match builder.connect().await {
        Ok(session) => session,
        Err(error) => return send(&messages, &computer, Err(error)).await,
    };
    let mut invocation = session.invoke(powershell);
    while let Some(event) = invocation.next().await {
        send(&messages, &computer, event).await;
    }
    drop(invocation);
    if let Err(error) = session.close().await {
        send(&messages, &computer, Err(error)).await;
    }
}

/// When nobody prints any more there is nobody to tell.
async fn send(
    messages: &mpsc::Sender<Message>,
    computer: &str,
    event: Result<PipelineEvent, windlass::Error>,
) {
    let message = Message { computer: computer.to_owned(), event };
    if messages.send(message).await.is_err() {
        tracing::debug!(computer, "output after the end of printing");
    }
}
