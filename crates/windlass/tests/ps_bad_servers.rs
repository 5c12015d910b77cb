//! PowerShell sessions with servers that do the wrong thing, on a clock that does not wait: each ends in
//! one clear error, in time, and what the server has is cleaned up.
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

use std::sync::Arc;
use std::time::Duration;

use support::wicked::{FOR_EVER, ROUND_TRIP, THIS_POOL, Vice, Wicked};
use tokio::time::Instant;
use uuid::Uuid;
use windlass::{Error, ErrorKind, InvokeOptions, PowerShell, PsSession, PsSessionOptions, SessionState};
use windlass_psrp::MessageType as M;

const OTHER_POOL: Uuid = Uuid::from_u128(7);

/// Fragments of one byte each: object, fragment, whether the first and the last, and the byte.
const fn fragments<const N: usize>(of: [(u8, u8, u8); N]) -> [[u8; 22]; N] {
    let mut all = [[0; 22]; N];
    let mut at = 0;
    while at < N {
        (all[at][7], all[at][15], all[at][16]) = of[at];
        all[at][20] = 1;
        all[at][21] = b'x';
        at += 1;
    }
    all
}

/// Marks of the first and of the last fragment of an object.
const START: u8 = 1;
const END: u8 = 2;
const HOLE: [[u8; 22]; 2] = fragments([(1, 0, START), (1, 2, END)]);
const AGAIN: [[u8; 22]; 3] = fragments([(1, 0, START), (1, 1, 0), (1, 1, END)]);
const INTERLEAVED: [[u8; 22]; 3] = fragments([(1, 0, START), (2, 0, START), (1, 1, END)]);
const MIDWAY: [[u8; 22]; 1] = fragments([(1, 1, END)]);
const UNENDED: [[u8; 22]; 2] = fragments([(1, 0, START), (1, 1, 0)]);
/// A whole fragment of no length.
const EMPTY: [u8; 21] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, START | END, 0, 0, 0, 0];
/// The head of one that is too long for any client.
const ENDLESS: [u8; 21] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, START, 0xFF, 0xFF, 0xFF, 0xFF];

/// Opens a session and runs a pipeline in it. Tells what came of the latter, and the session's state.
async fn talk(server: &Arc<Wicked>) -> (Result<Vec<i64>, Error>, Option<SessionState>) {
    let mut options = PsSessionOptions::default();
    options.max_connection_retry_count = 0;
    options.retry_window = Duration::ZERO;
    options.wsman.open_timeout = Some(Duration::from_secs(120));
    options.wsman.operation_timeout = Duration::from_secs(20);
    options.wsman.cancel_timeout = Duration::from_secs(10);
    let session = match PsSession::builder("").target(server.target()).options(options).connect().await {
        Ok(session) => session,
        Err(error) => return (Err(error), None),
    };
    let mut limits = InvokeOptions::default();
    limits.timeout = Some(Duration::from_secs(60));
    let result = session.invoke_with(PowerShell::new().command("x"), &limits).collect().await;
    let state = session.state();
    session.close().await.ok();
    (result.map(|result| result.output.iter().filter_map(|value| value.as_i64()).collect()), Some(state))
}

