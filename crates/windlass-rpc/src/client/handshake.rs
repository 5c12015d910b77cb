//! Binding interfaces and making security contexts (C706 12.6.4.1, [MS-RPCE] 3.3.1.5.2).

use windlass_auth::{AuthError, Step};

use super::{Agreed, BoundInterface, ClientAssociation, ClientEvent, ClientSecurity, Phase};
use crate::pdu::{
    AuthLevel, Bind, BindAck, BindFeatures, Body, ContextElement, ContextOutcome, Pdu, PduFlags,
};
use crate::protect::Protection;
use crate::{RpcError, SyntaxId};

/// A bind or alter_context, with all the legs of its logon.
pub(super) struct Handshake {
    call_id: u32,
    contexts: Vec<ContextElement>,
    interfaces: Vec<BoundInterface>,
    /// The element with the features is the last one; only a first bind has it.
    offers_features: bool,
    protection: Option<Protection>,
    /// The contexts were sent.
    proposed: bool,
    /// The initiator wants no further token.
    settled: bool,
    kdc: bool,
}

/// Presentation contexts of one association.
const MAX_CONTEXTS: u16 = 2000;
/// Elements of one bind: `n_context_elem` is one byte, and one is for the features.
const MAX_INTERFACES: usize = 100;

impl ClientAssociation {
    pub(super) fn handshake_for(
        &mut self,
        interfaces: &[SyntaxId],
        security: Option<ClientSecurity>,
    ) -> Result<Handshake, RpcError> {
        let usage = |reason| RpcError::Usage { what: "bind", reason };
        if interfaces.is_empty() || interfaces.len() > MAX_INTERFACES {
            return Err(usage("1 to 100 interfaces are expected"));
        }
        let mut handshake = Handshake {
            call_id: self.next_call_id(),
            contexts: Vec::new(),
            interfaces: Vec::new(),
            offers_features: false,
            protection: None,
            proposed: false,
            settled: true,
            kdc: false,
        };
        for interface in interfaces {
            let context = self.next_presentation;
            if context >= MAX_CONTEXTS {
                return Err(usage("the association has too many presentation contexts"));
            }
            self.next_presentation += 1;
            let outcome = ContextOutcome::NO_INTERFACE;
            handshake.interfaces.push(BoundInterface { interface: *interface, context, outcome });
            handshake.contexts.push(ContextElement {
                id: context,
                abstract_syntax: *interface,
                transfer_syntaxes: vec![SyntaxId::NDR],
            });
        }
        if let Some(ClientSecurity { auth_type, level, context }) = security {
            if level == AuthLevel::None {
                return Err(usage("a security context needs a level"));
            }
            let id = self.next_security;
            self.next_security = id.wrapping_add(1);
            handshake.settled = false;
            handshake.protection = Some(Protection { context, auth_type, level, id, header_signing: false });
        }
        Ok(handshake)
    }

    pub(super) fn start(&mut self, mut handshake: Handshake) -> Result<(), RpcError> {
        if self.phase == Phase::New {
            self.phase = Phase::Binding;
            if let Some(first) = handshake.contexts.first() {
                let id = self.next_presentation;
                self.next_presentation += 1;
                let transfer_syntaxes = vec![BindFeatures::ALL.to_syntax()];
                let element =
                    ContextElement { id, abstract_syntax: first.abstract_syntax, transfer_syntaxes };
                handshake.contexts.push(element);
                handshake.offers_features = true;
            }
        }
        let step = match &mut handshake.protection {
            Some(protection) => protection.context.step(None).map(Some),
            None => Ok(None),
        };
        self.handshake = Some(handshake);
        match step {
            Ok(Some(step)) => self.advance(step),
            Ok(None) => self.send_handshake(&[]),
            Err(error) => self.refuse(error.into()),
        }
    }

    pub(super) fn continue_with_kdc(&mut self, reply: &[u8]) -> Result<(), RpcError> {
        let step = self.asked_kdc()?.context.kdc_reply(reply);
        self.continue_asked(step)
    }

    pub(super) fn continue_without_kdc(&mut self, reason: &str) -> Result<(), RpcError> {
        let step = self.asked_kdc()?.context.kdc_unreachable(reason);
        self.continue_asked(step)
    }

