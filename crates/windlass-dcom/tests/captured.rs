//! Calls between real Windows computers: each is read, written again to the same bytes, and said to be what
//! it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::fmt::Debug;

use windlass_core::status::Hresult;
use windlass_dcom::activation::{Property, RemoteCreateInstance, RemoteCreatedInstance};
use windlass_dcom::exporter::{ServerAlive2, SimplePing, Status};
use windlass_dcom::remunknown::{RemQueriedInterface, RemQueryInterface, RemReferences};
use windlass_dcom::{
    Nothing, ObjRefKind, ResultOnly, Stub, decode, decode_request, decode_response, encode, encode_request,
    encode_response,
};

struct Call {
    name: String,
    interface: String,
    opnum: u64,
    is_request: bool,
    stub: Vec<u8>,
}

fn calls() -> Vec<Call> {
    let text = include_str!("../../../fixtures/recorded/dcom/stubs.jsonl");
    let hex = |text: &str| -> Vec<u8> {
        let digits = text.as_bytes().as_chunks::<2>().0.iter();
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let read = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        Call {
            name: format!("{} frame {}", text("capture"), line["frame"]),
            interface: text("interface"),
            opnum: line["opnum"].as_u64().unwrap(),
            is_request: text("kind") == "request",
            stub: hex(&text("stub")),
        }
    };
    text.lines().map(read).collect()
}

fn plain<T: Stub + Debug>(call: &Call) -> T {
    let read: T = decode(&call.stub).unwrap_or_else(|error| panic!("{}: {error}", call.name));
    assert_eq!(encode(&read).unwrap(), call.stub, "{}: {read:?}", call.name);
    read
}

fn request<T: Stub + Debug>(call: &Call) -> T {
    let (this, read) =
        decode_request::<T>(&call.stub).unwrap_or_else(|error| panic!("{}: {error}", call.name));
    assert_eq!(encode_request(&this, &read).unwrap(), call.stub, "{}: {read:?}", call.name);
    read
}

fn response<T: Stub + Debug>(call: &Call) -> T {
    let (that, read) =
        decode_response::<T>(&call.stub).unwrap_or_else(|error| panic!("{}: {error}", call.name));
    assert_eq!(encode_response(&that, &read).unwrap(), call.stub, "{}: {read:?}", call.name);
    read
}

/// The calls of DCOM itself, all of them; those of WMI are the business of the crate above.
#[test]
fn every_call_is_written_again_to_the_same_bytes() {
    let mut read = 0;
    for call in calls() {
        match (call.interface.get(..8).unwrap(), call.opnum, call.is_request) {
            ("99fcfec4", 1, true) => assert_ne!(plain::<SimplePing>(&call).set, 0),
            ("99fcfec4", 1, false) => assert_eq!(plain::<Status>(&call), Status(0)),
            ("99fcfec4", 5, true) => assert_eq!(plain::<Nothing>(&call), Nothing),
            ("99fcfec4", 5, false) => {
                let alive = plain::<ServerAlive2>(&call);
                let bindings = alive.bindings.unwrap();
                assert_eq!(bindings.addresses[0].address, "WORKSTATION6");
                assert_eq!(bindings.security.len(), 7);
            }
            ("000001a0", 4, true) => {
                let create = request::<RemoteCreateInstance>(&call);
                let (instantiation, request) = create.wanted().unwrap();
                assert_eq!(instantiation.clsid.to_string(), "8bc3f05e-d86b-11d0-a075-00c04fb68820");
                assert_eq!((request.impersonation, request.protocols.as_slice()), (2, &[7][..]));
                let others = create.properties.list.iter();
                assert_eq!(others.filter(|property| matches!(property, Property::Other { .. })).count(), 0);
            }
            ("000001a0", 4, false) => {
                let created = response::<RemoteCreatedInstance>(&call);
                let (out, reply) = created.granted().unwrap();
                assert_eq!((out.interfaces.len(), out.interfaces[0].1), (1, Hresult::S_OK));
                let reference = out.interfaces[0].2.as_ref().unwrap();
                assert!(matches!(reference.kind, ObjRefKind::Standard { .. }));
                assert_eq!(reference.remote().unwrap().oxid, reply.oxid);
                assert_eq!(reply.bindings.as_ref().unwrap().tcp_ports().count(), 2);
            }
            ("00000143", 3, true) => assert_eq!(request::<RemQueryInterface>(&call).references, 5),
            ("00000143", 3, false) => {
                assert_eq!(response::<RemQueriedInterface>(&call).results.unwrap().len(), 1);
            }
            ("00000143", 5, true) => assert_ne!(request::<RemReferences>(&call).0.len(), 0),
            ("00000143", 5, false) => assert_eq!(response::<ResultOnly>(&call).0, Hresult::S_OK),
            _ => continue,
        }
        read += 1;
    }
    assert_eq!(read, 24);
}

/// A call that is cut or changed is refused or read as another; nothing else happens.
#[test]
fn damaged_calls_do_no_harm() {
    for call in calls().iter().filter(|call| call.interface.starts_with("000001a0")) {
        let look = |bytes: &[u8]| match call.is_request {
            true => drop(decode_request::<RemoteCreateInstance>(bytes)),
            false => drop(decode_response::<RemoteCreatedInstance>(bytes)),
        };
        for at in 0..call.stub.len() {
            look(&call.stub[..at]);
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = call.stub.clone();
                changed[at] = value;
                look(&changed);
            }
        }
    }
}
