//! Processes by CIM over DCOM and over WS-Management: what `cargo xtask bench --dcom` runs.
//!
//! `dcom_figures host COUNT` serves so many processes until its input ends, and prints its ports for DCOM and for
//! WS-Management. `dcom_figures fetch packets|batches|single|wsman PORT` prints how many processes a second it
//! fetches, and the bytes on the wire for each. `dcom_figures stream PORT` fetches them all in packets and prints
//! the most memory that it had, in KiB.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

#[path = "../../../crates/windlass/examples/support/memory.rs"]
mod memory;

use std::sync::Arc;
use std::time::Instant;

use windlass::model::wql::Condition;
use windlass::model::{self, CimClass, Namespace};
use windlass::{Authentication, CimSession, CimSessionOptions, Credential, DcomOptions, Protocol};
use windlass_benches::process;
use windlass_mock::MockHost;
use windlass_mock::cim::{CimFailure, CimProvider, CimRequest, Instances};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USER: &str = "alice";
const PASSWORD: &str = "Throw-away.1";
const NAMESPACE: &str = "root/processes";
/// Processes that are fetched one a trip: all would take long.
const FEW: u32 = 2_000;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["host", count] => serve(count.parse()?).await,
        ["fetch", way, port] => fetch(way, port.parse()?).await,
        ["stream", port] => {
            let session = connect("packets", port.parse()?).await?;
            take(&session, u32::MAX).await?;
            session.close().await;
            println!("{}", memory::most_memory("self")?);
            Ok(())
        }
        _ => Err("dcom_figures host COUNT, dcom_figures fetch WAY PORT, or dcom_figures stream PORT".into()),
    }
}

/// So many processes, each made when it is asked for.
struct Processes(u32);

impl CimProvider for Processes {
    fn namespace(&self) -> Namespace {
        NAMESPACE.into()
    }

    fn classes(&self) -> Result<Vec<CimClass>, model::Error> {
        Ok(vec![process::class()])
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure> {
        let class = Arc::clone(class);
        Ok(Box::new((0..self.0).map(move |id| Ok(process::instance(&class, id)))))
    }
}

async fn serve(count: u32) -> Result<(), Failure> {
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).provider(Arc::new(Processes(count)));
    let host = host.http("127.0.0.1:0").rpc("127.0.0.1:0").start().await?;
    let (rpc, http) = host.rpc_addr().zip(host.http_addr()).ok_or("the host does not listen")?;
    println!("{} {}", rpc.port(), http.port());
    // The host works in other threads than this one.
    for line in std::io::stdin().lines() {
        line?;
    }
    host.shutdown().await;
    Ok(())
}

async fn connect(way: &str, port: u16) -> Result<CimSession, Failure> {
    let mut options = CimSessionOptions::default();
    let mut dcom = DcomOptions::default();
    dcom.smart_enumeration = way == "packets";
    if way == "single" {
        options.max_elements = 1;
    }
    let session = CimSession::builder("127.0.0.1")
        .port(port)
        .credential(Credential::password(USER, PASSWORD.to_owned()))
        .authentication(Authentication::Ntlm)
        .protocol(if way == "wsman" { Protocol::Wsman } else { Protocol::Dcom })
        .options(options)
        .dcom_options(dcom)
        .namespace(NAMESPACE);
    Ok(session.connect().await?)
}

async fn fetch(way: &str, port: u16) -> Result<(), Failure> {
    let session = connect(way, port).await?;
    // Over WS-Management the class is fetched once, with the first query.
    session.query("", "SELECT * FROM Win32_Process WHERE ProcessId = 0").collect().await?;
    let before = session.statistics();
    let began = Instant::now();
    let taken = take(&session, if way == "single" { FEW } else { u32::MAX }).await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = session.statistics();
    session.close().await;
    let bytes = after.bytes_sent + after.bytes_received - before.bytes_sent - before.bytes_received;
    let bytes = f64::from(u32::try_from(bytes)?);
    println!("{} {}", f64::from(taken) / seconds, bytes / f64::from(taken));
    Ok(())
}

/// Fetches at most so many processes; how many came.
async fn take(session: &CimSession, most: u32) -> Result<u32, Failure> {
    let mut processes = session.enumerate("", "Win32_Process");
    let mut taken = 0;
    while taken < most
        && let Some(process) = processes.next().await
    {
        process?;
        taken += 1;
    }
    Ok(taken)
}
