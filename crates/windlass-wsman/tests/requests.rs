//! Every request that can be written is read the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod common;

use std::borrow::Cow;

use common::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use windlass_wsman::client::{Session, ShellTarget, guid};
use windlass_wsman::*;

fn shell() -> BoxedStrategy<Shell<'static>> {
    let ids = (of(word()), of(name()), environment(), of(text()));
    let times = (of(time()), of(time()), of(buffer_mode()), streams_list(), streams_list(), of(payload()));
    (ids, times)
        .prop_map(|(ids, times)| {
            let (shell_id, name, environment, working_directory) = ids;
            let (lifetime, idle_timeout, buffer_mode, input_streams, output_streams, creation_xml) = times;
            Shell {
                shell_id,
                name,
                environment,
                working_directory,
                lifetime,
                idle_timeout,
                buffer_mode,
                input_streams,
                output_streams,
                creation_xml,
            }
        })
        .boxed()
}

fn enumerate() -> BoxedStrategy<Enumerate> {
    let mode = prop_oneof![
        Just(EnumerationMode::Object),
        Just(EnumerationMode::Reference),
        Just(EnumerationMode::ObjectAndReference)
    ];
    let polymorphism = prop_oneof![
        Just(PolymorphismMode::IncludeSubClassProperties),
        Just(PolymorphismMode::ExcludeSubClassProperties),
        Just(PolymorphismMode::None)
    ];
    (any::<bool>(), of(any::<u32>()), of(filter()), mode, of(polymorphism), of(expiration()))
        .prop_map(|(optimize, max_elements, filter, mode, polymorphism, expires)| Enumerate {
            optimize,
            max_elements,
            filter,
            mode,
            polymorphism,
            expires,
        })
        .boxed()
}

fn subscribe() -> BoxedStrategy<Subscribe> {
    let delivery = (
        of(word()),
        of(reference()),
        of(time()),
        of((any::<u32>(), time())),
        of(any::<u32>()),
        of(time()),
        of(word()),
    )
        .prop_map(|(mode, notify_to, heartbeats, retry, max_elements, max_time, content_encoding)| {
            Delivery {
                mode,
                notify_to,
                heartbeats,
                connection_retry: retry.map(|(total, interval)| ConnectionRetry { total, interval }),
                max_elements,
                max_time,
                content_encoding,
            }
        });
    (delivery, of(reference()), of(expiration()), of(filter()), any::<bool>(), of(content()))
        .prop_map(|(delivery, end_to, expires, filter, send_bookmarks, bookmark)| Subscribe {
            delivery,
            end_to,
            expires,
            filter,
            send_bookmarks,
            bookmark,
        })
        .boxed()
}

fn signal_code() -> BoxedStrategy<SignalCode> {
    prop_oneof![
        Just(SignalCode::Terminate),
        Just(SignalCode::CtrlC),
        Just(SignalCode::CtrlBreak),
        Just(SignalCode::PowerShellStop),
        Just(SignalCode::PowerShellCtrlC),
        word().prop_map(SignalCode::Other),
    ]
    .boxed()
}

fn operation() -> BoxedStrategy<Operation<'static>> {
    let pull = (word(), of(time()), of(any::<u32>()), of(any::<u64>())).prop_map(
        |(context, max_time, max_elements, max_characters)| {
            Operation::Pull(Pull { context, max_time, max_elements, max_characters })
        },
    );
    let command = (of(word()), text(), vec(text(), 0..4)).prop_map(|(command_id, command, arguments)| {
        let arguments = arguments.into_iter().map(Cow::Owned).collect();
        Operation::Command(CommandLine { command_id, command: Cow::Owned(command), arguments })
    });
    let transfer = prop_oneof![
        Just(Operation::Get),
        Just(Operation::Delete),
        xml().prop_map(Operation::Put),
        xml().prop_map(|xml| Operation::Create(Create::Resource(xml))),
        shell().prop_map(|shell| Operation::Create(Create::Shell(Box::new(shell)))),
        of(xml()).prop_map(Operation::Invoke),
    ];
    let enumeration = prop_oneof![
        enumerate().prop_map(Operation::Enumerate),
        pull,
        word().prop_map(|context| Operation::Release(Release { context })),
        subscribe().prop_map(|subscribe| Operation::Subscribe(Box::new(subscribe))),
        of(expiration()).prop_map(|expires| Operation::Renew(Renew { expires })),
        Just(Operation::Unsubscribe),
    ];
    let shells = prop_oneof![
        command,
        vec(stream(), 1..4).prop_map(|streams| Operation::Send(SendInput { streams })),
        (of(word()), streams_list(), of(any::<u64>())).prop_map(|(command_id, streams, sequence_id)| {
            Operation::Receive(ReceiveOutput { command_id, streams, sequence_id })
        }),
        (of(word()), signal_code())
            .prop_map(|(command_id, code)| Operation::Signal(Signal { command_id, code })),
        (of(time()), of(buffer_mode())).prop_map(|(idle_timeout, buffer_mode)| {
            Operation::Disconnect(Disconnect { idle_timeout, buffer_mode })
        }),
        (of(word()), of(buffer_mode())).prop_map(|(command_id, buffer_mode)| {
            Operation::Reconnect(Reconnect { command_id, buffer_mode })
        }),
        (of(word()), of(payload())).prop_map(|(command_id, connect_xml)| {
            Operation::Connect(Connect { command_id, connect_xml })
        }),
    ];
    prop_oneof![transfer, enumeration, shells].boxed()
}

