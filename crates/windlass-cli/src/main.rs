//! The `windlass` command: Windows remote management from anywhere.
//!
//! Reading order: [`command_line`] takes the cmdlets and [`cli`] everything else; [`console`] reads lines of
//! cmdlets; [`cmdlets`] does what they say in a [`runspace`]; [`output`] prints it, [`exit`] tells scripts
//! how it ended.
#![forbid(unsafe_code)]

mod agent;
mod arguments;
mod cli;
mod cmdlets;
mod command_line;
mod complete;
mod config;
mod console;
mod credential;
mod decode;
mod defaults;
mod doctor;
mod exit;
mod failure;
mod help;
mod host;
mod interrupts;
mod output;
mod record;
mod runspace;
mod terminal;
mod winrs;
mod workers;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::command_line::CommandLine;
use crate::exit::Exit;
use crate::failure::{report, report_local};
use crate::workers::Workers;

/// How long the process waits at its end until what it opened on hosts is closed.
pub(crate) const CLOSING: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    keep_freed_memory();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("WINDLASS_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    run(words).into()
}

/// Makes the allocator keep some MiB that were freed. That of glibc returns them to the system and takes them anew
/// for each message, page by page, until a block was freed that is longer than messages.
fn keep_freed_memory() {
    const LONGER_THAN_MESSAGES: usize = 4 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LONGER_THAN_MESSAGES)));
}

/// Runs the command on a runtime of its own, whose threads do what the network asks for; Ctrl-C cancels it,
/// which closes what it opened.
fn run(words: Vec<String>) -> Exit {
    let words = record::rewritten(words);
    let line = match CommandLine::of(&words) {
        Ok(line) => line,
        Err(error) => return report(error.as_ref(), Exit::USAGE),
    };
    let cli = match &line {
        Some(_) => None,
        None => match parse(words) {
            Ok(cli) => Some(cli),
            Err(exit) => return exit,
        },
    };
    let workers = Workers::default();
    let exit = match (line, cli) {
        (Some(line), _) => line.run(&workers),
        (None, Some(cli)) => match workers.runtime() {
            Ok(runtime) => cli.run(runtime),
            Err(error) => report_local(&error),
        },
        (None, None) => Exit::USAGE,
    };
    let Some(runtime) = workers.into_runtime() else { return exit };
    // What was cut off, by Ctrl-C or because nobody reads on, is closed in the background.
    if !runtime.block_on(windlass::settled(CLOSING)) {
        tracing::warn!(
            "not everything could be closed: hosts close the rest when it has been idle for too long"
        );
    }
    runtime.shutdown_timeout(CLOSING);
    exit
}

fn parse(words: Vec<String>) -> Result<Cli, Exit> {
    let mut command = Cli::command();
    command.build();
    let words = arguments::normalise(&command, words).map_err(|error| report(&error, Exit::USAGE))?;
    let matches = command.try_get_matches_from(std::iter::once("windlass".to_owned()).chain(words));
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| {
        let exit = if error.use_stderr() { Exit::USAGE } else { Exit::DONE };
        // Help that nobody reads on was good for them nevertheless.
        error.print().ok();
        exit
    })
}
