//! PowerShell sessions that are left and come back to, against the embedded host.
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

use std::time::Duration;

use support::{host, nothing_left, over_http, over_https};
use windlass::clixml::PsValue;
use windlass::{
    DisconnectOptions, ErrorKind, InvokeOptions, PipelineEvent, PipelineState, PowerShell, PsSession,
    PsSessionBuilder, PsSessionOptions, SessionState, SessionTicket, Target,
};
use windlass_mock::{HostLimits, MockHost, Statistics};

fn builder(target: Target) -> PsSessionBuilder {
    PsSession::builder("").target(target)
}

/// Writes a number, waits and writes another.
fn slow() -> PowerShell {
    PowerShell::new()
        .command("Write-Output")
        .argument(1)
        .statement()
        .command("Start-Sleep")
        .parameter("Milliseconds", 300)
        .statement()
        .command("Write-Output")
        .argument(2)
}

async fn until(host: &MockHost, holds: impl Fn(&Statistics) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(10), host.wait_until(holds));
    waited.await.expect("the host did not get there");
}

#[tokio::test]
async fn pipelines_go_on_while_their_session_is_left() {
    let host = host().start().await.unwrap();
    for target in [over_http(&host), over_https(&host)] {
        let session = builder(target).connect().await.unwrap();
        let finished = host.statistics().finished_pipelines;
        let running = session.invoke(slow());
        until(&host, |now| now.open_commands == 1).await;
        session.disconnect(DisconnectOptions::default()).await.unwrap();
        assert_eq!(session.state(), SessionState::Disconnected);
        let refused = session.invoke(slow()).collect().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed);
        until(&host, |now| now.finished_pipelines == finished + 1).await;
        session.reconnect().await.unwrap();
        let result = running.collect().await.unwrap();
        assert_eq!((result.output, result.state), (vec![1.into(), 2.into()], PipelineState::Completed));
        let after = session.invoke(PowerShell::new().command("Write-Output").argument(3));
        assert_eq!(after.collect().await.unwrap().output, [PsValue::from(3)]);
        session.close().await.unwrap();
        nothing_left(&host).await;
    }
}

#[tokio::test]
async fn hosts_tell_the_names_that_sessions_have_by_themselves() {
    let host = host().start().await.unwrap();
    let session = builder(over_http(&host)).connect().await.unwrap();
    let found = builder(over_http(&host)).find().await.unwrap();
    assert_eq!((found.len(), found[0].ticket.name.as_str()), (1, session.name()));
    assert_eq!(session.name(), format!("Runspace{}", session.id()));
    session.close().await.unwrap();
}

#[tokio::test]
async fn another_client_takes_a_session_over() {
    let host = host().start().await.unwrap();
    let session = builder(over_http(&host)).name("left").connect().await.unwrap();
    let endless = PowerShell::new().command("Write-Output").argument(1).statement().command("Start-Sleep");
    let mut running = session.invoke(endless.parameter("Seconds", 600));
    assert_eq!(running.next().await.unwrap().unwrap(), PipelineEvent::Output(1.into()));
    let ticket = session.ticket();
    let busy = builder(over_http(&host)).connect_to(&ticket).await;
    assert!(busy.err().unwrap().to_string().contains("in use"), "a session in use was taken over");
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    drop((session, running));

    let found = builder(over_http(&host)).find().await.unwrap();
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.is_disconnected, found.ticket.name.as_str()), (true, "left"));
    assert_eq!(found.ticket.instance_id, ticket.instance_id);
    let (session, mut pipelines) = builder(over_http(&host)).connect_to(&found.ticket).await.unwrap();
    assert_eq!((session.state(), pipelines.len()), (SessionState::Opened, 1));
    let mut running = pipelines.remove(0);
    running.stop().await.unwrap();
    let event = running.next().await.unwrap().unwrap();
    assert!(matches!(event, PipelineEvent::Finished(PipelineState::Stopped, _)), "{event:?}");
    let found = builder(over_http(&host)).find().await.unwrap();
    assert!(!found[0].is_disconnected);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// The host takes its time to let go. Until then this client fetches nothing of what is for the next one.
