//! What the XML of instances means, typed and untyped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_cim::wscim::{DecodeLimits, Decoder};
use windlass_cim::{
    CimArray, CimClass, CimInstance, CimType, CimValue, ClassStore, DataType, Error, MethodDecl, Mismatch,
    NoSchema, ObjectPath, ParameterDecl, PropertyDecl, Qualifier,
};
use windlass_xml::{Limits, Reader};

const DECLARATIONS: &str = concat!(
    r#"xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/X" "#,
    r#"xmlns:q="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Y" "#,
    r#"xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" "#,
    r#"xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" "#,
    r#"xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" "#,
    r#"xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" "#,
    r#"xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd" "#,
    r#"xmlns:xs="http://www.w3.org/2001/XMLSchema""#,
);

fn document(body: &str) -> String {
    format!("<p:X {DECLARATIONS}>{body}</p:X>")
}

fn decode_with(decoder: &mut Decoder<'_>, body: &str) -> Result<CimInstance, Error> {
    decoder.decode(&mut Reader::new(&document(body), Limits::default()))
}

fn untyped(body: &str) -> CimInstance {
    decode_with(&mut Decoder::new(), body).unwrap_or_else(|e| panic!("{body}: {e}"))
}

fn strings(items: &[&str]) -> CimValue {
    items.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>().into()
}

const EPR: &str = concat!(
    "<a:Address>http://srv:5985/wsman</a:Address><a:ReferenceParameters>",
    "<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/test/Y</w:ResourceURI>",
    r#"<w:SelectorSet><w:Selector Name="k">1</w:Selector></w:SelectorSet></a:ReferenceParameters>"#,
);

