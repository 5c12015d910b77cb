//! Calls under way at a client.

use super::{CallRequest, ClientAssociation, ClientEvent, Phase, Waiting};
use crate::RpcError;
use crate::SyntaxId;
use crate::fragments::{Direction, Message};
use crate::pdu::{Body, Header, Pdu, PduFlags, VerificationTrailer};
use crate::protect::verifier;

/// A call that was sent.
pub(super) struct Call {
    context: u16,
    security: Option<u32>,
    /// What came of the results so far; `None` before the first fragment.
    results: Option<Vec<u8>>,
}

impl ClientAssociation {
    pub(super) fn enqueue_call(&mut self, request: CallRequest) -> Result<u32, RpcError> {
        let usage = |reason| RpcError::Usage { what: "call", reason };
        if self.phase != Phase::Open {
            return Err(usage("the association is not open"));
        }
        if !self.presentations.contains_key(&request.context) {
            return Err(usage("the presentation context does not exist"));
        }
        if request.security.is_some_and(|id| !self.securities.contains_key(&id)) {
            return Err(usage("the security context does not exist"));
        }
        let (actual, limit) = (self.calls_under_way() + 1, self.options.max_calls);
        if actual > limit {
            return Err(RpcError::Limit { what: "calls at once", actual, limit });
        }
        let id = self.next_call_id();
        if self.may_call() && self.waiting.is_empty() {
            self.start_call(id, request)?;
        } else {
            self.waiting.push_back(Waiting::Call(id, request));
        }
        Ok(id)
    }

    pub(super) fn start_call(&mut self, id: u32, request: CallRequest) -> Result<(), RpcError> {
        let CallRequest { context, security, opnum, object, mut stub } = request;
        let mut protection = security.and_then(|id| self.securities.get_mut(&id));
        if let Some(used) = &protection {
            let covered = used.header_signing || used.context.always_signs_headers();
            if used.level.signs() && !covered && self.options.verification_trailer {
                let interface = self.presentations.get(&context).copied().unwrap_or(SyntaxId::NDR);
                let syntaxes = (interface, SyntaxId::NDR);
                VerificationTrailer::new(false, syntaxes, id, context, opnum).append(&mut stub);
            }
            if !used.level.signs() {
                // The logon of the connection speaks for the call.
                protection = None;
            }
        }
        let direction = Direction::Request { opnum, object };
        let message = Message { call_id: id, context_id: context, direction, stub: &stub };
        message.send(protection, self.agreed.max_xmit, &mut self.outbox)?;
        self.calls.insert(id, Call { context, security, results: None });
        Ok(())
    }

    pub(super) fn take_response(&mut self, header: &Header, mut pdu: Vec<u8>) -> Result<(), RpcError> {
        self.check(header, &mut pdu)?;
        let Pdu { flags, call_id, body: Body::Response(response), .. } = Pdu::decode(&pdu)? else {
            return Ok(());
        };
        let last = flags.contains(PduFlags::LAST);
        let Some(call) = self.calls.get_mut(&call_id) else { return self.take_late(call_id, last) };
        let unexpected = |reason| Err(RpcError::Unexpected { pdu: "response", reason });
        if response.context_id != call.context {
            return unexpected("its presentation context is not that of the call");
        }
        let results = match (&mut call.results, flags.contains(PduFlags::FIRST)) {
            (Some(results), false) => results,
            (results @ None, true) => results.insert(Vec::new()),
            (Some(_), true) => return unexpected("a second first fragment"),
            (None, false) => return unexpected("the first fragment is missing"),
        };
        let (actual, limit) = (results.len() + response.stub.len(), self.options.max_response);
        if actual > limit {
            return Err(RpcError::Limit { what: "bytes of a response", actual, limit });
        }
        results.extend_from_slice(response.stub);
        if last {
            let stub = self.calls.remove(&call_id).and_then(|call| call.results).unwrap_or_default();
            self.events.push_back(ClientEvent::Response { call: call_id, stub });
            self.pump()?;
        }
        Ok(())
    }

    /// Takes a fault. Servers may send faults unsigned: they say no more than that a call has failed.
    pub(super) fn take_fault(&mut self, header: &Header, mut pdu: Vec<u8>) -> Result<(), RpcError> {
        if header.auth_length > 0 {
            self.check(header, &mut pdu)?;
        }
        let Pdu { flags, call_id, body: Body::Fault(fault), .. } = Pdu::decode(&pdu)? else {
            return Ok(());
        };
        if self.calls.remove(&call_id).is_none() {
            return self.take_late(call_id, true);
        }
        let did_not_execute = flags.contains(PduFlags::DID_NOT_EXECUTE);
        self.events.push_back(ClientEvent::Fault { call: call_id, status: fault.status, did_not_execute });
        self.pump()
    }

    /// Checks that a PDU is protected as its call is, and decrypts it.
    fn check(&mut self, header: &Header, pdu: &mut [u8]) -> Result<(), RpcError> {
        let name = header.kind.name();
        let refused = |reason| Err(RpcError::Protection { pdu: name, reason });
        // A call that was given up had some protection: its numbering goes on all the same.
        let wanted = self.calls.get(&header.call_id).map(|call| call.security);
        let (id, matches) = match verifier(header, pdu)? {
            None => {
                let signs = |id: u32| self.securities.get(&id).is_some_and(|known| known.level.signs());
                return match wanted.flatten() {
                    Some(id) if signs(id) => refused("it is not signed, its call was"),
                    _ => Ok(()),
                };
            }
            Some(found) => {
                let id = found.context_id;
                (id, self.securities.get(&id).is_some_and(|known| known.matches(&found)))
            }
        };
        if wanted.is_some_and(|security| security != Some(id)) {
            return refused("it is of another security context than its call");
        }
        match self.securities.get_mut(&id) {
            Some(protection) if matches && protection.level.signs() => protection.check(pdu),
            // At level connect nothing is protected, and what stands there means nothing.
            Some(_) if matches => Ok(()),
            _ => refused("its security context or level was not agreed"),
        }
    }

    /// An answer to a call that is not under way (any more).
    fn take_late(&mut self, call_id: u32, last: bool) -> Result<(), RpcError> {
        let known = if last { self.abandoned.remove(&call_id) } else { self.abandoned.contains(&call_id) };
        if known {
            return Ok(());
        }
        Err(RpcError::Unexpected { pdu: "response", reason: "there is no call of its number" })
    }
}
