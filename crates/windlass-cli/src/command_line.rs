//! A cmdlet on the command line: its words become the arguments that the console would bind.
//!
//! `-ComputerName a,b` and `--computer-name a,b` mean the same; the words from `{` to its `}` are one
//! script block; options that hold for every connection may stand among them.

use std::io::IsTerminal;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use windlass_clixml::PsValue;
use windlass_command::{Language, Statement, parse};
use windlass_mock::powershell::{CommandInfo, Kind, ParameterInfo, Scalar, declared, text};
use windlass_psrp::{Command, Parameter, PowerShell};

use crate::agent::Forwarding;
use crate::cli::Format;
use crate::cmdlets::script_block::without_braces;
use crate::cmdlets::session_option::cim_of_entries;
use crate::complete::nearest;
use crate::console::Session;
use crate::credential::{self, Login};
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::report_local;
use crate::output::View;
use crate::runspace::{Defaults, Local, job_value};
use crate::workers::Workers;

/// Shorter names that there are not are taken for abbreviations rather than for mistypings.
const SHORTEST_MISTYPED: usize = 4;

/// Options without a value that hold for every connection.
const FLAGS: [&str; 5] = ["NoEncryption", "SkipCACheck", "SkipCNCheck", "ForbidNtlm", "WhatIf"];
/// Options with a value that do so.
const VALUES: [&str; 11] = [
    "Output",
    "Record",
    "CredentialFile",
    "Keytab",
    "Resolve",
    "ResolveRpc",
    "CAFile",
    "CRLFile",
    "SpnClass",
    "TlsKeyLog",
    "TrustedHosts",
];

/// A command line that names a cmdlet.
pub(crate) struct CommandLine {
    name: String,
    words: Vec<String>,
    defaults: DefaultOptions,
    format: Option<Format>,
}

