//! Oracles of DCE/RPC: PDUs, NDR, towers, the endpoint mapper, and both ends of an association.

use std::net::Ipv4Addr;
use std::sync::Arc;

use uuid::Uuid;
use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor,
};
use windlass_core::Secret;
use windlass_rpc::epm::{
    self, LookupRequest, LookupResponse, MapRequest, MapResponse, Mapper, Registration, Tower,
};
use windlass_rpc::ndr::{Limits, NdrError, Reader};
use windlass_rpc::pdu::{AuthLevel, AuthType, Body, FaultStatus, Header, Pdu, VerificationTrailer};
use windlass_rpc::{
    CallRequest, ClientAssociation, ClientEvent, ClientOptions, ClientSecurity, Endpoint, ServerAssociation,
    ServerEvent, ServerOptions, SyntaxId,
};

const INTERFACE: SyntaxId = SyntaxId::new(Uuid::from_u128(1), 1, 0);
const NOW: u64 = 133_500_000_000_000_000;

/// A PDU is written as it was read, reserved bytes aside.
pub(super) fn rpc_pdu(data: &[u8]) {
    let Ok(pdu) = Pdu::decode(data) else { return };
    let written = pdu.encode().unwrap();
    let again = Pdu::decode(&written).expect("our own PDU");
    assert_eq!(again.body, pdu.body);
    assert_eq!(again.auth, pdu.auth);
    assert_eq!(again.encode().unwrap(), written);
    if let Body::Request(request) = &pdu.body
        && let Some((end, trailer)) = VerificationTrailer::find(request.stub)
    {
        let mut stub = request.stub[..end].to_vec();
        trailer.append(&mut stub);
        assert_eq!(VerificationTrailer::find(&stub), Some((end, trailer)));
    }
}

/// Reads of any kind in any order stay within the stub, and never claim more elements than fit.
pub(super) fn rpc_ndr(data: &[u8]) {
    let Some((count, rest)) = data.split_first() else { return };
    let (program, stub) = rest.split_at(rest.len().min(usize::from(*count)));
    let mut reader = Reader::new(stub, Limits::default());
    for step in program {
        let before = reader.position();
        let result = read(&mut reader, *step);
        assert!(reader.position() >= before && reader.position() + reader.remaining() <= stub.len());
        if let Err(error) = result {
            assert!(error.offset <= stub.len(), "{error}");
            return;
        }
    }
}

fn read(reader: &mut Reader<'_>, step: u8) -> Result<(), NdrError> {
    match step % 16 {
        0 => drop(reader.u8("f")?),
        1 => drop(reader.u16("f")?),
        2 => drop(reader.u32("f")?),
        3 => drop(reader.u64("f")?),
        4 => drop(reader.uuid("f")?),
        5 => drop(reader.unique_ptr("f")?),
        6 => drop(reader.full_ptr("f")?),
        7 => assert!(reader.conformant_count(4, "f")? * 4 <= reader.remaining()),
        8 => {
            let counts = reader.conformant_varying(2, "f")?;
            assert!(counts.actual <= counts.max && counts.actual * 2 <= reader.remaining());
        }
        9 => drop(reader.wide_string("f")?),
        10 => drop(reader.string("f")?),
        11 => drop(reader.conformant_bytes("f")?),
        12 => drop(reader.union_u16(8, "f")?),
        13 => *reader = windlass_rpc::ndr::serialized::read(reader, "f")?,
        14 => drop(reader.nested("f", |inner| inner.ref_ptr("g"))?),
        _ => reader.align(8, "f")?,
    }
    Ok(())
}

/// A tower is written byte by byte as it was read.
pub(super) fn rpc_tower(data: &[u8]) {
    let Ok(tower) = Tower::decode(data) else { return };
    assert_eq!(tower.encode(), data);
    if let Some(binding) = tower.tcp_binding() {
        assert_eq!(Tower::tcp(&binding).tcp_binding(), Some(binding));
    }
}

