//! Cutting calls into fragments.

use std::collections::VecDeque;

use uuid::Uuid;

use crate::RpcError;
use crate::pdu::{Body, Header, Pdu, PduFlags, Request, Response};
use crate::protect::Protection;

/// A call in one direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) call_id: u32,
    pub(crate) context_id: u16,
    pub(crate) direction: Direction,
    pub(crate) stub: &'a [u8],
}

/// What the two directions have beside the stub.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction {
    Request { opnum: u16, object: Option<Uuid> },
    Response { cancel_count: u8 },
}

impl Message<'_> {
    /// Appends the fragments to what is to be sent. Signatures are numbered, so fragments must leave in
    /// the order in which they are made.
    pub(crate) fn send(
        &self,
        mut protection: Option<&mut Protection>,
        max_fragment: usize,
        out: &mut VecDeque<Vec<u8>>,
    ) -> Result<(), RpcError> {
        let size = self.piece(protection.as_deref(), max_fragment)?;
        let mut rest = self.stub;
        let mut first = true;
        loop {
            let (stub, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
            let last = tail.is_empty();
            let flags = PduFlags::default().with_if(PduFlags::FIRST, first).with_if(PduFlags::LAST, last);
            let pdu = Pdu { flags, call_id: self.call_id, body: self.body(stub, rest.len()), auth: None };
            out.push_back(match protection.as_deref_mut() {
                Some(protection) => protection.encode(pdu, stub.len())?,
                None => pdu.encode()?,
            });
            if last {
                return Ok(());
            }
            rest = tail;
            first = false;
        }
    }

    /// How much of the stub goes into one fragment.
    fn piece(&self, protection: Option<&Protection>, max_fragment: usize) -> Result<usize, RpcError> {
        let fixed = Header::SIZE
            + match self.direction {
                Direction::Request { object: Some(_), .. } => Request::FIXED + Request::OBJECT,
                Direction::Request { object: None, .. } => Request::FIXED,
                Direction::Response { .. } => Response::FIXED,
            };
        let (overhead, unit) =
            protection.map_or((0, 8), |protection| (protection.overhead(), crate::protect::PAD));
        let space = max_fragment.saturating_sub(fixed + overhead) / unit * unit;
        if space == 0 {
            let reason = "a fragment has no room for parameters";
            return Err(RpcError::Usage { what: "send", reason });
        }
        Ok(space)
    }

    fn body<'a>(&self, stub: &'a [u8], left: usize) -> Body<'a> {
        let alloc_hint = u32::try_from(left).unwrap_or(u32::MAX);
        let context_id = self.context_id;
        match self.direction {
            Direction::Request { opnum, object } => {
                Body::Request(Request { alloc_hint, context_id, opnum, object, stub })
            }
            Direction::Response { cancel_count } => {
                Body::Response(Response { alloc_hint, context_id, cancel_count, reserved: 0, stub })
            }
        }
    }
}
