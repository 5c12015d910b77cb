//! What there is: the subcommands and what they share.

use clap::{Parser, Subcommand, ValueEnum};

use crate::cmdlets::{
    get_cim_instance::GetCimInstance, invoke_command::InvokeCommand, test_wsman::TestWsman,
};
use crate::decode::Decode;
use crate::exit::Exit;
use crate::host::Mock;

/// Manage Windows computers from anywhere: PowerShell remoting and CIM, client and host.
///
/// Parameters are written as in PowerShell (-ComputerName srv1,srv2) or as options
/// (--computer-name srv1,srv2); names may be shortened while they stay unambiguous.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, infer_long_args = true, disable_help_subcommand = false)]
#[command(after_help = "Examples:
  windlass Test-WSMan -ComputerName srv1
  windlass Invoke-Command -ComputerName srv1 -Credential CORP\\alice { Get-Process }
  windlass Get-CimInstance -ClassName Win32_OperatingSystem
  windlass mock --user alice:secret

Passwords come from WINDLASS_PASSWORD, from -CredentialFile or from a prompt.
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
    /// Run a command on remote computers
    #[command(name = "Invoke-Command", alias = "icm")]
    InvokeCommand(InvokeCommand),
    /// Get CIM instances from this computer or from remote ones
    #[command(name = "Get-CimInstance", alias = "gcim")]
    GetCimInstance(GetCimInstance),
    /// Ask whether a WS-Management service answers
    #[command(name = "Test-WSMan")]
    TestWsman(TestWsman),
    /// Serve as a host that other programs can manage
    #[command(name = "mock")]
    Mock(Mock),
    /// Show as JSON what is inside captured bytes
    #[command(name = "decode")]
    Decode(Decode),
}

impl Cli {
    /// Does what the command line says.
    pub(crate) async fn run(self) -> Exit {
        match self.command {
            Command::InvokeCommand(cmdlet) => cmdlet.run(self.output).await,
            Command::GetCimInstance(cmdlet) => cmdlet.run(self.output).await,
            Command::TestWsman(cmdlet) => cmdlet.run(self.output).await,
            Command::Mock(mock) => mock.run().await,
            Command::Decode(decode) => decode.run(),
        }
    }
}
