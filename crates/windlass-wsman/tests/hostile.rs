//! Hostile envelopes: each is refused within its limits, with a fault that says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_wsman::soap::ns;
use windlass_wsman::*;

const GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";

/// A request with these additional header blocks and this body.
fn envelope(action: &str, header: &str, body: &str) -> String {
    let text = Request::new(Header::request("t", action, "r", "uuid:ID"), Operation::Invoke(None)).encode();
    let extra = format!("{header}</s:Header>");
    text.replace("</s:Header>", &extra).replace(
        "<s:Body/>",
        &format!("<s:Body xmlns:rsp=\"{SHELL}\" xmlns:n=\"{}\">{body}</s:Body>", ns::ENUMERATION),
    )
}

#[track_caller]
fn refused(text: &str, code: FaultCode) -> RequestError {
    let error = decode_request(text, &Limits::default()).expect_err("it must be refused");
    let fault = error.to_fault();
    assert_eq!(fault.code(), Some(code), "{error}");
    assert_eq!(fault.action(), code.subcode().map_or(ns::action::WSMAN_FAULT, |subcode| subcode.action()));
    error
}

#[test]
fn the_base_is_read() {
    let text = envelope(GET, "", "");
    assert_eq!(decode_request(&text, &Limits::default()).unwrap().operation, Operation::Get);
}

#[test]
fn unknown_headers_matter_only_where_they_must_be_understood() {
    let text = envelope(GET, "<q:X xmlns:q='urn:q'>1</q:X>", "");
    assert!(decode_request(&text, &Limits::default()).is_ok());
    let text = envelope(GET, "<q:X xmlns:q='urn:q' s:mustUnderstand='1'>1</q:X>", "");
    let error = refused(&text, FaultCode::SOAP_FAULT_MUST_UNDERSTAND);
    assert_eq!(error.header.message_id.as_deref(), Some("uuid:ID"));
    assert!(error.to_fault().message().contains("urn:q"));
    assert_eq!(error.to_fault().side, soap::FaultSide::MustUnderstand);
    let other = envelope(GET, "<q:X xmlns:q='urn:q' mustUnderstand='1'>1</q:X>", "");
    assert!(decode_request(&other, &Limits::default()).is_ok());
}

