//! Client and server machines against each other: what both must do, whatever the transport.
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

mod common;

use common::{Pair, ROOM};
use uuid::Uuid;
use windlass_clixml::{PsObject, PsValue};
use windlass_psrp::payload::{Availability, ConnectRunspacePool, primitive_dictionary};
use windlass_psrp::{
    ClientEvent, ClientLimits, ClientPool, CreatePipeline, ErrorCategory, ErrorRecord, GetCommandMetadata,
    InformationalRecord, PipelineState, PoolOptions, PoolState, PowerShell, ProtocolVersion, PsrpError,
    ServerEvent, ServerOptions, Stream,
};

fn script(text: &str) -> PowerShell {
    PowerShell::script(text)
}

#[test]
fn a_pool_opens_with_what_both_sides_say() {
    let client = PoolOptions {
        min_runspaces: 2,
        max_runspaces: 4,
        application_arguments: primitive_dictionary([("Key", PsValue::from(5))]),
        ..PoolOptions::default()
    };
    let private = primitive_dictionary([("Who", PsValue::from("me"))]);
    let server = ServerOptions { application_private_data: private.clone(), ..ServerOptions::default() };
    let mut pair = Pair::new(client, server);
    let creation = pair.client.creation_fragments(ROOM).unwrap();
    pair.server.receive(None, Stream::Default, &creation).unwrap();
    pair.exchange();
    let ServerEvent::Opened(init) = &pair.server_events()[0] else { panic!("not opened") };
    assert_eq!((init.min_runspaces, init.max_runspaces), (2, 4));
    assert_eq!(init.application_arguments.entry("key"), Some(&5.into()));
    assert_eq!(pair.server.id(), Some(pair.client.id()));
    assert_eq!(
        pair.client_events(),
        [
            ClientEvent::PoolState { state: PoolState::Opening, error: None },
            ClientEvent::ApplicationPrivateData(private),
            ClientEvent::PoolState { state: PoolState::Opened, error: None },
        ]
    );
}

#[test]
fn the_lower_version_of_both_counts() {
    let versions =
        [ProtocolVersion::V2_1, ProtocolVersion::V2_2, ProtocolVersion::V2_3, ProtocolVersion::V2_4];
    for ours in versions {
        for theirs in versions {
            let client = PoolOptions { protocol_version: ours, ..PoolOptions::default() };
            let server = ServerOptions { protocol_version: theirs, ..ServerOptions::default() };
            let pair = Pair::open(client, server);
            assert_eq!(pair.client.protocol_version(), Some(ours.min(theirs)));
            assert_eq!(pair.server.protocol_version(), Some(ours.min(theirs)));
        }
    }
}

#[test]
fn records_of_every_stream_come_in_order() {
    let mut pair = Pair::opened();
    let id = pair.start(script("x"));
    let server = &mut pair.server;
    server.write_output(id, &PsValue::Null).unwrap();
    server.write_error(id, &ErrorRecord::new("System.Exception", "bad", ErrorCategory::ReadError)).unwrap();
    server.write_warning(id, &"warn".into()).unwrap();
    server.write_output(id, &"x".repeat(5000).into()).unwrap();
    server.complete(id, PipelineState::Completed, None).unwrap();
    pair.exchange();
    let events = pair.client_events();
    assert_eq!(events.len(), 5);
    assert_eq!(events[0], ClientEvent::PipelineOutput { pipeline: id, value: PsValue::Null });
    assert!(matches!(&events[1], ClientEvent::PipelineError { error, .. } if error.message() == "bad"));
    let warning = InformationalRecord::new("warn");
    assert_eq!(events[2], ClientEvent::Warning { pipeline: id, record: warning });
    assert!(matches!(&events[4], ClientEvent::PipelineState { state: PipelineState::Completed, .. }));
    assert_eq!(pair.client.pipeline_state(id), Some(PipelineState::Completed));
}

#[test]
fn input_waits_for_room_and_ends_once() {
    let limits = ClientLimits { waiting_input: 1000, ..ClientLimits::default() };
    let mut pair = Pair::open(PoolOptions { limits, ..PoolOptions::default() }, ServerOptions::default());
    let id = pair.start(CreatePipeline::from(script("x")).with_input());
    pair.server_events();
    let mut sent = 0;
    while pair.client.takes_input(id) {
        pair.client.send_input(id, &sent.into()).unwrap();
        sent += 1;
    }
    assert!((5..50).contains(&sent), "{sent} objects in 1000 bytes");
    pair.exchange();
    assert!(pair.client.takes_input(id));
    pair.client.end_input(id).unwrap();
    assert!(!pair.client.takes_input(id));
    assert_eq!(pair.client.send_input(id, &1.into()).unwrap_err(), PsrpError::NoInput(id));
    assert_eq!(pair.client.end_input(id).unwrap_err(), PsrpError::NoInput(id));
    pair.exchange();
    let events = pair.server_events();
    assert_eq!(events.len(), usize::try_from(sent).unwrap() + 1);
    assert_eq!(events.last(), Some(&ServerEvent::EndOfInput { id }));
}

