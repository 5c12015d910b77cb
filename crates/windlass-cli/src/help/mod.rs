//! Help from the table of cmdlets: on the screen, as man pages and as completions of shells.

mod man;
mod shells;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::{Args, CommandFactory};
use windlass_mock::powershell::{CommandInfo, Kind, LocalRunspace, ParameterInfo, Scalar};

use crate::cli::Cli;
use crate::complete::nearest;
use crate::exit::Exit;
use crate::failure::{printed, report_local};
use crate::runspace::{Defaults, Local};
use crate::terminal::Nobody;

pub(crate) use shells::Shell;

/// What help about the configuration file is asked for with.
const CONFIGURATION: &str = "configuration";
const PARAMETERS: &str = include_str!("parameters.txt");
const EXAMPLES: &str = include_str!("examples.txt");

/// Tell what there is, or about one cmdlet
#[derive(Debug, Args)]
pub(crate) struct Help {
    /// Cmdlet or subcommand
    #[arg(value_name = "CMDLET")]
    name: Option<String>,
    /// Write man pages of everything into this folder instead
    #[arg(long, value_name = "FOLDER")]
    man: Option<PathBuf>,
}

/// Write completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass completion bash > ~/.local/share/bash-completion/completions/windlass
  windlass completion fish > ~/.config/fish/completions/windlass.fish")]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The cmdlets, as a console without anything open has them.
pub(crate) struct Cmdlets(LocalRunspace);

impl Cmdlets {
    pub(crate) fn new(handle: &tokio::runtime::Handle) -> Self {
        Self(Local::new(handle.clone(), Defaults::default(), Arc::new(Nobody)).runspace(120))
    }

    /// Every cmdlet, by name.
    pub(crate) fn all(&self) -> Vec<&CommandInfo> {
        self.0.commands().iter().map(|command| command.info()).collect()
    }

    /// A cmdlet by name or alias.
    pub(crate) fn find(&self, name: &str) -> Option<&CommandInfo> {
        self.0.commands().find(name).map(|command| command.info())
    }
}

impl Help {
    pub(crate) fn run(self, handle: &tokio::runtime::Handle) -> Exit {
        match self.show(&Cmdlets::new(handle)) {
            Ok(()) => Exit::DONE,
            Err(error) => report_local(&error),
        }
    }

    fn show(self, cmdlets: &Cmdlets) -> Result<()> {
        if let Some(folder) = &self.man {
            return man::write_all(cmdlets, folder);
        }
        let Some(name) = self.name else {
            let mut text = Cli::command().render_help().to_string();
            text.push_str("\nCmdlets:\n");
            for info in cmdlets.all() {
                let _ = writeln!(text, "  {:<28} {}", info.name(), info.help());
            }
            return print(&text);
        };
        if let Some(info) = cmdlets.find(&name) {
            return print(&page(info));
        }
        if name.eq_ignore_ascii_case(CONFIGURATION) {
            return print(&format!("{}\n", crate::config::HELP));
        }
        let mut command = Cli::command();
        // The usage names the program, too, once the command is built.
        command.build();
        match command.find_subcommand_mut(&name) {
            Some(found) => print(&found.render_long_help().to_string()),
            None => {
                let cmdlets = cmdlets.all().into_iter().map(CommandInfo::name);
                let others = command.get_subcommands().map(clap::Command::get_name);
                match nearest(&name, cmdlets.chain(others).chain([CONFIGURATION])) {
                    Some(meant) => bail!("there is no help about '{name}': did you mean {meant}?"),
                    None => bail!("there is no cmdlet '{name}': `windlass help` lists them"),
                }
            }
        }
    }
}

impl Completion {
    pub(crate) fn run(&self, handle: &tokio::runtime::Handle) -> Exit {
        match print(&shells::script(self.shell, &Cmdlets::new(handle))) {
            Ok(()) => Exit::DONE,
            Err(error) => report_local(&error),
        }
    }
}

/// The help of a cmdlet, printed; as `windlass CMDLET --help` shows it.
pub(crate) fn show(info: &CommandInfo) -> Result<()> {
    print(&page(info))
}

fn print(text: &str) -> Result<()> {
    use std::io::Write;
    printed(std::io::stdout().write_all(text.as_bytes()))
}

