//! What a client saw of a pipeline, in the terms of the recordings.

use serde_json::{Map, Value, json};
use windlass_clixml::{ProgressKind, ProgressRecord, PsValue};
use windlass_psrp::{ErrorRecord, InformationRecord, InformationalKind, InvocationInfo, PipelineState};

use crate::agree::clixml::{compare, describe};

/// Everything that came of one pipeline.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) state: Option<PipelineState>,
    /// The error that ended it, where the server said so.
    pub(super) reason: Option<Value>,
    pub(super) output: Vec<PsValue>,
    streams: Map<String, Value>,
}

impl Seen {
    pub(super) fn error(&mut self, error: &ErrorRecord) {
        self.add("error", error_value(error));
    }

    pub(super) fn informational(&mut self, kind: InformationalKind, message: &str) {
        let name = match kind {
            InformationalKind::Debug => "debug",
            InformationalKind::Verbose => "verbose",
            InformationalKind::Warning => "warning",
        };
        self.add(name, message.into());
    }

    pub(super) fn information(&mut self, record: &InformationRecord) {
        let tags: Vec<&str> = record.tags.iter().map(|tag| tag.as_str()).collect();
        let value = json!({
            "data": describe(&record.message_data),
            "source": record.source.as_str(),
            "tags": tags,
            "user": record.user.as_str(),
            "computer": record.computer.as_str(),
        });
        self.add("information", value);
    }

    pub(super) fn progress(&mut self, record: &ProgressRecord) {
        let value = json!({
            "activity": record.activity.as_str(),
            "activity_id": record.activity_id,
            "parent": record.parent_activity_id,
            "status": record.status_description.as_str(),
            "operation": record.current_operation.as_deref(),
            "percent": record.percent_complete,
            "seconds": record.seconds_remaining,
            "type": match record.kind { ProgressKind::Processing => "Processing", ProgressKind::Completed => "Completed" },
        });
        self.add("progress", value);
    }

    fn add(&mut self, stream: &str, value: Value) {
        if let Value::Array(records) = self.streams.entry(stream).or_insert_with(|| Value::Array(Vec::new()))
        {
            records.push(value);
        }
    }

    /// Compares with a step of the recording. `output` is what came, secrets in the clear.
    pub(super) fn compare(&self, step: &Value, output: &[PsValue]) -> Result<(), String> {
        let state = self.state.map_or("none", PipelineState::name);
        if step.get("state").and_then(Value::as_str) != Some(state) {
            return Err(format!("state {state}, PowerShell {}", step.get("state").unwrap_or(&Value::Null)));
        }
        let ours: Vec<Value> = output.iter().map(describe).collect();
        compare_values("output", step.get("output"), &Value::Array(ours))?;
        let none = Value::Array(Vec::new());
        for stream in ["error", "warning", "verbose", "debug", "progress", "information"] {
            compare_values(stream, step.get(stream), self.streams.get(stream).unwrap_or(&none))?;
        }
        // An error without the types of a remote exception was made by their client.
        let thrown =
            step.get("thrown_error").filter(|error| error.get("serialized_exception_types").is_some());
        match (thrown, &self.reason) {
            (Some(expected), Some(ours)) => compare_values("thrown_error", Some(expected), ours),
            (Some(_), None) => Err("no error, PowerShell has one".to_owned()),
            (None, _) => Ok(()),
        }
    }