#[test]
fn a_pipeline_without_input_takes_none() {
    let mut pair = Pair::opened();
    let id = pair.start(script("x"));
    assert!(!pair.client.takes_input(id));
    assert_eq!(pair.client.send_input(id, &1.into()).unwrap_err(), PsrpError::NoInput(id));
}

#[test]
fn stopping_drops_what_was_not_sent() {
    let mut pair = Pair::opened();
    let id = pair.start(CreatePipeline::from(script("x")).with_input());
    pair.client.send_input(id, &"never sent".into()).unwrap();
    assert!(pair.client.stop(id).unwrap());
    assert_eq!(pair.client.waiting_bytes(id), 0);
    pair.server.stop(id).unwrap();
    pair.server_events();
    pair.server.write_output(id, &"last words".into()).unwrap();
    pair.server.complete(id, PipelineState::Stopped, Some(ErrorRecord::stopped())).unwrap();
    pair.exchange();
    let states: Vec<PipelineState> = pair
        .client_events()
        .into_iter()
        .filter_map(|event| match event {
            ClientEvent::PipelineState { state, .. } => Some(state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [PipelineState::Stopping, PipelineState::Stopped]);
    assert!(!pair.client.stop(id).unwrap());
}

#[test]
fn a_pipeline_that_was_not_started_stops_here() {
    let mut pair = Pair::opened();
    let id = pair.client.create_pipeline(script("x")).unwrap();
    assert!(!pair.client.stop(id).unwrap());
    assert_eq!(pair.client.pipeline_state(id), Some(PipelineState::Stopped));
    assert!(matches!(pair.client.command_arguments(id, ROOM), Err(PsrpError::PipelineState { .. })));
}

#[test]
fn pipelines_run_side_by_side() {
    let mut pair = Pair::opened();
    let ids: Vec<Uuid> = (0..8).map(|_| pair.start(script("x"))).collect();
    for round in 0..3 {
        for &id in &ids {
            pair.server.write_output(id, &PsValue::from(format!("{round} {}", "y".repeat(700)))).unwrap();
        }
    }
    pair.exchange();
    for &id in ids.iter().rev() {
        pair.server.complete(id, PipelineState::Completed, None).unwrap();
    }
    pair.exchange();
    let events = pair.client_events();
    for &id in &ids {
        let of = |event: &&ClientEvent| matches!(event, ClientEvent::PipelineOutput { pipeline, .. } if *pipeline == id);
        assert_eq!(events.iter().filter(of).count(), 3);
        pair.client.close_pipeline(id);
        pair.server.close_pipeline(id);
    }
    assert_eq!((pair.client.pipelines().count(), pair.server.pipelines().count()), (0, 0));
}

#[test]
fn questions_about_runspaces_are_answered() {
    let mut pair =
        Pair::open(PoolOptions { max_runspaces: 3, ..PoolOptions::default() }, ServerOptions::default());
    pair.start(script("x"));
    let free = pair.client.get_available_runspaces().unwrap();
    let max = pair.client.set_max_runspaces(5).unwrap();
    pair.exchange();
    assert_eq!(
        pair.client_events(),
        [
            ClientEvent::Availability { call_id: free, answer: Availability::Count(2) },
            ClientEvent::Availability { call_id: max, answer: Availability::Done(true) },
        ]
    );
    assert_eq!(pair.client.runspaces(), (1, 5));
    assert_eq!(pair.server.runspaces(), (1, 5));
    assert!(matches!(pair.client.set_max_runspaces(0), Err(PsrpError::RunspaceLimits(_))));
    assert!(matches!(pair.client.set_min_runspaces(6), Err(PsrpError::RunspaceLimits(_))));
    let reset = pair.client.reset_runspace_state().unwrap();
    pair.exchange();
    assert!(pair.server_events().contains(&ServerEvent::ResetRunspaceState { call_id: reset }));
    pair.server.reset_done(reset, false).unwrap();
    pair.exchange();
    let refused = ClientEvent::Availability { call_id: reset, answer: Availability::Done(false) };
    assert_eq!(pair.client_events(), [refused]);
}

#[test]
fn old_versions_lack_what_came_later() {
    let old =
        |minor| PoolOptions { protocol_version: ProtocolVersion::new(2, minor), ..PoolOptions::default() };
    let mut pair = Pair::open(old(1), ServerOptions::default());
    let two = script("1").statement().add_script("2");
    let error = pair.client.create_pipeline(two).unwrap_err();
    assert_eq!(error.to_string(), "more than one statement needs protocol 2.2, 2.1 was agreed on");
    assert!(matches!(pair.client.disconnected(), Err(PsrpError::VersionTooOld { .. })));
    let mut pair = Pair::open(old(2), ServerOptions::default());
    assert!(matches!(pair.client.reset_runspace_state(), Err(PsrpError::VersionTooOld { .. })));
}

#[test]
fn commands_are_asked_for_like_a_pipeline() {
    let mut pair = Pair::opened();
    let request = GetCommandMetadata::new(["Get-*"]);
    let id = pair.client.get_command_metadata(&request).unwrap();
    let data = pair.client.command_arguments(id, ROOM).unwrap().unwrap();
    pair.server.receive(Some(id), Stream::Default, &data).unwrap();
    pair.exchange();
    let asked = ServerEvent::GetCommandMetadata { id, request: Box::new(request) };
    assert_eq!(pair.server_events(), [asked]);
    pair.server.write_output(id, &PsObject::custom().with("Count", 0).into()).unwrap();
    pair.server.complete(id, PipelineState::Completed, None).unwrap();
    pair.exchange();
    assert_eq!(pair.client_events().len(), 2);
}

#[test]
fn closing_ends_what_runs() {
    let mut pair = Pair::opened();
    let id = pair.start(script("x"));
    pair.server_events();
    pair.client.closing();
    pair.server.close();
    assert_eq!(pair.server_events(), [ServerEvent::Stop { id }]);
    pair.exchange();
    let events = pair.client_events();
    assert!(matches!(events[1], ClientEvent::PipelineFailed { pipeline, .. } if pipeline == id));
    assert_eq!(events.last(), Some(&ClientEvent::PoolState { state: PoolState::Closed, error: None }));
    assert!(matches!(pair.client.create_pipeline(script("x")), Err(PsrpError::PoolState { .. })));
}

#[test]
fn a_broken_pool_says_why() {
    let mut pair = Pair::opened();
    let error =
        ErrorRecord::new("System.OutOfMemoryException", "no memory", ErrorCategory::ResourceUnavailable);
    pair.server.fail(Some(error));
    pair.exchange();
    let events = pair.client_events();
    let ClientEvent::PoolState { state: PoolState::Broken, error: Some(error) } = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!((error.message(), error.exception_type()), ("no memory", "System.OutOfMemoryException"));
}

#[test]
fn a_session_survives_its_client() {
    let mut pair = Pair::opened();
    let id = pair.start(script("x"));
    pair.client.disconnected().unwrap();
    assert_eq!(pair.client.pipeline_state(id), Some(PipelineState::Disconnected));
    pair.server.write_output(id, &"x".repeat(1000).into()).unwrap();
    pair.server.write_output(id, &"missed".into()).unwrap();
    pair.client.reconnected().unwrap();
    pair.client.pipeline_reconnected(id).unwrap();
    pair.exchange();
    assert_eq!(pair.client.pipeline_state(id), Some(PipelineState::Running));
    pair.client_events();

    // Another client takes over in the middle of a message that the first had begun to receive.
    pair.server.write_output(id, &"y".repeat(1000).into()).unwrap();
    pair.server.write_output(id, &"for the second".into()).unwrap();
    let begun = pair.server.poll_send(ROOM).unwrap();
    pair.client.receive(begun.pipeline, &begun.data).unwrap();
    let options = PoolOptions { id: pair.client.id(), ..PoolOptions::default() };
    let mut second = ClientPool::new(options);
    let wish = ConnectRunspacePool::default();
    let connect = second.connect_fragments(wish, 10_000).unwrap();
    let answer = pair.server.connect(&connect).unwrap();
    second.connect_response(&answer).unwrap();
    second.connect_pipeline(id).unwrap();
    pair.client = second;
    pair.exchange();
    let events = pair.client_events();
    let output = ClientEvent::PipelineOutput { pipeline: id, value: "for the second".into() };
    assert!(events.contains(&output), "{events:?}");
    assert!(events.contains(&ClientEvent::Runspaces { min: 1, max: 1 }));
    assert!(events.iter().any(|event| matches!(event, ClientEvent::ApplicationPrivateData(_))));
}

#[test]
fn connecting_asks_for_the_right_pool() {
    let mut pair = Pair::opened();
    let connect = |id, wish| {
        ClientPool::new(PoolOptions { id, ..PoolOptions::default() }).connect_fragments(wish, 10_000).unwrap()
    };
    let other = connect(Uuid::from_u128(9), ConnectRunspacePool::default());
    assert!(matches!(pair.server.connect(&other), Err(PsrpError::WrongPool { .. })));
    let wish = ConnectRunspacePool { min_runspaces: Some(1), max_runspaces: Some(7) };
    let limits = connect(pair.client.id(), wish);
    assert!(matches!(pair.server.connect(&limits), Err(PsrpError::RunspaceLimits(_))));
    let good =
        connect(pair.client.id(), ConnectRunspacePool { min_runspaces: Some(1), max_runspaces: Some(1) });
    assert!(matches!(pair.server.connect(&good[..good.len() - 1]), Err(PsrpError::MissingProperty { .. })));
    assert_eq!(pair.server.state(), PoolState::Opened);
    pair.server.connect(&good).unwrap();
    let mut small = ClientPool::new(PoolOptions::default());
    assert!(matches!(small.connect_fragments(wish, 100), Err(PsrpError::RunspaceLimits(_))));
}
