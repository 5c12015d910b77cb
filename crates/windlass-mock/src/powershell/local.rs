//! A runspace in the process of its user: what a console runs its lines in.
//!
//! Beside what an endpoint has it knows variables and assignments, and its commands may do what the
//! process may do.

use std::sync::{Arc, Mutex, OnceLock};

use windlass_clixml::PsValue;
use windlass_command::{Language, ParseError, Script, parse};
use windlass_psrp::host::HostInfo;
use windlass_psrp::{InvocationInfo, Merge, PowerShell};

use super::cmdlet::Halt;
use super::engine::{End, execute};
use super::pipeline::{self, Call, Input, Slot};
use super::record::{Emission, Sink};
use super::registry::Commands;
use super::runspace::{Runspace, Session};
use super::script::ScriptStage;
use super::stop::Stop;
use super::variables::Variables;
use crate::facts::Facts;
use crate::scenario::Scenario;

/// A runspace in this process.
#[derive(Debug, Clone)]
pub struct LocalRunspace {
    session: Arc<Session>,
    variables: Variables,
    width: usize,
}

impl LocalRunspace {
    /// A runspace with these commands and variables, whose output may have so many columns.
    pub fn new(commands: Commands, variables: Variables, width: usize) -> Self {
        let facts = Facts::default();
        let session = Session {
            commands: Arc::new(commands),
            scenario: Arc::new(Scenario::default()),
            files: None,
            reads_everything: true,
            user: std::env::var("USER").unwrap_or_default(),
            computer: facts.host_name(),
            facts,
            client: OnceLock::new(),
            events: Mutex::default(),
        };
        Self { session: Arc::new(session), variables, width }
    }

    /// The commands.
    pub fn commands(&self) -> &Commands {
        &self.session.commands
    }

    /// The variables.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Reads a text in the language of the console.
    ///
    /// # Errors
    /// Where PowerShell refuses the text, or it lies outside the language.
    pub fn parse(&self, text: &str) -> Result<Script, Box<ParseError>> {
        parse(text, Language::CONSOLE)
    }

    /// Runs a script that was read from this text. What it says goes to `sink`, and so does an error that
    /// ended one of its statements. `false` where it was stopped, or an error ended all of it.
    pub fn run(&self, source: &str, script: Script, stop: &Stop, sink: &mut dyn Sink) -> bool {
        let runspace = self.runspace(stop);
        let call = Call {
            command: None,
            invocation: InvocationInfo::default(),
            with_invocation: true,
            preferences: runspace.preferences,
            merge: Merge::default(),
            position: 0,
            copies: Vec::new(),
        };
        let mut slots = [Slot::new(call, Box::new(ScriptStage::parsed(source, script)))];
        match pipeline::run(&mut slots, Input::None, sink, &runspace) {
            Ok(()) | Err(Halt::Enough(_)) => true,
            Err(Halt::Stopped) => false,
            Err(Halt::Failed(record)) => sink.emit(Emission::Error(record)).is_ok(),
            Err(Halt::Final(record)) => {
                // Whether anybody sees it makes no difference.
                sink.emit(Emission::Error(record)).ok();
                false
            }
        }
    }

    /// Runs commands whose arguments are values already. Input goes to the first of them. `false` where
    /// they were stopped.
    pub fn invoke(
        &self,
        commands: &PowerShell,
        input: Option<&mut dyn Iterator<Item = PsValue>>,
        stop: &Stop,
        sink: &mut dyn Sink,
    ) -> bool {
        match execute(commands, false, input, sink, &self.runspace(stop)) {
            End::Completed => true,
            End::Stopped => false,
            End::Failed(record) => sink.emit(Emission::Error(record)).is_ok(),
        }
    }

