//! What stands before a host and hangs up on some connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Hands connections on to a port, each if the rule takes its number, counted from 1, and the head of its first
/// request. Serves until the process ends; its port.
pub fn start(port: &str, takes: fn(usize, &str) -> bool) -> String {
    let host = format!("127.0.0.1:{port}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (before, client) in listener.incoming().enumerate() {
            let (client, host) = (client.unwrap(), host.clone());
            std::thread::spawn(move || {
                let head = head(&client);
                if takes(before + 1, &head.to_ascii_lowercase()) {
                    let server = TcpStream::connect(host).unwrap();
                    (&server).write_all(head.as_bytes()).unwrap();
                    let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                    std::thread::spawn(move || carry(&back, &forth));
                    carry(&client, &server);
                }
            });
        }
    });
    own.to_string()
}

/// The head of the first request: nothing where none comes.
fn head(mut client: &TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match client.read(&mut byte) {
            Ok(1) => head.extend_from_slice(&byte),
            _ => return String::new(),
        }
    }
    String::from_utf8(head).unwrap()
}

fn carry(mut from: &TcpStream, mut to: &TcpStream) {
    // Either side may break off: the other is told by the end of what comes.
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