impl CommandLine {
    /// The command line, if its first word that is no option looks like the name of a cmdlet.
    pub(crate) fn of(words: &[String]) -> Result<Option<Self>> {
        let mut line = Self {
            name: String::new(),
            words: Vec::new(),
            defaults: DefaultOptions::default(),
            format: None,
        };
        let mut words = words.iter().cloned();
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                Some(_) if line.take_default(&word, &mut words)? => {}
                Some(_) => return Ok(None),
                None => {
                    line.name = word;
                    break;
                }
            }
        }
        // PowerShell's other name of Get-Help means the help of this program here.
        let is_own = line.name.eq_ignore_ascii_case("help");
        let is_cmdlet = line.name.contains('-') || !is_own && crate::complete::is_alias(&line.name);
        line.words = words.collect();
        Ok(is_cmdlet.then_some(line))
    }

    /// Runs the cmdlet: here, or in the agent where it concerns what the agent keeps.
    pub(crate) fn run(self, workers: &Workers) -> Exit {
        match self.run_somewhere(workers) {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    fn run_somewhere(mut self, workers: &Workers) -> Result<Exit> {
        let is_help =
            |word: &String| ["--help", "-?", "-h", "-help"].contains(&word.to_ascii_lowercase().as_str());
        let asks_for_help = self.words.iter().any(is_help);
        // Which words are options of the process depends on the cmdlet. The table knows it by its name; aliases
        // and help take a session with all cmdlets, which costs more to make.
        let info = match declared(&self.name) {
            Some(info) if !asks_for_help => info,
            _ => self.info(&Session::new(workers.handle()?, Defaults::default(), self.format))?,
        };
        if asks_for_help {
            crate::help::show(&info)?;
            return Ok(Exit::DONE);
        }
        let words = self.words.clone();
        let mut command = self.command(&info)?;
        let input = if reads_input(&info, &command) { Some(input_lines()?) } else { None };
        feed(&info, &mut command, input.as_deref());
        self.defaults = self.defaults.with_config()?;
        self.format = self.format.or(self.defaults.output);
        let mut defaults = self.defaults.resolved()?;
        let mut how = forwarding(&info, &command);
        if defaults.what_if && how == Forwarding::Always {
            how = Forwarding::IfRunning;
        }
        if defaults.record.is_some() {
            how = Forwarding::Never;
        }
        if how != Forwarding::Never {
            if defaults.keytab.is_none() {
                defaults.logins.extend(named_logins(&command)?);
            }
            let words = std::iter::once(self.name.clone()).chain(words).collect();
            let run = crate::agent::Run {
                words,
                defaults: defaults.clone(),
                view: View::of_process(self.format),
                rows: crate::terminal::rows(),
                is_typed: std::io::stdin().is_terminal(),
                input,
            };
            if let Some(exit) = crate::agent::forward(how, &run, &self.defaults, workers)? {
                return Ok(exit);
            }
        }
        let mut session = Session::new(workers.handle()?, defaults, self.format);
        session.heed_interrupts();
        let command = resolved(command, &info, &session.local)?;
        session.invoke(&PowerShell::new().add_command(command));
        if session.local.entered().is_some() {
            session.converse()?;
        }
        Ok(session.close())
    }

    /// The command, with the sessions of this process that it names, and with the lines of its user's standard input
    /// where it wants those.
    pub(crate) fn command_in(mut self, session: &Session, input: Option<&[String]>) -> Result<PowerShell> {
        let info = self.info(session)?;
        let mut command = self.command(&info)?;
        feed(&info, &mut command, input);
        let command = resolved(command, &info, &session.local)?;
        Ok(PowerShell::new().add_command(command))
    }

    fn info(&self, session: &Session) -> Result<CommandInfo> {
        match session.runspace.commands().find(&self.name) {
            Some(found) => Ok(found.info().clone()),
            None => {
                let known = session.runspace.commands().iter().map(|command| command.info().name());
                match nearest(&self.name, known) {
                    Some(meant) => bail!("there is no cmdlet '{}': did you mean {meant}?", self.name),
                    None => bail!("there is no cmdlet '{}': `windlass help` lists them", self.name),
                }
            }
        }
    }

    /// Takes an option that holds for every connection.
    fn take_default(&mut self, word: &str, words: &mut impl Iterator<Item = String>) -> Result<bool> {
        let (name, value) = split(word);
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if FLAGS.iter().any(|flag| is(flag)) {
            let on = value.as_deref().is_none_or(|value| value.eq_ignore_ascii_case("$true"));
            match name.to_ascii_lowercase().as_str() {
                "noencryption" => self.defaults.no_encryption = on,
                "skipcacheck" => self.defaults.skip_ca_check = on,
                "forbidntlm" => self.defaults.forbid_ntlm = on,
                "whatif" => self.defaults.what_if = on,
                _ => self.defaults.skip_cn_check = on,
            }
            return Ok(true);
        }
        if !VALUES.iter().any(|known| is(known)) {
            return Ok(false);
        }
        let Some(value) = value.or_else(|| words.next()) else { bail!("{word} lacks its value") };
        match name.to_ascii_lowercase().as_str() {
            "output" => match Format::from_str(&value, true) {
                Ok(format) => self.format = Some(format),
                Err(_) => bail!("--output is table, list, json, ndjson, csv or clixml, not '{value}'"),
            },
            "credentialfile" => self.defaults.credential_file = Some(value.into()),
            "resolve" => self.defaults.resolve.push(value),
            "record" => self.defaults.record = Some(value.into()),
            "keytab" => self.defaults.keytab = Some(value.into()),
            "resolverpc" => self.defaults.resolve_rpc.push(value),
            "cafile" => self.defaults.ca_file = Some(value.into()),
            "crlfile" => self.defaults.crl_file = Some(value.into()),
            "spnclass" => self.defaults.spn_class = Some(value),
            "tlskeylog" => self.defaults.tls_key_log = Some(value.into()),
            _ => self.defaults.trusted_hosts.extend(value.split(',').map(str::to_owned)),
        }
        Ok(true)
    }

    /// The command with its arguments.
    fn command(&mut self, info: &CommandInfo) -> Result<Command> {
        let mut command = Command::new(info.name());
        let mut words = std::mem::take(&mut self.words).into_iter();
        let mut positional = Vec::new();
        while let Some(word) = words.next() {
            if opens_block(&word) {
                positional.push(block(&word, &mut words)?);
            } else if is_option(&word) {
                let (name, value) = split(&word);
                let parameter = find(info, &name);
                if parameter.is_none() && self.take_default(&word, &mut words)? {
                    continue;
                }
                let value = match (parameter.map(|parameter| parameter.kind), value) {
                    (Some(Kind::Switch), value) => {
                        value.map(|text| literal(&text, Kind::Switch)).transpose()?
                    }
                    (kind, Some(text)) => Some(literal(&text, kind.unwrap_or(Kind::One(Scalar::String)))?),
                    (Some(kind), None) => match words.next() {
                        Some(text) if opens_block(&text) => Some(block(&text, &mut words)?),
                        Some(text) => Some(literal(&text, kind)?),
                        None => None,
                    },
                    // A common parameter, or none: binding tells.
                    (None, None) => {
                        refuse_mistyped(info, &name)?;
                        common_value(&name, &mut words)
                    }
                };
                command
                    .parameters
                    .push(Parameter { name: Some(name.into()), value: value.unwrap_or_default() });
            } else {
                positional.push(PsValue::from(word));
            }
        }
        let takes_block = find(info, "ScriptBlock").is_some()
            && !command.parameters.iter().any(|given| {
                given.name.as_ref().is_some_and(|name| {
                    let name = name.as_str().to_ascii_lowercase();
                    name.starts_with("scr") || name.starts_with("command") || name.starts_with("file")
                })
            });
        let last = positional.len().saturating_sub(1);
        for (place, value) in positional.into_iter().enumerate() {
            let value = match value.as_str() {
                Some(text) if takes_block && place == last => {
                    PsValue::ScriptBlock(without_braces(text).into())
                }
                Some(text) => bare(text, kind_at(info, place))?,
                None => value,
            };
            command.parameters.push(Parameter { name: None, value });
        }
        Ok(command)
    }
}

/// Parameters whose values the agent keeps.
const KEPT: [&str; 5] = ["Session", "ToSession", "FromSession", "CimSession", "Job"];
/// Parameters by which a session that is kept is entered.
const ENTERED: [&str; 4] = ["Session", "Name", "Id", "InstanceId"];
/// Cmdlets that make something to be kept: sessions, or a job that events go to.
const LASTING: [&str; 4] =
    ["New-PSSession", "New-CimSession", "Connect-PSSession", "Register-CimIndicationEvent"];
/// Parameters that make something to be kept.
const MAKING: [&str; 2] = ["AsJob", "JobName"];

/// The cmdlet to which words that stand alone are sessions, unless they are numbers; to others they are computers.
const BY_SESSION: &str = "Disconnect-PSSession";

/// Whether a number is among the values.
fn has_number(value: &PsValue) -> bool {
    let is_number = |value: &PsValue| {
        value.as_i64().is_some() || value.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
    };
    value.items().map_or_else(|| is_number(value), |items| items.iter().any(is_number))
}

/// Whether the agent is to do it.
fn forwarding(info: &CommandInfo, command: &Command) -> Forwarding {
    let gives = |names: &[&str]| {
        command.parameters.iter().any(|given| {
            let parameter =
                given.name.as_ref().and_then(|name| find(info, name.as_str().trim_start_matches('-')));
            parameter.is_some_and(|parameter| names.contains(&parameter.name.as_str()))
        })
    };
    if LASTING.contains(&info.name()) || gives(&MAKING) {
        return Forwarding::Always;
    }
    let noun = info.name().split_once('-').map_or("", |(_, noun)| noun);
    let concerns = match info.name() {
        "Enter-PSSession" => {
            let is_id = |given: &Parameter| given.name.is_none() && has_number(&given.value);
            gives(&ENTERED) || command.parameters.iter().any(is_id)
        }
        _ => ["PSSession", "CimSession", "Job"].contains(&noun),
    };
    if concerns || gives(&KEPT) { Forwarding::IfRunning } else { Forwarding::Never }
}

/// The value of `-InputObject` that stands for standard input.
const STANDARD_INPUT: &str = "-";
/// The cmdlet that takes it.
const FED: &str = "Invoke-Command";

/// Whether this is the input of the command, to be read from standard input.
fn is_input(info: &CommandInfo, given: &Parameter) -> bool {
    let named = given.name.as_ref().and_then(|name| find(info, name.as_str().trim_start_matches('-')));
    info.name() == FED
        && named.is_some_and(|parameter| parameter.name == "InputObject")
        && given.value.as_str() == Some(STANDARD_INPUT)
}

fn reads_input(info: &CommandInfo, command: &Command) -> bool {
    command.parameters.iter().any(|given| is_input(info, given))
}

/// The lines of standard input.
fn input_lines() -> Result<Vec<String>> {
    std::io::stdin().lines().collect::<std::io::Result<_>>().context("cannot read standard input")
}

/// Puts the lines in the place of `-InputObject -`.
fn feed(info: &CommandInfo, command: &mut Command, input: Option<&[String]>) {
    let Some(lines) = input else { return };
    for given in command.parameters.iter_mut().filter(|given| is_input(info, given)) {
        given.value = PsValue::list(lines.iter().map(|line| PsValue::from(line.as_str())));
    }
}

/// The logins of the users that a command names: the agent cannot ask for passwords.
fn named_logins(command: &Command) -> Result<Vec<Login>> {
    let mut logins = Vec::new();
    for given in &command.parameters {
        let is_credential =
            given.name.as_ref().is_some_and(|name| name.as_str().eq_ignore_ascii_case("Credential"));
        if let Some(user) = given.value.as_str().filter(|_| is_credential) {
            logins.extend(credential::find(Some(user), None)?);
        }
    }
    Ok(logins)
}

/// Names and numbers of sessions and jobs become the sessions and jobs.
fn resolved(mut command: Command, info: &CommandInfo, local: &Local) -> Result<Command> {
    for given in &mut command.parameters {
        if given.name.is_none() && info.name() == BY_SESSION && !has_number(&given.value) {
            given.name = Some("Session".into());
        }
        let Some(name) = &given.name else { continue };
        let Some(parameter) = find(info, name.as_str()) else { continue };
        let Scalar::Typed(facts) = parameter.kind.scalar() else { continue };
        if let Some(entries) = given.value.entries().filter(|_| facts.short == "CimSessionOptions") {
            given.value = cim_of_entries(local, entries).map_err(|error| anyhow::anyhow!("{error}"))?;
            continue;
        }
        let names: Vec<String> = match given.value.items() {
            Some(items) => items.iter().map(text).collect(),
            None if given.value.as_str().is_some() => vec![text(&given.value)],
            None => continue,
        };
        let mut found = Vec::new();
        for name in names {
            let id = name.parse::<i64>().ok();
            let values: Vec<PsValue> = match facts.short {
                "PSSession" => match id {
                    Some(id) => local.sessions.by_id(id).map(|entry| entry.value()).into_iter().collect(),
                    None => local.sessions.named(&name).iter().map(|entry| entry.value()).collect(),
                },
                "CimSession" => match id {
                    Some(id) => local.cim.by_id(id).map(|entry| entry.value()).into_iter().collect(),
                    None => local.cim.named(&name).iter().map(|entry| entry.value()).collect(),
                },
                "Job" => match id {
                    Some(id) => local.jobs.by_id(id).map(|job| job_value(&job)).into_iter().collect(),
                    None => local.jobs.named(&name).iter().map(|job| job_value(job)).collect(),
                },
                _ => bail!("-{} takes an object, which the console has: `windlass console`", parameter.name),
            };
            if values.is_empty() {
                bail!("no {} is called '{name}': Get-{} lists them", facts.short, facts.short);
            }
            found.extend(values);
        }
        given.value = match (parameter.kind, found.as_slice()) {
            (Kind::One(_), [only]) => only.clone(),
            _ => PsValue::list(found),
        };
    }
    Ok(command)
}

/// `-Name`, `--name` and their forms with a value; `-5` and `-` are values.
fn is_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    name.len() < word.len() && name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// The name without dashes, and the value after `:` or `=`.
fn split(word: &str) -> (String, Option<String>) {
    let long = word.starts_with("--");
    let name = word.trim_start_matches('-');
    let (name, value) = match name.split_once(if long { '=' } else { ':' }) {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (name, None),
    };
    let name: String = name.chars().filter(|character| !long || *character != '-').collect();
    (name, value.filter(|value| !value.is_empty()))
}

/// The parameter of this name, or the only one that begins so.
fn find<'i>(info: &'i CommandInfo, name: &str) -> Option<&'i ParameterInfo> {
    if let Some(found) = info.parameters().iter().find(|parameter| parameter.is_called(name)) {
        return Some(found);
    }
    let begins = |known: &str| known.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    let mut found = info
        .parameters()
        .iter()
        .filter(|parameter| begins(&parameter.name) || parameter.aliases.iter().any(|alias| begins(alias)));
    let first = found.next()?;
    if found.next().is_some() { None } else { Some(first) }
}

