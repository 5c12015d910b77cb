//! Shells and commands as the service describes them.

use std::time::Duration;

use windlass_soap::{Limits, Xml, duration, ns};
use windlass_xml::{Reader, Writer};

use super::open::{read_environment, write_environment};
use crate::error::Error;
use crate::read;

/// A shell as the service describes it: in the answer to Create, to Get, and as an item of an
/// enumeration of shells ([MS-WSMV] 2.2.4.37).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellInfo {
    /// The id.
    pub shell_id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// The URI with which it was created.
    pub resource_uri: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Where its client is.
    pub client_ip: Option<String>,
    /// The process that hosts it.
    pub process_id: Option<u32>,
    /// Environment variables that it was given.
    pub environment: Vec<(String, String)>,
    /// The directory in which commands start.
    pub working_directory: Option<String>,
    /// How long it may live.
    pub lifetime: Option<Duration>,
    /// How long it may be idle.
    pub idle_timeout: Option<Duration>,
    /// The longest idle time-out that may be set.
    pub max_idle_timeout: Option<Duration>,
    /// The streams that the client writes.
    pub input_streams: Vec<String>,
    /// The streams that the client reads.
    pub output_streams: Vec<String>,
    /// The language of texts.
    pub locale: Option<String>,
    /// The language by which data is formatted.
    pub data_locale: Option<String>,
    /// `XpressCompression` or `NoCompression`.
    pub compression_mode: Option<String>,
    /// Whether the user's profile is loaded: `Yes` or `No`.
    pub profile_loaded: Option<String>,
    /// The encoding of streams.
    pub encoding: Option<String>,
    /// `Block` or `Drop`.
    pub buffer_mode: Option<String>,
    /// `Connected` or `Disconnected`.
    pub state: Option<String>,
    /// How long it has been running.
    pub run_time: Option<Duration>,
    /// How long it has been idle.
    pub inactivity: Option<Duration>,
    /// The memory it uses, with its unit.
    pub memory_used: Option<String>,
    /// How many processes it has started.
    pub child_processes: Option<u32>,
}

impl ShellInfo {
    /// Whether nobody is connected to the shell.
    pub fn is_disconnected(&self) -> bool {
        self.state.as_deref() == Some("Disconnected")
    }

    /// Reads an item of an enumeration of shells.
    ///
    /// # Errors
    /// An element that is no `rsp:Shell`, or holds what it must not.
    pub fn from_xml(xml: &Xml<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut reader = xml.reader(limits.xml);
        match reader.next_element()? {
            Some(element) if element.is(ns::SHELL, "Shell") => Self::read(&mut reader, limits),
            _ => Err(Error::OtherReply("an enumeration of shells")),
        }
    }

