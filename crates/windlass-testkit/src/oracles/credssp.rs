//! Oracles of CredSSP, over a TLS that hands everything through.

use std::sync::Arc;

use windlass_auth::credssp::{TsCredentials, TsRequest};
use windlass_auth::{
    Accounts, AuthError, CredSspAcceptor, CredSspAcceptorOptions, CredSspInitiator, CredSspInitiatorOptions,
    Credential, InnerTls, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions, SecurityContext,
    SpnegoAcceptor, SpnegoInitiator,
};
use windlass_core::Secret;

use super::auth::tokens;

/// A message that decodes is the same after encoding.
pub(super) fn credssp_messages(data: &[u8]) {
    if let Ok(request) = TsRequest::decode(data) {
        // Errors without their sign and numbers with surplus octets are read and not written.
        assert_eq!(TsRequest::decode(&request.encode()), Ok(request));
    }
    if let Ok(credentials) = TsCredentials::decode(data) {
        assert_eq!(TsCredentials::decode(&credentials.encode()), Ok(credentials));
    }
}

/// Nobody gets in with any tokens, and what is answered can be read.
pub(super) fn credssp_acceptor(data: &[u8]) {
    let mut accounts = Accounts::new();
    accounts.insert("alice", Secret::new("not to be guessed"));
    let ntlm = NtlmAcceptorOptions::new(Arc::new(accounts), "host", 0);
    let options =
        CredSspAcceptorOptions::new(Box::new(Glass::default()), Box::new(SpnegoAcceptor::ntlm(ntlm)));
    let mut acceptor = CredSspAcceptor::new(options);
    for token in tokens(data) {
        if acceptor.step(Some(token)).is_err() {
            if let Some(farewell) = acceptor.farewell() {
                assert!(TsRequest::decode(&farewell).is_ok_and(|request| request.error_code.is_some()));
            }
            break;
        }
    }
    assert!(!acceptor.is_complete() && acceptor.peer().is_none() && acceptor.delegated().is_none());
}

/// No server without the password gets it.
pub(super) fn credssp_initiator(data: &[u8]) {
    let credential = Credential::password("alice", Secret::new("not to be guessed"));
    let ntlm = NtlmInitiator::new(NtlmInitiatorOptions::new(credential.clone(), 0));
    let spnego = Box::new(SpnegoInitiator::ntlm(ntlm));
    let options = CredSspInitiatorOptions::new(credential, Box::new(Glass::default()), spnego);
    let mut initiator = CredSspInitiator::new(options).unwrap();
    assert!(initiator.step(None).is_ok(), "the first token needs nothing");
    for token in tokens(data) {
        if initiator.step(Some(token)).is_err() {
            break;
        }
    }
    assert!(!initiator.is_complete());
}

/// Its handshake is one token of any content; after that everything is readable.
#[derive(Default)]
struct Glass {
    greeted: bool,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl InnerTls for Glass {
    fn receive(&mut self, bytes: &[u8]) -> Result<(), AuthError> {
        if self.greeted {
            self.input.extend_from_slice(bytes);
        }
        self.greeted = true;
        Ok(())
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> Result<(), AuthError> {
        out.append(&mut self.output);
        Ok(())
    }

    fn is_handshaking(&self) -> bool {
        !self.greeted
    }

    fn write(&mut self, plain: &[u8]) -> Result<(), AuthError> {
        self.output.extend_from_slice(plain);
        Ok(())
    }

    fn read(&mut self, plain: &mut Vec<u8>) -> Result<(), AuthError> {
        plain.append(&mut self.input);
        Ok(())
    }

    fn server_certificate(&self) -> Option<Vec<u8>> {
        None
    }

    fn trailer_length(&self) -> usize {
        0
    }
}
