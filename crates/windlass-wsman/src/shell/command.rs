//! Command: starts a command in a shell ([MS-WSMV] 2.2.4.9).

use std::borrow::Cow;

use windlass_soap::ns;
use windlass_xml::Writer;

use crate::error::Error;
use crate::payload::Payload;
use crate::read::{self, Body};

/// A command to be started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine<'a> {
    /// The id that the client proposes; the service chooses one otherwise.
    pub command_id: Option<String>,
    /// The program or command. A PowerShell endpoint ignores it.
    pub command: Cow<'a, str>,
    /// The arguments. For a PowerShell endpoint one: the first fragments of CREATE_PIPELINE, base64.
    pub arguments: Vec<Cow<'a, str>>,
}

/// A command that was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandResponse {
    /// The command's id.
    pub command_id: String,
}

impl<'a> CommandLine<'a> {
    /// A program with arguments.
    pub fn program<T: Into<Cow<'a, str>>>(
        command: impl Into<Cow<'a, str>>,
        arguments: impl IntoIterator<Item = T>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { command_id: None, command: command.into(), arguments }
    }

    /// A pipeline of a PowerShell endpoint, with its first fragments ([MS-PSRP] 3.1.5.3.3).
    pub fn pipeline(command_id: impl Into<String>, fragments: &[u8]) -> Self {
        Self {
            command_id: Some(command_id.into()),
            command: Cow::Borrowed(""),
            arguments: vec![Cow::Owned(base64_simd::STANDARD.encode_to_string(fragments))],
        }
    }

    /// The first argument as the fragments of a pipeline.
    ///
    /// # Errors
    /// No argument, or one that is no base64.
    pub fn fragments(&self) -> Result<Vec<u8>, Error> {
        let argument =
            self.arguments.first().ok_or_else(|| read::missing("rsp:Arguments", "rsp:CommandLine"))?;
        Payload::Base64(Cow::Borrowed(argument)).to_vec()
    }

    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "CommandLine", "rsp:CommandLine")?;
        let command_id = read::attribute(root, "CommandId")?.filter(|id| !id.is_empty());
        let mut command = None;
        let mut arguments = Vec::new();
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "Command") {
                let text = body.reader.read_text()?;
                read::once(&mut command, text, "rsp:Command", body.reader)?;
            } else if element.is(ns::SHELL, "Arguments") {
                read::room(arguments.len(), "arguments", body.limits)?;
                arguments.push(body.reader.read_text()?);
            } else {
                body.reader.skip()?;
            }
        }
        let command = command.ok_or_else(|| read::missing("rsp:Command", "rsp:CommandLine"))?;
        Ok(Self { command_id, command, arguments })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:CommandLine");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        writer.leaf("rsp:Command", &self.command);
        for argument in &self.arguments {
            writer.leaf("rsp:Arguments", argument);
        }
        writer.end();
    }

    /// About how many bytes it takes.
    pub(crate) fn size_hint(&self) -> usize {
        let arguments: usize = self.arguments.iter().map(|argument| argument.len() + 32).sum();
        self.command.len() + arguments + 256
    }
}

impl CommandResponse {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::SHELL, "CommandResponse", "rsp:CommandResponse")?;
        let mut command_id = None;
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "CommandId") {
                let id = read::word(body.reader, "rsp:CommandId", body.limits)?;
                read::once(&mut command_id, id, "rsp:CommandId", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        let command_id = command_id.ok_or_else(|| read::missing("rsp:CommandId", "rsp:CommandResponse"))?;
        Ok(Self { command_id })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:CommandResponse").leaf("rsp:CommandId", &self.command_id).end();
    }
}
