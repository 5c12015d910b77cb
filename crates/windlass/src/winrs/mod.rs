//! `cmd` shells (WinRS): programs with byte streams ([MS-WSMV] 3.1.4, resource `shell/cmd`).

mod command;
mod task;
mod text;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use windlass_soap::OptionSet;
use windlass_wsman::{Shell, uri};

pub use command::{CommandInput, Output, RunningCommand, ShellEvent, WinRsCommand, WinRsSignal};
pub use text::TextDecoder;

use crate::Target;
use crate::error::Result;
use crate::options::WsmanOptions;
use crate::retry::DEFAULT_WINDOW;
use crate::shell::RemoteShell;
use crate::statistics::Statistics;
use crate::target::target_setters;
use crate::tasks::Tasks;

/// An open `cmd` shell. Commands run in it side by side. Closed when dropped; [`WinRsShell::close`]
/// also says whether that worked.
pub struct WinRsShell {
    shared: Arc<Shared>,
    is_closed: bool,
}

/// What a shell and its commands share.
struct Shared {
    shell: RemoteShell,
    tasks: Tasks,
    /// Tells the commands that the shell is about to close.
    closing: watch::Sender<bool>,
    cancel_timeout: Duration,
    retry_window: Duration,
}

/// The parameters of a new `cmd` shell.
#[derive(Clone)]
pub struct WinRsShellBuilder {
    target: Target,
    options: WsmanOptions,
    resource_uri: String,
    working_directory: Option<String>,
    environment: Vec<(String, String)>,
    idle_timeout: Option<Duration>,
    lifetime: Option<Duration>,
    code_page: u32,
    no_profile: bool,
    retry_window: Duration,
}

impl WinRsShell {
    /// A shell on a computer.
    pub fn builder(computer: &str) -> WinRsShellBuilder {
        WinRsShellBuilder {
            target: Target::computer(computer),
            options: WsmanOptions::default(),
            resource_uri: uri::CMD_SHELL.to_owned(),
            working_directory: None,
            environment: Vec::new(),
            idle_timeout: None,
            lifetime: None,
            code_page: 65001,
            no_profile: false,
            retry_window: DEFAULT_WINDOW,
        }
    }

    /// Starts a command. Its streams come as they are written; dropping what is returned ends it.
    pub fn run(&self, command: WinRsCommand) -> RunningCommand {
        task::start(&self.shared, command)
    }

    /// The shell's id.
    pub fn id(&self) -> &str {
        self.shared.shell.id()
    }

    /// What went over the wire until now.
    pub fn statistics(&self) -> Statistics {
        self.shared.shell.client().counts().into()
    }

    /// Ends the commands and closes the shell.
    ///
    /// # Errors
    /// The host did not close it.
    pub async fn close(mut self) -> Result<()> {
        self.is_closed = true;
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.finish(async move { shared.close().await }).await
    }
}

impl Drop for WinRsShell {
    fn drop(&mut self) {
        if !self.is_closed {
            let shared = Arc::clone(&self.shared);
            self.shared.tasks.clean_up(async move {
                if let Err(error) = shared.close().await {
                    tracing::warn!(%error, "a dropped shell could not be closed");
                }
            });
        }
    }
}

impl Shared {
    async fn close(&self) -> Result<()> {
        self.closing.send_replace(true);
        self.tasks.settled(self.cancel_timeout).await;
        let closed = self.shell.delete(Some(self.cancel_timeout)).await;
        self.shell.client().close_idle();
        closed.map_err(|error| error.while_doing("closing the shell"))
    }
}

impl WinRsShellBuilder {
    target_setters!();

    /// Time-outs, languages and sizes.
    #[must_use]
    pub fn options(mut self, options: WsmanOptions) -> Self {
        self.options = options;
        self
    }

    /// Another kind of shell than `cmd`.
    #[must_use]
    pub fn resource_uri(mut self, uri: &str) -> Self {
        self.resource_uri = uri.to_owned();
        self
    }

    /// The directory in which commands start.
    #[must_use]
    pub fn working_directory(mut self, directory: &str) -> Self {
        self.working_directory = Some(directory.to_owned());
        self
    }

    /// Sets an environment variable for the commands.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long the host keeps the shell while nothing happens; otherwise it decides.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How long the shell lives at most.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The code page of the console, 65001 (UTF-8) unless said otherwise.
    #[must_use]
    pub fn code_page(mut self, code_page: u32) -> Self {
        self.code_page = code_page;
        self
    }

    /// Do not load the user's profile.
    #[must_use]
    pub fn no_profile(mut self, no_profile: bool) -> Self {
        self.no_profile = no_profile;
        self
    }

    /// How long a failed network is tried again while output is waited for, four minutes unless said otherwise. What
    /// is sent is never sent again blindly, and so fails with the network.
    #[must_use]
    pub fn retry_window(mut self, window: Duration) -> Self {
        self.retry_window = window;
        self
    }

    /// Opens the shell.
    ///
    /// # Errors
    /// Parameters that do not fit, a host that is not reached, or a fault. A shell that was opened for a
    /// caller who left in the meantime is closed again.
    pub async fn open(self) -> Result<WinRsShell> {
        let pool = self.target.pool(self.options.open_timeout)?;
        let client = Arc::new(self.options.client(pool, self.target.tap()));
        let tasks = Tasks::current()?;
        let options = OptionSet::new()
            .with("WINRS_NOPROFILE", if self.no_profile { "TRUE" } else { "FALSE" })
            .with("WINRS_CODEPAGE", self.code_page.to_string());
        let shell = Shell {
            working_directory: self.working_directory,
            environment: self.environment,
            idle_timeout: self.idle_timeout,
            lifetime: self.lifetime,
            ..Shell::cmd()
        };
        let cancel_timeout = self.options.cancel_timeout;
        let compress = self.options.compress;
        let resource_uri = self.resource_uri;
        let carrying = tasks.clone();
        let opened = tasks
            .carry_through(
                async move {
                    let opening =
                        RemoteShell::open(client, &resource_uri, shell, options, compress, &carrying);
                    self.options.opening(opening).await
                },
                move |shell| async move {
                    shell.delete(Some(cancel_timeout)).await.ok();
                },
            )
            .await;
        let shell = opened.map_err(|error| error.while_doing("opening a shell"))?;
        let closing = watch::Sender::new(false);
        let shared = Shared { shell, tasks, closing, cancel_timeout, retry_window: self.retry_window };
        Ok(WinRsShell { shared: Arc::new(shared), is_closed: false })
    }
}
