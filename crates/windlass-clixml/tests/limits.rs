//! What hostile CLIXML costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;
use std::time::Instant;

use windlass_clixml::{
    Base, Error, JsonLimits, Limits, PsObject, PsValue, decode, decode_document, describe, encode, to_json,
    to_text,
};

fn nested(levels: usize) -> String {
    let open: String = (0..levels).map(|level| format!("<Obj RefId=\"{level}\"><LST>")).collect();
    format!("{open}<I32>1</I32>{}", "</LST></Obj>".repeat(levels))
}

fn chain(length: usize) -> PsValue {
    let mut value = PsValue::Null;
    for _ in 0..length {
        value = PsObject::untyped().with("next", value).into();
    }
    value
}

#[test]
fn forty_eight_levels_are_read_and_forty_nine_refused() {
    assert!(decode(&nested(48), &Limits::default()).is_ok());
    assert!(matches!(decode(&nested(49), &Limits::default()), Err(Error::Limit { limit: 49, .. })));
    assert!(matches!(decode(&nested(100_000), &Limits::default()), Err(Error::Limit { .. })));
    assert!(decode(&nested(200), &Limits::default().with_depth(300)).is_ok());
}

#[test]
fn nested_member_sets_and_skipped_elements_are_limited_too() {
    let sets = format!("<Obj>{}{}</Obj>", "<MS><MS N=\"a\">".repeat(2000), "</MS></MS>".repeat(2000));
    assert!(decode(&sets, &Limits::default()).is_err());
    let skipped = format!("<Nil>{}{}</Nil>", "<a>".repeat(5000), "</a>".repeat(5000));
    assert!(matches!(decode(&skipped, &Limits::default()), Err(Error::Limit { .. })));
}

#[test]
fn values_and_text_are_counted() {
    let list = format!("<Obj><LST>{}</LST></Obj>", "<Nil/>".repeat(1000));
    assert!(decode(&list, &Limits::default().with_values(1002)).is_ok());
    assert!(matches!(
        decode(&list, &Limits::default().with_values(1000)),
        Err(Error::Limit { what: "values", .. })
    ));
    assert!(matches!(decode(&list, &Limits::default().with_text(100)), Err(Error::Limit { .. })));
    let names = format!("<Obj><TN>{}</TN></Obj>", "<T>a</T>".repeat(1000));
    assert!(decode(&names, &Limits::default().with_values(500)).is_err());
}

#[test]
fn attributes_and_namespaces_are_limited() {
    let attributes: String = (0..1000).map(|index| format!(" a{index}='x'")).collect();
    assert!(matches!(
        decode(&format!("<I32{attributes}>1</I32>"), &Limits::default()),
        Err(Error::Limit { .. })
    ));
    let open: String = (0..100).map(|index| format!("<a xmlns:p{index}='urn:x'>")).collect();
    let xml = format!("<Nil>{open}{}</Nil>", "</a>".repeat(100));
    assert!(matches!(decode(&xml, &Limits::default()), Err(Error::Limit { .. })));
}

/// Forty lists, each of which holds the one before it twice: a million million items when expanded.
fn bomb() -> String {
    let mut xml = String::from("<Obj RefId=\"0\"><LST><Obj RefId=\"1\"><LST><I32>1</I32></LST></Obj>");
    for level in 2..42 {
        let inner = level - 1;
        xml.push_str(&format!(
            "<Obj RefId=\"{level}\"><LST><Ref RefId=\"{inner}\"/><Ref RefId=\"{inner}\"/></LST></Obj>"
        ));
    }
    xml + "</LST></Obj>"
}