#[tokio::test]
async fn all_output_of_a_pipeline_that_is_left_goes_to_the_next_client() {
    let host = host().trouble("delay:500@Disconnect".parse().unwrap()).start().await.unwrap();
    let session = builder(over_http(&host)).connect().await.unwrap();
    let mut options = InvokeOptions::default();
    options.is_left = true;
    let left = session.invoke_with(PowerShell::new().command("Write-Output").argument(1), &options);
    until(&host, |now| now.finished_pipelines == 1).await;
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    let ticket = session.ticket();
    drop((left, session));
    let (session, mut pipelines) = builder(over_http(&host)).connect_to(&ticket).await.unwrap();
    let result = pipelines.remove(0).collect().await.unwrap();
    assert_eq!((result.output, result.state), (vec![1.into()], PipelineState::Completed));
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[tokio::test]
async fn what_is_left_expires_or_belongs_to_its_user() {
    let mut limits = HostLimits::default();
    limits.idle_timeout = Duration::from_millis(1500);
    let host = host().user("bob", support::PASSWORD.to_owned()).limits(limits).start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    let ticket = session.ticket();
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    let mut others = over_https(&host);
    others.set_credential(windlass::Credential::password("bob", support::PASSWORD.to_owned()));
    assert!(builder(others.clone()).connect_to(&ticket).await.is_err());
    assert!(builder(others).find().await.unwrap().is_empty());
    until(&host, |now| now.open_shells == 0).await;
    assert!(session.reconnect().await.is_err());
    drop(session);
    nothing_left(&host).await;
}

#[tokio::test]
async fn the_idle_timeout_has_limits_and_follows_what_was_agreed() {
    let host = host().start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    assert_eq!(session.idle_timeout(), None);
    let of = |seconds| {
        let mut options = DisconnectOptions::default();
        options.idle_timeout = Some(Duration::from_secs(seconds));
        options
    };
    let refused = session.disconnect(of(5)).await.unwrap_err();
    assert!(refused.to_string().contains("60 seconds"), "{refused}");
    assert_eq!(session.state(), SessionState::Opened);
    let refused = session.disconnect(of(3_000_000)).await.unwrap_err();
    assert!(refused.to_string().contains("2147483000 ms"), "{refused}");
    session.disconnect(of(90)).await.unwrap();
    assert_eq!(session.idle_timeout(), Some(Duration::from_secs(90)));
    let found = builder(over_https(&host)).find().await.unwrap();
    assert_eq!(found[0].idle_timeout, Some(Duration::from_secs(90)));
    session.reconnect().await.unwrap();
    session.close().await.unwrap();

    let mut options = PsSessionOptions::default();
    options.idle_timeout = Some(Duration::from_secs(5));
    let refused = builder(over_https(&host)).options(options).connect().await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Usage);
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_buffer_that_drops_does_not_hold_the_pipeline_up() {
    let mut limits = HostLimits::default();
    limits.buffered_output = 64 * 1024;
    let host = host().limits(limits).start().await.unwrap();
    for (mode, all) in [(windlass::BufferMode::Drop, false), (windlass::BufferMode::Block, true)] {
        let session = builder(over_https(&host)).connect().await.unwrap();
        let finished = host.statistics().finished_pipelines;
        let (mut input, running) = session.invoke_with_input(PowerShell::new().command("Sort-Object"));
        for number in 0..2000 {
            input.send(format!("{number:0200}").into()).await.unwrap();
        }
        let mut options = DisconnectOptions::default();
        options.buffering = Some(mode);
        input.close().await.unwrap();
        session.disconnect(options).await.unwrap();
        // One that waits for room does not end before its output is fetched.
        if !all {
            until(&host, |now| now.finished_pipelines == finished + 1).await;
        }
        session.reconnect().await.unwrap();
        let result = running.collect().await.unwrap();
        assert_eq!(result.state, PipelineState::Completed);
        assert_eq!(result.output.len() == 2000, all, "{} objects came", result.output.len());
        let last = result.output.last().and_then(|value| value.as_str().map(str::to_owned));
        assert_eq!(last, Some(format!("{:0200}", 1999)));
        session.close().await.unwrap();
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_client_that_is_silent_for_long_counts_as_gone() {
    let mut limits = HostLimits::default();
    limits.keep_alive = Duration::from_millis(100);
    let host = host().limits(limits).start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    let ticket = session.ticket();
    let joined = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            if let Ok(joined) = builder(over_https(&host)).connect_to(&ticket).await {
                break joined;
            }
        }
    });
    let (other, _) = joined.await.expect("the session stays in use");
    other.close().await.unwrap();
    drop(session);
    nothing_left(&host).await;
}