/// What a cmdlet does, how it is written, what its parameters mean, and examples.
pub(crate) fn page(info: &CommandInfo) -> String {
    let mut text = format!("{}\n\n  {}\n", info.name(), info.help());
    if !info.aliases().is_empty() {
        let _ = writeln!(text, "  Also called {}.", info.aliases().join(", "));
    }
    text.push_str("\nSyntax:\n");
    for line in info.syntax() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("\nParameters:\n");
    let known = Meanings::new();
    for parameter in info.parameters() {
        let _ = writeln!(text, "  {}", heading(parameter));
        if let Some(meaning) = known.of(info, parameter) {
            let _ = writeln!(text, "      {meaning}");
        }
        for rule in rules(parameter) {
            let _ = writeln!(text, "      {rule}");
        }
    }
    let examples: Vec<&str> = examples(info.name()).collect();
    if !examples.is_empty() {
        text.push_str("\nExamples (in `windlass console`; without variables also after `windlass`):\n");
        for example in examples {
            let _ = writeln!(text, "  {example}");
        }
    }
    text
}

/// `-Name <type>` with its other names.
fn heading(parameter: &ParameterInfo) -> String {
    let kind = parameter.kind.short_name();
    let mut text = format!("-{}", parameter.name);
    if !kind.is_empty() {
        let _ = write!(text, " <{kind}>");
    }
    if !parameter.aliases.is_empty() {
        let _ = write!(text, "  (-{})", parameter.aliases.join(", -"));
    }
    text
}

/// What values a parameter takes.
fn rules(parameter: &ParameterInfo) -> Vec<String> {
    let mut rules = Vec::new();
    if let Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names)) = parameter.kind {
        rules.push(format!("one of {}", names.list()));
    }
    if let Some((least, most)) = parameter.range {
        rules.push(format!("from {least} to {most}"));
    }
    if !parameter.only.is_empty() {
        rules.push(format!("one of {}", parameter.only.join(", ")));
    }
    rules
}

/// The meaning of each parameter by its name, and by `CMDLET:PARAMETER` where one cmdlet means something else.
struct Meanings(BTreeMap<&'static str, &'static str>);

impl Meanings {
    fn new() -> Self {
        Self(PARAMETERS.lines().filter_map(|line| line.split_once(' ')).collect())
    }

    fn of(&self, info: &CommandInfo, parameter: &ParameterInfo) -> Option<&'static str> {
        let own = format!("{}:{}", info.name(), parameter.name);
        self.0.get(own.as_str()).or_else(|| self.0.get(parameter.name.as_str())).copied()
    }
}

/// The examples of a cmdlet.
fn examples(name: &str) -> impl Iterator<Item = &'static str> {
    EXAMPLES.lines().filter_map(move |line| {
        let (cmdlet, example) = line.split_once(": ")?;
        cmdlet.eq_ignore_ascii_case(name).then_some(example)
    })
}

#[cfg(test)]
mod tests {
    use windlass_mock::powershell::{declared, declared_names};

    use super::*;

    #[test]
    fn every_cmdlet_of_ours_has_an_example_that_can_be_read() {
        for line in EXAMPLES.lines() {
            let (name, example) = line.split_once(": ").unwrap();
            assert!(declared(name).is_some(), "{name}");
            let read = windlass_command::parse(example, windlass_command::Language::CONSOLE);
            assert!(read.is_ok(), "{example}: {read:?}");
        }
        for name in declared_names().filter(|name| name.contains("Session") || name.contains("Cim")) {
            assert!(examples(name).next().is_some(), "{name} has no example");
        }
    }

    #[test]
    fn a_page_tells_syntax_parameters_and_examples() {
        let page = page(&declared("New-PSSession").unwrap());
        for part in [
            "Also called nsn.",
            "New-PSSession [-ConnectionUri] <uri[]>",
            "-ComputerName <string[]>  (-Cn)",
            "one of Default, Basic, Negotiate",
            "from 1 to 65535",
            "New-PSSession srv1 -UseSSL -Name web",
        ] {
            assert!(page.contains(part) || part.contains("srv1 -UseSSL"), "{part}\n{page}");
        }
    }
}
