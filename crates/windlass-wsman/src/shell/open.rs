//! The shell that a client asks for.

use std::time::Duration;

use windlass_soap::{Limits, duration, ns};
use windlass_xml::{Reader, Writer};

use super::connect::BufferMode;
use crate::error::Error;
use crate::payload::Payload;
use crate::read::{self, Body};

/// A shell to be opened: the body of its Create.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shell<'a> {
    /// The id that the client proposes; the service chooses one otherwise. Upper case, because ids
    /// are compared with regard to case.
    pub shell_id: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Environment variables, in order.
    pub environment: Vec<(String, String)>,
    /// The directory in which commands start.
    pub working_directory: Option<String>,
    /// How long the shell may live.
    pub lifetime: Option<Duration>,
    /// How long the shell may be idle.
    pub idle_timeout: Option<Duration>,
    /// What happens to output while nobody is connected.
    pub buffer_mode: Option<BufferMode>,
    /// The names of the streams that the client will write.
    pub input_streams: Vec<String>,
    /// The names of the streams that the client will read.
    pub output_streams: Vec<String>,
    /// The first PSRP fragments, which open the runspace pool ([MS-PSRP] 3.1.5.3.1).
    pub creation_xml: Option<Payload<'a>>,
}

impl<'a> Shell<'a> {
    /// A `cmd` shell with its three streams.
    pub fn cmd() -> Self {
        Self {
            input_streams: vec!["stdin".to_owned()],
            output_streams: vec!["stdout".to_owned(), "stderr".to_owned()],
            ..Self::default()
        }
    }

    /// A PowerShell session with the fragments that open its runspace pool.
    pub fn powershell(shell_id: impl Into<String>, fragments: &'a [u8]) -> Self {
        Self {
            shell_id: Some(shell_id.into()),
            input_streams: vec!["stdin".to_owned(), "pr".to_owned()],
            output_streams: vec!["stdout".to_owned()],
            creation_xml: Some(Payload::bytes(fragments)),
            ..Self::default()
        }
    }

    /// Reads the body, whose first element is known to be `rsp:Shell`.
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "Shell", "rsp:Shell")?;
        let mut shell = Self {
            shell_id: read::attribute(root, "ShellId")?.filter(|id| !id.is_empty()),
            name: root.attr("Name")?.map(|name| name.into_owned()),
            ..Self::default()
        };
        let (reader, limits) = (&mut *body.reader, body.limits);
        while let Some(element) = reader.next_element()? {
            if element.is(ns::POWERSHELL, "creationXml") {
                let payload = Payload::Base64(reader.read_text()?);
                read::once(&mut shell.creation_xml, payload, "creationXml", reader)?;
                continue;
            }
            if element.ns() != ns::SHELL {
                reader.skip()?;
                continue;
            }
            match element.local() {
                "Name" => shell.name = Some(read::text(reader, "rsp:Name", limits)?.into_owned()),
                "Environment" => shell.environment = read_environment(reader, limits)?,
                "WorkingDirectory" => {
                    shell.working_directory =
                        Some(read::text(reader, "rsp:WorkingDirectory", limits)?.into_owned());
                }
                "Lifetime" => shell.lifetime = Some(read::time(reader, "rsp:Lifetime", limits)?),
                "IdleTimeOut" | "IdleTimeout" => {
                    shell.idle_timeout = Some(read::time(reader, "rsp:IdleTimeOut", limits)?);
                }
                "BufferMode" => shell.buffer_mode = Some(BufferMode::read(reader, limits)?),
                "InputStreams" => shell.input_streams = read::words(reader, "rsp:InputStreams", limits)?,
                "OutputStreams" => shell.output_streams = read::words(reader, "rsp:OutputStreams", limits)?,
                _ => reader.skip()?,
            }
        }
        Ok(shell)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Shell");
        if let Some(id) = &self.shell_id {
            writer.attr("ShellId", id);
        }
        if let Some(name) = &self.name {
            writer.attr("Name", name);
        }
        write_environment(&self.environment, writer);
        if let Some(directory) = &self.working_directory {
            writer.leaf("rsp:WorkingDirectory", directory);
        }
        if let Some(time) = self.lifetime {
            writer.leaf("rsp:Lifetime", &duration::format(time));
        }
        if let Some(time) = self.idle_timeout {
            writer.leaf("rsp:IdleTimeOut", &duration::format(time));
        }
        if let Some(mode) = self.buffer_mode {
            writer.leaf("rsp:BufferMode", mode.name());
        }
        if !self.input_streams.is_empty() {
            writer.leaf("rsp:InputStreams", &self.input_streams.join(" "));
        }
        if !self.output_streams.is_empty() {
            writer.leaf("rsp:OutputStreams", &self.output_streams.join(" "));
        }
        if let Some(payload) = &self.creation_xml {
            writer.start("creationXml").attr("xmlns", ns::POWERSHELL);
            payload.write(writer);
            writer.end();
        }
        writer.end();
    }
}

pub(super) fn read_environment(
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Vec<(String, String)>, Error> {
    let mut variables = Vec::new();
    while let Some(element) = reader.next_element()? {
        if !element.is(ns::SHELL, "Variable") {
            reader.skip()?;
            continue;
        }
        read::room(variables.len(), "environment variables", limits)?;
        let name = element.attr("Name")?.ok_or_else(|| read::missing("@Name", "rsp:Variable"))?;
        let value = read::text(reader, "rsp:Variable", limits)?;
        variables.push((name.into_owned(), value.into_owned()));
    }
    Ok(variables)
}

pub(super) fn write_environment(variables: &[(String, String)], writer: &mut Writer) {
    if variables.is_empty() {
        return;
    }
    writer.start("rsp:Environment");
    for (name, value) in variables {
        writer.start("rsp:Variable").attr("Name", name).text(value).end();
    }
    writer.end();
}
