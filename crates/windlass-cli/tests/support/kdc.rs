//! A KDC that listens.

#[path = "../../../windlass-auth/tests/support/kdc.rs"]
pub mod answers;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use answers::{Kdc, service_entry};
pub use answers::{PASSWORD, REALM};
use windlass_auth::kerberos::{Enctype, Key, Keytab, KeytabEntry};

/// Serves until the process ends; its port, and what counts the tickets.
pub fn start() -> (u16, Arc<Mutex<Kdc>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let kdc = Arc::new(Mutex::new(Kdc::at(now.try_into().unwrap())));
    let serving = Arc::clone(&kdc);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
            stream.read_exact(&mut request).unwrap();
            let answer = serving.lock().unwrap().answer(&request);
            stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    (port, kdc)
}

/// How many tickets it gave: for the user, and for services.
pub fn given(kdc: &Mutex<Kdc>) -> (usize, usize) {
    let kdc = kdc.lock().unwrap();
    (kdc.initial, kdc.service)
}

/// The keys of the services of computers, those that it gives tickets for or others.
pub fn keytab(computers: &[&str], right: bool) -> Vec<u8> {
    let entry = |computer: &&str| {
        let entry = service_entry(&["HTTP", computer]);
        let other = || Key::new(Enctype::Aes256, &[8; 32]).unwrap();
        if right { entry } else { KeytabEntry { key: other(), ..entry } }
    };
    Keytab::new(computers.iter().map(entry).collect()).encode()
}

/// A `krb5.conf` that says where it is.
pub fn config(port: u16) -> String {
    format!(
        "[libdefaults]\n default_realm = {REALM}\n[realms]\n {REALM} = {{\n  kdc = tcp/127.0.0.1:{port}\n }}\n"
    )
}