    fn runspace(&self, stop: &Stop) -> Runspace {
        let runspace = Runspace::new(Arc::clone(&self.session), stop.clone(), HostInfo::none());
        runspace.with_variables(&self.variables, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::powershell::Outcome;
    use crate::powershell::text::text;

    #[derive(Default)]
    struct Seen {
        output: Vec<String>,
        errors: Vec<String>,
        has_gone_on: bool,
    }

    impl Sink for Seen {
        fn emit(&mut self, emission: Emission) -> Outcome {
            match emission {
                Emission::Output(value) => self.output.push(text(&value)),
                Emission::Error(record) => self.errors.push(record.message().to_owned()),
                _ => {}
            }
            Ok(())
        }
    }

    fn run(lines: &[&str]) -> Seen {
        let runspace = LocalRunspace::new(Commands::built_in(), Variables::default(), 80);
        let mut seen = Seen::default();
        for line in lines {
            let script = runspace.parse(line).unwrap();
            seen.has_gone_on = runspace.run(line, script, &Stop::default(), &mut seen);
        }
        seen
    }

    #[test]
    fn variables_keep_what_pipelines_give() {
        for (lines, expected) in [
            (&["$a, $b, $c = 1, 2, 3, 4", "\"$a $b $c\""][..], &["1 2 3 4"][..]),
            (&["$a, $b = Write-Output 7", "Write-Output $a $b"], &["7"]),
            (&["$global:x = 'q'; $X"], &["q"]),
            (&["$x = 3, 1, 2 | Sort-Object; $x"], &["1", "2", "3"]),
            (&["$x = @{ a = 5 }; $x.a"], &["5"]),
            (&["(Get-Process -Id 999999999 -ErrorAction SilentlyContinue) | Select-Object Id"], &[]),
            (
                &[
                    "$x = 1",
                    "$x = Get-Process -Id 999999999 -ErrorAction SilentlyContinue",
                    "$x | Select-Object Id",
                    "\"<$x>\"",
                ],
                &["<>"],
            ),
            (&["$null, 1, $null | Measure-Object | Select-Object -ExpandProperty Count"], &["1"]),
            (
                &["Write-Output 4 5 -OutVariable kept | Out-Null", "Write-Output 6 -ov +kept", "$kept"],
                &["6", "4", "5", "6"],
            ),
            (
                &[
                    "Nothing-Such -ErrorAction Stop",
                    "Get-Process -Id 999999999 -ErrorAction SilentlyContinue -ev bad",
                    "$bad.Count",
                ],
                &["1"],
            ),
        ] {
            let seen = run(lines);
            assert!(seen.errors.len() <= 1, "{lines:?}: {:?}", seen.errors);
            assert_eq!(
                seen.output.iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn an_error_ends_the_script_where_it_shall() {
        for (lines, expected, goes_on) in [
            (&["'first'", "Write-Error bad -ErrorAction Stop; 'after'"][..], &["first"][..], false),
            (&["$ErrorActionPreference = 'Stop'; Write-Error bad; 'after'"], &[], false),
            (&["$ErrorActionPreference = 'stop'", "Nothing-Such; 'after'"], &[], false),
            (
                &["$ErrorActionPreference = 'Stop'; Write-Error bad -ErrorAction Continue; 'after'"],
                &["after"],
                true,
            ),
            (&["$WarningPreference = 'Stop'; Write-Warning old; 'after'"], &[], false),
            (
                &["$Error.Count; Write-Error bad; $Error.Count; $Error[0].CategoryInfo.Activity"],
                &["0", "1", "Write-Error"],
                true,
            ),
        ] {
            let seen = run(lines);
            assert_eq!((seen.output.join(" "), seen.errors.len()), (expected.join(" "), 1), "{lines:?}");
            assert_eq!(seen.has_gone_on, goes_on, "{lines:?}");
        }
        let seen = run(&[
            "$ErrorActionPreference = 'SilentlyContinue'; Write-Error first; Nothing-Such; Write-Error last -ea Ignore",
            "$Error.Count; $Error[1].Exception.Message",
            "Write-Warning old -WarningAction SilentlyContinue -WarningVariable kept; $kept.Count",
        ]);
        assert_eq!(
            (seen.output.as_slice(), seen.errors.len()),
            (&["2", "first", "1"].map(str::to_owned)[..], 0)
        );
    }

    #[test]
    fn an_error_ends_its_statement_alone() {
        let seen = run(&["Nothing-Such; Write-Output after"]);
        assert_eq!(seen.output, ["after"]);
        assert!(seen.errors[0].contains("'Nothing-Such' is not recognized"));
    }
}
