//! Every kind of message, well made, at every time: taken when its time is, refused for the time alone when it is not
//! ([MS-PSRP] 3.1.5.4 and 3.2.5.4).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod common;

use MessageType as M;
use common::Pair;
use uuid::Uuid;
use windlass_clixml::encode;
use windlass_psrp::fragment::Fragmenter;
use windlass_psrp::message::{Destination, Scope};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, ErrorCategory, ErrorRecord, KeyPair, Message, MessageType,
    Payload, PipelineState, PoolOptions, PoolState, PowerShell, ProtocolVersion, ServerOptions, ServerPool,
    SessionKey, Stream,
};

const POOL: Uuid = Uuid::from_u128(0x77);
const RUNNING: Uuid = Uuid::from_u128(0x88);

fn properties(inner: &str) -> String {
    format!("<Obj RefId=\"0\"><MS>{inner}</MS></Obj>")
}

/// Data that nothing is wrong with.
fn data(kind: MessageType) -> String {
    let version = ProtocolVersion::V2_3;
    let call = "<I64 N=\"ci\">1</I64>";
    match kind {
        M::SessionCapability => properties(
            "<Version N=\"protocolversion\">2.3</Version><Version N=\"PSVersion\">2.0</Version>\
             <Version N=\"SerializationVersion\">1.1.0.1</Version>",
        ),
        M::InitRunspacePool => {
            let mut client = ClientPool::new(PoolOptions::default());
            let stream = client.creation_fragments(1 << 16).unwrap();
            nth_message(&stream, 1)
        }
        M::ConnectRunspacePool | M::PublicKeyRequest => "<S></S>".to_owned(),
        M::PublicKey => properties("<S N=\"PublicKey\">AAAA</S>"),
        M::EncryptedSessionKey => properties("<S N=\"EncryptedSessionKey\">AAAA</S>"),
        M::SetMaxRunspaces => properties(&format!("<I32 N=\"MaxRunspaces\">2</I32>{call}")),
        M::SetMinRunspaces => properties(&format!("<I32 N=\"MinRunspaces\">1</I32>{call}")),
        M::GetAvailableRunspaces | M::ResetRunspaceState => properties(call),
        M::RunspaceAvailability => properties(&format!("<B N=\"SetMinMaxRunspacesResponse\">true</B>{call}")),
        M::RunspacePoolState => properties("<I32 N=\"RunspaceState\">2</I32>"),
        M::ApplicationPrivateData => properties("<Nil N=\"ApplicationPrivateData\" />"),
        M::RunspacePoolInitData => {
            properties("<I32 N=\"MinRunspaces\">1</I32><I32 N=\"MaxRunspaces\">1</I32>")
        }
        M::UserEvent => properties(
            "<I32 N=\"PSEventArgs.EventIdentifier\">1</I32><S N=\"PSEventArgs.SourceIdentifier\">s</S>\
             <DT N=\"PSEventArgs.TimeGenerated\">2026-01-01T00:00:00Z</DT>\
             <G N=\"PSEventArgs.RunspaceId\">00000000-0000-0000-0000-000000000001</G>",
        ),
        M::RunspacePoolHostCall | M::PipelineHostCall => properties(&format!(
            "{call}<Obj N=\"mi\" RefId=\"1\"><ToString>ReadLine</ToString><TN RefId=\"0\">\
             <T>System.Management.Automation.Remoting.RemoteHostMethodId</T></TN><I32>11</I32></Obj>\
             <Obj N=\"mp\" RefId=\"2\"><LST /></Obj>"
        )),
        M::RunspacePoolHostResponse | M::PipelineHostResponse => properties(&format!(
            "<S N=\"mr\">x</S>{call}<Obj N=\"mi\" RefId=\"1\"><ToString>ReadLine</ToString><TN RefId=\"0\">\
             <T>System.Management.Automation.Remoting.RemoteHostMethodId</T></TN><I32>11</I32></Obj>"
        )),
        M::CreatePipeline => {
            let mut pair = Pair::opened();
            let id = pair.client.create_pipeline(PowerShell::script("x")).unwrap();
            let stream = pair.client.command_arguments(id, 1 << 16).unwrap().unwrap();
            nth_message(&stream, 0)
        }
        M::GetCommandMetadata => {
            encode(&windlass_psrp::GetCommandMetadata::new(["Get-Date"]).to_value(version).unwrap())
        }
        M::PipelineInput | M::PipelineOutput => "<I32>1</I32>".to_owned(),
        M::EndOfPipelineInput => String::new(),
        M::ErrorRecord => {
            encode(&ErrorRecord::new("X", "x", ErrorCategory::NotSpecified).to_value(version).unwrap())
        }
        M::PipelineState => properties("<I32 N=\"PipelineState\">4</I32>"),
        M::DebugRecord | M::VerboseRecord | M::WarningRecord => {
            properties("<S N=\"InformationalRecord_Message\">m</S>")
        }
        M::ProgressRecord => properties(
            "<S N=\"Activity\">a</S><I32 N=\"ActivityId\">1</I32><Obj N=\"Type\" RefId=\"1\">\
             <ToString>Processing</ToString><I32>0</I32></Obj>",
        ),
        M::InformationRecord => properties("<DT N=\"TimeGenerated\">2026-01-01T00:00:00Z</DT>"),
    }
}

