//! Measures sessions with a host and prints one figure a line, `NAME VALUE`, for `cargo xtask bench
//! --sessions`, which compares and judges them.
//!
//! Arguments: the host's HTTP and HTTPS addresses, its process, a user and a password; and which figures are
//! wanted, where it is not all of them.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/memory.rs"]
mod memory;

use std::error::Error;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use windlass::{
    Authentication, Credential, InvokeOptions, PipelineEvent, PowerShell, PsSession, PsSessionBuilder,
    ShellEvent, Target, WinRsCommand, WinRsShell,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How long a message takes one way through [`slow`].
const ONE_WAY: Duration = Duration::from_millis(50);
const OBJECTS: usize = 100_000;
const PIPELINES: i32 = 64;
const GIGABYTE: usize = 1 << 30;
const INPUT: usize = 500_000_000;
/// Logons that are measured, and how many of them at once.
const LOGONS: u32 = 2000;
const AT_ONCE: u32 = 8;

struct Host {
    http: String,
    https: String,
    process: String,
    user: String,
    password: String,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    allocator::keep_freed_memory();
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("too few arguments");
    let host = Host { http: next()?, https: next()?, process: next()?, user: next()?, password: next()? };
    let chosen: Vec<String> = arguments.collect();
    for name in ["objects", "side-by-side", "stop", "round-trips", "logons", "output", "input"] {
        if !chosen.is_empty() && !chosen.iter().any(|chosen| chosen == name) {
            continue;
        }
        match name {
            "objects" => objects(&host).await?,
            "side-by-side" => side_by_side(&host).await?,
            "stop" => stop(&host).await?,
            "round-trips" => round_trips(&host).await?,
            "logons" => logons(&host).await?,
            "output" => output(&host).await?,
            _ => input(&host).await?,
        }
    }
    Ok(())
}

impl Host {
    /// The ways on which much travels: sealed by NTLM, and over TLS.
    fn broad_ways(&self) -> Outcome<[(&'static str, Target); 2]> {
        let mut secure = self.target(&self.https, Authentication::Basic)?;
        secure.set_use_ssl(true).set_skip_ca_check(true);
        Ok([("http-ntlm", self.target(&self.http, Authentication::Ntlm)?), ("https-basic", secure)])
    }

    fn target(&self, address: &str, authentication: Authentication) -> Outcome<Target> {
        let (_, port) = address.rsplit_once(':').ok_or("the address has no port")?;
        let mut target = Target::computer("localhost");
        target
            .set_port(port.parse()?)
            .set_authentication(authentication)
            .set_credential(Credential::password(&self.user, self.password.clone()));
        Ok(target)
    }

    fn session(&self) -> Outcome<PsSessionBuilder> {
        Ok(PsSession::builder("").target(self.target(&self.http, Authentication::Ntlm)?))
    }
}

/// Many small objects through one pipeline.
async fn objects(host: &Host) -> Outcome<()> {
    let session = host.session()?.connect().await?;
    let (began, used) = (Instant::now(), processor_time("self")?);
    let mut running = session.invoke_script(&format!("objects {OBJECTS}"));
    let mut count = 0;
    while let Some(event) = running.next().await {
        count += usize::from(matches!(event?, PipelineEvent::Output(_)));
    }
    let (took, used) = (began.elapsed().as_secs_f64(), processor_time("self")? - used);
    if count != OBJECTS {
        return Err(format!("{count} objects came").into());
    }
    println!("objects/s {}", f64::from(u32::try_from(count)?) / took);
    println!("processor-us-per-object {}", used * 1e6 / f64::from(u32::try_from(count)?));
    println!("objects-requests {}", session.statistics().http_requests);
    session.close().await?;
    Ok(())
}

/// Pipelines in one pool, all at once.
async fn side_by_side(host: &Host) -> Outcome<()> {
    const LONGEST: i32 = 4000;
    let session = host.session()?.runspaces(1, PIPELINES).connect().await?;
    let began = Instant::now();
    let running: Vec<_> = (0..PIPELINES)
        .map(|number| {
            let pause = LONGEST - 10 * number;
            let pipeline = PowerShell::new().command("Start-Sleep").parameter("Milliseconds", pause);
            session.invoke(pipeline.statement().command("Write-Output").argument(number))
        })
        .collect();
    for invocation in running {
        let result = invocation.collect().await?;
        if result.output.len() != 1 {
            return Err(format!("a pipeline ended as {:?}", result.state).into());
        }
    }
    println!("side-by-side {}", began.elapsed().as_secs_f64() * 1e3 / f64::from(LONGEST));
    session.close().await?;
    Ok(())
}

/// From Ctrl-C to the end of the pipeline.
async fn stop(host: &Host) -> Outcome<()> {
    let session = host.session()?.connect().await?;
    let sleep = PowerShell::new().command("Write-Output").argument(1);
    let mut options = InvokeOptions::default();
    options.is_watched = true;
    let sleep = sleep.statement().command("Start-Sleep").parameter("Seconds", 600);
    let mut running = session.invoke_with(sleep, &options);
    while let Some(event) = running.next().await {
        if matches!(event?, PipelineEvent::Output(_)) {
            break;
        }
    }
    // The next Receive is on its way, and a connection waits for the order.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = session.statistics().http_requests;
    let began = Instant::now();
    running.stop().await?;
    while let Some(event) = running.next().await {
        event?;
    }
    println!("stop-ms {}", began.elapsed().as_secs_f64() * 1e3);
    println!("stop-requests {}", session.statistics().http_requests - before);
    session.close().await?;
    Ok(())
}

/// One command in a session of its own, and the next in the open session, over a slow network.
async fn round_trips(host: &Host) -> Outcome<()> {
    for (name, address, authentication, ssl) in [
        ("http-ntlm", &host.http, Authentication::Ntlm, false),
        ("https-ntlm", &host.https, Authentication::Ntlm, true),
        ("https-basic", &host.https, Authentication::Basic, true),
    ] {
        let mut target = host.target(&slow(address).await?, authentication)?;
        target.set_use_ssl(ssl).set_skip_ca_check(true);
        let command = || PowerShell::new().command("Write-Output").argument(1);
        let began = Instant::now();
        let session = PsSession::builder("").target(target).connect().await?;
        session.invoke(command()).collect().await?;
        let (opened, requests) = (began.elapsed(), session.statistics().http_requests);
        let warm = Instant::now();
        session.invoke(command()).collect().await?;
        let (warm, warm_requests) = (warm.elapsed(), session.statistics().http_requests - requests);
        let closing = Instant::now();
        session.close().await?;
        // The Delete is one request more; with it the command is a whole one-shot.
        let cold = opened + closing.elapsed();
        println!("cold-ms-{name} {}", cold.as_secs_f64() * 1e3);
        println!("cold-requests-{name} {}", requests + 1);
        println!("warm-ms-{name} {}", warm.as_secs_f64() * 1e3);
        println!("warm-requests-{name} {warm_requests}");
    }
    Ok(())
}

/// Connections that log on, ask one question and end: what they cost the host.
async fn logons(host: &Host) -> Outcome<()> {
    for (name, address, authentication, ssl) in [
        ("http-ntlm", &host.http, Authentication::Ntlm, false),
        ("https-ntlm", &host.https, Authentication::Ntlm, true),
        ("https-basic", &host.https, Authentication::Basic, true),
    ] {
        let mut target = host.target(address, authentication)?;
        target.set_use_ssl(ssl).set_skip_ca_check(true);
        let used = processor_time(&host.process)?;
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let target = target.clone();
                tokio::spawn(async move {
                    for _ in 0..LOGONS / AT_ONCE {
                        windlass::identify(&target).await?;
                    }
                    Ok::<_, windlass::Error>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        println!("logons/s-{name} {}", f64::from(LOGONS) / (processor_time(&host.process)? - used));
    }
    Ok(())
}

/// A gigabyte that a program writes.
async fn output(host: &Host) -> Outcome<()> {
    for (name, target) in host.broad_ways()? {
        let shell = WinRsShell::builder("").target(target).open().await?;
        let before = Peaks::now(host)?;
        let began = Instant::now();
        let mut running = shell.run(WinRsCommand::new(&format!("head -c {GIGABYTE} /dev/zero")));
        let mut bytes = 0;
        while let Some(event) = running.next().await {
            if let ShellEvent::Stdout(data) = event? {
                bytes += data.len();
            }
        }
        if bytes != GIGABYTE {
            return Err(format!("{bytes} bytes came").into());
        }
        println!("output-MB/s-{name} {}", megabytes(bytes)? / began.elapsed().as_secs_f64());
        before.print_growth(host, "output", name)?;
        shell.close().await?;
    }
    Ok(())
}

/// Half a gigabyte into a command.
async fn input(host: &Host) -> Outcome<()> {
    for (name, target) in host.broad_ways()? {
        let session = PsSession::builder("").target(target).connect().await?;
        let before = Peaks::now(host)?;
        let began = Instant::now();
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Out-Null"));
        let piece = "x".repeat(100_000);
        let feeding = async {
            for _ in 0..INPUT / piece.len() {
                input.send(piece.as_str().into()).await?;
            }
            input.close().await
        };
        let (fed, result) = tokio::join!(feeding, running.collect());
        fed?;
        result?;
        println!("input-MB/s-{name} {}", megabytes(INPUT)? / began.elapsed().as_secs_f64());
        before.print_growth(host, "input", name)?;
        session.close().await?;
    }
    Ok(())
}

fn megabytes(bytes: usize) -> Outcome<f64> {
    Ok(f64::from(u32::try_from(bytes / 1_000_000)?))
}

/// A way to a host on which every byte takes [`ONE_WAY`]. Gives its address.
async fn slow(address: &str) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let ours = listener.local_addr()?.to_string();
    let address = address.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(host) = TcpStream::connect(&address).await else { return };
            client.set_nodelay(true).ok();
            host.set_nodelay(true).ok();
            let (from_client, to_client) = client.into_split();
            let (from_host, to_host) = host.into_split();
            tokio::spawn(carry(from_client, to_host));
            tokio::spawn(carry(from_host, to_client));
        }
    });
    Ok(ours)
}

