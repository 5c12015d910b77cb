//! Why a message was refused.

use windlass_soap::{Fault, Header, HeaderName};

/// A request or a response was refused, or a service answered with a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The envelope or its body is not what it must be.
    #[error("{0}")]
    Soap(#[from] windlass_soap::Error),
    /// Header blocks that must be understood are not known.
    #[error("header '{}' must be understood and is not", .0.first().map_or("", |header| header.local.as_str()))]
    NotUnderstood(Vec<HeaderName>),
    /// The response answers another request than the one that was sent.
    #[error("the response relates to message '{found}', not to '{expected}'")]
    RelatesTo {
        /// The id of the request.
        expected: String,
        /// The id that the response names; empty where it names none.
        found: String,
    },
    /// The response is of another operation than the one that was asked for.
    #[error("the response has the action '{found}', not '{expected}'")]
    Action {
        /// The action of a response to the request.
        expected: String,
        /// The action of the response; empty where it has none.
        found: String,
    },
    /// The service answered with a fault.
    #[error("{0}")]
    Fault(Box<Fault>),
    /// The reply is of another kind than the caller asked for.
    #[error("the reply is no reply to {0}")]
    OtherReply(&'static str),
    /// An object of a page was refused by its reader, which knows why.
    #[error("an object of the page cannot be read")]
    Object,
    /// Content that must be base64 is not.
    #[error("the content of {0} is not base64")]
    Base64(&'static str),
    /// Compressed content is damaged or passes a limit.
    #[error("compressed stream: {problem} at offset {offset}")]
    Xpress {
        /// What is wrong.
        problem: &'static str,
        /// Where, in bytes from the start of the compressed content.
        offset: usize,
    },
}

impl Error {
    /// The fault with which a host answers a request that was refused for this reason.
    pub fn to_fault(&self) -> Fault {
        match self {
            Self::Soap(error) => error.to_fault(),
            Self::NotUnderstood(headers) => Fault::must_understand(headers),
            Self::Fault(fault) => (**fault).clone(),
            Self::RelatesTo { .. }
            | Self::Action { .. }
            | Self::OtherReply(_)
            | Self::Object
            | Self::Base64(_)
            | Self::Xpress { .. } => Fault::schema_validation(format!("The request is not valid: {self}.")),
        }
    }
}

impl From<windlass_xml::Error> for Error {
    fn from(error: windlass_xml::Error) -> Self {
        Self::Soap(error.into())
    }
}

/// A request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct RequestError {
    /// As much of the header as was read, so that the answer can name the request.
    pub header: Box<Header>,
    /// Why.
    pub error: Error,
}

impl RequestError {
    /// The fault to answer with.
    pub fn to_fault(&self) -> Fault {
        self.error.to_fault()
    }
}
