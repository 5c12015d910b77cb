//! Fault codes and subcodes of SOAP and the WS-* specifications.

use std::borrow::Cow;
use std::fmt;

use crate::ns;

/// Who is at fault (SOAP 1.2 5.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultSide {
    /// The request is bad: to repeat it is of no use.
    Sender,
    /// The service could not do it: to repeat it may help.
    Receiver,
    /// A header block that must be understood was not.
    MustUnderstand,
    /// The envelope is of another version of SOAP.
    VersionMismatch,
    /// The encoding of the data is not known.
    DataEncodingUnknown,
}

impl FaultSide {
    /// The local name of the code.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sender => "Sender",
            Self::Receiver => "Receiver",
            Self::MustUnderstand => "MustUnderstand",
            Self::VersionMismatch => "VersionMismatch",
            Self::DataEncodingUnknown => "DataEncodingUnknown",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Sender, Self::Receiver, Self::MustUnderstand, Self::VersionMismatch, Self::DataEncodingUnknown]
            .into_iter()
            .find(|side| side.name() == name)
    }
}

/// The qualified name that says what kind of fault it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subcode {
    ns: Cow<'static, str>,
    local: Cow<'static, str>,
}

macro_rules! subcodes {
    ($($name:ident = $ns:ident $local:literal $side:ident;)*) => {
        impl Subcode {
            $(#[doc = concat!("`", $local, "`, normally a fault of the ", stringify!($side), ".")]
            pub const $name: Self = Self { ns: Cow::Borrowed(ns::$ns), local: Cow::Borrowed($local) };)*

            /// Who is normally at fault.
            pub fn side(&self) -> FaultSide {
                match (self.ns.as_ref(), self.local.as_ref()) {
                    $((ns::$ns, $local) => FaultSide::$side,)*
                    _ => FaultSide::Receiver,
                }
            }
        }
    };
}

subcodes! {
    ACTION_NOT_SUPPORTED = ADDRESSING "ActionNotSupported" Sender;
    DESTINATION_UNREACHABLE = ADDRESSING "DestinationUnreachable" Sender;
    ENDPOINT_UNAVAILABLE = ADDRESSING "EndpointUnavailable" Receiver;
    INVALID_MESSAGE_INFORMATION_HEADER = ADDRESSING "InvalidMessageInformationHeader" Sender;
    MESSAGE_INFORMATION_HEADER_REQUIRED = ADDRESSING "MessageInformationHeaderRequired" Sender;
    INVALID_REPRESENTATION = TRANSFER "InvalidRepresentation" Sender;
    CANNOT_PROCESS_FILTER = ENUMERATION "CannotProcessFilter" Sender;
    FILTER_DIALECT_REQUESTED_UNAVAILABLE = ENUMERATION "FilterDialectRequestedUnavailable" Sender;
    FILTERING_NOT_SUPPORTED = ENUMERATION "FilteringNotSupported" Sender;
    INVALID_ENUMERATION_CONTEXT = ENUMERATION "InvalidEnumerationContext" Receiver;
    INVALID_EXPIRATION_TIME = ENUMERATION "InvalidExpirationTime" Sender;
    UNSUPPORTED_EXPIRATION_TYPE = ENUMERATION "UnsupportedExpirationType" Sender;
    ENUMERATION_TIMED_OUT = ENUMERATION "TimedOut" Receiver;
    DELIVERY_MODE_REQUESTED_UNAVAILABLE = EVENTING "DeliveryModeRequestedUnavailable" Sender;
    EVENT_FILTERING_NOT_SUPPORTED = EVENTING "FilteringNotSupported" Sender;
    EVENT_FILTERING_REQUESTED_UNAVAILABLE = EVENTING "FilteringRequestedUnavailable" Sender;
    EVENT_INVALID_EXPIRATION_TIME = EVENTING "InvalidExpirationTime" Sender;
    EVENT_SOURCE_UNABLE_TO_PROCESS = EVENTING "EventSourceUnableToProcess" Receiver;
    EVENT_UNSUPPORTED_EXPIRATION_TYPE = EVENTING "UnsupportedExpirationType" Sender;
    EVENT_UNABLE_TO_RENEW = EVENTING "UnableToRenew" Receiver;
    EVENT_INVALID_MESSAGE = EVENTING "InvalidMessage" Sender;
    ACCESS_DENIED = WSMAN "AccessDenied" Sender;
    ALREADY_EXISTS = WSMAN "AlreadyExists" Sender;
    CONCURRENCY = WSMAN "Concurrency" Sender;
    DELIVERY_REFUSED = WSMAN "DeliveryRefused" Receiver;
    ENCODING_LIMIT = WSMAN "EncodingLimit" Sender;
    FRAGMENT_DIALECT_NOT_SUPPORTED = WSMAN "FragmentDialectNotSupported" Sender;
    INTERNAL_ERROR = WSMAN "InternalError" Receiver;
    INVALID_BOOKMARK = WSMAN "InvalidBookmark" Sender;
    INVALID_OPTIONS = WSMAN "InvalidOptions" Sender;
    INVALID_PARAMETER = WSMAN "InvalidParameter" Sender;
    INVALID_SELECTORS = WSMAN "InvalidSelectors" Sender;
    NO_ACK = WSMAN "NoAck" Sender;
    QUOTA_LIMIT = WSMAN "QuotaLimit" Sender;
    RENAME_FAILURE = WSMAN "RenameFailure" Sender;
    SCHEMA_VALIDATION_ERROR = WSMAN "SchemaValidationError" Sender;
    TIMED_OUT = WSMAN "TimedOut" Receiver;
    UNSUPPORTED_FEATURE = WSMAN "UnsupportedFeature" Sender;
}

impl Subcode {
    /// A subcode of another vocabulary.
    pub fn new(ns: impl Into<String>, local: impl Into<String>) -> Self {
        Self { ns: Cow::Owned(ns.into()), local: Cow::Owned(local.into()) }
    }

    /// The namespace.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// The local name.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The fault action of the vocabulary.
    pub fn action(&self) -> &'static str {
        match self.ns.as_ref() {
            ns::ADDRESSING => ns::action::ADDRESSING_FAULT,
            ns::TRANSFER => ns::action::TRANSFER_FAULT,
            ns::ENUMERATION => ns::action::ENUMERATION_FAULT,
            ns::EVENTING => ns::action::EVENTING_FAULT,
            _ => ns::action::WSMAN_FAULT,
        }
    }

    /// The prefix that is written for the namespace.
    pub(crate) fn prefix(&self) -> &'static str {
        match self.ns.as_ref() {
            "" => "",
            ns::SOAP => "s",
            ns::ADDRESSING => "a",
            ns::WSMAN => "w",
            ns::TRANSFER => "x",
            ns::ENUMERATION => "n",
            ns::EVENTING => "e",
            _ => "q",
        }
    }
}

impl fmt::Display for Subcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.local)
    }
}
