//! Prints the parameters of calls as this project writes them, for other decoders to read: one JSON object
//! a line with `interface`, `function`, `direction` and `stub` (hexadecimal).
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::activation::{PropsOut, RemoteCreateInstance, RemoteCreatedInstance, RemoteReply};
use windlass_dcom::exporter::{
    ComplexPing, ComplexPinged, ResolveOxid, ResolvedOxid, ResolvedOxid2, ServerAlive2, SimplePing, Status,
};
use windlass_dcom::remunknown::{
    InterfaceRefs, RemAddedRef, RemQueriedInterface, RemQueryInterface, RemReferences,
};
use windlass_dcom::{
    ComVersion, DualStringArray, Nothing, ObjRef, OrpcThat, OrpcThis, ResultOnly, SecurityBinding, StdObjRef,
    StringBinding, Stub, encode, encode_request, encode_response,
};
use windlass_wmi::ids;
use windlass_wmi::stubs::{EstablishPosition, Given, NtlmLogin, PositionEstablished};

fn print(interface: &str, function: &str, direction: &str, stub: &[u8]) {
    let hex: String = stub.iter().map(|byte| format!("{byte:02x}")).collect();
    println!(
        "{{\"interface\":\"{interface}\",\"function\":\"{function}\",\"direction\":\"{direction}\",\"stub\":\"{hex}\"}}"
    );
}

fn plain(function: &str, request: &impl Stub, response: &impl Stub) {
    print("IOXIDResolver", function, "in", &encode(request).unwrap());
    print("IOXIDResolver", function, "out", &encode(response).unwrap());
}

fn orpc(interface: &str, function: &str, request: &impl Stub, response: &impl Stub) {
    let this = OrpcThis::new(Uuid::from_u128(7));
    print(interface, function, "in", &encode_request(&this, request).unwrap());
    print(interface, function, "out", &encode_response(&OrpcThat::default(), response).unwrap());
}

fn main() {
    let ipid = Uuid::from_u128(0x11);
    let resolver = DualStringArray {
        addresses: vec![StringBinding::tcp("LAB01"), StringBinding::tcp("10.0.0.7")],
        security: vec![SecurityBinding::service(10), SecurityBinding::service(9)],
    };
    let exporter = DualStringArray {
        addresses: vec![StringBinding::tcp_port("LAB01", 49_154)],
        security: resolver.security.clone(),
    };
    let reference = StdObjRef { flags: 0, public_refs: 5, oxid: 2, oid: 3, ipid };
    let standard = |iid| ObjRef::standard(iid, reference, resolver.clone());
    let resolve = ResolveOxid { oxid: 2, protocols: vec![7] };

    plain(
        "ServerAlive2",
        &Nothing,
        &ServerAlive2 {
            version: ComVersion::CURRENT,
            bindings: Some(resolver.clone()),
            reserved: 0,
            status: 0,
        },
    );
    plain("SimplePing", &SimplePing { set: 9 }, &Status(0));
    plain(
        "ComplexPing",
        &ComplexPing { set: 0, sequence: 1, add: vec![3, 4], remove: vec![5] },
        &ComplexPinged { set: 9, backoff: 0, status: 0 },
    );
    plain(
        "ResolveOxid",
        &resolve,
        &ResolvedOxid {
            bindings: Some(exporter.clone()),
            remote_unknown: ipid,
            authentication_hint: 5,
            status: 0,
        },
    );
    plain(
        "ResolveOxid2",
        &resolve,
        &ResolvedOxid2 {
            bindings: Some(exporter.clone()),
            remote_unknown: ipid,
            authentication_hint: 5,
            version: ComVersion::CURRENT,
            status: 0,
        },
    );
    let reply = RemoteReply {
        oxid: 2,
        bindings: Some(exporter),
        remote_unknown: ipid,
        authentication_hint: 5,
        version: ComVersion::CURRENT,
    };
    let out =
        PropsOut { interfaces: vec![(ids::LEVEL1_LOGIN, Hresult::S_OK, Some(standard(ids::LEVEL1_LOGIN)))] };
    orpc(
        "ISystemActivator",
        "RemoteCreateInstance",
        &RemoteCreateInstance::new(ids::CLSID_LEVEL1_LOGIN, vec![ids::LEVEL1_LOGIN]),
        &RemoteCreatedInstance::new(out, reply),
    );
    orpc(
        "IRemUnknown",
        "RemQueryInterface",
        &RemQueryInterface { ipid, references: 5, iids: vec![ids::FETCH_SMART_ENUM, ids::SERVICES] },
        &RemQueriedInterface {
            results: Some(vec![(Hresult::S_OK, reference), (Hresult::E_NOINTERFACE, StdObjRef::default())]),
            result: Hresult::S_FALSE,
        },
    );
    let references = RemReferences(vec![InterfaceRefs { ipid, public: 5, private: 0 }]);
    let added = RemAddedRef { results: vec![Hresult::S_OK], result: Hresult::S_OK };
    orpc("IRemUnknown", "RemAddRef", &references, &added);
    orpc("IRemUnknown", "RemRelease", &references, &ResultOnly(Hresult::S_OK));
    orpc(
        "IWbemLevel1Login",
        "EstablishPosition",
        &EstablishPosition::default(),
        &PositionEstablished { locale_version: 1, result: Hresult::S_OK },
    );
    let login = NtlmLogin {
        namespace: Some(r"\\LAB01\root\cimv2".to_owned()),
        locale: Some("en-US,en".to_owned()),
        ..NtlmLogin::default()
    };
    orpc("IWbemLevel1Login", "NTLMLogin", &login, &Given::from(standard(ids::SERVICES)));
}
