//! Faults as Windows and other services send them, and as a host makes them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_soap::{
    Envelope, Error, Fault, FaultCode, FaultSide, Header, HeaderName, Limits, ProviderFault, Subcode, ns,
    write_envelope,
};

fn read(text: &str) -> Fault {
    let limits = Limits::default();
    let mut envelope = Envelope::open(text, &limits).unwrap();
    let root = envelope.body().next_element().unwrap().unwrap();
    assert!(root.is(ns::SOAP, "Fault"));
    Fault::read(envelope.body(), &limits).unwrap()
}

fn write(fault: &Fault) -> String {
    write_envelope(&Header::default(), &[], 0, |writer| fault.write(writer))
}

/// A fault with this code, reason and detail.
fn envelope(code: &str, reason: &str, detail: &str) -> String {
    format!(
        "<E:Envelope xmlns:E='{}' xmlns:ad='{}' xmlns:mi='{}' xmlns:wf='{}'><E:Header/><E:Body><E:Fault>
            <E:Code><E:Value> E:Sender </E:Value><E:Subcode><E:Value>\n{code}\n</E:Value></E:Subcode></E:Code>
            <E:Reason>{reason}</E:Reason><E:Detail>{detail}</E:Detail></E:Fault></E:Body></E:Envelope>",
        ns::SOAP,
        ns::ADDRESSING,
        ns::WSMAN,
        ns::WSMAN_FAULT,
    )
}

#[test]
fn a_fault_of_a_provider_behind_a_shell() {
    let text = envelope(
        "mi:InvalidSelectors",
        "<E:Text xml:lang='en-US'> outer words </E:Text><E:Text xml:lang='de-DE'>Worte</E:Text>",
        "<mi:FaultDetail>urn:detail/UnexpectedSelectors</mi:FaultDetail>
         <wf:WSManFault Code='2150858843' Machine='SRV'><wf:Message>
            <wf:ProviderFault provider='Shell provider' path='%windir%\\x.dll'>
              <wf:WSManFault Code='2150858770' Machine='INNER'><wf:Message> inner words </wf:Message></wf:WSManFault>
            </wf:ProviderFault></wf:Message></wf:WSManFault>",
    );
    let fault = read(&text);
    assert_eq!(fault.side, FaultSide::Sender);
    assert_eq!(fault.subcode, Some(Subcode::INVALID_SELECTORS));
    assert_eq!(fault.reason.len(), 2);
    assert_eq!(fault.code(), Some(FaultCode::UNEXPECTED_SELECTORS));
    assert!(fault.is(FaultCode::DESTINATION_UNREACHABLE));
    assert_eq!(fault.message(), "inner words");
    assert_eq!(fault.detail_uri.as_deref(), Some("urn:detail/UnexpectedSelectors"));
    let wsman = fault.wsman.as_ref().unwrap();
    assert_eq!(wsman.machine.as_deref(), Some("SRV"));
    assert_eq!(wsman.message, "");
    assert_eq!(wsman.providers[0].provider.as_deref(), Some("Shell provider"));
    assert_eq!(wsman.providers[0].fault.as_ref().unwrap().machine.as_deref(), Some("INNER"));
    assert_eq!(fault.to_string(), "inner words (0x8033805b ERROR_WSMAN_UNEXPECTED_SELECTORS)");
    assert!(fault.remedy().unwrap().contains("open a new one"));
    assert_eq!(read(&write(&fault)), fault);
}

#[test]
fn a_fault_with_a_cim_error_keeps_it_as_it_came() {
    let error = "<q:CIM_Error xmlns:q='urn:q' xmlns:b='urn:b' b:IsCIM_Error='true'><q:Message>m</q:Message></q:CIM_Error>";
    let fault = read(&envelope("ad:DestinationUnreachable", "<E:Text>not there</E:Text>", error));
    assert_eq!(fault.code(), None);
    assert_eq!(fault.message(), "not there");
    assert_eq!(fault.action(), ns::action::ADDRESSING_FAULT);
    assert_eq!(fault.details.len(), 1);
    let mut reader = fault.details[0].reader(windlass_xml::Limits::default());
    assert!(reader.next_element().unwrap().unwrap().is("urn:q", "CIM_Error"));
    assert_eq!(read(&write(&fault)), fault);
}

#[test]
fn faults_that_lack_almost_everything() {
    let fault = read(&envelope(
        "x:Undeclared",
        "<E:Text xml:lang='en'></E:Text>",
        "<wf:WSManFault Code='-2144108503'/>",
    ));
    assert_eq!(fault.subcode, Some(Subcode::new("", "Undeclared")));
    assert_eq!(fault.code(), Some(FaultCode::OPERATION_TIMEDOUT));
    assert_eq!(fault.to_string(), "fault Undeclared (0x80338029 ERROR_WSMAN_OPERATION_TIMEDOUT)");
    let text = format!("<s:Envelope xmlns:s='{}'><s:Body><s:Fault/></s:Body></s:Envelope>", ns::SOAP);
    let fault = read(&text);
    assert_eq!(fault.to_string(), "fault without a text");
    assert_eq!((fault.side, fault.code()), (FaultSide::Receiver, None));
}

