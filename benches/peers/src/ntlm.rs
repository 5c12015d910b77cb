//! NTLM: sealing and unsealing in place, and whole handshakes, beside the `sspi` crate.

use std::hint::black_box;

use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, EncryptionFlags, Ntlm,
    SecurityBuffer, SecurityBufferRef, ServerRequestFlags, Sspi, SspiImpl, Username,
};
use windlass_auth::SecurityContext;

use crate::measure::{Wanted, best, compare};
// Kerberos looks for it here.
pub use crate::ntlm_pair::shake_hands;
use crate::ntlm_pair::{accounts, pair};

pub fn run() {
    let accounts = accounts();
    for (name, size) in [("1 KB", 1 << 10), ("16 KB", 16 << 10), ("64 KB", 64 << 10), ("512 KB", 512 << 10)] {
        let (mut initiator, mut acceptor) = pair(&accounts);
        let (mut header, mut data) = (Vec::new(), vec![0x41; size]);
        let (mut client, mut server) = theirs();
        let (mut token, mut their_data) = (vec![0; 16], vec![0x41; size]);
        let [mine, other] = best([
            &mut || {
                initiator.seal(&mut header, black_box(&mut data)).unwrap();
                acceptor.unseal(&header, &mut data).unwrap();
            },
            &mut || {
                let mut message = [
                    SecurityBufferRef::token_buf(&mut token),
                    SecurityBufferRef::data_buf(black_box(&mut their_data)),
                ];
                client.encrypt_message(EncryptionFlags::empty(), &mut message).unwrap();
                server.decrypt_message(&mut message).unwrap();
            },
        ]);
        assert_eq!((&data, &their_data), (&vec![0x41; size], &vec![0x41; size]));
        compare(&format!("NTLM seal and unseal, {name}"), mine, "sspi", other, Wanted::Faster(2.0));
    }
    let [mine, other] = best([&mut || drop(black_box(pair(&accounts))), &mut || drop(black_box(theirs()))]);
    compare("NTLM handshake", mine, "sspi", other, Wanted::Faster(1.0));
}

fn theirs() -> (Ntlm, Ntlm) {
    let identity = AuthIdentity {
        username: Username::new("alice", Some("HOST")).unwrap(),
        password: "Pa55w0rd".to_owned().into(),
    };
    let (mut client, mut server) = (Ntlm::new(), Ntlm::new());
    let mut outbound = client
        .acquire_credentials_handle()
        .with_credential_use(CredentialUse::Outbound)
        .with_auth_data(&identity)
        .execute(&mut client)
        .unwrap()
        .credentials_handle;
    let mut inbound = server
        .acquire_credentials_handle()
        .with_credential_use(CredentialUse::Inbound)
        .with_auth_data(&identity)
        .execute(&mut server)
        .unwrap()
        .credentials_handle;
    let mut to_client = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
    for _ in 0..2 {
        let mut to_server = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder = client
            .initialize_security_context()
            .with_credentials_handle(&mut outbound)
            .with_context_requirements(
                ClientRequestFlags::CONFIDENTIALITY | ClientRequestFlags::ALLOCATE_MEMORY,
            )
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/host")
            .with_input(&mut to_client)
            .with_output(&mut to_server);
        client.initialize_security_context_impl(&mut builder).unwrap().resolve_to_result().unwrap();
        let mut answer = vec![SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let builder = server
            .accept_security_context()
            .with_credentials_handle(&mut inbound)
            .with_context_requirements(ServerRequestFlags::ALLOCATE_MEMORY)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut to_server)
            .with_output(&mut answer);
        server.accept_security_context_impl(builder).unwrap().resolve_to_result().unwrap();
        to_client = answer;
    }
    server.complete_auth_token(&mut []).unwrap();
    (client, server)
}
