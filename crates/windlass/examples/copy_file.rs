//! A large file to a session: what `cargo xtask bench --copy` runs.
//!
//! `copy_file host DIRECTORY` serves that directory until its input ends, and prints its ports for HTTP and HTTPS.
//! `copy_file client http|https PORT FILE` copies the file there and back, sealed by NTLM or over TLS with Basic; it
//! prints how long each took and the most memory that it had.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/memory.rs"]
mod memory;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use windlass::{Authentication, CopyOptions, CopyReport, Credential, PsSession, Target};
use windlass_mock::MockHost;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USER: &str = "alice";
const PASSWORD: &str = "Throw-away.1";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["host", directory] => serve(directory).await,
        ["client", way @ ("http" | "https"), port, file] => {
            copy(*way == "https", port.parse()?, Path::new(file)).await
        }
        _ => Err("copy_file host DIRECTORY, or copy_file client http|https PORT FILE".into()),
    }
}

async fn serve(directory: &str) -> Result<(), Failure> {
    let any = "127.0.0.1:0";
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).http(any).https(any).files(directory)?;
    let host = host.start().await?;
    let port = |address: Option<SocketAddr>| address.map(|address| address.port());
    let ports = port(host.http_addr()).zip(port(host.https_addr()));
    let (http, https) = ports.ok_or("the host does not listen")?;
    println!("{http} {https}");
    // The host works in other threads than this one.
    for line in std::io::stdin().lines() {
        line?;
    }
    host.shutdown().await;
    Ok(())
}

async fn copy(ssl: bool, port: u16, file: &Path) -> Result<(), Failure> {
    let mut target = Target::computer("127.0.0.1");
    target
        .set_port(port)
        .set_use_ssl(ssl)
        .set_skip_ca_check(true)
        .set_authentication(if ssl { Authentication::Basic } else { Authentication::Ntlm })
        .set_credential(Credential::password(USER, PASSWORD.to_owned()));
    let session = PsSession::builder("").target(target).connect().await?;
    let options = CopyOptions::default();

    let began = Instant::now();
    whole(session.copy_to(&[file.to_owned()], "User:/copied", &options).await?)?;
    let there = began.elapsed();
    let back = PathBuf::from(format!("{}.back", file.display()));
    let began = Instant::now();
    whole(session.copy_from(&["User:/copied".to_owned()], &back, &options).await?)?;
    let and_back = began.elapsed();
    session.close().await?;
    println!("{} {} {}", there.as_secs_f64(), and_back.as_secs_f64(), memory::most_memory("self")?);
    Ok(())
}

fn whole(report: CopyReport) -> Result<(), Failure> {
    match report.failures.into_iter().next() {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}
