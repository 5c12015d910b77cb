//! Scenarios: what the PowerShell endpoints answer to certain scripts.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_clixml::{Limits, ProgressRecord, PsObject, PsValue};
use windlass_psrp::MessageType;
use windlass_psrp::host::{HostMethod, HostMethodId};

use crate::Error;
use crate::powershell::RawMessage;

/// Most bytes of a scenario's file.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Deepest nesting of JSON values that are written as objects; CLIXML nests little deeper.
const DEEPEST: usize = 32;

/// What the PowerShell endpoints answer to certain scripts, whatever language these are written in: tests
/// of clients need no Windows then.
///
/// A scenario is JSON: `{"scripts": [...]}`, each entry an object with `script` and any of the other fields.
/// An answer comes in the order of this table.
///
/// | Field | Meaning |
/// |---|---|
/// | `script` | The text, but for blanks around it. For commands that were not sent as a script: names, parameters and values as in `Get-Thing -Name x -All \| Sort-Object Id`. |
/// | `input` | Whether the objects of the client's input come out again, once it has ended. |
/// | `delay_ms` | Milliseconds before the first record; a stop ends them. |
/// | `progress` | Progress records: `activity`, `status`, `percent`. |
/// | `verbose`, `debug`, `information`, `warnings` | Texts for these streams. |
/// | `host` | Calls of the client's host: `method` (a name of [MS-PSRP] 2.2.3.17) and `arguments` (JSON values); what it answers is output. |
/// | `output` | JSON values, one object of output each; objects become `PSCustomObject`. |
/// | `clixml` | More output, as texts with one CLIXML element each. |
/// | `errors` | Messages of errors that do not end the pipeline. |
/// | `messages` | Any messages, also such as the protocol does not allow: `type` (a name of [MS-PSRP] 2.2.1), `clixml` (null where absent), `pool` (true for the stream of the pool). |
/// | `fails` | The message of the error that the pipeline fails with. |
///
/// ```
/// use windlass_mock::Scenario;
///
/// let scenario = Scenario::parse(r#"{"scripts": [{"script": "Get-Thing", "output": [1, {"Name": "x"}]}]}"#)?;
/// let host = windlass_mock::MockHost::builder().scenario(scenario);
/// # Ok::<(), windlass_mock::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    answers: HashMap<String, Arc<Answer>>,
}

/// What is answered to one script.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) input: bool,
    pub(crate) delay: Duration,
    pub(crate) progress: Vec<ProgressRecord>,
    pub(crate) verbose: Vec<String>,
    pub(crate) debug: Vec<String>,
    pub(crate) information: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) host: Vec<HostMethod>,
    /// From `output`, then from `clixml`.
    pub(crate) output: Vec<PsValue>,
    pub(crate) errors: Vec<String>,
    pub(crate) messages: Vec<RawMessage>,
    pub(crate) fails: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    scripts: Vec<Value>,
}

/// An entry whose fields are not looked at yet, so that what is wrong can be told with the field's name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    script: Value,
    input: Value,
    delay_ms: Value,
    progress: Value,
    verbose: Value,
    debug: Value,
    information: Value,
    warnings: Value,
    host: Value,
    output: Value,
    clixml: Value,
    errors: Value,
    messages: Value,
    fails: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    activity: String,
    status: Option<String>,
    percent: Option<i32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostCall {
    method: String,
    #[serde(default)]
    arguments: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    r#type: String,
    clixml: Option<String>,
    #[serde(default)]
    pool: bool,
}

impl Scenario {
    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// When the file cannot be read, is too large or holds no scenario; names file, entry and field.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let refused = |reason: String| Error::Scenario(format!("{}: {reason}", path.display()));
        let mut text = String::new();
        let file = File::open(path).map_err(|error| refused(error.to_string()))?;
        // One byte more tells a file that is too large from one that is just as large as it may be.
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
        read(&text).map_err(refused)
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// When it is longer than 16 MiB or no scenario; names entry and field.
    pub fn parse(json: &str) -> Result<Self, Error> {
        read(json).map_err(Error::Scenario)
    }

    /// What is answered to this text.
    pub(crate) fn answer(&self, script: &str) -> Option<Arc<Answer>> {
        self.answers.get(script.trim()).cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }
}

fn read(json: &str) -> Result<Scenario, String> {
    if u64::try_from(json.len()).is_ok_and(|length| length > LARGEST) {
        return Err(format!("longer than {LARGEST} bytes"));
    }
    let document: Document = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut answers = HashMap::with_capacity(document.scripts.len());
    for (place, entry) in document.scripts.into_iter().enumerate() {
        let (script, answer) = read_entry(entry).map_err(|reason| format!("scripts[{place}]: {reason}"))?;
        if answers.insert(script, Arc::new(answer)).is_some() {
            return Err(format!("scripts[{place}]: script: an earlier entry has the same text"));
        }
    }
    Ok(Scenario { answers })
}

