//! The verification trailer behind the stub of a request ([MS-RPCE] 2.2.2.13): what the client saw of the
//! bind, under the protection that stubs have.

use windlass_core::cursor::{ReadCursor, ReadError};

use super::{Header, PduType};
use crate::SyntaxId;

/// `rpc_sec_verification_trailer`.
const MAGIC: [u8; 8] = [0x8a, 0xe3, 0x13, 0x71, 0x02, 0xf4, 0x36, 0x71];
/// Within this many bytes before the end of a stub a trailer is looked for.
const SEARCHED: usize = 1024;

const LAST: u16 = 0x4000;
const MUST_PROCESS: u16 = 0x8000;
const BITMASK: u16 = 1;
const PCONTEXT: u16 = 2;
const HEADER2: u16 = 3;
/// In the bit mask: the client supports header signing.
const HEADER_SIGNING: u32 = 1;

/// What a client says that it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerificationTrailer {
    /// Flags; bit 0: the client supports header signing.
    pub bitmask: Option<u32>,
    /// The interface and its encoding.
    pub presentation: Option<(SyntaxId, SyntaxId)>,
    /// Fields of the header of the request.
    pub header: Option<RequestHeader>,
}

/// `rpc_sec_vt_header2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHeader {
    /// The type of the PDU.
    pub kind: PduType,
    /// The call.
    pub call_id: u32,
    /// The presentation context.
    pub context_id: u16,
    /// The operation.
    pub opnum: u16,
}

impl VerificationTrailer {
    /// The trailer for a request.
    pub fn new(
        header_signing: bool,
        presentation: (SyntaxId, SyntaxId),
        call_id: u32,
        context_id: u16,
        opnum: u16,
    ) -> Self {
        Self {
            bitmask: Some(if header_signing { HEADER_SIGNING } else { 0 }),
            presentation: Some(presentation),
            header: Some(RequestHeader { kind: PduType::Request, call_id, context_id, opnum }),
        }
    }

    /// Finds a trailer at the end of a stub, and where the stub without it ends. Bytes that merely look
    /// like the start of one are parameters.
    pub fn find(stub: &[u8]) -> Option<(usize, Self)> {
        let first = stub.len().saturating_sub(SEARCHED).next_multiple_of(4);
        let starts = (first..stub.len()).step_by(4).rev();
        starts
            .filter(|start| stub.get(*start..).is_some_and(|tail| tail.starts_with(&MAGIC)))
            .find_map(|start| stub.get(start..).and_then(Self::decode).map(|found| (start, found)))
    }

    /// What contradicts the request that the trailer came with.
    pub fn contradiction(&self, request: &Self) -> Option<&'static str> {
        let bit = |trailer: &Self| trailer.bitmask.map(|mask| mask & HEADER_SIGNING);
        if bit(self) == Some(HEADER_SIGNING) && bit(request) != Some(HEADER_SIGNING) {
            return Some("header signing was offered, and the offer was lost on the way");
        }
        if self.presentation.is_some() && self.presentation != request.presentation {
            return Some("the interface is not the one that the client bound to");
        }
        if self.header.is_some() && self.header != request.header {
            return Some("the header is not the one that the client sent");
        }
        None
    }

    /// Appends padding and the trailer to a stub.
    pub fn append(&self, stub: &mut Vec<u8>) {
        stub.resize(stub.len().next_multiple_of(4), 0);
        stub.extend_from_slice(&MAGIC);
        let mut commands: Vec<(u16, Vec<u8>)> = Vec::new();
        if let Some(mask) = self.bitmask {
            commands.push((BITMASK, mask.to_le_bytes().to_vec()));
        }
        if let Some((interface, transfer)) = self.presentation {
            commands.push((PCONTEXT | MUST_PROCESS, [interface.to_bytes(), transfer.to_bytes()].concat()));
        }
        if let Some(header) = self.header {
            commands.push((HEADER2 | MUST_PROCESS, header.to_bytes()));
        }
        let last = commands.len();
        for (index, (command, body)) in commands.into_iter().enumerate() {
            let command = if index + 1 == last { command | LAST } else { command };
            let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
            stub.extend_from_slice(&command.to_le_bytes());
            stub.extend_from_slice(&length.to_le_bytes());
            stub.extend_from_slice(&body);
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut ReadCursor::new(bytes)).ok().flatten()
    }

    fn read(cursor: &mut ReadCursor<'_>) -> Result<Option<Self>, ReadError> {
        cursor.take(MAGIC.len(), "signature")?;
        let mut trailer = Self::default();
        loop {
            let command = cursor.u16_le("command")?;
            let length = usize::from(cursor.u16_le("length")?);
            let mut body = cursor.sub(length, "body")?;
            match command & !(LAST | MUST_PROCESS) {
                BITMASK => trailer.bitmask = Some(body.u32_le("bitmask")?),
                PCONTEXT => {
                    let interface = SyntaxId::from_bytes(body.array("interface")?);
                    let transfer = SyntaxId::from_bytes(body.array("transfer_syntax")?);
                    trailer.presentation = Some((interface, transfer));
                }
                HEADER2 => match RequestHeader::read(&mut body)? {
                    Some(header) => trailer.header = Some(header),
                    None => return Ok(None),
                },
                _ if command & MUST_PROCESS != 0 => return Ok(None),
                _ => {
                    body.rest();
                }
            }
            if !body.is_empty() {
                return Ok(None);
            }
            if command & LAST != 0 {
                return Ok(cursor.is_empty().then_some(trailer));
            }
        }
    }
}

