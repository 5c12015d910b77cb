//! Send and Receive: the streams of a shell and of its commands ([MS-WSMV] 2.2.4.31, 2.2.4.33).

use std::borrow::Cow;

use windlass_soap::{Limits, ns};
use windlass_xml::{Element, Reader, Writer};

use crate::error::Error;
use crate::payload::Payload;
use crate::read::{self, Body};

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream<'a> {
    /// The stream's name: `stdin`, `stdout`, `stderr` or `pr`.
    pub name: Cow<'a, str>,
    /// The command it belongs to; the shell itself where absent.
    pub command_id: Option<Cow<'a, str>>,
    /// Whether this is the last piece.
    pub end: bool,
    /// The bytes.
    pub data: Payload<'a>,
}

/// Input for a shell or its commands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SendInput<'a> {
    /// The pieces, in order.
    pub streams: Vec<Stream<'a>>,
}

/// Asks for output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiveOutput {
    /// The command whose output is wanted; the shell's own where absent.
    pub command_id: Option<String>,
    /// The names of the streams.
    pub streams: Vec<String>,
    /// Counts the Receives of a command.
    pub sequence_id: Option<u64>,
}

/// Output.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReceiveResponse<'a> {
    /// The pieces, in order.
    pub streams: Vec<Stream<'a>>,
    /// The state of the command, after these pieces.
    pub state: Option<CommandState>,
    /// The number of the Receive that is answered.
    pub sequence_id: Option<u64>,
}

/// The state of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandState {
    /// The command; services other than Windows leave it out.
    pub command_id: Option<String>,
    /// Whether it runs.
    pub state: RunState,
    /// With what it ended.
    pub exit_code: Option<i32>,
}

/// Whether a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// It runs.
    Running,
    /// It waits for something, such as the answer to a host call.
    Pending,
    /// It has ended: no more output will come.
    Done,
    /// A state that this crate does not know, as its URI.
    Other(String),
}

impl RunState {
    const PREFIX: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/";

    /// The URI that stands for the state.
    pub fn uri(&self) -> Cow<'_, str> {
        match self {
            Self::Running => Cow::Owned(format!("{}Running", Self::PREFIX)),
            Self::Pending => Cow::Owned(format!("{}Pending", Self::PREFIX)),
            Self::Done => Cow::Owned(format!("{}Done", Self::PREFIX)),
            Self::Other(uri) => Cow::Borrowed(uri),
        }
    }

    fn from_uri(uri: &str) -> Self {
        match uri.strip_prefix(Self::PREFIX) {
            Some("Running") => Self::Running,
            Some("Pending") => Self::Pending,
            Some("Done") => Self::Done,
            _ => Self::Other(uri.to_owned()),
        }
    }
}

impl<'a> Stream<'a> {
    /// Bytes for a stream.
    pub fn new(name: &'a str, command_id: Option<&'a str>, data: &'a [u8]) -> Self {
        Self {
            name: Cow::Borrowed(name),
            command_id: command_id.map(Cow::Borrowed),
            end: false,
            data: Payload::bytes(data),
        }
    }

    /// The same piece as the last one of its stream.
    #[must_use]
    pub fn last(self) -> Self {
        Self { end: true, ..self }
    }

    fn read(element: &Element<'a>, reader: &mut Reader<'a>) -> Result<Self, Error> {
        let name = element.attr("Name")?.ok_or_else(|| read::missing("@Name", "rsp:Stream"))?;
        let command_id = element.attr("CommandId")?.filter(|id| !id.is_empty());
        let end = read::flag(element, "End", reader)?;
        Ok(Self { name, command_id, end, data: Payload::Base64(reader.read_text()?) })
    }

    fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Stream").attr("Name", &self.name);
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        if self.end {
            writer.attr("End", "true");
        }
        self.data.write(writer);
        writer.end();
    }

    fn size_hint(&self) -> usize {
        self.data.encoded_len() + 160
    }
}

impl<'a> SendInput<'a> {
    /// One piece.
    pub fn one(stream: Stream<'a>) -> Self {
        Self { streams: vec![stream] }
    }

    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        body.expect(ns::SHELL, "Send", "rsp:Send")?;
        let mut streams = Vec::new();
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "Stream") {
                read::room(streams.len(), "streams", body.limits)?;
                streams.push(Stream::read(&element, body.reader)?);
            } else {
                body.reader.skip()?;
            }
        }
        if streams.is_empty() {
            return Err(read::missing("rsp:Stream", "rsp:Send"));
        }
        Ok(Self { streams })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Send");
        for stream in &self.streams {
            stream.write(writer);
        }
        writer.end();
    }

    pub(crate) fn size_hint(&self) -> usize {
        self.streams.iter().map(Stream::size_hint).sum()
    }
}

