//! Two sides of NTLM that know each other.
#![allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]

use std::sync::Arc;

use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, Step,
};

/// Who may log on.
pub fn accounts() -> Arc<Accounts> {
    let mut accounts = Accounts::new();
    accounts.insert("alice", "Pa55w0rd".to_owned());
    Arc::new(accounts)
}

/// A side that logs on.
pub fn initiator() -> NtlmInitiator {
    NtlmInitiator::new(NtlmInitiatorOptions::new(Credential::password("alice", "Pa55w0rd".to_owned()), 0))
}

/// Two sides after their handshake.
pub fn pair(accounts: &Arc<Accounts>) -> (NtlmInitiator, NtlmAcceptor) {
    let mut initiator = initiator();
    let mut acceptor = NtlmAcceptor::new(NtlmAcceptorOptions::new(accounts.clone(), "host", 0));
    shake_hands(&mut initiator, &mut acceptor);
    (initiator, acceptor)
}

/// Carries tokens to and fro until both sides are done.
///
/// # Panics
/// When they do not agree.
pub fn shake_hands(initiator: &mut dyn SecurityContext, acceptor: &mut dyn SecurityContext) {
    let mut step = initiator.step(None).expect("the first token");
    let mut turn = 0;
    while let Step::Continue(token) | Step::Complete(Some(token)) = step {
        let receiver: &mut dyn SecurityContext = if turn % 2 == 0 { acceptor } else { initiator };
        step = receiver.step(Some(&token)).expect("the next token");
        turn += 1;
    }
    assert!(initiator.is_complete() && acceptor.is_complete(), "the handshake is over");
}