#[tokio::test(start_paused = true)]
async fn each_vice_is_one_clear_error() {
    use ErrorKind::{Fault, Protocol, TimedOut};
    use SessionState::Opened;
    const BROKEN: &str = "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">5</I32></MS></Obj>";
    const CALL: &str = "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64><I32 N=\"mi\">99</I32></MS></Obj>";
    let cases = [
        (Vice::Silent("Create"), TimedOut, None, "waiting for an answer"),
        (Vice::Silent("Receive"), TimedOut, None, "waiting for an answer"),
        (Vice::TimedOut("Receive"), TimedOut, None, "when 120s, the time for all stages, were over"),
        (Vice::TimedOut("Create"), Fault, None, "time"),
        (Vice::TimedOut("Command"), Fault, Some(Opened), "time"),
        (Vice::Hasty, TimedOut, Some(Opened), "the pipeline"),
        (Vice::Silent("Command"), TimedOut, Some(Opened), "waiting for an answer"),
        (Vice::Gone("Receive"), Fault, None, "is gone"),
        (Vice::Gone("Command"), Fault, Some(Opened), "is gone"),
        (Vice::OtherCommand, Protocol, Some(Opened), "the host calls the pipeline 99999999-"),
        (Vice::OtherStream, Protocol, Some(Opened), "output of another command"),
        (Vice::NoEnd, Protocol, Some(Opened), "without saying how the pipeline ended"),
        (Vice::Noise(b"not a fragment, but long enough"), Protocol, Some(Opened), "object"),
        (Vice::Noise(HOLE.as_flattened()), Protocol, Some(Opened), "object 1: fragment 1 expected, 2 found"),
        (Vice::Noise(AGAIN.as_flattened()), Protocol, Some(Opened), "object 1: fragment 2 expected, 1 found"),
        (Vice::Noise(INTERLEAVED.as_flattened()), Protocol, Some(Opened), "object 1 has no end"),
        (Vice::Noise(MIDWAY.as_flattened()), Protocol, Some(Opened), "not marked as its start"),
        (
            Vice::Noise(UNENDED.as_flattened()),
            Protocol,
            Some(Opened),
            "without saying how the pipeline ended",
        ),
        (Vice::Noise(&EMPTY), Protocol, Some(Opened), "fragment 0 is empty"),
        (Vice::Noise(&ENDLESS), Protocol, Some(Opened), "object 1 is longer than"),
        (Vice::Drops, Fault, Some(Opened), "is gone"),
        (Vice::Noise(b"short"), Protocol, Some(Opened), "in the middle of a fragment"),
        (Vice::Pool(M::RunspacePoolState, THIS_POOL, BROKEN), Protocol, None, "RUNSPACEPOOL_STATE"),
        (Vice::Pool(M::PipelineOutput, THIS_POOL, "<I32>1</I32>"), Protocol, None, "PIPELINE_OUTPUT"),
        (Vice::Pool(M::UserEvent, OTHER_POOL, "<S></S>"), Protocol, None, "USER_EVENT"),
        (
            Vice::Pipeline(M::PipelineOutput, OTHER_POOL, "<I32>1</I32>"),
            Protocol,
            Some(Opened),
            "is for pool",
        ),
        (Vice::Pipeline(M::PipelineOutput, THIS_POOL, "<broken"), Protocol, Some(Opened), "cannot be read"),
        (Vice::Pipeline(M::PipelineHostCall, THIS_POOL, CALL), Protocol, Some(Opened), "RemoteHostMethodId"),
        (Vice::Pipeline(M::CreatePipeline, THIS_POOL, "<S></S>"), Protocol, Some(Opened), "wrong side"),
    ];
    for (vice, kind, state, part) in cases {
        let server = Wicked::new(vice);
        let (outcome, after) = tokio::time::timeout(FOR_EVER, talk(&server)).await.expect("an end");
        let error = outcome.expect_err(&format!("{vice:?}"));
        assert_eq!((error.kind(), after), (kind, state), "{vice:?}: {error}");
        assert!(error.to_string().contains(part), "{vice:?}: {error}");
        // A shell that there may be is closed.
        assert_eq!(server.seen("Delete"), usize::from(vice != Vice::TimedOut("Create")), "{vice:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn opening_ends_after_three_minutes_unless_said_otherwise() {
    let server = Wicked::new(Vice::TimedOut("Receive"));
    let began = Instant::now();
    let opening = PsSession::builder("").target(server.target()).connect();
    let outcome = tokio::time::timeout(FOR_EVER, opening).await.expect("an end");
    assert_eq!(outcome.err().map(|error| error.kind()), Some(ErrorKind::TimedOut));
    // The shell that was made is closed after that.
    assert_eq!(began.elapsed().as_secs(), 180);
    assert_eq!(server.seen("Delete"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_opened_is_told_of_at_once() {
    for vice in [Vice::Gone("Receive"), Vice::Pool(M::UserEvent, OTHER_POOL, "<S></S>")] {
        let server = Wicked::new(vice);
        let began = Instant::now();
        talk(&server).await.0.unwrap_err();
        assert_eq!((server.seen("Delete"), began.elapsed().as_secs()), (1, 0), "{vice:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn some_vices_do_no_harm() {
    for (vice, output) in [(Vice::None, &[1][..]), (Vice::OtherShell, &[1]), (Vice::EndsTwice, &[])] {
        let server = Wicked::new(vice);
        let (outcome, after) = tokio::time::timeout(FOR_EVER, talk(&server)).await.expect("an end");
        assert_eq!(outcome.unwrap(), output, "{vice:?}");
        assert_eq!((after, server.seen("Delete")), (Some(SessionState::Opened), 1), "{vice:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_is_not_asked_twice() {
    for (action, times, works) in [("Create", 1, false), ("Command", 1, false), ("Delete", 2, true)] {
        let server = Wicked::new(Vice::Lost(action));
        let (outcome, _) = tokio::time::timeout(FOR_EVER, talk(&server)).await.expect("an end");
        assert_eq!(outcome.is_ok(), works, "{action}: {outcome:?}");
        if let Err(error) = outcome {
            assert!(error.may_have_executed(), "{action}: {error}");
        }
        assert_eq!(server.seen(action), times, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_requests_takes_time() {
    const SPARE: Duration = Duration::from_millis(50);
    let server = Wicked::new(Vice::Far);
    let began = Instant::now();
    let session = PsSession::builder("").target(server.target()).connect().await.unwrap();
    session.invoke(PowerShell::new().command("x")).collect().await.unwrap();
    session.close().await.unwrap();
    // Create, Receive, Command, Receive, Delete.
    assert!(began.elapsed() <= 5 * ROUND_TRIP + SPARE, "{:?}", began.elapsed());

    let session = PsSession::builder("").target(server.target()).connect().await.unwrap();
    for _ in 0..20 {
        let began = Instant::now();
        session.invoke(PowerShell::new().command("x")).collect().await.unwrap();
        assert!(began.elapsed() <= 2 * ROUND_TRIP + SPARE, "{:?}", began.elapsed());
    }
    session.close().await.unwrap();
}
