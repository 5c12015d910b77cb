//! What the parsers of all PDUs share.

use nom::error::{ContextError, ErrorKind, ParseError};
use nom::{IResult, Parser as _};
use windlass_core::cursor::ReadError;

use crate::{RpcError, SyntaxId};

/// A place within a PDU and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Bytes from the place to the end of what is parsed.
    left: usize,
    field: &'static str,
    reason: &'static str,
}

/// What a parser of part of a PDU gives.
pub(super) type Parsed<'a, T> = IResult<&'a [u8], T, Fault>;

impl<'a> ParseError<&'a [u8]> for Fault {
    fn from_error_kind(input: &'a [u8], _kind: ErrorKind) -> Self {
        Self { left: input.len(), field: "", reason: "the PDU ends here" }
    }

    fn append(_input: &'a [u8], _kind: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> ContextError<&'a [u8]> for Fault {
    fn add_context(input: &'a [u8], field: &'static str, mut other: Self) -> Self {
        if other.field.is_empty() {
            other.field = field;
            other.left = input.len();
        }
        other
    }
}

impl Fault {
    /// A fault of a field's value.
    pub(super) fn of<'a, T>(at: &'a [u8], field: &'static str, reason: &'static str) -> Parsed<'a, T> {
        Err(nom::Err::Failure(Self { left: at.len(), field, reason }))
    }

    /// The error about a PDU; `length` is that of what was parsed, `start` its offset in the PDU.
    pub(super) fn into_error(
        error: nom::Err<Self>,
        pdu: &'static str,
        start: usize,
        length: usize,
    ) -> RpcError {
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => {
                let offset = start.saturating_add(length.saturating_sub(fault.left));
                RpcError::Malformed { pdu, field: fault.field, offset, reason: fault.reason }
            }
            nom::Err::Incomplete(_) => {
                RpcError::Malformed { pdu, field: "PDU", offset: start, reason: "the PDU ends early" }
            }
        }
    }
}

/// The error about a short read of a PDU.
pub(super) fn short(pdu: &'static str) -> impl Fn(ReadError) -> RpcError {
    move |error| RpcError::Malformed {
        pdu,
        field: error.field,
        offset: error.offset,
        reason: "the PDU ends here",
    }
}

pub(super) fn u8<'a>(field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u8> {
    named(field, nom::number::complete::u8)
}

pub(super) fn u16<'a>(field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u16> {
    named(field, nom::number::complete::le_u16)
}

pub(super) fn u32<'a>(field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u32> {
    named(field, nom::number::complete::le_u32)
}

pub(super) fn take<'a>(count: usize, field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    named(field, nom::bytes::complete::take(count))
}

/// `N` bytes.
pub(super) fn array<'a, const N: usize>(field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, [u8; N]> {
    move |input| match input.split_first_chunk::<N>() {
        Some((bytes, rest)) => Ok((rest, *bytes)),
        None => Fault::of(input, field, "the PDU ends here"),
    }
}

/// `p_syntax_id_t`.
pub(super) fn syntax<'a>(field: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, SyntaxId> {
    move |input| array(field)(input).map(|(rest, bytes)| (rest, SyntaxId::from_bytes(bytes)))
}

fn named<'a, O>(
    field: &'static str,
    parser: impl nom::Parser<&'a [u8], Output = O, Error = Fault>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, O> {
    let mut parser = nom::error::context(field, parser);
    move |input| parser.parse(input)
}
