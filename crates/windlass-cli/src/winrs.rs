//! `windlass winrs`: a command in the cmd shell of another computer.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::sync::mpsc;
use windlass::{CommandInput, ShellEvent, WinRsCommand, WinRsShell, WinRsSignal, WsmanOptions};

use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::{printed, report_local};
use crate::interrupts::{Interrupt, Interrupts};
use crate::runspace::{Local, PlainWay};
use crate::terminal::{Nobody, Washer};

/// How long the end of a command may take to arrive after it has refused input.
const ENDING: Duration = Duration::from_secs(5);
/// Bytes of standard input that are sent at a time at most.
const PIECE: usize = 32 * 1024;

/// Run a command in the cmd shell of another computer
///
/// Standard input goes to the command; output comes as it writes it; the exit status is that of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass winrs -r srv1 -u alice ipconfig /all
  windlass winrs -r:srv1 -u:CORP\\alice powershell -Command Get-Date
  windlass winrs -r:https://srv1:5986 -env:LANG=C -env:MODE=test 'set'
  windlass winrs -r srv1 --use-ssl 'dir C:\\'")]
pub(crate) struct WinRs {
    /// The computer, or its address
    #[arg(
        long = "remote",
        short = 'r',
        value_name = "NAME",
        help = "The computer, also as [http[s]://]NAME[:PORT]"
    )]
    computer: String,
    #[command(flatten)]
    way: PlainWay,
    /// Folder to run in
    #[arg(long, short = 'd', value_name = "FOLDER")]
    directory: Option<String>,
    /// Set a variable for the command; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    /// Code page of the console, otherwise 65001, which is UTF-8
    #[arg(long, value_name = "NUMBER")]
    code_page: Option<u32>,
    /// Do not load the user's profile
    #[arg(long)]
    no_profile: bool,
    /// Start the program itself, not by way of the command interpreter
    #[arg(long)]
    skip_cmd_shell: bool,
    /// Compress what is sent and received
    #[arg(long)]
    compression: bool,
    #[command(flatten)]
    defaults: DefaultOptions,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl WinRs {
    /// Runs the command and passes its output on.
    pub(crate) fn run(self, runtime: &tokio::runtime::Runtime) -> Exit {
        match runtime.block_on(self.execute(runtime.handle())) {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    async fn execute(mut self, handle: &tokio::runtime::Handle) -> Result<Exit> {
        let local = Local::new(handle.clone(), self.defaults.resolve()?, Arc::new(Nobody));
        let command = self.command.join(" ");
        if let Some(option) = option_of(&command) {
            anyhow::bail!(
                "winrs has no option '{option}': see `windlass winrs --help`; passwords are never arguments"
            );
        }
        let computer = self.way.lead(&self.computer)?;
        let target = self.way.target(&local, &computer)?;
        if local.defaults.what_if {
            let place = self.way.described(&local, &target)?;
            printed(writeln!(io::stdout(), "What if: winrs on {place}: {command}"))?;
            return Ok(Exit::DONE);
        }
        let mut options = WsmanOptions::default();
        options.compress = self.compression;
        let mut builder =
            WinRsShell::builder(&computer).target(target).options(options).no_profile(self.no_profile);
        for (name, value) in &self.environment {
            builder = builder.environment(name, value);
        }
        if let Some(code_page) = self.code_page {
            builder = builder.code_page(code_page);
        }
        if let Some(directory) = &self.directory {
            builder = builder.working_directory(directory);
        }
        let mut interrupts = Interrupts::heed()?;
        let shell = tokio::select! {
            shell = builder.open() => shell?,
            _ = interrupts.next() => return Ok(Exit::INTERRUPTED),
        };
        let has_console = io::stdin().is_terminal();
        let mut command = WinRsCommand::new(&command).with_input().console_input(has_console);
        if self.skip_cmd_shell {
            command = command.skip_cmd_shell();
        }
        let mut running = shell.run(command);
        let feeding = feed(running.input());
        tokio::pin!(feeding);
        let mut interrupted = false;
        let mut code = 0;
        let (mut out, mut errors) = (Shown::new(io::stdout()), Shown::new(io::stderr()));
        loop {
            let event = tokio::select! {
                event = running.next() => event,
                failed = &mut feeding => return Err(failed),
                interrupt = interrupts.next() => {
                    // The command may take its time to end, or ignore Ctrl-C; who insists does not wait for it.
                    if interrupted || interrupt == Interrupt::End {
                        return Ok(Exit::INTERRUPTED);
                    }
                    interrupted = true;
                    running.signal(WinRsSignal::CtrlC).await?;
                    continue;
                }
            };
            match event {
                Some(Ok(ShellEvent::Stdout(bytes))) => {
                    printed(out.show(&bytes))?;
                }
                Some(Ok(ShellEvent::Stderr(bytes))) => errors.show(&bytes)?,
                Some(Ok(ShellEvent::Exited(exit))) => code = exit,
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => {}
                None => break,
            }
        }
        printed(out.finish())?;
        errors.finish()?;
        drop(running);
        shell.close().await?;
        if interrupted {
            return Ok(Exit::INTERRUPTED);
        }
        // Codes beyond a byte, such as those of Windows' errors, count as failed.
        Ok(if code == 0 { Exit::DONE } else { Exit::from_code(u8::try_from(code).unwrap_or(1)) })
    }
}

/// Where a stream of the command goes: as it is, but for a terminal, which shall not be steered from elsewhere.
struct Shown<W> {
    stream: W,
    washer: Option<Washer>,
}

impl<W: Write + IsTerminal> Shown<W> {
    fn new(stream: W) -> Self {
        let washer = stream.is_terminal().then(Washer::default);
        Self { stream, washer }
    }

    fn show(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.washer {
            Some(washer) => self.stream.write_all(washer.push(bytes).as_bytes())?,
            None => self.stream.write_all(bytes)?,
        }
        self.stream.flush()
    }

    fn finish(mut self) -> io::Result<()> {
        let rest = self.washer.map(Washer::finish).unwrap_or_default();
        self.stream.write_all(rest.as_bytes())?;
        self.stream.flush()
    }
}

/// Sends standard input to the command until it ends. Comes back with the reason where it cannot be read, or
/// was refused and the command goes on.
async fn feed(input: CommandInput) -> anyhow::Error {
    let mut pieces = standard_input();
    let refused = loop {
        let taken = match pieces.recv().await {
            Some(Ok(piece)) => input.write(&piece).await,
            Some(Err(error)) => return anyhow::Error::new(error).context("cannot read standard input"),
            None => match input.close().await {
                Ok(()) => std::future::pending().await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = taken {
            break error;
        }
    };
    // A command that has ended takes no input, which is no fault.
    tokio::time::sleep(ENDING).await;
    refused.into()
}

/// Standard input in pieces; an error is the last.
fn standard_input() -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (pieces, taken) = mpsc::channel(1);
    // A thread of its own reads, since reading cannot be cancelled.
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        loop {
            let piece = match io::stdin().read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(buffer.get(..count).unwrap_or_default().to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = piece.is_err();
            if pieces.blocking_send(piece).is_err() || is_last {
                return;
            }
        }
    });
    taken
}

fn variable(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is NAME=VALUE"),
    }
}

/// The name of the option that a command line begins with in place of a program. What it was given may be a password,
/// as winrs.exe takes one.
fn option_of(command: &str) -> Option<&str> {
    let first = command.split(|letter: char| letter.is_whitespace() || matches!(letter, ':' | '=')).next()?;
    first.starts_with('-').then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_named_without_what_it_was_given() {
        for (command, option) in [
            ("-p:geheim ipconfig", Some("-p")),
            ("-password=geheim ipconfig", Some("-password")),
            ("-x geheim", Some("-x")),
            ("echo -p:x", None),
            ("", None),
        ] {
            assert_eq!(option_of(command), option, "{command}");
        }
    }
}
