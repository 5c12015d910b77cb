//! A check vector: a class of two properties and one instance of it, byte for byte.
//!
//! The totals are those that [MS-WMI] 4.2.3.2 prints for these objects, and impacket decodes them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "test code")]

use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance, CimType, PropertyDecl};
use windlass_wmi::wmio::{WmiObject, decode, encode};

const CLASS_PART: &str = "9e000000 00 00000000 09000000 04000000 04000000 02000000
    09000000 0c000000 3e000000 41000000 05 ffffffffffffffff 68000080
    0054657374574d4900 007800
    13000000 0000 00000000 00000000 1c000000
      0a000080 03 08000000 36000000  01000080 13 0b000000 ffff
    0075696e74333200 007900
    13000000 0100 04000000 00000000 11000000
      0a000080 03 08000000 60000000   0075696e74333200";
const INSTANCE_TAIL: &str =
    "24000000 00 00000000 00 03000000 05000000 04000000 01 09000080 0054657374574d4900";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.as_chunks::<2>().0.iter().map(byte).collect()
}

fn instance() -> CimInstance {
    let class = CimClass::new("TestWMI")
        .with_property(PropertyDecl::key("x", CimType::UInt32))
        .with_property(PropertyDecl::new("y", CimType::UInt32));
    let mut instance = CimInstance::of_class(&Arc::new(class));
    instance.set("x", 3_u32).unwrap();
    instance.set("y", 5_u32).unwrap();
    instance.namespace = Some("root/cimv2/MyTest".into());
    instance.server_name = Some("SAI-NAV009-2".to_owned());
    instance
}

#[test]
fn an_instance_is_encoded_to_the_published_bytes() {
    let unit = encode(&WmiObject::Instance(instance())).unwrap();
    let (class_part, tail) = (bytes(CLASS_PART), bytes(INSTANCE_TAIL));
    let position = unit.windows(class_part.len()).position(|window| window == class_part);
    assert!(position.is_some(), "the class part differs");
    assert!(unit.ends_with(&tail), "the instance differs");
    // Signature and length, flags and decoration come before.
    assert_eq!(unit.len(), 8 + 1 + 33 + class_part.len() + tail.len());
}

#[test]
fn and_read_back() {
    let unit = encode(&WmiObject::Instance(instance())).unwrap();
    let WmiObject::Instance(read) = decode(&unit).unwrap() else { panic!("a class came back") };
    assert_eq!(read.get("x"), Some(&3_u32.into()));
    assert_eq!(read.get("Y"), Some(&5_u32.into()));
    assert!(read.property("x").unwrap().is_key);
    assert_eq!(read.server_name.as_deref(), Some("SAI-NAV009-2"));
}
