//! Queries a CIM class of the embedded host and prints what it finds.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

use windlass::{CimSession, Credential};
use windlass_mock::MockHost;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = MockHost::builder().user("alice", "secret".to_owned()).http("127.0.0.1:0").start().await?;
    let port = host.http_addr().ok_or("the host does not listen")?.port();

    let session = CimSession::builder("localhost")
        .port(port)
        .credential(Credential::password("alice", "secret".to_owned()))
        .connect()
        .await?;
    let mut processes = session.query("root/cimv2", "SELECT Name, ProcessId FROM Win32_Process");
    while let Some(process) = processes.next().await {
        let process = process?;
        let name = process.get("Name").and_then(|name| name.as_str()).unwrap_or("?");
        let id = process.get("ProcessId").and_then(|id| id.as_u64()).unwrap_or_default();
        println!("{id:>8} {name}");
    }
    session.close().await;
    host.shutdown().await;
    Ok(())
}
