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

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Host, PASSWORD, PROGRAM, errors, windlass};

/// An id that hardly anybody has: what matters is that it is not root's.
const STRANGER: u32 = 65_534;

/// A folder that everybody may write to, and that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("windlass-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        Self(path)
    }

    /// A program that writes its environment into `environment` and ends.
    fn program(&self) -> PathBuf {
        let path = self.0.join("program");
        let text = format!("#!/bin/sh\nid -u > {0}/user\nenv > {0}/environment\n", self.0.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
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
    let folder = Folder::new("endpoint-user");
    let endpoint = format!("Who={}", folder.program().display());
    let mut more = vec!["--endpoint", &endpoint];
    if is_root() {
        more.extend(["--endpoint-user", "who=65534:65534"]);
    } else {
        println!("skipped in part: only root may run programs as others");
    }
    let command = || {
        let mut command = Command::new(PROGRAM);
        command.env("WINDLASS_PASSWORD", "of-the-host");
        command
    };
    let host = Host::start_with(command(), &more);
    open(&host);
    host.stop();
    let user = if is_root() { STRANGER } else { rustix::process::geteuid().as_raw() };
    assert_eq!(folder.text("user").trim(), user.to_string());
    assert!(!folder.text("environment").contains("of-the-host"));
}

#[test]
fn a_host_that_may_not_change_its_user_refuses_the_shell() {
    let folder = Folder::new("endpoint-refused");
    let endpoint = format!("Who={}", folder.program().display());
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
    assert!(!Path::new(&folder.0.join("user")).exists(), "the program ran all the same");
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