/// The value of a common parameter such as `-ErrorAction`; `-Verbose` and `-Debug` take none.
fn common_value(name: &str, words: &mut impl Iterator<Item = String>) -> Option<PsValue> {
    let name = name.to_ascii_lowercase();
    let is_switch = ["verbose", "debug", "vb", "db"].iter().any(|known| known.starts_with(&name));
    if is_switch { None } else { words.next().map(PsValue::from) }
}

/// Names the parameter that was meant, where one has nearly this name.
fn refuse_mistyped(info: &CommandInfo, name: &str) -> Result<()> {
    let known = info.parameters().iter().map(|parameter| parameter.name.as_str());
    match nearest(name, known) {
        Some(meant) if !meant.eq_ignore_ascii_case(name) && name.len() >= SHORTEST_MISTYPED => {
            bail!("{} has no parameter -{name}: did you mean -{meant}?", info.name())
        }
        _ => Ok(()),
    }
}

/// What the parameter at this position takes, in the first set that has one.
fn kind_at(info: &CommandInfo, place: usize) -> Kind {
    let is_at = |parameter: &&ParameterInfo| {
        parameter.kind.scalar() != Scalar::ScriptBlock
            && parameter.places.iter().any(|known| known.position == Some(place))
    };
    info.parameters().iter().find(is_at).map_or(Kind::One(Scalar::String), |parameter| parameter.kind)
}

