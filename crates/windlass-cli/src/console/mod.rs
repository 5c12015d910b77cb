//! `windlass console`: lines of cmdlets, with variables and pipelines.

mod editor;
mod lines;
mod remote;
mod typing;

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Args;
use tokio::sync::watch;
use windlass_mock::powershell::{LocalRunspace, Stop};

use crate::cli::Format;
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::report_local;
use crate::interrupts::{Interrupt, Interrupts};
use crate::output::{Paper, Screen, View};
use crate::runspace::{Defaults, Local};
use crate::terminal::OwnTerminal;

use self::typing::{Typing, Until};

pub(crate) use self::editor::{Complete, Partner, run as edit};
pub(crate) use self::lines::Lines;
pub(crate) use self::remote::Remote;

/// Read lines of cmdlets, with variables and pipelines
///
/// Without -Command and -File the lines come from the terminal, or from standard input.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass console --resolve srv1=10.0.0.5 -Credential CORP\\alice
  windlass console -Command '$s = New-PSSession srv1,srv2; Invoke-Command $s { Get-Process } | Select-Object -First 5'
  windlass console -File nightly.ps1 --output ndjson")]
pub(crate) struct Console {
    /// Lines to run, instead of reading any
    #[arg(long, short = 'c', value_name = "TEXT", conflicts_with = "file")]
    command: Option<String>,
    /// File with lines to run
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    defaults: DefaultOptions,
}

/// A console: a runspace and the screen that shows what comes of its lines.
pub(crate) struct Session {
    pub(crate) local: Arc<Local>,
    pub(crate) runspace: LocalRunspace,
    pub(crate) screen: Screen,
    /// The order to stop of what runs now, for Ctrl-C.
    running: watch::Sender<Option<Stop>>,
}

impl Console {
    /// Runs the lines; the calling thread is the one that they run on.
    pub(crate) fn run(self, handle: &tokio::runtime::Handle, format: Option<Format>) -> Exit {
        match self.run_all(handle, format) {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    fn run_all(self, handle: &tokio::runtime::Handle, format: Option<Format>) -> Result<Exit> {
        let defaults = self.defaults.clone().with_config()?;
        let mut session = Session::new(handle, defaults.resolved()?, format.or(defaults.output));
        let text = match (&self.command, &self.file) {
            (Some(text), _) => Some(text.clone()),
            (None, Some(file)) => Some(
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
            ),
            (None, None) if std::io::stdin().is_terminal() => None,
            (None, None) => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
                Some(text)
            }
        };
        match text {
            Some(text) => {
                session.heed_interrupts();
                let mut lines = Lines::default();
                for line in text.trim_start_matches('\u{feff}').lines() {
                    // Ctrl-C is meant for all of the lines.
                    if !session.take(&mut lines, line) || session.local.exit() == Exit::INTERRUPTED {
                        break;
                    }
                }
                session.finish(&mut lines);
            }
            None => {
                session.heed_interrupts();
                edit(&mut Typing::new(&mut session, Until::Exit))?;
                session.local.forgive();
            }
        }
        Ok(session.close())
    }
}

impl Session {
    /// A console with nothing open.
    pub(crate) fn new(handle: &tokio::runtime::Handle, defaults: Defaults, format: Option<Format>) -> Self {
        let local = Local::new(handle.clone(), defaults, Arc::new(OwnTerminal::default()));
        Self::over(local, View::of_process(format), Paper::Process)
    }

    /// From now on Ctrl-C stops what runs, and what ends the process closes its sessions first.
    pub(crate) fn heed_interrupts(&self) {
        let running = self.running.clone();
        let known = Arc::downgrade(&self.local);
        self.local.handle.spawn(async move {
            let Ok(mut interrupts) = Interrupts::heed() else { return };
            loop {
                let interrupt = interrupts.next().await;
                let Some(local) = known.upgrade() else { return };
                match interrupt {
                    Interrupt::Stop => local.note(Exit::INTERRUPTED),
                    Interrupt::End => local.begin_to_end(),
                }
                if let Some(stop) = running.borrow().as_ref() {
                    stop.stop();
                }
                if interrupt == Interrupt::End {
                    break end(&local, &running).await;
                }
            }
        });
    }

    /// Stops what runs when it is called.
    pub(crate) fn interrupter(&self) -> impl Fn() + Send + use<> {
        let running = self.running.clone();
        move || {
            if let Some(stop) = running.borrow().as_ref() {
                stop.stop();
            }
        }
    }

