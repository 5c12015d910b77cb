//! Every shape of value reads back as it was written, in all forms of CLIXML.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use windlass_clixml::{
    BackReference, Base, DateTimeKind, Decimal, Limits, ProgressKind, ProgressRecord, Properties, Property,
    PsDateTime, PsObject, PsString, PsValue, StreamValue, TypeNames, Version, decode, decode_document,
    encode, encode_document, encode_document_indented,
};

const MAX_TICKS: i64 = 3_155_378_975_999_999_999;

/// Strings of code units that are likely to need an escape, lone surrogates among them.
fn string() -> impl Strategy<Value = PsString> {
    let unit = prop_oneof![
        4 => 0x20_u16..0x7f,
        2 => Just(u16::from(b'_')),
        1 => Just(u16::from(b'x')),
        1 => 0_u16..0x20,
        1 => 0x7f_u16..0xa0,
        1 => 0xd800_u16..0xe000,
        1 => any::<u16>(),
    ];
    vec(unit, 0..24).prop_map(|units| PsString::from_utf16(&units))
}

fn name() -> impl Strategy<Value = PsString> {
    string().prop_filter("a property has a name", |name| !name.is_empty())
}

fn date_time() -> impl Strategy<Value = PsDateTime> {
    let kind = prop_oneof![
        Just(DateTimeKind::Unspecified),
        Just(DateTimeKind::Utc),
        (-5999_i16..=5999).prop_map(DateTimeKind::Local)
    ];
    (0..=MAX_TICKS, kind).prop_map(|(ticks, kind)| PsDateTime::from_ticks(ticks, kind).unwrap())
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<bool>(), 0_u128..1 << 96, 0_u8..=28)
        // A negative zero loses its sign on the way, in PowerShell too.
        .prop_map(|(negative, mantissa, scale)| {
            Decimal::new(negative && mantissa != 0, mantissa, scale).unwrap()
        })
}

fn version() -> impl Strategy<Value = Version> {
    (any::<u16>(), any::<u16>(), option::of((any::<u16>(), any::<u16>()))).prop_map(|(major, minor, rest)| {
        let version = Version::new(major, minor);
        rest.map_or(version, |(build, revision)| version.with_build(build, revision))
    })
}

fn progress() -> impl Strategy<Value = ProgressRecord> {
    let kind = prop_oneof![Just(ProgressKind::Processing), Just(ProgressKind::Completed)];
    (name(), 0..i32::MAX, option::of(string()), i32::MIN..0, i32::MIN..=100, kind, any::<i32>(), name())
        .prop_map(
            |(
                activity,
                activity_id,
                current_operation,
                parent_activity_id,
                percent_complete,
                kind,
                seconds_remaining,
                status,
            )| {
                ProgressRecord {
                    activity,
                    activity_id,
                    current_operation,
                    parent_activity_id,
                    percent_complete,
                    kind,
                    seconds_remaining,
                    status_description: status,
                }
            },
        )
}

fn leaf() -> impl Strategy<Value = PsValue> {
    let number = prop_oneof![
        any::<u8>().prop_map(PsValue::from),
        any::<i8>().prop_map(PsValue::from),
        any::<u16>().prop_map(PsValue::from),
        any::<i16>().prop_map(PsValue::from),
        any::<u32>().prop_map(PsValue::from),
        any::<i32>().prop_map(PsValue::from),
        any::<u64>().prop_map(PsValue::from),
        any::<i64>().prop_map(PsValue::from),
        proptest::num::f32::ANY
            .prop_filter("one NaN is like another", |value| !value.is_nan())
            .prop_map(PsValue::from),
        proptest::num::f64::ANY
            .prop_filter("one NaN is like another", |value| !value.is_nan())
            .prop_map(PsValue::from),
        decimal().prop_map(PsValue::from),
    ];
    prop_oneof![
        1 => Just(PsValue::Null),
        4 => string().prop_map(PsValue::String),
        4 => number,
        1 => any::<u16>().prop_map(PsValue::Char),
        1 => any::<bool>().prop_map(PsValue::from),
        1 => date_time().prop_map(PsValue::from),
        1 => any::<i64>().prop_map(PsValue::TimeSpan),
        1 => vec(any::<u8>(), 0..20).prop_map(PsValue::bytes),
        1 => any::<u128>().prop_map(|bits| PsValue::Guid(uuid::Uuid::from_u128(bits))),
        1 => "[a-z ./%?#é_]{0,12}".prop_map(|text| PsValue::Uri(text.into())),
        1 => version().prop_map(PsValue::from),
        1 => "[a-z_é ]{0,9}".prop_map(|text| PsValue::Xml(format!("<a x='1'>{text}<b/></a>").into())),
        1 => string().prop_map(PsValue::ScriptBlock),
        1 => "([0-9a-f]{4}){1,5}".prop_map(|text| PsValue::SecureString(text.into())),
        1 => progress().prop_map(PsValue::from),
    ]
}

