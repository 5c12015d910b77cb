//! Faults as a host makes them: from the table of codes, with the words that fit the case.

use super::{Fault, FaultCode, FaultSide, ProviderFault, Subcode, Text, WsmanFault};
use crate::header::HeaderName;
use crate::xml::Xml;

/// What the URIs of `w:FaultDetail` begin with.
const DETAIL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/";

impl Fault {
    /// The fault of a code, with the words of the table.
    pub fn new(code: FaultCode) -> Self {
        Self {
            side: code.side(),
            subcode: code.subcode(),
            reason: vec![Text { lang: Some("en-US".to_owned()), text: code.message().to_owned() }],
            detail_uri: code.detail().map(|detail| format!("{DETAIL}{detail}")),
            wsman: Some(WsmanFault { code, message: code.message().to_owned(), ..WsmanFault::default() }),
            details: Vec::new(),
        }
    }

    /// A fault without a code of Windows, as other services than Windows send them.
    pub fn plain(subcode: Subcode, reason: impl Into<String>) -> Self {
        Self {
            side: subcode.side(),
            subcode: Some(subcode),
            reason: vec![Text { lang: Some("en-US".to_owned()), text: reason.into() }],
            detail_uri: None,
            wsman: None,
            details: Vec::new(),
        }
    }