proptest! {
    #[test]
    fn what_is_written_is_read(header in header(), operation in operation()) {
        let request = Request::new(header, operation);
        let text = request.encode();
        let read = decode_request(&text, &Limits::default()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(&read, &request);
    }

    #[test]
    fn damage_is_refused_or_read_never_a_panic(
        header in header(),
        operation in operation(),
        at in any::<prop::sample::Index>(),
        with in "[<>&\"'/a: ]{0,3}",
    ) {
        let text = Request::new(header, operation).encode();
        let at = at.index(text.len());
        let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) else { return Ok(()) };
        let damaged = [before, &with, after].concat();
        if let Err(refused) = decode_request(&damaged, &Limits::default()) {
            prop_assert!(!refused.to_fault().message().is_empty());
        }
    }
}

#[test]
fn identify_has_no_header() {
    let text = Request::identify().encode();
    assert!(!text.contains("addressing"), "{text}");
    let read = decode_request(&text, &Limits::default()).unwrap();
    assert_eq!(read, Request::identify());
    assert_eq!(read.expectation(), Expectation::identify());
}

#[test]
fn option_types_keep_prefixes_that_are_not_declared() {
    let text = Request::new(Header::request("t", "a", "r", "m"), Operation::Get).encode();
    let options = "<w:OptionSet><w:Option Name=\"protocolversion\" MustComply=\"1\" Type=\"x:string\">2.4</w:Option></w:OptionSet>";
    let text = text.replace("</s:Header>", &format!("{options}</s:Header>"));
    let read = decode_request(&text, &Limits::default()).unwrap();
    assert_eq!(read.header.options.iter().next(), Some(&option_with_type()));
}

#[test]
fn the_clients_requests_name_their_shell() {
    let session = Session::new("http://host:5985/wsman");
    let id = uuid::Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let shell = ShellTarget::new(uri::CMD_SHELL, guid(id));
    let request = shell.receive(&session, id, ReceiveOutput::stdout_and_stderr("C"));
    assert_eq!(request.header.message_id.as_deref(), Some("uuid:12345678-9ABC-DEF0-1122-334455667788"));
    assert_eq!(request.header.selectors.get("shellid"), Some("12345678-9ABC-DEF0-1122-334455667788"));
    assert_eq!(request.header.options.get("WSMAN_CMDSHELL_OPTION_KEEPALIVE"), Some("TRUE"));
    let capacity = session.send_capacity(&shell, 153_600);
    let data = vec![0x5a; capacity];
    let send =
        shell.send(&session, id, SendInput::one(Stream::new("stdin", Some(&guid(id)), &data))).encode();
    assert!(send.len() <= 153_600, "{}", send.len());
    assert!(send.len() > 153_000, "{}", send.len());
    let options = OptionSet::new().with_required("protocolversion", "2.3");
    let capacity = session.create_capacity(uri::POWERSHELL, &options, 153_600);
    let data = vec![0x5a; capacity];
    let create = Shell::powershell(guid(id), &data);
    let create = session.create_shell(uri::POWERSHELL, create, options, None, id).encode();
    assert!(create.len() <= 153_600 && create.len() > 153_000, "{}", create.len());
}
