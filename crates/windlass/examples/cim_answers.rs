//! Instances of CIM from a host: what `cargo xtask bench --cim` runs.
//!
//! `cim_answers processes PORT FOLDER` prints the properties of Win32_Process that it gets in a second by querying
//! the host and by reading the answers saved in a folder, and the requests of a first and of a second query.
//! `cim_answers stream PORT COUNT` streams so many instances; it prints the requests and the most memory that it had.
#![expect(clippy::print_stdout, reason = "a program that reports on the terminal")]

#[path = "support/memory.rs"]
mod memory;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass::{Authentication, CimSession, Credential, Target};
use windlass_cim::wscim::{Decoder, Learned};
use windlass_cim::{CimClass, ClassStore, Mismatch};
use windlass_wsman::{Expectation, decode_response_with};
use windlass_xml::{Limits, decode_utf};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USER: &str = "alice";
const PASSWORD: &str = "Throw-away.1";
const NAMESPACE: &str = "root/cimv2";
const PROCESSES: &str = "SELECT * FROM Win32_Process";
/// How long something is measured; the best round counts.
const LONG: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["processes", port, folder] => processes(port.parse()?, Path::new(folder)).await,
        ["stream", port, count] => stream(port.parse()?, count.parse()?).await,
        _ => Err("cim_answers processes PORT FOLDER, or cim_answers stream PORT COUNT".into()),
    }
}

async fn open(port: u16) -> Result<CimSession, windlass::Error> {
    let mut target = Target::computer("127.0.0.1");
    target
        .set_port(port)
        .set_authentication(Authentication::Ntlm)
        .set_credential(Credential::password(USER, PASSWORD.to_owned()));
    CimSession::builder("").target(target).skip_test_connection(true).connect().await
}

async fn processes(port: u16, folder: &Path) -> Result<(), Failure> {
    let session = open(port).await?;
    let mut requests = Vec::new();
    for _ in 0..2 {
        let before = session.statistics().http_requests;
        session.query(NAMESPACE, "SELECT * FROM Win32_OperatingSystem").collect().await?;
        requests.push(session.statistics().http_requests - before);
    }
    let mut whole: f64 = 0.0;
    let mut class = None;
    let end = Instant::now() + LONG;
    while Instant::now() < end {
        let began = Instant::now();
        let found = session.query(NAMESPACE, PROCESSES).collect().await?;
        let count = found.iter().map(|instance| instance.properties.len()).sum();
        whole = whole.max(rate(count, began));
        class = found.into_iter().find_map(|instance| instance.class);
    }
    session.close().await;
    let saved = decode(folder, &class.ok_or("the instances have no class")?)?;
    println!("{whole} {saved} {}", requests.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    Ok(())
}

/// The properties that are read in a second from saved answers of the host.
fn decode(folder: &Path, class: &Arc<CimClass>) -> Result<f64, Failure> {
    let mut classes = ClassStore::new();
    classes.add_complete(CimClass::clone(class));
    let files = std::fs::read_dir(folder)?.map(|entry| std::fs::read(entry?.path()));
    let answers = files.collect::<Result<Vec<_>, _>>()?;
    let mut best: f64 = 0.0;
    // A session keeps it from one query to the next, too.
    let mut learned = Learned::default();
    let end = Instant::now() + LONG;
    while Instant::now() < end {
        let began = Instant::now();
        let mut count = 0;
        for answer in &answers {
            let text = decode_utf(answer, &Limits::default())?;
            let decoder = Decoder::new().with_schema(&classes, Mismatch::Fail);
            let mut decoder = decoder.with_learned(std::mem::take(&mut learned));
            let mut found = Vec::new();
            let limits = windlass_soap::Limits::default();
            decode_response_with(&text, &Expectation::unchecked(), &limits, &mut |element, reader| {
                found.push(decoder.instance(reader, element).map_err(|_| windlass_wsman::Error::Object)?);
                Ok(())
            })?;
            learned = decoder.into_learned();
            count += found.iter().map(|instance| instance.properties.len()).sum::<usize>();
        }
        best = best.max(rate(count, began));
    }
    Ok(best)
}

fn rate(count: usize, began: Instant) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from) / began.elapsed().as_secs_f64()
}

async fn stream(port: u16, count: usize) -> Result<(), Failure> {
    let session = open(port).await?;
    let mut numbers = session.query("root/test", "SELECT * FROM Test_Number");
    for _ in 0..count {
        numbers.next().await.ok_or("the host has fewer instances")??;
    }
    drop(numbers);
    let requests = session.statistics().http_requests;
    session.close().await;
    println!("{requests} {}", memory::most_memory("self")?);
    Ok(())
}
