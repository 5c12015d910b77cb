//! `windlass winrs`: a command in the cmd shell of another computer.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use windlass::{Credential, ShellEvent, WinRsCommand, WinRsShell, WinRsSignal};

use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::report_local;
use crate::interrupts::{Interrupt, Interrupts};
use crate::runspace::Local;
use crate::terminal::Nobody;

/// Run a command in the cmd shell of another computer
///
/// Output comes as the command writes it; the exit status is that of the command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass winrs -r srv1 -Credential alice ipconfig /all
  windlass winrs -r srv1 --use-ssl 'dir C:\\'")]
pub(crate) struct WinRs {
    /// The computer
    #[arg(long = "remote", short = 'r', value_name = "NAME")]
    computer: String,
    /// TCP port [default: 5985, or 5986 with -UseSSL]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Connect over HTTPS
    #[arg(long)]
    use_ssl: bool,
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
        let mut target = windlass::Target::computer(&self.computer);
        local.prepare(&mut target)?;
        if let Some(port) = self.port {
            target.set_port(port);
        }
        target.set_use_ssl(self.use_ssl);
        if let Some(login) = &local.defaults.login {
            target.set_credential(Credential::password(&login.user, login.password.clone()));
        }
        let mut builder = WinRsShell::builder(&self.computer).target(target).no_profile(self.no_profile);
        let command = self.command.join(" ");
        if let Some(directory) = &self.directory {
            builder = builder.working_directory(directory);
        }
        let mut interrupts = Interrupts::heed()?;
        let shell = tokio::select! {
            shell = builder.open() => shell?,
            _ = interrupts.next() => return Ok(Exit::INTERRUPTED),
        };
        let mut running = shell.run(WinRsCommand::new(&command));
        let mut interrupted = false;
        let mut code = 0;
        loop {
            let event = tokio::select! {
                event = running.next() => event,
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
                    std::io::stdout().write_all(&bytes)?;
                    std::io::stdout().flush()?;
                }
                Some(Ok(ShellEvent::Stderr(bytes))) => std::io::stderr().write_all(&bytes)?,
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
