//! What requests to a PSRP shell name, read alike whether the pool is ours or a program's behind
//! an endpoint ([MS-PSRP] 3.2.5.3).

use std::fmt::Display;

use uuid::Uuid;
use windlass_psrp::{Message, Stream};
use windlass_wsman::{Fault, FaultCode, SignalCode};

/// The pipeline that a Command request starts: its id in messages and its CommandId as it goes
/// over the wire. A client that proposes no CommandId names the pipeline in its first message.
pub(crate) fn new_pipeline(proposed: Option<String>, fragments: &[u8]) -> Result<(Uuid, String), Box<Fault>> {
    let id = match &proposed {
        Some(id) => Uuid::try_parse(id).ok(),
        None => first_pipeline(fragments),
    };
    let id = id.ok_or_else(|| Box::new(Fault::invalid_selectors("The CommandId is no GUID.")))?;
    Ok((id, proposed.unwrap_or_else(|| id.hyphenated().to_string().to_uppercase())))
}

/// The fault for a CommandId that is taken.
pub(crate) fn command_exists(command_id: &str) -> Box<Fault> {
    let text = format!("A command with the id {command_id} exists already.");
    Box::new(Fault::new(FaultCode::ALREADY_EXISTS).with_message(text))
}

/// The stream that a Send request writes to.
pub(crate) fn input_stream(name: &str) -> Result<Stream, Box<Fault>> {
    match name {
        "stdin" => Ok(Stream::Default),
        "pr" => Ok(Stream::PromptResponse),
        _ => Err(Box::new(Fault::new(FaultCode::SHELL_INVALID_INPUT_STREAM))),
    }
}

/// Refuses to Receive from anything but the one output stream there is.
pub(crate) fn check_output_streams(names: &[String]) -> Result<(), Box<Fault>> {
    if names.iter().all(|name| name == "stdout") {
        Ok(())
    } else {
        Err(Box::new(Fault::new(FaultCode::SHELL_INVALID_DESIRED_STREAMS)))
    }
}

/// Whether a signal stops a pipeline.
pub(crate) fn stops(code: &SignalCode) -> bool {
    code.is_powershell_stop() || matches!(code, SignalCode::CtrlC | SignalCode::CtrlBreak)
}

/// The fault for a pool that another client cannot take over.
pub(crate) fn cannot_connect(reason: impl Display) -> Box<Fault> {
    let text = format!("The runspace pool cannot be connected to: {reason}.");
    Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text))
}

/// The pipeline that the first message of fragments belongs to.
fn first_pipeline(fragments: &[u8]) -> Option<Uuid> {
    const FRAGMENT_HEADER: usize = 21;
    let length = fragments.get(17..21)?.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes))?;
    let end = FRAGMENT_HEADER.checked_add(usize::try_from(length).ok()?)?;
    let message = fragments.get(FRAGMENT_HEADER..end.min(fragments.len()))?;
    Message::decode(message).ok()?.pipeline()
}
