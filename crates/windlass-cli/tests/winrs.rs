//! `windlass winrs`: its options, and what hosts may not do with it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;

use support::{Host, PASSWORD, errors, windlass};

#[test]
fn options_are_those_of_winrs() {
    let host = Host::start(&["--allow-exec"]);
    let (http, https) = (format!("-r:srv1:{}", host.http), format!("-r:https://srv1:{}", host.https));
    for (place, options, line, expected) in [
        (&http, &["-env:A=b c", "-environment:D==e"][..], "echo \"$A$D\"", "b c=e"),
        (&https, &["-skipcacheck", "-skipcncheck", "-d:/", "-nop"], "pwd", "/"),
        (&http, &["-comp", "-codepage:65001"], "echo $((6 * 7))", "42"),
        (&http, &["-skipcmd"], "printf %s $A", "$A"),
    ] {
        let at = ["winrs", place, "-resolve", "srv1=127.0.0.1", "-u:alice"];
        let ran = windlass(PASSWORD, &[&at[..], options, &[line]].concat());
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), expected);
    }
    for (options, reason) in [
        (&["-env:A", "env"][..], "a variable is NAME=VALUE"),
        (&["-r:srv1:http", "env"], "'http' is no port"),
    ] {
        let place = if reason.contains("port") { &[][..] } else { &["-r:srv1"] };
        let ran = windlass(PASSWORD, &[&["winrs"], place, options].concat());
        assert_eq!(ran.status.code(), Some(2));
        assert!(errors(&ran).contains(reason), "{}", errors(&ran));
    }
    let ran = windlass(PASSWORD, &["winrs", "-?"]);
    assert_eq!(ran.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&ran.stdout).contains("--environment"));
    host.stop();
}

#[test]
fn words_of_a_host_do_not_steer_the_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 65536];
            if stream.read(&mut request).unwrap_or(0) == 0 {
                continue;
            }
            let body = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
                 xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\"><s:Header>\
                 <a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action></s:Header><s:Body><s:Fault>\
                 <s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">evil&#x9b;2J</s:Text>\
                 </s:Reason></s:Fault></s:Body></s:Envelope>";
            let head = format!(
                "HTTP/1.1 500 Oops\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok();
        }
    });
    let place = format!("-r:127.0.0.1:{port}");
    let way = ["-u:alice", "-authentication:Basic", "-unencrypted", "-trustedhosts:*", "hostname"];
    let ran = windlass(PASSWORD, &[&["winrs", &place], &way[..]].concat());
    let told = errors(&ran);
    assert!(told.contains("evil\u{fffd}2J") && !told.contains('\u{9b}'), "{told:?}");
}
