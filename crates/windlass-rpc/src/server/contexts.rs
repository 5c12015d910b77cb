//! Presentation and security contexts of a server's association (C706 12.6.4.1, [MS-RPCE] 3.3.1.5.2).

use windlass_auth::Step;

use super::{Phase, ServerAssociation, ServerEvent};
use crate::client::MUST_RECEIVE;
use crate::pdu::{
    AuthLevel, AuthVerifier, Bind, BindAck, BindFeatures, BindNak, BindNakReason, Body, ContextElement,
    ContextOutcome, ContextResult, FaultStatus, Pdu, PduFlags,
};
use crate::protect::Protection;
use crate::{RpcError, SyntaxId};

/// A security context and how far its logon has come.
pub(super) struct ServerSecurity {
    pub(super) protection: Protection,
    pub(super) stage: Stage,
}

/// How far a logon has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A token of the client is due.
    Waiting,
    /// The client has proved itself.
    Complete,
    /// The client has not.
    Failed,
}

/// The token for an answer, and where it is for.
type Answer = Option<(u32, Vec<u8>)>;

impl ServerAssociation {
    pub(super) fn take_bind(&mut self, pdu: &Pdu<'_>) -> Result<(), RpcError> {
        let Body::Bind(bind) = &pdu.body else { return Ok(()) };
        let refuse = |this: &mut Self, reason, error| {
            this.refuse_bind(pdu.call_id, reason);
            Err(error)
        };
        if bind.max_recv_frag < MUST_RECEIVE || bind.max_xmit_frag < MUST_RECEIVE {
            let error = RpcError::Malformed {
                pdu: "bind",
                field: "max_recv_frag",
                offset: 16,
                reason: "less than every client has to take",
            };
            return refuse(self, BindNakReason::UNSPECIFIED, error);
        }
        let Some(group) = self.endpoint.join_group(bind.assoc_group_id) else {
            let reason = "it names an association group that does not exist";
            return refuse(self, BindNakReason::UNSPECIFIED, RpcError::Unexpected { pdu: "bind", reason });
        };
        self.max_xmit = usize::from(bind.max_recv_frag.min(self.options.max_fragment));
        self.header_signing = pdu.flags.contains(PduFlags::HEADER_SIGN);
        let answer = match &pdu.auth {
            None => None,
            Some(verifier) => match self.take_token(verifier, pdu.flags) {
                Ok(answer) => answer,
                Err(error @ RpcError::Protection { .. }) => {
                    return refuse(self, BindNakReason::AUTH_TYPE, error);
                }
                Err(error) => return refuse(self, BindNakReason::CHECKSUM, error),
            },
        };
        self.phase = Phase::Open;
        let flags = PduFlags::WHOLE.with_if(PduFlags::MULTIPLEX, pdu.flags.contains(PduFlags::MULTIPLEX));
        self.answer_contexts(pdu, bind, flags, group, &answer)
    }

    pub(super) fn take_alter(&mut self, pdu: &Pdu<'_>) -> Result<(), RpcError> {
        let Body::AlterContext(bind) = &pdu.body else { return Ok(()) };
        let answer = match &pdu.auth {
            None => None,
            Some(verifier) => match self.take_token(verifier, pdu.flags) {
                Ok(answer) => answer,
                Err(error) => {
                    self.send_fault(pdu.call_id, 0, FaultStatus::ACCESS_DENIED, 0, false);
                    return match error {
                        // A logon that fails is no reason to end what goes on beside it.
                        RpcError::Auth(_) => {
                            self.events.push_back(ServerEvent::LogonFailed(error));
                            Ok(())
                        }
                        error => Err(error),
                    };
                }
            },
        };
        self.answer_contexts(pdu, bind, PduFlags::WHOLE, 0, &answer)
    }

