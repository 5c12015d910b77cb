//! What is printed or encoded reads back, for arbitrary data.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

mod strategies;

use std::cmp::Ordering;

use proptest::prelude::*;
use strategies::{any_path, class, datetime, instance, is_finite, query, scalar, scalar_type, text};
use windlass_cim::cimxml::{ClassEncoder, ClassLimits, decode_class};
use windlass_cim::wql::{self, LikePattern, escape_like};
use windlass_cim::wscim::{DateTimeStyle, Decoder, Encoder};
use windlass_cim::{
    CimDateTime, CimInstance, CimValue, ClassStore, Mismatch, ObjectPath, ResourceUri, json, mof,
};
use windlass_xml::{Limits, Reader, Writer};

proptest! {
    #[test]
    fn datetimes(value in datetime()) {
        prop_assert_eq!(value.to_string().parse::<CimDateTime>().unwrap(), value);
        prop_assert_eq!(CimDateTime::parse_any(&value.to_string()).unwrap(), value);
        if let Some(xsd) = value.to_xsd() {
            prop_assert_eq!(CimDateTime::parse_any(&xsd).unwrap(), value);
        }
    }

    #[test]
    fn datetimes_are_ordered_as_their_instants(a in datetime(), b in datetime()) {
        prop_assert_eq!(a.compare(&a), Some(Ordering::Equal));
        prop_assert_eq!(a.compare(&b), b.compare(&a).map(Ordering::reverse));
    }

    #[test]
    fn texts_of_scalars(value in scalar_type().prop_flat_map(scalar)) {
        let cim_type = value.cim_type().unwrap();
        let text = value.to_text().unwrap();
        let again = CimValue::parse_text(cim_type, &text).unwrap();
        prop_assert!(again == value || again.cim_eq(&value), "{text}");
    }

    #[test]
    fn numbers_compare_as_numbers(a in any::<i64>(), b in any::<i64>(), c in any::<u64>()) {
        prop_assert_eq!(CimValue::from(a).cim_cmp(&b.into()), Some(a.cmp(&b)));
        prop_assert_eq!(CimValue::from(a).cim_cmp(&c.into()), Some(i128::from(a).cmp(&i128::from(c))));
    }

    #[test]
    fn paths(path in any_path()) {
        prop_assert_eq!(path.to_string().parse::<ObjectPath>().unwrap(), path);
    }

    #[test]
    fn queries(query in query()) {
        let printed = query.to_string();
        let again = wql::parse(&printed).unwrap_or_else(|e| panic!("{printed}: {e}"));
        prop_assert_eq!(&again, &query, "{}", printed);
    }

    #[test]
    fn quoted_text_is_one_constant(text in text()) {
        let condition = wql::parse_condition(&format!("a = {}", wql::quote(&text)), &Default::default()).unwrap();
        prop_assert_eq!(condition, wql::Condition::eq("a", text.as_str()).unwrap());
    }

    #[test]
    fn escaped_text_is_like_itself(text in text()) {
        let pattern = LikePattern::new(&escape_like(&text));
        prop_assert_eq!(pattern.matches(&text, &mut 100_000), Some(true));
    }

    #[test]
    fn like_agrees_with_a_simple_matcher(text in "[abA]{0,6}", pattern in "[ab%_]{0,6}") {
        let chars = |s: &str| s.to_lowercase().chars().collect::<Vec<_>>();
        let expected = naive_like(&chars(&text), &chars(&pattern));
        prop_assert_eq!(LikePattern::new(&pattern).matches(&text, &mut 100_000), Some(expected));
    }

    #[test]
    fn instances_in_xml((class, instance) in instance(), as_text in any::<bool>()) {
        let mut store = ClassStore::new();
        store.add(class).unwrap();
        let style = if as_text { DateTimeStyle::Text } else { DateTimeStyle::Elements };
        let encoder = Encoder::new(ResourceUri::wmi_all("root/test")).with_datetimes(style);
        let mut writer = Writer::new();
        encoder.instance(&mut writer, &instance).unwrap();
        let xml = writer.finish();
        let mut decoder = Decoder::new().with_schema(&store, Mismatch::Fail);
        let again = decoder.decode(&mut Reader::new(&xml, Limits::default()));
        let again = again.unwrap_or_else(|e| panic!("{xml}: {e}"));
        prop_assert_eq!(again, instance, "{}", xml);

        // Without the class the texts are the same.
        let untyped = Decoder::new().decode(&mut Reader::new(&xml, Limits::default())).unwrap();
        let mut writer = Writer::new();
        encoder.instance(&mut writer, &untyped).unwrap();
        let again = Decoder::new().decode(&mut Reader::new(&writer.finish(), Limits::default())).unwrap();
        prop_assert_eq!(again, untyped);
    }

    #[test]
    fn classes_in_xml(class in class()) {
        let mut writer = Writer::new();
        ClassEncoder::default().encode(&mut writer, &class).unwrap();
        let xml = writer.finish();
        let mut reader = Reader::new(&xml, Limits::default());
        let element = reader.next_element().unwrap().unwrap();
        let again = decode_class(&mut reader, &element, &ClassLimits::default());
        prop_assert_eq!(again.unwrap_or_else(|e| panic!("{xml}: {e}")), class, "{}", xml);
    }

    #[test]
    fn classes_in_mof(class in class()) {
        let printed = mof::print_class(&class);
        let mut file = mof::parse(&printed).unwrap_or_else(|e| panic!("{printed}: {e}"));
        let again = file.classes.pop().unwrap();
        let mut expected = class;
        // Flavors that a text cannot take away are added by the standard of the name alone.
        for (own, read) in expected.qualifiers.iter_mut().zip(&again.qualifiers) {
            own.flavor.translatable |= read.flavor.translatable;
        }
        prop_assert_eq!(again, expected, "{}", printed);
    }

    #[test]
    fn instances_in_mof((class, instance) in instance()) {
        prop_assume!(instance.properties.iter().all(|p| is_finite(&p.value)));
        let mut store = ClassStore::new();
        store.add(class).unwrap();
        let printed = mof::print_instance(&instance);
        let file = mof::parse_with(&printed, &store, &Default::default());
        let again = file.unwrap_or_else(|e| panic!("{printed}: {e}")).instances.pop().unwrap();
        let again = again.in_namespace("root/test");
        prop_assert!(CimValue::from(again).cim_eq(&instance.into()), "{}", printed);
    }

    #[test]
    fn instances_in_json((class, instance) in instance()) {
        let typed = serde_json::to_string(&instance).unwrap();
        let again: CimInstance = serde_json::from_str(&typed).unwrap();
        prop_assert_eq!(again, instance.clone(), "{}", typed);

        let mut store = ClassStore::new();
        store.add(class).unwrap();
        let plain = json::to_json(&instance);
        let again = json::from_json(&plain, None, &store).unwrap_or_else(|e| panic!("{plain}: {e}"));
        prop_assert_eq!(json::to_json(&again), plain);
    }

    #[test]
    fn arbitrary_text_is_read_or_refused(text in ".{0,60}") {
        let _ = wql::parse(&text);
        let _ = wql::parse(&format!("SELECT * FROM X WHERE {text}"));
        let _ = text.parse::<ObjectPath>();
        let _ = format!("X.{text}").parse::<ObjectPath>();
        let _ = CimDateTime::parse_any(&text);
        let _ = mof::parse(&text);
        let _ = mof::parse(&format!("class X {{ {text} }};"));
        let _ = text.parse::<ResourceUri>();
        let _ = LikePattern::new(&text);
    }
}

fn naive_like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['%', rest @ ..], _) => {
            naive_like(text, rest) || text.split_first().is_some_and(|(_, tail)| naive_like(tail, pattern))
        }
        ([p, rest @ ..], [t, tail @ ..]) if *p == '_' || p == t => naive_like(tail, rest),
        _ => false,
    }
}
