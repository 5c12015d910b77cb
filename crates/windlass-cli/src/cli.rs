//! What there is beside the cmdlets: the other subcommands and what they share.

use clap::{Parser, Subcommand, ValueEnum};

use crate::agent::Agent;
use crate::console::Console;
use crate::decode::Decode;
use crate::doctor::Doctor;
use crate::exit::Exit;
use crate::help::{Completion, Help};
use crate::host::Mock;
use crate::record::Record;
use crate::winrs::WinRs;

/// Manage Windows computers from anywhere: PowerShell remoting and CIM, client and host.
///
/// Every cmdlet is a subcommand: `windlass Get-CimInstance Win32_Process -ComputerName srv1`.
/// Parameters are written as in PowerShell (-ComputerName srv1,srv2) or as options
/// (--computer-name srv1,srv2); names may be shortened while they stay unambiguous.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, infer_long_args = true, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  windlass Test-WSMan -ComputerName srv1
  windlass Invoke-Command -ComputerName srv1 -Credential CORP\\alice { Get-Process }
  windlass Get-CimInstance -ClassName Win32_OperatingSystem
  windlass console --resolve srv1=10.0.0.5
  windlass mock --user alice:secret

`windlass help` lists the cmdlets, `windlass help CMDLET` tells about one.
Passwords come from WINDLASS_PASSWORD, from -CredentialFile, from a keyring's program or from a prompt:
  export WINDLASS_PASSWORD_COMMAND='secret-tool lookup service windlass user'   # the user's name is added
`windlass help configuration` tells about defaults, host groups and trusted hosts in a file.
Exit status: 0 done, 1 remote errors, 2 usage, 3 not connected, 4 refused, 5 protocol, 130 interrupted.")]
pub(crate) struct Cli {
    /// How results are printed: a table on a terminal and ndjson in a pipe unless given
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    #[command(subcommand)]
    command: Command,
}

/// The forms in which results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// As PowerShell shows objects by default
    Table,
    /// One property a line
    List,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
    /// PowerShell's own XML
    Clixml,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read lines of cmdlets, with variables and pipelines
    #[command(name = "console")]
    Console(Console),
    /// Tell about the agent that keeps sessions, or stop it
    #[command(name = "agent")]
    Agent(Agent),
    /// Run a command in the cmd shell of another computer
    #[command(name = "winrs")]
    WinRs(WinRs),
    /// Walk the layers to a computer and name the first that fails
    #[command(name = "doctor")]
    Doctor(Doctor),
    /// Serve as a host that other programs can manage
    #[command(name = "mock")]
    Mock(Box<Mock>),
    /// Keep what is said over WS-Management, readable and without the passwords that are known
    #[command(name = "record")]
    Record(Record),
    /// Tell what there is, or about one cmdlet
    #[command(name = "help")]
    Help(Help),
    /// Write completions for a shell
    #[command(name = "completion")]
    Completion(Completion),
    /// Show as JSON what is inside captured bytes
    #[command(name = "decode")]
    Decode(Decode),
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn run(self, runtime: &tokio::runtime::Runtime) -> Exit {
        match self.command {
            Command::Console(console) => console.run(runtime.handle(), self.output),
            Command::Agent(agent) => agent.run(runtime),
            Command::WinRs(winrs) => winrs.run(runtime),
            Command::Doctor(doctor) => doctor.run(runtime, self.output),
            Command::Mock(mock) => runtime.block_on(mock.run()),
            Command::Decode(decode) => decode.run(),
            Command::Record(record) => record.run(runtime),
            Command::Help(help) => help.run(runtime.handle()),
            Command::Completion(completion) => completion.run(runtime.handle()),
        }
    }
}