/// Carries bytes, each as long after it came as any other.
async fn carry(mut from: impl AsyncRead + Unpin + Send + 'static, mut to: impl AsyncWrite + Unpin) {
    let (sender, mut pieces) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count) = from.read(&mut buffer).await {
            let piece = buffer.get(..count).unwrap_or_default().to_vec();
            if count == 0 || sender.send((Instant::now() + ONE_WAY, piece)).is_err() {
                return;
            }
        }
    });
    while let Some((due, piece)) = pieces.recv().await {
        tokio::time::sleep_until(due).await;
        if to.write_all(&piece).await.is_err() {
            return;
        }
    }
    to.shutdown().await.ok();
}

/// Seconds of processor time that a process has used.
fn processor_time(process: &str) -> Outcome<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
    let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let (user, system) = (ticks.next().ok_or("no time")??, ticks.next().ok_or("no time")??);
    Ok((user + system) / TICKS_PER_SECOND)
}

/// The most memory that either side has held until now, in megabytes.
struct Peaks {
    client: u64,
    host: u64,
}

impl Peaks {
    fn now(host: &Host) -> Outcome<Self> {
        Ok(Self { client: peak("self")?, host: peak(&host.process)? })
    }

    /// Prints by how much the peaks have risen since.
    fn print_growth(&self, host: &Host, what: &str, way: &str) -> Outcome<()> {
        let now = Self::now(host)?;
        println!("{what}-client-MB-{way} {}", now.client - self.client);
        println!("{what}-host-MB-{way} {}", now.host - self.host);
        Ok(())
    }
}

/// The most memory that a process has held, in megabytes.
fn peak(process: &str) -> Outcome<u64> {
    Ok(memory::most_memory(process)? / 1000)
}
