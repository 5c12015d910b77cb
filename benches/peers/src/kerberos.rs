//! Kerberos with AES-256: sealing and unsealing in place, beside the `sspi` crate, and whole logons.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::{Duration, Instant};

use sspi::kerberos::test_data::{fake_client, fake_server};
use sspi::{EncryptionFlags, SecurityBufferRef, Sspi};
use windlass_auth::SecurityContext;

use crate::kerberos_pair::Realm;
use crate::measure::{Wanted, best, compare, rate, shortest};
use crate::ntlm_pair;

/// The message of the promise.
const SIZE: usize = 500_000;

pub fn run() {
    let realm = Realm::new();
    let (mut initiator, mut acceptor) = realm.pair();
    let (mut header, mut data) = (Vec::new(), vec![0x41; SIZE]);
    let (mut sealer, _) = realm.pair();
    let (mut client, mut server, mut their_sealer) = (fake_client(), fake_server(), fake_client());
    let room = client.query_context_sizes().unwrap().security_trailer as usize;
    let (mut token, mut their_data) = (vec![0; room], vec![0x41; SIZE]);
    // What was sealed is sealed again: any bytes will do.
    let (mut only_sealed, mut their_only_sealed) = (vec![0x41; SIZE], vec![0x41; SIZE]);
    let (mut lone_header, mut lone_token) = (Vec::new(), vec![0; room]);
    let [seal, their_seal, unseal, their_unseal] = shortest([
        &mut || taken(|| sealer.seal(&mut lone_header, black_box(&mut only_sealed))),
        &mut || {
            let mut message = message(&mut lone_token, &mut their_only_sealed);
            taken(|| their_sealer.encrypt_message(EncryptionFlags::empty(), &mut message))
        },
        &mut || {
            initiator.seal(&mut header, &mut data).unwrap();
            taken(|| acceptor.unseal(&header, black_box(&mut data)))
        },
        &mut || {
            let mut message = message(&mut token, &mut their_data);
            client.encrypt_message(EncryptionFlags::empty(), &mut message).unwrap();
            taken(|| server.decrypt_message(&mut message))
        },
    ]);
    assert_eq!((&data, &their_data), (&vec![0x41; SIZE], &vec![0x41; SIZE]));
    compare("Kerberos AES-256 seal, 500 KB", seal, "sspi", their_seal, Wanted::Faster(1.0));
    compare("Kerberos AES-256 unseal, 500 KB", unseal, "sspi", their_unseal, Wanted::Faster(2.0));
    let accounts = ntlm_pair::accounts();
    let [kerberos, ntlm] =
        best([&mut || drop(black_box(realm.pair())), &mut || drop(black_box(ntlm_pair::pair(&accounts)))]);
    rate("Kerberos logon, client and host", kerberos);
    rate("NTLM logon, client and host", ntlm);
}

fn taken<T, E: Debug>(what: impl FnOnce() -> Result<T, E>) -> Duration {
    let start = Instant::now();
    let done = what();
    let taken = start.elapsed();
    done.unwrap();
    taken
}

fn message<'a>(token: &'a mut [u8], data: &'a mut [u8]) -> [SecurityBufferRef<'a>; 2] {
    [SecurityBufferRef::token_buf(token), SecurityBufferRef::data_buf(black_box(data))]
}