#[tokio::test]
async fn a_session_is_handed_over_as_a_file() {
    let host = host().start().await.unwrap();
    let session = builder(over_https(&host)).name("left <&> \u{2603}").connect().await.unwrap();
    let mut options = InvokeOptions::default();
    options.is_left = true;
    let left = session.invoke_with(PowerShell::new().command("Write-Output").argument(1), &options);
    until(&host, |now| now.finished_pipelines == 1).await;
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    let file = session.ticket().to_clixml();
    drop((left, session));
    for secret in [support::PASSWORD, support::USER] {
        assert!(!file.contains(secret), "{file}");
    }
    let ticket = SessionTicket::from_clixml(&file).unwrap();
    assert_eq!(ticket.name, "left <&> \u{2603}");
    let (session, mut pipelines) = builder(over_https(&host)).connect_to(&ticket).await.unwrap();
    assert_eq!(session.ticket(), ticket);
    assert_eq!(pipelines.remove(0).collect().await.unwrap().output, [PsValue::from(1)]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

#[test]
fn a_file_that_is_no_ticket_is_refused() {
    let ticket = SessionTicket {
        name: "a".to_owned(),
        instance_id: uuid::Uuid::from_u128(7),
        computer_name: "srv1".to_owned(),
        configuration_name: "Microsoft.PowerShell".to_owned(),
    };
    let file = ticket.to_clixml();
    assert_eq!(SessionTicket::from_clixml(&format!("\u{feff}{file}")).unwrap(), ticket);
    let twice = file.replace("</Obj>", "</Obj><S>x</S>");
    for (text, part) in [
        ("", "no ticket of a session"),
        ("{}", "no ticket of a session"),
        (
            "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\" />",
            "0 objects",
        ),
        (twice.as_str(), "2 objects"),
        (&file.replace("InstanceId", "Instance"), "lacks the GUID InstanceId"),
        (&file.replace("<G ", "<S ").replace("</G>", "</S>"), "lacks the GUID InstanceId"),
        (&file.replace("\"Name\"", "\"Title\""), "lacks the text Name"),
        (&file.replace("\"ComputerName\"", "\"x\""), "lacks the text ComputerName"),
        (&file.replace("\"ConfigurationName\"", "\"x\""), "lacks the text ConfigurationName"),
    ] {
        let error = SessionTicket::from_clixml(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(part), "{error} for {text}");
    }
}

/// Whoever comes back has the rest of the input; another client has not.
#[tokio::test]
async fn input_ends_with_the_client_that_had_it() {
    let host = host().start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    let (mut input, mut running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    for (number, comes_back) in [(1, true), (2, false)] {
        input.send(number.into()).await.unwrap();
        assert_eq!(running.next().await.unwrap().unwrap(), PipelineEvent::Output(number.into()));
        session.disconnect(DisconnectOptions::default()).await.unwrap();
        if comes_back {
            session.reconnect().await.unwrap();
        }
    }
    let ticket = session.ticket();
    drop((session, running, input));
    let (session, mut pipelines) = builder(over_https(&host)).connect_to(&ticket).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), pipelines.remove(0).collect()).await;
    let result = ended.expect("the pipeline waits for input that never comes").unwrap();
    assert_eq!((result.output, result.state), (Vec::new(), PipelineState::Completed));
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// What is given to a pipeline while its session is left waits for the session.
#[tokio::test]
async fn what_is_sent_to_a_session_that_is_left_waits() {
    let host = host().start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    let (mut input, mut running) = session.invoke_with_input(PowerShell::new().command("Write-Output"));
    input.send(1.into()).await.unwrap();
    assert_eq!(running.next().await.unwrap().unwrap(), PipelineEvent::Output(1.into()));
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    let feeding = tokio::spawn(async move {
        input.send(2.into()).await.unwrap();
        input.close().await.unwrap();
    });
    // Had it been tried, it would be refused.
    let found = builder(over_https(&host)).find().await.unwrap();
    assert!(found[0].is_disconnected);
    session.reconnect().await.unwrap();
    let result = tokio::time::timeout(Duration::from_secs(60), running.collect()).await.expect("an end");
    let result = result.unwrap();
    assert_eq!((result.output, result.state), (vec![2.into()], PipelineState::Completed));
    feeding.await.unwrap();
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// Asks somebody who takes their time.
struct Slow {
    asked: tokio::sync::Notify,
    typed: tokio::sync::Notify,
}

impl windlass::Host for Slow {
    fn info(&self) -> windlass::psrp::host::HostInfo {
        windlass::psrp::host::HostInfo::without_screen()
    }

    fn call(&self, _: windlass::psrp::host::HostMethod, _: Option<String>) -> windlass::Answering<'_> {
        Box::pin(async {
            self.asked.notify_one();
            self.typed.notified().await;
            windlass::HostAnswer::Value(windlass::psrp::host::HostReturn::Text("typed".into()))
        })
    }
}

#[tokio::test]
async fn an_answer_that_comes_while_the_session_is_left_counts() {
    let host = host().start().await.unwrap();
    let slow = std::sync::Arc::new(Slow { asked: Default::default(), typed: Default::default() });
    let session = builder(over_https(&host)).host(slow.clone()).connect().await.unwrap();
    let running = session.invoke_script("Read-Host");
    slow.asked.notified().await;
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    slow.typed.notify_one();
    let found = builder(over_https(&host)).find().await.unwrap();
    assert!(found[0].is_disconnected);
    session.reconnect().await.unwrap();
    let result = tokio::time::timeout(Duration::from_secs(60), running.collect()).await.expect("an end");
    assert_eq!(result.unwrap().output, [PsValue::from("typed")]);
    session.close().await.unwrap();
    nothing_left(&host).await;
}

/// What cannot be done to a session that is left says so, and does not count as done; closing ends it.
#[tokio::test]
async fn a_session_that_is_left_is_asked_for_nothing() {
    let host = host().start().await.unwrap();
    let session = builder(over_https(&host)).connect().await.unwrap();
    let running = session.invoke(PowerShell::new().command("Start-Sleep").parameter("Seconds", 600));
    running.started().await.unwrap();
    until(&host, |now| now.open_commands == 1).await;
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    let disconnected = |asked: Result<(), windlass::Error>| {
        let error = asked.unwrap_err().to_string().to_lowercase();
        assert!(error.contains("disconnected"), "{error}");
    };
    disconnected(running.stop().await);
    disconnected(session.set_max_runspaces(2).await.map(drop));
    disconnected(session.reset_runspace().await.map(drop));
    disconnected(session.available_runspaces().await.map(drop));
    disconnected(session.disconnect(DisconnectOptions::default()).await);
    disconnected(session.invoke(slow()).collect().await.map(drop));
    session.reconnect().await.unwrap();
    disconnected(session.reconnect().await);
    running.stop().await.unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(60), running.collect()).await.expect("an end");
    assert_eq!(stopped.unwrap().state, PipelineState::Stopped);
    session.disconnect(DisconnectOptions::default()).await.unwrap();
    session.close().await.unwrap();
    nothing_left(&host).await;
}
