//! Peers that send the wrong thing, or the right thing at the wrong time: one clear error each, and
//! no more damage than that.
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

use common::Pair;
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_psrp::fragment::{FragmentHeader, Fragmenter};
use windlass_psrp::message::Destination;
use windlass_psrp::{
    ClientEvent, ClientLimits, ClientPool, CreatePipeline, Message, MessageType, PipelineState, PoolOptions,
    PoolState, PowerShell, ServerEvent, ServerLimits, ServerOptions, ServerPool, Stream,
};

const CAPABILITY: &str = r#"<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version><Version N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>"#;

fn bytes(
    destination: Destination,
    kind: MessageType,
    pool: Uuid,
    pipeline: Option<Uuid>,
    data: &str,
) -> Vec<u8> {
    let pipeline = pipeline.unwrap_or_default();
    let message = Message { destination, kind, pool, pipeline, byte_order_mark: true, data }.encode();
    // Ids are the sender's affair; only their order within a message counts.
    Fragmenter::default().fragment(&message)
}

fn state(name: &str, code: i32) -> String {
    format!(r#"<Obj RefId="0"><MS><I32 N="{name}">{code}</I32></MS></Obj>"#)
}

/// Sends one message of the pool to a client whose pool is open, and gives what the client says.
fn to_client(kind: MessageType, data: &str) -> (String, PoolState) {
    let mut pair = Pair::opened();
    let data = bytes(Destination::Client, kind, pair.client.id(), None, data);
    let error = pair.client.receive(None, &data).err().map(|error| error.to_string()).unwrap_or_default();
    (error, pair.client.state())
}

#[test]
fn a_client_breaks_its_pool_on_what_it_cannot_take() {
    use MessageType as M;
    let cases = [
        (M::SessionCapability, CAPABILITY, "SESSION_CAPABILITY came while the pool was Opened"),
        (M::RunspacePoolInitData, "<S></S>", "RUNSPACEPOOL_INIT_DATA came while the pool was Opened"),
        (M::RunspacePoolState, "<S>x</S>", "RUNSPACEPOOL_STATE.data is a string, an object expected"),
        (M::RunspacePoolState, "", "RUNSPACEPOOL_STATE.data is null, an object expected"),
        (
            M::RunspacePoolState,
            "<Obj RefId=\"0\"><MS /></Obj>",
            "RUNSPACEPOOL_STATE has no property RunspaceState",
        ),
        (
            M::RunspacePoolState,
            "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">9</I32></MS></Obj>",
            "RUNSPACEPOOL_STATE.RunspaceState is 9, 0 to 5 expected",
        ),
        (
            M::RunspacePoolState,
            "<Obj RefId=\"0\"><MS><I64 N=\"RunspaceState\">2</I64></MS></Obj>",
            "RUNSPACEPOOL_STATE.RunspaceState is an I64, an I32 expected",
        ),
        (
            M::RunspaceAvailability,
            "<Obj RefId=\"0\"><MS><B N=\"SetMinMaxRunspacesResponse\">true</B><I64 N=\"ci\">7</I64></MS></Obj>",
            "RUNSPACE_AVAILABILITY answers call 7, which is not open",
        ),
        (
            M::EncryptedSessionKey,
            "<Obj RefId=\"0\"><MS><S N=\"EncryptedSessionKey\">AAAA</S></MS></Obj>",
            "encrypted session key: it was not asked for",
        ),
        (
            M::RunspacePoolHostCall,
            "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64><I32 N=\"mi\">57</I32><Obj N=\"mp\" RefId=\"1\"><LST /></Obj></MS></Obj>",
            "host call.mi is an I32, a RemoteHostMethodId expected",
        ),
        (
            M::RunspacePoolHostCall,
            "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64><I32 N=\"mi\">16</I32><Obj N=\"mp\" RefId=\"1\"><LST><I32>1</I32></LST></Obj></MS></Obj>",
            "host call WriteLine2: argument 0 is an I32, a string expected",
        ),
        (
            M::RunspacePoolHostCall,
            "<Obj RefId=\"0\"><MS><I64 N=\"ci\">1</I64><I32 N=\"mi\">11</I32><Obj N=\"mp\" RefId=\"1\"><LST><S>x</S></LST></Obj></MS></Obj>",
            "host call ReadLine: argument 0 is a string, no argument expected",
        ),
        (M::PipelineOutput, "<I32>1</I32>", "PIPELINE_OUTPUT for the pool came on the stream of the pool"),
        (M::SetMaxRunspaces, "<S></S>", "SET_MAX_RUNSPACES came to the wrong side"),
    ];
    for (kind, data, message) in cases {
        assert_eq!(to_client(kind, data), (message.to_owned(), PoolState::Broken), "{kind} {data}");
    }
    let (error, state) = to_client(M::UserEvent, "<broken");
    assert!(error.starts_with("data of USER_EVENT cannot be read: "), "{error}");
    assert_eq!(state, PoolState::Broken);
}

#[test]
fn the_last_of_doubled_properties_counts() {
    let data =
        "<Obj RefId=\"0\"><MS><I32 N=\"RunspaceState\">9</I32><I32 N=\"runspacestate\">3</I32></MS></Obj>";
    assert_eq!(to_client(MessageType::RunspacePoolState, data), (String::new(), PoolState::Closed));
}

#[test]
fn a_client_takes_nothing_before_the_versions() {
    for &kind in MessageType::ALL.iter().filter(|kind| kind.destination() == Some(Destination::Client)) {
        let mut client = ClientPool::new(PoolOptions::default());
        client.creation_fragments(10_000).unwrap();
        let data = bytes(Destination::Client, kind, client.id(), None, "<S></S>");
        let error = client.receive(None, &data).unwrap_err();
        assert_eq!(client.state(), PoolState::Broken, "{error}");
    }
    let mut client = ClientPool::new(PoolOptions::default());
    let data = bytes(Destination::Client, MessageType::SessionCapability, client.id(), None, CAPABILITY);
    let error = client.receive(None, &data).unwrap_err().to_string();
    assert_eq!(error, "SESSION_CAPABILITY came while the pool was BeforeOpen");
}

#[test]
fn versions_must_fit() {
    for (wrong, message) in [
        ("3.0", "protocol version 3.0 of the other side does not fit 2.3"),
        ("1.0", "protocol version 1.0 of the other side does not fit 2.3"),
    ] {
        let mut client = ClientPool::new(PoolOptions::default());
        client.creation_fragments(10_000).unwrap();
        let data = CAPABILITY.replace(">2.3<", &format!(">{wrong}<"));
        let data = bytes(Destination::Client, MessageType::SessionCapability, Uuid::nil(), None, &data);
        assert_eq!(client.receive(None, &data).unwrap_err().to_string(), message);
    }
    let mut server = ServerPool::new(ServerOptions::default());
    let data = CAPABILITY.replace("1.1.0.1", "2.0");
    let data = bytes(Destination::Server, MessageType::SessionCapability, Uuid::from_u128(1), None, &data);
    let error = server.receive(None, Stream::Default, &data).unwrap_err().to_string();
    assert_eq!(error, "serialization version 2.0 of the other side does not fit 1.1.0.1");
    assert_eq!(server.state(), PoolState::Broken);
}

#[test]
fn a_message_of_another_pool_is_refused() {
    let mut pair = Pair::opened();
    let other = Uuid::from_u128(77);
    let data = bytes(Destination::Client, MessageType::UserEvent, other, None, "<S></S>");
    let error = pair.client.receive(None, &data).unwrap_err().to_string();
    assert_eq!(error, format!("USER_EVENT is for pool {other}, {} expected", pair.client.id()));
    let data = bytes(Destination::Server, MessageType::GetAvailableRunspaces, other, None, "<S></S>");
    let error = pair.server.receive(None, Stream::Default, &data).unwrap_err().to_string();
    assert!(error.starts_with("GET_AVAILABLE_RUNSPACES is for pool "), "{error}");
    assert_eq!(pair.server.state(), PoolState::Opened);
}

/// Sends messages to a client for a pipeline that runs, and gives why it failed.
fn to_pipeline(messages: &[(MessageType, &str)]) -> String {
    let mut pair = Pair::opened();
    let id = pair.start(PowerShell::script("x"));
    let other = pair.start(PowerShell::script("y"));
    for (kind, data) in messages {
        let data = bytes(Destination::Client, *kind, pair.client.id(), Some(id), data);
        pair.client.receive(Some(id), &data).unwrap();
    }
    assert_eq!(pair.client.state(), PoolState::Opened);
    assert_eq!(pair.client.pipeline_state(other), Some(PipelineState::Running));
    let failed = pair.client_events().into_iter().find_map(|event| match event {
        ClientEvent::PipelineFailed { pipeline, error } if pipeline == id => Some(error.to_string()),
        _ => None,
    });
    failed.expect("the pipeline failed").replace(&id.to_string(), "ID")
}

#[test]
fn what_cannot_be_read_fails_its_pipeline_alone() {
    use MessageType as M;
    let completed = state("PipelineState", 4);
    let cases: [(&[(M, &str)], &str); 6] = [
        (
            &[(M::PipelineState, &completed), (M::PipelineOutput, "<I32>1</I32>")],
            "PIPELINE_OUTPUT came while pipeline ID was Completed",
        ),
        (
            &[(M::PipelineState, &completed), (M::PipelineState, &completed)],
            "PIPELINE_STATE came while pipeline ID was Completed",
        ),
        (
            &[(M::PipelineState, &state("PipelineState", 7))],
            "PIPELINE_STATE.PipelineState is 7, 0 to 6 expected",
        ),
        (
            &[(M::PipelineState, &state("PipelineState", 0))],
            "PIPELINE_STATE came while pipeline ID was Running",
        ),
        (&[(M::ErrorRecord, "<S>x</S>")], "ERROR_RECORD.data is a string, an object expected"),
        (&[(M::CreatePipeline, "<S>x</S>")], "CREATE_PIPELINE came to the wrong side"),
    ];
    for (messages, reason) in cases {
        assert_eq!(to_pipeline(messages), reason);
    }
}

#[test]
fn after_a_failure_the_rest_is_dropped() {
    let mut pair = Pair::opened();
    let id = pair.start(PowerShell::script("x"));
    pair.client.receive(Some(id), b"not a fragment, but long enough").unwrap();
    let failures = pair.client_events().len();
    assert_eq!(failures, 1);
    pair.client.receive(Some(id), b"more of the same").unwrap();
    assert_eq!(pair.client_events(), []);
    pair.client.close_pipeline(id);
    assert_eq!(
        pair.client.receive(Some(id), b"x").unwrap_err().to_string(),
        format!("pipeline {id} is not known")
    );
}

#[test]
fn half_a_fragment_is_half_too_little() {
    let mut pair = Pair::opened();
    let header =
        FragmentHeader { object_id: 9, fragment_id: 0, start: true, end: true, length: 100 }.encode();
    let mut data = header.to_vec();
    data.extend_from_slice(&[0; 50]);
    let error = pair.client.receive(None, &data).unwrap_err().to_string();
    assert_eq!(error, "data end in the middle of a fragment");
    let options = PoolOptions { whole_fragments: false, ..PoolOptions::default() };
    let mut patient = Pair::open(options, ServerOptions::default());
    patient.client.receive(None, &data).unwrap();
}

#[test]
fn limits_hold_on_both_sides() {
    let limits = ClientLimits { object: 600, pipeline: 2000, ..ClientLimits::default() };
    let private = windlass_psrp::payload::primitive_dictionary::<&str>([]);
    let server = ServerOptions { application_private_data: private, ..ServerOptions::default() };
    for (size, reason) in [(700, " is longer than 600 bytes"), (400, "stream is longer than 2000 bytes")] {
        let mut pair = Pair::open(PoolOptions { limits, ..PoolOptions::default() }, server.clone());
        let id = pair.start(PowerShell::script("x"));
        for _ in 0..6 {
            pair.server.write_output(id, &PsValue::from("x".repeat(size))).unwrap();
        }
        pair.exchange();
        let failed = pair.client_events().into_iter().find_map(|event| match event {
            ClientEvent::PipelineFailed { error, .. } => Some(error.to_string()),
            _ => None,
        });
        assert!(failed.unwrap().ends_with(reason));
    }
    let limits = ServerLimits { object: 10_000, pipelines: 2, ..ServerLimits::default() };
    let mut pair = Pair::open(PoolOptions::default(), ServerOptions { limits, ..ServerOptions::default() });
    let id = pair.start(CreatePipeline::from(PowerShell::script("x")).with_input());
    pair.client.send_input(id, &"x".repeat(20_000).into()).unwrap();
    let data = pair.client.poll_send(30_000).unwrap();
    let error = pair.server.receive(Some(id), Stream::Default, &data.data).unwrap_err().to_string();
    assert!(error.ends_with(" is longer than 10000 bytes"), "{error}");
    assert_eq!(pair.server.pipeline_state(id), None);
    for _ in 0..2 {
        pair.start(PowerShell::script("x"));
    }
    let error = pair.server.receive(Some(Uuid::from_u128(3)), Stream::Default, &[]).unwrap_err();
    assert_eq!(error.to_string(), "more than 2 pipelines at once");
}

#[test]
fn a_server_refuses_what_comes_at_the_wrong_time() {
    use MessageType as M;
    let cases = [
        (M::InitRunspacePool, "<S></S>", "INIT_RUNSPACEPOOL came while the pool was Opened"),
        (M::ConnectRunspacePool, "<S></S>", "CONNECT_RUNSPACEPOOL came while the pool was Opened"),
        (M::SessionCapability, CAPABILITY, "SESSION_CAPABILITY came while the pool was Opened"),
        (M::PublicKey, "<S></S>", "PUBLIC_KEY.data is a string, an object expected"),
        (
            M::PublicKey,
            "<Obj RefId=\"0\"><MS><S N=\"PublicKey\">AAAA</S></MS></Obj>",
            "public key: it is no PUBLICKEYBLOB with an RSA key of 2048 bits",
        ),
        (
            M::RunspacePoolHostResponse,
            "<Obj RefId=\"0\"><MS><I64 N=\"ci\">77</I64><I32 N=\"mi\">11</I32><S N=\"mr\">x</S></MS></Obj>",
            "host response answers call 77, which is not open",
        ),
        (M::PipelineInput, "<S></S>", "PIPELINE_INPUT for the pool came on the stream of the pool"),
        (M::RunspacePoolState, "<S></S>", "RUNSPACEPOOL_STATE came to the wrong side"),
    ];
    for (kind, data, message) in cases {
        let mut pair = Pair::opened();
        let data = bytes(Destination::Server, kind, pair.client.id(), None, data);
        let error = pair.server.receive(None, Stream::Default, &data).unwrap_err().to_string();
        assert_eq!((error.as_str(), pair.server.state()), (message, PoolState::Opened));
        // The pool lives on.
        pair.start(PowerShell::script("x"));
    }
}

/// As PowerShell's server does; psrp-rs says goodbye with a type of its own.
#[test]
fn a_server_passes_over_what_it_does_not_know() {
    let mut pair = Pair::opened();
    let reset = r#"<Obj RefId="0"><MS><I64 N="ci">9</I64></MS></Obj>"#;
    let known = Message {
        destination: Destination::Server,
        kind: MessageType::ResetRunspaceState,
        pool: pair.client.id(),
        pipeline: Uuid::nil(),
        byte_order_mark: true,
        data: reset,
    }
    .encode();
    let mut unknown = known.clone();
    unknown[4..8].copy_from_slice(&0x0002_100E_u32.to_le_bytes());
    let data = [unknown, known].map(|message| Fragmenter::default().fragment(&message)).concat();
    pair.server.receive(None, Stream::Default, &data).unwrap();
    assert_eq!(pair.server_events(), [ServerEvent::ResetRunspaceState { call_id: 9 }]);
}

#[test]
fn a_pipeline_begins_with_its_creation() {
    let mut pair = Pair::opened();
    let id = Uuid::from_u128(5);
    let pool = pair.client.id();
    for (kind, data, message) in [
        (
            MessageType::PipelineInput,
            "<I32>1</I32>",
            format!("PIPELINE_INPUT came while pipeline {id} was NotStarted"),
        ),
        (
            MessageType::CreatePipeline,
            "<S>x</S>",
            "CREATE_PIPELINE.data is a string, an object expected".to_owned(),
        ),
    ] {
        let data = bytes(Destination::Server, kind, pool, Some(id), data);
        let error = pair.server.receive(Some(id), Stream::Default, &data).unwrap_err().to_string();
        assert_eq!(error, message);
        assert_eq!(pair.server.pipeline_state(id), None);
    }
    let started = pair.start(PowerShell::script("x"));
    let other = bytes(Destination::Server, MessageType::PipelineInput, pool, Some(id), "<I32>1</I32>");
    let error = pair.server.receive(Some(started), Stream::Default, &other).unwrap_err().to_string();
    assert_eq!(error, format!("PIPELINE_INPUT for pipeline {id} came on the stream of pipeline {started}"));
    let input = bytes(Destination::Server, MessageType::PipelineInput, pool, Some(started), "<I32>1</I32>");
    let error = pair.server.receive(Some(started), Stream::Default, &input).unwrap_err().to_string();
    assert_eq!(error, format!("pipeline {started} takes no input"));
    // Input that crosses the end of its pipeline is nobody's fault.
    pair.server.complete(started, PipelineState::Completed, None).unwrap();
    pair.server.receive(Some(started), Stream::Default, &input).unwrap();
    assert!(pair.server.write_output(started, &1.into()).is_err());
}

#[test]
fn a_stream_out_of_order_breaks_what_it_belongs_to() {
    let mut pair = Pair::opened();
    let id = pair.start(PowerShell::script("x"));
    let stray = FragmentHeader { object_id: 3, fragment_id: 4, start: false, end: true, length: 1 }.encode();
    let data = [&stray[..], b"x"].concat();
    let error = pair.server.receive(Some(id), Stream::Default, &data).unwrap_err().to_string();
    assert_eq!(error, "object 3 begins with fragment 4, which is not marked as its start");
    assert_eq!((pair.server.pipeline_state(id), pair.server.state()), (None, PoolState::Opened));
    pair.server.receive(None, Stream::Default, &data).unwrap_err();
    assert_eq!(pair.server.state(), PoolState::Broken);
}
