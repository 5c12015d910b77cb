//! PDUs that make contexts: bind, alter_context and their answers (C706 12.6.4.1 to 12.6.4.5).

use std::fmt;

use uuid::Uuid;

use super::parse::{self, Fault, Parsed};
use crate::SyntaxId;

/// bind and alter_context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The largest fragment that the client sends, in bytes.
    pub max_xmit_frag: u16,
    /// The largest fragment that the client takes, in bytes.
    pub max_recv_frag: u16,
    /// The association group to join; 0 for a new one.
    pub assoc_group_id: u32,
    /// What the client wants to call.
    pub contexts: Vec<ContextElement>,
}

/// `p_cont_elem_t`: an interface and the encodings that the client offers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextElement {
    /// The number that requests will name.
    pub id: u16,
    /// The interface.
    pub abstract_syntax: SyntaxId,
    /// Encodings, or a [`BindFeatures`](crate::pdu::BindFeatures) in the guise of one.
    pub transfer_syntaxes: Vec<SyntaxId>,
}

/// bind_ack and alter_context_resp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAck {
    /// The largest fragment that the server sends, in bytes.
    pub max_xmit_frag: u16,
    /// The largest fragment that the server takes, in bytes.
    pub max_recv_frag: u16,
    /// The association group.
    pub assoc_group_id: u32,
    /// The port in decimal digits with a zero at its end; empty in an alter_context_resp.
    pub secondary_address: Vec<u8>,
    /// What fills up to a multiple of four bytes behind the address, as far as it does. Windows leaves in
    /// it what was there before.
    pub padding: [u8; 3],
    /// One answer for each context, in the order of the request.
    pub results: Vec<ContextResult>,
}

/// `p_result_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextResult {
    /// What became of the context.
    pub outcome: ContextOutcome,
    /// The encoding that was chosen; zero where there is none.
    pub transfer_syntax: SyntaxId,
}

/// What became of a proposed context (C706 12.6.3.1, [MS-RPCE] 2.2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextOutcome {
    /// It is made.
    Accepted,
    /// It is refused. 1: the interface is not served; 2: none of the encodings is; 3: a local limit.
    Refused {
        /// Whether the user (1) or the provider (2) refused.
        result: u16,
        /// Why.
        reason: u16,
    },
    /// These bind-time features are in use.
    Features(u16),
}

impl ContextOutcome {
    /// The interface is not served.
    pub const NO_INTERFACE: Self = Self::Refused { result: 2, reason: 1 };
    /// No encoding in common.
    pub const NO_TRANSFER_SYNTAX: Self = Self::Refused { result: 2, reason: 2 };
    /// Too many contexts.
    pub const LOCAL_LIMIT: Self = Self::Refused { result: 2, reason: 3 };

    fn from_wire(result: u16, reason: u16) -> Self {
        match result {
            0 => Self::Accepted,
            3 => Self::Features(reason),
            _ => Self::Refused { result, reason },
        }
    }

    fn to_wire(self) -> (u16, u16) {
        match self {
            Self::Accepted => (0, 0),
            Self::Refused { result, reason } => (result, reason),
            Self::Features(bits) => (3, bits),
        }
    }
}

impl fmt::Display for ContextOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Accepted => f.write_str("accepted"),
            Self::NO_INTERFACE => f.write_str("the interface is not served there"),
            Self::NO_TRANSFER_SYNTAX => f.write_str("no encoding in common"),
            Self::LOCAL_LIMIT => f.write_str("too many contexts"),
            Self::Refused { result, reason } => write!(f, "refused with result {result}, reason {reason}"),
            Self::Features(bits) => write!(f, "features {bits:#x}"),
        }
    }
}

/// bind_nak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindNak<'a> {
    /// Why the association is refused.
    pub reason: BindNakReason,
    /// Versions of the protocol that the server speaks, as major and minor pairs.
    pub versions: Vec<[u8; 2]>,
    /// What follows: padding and extended error information ([MS-RPCE] 2.2.2.9).
    pub rest: &'a [u8],
}

/// `p_reject_reason_t` (C706 12.6.3.1, [MS-RPCE] 2.2.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindNakReason(pub u16);

impl BindNakReason {
    /// No reason is given.
    pub const UNSPECIFIED: Self = Self(0);
    /// The server is busy.
    pub const CONGESTION: Self = Self(1);
    /// A limit of the server.
    pub const LOCAL_LIMIT: Self = Self(2);
    /// The version of the protocol is not spoken.
    pub const PROTOCOL_VERSION: Self = Self(4);
    /// The security provider is not known.
    pub const AUTH_TYPE: Self = Self(8);
    /// The token is not valid.
    pub const CHECKSUM: Self = Self(9);
}

impl fmt::Display for BindNakReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UNSPECIFIED => f.write_str("no reason given"),
            Self::CONGESTION => f.write_str("the server is busy"),
            Self::LOCAL_LIMIT => f.write_str("a limit of the server was reached"),
            Self::PROTOCOL_VERSION => f.write_str("the version of the protocol is not supported"),
            Self::AUTH_TYPE => f.write_str("the security provider is not supported"),
            Self::CHECKSUM => f.write_str("the security token is not valid"),
            Self(other) => write!(f, "reason {other}"),
        }
    }
}

