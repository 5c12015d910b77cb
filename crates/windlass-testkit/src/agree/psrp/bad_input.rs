//! Wrong input for a server: what PowerShell refuses, ours refuses.

use std::path::Path;

use serde_json::Value;
use windlass_psrp::outofproc::{ERROR_PREFIX, Packet, ServerLink};
use windlass_psrp::{MessageType, ProtocolVersion, ServerEvent, ServerOptions, ServerPool};

use super::recording::{Reader, Side};
use super::server::count_to_five;
use crate::agree::KindReport;

/// What a server made of its input.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Whether it said that something is wrong.
    refused: bool,
    messages: Vec<MessageType>,
    /// Whether it lived on until its input ended.
    alive: bool,
}

pub(super) fn run(folder: &Path) -> Option<KindReport> {
    let text = std::fs::read_to_string(folder.join("server-bad-input.jsonl")).ok()?;
    let mut report = KindReport::new("psrp/bad-input");
    let mut silent = 0;
    for (index, line) in text.lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap_or_default();
        let name = case
            .get("name")
            .and_then(Value::as_str)
            .map_or_else(|| format!("line {}", index + 1), str::to_owned);
        report.count(&name, check(&case, &mut silent));
    }
    report.note =
        Some(format!("in {silent} of them PowerShell falls silent and never opens, where ours says why"));
    Some(report)
}

fn check(case: &Value, silent: &mut usize) -> Result<(), String> {
    let theirs = recorded(case)?;
    let sent = lines_of(case.get("sent"));
    let ours = replayed(&sent)?;
    let never_opens = !theirs.messages.contains(&MessageType::RunspacePoolState);
    if never_opens && ours.refused && !theirs.refused {
        *silent += 1;
    } else if theirs.refused != ours.refused {
        let verb = |refused| if refused { "refuses" } else { "takes" };
        return Err(format!("ours {} it, PowerShell {} it", verb(ours.refused), verb(theirs.refused)));
    }
    if theirs.messages != ours.messages {
        return Err(format!("answered {:?}, PowerShell {:?}", ours.messages, theirs.messages));
    }
    if theirs.alive != ours.alive {
        return Err(format!("alive {}, PowerShell {}", ours.alive, theirs.alive));
    }
    Ok(())
}

fn recorded(case: &Value) -> Result<Outcome, String> {
    let mut outcome = Outcome {
        alive: case.get("alive_before_end_of_input").and_then(Value::as_bool).unwrap_or_default(),
        ..Outcome::default()
    };
    let mut got = lines_of(case.get("got"));
    // The end of its input is an empty line to PowerShell, which it reports; a server that had ended
    // before reported something else last.
    if outcome.alive {
        let last = got.iter().rposition(|line| line.starts_with(ERROR_PREFIX));
        last.map(|index| got.remove(index));
    }
    read_answers(&got, &mut outcome)?;
    Ok(outcome)
}

fn replayed(sent: &[String]) -> Result<Outcome, String> {
    let options = ServerOptions {
        protocol_version: ProtocolVersion::V2_4,
        transport_encrypts: true,
        ..ServerOptions::default()
    };
    let mut link = ServerLink::new(ServerPool::new(options));
    let mut output = Vec::new();
    for line in sent {
        // What is wrong is among the answers.
        let _ = link.receive(format!("{line}\n").as_bytes());
        while let Some(event) = link.pool.poll_event() {
            if let ServerEvent::CreatePipeline { id, .. } = event {
                count_to_five(&mut link.pool, id).map_err(|error| error.to_string())?;
            }
        }
        output.extend(std::iter::from_fn(|| link.poll_transmit()).flatten());
    }
    let alive = !link.is_finished();
    link.receive_eof();
    output.extend(std::iter::from_fn(|| link.poll_transmit()).flatten());
    let text = String::from_utf8(output).map_err(|error| error.to_string())?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut outcome = Outcome { alive, ..Outcome::default() };
    read_answers(&lines, &mut outcome)?;
    Ok(outcome)
}

fn read_answers(lines: &[String], outcome: &mut Outcome) -> Result<(), String> {
    let mut reader = Reader::default();
    for line in lines {
        if line.starts_with(ERROR_PREFIX) {
            outcome.refused = true;
        } else if line.starts_with('<') {
            for packet in Packet::decode_line(line)? {
                outcome.messages.extend(reader.read(Side::Server, &packet)?.iter().map(|found| found.kind));
            }
        }
    }
    Ok(())
}

fn lines_of(value: Option<&Value>) -> Vec<String> {
    let line = |item: &Value| item.as_str().or_else(|| item.get("line")?.as_str()).map(str::to_owned);
    value.and_then(Value::as_array).into_iter().flatten().filter_map(line).collect()
}
