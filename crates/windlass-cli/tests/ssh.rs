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

use std::process::{Command, Output, Stdio};

use support::{Folder, PROGRAM, errors};

/// A folder with an `ssh` that says what it was given and fails.
fn with_ssh(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.program("ssh", "echo \"asked for: $*\" >&2\nexit 255");
    folder.write("key", "");
    folder
}

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", folder.0.display()))
        .env("WINDLASS_CONFIG", "")
        .env("WINDLASS_AGENT", "off")
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn parameters_become_options_of_ssh() {
    let folder = with_ssh("ssh-options");
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
        let ran = run(&folder, &[&["Invoke-Command"], place, &["-ScriptBlock", "{ Get-Date }"]].concat());
        assert_eq!(ran.status.code(), Some(3), "{place:?}: {}", errors(&ran));
        assert!(errors(&ran).contains(asked), "{place:?}: {}", errors(&ran));
    }
}

#[test]
fn what_is_wrong_is_told_before_ssh_is_started() {
    let folder = with_ssh("ssh-wrong");
    let cases: [(&[&str], &str); 5] = [
        (&["-HostName", "-oProxyCommand=id"], "ProxyCommand"),
        (&["-HostName", "srv1:0"], "its port is not a number"),
        (&["-HostName", "srv1", "-KeyFilePath", "no-such-key"], "no-such-key: there is no such file"),
        (&["-SSHConnection", "@{ HostName = 'srv1'; Colour = 'red' }"], "-SSHConnection knows no Colour"),
        (&["-VMName", "vm1", "-Credential", "a"], "-VMName is for another transport"),
    ];
    for (place, complaint) in cases {
        let ran = run(&folder, &[&["Invoke-Command"], place, &["-ScriptBlock", "{ Get-Date }"]].concat());
        assert_eq!(ran.status.code(), Some(2), "{place:?}: {}", errors(&ran));
        assert!(errors(&ran).contains(complaint), "{place:?}: {}", errors(&ran));
        assert!(!errors(&ran).contains("asked for"), "{place:?}: {}", errors(&ran));
    }
}

#[test]
fn what_if_shows_the_command_line() {
    let folder = with_ssh("ssh-what-if");
    let place = ["-HostName", "alice@srv1", "-Options", "@{ ProxyCommand = 'nc %h %p' }"];
    let ran = run(&folder, &[&["New-PSSession"], &place[..], &["-WhatIf"]].concat());
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &errors(&ran);
    let line =
        "What if: New-PSSession on srv1 (ssh -x -l alice -o 'ProxyCommand=nc %h %p' -s -- srv1 powershell)";
    assert!(said.contains(line), "{said}");
}