    /// The same fault with another message (the reason keeps the words of the table).
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        match &mut self.wsman {
            Some(fault) => fault.message = message.into(),
            None => self.reason = vec![Text { lang: Some("en-US".to_owned()), text: message.into() }],
        }
        self
    }

    /// The same fault, said by this computer.
    #[must_use]
    pub fn with_machine(mut self, machine: impl Into<String>) -> Self {
        if let Some(fault) = &mut self.wsman {
            fault.machine = Some(machine.into());
        }
        self
    }

    /// The same fault with another last part of the `w:FaultDetail` URI.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.detail_uri = Some(format!("{DETAIL}{detail}"));
        self
    }

    /// The same fault as a provider's.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderFault) -> Self {
        if let Some(fault) = &mut self.wsman {
            fault.providers.push(provider);
        }
        self
    }

    /// The same fault with one more element in its detail, such as a CIM error instance, that declares
    /// all prefixes it uses.
    #[must_use]
    pub fn with_detail_xml(mut self, document: impl Into<String>) -> Self {
        self.details.push(Xml::from(document.into()));
        self
    }

    /// The user may not do this.
    pub fn access_denied() -> Self {
        Self::new(FaultCode::ACCESS_DENIED)
    }

    /// The resource does not know the action.
    pub fn action_not_supported(action: &str) -> Self {
        let text = format!("The action {action} is not supported by the resource.");
        Self::new(FaultCode::ACTION_NOT_SUPPORTED).with_message(text)
    }

    /// No resource of this URI.
    pub fn invalid_resource_uri(uri: &str) -> Self {
        let text = format!("The service has no resource with the URI {uri}.");
        Self::new(FaultCode::INVALID_RESOURCE_URI).with_message(text)
    }

    /// The selectors are not those of the resource.
    pub fn invalid_selectors(message: impl Into<String>) -> Self {
        Self::new(FaultCode::INVALID_SELECTORS).with_message(message)
    }

    /// No shell, or no command, with this id.
    pub fn unexpected_selectors() -> Self {
        Self::new(FaultCode::UNEXPECTED_SELECTORS)
    }

    /// A selector is missing.
    pub fn insufficient_selectors() -> Self {
        Self::new(FaultCode::INSUFFICIENT_SELECTORS)
    }

    /// The time given by `w:OperationTimeout` has passed.
    pub fn timed_out() -> Self {
        Self::new(FaultCode::OPERATION_TIMEDOUT)
    }

    /// An option that must be complied with is not known.
    pub fn option_not_supported(name: &str) -> Self {
        let text = format!("The option {name} must be complied with and is not supported.");
        Self::new(FaultCode::OPTIONS_NOT_SUPPORTED).with_message(text)
    }

    /// The value of an option is not one that can be used.
    pub fn invalid_option_value(name: &str) -> Self {
        let text = format!("The value of the option {name} is not valid.");
        Self::new(FaultCode::OPTIONS_INVALID_VALUE).with_message(text)
    }

    /// The body is not what the operation asks for.
    pub fn schema_validation(message: impl Into<String>) -> Self {
        Self::new(FaultCode::SCHEMA_VALIDATION_ERROR).with_message(message)
    }

    /// A feature that the service does not have.
    pub fn unsupported_feature(message: impl Into<String>) -> Self {
        Self::new(FaultCode::UNSUPPORTED_FEATURE).with_message(message)
    }

    /// The service failed.
    pub fn internal_error(message: impl Into<String>) -> Self {
        Self::new(FaultCode::INTERNAL_ERROR).with_message(message)
    }

    /// A quota is used up: one of the codes of quotas.
    pub fn quota(code: FaultCode, message: impl Into<String>) -> Self {
        Self::new(code).with_message(message)
    }

    /// An item or an answer does not fit the envelope.
    pub fn encoding_limit() -> Self {
        Self::new(FaultCode::ENCODING_LIMIT)
    }

    /// The request itself is larger than the service takes.
    pub fn request_too_large(limit: usize) -> Self {
        let text = format!("The request is larger than the {limit} bytes that the service accepts.");
        Self::new(FaultCode::SERVER_ENVELOPE_LIMIT).with_message(text)
    }

    /// The enumeration context is not known, has expired or is another user's.
    pub fn invalid_enumeration_context() -> Self {
        Self::new(FaultCode::ENUMERATE_INVALID_ENUMERATION_CONTEXT)
    }

    /// The filter is in a language that the resource does not know.
    pub fn filter_dialect_unavailable() -> Self {
        Self::new(FaultCode::ENUMERATE_FILTER_DIALECT_REQUESTED_UNAVAILABLE)
    }

    /// The filter cannot be processed.
    pub fn cannot_process_filter(message: impl Into<String>) -> Self {
        Self::new(FaultCode::ENUMERATE_CANNOT_PROCESS_FILTER).with_message(message)
    }

    /// The delivery mode is not one that the resource knows.
    pub fn delivery_mode_unavailable() -> Self {
        Self::new(FaultCode::EVENTING_DELIVERY_MODE_REQUESTED_UNAVAILABLE)
    }

    /// The shell is disconnected.
    pub fn shell_disconnected() -> Self {
        Self::new(FaultCode::SHELL_DISCONNECTED)
    }

    /// A header that every message must carry is missing.
    pub fn header_required(name: &str) -> Self {
        let text = format!("The request lacks the header {name}.");
        Self::new(FaultCode::MESSAGE_INFORMATION_HEADER_REQUIRED).with_message(text)
    }

    /// Header blocks that must be understood are not.
    pub fn must_understand(headers: &[HeaderName]) -> Self {
        let names: Vec<String> = headers
            .iter()
            .take(8)
            .map(|header| format!("{} of {}", header.local, header.ns).chars().take(256).collect())
            .collect();
        let text = format!("The service does not understand these headers: {}.", names.join(", "));
        Self::new(FaultCode::SOAP_FAULT_MUST_UNDERSTAND).with_message(text)
    }

    /// A CIM status (DSP0223) as a fault, with the instance that describes it, where there is one.
    /// Services other than Windows send no code of Windows here.
    pub fn cim(status: u32, message: impl Into<String>, instance: Option<String>) -> Self {
        let subcode = match status {
            2 => Subcode::ACCESS_DENIED,
            3 | 5 | 6 => Subcode::DESTINATION_UNREACHABLE,
            4 => Subcode::INVALID_PARAMETER,
            7 => Subcode::UNSUPPORTED_FEATURE,
            11 => Subcode::ALREADY_EXISTS,
            14 => Subcode::FILTER_DIALECT_REQUESTED_UNAVAILABLE,
            15 => Subcode::CANNOT_PROCESS_FILTER,
            16 | 17 => Subcode::ACTION_NOT_SUPPORTED,
            21 => Subcode::INVALID_ENUMERATION_CONTEXT,
            _ => Subcode::INTERNAL_ERROR,
        };
        let mut fault = Self::plain(subcode, message);
        fault.details.extend(instance.map(Xml::from));
        fault
    }

    /// Whether the sender is to blame, so that repeating the request is of no use.
    pub fn is_senders(&self) -> bool {
        self.side != FaultSide::Receiver
    }
}
