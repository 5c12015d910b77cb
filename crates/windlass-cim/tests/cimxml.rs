//! Class definitions in CIM-XML, as servers of Microsoft write them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use windlass_cim::cimxml::{ClassEncoder, ClassLimits, decode_class};
use windlass_cim::{
    CimArray, CimClass, CimType, CimValue, DataType, Error, Flavor, MethodDecl, NamedList, ParameterDecl,
    PropertyDecl, Qualifier,
};
use windlass_xml::{Limits, Reader, Writer};

fn decode(xml: &str) -> Result<CimClass, Error> {
    let mut reader = Reader::new(xml, Limits::default());
    let element = reader.next_element()?.unwrap();
    decode_class(&mut reader, &element, &ClassLimits { elements: 100, values: 1_000 })
}

fn encode(encoder: &ClassEncoder, class: &CimClass) -> String {
    let mut writer = Writer::new();
    encoder.encode(&mut writer, class).unwrap();
    writer.finish()
}

/// The form of Windows: no qualifiers unless asked for, origins, inherited elements.
const WINDOWS: &str = concat!(
    r#"<CLASS NAME="Win32_Thing" SUPERCLASS="CIM_Thing"><PROPERTY NAME="Caption" CLASSORIGIN="CIM_Base" "#,
    r#"PROPAGATED="true" TYPE="string"/><PROPERTY.ARRAY NAME="Languages" CLASSORIGIN="Win32_Thing" "#,
    r#"TYPE="string"/><METHOD NAME="Stop" TYPE="uint32" CLASSORIGIN="Win32_Thing"><PARAMETER NAME="Flags" "#,
    r#"TYPE="sint32"/></METHOD></CLASS>"#,
);

/// The form of OMI, with all options.
const OMI: &str = concat!(
    r#"<p:CLASS xmlns:p="urn:x" NAME="X_Huge" SUPERCLASS="X_Number" DERIVATION="X_Number,X_Base">"#,
    r#"<p:QUALIFIER NAME="Version" TYPE="string" TOSUBCLASS="false" TRANSLATABLE="true"><p:VALUE>1</p:VALUE></p:QUALIFIER>"#,
    r#"<p:PROPERTY NAME="Number" TYPE="uint64" PROPAGATED="true"><p:QUALIFIER NAME="key" TYPE="boolean">"#,
    r#"<p:VALUE>true</p:VALUE></p:QUALIFIER></p:PROPERTY>"#,
    r#"<p:PROPERTY.ARRAY NAME="Parts" TYPE="string"><p:QUALIFIER NAME="EmbeddedInstance" TYPE="string">"#,
    r#"<p:VALUE>X_Small</p:VALUE></p:QUALIFIER></p:PROPERTY.ARRAY>"#,
    r#"<p:PROPERTY NAME="Any" TYPE="string"><p:QUALIFIER NAME="EmbeddedObject" TYPE="boolean"><p:VALUE>true</p:VALUE></p:QUALIFIER></p:PROPERTY>"#,
    r#"<p:METHOD NAME="Test" TYPE="string"><p:QUALIFIER NAME="static" TYPE="boolean"><p:VALUE>true</p:VALUE></p:QUALIFIER>"#,
    r#"<p:PARAMETER.ARRAY NAME="objects" TYPE="string"><p:QUALIFIER NAME="EmbeddedObject" TYPE="boolean"><p:VALUE>true</p:VALUE></p:QUALIFIER>"#,
    r#"<p:QUALIFIER NAME="in" TYPE="boolean"><p:VALUE>true</p:VALUE></p:QUALIFIER><p:QUALIFIER NAME="out" TYPE="boolean"><p:VALUE>true</p:VALUE></p:QUALIFIER></p:PARAMETER.ARRAY>"#,
    r#"<p:PARAMETER.REFERENCE NAME="r" REFERENCECLASS="X_Base"/></p:METHOD></p:CLASS>"#,
);

#[test]
fn the_form_of_windows() {
    let class = decode(WINDOWS).unwrap();
    assert_eq!(class.derivation, ["CIM_Thing"]);
    let caption = class.property("caption").unwrap();
    assert!(caption.is_propagated);
    assert_eq!(caption.origin, Some("CIM_Base".into()));
    assert_eq!(class.property("Languages").unwrap().data_type, DataType::array(CimType::String));
    let stop = class.method("stop").unwrap();
    assert_eq!(stop.return_type, Some(CimType::UInt32.into()));
    assert_eq!(stop.parameter("flags").unwrap().data_type, CimType::SInt32.into());
}

