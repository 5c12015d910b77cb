//! Two ends of an association in memory.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::Arc;

use uuid::Uuid;
use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator,
};
use windlass_rpc::pdu::{AuthLevel, AuthType};
use windlass_rpc::{
    CallRequest, ClientAssociation, ClientEvent, ClientOptions, ClientSecurity, Endpoint, IncomingCall,
    RpcError, ServerAssociation, ServerEvent, ServerOptions, SyntaxId,
};

const NOW: u64 = 133_500_000_000_000_000;

pub fn interface(number: u128) -> SyntaxId {
    SyntaxId::new(Uuid::from_u128(number), 1, 0)
}

/// Serves the interfaces 1 to 9 to alice, with the password `secret`.
pub struct Host;

impl Endpoint for Host {
    fn serves(&self, wanted: &SyntaxId) -> bool {
        (1..10).any(|number| interface(number).serves(wanted))
    }

    fn acceptor(&self, auth_type: AuthType) -> Option<Box<dyn SecurityContext>> {
        let mut accounts = Accounts::new();
        accounts.insert("alice", "secret".to_owned());
        let options = NtlmAcceptorOptions::new(Arc::new(accounts), "HOST", NOW);
        match auth_type {
            AuthType::NTLM => Some(Box::new(NtlmAcceptor::new(options))),
            AuthType::SPNEGO => Some(Box::new(SpnegoAcceptor::ntlm(options))),
            _ => None,
        }
    }

    fn join_group(&self, wanted: u32) -> Option<u32> {
        match wanted {
            0 | 0x5353 => Some(0x5353),
            _ => None,
        }
    }
}

pub fn security(auth_type: AuthType, level: AuthLevel, password: &str) -> ClientSecurity {
    let credential = Credential::password("alice", password.to_owned());
    let initiator = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, NOW));
    let context: Box<dyn SecurityContext> = match auth_type {
        AuthType::SPNEGO => Box::new(SpnegoInitiator::ntlm(initiator)),
        _ => Box::new(initiator),
    };
    ClientSecurity { auth_type, level, context }
}

pub struct Pair {
    pub client: ClientAssociation,
    pub server: ServerAssociation,
    /// Everything that crossed, with the direction: true is towards the server.
    pub wire: Vec<(bool, Vec<u8>)>,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(ClientOptions::default(), ServerOptions::default())
    }

    pub fn with(client: ClientOptions, server: ServerOptions) -> Self {
        Self {
            client: ClientAssociation::new(client),
            server: ServerAssociation::new(Arc::new(Host), server),
            wire: Vec::new(),
        }
    }

    /// Carries bytes both ways until there are none.
    pub fn settle(&mut self) -> Result<(), RpcError> {
        loop {
            let mut moved = false;
            while let Some(bytes) = self.client.poll_transmit() {
                moved = true;
                self.wire.push((true, bytes.clone()));
                self.server.receive(&bytes)?;
            }
            while let Some(bytes) = self.server.poll_transmit() {
                moved = true;
                self.wire.push((false, bytes.clone()));
                self.client.receive(&bytes)?;
            }
            if !moved {
                return Ok(());
            }
        }
    }

    /// Binds interfaces, with a security context, and gives its number.
    pub fn bind(&mut self, interfaces: &[SyntaxId], security: Option<ClientSecurity>) -> Option<u32> {
        self.client.bind(interfaces, security).unwrap();
        self.settle().unwrap();
        match self.client.poll_event() {
            Some(ClientEvent::Bound { security, .. }) => security,
            other => panic!("{other:?}"),
        }
    }

    pub fn call(&mut self, security: Option<u32>, stub: &[u8]) -> u32 {
        self.client.call(request(security, stub)).unwrap()
    }

    pub fn incoming(&mut self) -> IncomingCall {
        match self.server.poll_event() {
            Some(ServerEvent::Call(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    pub fn response(&mut self) -> (u32, Vec<u8>) {
        match self.client.poll_event() {
            Some(ClientEvent::Response { call, stub }) => (call, stub),
            other => panic!("{other:?}"),
        }
    }
}

pub fn request(security: Option<u32>, stub: &[u8]) -> CallRequest {
    CallRequest { context: 0, security, opnum: 7, object: None, stub: stub.to_vec() }
}
