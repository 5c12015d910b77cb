//! Calls at a server: from fragments to whole requests, and back.

use uuid::Uuid;

use super::contexts::Stage;
use super::{Caller, IncomingCall, ServerAssociation, ServerEvent};
use crate::fragments::{Direction, Message};
use crate::pdu::{AuthLevel, Body, FaultStatus, Header, Pdu, PduFlags, Request, VerificationTrailer};
use crate::protect::verifier;
use crate::{RpcError, SyntaxId};

/// A request whose fragments are still arriving.
pub(super) struct Assembly {
    context: u16,
    opnum: u16,
    object: Option<Uuid>,
    security: Option<u32>,
    /// `None` once the request was refused: its other fragments are passed over.
    stub: Option<Vec<u8>>,
}

/// A call that was given out.
pub(super) struct Running {
    pub(super) context: u16,
    security: Option<u32>,
    pub(super) cancels: u8,
    /// The client wants no answer.
    pub(super) maybe: bool,
}

impl ServerAssociation {
    pub(super) fn take_request(&mut self, header: &Header, mut pdu: Vec<u8>) -> Result<(), RpcError> {
        let security = match self.check(header, &mut pdu) {
            Ok(security) => security,
            Err((status, error)) => {
                self.send_fault(header.call_id, 0, status, 0, false);
                return Err(error);
            }
        };
        let Pdu { flags, call_id, body: Body::Request(request), .. } = Pdu::decode(&pdu)? else {
            return Ok(());
        };
        let unexpected = |reason| Err(RpcError::Unexpected { pdu: "request", reason });
        if flags.contains(PduFlags::FIRST) {
            if self.assemblies.contains_key(&call_id) || self.running.contains_key(&call_id) {
                self.send_fault(call_id, request.context_id, FaultStatus::PROTOCOL_ERROR, 0, false);
                return unexpected("a call of its number is under way");
            }
            self.begin(call_id, &request, security)?;
        }
        let Some(assembly) = self.assemblies.get_mut(&call_id) else {
            self.send_fault(call_id, request.context_id, FaultStatus::PROTOCOL_ERROR, 0, false);
            return unexpected("the first fragment is missing");
        };
        let same = (assembly.context, assembly.opnum, assembly.object, assembly.security)
            == (request.context_id, request.opnum, request.object, security);
        if !same {
            self.send_fault(call_id, request.context_id, FaultStatus::PROTOCOL_ERROR, 0, false);
            return unexpected("a fragment contradicts the first one of its call");
        }
        if let Some(stub) = &mut assembly.stub {
            let limits = [
                ("bytes of a request", stub.len(), self.options.max_request),
                ("bytes of unfinished requests", self.buffered, self.options.max_buffered),
            ];
            let broken = limits.into_iter().find(|(_, held, limit)| held + request.stub.len() > *limit);
            if let Some((what, held, limit)) = broken {
                self.send_fault(call_id, request.context_id, FaultStatus::REMOTE_NO_MEMORY, 0, false);
                return Err(RpcError::Limit { what, actual: held + request.stub.len(), limit });
            }
            stub.extend_from_slice(request.stub);
            self.buffered += request.stub.len();
        }
        if flags.contains(PduFlags::LAST) {
            self.complete(header, flags.contains(PduFlags::MAYBE));
        }
        Ok(())
    }

    /// Checks the protection of a fragment and decrypts it. Returns the security context that speaks for
    /// it.
    fn check(&mut self, header: &Header, pdu: &mut [u8]) -> Result<Option<u32>, (FaultStatus, RpcError)> {
        let refused =
            |reason| Err((FaultStatus::ACCESS_DENIED, RpcError::Protection { pdu: "request", reason }));
        let broken = |error| (FaultStatus::PROTOCOL_ERROR, error);
        let (id, matches) = match verifier(header, pdu).map_err(broken)? {
            Some(found) => {
                let id = found.context_id;
                (id, self.securities.get(&id).is_some_and(|known| known.protection.matches(&found)))
            }
            None => {
                let complete = |stage| stage == Stage::Complete;
                return match self.connect.and_then(|id| self.securities.get(&id).map(|it| (id, it.stage))) {
                    Some((id, stage)) if complete(stage) => Ok(Some(id)),
                    Some(_) => refused("the logon of the connection has not succeeded"),
                    None if self.securities.values().any(|known| known.protection.level.signs()) => {
                        refused("it is not signed, and the client agreed to sign")
                    }
                    None => Ok(None),
                };
            }
        };
        let Some(security) = self.securities.get_mut(&id).filter(|_| matches) else {
            return refused("its security context or level was not agreed");
        };
        if security.stage != Stage::Complete {
            return refused("its logon has not succeeded");
        }
        if security.protection.level.signs() {
            let failed = |error| (FaultStatus::SECURITY_PACKAGE, error);
            security.protection.check(pdu).map_err(failed)?;
        }
        Ok(Some(id))
    }

