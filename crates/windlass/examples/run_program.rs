//! Runs a program in a cmd shell of the embedded host and prints its output as it comes.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

use windlass::{Credential, ShellEvent, WinRsCommand, WinRsShell};
use windlass_mock::MockHost;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = MockHost::builder()
        .user("alice", "secret".to_owned())
        .http("127.0.0.1:0")
        .allow_exec(true)
        .start()
        .await?;
    let port = host.http_addr().ok_or("the host does not listen")?.port();

    let shell = WinRsShell::builder("localhost")
        .port(port)
        .credential(Credential::password("alice", "secret".to_owned()))
        .open()
        .await?;
    let mut running = shell.run(WinRsCommand::new("echo hello"));
    while let Some(event) = running.next().await {
        match event? {
            ShellEvent::Stdout(bytes) => print!("{}", String::from_utf8_lossy(&bytes)),
            ShellEvent::Exited(code) => println!("exit code {code}"),
            _ => {}
        }
    }
    shell.close().await?;
    host.shutdown().await;
    Ok(())
}
