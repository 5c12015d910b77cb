//! Completions of shells: subcommands, cmdlets, their parameters and the values of these.

use std::fmt::Write as _;

use clap::{CommandFactory, ValueEnum};
use windlass_mock::powershell::{CommandInfo, Kind, Scalar};

use super::Cmdlets;
use crate::cli::Cli;

/// The shells that completions are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Options that every cmdlet takes on the command line.
const SHARED: [&str; 12] = [
    "--output",
    "--record",
    "--keytab",
    "-CredentialFile",
    "--resolve",
    "--resolve-rpc",
    "-CAFile",
    "-CRLFile",
    "-NoEncryption",
    "-SkipCACheck",
    "-SkipCNCheck",
    "-TrustedHosts",
];

/// The script that a shell reads.
pub(super) fn script(shell: Shell, cmdlets: &Cmdlets) -> String {
    match shell {
        Shell::Bash => bash(cmdlets),
        // zsh reads bash's completions once it is told to.
        Shell::Zsh => {
            format!("#compdef windlass\nautoload -U +X bashcompinit && bashcompinit\n{}", bash(cmdlets))
        }
        Shell::Fish => fish(cmdlets),
    }
}

fn subcommands(cmdlets: &Cmdlets) -> Vec<(String, String)> {
    let command = Cli::command();
    let own = command.get_subcommands().map(|found| {
        (found.get_name().to_owned(), found.get_about().map(ToString::to_string).unwrap_or_default())
    });
    let cmdlets = cmdlets.all();
    own.chain(cmdlets.iter().map(|info| (info.name().to_owned(), info.help().to_owned()))).collect()
}

fn bash(cmdlets: &Cmdlets) -> String {
    let names: Vec<String> = subcommands(cmdlets).into_iter().map(|(name, _)| name).collect();
    let mut text = String::from(
        "_windlass() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" last=\"${COMP_WORDS[COMP_CWORD-1]}\" words\n  \
         if [ \"$COMP_CWORD\" -eq 1 ]; then\n    local IFS=$' \\t\\n'\n",
    );
    let _ = writeln!(text, "    words=\"{}\"", names.join(" "));
    text.push_str("  else\n    case \"${COMP_WORDS[1],,} ${last,,}\" in\n");
    for info in cmdlets.all() {
        for (parameter, values) in enumerated(info) {
            let (name, parameter) = (info.name().to_lowercase(), parameter.to_lowercase());
            let _ = writeln!(text, "      \"{name} -{parameter}\") words=\"{}\" ;;", values.join(" "));
        }
        let parameters: Vec<String> =
            info.parameters().iter().map(|parameter| format!("-{}", parameter.name)).collect();
        let _ = writeln!(
            text,
            "      \"{} \"*) words=\"{} {}\" ;;",
            info.name().to_lowercase(),
            parameters.join(" "),
            SHARED.join(" ")
        );
    }
    text.push_str(
        "    esac\n  fi\n  local nocase=$(shopt -p nocasematch); shopt -s nocasematch\n  COMPREPLY=()\n  \
         local candidate\n  for candidate in $words; do\n    \
         [[ \"$candidate\" == \"$word\"* ]] && COMPREPLY+=(\"$candidate\")\n  done\n  $nocase\n}\n\
         complete -o default -F _windlass windlass\n",
    );
    text
}

fn fish(cmdlets: &Cmdlets) -> String {
    let mut text = String::new();
    for (name, about) in subcommands(cmdlets) {
        let _ = writeln!(
            text,
            "complete -c windlass -n __fish_use_subcommand -f -a {name} -d '{}'",
            about.replace('\'', "\\'")
        );
    }
    for info in cmdlets.all() {
        for parameter in info.parameters() {
            let seen = format!("__fish_seen_subcommand_from {}", info.name());
            let _ = write!(text, "complete -c windlass -n '{seen}' -o {}", parameter.name);
            match parameter.kind {
                Kind::Switch => text.push('\n'),
                Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names)) => {
                    let _ = writeln!(text, " -x -a '{}'", names.list().replace(',', ""));
                }
                _ => text.push_str(" -r\n"),
            }
        }
    }
    text
}

/// The parameters whose values are names.
fn enumerated(info: &CommandInfo) -> Vec<(String, Vec<&'static str>)> {
    let names = |kind: Kind| match kind {
        Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names)) => {
            Some(names.values.iter().map(|(name, _)| *name).collect())
        }
        _ => None,
    };
    let parameters = info.parameters().iter();
    parameters.filter_map(|parameter| Some((parameter.name.clone(), names(parameter.kind)?))).collect()
}