#[test]
fn the_form_of_omi() {
    let class = decode(OMI).unwrap();
    assert_eq!(class.derivation, ["X_Number", "X_Base"]);
    let version = class.qualifiers.get("version").unwrap();
    assert!(!version.flavor.to_subclass && version.flavor.translatable);
    assert!(class.property("Number").unwrap().is_key());
    assert_eq!(class.property("Parts").unwrap().data_type, DataType::instance("X_Small").into_array());
    assert_eq!(class.property("Any").unwrap().data_type, CimType::Object.into());
    let test = class.method("Test").unwrap();
    assert!(test.is_static());
    assert_eq!(test.parameter("objects").unwrap().data_type, DataType::array(CimType::Object));
    assert!(test.parameter("objects").unwrap().is_out() && test.parameter("objects").unwrap().is_in());
    assert_eq!(test.parameter("r").unwrap().data_type, DataType::reference("X_Base"));

    let again = decode(&encode(&ClassEncoder::default(), &class)).unwrap();
    assert_eq!(again, class);
}

fn rich() -> CimClass {
    let nulls = CimArray::from_values(CimType::SInt16, vec![(-1_i16).into(), CimValue::Null]).unwrap();
    let all_flavors =
        Flavor { overridable: false, to_subclass: false, to_instance: true, translatable: true };
    let mut class = CimClass::new("X")
        .with_qualifier(Qualifier::new("Values", vec!["a".to_owned(), "<b>".to_owned()]))
        .with_qualifier(Qualifier { flavor: all_flavors, is_propagated: true, ..Qualifier::new("Real", 1.5) })
        .with_property(PropertyDecl::new("n", CimType::Char16).with_default(CimValue::Char16(53)))
        .with_property(PropertyDecl::new("a", DataType::array(CimType::SInt16)).with_default(nulls))
        .with_property(PropertyDecl::new("r", DataType::reference("Y")))
        .with_property(PropertyDecl {
            origin: Some("Y".into()),
            is_propagated: true,
            ..PropertyDecl::new("s", DataType { array_size: Some(4), ..DataType::array(CimType::UInt8) })
        })
        .with_method(
            MethodDecl::new("m", CimType::Boolean)
                .with_parameter(ParameterDecl::output("o", DataType::reference("Y").into_array())),
        )
        .with_method(MethodDecl { return_type: None, ..MethodDecl::new("v", CimType::UInt8) });
    class.derivation = vec!["Y".into(), "Z".into()];
    class
}

#[test]
fn classes_read_back() {
    let class = rich();
    let xml = encode(&ClassEncoder::default(), &class);
    assert_eq!(decode(&xml).unwrap(), class, "{xml}");
}

#[test]
fn only_what_was_asked_for_is_written() {
    let less = ClassEncoder { qualifiers: false, class_origin: false, derivation: false, inherited: false };
    let class = decode(&encode(&less, &rich())).unwrap();
    assert_eq!(class.derivation, ["Y"]);
    assert_eq!(class.qualifiers, NamedList::new());
    assert!(class.property("s").is_none());
    assert!(class.properties.iter().all(|p| p.origin.is_none()));
}

#[test]
fn embedded_types_get_their_qualifier() {
    let class = CimClass::new("X")
        .with_property(PropertyDecl::new("i", DataType::instance("Y")))
        .with_property(PropertyDecl::new("o", CimType::Object));
    let again = decode(&encode(&ClassEncoder::default(), &class)).unwrap();
    assert_eq!(again.property("i").unwrap().data_type, DataType::instance("Y"));
    assert_eq!(again.property("o").unwrap().data_type, CimType::Object.into());
}

#[test]
fn bad_definitions_are_refused() {
    let many: String = (0..101).map(|i| format!(r#"<PROPERTY NAME="p{i}" TYPE="string"/>"#)).collect();
    for (body, reason) in [
        ("<WRONG/>", "an element of a class definition"),
        (r#"<PROPERTY TYPE="string"/>"#, "attributes that name elements"),
        (r#"<PROPERTY NAME="a b" TYPE="string"/>"#, "attributes that name elements"),
        (r#"<PROPERTY NAME="a"/>"#, "a type in TYPE"),
        (r#"<PROPERTY NAME="a" TYPE="int"/>"#, "`int` is not a CIM type"),
        (r#"<PROPERTY NAME="a" TYPE="uint8"><VALUE>256</VALUE></PROPERTY>"#, "`a`: text that is not a uint8"),
        (r#"<PROPERTY NAME="a" TYPE="uint8" PROPAGATED="maybe"/>"#, "not a boolean"),
        (r#"<PROPERTY NAME="a" TYPE="uint8"/><PROPERTY NAME="A" TYPE="uint8"/>"#, "not used before"),
        (r#"<PROPERTY.ARRAY NAME="a" TYPE="uint8" ARRAYSIZE="x"/>"#, "not a uint32"),
        (&many, "more than 100 elements"),
    ] {
        let error = decode(&format!(r#"<CLASS NAME="X">{body}</CLASS>"#)).unwrap_err().to_string();
        assert!(error.contains(reason), "{body}: {error}");
    }
    assert!(decode("<INSTANCE/>").is_err());
    let values = r#"<VALUE>1</VALUE>"#.repeat(1_001);
    let body = format!(r#"<QUALIFIER NAME="q" TYPE="uint8"><VALUE.ARRAY>{values}</VALUE.ARRAY></QUALIFIER>"#);
    assert!(decode(&format!(r#"<CLASS NAME="X">{body}</CLASS>"#)).is_err());
}
