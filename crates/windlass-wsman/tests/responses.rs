//! Every response that can be written is read the same, and only as the answer to its request.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

#[path = "../../windlass-testkit/tests/support/skipped.rs"]
mod skipped;

mod common;

use common::*;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use skipped::skipped;
use windlass_wsman::soap::{InnerFault, ProviderFault, Subcode, Text, WsmanFault, ns};
use windlass_wsman::*;

fn item() -> BoxedStrategy<Item<'static>> {
    prop_oneof![
        xml().prop_map(Item::Object),
        reference().prop_map(Item::Reference),
        (xml(), reference()).prop_map(|(xml, epr)| Item::ObjectAndReference(xml, epr)),
    ]
    .boxed()
}

fn page() -> BoxedStrategy<Page<'static>> {
    (of(word()), vec(item(), 0..4), any::<bool>(), of(expiration()))
        .prop_map(|(context, items, end_of_sequence, expires)| Page {
            context,
            items,
            end_of_sequence,
            expires,
        })
        .boxed()
}

fn run_state() -> BoxedStrategy<RunState> {
    prop_oneof![
        Just(RunState::Running),
        Just(RunState::Pending),
        Just(RunState::Done),
        word().prop_map(RunState::Other)
    ]
    .boxed()
}

fn receive() -> BoxedStrategy<ReceiveResponse<'static>> {
    let state = (of(word()), run_state(), of(any::<i32>()))
        .prop_map(|(command_id, state, exit_code)| CommandState { command_id, state, exit_code });
    (vec(stream(), 0..4), of(state), of(any::<u64>()))
        .prop_map(|(streams, state, sequence_id)| ReceiveResponse { streams, state, sequence_id })
        .boxed()
}

fn shell_info() -> BoxedStrategy<ShellInfo> {
    let ids = (of(word()), of(word()), of(word()), of(word()), of(any::<u32>()), environment());
    let streams = (streams_list(), streams_list(), of(word()), of(word()), of(any::<u32>()));
    let times = (of(time()), of(time()), of(0u64..1 << 60), of(0u64..1 << 60));
    (ids, streams, times)
        .prop_map(|(ids, streams, times)| {
            let (shell_id, name, owner, client_ip, process_id, environment) = ids;
            let (input_streams, output_streams, state, working_directory, child_processes) = streams;
            let (lifetime, idle_timeout, run_time, inactivity) = times;
            ShellInfo {
                shell_id,
                name,
                owner,
                client_ip,
                process_id,
                environment,
                working_directory,
                lifetime,
                idle_timeout,
                input_streams,
                output_streams,
                state,
                run_time: run_time.map(std::time::Duration::from_secs),
                inactivity: inactivity.map(std::time::Duration::from_secs),
                child_processes,
                ..ShellInfo::default()
            }
        })
        .boxed()
}

/// Messages are trimmed when they are read.
fn message() -> BoxedStrategy<String> {
    "[a-zA-Z<>&\"'.]{1,10}( [a-z<>&]{1,8}){0,4}".boxed()
}

fn fault() -> BoxedStrategy<Fault> {
    let inner = (any::<u32>(), of(word()), message()).prop_map(|(code, machine, message)| InnerFault {
        code: FaultCode(code),
        machine,
        message,
    });
    let provider =
        (of(name()), of(name()), prop_oneof![message(), Just(String::new())], vec(xml(), 0..2), of(inner))
            .prop_map(|(provider, path, text, details, fault)| ProviderFault {
                provider,
                path,
                text,
                fault,
                details,
            });
    let wsman = (any::<u32>(), of(word()), message(), vec(provider, 0..4)).prop_map(
        |(code, machine, message, providers)| WsmanFault {
            code: FaultCode(code),
            machine,
            message,
            providers,
        },
    );
    let subcode = prop_oneof![
        Just(Subcode::TIMED_OUT),
        Just(Subcode::DESTINATION_UNREACHABLE),
        Just(Subcode::CANNOT_PROCESS_FILTER),
        ("[a-z]{1,8}", "[A-Za-z]{1,8}").prop_map(|(ns, local)| Subcode::new(format!("urn:{ns}"), local)),
    ];
    let texts = vec((of(name()), message()), 0..3);
    (of(subcode), texts, of(word()), of(wsman), vec(xml(), 0..2))
        .prop_map(|(subcode, texts, detail_uri, wsman, details)| Fault {
            side: subcode.as_ref().map_or(soap::FaultSide::Receiver, Subcode::side),
            subcode,
            reason: texts.into_iter().map(|(lang, text)| Text { lang, text }).collect(),
            detail_uri,
            wsman,
            details,
        })
        .boxed()
}