    /// The security context that waits for a KDC.
    fn asked_kdc(&mut self) -> Result<&mut Protection, RpcError> {
        let usage = RpcError::Usage { what: "take a KDC's answer", reason: "no KDC was asked" };
        let handshake = self.handshake.as_mut().filter(|handshake| handshake.kdc).ok_or(usage.clone())?;
        handshake.kdc = false;
        handshake.protection.as_mut().ok_or(usage)
    }

    fn continue_asked(&mut self, step: Result<Step, AuthError>) -> Result<(), RpcError> {
        match step {
            Ok(step) => self.advance(step),
            Err(error) => self.refuse(error.into()),
        }
    }

    pub(super) fn is_handshake(&self, call_id: u32) -> bool {
        self.handshake.as_ref().is_some_and(|handshake| handshake.call_id == call_id)
    }

    /// Does what the initiator wants.
    fn advance(&mut self, step: Step) -> Result<(), RpcError> {
        let Some(handshake) = &mut self.handshake else { return Ok(()) };
        match step {
            Step::AskKdc(request) => {
                handshake.kdc = true;
                self.events.push_back(ClientEvent::AskKdc(request));
                Ok(())
            }
            Step::Continue(token) => self.send_handshake(&token),
            Step::Complete(token) => {
                handshake.settled = true;
                match token {
                    Some(token) if handshake.proposed => {
                        self.send_auth3(&token)?;
                        self.finish()
                    }
                    Some(token) => self.send_handshake(&token),
                    None if handshake.proposed => self.finish(),
                    None => self.send_handshake(&[]),
                }
            }
        }
    }

    /// Sends the contexts with a token. Later legs repeat the first context, as Windows does.
    fn send_handshake(&mut self, token: &[u8]) -> Result<(), RpcError> {
        let first = self.phase == Phase::Binding;
        let group = if first { self.options.association_group } else { 0 };
        let Some(handshake) = &mut self.handshake else { return Ok(()) };
        let contexts = if handshake.proposed {
            handshake.contexts.iter().take(1).cloned().collect()
        } else {
            handshake.contexts.clone()
        };
        let bind = Bind {
            max_xmit_frag: self.options.max_fragment,
            max_recv_frag: self.options.max_fragment,
            assoc_group_id: group,
            contexts,
        };
        let is_bind = first && !handshake.proposed;
        handshake.proposed = true;
        let body = if is_bind { Body::Bind(bind) } else { Body::AlterContext(bind) };
        let flags = PduFlags::WHOLE
            .with_if(PduFlags::HEADER_SIGN, handshake.protection.is_some())
            .with_if(PduFlags::MULTIPLEX, is_bind);
        let auth = match &handshake.protection {
            // All bodies are multiples of four bytes long: no padding.
            Some(protection) if !token.is_empty() => Some(protection.token(token, &[])),
            _ => None,
        };
        let bytes = Pdu { flags, call_id: handshake.call_id, body, auth }.encode()?;
        self.outbox.push_back(bytes);
        Ok(())
    }

    fn send_auth3(&mut self, token: &[u8]) -> Result<(), RpcError> {
        let Some(handshake) = &self.handshake else { return Ok(()) };
        let Some(protection) = &handshake.protection else { return Ok(()) };
        let auth = Some(protection.token(token, &[]));
        let flags = PduFlags::WHOLE.with(PduFlags::HEADER_SIGN);
        let pdu = Pdu { flags, call_id: handshake.call_id, body: Body::Auth3([0; 4]), auth };
        self.outbox.push_back(pdu.encode()?);
        Ok(())
    }

    /// Takes the answer to a bind or alter_context.
    pub(super) fn take_handshake(&mut self, pdu: &Pdu<'_>) -> Result<(), RpcError> {
        let name = pdu.body.name();
        let unexpected = |reason| Err(RpcError::Unexpected { pdu: name, reason });
        let Some(handshake) = &self.handshake else { return unexpected("no bind is under way") };
        if !handshake.proposed || handshake.call_id != pdu.call_id {
            return unexpected("no bind of that number is under way");
        }
        let first = self.phase == Phase::Binding && self.agreed.max_xmit == 0;
        match &pdu.body {
            Body::BindAck(ack) if first => {
                self.agree(ack, pdu.flags)?;
                self.take_results(ack, pdu)
            }
            Body::AlterContextResponse(ack) if !first => self.take_results(ack, pdu),
            Body::BindNak(nak) if self.phase == Phase::Binding => {
                self.refuse(RpcError::BindRefused(nak.reason))
            }
            Body::Fault(fault) => self.refuse(RpcError::AlterRefused(fault.status)),
            _ => unexpected("not the answer to what was sent"),
        }
    }

