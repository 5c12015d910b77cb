//! What the messages say against what PowerShell's client saw.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;
use windlass_clixml::{Base, Limits, PsObject, PsValue};
use windlass_core::Secret;
use windlass_psrp::payload::{PipelineStateMessage, progress_from_value};
use windlass_psrp::session_key::decode_plain;
use windlass_psrp::{
    ErrorRecord, InformationRecord, InformationalKind, InformationalRecord, MessageType, Payload,
    PipelineState, PsrpError, SessionKey,
};

use super::recording::{Found, Recording, Side};
use super::records::{Seen, compare_values, error_value};
use crate::agree::clixml::describe;

pub(super) fn check(recording: &Recording) -> Result<(), String> {
    let mut pipelines = Pipelines::default();
    for found in recording.messages()? {
        if found.side == Side::Client {
            if let (MessageType::CreatePipeline | MessageType::GetCommandMetadata, Some(id)) =
                (found.kind, found.pipeline)
            {
                pipelines.begin(id);
            }
            continue;
        }
        let Some(id) = found.pipeline else { continue };
        let seen = pipelines.get(id);
        // What their client could not read, it did not see.
        if seen.state.is_some_and(PipelineState::is_final) {
            continue;
        }
        if let Err(error) = read(seen, &found) {
            seen.state = Some(PipelineState::Failed);
            pipelines.unreadable.push(error);
        }
    }
    pipelines.end_open(PipelineState::Failed);
    let reveal = revealer(recording)?;
    pipelines.compare(&recording.steps, &reveal)
}

fn read(seen: &mut Seen, found: &Found) -> Result<(), String> {
    let value = found.value()?;
    // What a client refuses to read is refused here too.
    let data = found.message()?.data;
    if !data.is_empty() {
        windlass_clixml::decode(data, &Limits::default()).map_err(|error| error.to_string())?;
    }
    record(seen, found.kind, value).map_err(|error| error.to_string())
}

fn record(seen: &mut Seen, kind: MessageType, value: PsValue) -> Result<(), PsrpError> {
    match kind {
        MessageType::PipelineOutput => seen.output.push(value),
        MessageType::ErrorRecord => seen.error(&ErrorRecord::from_value(&value)?),
        MessageType::WarningRecord => informational(seen, InformationalKind::Warning, &value)?,
        MessageType::VerboseRecord => informational(seen, InformationalKind::Verbose, &value)?,
        MessageType::DebugRecord => informational(seen, InformationalKind::Debug, &value)?,
        MessageType::InformationRecord => seen.information(&InformationRecord::from_value(&value)?),
        MessageType::ProgressRecord => seen.progress(&progress_from_value(&value)?),
        MessageType::PipelineHostCall => {
            windlass_psrp::host::HostCall::from_value(&value)?;
        }
        MessageType::PipelineState => {
            let message = PipelineStateMessage::from_value(&value)?;
            seen.state = Some(message.state);
            seen.reason = message.error.as_ref().map(error_value);
        }
        _ => {}
    }
    Ok(())
}

fn informational(seen: &mut Seen, kind: InformationalKind, value: &PsValue) -> Result<(), PsrpError> {
    seen.informational(kind, &InformationalRecord::from_value(value)?.message);
    Ok(())
}

/// What came of each pipeline, in the order in which they began.
#[derive(Default)]
pub(super) struct Pipelines {
    order: Vec<Uuid>,
    seen: BTreeMap<Uuid, Seen>,
    pub(super) unreadable: Vec<String>,
}

impl Pipelines {
    pub(super) fn begin(&mut self, id: Uuid) {
        self.order.push(id);
        self.seen.insert(id, Seen::default());
    }

    pub(super) fn get(&mut self, id: Uuid) -> &mut Seen {
        self.seen.entry(id).or_default()
    }

    /// Gives every pipeline that has not ended this end.
    pub(super) fn end_open(&mut self, state: PipelineState) {
        for seen in self.seen.values_mut().filter(|seen| !seen.state.is_some_and(PipelineState::is_final)) {
            seen.state = Some(state);
        }
    }

    /// Compares with the steps of a case: pipelines with steps in order where there are as many of
    /// both; otherwise every remote value and error of the steps must have come, in order.
    pub(super) fn compare(&self, steps: &Value, reveal: &Reveal) -> Result<(), String> {
        let Value::Object(steps) = steps else { return Ok(()) };
        let run: Vec<(&String, &Value)> = steps
            .iter()
            .filter(|(_, step)| step.get("output").is_some())
            .filter(|(_, step)| step.get("state").and_then(Value::as_str) != Some("NotStarted"))
            .collect();
        if run.len() != self.order.len() {
            return self.compare_in_order(steps.values(), reveal);
        }
        for ((name, step), id) in run.into_iter().zip(&self.order) {
            let Some(seen) = self.seen.get(id) else { continue };
            let output: Vec<PsValue> = seen.output.iter().map(|value| in_the_clear(value, reveal)).collect();
            seen.compare(step, &output).map_err(|error| {
                let why = self.unreadable.first().map(|error| format!(" ({error})")).unwrap_or_default();
                format!("step {name}: {error}{why}")
            })?;
            credentials(step, &seen.output, reveal).map_err(|error| format!("step {name}: {error}"))?;
        }
        Ok(())
    }

