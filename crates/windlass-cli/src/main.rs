//! The `windlass` command: Windows remote management from anywhere.
//!
//! Reading order: [`arguments`] turns PowerShell's way of writing parameters into clap's, [`cli`] says
//! what there is, [`cmdlets`] does it, [`output`] prints it, [`exit`] tells scripts how it ended.
#![forbid(unsafe_code)]

mod arguments;
mod cli;
mod cmdlets;
mod connection;
mod credential;
mod decode;
mod exit;
mod failure;
mod host;
mod output;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::report;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("WINDLASS_LOG"))
        .with_writer(std::io::stderr)
        .init();
    match parse() {
        Ok(cli) => run(cli).into(),
        Err(exit) => exit.into(),
    }
}

fn parse() -> Result<Cli, Exit> {
    let mut command = Cli::command();
    command.build();
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let words = arguments::normalise(&command, words).map_err(|error| report(&error, Exit::USAGE))?;
    let matches = command.try_get_matches_from(std::iter::once("windlass".to_owned()).chain(words));
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| {
        let exit = if error.use_stderr() { Exit::USAGE } else { Exit::DONE };
        if error.print().is_err() {
            return Exit::USAGE;
        }
        exit
    })
}

/// Runs the command on a runtime of its own; Ctrl-C cancels it, which closes what it opened.
fn run(cli: Cli) -> Exit {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error, Exit::PROTOCOL),
    };
    let exit = runtime.block_on(cli.run());
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    exit
}
