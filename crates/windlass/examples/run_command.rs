//! Runs one command in a PowerShell session on the embedded host and prints what it writes.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

use windlass::{Authentication, Credential, PipelineEvent, PowerShell, PsSession};
use windlass_mock::MockHost;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = MockHost::builder().user("alice", "secret".to_owned()).http("127.0.0.1:0").start().await?;
    let port = host.http_addr().ok_or("the host does not listen")?.port();

    let session = PsSession::builder("localhost")
        .port(port)
        .authentication(Authentication::Ntlm)
        .credential(Credential::password("alice", "secret".to_owned()))
        .connect()
        .await?;
    let command = PowerShell::new().command("Get-Process").command("Select-Object").parameter("First", 3);
    let mut running = session.invoke(command);
    while let Some(event) = running.next().await {
        match event? {
            PipelineEvent::Output(process) => {
                let name = process.get("ProcessName").and_then(|name| name.as_str());
                println!("{}", name.unwrap_or("?"));
            }
            PipelineEvent::Error(error) => println!("error: {error}"),
            _ => {}
        }
    }
    println!("{} requests", session.statistics().http_requests);
    session.close().await?;
    host.shutdown().await;
    Ok(())
}
