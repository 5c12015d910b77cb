//! Faults (SOAP 1.2 5.4, DSP0226 14, [MS-WSMV] 2.2.4.43).

mod code;
mod host;
mod read;
mod subcode;
mod table;
mod write;

use std::fmt;

pub use code::FaultCode;
pub use subcode::{FaultSide, Subcode};

use crate::xml::Xml;

/// A fault: what a service says when it does not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Who is at fault.
    pub side: FaultSide,
    /// What kind of fault it is.
    pub subcode: Option<Subcode>,
    /// The reason, in one or more languages.
    pub reason: Vec<Text>,
    /// `w:FaultDetail`: a URI that narrows the subcode.
    pub detail_uri: Option<String>,
    /// `f:WSManFault`: the code and the message of Windows.
    pub wsman: Option<WsmanFault>,
    /// Other elements of the detail, as they came: the CIM error instance of a provider (`p:MSFT_WmiError`, `CIM_Error`, `OMI_Error`), the new address of a redirection.
    pub details: Vec<Xml<'static>>,
}

/// A text in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The language, such as `en-US`.
    pub lang: Option<String>,
    /// The text.
    pub text: String,
}

/// The detail that Windows adds to its faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WsmanFault {
    /// The code.
    pub code: FaultCode,
    /// The computer that says so.
    pub machine: Option<String>,
    /// The message; empty where providers say it.
    pub message: String,
    /// Providers that were at work, from the outermost to the innermost.
    pub providers: Vec<ProviderFault>,
}

/// What a provider has to say about a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderFault {
    /// The provider's name.
    pub provider: Option<String>,
    /// The provider's module.
    pub path: Option<String>,
    /// The provider's text.
    pub text: String,
    /// The fault it wraps: code, computer and message. A fault that this one wraps again is the next
    /// provider of [`WsmanFault::providers`].
    pub fault: Option<InnerFault>,
    /// Elements of the provider's own.
    pub details: Vec<Xml<'static>>,
}

/// The fault inside a provider's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InnerFault {
    /// The code.
    pub code: FaultCode,
    /// The computer that says so.
    pub machine: Option<String>,
    /// The message.
    pub message: String,
}

/// The first text within an element that is a URI of the web.
fn uri_in(detail: &Xml<'_>) -> Result<Option<String>, windlass_xml::Error> {
    let mut reader = detail.reader(windlass_xml::Limits::default());
    loop {
        match reader.next()? {
            windlass_xml::Event::Text(text) => {
                let text = text.trim();
                let is_uri = ["http://", "https://"].iter().any(|scheme| {
                    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
                });
                if is_uri {
                    return Ok(Some(text.to_owned()));
                }
            }
            windlass_xml::Event::Eof => return Ok(None),
            _ => {}
        }
    }
}

impl Fault {
    /// The code of Windows, where the fault has one.
    pub fn code(&self) -> Option<FaultCode> {
        self.wsman.as_ref().map(|fault| fault.code)
    }

    /// Whether the fault has this code, here or at one of its providers.
    pub fn is(&self, code: FaultCode) -> bool {
        self.wsman.as_ref().is_some_and(|fault| {
            fault.code == code
                || fault
                    .providers
                    .iter()
                    .any(|provider| provider.fault.as_ref().is_some_and(|inner| inner.code == code))
        })
    }

    /// Where a service sends its client that says [`FaultCode::REDIRECT_REQUESTED`]: the first `http` or
    /// `https` URI that an element of the detail consists of. No specification names the element.
    pub fn redirect_location(&self) -> Option<String> {
        if !self.is(FaultCode::REDIRECT_REQUESTED) {
            return None;
        }
        self.details.iter().find_map(|detail| uri_in(detail).ok().flatten())
    }

    /// Whether the service ran out of the time given by `w:OperationTimeout`: no error for a Receive
    /// or a Pull, which is then repeated.
    pub fn is_timeout(&self) -> bool {
        self.is(FaultCode::OPERATION_TIMEDOUT)
            || (self.wsman.is_none() && self.subcode.as_ref() == Some(&Subcode::TIMED_OUT))
    }

    /// The most telling text: the message of the innermost fault that has one, or else the reason.
    pub fn message(&self) -> &str {
        let inner = self.wsman.iter().flat_map(|fault| {
            let providers = fault.providers.iter().rev().flat_map(|provider| {
                let inner = provider.fault.as_ref().map_or("", |inner| inner.message.as_str());
                [inner, provider.text.as_str()]
            });
            providers.chain([fault.message.as_str()])
        });
        let reason = self.reason.iter().map(|text| text.text.as_str());
        inner.chain(reason).map(str::trim).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// What the user may do about it, where the table of codes knows.
    pub fn remedy(&self) -> Option<&'static str> {
        self.code().and_then(FaultCode::remedy)
    }

    /// The action with which the fault is sent.
    pub fn action(&self) -> &'static str {
        match &self.subcode {
            Some(subcode) => subcode.action(),
            None => crate::ns::action::WSMAN_FAULT,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        match (message.is_empty(), &self.subcode) {
            (false, _) => f.write_str(message.trim_end_matches('.'))?,
            (true, Some(subcode)) => write!(f, "fault {subcode}")?,
            (true, None) => f.write_str("fault without a text")?,
        }
        if let Some(code) = self.code() {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