#[test]
fn bad_header_values_are_named_and_the_message_is_still_known() {
    for (block, code) in [
        ("<w:OperationTimeout>PT-1S</w:OperationTimeout>", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("<w:OperationTimeout>-PT1S</w:OperationTimeout>", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("<w:MaxEnvelopeSize>many</w:MaxEnvelopeSize>", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("<w:Locale/>", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("<a:Action>x</a:Action>", FaultCode::INVALID_MESSAGE_INFORMATION_HEADER),
        ("<w:SelectorSet><w:Selector>1</w:Selector></w:SelectorSet>", FaultCode::INVALID_SELECTORS),
        (
            "<w:SelectorSet><w:Selector Name='a'>1</w:Selector><w:Selector Name='A'>1</w:Selector></w:SelectorSet>",
            FaultCode::INVALID_SELECTORS,
        ),
        ("<w:OptionSet><w:Option>1</w:Option></w:OptionSet>", FaultCode::INVALID_OPTIONS),
        ("<w:OptionSet><w:Option Name='a' MustComply='maybe'/></w:OptionSet>", FaultCode::INVALID_OPTIONS),
        ("<w:SelectorSet><w:Other/></w:SelectorSet>", FaultCode::SCHEMA_VALIDATION_ERROR),
    ] {
        let error = refused(&envelope(GET, block, ""), code);
        assert_eq!(error.header.message_id.as_deref(), Some("uuid:ID"), "{block}");
    }
}

#[test]
fn headers_that_must_be_there() {
    for (name, lacking) in [
        ("a:Action", format!("<a:Action s:mustUnderstand=\"true\">{GET}</a:Action>")),
        ("a:MessageID", "<a:MessageID>uuid:ID</a:MessageID>".to_owned()),
        ("w:ResourceURI", "<w:ResourceURI s:mustUnderstand=\"true\">r</w:ResourceURI>".to_owned()),
    ] {
        let text = envelope(GET, "", "");
        assert!(text.contains(&lacking), "{text}");
        let error = refused(&text.replace(&lacking, ""), FaultCode::MESSAGE_INFORMATION_HEADER_REQUIRED);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn counts_and_depths_are_limited() {
    let repeat = |piece: &str, count: usize| piece.repeat(count);
    let headers = repeat("<q:X xmlns:q='urn:q'/>", 65);
    refused(&envelope(GET, &headers, ""), FaultCode::SCHEMA_VALIDATION_ERROR);
    let selectors: String = (0..65).map(|at| format!("<w:Selector Name='s{at}'/>")).collect();
    let selectors = format!("<w:SelectorSet>{selectors}</w:SelectorSet>");
    refused(&envelope(GET, &selectors, ""), FaultCode::SELECTOR_LIMIT);
    let options = format!("<w:OptionSet>{}</w:OptionSet>", repeat("<w:Option Name='o'/>", 257));
    refused(&envelope(GET, &options, ""), FaultCode::OPTION_LIMIT);
    let open = "<w:SelectorSet><w:Selector Name='r'><a:EndpointReference><a:Address>x</a:Address><a:ReferenceParameters>";
    let close = "</a:ReferenceParameters></a:EndpointReference></w:Selector></w:SelectorSet>";
    let nested = |depth: usize| format!("{}{}", repeat(open, depth), repeat(close, depth));
    assert!(decode_request(&envelope(GET, &nested(4), ""), &Limits::default()).is_ok());
    refused(&envelope(GET, &nested(5), ""), FaultCode::SCHEMA_VALIDATION_ERROR);
    let deep = format!("{}{}", repeat("<a>", 100), repeat("</a>", 100));
    refused(&envelope(GET, "", &deep), FaultCode::INVALID_XML);
    let long = format!("<a:To>{}</a:To>", "x".repeat(70_000)).replace("a:To", "a:RelatesTo");
    refused(&envelope(GET, &long, ""), FaultCode::SCHEMA_VALIDATION_ERROR);
}

#[test]
fn lists_in_the_body_are_limited() {
    let limits = Limits { items: 3, ..Limits::default() };
    let command = format!("{SHELL}/Command");
    let arguments = |count: usize| {
        let arguments = "<rsp:Arguments>x</rsp:Arguments>".repeat(count);
        envelope(
            &command,
            "",
            &format!("<rsp:CommandLine><rsp:Command>c</rsp:Command>{arguments}</rsp:CommandLine>"),
        )
    };
    assert!(decode_request(&arguments(3), &limits).is_ok());
    assert!(decode_request(&arguments(4), &limits).is_err());
    let send = format!("{SHELL}/Send");
    let streams = |count: usize| {
        envelope(&send, "", &format!("<rsp:Send>{}</rsp:Send>", "<rsp:Stream Name='stdin'/>".repeat(count)))
    };
    assert!(decode_request(&streams(3), &limits).is_ok());
    assert!(decode_request(&streams(4), &limits).is_err());
    assert!(decode_request(&streams(0), &limits).is_err());
}

#[test]
fn bodies_that_are_not_their_operation() {
    for (action, body) in [
        (format!("{SHELL}/Command"), ""),
        (format!("{SHELL}/Command"), "<rsp:Receive/>"),
        (format!("{SHELL}/Command"), "<CommandLine><Command>x</Command></CommandLine>"),
        (format!("{SHELL}/Command"), "<rsp:CommandLine/>"),
        (format!("{SHELL}/Receive"), "<rsp:Receive/>"),
        (format!("{SHELL}/Signal"), "<rsp:Signal/>"),
        (format!("{SHELL}/Send"), "<rsp:Send><rsp:Stream>eA==</rsp:Stream></rsp:Send>"),
        (format!("{}/Pull", ns::ENUMERATION), "<n:Pull/>"),
        (format!("{}/Enumerate", ns::ENUMERATION), "<n:Pull/>"),
        (format!("{}/Create", ns::TRANSFER), ""),
        (format!("{}/Put", ns::TRANSFER), ""),
        (GET.to_owned(), "<a/><b/>"),
    ] {
        let error = refused(&envelope(&action, "", body), FaultCode::SCHEMA_VALIDATION_ERROR);
        assert_eq!(error.header.message_id.as_deref(), Some("uuid:ID"), "{action} {body}");
    }
}

#[test]
fn what_is_no_envelope() {
    for (text, code) in [
        ("", FaultCode::SCHEMA_VALIDATION_ERROR),
        ("<a/>", FaultCode::SCHEMA_VALIDATION_ERROR),
        ("<Envelope/>", FaultCode::SCHEMA_VALIDATION_ERROR),
        (
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'/>",
            FaultCode::SOAP_VERSION_MISMATCH,
        ),
        (
            "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'/>",
            FaultCode::SCHEMA_VALIDATION_ERROR,
        ),
        ("<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body>", FaultCode::INVALID_XML),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", FaultCode::INVALID_XML),
        ("<?php?><a/>", FaultCode::INVALID_XML),
        ("not xml", FaultCode::INVALID_XML),
    ] {
        refused(text, code);
    }
}

#[test]
fn names_are_matched_by_namespace() {
    let text = envelope(GET, "", "");
    let renames = [("s", "soap"), ("a", "s"), ("w", "a")];
    let renamed = renames.iter().fold(text.clone(), |text, (from, to)| {
        [("<", ":"), ("</", ":"), (" ", ":must"), ("xmlns:", "=")].iter().fold(
            text,
            |text, (before, after)| {
                text.replace(&format!("{before}{from}{after}"), &format!("{before}{to}{after}"))
            },
        )
    });
    assert!(
        renamed.contains("<soap:Body") && renamed.contains("<s:Action") && renamed.contains("<a:ResourceURI")
    );
    let read = decode_request(&renamed, &Limits::default()).unwrap();
    assert_eq!(read, decode_request(&text, &Limits::default()).unwrap());
    let foreign = text.replace(ns::WSMAN, "urn:other");
    refused(&foreign, FaultCode::SOAP_FAULT_MUST_UNDERSTAND);
}

#[test]
fn faults_nest_within_limits() {
    let open = "<f:ProviderFault provider='p'><f:WSManFault Code='5'><f:Message>m";
    let close = "</f:Message></f:WSManFault></f:ProviderFault>";
    let fault = |depth: usize| {
        let chain = format!("{}{}", open.repeat(depth), close.repeat(depth));
        format!(
            "<s:Envelope xmlns:s='{}' xmlns:f='{}'><s:Header/><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code>\
             <s:Reason/><s:Detail><f:WSManFault Code='0x80338029'><f:Message>{chain}</f:Message></f:WSManFault></s:Detail>\
             </s:Fault></s:Body></s:Envelope>",
            ns::SOAP,
            ns::WSMAN_FAULT
        )
    };
    let text = fault(8);
    let read = decode_response(&text, &Expectation::unchecked(), &Limits::default()).unwrap();
    let Reply::Fault(fault_read) = read.reply else { panic!("no fault") };
    assert_eq!(fault_read.wsman.as_ref().unwrap().providers.len(), 8);
    assert!(fault_read.is(FaultCode::ACCESS_DENIED) && fault_read.is_timeout());
    assert_eq!(fault_read.message(), "m");
    assert!(decode_response(&fault(9), &Expectation::unchecked(), &Limits::default()).is_err());
    let small = Limits { fault: 10, ..Limits::default() };
    assert!(decode_response(&text, &Expectation::unchecked(), &small).is_err());
}
