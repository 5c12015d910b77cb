//! The CIM cmdlets with Microsoft's open-source CIM server (OMI 1.0.8), whose recorded answers are played again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::path::Path;

use support::{Host, PASSWORD, errors, windlass};

/// What was printed when the server itself answered is printed again: typed instances of every DMTF type, queries,
/// classes, methods, associations, what was made and deleted, and every refusal.
#[test]
fn what_its_server_answered_is_read_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded/omi-client");
    let told = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let host = Host::start(&["--allow-unencrypted", "--replay", folder.to_str().unwrap()]);
    let resolve = format!("omi=127.0.0.1:{}", host.http);
    let script = folder.join("script.txt");
    let ran = windlass(
        PASSWORD,
        &[
            "console",
            "--resolve",
            &resolve,
            "--credential",
            "alice",
            "--no-encryption",
            "--output",
            "ndjson",
            "--file",
            script.to_str().unwrap(),
        ],
    );
    let address = format!(" (at 127.0.0.1:{})", host.http);
    host.stop();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), told("printed.ndjson"));
    // The port is another one each time.
    assert_eq!(errors(&ran).replace(&address, ""), told("complained.txt"));
    assert_eq!(ran.status.code(), Some(1));
}
