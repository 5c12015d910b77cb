//! Objects as Windows encodes them, each beside the MOF that another decoder printed for it.
//!
//! The dumps are not part of the project: the test reads them where `WINDLASS_FIXTURES` names their
//! folder. Where that decoder and the bytes disagree, the bytes are right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

#[path = "../../windlass-testkit/tests/support/skipped.rs"]
mod skipped;

use std::path::PathBuf;

use skipped::skipped;
use windlass_cim::{CimClass, CimInstance, CimType, CimValue};
use windlass_wmi::wmio::{WmiObject, decode};

fn dump(name: &str) -> Option<Vec<u8>> {
    let Some(folder) = std::env::var_os("WINDLASS_FIXTURES") else {
        skipped("WINDLASS_FIXTURES is not set");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join("wmio").join(name)).unwrap();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let hex = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    Some(digits.as_chunks::<2>().0.iter().map(hex).collect())
}

fn class(name: &str) -> Option<CimClass> {
    match decode(&dump(name)?).unwrap() {
        WmiObject::Class(class) => Some(class),
        WmiObject::Instance(_) => panic!("{name} is an instance"),
    }
}

fn instance(name: &str) -> Option<CimInstance> {
    match decode(&dump(name)?).unwrap() {
        WmiObject::Instance(instance) => Some(instance),
        WmiObject::Class(_) => panic!("{name} is a class"),
    }
}

#[test]
fn a_class_with_a_parent() {
    let Some(class) = class("wmio_structure_example.dump") else { return };
    assert_eq!(class.name.as_str(), "MyClass");
    assert_eq!(class.derivation.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["Base"]);
    assert_eq!(class.server_name.as_deref(), Some("DPRAVAT-DEV"));
    let declared: Vec<String> = class
        .properties
        .iter()
        .map(|p| format!("{} {} {:?} {}", p.data_type, p.name, p.default, p.is_propagated))
        .collect();
    assert_eq!(
        declared,
        [
            "sint32 Id Null true",
            "string Data1 Null false",
            "string Data2 String(\"defaultValue\") false",
            "uint32[] Array Null false",
        ]
    );
    let id = class.property("ID").unwrap();
    assert!(id.is_key());
    assert_eq!(id.origin.as_ref().map(|name| name.as_str()), Some("Base"));
    let data1 = class.property("Data1").unwrap();
    assert!(data1.qualifiers.has("read") && data1.qualifiers.has("write"));
    assert_eq!(class.qualifiers.text("Description"), Some("MyClass Example"));
}

#[test]
fn an_instance_with_a_default_and_an_array() {
    let Some(instance) = instance("wmio_instance_encoding.dump") else { return };
    let values: Vec<String> =
        instance.properties.iter().map(|p| format!("{}={:?}", p.name, p.value.items())).collect();
    assert_eq!(
        values,
        [
            "Id=[SInt32(123)]",
            "Data1=[String(\"StringField\")]",
            "Data2=[String(\"defaultValue\")]",
            "Array=[UInt32(1), UInt32(2), UInt32(3)]",
        ]
    );
    assert!(instance.property("Id").unwrap().is_key);
}

#[test]
fn a_class_with_methods() {
    let Some(class) = class("wmio_class_encoding_with_methods.dump") else { return };
    assert_eq!(class.name.as_str(), "MyClass2");
    let restart = class.method("restart").unwrap();
    assert_eq!(restart.return_type.as_ref().unwrap().element, CimType::UInt32);
    let parameters: Vec<String> = restart
        .parameters
        .iter()
        .map(|p| format!("{} {} in={} out={}", p.data_type, p.name, p.is_in(), p.is_out()))
        .collect();
    assert_eq!(parameters, ["string ServiceName in=true out=false", "int Status in=false out=true"]);
    assert!(restart.qualifiers.has("execute"));
    assert_eq!(restart.qualifiers.get("performance").unwrap().value.items().len(), 2);
}

#[test]
fn win32_process_of_windows_server_2019() {
    let Some(class) = class("wmio_win32_process.dump") else { return };
    assert_eq!(class.name.as_str(), "Win32_Process");
    assert_eq!(
        class.derivation.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["CIM_Process", "CIM_LogicalElement", "CIM_ManagedSystemElement"]
    );
    assert_eq!(class.properties.len(), 45);
    assert_eq!(class.property("Handle").unwrap().data_type.element, CimType::String);
    assert!(class.property("Handle").unwrap().is_key());
    assert_eq!(class.property("CreationDate").unwrap().data_type.element, CimType::DateTime);
    let origin = |name: &str| class.property(name).unwrap().origin.as_ref().unwrap().as_str().to_owned();
    assert_eq!(
        [origin("Caption"), origin("Handle"), origin("ProcessId")],
        ["CIM_ManagedSystemElement", "CIM_Process", "Win32_Process"]
    );
    let create = class.method("Create").unwrap();
    assert!(create.is_static());
    let names: Vec<&str> = create.parameters.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["CommandLine", "CurrentDirectory", "ProcessStartupInformation", "ProcessId"]);
    let startup = create.parameter("ProcessStartupInformation").unwrap();
    assert_eq!(startup.data_type.class.as_ref().map(|name| name.as_str()), Some("Win32_ProcessStartup"));
    assert!(matches!(create.qualifiers.get("Implemented").map(|q| &q.value), Some(CimValue::Boolean(true))));
    assert!(class.method("Terminate").is_some() && class.method("GetOwner").is_some());
}

/// A cut or a changed byte may be refused or give another object; it never ends the program.
#[test]
fn damaged_dumps_do_no_harm() {
    for name in [
        "wmio_structure_example.dump",
        "wmio_instance_encoding.dump",
        "wmio_class_encoding_with_methods.dump",
    ] {
        let Some(bytes) = dump(name) else { return };
        let stated = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
        let unit = 8 + usize::try_from(stated).unwrap();
        for length in 0..unit {
            assert!(decode(&bytes[..length]).is_err(), "{name} cut to {length} bytes");
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = decode(&changed);
            }
        }
    }
}

/// What Windows encoded is encoded again to something that decodes to the same object.
#[test]
fn dumps_are_encoded_again() {
    for name in [
        "wmio_structure_example.dump",
        "wmio_instance_encoding.dump",
        "wmio_class_encoding_with_methods.dump",
        "wmio_win32_process.dump",
        "wmio_win32_process_startup.dump",
    ] {
        let Some(bytes) = dump(name) else { return };
        let object = decode(&bytes).unwrap();
        let again = decode(&windlass_wmi::wmio::encode(&object).unwrap()).unwrap();
        match (&object, &again) {
            (WmiObject::Class(left), WmiObject::Class(right)) => {
                for (left, right) in left.properties.iter().zip(&right.properties) {
                    assert_eq!(left, right, "{name}");
                }
                for (left, right) in left.methods.iter().zip(&right.methods) {
                    assert_eq!(left.name, right.name, "{name}");
                    assert_eq!(left.return_type, right.return_type, "{name}");
                    let directions = |method: &windlass_cim::MethodDecl| -> Vec<String> {
                        let one = |p: &windlass_cim::ParameterDecl| {
                            format!("{} {} {} {}", p.data_type, p.name, p.is_in(), p.is_out())
                        };
                        method.parameters.iter().map(one).collect()
                    };
                    assert_eq!(directions(left), directions(right), "{name}");
                }
                assert_eq!(left.methods.len(), right.methods.len());
                assert_eq!(
                    (&left.derivation, &left.qualifiers),
                    (&right.derivation, &right.qualifiers),
                    "{name}"
                );
            }
            _ => assert_eq!(object, again, "{name}"),
        }
    }
}
