//! Sessions with real Windows servers, recorded with pypsrp: our client machine, fed the recorded answers
//! in order, learns what they say and ends where pypsrp's own tests say that they ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    reason = "test code"
)]

#[path = "windows/player.rs"]
mod player;
mod windows;

use windlass_psrp::KeyPair;
use windows::{conversation, files, package};

/// What our machine learns of each recording, `...` standing for any lines: what pypsrp's own tests
/// assert of it, and the streams and states around that. Lines that begin with `ours:` are where our
/// machine does other than pypsrp:
///
/// - it asks for no limits that a pool cannot have;
/// - it refuses data for a command that nobody started, put into one recording by hand, where pypsrp takes
///   the warning in them for the pool's.
const OUTCOMES: &str = include_str!("windows/outcomes.txt");

#[test]
fn sessions_of_pypsrp_with_windows() {
    let Some(dir) = package("pypsrp-0.9.1") else { return };
    let key = published_key(&dir);
    let (mut played, mut wrong) = (0, Vec::new());
    for file in files(&dir.join("tests/tests_pypsrp/responses"), "yml") {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        // The others ask for the service's configuration.
        if !["test_psrp_", "test_winrs_", "test_client_"].iter().any(|part| name.starts_with(part)) {
            continue;
        }
        let exchanges = conversation(&std::fs::read_to_string(&file).unwrap());
        let expected: Vec<&str> = outcome(&name).unwrap_or_else(|| panic!("{name} has no outcome"));
        match std::panic::catch_unwind(|| player::play(&exchanges, &key)) {
            Ok(lines) if matches(&lines, &expected) => played += 1,
            Ok(lines) => wrong.push(format!("{name}:\n{}", lines.join("\n"))),
            Err(_) => wrong.push(name),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(played, 63, "recordings were played");
}

/// The lines below the name of a recording.
fn outcome(name: &str) -> Option<Vec<&'static str>> {
    let mut sections = OUTCOMES.split("== ").map(|section| section.split_once('\n').unwrap_or_default());
    let (_, lines) = sections.find(|(title, _)| *title == name)?;
    Some(lines.lines().filter(|line| !line.is_empty()).collect())
}

fn matches(lines: &[String], expected: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => (0..=lines.len()).any(|skipped| matches(&lines[skipped..], rest)),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line == first && matches(lines, rest))
        }
    }
}

/// The RSA key with which the sessions were recorded, from pypsrp's tests.
fn published_key(dir: &std::path::Path) -> KeyPair {
    let source = std::fs::read_to_string(dir.join("tests/tests_pypsrp/test_powershell.py")).unwrap();
    let number = |name: &str| {
        let digits = source.lines().find_map(|line| line.strip_prefix(&format!("    {name} = "))).unwrap();
        big_endian(digits)
    };
    KeyPair::from_primes(&number("p"), &number("q")).unwrap()
}

/// A decimal number as bytes, most significant first.
fn big_endian(digits: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.trim().chars() {
        let mut carry = digit.to_digit(10).unwrap();
        for byte in bytes.iter_mut().rev() {
            let value = u32::from(*byte) * 10 + carry;
            *byte = u8::try_from(value % 256).unwrap();
            carry = value / 256;
        }
        if carry > 0 {
            bytes.insert(0, u8::try_from(carry).unwrap());
        }
    }
    bytes
}
