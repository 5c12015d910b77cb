//! The parameters of the cmdlets of the table, compared with those that PowerShell's own cmdlets have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use windlass_mock::powershell::{Check, CommandInfo, Commands, Kind, ParameterInfo, Scalar, declared};

use super::KindReport;

/// Compares `cmdlets/parameters.jsonl`: of every cmdlet that both have, the aliases, the parameter sets, and
/// in each set the parameters with type, position, binding, aliases and validation. Parameters that the table
/// marks as ours come on top. Cmdlets that only PowerShell has are counted in the note.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let Ok(text) = fs::read_to_string(dir.join("cmdlets/parameters.jsonl")) else { return Vec::new() };
    let mut report = KindReport::new("cmdlets/parameters");
    let built_in = Commands::built_in();
    let (mut missing, mut untabled) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let case = match serde_json::from_str::<Value>(line) {
            Ok(case) => case,
            Err(error) => {
                report.count(&format!("line {}", number + 1), Err(error.to_string()));
                continue;
            }
        };
        let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
        match declared(name) {
            Some(ours) => report.count(name, compare(&ours, &case)),
            None if built_in.find(name).is_some() => untabled.push(name.to_owned()),
            None => missing.push(name.to_owned()),
        }
    }
    report.note = Some(format!(
        "{} cmdlets of the host's endpoints are not compared, as these leave out what needs script: {}; {} cmdlets that \
         only PowerShell has: {}",
        untabled.len(),
        untabled.join(" "),
        missing.len(),
        missing.join(" ")
    ));
    vec![report]
}

fn compare(ours: &CommandInfo, theirs: &Value) -> Result<(), String> {
    let aliases = sorted(strings(theirs, "aliases"));
    let own = sorted(ours.aliases().to_vec());
    if aliases != own {
        return Err(format!("aliases {own:?} instead of {aliases:?}"));
    }
    let sets = theirs.get("sets").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if ours.set_names().len() != sets.len() {
        return Err(format!("{} parameter sets instead of {}", ours.set_names().len(), sets.len()));
    }
    for set in sets {
        let name = set.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(place) = ours.set_names().iter().position(|known| known == name) else {
            return Err(format!("no parameter set {name}"));
        };
        compare_set(ours, place, set).map_err(|difference| format!("{name}: {difference}"))?;
    }
    let default = theirs.get("default_set").and_then(Value::as_str);
    let named = sets.iter().any(|set| set.get("name").and_then(Value::as_str) == default);
    match (default.filter(|_| named && sets.len() > 1), ours.default_set()) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            Err(format!("default set {ours} instead of {theirs}"))
        }
        _ => Ok(()),
    }
}

fn compare_set(ours: &CommandInfo, set: usize, theirs: &Value) -> Result<(), String> {
    let listed = theirs.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let mut wanted: BTreeMap<&str, &Value> = listed
        .filter_map(|parameter| Some((parameter.get("name").and_then(Value::as_str)?, parameter)))
        .collect();
    for parameter in ours.parameters() {
        let Some(place) = parameter.place(set) else { continue };
        if parameter.is_own || place.is_own {
            continue;
        }
        let Some(theirs) = wanted.remove(parameter.name.as_str()) else {
            return Err(format!("-{} is too much", parameter.name));
        };
        let ours = described(parameter, set);
        let theirs = recorded(theirs);
        if ours != theirs {
            return Err(format!("-{}: {ours} instead of {theirs}", parameter.name));
        }
    }
    match wanted.keys().next() {
        Some(name) => Err(format!("-{name} is missing")),
        None => Ok(()),
    }
}

/// All that is compared of a parameter, in one line.
fn described(parameter: &ParameterInfo, set: usize) -> String {
    let place = parameter.place(set);
    let position =
        place.and_then(|place| place.position).map_or_else(|| "named".to_owned(), |at| at.to_string());
    let mut rules = Vec::new();
    match parameter.check {
        Check::Any => {}
        Check::NotNull => rules.push("not null".to_owned()),
        Check::NotNullOrEmpty => rules.push("not null or empty".to_owned()),
    }
    if let Some((least, most)) = parameter.range {
        rules.push(format!("range: {least}..{most}"));
    }
    if !parameter.only.is_empty() {
        rules.push(format!("set: {}", parameter.only.join(",")));
    }
    if let Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names)) = parameter.kind {
        let mut names: Vec<&str> = names.values.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        rules.push(format!("enum: {}", names.join(",")));
    }
    rules.sort();
    format!(
        "{} at {position}, mandatory {}, input {}, by name {}, remaining {}, aliases {:?}, {rules:?}",
        parameter.kind.type_name(),
        place.is_some_and(|place| place.mandatory),
        place.is_some_and(|place| place.pipeline),
        place.is_some_and(|place| place.by_name),
        parameter.remaining,
        sorted(parameter.aliases.clone()),
    )
}

/// The same of a recorded parameter.
fn recorded(parameter: &Value) -> String {
    let flag = |key: &str| parameter.get(key).and_then(Value::as_bool).unwrap_or(false);
    let position = parameter.get("position").and_then(Value::as_i64).filter(|position| *position >= 0);
    let position = position.map_or_else(|| "named".to_owned(), |at| at.to_string());
    let mut rules: Vec<String> = strings(parameter, "validation")
        .into_iter()
        .filter(|rule| rule != "range: ")
        .map(|rule| match rule.strip_prefix("enum: ") {
            Some(names) => {
                let mut names: Vec<&str> = names.split(',').collect();
                names.sort_unstable();
                format!("enum: {}", names.join(","))
            }
            None => rule,
        })
        .collect();
    rules.sort();
    format!(
        "{} at {position}, mandatory {}, input {}, by name {}, remaining {}, aliases {:?}, {rules:?}",
        parameter.get("type").and_then(Value::as_str).unwrap_or_default(),
        flag("mandatory"),
        flag("pipeline"),
        flag("pipeline_by_name"),
        flag("remaining"),
        sorted(strings(parameter, "aliases")),
    )
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
