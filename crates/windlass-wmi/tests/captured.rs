//! The calls of WMI between real Windows computers that are not encrypted: each is read and written again
//! to the same bytes.
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
use windlass_dcom::{ResultOnly, Stub, decode_request, decode_response, encode_request, encode_response};
use windlass_wmi::ids;
use windlass_wmi::stubs::{
    EstablishPosition, Given, NtlmLogin, PositionEstablished, SetClientInfo, SetClientInfoEx,
};

fn request<T: Stub + Debug>(stub: &[u8]) -> T {
    let (this, read) = decode_request::<T>(stub).unwrap();
    assert_eq!(encode_request(&this, &read).unwrap(), stub, "{read:?}");
    read
}

fn response<T: Stub + Debug>(stub: &[u8]) -> T {
    let (that, read) = decode_response::<T>(stub).unwrap();
    assert_eq!(encode_response(&that, &read).unwrap(), stub, "{read:?}");
    read
}

#[test]
fn every_call_is_written_again_to_the_same_bytes() {
    let mut read = 0;
    for line in include_str!("../../../fixtures/recorded/dcom/stubs.jsonl").lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let digits = line["stub"].as_str().unwrap().as_bytes().as_chunks::<2>().0.iter();
        let digit = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let stub: Vec<u8> = digits.map(digit).collect();
        let key = (line["interface"].as_str().unwrap(), line["opnum"].as_u64().unwrap());
        let is_request = line["kind"] == "request";
        match (key.0.get(..8).unwrap(), key.1, is_request) {
            ("d4781cd6", 3, true) => {
                assert_eq!(request::<SetClientInfo>(&stub).machine.as_deref(), Some("WORKSTATION5"));
            }
            ("9f6c78ef", 3, true) => assert_ne!(request::<SetClientInfoEx>(&stub).started, 0),
            ("d4781cd6" | "9f6c78ef", 3, false) => {
                assert_eq!(response::<ResultOnly>(&stub).0, Hresult::S_OK);
            }
            ("f309ad18", 3, true) => {
                assert_eq!(request::<EstablishPosition>(&stub), EstablishPosition::default());
            }
            ("f309ad18", 3, false) => assert_eq!(response::<PositionEstablished>(&stub).locale_version, 1),
            ("f309ad18", 6, true) => {
                let login = request::<NtlmLogin>(&stub);
                assert!(login.namespace.unwrap().ends_with("\\root\\cimv2"));
                assert_eq!(login.locale.as_deref(), Some("en-US,en"));
            }
            ("f309ad18", 6, false) => {
                let given = response::<Given>(&stub);
                assert_eq!((given.interface.unwrap().iid, given.result), (ids::SERVICES, Hresult::S_OK));
            }
            _ => continue,
        }
        read += 1;
    }
    assert_eq!(read, 16);
}