    /// The errors that came, described.
    pub(super) fn errors(&self) -> &[Value] {
        self.streams.get("error").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The description of an error as PowerShell's client shows it.
pub(super) fn error_value(error: &ErrorRecord) -> Value {
    let types: Vec<String> = error
        .exception
        .as_object()
        .map(|exception| exception.type_names.deserialized().map(String::from).collect())
        .unwrap_or_default();
    let exception_message = error.exception.get("Message").and_then(PsValue::as_str).unwrap_or_default();
    let details = error.details.as_ref();
    json!({
        "exception_type": "System.Management.Automation.RemoteException",
        "message": exception_message,
        "serialized_exception_types": types,
        "fqid": error.fully_qualified_error_id.as_str(),
        "category": error.category.name(),
        "activity": error.activity.as_str(),
        "reason": error.reason.as_str(),
        "target_name": error.target_name.as_str(),
        "target_type": error.target_type.as_str(),
        "category_text": error.category_message.as_str(),
        "target": describe(&error.target_object),
        "details": details.map(|details| details.message.as_str()),
        "recommended": details.and_then(|details| details.recommended_action.as_deref()),
        "stack": error.script_stack_trace.as_deref(),
        "text": error.text.as_deref().unwrap_or(exception_message),
        "invocation": error.invocation.as_deref().map(invocation),
    })
}

fn invocation(info: &InvocationInfo) -> Value {
    let bound = info.bound_parameters.entries().map_or(0, <[_]>::len);
    let unbound = info.unbound_arguments.items().map_or(0, <[_]>::len);
    json!({
        "my_command": info.command.as_ref().map(|command| command.name.as_str()),
        "line": info.line.as_str(),
        "script_line_number": info.script_line_number,
        "offset_in_line": info.offset_in_line,
        "position_message": info.position_message.as_str(),
        "invocation_name": info.invocation_name.as_str(),
        "pipeline_length": info.pipeline_length,
        "pipeline_position": info.pipeline_position,
        "history_id": info.history_id,
        "expecting_input": info.expecting_input,
        "command_origin": info.command_origin.name(),
        "bound": { "t": "System.Int32", "v": bound.to_string() },
        "unbound": unbound,
    })
}

/// What their client adds to what it gets: the computer that an error comes from, and the place in
/// the line, drawn anew from its number.
const MADE_BY_THEIR_CLIENT: [&str; 2] = ["origin", "position_message"];

/// Compares two descriptions that may hold values.
pub(super) fn compare_values(what: &str, expected: Option<&Value>, ours: &Value) -> Result<(), String> {
    let expected = expected.unwrap_or(&Value::Null);
    walk(expected, ours).map_err(|error| format!("{what}{error}"))
}

/// Records are compared field by field, values in them as values are.
fn walk(expected: &Value, ours: &Value) -> Result<(), String> {
    match (expected, ours) {
        (Value::Object(left), Value::Object(right)) if !left.contains_key("t") => {
            let keys = left.keys().chain(right.keys());
            for key in keys.filter(|key| !MADE_BY_THEIR_CLIENT.contains(&key.as_str())) {
                let (Some(expected), Some(ours)) = (left.get(key), right.get(key)) else {
                    return Err(format!(".{key}: {ours}, PowerShell {expected}"));
                };
                walk(expected, ours).map_err(|error| format!(".{key}{error}"))?;
            }
            Ok(())
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Err(format!(": {} of them, PowerShell {}", right.len(), left.len()));
            }
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.try_for_each(|(index, (left, right))| {
                walk(left, right).map_err(|error| format!("[{index}]{error}"))
            })
        }
        (Value::Object(_), Value::Object(_)) => {
            let list = |value: Value| Value::Array(vec![value]);
            compare::documents(&list(align(expected, ours)), &list(ours.clone()))
        }
        _ if expected == ours => Ok(()),
        _ => Err(format!(": {ours}, PowerShell {expected}")),
    }
}

/// The expected description without what is known of objects that PowerShell makes alive again: ours
/// say their type alone, or are the property bags that they came as. Credentials are compared apart.
fn align(expected: &Value, ours: &Value) -> Value {
    match (expected, ours) {
        (Value::Object(theirs), Value::Object(mine)) => {
            if theirs.contains_key("ts") && !mine.contains_key("ts") {
                let known = |key: &&String| !["tn", "ts", "user", "password"].contains(&key.as_str());
                let kept = theirs.iter().filter(|(key, _)| known(key));
                let kept = Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect());
                return align(&kept, ours);
            }
            let bag = mine.get("tn").and_then(|names| names.get(0)).and_then(Value::as_str);
            let bag = bag.and_then(|name| name.strip_prefix("Deserialized."));
            if theirs.get("t") != mine.get("t") && theirs.get("t").and_then(Value::as_str) == bag {
                return ours.clone();
            }
            let aligned = |(key, value): (&String, &Value)| match (key.as_str(), value, mine.get(key)) {
                ("entries", Value::Array(theirs), Some(Value::Array(mine))) => {
                    let same_key = |entry: &Value| mine.iter().find(|other| other.get(0) == entry.get(0));
                    (key.clone(), theirs.iter().map(|entry| align_in(entry, same_key(entry))).collect())
                }
                (_, value, ours) => (key.clone(), align_in(value, ours)),
            };
            theirs.iter().map(aligned).collect()
        }
        (Value::Array(theirs), Value::Array(mine)) => {
            theirs.iter().enumerate().map(|(index, value)| align_in(value, mine.get(index))).collect()
        }
        _ => expected.clone(),
    }
}

fn align_in(expected: &Value, ours: Option<&Value>) -> Value {
    ours.map_or_else(|| expected.clone(), |ours| align(expected, ours))
}
