//! Objects that lie about themselves: each field of the check vector set to what cannot be, objects within
//! objects without end, heaps that stand for more than they hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::sync::Arc;

use windlass_cim::{CimArray, CimClass, CimInstance, CimType, CimValue, DataType, PropertyDecl};
use windlass_wmi::wmio::{WmiObject, decode, encode};

/// Signature and length, flags, server and namespace.
const CLASS_PART: usize = 8 + 1 + 33;
const CLASS_PART_SIZE: usize = 158;
const INSTANCE: usize = CLASS_PART + CLASS_PART_SIZE;

/// The check vector of [MS-WMI] 4.2.3.2, see `wmio_vector.rs`.
fn unit() -> Vec<u8> {
    let class = CimClass::new("TestWMI")
        .with_property(PropertyDecl::key("x", CimType::UInt32))
        .with_property(PropertyDecl::new("y", CimType::UInt32));
    let mut instance = CimInstance::of_class(&Arc::new(class));
    instance.set("x", 3_u32).unwrap();
    instance.set("y", 5_u32).unwrap();
    instance.namespace = Some("root/cimv2/MyTest".into());
    instance.server_name = Some("SAI-NAV009-2".to_owned());
    let unit = encode(&WmiObject::Instance(instance)).unwrap();
    assert_eq!(unit.len(), INSTANCE + 36);
    unit
}

fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut unit = unit();
    unit[at..at + bytes.len()].copy_from_slice(bytes);
    unit
}

#[test]
fn every_length_count_and_reference_is_checked() {
    assert!(decode(&unit()).is_ok());
    const HUGE: u32 = 0x7FFF_FFFF;
    let long = |at: usize, value: u32| (at, value.to_le_bytes().to_vec());
    let short = |at: usize, value: u16| (at, value.to_le_bytes().to_vec());
    let heap = CLASS_PART + 13 + 4 + 4 + 4 + 16 + 1 + 8 + 4;
    let cases = [
        ("signature", long(0, 0x1234_5679)),
        ("unit length beyond the unit", long(4, 300)),
        ("unit length within the object", long(4, 100)),
        ("neither class nor instance", (8, vec![4])),
        ("class part shorter than its head", long(CLASS_PART, 12)),
        ("class part beyond the unit", long(CLASS_PART, HUGE)),
        ("class name behind the heap", long(CLASS_PART + 5, 0x68)),
        ("class name not in the dictionary", long(CLASS_PART + 5, 0x8000_000B)),
        ("tables too short for their bits", long(CLASS_PART + 9, 0)),
        ("tables beyond the part", long(CLASS_PART + 9, HUGE)),
        ("derivation shorter than its length", long(CLASS_PART + 13, 3)),
        ("derivation beyond the part", long(CLASS_PART + 13, HUGE)),
        ("qualifiers shorter than their length", long(CLASS_PART + 17, 3)),
        ("qualifiers beyond the part", long(CLASS_PART + 17, HUGE)),
        ("one property more than there are", long(CLASS_PART + 21, 3)),
        ("a thousand million properties", long(CLASS_PART + 21, 0x4000_0000)),
        ("properties that overflow", long(CLASS_PART + 21, u32::MAX)),
        ("name of a property behind the heap", long(CLASS_PART + 25, 0x68)),
        ("property without a description", long(CLASS_PART + 29, u32::MAX)),
        ("description behind the heap", long(CLASS_PART + 29, 0x68)),
        ("description at the end of the heap", long(CLASS_PART + 29, 0x60)),
        ("heap without its bit", long(heap - 4, 0x68)),
        ("heap beyond the part", long(heap - 4, 0x8000_0069)),
        ("unknown type", long(heap + 0x0C, 7)),
        ("declaration order of another", short(heap + 0x0C + 4, 1)),
        ("declaration order that is none", short(heap + 0x0C + 4, 2)),
        ("value behind the table", long(heap + 0x0C + 6, 5)),
        ("qualifiers of a property beyond the heap", long(heap + 0x0C + 14, HUGE)),
        ("qualifiers of a property that stand still", long(heap + 0x0C + 14, 0)),
        ("qualifier name not in the dictionary", long(heap + 0x0C + 18, 0x8000_00FF)),
        ("qualifier of an unknown type", long(heap + 0x0C + 23, 9)),
        ("instance shorter than its head", long(INSTANCE, 4)),
        ("instance beyond the unit", long(INSTANCE, HUGE)),
        ("qualifiers of the instance beyond it", long(INSTANCE + 18, HUGE)),
        ("qualifiers of the instance without their length", long(INSTANCE + 18, 1)),
        ("property qualifiers of no kind", (INSTANCE + 22, vec![3])),
        ("heap of the instance without its bit", long(INSTANCE + 23, 9)),
        ("heap of the instance beyond it", long(INSTANCE + 23, 0x8000_000A)),
    ];
    for (what, (at, bytes)) in cases {
        assert!(decode(&with(at, &bytes)).is_err(), "{what}");
    }
}

