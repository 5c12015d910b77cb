//! The line editor at a terminal, which `script` of util-linux plays.
#![cfg(unix)]
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

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use support::{Host, PASSWORD, PROGRAM};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// A terminal with this command line in it, with a folder for what outlives it; none where nothing plays a
    /// terminal.
    fn with(command: &str, runtime: &Path) -> Option<Self> {
        let child = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .env("WINDLASS_PASSWORD", PASSWORD)
            .env("WINDLASS_CONFIG", "")
            .env("XDG_RUNTIME_DIR", runtime)
            .env("XDG_STATE_HOME", runtime)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            println!("skipped: there is no `script`");
            return None;
        };
        let keys = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let (pieces, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                if pieces.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Some(Self { child, keys, screen, seen: String::new() })
    }

    /// All of it at once, as a terminal gives what is pasted.
    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until this is drawn, and forgets what was drawn until then.
    fn shows(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(piece) => self.seen.push_str(&String::from_utf8_lossy(&piece)),
                Err(_) => panic!("{text:?} is not drawn: {:?}", self.seen),
            }
        }
    }

    fn ends(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("windlass-terminal-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn what_is_pasted_is_drawn_at_once() {
    let folder = Folder::new("pasted");
    let Some(mut terminal) = Terminal::with(&format!("{PROGRAM} console"), &folder.0) else { return };
    terminal.shows("windlass> ");
    terminal.types("Write-Output pasted");
    terminal.shows("pasted");
    // Ctrl-C drops the line.
    terminal.types("\u{3}");
    terminal.shows("windlass> ");
    terminal.types("Write-Output one\rWrite-Output two\r");
    terminal.shows("\none\r\n");
    terminal.shows("\ntwo\r\n");
    terminal.shows("windlass> ");
    terminal.types("exit\r");
    terminal.ends();
}

#[test]
fn ctrl_c_stops_what_runs_and_the_next_line_is_read() {
    let folder = Folder::new("stopped");
    let host = Host::start(&[]);
    let command = format!("{PROGRAM} console --resolve srv1=127.0.0.1:{} -Credential alice", host.http);
    let Some(mut terminal) = Terminal::with(&command, &folder.0) else { return };
    terminal.shows("windlass> ");
    terminal.types("Invoke-Command srv1 { Write-Output begun; Start-Sleep 1000 }\r");
    terminal.shows("\r\nbegun");
    terminal.types("\u{3}Write-Output after\r");
    terminal.shows("\r\nafter");
    terminal.types("Enter-PSSession srv1\r");
    terminal.shows("[srv1]: ");
    terminal.types("Write-Output within; Start-Sleep 1000\r");
    terminal.shows("\r\nwithin");
    terminal.types("\u{3}Write-Output behind\r");
    terminal.shows("\r\nbehind");
    terminal.types("exit\r");
    terminal.shows("windlass> ");
    terminal.types("\u{4}");
    terminal.child.wait().unwrap();
    host.stop();
}

#[test]
fn a_session_of_the_agent_is_entered_at_the_terminal() {
    let folder = Folder::new("agent");
    let host = Host::start(&[]);
    let windlass = |arguments: &[&str]| {
        let ran = Command::new(PROGRAM)
            .args(arguments)
            .env("WINDLASS_PASSWORD", PASSWORD)
            .env("XDG_RUNTIME_DIR", &folder.0)
            .stdin(Stdio::null())
            .output();
        assert!(ran.unwrap().status.success(), "{arguments:?}");
    };
    let resolve = format!("srv1=127.0.0.1:{}", host.http);
    windlass(&["New-PSSession", "srv1", "-Name", "web", "-Credential", "alice", "--resolve", &resolve]);
    let entering = format!("{PROGRAM} Enter-PSSession -Name web");
    if let Some(mut terminal) = Terminal::with(&entering, &folder.0) {
        terminal.shows("[srv1]: ");
        terminal.types("Get-Proc\t");
        terminal.shows("Get-Process");
        terminal.types("\u{3}");
        terminal.shows("[srv1]: ");
        terminal.types("Write-Output within; Start-Sleep 1000\r");
        terminal.shows("\r\nwithin");
        terminal.types("\u{3}Write-Output behind\r");
        terminal.shows("\r\nbehind");
        terminal.types("Read-Host\r");
        terminal.shows("Read-Host\u{1b}[?2004l\r\n");
        terminal.types("an answer\r");
        terminal.shows("\r\nan answer");
        terminal.types("exit\r");
        terminal.ends();
    }
    windlass(&["Invoke-Command", "-Session", "web", "Get-Date"]);
    windlass(&["agent", "stop"]);
    host.stop();
}