/// A word that stands alone: as in the console, a number is one, which tells ids from names.
fn bare(text: &str, kind: Kind) -> Result<PsValue> {
    let items = || match kind {
        Kind::Many(_) => text.split(',').map(str::trim).collect(),
        _ => vec![text],
    };
    match items().into_iter().map(number).collect::<Option<Vec<_>>>() {
        Some(numbers) => Ok(match <[PsValue; 1]>::try_from(numbers) {
            Ok([only]) => only,
            Err(several) => PsValue::list(several),
        }),
        None => literal(text, kind),
    }
}

/// A number whose text is the same again where a text is wanted after all.
fn number(text: &str) -> Option<PsValue> {
    let number = text.parse::<i32>().ok()?;
    (number.to_string() == text).then(|| number.into())
}

/// An item of a parameter that takes anything: a number, or a text, with quotes where it looks like one.
fn anything(text: &str) -> PsValue {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    match (number(text), inner('\'').or_else(|| inner('"'))) {
        (Some(number), _) => number,
        (None, Some(quoted)) if number(quoted).is_some() => quoted.into(),
        (None, _) => text.into(),
    }
}

/// A word as the value of a parameter.
fn literal(text: &str, kind: Kind) -> Result<PsValue> {
    if kind.scalar() == Scalar::ScriptBlock {
        return Ok(PsValue::ScriptBlock(without_braces(text).into()));
    }
    match text.to_ascii_lowercase().as_str() {
        "$true" => return Ok(true.into()),
        "$false" => return Ok(false.into()),
        "$null" => return Ok(PsValue::Null),
        _ => {}
    }
    if text.starts_with("@{") || text.starts_with("@(") {
        return evaluated(text);
    }
    let value = |text: &str| match kind.scalar() {
        Scalar::Object | Scalar::PsObject => anything(text),
        _ => text.into(),
    };
    Ok(match kind {
        Kind::Many(_) if text.contains(',') => PsValue::list(text.split(',').map(|item| value(item.trim()))),
        _ => value(text),
    })
}