#[test]
fn an_object_cut_anywhere_is_refused() {
    let unit = unit();
    for length in 0..unit.len() {
        assert!(decode(&unit[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_string_without_an_end_is_refused() {
    let unit = unit();
    let heap = CLASS_PART + 13 + 4 + 4 + 4 + 16 + 1 + 8 + 4;
    // The text of the last qualifier is the last of the heap: give it no terminator.
    let end = heap + 0x68;
    let mut endless = unit;
    assert_eq!(endless[end - 1], 0);
    endless[end - 1] = b'x';
    assert!(decode(&endless).is_err());
}

fn nested(levels: usize) -> CimInstance {
    let mut instance = CimInstance::new("Leaf").with("Value", 1_u32);
    for _ in 0..levels {
        let class = CimClass::new("Box").with_property(PropertyDecl::new("Inner", CimType::Object));
        let mut outer = CimInstance::of_class(&Arc::new(class));
        outer.set("Inner", CimValue::from(instance)).unwrap();
        instance = outer;
    }
    instance
}

#[test]
fn objects_within_objects_have_an_end() {
    assert!(decode(&encode(&WmiObject::Instance(nested(16))).unwrap()).is_ok());
    let error = decode(&encode(&WmiObject::Instance(nested(17))).unwrap()).unwrap_err();
    assert!(error.to_string().contains("embedded objects"), "{error}");
}

/// Many references to one large item: what is read is bounded, not only what is sent.
#[test]
fn references_to_one_item_do_not_multiply_it() {
    const COUNT: usize = 50_000;
    const SIZE: usize = 50_000;
    let array = DataType { is_array: true, ..DataType::scalar(CimType::String) };
    let class = CimClass::new("Echo")
        .with_property(PropertyDecl::new("All", array))
        .with_property(PropertyDecl::new("Text", CimType::String));
    let mut instance = CimInstance::of_class(&Arc::new(class));
    let items = vec![CimValue::from("y"); COUNT];
    let all = CimArray::from_values(CimType::String, items).unwrap();
    instance.set("All", CimValue::Array(Box::new(all))).unwrap();
    instance.set("Text", "x".repeat(SIZE)).unwrap();
    let mut unit = encode(&WmiObject::Instance(instance)).unwrap();
    assert!(decode(&unit).is_ok());
    // The array and where its elements point, within the heap of the instance.
    let count = u32::try_from(COUNT).unwrap().to_le_bytes();
    let array = unit.windows(4).position(|window| window == count).unwrap();
    let first = u32::from_le_bytes(unit[array + 4..array + 8].try_into().unwrap());
    let last = u32::from_le_bytes(unit[array + COUNT * 4..array + 4 + COUNT * 4].try_into().unwrap());
    // The text stands right behind the last element.
    let text = last + (last - first) / u32::try_from(COUNT - 1).unwrap();
    for item in 0..COUNT {
        unit[array + 4 + item * 4..array + 8 + item * 4].copy_from_slice(&text.to_le_bytes());
    }
    let error = decode(&unit).unwrap_err();
    assert!(error.to_string().contains("values of one object"), "{error}");
}