#[test]
fn shared_objects_cost_what_they_are() {
    let started = Instant::now();
    let value = decode(&bomb(), &Limits::default()).unwrap();
    let again = decode(&bomb(), &Limits::default()).unwrap();
    assert_eq!(value, again);
    assert!(encode(&value).len() < 4000);
    assert!(describe(&value).to_string().len() < 20_000);
    assert!(format!("{value:?}").len() < 4000);
    to_text(&value);
    to_json(&value, JsonLimits::default());
    drop((value, again));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn shared_type_names_are_one_list() {
    let long = "x".repeat(100_000);
    let references = "<Obj><TNRef RefId=\"0\"/></Obj>".repeat(20_000);
    let xml = format!("<Obj><LST><Obj><TN RefId=\"0\"><T>{long}</T></TN></Obj>{references}</LST></Obj>");
    let value = decode(&xml, &Limits::default()).unwrap();
    let first = value.items().unwrap()[0].as_object().unwrap().type_names.as_ptr();
    let last = value.items().unwrap()[20_000].as_object().unwrap().type_names.as_ptr();
    assert_eq!(first, last);
}

#[test]
fn a_chain_of_a_million_objects_is_handled_in_constant_stack() {
    let value = chain(1_000_000);
    assert_eq!(value, value.clone());
    let other = chain(1_000_000);
    assert_eq!(value, other);
    drop(other);
    to_json(&value, JsonLimits::default());
    describe(&value);
    to_text(&value);
    let xml = encode(&value);
    assert!(decode(&xml, &Limits::default()).is_err());
    drop(value);
    let wrapped = (0..1_000_000)
        .fold(PsValue::from(1), |inner, _| PsObject::untyped().with_base(Base::Primitive(inner)).into());
    assert_eq!(wrapped.as_i64(), Some(1));
    to_text(&wrapped);
}

#[test]
fn a_deep_chain_that_limits_allow_is_read_in_constant_stack() {
    let levels = 300;
    let value = decode(&nested(levels), &Limits::default().with_depth(1000)).unwrap();
    assert_eq!(encode(&value).len(), nested(levels).len());
}

#[test]
fn one_object_cannot_be_a_key_twice() {
    let entry = |key: &str| format!("<En>{key}<I32 N=\"Value\">1</I32></En>");
    let first = entry("<Obj N=\"Key\" RefId=\"1\"><MS><I32 N=\"a\">1</I32></MS></Obj>");
    let again = entry("<Ref N=\"Key\" RefId=\"1\"/>");
    assert!(decode(&format!("<Obj RefId=\"0\"><DCT>{first}</DCT></Obj>"), &Limits::default()).is_ok());
    assert!(
        decode(&format!("<Obj RefId=\"0\"><DCT>{first}{again}</DCT></Obj>"), &Limits::default()).is_err()
    );
    let empty = entry("<S N=\"Key\"></S>");
    assert!(decode(&format!("<Obj><DCT>{empty}{empty}</DCT></Obj>"), &Limits::default()).is_err());
}

#[test]
fn what_an_entry_declares_ends_with_it() {
    let entries = |declared: &str, second: &str| {
        let first = format!("<En{declared}><S N=\"Key\">a</S><S N=\"Value\">1</S></En>");
        let xml = format!("<Obj><DCT>{first}<En><S N=\"Key\">b</S>{second}</En></DCT></Obj>");
        decode(&xml, &Limits::default()).map(|value| value.entries().map(<[_]>::len))
    };
    let (plain, prefixed) = ("<S N=\"Value\">2</S>", "<p:S N=\"Value\">2</p:S>");
    assert_eq!(entries("", plain), Ok(Some(2)));
    assert_eq!(entries(" xmlns:p=\"u\"", plain), Ok(Some(2)));
    assert!(entries(" xmlns:p=\"u\"", prefixed).is_err());
    let other = "<Obj xmlns=\"u\"><DCT><En xmlns=\"\"><S N=\"Key\">a</S><S N=\"Value\">1</S></En>\
                 <En><S N=\"Key\">b</S><S N=\"Value\">2</S></En></DCT></Obj>";
    assert!(decode(other, &Limits::default()).is_err());
}

#[test]
fn numbers_dates_and_durations_do_not_overflow() {
    let long = "9".repeat(100_000);
    for (tag, text) in [
        ("D", long.clone()),
        ("D", format!("0.{long}")),
        ("D", format!("-{}.{long}", "0".repeat(100_000))),
        ("TS", format!("P{long}D")),
        ("TS", "P2147483647Y2147483647M2147483647DT2147483647H2147483647M2147483647S".to_owned()),
        ("TS", format!("PT0.{long}S")),
        ("DT", format!("2026-01-01T00:00:00.{long}Z")),
        ("DT", "9999-12-31T23:59:59.9999999+99:99".to_owned()),
        ("DT", "0001-01-01T00:00:00+99:99".to_owned()),
        ("I64", long.clone()),
        ("U64", format!("-{long}")),
        ("Db", format!("{long}e{long}")),
        ("Sg", format!("0.{long}e-{long}")),
        ("Version", format!("{long}.1")),
        ("G", long.clone()),
        ("BA", "=".repeat(100_000)),
        ("C", "-1".to_owned()),
        ("URI", "a".repeat(100_000)),
    ] {
        if let Ok(value) = decode(&format!("<{tag}>{text}</{tag}>"), &Limits::default()) {
            if let PsValue::DateTime(time) = &value {
                time.to_utc();
            }
            let once = encode(&value);
            assert_eq!(encode(&decode(&once, &Limits::default()).unwrap()), once, "{tag}");
        }
    }
}

#[test]
fn errors_say_where_and_quote_nothing() {
    let secret = "hunter2hunter2";
    for xml in [
        format!("<I32>{secret}</I32>"),
        format!("<S>{secret}&bad;</S>"),
        format!("<Obj><MS><G N=\"{secret}\">x</G></MS></Obj>"),
        format!("<Obj>{secret}</Obj>"),
    ] {
        let error = decode(&xml, &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("offset") && !error.contains(secret), "{error}");
    }
    let value = PsObject::untyped().with("p", PsValue::SecureString(secret.into()));
    assert!(!format!("{value:?}").contains(secret));
}

#[test]
fn unknown_elements_pass_in_documents_of_a_later_version() {
    let document = |version: &str| {
        format!(
            "<Objs Version='{version}' xmlns='http://schemas.microsoft.com/powershell/2004/04'>\
             <Obj RefId='0'><New><x>1</x></New><MS><I32 N='a'>1</I32></MS></Obj></Objs>"
        )
    };
    assert!(decode_document(&document("1.1.0.1"), &Limits::default()).is_err());
    let values = decode_document(&document("1.2"), &Limits::default()).unwrap();
    assert_eq!(values[0].value.get("A").and_then(PsValue::as_i32), Some(1));
}

#[test]
fn values_can_be_sent_between_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<PsValue>();
    check::<Arc<PsObject>>();
}