fn read_entry(entry: Value) -> Result<(String, Answer), String> {
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let script: String = field("script", entry.script)?;
    let script = script.trim();
    if script.is_empty() {
        return Err("script: expected a text that is not blank".to_owned());
    }
    let mut output = Vec::new();
    for (place, value) in items::<Value>("output", entry.output)?.into_iter().enumerate() {
        output.push(value_of(value, DEEPEST).map_err(|error| at("output", place, error))?);
    }
    for (place, xml) in items::<String>("clixml", entry.clixml)?.into_iter().enumerate() {
        let value = windlass_clixml::decode(&xml, &Limits::default());
        output.push(value.map_err(|error| at("clixml", place, error))?);
    }
    let mut progress = Vec::new();
    for (place, given) in items::<Value>("progress", entry.progress)?.into_iter().enumerate() {
        progress.push(progress_of(given).map_err(|error| at("progress", place, error))?);
    }
    let mut host = Vec::new();
    for (place, given) in items::<HostCall>("host", entry.host)?.into_iter().enumerate() {
        host.push(host_call_of(given).map_err(|error| at("host", place, error))?);
    }
    let mut messages = Vec::new();
    for (place, given) in items::<Raw>("messages", entry.messages)?.into_iter().enumerate() {
        messages.push(message_of(&given).map_err(|error| at("messages", place, error))?);
    }
    let answer = Answer {
        input: field::<Option<bool>>("input", entry.input)?.unwrap_or_default(),
        delay: Duration::from_millis(field::<Option<u64>>("delay_ms", entry.delay_ms)?.unwrap_or_default()),
        progress,
        verbose: items("verbose", entry.verbose)?,
        debug: items("debug", entry.debug)?,
        information: items("information", entry.information)?,
        warnings: items("warnings", entry.warnings)?,
        host,
        output,
        errors: items("errors", entry.errors)?,
        messages,
        fails: field("fails", entry.fails)?,
    };
    Ok((script.to_owned(), answer))
}

fn field<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("{name}: {error}"))
}

/// The items of a list; none where it is absent.
fn items<T: DeserializeOwned>(name: &str, value: Value) -> Result<Vec<T>, String> {
    field::<Option<Vec<Value>>>(name, value)?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(|(place, item)| serde_json::from_value(item).map_err(|error| at(name, place, error)))
        .collect()
}

fn at(name: &str, place: usize, error: impl Display) -> String {
    format!("{name}[{place}]: {error}")
}

fn host_call_of(given: HostCall) -> Result<HostMethod, String> {
    let HostCall { method, arguments } = given;
    let known = HostMethodId::ALL.iter().copied().find(|id| id.name().eq_ignore_ascii_case(&method));
    let id = known.ok_or_else(|| format!("method: there is no method {method} of a host"))?;
    let arguments: Result<Vec<_>, _> = arguments.into_iter().map(|value| value_of(value, DEEPEST)).collect();
    HostMethod::from_arguments(id, &arguments?).map_err(|error| format!("arguments: {error}"))
}