/// Properties whose names differ in more than case.
fn properties(value: impl Strategy<Value = PsValue> + 'static) -> impl Strategy<Value = Properties> {
    let some = vec((name(), value), 0..4).prop_map(|pairs| {
        pairs
            .into_iter()
            .enumerate()
            .map(|(index, (name, value))| {
                let units: Vec<u16> = name.units().chain(format!(" {index}").encode_utf16()).collect();
                Property::from((PsString::from_utf16(&units), value))
            })
            .collect::<Properties>()
    });
    prop_oneof![Just(Properties::default()), some]
}

fn object(value: impl Strategy<Value = PsValue> + Clone + 'static) -> impl Strategy<Value = PsValue> {
    let items = || vec(value.clone(), 0..4);
    let entries = vec((string(), value.clone()), 0..4).prop_map(|pairs| {
        let numbered = pairs.into_iter().enumerate();
        numbered.map(|(index, (key, value))| (format!("{key} {index}").into(), value)).collect()
    });
    let base = prop_oneof![
        Just(Base::None),
        leaf()
            .prop_filter("null is no value of an object", |value| !value.is_null())
            .prop_map(Base::Primitive),
        items().prop_map(Base::List),
        items().prop_map(Base::Stack),
        items().prop_map(Base::Queue),
        items().prop_map(Base::Enumerable),
        entries.prop_map(Base::Dictionary),
    ];
    let names = prop_oneof![Just(TypeNames::none()), vec(string(), 0..3).prop_map(TypeNames::new)];
    let parts = (names, option::of(string()), base, properties(value.clone()), properties(value));
    parts.prop_map(|(type_names, to_string, base, adapted, extended)| {
        PsValue::from(PsObject { type_names, to_string, base, adapted, extended })
    })
}

fn value() -> impl Strategy<Value = PsValue> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            3 => object(inner.clone()),
            // The same object in two places.
            1 => object(inner).prop_map(|shared| {
                PsObject::untyped().with_base(Base::List(vec![shared.clone(), shared])).into()
            }),
        ]
    })
}

