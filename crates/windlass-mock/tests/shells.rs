//! Shells: quotas, owners, ends, and what is left over.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod support;

use std::time::Duration;

use support::{Wire, fault_code, host, request};
use windlass_mock::{HostLimits, MockHost, Statistics};
use windlass_wsman::{
    CommandLine, Create, Enumerate, Expectation, Limits, Operation, Pull, ReceiveOutput, Release, Reply,
    Shell, Signal, SignalCode, decode_response, uri,
};

async fn open(wire: &mut Wire) -> String {
    let create = Operation::Create(Create::Shell(Box::new(Shell::cmd())));
    let (status, answer) = wire.post(&request(uri::CMD_SHELL, &[], create)).await;
    assert_eq!(status, 200, "{answer}");
    let response = decode_response(&answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Create(created) = response.reply else { panic!("{answer}") };
    created.shell_id().unwrap().to_owned()
}

async fn run(wire: &mut Wire, shell: &str, line: &str) -> (u16, String) {
    let command = CommandLine::program(line, std::iter::empty::<&str>());
    wire.post(&request(uri::CMD_SHELL, &[("ShellId", shell)], Operation::Command(command))).await
}

fn command_id(answer: &str) -> String {
    let response = decode_response(answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Command(started) = response.reply else { panic!("{answer}") };
    started.command_id
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_run_only_where_they_may() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    let shell = open(&mut wire).await;
    let (status, answer) = run(&mut wire, &shell, "true").await;
    assert_eq!((status, fault_code(&answer)), (500, Some(5)));
    assert_eq!(host.statistics().open_commands, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_users_is_as_good_as_none() {
    let host = host().allow_exec(true).start().await.unwrap();
    let (mut alice, mut bob) = (Wire::new(&host), Wire::of(&host, "bob"));
    let shell = open(&mut alice).await;
    let (_, answer) = run(&mut bob, &shell, "true").await;
    assert_eq!(fault_code(&answer), Some(0x8033_805B));
    let delete = request(uri::CMD_SHELL, &[("ShellId", &shell)], Operation::Delete);
    assert_eq!(fault_code(&bob.post(&delete).await.1), Some(0x8033_805B));
    assert_eq!(host.statistics().open_shells, 1);

    let enumerate =
        Operation::Enumerate(Enumerate { optimize: true, max_elements: Some(1), ..Enumerate::default() });
    let processes = uri::wmi("root/cimv2", "Win32_Process");
    let (_, answer) = alice.post(&request(&processes, &[], enumerate)).await;
    let response = decode_response(&answer, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Enumerate(page) = response.reply else { panic!("{answer}") };
    let context = page.context.unwrap();
    let pull = Operation::Pull(Pull { context: context.clone(), ..Pull::default() });
    let (_, answer) = bob.post(&request(&processes, &[], pull)).await;
    assert_eq!(fault_code(&answer), Some(0x8033_801B));
    assert_eq!(host.statistics().open_enumerations, 1);
    let (_, answer) = alice.post(&request(&processes, &[], Operation::Release(Release { context }))).await;
    assert_eq!((fault_code(&answer), host.statistics().open_enumerations), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_two_domains_are_not_one_for_their_name() {
    // A domain that lets everybody in.
    let script = "while read -r line; do case $line in .) echo 'Authenticated: Yes'; echo .;; esac; done";
    let host = host().ntlm_auth(["sh", "-c", script].map(str::to_owned)).start().await.unwrap();
    let (mut ours, mut theirs) = (Wire::of(&host, "A\\carol"), Wire::of(&host, "B\\carol"));
    let shell = open(&mut ours).await;
    let get = request(uri::CMD_SHELL, &[("ShellId", &shell)], Operation::Get);
    assert_eq!(fault_code(&theirs.post(&get).await.1), Some(0x8033_805B));
    assert_eq!(fault_code(&ours.post(&get).await.1), None);
    // Letter case is no difference, nor is the domain that a user of the host itself names.
    assert_eq!(fault_code(&Wire::of(&host, "a\\Carol").post(&get).await.1), None);
    let shell = open(&mut Wire::new(&host)).await;
    let get = request(uri::CMD_SHELL, &[("ShellId", &shell)], Operation::Get);
    assert_eq!(fault_code(&Wire::of(&host, "LNX01\\alice").post(&get).await.1), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_timeouts_have_limits_which_shells_tell() {
    let mut limits = HostLimits::default();
    limits.max_idle_timeout = Duration::from_secs(600);
    let host = host().limits(limits).start().await.unwrap();
    let mut wire = Wire::new(&host);
    for (seconds, refused) in [(59, true), (60, false), (600, false), (601, true)] {
        let shell = Shell { idle_timeout: Some(Duration::from_secs(seconds)), ..Shell::cmd() };
        let create = Operation::Create(Create::Shell(Box::new(shell)));
        let (_, answer) = wire.post(&request(uri::CMD_SHELL, &[], create)).await;
        assert_eq!(fault_code(&answer).is_some(), refused, "{seconds} s: {answer}");
        assert!(refused || answer.contains("MaxIdleTimeOut>PT600"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_kept() {
    let mut limits = HostLimits::default();
    limits.shells_per_user = 2;
    limits.commands_per_shell = 1;
    let host = host().allow_exec(true).limits(limits).start().await.unwrap();
    let mut wire = Wire::new(&host);
    let shell = open(&mut wire).await;
    open(&mut wire).await;
    let create = Operation::Create(Create::Shell(Box::new(Shell::cmd())));
    let (_, answer) = wire.post(&request(uri::CMD_SHELL, &[], create)).await;
    assert_eq!(fault_code(&answer), Some(0x8033_81A5));
    let (status, answer) = run(&mut wire, &shell, "sleep 60").await;
    assert_eq!(status, 200, "{answer}");
    let (_, refused) = run(&mut wire, &shell, "true").await;
    assert_eq!(fault_code(&refused), Some(0x8033_81A6));
    let terminate = Signal::new(command_id(&answer), SignalCode::Terminate);
    let signal = request(uri::CMD_SHELL, &[("ShellId", &shell)], Operation::Signal(terminate));
    assert_eq!(wire.post(&signal).await.0, 200);
    assert_eq!(run(&mut wire, &shell, "true").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_a_user_are_counted() {
    let mut limits = HostLimits::default();
    limits.operations_per_user = 1;
    let host = host().allow_exec(true).limits(limits).start().await.unwrap();
    let (mut wire, mut parked, mut bob) = (Wire::new(&host), Wire::new(&host), Wire::of(&host, "bob"));
    let shell = open(&mut wire).await;
    let (_, answer) = run(&mut wire, &shell, "sleep 60").await;
    let command = command_id(&answer);
    let receive = Operation::Receive(ReceiveOutput::stdout_and_stderr(command.clone()));
    let receive = request(uri::CMD_SHELL, &[("ShellId", &shell)], receive);
    let waiting = tokio::spawn(async move { parked.post(&receive).await });
    // The Receive is counted as soon as the host has it.
    let refused = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let (_, answer) = run(&mut wire, &shell, "true").await;
            if fault_code(&answer).is_some() {
                break answer;
            }
        }
    });
    assert_eq!(fault_code(&refused.await.unwrap()), Some(0x8033_81A6));
    open(&mut bob).await;
    let terminate = Operation::Signal(Signal::new(command, SignalCode::Terminate));
    assert_eq!(wire.post(&request(uri::CMD_SHELL, &[("ShellId", &shell)], terminate)).await.0, 200);
    assert_eq!(waiting.await.unwrap().0, 500);
    let delete = request(uri::CMD_SHELL, &[("ShellId", &shell)], Operation::Delete);
    assert_eq!(wire.post(&delete).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receive_waits_no_longer_than_it_may() {
    let host = host().allow_exec(true).start().await.unwrap();
    let mut wire = Wire::new(&host);
    let shell = open(&mut wire).await;
    let (_, answer) = run(&mut wire, &shell, "sleep 60").await;
    let receive = Operation::Receive(ReceiveOutput::stdout_and_stderr(command_id(&answer)));
    let receive = request(uri::CMD_SHELL, &[("ShellId", &shell)], receive).replace("PT20.000S", "PT0.200S");
    let before = std::time::Instant::now();
    let (status, answer) = wire.post(&receive).await;
    assert_eq!((status, fault_code(&answer)), (500, Some(0x8033_8029)));
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_shells_expire_and_a_stopped_host_has_none() {
    let mut limits = HostLimits::default();
    limits.idle_timeout = Duration::from_millis(100);
    let host = host().allow_exec(true).limits(limits).start().await.unwrap();
    let mut wire = Wire::new(&host);
    open(&mut wire).await;
    assert_eq!(host.statistics().open_shells, 1);
    wait_until(&host, |now| now.open_shells == 0).await;
    drop(wire);
    wait_until(&host, |now| now.connections == 0).await;
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_requests_that_never_end_are_not_waited_for() {
    let mut limits = HostLimits::default();
    limits.request_timeout = Duration::from_millis(200);
    let host = host().limits(limits).start().await.unwrap();
    let mut wire = Wire::new(&host);
    wire.send(b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Le").await;
    assert!(wire.is_closed().await);
    wait_until(&host, |now| now.connections == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_get_faults() {
    let host = host().start().await.unwrap();
    let mut wire = Wire::new(&host);
    let get = request(&uri::wmi("root/cimv2", "Win32_OperatingSystem"), &[], Operation::Get);
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    let unknown =
        get.replacen("<s:Header>", "<s:Header><x:Odd xmlns:x=\"urn:x\" s:mustUnderstand=\"true\"/>", 1);
    for (body, expected) in [
        (String::new(), None),
        ("not xml".to_owned(), None),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), None),
        (get.replace("<s:Body/>", &format!("<s:Body>{deep}</s:Body>")), None),
        (unknown, Some(0x8033_8010)),
        (get.replace("Win32_OperatingSystem", "No_Such"), Some(0x8004_1010)),
        (get.replace("transfer/Get", "transfer/Frobnicate"), Some(0x8033_8013)),
        (get.replace("wmi/root/cimv2/Win32_OperatingSystem", "nothing"), Some(0x8033_803B)),
    ] {
        let (status, answer) = wire.post(&body).await;
        assert_eq!(status, 500, "{body:.80}");
        let code = fault_code(&answer);
        assert!(expected.is_none_or(|expected| code == Some(expected)), "{code:x?} for {body:.200}");
    }
    assert_eq!(wire.post(&get).await.0, 200);
}

async fn wait_until(host: &MockHost, holds: impl Fn(&Statistics) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), host.wait_until(holds));
    waited.await.expect("the host did not get there");
}
