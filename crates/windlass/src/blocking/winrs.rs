//! `cmd` shells that block.

use std::time::Duration;

use super::{forward, forward_target, step, wait};
use crate::error::Result;
use crate::{Output, ShellEvent, Statistics, WinRsCommand, WinRsSignal, WsmanOptions};

/// The parameters of a new `cmd` shell: [`crate::WinRsShellBuilder`].
#[derive(Clone)]
pub struct WinRsShellBuilder(crate::WinRsShellBuilder);

impl WinRsShellBuilder {
    forward_target!();

    forward! {
        /// Time-outs, languages and sizes.
        options(options: WsmanOptions);
        /// Another kind of shell than `cmd`.
        resource_uri(uri: &str);
        /// The directory in which commands start.
        working_directory(directory: &str);
        /// Sets an environment variable for the commands.
        environment(name: &str, value: &str);
        /// How long the host keeps the shell while nothing happens; otherwise it decides.
        idle_timeout(timeout: Duration);
        /// How long the shell lives at most.
        lifetime(lifetime: Duration);
        /// The code page of the console, 65001 (UTF-8) unless said otherwise.
        code_page(code_page: u32);
        /// Do not load the user's profile.
        no_profile(no_profile: bool);
        /// How long a failed network is tried again while output is waited for, four minutes unless said otherwise.
        retry_window(window: Duration);
    }

    /// Opens the shell.
    ///
    /// # Errors
    /// As [`crate::WinRsShellBuilder::open`] says, and the caller is in an async runtime.
    pub fn open(self) -> Result<WinRsShell> {
        wait(self.0.open()).map(WinRsShell)
    }
}

/// An open `cmd` shell: [`crate::WinRsShell`]. Dropping it closes it in the background, which a program that ends at
/// once does not wait for: [`close`](Self::close) does.
pub struct WinRsShell(crate::WinRsShell);

impl WinRsShell {
    /// A shell on a computer.
    pub fn builder(computer: &str) -> WinRsShellBuilder {
        WinRsShellBuilder(crate::WinRsShell::builder(computer))
    }

    /// Starts a command, before anything is read from it. Commands run side by side.
    pub fn run(&self, command: WinRsCommand) -> RunningCommand {
        RunningCommand { running: self.0.run(command), is_over: false }
    }

    /// The shell's id.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    /// Ends the commands and closes the shell.
    ///
    /// # Errors
    /// As [`crate::WinRsShell::close`] says, and the caller is in an async runtime.
    pub fn close(self) -> Result<()> {
        wait(self.0.close())
    }
}

/// A command that runs: what it does, in order. Dropping it ends the command.
pub struct RunningCommand {
    running: crate::RunningCommand,
    is_over: bool,
}

impl RunningCommand {
    /// The command's standard input, to write to from another thread while this one reads: a command whose output
    /// nobody reads stops to take input.
    pub fn input(&self) -> CommandInput {
        CommandInput(self.running.input())
    }

    /// Signals the command.
    ///
    /// # Errors
    /// As [`crate::RunningCommand::signal`] says, and the caller is in an async runtime.
    pub fn signal(&self, signal: WinRsSignal) -> Result<()> {
        wait(self.running.signal(signal))
    }

    /// Collects everything until the command ends.
    ///
    /// # Errors
    /// As [`crate::RunningCommand::output`] says, and the caller is in an async runtime.
    pub fn output(self) -> Result<Output> {
        wait(self.running.output())
    }
}

impl Iterator for RunningCommand {
    type Item = Result<ShellEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        step(&mut self.is_over, self.running.next())
    }
}

/// The standard input of a command: [`crate::CommandInput`].
#[derive(Clone)]
pub struct CommandInput(crate::CommandInput);

impl CommandInput {
    /// Writes and waits until the host has taken it.
    ///
    /// # Errors
    /// As [`crate::CommandInput::write`] says, and the caller is in an async runtime.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        wait(self.0.write(bytes))
    }

    /// Ends the input.
    ///
    /// # Errors
    /// As [`crate::CommandInput::close`] says, and the caller is in an async runtime.
    pub fn close(&self) -> Result<()> {
        wait(self.0.close())
    }
}