    /// Takes the first fragment of a call: from here on its others are known.
    fn begin(&mut self, call_id: u32, request: &Request<'_>, security: Option<u32>) -> Result<(), RpcError> {
        let under_way = self.assemblies.len() + self.running.len() + 1;
        let limit = self.options.max_calls;
        // Refused calls count, too, as long as their fragments arrive.
        if under_way > limit.saturating_mul(2) {
            return Err(RpcError::Limit { what: "calls at once", actual: under_way, limit });
        }
        let status = if !self.presentations.contains_key(&request.context_id) {
            Some(FaultStatus::INVALID_CONTEXT_ID)
        } else if under_way > limit {
            Some(FaultStatus::TOO_BUSY)
        } else {
            None
        };
        if let Some(status) = status {
            self.send_fault(call_id, request.context_id, status, 0, false);
        }
        let assembly = Assembly {
            context: request.context_id,
            opnum: request.opnum,
            object: request.object,
            security,
            stub: status.is_none().then(Vec::new),
        };
        self.assemblies.insert(call_id, assembly);
        Ok(())
    }

    /// The last fragment is there.
    fn complete(&mut self, header: &Header, maybe: bool) {
        let call_id = header.call_id;
        let Some(assembly) = self.forget_assembly(call_id) else { return };
        let Some(mut stub) = assembly.stub else { return };
        let Some(interface) = self.presentations.get(&assembly.context).copied() else { return };
        let (caller, signed) = self.caller(assembly.security);
        if let Some((end, trailer)) = VerificationTrailer::find(&stub).filter(|_| signed.is_some()) {
            let syntaxes = (interface, SyntaxId::NDR);
            let signing = signed.unwrap_or_default();
            let actual =
                VerificationTrailer::new(signing, syntaxes, call_id, assembly.context, assembly.opnum);
            if let Some(contradiction) = trailer.contradiction(&actual) {
                let error = RpcError::Protection { pdu: "request", reason: contradiction };
                self.events.push_back(ServerEvent::LogonFailed(error));
                self.send_fault(call_id, assembly.context, FaultStatus::ACCESS_DENIED, 0, false);
                return;
            }
            stub.truncate(end);
        }
        let running = Running { context: assembly.context, security: assembly.security, cancels: 0, maybe };
        self.running.insert(call_id, running);
        self.events.push_back(ServerEvent::Call(IncomingCall {
            id: call_id,
            interface,
            opnum: assembly.opnum,
            object: assembly.object,
            stub,
            caller,
        }));
    }

    /// Who calls, and where the call is signed whether its headers are agreed to be.
    fn caller(&self, security: Option<u32>) -> (Caller, Option<bool>) {
        let Some(security) = security.and_then(|id| self.securities.get(&id)) else {
            return (Caller::anonymous(), None);
        };
        let protection = &security.protection;
        let caller = Caller {
            level: protection.level,
            auth_type: Some(protection.auth_type),
            principal: protection.context.peer().cloned(),
        };
        (caller, (protection.level >= AuthLevel::Call).then_some(protection.header_signing))
    }

    pub(super) fn forget_assembly(&mut self, call_id: u32) -> Option<Assembly> {
        let assembly = self.assemblies.remove(&call_id)?;
        let held = assembly.stub.as_ref().map_or(0, Vec::len);
        self.buffered = self.buffered.saturating_sub(held);
        Some(assembly)
    }

    pub(super) fn send_response(
        &mut self,
        call_id: u32,
        running: &Running,
        stub: &[u8],
    ) -> Result<(), RpcError> {
        if running.maybe {
            return Ok(());
        }
        let protection = running
            .security
            .and_then(|id| self.securities.get_mut(&id))
            .map(|security| &mut security.protection)
            .filter(|protection| protection.level.signs());
        let direction = Direction::Response { cancel_count: running.cancels };
        let message = Message { call_id, context_id: running.context, direction, stub };
        message.send(protection, self.max_xmit, &mut self.outbox)
    }
}
