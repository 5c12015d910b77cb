//! How large messages may be, and how many of anything there may be: what is kept, and what is said to whoever
//! asks for more.
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

use std::sync::{Arc, Mutex};

use support::{host, nothing_left, over_http, over_https};
use windlass::clixml::PsValue;
use windlass::psrp::ProtocolVersion;
use windlass::{
    Error, PowerShell, PsSession, PsSessionBuilder, PsSessionOptions, Tap, WinRsCommand, WinRsShell,
};
use windlass_mock::{HostLimits, MockHost};

/// Keeps the action and the lengths of what is asked and answered.
#[derive(Default)]
struct Lengths(Mutex<Vec<(String, usize, usize)>>);

impl Tap for Lengths {
    fn exchanged(&self, request: &str, _: u16, answer: &str) {
        let action = request.split_once("Action").and_then(|(_, rest)| rest.split_once('>')).unwrap().1;
        let action = action.split('<').next().unwrap().rsplit('/').next().unwrap().to_owned();
        self.0.lock().unwrap().push((action, request.len(), answer.len()));
    }
}

impl Lengths {
    fn longest(&self, action: &str) -> (usize, usize, usize) {
        let all = self.0.lock().unwrap();
        let of = all.iter().filter(|(found, ..)| found == action);
        of.fold((0, 0, 0), |(count, asked, answered), (_, request, answer)| {
            (count + 1, asked.max(*request), answered.max(*answer))
        })
    }
}

fn tapped(host: &MockHost, options: PsSessionOptions) -> (PsSessionBuilder, Arc<Lengths>) {
    let lengths = Arc::<Lengths>::default();
    let mut target = over_http(host);
    target.set_tap(Arc::<Lengths>::clone(&lengths));
    (PsSession::builder("").target(target).options(options), lengths)
}

/// Sends a long text and gets it back.
async fn there_and_back(session: &PsSession) {
    let long = "x".repeat(400_000);
    let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    input.send(long.as_str().into()).await.unwrap();
    input.close().await.unwrap();
    assert_eq!(running.collect().await.unwrap().output, [PsValue::from(long.as_str())]);
}

#[tokio::test]
async fn envelopes_are_as_large_as_they_may_be_and_no_larger() {
    let host = host().start().await.unwrap();
    for most in [16_000, 60_000, 153_600] {
        let mut options = PsSessionOptions::default();
        options.wsman.max_envelope_size = most;
        let (builder, lengths) = tapped(&host, options);
        let session = builder.connect().await.unwrap();
        there_and_back(&session).await;
        session.close().await.unwrap();
        let most = usize::try_from(most).unwrap();
        for (action, index) in [("Send", 0), ("Receive", 1)] {
            let (_, asked, answered) = lengths.longest(action);
            let longest = [asked, answered][index];
            assert!(longest <= most && longest > most * 9 / 10, "{action}: {longest} of {most}");
        }
    }
    nothing_left(&host).await;
}

/// WinRM 2 takes 150 KB, and says nothing of it; which version it is, the PowerShell behind it tells.
#[tokio::test]
async fn old_hosts_get_small_envelopes() {
    let mut limits = HostLimits::default();
    limits.envelope = 153_600;
    let host = host().limits(limits).start().await.unwrap();
    let mut options = PsSessionOptions::default();
    options.protocol_version = ProtocolVersion::V2_1;
    let (builder, lengths) = tapped(&host, options);
    let session = builder.connect().await.unwrap();
    there_and_back(&session).await;
    session.close().await.unwrap();
    let (_, asked, _) = lengths.longest("Send");
    assert!(asked <= 153_600 && asked > 100_000, "{asked}");
    nothing_left(&host).await;
}

/// What opens a session need not fit one envelope: the rest follows.
#[tokio::test]
async fn a_long_creation_goes_on_in_sends() {
    let host = host().start().await.unwrap();
    let mut options = PsSessionOptions::default();
    options.wsman.max_envelope_size = 16_000;
    options.application_arguments = vec![("Long".to_owned(), "y".repeat(50_000).into())];
    let (builder, lengths) = tapped(&host, options);
    let session = builder.connect().await.unwrap();
    let (sends, asked, _) = lengths.longest("Send");
    assert!(sends >= 3 && asked <= 16_000, "{sends} of {asked}");
    assert!(lengths.longest("Create").1 <= 16_000);
    there_and_back(&session).await;
    session.close().await.unwrap();
    nothing_left(&host).await;
}

fn is_quota(error: &Error, code: u32, part: &str) {
    assert_eq!(error.fault().and_then(windlass_soap::Fault::code).map(|code| code.0), Some(code), "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[tokio::test]
async fn what_is_one_too_many_says_so() {
    let mut limits = HostLimits::default();
    limits.shells_per_user = 1;
    limits.commands_per_shell = 2;
    let host = host().allow_exec(true).limits(limits).start().await.unwrap();
    let mut options = PsSessionOptions::default();
    options.max_connection_retry_count = 0;
    let builder = || PsSession::builder("").target(over_https(&host)).options(options.clone());
    let session = builder().connect().await.unwrap();
    let text = "concurrent shells for this user (1) has been exceeded";
    is_quota(&builder().connect().await.err().unwrap(), 0x8033_81A5, text);
    let shell = WinRsShell::builder("").target(over_https(&host));
    is_quota(&shell.clone().open().await.err().unwrap(), 0x8033_81A5, text);

    let endless = || session.invoke(PowerShell::new().command("Start-Sleep").parameter("Seconds", 600));
    let running = [endless(), endless()];
    for running in &running {
        running.started().await.unwrap();
    }
    let text = "as many commands as it may have";
    is_quota(&endless().collect().await.unwrap_err(), 0x8033_81A6, text);
    drop(running);
    session.close().await.unwrap();
    host.wait_until(|now| now.open_shells == 0).await;

    let shell = shell.open().await.unwrap();
    let endless = || shell.run(WinRsCommand::new("echo begin; exec sleep 600"));
    let mut running = [endless(), endless()];
    for running in &mut running {
        running.next().await.unwrap().unwrap();
    }
    is_quota(&endless().output().await.unwrap_err(), 0x8033_81A6, text);
    drop(running);
    shell.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn an_envelope_that_is_too_large_says_so() {
    let mut limits = HostLimits::default();
    limits.envelope = 60_000;
    let host = host().limits(limits).start().await.unwrap();
    // Somewhat too large, and so large that it is not read.
    for most in [80_000, 400_000] {
        let mut options = PsSessionOptions::default();
        options.wsman.max_envelope_size = most;
        let session =
            PsSession::builder("").target(over_https(&host)).options(options).connect().await.unwrap();
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
        input.send("x".repeat(400_000).into()).await.unwrap();
        input.close().await.ok();
        is_quota(&running.collect().await.unwrap_err(), 0x8033_8026, "more than the 60000 of an envelope");
        session.close().await.unwrap();
    }
    nothing_left(&host).await;
}