    /// The last leg of a logon. It is never answered: if it fails, the next request shows it.
    pub(super) fn take_auth3(&mut self, pdu: &Pdu<'_>) -> Result<(), RpcError> {
        let Some(verifier) = &pdu.auth else {
            return Err(RpcError::Unexpected { pdu: "rpc_auth_3", reason: "it has no token" });
        };
        let waits =
            self.securities.get(&verifier.context_id).is_some_and(|known| known.stage == Stage::Waiting);
        if !waits {
            return Err(RpcError::Unexpected { pdu: "rpc_auth_3", reason: "no logon waits for it" });
        }
        match self.take_token(verifier, pdu.flags) {
            Err(error @ RpcError::Auth(_)) => {
                self.events.push_back(ServerEvent::LogonFailed(error));
                Ok(())
            }
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }

    pub(super) fn refuse_bind(&mut self, call_id: u32, reason: BindNakReason) {
        let nak = BindNak { reason, versions: vec![[5, 0]], rest: &[] };
        self.send(PduFlags::WHOLE, call_id, Body::BindNak(nak));
    }

    /// Gives a token to the acceptor that it is for, a new one if need be.
    fn take_token(&mut self, verifier: &AuthVerifier<'_>, flags: PduFlags) -> Result<Answer, RpcError> {
        let refused = |reason| RpcError::Protection { pdu: "bind", reason };
        let id = verifier.context_id;
        if !self.securities.contains_key(&id) {
            let (actual, limit) = (self.securities.len() + 1, self.options.max_security_contexts);
            if actual > limit {
                return Err(RpcError::Limit { what: "security contexts", actual, limit });
            }
            let level = AuthLevel::from_u8(verifier.level)
                .filter(|level| *level != AuthLevel::None)
                .ok_or_else(|| refused("no level of a security context"))?;
            let context = self
                .endpoint
                .acceptor(verifier.auth_type)
                .ok_or_else(|| refused("the security provider is not supported"))?;
            let auth_type = verifier.auth_type;
            let protection = Protection { context, auth_type, level, id, header_signing: false };
            self.securities.insert(id, ServerSecurity { protection, stage: Stage::Waiting });
            if !level.signs() {
                self.connect = Some(id);
            }
        }
        let agreed = self.header_signing || flags.contains(PduFlags::HEADER_SIGN);
        let Some(security) = self.securities.get_mut(&id) else { return Ok(None) };
        if security.stage != Stage::Waiting {
            return Err(refused("the logon of this security context is over"));
        }
        if !security.protection.matches(verifier) {
            security.stage = Stage::Failed;
            return Err(refused("another provider or level than at the start of the logon"));
        }
        security.protection.header_signing |= agreed;
        let step = security.protection.context.step(Some(verifier.value));
        let signs = security.protection.level.signs();
        let (stage, result) = match step {
            Ok(Step::Continue(token)) => (Stage::Waiting, Ok(Some((id, token)))),
            Ok(Step::Complete(_)) if signs && !security.protection.context.can_sign() => {
                (Stage::Failed, Err(refused("the mechanism agreed on no keys to sign with")))
            }
            Ok(Step::Complete(token)) => (Stage::Complete, Ok(token.map(|token| (id, token)))),
            Ok(Step::AskKdc(_)) => (Stage::Failed, Err(refused("an acceptor asks no KDC"))),
            Err(error) => (Stage::Failed, Err(error.into())),
        };
        security.stage = stage;
        result
    }

    /// Makes the contexts that can be made and answers all of them.
    fn answer_contexts(
        &mut self,
        pdu: &Pdu<'_>,
        bind: &Bind,
        flags: PduFlags,
        group: u32,
        answer: &Answer,
    ) -> Result<(), RpcError> {
        let results = bind.contexts.iter().map(|element| self.take_context(element)).collect();
        let is_bind = matches!(pdu.body, Body::Bind(_));
        let mut secondary_address = Vec::new();
        if is_bind && !self.options.secondary_address.is_empty() {
            secondary_address.extend_from_slice(self.options.secondary_address.as_bytes());
            secondary_address.push(0);
        }
        let ack = BindAck {
            max_xmit_frag: self.options.max_fragment.min(bind.max_recv_frag),
            max_recv_frag: self.options.max_fragment,
            assoc_group_id: group,
            secondary_address,
            padding: [0; 3],
            results,
        };
        let body = if is_bind { Body::BindAck(ack) } else { Body::AlterContextResponse(ack) };
        let flags = flags.with_if(PduFlags::HEADER_SIGN, pdu.flags.contains(PduFlags::HEADER_SIGN));
        let auth = answer.as_ref().and_then(|(id, token)| {
            self.securities.get(id).map(|security| security.protection.token(token, &[]))
        });
        let bytes = Pdu { flags, call_id: pdu.call_id, body, auth }.encode()?;
        self.outbox.push_back(bytes);
        Ok(())
    }

    fn take_context(&mut self, element: &ContextElement) -> ContextResult {
        let offered = &element.transfer_syntaxes;
        if let Some(features) = offered.iter().find_map(BindFeatures::from_syntax) {
            let common = features.common(BindFeatures::ALL);
            return ContextResult::without_syntax(ContextOutcome::Features(common.0));
        }
        let known = self.presentations.get(&element.id);
        let refused = if known.is_some_and(|interface| *interface != element.abstract_syntax) {
            Some(ContextOutcome::Refused { result: 2, reason: 0 })
        } else if !self.endpoint.serves(&element.abstract_syntax) {
            Some(ContextOutcome::NO_INTERFACE)
        } else if !offered.contains(&SyntaxId::NDR) {
            Some(ContextOutcome::NO_TRANSFER_SYNTAX)
        } else if known.is_none() && self.presentations.len() >= self.options.max_contexts {
            Some(ContextOutcome::LOCAL_LIMIT)
        } else {
            None
        };
        match refused {
            Some(outcome) => ContextResult::without_syntax(outcome),
            None => {
                self.presentations.insert(element.id, element.abstract_syntax);
                ContextResult::accepted()
            }
        }
    }
}
