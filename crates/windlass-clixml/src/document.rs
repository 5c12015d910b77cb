//! The two forms of CLIXML: the element of a message, and the document of a file or stream.

use crate::decoder::Decoder;
use crate::encode::Encoder;
use crate::error::Error;
use crate::limits::Limits;
use crate::string::PsString;
use crate::value::PsValue;
use crate::writer::{Label, Writer};

/// The line that PowerShell writes before a document on its error stream.
const STREAM_MARK: &str = "#< CLIXML";

/// One value with the stream it is for, in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamValue {
    /// `Output`, `Error`, `Warning` and so on; absent in documents that hold values only.
    pub stream: Option<PsString>,
    /// The value.
    pub value: PsValue,
}

/// Reads the one value of a message of a session: an element without a namespace
/// ([MS-PSRP] 2.2.5).
///
/// # Errors
/// What is not CLIXML, or passes a limit.
pub fn decode(xml: &str, limits: &Limits) -> Result<PsValue, Error> {
    Decoder::default().decode(xml, limits)
}

/// Reads the one value of a message from its bytes, UTF-8 with or without a byte order mark.
///
/// # Errors
/// What is not UTF-8 or not CLIXML, or passes a limit.
pub fn decode_bytes(xml: &[u8], limits: &Limits) -> Result<PsValue, Error> {
    let text = std::str::from_utf8(xml);
    decode(text.map_err(|error| Error::syntax("bytes that are not UTF-8", error.valid_up_to()))?, limits)
}

/// Reads a document, such as `Export-Clixml` writes: the root `Objs` with any number of values, each for
/// a stream where it says so.
///
/// # Errors
/// What is not CLIXML, or passes a limit.
pub fn decode_document(xml: &str, limits: &Limits) -> Result<Vec<StreamValue>, Error> {
    Decoder::default().decode_document(xml, limits)
}

/// Reads what PowerShell writes to the standard error stream of a program: a document after the line
/// `#< CLIXML`. Without that line the document alone is read.
///
/// # Errors
/// What is not CLIXML, or passes a limit.
pub fn decode_stream(text: &str, limits: &Limits) -> Result<Vec<StreamValue>, Error> {
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text).strip_prefix(STREAM_MARK);
    decode_document(unmarked.map_or(text, str::trim_start), limits)
}

/// Writes a value as the element of a message, as PowerShell does.
pub fn encode(value: &PsValue) -> String {
    let mut out = String::new();
    encode_into(value, &mut out);
    out
}

/// Appends a value as the element of a message.
pub fn encode_into(value: &PsValue, out: &mut String) {
    Encoder::new(Writer::compact(out)).value(value, Label::None);
}

/// Writes a document in one line, as PowerShell sends it.
pub fn encode_document(values: &[StreamValue]) -> String {
    let mut out = String::new();
    Encoder::new(Writer::compact(&mut out)).document(values);
    out
}

/// Writes a document with a line for each element, as `Export-Clixml` does.
pub fn encode_document_indented(values: &[StreamValue]) -> String {
    let mut out = String::new();
    Encoder::new(Writer::indented(&mut out)).document(values);
    out
}

impl From<PsValue> for StreamValue {
    fn from(value: PsValue) -> Self {
        Self { stream: None, value }
    }
}
