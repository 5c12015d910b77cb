//! The XML that is written for instances.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_cim::wscim::{DateTimeStyle, Decoder, Encoder};
use windlass_cim::{
    CimArray, CimClass, CimInstance, CimProperty, CimType, CimValue, ObjectPath, ResourceUri,
};
use windlass_xml::{Limits, Reader, Writer};

fn windows() -> Encoder {
    Encoder::new(ResourceUri::wmi_all("root/test"))
}

fn encode(encoder: &Encoder, instance: &CimInstance) -> String {
    let mut writer = Writer::new();
    encoder.instance(&mut writer, instance).unwrap();
    writer.finish()
}

/// What stands inside the root element.
fn body(encoder: &Encoder, instance: &CimInstance) -> String {
    let xml = encode(encoder, instance);
    let start = xml.find('>').unwrap() + 1;
    xml.get(start..xml.rfind("</").unwrap_or(start)).unwrap().to_owned()
}

fn datetime(text: &str) -> CimValue {
    text.parse::<windlass_cim::CimDateTime>().unwrap().into()
}

#[test]
fn the_root_looks_as_windows_writes_it() {
    let xml = encode(&windows(), &CimInstance::new("X").with("a", 1_u8));
    assert_eq!(
        xml,
        concat!(
            r#"<p:X xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/X""#,
            r#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#,
            r#" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:X_Type"><p:a>1</p:a></p:X>"#,
        )
    );
    let omi = Encoder::new(ResourceUri::cim("X")).without_root_type();
    let xml = encode(&omi, &CimInstance::new("X"));
    assert!(
        xml.starts_with(r#"<p:X xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X""#),
        "{xml}"
    );
    assert!(!xml.contains("_Type"));
}

#[test]
fn values_of_every_kind() {
    let inner = CimInstance::new("Y").with("k", 1_u8);
    let array = CimArray::from_values(CimType::UInt8, vec![1_u8.into(), CimValue::Null]).unwrap();
    for (value, expected) in [
        (CimValue::Null, r#"<p:v xsi:nil="true"/>"#),
        (true.into(), "<p:v>true</p:v>"),
        ((-5_i64).into(), "<p:v>-5</p:v>"),
        (f64::INFINITY.into(), "<p:v>INF</p:v>"),
        (CimValue::Char16(65), "<p:v>65</p:v>"),
        ("a<&>\"".into(), "<p:v>a&lt;&amp;&gt;\"</p:v>"),
        ("".into(), "<p:v></p:v>"),
        ("\u{1b}[0m".into(), "<p:v>\u{fffd}[0m</p:v>"),
        (array.into(), r#"<p:v>1</p:v><p:v xsi:nil="true"/>"#),
        (CimArray::new(CimType::UInt8).into(), ""),
        (
            datetime("20120620211403.500000+060"),
            "<p:v><cim:Datetime>2012-06-20T21:14:03.5+01:00</cim:Datetime></p:v>",
        ),
        (datetime("00000001000000.000000:000"), "<p:v><cim:Interval>P1DT0H0M0S</cim:Interval></p:v>"),
        (
            datetime("2012**********.******+000"),
            "<p:v><cim:CIM_DateTime>2012**********.******+000</cim:CIM_DateTime></p:v>",
        ),
        (
            inner.into(),
            concat!(
                r#"<p:v xmlns:p1="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Y" xsi:type="p1:Y_Type">"#,
                "<p1:k>1</p1:k></p:v>"
            ),
        ),
        (
            ObjectPath::class("Y").with_key("k", 1_u8).in_namespace("root/other").on_server("h").into(),
            concat!(
                r#"<p:v xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><a:Address>http://h/wsman</a:Address>"#,
                r#"<a:ReferenceParameters><w:ResourceURI xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">"#,
                "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/other/Y</w:ResourceURI>",
                r#"<w:SelectorSet xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">"#,
                r#"<w:Selector Name="k">1</w:Selector></w:SelectorSet></a:ReferenceParameters></p:v>"#,
            ),
        ),
    ] {
        let written = body(&windows(), &CimInstance::new("X").with("v", value));
        assert_eq!(written, expected);
    }
}

#[test]
fn styles() {
    let instance = CimInstance::new("X").with("d", datetime("20120620211403.000000+000"));
    let text = windows().with_datetimes(DateTimeStyle::Text);
    assert_eq!(body(&text, &instance), "<p:d>2012-06-20T21:14:03Z</p:d>");

    let mut instance = CimInstance::new("X");
    instance.properties.insert(CimProperty::null("a", CimType::UInt8, true));
    let precise = body(&windows().with_precise_arrays(), &instance);
    assert!(precise.contains(r#"m:IsNullArray="true""#), "{precise}");

    let mut writer = Writer::new();
    let instance = CimInstance::new("X").with("d", datetime("20120620211403.000000+000")).with("s", "x");
    windows().projection(&mut writer, &instance).unwrap();
    let xml = writer.finish();
    assert!(
        xml.ends_with("<d><Datetime>2012-06-20T21:14:03Z</Datetime></d><s>x</s></w:XmlFragment>"),
        "{xml}"
    );
}

#[test]
fn references_of_the_other_family_name_the_namespace_in_a_selector() {
    let encoder = Encoder::new(ResourceUri::cim("X"));
    let inner = ObjectPath::class("Z").with_key("n", "a").in_namespace("root/x");
    let path = ObjectPath::class("Y").with_key("r", inner).in_namespace("root/x");
    let mut writer = Writer::new();
    encoder.endpoint_reference(&mut writer, &path).unwrap();
    let xml = writer.finish();
    assert!(xml.contains(r#"<w:Selector Name="__cimnamespace">root/x</w:Selector>"#), "{xml}");
    let mut reader = Reader::new(&xml, Limits::default());
    reader.next_element().unwrap().unwrap();
    assert_eq!(Decoder::new().reference(&mut reader).unwrap(), path);
}

#[test]
fn what_has_no_form_is_refused() {
    let mut nested = CimInstance::new("X");
    for _ in 0..20 {
        nested = CimInstance::new("X").with("v", nested);
    }
    let mut writer = Writer::new();
    assert!(windows().instance(&mut writer, &nested).is_err());
    for instance in [
        CimInstance::new("X").with("v", CimClass::new("Y")),
        CimInstance::new("X").with("a b", 1_u8),
        CimInstance::new("X y").with("a", 1_u8),
    ] {
        let mut writer = Writer::new();
        assert!(windows().instance(&mut writer, &instance).is_err());
    }
}

#[test]
fn what_is_written_reads_back() {
    let inner =
        CimInstance::new("Y").with("d", datetime("20120620211403.000000+000")).with("n", CimValue::Null);
    let instance = CimInstance::new("X")
        .in_namespace("root/test")
        .with("s", "a\r\n b")
        .with("i", inner.clone())
        .with("l", vec![inner.clone(), inner])
        .with("r", ObjectPath::class("Y").with_key("k", "1").in_namespace("root/test"));
    let xml = encode(&windows(), &instance);
    let read = Decoder::new().decode(&mut Reader::new(&xml, Limits::default())).unwrap();
    assert!(CimValue::from(read).cim_eq(&instance.into()), "{xml}");
}
