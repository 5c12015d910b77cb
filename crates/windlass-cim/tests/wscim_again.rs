//! Instances that come one after the other are read as each alone is, whether they are written alike or not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use proptest::prelude::*;
use windlass_cim::wscim::{DecodeLimits, Decoder};
use windlass_cim::{CimClass, CimType, ClassStore, DataType, Mismatch, PropertyDecl, Qualifier};
use windlass_xml::{Limits, Reader};

const NAMES: [&str; 9] = ["Count", "Size", "Name", "Time", "Octets", "Texts", "Small", "Flag", "Inner"];
const VALUES: [&str; 10] = ["1", "70000", "-5", "x", " 7 ", "0x1f", "18446744073709551616", "", "é]]>", "65"];
const STARTS: [&str; 5] = [
    r#"<p:X xmlns:p="u" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">"#,
    r#"<p:X xmlns:p="v" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xmlns="w">"#,
    r#"<p:X xmlns:p="u" xmlns:xsi="urn:other" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">"#,
    r#"<p:X xmlns:p="u" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://www.w3.org/2001/XMLSchema">"#,
    r#"<p:X xmlns:p="u">"#,
];

/// A property in one of the ways in which it can be written, the usual ones more often.
fn property(name: &str, way: usize, value: &str) -> String {
    match way {
        0 => format!("<p:{name} xsi:nil='true'/>"),
        1 => format!("<p:{name}/>"),
        2 => format!("<p:{name}></p:{name}>"),
        3 => format!("<p:{name}>{value}&#32;</p:{name}>"),
        4 => format!("<p:{name}><!-- -->{value}</p:{name}>"),
        5 => format!("<p:{name}><cim:Datetime>2012-06-20T21:14:0{value}Z</cim:Datetime></p:{name}>"),
        6 => format!("\n <p:{name}>{value}</p:{name}>"),
        7 => format!("<p:{name}>{value}</p:{name}>").repeat(3),
        8 => String::new(),
        9 => format!("<p:{name} xsi:type='cim:cimUnsignedInt'>{value}</p:{name}>"),
        10 => format!("<q:{name} xmlns:q='urn:q'>{value}</q:{name}>"),
        11 => format!("<p:{name} xmlns:xsi='urn:other' xsi:nil='true'>{value}</p:{name}>"),
        12 => format!("<p:{name}><![CDATA[{value}</p:{name}>]]></p:{name}>"),
        13 => format!("<p:{name} xsi:type='p:X_Type'><p:Size>{value}</p:Size></p:{name}>"),
        14 => format!("<p:{name} xsi:type='p:X_Type'>{value}</p:{name}>"),
        15 => format!("<p:{name} xsi:type='cim:cimBase64Binary'>QUJD</p:{name}>"),
        16 => format!("<p:{0}>{value}</p:{0}>", name.to_uppercase()),
        17 => format!("<p:{name}>{value}\u{1}</p:{name}>"),
        18 => format!("<z:{name}>{value}</z:{name}>"),
        19 => format!("<p:{name}>{value}<p:x/></p:{name}>"),
        20 => format!("<p:{name}>{value}\r\n</p:{name}>"),
        21 => format!("<Name>{value}</Name>"),
        _ => format!("<p:{name}>{value}</p:{name}>"),
    }
}

fn store() -> ClassStore {
    let mut class = CimClass::new("X");
    let types = [
        CimType::UInt32.into(),
        CimType::UInt64.into(),
        CimType::String.into(),
        CimType::DateTime.into(),
        DataType::array(CimType::UInt8),
        DataType::array(CimType::String),
        CimType::SInt16.into(),
        CimType::Boolean.into(),
        DataType::instance("X"),
    ];
    for (name, data_type) in NAMES.iter().zip(types) {
        let decl = PropertyDecl::new(*name, data_type);
        let is_octets = *name == "Octets";
        class.properties.insert(if is_octets {
            decl.with_qualifier(Qualifier::flag("OctetString"))
        } else {
            decl
        });
    }
    let mut store = ClassStore::new();
    store.add(class).unwrap();
    store
}