fn reply() -> BoxedStrategy<Reply<'static>> {
    let identify =
        (of(word()), of(word()), vec(word(), 0..3)).prop_map(|(vendor, version, security_profiles)| {
            Reply::Identify(IdentifyResponse {
                protocol_version: Some(ns::WSMAN.to_owned()),
                product_vendor: vendor,
                product_version: version,
                security_profiles,
            })
        });
    let create = (reference(), of(shell_info()), of(xml())).prop_map(|(epr, shell, other)| {
        Reply::Create(Box::new(CreateResponse { resource: Some(epr), shell: shell.map(Box::new), other }))
    });
    let subscribe = (reference(), of(expiration()), of(word())).prop_map(|(manager, expires, context)| {
        Reply::Subscribe(Box::new(SubscribeResponse { manager, expires, context }))
    });
    let connect = (streams_list(), of(payload())).prop_map(|(streams, connect_response_xml)| {
        Reply::Connect(ConnectResponse {
            input_streams: streams.clone(),
            output_streams: streams,
            connect_response_xml,
        })
    });
    let simple = prop_oneof![
        Just(Reply::Delete),
        Just(Reply::Release),
        Just(Reply::Unsubscribe),
        Just(Reply::Send),
        Just(Reply::Signal),
        Just(Reply::Disconnect),
        Just(Reply::Reconnect),
    ];
    prop_oneof![
        identify,
        xml().prop_map(Reply::Get),
        of(xml()).prop_map(Reply::Put),
        of(xml()).prop_map(Reply::Invoke),
        create,
        page().prop_map(Reply::Enumerate),
        page().prop_map(Reply::Pull),
        subscribe,
        of(expiration()).prop_map(|expires| Reply::Renew(RenewResponse { expires })),
        word().prop_map(|command_id| Reply::Command(CommandResponse { command_id })),
        receive().prop_map(Reply::Receive),
        connect,
        simple,
        fault().prop_map(|fault| Reply::Fault(Box::new(fault))),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn what_is_written_is_read(request in header(), reply in reply()) {
        let response = Response::new(&request, "uuid:ANSWER", reply);
        let text = response.encode();
        let action = response.header.action.clone().unwrap_or_default();
        let expectation = match &response.reply {
            Reply::Identify(_) => Expectation::identify(),
            _ => Expectation::new(
                request.message_id.clone().unwrap(),
                action.strip_suffix("Response").unwrap_or(&action),
            ),
        };
        let read = decode_response(&text, &expectation, &Limits::default())
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(&read, &response, "{}", text);
    }

    #[test]
    fn damage_is_refused_or_read_never_a_panic(
        request in header(),
        reply in reply(),
        at in any::<prop::sample::Index>(),
        with in "[<>&\"'/a: ]{0,3}",
    ) {
        let text = Response::new(&request, "uuid:ANSWER", reply).encode();
        let at = at.index(text.len());
        let (Some(before), Some(after)) = (text.get(..at), text.get(at + 1..)) else { return Ok(()) };
        let _ = decode_response(&[before, &with, after].concat(), &Expectation::unchecked(), &Limits::default());
    }

    #[test]
    fn compressed_streams_are_read(plain in vec(prop_oneof![Just(b'a'), Just(b'b'), any::<u8>()], 0..3000), copies in 1usize..60) {
        let plain = plain.repeat(copies);
        let mut packed = Vec::new();
        xpress::Compressor::new().compress(&plain, &mut packed);
        let mut read = vec![1];
        xpress::Decompressor::new(plain.len()).decompress(&packed, &mut read).unwrap();
        prop_assert_eq!(&read[1..], &plain[..]);
    }

    #[test]
    fn objects_that_are_taken_are_those_that_would_be_kept(page in page()) {
        let limits = Limits::default();
        let request = Header::request("t", PULL, "r", "uuid:ONE");
        let text = Response::new(&request, "uuid:TWO", Reply::Pull(page)).encode();
        let kept = decode_response(&text, &Expectation::unchecked(), &limits).unwrap();
        let mut objects = Vec::new();
        let taken = decode_response_with(&text, &Expectation::unchecked(), &limits, &mut |element, reader| {
            objects.push(Xml::from(reader.capture(element)?).into_owned());
            Ok(())
        });
        let taken = taken.unwrap();
        let is_empty = objects.is_empty();
        let (kept, taken) = (Page::try_from(kept.reply).unwrap(), Page::try_from(taken.reply).unwrap());
        prop_assert_eq!(objects, kept.items.iter().filter_map(Item::object).cloned().collect::<Vec<_>>());
        prop_assert_eq!((&kept.context, kept.end_of_sequence, &kept.expires), (&taken.context, taken.end_of_sequence, &taken.expires));
        prop_assert_eq!(kept.items.len(), taken.items.len());
        for (kept, taken) in kept.items.into_iter().zip(taken.items) {
            prop_assert_eq!(taken, match kept {
                Item::Object(_) => Item::Taken(None),
                Item::ObjectAndReference(_, reference) => Item::Taken(Some(reference)),
                reference => reference,
            });
        }
        let refused = decode_response_with(&text, &Expectation::unchecked(), &limits, &mut |_, _| Err(Error::Object));
        prop_assert_eq!(refused.is_err(), !is_empty);
    }

    #[test]
    fn damaged_compressed_streams_are_bounded(mut packed in vec(any::<u8>(), 0..600), limit in 0usize..5000) {
        if let [_, _, low, high, ..] = packed.as_mut_slice() {
            (*low, *high) = (0x10, 1);
        }
        let mut read = vec![1];
        let result = xpress::Decompressor::new(limit).decompress(&packed, &mut read);
        prop_assert!(read.len() <= limit + 1);
        prop_assert!(result.is_ok() || read == [1]);
    }
}

