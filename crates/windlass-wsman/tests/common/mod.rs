//! Generators of everything that a message can hold.
#![allow(dead_code, reason = "not every test needs all of them")]

use std::borrow::Cow;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use windlass_wsman::soap::{FragmentTransfer, WsmanOption};
use windlass_wsman::*;

/// Text as it may stand between tags: also mark-up, white space and characters outside of the first
/// plane; no control characters, which XML cannot hold.
pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        "[a-zA-Z0-9_ <>&\"'=;:/\\\\.\r\n\t]{0,24}",
        "[ -~äöü€\u{10000}-\u{10010}]{0,12}",
        Just(String::new()),
        Just("]]>".to_owned()),
    ]
    .boxed()
}

/// An identifier or address: white space around it has no meaning.
pub(crate) fn word() -> BoxedStrategy<String> {
    "[a-zA-Z0-9:/._&<>\"'-]{1,20}".boxed()
}

pub(crate) fn name() -> BoxedStrategy<String> {
    "[A-Za-z_][A-Za-z0-9_ .-]{0,12}".boxed()
}

pub(crate) fn time() -> BoxedStrategy<Duration> {
    prop_oneof![
        (0u64..100_000).prop_map(Duration::from_secs),
        (0u64..u64::MAX, 0u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
    .boxed()
}

pub(crate) fn selectors() -> BoxedStrategy<SelectorSet> {
    selectors_with(2)
}

fn selectors_with(references: u32) -> BoxedStrategy<SelectorSet> {
    let entries = vec((name(), text()), 0..4);
    if references == 0 {
        return entries.prop_map(|entries| set(entries, None)).boxed();
    }
    (entries, of(reference_with(references - 1))).prop_map(|(entries, epr)| set(entries, epr)).boxed()
}

fn set(entries: Vec<(String, String)>, epr: Option<EndpointReference>) -> SelectorSet {
    let mut set = SelectorSet::new();
    for (at, (name, value)) in entries.into_iter().enumerate() {
        set.push(format!("{name}{at}"), value);
    }
    if let Some(epr) = epr {
        set.push_reference("Reference", epr);
    }
    set
}

pub(crate) fn reference() -> BoxedStrategy<EndpointReference> {
    reference_with(2)
}

fn reference_with(references: u32) -> BoxedStrategy<EndpointReference> {
    (word(), of(word()), selectors_with(references), of(word()))
        .prop_map(|(address, resource_uri, selectors, identifier)| EndpointReference {
            address,
            resource_uri,
            selectors,
            identifier,
        })
        .boxed()
}

pub(crate) fn options() -> BoxedStrategy<OptionSet> {
    vec((name(), text(), any::<bool>()), 0..4)
        .prop_map(|entries| {
            let mut set = OptionSet::new();
            for (name, value, must_comply) in entries {
                set.push(name, value, must_comply);
            }
            set
        })
        .boxed()
}

pub(crate) fn header() -> BoxedStrategy<Header> {
    let addresses = (of(word()), word(), word(), of(word()), word(), of(word()));
    let sets = (selectors(), options(), of(any::<u64>()), of(time()), of(name()), of(name()));
    let ids = (of(word()), of(word()), of(any::<u64>()), of(word()), of(word()), of((of(word()), word())));
    (addresses, sets, ids)
        .prop_map(|(addresses, sets, ids)| {
            let (to, action, message_id, reply_to, resource_uri, identifier) = addresses;
            let (selectors, options, max_envelope_size, operation_timeout, locale, data_locale) = sets;
            let (session_id, operation_id, sequence_id, activity_id, compression, fragment) = ids;
            Header {
                to,
                action: Some(action),
                message_id: Some(message_id),
                reply_to,
                resource_uri: Some(resource_uri),
                selectors,
                options,
                max_envelope_size,
                operation_timeout,
                locale,
                data_locale,
                session_id,
                operation_id,
                sequence_id,
                activity_id,
                compression,
                fragment_transfer: fragment
                    .map(|(dialect, expression)| FragmentTransfer { dialect, expression }),
                identifier,
                ..Header::default()
            }
        })
        .boxed()
}

pub(crate) fn option_with_type() -> WsmanOption {
    WsmanOption {
        name: "protocolversion".to_owned(),
        value: "2.4".to_owned(),
        must_comply: true,
        type_name: Some("x:string".to_owned()),
    }
}

pub(crate) fn xml() -> BoxedStrategy<Xml<'static>> {
    (name(), word(), text()).prop_map(|parts| Xml::from(thing(parts))).boxed()
}

/// XML that is compared by its characters. It mentions no prefix: one that the envelope happens to declare would be
/// declared in what is read, too.
pub(crate) fn content() -> BoxedStrategy<String> {
    let plain = |text: String| text.replace(':', ";");
    (name(), word(), text())
        .prop_map(move |(attribute, namespace, text)| {
            thing((plain(attribute), plain(namespace), plain(text)))
        })
        .boxed()
}

fn thing((attribute, namespace, text): (String, String, String)) -> String {
    let escape = windlass_xml::escape_attribute;
    format!(
        "<p:Thing xmlns:p=\"{}\" k=\"{}\"><p:Value>{}</p:Value><plain/></p:Thing>",
        escape(&namespace),
        escape(&attribute),
        windlass_xml::escape_text(&text),
    )
}

pub(crate) fn payload() -> BoxedStrategy<Payload<'static>> {
    vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::Bytes(Cow::Owned(bytes))).boxed()
}

pub(crate) fn filter() -> BoxedStrategy<Filter> {
    let association =
        (any::<bool>(), reference(), of(word()), of(word()), of(word()), of(word()), vec(word(), 0..3))
            .prop_map(
                |(references, object, association_class, role, result_class, result_role, properties)| {
                    let kind =
                        if references { AssociationKind::References } else { AssociationKind::Associated };
                    Filter::Association(Box::new(AssociationFilter {
                        kind,
                        object,
                        association_class,
                        role,
                        result_class,
                        result_role,
                        properties,
                    }))
                },
            );
    prop_oneof![
        word().prop_map(Filter::Wql),
        selectors().prop_map(Filter::Selectors),
        association,
        content().prop_map(|content| Filter::Other { dialect: Some("urn:other".to_owned()), content }),
        Just(Filter::Other { dialect: None, content: "a &lt; b".to_owned() }),
    ]
    .boxed()
}

pub(crate) fn expiration() -> BoxedStrategy<Expiration> {
    prop_oneof![time().prop_map(Expiration::After), Just(Expiration::At("2030-01-01T00:00:00Z".to_owned()))]
        .boxed()
}

pub(crate) fn stream() -> BoxedStrategy<Stream<'static>> {
    (name(), of(word()), any::<bool>(), payload())
        .prop_map(|(name, command_id, end, data)| Stream {
            name: Cow::Owned(name),
            command_id: command_id.map(Cow::Owned),
            end,
            data,
        })
        .boxed()
}

pub(crate) fn environment() -> BoxedStrategy<Vec<(String, String)>> {
    vec((text(), text()), 0..4).boxed()
}

pub(crate) fn buffer_mode() -> BoxedStrategy<BufferMode> {
    prop_oneof![Just(BufferMode::Block), Just(BufferMode::Drop)].boxed()
}

pub(crate) fn streams_list() -> BoxedStrategy<Vec<String>> {
    vec("[a-z]{1,6}", 1..3).boxed()
}
