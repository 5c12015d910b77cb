//! Every line read and written again.

use windlass_psrp::fragment::{Fragmenter, split};
use windlass_psrp::outofproc::Packet;
use windlass_psrp::payload::rewrite;
use windlass_psrp::{ProtocolVersion, PsrpError};

use super::recording::{Found, Recording, without_build};
use crate::agree::clixml::same_text;

pub(super) fn check(recording: &Recording) -> Result<(), String> {
    for (index, line) in recording.lines.iter().enumerate() {
        let packets = line.packets().map_err(|error| format!("line {}: {error}", index + 1))?;
        if let (false, Some(text)) = (packets.is_empty(), &line.text) {
            let again: String = packets.iter().map(Packet::encode).collect();
            same_text("line", text, &again).map_err(|error| format!("line {}: {error}", index + 1))?;
        }
        for packet in &packets {
            fragments(packet).map_err(|error| format!("line {}: {error}", index + 1))?;
        }
    }
    for (index, found) in recording.messages()?.iter().enumerate() {
        message(found).map_err(|error| format!("message {} ({}): {error}", index + 1, found.kind))?;
    }
    Ok(())
}

/// The headers of fragments are written as they were, and a message is cut where PowerShell cut it.
fn fragments(packet: &Packet) -> Result<(), String> {
    let Packet::Data { data, .. } = packet else { return Ok(()) };
    let mut again = Vec::with_capacity(data.len());
    for (header, piece) in split(data).map_err(|error| error.to_string())? {
        if header.start && !header.end && piece.len() != Fragmenter::default().largest_piece() {
            return Err(format!("a piece of {} bytes is not the last", piece.len()));
        }
        again.extend_from_slice(&header.encode());
        again.extend_from_slice(piece);
    }
    if again == *data { Ok(()) } else { Err("fragments are written otherwise".to_owned()) }
}

fn message(found: &Found) -> Result<(), String> {
    let message = found.message()?;
    if message.encode() != found.bytes {
        return Err("the message is written otherwise".to_owned());
    }
    if message.data.is_empty() {
        return Ok(());
    }
    let value = found.value()?;
    same_text("value", message.data, &windlass_clixml::encode(&value))?;
    match rewrite(found.kind, &value, ProtocolVersion::V2_4) {
        Ok(Some(payload)) => {
            same_text("payload", &without_build(message.data), &windlass_clixml::encode(&payload))
        }
        // Their client cannot read such a call either.
        Ok(None) | Err(PsrpError::HostArgument { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