impl RequestHeader {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![self.kind.to_u8(), 0, 0, 0, 0x10, 0, 0, 0];
        bytes.extend_from_slice(&self.call_id.to_le_bytes());
        bytes.extend_from_slice(&self.context_id.to_le_bytes());
        bytes.extend_from_slice(&self.opnum.to_le_bytes());
        bytes
    }

    fn read(cursor: &mut ReadCursor<'_>) -> Result<Option<Self>, ReadError> {
        let kind = PduType::from_u8(cursor.u8("PTYPE")?);
        cursor.take(3, "reserved")?;
        cursor.take(4, "drep")?;
        let call_id = cursor.u32_le("call_id")?;
        let context_id = cursor.u16_le("p_cont_id")?;
        let opnum = cursor.u16_le("opnum")?;
        Ok(kind.map(|kind| Self { kind, call_id, context_id, opnum }))
    }
}

const _: () = assert!(Header::SIZE == 16, "header2 has the size of a header");

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn trailer() -> VerificationTrailer {
        let interface = SyntaxId::new(Uuid::from_u128(7), 1, 0);
        VerificationTrailer::new(true, (interface, SyntaxId::NDR), 3, 1, 9)
    }

    #[test]
    fn a_trailer_is_found_behind_any_stub() {
        for length in [0, 1, 4, 7, 5000] {
            let mut stub = vec![0x8a; length];
            trailer().append(&mut stub);
            let (start, found) = VerificationTrailer::find(&stub).unwrap();
            assert_eq!((start, found), (length.next_multiple_of(4), trailer()));
        }
    }

    #[test]
    fn a_cut_or_lengthened_trailer_is_none() {
        let mut stub = vec![1, 2, 3, 4];
        trailer().append(&mut stub);
        for length in 0..stub.len() {
            assert_eq!(VerificationTrailer::find(&stub[..length]), None, "{length}");
        }
        stub.push(0);
        assert_eq!(VerificationTrailer::find(&stub), None);
    }

    #[test]
    fn contradictions_are_named() {
        let sent = trailer();
        assert_eq!(sent.contradiction(&sent), None);
        let without = VerificationTrailer { bitmask: Some(0), ..sent };
        assert!(sent.contradiction(&without).is_some());
        assert!(without.contradiction(&sent).is_none(), "a client need not claim it");
        let other = VerificationTrailer { presentation: Some((SyntaxId::NDR, SyntaxId::NDR)), ..sent };
        assert!(other.contradiction(&sent).is_some());
        let header = sent.header.map(|header| RequestHeader { opnum: 1, ..header });
        assert!(VerificationTrailer { header, ..sent }.contradiction(&sent).is_some());
    }
}
