//! Sessions without `async`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use support::{host, nothing_left, over_http};
use tokio::runtime::Runtime;
use windlass::blocking::{CimSession, PsSession, WinRsShell};
use windlass::clixml::PsValue;
use windlass::{ErrorKind, PipelineEvent, PowerShell, ProcessCommand, ShellEvent, WinRsCommand, WinRsSignal};

#[test]
fn commands_input_and_clones_without_a_runtime() {
    let runtime = Runtime::new().unwrap();
    let host = runtime.block_on(host().start()).unwrap();
    let session = PsSession::builder("").target(over_http(&host)).name("first").connect().unwrap();
    let echo = |text: &str| PowerShell::new().command("Write-Output").argument(text);
    let events: Vec<_> = session.invoke(echo("one")).map(Result::unwrap).collect();
    assert_eq!(events[0], PipelineEvent::Output("one".into()));
    assert!(matches!(events.last(), Some(PipelineEvent::Finished(..))));

    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Sort-Object"));
    for number in [3, 1, 2] {
        input.send(number.into()).unwrap();
    }
    input.close().unwrap();
    let sorted: Vec<PsValue> = [1, 2, 3].map(PsValue::from).to_vec();
    assert_eq!(running.collect().unwrap().output, sorted);

    let another = session.another().connect().unwrap();
    assert_eq!((session.name(), another.computer_name()), ("first", session.computer_name()));
    assert!(another.name() != "first" && another.instance_id() != session.instance_id());
    assert_eq!(another.invoke(echo("two")).collect().unwrap().output, ["two".into()]);
    assert_eq!(host.statistics().open_shells, 2);
    another.close().unwrap();
    session.close().unwrap();
    runtime.block_on(nothing_left(&host));
}

#[cfg(unix)]
#[test]
fn programs_of_a_cmd_shell_are_followed() {
    let runtime = Runtime::new().unwrap();
    let host = runtime.block_on(host().allow_exec(true).start()).unwrap();
    let shell = WinRsShell::builder("").target(over_http(&host)).environment("GIVEN", "one").open().unwrap();
    let output = shell.run(WinRsCommand::new("echo $GIVEN; exit 3")).output().unwrap();
    assert_eq!((output.stdout_text().trim(), output.exit_code), ("one", 3));

    let running = shell.run(WinRsCommand::new("cat").with_input());
    let input = running.input();
    let writer = std::thread::spawn(move || input.write(b"from a thread").and_then(|()| input.close()));
    let events: Vec<_> = running.map(Result::unwrap).collect();
    writer.join().unwrap().unwrap();
    assert_eq!(events[0], ShellEvent::Stdout(b"from a thread".to_vec().into()));
    assert_eq!(events.last(), Some(&ShellEvent::Exited(0)));

    let endless = shell.run(WinRsCommand::new("sleep 1000"));
    endless.signal(WinRsSignal::CtrlC).unwrap();
    assert_ne!(endless.output().unwrap().exit_code, 0);
    shell.close().unwrap();
    runtime.block_on(nothing_left(&host));
}

#[test]
fn a_program_that_cannot_be_started_is_told() {
    let session = PsSession::process(ProcessCommand::new("/no/such/program")).connect();
    assert_eq!(session.err().map(|error| error.kind()), Some(ErrorKind::Unreachable));
}

#[test]
fn instances_are_iterated() {
    let runtime = Runtime::new().unwrap();
    let host = runtime.block_on(host().start()).unwrap();
    let session = CimSession::builder("").target(over_http(&host)).connect().unwrap();
    let instances: Vec<_> = session.enumerate("", "Win32_OperatingSystem").map(Result::unwrap).collect();
    assert_eq!(instances.len(), 1);
    assert_eq!(session.get_class("", "Win32_Process").unwrap().name.as_str(), "Win32_Process");
    let mut wrong = session.query("", "SELECT * FROM No_Such");
    assert!(wrong.next().unwrap().is_err() && wrong.next().is_none());
    // Dropped half-way, it ends on the host, too.
    let mut many = session.enumerate("", "Win32_Process");
    many.next().unwrap().unwrap();
    drop(many);
    session.close().unwrap();
    runtime.block_on(nothing_left(&host));
}

#[tokio::test]
async fn inside_a_runtime_they_say_what_to_do() {
    let host = host().start().await.unwrap();
    let error = PsSession::builder("").target(over_http(&host)).connect().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("inside an async runtime"), "{error}");
    let target = over_http(&host);
    let opened = std::thread::spawn(move || PsSession::builder("").target(target).connect());
    let session = tokio::task::spawn_blocking(|| opened.join().unwrap().unwrap()).await.unwrap();
    let mut running = session.invoke(PowerShell::new().command("Get-Date"));
    assert!(running.next().unwrap().is_err() && running.next().is_none());
    drop((running, session));
    nothing_left(&host).await;
}
