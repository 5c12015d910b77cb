//! Options by which a session bears trouble, or does not.

use std::net::TcpListener;

use super::bench::{Wire, console, ps};
use super::support::Host;

#[test]
fn opening_is_tried_again() {
    let host = Host::start(&[]);
    for (options, busy, opens) in [
        ("", 2, true),
        ("-MaxConnectionRetryCount 2", 2, true),
        ("-MaxConnectionRetryCount 1", 2, false),
        ("-MaxConnectionRetryCount 0", 1, false),
    ] {
        let wire = Wire::to(&host.http, busy);
        let ran = console(&wire.port, &[], &[], &ps(options));
        match opens {
            true => ran.wrote("there", options),
            false => ran.failed("503", options),
        }
    }
    host.stop();
}

#[test]
fn a_host_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let ran = console(&port, &[], &[], &ps("-OpenTimeout 300"));
    ran.failed("300ms", "-OpenTimeout 300");
}

#[test]
fn a_network_that_fails_is_tried_again() {
    // The first Receive opens the session; a request is repeated once whatever the options say.
    let faults = ["--fault", "cut@Receive#2", "--fault", "cut@Receive#3"];
    for (options, goes_on) in [("", true), ("-RetryWindow 60000", true), ("-RetryWindow 0", false)] {
        let host = Host::start(&faults);
        let ran = console(&host.http, &[], &[], &ps(options));
        match goes_on {
            true => ran.wrote("there", options),
            false => ran.failed("connection", options),
        }
        host.stop();
    }
}

#[test]
fn too_much_is_not_taken() {
    let host = Host::start(&[]);
    let text = "x".repeat(20_000);
    for (options, refused) in [
        ("", None),
        ("-MaximumReceivedObjectSize 30000", None),
        ("-MaximumReceivedObjectSize 15000", Some("15000")),
        ("-MaximumReceivedDataSizePerCommand 100000", None),
        ("-MaximumReceivedDataSizePerCommand 15000", Some("15000")),
    ] {
        let lines = ps(options).replace("there", &format!("'{text}'"));
        let ran = console(&host.http, &[], &[], &lines);
        match refused {
            None => ran.wrote(&text, options),
            Some(limit) => ran.failed(limit, options),
        }
    }
    host.stop();
}
