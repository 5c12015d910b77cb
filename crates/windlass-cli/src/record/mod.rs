//! `windlass record`: keeps what is said over WS-Management, readable and without secrets.

mod between;
mod redacting;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use crate::exit::Exit;
use crate::failure::report_local;

pub(crate) use redacting::Redacting;

/// Keep what is said over WS-Management, readable and without the passwords that are known
///
/// Either of a command of this program, or of two others: with --listen and --to it stands between a client and a
/// server. The folder gets a file of JSON lines for each run, which `windlass mock --replay` plays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass record talk Invoke-Command srv1 -Credential alice { Get-Process }
  windlass record talk console --credential alice
  windlass record talk --listen 127.0.0.1:5995 --to srv1:5985
  windlass mock --user alice:secret --replay talk

Passwords of the run's credentials are replaced by x, also inside what PowerShell sends as base64. Other secrets,
such as those written in a script, are kept as they are: look before you pass a recording on.

Between two others it hands every byte on as it is, so that any logon works, and keeps what it can read: messages
that are sealed (Kerberos, Negotiate or CredSSP over HTTP) go by unread, and it says so. Basic without TLS, or NTLM
of a client that does not seal, can be read. The only passwords that it knows there, and replaces, are those that the
server accepts with Basic, in UTF-8; where somebody logs on in another way it says that it knows none. It ends with
Ctrl-C, or when its standard input ends.")]
pub(crate) struct Record {
    /// Folder for the recording
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where to listen for the client
    #[arg(long, value_name = "ADDRESS", requires = "to")]
    listen: Option<SocketAddr>,
    /// The server to which the client's messages go
    #[arg(long, value_name = "HOST:PORT", requires = "listen")]
    to: Option<String>,
    /// Cmdlet or subcommand, with its arguments
    #[arg(
        value_name = "COMMAND",
        required_unless_present = "listen",
        conflicts_with = "listen",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<String>,
}

impl Record {
    /// Stands between two others. The command of this program, where one is given, runs with an option instead,
    /// see [`rewritten`]; what that did not understand is told.
    pub(crate) fn run(self, runtime: &tokio::runtime::Runtime) -> Exit {
        let outcome = match (self.listen, &self.to) {
            (Some(listen), Some(server)) => runtime.block_on(between::serve(&self.folder, listen, server)),
            _ => {
                let (folder, command) = (self.folder.display(), self.command.join(" "));
                let reason =
                    format!("name the folder, then the command: `windlass record {folder} {command}`");
                Err(anyhow!("{reason} has options before it"))
            }
        };
        match outcome {
            Ok(()) => Exit::DONE,
            Err(error) => report_local(&error),
        }
    }
}

/// `record DIR COMMAND ARGUMENTS` as the command with an option, so that its arguments are read as its own.
pub(crate) fn rewritten(words: Vec<String>) -> Vec<String> {
    let options = match words.as_slice() {
        [option, _, ..] if option == "--output" => 2,
        [option, ..] if option.starts_with("--output=") => 1,
        _ => 0,
    };
    match words.split_at_checked(options) {
        Some((before, [record, folder, name, rest @ ..]))
            if record.eq_ignore_ascii_case("record")
                && ![folder, name].iter().any(|word| word.starts_with('-')) =>
        {
            let command = [name.clone(), "--record".to_owned(), folder.clone()];
            before.iter().cloned().chain(command).chain(rest.iter().cloned()).collect()
        }
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_recorded_with_its_own_arguments() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (given, expected) in [
            ("record talk Get-Process -Id 5", "Get-Process --record talk -Id 5"),
            ("record talk console", "console --record talk"),
            ("--output json record talk Get-Date", "--output json Get-Date --record talk"),
            ("--output=json record talk Get-Date", "--output=json Get-Date --record talk"),
            ("record talk", "record talk"),
            ("record --help x", "record --help x"),
            ("Get-Process record x", "Get-Process record x"),
        ] {
            assert_eq!(rewritten(words(given)), words(expected));
        }
    }
}
