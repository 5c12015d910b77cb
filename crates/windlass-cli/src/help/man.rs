//! Man pages, one for each cmdlet and one for the program.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;
use windlass_mock::powershell::CommandInfo;

use super::{Cmdlets, Meanings, examples, heading, rules};
use crate::cli::Cli;

/// Writes all pages into a folder.
pub(super) fn write_all(cmdlets: &Cmdlets, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let write = |name: &str, text: String| {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    let all = cmdlets.all();
    write("windlass", program(&all))?;
    all.iter().try_for_each(|info| write(&format!("windlass-{}", info.name()), page(info)))
}

fn program(cmdlets: &[&CommandInfo]) -> String {
    let mut text = header("windlass", "manage Windows computers from anywhere");
    let help = Cli::command().render_long_help().to_string();
    let _ = writeln!(text, ".SH DESCRIPTION\n.nf\n{}\n.fi\n.SH CMDLETS", escaped(&help));
    for info in cmdlets {
        let _ = writeln!(text, ".TP\n.B {}\n{}", escaped(info.name()), escaped(info.help()));
    }
    text
}

fn page(info: &CommandInfo) -> String {
    let mut text = header(&format!("windlass-{}", info.name()), info.help());
    text.push_str(".SH SYNOPSIS\n");
    for line in info.syntax() {
        let _ = writeln!(text, "windlass {}\n.br", escaped(&line));
    }
    text.push_str(".SH OPTIONS\n");
    let known = Meanings::new();
    for parameter in info.parameters() {
        let _ = writeln!(text, ".TP\n.B {}", escaped(&heading(parameter)));
        let meaning = known.of(info, parameter).map(str::to_owned);
        let lines: Vec<String> = meaning.into_iter().chain(rules(parameter)).collect();
        let _ = writeln!(text, "{}", escaped(&lines.join("; ")));
    }
    text.push_str(".SH EXAMPLES\n.nf\n");
    for example in examples(info.name()) {
        let _ = writeln!(text, "{}", escaped(example));
    }
    text.push_str(".fi\n.SH SEE ALSO\n.BR windlass (1)\n");
    text
}

fn header(name: &str, what: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        ".TH {} 1 \"\" \"windlass {version}\"\n.SH NAME\n{} \\- {}\n",
        escaped(&name.to_uppercase()),
        escaped(name),
        escaped(what)
    )
}

/// Text whose backslashes, dashes and dots at the start of lines mean themselves.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let line = |line: &str| match line.chars().next() {
        Some('.' | '\'') => format!("\\&{line}"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use windlass_mock::powershell::declared;

    use super::*;

    #[test]
    fn a_page_is_roff() {
        let page = page(&declared("Test-WSMan").unwrap());
        assert!(page.starts_with(".TH WINDLASS\\-TEST\\-WSMAN 1"));
        assert!(page.contains(".SH OPTIONS\n.TP\n.B \\-ComputerName <string>"));
        assert_eq!(escaped(".x\n\\y"), "\\&.x\n\\ey");
    }
}