#[test]
fn without_a_class_values_follow_the_rules_of_the_mi_library() {
    let path = ObjectPath::class("Y").with_key("k", "1").in_namespace("root/test").on_server("srv");
    for (body, expected, is_typed) in [
        ("<p:v>5</p:v>", "5".into(), false),
        ("<p:v> a &amp; b </p:v>", " a & b ".into(), false),
        ("<p:v/>", "".into(), false),
        ("<p:v></p:v>", "".into(), false),
        (r#"<p:v xsi:nil="true"/>"#, CimValue::Null, false),
        (r#"<p:v xsi:nil="1"></p:v>"#, CimValue::Null, false),
        (r#"<p:v m:IsNullArray="true" xsi:nil="true"/>"#, CimValue::Null, false),
        (r#"<p:v xsi:nil="false">x</p:v>"#, "x".into(), false),
        ("<p:v>a</p:v><p:v>b</p:v>", strings(&["a", "b"]), false),
        ("<p:v>a</p:v><p:o/><p:V>b</p:V>", strings(&["a", "b"]), false),
        (r#"<p:v xsi:type="cim:cimBase64Binary">QUJD</p:v>"#, "QUJD".into(), false),
        (r#"<p:v xsi:type="cim:cimUnsignedInt">7</p:v>"#, 7_u32.into(), true),
        (r#"<p:v xsi:type="xs:boolean">true</p:v>"#, true.into(), true),
        (r#"<p:v xsi:type="xs:unheard">x</p:v>"#, "x".into(), false),
        (
            "<p:v><cim:Datetime>2012-06-20T21:14:03Z</cim:Datetime></p:v>",
            datetime("20120620211403.000000+000"),
            true,
        ),
        ("<p:v> <cim:Interval>P1D</cim:Interval> </p:v>", datetime("00000001000000.000000:000"), true),
        (
            "<p:v><cim:CIM_DateTime>2004********00.000000+000</cim:CIM_DateTime></p:v>",
            datetime("2004********00.000000+000"),
            true,
        ),
        (&format!("<p:v>{EPR}</p:v>"), path.clone().into(), true),
        (&format!("<p:v><a:EndpointReference>{EPR}</a:EndpointReference></p:v>"), path.into(), true),
        (r#"<p:v xsi:type="q:Y_Type"><q:k>1</q:k></p:v>"#, CimInstance::new("Y").with("k", "1").into(), true),
        (r#"<p:v xsi:type="q:Y_Type"/>"#, CimInstance::new("Y").into(), true),
    ] {
        let mut instance = untyped(body);
        let property = instance.properties.remove("v").unwrap();
        let mut value = property.value;
        if let CimValue::Instance(embedded) = &mut value {
            for property in embedded.properties.iter_mut() {
                assert!(!property.is_typed);
                property.is_typed = true;
            }
        }
        assert_eq!((value, property.is_typed), (expected, is_typed), "{body}");
    }
}

fn datetime(text: &str) -> CimValue {
    text.parse::<windlass_cim::CimDateTime>().unwrap().into()
}

#[test]
fn the_root_tells_class_and_namespace() {
    let instance = untyped("<p:v>5</p:v>");
    assert_eq!(instance.class_name.as_str(), "X");
    assert_eq!(instance.namespace, Some("root/test".into()));
    let mut decoder = Decoder::new().with_namespace("root/other").with_server_name("srv");
    let instance = decode_with(&mut decoder, "").unwrap();
    assert_eq!(instance.namespace, Some("root/other".into()));
    assert_eq!(instance.server_name.as_deref(), Some("srv"));
}

#[test]
fn items_and_projections() {
    let item = format!(
        "<w:Item {DECLARATIONS}><p:X><p:k>1</p:k></p:X><a:EndpointReference>{EPR}</a:EndpointReference></w:Item>"
    );
    let instance = Decoder::new().decode(&mut Reader::new(&item, Limits::default())).unwrap();
    assert_eq!(instance.get("k"), Some(&"1".into()));
    assert_eq!(instance.path().unwrap().to_string(), r#"\\srv\root\test:Y.k="1""#);

    let fragment = format!(
        r#"<w:XmlFragment {DECLARATIONS}><A>1</A><B xsi:nil="true"/><C><Datetime>2012-06-20T21:14:03Z</Datetime></C></w:XmlFragment>"#
    );
    let mut reader = Reader::new(&fragment, Limits::default());
    let element = reader.next_element().unwrap().unwrap();
    let instance = Decoder::new().projection(&mut reader, &element, "Z").unwrap();
    assert_eq!(instance.class_name.as_str(), "Z");
    assert_eq!(instance.get("c"), Some(&datetime("20120620211403.000000+000")));
}

fn schema() -> ClassStore {
    let mut store = ClassStore::new();
    store
        .add(
            CimClass::new("X")
                .with_property(PropertyDecl::key("Id", CimType::UInt32))
                .with_property(PropertyDecl::new("Flags", DataType::array(CimType::SInt16)))
                .with_property(PropertyDecl::new("Names", DataType::array(CimType::String)))
                .with_property(PropertyDecl::new("When", CimType::DateTime))
                .with_property(PropertyDecl::new("Real", CimType::Real32))
                .with_property(
                    PropertyDecl::new("Octets", DataType::array(CimType::UInt8))
                        .with_qualifier(Qualifier::flag("OctetString")),
                )
                .with_property(PropertyDecl::new("Inner", DataType::instance("Y")))
                .with_property(PropertyDecl::new("Letter", CimType::Char16))
                .with_property(PropertyDecl::new("Ref", DataType::reference("Y"))),
        )
        .unwrap();
    store.add(CimClass::new("Y").with_property(PropertyDecl::new("k", CimType::UInt64))).unwrap();
    store
}

fn typed(body: &str, mismatch: Mismatch) -> Result<CimInstance, Error> {
    let schema = schema();
    decode_with(&mut Decoder::new().with_schema(&schema, mismatch), body)
}

#[test]
fn with_a_class_values_get_its_types() {
    for (body, name, expected) in [
        ("<p:id>7</p:id>", "Id", 7_u32.into()),
        ("<p:Flags>7</p:Flags>", "Flags", vec![7_i16].into()),
        ("<p:Flags>7</p:Flags><p:Id>1</p:Id><p:Flags>-8</p:Flags>", "Flags", vec![7_i16, -8].into()),
        (r#"<p:Flags xsi:nil="true"/>"#, "Flags", CimValue::Null),
        ("<p:Names/>", "Names", strings(&[""])),
        (r#"<p:Names xsi:nil="true"/><p:Names>a</p:Names>"#, "Names", {
            CimArray::from_values(CimType::String, vec![CimValue::Null, "a".into()]).unwrap().into()
        }),
        ("<p:When>2012-06-20T21:14:03Z</p:When>", "When", datetime("20120620211403.000000+000")),
        ("<p:When>20120620211403.000000+000</p:When>", "When", datetime("20120620211403.000000+000")),
        ("<p:Real>-INF</p:Real>", "Real", f32::NEG_INFINITY.into()),
        (r#"<p:Octets xsi:type="cim:cimBase64Binary">QUJD</p:Octets>"#, "Octets", b"ABC".to_vec().into()),
        (r#"<p:Octets xsi:type="cim:cimHexBinary">4142</p:Octets>"#, "Octets", b"AB".to_vec().into()),
        ("<p:Octets>QUJD</p:Octets>", "Octets", b"ABC".to_vec().into()),
        ("<p:Octets>65</p:Octets><p:Octets>66</p:Octets>", "Octets", b"AB".to_vec().into()),
        ("<p:Letter>65</p:Letter>", "Letter", CimValue::Char16(65)),
        ("<p:Letter>A</p:Letter>", "Letter", CimValue::Char16(65)),
        ("<p:Ref>root/test:Y.k=1</p:Ref>", "Ref", {
            ObjectPath::class("Y").with_key("k", 1_u64).in_namespace("root/test").into()
        }),
    ] {
        let instance = typed(body, Mismatch::Fail).unwrap_or_else(|e| panic!("{body}: {e}"));
        let property = instance.property(name).unwrap();
        assert_eq!(property.value, expected, "{body}");
        assert!(property.is_typed);
        assert_eq!(property.is_key, name == "Id");
        assert_eq!(property.name.as_str(), name, "spelled as the class does");
    }
}

#[test]
fn embedded_instances_are_typed_too() {
    for body in [r#"<p:Inner xsi:type="q:Y_Type"><q:k>5</q:k></p:Inner>"#, "<p:Inner><q:k>5</q:k></p:Inner>"]
    {
        let instance = typed(body, Mismatch::Fail).unwrap();
        let inner = instance.get("inner").unwrap().as_instance().unwrap();
        assert_eq!(inner.get("K"), Some(&5_u64.into()));
        assert!(inner.class.is_some());
    }
}

#[test]
fn values_that_do_not_fit_are_refused_or_kept() {
    for (body, name) in [
        ("<p:Id>seven</p:Id>", "Id"),
        ("<p:Id>4294967296</p:Id>", "Id"),
        ("<p:When>soon</p:When>", "When"),
        ("<p:When><cim:Datetime>soon</cim:Datetime></p:When>", "When"),
        ("<p:Octets>!</p:Octets>", "Octets"),
    ] {
        let error = typed(body, Mismatch::Fail).unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{name}`: ")), "{body}: {error}");
        let kept = typed(body, Mismatch::Keep).unwrap_or_else(|e| panic!("{body}: {e}"));
        let text = kept.get(name).unwrap().items()[0].as_str().unwrap().to_owned();
        assert!(body.contains(&text), "{body}");
    }
    assert!(typed("<p:Id>1</p:Id><p:Id>2</p:Id>", Mismatch::Keep).is_err());
}

#[test]
fn results_of_methods_are_typed_by_the_method() {
    let method = MethodDecl::new("Spell", CimType::UInt32)
        .with_parameter(ParameterDecl::input("num", CimType::UInt32))
        .with_parameter(ParameterDecl::output("text", CimType::String))
        .with_parameter(ParameterDecl::output("codes", DataType::array(CimType::UInt16)));
    let text = format!(
        "<p:Spell_OUTPUT {DECLARATIONS}><p:ReturnValue>0</p:ReturnValue><p:codes>1</p:codes><p:text>one</p:text></p:Spell_OUTPUT>"
    );
    let mut reader = Reader::new(&text, Limits::default());
    let element = reader.next_element().unwrap().unwrap();
    let class = std::sync::Arc::new(method.output_class());
    let output = Decoder::new().parameters(&mut reader, &element, Some(&class)).unwrap();
    assert_eq!(output.class_name.as_str(), "Spell_OUTPUT");
    assert_eq!(output.get("ReturnValue"), Some(&0_u32.into()));
    assert_eq!(output.get("codes"), Some(&vec![1_u16].into()));
}

#[test]
fn a_decoder_follows_changing_shapes() {
    let mut decoder = Decoder::new();
    for (body, names) in [
        ("<p:a>1</p:a><p:b>2</p:b><p:c>3</p:c>", "a b c"),
        ("<p:a>1</p:a><p:b>2</p:b><p:c>3</p:c>", "a b c"),
        ("<p:b>2</p:b><p:a>1</p:a><p:c>3</p:c>", "b a c"),
        ("<p:a>1</p:a><p:c>3</p:c><p:a>4</p:a>", "a c"),
        ("<p:a>1</p:a><p:A>5</p:A><p:b>2</p:b>", "a b"),
    ] {
        let instance = decode_with(&mut decoder, body).unwrap();
        let found: Vec<_> = instance.properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(found.join(" "), names, "{body}");
    }
    let many: String = (0..500).map(|i| format!("<p:n{i}>{i}</p:n{i}>")).collect();
    let twice = format!("{many}{many}");
    for _ in 0..2 {
        let instance = decode_with(&mut decoder, &twice).unwrap();
        assert_eq!(instance.properties.len(), 500);
        assert_eq!(instance.get("N499"), Some(&strings(&["499", "499"])));
    }
}

#[test]
fn hostile_answers_are_refused() {
    let deep = |n: usize| {
        let open = r#"<p:v xsi:type="q:Y_Type">"#.repeat(n);
        format!("{open}<p:v>1</p:v>{}", "</p:v>".repeat(n))
    };
    assert!(decode_with(&mut Decoder::new(), &deep(15)).is_ok());
    assert!(decode_with(&mut Decoder::new(), &deep(16)).is_err());
    let mut limits = DecodeLimits::default();
    limits.properties = 10;
    limits.values = 20;
    let mut decoder = Decoder::new().with_limits(limits);
    let many = |n: usize| (0..n).map(|i| format!("<p:n{i}/>")).collect::<String>();
    assert!(decode_with(&mut decoder, &many(9)).is_ok());
    assert!(decode_with(&mut decoder, &many(11)).is_err());
    assert!(decode_with(&mut decoder, &"<p:n/>".repeat(21)).is_err());
    for body in [
        "<p:v>",
        "<p:v><b/></p:v>",
        "<p:v><cim:Datetime>2012-06-20T21:14:03Z</cim:Datetime><p:x/></p:v>",
        "<p:v><a:Address>x</a:Address></p:v>",
        r#"<p:v xsi:type="nothing:Y_Type"/>"#,
        "<p:v><a:ReferenceParameters><w:ResourceURI>http://x/y</w:ResourceURI></a:ReferenceParameters></p:v>",
    ] {
        assert!(decode_with(&mut Decoder::new(), body).is_err(), "{body}");
    }
    assert!(
        Decoder::new()
            .with_schema(&NoSchema, Mismatch::Fail)
            .decode(&mut Reader::new("", Limits::default()))
            .is_err()
    );
}
