//! CLIXML: psrp-rs and ours over the same bytes, and a bare event loop of quick-xml.

use std::hint::black_box;

use windlass_clixml::{Decoder, Limits, PsValue, decode, encode, encode_into};

use crate::clixml_corpus::{process_list, process_messages, recorded_sessions, recorded_values};
use crate::measure::{Wanted, best, compare};

pub fn run() {
    let corpora = [
        ("recorded values", recorded_values()),
        ("recorded sessions", recorded_sessions()),
        ("processes, a message each", process_messages(500)),
        ("processes, one list", vec![encode(&process_list(500))]),
    ];
    let mut all = [0.0; 3];
    for (name, messages) in &corpora {
        let times = decoding(name, messages);
        for (sum, time) in all.iter_mut().zip(times) {
            *sum += time;
        }
    }
    ratios("CLIXML decode: all of these", all);
    for (name, messages) in &corpora {
        encoding(name, messages);
    }
}

/// The messages that both read: psrp-rs refuses some, and we do not go deeper than PowerShell.
fn accepted(messages: &[String]) -> Vec<&str> {
    let read = |text: &&str| psrp_rs::parse_clixml(text).is_ok() && decode(text, &Limits::default()).is_ok();
    messages.iter().map(String::as_str).filter(read).collect()
}

fn decoding(name: &str, messages: &[String]) -> [f64; 3] {
    let accepted = accepted(messages);
    let limits = Limits::default();
    let mut decoder = Decoder::default();
    let times = best([
        &mut || accepted.iter().for_each(|text| drop(black_box(decoder.decode(text, &limits).unwrap()))),
        &mut || accepted.iter().for_each(|text| events(text)),
        &mut || accepted.iter().for_each(|text| drop(black_box(psrp_rs::parse_clixml(text).unwrap()))),
    ]);
    let bytes: usize = accepted.iter().map(|text| text.len()).sum();
    println!("{name}: {} of {} messages, {} KB", accepted.len(), messages.len(), bytes / 1000);
    ratios(&format!("CLIXML decode: {name}"), times);
    times
}

fn ratios(what: &str, [ours, bare, psrp_rs]: [f64; 3]) {
    compare(what, ours, "quick-xml, events", bare, Wanted::Within(2.5));
    compare(what, ours, "psrp-rs", psrp_rs, Wanted::Faster(8.0));
}

/// What any reader on top of quick-xml has to pay.
fn events(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    while !matches!(black_box(reader.read_event().unwrap()), quick_xml::events::Event::Eof) {}
}

fn encoding(name: &str, messages: &[String]) {
    let accepted = accepted(messages);
    let ours: Vec<PsValue> = accepted.iter().map(|text| decode(text, &Limits::default()).unwrap()).collect();
    let theirs: Vec<_> = accepted.iter().map(|text| psrp_rs::parse_clixml(text).unwrap()).collect();
    let mut out = String::new();
    let [mine, other] = best([
        &mut || {
            for value in &ours {
                out.clear();
                encode_into(value, &mut out);
                black_box(&out);
            }
        },
        &mut || theirs.iter().flatten().for_each(|value| drop(black_box(psrp_rs::to_clixml(value)))),
    ]);
    // psrp-rs drops parts of objects, so that it has less to write: the bytes count.
    let written: usize = ours.iter().map(|value| encode(value).len()).sum();
    let their_written: usize = theirs.iter().flatten().map(|value| psrp_rs::to_clixml(value).len()).sum();
    let scale = written as f64 / their_written as f64;
    compare(&format!("CLIXML encode: {name}"), mine, "psrp-rs, per byte", other * scale, Wanted::Faster(3.0));
}