    /// Sends the lines of the terminal, or of standard input, to the session that was entered until it is
    /// left.
    pub(crate) fn converse(&mut self) -> Result<()> {
        if std::io::stdin().is_terminal() {
            let mut typing = Typing::new(self, Until::Left);
            edit(&mut typing)?;
            if !typing.has_lost() {
                self.local.forgive();
            }
            return Ok(());
        }
        let mut lines = Lines::default();
        for line in std::io::stdin().lines() {
            if self.local.entered().is_none() {
                break;
            }
            self.take(&mut lines, &line.context("cannot read standard input")?);
        }
        self.local.leave();
        Ok(())
    }

    /// A console over what is open already, which shows what comes on this paper.
    pub(crate) fn over(local: Arc<Local>, view: View, paper: Paper) -> Self {
        let runspace = local.runspace(view.columns);
        let screen = Screen::new(&local, view, paper);
        Self { local, runspace, screen, running: watch::Sender::new(None) }
    }

    /// Shows what is wrong with a command.
    pub(crate) fn complain(&mut self, error: &anyhow::Error) {
        self.screen.refuse(&format!("windlass: {error:#}"));
    }

    /// How the command is to end.
    pub(crate) fn exit(&self) -> Exit {
        self.local.exit()
    }

    /// What stands before the next line of the session that was entered; none where there is no such session.
    pub(crate) fn entered_prompt(&self, lines: &Lines) -> Option<String> {
        let entered = self.local.entered()?;
        Some(if lines.is_waiting() { ">> ".to_owned() } else { self.remote_prompt(&entered) })
    }

    /// Takes one line more; runs what is complete. `false` where nothing more is to be run: the line was stopped,
    /// or the session that it was meant for is lost.
    pub(crate) fn take(&mut self, lines: &mut Lines, line: &str) -> bool {
        if let Some(entered) = self.local.entered() {
            return match lines.add_remote(line) {
                Some(text) => self.remote(&entered, &text),
                None => true,
            };
        }
        match lines.add(line, |text| self.runspace.parse(text)) {
            lines::Outcome::More => true,
            lines::Outcome::Run(text, script) => self.run_script(&text, script),
            lines::Outcome::Refused(message) => {
                self.screen.refuse(&message);
                true
            }
        }
    }

    /// Says so where the last lines lack their end.
    fn finish(&mut self, lines: &mut Lines) {
        if let Some(message) = lines.unfinished(|text| self.runspace.parse(text)) {
            self.screen.refuse(&message);
        }
    }

    /// Runs a text that was read.
    fn run_script(&mut self, text: &str, script: windlass_command::Script) -> bool {
        let stop = self.begin();
        let went_on = self.runspace.run(text, script, &stop, &mut self.screen);
        self.end();
        went_on
    }

    /// Runs the one command of a command line, whose arguments are values already. The results are complete
    /// with it, unless it entered a session.
    pub(crate) fn invoke(&mut self, command: &windlass::PowerShell) {
        let stop = self.begin();
        self.runspace.invoke(command, None, &stop, &mut self.screen);
        self.end();
        if self.local.entered().is_none() {
            self.screen.conclude();
        }
    }

    fn begin(&self) -> Stop {
        let stop = Stop::default();
        self.running.send_replace(Some(stop.clone()));
        if self.local.is_ending() {
            stop.stop();
        }
        stop
    }

    fn end(&mut self) {
        self.screen.finish();
        self.running.send_replace(None);
    }

    /// Closes what is open and tells how the process is to end.
    pub(crate) fn close(self) -> Exit {
        let local = Arc::clone(&self.local);
        local.leave();
        self.local.handle.block_on(local.close());
        local.exit()
    }
}

/// Ends the process: its own thread may wait for a line that does not come, or for a reader who does not read,
/// and hosts may be silent.
async fn end(local: &Local, running: &watch::Sender<Option<Stop>>) {
    // What runs has been stopped and writes its last words.
    tokio::time::timeout(crate::CLOSING, running.subscribe().wait_for(Option::is_none)).await.ok();
    tokio::time::timeout(crate::CLOSING, local.close()).await.ok();
    windlass::settled(crate::CLOSING).await;
    std::process::exit(local.exit().code().into());
}
