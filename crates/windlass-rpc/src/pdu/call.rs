//! PDUs that carry calls: request, response, fault (C706 12.6.4.7, 12.6.4.9, 12.6.4.10).

use std::fmt;

use uuid::Uuid;

use super::parse::{self, Parsed};

/// A fragment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// About how many bytes the parameters have in all; a hint.
    pub alloc_hint: u32,
    /// Which presentation context is called.
    pub context_id: u16,
    /// Which operation of the interface.
    pub opnum: u16,
    /// Which object; for DCOM the IPID.
    pub object: Option<Uuid>,
    /// This fragment's part of the parameters.
    pub stub: &'a [u8],
}

/// A fragment of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// About how many bytes the results have in all; a hint.
    pub alloc_hint: u32,
    /// Which presentation context was called.
    pub context_id: u16,
    /// How many cancels came for the call.
    pub cancel_count: u8,
    /// The reserved byte, 0.
    pub reserved: u8,
    /// This fragment's part of the results.
    pub stub: &'a [u8],
}

/// A call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<'a> {
    /// About how many bytes follow in all; a hint.
    pub alloc_hint: u32,
    /// Which presentation context was called.
    pub context_id: u16,
    /// How many cancels came for the call.
    pub cancel_count: u8,
    /// Bit 0: extended error information follows ([MS-RPCE] 2.2.2.8).
    pub flags: u8,
    /// Why it failed.
    pub status: FaultStatus,
    /// The reserved word, 0.
    pub reserved: u32,
    /// What follows, such as extended error information.
    pub stub: &'a [u8],
}

/// Why a call failed: a status of DCE, a Win32 code or an HRESULT (C706 appendix E, [MS-ERREF]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultStatus(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal, $text:literal;)*) => {
        impl FaultStatus {
            $(#[doc = concat!($text, ".")]
            pub const $name: Self = Self($value);)*

            /// What it means, in one phrase, where this crate knows it.
            pub fn message(self) -> Option<&'static str> {
                match self { $(Self::$name => Some($text),)* _ => None }
            }
        }
    };
}

statuses! {
    ACCESS_DENIED = 0x0000_0005, "access is denied";
    CANNOT_PERFORM = 0x0000_06D8, "the endpoint mapper cannot do that";
    BAD_STUB_DATA = 0x0000_06F7, "the parameters are malformed";
    SECURITY_PACKAGE = 0x0000_0721, "the security provider found an error";
    CALL_CANCELLED = 0x0000_071A, "the call was cancelled";
    OP_RANGE = 0x1C01_0002, "the interface has no such operation";
    UNKNOWN_INTERFACE = 0x1C01_0003, "the interface is not known";
    PROTOCOL_ERROR = 0x1C01_000B, "a violation of the protocol";
    OUT_ARGS_TOO_BIG = 0x1C01_0013, "the results are too large";
    TOO_BUSY = 0x1C01_0014, "the server is too busy";
    UNSPECIFIED = 0x1C00_0012, "the call was rejected";
    CONTEXT_MISMATCH = 0x1C00_001A, "the context handle is not valid";
    INVALID_CONTEXT_ID = 0x1C00_001C, "the presentation context does not exist";
    REMOTE_NO_MEMORY = 0x1C00_001B, "the server is out of memory";
}

impl fmt::Display for FaultStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "{message} ({:#010x})", self.0),
            None => write!(f, "status {:#010x}", self.0),
        }
    }
}

impl Request<'_> {
    /// Bytes of the fixed part after the common header, without the object.
    pub(crate) const FIXED: usize = 8;
    /// Bytes of the object.
    pub(crate) const OBJECT: usize = 16;
}

impl Response<'_> {
    /// Bytes of the fixed part after the common header.
    pub(crate) const FIXED: usize = 8;
}

impl Fault<'_> {
    /// Bytes of the fixed part after the common header.
    pub(crate) const FIXED: usize = 16;
}

impl<'a> Request<'a> {
    pub(super) fn parse(input: &'a [u8], has_object: bool) -> Parsed<'a, Self> {
        let (input, alloc_hint) = parse::u32("alloc_hint")(input)?;
        let (input, context_id) = parse::u16("p_cont_id")(input)?;
        let (mut input, opnum) = parse::u16("opnum")(input)?;
        let mut object = None;
        if has_object {
            let (rest, bytes) = parse::array("object")(input)?;
            object = Some(Uuid::from_bytes_le(bytes));
            input = rest;
        }
        Ok((&[], Self { alloc_hint, context_id, opnum, object, stub: input }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.alloc_hint.to_le_bytes());
        out.extend_from_slice(&self.context_id.to_le_bytes());
        out.extend_from_slice(&self.opnum.to_le_bytes());
        if let Some(object) = self.object {
            out.extend_from_slice(&object.to_bytes_le());
        }
        out.extend_from_slice(self.stub);
    }
}

impl<'a> Response<'a> {
    pub(super) fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, alloc_hint) = parse::u32("alloc_hint")(input)?;
        let (input, context_id) = parse::u16("p_cont_id")(input)?;
        let (input, cancel_count) = parse::u8("cancel_count")(input)?;
        let (stub, reserved) = parse::u8("reserved")(input)?;
        Ok((&[], Self { alloc_hint, context_id, cancel_count, reserved, stub }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.alloc_hint.to_le_bytes());
        out.extend_from_slice(&self.context_id.to_le_bytes());
        out.extend_from_slice(&[self.cancel_count, self.reserved]);
        out.extend_from_slice(self.stub);
    }
}

impl<'a> Fault<'a> {
    pub(super) fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (input, alloc_hint) = parse::u32("alloc_hint")(input)?;
        let (input, context_id) = parse::u16("p_cont_id")(input)?;
        let (input, cancel_count) = parse::u8("cancel_count")(input)?;
        let (input, flags) = parse::u8("reserved")(input)?;
        let (input, status) = parse::u32("status")(input)?;
        let (stub, reserved) = parse::u32("reserved2")(input)?;
        let status = FaultStatus(status);
        Ok((&[], Self { alloc_hint, context_id, cancel_count, flags, status, reserved, stub }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.alloc_hint.to_le_bytes());
        out.extend_from_slice(&self.context_id.to_le_bytes());
        out.extend_from_slice(&[self.cancel_count, self.flags]);
        out.extend_from_slice(&self.status.0.to_le_bytes());
        out.extend_from_slice(&self.reserved.to_le_bytes());
        out.extend_from_slice(self.stub);
    }
}
