//! Kerberos with AES-256: sealing and unsealing in place, beside the `sspi` crate, and whole logons.

use std::hint::black_box;

use sspi::kerberos::test_data::{fake_client, fake_server};
use sspi::{EncryptionFlags, SecurityBufferRef, Sspi};
use windlass_auth::SecurityContext;

use crate::kerberos_pair::Realm;
use crate::measure::{Wanted, best, compare, rate};
use crate::ntlm_pair;

/// The message of the promise.
const SIZE: usize = 500_000;

pub fn run() {
    let realm = Realm::new();
    let (mut initiator, mut acceptor) = realm.pair();
    let (mut header, mut data) = (Vec::new(), vec![0x41; SIZE]);
    let (mut lone, _) = realm.pair();
    let (mut lone_header, mut lone_data) = (Vec::new(), vec![0x41; SIZE]);
    let (mut client, mut server) = (fake_client(), fake_server());
    let room = client.query_context_sizes().unwrap().security_trailer as usize;
    let (mut token, mut their_data) = (vec![0; room], vec![0x41; SIZE]);
    let mut their_lone = fake_client();
    let (mut their_lone_token, mut their_lone_data) = (vec![0; room], vec![0x41; SIZE]);
    let [mine, mine_seal, other, other_seal] = best([
        &mut || {
            initiator.seal(&mut header, black_box(&mut data)).unwrap();
            acceptor.unseal(&header, &mut data).unwrap();
        },
        &mut || lone.seal(&mut lone_header, black_box(&mut lone_data)).unwrap(),
        &mut || {
            let mut message = [
                SecurityBufferRef::token_buf(&mut token),
                SecurityBufferRef::data_buf(black_box(&mut their_data)),
            ];
            client.encrypt_message(EncryptionFlags::empty(), &mut message).unwrap();
            server.decrypt_message(&mut message).unwrap();
        },
        &mut || {
            let mut message = [
                SecurityBufferRef::token_buf(&mut their_lone_token),
                SecurityBufferRef::data_buf(black_box(&mut their_lone_data)),
            ];
            their_lone.encrypt_message(EncryptionFlags::empty(), &mut message).unwrap();
        },
    ]);
    assert_eq!((&data, &their_data), (&vec![0x41; SIZE], &vec![0x41; SIZE]));
    compare("Kerberos AES-256 seal, 500 KB", mine_seal, "sspi", other_seal, Wanted::Faster(1.0));
    // Unsealing takes what sealing leaves of both together.
    let (mine, other) = (mine - mine_seal, other - other_seal);
    compare("Kerberos AES-256 unseal, 500 KB", mine, "sspi", other, Wanted::Faster(2.0));
    let accounts = ntlm_pair::accounts();
    let [kerberos, ntlm] =
        best([&mut || drop(black_box(realm.pair())), &mut || drop(black_box(ntlm_pair::pair(&accounts)))]);
    rate("Kerberos logon, client and host", kerberos);
    rate("NTLM logon, client and host", ntlm);
}
