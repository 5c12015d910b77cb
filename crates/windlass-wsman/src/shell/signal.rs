//! Signal: interrupts or ends a command ([MS-WSMV] 2.2.4.38, 2.2.5.6; [MS-PSRP] 3.1.5.3.9).

use std::borrow::Cow;

use windlass_soap::ns;
use windlass_xml::Writer;

use crate::error::Error;
use crate::read::{self, Body};

/// A signal to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The command; the shell itself where absent.
    pub command_id: Option<String>,
    /// What is signalled.
    pub code: SignalCode,
}

/// What is signalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalCode {
    /// Ends the command and frees its place in the shell; needed even after it is done.
    Terminate,
    /// Ctrl-C.
    CtrlC,
    /// Ctrl-Break.
    CtrlBreak,
    /// Stops a pipeline of a PowerShell endpoint. Its URI is spelled `crtl_c`.
    PowerShellStop,
    /// The same in the correct spelling, which some clients send and PowerShell itself takes for a
    /// request to close the pipeline.
    PowerShellCtrlC,
    /// A code that this crate does not know, as its URI.
    Other(String),
}

impl SignalCode {
    const TERMINATE: &'static str =
        "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/terminate";
    const CTRL_C: &'static str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_c";
    const CTRL_BREAK: &'static str =
        "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/ctrl_break";
    const STOP: &'static str = "powershell/signal/crtl_c";
    const POWERSHELL_CTRL_C: &'static str = "powershell/signal/ctrl_c";
    /// As winrm-rs writes it.
    const WHOLE_STOP: &'static str = "http://schemas.microsoft.com/powershell/signal/crtl_c";

    /// The URI that stands for the code.
    pub fn uri(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Terminate => Self::TERMINATE,
            Self::CtrlC => Self::CTRL_C,
            Self::CtrlBreak => Self::CTRL_BREAK,
            Self::PowerShellStop => Self::STOP,
            Self::PowerShellCtrlC => Self::POWERSHELL_CTRL_C,
            Self::Other(uri) => uri,
        })
    }

    /// Whether a pipeline of a PowerShell endpoint is to be stopped, in any spelling.
    pub fn is_powershell_stop(&self) -> bool {
        match self {
            Self::PowerShellStop | Self::PowerShellCtrlC => true,
            Self::Other(uri) => uri == Self::WHOLE_STOP,
            _ => false,
        }
    }

    fn from_uri(uri: &str) -> Self {
        match uri {
            Self::TERMINATE => Self::Terminate,
            Self::CTRL_C => Self::CtrlC,
            Self::CTRL_BREAK => Self::CtrlBreak,
            Self::STOP => Self::PowerShellStop,
            Self::POWERSHELL_CTRL_C => Self::PowerShellCtrlC,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Signal {
    /// A signal to a command.
    pub fn new(command_id: impl Into<String>, code: SignalCode) -> Self {
        Self { command_id: Some(command_id.into()), code }
    }

    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        let root = body.expect(ns::SHELL, "Signal", "rsp:Signal")?;
        let command_id = read::attribute(root, "CommandId")?.filter(|id| !id.is_empty());
        let mut code = None;
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::SHELL, "Code") {
                let uri = read::word(body.reader, "rsp:Code", body.limits)?;
                read::once(&mut code, SignalCode::from_uri(&uri), "rsp:Code", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        let code = code.ok_or_else(|| read::missing("rsp:Code", "rsp:Signal"))?;
        Ok(Self { command_id, code })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("rsp:Signal");
        if let Some(id) = &self.command_id {
            writer.attr("CommandId", id);
        }
        writer.leaf("rsp:Code", &self.code.uri()).end();
    }
}