fn nth_message(stream: &[u8], wanted: usize) -> String {
    let mut reader = windlass_psrp::fragment::Defragmenter::new(Default::default());
    let mut objects = reader.push(stream);
    for _ in 0..wanted {
        objects.next().unwrap().unwrap();
    }
    Message::decode(objects.next().unwrap().unwrap().data).unwrap().data.to_owned()
}

fn bytes(destination: Destination, kind: MessageType, pipeline: Option<Uuid>) -> Vec<u8> {
    let (pipeline, data) = (pipeline.unwrap_or_default(), data(kind));
    let message = Message { destination, kind, pool: POOL, pipeline, byte_order_mark: false, data: &data };
    Fragmenter::default().fragment(&message.encode())
}

fn kinds(side: Destination, of_pipelines: bool) -> impl Iterator<Item = MessageType> {
    MessageType::ALL.iter().copied().filter(move |kind| {
        kind.destination().is_none_or(|to| to == side) && (kind.scope() == Scope::Pipeline) == of_pipelines
    })
}

fn client(messages: &[MessageType]) -> ClientPool {
    let mut client = ClientPool::new(PoolOptions { id: POOL, ..PoolOptions::default() });
    client.creation_fragments(1 << 16).unwrap();
    for &kind in messages {
        client.receive(None, &bytes(Destination::Client, kind, None)).unwrap();
    }
    client
}

const OPENING: &[MessageType] = &[M::SessionCapability];
const OPENED: &[MessageType] = &[M::SessionCapability, M::RunspacePoolState];

