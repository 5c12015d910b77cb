//! CLIXML, as a message and as a document.

use windlass_clixml::{
    Base, Document, JsonLimits, Limits, PsValue, READABLE_LEVELS, StreamValue, View, decode, decode_document,
    describe, encode, encode_document, encode_document_indented, to_json, to_text, trim,
};

/// What is read can be written, and what is written reads back to itself, whatever it looked like
/// before.
pub(super) fn clixml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    if let Ok(value) = decode(text, &limits) {
        looked_at(&value);
        same(text, &value);
        let once = encode(&value);
        let again = decode(&once, &limits).expect("a message that was written can be read");
        assert_eq!(once, encode(&again));
        assert_eq!(decode(&once, &limits), Ok(again));
    }
    if let Ok(values) = decode_document(text, &limits) {
        values.iter().for_each(|item| looked_at(&item.value));
        let once = encode_document(&values);
        let again: Vec<StreamValue> =
            decode_document(&once, &limits).expect("a document that was written can be read");
        assert_eq!(once, encode_document(&again));
        let indented = decode_document(&encode_document_indented(&again), &limits);
        assert_eq!(indented, Ok(again));
    }
}

/// All that can be done with a value.
fn looked_at(value: &PsValue) {
    assert_eq!(value, &value.clone());
    assert_eq!(trim(value, READABLE_LEVELS).cut, 0);
    trim(value, 2);
    to_text(value);
    describe(value);
    to_json(value, JsonLimits::default());
    let _ = format!("{value:?}");
}

/// The arena shows what the owned values hold.
fn same(text: &str, value: &PsValue) {
    let Ok(document) = Document::read_message(text, &Limits::default()) else {
        panic!("the same text is refused")
    };
    let Some((_, root)) = document.roots().next() else { panic!("a message without a value") };
    assert_eq!(&root.to_value(), value);
    let resolved = root.resolved();
    let Some(object) = value.as_object() else { return };
    assert_eq!(resolved.type_names().cloned().unwrap_or_default(), object.type_names);
    assert_eq!(resolved.to_text(), object.to_string);
    let is_set =
        |value: &PsValue| value.as_object().is_some_and(|object| matches!(object.base, Base::MemberSet));
    for property in object.extended.iter().filter(|property| !is_set(&property.value)) {
        let seen = resolved.get(&property.name).map(|view| view.name().into_owned());
        assert_eq!(seen.as_deref(), Some(property.name.as_str()));
    }
    let parts = resolved.items().chain(resolved.keys_and_values()).chain(resolved.properties());
    parts.for_each(|part| drop((part.tag(), part.text(), part.simple(), part.as_i64(), View::id(part))));
}
