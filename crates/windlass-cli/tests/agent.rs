//! Sessions that outlive a command.
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

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use support::{Host, PASSWORD, PROGRAM, errors, lines};

struct Agent {
    folder: std::path::PathBuf,
    resolve: String,
}

impl Agent {
    fn new(name: &str, host: &Host) -> Self {
        let folder = std::env::temp_dir().join(format!("windlass-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, resolve: format!("srv1=127.0.0.1:{}", host.http) }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.fed("", arguments)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--resolve", &self.resolve])
            .args(arguments)
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("WINDLASS_PASSWORD", PASSWORD)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command with this as its standard input.
    fn fed(&self, input: &str, arguments: &[&str]) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn agent(&self, what: &str) -> String {
        let ran = Command::new(PROGRAM)
            .args(["agent", what])
            .env("XDG_RUNTIME_DIR", &self.folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", errors(&ran));
        String::from_utf8(ran.stdout).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.agent("stop");
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

#[test]
fn a_session_is_there_for_the_next_command() {
    let host = Host::start(&[]);
    let agent = Agent::new("agent", &host);
    assert!(agent.agent("status").contains("does not run"));

    let opened =
        agent.run(&["New-PSSession", "-ComputerName", "srv1", "-Name", "web", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    assert_eq!(lines(&opened)[0]["Name"], "web");
    assert!(agent.agent("status").contains("web on srv1: Opened"));
    let mode = |file: &str| {
        std::fs::metadata(agent.folder.join("windlass").join(file)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("agent.sock")), (0o700, 0o600));

    for _ in 0..2 {
        let ran = agent.run(&["Invoke-Command", "-Session", "web", "{", "Write-Output", "kept", "}"]);
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        assert_eq!(lines(&ran)[0]["value"], "kept");
    }
    // One who reads no more, as `head`, has what they want.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran =
        agent.command(&["Invoke-Command", "-Session", "web", "Get-Process"]).stdout(writer).output().unwrap();
    assert_eq!((errors(&ran), ran.status.code()), (String::new(), Some(0)));
    let failed = agent.run(&["Invoke-Command", "-Session", "web", "Write-Error", "oops"]);
    assert_ne!(failed.status.code(), Some(0));
    let nobody = agent.run(&["Invoke-Command", "-Session", "nobody", "Get-Date"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(errors(&nobody).contains("no PSSession is called 'nobody'"), "{}", errors(&nobody));

    let nobody = agent.run(&["Disconnect-PSSession", "nobody"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(errors(&nobody).contains("no PSSession is called 'nobody'"), "{}", errors(&nobody));
    let nobody = agent.run(&["Remove-PSSession", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(errors(&nobody).contains("no session leads to a computer called nobody"), "{}", errors(&nobody));
    let opened = agent.run(&["New-PSSession", "srv1", "-Name", "db", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    let connect = ["Connect-PSSession", "-ComputerName", "srv1", "-Name", "db", "-Credential", "alice"];
    let busy = agent.command(&connect).env("WINDLASS_AGENT", "off").output().unwrap();
    assert_eq!(busy.status.code(), Some(1));
    assert!(errors(&busy).contains("the session db on srv1 is Busy: another client"), "{}", errors(&busy));
    let left = agent.run(&["Disconnect-PSSession", "db"]);
    assert_eq!(left.status.code(), Some(0), "{}", errors(&left));
    let status = agent.agent("status");
    assert!(
        status.contains("db on srv1: Disconnected") && status.contains("web on srv1: Opened"),
        "{status}"
    );
    let removed = agent.run(&["Remove-PSSession", "-Name", "db"]);
    assert_eq!(removed.status.code(), Some(0), "{}", errors(&removed));

    let removed = agent.run(&["Remove-PSSession", "-Name", "we*"]);
    assert_eq!(removed.status.code(), Some(0), "{}", errors(&removed));
    assert!(agent.agent("status").contains("nothing"));
    drop(agent);
    host.stop();
}

#[test]
fn numbers_are_ids_and_paths_are_the_users() {
    let host = Host::start(&[]);
    let agent = Agent::new("numbers", &host);
    let values = |ran: &Output| -> Vec<serde_json::Value> {
        assert_eq!(ran.status.code(), Some(0), "{}", errors(ran));
        lines(ran).iter().map(|line| line["value"].clone()).collect()
    };
    let opened = agent.run(&["New-PSSession", "srv1", "-Name", "web", "-Credential", "alice"]);
    assert_eq!(lines(&opened)[0]["Id"], 1, "{}", errors(&opened));
    assert_eq!(values(&agent.fed("Write-Output entered", &["Enter-PSSession", "1"])), ["entered"]);

    let script = agent.folder.join("script.ps1");
    std::fs::write(&script, "Write-Output from-file").unwrap();
    let ran = agent.run(&["Invoke-Command", "-Session", "web", "-FilePath", "script.ps1"]);
    assert_eq!(values(&ran), ["from-file"]);
    let place = format!("srv1=127.0.0.1:{}", host.https);
    let tls = ["--resolve", &place, "-UseSSL", "--ca-file", &host.certificate, "--skip-cn-check"];
    let kept = ["New-PSSession", "srv1", "-Name", "tls", "-Credential", "alice", "--tls-key-log", "keys"];
    let opened = agent.run(&[&kept[..], &tls].concat());
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    assert!(agent.folder.join("keys").exists());
    assert!(values(&agent.run(&["Remove-PSSession", "-Name", "tls"])).is_empty());

    for at in [&["-Session", "web"][..], &["-ComputerName", "srv1", "-Credential", "alice"]] {
        let counts = |input: &str| {
            let words =
                [&["Invoke-Command", "-InputObject", "-"], at, &["{Measure-Object", "-Line}"]].concat();
            lines(&agent.fed(input, &words))[0]["Lines"].clone()
        };
        assert_eq!([counts("one\ntwo\n"), counts("")], [2, 0]);
    }

    for number in ["1", "2"] {
        let begun = agent.run(&["Invoke-Command", "-Session", "web", "-AsJob", "Write-Output kept"]);
        assert_eq!(lines(&begun)[0]["Id"].to_string(), number, "{}", errors(&begun));
        assert_eq!(lines(&agent.run(&["Wait-Job", number]))[0]["State"], 2);
        assert_eq!(values(&agent.run(&["Receive-Job", number])), ["kept"]);
    }
    assert!(values(&agent.run(&["Remove-Job", "1,2"])).is_empty());
    assert!(lines(&agent.run(&["Get-Job"])).is_empty());
    assert!(values(&agent.run(&["Remove-PSSession", "1"])).is_empty());
    assert!(agent.agent("status").contains("nothing"));
    drop(agent);
    host.stop();
}

#[test]
fn what_if_leaves_all_that_is_kept_as_it_is() {
    let drop_place = std::env::temp_dir().join(format!("windlass-drop-{}", std::process::id()));
    std::fs::create_dir_all(&drop_place).unwrap();
    let host = Host::start(&["--files", drop_place.to_str().unwrap()]);
    let agent = Agent::new("whatif", &host);
    agent.run(&["New-PSSession", "srv1", "-Name", "web", "-Credential", "alice"]);
    let wsman = "@{Protocol='Wsman'}";
    let cim = ["New-CimSession", "srv1", "-Name", "cim", "-Credential", "alice", "-SessionOption", wsman];
    let opened = agent.run(&cim);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    let begun = agent.run(&["Invoke-Command", "-Session", "web", "-JobName", "j", "Start-Sleep 1000"]);
    assert_eq!(begun.status.code(), Some(0), "{}", errors(&begun));
    let before = agent.agent("status");
    std::fs::write(agent.folder.join("file"), "content").unwrap();
    for (arguments, expected) in [
        (&["Disconnect-PSSession", "web"][..], "Disconnect-PSSession on srv1, in the session web\n"),
        (&["Remove-PSSession", "-Name", "w*"], "Remove-PSSession on srv1, in the session web: -Name w*\n"),
        (&["Get-CimSession", "-Name", "cim"], "Get-CimSession on srv1, in the session cim: -Name cim\n"),
        (&["Remove-CimSession", "-Name", "c*"], "Remove-CimSession on srv1, in the session cim: -Name c*\n"),
        (&["Remove-CimSession", "srv1"], "Remove-CimSession on srv1, in the session cim\n"),
        (
            &["Copy-Item", "file", "-ToSession", "web", "-Destination", "User:"],
            "Copy-Item on srv1, in the session web: -Destination User: -Path file\n",
        ),
        (&["Receive-Job", "1"], "Receive-Job on the job j (1): -Id 1\n"),
        (&["Stop-Job", "j"], "Stop-Job on the job j (1): -Name j\n"),
        (&["Remove-Job", "-Job", "j", "-Force"], "Remove-Job on the job j (1): -Force True\n"),
    ] {
        let ran = agent.run(&[arguments, &["-WhatIf"]].concat());
        assert_eq!(errors(&ran), format!("What if: {expected}"));
        assert_eq!(ran.status.code(), Some(0), "{arguments:?}");
    }
    assert_eq!(agent.agent("status"), before);
    assert!(!drop_place.join("file").exists());
    drop(agent);
    host.stop();
    std::fs::remove_dir_all(&drop_place).unwrap();
}

#[test]
fn a_subscription_lasts_until_its_events_are_fetched() {
    let host = Host::start(&[]);
    let agent = Agent::new("events", &host);
    let query = "SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'Win32_Process'";
    let subscribed = agent.run(&[
        "Register-CimIndicationEvent",
        "-Query",
        query,
        "-SourceIdentifier",
        "starts",
        "-ComputerName",
        "srv1",
        "-Credential",
        "alice",
    ]);
    assert_eq!(subscribed.status.code(), Some(0), "{}", errors(&subscribed));
    assert!(agent.agent("status").contains("Job 1 starts: Running"), "{}", agent.agent("status"));
    drop(agent);
    host.stop();
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let host = Host::start(&[]);
    let place = std::env::temp_dir().join(format!("windlass-theft-{}", std::process::id()));
    let folder = place.join("windlass-eve");
    std::fs::create_dir_all(place.join("elsewhere")).unwrap();
    std::fs::set_permissions(place.join("elsewhere"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let refused = || {
        let ran = Command::new(PROGRAM)
            .args(["--resolve", &format!("srv1=127.0.0.1:{}", host.http)])
            .args(["New-PSSession", "-ComputerName", "srv1", "-Credential", "alice"])
            .env_remove("XDG_RUNTIME_DIR")
            .envs([("USER", "eve"), ("WINDLASS_PASSWORD", PASSWORD), ("TMPDIR", place.to_str().unwrap())])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(2), "{}", errors(&ran));
        assert!(errors(&ran).contains("not this user's own folder"), "{}", errors(&ran));
    };
    std::os::unix::fs::symlink(place.join("elsewhere"), &folder).unwrap();
    refused();
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    // Only root can give a folder to somebody else.
    if std::os::unix::fs::chown(&folder, Some(65_534), None).is_ok() {
        refused();
    }
    std::fs::remove_dir_all(&place).unwrap();
    host.stop();
}

#[test]
fn a_session_that_is_kept_is_entered() {
    let host = Host::start(&[]);
    let agent = Agent::new("entered", &host);
    let opened = agent.run(&["New-PSSession", "srv1", "-Name", "web", "-Credential", "alice"]);
    assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));

    let values = |ran: &Output| -> Vec<String> {
        lines(ran).iter().map(|line| line["value"].as_str().unwrap().to_owned()).collect()
    };
    let typed = "Write-Output one\nWrite-Output 'two\nlines'\nexit\nWrite-Output never\n";
    let entered = agent.fed(typed, &["Enter-PSSession", "-Name", "web"]);
    assert_eq!(entered.status.code(), Some(0), "{}", errors(&entered));
    assert_eq!(values(&entered), ["one", "two\nlines"]);
    // The session is left and not closed, with or without a word.
    let entered = agent.fed("Write-Output three", &["Enter-PSSession", "-Session", "web"]);
    assert_eq!(values(&entered), ["three"], "{}", errors(&entered));
    let entered = agent.fed("Write-Output four", &["Enter-PSSession", "-Name", "web", "--output", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&entered.stdout).unwrap();
    assert_eq!(document[0]["value"], "four", "{}", errors(&entered));
    assert!(agent.agent("status").contains("web on srv1: Opened"));

    let nobody = agent.fed("Get-Date\n", &["Enter-PSSession", "-Name", "nobody"]);
    assert_ne!(nobody.status.code(), Some(0));
    assert!(errors(&nobody).contains("'nobody'"), "{}", errors(&nobody));
    drop(agent);
    host.stop();
}
