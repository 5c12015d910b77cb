//! The line editor at a terminal, which `script` of util-linux plays.
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

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use skipped::skipped;
use support::{Folder, Host, PASSWORD, PROGRAM};

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
        // A shell that stays between them ends by the Ctrl-C that the program heeds.
        let command = format!("exec {command}");
        let child = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("WINDLASS_PASSWORD", PASSWORD)
            .env("WINDLASS_CONFIG", "")
            .env("XDG_RUNTIME_DIR", runtime)
            .env("XDG_STATE_HOME", runtime)
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            skipped("there is no `script`");
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

    /// Waits until the line editor asks for a line with this prompt: from then on it gets every key. What it draws
    /// again meanwhile begins with no such mark.
    fn asks(&mut self, prompt: &str) {
        self.shows("\u{1b}[?2004h");
        self.shows(prompt);
    }

    /// Waits until the line editor has handed in a line: from then on Ctrl-C is a signal.
    fn runs(&mut self) {
        self.shows("\u{1b}[?2004l");
    }

    /// The program ends by itself, as one that did all that was asked for.
    fn ends(mut self) {
        let status = self.child.wait().unwrap();
        self.seen.extend(self.screen.iter().map(|piece| String::from_utf8_lossy(&piece).into_owned()));
        assert!(status.success(), "{status}: {:?}", self.seen);
    }
}

#[test]
fn what_is_pasted_is_drawn_at_once() {
    let folder = Folder::new("terminal-pasted");
    let Some(mut terminal) = Terminal::with(&format!("{PROGRAM} console"), &folder.0) else { return };
    terminal.asks("windlass> ");
    terminal.types("Write-Output pasted");
    terminal.shows("pasted");
    // Ctrl-C drops the line.
    terminal.types("\u{3}");
    terminal.asks("windlass> ");
    terminal.types("Write-Output one\rWrite-Output two\r");
    terminal.shows("\none\r\n");
    terminal.shows("\ntwo\r\n");
    terminal.asks("windlass> ");
    terminal.types("exit\r");
    terminal.ends();
}

#[test]
fn ctrl_c_drops_what_stands_before_it_and_nothing_else() {
    let folder = Folder::new("terminal-dropped");
    let Some(mut terminal) = Terminal::with(&format!("{PROGRAM} console"), &folder.0) else { return };
    terminal.asks("windlass> ");
    terminal.types("Write-Output (\r");
    terminal.asks(">> ");
    terminal.types("Write-Output dropped\u{3}Write-Output kept\r");
    terminal.shows("\nkept\r\n");
    terminal.asks("windlass> ");
    assert!(!terminal.seen.contains("\ndropped"));
    // What failed was seen, and the user went on.
    terminal.types("Get-Nothing\r");
    terminal.shows("Get-Nothing");
    terminal.asks("windlass> ");
    terminal.types("exit\r");
    terminal.ends();
}

#[test]
fn ctrl_c_stops_what_runs_and_the_next_line_is_read() {
    let folder = Folder::new("terminal-stopped");
    let host = Host::start(&[]);
    let command = format!("{PROGRAM} console --resolve srv1=127.0.0.1:{} -Credential alice", host.http);
    let Some(mut terminal) = Terminal::with(&command, &folder.0) else { return };
    terminal.asks("windlass> ");
    terminal.types("Invoke-Command srv1 { Write-Output begun; Start-Sleep 1000 }\r");
    terminal.runs();
    terminal.shows("\r\nbegun");
    terminal.types("\u{3}Write-Output after\r");
    terminal.shows("\r\nafter");
    terminal.asks("windlass> ");
    terminal.types("Enter-PSSession srv1\r");
    terminal.asks("[srv1]: ");
    terminal.types("Write-Output within; Start-Sleep 1000\r");
    terminal.runs();
    terminal.shows("within");
    terminal.types("\u{3}Write-Output behind\r");
    terminal.shows("\r\nbehind");
    terminal.asks("[srv1]: ");
    terminal.types("exit\r");
    terminal.asks("windlass> ");
    terminal.types("\u{4}");
    terminal.ends();
    host.stop();
}

#[test]
fn a_session_of_the_agent_is_entered_at_the_terminal() {
    let folder = Folder::new("terminal-agent");
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
        terminal.asks("[srv1]: ");
        terminal.types("Get-Proc\t");
        terminal.shows("Get-Process");
        terminal.types("\u{3}");
        terminal.asks("[srv1]: ");
        terminal.types("Write-Output within; Start-Sleep 1000\r");
        terminal.runs();
        terminal.shows("within");
        terminal.types("\u{3}Write-Output behind\r");
        terminal.shows("\r\nbehind");
        terminal.asks("[srv1]: ");
        // What fails on the way is no failure of the conversation.
        terminal.types("Get-Nothing; Read-Host asked\r");
        terminal.runs();
        terminal.shows("asked: ");
        terminal.types("an answer\r");
        // As it was typed, and as it came back.
        terminal.shows("an answer\r\n");
        terminal.shows("an answer\r\n");
        terminal.asks("[srv1]: ");
        terminal.types("exit\r");
        terminal.ends();
    }
    windlass(&["Invoke-Command", "-Session", "web", "Get-Date"]);
    windlass(&["agent", "stop"]);
    host.stop();
}