/// Reads the children of the root with one decoder, or with some that learn from one another, and each with one of
/// its own.
fn check<'s>(xml: &str, hands_on: bool, decoder: impl Fn() -> Decoder<'s>) {
    let mut remembering = decoder();
    let (mut ours, mut theirs) = (Reader::new(xml, Limits::default()), Reader::new(xml, Limits::default()));
    ours.next_element().unwrap();
    theirs.next_element().unwrap();
    while let (Some(element), Some(_)) = (ours.next_element().unwrap(), theirs.next_element().unwrap()) {
        let found = remembering.instance(&mut ours, &element).map_err(|error| error.to_string());
        let expected = decoder().instance(&mut theirs, &element).map_err(|error| error.to_string());
        // Equality leaves out the case of names and what classes are attached.
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{xml}");
        if expected.is_err() {
            return;
        }
        assert_eq!(
            (ours.position(), ours.next_position()),
            (theirs.position(), theirs.next_position()),
            "{xml}"
        );
        if hands_on {
            remembering = decoder().with_learned(remembering.into_learned());
        }
    }
}

type Instance = (usize, Vec<(usize, usize, usize)>);

fn instances() -> impl Strategy<Value = Vec<Instance>> {
    let properties =
        |ways: usize| proptest::collection::vec((0..NAMES.len(), 0..ways, 0..VALUES.len()), 0..10);
    let way = prop_oneof![properties(200), properties(30), Just(Vec::new())];
    // Mostly the declarations that fit, and the properties in order.
    let instance = (prop_oneof![8 => Just(0_usize), 1 => 0..STARTS.len()], way, any::<bool>());
    let instance = instance.prop_map(|(start, mut properties, sorted)| {
        if sorted {
            properties.sort_by_key(|(name, ..)| *name);
            properties.dedup_by_key(|(name, ..)| *name);
        }
        (start, properties)
    });
    proptest::collection::vec(instance, 1..8)
}

proptest! {
    #[test]
    fn remembering_changes_nothing(
        instances in instances(),
        twice: bool,
        hands_on: bool,
        values in 1_usize..40,
    ) {
        let mut xml = String::from("<r>");
        for (start, properties) in &instances {
            for _ in 0..=usize::from(twice) {
                xml += STARTS[*start];
                for (name, way, value) in properties {
                    xml += &property(NAMES[*name], *way, VALUES[*value]);
                }
                xml += "</p:X>";
            }
        }
        xml += "</r>";
        let store = store();
        let mut limits = DecodeLimits::default();
        check(&xml, hands_on, Decoder::new);
        check(&xml, hands_on, || Decoder::new().with_schema(&store, Mismatch::Keep));
        check(&xml, hands_on, || Decoder::new().with_schema(&store, Mismatch::Fail));
        (limits.values, limits.properties) = (values, values / 3);
        check(&xml, hands_on, || Decoder::new().with_schema(&store, Mismatch::Keep).with_limits(limits));
    }
}

#[test]
fn what_was_learned_of_another_class_is_forgotten() {
    let xml = "<r><X><Count>1</Count></X></r>";
    let read = |decoder: &mut Decoder<'_>| {
        let mut reader = Reader::new(xml, Limits::default());
        reader.next_element().unwrap();
        decoder.decode(&mut reader).unwrap()
    };
    let of_type = |cim_type| {
        let mut store = ClassStore::new();
        store.add(CimClass::new("X").with_property(PropertyDecl::new("Count", cim_type))).unwrap();
        store
    };
    let (old, new) = (of_type(CimType::UInt8), of_type(CimType::UInt64));
    let mut decoder = Decoder::new();
    assert_eq!(read(&mut decoder).get("Count").unwrap().cim_type(), Some(CimType::String));
    for (store, expected) in [(&old, CimType::UInt8), (&new, CimType::UInt64)] {
        decoder = Decoder::new().with_schema(store, Mismatch::Fail).with_learned(decoder.into_learned());
        assert_eq!(read(&mut decoder).get("Count").unwrap().cim_type(), Some(expected));
    }
}