#[test]
fn messages_of_the_pool_to_a_client() {
    let fresh = || ClientPool::new(PoolOptions { id: POOL, ..PoolOptions::default() });
    let opened = || {
        let mut client = client(OPENED);
        // The call that the availability answers.
        assert_eq!(client.set_max_runspaces(2).unwrap(), 1);
        client
    };
    let closed = || {
        let mut client = client(OPENED);
        client.closed();
        client
    };
    let connecting = || {
        let mut client = fresh();
        client.connect_fragments(Default::default(), 1 << 16).unwrap();
        client.receive(None, &bytes(Destination::Client, M::SessionCapability, None)).unwrap();
        client
    };
    type Make<'a> = &'a dyn Fn() -> ClientPool;
    let anew = || client(&[]);
    let negotiated = || client(OPENING);
    let cases: [(&str, Make<'_>, &[MessageType]); 6] = [
        ("BeforeOpen", &fresh, &[]),
        ("Opening", &anew, OPENING),
        ("Opening", &negotiated, &[M::RunspacePoolState, M::ApplicationPrivateData]),
        ("Connecting", &connecting, &[M::ApplicationPrivateData, M::RunspacePoolInitData]),
        (
            "Opened",
            &opened,
            &[
                M::RunspaceAvailability,
                M::RunspacePoolState,
                M::UserEvent,
                M::ApplicationPrivateData,
                M::RunspacePoolHostCall,
                M::PublicKeyRequest,
            ],
        ),
        ("Closed", &closed, &[]),
    ];
    for (state, make, taken) in cases {
        for kind in kinds(Destination::Client, false) {
            let mut client = make();
            let outcome = client.receive(None, &bytes(Destination::Client, kind, None));
            let reason = outcome.err().map(|error| error.to_string());
            let expected = match (state, kind) {
                _ if taken.contains(&kind) => None,
                ("Closed", _) => Some("receiving is not possible while the pool is Closed".to_owned()),
                // It may come; only nobody asked for it.
                ("Opened", M::EncryptedSessionKey) => {
                    Some("encrypted session key: it was not asked for".to_owned())
                }
                _ => Some(format!("{kind} came while the pool was {state}")),
            };
            assert_eq!(reason, expected, "{kind} while {state}");
            let is_broken = client.state() == PoolState::Broken;
            assert_eq!(is_broken, reason.is_some() && state != "Closed", "{kind} while {state}");
        }
    }
}

#[test]
fn messages_of_a_pipeline_to_a_client() {
    for kind in kinds(Destination::Client, true) {
        for state in [PipelineState::NotStarted, PipelineState::Running, PipelineState::Completed] {
            let mut client = client(OPENED);
            let id = client.create_pipeline(PowerShell::script("x")).unwrap();
            if state != PipelineState::NotStarted {
                client.command_arguments(id, 1 << 16).unwrap().unwrap();
            }
            if state == PipelineState::Completed {
                client.receive(Some(id), &bytes(Destination::Client, M::PipelineState, Some(id))).unwrap();
            }
            while client.poll_event().is_some() {}
            client.receive(Some(id), &bytes(Destination::Client, kind, Some(id))).unwrap();
            let failed = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
                ClientEvent::PipelineFailed { error, .. } => Some(error.to_string()),
                _ => None,
            });
            let expected = (state != PipelineState::Running)
                .then(|| format!("{kind} came while pipeline {id} was {state}"));
            assert_eq!(failed, expected, "{kind} while {state}");
            assert_eq!(client.state(), PoolState::Opened);
        }
    }
}

fn server(messages: &[MessageType]) -> ServerPool {
    let mut server = ServerPool::new(ServerOptions::default());
    for &kind in messages {
        server.receive(None, Stream::Default, &bytes(Destination::Server, kind, None)).unwrap();
    }
    server
}

const SERVES: &[MessageType] = &[M::SessionCapability, M::InitRunspacePool];

#[test]
fn messages_of_the_pool_to_a_server() {
    let cases: [(&str, &[MessageType], &[MessageType]); 3] = [
        ("BeforeOpen", &[], &[M::SessionCapability]),
        ("Opening", &[M::SessionCapability], &[M::InitRunspacePool]),
        (
            "Opened",
            SERVES,
            &[M::SetMaxRunspaces, M::SetMinRunspaces, M::GetAvailableRunspaces, M::ResetRunspaceState],
        ),
    ];
    for (state, before, taken) in cases {
        for kind in kinds(Destination::Server, false) {
            let mut server = server(before);
            let data = bytes(Destination::Server, kind, None);
            let reason = server.receive(None, Stream::Default, &data).err().map(|error| error.to_string());
            let expected = match (state, kind) {
                _ if taken.contains(&kind) => None,
                ("Opened", M::PublicKey) => {
                    Some("public key: it is no PUBLICKEYBLOB with an RSA key of 2048 bits".to_owned())
                }
                ("Opened", M::RunspacePoolHostResponse) => {
                    Some("host response answers call 1, which is not open".to_owned())
                }
                _ => Some(format!("{kind} came while the pool was {state}")),
            };
            assert_eq!(reason, expected, "{kind} while {state}");
            // A pool that was not open yet never opens; one that is open lives on.
            let is_broken = server.state() == PoolState::Broken;
            assert_eq!(is_broken, reason.is_some() && state != "Opened", "{kind} while {state}");
        }
    }
}

