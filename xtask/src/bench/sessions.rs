//! Whole sessions, measured beside pypsrp with the same host.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{build, output, root, target};
use crate::interop::{Host, Python};

/// Milliseconds that a message takes to the host and back in the figures over a slow network.
const ROUND_TRIP: f64 = 100.0;
/// Milliseconds that a whole job may take besides its round trips.
const SPARE: f64 = 50.0;

/// How sessions reach the host and log on.
const WAYS: [&str; 3] = ["http-ntlm", "https-ntlm", "https-basic"];
/// Those on which much travels: sealed by NTLM, and over TLS.
const BROAD_WAYS: [&str; 2] = ["http-ntlm", "https-basic"];

/// What is promised: a name, the figure, what it must be, and whether it is.
struct Promise {
    what: String,
    found: f64,
    wanted: String,
    holds: bool,
}

/// Builds both programs for speed, runs ours and pypsrp's, and prints what is promised.
pub(crate) fn run() -> Result<()> {
    build(["--release", "--bin", "windlass", "--example", "session_figures"])?;
    let python = Python::prepare()?;
    let scenario = target().join("session_figures.json");
    fs::write(&scenario, objects(&[10_000, 100_000])).context("cannot write the scenario")?;
    let files = target().join("session_figures");
    fs::create_dir_all(&files).context("cannot make the folder for files")?;
    let more: [OsString; 4] = ["--scenario".into(), scenario.into(), "--files".into(), files.into()];
    let host = Host::start(&target().join("release/windlass"), &root(), &more)?;
    let [http, https] = ["http", "https"].map(|key| host.said(key));
    let mut ours = Command::new(target().join("release/examples/session_figures"));
    ours.args([http, https, host.process().to_string()]).args(Host::account());
    let mut theirs = Command::new(python.program());
    theirs.arg(root().join("benches/pypsrp_sessions.py")).args(host.arguments());
    let measured = figures(&mut ours).and_then(|ours| Ok((ours, figures(&mut theirs)?)));
    host.stop()?;
    let (ours, theirs) = measured?;
    let mut missed = 0;
    for Promise { what, found, wanted, holds } in promises(&ours, &theirs)? {
        missed += usize::from(!holds);
        println!("{what:<44} {found:>12.1}  {wanted}{}", if holds { "" } else { "  MISSED" });
    }
    println!("{missed} missed");
    Ok(())
}

fn promises(ours: &HashMap<String, f64>, theirs: &HashMap<String, f64>) -> Result<Vec<Promise>> {
    let of = |figures: &HashMap<String, f64>, name: &str| {
        figures.get(name).copied().with_context(|| format!("{name} was not measured"))
    };
    let mut all = Vec::new();
    let mut least = |what: &str, found: f64, wanted: f64| {
        let (what, holds) = (what.to_owned(), found >= wanted);
        all.push(Promise { what, found, wanted: format!("at least {wanted}"), holds });
    };
    least("objects: times pypsrp's rate", of(ours, "objects/s")? / of(theirs, "objects/s")?, 20.0);
    least("objects a second", of(ours, "objects/s")?, 0.0);
    least("objects a second, pypsrp", of(theirs, "objects/s")?, 0.0);
    for way in BROAD_WAYS {
        let output = of(ours, &format!("output-MB/s-{way}"))?;
        let input = of(ours, &format!("input-MB/s-{way}"))?;
        let copied = of(theirs, &format!("copy-MB/s-{way}"))?;
        least(&format!("{way}: 1 GB of output, MB/s"), output, 0.0);
        least(&format!("{way}: 500 MB of input: times pypsrp's copy"), input / copied, 10.0);
        least(&format!("{way}: pypsrp's copy, MB/s"), copied, 0.0);
        least(&format!("{way}: 500 MB of input, MB/s"), input, 0.0);
    }
    for way in WAYS {
        let what = format!("{way}: logons a second of the host's processor");
        least(&what, of(ours, &format!("logons/s-{way}"))?, 0.0);
    }
    let mut most = |what: String, found: f64, wanted: f64| {
        let holds = found <= wanted;
        all.push(Promise { what, found, wanted: format!("at most {wanted}"), holds });
    };
    most("objects: µs of the client's processor each".into(), of(ours, "processor-us-per-object")?, 10.0);
    most("64 pipelines: times the longest".into(), of(ours, "side-by-side")?, 1.3);
    most("Ctrl-C to stopped, requests".into(), of(ours, "stop-requests")?, 1.0);
    for way in BROAD_WAYS {
        for (what, name) in [("1 GB of output", "output"), ("500 MB of input", "input")] {
            for side in ["client", "host"] {
                let found = of(ours, &format!("{name}-{side}-MB-{way}"))?;
                most(format!("{way}: {what}, more MB of the {side}"), found, 100.0);
            }
        }
    }
    for (way, cold) in WAYS.into_iter().zip([6.0, 6.0, 5.0]) {
        for (kind, requests) in [("cold", cold), ("warm", 2.0)] {
            let found = of(ours, &format!("{kind}-requests-{way}"))?;
            most(format!("{way}, {kind}: requests"), found, requests);
            // TLS 1.3 takes one round trip before the first request.
            let greeting = if kind == "cold" && way.starts_with("https") { 1.0 } else { 0.0 };
            let limit = (found + greeting) * ROUND_TRIP + SPARE;
            most(format!("{way}, {kind}: ms"), of(ours, &format!("{kind}-ms-{way}"))?, limit);
        }
    }
    Ok(all)
}

/// Runs a program that prints `NAME VALUE` lines.
fn figures(command: &mut Command) -> Result<HashMap<String, f64>> {
    let printed = output(command)?;
    let mut found = HashMap::new();
    for line in printed.lines() {
        let Some((name, value)) = line.split_once(' ') else { bail!("no figure: {line}") };
        found.insert(name.to_owned(), value.parse().with_context(|| format!("no figure: {line}"))?);
    }
    Ok(found)
}

/// A scenario whose scripts `objects COUNT` write as many small objects.
fn objects(counts: &[u32]) -> String {
    let mut scripts = Vec::new();
    for count in counts {
        let mut output = String::new();
        for number in 0..*count {
            let comma = if number == 0 { "" } else { "," };
            let _ = write!(output, "{comma}{{\"Id\":{number},\"Name\":\"object {number}\"}}");
        }
        scripts.push(format!("{{\"script\":\"objects {count}\",\"output\":[{output}]}}"));
    }
    format!("{{\"scripts\":[{}]}}", scripts.join(","))
}