impl Bind {
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, max_xmit_frag) = parse::u16("max_xmit_frag")(input)?;
        let (input, max_recv_frag) = parse::u16("max_recv_frag")(input)?;
        let (input, assoc_group_id) = parse::u32("assoc_group_id")(input)?;
        let (input, count) = parse::u8("n_context_elem")(input)?;
        let (mut input, _) = parse::take(3, "reserved")(input)?;
        let mut contexts = Vec::new();
        for _ in 0..count {
            let (rest, element) = ContextElement::parse(input)?;
            contexts.push(element);
            input = rest;
        }
        Ok((input, Self { max_xmit_frag, max_recv_frag, assoc_group_id, contexts }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.max_xmit_frag.to_le_bytes());
        out.extend_from_slice(&self.max_recv_frag.to_le_bytes());
        out.extend_from_slice(&self.assoc_group_id.to_le_bytes());
        out.extend_from_slice(&[count(self.contexts.len()), 0, 0, 0]);
        for element in self.contexts.iter().take(usize::from(u8::MAX)) {
            element.write(out);
        }
    }
}

impl ContextElement {
    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, id) = parse::u16("p_cont_id")(input)?;
        let (input, count) = parse::u8("n_transfer_syn")(input)?;
        let (input, _) = parse::u8("reserved")(input)?;
        let (mut input, abstract_syntax) = parse::syntax("abstract_syntax")(input)?;
        let mut transfer_syntaxes = Vec::new();
        for _ in 0..count {
            let (rest, syntax) = parse::syntax("transfer_syntaxes")(input)?;
            transfer_syntaxes.push(syntax);
            input = rest;
        }
        Ok((input, Self { id, abstract_syntax, transfer_syntaxes }))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&[count(self.transfer_syntaxes.len()), 0]);
        out.extend_from_slice(&self.abstract_syntax.to_bytes());
        for syntax in self.transfer_syntaxes.iter().take(usize::from(u8::MAX)) {
            out.extend_from_slice(&syntax.to_bytes());
        }
    }
}

/// Where the result list of a bind_ack is aligned from: the start of the PDU.
const ACK_FIXED: usize = super::Header::SIZE + 10;

impl BindAck {
    pub(super) fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, max_xmit_frag) = parse::u16("max_xmit_frag")(input)?;
        let (input, max_recv_frag) = parse::u16("max_recv_frag")(input)?;
        let (input, assoc_group_id) = parse::u32("assoc_group_id")(input)?;
        let (input, length) = parse::u16("sec_addr")(input)?;
        let (input, address) = parse::take(usize::from(length), "sec_addr")(input)?;
        let (input, pad) = parse::take(padding_length(address.len()), "pad2")(input)?;
        let mut padding = [0; 3];
        padding.iter_mut().zip(pad).for_each(|(to, from)| *to = *from);
        let (input, count) = parse::u8("n_results")(input)?;
        let (mut input, _) = parse::take(3, "reserved")(input)?;
        let mut results = Vec::new();
        for _ in 0..count {
            let (rest, result) = ContextResult::parse(input)?;
            results.push(result);
            input = rest;
        }
        let secondary_address = address.to_vec();
        Ok((
            input,
            Self { max_xmit_frag, max_recv_frag, assoc_group_id, secondary_address, padding, results },
        ))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.max_xmit_frag.to_le_bytes());
        out.extend_from_slice(&self.max_recv_frag.to_le_bytes());
        out.extend_from_slice(&self.assoc_group_id.to_le_bytes());
        let length = u16::try_from(self.secondary_address.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend(self.secondary_address.iter().take(usize::from(length)));
        out.extend(self.padding.iter().take(padding_length(usize::from(length))));
        out.extend_from_slice(&[count(self.results.len()), 0, 0, 0]);
        for result in self.results.iter().take(usize::from(u8::MAX)) {
            result.write(out);
        }
    }
}

impl ContextResult {
    /// The answer to a context that is made.
    pub fn accepted() -> Self {
        Self { outcome: ContextOutcome::Accepted, transfer_syntax: SyntaxId::NDR }
    }

    /// The answer to anything else.
    pub fn without_syntax(outcome: ContextOutcome) -> Self {
        Self { outcome, transfer_syntax: SyntaxId::new(Uuid::nil(), 0, 0) }
    }

    fn parse(input: &[u8]) -> Parsed<'_, Self> {
        let (input, result) = parse::u16("result")(input)?;
        let (input, reason) = parse::u16("reason")(input)?;
        let (input, transfer_syntax) = parse::syntax("transfer_syntax")(input)?;
        Ok((input, Self { outcome: ContextOutcome::from_wire(result, reason), transfer_syntax }))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (result, reason) = self.outcome.to_wire();
        out.extend_from_slice(&result.to_le_bytes());
        out.extend_from_slice(&reason.to_le_bytes());
        out.extend_from_slice(&self.transfer_syntax.to_bytes());
    }
}

impl<'a> BindNak<'a> {
    pub(super) fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, reason) = parse::u16("provider_reject_reason")(input)?;
        let reason = BindNakReason(reason);
        // Some servers end here.
        if input.is_empty() {
            return Ok((input, Self { reason, versions: Vec::new(), rest: input }));
        }
        let at = input;
        let (mut input, count) = parse::u8("n_protocols")(input)?;
        if usize::from(count) * 2 > input.len() {
            return Fault::of(at, "n_protocols", "more versions than fit into the PDU");
        }
        let mut versions = Vec::new();
        for _ in 0..count {
            let (rest, version) = parse::array::<2>("p_protocols")(input)?;
            versions.push(version);
            input = rest;
        }
        Ok((&[], Self { reason, versions, rest: input }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reason.0.to_le_bytes());
        if self.versions.is_empty() && self.rest.is_empty() {
            return;
        }
        out.push(count(self.versions.len()));
        for version in self.versions.iter().take(usize::from(u8::MAX)) {
            out.extend_from_slice(version);
        }
        out.extend_from_slice(self.rest);
    }
}

/// Bytes from the end of an address of that length to the next multiple of four.
fn padding_length(address: usize) -> usize {
    let end = ACK_FIXED + address;
    end.next_multiple_of(4) - end
}

/// A count of one byte. The association never makes more.
fn count(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
