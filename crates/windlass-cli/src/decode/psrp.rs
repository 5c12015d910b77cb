//! PSRP fragments and messages.

use anyhow::{Result, anyhow};
use serde_json::{Value, json};
use windlass_clixml::{Limits, decode};
use windlass_psrp::Message;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, split};
use windlass_psrp::outofproc::Packet;

use super::clixml::describe;

/// Fragments one after the other, with the messages that they make up. What their values take is taken from
/// what is left for the input.
pub(super) fn fragments(bytes: &[u8], left: &mut usize) -> Result<Value> {
    let split = split(bytes)?;
    let shown: Vec<Value> = split
        .iter()
        .map(|(header, data)| {
            json!({
                "object_id": header.object_id, "fragment_id": header.fragment_id,
                "start": header.start, "end": header.end, "length": data.len(),
            })
        })
        .collect();
    let mut messages = Vec::new();
    let mut defragmenter = Defragmenter::new(FragmentLimits::default());
    // A capture may begin in the middle of a message: what belongs to an earlier one is passed over.
    defragmenter.join_midway();
    let mut objects = defragmenter.push(bytes);
    while let Some(object) = objects.next()? {
        messages.push(message_json(object.data, left)?);
    }
    Ok(json!({ "format": "psrp fragments", "fragments": shown, "messages": messages }))
}

/// Lines of the out-of-process framing, the fragments of each for themselves.
pub(super) fn packets(text: &str, left: &mut usize) -> Result<Value> {
    let mut shown = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let packets =
            Packet::decode_line(line.trim()).map_err(|reason| anyhow!("line {}: {reason}", number + 1))?;
        for packet in packets {
            shown.push(packet_json(&packet, left)?);
        }
    }
    Ok(json!({ "format": "psrp out of process", "packets": shown }))
}

fn packet_json(packet: &Packet, left: &mut usize) -> Result<Value> {
    let pipeline = |id: &Option<uuid::Uuid>| id.map(|id| id.to_string());
    let (name, id) = match packet {
        Packet::Data { id, data, .. } => {
            return Ok(json!({ "packet": "Data", "pipeline": pipeline(id), "data": fragments(data, left)? }));
        }
        Packet::DataAck(id) => ("DataAck", id),
        Packet::Command(id) => ("Command", id),
        Packet::CommandAck(id) => ("CommandAck", id),
        Packet::Signal(id) => ("Signal", id),
        Packet::SignalAck(id) => ("SignalAck", id),
        Packet::Close(id) => ("Close", id),
        Packet::CloseAck(id) => ("CloseAck", id),
    };
    Ok(json!({ "packet": name, "pipeline": pipeline(id) }))
}

/// One message.
pub(super) fn message(bytes: &[u8], left: &mut usize) -> Result<Value> {
    let mut shown = message_json(bytes, left)?;
    if let Some(map) = shown.as_object_mut() {
        map.shift_insert(0, "format".to_owned(), json!("psrp message"));
    }
    Ok(shown)
}

fn message_json(bytes: &[u8], left: &mut usize) -> Result<Value> {
    let message = Message::decode(bytes)?;
    let data = if message.data.is_empty() {
        Value::Null
    } else {
        describe(&decode(message.data, &Limits::default())?, left)
    };
    Ok(json!({
        "destination": format!("{:?}", message.destination).to_lowercase(),
        "type": message.kind.to_string(),
        "pool": message.pool.to_string(),
        "pipeline": message.pipeline().map(|id| id.to_string()),
        "data": data,
    }))
}
