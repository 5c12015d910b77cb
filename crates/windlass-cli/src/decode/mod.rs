//! `windlass decode`: shows as JSON what is inside captured bytes.
//!
//! It finds out by itself which format it has before it; see [`value`] for the order in which it looks.

mod clixml;
mod psrp;
mod recording;
mod rpc;
mod soap;
mod tokens;
mod wmi;

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::{ReaderGone, printed, report};
use crate::output::ascii_controls;

/// More than any message that a peer may send.
const LARGEST: u64 = 256 << 20;

/// Show as JSON what is inside captured bytes
///
/// Reads a SOAP envelope or fault, CLIXML, PSRP fragments, messages or lines of the out-of-process framing,
/// DCE/RPC PDUs, an NTLM or SPNEGO token, or a WMI object. The bytes may also be given as hexadecimal digits or base64.
/// Shell streams inside envelopes are opened down to the objects in them. Of a file that `windlass record` wrote, all
/// messages and answers are shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass decode request.xml
  echo TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKALpHAAAADw== | windlass decode
  windlass decode - < fragments.bin
  windlass record talk Get-CimInstance Win32_OperatingSystem -ComputerName srv1; windlass decode talk/wsman-1.jsonl")]
pub(crate) struct Decode {
    /// File to read; - or nothing is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Decode {
    /// Reads, decodes and prints.
    pub(crate) fn run(self) -> Exit {
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(error) => return report(error.as_ref(), Exit::USAGE),
        };
        let decoded = value(&bytes).and_then(|value| {
            let text = ascii_controls(serde_json::to_string_pretty(&value)?);
            printed(writeln!(std::io::stdout(), "{text}"))
        });
        match decoded {
            Ok(()) => Exit::DONE,
            Err(error) if error.is::<ReaderGone>() => Exit::DONE,
            Err(error) => report(error.as_ref(), Exit::PROTOCOL),
        }
    }

    fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match &self.file {
            Some(file) if file.is_dir() => {
                let one = file.join("wsman-1.jsonl");
                bail!("{} is a folder: name a file in it, such as {}", file.display(), one.display());
            }
            Some(file) if file.as_os_str() != "-" => {
                let opened =
                    std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
                opened.take(LARGEST).read_to_end(&mut bytes).context("cannot read the file")?;
            }
            _ => {
                std::io::stdin()
                    .take(LARGEST)
                    .read_to_end(&mut bytes)
                    .context("cannot read standard input")?;
            }
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            bail!("there is nothing to decode");
        }
        Ok(bytes)
    }
}

/// What the bytes are: a recording, or one message.
pub(crate) fn value(bytes: &[u8]) -> Result<Value> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        return recording::exchanges(bytes);
    }
    message(bytes)
}

/// What a message is: text first (XML, hexadecimal digits, base64), then the binary formats by their signatures.
fn message(bytes: &[u8]) -> Result<Value> {
    let left = &mut clixml::budget(bytes.len());
    if is_xml(bytes) {
        return xml(bytes, left);
    }
    if let Some(inner) = from_text(bytes) {
        return if is_xml(&inner) { xml(&inner, left) } else { binary(&inner, left) };
    }
    binary(bytes, left)
}

fn is_xml(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(start);
    start.starts_with(b"<")
        || start.starts_with(b"#< CLIXML")
        || matches!(bytes, [0xFF, 0xFE, b'<', 0, ..] | [0xFE, 0xFF, 0, b'<', ..])
}

fn xml(bytes: &[u8], left: &mut usize) -> Result<Value> {
    let limits = windlass_xml::Limits::default();
    let text = windlass_xml::decode_utf(bytes, &limits)?;
    let trimmed = text.trim_start();
    if trimmed.starts_with("#< CLIXML") {
        return clixml::document(trimmed, left);
    }
    let mut reader = windlass_xml::Reader::new(trimmed, limits.without_character_checks());
    match reader.next_element() {
        Ok(Some(root)) if root.is(windlass_soap::ns::SOAP, "Envelope") => soap::envelope(trimmed, left),
        Ok(Some(root)) if root.local() == "Objs" => clixml::document(trimmed, left),
        Ok(Some(root)) if matches!(root.attr("PSGuid"), Ok(Some(_))) => psrp::packets(trimmed, left),
        _ => clixml::value(trimmed, left).or_else(|error| {
            // What is wrong with the document comes before what is unknown in it.
            let mut reader = windlass_xml::Reader::new(trimmed, limits.without_character_checks());
            while !matches!(reader.next()?, windlass_xml::Event::Eof) {}
            Err(error)
        }),
    }
}

fn binary(bytes: &[u8], left: &mut usize) -> Result<Value> {
    match bytes {
        [b'N', b'T', b'L', b'M', b'S', b'S', b'P', 0, ..] => tokens::ntlm(bytes),
        [0x60 | 0xA0 | 0xA1, ..] => tokens::spnego(bytes),
        [0x78, 0x56, 0x34, 0x12, ..] => wmi::object(bytes),
        [5, 0 | 1, _, _, 0x10, 0, ..] => rpc::pdus(bytes),
        [1 | 2, 0, 0, 0, ..] => psrp::message(bytes, left),
        [0, ..] => psrp::fragments(bytes, left),
        _ => bail!(
            "these bytes are nothing known: no XML, NTLM or SPNEGO token, DCE/RPC PDU, PSRP fragment or \
             message, or WMI object (the first byte is {:#04x})",
            bytes.first().copied().unwrap_or_default()
        ),
    }
}

/// The bytes that hexadecimal digits or base64 stand for.
fn from_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit) {
        return base16(&digits);
    }
    base64_simd::STANDARD.decode_to_vec(&digits).ok()
}

fn base16(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, _) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
