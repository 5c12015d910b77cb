//! Disconnect, Reconnect and Connect: leaving a shell and coming back ([MS-WSMV] 3.1.4.14 to
//! 3.1.4.16, [MS-PSRP] 3.1.5.3.17 and following).

use std::time::Duration;

use windlass_soap::{Limits, duration, ns};
use windlass_xml::{Reader, Writer};

use crate::error::Error;
use crate::payload::Payload;
use crate::read::{self, Body};

/// What happens to output while nobody is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferMode {
    /// The producer waits when the buffer is full.
    Block,
    /// The oldest output is dropped when the buffer is full.
    Drop,
}

impl BufferMode {
    /// The word that stands for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "Block",
            Self::Drop => "Drop",
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        match read::word(reader, "rsp:BufferMode", limits)?.as_str() {
            "Block" => Ok(Self::Block),
            "Drop" => Ok(Self::Drop),
            _ => Err(read::value("rsp:BufferMode", "Block or Drop", reader)),
        }
    }
}

/// Leaves a shell, which lives on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disconnect {
    /// How long it may stay alone.
    pub idle_timeout: Option<Duration>,
    /// What happens to its output meanwhile.
    pub buffer_mode: Option<BufferMode>,
}

/// Takes up a shell again that the same client session left, or one of its commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconnect {
    /// The command; the shell itself where absent. Commands do not come back with their shell.
    pub command_id: Option<String>,
    /// What happens to output when the shell is disconnected again.
    pub buffer_mode: Option<BufferMode>,
}

/// Takes over a disconnected shell from another client session, or one of its commands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Connect<'a> {
    /// The command; the shell itself where absent.
    pub command_id: Option<String>,
    /// The fragments that connect to the runspace pool ([MS-PSRP] 3.1.5.3.14).
    pub connect_xml: Option<Payload<'a>>,
}

/// A shell or command that was taken over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectResponse<'a> {
    /// The streams that the client writes.
    pub input_streams: Vec<String>,
    /// The streams that the client reads.
    pub output_streams: Vec<String>,
    /// The fragments with which the runspace pool answers.
    pub connect_response_xml: Option<Payload<'a>>,
}

impl Disconnect {
    /// Reads the body, which may be empty.
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        let mut request = Self::default();
        if body.root.is_none() {
            return Ok(request);
        }
        body.expect(ns::SHELL, "Disconnect", "rsp:Disconnect")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        while let Some(element) = reader.next_element()? {
            if element.is(ns::SHELL, "IdleTimeOut") || element.is(ns::SHELL, "IdleTimeout") {
                request.idle_timeout = Some(read::time(reader, "rsp:IdleTimeOut", limits)?);
            } else if element.is(ns::SHELL, "BufferMode") {
                request.buffer_mode = Some(BufferMode::read(reader, limits)?);
            } else {
                reader.skip()?;
            }
        }
        Ok(request)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Disconnect");
        if let Some(time) = self.idle_timeout {
            writer.leaf("rsp:IdleTimeOut", &duration::format(time));
        }
        if let Some(mode) = self.buffer_mode {
            writer.leaf("rsp:BufferMode", mode.name());
        }
        writer.end();
    }
}

impl Reconnect {
    /// Reads the body, which is empty for a shell. The command stands in an attribute or, as [MS-PSRP]
    /// has it, in an element.
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        let mut request = Self::default();
        if body.root.is_none() {
            return Ok(request);
        }
        let root = body.expect(ns::SHELL, "Reconnect", "rsp:Reconnect")?;
        request.command_id = read::attribute(root, "CommandId")?.filter(|id| !id.is_empty());
        let (reader, limits) = (&mut *body.reader, body.limits);
        while let Some(element) = reader.next_element()? {
            if element.is(ns::SHELL, "CommandId") || element.is(ns::SHELL, "CommandID") {
                let id = read::word(reader, "rsp:CommandId", limits)?;
                read::once(&mut request.command_id, id, "rsp:CommandId", reader)?;
            } else if element.is(ns::SHELL, "BufferMode") {
                request.buffer_mode = Some(BufferMode::read(reader, limits)?);
            } else {
                reader.skip()?;
            }
        }
        Ok(request)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        if *self == Self::default() {
            return;
        }
        writer.start("rsp:Reconnect");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        if let Some(mode) = self.buffer_mode {
            writer.leaf("rsp:BufferMode", mode.name());
        }
        writer.end();
    }
}

impl<'a> Connect<'a> {
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "Connect", "rsp:Connect")?;
        let command_id = read::attribute(root, "CommandId")?.filter(|id| !id.is_empty());
        let mut connect_xml = None;
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::POWERSHELL, "connectXml") {
                let payload = Payload::Base64(body.reader.read_text()?);
                read::once(&mut connect_xml, payload, "connectXml", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        Ok(Self { command_id, connect_xml })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Connect");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        if let Some(payload) = &self.connect_xml {
            writer.start("connectXml").attr("xmlns", ns::POWERSHELL);
            payload.write(writer);
            writer.end();
        }
        writer.end();
    }
}

impl<'a> ConnectResponse<'a> {
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        body.expect(ns::SHELL, "ConnectResponse", "rsp:ConnectResponse")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut response = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::POWERSHELL, "connectResponseXml") {
                let payload = Payload::Base64(reader.read_text()?);
                read::once(&mut response.connect_response_xml, payload, "connectResponseXml", reader)?;
            } else if element.is(ns::SHELL, "InputStreams") {
                response.input_streams = read::words(reader, "rsp:InputStreams", limits)?;
            } else if element.is(ns::SHELL, "OutputStreams") {
                response.output_streams = read::words(reader, "rsp:OutputStreams", limits)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(response)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:ConnectResponse");
        if !self.input_streams.is_empty() {
            writer.leaf("rsp:InputStreams", &self.input_streams.join(" "));
        }
        if !self.output_streams.is_empty() {
            writer.leaf("rsp:OutputStreams", &self.output_streams.join(" "));
        }
        if let Some(payload) = &self.connect_response_xml {
            writer.start("connectResponseXml").attr("xmlns", ns::POWERSHELL);
            payload.write(writer);
            writer.end();
        }
        writer.end();
    }
}