#[test]
fn messages_of_a_pipeline_to_a_server() {
    for kind in kinds(Destination::Server, true) {
        let data = bytes(Destination::Server, kind, Some(RUNNING));
        let say = |server: &mut ServerPool| {
            server.receive(Some(RUNNING), Stream::Default, &data).err().map(|error| error.to_string())
        };
        let begins = matches!(kind, M::CreatePipeline | M::GetCommandMetadata);
        let late = |state: &str| Some(format!("{kind} came while pipeline {RUNNING} was {state}"));

        for before in [&[][..], &[M::SessionCapability]] {
            assert!(say(&mut server(before)).unwrap().contains("creating a pipeline"), "{kind}");
        }
        let mut opened = server(SERVES);
        assert_eq!(say(&mut opened), if begins { None } else { late("NotStarted") }, "{kind}");
        assert_eq!(opened.pipeline_state(RUNNING).is_some(), begins, "{kind}");

        let mut opened = server(SERVES);
        let create = bytes(Destination::Server, M::CreatePipeline, Some(RUNNING));
        opened.receive(Some(RUNNING), Stream::Default, &create).unwrap();
        let expected = match kind {
            M::PipelineInput | M::EndOfPipelineInput => Some(format!("pipeline {RUNNING} takes no input")),
            M::PipelineHostResponse => Some("host response answers call 1, which is not open".to_owned()),
            _ => late("Running"),
        };
        assert_eq!(say(&mut opened), expected, "{kind}");
        assert_eq!(opened.pipeline_state(RUNNING), Some(PipelineState::Running), "{kind}");
    }
}

#[test]
fn answers_and_ends_come_once() {
    let mut client = client(OPENED);
    client.set_max_runspaces(2).unwrap();
    let answer = bytes(Destination::Client, M::RunspaceAvailability, None);
    client.receive(None, &answer).unwrap();
    let error = client.receive(None, &answer).unwrap_err().to_string();
    assert_eq!(error, "RUNSPACE_AVAILABILITY answers call 1, which is not open");

    let mut pair = Pair::opened();
    let id = pair.start(CreatePipeline::from(PowerShell::script("x")).with_input());
    let end = |pool| {
        let message = Message {
            destination: Destination::Server,
            kind: M::EndOfPipelineInput,
            pool,
            pipeline: id,
            byte_order_mark: false,
            data: "",
        };
        Fragmenter::default().fragment(&message.encode())
    };
    let end = end(pair.client.id());
    pair.server.receive(Some(id), Stream::Default, &end).unwrap();
    let error = pair.server.receive(Some(id), Stream::Default, &end).unwrap_err().to_string();
    assert_eq!(error, format!("pipeline {id} takes no input"));
}

#[test]
fn a_key_of_the_wrong_kind_or_a_second_one_breaks_the_pool() {
    let keys = KeyPair::generate().unwrap();
    let sealed = SessionKey::generate().unwrap().seal_for(&keys.public_blob()).unwrap();
    let sent = |text: &str| {
        let data = properties(&format!("<S N=\"EncryptedSessionKey\">{text}</S>"));
        let (destination, kind) = (Destination::Client, M::EncryptedSessionKey);
        let (pool, pipeline) = (POOL, Uuid::nil());
        let message = Message { destination, kind, pool, pipeline, byte_order_mark: false, data: &data };
        Fragmenter::default().fragment(&message.encode())
    };
    let asking = || {
        let mut client = client(OPENED);
        client.set_key_pair(keys.clone());
        client.request_session_key().unwrap();
        client
    };
    for (text, reason) in [
        ("***", "encrypted session key: it is not base64"),
        ("AAAA", "encrypted session key: it is no SIMPLEBLOB with an AES-256 key under RSA"),
        (&sealed[..80], "encrypted session key: it is not 256 bytes long"),
    ] {
        let mut client = asking();
        let id = client.create_pipeline(PowerShell::script("x")).unwrap();
        assert_eq!(client.receive(None, &sent(text)).unwrap_err().to_string(), reason);
        assert_eq!((client.state(), client.has_session_key()), (PoolState::Broken, false));
        // Whoever waits for the key hears of it.
        client.command_arguments(id, 1 << 16).unwrap_err();
    }
    let mut client = asking();
    client.receive(None, &sent(&sealed)).unwrap();
    assert!(client.has_session_key());
    let error = client.receive(None, &sent(&sealed)).unwrap_err().to_string();
    assert_eq!(error, "encrypted session key: it was not asked for");
}
