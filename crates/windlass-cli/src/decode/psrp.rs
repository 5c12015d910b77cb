//! PSRP fragments and messages.

use anyhow::Result;
use serde_json::{Value, json};
use windlass_clixml::{Limits, decode};
use windlass_psrp::Message;
use windlass_psrp::fragment::{Defragmenter, FragmentLimits, split};

use super::clixml::describe;

const DEPTH: usize = 32;

/// Fragments one after the other, with the messages that they make up.
pub(super) fn fragments(bytes: &[u8]) -> Result<Value> {
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
        messages.push(message_json(object.data)?);
    }
    Ok(json!({ "format": "psrp fragments", "fragments": shown, "messages": messages }))
}

/// One message.
pub(super) fn message(bytes: &[u8]) -> Result<Value> {
    let mut shown = message_json(bytes)?;
    if let Some(map) = shown.as_object_mut() {
        map.shift_insert(0, "format".to_owned(), json!("psrp message"));
    }
    Ok(shown)
}

fn message_json(bytes: &[u8]) -> Result<Value> {
    let message = Message::decode(bytes)?;
    let data = if message.data.is_empty() {
        Value::Null
    } else {
        describe(&decode(message.data, &Limits::default())?, DEPTH)
    };
    Ok(json!({
        "destination": format!("{:?}", message.destination).to_lowercase(),
        "type": message.kind.to_string(),
        "pool": message.pool.to_string(),
        "pipeline": message.pipeline().map(|id| id.to_string()),
        "data": data,
    }))
}
