//! What the tests of options look through: the console, recordings of the host, a wire that is listened to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::support::{Host, PASSWORD, PROGRAM};

/// How lines in the console ended.
pub struct Ran {
    pub status: i32,
    pub output: String,
    pub errors: String,
}

impl Ran {
    /// Fails unless the lines wrote this.
    pub fn wrote(&self, expected: &str, case: &str) {
        assert!(self.status == 0 && self.output.contains(expected), "{case}: {}{}", self.output, self.errors);
    }

    /// Fails unless the lines ended in an error that says this.
    pub fn failed(&self, expected: &str, case: &str) {
        assert!(self.status != 0 && self.errors.contains(expected), "{case}: {}{}", self.output, self.errors);
    }
}

/// Runs lines in the console as alice; `srv1` is at this port of loopback.
pub fn console(port: &str, arguments: &[&str], environment: &[(&str, &str)], lines: &str) -> Ran {
    let resolve = format!("srv1=127.0.0.1:{port}");
    let mut command = Command::new(PROGRAM);
    command.args(["console", "--credential", "alice", "--resolve", &resolve]).args(arguments);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let ran = command
        .args(["--command", lines])
        .env("WINDLASS_PASSWORD", PASSWORD)
        .env_remove("WINDLASS_USER")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        status: ran.status.code().unwrap(),
        output: String::from_utf8_lossy(&ran.stdout).into_owned(),
        errors: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

/// One command in a session that is made with these options.
pub fn ps(options: &str) -> String {
    format!(
        "$s = New-PSSession srv1 -SessionOption (New-PSSessionOption {options})\n\
         Invoke-Command $s {{ Write-Output there }}\nRemove-PSSession $s"
    )
}

/// One query in a CIM session that is made with these options.
pub fn cim(options: &str) -> String {
    let options = match options {
        "" => String::new(),
        options => format!("-SessionOption (New-CimSessionOption {options})"),
    };
    format!(
        "$s = New-CimSession srv1 {options}\n\
         Get-CimInstance Win32_OperatingSystem -CimSession $s | Select-Object -ExpandProperty CreationClassName"
    )
}

/// A host that keeps every message.
pub struct RecordingHost {
    pub host: Host,
    folder: PathBuf,
}

impl RecordingHost {
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("windlass-options-{name}-{}", std::process::id()));
        std::fs::remove_dir_all(&folder).ok();
        let record = ["--record", folder.to_str().unwrap()];
        let host = Host::start(&[&record[..], arguments].concat());
        Self { host, folder }
    }

    /// The requests that came since this was asked before.
    pub fn requests(&self, seen: &mut usize) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("wsman-1.jsonl")).unwrap();
        let request = |line: &str| -> String {
            let line: Value = serde_json::from_str(line).unwrap();
            line["request"].as_str().unwrap().to_owned()
        };
        let requests: Vec<String> = text.lines().skip(*seen).map(request).collect();
        *seen += requests.len();
        requests
    }

    pub fn stop(self) {
        self.host.stop();
        std::fs::remove_dir_all(self.folder).unwrap();
    }
}

/// A file that goes with its test.
pub struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("windlass-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// A wire to a port of loopback, and what clients sent through it.
pub struct Wire {
    pub port: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// To a port; the first connections so many are answered that the service is busy.
    pub fn to(port: &str, busy: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port().to_string();
        let sent = Arc::<Mutex<Vec<u8>>>::default();
        let (port, log) = (port.to_owned(), Arc::clone(&sent));
        thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let (client, log) = (client.unwrap(), Arc::clone(&log));
                if number < busy {
                    thread::spawn(move || answer(client, "503 Service Unavailable", ""));
                    continue;
                }
                let host = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
                let (back, forth) = (host.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || carry(client, host, Some(&log)));
                thread::spawn(move || carry(back, forth, None));
            }
        });
        Self { port: own, sent }
    }

    /// What clients have sent since this was asked before.
    pub fn sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.sent.lock().unwrap())
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, log: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(log) = log {
            log.lock().unwrap().extend_from_slice(&buffer[..read]);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

/// A server of HTTP that gives every request one answer, and the heads of those that came.
pub struct Answering {
    pub port: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Answering {
    pub fn start(status: &'static str, headers: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let (headers, log) = (headers.to_owned(), Arc::clone(&heads));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, headers, log) = (client.unwrap(), headers.clone(), Arc::clone(&log));
                thread::spawn(move || serve(client, status, &headers, |head| log.lock().unwrap().push(head)));
            }
        });
        Self { port, heads }
    }

    /// The heads of requests since this was asked before.
    pub fn heads(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }
}

fn answer(client: TcpStream, status: &str, headers: &str) {
    serve(client, status, headers, |_| {});
}

fn serve(mut client: TcpStream, status: &str, headers: &str, mut note: impl FnMut(String)) {
    let mut seen = Vec::new();
    let mut buffer = [0; 16_384];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
            continue;
        }
        note(head.to_owned());
        seen.clear();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n");
        if client.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
