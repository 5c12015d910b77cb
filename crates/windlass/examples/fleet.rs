//! Many hosts at once: what `cargo xtask bench --fleet` runs.
//!
//! `fleet host` serves at every address of loopback and answers each line of its input with the numbers of
//! shells, commands and connections that are open. `fleet client PORT HOSTS` logs on at each of so many addresses, then
//! opens a session on each, runs one command and closes it, first one after the other, then all held open at once. `fleet
//! command PORT COUNT` prints the milliseconds that a command takes in an open session.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use windlass::{
    Authentication, Credential, PowerShell, PsSession, PsSessionOptions, Target, fleet, identify,
};
use windlass_mock::{HostLimits, MockHost};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USER: &str = "alice";
const PASSWORD: &str = "Throw-away.1";
/// Hosts that are worked on at a time.
const THROTTLE: usize = 64;
/// How often the sessions are looked at.
const LOOK: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["host"] => serve().await,
        ["client", port, hosts] => {
            let (port, hosts) = (port.parse()?, hosts.parse()?);
            logons(port, hosts).await?;
            one_after_the_other(port, hosts).await?;
            all_at_once(port, hosts).await
        }
        ["command", port, count] => commands(port.parse()?, count.parse()?).await,
        _ => Err("fleet host, fleet client PORT HOSTS, or fleet command PORT COUNT".into()),
    }
}

async fn serve() -> Result<(), Failure> {
    let mut limits = HostLimits::default();
    limits.connections = 1 << 20;
    limits.shells_per_user = 1 << 20;
    limits.operations_per_user = 1 << 20;
    // Every address of loopback is one of this computer.
    let host = MockHost::builder().user(USER, PASSWORD.to_owned()).http("0.0.0.0:0").limits(limits);
    let host = host.start().await?;
    println!("{}", host.http_addr().ok_or("the host does not listen")?.port());
    // The host works in other threads than this one.
    for line in std::io::stdin().lines() {
        line?;
        let open = host.statistics();
        println!("{} {} {}", open.open_shells, open.open_commands, open.connections);
    }
    host.shutdown().await;
    Ok(())
}

/// The way to the host with this number, from 0.
fn target(number: u32, port: u16) -> Target {
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number);
    let mut target = Target::computer(&address.to_string());
    target
        .set_port(port)
        .set_authentication(Authentication::Ntlm)
        .set_credential(Credential::password(USER, PASSWORD.to_owned()));
    target
}

async fn open(number: u32, port: u16) -> Result<PsSession, windlass::Error> {
    let mut options = PsSessionOptions::default();
    // Opening all of them takes longer than this: what they cost later is part of what they cost.
    options.park_after = Duration::from_secs(2);
    PsSession::builder("").target(target(number, port)).options(options).connect().await
}

async fn command(session: &PsSession) -> Result<(), windlass::Error> {
    session.invoke(PowerShell::new().command("Write-Output").argument("hello")).collect().await.map(|_| ())
}

/// A connection and a handshake for a single question, which is sealed.
async fn logons(port: u16, hosts: u32) -> Result<(), Failure> {
    let began = Instant::now();
    let mut everywhere =
        fleet(0..hosts, THROTTLE, |number| async move { identify(&target(number, port)).await });
    while let Some((_, outcome)) = everywhere.next().await {
        outcome?;
    }
    report("logged on with NTLM", hosts, began);
    Ok(())
}

async fn one_after_the_other(port: u16, hosts: u32) -> Result<(), Failure> {
    let began = Instant::now();
    let mut everywhere = fleet(0..hosts, THROTTLE, |number| async move {
        let session = open(number, port).await?;
        command(&session).await?;
        session.close().await
    });
    while let Some((_, outcome)) = everywhere.next().await {
        outcome?;
    }
    report("opened, one command, closed", hosts, began);
    Ok(())
}

async fn all_at_once(port: u16, hosts: u32) -> Result<(), Failure> {
    let before = resident();
    let began = Instant::now();
    let mut everywhere = fleet(0..hosts, THROTTLE, |number| open(number, port));
    let mut sessions = Vec::new();
    while let Some((_, session)) = everywhere.next().await {
        sessions.push(session?);
    }
    report("opened and held", hosts, began);
    memory("memory of an open session", before, hosts);

    let began = Instant::now();
    let mut running = fleet(sessions, THROTTLE, |session| async move {
        command(&session).await?;
        Ok::<_, windlass::Error>(session)
    });
    let mut sessions = Vec::new();
    while let Some((_, session)) = running.next().await {
        sessions.push(session?);
    }
    report("one command in each", hosts, began);
    parked(&sessions).await;
    memory("memory of one that waits", before, hosts);

    let began = Instant::now();
    let mut closing = fleet(sessions, THROTTLE, PsSession::close);
    while let Some((_, closed)) = closing.next().await {
        closed?;
    }
    report("closed", hosts, began);
    Ok(())
}

/// Waits until each session hears what its host has to say on a connection of its own.
async fn parked(sessions: &[PsSession]) {
    while sessions.iter().any(|session| session.statistics().connections < 2) {
        tokio::time::sleep(LOOK).await;
    }
}

async fn commands(port: u16, count: usize) -> Result<(), Failure> {
    let session = open(0, port).await?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        command(&session).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    session.close().await?;
    times.sort_by(f64::total_cmp);
    println!("{:.3}", times.get(count / 2).ok_or("no command was run")?);
    Ok(())
}

fn report(what: &str, hosts: u32, began: Instant) {
    let taken = began.elapsed().as_secs_f64();
    println!("{what:<30} {hosts:>6} hosts {taken:>8.2} s {:>8.0}/s", f64::from(hosts) / taken);
}

fn memory(what: &str, before: u64, hosts: u32) {
    println!(
        "{what:<30} {:>8} bytes (wanted under 65536)",
        resident().saturating_sub(before) / u64::from(hosts)
    );
}

/// The memory of this process, in bytes, where the system tells (Linux).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