impl ReceiveOutput {
    /// The output of a command of a `cmd` shell.
    pub fn stdout_and_stderr(command_id: impl Into<String>) -> Self {
        Self {
            command_id: Some(command_id.into()),
            streams: vec!["stdout".to_owned(), "stderr".to_owned()],
            sequence_id: None,
        }
    }

    /// The output of a PowerShell session, or of one of its pipelines.
    pub fn stdout(command_id: Option<String>) -> Self {
        Self { command_id, streams: vec!["stdout".to_owned()], sequence_id: None }
    }

    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "Receive", "rsp:Receive")?;
        let sequence_id = read_sequence(root)?;
        let mut desired = None;
        let mut command_id = None;
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "DesiredStream") {
                command_id = read::attribute(&element, "CommandId")?.filter(|id| !id.is_empty());
                let names = read::words(body.reader, "rsp:DesiredStream", body.limits)?;
                read::once(&mut desired, names, "rsp:DesiredStream", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        let streams = desired.ok_or_else(|| read::missing("rsp:DesiredStream", "rsp:Receive"))?;
        Ok(Self { command_id, streams, sequence_id })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Receive");
        write_sequence(self.sequence_id, writer);
        writer.start("rsp:DesiredStream");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        writer.text(&self.streams.join(" ")).end().end();
    }
}

impl<'a> ReceiveResponse<'a> {
    /// Reads the pieces and the state, in any order.
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "ReceiveResponse", "rsp:ReceiveResponse")?;
        let mut response = Self { sequence_id: read_sequence(root)?, ..Self::default() };
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "Stream") {
                read::room(response.streams.len(), "streams", body.limits)?;
                response.streams.push(Stream::read(&element, body.reader)?);
            } else if element.is(ns::SHELL, "CommandState") {
                let state = CommandState::read(&element, body.reader, body.limits)?;
                read::once(&mut response.state, state, "rsp:CommandState", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        Ok(response)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:ReceiveResponse");
        write_sequence(self.sequence_id, writer);
        for stream in &self.streams {
            stream.write(writer);
        }
        if let Some(state) = &self.state {
            state.write(writer);
        }
        writer.end();
    }

    pub(crate) fn size_hint(&self) -> usize {
        self.streams.iter().map(Stream::size_hint).sum::<usize>() + 512
    }

    /// Whether the command has ended.
    pub fn is_done(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.state == RunState::Done)
    }
}

impl CommandState {
    /// The state of a command without an exit code.
    pub fn new(command_id: Option<String>, state: RunState) -> Self {
        Self { command_id, state, exit_code: None }
    }

    /// A command that has ended.
    pub fn done(command_id: Option<String>, exit_code: i32) -> Self {
        Self { command_id, state: RunState::Done, exit_code: Some(exit_code) }
    }

    fn read(element: &Element<'_>, reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let command_id = read::attribute(element, "CommandId")?.filter(|id| !id.is_empty());
        let state =
            read::attribute(element, "State")?.ok_or_else(|| read::missing("@State", "rsp:CommandState"))?;
        let mut exit_code = None;
        while let Some(child) = reader.next_element()? {
            if child.is(ns::SHELL, "ExitCode") {
                let text = read::word(reader, "rsp:ExitCode", limits)?;
                let code = parse_exit_code(&text);
                exit_code = Some(code.ok_or_else(|| read::value("rsp:ExitCode", "a 32-bit number", reader))?);
            } else {
                reader.skip()?;
            }
        }
        Ok(Self { command_id, state: RunState::from_uri(&state), exit_code })
    }

    fn write(&self, writer: &mut Writer) {
        writer.start("rsp:CommandState");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        writer.attr("State", &self.state.uri());
        if let Some(code) = self.exit_code {
            writer.leaf("rsp:ExitCode", &code.to_string());
        }
        writer.end();
    }
}

/// Exit codes are signed 32-bit numbers that some services print unsigned.
fn parse_exit_code(text: &str) -> Option<i32> {
    text.parse::<i32>().ok().or_else(|| text.parse::<u32>().ok().map(u32::cast_signed))
}

fn read_sequence(root: &Element<'_>) -> Result<Option<u64>, Error> {
    if !root.has_attributes() {
        return Ok(None);
    }
    let text = root.attr("SequenceID")?.or(root.attr("SequenceId")?);
    Ok(text.and_then(|text| text.trim().parse().ok()))
}

fn write_sequence(sequence_id: Option<u64>, writer: &mut Writer) {
    if let Some(id) = sequence_id {
        writer.attr("SequenceID", &id.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::parse_exit_code;

    #[test]
    fn exit_codes_are_signed_however_they_are_printed() {
        assert_eq!(parse_exit_code("4294967295"), Some(-1));
        assert_eq!(parse_exit_code("-1"), Some(-1));
        assert_eq!(parse_exit_code("3221225786"), Some(-1_073_741_510));
        assert_eq!(parse_exit_code("4294967296"), None);
        assert_eq!(parse_exit_code(""), None);
    }
}
