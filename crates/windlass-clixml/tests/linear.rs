//! Twice as many properties take twice the memory, and no more tables: what is done again for each of them shows
//! in what it asks for, since names are told apart with tables of their own. Comparing without a table would not
//! show.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use allocation_counter::{AllocationInfo, measure};
use windlass_clixml::{Limits, PsValue, decode};

/// Checks that something costs at most in proportion to a number: how often it asks for memory, and for
/// how much in all.
fn is_linear(what: &str, work: impl Fn(usize)) {
    let cost = |count| -> AllocationInfo { measure(|| work(count)) };
    // Tables double, so that there is a step between any two numbers; quadratic work would be 16 times.
    let (some, many) = (cost(2_500), cost(10_000));
    let linear = |some: u64, many: u64| many <= 8 * some + 1000;
    assert!(linear(some.count_total, many.count_total), "{what}: {some:?} {many:?}");
    assert!(linear(some.bytes_total, many.bytes_total), "{what}: {some:?} {many:?}");
}

fn read(xml: &str) -> PsValue {
    decode(xml, &Limits::default()).unwrap()
}

fn distinct(count: usize) -> String {
    // As writers write it and not: both ways of reading come to the same tables.
    (0..count).map(|index| format!("<Nil N=\"p{index}\"{}/>", " ".repeat(index % 2))).collect()
}

#[test]
fn names_that_differ() {
    is_linear("both parts", |count| {
        let properties = distinct(count);
        let value = read(&format!("<Obj><Props>{properties}</Props><MS>{properties}</MS></Obj>"));
        assert_eq!(value.as_object().unwrap().properties().count(), count);
    });
}

#[test]
fn names_that_come_again() {
    is_linear("one name", |count| {
        let same = "<Nil N=\"P\"/><Nil N=\"p\"/>".repeat(count);
        assert_eq!(read(&format!("<Obj><MS>{same}</MS></Obj>")).as_object().unwrap().extended.len(), 1);
    });
}

#[test]
fn parts_that_come_again() {
    is_linear("sets of one member", |count| {
        read(&format!("<Obj>{}</Obj>", "<MS><Nil N=\"a\"/></MS>".repeat(count)));
    });
    is_linear("empty sets after many members", |count| {
        read(&format!("<Obj><MS>{}</MS>{}</Obj>", distinct(count), "<MS/>".repeat(count)));
    });
    is_linear("sets of one member after many", |count| {
        let repeated = "<MS><Nil N=\"a\"/></MS>".repeat(count);
        read(&format!("<Obj><MS>{}</MS>{repeated}</Obj>", distinct(count)));
    });
}

#[test]
fn keys_that_come_again() {
    is_linear("one key", |count| {
        let entries = "<En><S N=\"Key\">k</S><Nil N=\"Value\"/></En>".repeat(count);
        assert_eq!(read(&format!("<Obj><DCT>{entries}</DCT></Obj>")).entries().unwrap().len(), count);
    });
}