    /// The shell as a document, for an item of an enumeration or the answer to Get.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        self.write_root(&mut writer, true);
        writer.finish()
    }

    /// Reads the children of `rsp:Shell`, whose start tag was the last event. What cannot be read is
    /// passed over: the description has grown with every version of Windows.
    pub(crate) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut shell = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.ns() != ns::SHELL {
                reader.skip()?;
                continue;
            }
            let word = |reader: &mut Reader<'_>| read::word(reader, "a property of a shell", limits);
            match element.local() {
                "ShellId" => shell.shell_id = Some(word(reader)?),
                "Name" => shell.name = Some(word(reader)?),
                "ResourceUri" => shell.resource_uri = Some(word(reader)?),
                "Owner" => shell.owner = Some(word(reader)?),
                "ClientIP" => shell.client_ip = Some(word(reader)?),
                "ProcessId" => shell.process_id = word(reader)?.parse().ok(),
                "Environment" => shell.environment = read_environment(reader, limits)?,
                "WorkingDirectory" => shell.working_directory = Some(word(reader)?),
                "Lifetime" => shell.lifetime = duration::parse(&word(reader)?).ok(),
                "IdleTimeOut" => shell.idle_timeout = duration::parse(&word(reader)?).ok(),
                "MaxIdleTimeOut" => shell.max_idle_timeout = duration::parse(&word(reader)?).ok(),
                "InputStreams" => shell.input_streams = read::words(reader, "rsp:InputStreams", limits)?,
                "OutputStreams" => shell.output_streams = read::words(reader, "rsp:OutputStreams", limits)?,
                "Locale" => shell.locale = Some(word(reader)?),
                "DataLocale" => shell.data_locale = Some(word(reader)?),
                "CompressionMode" => shell.compression_mode = Some(word(reader)?),
                "ProfileLoaded" => shell.profile_loaded = Some(word(reader)?),
                "Encoding" => shell.encoding = Some(word(reader)?),
                "BufferMode" => shell.buffer_mode = Some(word(reader)?),
                "State" => shell.state = Some(word(reader)?),
                "ShellRunTime" => shell.run_time = duration::parse(&word(reader)?).ok(),
                "ShellInactivity" => shell.inactivity = duration::parse(&word(reader)?).ok(),
                "MemoryUsed" => shell.memory_used = Some(word(reader)?),
                "ChildProcesses" => shell.child_processes = word(reader)?.parse().ok(),
                _ => reader.skip()?,
            }
        }
        Ok(shell)
    }

    /// Writes `rsp:Shell`; the prefix must be declared.
    pub(crate) fn write(&self, writer: &mut Writer) {
        self.write_root(writer, false);
    }

    /// The properties in the order in which Windows writes them.
    fn write_root(&self, writer: &mut Writer, declare: bool) {
        writer.start("rsp:Shell");
        if declare {
            writer.attr("xmlns:rsp", ns::SHELL);
        }
        let text = |writer: &mut Writer, name: &str, value: &Option<String>| {
            if let Some(value) = value {
                writer.leaf(name, value);
            }
        };
        text(writer, "rsp:ShellId", &self.shell_id);
        text(writer, "rsp:Name", &self.name);
        text(writer, "rsp:ResourceUri", &self.resource_uri);
        text(writer, "rsp:Owner", &self.owner);
        text(writer, "rsp:ClientIP", &self.client_ip);
        text(writer, "rsp:ProcessId", &self.process_id.map(|id| id.to_string()));
        write_environment(&self.environment, writer);
        text(writer, "rsp:WorkingDirectory", &self.working_directory);
        text(writer, "rsp:Lifetime", &self.lifetime.map(duration::format));
        text(writer, "rsp:IdleTimeOut", &self.idle_timeout.map(duration::format));
        let streams = |names: &[String]| (!names.is_empty()).then(|| names.join(" "));
        text(writer, "rsp:InputStreams", &streams(&self.input_streams));
        text(writer, "rsp:OutputStreams", &streams(&self.output_streams));
        text(writer, "rsp:MaxIdleTimeOut", &self.max_idle_timeout.map(duration::format));
        text(writer, "rsp:Locale", &self.locale);
        text(writer, "rsp:DataLocale", &self.data_locale);
        text(writer, "rsp:CompressionMode", &self.compression_mode);
        text(writer, "rsp:ProfileLoaded", &self.profile_loaded);
        text(writer, "rsp:Encoding", &self.encoding);
        text(writer, "rsp:BufferMode", &self.buffer_mode);
        text(writer, "rsp:State", &self.state);
        text(writer, "rsp:ShellRunTime", &self.run_time.map(age));
        text(writer, "rsp:ShellInactivity", &self.inactivity.map(age));
        text(writer, "rsp:MemoryUsed", &self.memory_used);
        text(writer, "rsp:ChildProcesses", &self.child_processes.map(|count| count.to_string()));
        writer.end();
    }
}

/// Ages are written in whole seconds by days, hours and minutes.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    format!("P{days}DT{hours}H{}M{}S", seconds / 60 % 60, seconds % 60)
}

/// A command as an item of an enumeration of a shell's commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandInfo {
    /// The shell it runs in.
    pub shell_id: Option<String>,
    /// The id.
    pub command_id: Option<String>,
    /// The command line.
    pub command_line: Option<String>,
    /// `Running`, `Pending` or `Done`.
    pub state: Option<String>,
}

impl CommandInfo {
    /// Reads an item of an enumeration of commands.
    ///
    /// # Errors
    /// An element that is no `rsp:Command`, or holds what it must not.
    pub fn from_xml(xml: &Xml<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut reader = xml.reader(limits.xml);
        match reader.next_element()? {
            Some(element) if element.is(ns::SHELL, "Command") => {}
            _ => return Err(Error::OtherReply("an enumeration of commands")),
        }
        let mut command = Self::default();
        while let Some(element) = reader.next_element()? {
            let word = |reader: &mut Reader<'_>| read::word(reader, "a property of a command", limits);
            match (element.ns(), element.local()) {
                (ns::SHELL, "ShellId") => command.shell_id = Some(word(&mut reader)?),
                (ns::SHELL, "CommandId") => command.command_id = Some(word(&mut reader)?),
                (ns::SHELL, "CommandLine") => {
                    let text = read::text(&mut reader, "rsp:CommandLine", limits)?;
                    command.command_line = Some(text.into_owned());
                }
                (ns::SHELL, "CommandState" | "State") => command.state = Some(word(&mut reader)?),
                _ => reader.skip()?,
            }
        }
        Ok(command)
    }

    /// The command as a document, for an item of an enumeration.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        writer.start("rsp:Command").attr("xmlns:rsp", ns::SHELL);
        for (name, value) in [
            ("rsp:ShellId", &self.shell_id),
            ("rsp:CommandId", &self.command_id),
            ("rsp:CommandLine", &self.command_line),
            ("rsp:CommandState", &self.state),
        ] {
            if let Some(value) = value {
                writer.leaf(name, value);
            }
        }
        writer.end();
        writer.finish()
    }
}
