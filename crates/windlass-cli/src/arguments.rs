//! Command lines as PowerShell's users write them, turned into what clap reads.
//!
//! Cmdlet names are matched without regard to case; `-ComputerName x`, `-computername:x` and
//! `-Comp x` become `--computer-name x`; `-Switch:$false` is left out; and the words of a script
//! block, `{` to its `}`, become one argument.

use clap::{Arg, ArgAction, Command};
use thiserror::Error;

/// Why a command line could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ArgumentError {
    #[error("a parameter cannot be found that matches parameter name '{0}'; see `windlass help {1}`")]
    Unknown(String, String),
    #[error("parameter name '{0}' is ambiguous: it could be {1}")]
    Ambiguous(String, String),
    #[error("the script block that starts with '{{' has no '}}'")]
    OpenBlock,
    #[error("'{1}' is no value for the switch -{0}: use $true or $false")]
    SwitchValue(String, String),
}

/// Rewrites the words after the program's name.
pub(crate) fn normalise(
    root: &Command,
    words: impl IntoIterator<Item = String>,
) -> Result<Vec<String>, ArgumentError> {
    let mut words = words.into_iter();
    let mut out = Vec::new();
    let mut command = root;
    let mut places = 0;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => {
                out.push(word);
                out.extend(words);
                return Ok(out);
            }
            "{" => out.push(block(&mut words)?),
            "-?" => out.push("--help".to_owned()),
            _ if is_short(command, &word) => {
                // As winrs.exe has it, too: -r:srv1.
                let (name, value) = word.split_once(':').unwrap_or((&word, ""));
                out.push(name.to_owned());
                out.extend(if value.is_empty() { words.next() } else { Some(value.to_owned()) });
            }
            _ if is_parameter(&word) => parameter(command, &word, &mut words, &mut out)?,
            _ if word.starts_with("--") => long(command, word, &mut words, &mut out)?,
            _ => match subcommand(command, &word) {
                Some(found) => {
                    out.push(found.get_name().to_owned());
                    command = found;
                    places = 0;
                }
                None => {
                    let is_place = !word.starts_with('-');
                    places += usize::from(is_place);
                    out.push(word);
                    if is_place && takes_the_rest(command, places) {
                        // What follows belongs to another program.
                        out.extend(words);
                        return Ok(out);
                    }
                }
            },
        }
    }
    Ok(out)
}

/// Whether the positional argument of this number takes all words after it.
fn takes_the_rest(command: &Command, place: usize) -> bool {
    let taking = command.get_positionals().find(|argument| argument.is_trailing_var_arg_set());
    taking.is_some_and(|argument| argument.get_index() == Some(place))
}

/// `-n` or `-n:value` for an option of one letter that takes a value.
fn is_short(command: &Command, word: &str) -> bool {
    let mut letters = word.chars();
    let (dash, name, colon) = (letters.next(), letters.next(), letters.next());
    let is_known = |argument: &Arg| argument.get_short() == name && takes_value(argument);
    dash == Some('-')
        && name.is_some()
        && colon.is_none_or(|colon| colon == ':')
        && command.get_arguments().any(is_known)
}

/// `-Name` or `-Name:value`; a single letter stays clap's business.
fn is_parameter(word: &str) -> bool {
    let Some(name) = word.strip_prefix('-') else { return false };
    let name = name.split(':').next().unwrap_or_default();
    name.len() > 1 && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn parameter(
    command: &Command,
    word: &str,
    words: &mut impl Iterator<Item = String>,
    out: &mut Vec<String>,
) -> Result<(), ArgumentError> {
    let (name, value) = match word.trim_start_matches('-').split_once(':') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word.trim_start_matches('-'), None),
    };
    let argument = find(command, name)?;
    let long = format!("--{}", argument.get_long().unwrap_or_default());
    if !takes_value(argument) {
        match value.as_deref() {
            None => out.push(long),
            Some(text) if text.eq_ignore_ascii_case("$true") => out.push(long),
            Some(text) if text.eq_ignore_ascii_case("$false") => {}
            Some(text) => return Err(ArgumentError::SwitchValue(name.to_owned(), text.to_owned())),
        }
        return Ok(());
    }
    match value.filter(|value| !value.is_empty()).or_else(|| words.next()) {
        Some(value) => value_of(&long, value, words, out),
        None => {
            out.push(long);
            Ok(())
        }
    }
}

/// An option in clap's own form; only its value needs a look.
fn long(
    command: &Command,
    word: String,
    words: &mut impl Iterator<Item = String>,
    out: &mut Vec<String>,
) -> Result<(), ArgumentError> {
    let name: String = word.trim_start_matches('-').chars().filter(|character| *character != '-').collect();
    let takes = !word.contains('=') && find(command, &name).is_ok_and(takes_value);
    match if takes { words.next() } else { None } {
        Some(value) => value_of(&word, value, words, out),
        None => {
            out.push(word);
            Ok(())
        }
    }
}

/// Joins an option and its value with `=`, so that a value may start with a dash.
fn value_of(
    long: &str,
    value: String,
    words: &mut impl Iterator<Item = String>,
    out: &mut Vec<String>,
) -> Result<(), ArgumentError> {
    let value = if value == "{" { block(words)? } else { value };
    out.push(format!("{long}={value}"));
    Ok(())
}

/// The words up to the brace that closes the block, braces included.
fn block(words: &mut impl Iterator<Item = String>) -> Result<String, ArgumentError> {
    let mut text = "{".to_owned();
    let mut depth = 1_usize;
    for word in words {
        text.push(' ');
        text.push_str(&word);
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(text);
        }
    }
    Err(ArgumentError::OpenBlock)
}