/// The same with a blank in each end tag, which no writer puts there, so that it is read the longer way.
fn with_blanks(xml: &str) -> String {
    let mut parts = xml.split("</");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('>').unwrap_or((part, ""));
        out.extend(["</", name, " >", rest]);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_message_reads_back(value in value()) {
        let xml = encode(&value);
        let again = decode(&xml, &Limits::default()).map_err(|error| TestCaseError::fail(format!("{error}: {xml}")))?;
        prop_assert_eq!(&again, &value, "{}", xml);
        prop_assert_eq!(encode(&again), xml);
    }

    #[test]
    fn blanks_in_end_tags_mean_nothing(value in value(), at in any::<prop::sample::Index>(), with in "[&\" _xN0-9a-zA-Z]{0,3}") {
        let xml = encode(&value);
        let again = decode(&with_blanks(&xml), &Limits::default());
        prop_assert_eq!(again.as_ref(), Ok(&value), "{}", xml);
        let mut damaged = xml.clone();
        damaged.insert_str(xml.floor_char_boundary(at.index(xml.len())), &with);
        let outcomes = [&damaged, &with_blanks(&damaged)].map(|xml| decode(xml, &Limits::default()).ok());
        prop_assert_eq!(&outcomes[0], &outcomes[1], "{}", damaged);
    }

    #[test]
    fn a_document_reads_back_in_both_layouts(values in vec((option::of(name()), value()), 0..4)) {
        let values: Vec<StreamValue> =
            values.into_iter().map(|(stream, value)| StreamValue { stream, value }).collect();
        for xml in [encode_document(&values), encode_document_indented(&values)] {
            let again = decode_document(&xml, &Limits::default());
            prop_assert_eq!(again.as_ref(), Ok(&values), "{}", xml);
        }
    }

    #[test]
    fn any_text_is_a_string(text in any::<String>(), units in vec(any::<u16>(), 0..30)) {
        for text in [PsString::from(text), PsString::from_utf16(&units)] {
            let value = PsValue::String(text);
            prop_assert_eq!(decode(&encode(&value), &Limits::default()), Ok(value));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = windlass_clixml::decode_bytes(&bytes, &Limits::default());
    }

    #[test]
    fn damaged_documents_are_read_or_refused(value in value(), at in any::<prop::sample::Index>(), with in "[<>&\"/ _xN0-9a-zA-Z]{0,3}") {
        let mut xml = encode(&value);
        let mut place = at.index(xml.len());
        while !xml.is_char_boundary(place) {
            place -= 1;
        }
        xml.insert_str(place, &with);
        if let Ok(again) = decode(&xml, &Limits::default()) {
            let once = encode(&again);
            let twice = encode(&decode(&once, &Limits::default()).expect("what is written can be read"));
            prop_assert_eq!(once, twice);
        }
    }
}

#[test]
fn a_child_can_name_its_parent() {
    let parent = BackReference::new();
    let child = PsObject::custom().with("Name", "child").with("Parent", PsValue::Back(parent.clone()));
    let object = Arc::new(PsObject::custom().with("Name", "parent").with("Child", child));
    parent.bind(&object);
    let value = PsValue::Object(object);
    let xml = encode(&value);
    assert!(xml.contains("<Ref N=\"Parent\" RefId=\"0\" />"), "{xml}");
    let again = decode(&xml, &Limits::default()).unwrap();
    assert_eq!(again, value);
    assert_eq!(encode(&again), xml);
    let back = again.get("Child").and_then(|child| child.get("Parent")).unwrap().to_object().unwrap();
    assert_eq!(back.get("Name").unwrap().as_str(), Some("parent"));
}

#[test]
fn an_inner_part_keeps_no_dead_parent() {
    let xml =
        "<Obj RefId=\"0\"><MS><Obj N=\"c\" RefId=\"1\"><MS><Ref N=\"p\" RefId=\"0\" /></MS></Obj></MS></Obj>";
    let child = decode(xml, &Limits::default()).unwrap().get("c").unwrap().clone();
    assert!(child.get("p").unwrap().to_object().is_none());
    assert_eq!(encode(&child), "<Obj RefId=\"0\"><MS><Nil N=\"p\" /></MS></Obj>");
}

#[test]
fn a_part_of_a_cycle_is_written_with_the_rest_of_it() {
    let xml =
        "<Obj RefId=\"0\"><MS><Obj N=\"c\" RefId=\"1\"><MS><Ref N=\"p\" RefId=\"0\" /></MS></Obj></MS></Obj>";
    let whole = decode(xml, &Limits::default()).unwrap();
    let child = whole.get("c").unwrap();
    let from_child =
        "<Obj RefId=\"0\"><MS><Obj N=\"p\" RefId=\"1\"><MS><Ref N=\"c\" RefId=\"0\" /></MS></Obj></MS></Obj>";
    assert_eq!(encode(child), from_child);
    assert_eq!(format!("{:?}", child.as_object().unwrap()), from_child);
}

#[test]
fn the_error_stream_of_a_program_is_a_document_after_a_mark() {
    let text = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\
                <S S=\"Error\">boom_x000D__x000A_</S><Obj S=\"progress\" RefId=\"0\"><MS><I64 N=\"SourceId\">1</I64></MS></Obj></Objs>";
    let values = windlass_clixml::decode_stream(text, &Limits::default()).unwrap();
    assert_eq!(values[0].stream.as_deref(), Some("Error"));
    assert_eq!(values[0].value.as_str(), Some("boom\r\n"));
    assert_eq!(values[1].stream.as_deref(), Some("progress"));
    assert_eq!(values[1].value.get("sourceid").and_then(PsValue::as_i64), Some(1));
    assert_eq!(format!("#< CLIXML\r\n{}", encode_document(&values)), text);
}
