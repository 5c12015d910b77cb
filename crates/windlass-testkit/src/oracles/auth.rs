//! Oracles of NTLM and SPNEGO tokens and of the contexts that read them.

use std::sync::Arc;

use windlass_auth::ntlm::{self, AuthenticateMessage, Message, NegotiateFlags, Version};
use windlass_auth::spnego::{self, NegotiationToken};
use windlass_auth::{
    Accounts, ChannelBinding, Credential, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator,
};
use windlass_core::Secret;

/// A message that decodes is the same after encoding, apart from what encoding always writes.
pub(super) fn ntlm_messages(data: &[u8]) {
    let Ok(message) = Message::decode(data) else { return };
    let encoded = match &message {
        Message::Negotiate(message) => message.encode(),
        Message::Challenge(message) => message.encode(),
        Message::Authenticate(message) => message.encode(),
    };
    // Fields of a peer's message may overlap; ours do not, and so may be longer than the limit.
    if encoded.len() <= ntlm::MAX_TOKEN {
        assert_eq!(Message::decode(&encoded), Ok(with_fixed_parts(message)));
    }
}

/// The Version is written where its flag is set, and the MIC always.
fn with_fixed_parts(message: Message) -> Message {
    let version = |flags: NegotiateFlags, version: Option<Version>| {
        let zero = Version { major: 0, minor: 0, build: 0, revision: 0 };
        flags.contains(NegotiateFlags::VERSION).then(|| version.unwrap_or(zero))
    };
    match message {
        Message::Negotiate(mut message) => {
            message.version = version(message.flags, message.version);
            Message::Negotiate(message)
        }
        Message::Challenge(mut message) => {
            message.version = version(message.flags, message.version);
            Message::Challenge(message)
        }
        Message::Authenticate(message) => Message::Authenticate(AuthenticateMessage {
            version: version(message.flags, message.version),
            mic_offset: Some(72),
            mic: Some(message.mic.unwrap_or_default()),
            ..message
        }),
    }
}

/// A token that decodes is the same after encoding.
pub(super) fn spnego_tokens(data: &[u8]) {
    let Ok(token) = NegotiationToken::decode(data) else { return };
    let encoded = match &token {
        NegotiationToken::Init(token) => token.encode(),
        NegotiationToken::Resp(token) => token.encode(),
    };
    if encoded.len() <= spnego::MAX_TOKEN {
        assert_eq!(NegotiationToken::decode(&encoded), Ok(token));
    }
}

/// An acceptor takes any tokens and lets nobody in.
pub(super) fn spnego_acceptor(data: &[u8]) {
    let mut accounts = Accounts::new();
    accounts.insert("alice", Secret::new("not to be guessed"));
    let mut acceptor = SpnegoAcceptor::ntlm(NtlmAcceptorOptions::new(Arc::new(accounts), "host", 0));
    for token in tokens(data) {
        if acceptor.step(Some(token)).is_err() {
            break;
        }
    }
    assert!(!acceptor.is_complete() && acceptor.peer().is_none() && !acceptor.can_seal());
}

/// An initiator takes any tokens.
pub(super) fn spnego_initiator(data: &[u8]) {
    let options = NtlmInitiatorOptions::new(Credential::password("alice", Secret::new("pw")), 0);
    let mut raw = NtlmInitiator::new(options.clone());
    let mut wrapped = SpnegoInitiator::ntlm(NtlmInitiator::new(options));
    let contexts: [&mut dyn SecurityContext; 2] = [&mut raw, &mut wrapped];
    for context in contexts {
        assert!(context.step(None).is_ok(), "the first token needs nothing");
        for token in tokens(data) {
            if context.step(Some(token)).is_err() {
                break;
            }
        }
    }
}

/// A certificate either has a binding or is refused.
pub(super) fn certificate_binding(data: &[u8]) {
    if let Ok(binding) = ChannelBinding::tls_server_end_point(data) {
        assert!(binding.application_data().starts_with(b"tls-server-end-point:"));
    }
}

/// Splits the input into tokens of at most 255 bytes, each after its length.
pub(super) fn tokens(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = data.split_first()?;
        let (token, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        data = rest;
        Some(token)
    })
}
