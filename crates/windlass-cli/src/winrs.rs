//! `windlass winrs`: a command in the cmd shell of another computer.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::sync::mpsc;
use windlass::{CommandInput, ShellEvent, WinRsCommand, WinRsShell, WinRsSignal};

use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::{printed, report_local};
use crate::interrupts::{Interrupt, Interrupts};
use crate::runspace::{Local, PlainWay};
use crate::terminal::Nobody;

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
  windlass winrs -r srv1 --use-ssl 'dir C:\\'")]
pub(crate) struct WinRs {
    /// The computer
    #[arg(long = "remote", short = 'r', value_name = "NAME")]
    computer: String,
    #[command(flatten)]
    way: PlainWay,
    /// Folder to run in
    #[arg(long, short = 'd', value_name = "FOLDER")]
    directory: Option<String>,
    /// Do not load the user's profile
    #[arg(long)]
    no_profile: bool,
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

    async fn execute(self, handle: &tokio::runtime::Handle) -> Result<Exit> {
        let local = Local::new(handle.clone(), self.defaults.resolve()?, Arc::new(Nobody));
        let command = self.command.join(" ");
        if let Some(option) = option_of(&command) {
            anyhow::bail!(
                "winrs has no option '{option}': see `windlass winrs --help`; passwords are never arguments"
            );
        }
        let target = self.way.target(&local, &self.computer)?;
        if local.defaults.what_if {
            let place = self.way.described(&local, &target)?;
            printed(writeln!(io::stdout(), "What if: winrs on {place}: {command}"))?;
            return Ok(Exit::DONE);
        }
        let mut builder = WinRsShell::builder(&self.computer).target(target).no_profile(self.no_profile);
        if let Some(directory) = &self.directory {
            builder = builder.working_directory(directory);
        }
        let mut interrupts = Interrupts::heed()?;
        let shell = tokio::select! {
            shell = builder.open() => shell?,
            _ = interrupts.next() => return Ok(Exit::INTERRUPTED),
        };
        let has_console = io::stdin().is_terminal();
        let mut running = shell.run(WinRsCommand::new(&command).with_input().console_input(has_console));
        let feeding = feed(running.input());
        tokio::pin!(feeding);
        let mut interrupted = false;
        let mut code = 0;
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
                    let mut out = io::stdout();
                    printed(out.write_all(&bytes).and_then(|()| out.flush()))?;
                }
                Some(Ok(ShellEvent::Stderr(bytes))) => io::stderr().write_all(&bytes)?,
                Some(Ok(ShellEvent::Exited(exit))) => code = exit,
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(_)) => {}
                None => break,
            }
        }
        drop(running);
        shell.close().await?;
        if interrupted {
            return Ok(Exit::INTERRUPTED);
        }
        // Codes beyond a byte, such as those of Windows' errors, count as failed.
        Ok(if code == 0 { Exit::DONE } else { Exit::from_code(u8::try_from(code).unwrap_or(1)) })
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
