//! `windlass mock --endpoint-user`: whom the programs behind endpoints run as, and what is said where that cannot be.
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

#[path = "../../windlass-testkit/tests/support/skipped.rs"]
mod skipped;
mod support;

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use skipped::skipped;
use support::{Folder, Host, PASSWORD, PROGRAM, errors, windlass};

/// An id that hardly anybody has: what matters is that it is not root's.
const STRANGER: u32 = 65_534;

/// A folder that everybody may write to, and a program in it that writes its user and its environment there.
fn with_program(name: &str) -> (Folder, String) {
    let folder = Folder::new(name).open_to_all();
    let script = format!("id -u > {0}/user\nenv > {0}/environment", folder.0.display());
    let program = folder.program("program", &script);
    (folder, program)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Tries to open a session at the endpoint: what the command says of it.
fn open(host: &Host) -> String {
    let output = windlass(
        PASSWORD,
        &["Invoke-Command", "-ComputerName", "localhost", "-Port", &host.http, "-Credential", "alice"]
            .into_iter()
            .chain(["-ConfigurationName", "Who", "-ScriptBlock", "{ Get-Date }"])
            .collect::<Vec<_>>(),
    );
    assert!(!output.status.success(), "no PowerShell is behind this endpoint");
    errors(&output)
}

#[test]
fn the_program_runs_as_the_account_and_without_the_hosts_passwords() {
    let (folder, program) = with_program("endpoint-user");
    let endpoint = format!("Who={program}");
    let mut more = vec!["--endpoint", &endpoint];
    if is_root() {
        more.extend(["--endpoint-user", "who=65534:65534"]);
    } else {
        skipped("only root may run programs as others");
    }
    let mut command = Command::new(PROGRAM);
    command.env("WINDLASS_PASSWORD", "of-the-host");
    let host = Host::start_with(command, &more);
    open(&host);
    host.stop();
    let user = if is_root() { STRANGER } else { rustix::process::geteuid().as_raw() };
    let text = |name: &str| std::fs::read_to_string(folder.0.join(name)).unwrap();
    assert_eq!(text("user").trim(), user.to_string());
    assert!(!text("environment").contains("of-the-host"));
}

#[test]
fn a_host_that_may_not_change_its_user_refuses_the_shell() {
    let (folder, program) = with_program("endpoint-refused");
    let endpoint = format!("Who={program}");
    let mut command = Command::new(PROGRAM);
    if is_root() {
        let copy = folder.0.join("windlass");
        // Where the program stands, others may not look.
        std::fs::copy(PROGRAM, &copy).unwrap();
        command = Command::new(&copy);
        command.uid(STRANGER).gid(STRANGER);
    }
    let host = Host::start_with(command, &["--endpoint", &endpoint, "--endpoint-user", "Who=0:0"]);
    let said = open(&host);
    assert!(said.contains("The program of the endpoint Who cannot be started"), "{said}");
    assert!(!folder.0.join("user").exists(), "the program ran all the same");
    host.stop();
}

#[test]
fn accounts_and_endpoints_that_do_not_exist_are_named() {
    for (user, complaint) in [
        ("Who", "--endpoint-user takes NAME=USER"),
        ("Else=nobody", "no --endpoint is called Else"),
        ("Who=no-such-user", "there is no account 'no-such-user'"),
        ("Who=", "there is no account ''"),
    ] {
        let output = windlass(PASSWORD, &["mock", "--endpoint", "Who=/bin/true", "--endpoint-user", user]);
        assert!(!output.status.success(), "{user}");
        assert!(errors(&output).contains(complaint), "{user}: {}", errors(&output));
    }
}
