//! `-HostName`: what `ssh` is asked, and what is told where it fails. OpenSSH itself is in `cargo xtask interop`.
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
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use support::{PROGRAM, errors};

/// A folder with an `ssh` that says what it was given and fails.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("windlass-ssh-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let ssh = path.join("ssh");
        std::fs::write(&ssh, "#!/bin/sh\necho \"asked for: $*\" >&2\nexit 255\n").unwrap();
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(path.join("key"), "").unwrap();
        Self(path)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .env("PATH", format!("{}:/usr/bin:/bin", self.0.display()))
            .env("WINDLASS_CONFIG", "")
            .env("WINDLASS_AGENT", "off")
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn parameters_become_options_of_ssh() {
    let folder = Folder::new("options");
    let cases: [(&[&str], &str); 4] = [
        (&["-HostName", "srv1"], "asked for: -x -s -- srv1 powershell"),
        (
            &[
                "-HostName",
                "alice@srv1:2222",
                "-UserName",
                "bob",
                "-KeyFilePath",
                "key",
                "-Subsystem",
                "pwsh",
            ],
            "asked for: -x -l alice -p 2222 -i key -s -- srv1 pwsh",
        ),
        (
            &["-HostName", "srv1", "-Port", "22", "-SSHTransport", "-Options", "@{ BatchMode = 'yes' }"],
            "asked for: -x -p 22 -o BatchMode=yes -s -- srv1 powershell",
        ),
        (
            &["-SSHConnection", "@{ ComputerName = 'srv1'; UserName = 'alice' }"],
            "asked for: -x -l alice -s -- srv1 powershell",
        ),
    ];
    for (place, asked) in cases {
        let ran = folder.run(&[&["Invoke-Command"], place, &["-ScriptBlock", "{ Get-Date }"]].concat());
        assert_eq!(ran.status.code(), Some(3), "{place:?}: {}", errors(&ran));
        assert!(errors(&ran).contains(asked), "{place:?}: {}", errors(&ran));
    }
}

#[test]
fn what_is_wrong_is_told_before_ssh_is_started() {
    let folder = Folder::new("wrong");
    let cases: [(&[&str], &str); 5] = [
        (&["-HostName", "-oProxyCommand=id"], "ProxyCommand"),
        (&["-HostName", "srv1:0"], "its port is not a number"),
        (&["-HostName", "srv1", "-KeyFilePath", "no-such-key"], "no-such-key: there is no such file"),
        (&["-SSHConnection", "@{ HostName = 'srv1'; Colour = 'red' }"], "-SSHConnection knows no Colour"),
        (&["-VMName", "vm1", "-Credential", "a"], "-VMName is for another transport"),
    ];
    for (place, complaint) in cases {
        let ran = folder.run(&[&["Invoke-Command"], place, &["-ScriptBlock", "{ Get-Date }"]].concat());
        assert_eq!(ran.status.code(), Some(2), "{place:?}: {}", errors(&ran));
        assert!(errors(&ran).contains(complaint), "{place:?}: {}", errors(&ran));
        assert!(!errors(&ran).contains("asked for"), "{place:?}: {}", errors(&ran));
    }
}

#[test]
fn what_if_shows_the_command_line() {
    let folder = Folder::new("what-if");
    let place = ["-HostName", "alice@srv1", "-Options", "@{ ProxyCommand = 'nc %h %p' }"];
    let ran = folder.run(&[&["New-PSSession"], &place[..], &["-WhatIf"]].concat());
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &errors(&ran);
    let line =
        "What if: New-PSSession on srv1 (ssh -x -l alice -o 'ProxyCommand=nc %h %p' -s -- srv1 powershell)";
    assert!(said.contains(line), "{said}");
}
