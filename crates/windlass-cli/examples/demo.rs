//! The main job on the embedded host, with nothing else installed: `cargo xtask demo`.
//!
//! Starts a host on loopback with a user made up for this run, opens a PSSession over WinRM (NTLM,
//! messages sealed over plain HTTP) and a CimSession over WS-Man, runs commands and queries in them,
//! says what each step cost, and checks that nothing is left open on the host.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that reports on the terminal")]

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use windlass::{
    Authentication, CimSession, Collected, Credential, Enumeration, PsSession, Secret, Statistics, Target,
};
use windlass_clixml::{PsObject, PsValue, to_text};
use windlass_display::{TableOptions, View, format};
use windlass_mock::MockHost;

const USER: &str = "alice";
const COLUMNS: usize = 100;
/// A command for each stream.
const EVERY_STREAM: &str = "Write-Output 'an object'; Write-Error 'an error'; Write-Warning 'a warning'; \
    Write-Verbose 'a verbose text' -Verbose; Write-Debug 'a debug text' -Debug; Write-Information 'an information'; \
    Write-Progress -Activity 'a progress' -Status 'half way' -PercentComplete 50";

#[tokio::main]
async fn main() -> Result<()> {
    let password = Secret::new(uuid::Uuid::new_v4().to_string());
    let host = MockHost::builder().user(USER, password.clone()).http("127.0.0.1:0").start().await?;
    let address = host.http_addr().context("the host does not listen")?;
    println!("The embedded host listens on {address}; {USER} may log on.\n");

    let mut target = Target::computer("localhost");
    target
        .set_port(address.port())
        .set_authentication(Authentication::Negotiate)
        .set_credential(Credential::password(USER, password));
    powershell(&target).await?;
    cim(&target).await?;

    let left = host.statistics();
    println!(
        "Open on the host now: {} shells, {} commands, {} enumerations.",
        left.open_shells, left.open_commands, left.open_enumerations
    );
    ensure!(
        left.open_shells == 0 && left.open_commands == 0 && left.open_enumerations == 0,
        "something was left open on the host"
    );
    host.shutdown().await;
    Ok(())
}

async fn powershell(target: &Target) -> Result<()> {
    let step = Step::start("New-PSSession, NTLM, sealed over HTTP");
    let session = PsSession::builder("localhost").target(target.clone()).connect().await?;
    let mut counted = step.end(Statistics::default(), session.statistics());

    let step = Step::start("Get-Process | Select-Object -First 5");
    let processes = session.invoke_script("Get-Process | Select-Object -First 5").collect().await?;
    counted = step.end(counted, session.statistics());
    let columns = ["Id", "ProcessName", "WorkingSet64", "CPU"].map(str::to_owned).to_vec();
    let table = View::Table(TableOptions { properties: columns, ..TableOptions::default() });
    println!("{}", format(&processes.output, &table, COLUMNS));
    ensure!(processes.output.len() == 5, "five processes are expected");

    let step = Step::start("a command for each stream");
    let said = session.invoke_script(EVERY_STREAM).collect().await?;
    step.end(counted, session.statistics());
    streams(&said)?;
    session.close().await?;
    Ok(())
}

/// Prints one row a stream and checks that each has what was written to it.
fn streams(said: &Collected) -> Result<()> {
    let rows = [
        ("output", said.output.first().map(to_text)),
        ("error", said.errors.first().map(|record| record.message().to_string())),
        ("warning", said.warnings.first().map(|record| record.message.to_string())),
        ("verbose", said.verbose.first().map(|record| record.message.to_string())),
        ("debug", said.debug.first().map(|record| record.message.to_string())),
        ("information", said.information.first().map(|record| to_text(&record.message_data))),
        ("progress", said.progress.first().map(|record| record.activity.to_string())),
    ];
    let mut objects: Vec<PsValue> = Vec::new();
    for (stream, text) in rows {
        let text = text.with_context(|| format!("nothing came on the {stream} stream"))?;
        objects.push(PsObject::custom().with("Stream", stream).with("Text", text).into());
    }
    println!("{}", format(&objects, &View::Default, COLUMNS));
    Ok(())
}

async fn cim(target: &Target) -> Result<()> {
    let step = Step::start("New-CimSession, with Identify");
    let session = CimSession::builder("localhost").target(target.clone()).connect().await?;
    let mut counted = step.end(Statistics::default(), session.statistics());

    let step = Step::start("Get-CimInstance Win32_OperatingSystem");
    let systems = session.enumerate("", "Win32_OperatingSystem").collect().await?;
    counted = step.end(counted, session.statistics());
    let system = systems.first().context("the host has no Win32_OperatingSystem")?;
    let shown = ["Caption", "Version", "CSName", "LastBootUpTime"].into_iter().fold(
        PsObject::custom(),
        |object, name| {
            let text = system.get(name).and_then(|value| value.to_text()).unwrap_or_default().into_owned();
            object.with(name, text)
        },
    );
    println!("{}", format(&[shown.into()], &View::List(Vec::new()), COLUMNS));

    let step = Step::start("SELECT Name, ProcessId FROM Win32_Process WHERE ProcessId < 100");
    let query = Enumeration::query("SELECT Name, ProcessId FROM Win32_Process WHERE ProcessId < 100");
    let processes = session.instances(query).collect().await?;
    step.end(counted, session.statistics());
    println!("{} processes have a number below 100.\n", processes.len());
    session.close().await;
    Ok(())
}

/// One step: how long it took and how many HTTP requests.
struct Step {
    name: &'static str,
    start: Instant,
}

impl Step {
    fn start(name: &'static str) -> Self {
        Self { name, start: Instant::now() }
    }

    fn end(self, before: Statistics, after: Statistics) -> Statistics {
        let requests = after.http_requests - before.http_requests;
        println!("{}: {requests} HTTP requests, {} ms", self.name, self.start.elapsed().as_millis());
        after
    }
}