fn message_of(given: &Raw) -> Result<RawMessage, String> {
    let known = MessageType::from_name(&given.r#type);
    let kind = known.ok_or_else(|| format!("type: there is no message {}", given.r#type))?;
    let value = match &given.clixml {
        Some(xml) => {
            windlass_clixml::decode(xml, &Limits::default()).map_err(|error| format!("clixml: {error}"))?
        }
        None => PsValue::Null,
    };
    Ok(RawMessage { kind, pool: given.pool, value })
}

fn progress_of(given: Value) -> Result<ProgressRecord, String> {
    let Progress { activity, status, percent } =
        serde_json::from_value(given).map_err(|error| error.to_string())?;
    let status = status.unwrap_or_else(|| "Processing".to_owned());
    for (name, text) in [("activity", &activity), ("status", &status)] {
        if text.is_empty() {
            return Err(format!("{name}: expected a text that is not empty"));
        }
    }
    let percent = percent.unwrap_or(-1);
    if !(-1..=100).contains(&percent) {
        return Err(format!("percent: expected -1 to 100, found {percent}"));
    }
    Ok(ProgressRecord { percent_complete: percent, ..ProgressRecord::new(0, activity, status) })
}

/// The object that PowerShell has for a JSON value: numbers are the first of Int32, Int64, UInt64 and
/// Double that holds them.
fn value_of(json: Value, depth: usize) -> Result<PsValue, String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("nested deeper than {DEEPEST} levels"));
    };
    Ok(match json {
        Value::Null => PsValue::Null,
        Value::Bool(value) => value.into(),
        Value::String(text) => text.into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => i32::try_from(value).map_or_else(|_| value.into(), PsValue::from),
            (None, Some(value), _) => value.into(),
            (None, None, value) => value.unwrap_or_default().into(),
        },
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.into_iter().map(|item| value_of(item, depth)).collect();
            PsValue::list(items?)
        }
        Value::Object(members) => {
            let mut object = PsObject::custom();
            for (name, member) in members {
                object = object.with(name, value_of(member, depth)?);
            }
            object.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_objects() {
        let text = r#"{"scripts": [{"script": " Get-Thing -All\n", "delay_ms": 5, "fails": "no",
            "output": [1, 5000000000, 18446744073709551615, 0.5, "text", true, null, [1], {"Z": 1, "A": {}}],
            "clixml": ["<U16>7</U16>"], "progress": [{"activity": "a"}]}]}"#;
        let answer = Scenario::parse(text).unwrap().answer("Get-Thing -All ").unwrap();
        assert_eq!((answer.delay, answer.fails.as_deref()), (Duration::from_millis(5), Some("no")));
        let (plain, rest) = answer.output.split_at(7);
        let expected: [PsValue; 7] = [
            1.into(),
            5_000_000_000_i64.into(),
            u64::MAX.into(),
            0.5.into(),
            "text".into(),
            true.into(),
            PsValue::Null,
        ];
        assert_eq!(plain, expected);
        let [list, object, decoded] = rest else { panic!("{rest:?}") };
        assert_eq!(list.items(), Some([1.into()].as_slice()));
        let names: Vec<_> = object.as_object().unwrap().properties().map(|p| p.name.to_string()).collect();
        assert_eq!(names, ["Z", "A"]);
        assert_eq!(*decoded, PsValue::U16(7));
        let [progress] = answer.progress.as_slice() else { panic!("{:?}", answer.progress) };
        assert_eq!((progress.percent_complete, &*progress.status_description), (-1, "Processing"));
    }

    #[test]
    fn refusals_name_entry_and_field() {
        let deep = format!(r#""script": "x", "output": [{}{}]"#, "[".repeat(40), "]".repeat(40));
        for (entry, expected) in [
            (r#""script": "x", "unless": 1"#, "scripts[1]: unknown field `unless`"),
            (r#""output": []"#, "scripts[1]: script: "),
            (r#""script": " ""#, "scripts[1]: script: "),
            (r#""script": "a""#, "scripts[1]: script: an earlier entry"),
            (r#""script": "x", "input": 1"#, "scripts[1]: input: "),
            (r#""script": "x", "delay_ms": -1"#, "scripts[1]: delay_ms: "),
            (r#""script": "x", "errors": "one""#, "scripts[1]: errors: "),
            (r#""script": "x", "warnings": ["a", 2]"#, "scripts[1]: warnings[1]: "),
            (r#""script": "x", "clixml": ["<I32>x</I32>"]"#, "scripts[1]: clixml[0]: "),
            (r#""script": "x", "progress": [{"activity": ""}]"#, "scripts[1]: progress[0]: activity: "),
            (
                r#""script": "x", "progress": [{"activity": "a", "percent": 101}]"#,
                "scripts[1]: progress[0]: percent: ",
            ),
            (
                r#""script": "x", "progress": [{"activity": "a", "id": 1}]"#,
                "scripts[1]: progress[0]: unknown field `id`",
            ),
            (&deep, "scripts[1]: output[0]: nested deeper"),
        ] {
            let text = format!(r#"{{"scripts": [{{"script": "a"}}, {{{entry}}}]}}"#);
            let error = Scenario::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("scenario {expected}")), "{error}");
        }
    }

    #[test]
    fn files_are_named_and_bounded() {
        let path = std::env::temp_dir().join(format!("windlass-scenario-{}.json", std::process::id()));
        let missing = Scenario::from_file(&path).unwrap_err().to_string();
        let largest = usize::try_from(LARGEST).unwrap();
        std::fs::write(&path, " ".repeat(largest + 2)).unwrap();
        let large = Scenario::from_file(&path).unwrap_err().to_string();
        std::fs::write(&path, r#"{"scripts": [], "more": 1}"#).unwrap();
        let unknown = Scenario::from_file(&path).unwrap_err().to_string();
        std::fs::write(&path, r#"{"scripts": []}"#).unwrap();
        let empty = Scenario::from_file(&path);
        std::fs::remove_file(&path).unwrap();
        for (error, part) in [(missing, ""), (large, "longer than"), (unknown, "unknown field `more`")] {
            assert!(error.contains(&*path.to_string_lossy()) && error.contains(part), "{error}");
        }
        assert!(empty.unwrap().is_empty());
    }
}
