//! Completion: what a word at the prompt may become.

use windlass_mock::powershell::{Commands, Kind, LocalRunspace, Scalar, declared, declared_names};

use crate::console::{Complete, Session};

/// Whether a word is another name of a cmdlet.
pub(crate) fn is_alias(word: &str) -> bool {
    let built_in = Commands::built_in();
    let tabled = declared_names().filter_map(declared);
    tabled.into_iter().any(|info| info.is_called(word)) || built_in.find(word).is_some()
}

/// How alike a name has to be that is offered in place of one that there is not, from 0 to 1.
const ALIKE: f64 = 0.9;

/// The name that is most like a mistyped one, if one is.
pub(crate) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_ascii_lowercase();
    let alike = names.map(|name| (strsim::jaro_winkler(&word, &name.to_ascii_lowercase()), name));
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(likeness, _)| *likeness >= ALIKE).map(|(_, name)| name)
}

/// What can be completed with, taken when the prompt is shown.
pub(crate) struct Words {
    runspace: LocalRunspace,
    variables: Vec<String>,
    sessions: Vec<String>,
    cim_sessions: Vec<String>,
}

impl Words {
    /// What there is in a console now.
    pub(crate) fn of(session: &Session) -> Self {
        let names = session.local.sessions.all();
        let cim = session.local.cim.all();
        Self {
            runspace: session.runspace.clone(),
            variables: session.runspace.variables().names(),
            sessions: names.iter().map(|entry| entry.session.name().to_owned()).collect(),
            cim_sessions: cim.iter().map(|entry| entry.name.clone()).collect(),
        }
    }
}

impl Complete for Words {
    fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or(line);
        let start = before.rfind([' ', '\t', '|', ';', '(', '{', '=', ',']).map_or(0, |place| place + 1);
        let word = before.get(start..).unwrap_or_default();
        let begins = |candidate: &str| {
            candidate.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        if let Some(name) = word.strip_prefix('$') {
            let names = self.variables.iter().filter(|variable| {
                variable.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
            });
            return (start, names.map(|name| format!("${name}")).collect());
        }
        let command_start = before.rfind(['|', ';', '(', '{', '=']).map_or(0, |place| place + 1);
        let mut words = before.get(command_start..).unwrap_or_default().split_whitespace();
        let command = words.next().unwrap_or_default();
        let is_command =
            command.len() == word.len() && before.trim_end().ends_with(command) && !word.is_empty()
                || command.is_empty();
        if is_command {
            let commands = self.runspace.commands();
            let mut found: Vec<String> = commands
                .iter()
                .map(|command| command.info().name().to_owned())
                .filter(|name| begins(name))
                .collect();
            found.sort();
            return (start, found);
        }
        let Some(cmdlet) = self.runspace.commands().find(command) else { return (start, Vec::new()) };
        let info = cmdlet.info();
        if let Some(name) = word.strip_prefix('-') {
            let parameters = info.parameters().iter().map(|parameter| parameter.name.clone());
            let fits = |parameter: &String| {
                parameter.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
            };
            let mut found: Vec<String> =
                parameters.filter(fits).map(|parameter| format!("-{parameter}")).collect();
            found.sort();
            return (start, found);
        }
        let last = words.rfind(|word| word.starts_with('-')).unwrap_or_default();
        let parameter = info.parameter(last.trim_start_matches('-'));
        let values: Vec<String> = match parameter.map(|parameter| parameter.kind) {
            Some(Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names))) => {
                names.values.iter().map(|(name, _)| (*name).to_owned()).collect()
            }
            _ if last.eq_ignore_ascii_case("-Name") && info.name().ends_with("-PSSession") => {
                self.sessions.clone()
            }
            _ if last.eq_ignore_ascii_case("-Name") && info.name().ends_with("-CimSession") => {
                self.cim_sessions.clone()
            }
            _ => Vec::new(),
        };
        (start, values.into_iter().filter(|value| begins(value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_leads_to_the_one_that_was_meant() {
        for (word, meant) in [
            ("Get-CimInstnce", Some("Get-CimInstance")),
            ("invoke-comand", Some("Invoke-Command")),
            ("New-PSSesion", Some("New-PSSession")),
            ("Frobnicate-Thing", None),
        ] {
            assert_eq!(nearest(word, declared_names()), meant);
        }
    }
}