    /// Takes from the first bind_ack what holds for the whole association.
    fn agree(&mut self, ack: &BindAck, flags: PduFlags) -> Result<(), RpcError> {
        let Some(limit) = Some(ack.max_recv_frag).filter(|size| *size >= super::MUST_RECEIVE) else {
            return Err(RpcError::Malformed {
                pdu: "bind_ack",
                field: "max_recv_frag",
                offset: 18,
                reason: "less than every server has to take",
            });
        };
        let last = ack.results.last().map(|result| result.outcome);
        let features = match last {
            Some(ContextOutcome::Features(bits)) => BindFeatures(bits).common(BindFeatures::ALL),
            _ => BindFeatures::default(),
        };
        self.agreed = Agreed {
            max_xmit: usize::from(limit.min(self.options.max_fragment)),
            group: ack.assoc_group_id,
            header_signing: flags.contains(PduFlags::HEADER_SIGN),
            multiplex: flags.contains(PduFlags::MULTIPLEX),
            features,
        };
        Ok(())
    }

    fn take_results(&mut self, ack: &BindAck, pdu: &Pdu<'_>) -> Result<(), RpcError> {
        let sticky = self.agreed.header_signing;
        let Some(handshake) = &mut self.handshake else { return Ok(()) };
        let name = pdu.body.name();
        handshake.judge(ack, name)?;
        let Some(protection) = &mut handshake.protection else { return self.finish() };
        protection.header_signing |= sticky || pdu.flags.contains(PduFlags::HEADER_SIGN);
        let token = match &pdu.auth {
            Some(verifier) if !protection.matches(verifier) => {
                let reason = "the verifier is of another security context or level than was asked for";
                return Err(RpcError::Protection { pdu: name, reason });
            }
            Some(verifier) => Some(verifier.value),
            None => None,
        };
        if handshake.settled && token.is_none() {
            return self.finish();
        }
        if token.is_none() {
            let error =
                RpcError::Protection { pdu: name, reason: "the server ends the logon before it is done" };
            return self.refuse(error);
        }
        match protection.context.step(token) {
            Ok(step) => self.advance(step),
            Err(error) => self.refuse(error.into()),
        }
    }

    /// The bind is done.
    fn finish(&mut self) -> Result<(), RpcError> {
        let Some(handshake) = self.handshake.take() else { return Ok(()) };
        self.phase = Phase::Open;
        let mut security = None;
        if let Some(protection) = handshake.protection {
            if protection.level.signs() && !protection.context.can_sign() {
                let reason = "the mechanism agreed on no keys to sign with";
                self.phase = Phase::Failed;
                return Err(RpcError::Protection { pdu: "bind", reason });
            }
            security = Some(protection.id);
            self.securities.insert(protection.id, protection);
        }
        for bound in &handshake.interfaces {
            if bound.outcome == ContextOutcome::Accepted {
                self.presentations.insert(bound.context, bound.interface);
            }
        }
        self.events.push_back(ClientEvent::Bound { interfaces: handshake.interfaces, security });
        self.pump()
    }

    /// The bind has failed; so has the association, if it was the first.
    fn refuse(&mut self, error: RpcError) -> Result<(), RpcError> {
        self.handshake = None;
        self.events.push_back(ClientEvent::BindFailed(error));
        if self.phase == Phase::Binding {
            self.phase = Phase::Failed;
            return Ok(());
        }
        self.pump()
    }
}

impl Handshake {
    /// Notes what became of each context. Answers to later legs repeat some of it.
    fn judge(&mut self, ack: &BindAck, pdu: &'static str) -> Result<(), RpcError> {
        if ack.results.len() > self.contexts.len() {
            let reason = "more results than contexts were proposed";
            return Err(RpcError::Malformed { pdu, field: "n_results", offset: 0, reason });
        }
        for (bound, result) in self.interfaces.iter_mut().zip(&ack.results) {
            let chosen = result.transfer_syntax == SyntaxId::NDR;
            if result.outcome == ContextOutcome::Accepted && !chosen {
                let reason = "an encoding was chosen that was not offered";
                return Err(RpcError::Malformed { pdu, field: "transfer_syntax", offset: 0, reason });
            }
            bound.outcome = result.outcome;
        }
        Ok(())
    }
}
