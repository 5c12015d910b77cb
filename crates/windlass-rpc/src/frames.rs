//! From a byte stream to PDUs.

use crate::RpcError;
use crate::pdu::{Header, PduType};

/// Puts PDUs together from the bytes of a connection.
#[derive(Debug)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    used: usize,
    /// The largest fragment of a call that this side takes, in bytes.
    max_fragment: usize,
}

impl FrameReader {
    pub(crate) fn new(max_fragment: u16) -> Self {
        Self { buffer: Vec::new(), used: 0, max_fragment: usize::from(max_fragment) }
    }

    /// Takes bytes that were received.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole PDU. The header is judged as soon as it is there.
    pub(crate) fn next(&mut self) -> Result<Option<(Header, Vec<u8>)>, RpcError> {
        let rest = self.buffer.get(self.used..).unwrap_or_default();
        if rest.len() < Header::SIZE {
            return Ok(None);
        }
        let header = Header::decode(rest)?;
        let length = usize::from(header.frag_length);
        // Tokens may need more than a fragment's worth: the ticket of a user with many groups does.
        let carries_call = matches!(header.kind, PduType::Request | PduType::Response | PduType::Fault);
        if carries_call && length > self.max_fragment {
            let limit = self.max_fragment;
            return Err(RpcError::Limit { what: "bytes of a fragment", actual: length, limit });
        }
        let Some(pdu) = rest.get(..length) else { return Ok(None) };
        let pdu = pdu.to_vec();
        self.used += length;
        Ok(Some((header, pdu)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::{Body, Pdu, PduFlags};

    fn cancel(call_id: u32) -> Vec<u8> {
        Pdu { flags: PduFlags::WHOLE, call_id, body: Body::Cancel, auth: None }.encode().unwrap()
    }

    #[test]
    fn pdus_arrive_in_any_pieces() {
        let bytes = [cancel(1), cancel(2), cancel(3)].concat();
        for size in 1..bytes.len() {
            let mut reader = FrameReader::new(5840);
            let mut calls = Vec::new();
            for piece in bytes.chunks(size) {
                reader.push(piece);
                while let Some((header, _)) = reader.next().unwrap() {
                    calls.push(header.call_id);
                }
            }
            assert_eq!(calls, [1, 2, 3]);
        }
    }

    #[test]
    fn a_fragment_that_is_too_large_is_refused_by_its_header() {
        let mut reader = FrameReader::new(5840);
        let header = |kind, frag_length| {
            Header { kind, flags: PduFlags::WHOLE, frag_length, auth_length: 0, call_id: 1 }.to_bytes()
        };
        reader.push(&header(PduType::Request, 5841));
        assert!(matches!(reader.next(), Err(RpcError::Limit { actual: 5841, limit: 5840, .. })));
        let mut reader = FrameReader::new(5840);
        reader.push(&header(PduType::Bind, 60_000));
        assert_eq!(reader.next(), Ok(None));
    }
}