#[test]
fn timeouts_are_known_with_and_without_a_code() {
    assert!(Fault::timed_out().is_timeout());
    assert!(read(&envelope("mi:TimedOut", "", "")).is_timeout());
    assert!(!read(&envelope("mi:TimedOut", "", "<wf:WSManFault Code='5'/>")).is_timeout());
    assert!(!Fault::access_denied().is_timeout());
}

#[test]
fn a_hosts_faults_have_the_code_the_subcode_and_the_action_that_go_together() {
    for (fault, code, subcode, action) in [
        (Fault::timed_out(), 0x8033_8029, Subcode::TIMED_OUT, ns::action::WSMAN_FAULT),
        (Fault::access_denied(), 5, Subcode::ACCESS_DENIED, ns::action::WSMAN_FAULT),
        (
            Fault::action_not_supported("urn:a"),
            0x8033_8013,
            Subcode::ACTION_NOT_SUPPORTED,
            ns::action::ADDRESSING_FAULT,
        ),
        (
            Fault::invalid_resource_uri("urn:r"),
            0x8033_803b,
            Subcode::DESTINATION_UNREACHABLE,
            ns::action::ADDRESSING_FAULT,
        ),
        (Fault::unexpected_selectors(), 0x8033_805b, Subcode::INVALID_SELECTORS, ns::action::WSMAN_FAULT),
        (
            Fault::invalid_enumeration_context(),
            0x8033_801b,
            Subcode::INVALID_ENUMERATION_CONTEXT,
            ns::action::ENUMERATION_FAULT,
        ),
        (
            Fault::delivery_mode_unavailable(),
            0x8033_801e,
            Subcode::DELIVERY_MODE_REQUESTED_UNAVAILABLE,
            ns::action::EVENTING_FAULT,
        ),
        (
            Fault::new(FaultCode::INVALID_REPRESENTATION),
            0x8033_8015,
            Subcode::INVALID_REPRESENTATION,
            ns::action::TRANSFER_FAULT,
        ),
    ] {
        assert_eq!(fault.code(), Some(FaultCode(code)));
        assert_eq!(fault.subcode.as_ref(), Some(&subcode));
        assert_eq!(fault.side, subcode.side());
        assert_eq!(fault.action(), action);
        let fault = fault.with_machine("HOST").with_provider(ProviderFault {
            provider: Some("p".to_owned()),
            text: "t".to_owned(),
            ..ProviderFault::default()
        });
        assert_eq!(read(&write(&fault)), fault);
    }
    let uri = Fault::invalid_resource_uri("urn:r").detail_uri.unwrap();
    assert_eq!(uri, "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidResourceURI");
}

#[test]
fn headers_that_are_not_understood_are_named() {
    let header = HeaderName { ns: "urn:q".to_owned(), local: "X".to_owned() };
    let fault = Fault::must_understand(&[header]);
    assert_eq!((fault.side, fault.subcode.clone()), (FaultSide::MustUnderstand, None));
    assert!(fault.message().contains("X of urn:q"));
    assert_eq!(read(&write(&fault)), fault);
}

#[test]
fn a_cim_status_has_the_subcode_of_its_kind() {
    for (status, subcode) in [
        (2, Subcode::ACCESS_DENIED),
        (3, Subcode::DESTINATION_UNREACHABLE),
        (6, Subcode::DESTINATION_UNREACHABLE),
        (7, Subcode::UNSUPPORTED_FEATURE),
        (1, Subcode::INTERNAL_ERROR),
    ] {
        let fault = Fault::cim(status, "words", Some("<e/>".to_owned()));
        assert_eq!((fault.subcode.as_ref(), fault.code()), (Some(&subcode), None));
        assert_eq!(read(&write(&fault)), fault);
    }
}

#[test]
fn unknown_codes_survive() {
    let fault = Fault::new(FaultCode(0x8054_0fa1));
    assert_eq!(fault.code().unwrap().to_string(), "0x80540fa1");
    assert_eq!(fault.code().unwrap().name(), None);
    assert_eq!(FaultCode(4711).to_string(), "4711");
    assert_eq!(read(&write(&fault)), fault);
}

#[test]
fn refusals_say_what_where_and_why() {
    let text = format!("<s:Envelope xmlns:s='{}'><s:Header/><s:Header/><s:Body/></s:Envelope>", ns::SOAP);
    let error = Envelope::open(&text, &Limits::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Unexpected { expected: "s:Body", found, .. } if found == "Header"),
        "{error:?}"
    );
    assert!(error.to_fault().message().contains("found element 'Header' at offset"));
}