/// A hash table or an array, written as in the console.
fn evaluated(text: &str) -> Result<PsValue> {
    let refused = || anyhow::anyhow!("'{text}' is neither a hash table nor a list of literals");
    let script = parse(text, Language::CONSOLE).map_err(|error| anyhow::anyhow!("{text}: {error}"))?;
    let [Statement::Pipeline(pipeline)] = script.statements.as_slice() else { return Err(refused()) };
    let expression = pipeline.as_expression().ok_or_else(refused)?;
    crate::cmdlets::script_block::literal(expression, &|_| None).ok_or_else(refused)
}

/// Whether a word begins a block that ends in a later one: `{`, or `{Get-Date` without a blank.
fn opens_block(word: &str) -> bool {
    word.starts_with('{') && depth_after(0, word) > 0
}

/// How many braces are open after a word.
fn depth_after(depth: i64, word: &str) -> i64 {
    word.chars().fold(depth, |depth, letter| match letter {
        '{' => depth.saturating_add(1),
        '}' => depth.saturating_sub(1),
        _ => depth,
    })
}

/// The block from its first word to the brace that closes it, which is a word of its own or ends one.
fn block(first: &str, words: &mut std::vec::IntoIter<String>) -> Result<PsValue> {
    let rest = words.as_slice();
    let by_words = || {
        let mut depth = 1_usize;
        rest.iter().position(|word| {
            match word.as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    };
    let by_letters = || {
        let mut depth = depth_after(0, first);
        rest.iter().position(|word| {
            depth = depth_after(depth, word);
            depth <= 0 && word.ends_with('}')
        })
    };
    // Braces inside of quotes stand within words, so where the braces are words those alone count.
    let end = if first == "{" { by_words().or_else(by_letters) } else { by_letters() };
    let Some(end) = end else {
        bail!(
            "the script block that starts with '{{' has no '}}': quote a block that holds ; or | for the shell"
        );
    };
    let mut text = first.strip_prefix('{').unwrap_or_default().to_owned();
    for word in words.by_ref().take(end + 1) {
        text.push(' ');
        text.push_str(&word);
    }
    Ok(PsValue::ScriptBlock(text.strip_suffix('}').unwrap_or(&text).trim().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(cmdlet: &str, words: &[&str]) -> Result<Vec<String>> {
        let all: Vec<String> = std::iter::once(&cmdlet).chain(words).map(|word| (*word).to_owned()).collect();
        let mut line = CommandLine::of(&all)?.unwrap();
        let info = declared(cmdlet).unwrap();
        let command = line.command(&info)?;
        let shown = |parameter: &Parameter| {
            let value = match parameter.value.items() {
                Some(items) => items.iter().map(text).collect::<Vec<_>>().join("+"),
                None => text(&parameter.value),
            };
            match &parameter.name {
                Some(name) => format!("{name}={value}"),
                None => value,
            }
        };
        Ok(command.parameters.iter().map(shown).collect())
    }

    #[test]
    fn both_ways_of_writing_parameters() {
        for (words, expected) in [
            (
                &["-ComputerName", "a,b", "-UseSSL", "{", "Get-Date", "}"][..],
                &["ComputerName=a+b", "UseSSL=", "Get-Date"][..],
            ),
            (&["--computer-name=a", "--use-ssl", "Get-Date"], &["computername=a", "usessl=", "Get-Date"]),
            (&["-cn", "a", "-ScriptBlock", "{ Get-Date }"], &["cn=a", "ScriptBlock=Get-Date"]),
            (&["-Cn:a", "-UseSSL:$false", "{1}"], &["Cn=a", "UseSSL=False", "1"]),
            (&["srv1,srv2", "{", "if", "{", "}", "}"], &["srv1+srv2", "if { }"]),
            (&["a", "{Start-Sleep", "1}", "-Port", "7"], &["Port=7", "a", "Start-Sleep 1"]),
            (&["a", "{", "x", "%{$_.Id}}", "-Port", "7"], &["Port=7", "a", "x %{$_.Id}"]),
            (&["a", "-ScriptBlock", "{x", "{y", "1}", "}"], &["ScriptBlock=x {y 1}", "a"]),
            (&["a", "{", "x", "a}b", "a{b", "}", "-Port", "7"], &["Port=7", "a", "x a}b a{b"]),
            (&["a", "-ErrorAction", "Stop", "-Verbose", "x"], &["ErrorAction=Stop", "Verbose=", "a", "x"]),
            (&["a", "-ScriptBlock", "@{ a = 1 }"], &["ScriptBlock=@{ a = 1 }", "a"]),
            (&["a", "-SkipCACheck", "--resolve", "a=127.0.0.1", "x"], &["a", "x"]),
        ] {
            assert_eq!(arguments("Invoke-Command", words).unwrap(), expected, "{words:?}");
        }
        assert_eq!(
            arguments("Get-CimInstance", &["Win32_Process", "-Property", "Name,Id"]).unwrap()[0],
            "Property=Name+Id"
        );
        assert_eq!(arguments("New-PSSessionOption", &["-SkipCACheck"]).unwrap(), ["SkipCACheck="]);
        for open in [&["{", "x"][..], &["{x", "y"]] {
            assert!(arguments("Invoke-Command", open).is_err());
        }
    }

    #[test]
    fn numbers_are_numbers_where_anything_is_taken() {
        let values = |cmdlet: &str, words: &[&str]| -> Vec<PsValue> {
            let info = declared(cmdlet).unwrap();
            let words: Vec<String> = [&[cmdlet], words].concat().into_iter().map(str::to_owned).collect();
            let command = CommandLine::of(&words).unwrap().unwrap().command(&info).unwrap();
            command.parameters.into_iter().map(|given| given.value).collect()
        };
        let both = || PsValue::list(vec![PsValue::from(1), 2.into()]);
        assert_eq!(values("Remove-Job", &["7"]), [PsValue::from(7)]);
        assert_eq!(values("Remove-Job", &["1,2"]), [both()]);
        for text in ["07", "1,x", "4294967296"] {
            assert!(values("Remove-Job", &[text])[0].as_i64().is_none(), "{text}");
        }
        let arguments = |text: &str| {
            values("Invoke-Command", &["-ArgumentList", text, "-ScriptBlock", "{ x }"])[0].clone()
        };
        assert_eq!(arguments("1,2"), both());
        assert_eq!(arguments("5"), 5.into());
        assert_eq!(arguments("'5',a"), PsValue::list(vec![PsValue::from("5"), "a".into()]));
        // What is named and takes text keeps its text.
        assert_eq!(values("Get-Job", &["-Name", "1"]), [PsValue::from("1")]);
    }

    #[test]
    fn only_cmdlets_are_taken() {
        let line = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            CommandLine::of(&words).unwrap().is_some()
        };
        assert!(line(&["invoke-command"]) && line(&["icm"]) && line(&["--output", "json", "Get-Process"]));
        assert!(!line(&["mock"]) && !line(&["help"]) && !line(&["--help"]) && !line(&[]));
    }
}
