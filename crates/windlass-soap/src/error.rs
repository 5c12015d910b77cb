//! Why an envelope was refused.

use crate::fault::{Fault, FaultCode};

/// An envelope, a header or a fault was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The XML itself is bad, or passes a limit of the XML reader.
    #[error("{0}")]
    Xml(#[from] windlass_xml::Error),
    /// The root element is no SOAP 1.2 envelope.
    #[error("expected a SOAP 1.2 envelope, found element '{found}'")]
    NotAnEnvelope {
        /// The local name that was found; empty where there is no element at all.
        found: String,
    },
    /// The envelope is of SOAP 1.1.
    #[error("the envelope is of another version of SOAP than 1.2")]
    Version,
    /// An element that must be there is not.
    #[error("{parent} has no {element}")]
    Missing {
        /// The element that was looked for.
        element: &'static str,
        /// Where it was looked for.
        parent: &'static str,
    },
    /// An addressing header that every message must carry is missing.
    #[error("header {name} is missing")]
    MissingHeader {
        /// The header's name.
        name: &'static str,
    },
    /// A header holds what it must not hold, or stands twice.
    #[error("header {name}: {problem}, at offset {offset}")]
    InvalidHeader {
        /// The header's name.
        name: &'static str,
        /// What is wrong.
        problem: &'static str,
        /// Where, in bytes from the start of the text.
        offset: usize,
    },
    /// An element stands where another one belongs.
    #[error("expected {expected}, found element '{found}' at offset {offset}")]
    Unexpected {
        /// What belongs there.
        expected: &'static str,
        /// The local name that was found.
        found: String,
        /// Where, in bytes from the start of the text.
        offset: usize,
    },
    /// A value is not what its field asks for.
    #[error("{field} is not {expected}, at offset {offset}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// Where, in bytes from the start of the text.
        offset: usize,
    },
    /// A limit was passed.
    #[error("the envelope passes the limit of {limit} for {what}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl Error {
    /// An element that belongs elsewhere; its name is cut short.
    pub fn unexpected(expected: &'static str, found: &str, offset: usize) -> Self {
        Self::Unexpected { expected, found: found.chars().take(64).collect(), offset }
    }

    /// The fault with which a host answers a request that was refused for this reason.
    pub fn to_fault(&self) -> Fault {
        let code = match self {
            Self::Version => FaultCode::SOAP_VERSION_MISMATCH,
            Self::Xml(error) => match error.kind() {
                windlass_xml::ErrorKind::Encoding => FaultCode::UNSUPPORTED_ENCODING,
                _ => FaultCode::INVALID_XML,
            },
            Self::MissingHeader { .. } => FaultCode::MESSAGE_INFORMATION_HEADER_REQUIRED,
            Self::InvalidHeader { name: "w:SelectorSet", .. } => FaultCode::INVALID_SELECTORS,
            Self::InvalidHeader { name: "w:OptionSet", .. } => FaultCode::INVALID_OPTIONS,
            Self::InvalidHeader { .. } => FaultCode::INVALID_MESSAGE_INFORMATION_HEADER,
            Self::Limit { what: "selectors", .. } => FaultCode::SELECTOR_LIMIT,
            Self::Limit { what: "options", .. } => FaultCode::OPTION_LIMIT,
            Self::NotAnEnvelope { .. }
            | Self::Missing { .. }
            | Self::Unexpected { .. }
            | Self::Value { .. }
            | Self::Limit { .. } => FaultCode::SCHEMA_VALIDATION_ERROR,
        };
        Fault::new(code).with_message(format!("{} ({self}).", code.message().trim_end_matches('.')))
    }
}
