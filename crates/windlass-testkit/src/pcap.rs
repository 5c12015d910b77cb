//! TCP conversations in captures (pcapng), for tests against recorded traffic.

use std::collections::BTreeMap;

/// One direction of one TCP conversation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Address and port of the sender.
    pub from: (Vec<u8>, u16),
    /// Address and port of the receiver.
    pub to: (Vec<u8>, u16),
}

/// The bytes of each direction of each conversation of a pcapng file, in the order of their sequence
/// numbers; a gap ends a direction. `None` where the file is no such capture.
pub fn tcp_flows(capture: &[u8]) -> Option<Vec<(Flow, Vec<u8>)>> {
    let mut segments: BTreeMap<Flow, Vec<(u32, Vec<u8>)>> = BTreeMap::new();
    for packet in packets(capture)? {
        if let Some((flow, sequence, payload)) = tcp(packet)
            && !payload.is_empty()
        {
            segments.entry(flow).or_default().push((sequence, payload.to_vec()));
        }
    }
    Some(segments.into_iter().map(|(flow, segments)| (flow, join(segments))).collect())
}

/// Packets of the enhanced and simple packet blocks.
fn packets(mut file: &[u8]) -> Option<Vec<&[u8]>> {
    let mut packets = Vec::new();
    while !file.is_empty() {
        let kind = u32_le(file, 0)?;
        let length = usize::try_from(u32_le(file, 4)?).ok()?;
        let block = file.get(..length)?;
        match kind {
            6 => {
                let captured = usize::try_from(u32_le(block, 20)?).ok()?;
                packets.push(block.get(28..)?.get(..captured)?);
            }
            3 => packets.push(block.get(12..length.checked_sub(4)?)?),
            _ => {}
        }
        file = file.get(length.max(12)..)?;
    }
    Some(packets)
}

/// Ethernet, IPv4 or IPv6, TCP.
fn tcp(packet: &[u8]) -> Option<(Flow, u32, &[u8])> {
    let ip = packet.get(14..)?;
    let (from, to, segment) = match packet.get(12..14)? {
        [0x08, 0x00] => {
            let header = usize::from(ip.first()? & 0x0f) * 4;
            let total = usize::from(u16_be(ip, 2)?);
            if *ip.get(9)? != 6 {
                return None;
            }
            // Segmentation offload leaves the total length at 0.
            let end = if total == 0 { ip.len() } else { total };
            (ip.get(12..16)?, ip.get(16..20)?, ip.get(header..end)?)
        }
        [0x86, 0xdd] if *ip.get(6)? == 6 => {
            let length = usize::from(u16_be(ip, 4)?);
            (ip.get(8..24)?, ip.get(24..40)?, ip.get(40..)?.get(..length)?)
        }
        _ => return None,
    };
    let payload = segment.get(usize::from(segment.get(12)? >> 4) * 4..)?;
    let flow = Flow { from: (from.to_vec(), u16_be(segment, 0)?), to: (to.to_vec(), u16_be(segment, 2)?) };
    let sequence = u32::from_be_bytes(*segment.get(4..)?.first_chunk()?);
    Some((flow, sequence, payload))
}

/// Joins segments, without what was sent twice.
fn join(mut segments: Vec<(u32, Vec<u8>)>) -> Vec<u8> {
    segments.sort_by_key(|(sequence, _)| *sequence);
    let mut joined: Vec<u8> = Vec::new();
    let Some(start) = segments.first().map(|(sequence, _)| *sequence) else { return joined };
    for (sequence, payload) in segments {
        let Ok(at) = usize::try_from(sequence.wrapping_sub(start)) else { break };
        let Some(known) = joined.len().checked_sub(at) else { break };
        joined.extend(payload.iter().skip(known));
    }
    joined
}

fn u16_be(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