const PULL: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";
const GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";

fn get_response() -> String {
    let request = Header::request("t", GET, "r", "uuid:ONE");
    Response::new(&request, "uuid:TWO", Reply::Get(Xml::new("<x/>"))).encode()
}

#[test]
fn an_answer_to_another_request_is_refused() {
    let limits = Limits::default();
    let text = get_response();
    assert!(decode_response(&text, &Expectation::new("uuid:ONE", GET), &limits).is_ok());
    for id in ["uuid:one", "uuid:TWO", ""] {
        let refused = decode_response(&text, &Expectation::new(id, GET), &limits);
        assert!(matches!(refused, Err(Error::RelatesTo { .. })), "{refused:?}");
    }
    let other = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put";
    let refused = decode_response(&text, &Expectation::new("uuid:ONE", other), &limits);
    assert!(matches!(refused, Err(Error::Action { .. })), "{refused:?}");
    let none = text.replace("<a:RelatesTo>uuid:ONE</a:RelatesTo>", "");
    let refused = decode_response(&none, &Expectation::new("uuid:ONE", GET), &limits);
    assert!(matches!(refused, Err(Error::RelatesTo { .. })), "{refused:?}");
    let twice = text.replace("</s:Header>", "<a:RelatesTo>uuid:ONE</a:RelatesTo></s:Header>");
    assert!(decode_response(&twice, &Expectation::new("uuid:ONE", GET), &limits).is_err());
}

/// As Microsoft's server for other systems (OMI 1.0.8) answers: the element itself is in the namespace of SOAP.
#[test]
fn omi_identifies_itself() {
    let text = r#"<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">
<soap:Header/>
<soap:Body>
<soap:IdentifyResponse>
<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>
<wsmid:ProductVendor>Open Management Infrastructure</wsmid:ProductVendor>
<wsmid:ProductVersion>1.0.8-6</wsmid:ProductVersion>
<wsmid:SecurityProfiles>
<wsmid:SecurityProfileName>http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/basic</wsmid:SecurityProfileName>
</wsmid:SecurityProfiles>
<wsmb:Capability_FaultIncludesCIMError xmlns:wsmb="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xml"/>
</soap:IdentifyResponse>
</soap:Body>
</soap:Envelope>"#;
    let read = decode_response(text, &Expectation::identify(), &Limits::default()).unwrap();
    let identified: IdentifyResponse = read.into_reply().unwrap();
    assert_eq!(identified.product_vendor.as_deref(), Some("Open Management Infrastructure"));
    assert_eq!(
        (identified.product_version.as_deref(), identified.security_profiles.len()),
        (Some("1.0.8-6"), 1)
    );
}