/// Calls of the endpoint mapper settle after one round, and a mapper answers what it can read.
pub(super) fn rpc_epm(data: &[u8]) {
    if let Ok(request) = LookupRequest::decode(data) {
        assert_eq!(LookupRequest::decode(&request.encode()), Ok(request));
    }
    if let Ok(request) = MapRequest::decode(data) {
        assert_eq!(MapRequest::decode(&request.encode()), Ok(request));
    }
    if let Ok(response) = LookupResponse::decode(data) {
        let written = response.encode();
        assert_eq!(LookupResponse::decode(&written).unwrap().encode(), written);
    }
    if let Ok(response) = MapResponse::decode(data) {
        let written = response.encode();
        assert_eq!(MapResponse::decode(&written).unwrap().encode(), written);
    }
    let registration = Registration { interface: INTERFACE, port: 1, annotation: String::new() };
    let mapper = Mapper::new(vec![registration; 3]);
    if let Ok(answer) = mapper.call(epm::LOOKUP, data, Ipv4Addr::LOCALHOST) {
        LookupResponse::decode(&answer).unwrap();
    }
    if let Ok(answer) = mapper.call(epm::MAP, data, Ipv4Addr::LOCALHOST) {
        MapResponse::decode(&answer).unwrap();
    }
}

struct Host;

impl Endpoint for Host {
    fn serves(&self, interface: &SyntaxId) -> bool {
        INTERFACE.serves(interface) || epm::INTERFACE.serves(interface)
    }

    fn acceptor(&self, auth_type: AuthType) -> Option<Box<dyn SecurityContext>> {
        let mut accounts = Accounts::new();
        accounts.insert("alice", Secret::new("never guessed"));
        let options = NtlmAcceptorOptions::new(Arc::new(accounts), "HOST", NOW);
        match auth_type {
            AuthType::NTLM => Some(Box::new(NtlmAcceptor::new(options))),
            AuthType::SPNEGO => Some(Box::new(SpnegoAcceptor::ntlm(options))),
            _ => None,
        }
    }

    fn join_group(&self, wanted: u32) -> Option<u32> {
        (wanted < 2).then_some(1)
    }
}

/// A server's association keeps its limits, sends whole PDUs, and lets nobody in without a password,
/// however the bytes arrive.
pub(super) fn rpc_server(data: &[u8]) {
    assert_eq!(serve(data, data.len().max(1)), serve(data, 7), "the same bytes in other pieces");
}

fn serve(data: &[u8], step: usize) -> Vec<String> {
    let mut options = ServerOptions::default();
    options.max_calls = 4;
    options.max_security_contexts = 4;
    let mut server = ServerAssociation::new(Arc::new(Host), options);
    let mut seen = Vec::new();
    for piece in data.chunks(step) {
        let result = server.receive(piece);
        while let Some(event) = server.poll_event() {
            match event {
                ServerEvent::Call(call) => {
                    assert_eq!(call.caller.principal, None, "nobody knows the password");
                    assert_eq!(call.caller.level, AuthLevel::None);
                    seen.push(format!("call {} of {} bytes", call.id, call.stub.len()));
                    if call.opnum % 2 == 0 {
                        server.respond(call.id, &call.stub).unwrap();
                    } else if call.opnum % 3 == 0 {
                        server.fault(call.id, FaultStatus::OP_RANGE, false);
                    }
                }
                ServerEvent::LogonFailed(_) => seen.push("logon failed".to_owned()),
                _ => {}
            }
        }
        assert!(server.calls_under_way() <= 4);
        while let Some(bytes) = server.poll_transmit() {
            let pdu = Pdu::decode(&bytes).expect("our own PDU");
            seen.push(pdu.body.name().to_owned());
        }
        if result.is_err() {
            return seen;
        }
    }
    seen
}

/// A client's association takes nothing for an answer that its server did not sign.
pub(super) fn rpc_client(data: &[u8]) {
    for secured in [false, true] {
        let mut client = ClientAssociation::new(ClientOptions::default());
        let security = secured.then(|| {
            let credential = Credential::password("alice", Secret::new("never guessed"));
            let context = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, NOW));
            ClientSecurity {
                auth_type: AuthType::NTLM,
                level: AuthLevel::Integrity,
                context: Box::new(context),
            }
        });
        client.bind(&[INTERFACE], security).unwrap();
        let mut failed = false;
        for piece in data.chunks(512) {
            failed = failed || client.receive(piece).is_err();
            while let Some(event) = client.poll_event() {
                match event {
                    ClientEvent::Bound { interfaces, security } => {
                        assert_eq!(security.is_some(), secured);
                        let context = interfaces[0].context;
                        let stub = vec![1; 6000];
                        let _ = client.call(CallRequest { context, security, opnum: 0, object: None, stub });
                    }
                    ClientEvent::Response { .. } => assert!(!secured, "a forged response"),
                    _ => {}
                }
            }
            while let Some(bytes) = client.poll_transmit() {
                Header::decode(&bytes).expect("our own PDU");
            }
            if failed {
                break;
            }
        }
    }
}
