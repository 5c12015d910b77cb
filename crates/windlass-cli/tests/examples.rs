//! Every example of the reference pages of New-PSSession and New-CimSession, run in the console.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

mod support;

use std::path::{Path, PathBuf};

use support::{Host, PASSWORD, errors, lines, windlass_in};

const COMPUTERS: [&str; 7] = [
    "localhost",
    "Server01",
    "Server02",
    "Server03",
    "Server1",
    "Server1.Domain44.Corpnet.Fabrikam.com",
    "management.exchangelabs.com",
];

#[derive(Default)]
struct Example {
    name: String,
    transport: String,
    lines: Vec<String>,
    looks: usize,
    expected: Vec<String>,
}

fn examples() -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/console/examples.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let mut examples: Vec<Example> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(title) = line.strip_prefix("== ") {
            let mut words = title.split(' ');
            let name = format!("{} {}", words.next().unwrap(), words.next().unwrap());
            let transport = words.next().unwrap_or("http").to_owned();
            examples.push(Example { name, transport, ..Example::default() });
            continue;
        }
        let example = examples.last_mut().unwrap();
        match line.split_at(2) {
            ("@ ", rest) => example.lines.push(rest.to_owned()),
            ("> ", rest) => {
                // A mark before each look tells its outcome from what the example itself writes.
                example.lines.push(format!("Write-Output '<look>'; {rest}"));
                example.looks += 1;
            }
            ("= ", rest) => example.expected.push(rest.to_owned()),
            _ => example.lines.push(line.to_owned()),
        }
    }
    examples
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("windlass-examples-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("C:/Test")).unwrap();
    for file in ["Servers.txt", "C:/Test/Servers.txt"] {
        std::fs::write(folder.join(file), "Server01\nServer02\nServer03\n").unwrap();
    }
    std::fs::write(
        folder.join("scenario.json"),
        r#"{"scripts":[{"script":"Get-Process PowerShell","output":[{"ProcessName":"PowerShell","Id":7}]}]}"#,
    )
    .unwrap();
    folder
}

#[test]
fn every_example_runs_in_the_console() {
    let folder = folder();
    let scenario = folder.join("scenario.json");
    let mut users = Vec::new();
    for user in ["User01", "Admin01"] {
        users.push("--user".to_owned());
        users.push(format!("{user}:{PASSWORD}"));
    }
    let mut arguments: Vec<&str> = users.iter().map(String::as_str).collect();
    arguments.extend([
        "--configuration",
        "E12",
        "--url-prefix",
        "NewSession",
        "--url-prefix",
        "Management",
        "--scenario",
        scenario.to_str().unwrap(),
    ]);
    let host = Host::start(&arguments);
    let examples = examples();
    assert_eq!(examples.len(), 18);
    let mut failed = Vec::new();
    for example in &examples {
        if let Err(reason) = run(example, &host, &folder) {
            failed.push(format!("{}: {reason}", example.name));
        }
    }
    host.stop();
    std::fs::remove_dir_all(folder).unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn run(example: &Example, host: &Host, folder: &Path) -> Result<(), String> {
    let port = if example.transport.starts_with("tls") { &host.https } else { &host.http };
    let mut arguments = vec!["console".to_owned(), "--output".to_owned(), "ndjson".to_owned()];
    arguments.extend(["--credential".to_owned(), "alice".to_owned()]);
    for computer in COMPUTERS {
        arguments.extend(["--resolve".to_owned(), format!("{computer}=127.0.0.1:{port}")]);
        arguments.extend(["--resolve-rpc".to_owned(), format!("{computer}=127.0.0.1:{}", host.rpc)]);
    }
    if example.transport == "tls" {
        arguments.extend(["--ca-file".to_owned(), host.certificate.clone()]);
    }
    if example.transport.starts_with("tls") {
        // The host's certificate does not know the names of the examples.
        arguments.push("--skip-cn-check".to_owned());
    }
    arguments.extend(["--command".to_owned(), example.lines.join("\n")]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = windlass_in(folder, PASSWORD, &arguments);
    if ran.status.code() != Some(0) {
        return Err(format!("ended with {:?}: {}", ran.status.code(), errors(&ran)));
    }
    let output = lines(&ran);
    let mut looks = Vec::new();
    for line in &output {
        let text = match &line["value"] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if text == "<look>" {
            looks.push(String::new());
        } else if let Some(last) = looks.last_mut() {
            *last = text;
        }
    }
    if looks != example.expected {
        return Err(format!("{looks:?} instead of {:?}", example.expected));
    }
    Ok(())
}
