//! Structs that were generated from MOF compile and hold what instances of the class hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "test code"
)]

use generated::TestMachine;
use windlass_cim::{CimClassType, CimInstance, CimValue, ObjectPath, mof, rust_struct};

mod generated {
    include!("generated/machine.rs");
}

#[test]
fn the_source_is_what_the_class_gives() {
    let class = &mof::parse(include_str!("generated/machine.mof")).unwrap().classes[0];
    assert_eq!(rust_struct(class, "root/test", "windlass_cim"), include_str!("generated/machine.rs"));
}

#[test]
fn instances_become_the_struct_and_back() {
    let parent: ObjectPath = "Test_Machine.Name=\"p\",Number=1".parse().unwrap();
    let instance = CimInstance::new("Test_Machine")
        .in_namespace("root/test")
        .with("Name", "m")
        .with("Number", 2_u32)
        .with("Letter", CimValue::Char16(65))
        .with("Parent", parent.clone())
        .with("Anything", CimInstance::new("Other"))
        .with("Codes", vec![1_u16, 2])
        .with("Type", "t");
    let machine = TestMachine::from_instance(&instance).unwrap();
    assert_eq!((machine.name.as_str(), machine.number, machine.ready), ("m", 2, None));
    assert_eq!((machine.letter.clone(), machine.parent.clone()), (CimValue::Char16(65), Some(parent)));
    assert_eq!((machine.codes.clone(), machine.type_.as_deref()), (Some(vec![1, 2]), Some("t")));
    assert_eq!(TestMachine::from_instance(&machine.to_instance()).unwrap(), machine);
    assert_eq!(TestMachine::PROPERTIES.len(), 22);
}