    fn compare_in_order<'a>(
        &self,
        steps: impl Iterator<Item = &'a Value>,
        reveal: &Reveal,
    ) -> Result<(), String> {
        let seen = || self.order.iter().filter_map(|id| self.seen.get(id));
        let values: Vec<Value> = seen()
            .flat_map(|seen| &seen.output)
            .map(|value| describe(&in_the_clear(value, reveal)))
            .collect();
        let errors: Vec<&Value> = seen().flat_map(Seen::errors).collect();
        let (mut next_value, mut next_error) = (0, 0);
        for step in steps {
            for expected in remote_values(step) {
                let rest = values.iter().enumerate().skip(next_value);
                let found =
                    rest.into_iter().find(|(_, ours)| compare_values("", Some(&expected), ours).is_ok());
                let (index, _) = found.ok_or_else(|| format!("{expected} did not come"))?;
                next_value = index + 1;
            }
            for expected in step.as_array().into_iter().flatten().filter(|error| error.get("fqid").is_some())
            {
                let rest = errors.iter().enumerate().skip(next_error);
                let found =
                    rest.into_iter().find(|(_, ours)| compare_values("", Some(expected), ours).is_ok());
                let (index, _) = found.ok_or_else(|| format!("{expected} did not come"))?;
                next_error = index + 1;
            }
        }
        Ok(())
    }
}

/// The values of a step that bear the marks of remoting, without them.
fn remote_values(step: &Value) -> Vec<Value> {
    let marks = ["PSComputerName", "RunspaceId", "PSShowComputerName"];
    let candidates = match step.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![step.clone()],
    };
    let name = |pair: &Value| pair.get(0).and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let unmarked = |mut value: Value| {
        let fields = value.as_object_mut()?;
        let properties = fields.get_mut("props")?.as_array_mut()?;
        let before = properties.len();
        properties.retain(|pair| !marks.contains(&name(pair).as_str()));
        let (after, empty) = (properties.len(), properties.is_empty());
        if empty {
            fields.remove("props");
        } else if after < before {
            // The text of a property bag shows the marks as well.
            let text = fields
                .get("ts")
                .and_then(Value::as_str)
                .and_then(|text| text.split("; PSComputerName=").next());
            let text =
                text.map(|text| if text.ends_with('}') { text.to_owned() } else { format!("{text}}}") });
            text.map(|text| fields.insert("ts".into(), text.into()));
        }
        (after < before).then_some(value)
    };
    candidates.into_iter().filter_map(unmarked).collect()
}

/// Reads a secret.
pub(super) type Reveal = dyn Fn(&PsValue) -> Result<Secret, PsrpError>;

pub(super) fn revealer(recording: &Recording) -> Result<Box<Reveal>, String> {
    match recording.session_key() {
        Some(bytes) => {
            let key = SessionKey::from_bytes(&bytes).map_err(|error| error.to_string())?;
            Ok(Box::new(move |value| match value {
                PsValue::SecureString(text) => key.decrypt(text),
                _ => Err(PsrpError::NoSessionKey),
            }))
        }
        None => Ok(Box::new(|value| match value {
            PsValue::SecureString(text) => decode_plain(text),
            _ => Err(PsrpError::NoSessionKey),
        })),
    }
}

/// The value with its secrets in the form that descriptions expect: hexadecimal digits of UTF-16.
fn in_the_clear(value: &PsValue, reveal: &Reveal) -> PsValue {
    match value {
        PsValue::SecureString(_) => match reveal(value) {
            Ok(secret) => {
                let bytes = secret.to_utf16_le();
                let digits: String = bytes.expose().iter().map(|byte| format!("{byte:02x}")).collect();
                PsValue::SecureString(digits.into())
            }
            Err(_) => value.clone(),
        },
        PsValue::Object(object) if windlass_clixml::encode(value).contains("<SS") => {
            let mut object: PsObject = object.as_ref().clone();
            if let Base::List(items) = &mut object.base {
                items.iter_mut().for_each(|item| *item = in_the_clear(item, reveal));
            }
            for part in [&mut object.adapted, &mut object.extended] {
                let names: Vec<_> = part.iter().map(|property| property.name.clone()).collect();
                for name in names {
                    let clear = part.get(&name).map(|value| in_the_clear(value, reveal));
                    if let Some(clear) = clear {
                        part.set(&name, clear);
                    }
                }
            }
            object.into()
        }
        other => other.clone(),
    }
}

/// Compares users and passwords of the credentials in the output.
fn credentials(step: &Value, output: &[PsValue], reveal: &Reveal) -> Result<(), String> {
    let expected = step.get("output").and_then(Value::as_array).into_iter().flatten();
    for (expected, ours) in expected.zip(output) {
        let (Some(user), Some(password)) = (expected.get("user"), expected.get("password")) else { continue };
        let our_user = ours.get("UserName").and_then(PsValue::as_str);
        let secret = ours.get("Password").map(reveal).transpose().map_err(|error| error.to_string())?;
        let same = user.as_str() == our_user && password.as_str() == secret.as_ref().map(Secret::expose);
        if !same {
            return Err("a credential has another user or password".to_owned());
        }
    }
    Ok(())
}
