//! The binary and its host, for tests.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass");
pub const PASSWORD: &str = "Throw-away.1";

/// A `windlass mock` that ends with its input.
pub struct Host {
    child: Child,
    pub http: String,
    pub https: String,
    pub rpc: String,
    pub certificate: String,
}

impl Host {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(Command::new(PROGRAM), arguments)
    }

    /// The same with a program, a user and an environment of the caller's.
    pub fn start_with(mut program: Command, arguments: &[&str]) -> Self {
        let mut child = program
            .args(["mock", "--tls-listen", "127.0.0.1:0", "--rpc-listen", "127.0.0.1:0", "--user"])
            .arg(format!("alice:{PASSWORD}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        let port = |key: &str| text(key).rsplit_once(':').unwrap().1.to_owned();
        Self {
            child,
            http: port("http"),
            https: port("https"),
            rpc: port("rpc"),
            certificate: text("certificate"),
        }
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// A folder of a test that goes with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("windlass-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file that its owner alone may read.
    #[cfg(unix)]
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        permit(&path, 0o600);
        path.to_str().unwrap().to_owned()
    }

    /// Writes a program that everybody may run.
    #[cfg(unix)]
    pub fn program(&self, name: &str, script: &str) -> String {
        let path = self.write(name, format!("#!/bin/sh\n{script}\n"));
        permit(Path::new(&path), 0o755);
        path
    }

    /// Lets everybody write into it.
    #[cfg(unix)]
    pub fn open_to_all(self) -> Self {
        permit(&self.0, 0o777);
        self
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(unix)]
fn permit(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the program in a folder.
pub fn windlass_in(folder: &Path, password: &str, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env("WINDLASS_PASSWORD", password)
        .env("WINDLASS_CONFIG", "")
        .env_remove("WINDLASS_USER")
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the program.
pub fn windlass(password: &str, arguments: &[&str]) -> Output {
    windlass_in(&std::env::temp_dir(), password, arguments)
}

/// The JSON objects of standard output, a line each.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Standard error.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