/// The manager of a subscription as OMI names it: without an address, in reference properties.
#[test]
fn omi_subscribes() {
    let answer = |manager: &str| {
        let header = "<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscribeResponse</a:Action>\
                      <a:RelatesTo>uuid:ONE</a:RelatesTo></s:Header>";
        let body = format!(
            "<e:SubscriptionManager>{manager}</e:SubscriptionManager>\
                            <n:EnumerationContext>3646554113</n:EnumerationContext>"
        );
        format!(
            "<s:Envelope xmlns:s='{}' xmlns:a='{}' xmlns:e='{}' xmlns:n='{}' xmlns:w='{}'>{header}\
                 <s:Body><e:SubscribeResponse>{body}</e:SubscribeResponse></s:Body></s:Envelope>",
            ns::SOAP,
            ns::ADDRESSING,
            ns::EVENTING,
            ns::ENUMERATION,
            ns::WSMAN
        )
    };
    let expectation =
        Expectation::new("uuid:ONE", "http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe");
    let of_omi = answer(
        "<a:ReferenceProperties><w:ResourceURI>http://schemas.dmtf.org/wbem/wscim/1/*</w:ResourceURI>\
         <e:Identifier>3646554113</e:Identifier></a:ReferenceProperties>",
    );
    let read = decode_response(&of_omi, &expectation, &Limits::default()).unwrap();
    let subscribed: SubscribeResponse = read.into_reply().unwrap();
    assert_eq!(subscribed.manager.address, ns::ANONYMOUS);
    assert_eq!(subscribed.manager.identifier.as_deref(), Some("3646554113"));

    let nobody = answer("<a:ReferenceProperties/>");
    assert!(decode_response(&nobody, &expectation, &Limits::default()).is_err());
}

#[test]
fn methods_may_be_answered_with_their_own_action() {
    let action = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Thing/Do";
    let request = Header::request("t", action, "r", "uuid:ONE");
    let mut response = Response::new(&request, "uuid:TWO", Reply::Invoke(None));
    let expectation = Expectation::new("uuid:ONE", action);
    assert!(decode_response(&response.encode(), &expectation, &Limits::default()).is_ok());
    response.header.action = Some(action.to_owned());
    assert!(decode_response(&response.encode(), &expectation, &Limits::default()).is_ok());
    response.header.action = Some(format!("{action}Else"));
    assert!(decode_response(&response.encode(), &expectation, &Limits::default()).is_err());
}

#[test]
fn a_fault_need_not_name_a_request_that_could_not_be_read() {
    let fault = Fault::new(FaultCode::INVALID_XML).with_machine("host");
    let response = Response::new(&Header::default(), "uuid:TWO", Reply::Fault(Box::new(fault.clone())));
    let text = response.encode();
    let read = decode_response(&text, &Expectation::new("uuid:ONE", GET), &Limits::default()).unwrap();
    assert_eq!(read.into_success(), Err(Error::Fault(Box::new(fault.clone()))));
    let wrong: Result<ReceiveResponse<'_>, _> =
        decode_response(&text, &Expectation::unchecked(), &Limits::default()).unwrap().into_reply();
    assert_eq!(wrong, Err(Error::Fault(Box::new(fault))));
}

/// A subscription to an event log of a real Windows server, where `cargo xtask fixtures` has fetched it: the
/// forms that the embedded host uses for its own.
#[test]
fn a_recorded_subscription_of_windows() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/fixtures/txwinrm-1.1.18/txwinrm/test/data_subscribe"
    );
    let read = |name: &str| std::fs::read_to_string(format!("{folder}/{name}")).ok();
    let Some(subscribed) = read("subscribe_resp.xml") else {
        skipped("run cargo xtask fixtures");
        return;
    };
    let (expectation, limits) = (Expectation::unchecked(), Limits::default());
    let response = decode_response(&subscribed, &expectation, &limits).unwrap();
    let Reply::Subscribe(subscribed) = response.reply else { panic!("{:?}", response.reply) };
    // No length of life means that it does not end.
    assert_eq!(subscribed.expires, Some(Expiration::After(std::time::Duration::ZERO)));
    assert_eq!(subscribed.manager.identifier.as_deref(), Some("885E9924-235C-44EB-9834-B3440B7DCD38"));
    assert!(subscribed.context.is_some());

    let (first, second) = (read("pull_resp_01.xml").unwrap(), read("pull_resp_02.xml").unwrap());
    let events = decode_response(&first, &expectation, &limits).unwrap();
    assert!(events.header.bookmark.as_ref().unwrap().contains("RecordId=\"3847\""), "{:?}", events.header);
    let Reply::Pull(page) = events.reply else { panic!("no pull") };
    assert_eq!((page.items.len(), page.end_of_sequence), (1, false));
    // A heartbeat is an answer without events, and each answer has a new context.
    let heartbeat = decode_response(&second, &expectation, &limits).unwrap();
    assert_eq!(heartbeat.header.bookmark, None);
    let Reply::Pull(silence) = heartbeat.reply else { panic!("no pull") };
    assert!(silence.items.is_empty() && !silence.end_of_sequence && silence.context != page.context);
}
