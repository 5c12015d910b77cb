//! CLIXML, as a message and as a document.

use windlass_clixml::{
    JsonLimits, Limits, PsValue, READABLE_LEVELS, StreamValue, decode, decode_document, describe, encode,
    encode_document, encode_document_indented, to_json, to_text, trim,
};

/// What is read can be written, and what is written reads back to itself, whatever it looked like
/// before.
pub(super) fn clixml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    if let Ok(value) = decode(text, &limits) {
        looked_at(&value);
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