fn subcommand<'c>(command: &'c Command, word: &str) -> Option<&'c Command> {
    command.get_subcommands().find(|candidate| {
        candidate.get_name().eq_ignore_ascii_case(word)
            || candidate.get_all_aliases().any(|alias| alias.eq_ignore_ascii_case(word))
    })
}

/// The parameter of that name, or the only one that starts with it.
fn find<'c>(command: &'c Command, name: &str) -> Result<&'c Arg, ArgumentError> {
    let wanted = name.to_ascii_lowercase();
    let named: Vec<(&Arg, Vec<String>)> = command
        .get_arguments()
        .filter(|argument| argument.get_long().is_some())
        .map(|argument| (argument, names(argument)))
        .collect();
    if let Some((exact, _)) = named.iter().find(|(_, names)| names.contains(&wanted)) {
        return Ok(exact);
    }
    let candidates: Vec<&Arg> = named
        .iter()
        .filter(|(_, names)| names.iter().any(|known| known.starts_with(&wanted)))
        .map(|(argument, _)| *argument)
        .collect();
    // Our own additions, such as -CredentialFile, must not make PowerShell's abbreviations ambiguous.
    let shortest = candidates.iter().find(|candidate| {
        let stem = names(candidate);
        candidates
            .iter()
            .all(|other| names(other).iter().any(|name| stem.iter().any(|stem| name.starts_with(stem))))
    });
    match candidates.as_slice() {
        [only] => Ok(only),
        [] => Err(ArgumentError::Unknown(name.to_owned(), command.get_name().to_owned())),
        several => {
            if let Some(shortest) = shortest {
                return Ok(shortest);
            }
            let shown: Vec<_> = several.iter().map(|argument| format!("-{}", pascal(argument))).collect();
            Err(ArgumentError::Ambiguous(name.to_owned(), shown.join(", ")))
        }
    }
}

fn names(argument: &Arg) -> Vec<String> {
    let aliases = argument.get_all_aliases().unwrap_or_default();
    let longs = argument.get_long().into_iter().chain(aliases);
    longs.map(|long| long.replace('-', "").to_ascii_lowercase()).collect()
}

/// `computer-name` as PowerShell writes it: `ComputerName`.
fn pascal(argument: &Arg) -> String {
    let parts = argument.get_long().unwrap_or_default().split('-');
    parts
        .map(|part| {
            let mut characters = part.chars();
            characters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(characters)
                .collect::<String>()
        })
        .collect()
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        Command::new("windlass").arg(Arg::new("output").long("output")).subcommand(
            Command::new("Invoke-Command")
                .arg(Arg::new("computer").long("computer-name").aliases(["cn"]))
                .arg(Arg::new("port").long("port"))
                .arg(Arg::new("credential").long("credential"))
                .arg(Arg::new("credential-file").long("credential-file"))
                .arg(Arg::new("script").long("script-block"))
                .arg(Arg::new("file").long("file-path"))
                .arg(Arg::new("certificate").long("certificate-thumbprint"))
                .arg(Arg::new("configuration").long("configuration-name"))
                .arg(Arg::new("ssl").long("use-ssl").action(ArgAction::SetTrue))
                .arg(Arg::new("block").action(ArgAction::Append)),
        )
    }

    fn normalised(line: &[&str]) -> Result<String, ArgumentError> {
        normalise(&command(), line.iter().map(|word| (*word).to_owned())).map(|words| words.join("|"))
    }

    #[test]
    fn powershell_forms_become_long_options() {
        for (line, expected) in [
            (&["invoke-command", "-ComputerName", "a,b"][..], "Invoke-Command|--computer-name=a,b"),
            (&["Invoke-Command", "-comp", "a"], "Invoke-Command|--computer-name=a"),
            (&["Invoke-Command", "-CN:a"], "Invoke-Command|--computer-name=a"),
            (&["Invoke-Command", "--computer-name", "-a"], "Invoke-Command|--computer-name=-a"),
            (&["Invoke-Command", "--computer-name=a"], "Invoke-Command|--computer-name=a"),
            (&["Invoke-Command", "-UseSSL", "-Port", "1"], "Invoke-Command|--use-ssl|--port=1"),
            (&["Invoke-Command", "-UseSSL:$false"], "Invoke-Command"),
            (&["--output", "json", "INVOKE-COMMAND"], "--output=json|Invoke-Command"),
            (
                &["Invoke-Command", "-ScriptBlock", "{", "Get-Date", "|", "%", "{", "x", "}", "}"],
                "Invoke-Command|--script-block={ Get-Date | % { x } }",
            ),
            (&["Invoke-Command", "{", "Get-Process", "}"], "Invoke-Command|{ Get-Process }"),
            (&["Invoke-Command", "--", "-ComputerName"], "Invoke-Command|--|-ComputerName"),
            (&["Invoke-Command", "-h"], "Invoke-Command|-h"),
            (&["Invoke-Command", "-cred", "a"], "Invoke-Command|--credential=a"),
        ] {
            assert_eq!(normalised(line).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, expected) in [
            (
                &["Invoke-Command", "-Foo"][..],
                "a parameter cannot be found that matches parameter name 'Foo'; see `windlass help Invoke-Command`",
            ),
            (
                &["Invoke-Command", "-co", "x"],
                "parameter name 'co' is ambiguous: it could be -ComputerName, -ConfigurationName",
            ),
            (&["Invoke-Command", "{", "Get-Date"], "the script block that starts with '{' has no '}'"),
            (&["Invoke-Command", "-UseSSL:7"], "'7' is no value for the switch -UseSSL: use $true or $false"),
        ] {
            assert_eq!(normalised(line).map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
    }
}
