//! NDR against bytes from C706, [MS-DCOM] and Samba, and against hostile stubs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use proptest::prelude::*;
use uuid::Uuid;
use windlass_rpc::ndr::{FullPointer, Limits, NdrErrorKind, Reader, Varying, Writer};

fn reader(stub: &[u8]) -> Reader<'_> {
    Reader::new(stub, Limits::default())
}

#[test]
fn numbers_are_aligned_to_their_own_size() {
    let mut writer = Writer::new();
    writer.u8(1);
    writer.u16(2);
    writer.u8(3);
    writer.u32(4);
    writer.u8(5);
    writer.u64(6);
    let stub = writer.into_bytes();
    assert_eq!(
        stub,
        [1, 0, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
        "each starts at a multiple of its size"
    );
    let mut reader = reader(&stub);
    assert_eq!(reader.u8("a").unwrap(), 1);
    assert_eq!(reader.u16("b").unwrap(), 2);
    assert_eq!(reader.u8("c").unwrap(), 3);
    assert_eq!(reader.u32("d").unwrap(), 4);
    assert_eq!(reader.u8("e").unwrap(), 5);
    assert_eq!(reader.u64("f").unwrap(), 6);
    reader.finish("stub").unwrap();
}

/// `NetrServerGetInfo`-like: a unique string and a level, as Samba's ndrdump and Windows print it.
#[test]
fn a_unique_wide_string_has_its_three_counts() {
    let mut writer = Writer::new();
    assert_eq!(writer.unique_ptr(true).unwrap().id(), 0x0002_0000);
    writer.wide_string("DC1");
    writer.u32(101);
    let stub = writer.into_bytes();
    assert_eq!(
        stub,
        [0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, b'D', 0, b'C', 0, b'1', 0, 0, 0, 101, 0, 0, 0]
    );
    let mut reader = reader(&stub);
    assert!(reader.unique_ptr("name").unwrap().is_some());
    assert_eq!(reader.wide_string("name").unwrap(), "DC1");
    assert_eq!(reader.u32("level").unwrap(), 101);
}

#[test]
fn referents_count_upwards_and_null_is_zero() {
    let mut writer = Writer::new();
    assert!(writer.unique_ptr(false).is_none());
    assert_eq!(writer.unique_ptr(true).unwrap().id(), 0x0002_0000);
    assert_eq!(writer.ref_ptr().id(), 0x0002_0004);
    let stub = writer.into_bytes();
    let mut reader = reader(&stub);
    assert!(reader.unique_ptr("a").unwrap().is_none());
    assert!(reader.unique_ptr("b").unwrap().is_some());
    reader.ref_ptr("c").unwrap();
    let null = [0; 4];
    let error = Reader::new(&null, Limits::default()).ref_ptr("d").unwrap_err();
    assert_eq!(error.kind, NdrErrorKind::Null);
}

#[test]
fn a_full_pointer_is_followed_once() {
    let mut writer = Writer::new();
    assert!(matches!(writer.full_ptr(Some(9)), FullPointer::First(_)));
    assert!(matches!(writer.full_ptr(Some(9)), FullPointer::Again(_)));
    assert!(matches!(writer.full_ptr(Some(8)), FullPointer::First(_)));
    assert_eq!(writer.full_ptr(None), FullPointer::Null);
    let stub = writer.into_bytes();
    let mut reader = reader(&stub);
    assert!(matches!(reader.full_ptr("a").unwrap(), FullPointer::First(_)));
    assert!(matches!(reader.full_ptr("b").unwrap(), FullPointer::Again(_)));
    assert!(matches!(reader.full_ptr("c").unwrap(), FullPointer::First(_)));
    assert_eq!(reader.full_ptr("d").unwrap(), FullPointer::Null);
}

#[test]
fn a_guid_has_the_order_of_windows() {
    let uuid = Uuid::from_u128(0x99fcfec4_5260_101b_bbcb_00aa0021347a);
    let mut writer = Writer::new();
    writer.u8(0);
    writer.uuid(&uuid);
    let stub = writer.into_bytes();
    assert_eq!(stub[4..12], [0xc4, 0xfe, 0xfc, 0x99, 0x60, 0x52, 0x1b, 0x10]);
    let mut reader = reader(&stub);
    reader.u8("pad").unwrap();
    assert_eq!(reader.uuid("iid").unwrap(), uuid);
}

#[test]
fn unions_align_their_arm_after_the_tag() {
    let mut writer = Writer::new();
    writer.union_u16(3, 8);
    writer.u64(1);
    let stub = writer.into_bytes();
    assert_eq!(stub.len(), 16);
    let mut reader = reader(&stub);
    assert_eq!(reader.union_u16(8, "level").unwrap(), 3);
    assert_eq!(reader.u64("arm").unwrap(), 1);
}

#[test]
fn slots_are_filled_in_place() {
    let mut writer = Writer::after(vec![0xff; 3]);
    writer.u8(1);
    let slot = writer.reserve_u32();
    writer.u8(2);
    let length = u32::try_from(writer.len()).unwrap();
    writer.fill(&slot, length);
    assert_eq!(writer.into_bytes(), [0xff, 0xff, 0xff, 1, 0, 0, 0, 9, 0, 0, 0, 2]);
}

#[test]
fn counts_are_checked_before_anything_is_allocated() {
    let stub = [0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    let error = reader(&stub).conformant_count(4, "iids").unwrap_err();
    assert_eq!(error.kind, NdrErrorKind::Count { count: u32::MAX, size: 4, available: 4 });
    assert_eq!((error.field, error.offset), ("iids", 4));
    assert!(reader(&stub).conformant_bytes("data").is_err());
    let tight = Limits { elements: 3, ..Limits::default() };
    let stub = [4, 0, 0, 0, 1, 2, 3, 4];
    let error = Reader::new(&stub, tight).conformant_count(1, "iids").unwrap_err();
    assert_eq!(error.kind, NdrErrorKind::Limit { what: "elements", actual: 4, limit: 3 });
}

#[test]
fn varying_arrays_start_at_zero_and_stay_within_their_maximum() {
    let counts = |max: u32, offset: u32, actual: u32| {
        let mut stub = Vec::new();
        for number in [max, offset, actual] {
            stub.extend_from_slice(&number.to_le_bytes());
        }
        stub.extend_from_slice(&[0; 8]);
        stub
    };
    let good = counts(400, 0, 2);
    let read = reader(&good).conformant_varying(4, "entries").unwrap();
    assert_eq!(read, Varying { max: 400, actual: 2 });
    for (max, offset, actual) in [(2, 1, 1), (1, 0, 2), (2, u32::MAX, 2)] {
        let bad = counts(max, offset, actual);
        let error = reader(&bad).conformant_varying(4, "entries").unwrap_err();
        assert_eq!(error.kind, NdrErrorKind::Varying { max, offset, actual });
    }
    let many = counts(400, 0, 3);
    assert!(reader(&many).conformant_varying(4, "entries").is_err(), "three do not fit");
}

#[test]
fn strings_need_their_zero_and_text() {
    let string = |units: &[u16]| {
        let mut writer = Writer::new();
        writer.conformant_count(units.len());
        writer.varying_count(units.len());
        for unit in units {
            writer.u16(*unit);
        }
        writer.into_bytes()
    };
    assert_eq!(reader(&string(&[0])).wide_string("s").unwrap(), "");
    for bad in [&[][..], &[0x41], &[0xd800, 0]] {
        let stub = string(bad);
        assert!(matches!(reader(&stub).wide_string("s").unwrap_err().kind, NdrErrorKind::Text(_)));
    }
    let tight = Limits { string: 3, ..Limits::default() };
    let stub = string(&[0x41, 0x42, 0x43, 0]);
    assert!(matches!(
        Reader::new(&stub, tight).wide_string("s").unwrap_err().kind,
        NdrErrorKind::Limit { actual: 4, limit: 3, .. }
    ));
}

#[test]
fn nesting_is_limited() {
    fn down(reader: &mut Reader<'_>, levels: usize) -> Result<(), windlass_rpc::ndr::NdrError> {
        if levels == 0 {
            return Ok(());
        }
        reader.nested("object", |inner| down(inner, levels - 1))
    }
    let mut reader = reader(&[]);
    down(&mut reader, 16).unwrap();
    down(&mut reader, 16).unwrap();
    assert!(down(&mut reader, 17).is_err());
}

#[derive(Debug, Clone)]
enum Item {
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    Text(String),
    Narrow(Vec<u8>),
    Bytes(Vec<u8>),
    Pointer(bool),
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        any::<u8>().prop_map(Item::U8),
        any::<u16>().prop_map(Item::U16),
        any::<u32>().prop_map(Item::U32),
        any::<u64>().prop_map(Item::U64),
        any::<String>().prop_map(Item::Text),
        any::<Vec<u8>>().prop_map(Item::Narrow),
        any::<Vec<u8>>().prop_map(Item::Bytes),
        any::<bool>().prop_map(Item::Pointer),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in proptest::collection::vec(item(), 0..20)) {
        let mut writer = Writer::new();
        for item in &items {
            match item {
                Item::U8(value) => writer.u8(*value),
                Item::U16(value) => writer.u16(*value),
                Item::U32(value) => writer.u32(*value),
                Item::U64(value) => writer.u64(*value),
                Item::Text(value) => writer.wide_string(value),
                Item::Narrow(value) => writer.string(value),
                Item::Bytes(value) => writer.conformant_bytes(value),
                Item::Pointer(value) => drop(writer.unique_ptr(*value)),
            }
        }
        let stub = writer.into_bytes();
        let mut reader = reader(&stub);
        for item in &items {
            match item {
                Item::U8(value) => prop_assert_eq!(reader.u8("f").unwrap(), *value),
                Item::U16(value) => prop_assert_eq!(reader.u16("f").unwrap(), *value),
                Item::U32(value) => prop_assert_eq!(reader.u32("f").unwrap(), *value),
                Item::U64(value) => prop_assert_eq!(reader.u64("f").unwrap(), *value),
                Item::Text(value) => prop_assert_eq!(&reader.wide_string("f").unwrap(), value),
                Item::Narrow(value) => prop_assert_eq!(reader.string("f").unwrap(), &value[..]),
                Item::Bytes(value) => prop_assert_eq!(reader.conformant_bytes("f").unwrap(), &value[..]),
                Item::Pointer(value) => prop_assert_eq!(reader.unique_ptr("f").unwrap().is_some(), *value),
            }
        }
        reader.finish("stub").unwrap();
    }
}
