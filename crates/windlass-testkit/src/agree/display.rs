//! What objects print as, compared with what PowerShell printed for them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use windlass_clixml::{Limits, PsObject, PsString, PsValue, TypeNames, decode_document};
use windlass_display::{CsvOptions, TableOptions, View, format, to_csv, to_json};
use windlass_mock::powershell::{Commands, Emission, LocalRunspace, Outcome, Sink, Stop, Variables};

use super::KindReport;

/// `ConvertTo-Json` goes two levels deep unless told otherwise.
const JSON_DEPTH: usize = 3;

/// `Format-Custom` goes five levels deep unless told otherwise.
const CUSTOM_DEPTH: usize = 5;

/// Compares `display/format.jsonl`: objects, the command that formats them, the width, the text.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let Ok(text) = fs::read_to_string(dir.join("display/format.jsonl")) else { return Vec::new() };
    let mut report = KindReport::new("display/format");
    for (number, line) in text.lines().enumerate() {
        let name = |case: &Value| {
            let part = |key: &str| {
                case.get(key).map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
            };
            [part("name"), part("view"), part("width")].map(Option::unwrap_or_default).join(" | ")
        };
        match serde_json::from_str::<Value>(line) {
            Ok(case) => report.count(&name(&case), compare(&case)),
            Err(error) => report.count(&format!("line {}", number + 1), Err(error.to_string())),
        }
    }
    vec![report]
}

fn compare(case: &Value) -> Result<(), String> {
    let field = |key: &str| case.get(key).ok_or_else(|| format!("the case has no {key}"));
    let expected = field("text")?.as_str().unwrap_or_default();
    let view = field("view")?.as_str().unwrap_or_default();
    let width = field("width")?.as_u64().and_then(|width| usize::try_from(width).ok()).unwrap_or(120);
    let mut values = Vec::new();
    for object in field("objects")?.as_array().into_iter().flatten() {
        let document = decode_document(object.as_str().unwrap_or_default(), &Limits::default());
        values.extend(
            document.map_err(|error| error.to_string())?.into_iter().map(|item| received(item.value)),
        );
    }
    let actual = show(&values, view, width)?;
    if actual == expected { Ok(()) } else { Err(first_difference(expected, &actual)) }
}

/// What came over the wire says so in its type names.
fn received(value: PsValue) -> PsValue {
    match value {
        PsValue::Object(object) => {
            let names = TypeNames::new(object.type_names.deserialized().map(|name| PsString::new(&name)));
            PsObject::clone(&object).with_type_names(&names).into()
        }
        other => other,
    }
}

fn show(values: &[PsValue], view: &str, width: usize) -> Result<String, String> {
    let (command, arguments) = view.split_once(' ').unwrap_or((view, ""));
    let names = || -> Vec<String> {
        let words = arguments.split(',').map(|word| word.trim().to_owned());
        words.filter(|word| !word.is_empty() && !word.starts_with('-')).collect()
    };
    let view = match command {
        "Out-String" => View::Default,
        "Format-Table" if !arguments.contains('{') => View::Table(TableOptions {
            properties: names(),
            hide_headers: arguments.contains("-HideTableHeaders"),
            wrap: arguments.contains("-Wrap"),
        }),
        "Format-List" => View::List(names()),
        "Format-Custom" => View::Custom(names(), CUSTOM_DEPTH),
        "Format-Wide" => {
            let (property, columns) = arguments.split_once(" -Column ").unwrap_or((arguments, "2"));
            View::Wide(Some(property.to_owned()), columns.parse().unwrap_or(2))
        }
        "Select-Object" | "Sort-Object" | "Measure-Object" => {
            return Ok(format(&computed(values, view, width)?, &View::Default, width));
        }
        "ConvertTo-Json" => return json(values),
        "ConvertTo-Csv" => {
            let delimiter = if arguments.contains("\";\"") { ';' } else { ',' };
            return Ok(to_csv(values, CsvOptions { delimiter, header: true }));
        }
        other => return Err(format!("{other} is no formatting command")),
    };
    Ok(format(values, &view, width))
}

/// What a command makes of the objects, in a runspace of this process.
fn computed(values: &[PsValue], command: &str, width: usize) -> Result<Vec<PsValue>, String> {
    let variables = Variables::default();
    variables.set("objects", PsValue::list(values.iter().cloned()));
    let runspace = LocalRunspace::new(Commands::built_in(), variables, width);
    let source = format!("$objects | {command}");
    let script = runspace.parse(&source).map_err(|error| error.to_string())?;
    let mut gathered = Gathered::default();
    runspace.run(&source, script, &Stop::default(), &mut gathered);
    match gathered.error {
        Some(error) => Err(error),
        None => Ok(gathered.output),
    }
}

/// What a pipeline writes.
#[derive(Default)]
struct Gathered {
    output: Vec<PsValue>,
    error: Option<String>,
}

impl Sink for Gathered {
    fn emit(&mut self, emission: Emission) -> Outcome {
        match emission {
            Emission::Output(value) => self.output.push(value),
            Emission::Error(record) => self.error = Some(record.message().to_owned()),
            _ => {}
        }
        Ok(())
    }
}

fn json(values: &[PsValue]) -> Result<String, String> {
    let converted = match values {
        [only] => to_json(only, JSON_DEPTH),
        several => Value::Array(several.iter().map(|value| to_json(value, JSON_DEPTH)).collect()),
    };
    let text = serde_json::to_string_pretty(&converted).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

fn first_difference(expected: &str, actual: &str) -> String {
    let mut lines = expected.split('\n').zip(actual.split('\n')).enumerate();
    match lines.find(|(_, (expected, actual))| expected != actual) {
        Some((number, (expected, actual))) => {
            format!("line {}: {expected:?} expected, {actual:?} printed", number + 1)
        }
        None => {
            format!("{} lines expected, {} printed", expected.split('\n').count(), actual.split('\n').count())
        }
    }
}
