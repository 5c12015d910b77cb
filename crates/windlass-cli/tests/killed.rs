//! What is killed in the middle of a command leaves nothing that the next command stumbles over.
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

use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use support::{PASSWORD, PROGRAM, errors, lines};
use tokio::runtime::Runtime;
use windlass_mock::{MockHost, Statistics};

/// A user with a folder of their own for the agent.
struct User {
    folder: PathBuf,
    resolve: String,
}

impl User {
    fn new(name: &str, port: u16) -> Self {
        let folder = std::env::temp_dir().join(format!("windlass-killed-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, resolve: format!("srv1=127.0.0.1:{port}") }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        if arguments[0] != "agent" {
            command.args(["--resolve", &self.resolve]);
        }
        command
            .args(arguments)
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("WINDLASS_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Opens the session `web`, which the agent keeps.
    fn open(&self, options: &[&str]) {
        let base = ["New-PSSession", "-ComputerName", "srv1", "-Name", "web", "-Credential", "alice"];
        let opened = self.run(&[&base[..], options].concat());
        assert_eq!(opened.status.code(), Some(0), "{}", errors(&opened));
    }

    /// Starts a command that does not end by itself, and waits until it has written something.
    fn begin(&self, how: &[&str]) -> (Child, BufReader<ChildStdout>) {
        let work = ["{", "Write-Output", "begun;", "Start-Sleep", "600", "}"];
        let mut command = self.command(&[&["Invoke-Command"], how, &work].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains("begun"), "{line}");
        (child, output)
    }

    /// A command in the session `web` succeeds.
    fn works(&self) {
        let ran = self.run(&["Invoke-Command", "-Session", "web", "{", "Write-Output", "kept", "}"]);
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        assert_eq!(lines(&ran)[0]["value"], "kept");
    }

    fn status(&self) -> String {
        let ran = self.run(&["agent", "status"]);
        assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Kills the agent.
    fn kill_agent(&self) {
        let status = self.status();
        let process = status.split_once("as process ").unwrap().1.split(' ').next().unwrap();
        assert!(Command::new("kill").args(["-9", process]).status().unwrap().success());
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.run(&["agent", "stop"]);
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// How a child ended, and what it had to complain of.
fn end(mut child: Child) -> (Option<i32>, String) {
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap().code(), told)
}

fn start(runtime: &Runtime) -> MockHost {
    let host = MockHost::builder().user("alice", PASSWORD.to_owned()).http("127.0.0.1:0");
    runtime.block_on(host.start()).unwrap()
}

fn wait(runtime: &Runtime, host: &MockHost, until: impl Fn(&Statistics) -> bool) {
    let waited =
        async { tokio::time::timeout(std::time::Duration::from_secs(30), host.wait_until(until)).await };
    assert!(runtime.block_on(waited).is_ok(), "{:?}", host.statistics());
}

#[test]
fn a_client_is_killed() {
    let runtime = Runtime::new().unwrap();
    let host = start(&runtime);
    let user = User::new("client", host.http_addr().unwrap().port());
    user.open(&[]);
    let (mut child, _output) = user.begin(&["-Session", "web"]);
    child.kill().unwrap();
    child.wait().unwrap();
    // The agent stops what nobody waits for.
    wait(&runtime, &host, |left| left.open_commands == 0);
    user.works();

    // Without the agent, the session goes with its process; the host forgets it in its own time.
    let (mut child, _output) = user.begin(&["-ComputerName", "srv1", "-Credential", "alice"]);
    child.kill().unwrap();
    child.wait().unwrap();
    user.works();
}

#[test]
fn the_agent_is_killed() {
    let runtime = Runtime::new().unwrap();
    let host = start(&runtime);
    let user = User::new("agent", host.http_addr().unwrap().port());
    user.open(&[]);
    let (child, _output) = user.begin(&["-Session", "web"]);
    user.kill_agent();
    let (status, told) = end(child);
    assert!(status.is_some_and(|status| status != 0), "{told}");
    assert!(told.contains("the agent ended in the middle of the command"), "{told}");

    // The next command says what happened, once, and does what it can.
    let ran = user.run(&["Invoke-Command", "-Session", "web", "{", "Get-Date", "}"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(errors(&ran).contains("the agent was killed"), "{}", errors(&ran));
    assert!(errors(&ran).contains("no PSSession is called 'web'"), "{}", errors(&ran));
    let ran = user.run(&["Invoke-Command", "-Session", "web", "{", "Get-Date", "}"]);
    assert!(!errors(&ran).contains("the agent was killed"), "{}", errors(&ran));
    user.open(&[]);
    user.works();

    // Killed while nothing runs: what needs no agent goes on at once, what does starts another.
    user.kill_agent();
    let ran = user.run(&["New-PSSession", "-ComputerName", "srv1", "-Name", "web", "-Credential", "alice"]);
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    assert!(errors(&ran).contains("the agent was killed"), "{}", errors(&ran));
    user.works();
    assert!(user.status().contains("web on srv1: Opened"));
}

#[test]
fn the_agent_is_killed_before_it_takes_a_command() {
    let runtime = Runtime::new().unwrap();
    let host = start(&runtime);
    for reads in [false, true] {
        let user = User::new(&format!("ends-{reads}"), host.http_addr().unwrap().port());
        let place = user.folder.join("windlass");
        DirBuilder::new().mode(0o700).create(&place).unwrap();
        let dying = UnixListener::bind(place.join("agent.sock")).unwrap();
        let last = std::thread::spawn(move || {
            let (stream, _) = dying.accept().unwrap();
            drop(dying);
            if reads {
                BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            }
        });
        user.open(&[]);
        last.join().unwrap();
        user.works();
    }
}

#[test]
fn the_host_is_killed() {
    // Nobody else gets the port between the two hosts.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    let host = support::Host::start(&["--listen", &address.to_string()]);
    let user = User::new("host", address.port());
    user.open(&["-SessionOption", "@{ RetryWindow = 0; OpenTimeout = 2000 }"]);
    let (child, _output) = user.begin(&["-Session", "web"]);
    host.kill();
    let (status, told) = end(child);
    assert!(status.is_some_and(|status| status != 0) && told.contains("srv1"), "{told}");

    let ran = user.run(&["Invoke-Command", "-Session", "web", "{", "Get-Date", "}"]);
    assert_ne!(ran.status.code(), Some(0));
    assert!(errors(&ran).contains("srv1") || errors(&ran).contains("web"), "{}", errors(&ran));
    let ran = user.run(&["Remove-PSSession", "-Name", "web"]);
    assert!(ran.status.code().is_some(), "{}", errors(&ran));
    assert!(user.status().contains("nothing"), "{}", user.status());

    // Back again, it is as if nothing had been.
    let host = support::Host::start(&["--listen", &address.to_string()]);
    user.open(&[]);
    user.works();
    drop(user);
    host.stop();
}

#[test]
fn a_session_that_is_left_meanwhile_ends_the_command_that_waits() {
    let host = support::Host::start(&["--listen", "127.0.0.1:0"]);
    let user = User::new("left", host.http.parse().unwrap());
    let options = ["-SessionOption", "@{ RetryWindow = 200 }"];
    user.open(&options);
    // Another command leaves it.
    let (child, _output) = user.begin(&["-Session", "web"]);
    let ran = user.run(&["Disconnect-PSSession", "-Name", "web"]);
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    let (status, told) = end(child);
    assert!(status == Some(3) && told.contains("The session on srv1 is disconnected"), "{told}");
    assert!(user.status().contains("web on srv1: Disconnected"), "{}", user.status());

    // The host goes away and does not come back in time.
    let ran = user.run(&["Connect-PSSession", "-Name", "web"]);
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    let ran = user.run(&["Remove-PSSession", "-Name", "web"]);
    assert_eq!(ran.status.code(), Some(0), "{}", errors(&ran));
    user.open(&options);
    let (in_session, _output) = user.begin(&["-Session", "web"]);
    let how = ["-ComputerName", "srv1", "-Credential", "alice"];
    let (alone, _output) = user.begin(&[&how[..], &options].concat());
    host.kill();
    for child in [in_session, alone] {
        let (status, told) = end(child);
        assert!(status == Some(3) && told.contains("The session on srv1 is disconnected"), "{told}");
    }
}
