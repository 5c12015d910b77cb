//! The common header of all PDUs (C706 12.6.3.1).

use super::parse::{self, Fault, Parsed};
use crate::RpcError;

/// What a PDU is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PduType {
    /// Parameters of a call.
    Request,
    /// Results of a call.
    Response,
    /// A call failed.
    Fault,
    /// Opens an association.
    Bind,
    /// The association is open.
    BindAck,
    /// The association is refused.
    BindNak,
    /// More contexts on an open association, or the next step of a logon.
    AlterContext,
    /// The answer to that.
    AlterContextResponse,
    /// The last step of a logon; never answered.
    Auth3,
    /// The server asks the client to close the association.
    Shutdown,
    /// The client would like a call to end early.
    Cancel,
    /// The client has given a call up.
    Orphaned,
}

impl PduType {
    /// Every type with its number and its name.
    const ALL: [(Self, u8, &'static str); 12] = [
        (Self::Request, 0x00, "request"),
        (Self::Response, 0x02, "response"),
        (Self::Fault, 0x03, "fault"),
        (Self::Bind, 0x0b, "bind"),
        (Self::BindAck, 0x0c, "bind_ack"),
        (Self::BindNak, 0x0d, "bind_nak"),
        (Self::AlterContext, 0x0e, "alter_context"),
        (Self::AlterContextResponse, 0x0f, "alter_context_resp"),
        (Self::Auth3, 0x10, "rpc_auth_3"),
        (Self::Shutdown, 0x11, "shutdown"),
        (Self::Cancel, 0x12, "co_cancel"),
        (Self::Orphaned, 0x13, "orphaned"),
    ];

    /// The type of that number.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == number).map(|(kind, ..)| *kind)
    }

    /// The number on the wire.
    pub fn to_u8(self) -> u8 {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, number, _)| *number)
    }

    /// The name, as C706 and [MS-RPCE] spell it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., name)| name)
    }
}

/// `pfc_flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PduFlags(pub u8);

impl PduFlags {
    /// The first fragment of its call.
    pub const FIRST: Self = Self(0x01);
    /// The last fragment of its call.
    pub const LAST: Self = Self(0x02);
    /// On bind, bind_ack, alter_context and its answer: headers are signed ([MS-RPCE] 2.2.2.3).
    pub const HEADER_SIGN: Self = Self(0x04);
    /// On all other PDUs: a cancel was pending when it was sent.
    pub const PENDING_CANCEL: Self = Self(0x04);
    /// Several calls at once on this association.
    pub const MULTIPLEX: Self = Self(0x10);
    /// On a fault: the call was not executed.
    pub const DID_NOT_EXECUTE: Self = Self(0x20);
    /// No answer is expected.
    pub const MAYBE: Self = Self(0x40);
    /// On a request: an object UUID is in its header.
    pub const OBJECT: Self = Self(0x80);
    /// First and last: the only fragment.
    pub const WHOLE: Self = Self(0x03);

    /// Whether all of these are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// With these.
    #[must_use]
    pub fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }

    /// With these, if that is so.
    #[must_use]
    pub fn with_if(self, flags: Self, set: bool) -> Self {
        if set { self.with(flags) } else { self }
    }
}

/// The first sixteen bytes of a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the PDU is for.
    pub kind: PduType,
    /// Flags.
    pub flags: PduFlags,
    /// Length of the whole PDU, in bytes.
    pub frag_length: u16,
    /// Length of the authentication token at its end, in bytes; 0 where there is none.
    pub auth_length: u16,
    /// Which call the PDU belongs to.
    pub call_id: u32,
}

/// The data representation of this crate: little-endian, ASCII, IEEE.
const DREP: [u8; 4] = [0x10, 0, 0, 0];

impl Header {
    /// How many bytes the header takes.
    pub const SIZE: usize = 16;

    /// Reads the header at the start of `bytes`, which may go on behind it.
    ///
    /// # Errors
    /// It is not the header of a little-endian PDU of version 5.0 or 5.1, or its lengths contradict each
    /// other.
    pub fn decode(bytes: &[u8]) -> Result<Self, RpcError> {
        let (_, header) = header(bytes).map_err(|error| Fault::into_error(error, "PDU", 0, bytes.len()))?;
        Ok(header)
    }

    /// The wire form.
    pub fn to_bytes(self) -> [u8; Self::SIZE] {
        let [f0, f1] = self.frag_length.to_le_bytes();
        let [a0, a1] = self.auth_length.to_le_bytes();
        let [c0, c1, c2, c3] = self.call_id.to_le_bytes();
        let [d0, d1, d2, d3] = DREP;
        [5, 0, self.kind.to_u8(), self.flags.0, d0, d1, d2, d3, f0, f1, a0, a1, c0, c1, c2, c3]
    }
}

fn header(input: &[u8]) -> Parsed<'_, Header> {
    let start = input;
    let (input, version) = parse::array::<2>("rpc_vers")(input)?;
    if !matches!(version, [5, 0 | 1]) {
        return Fault::of(start, "rpc_vers", "5.0 is expected");
    }
    let at = input;
    let (input, number) = parse::u8("PTYPE")(input)?;
    let Some(kind) = PduType::from_u8(number) else {
        return Fault::of(at, "PTYPE", "no type of connection-oriented PDUs");
    };
    let (input, flags) = parse::u8("pfc_flags")(input)?;
    let at = input;
    let (input, drep) = parse::array::<4>("packed_drep")(input)?;
    let [order, float, ..] = drep;
    if order != 0x10 || float != 0 {
        return Fault::of(at, "packed_drep", "little-endian, ASCII and IEEE are expected");
    }
    let at = input;
    let (input, frag_length) = parse::u16("frag_length")(input)?;
    let (input, auth_length) = parse::u16("auth_length")(input)?;
    let (input, call_id) = parse::u32("call_id")(input)?;
    let trailer = if auth_length == 0 { 0 } else { usize::from(auth_length) + super::AuthVerifier::SIZE };
    if usize::from(frag_length) < Header::SIZE + trailer {
        return Fault::of(at, "frag_length", "shorter than what the PDU has to hold");
    }
    Ok((input, Header { kind, flags: PduFlags(flags), frag_length, auth_length, call_id }))
}
