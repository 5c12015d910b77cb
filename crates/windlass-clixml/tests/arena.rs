//! Looking around in an arena.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::borrow::Cow;

use windlass_clixml::{Document, Limits, PsValue, decode};

const PROCESS: &str = "<Obj RefId=\"0\"><TN RefId=\"0\"><T>System.Diagnostics.Process</T><T>System.Object</T></TN>\
    <ToString>System.Diagnostics.Process (a)</ToString><Props><S N=\"Name\">a</S><I32 N=\"Id\">7</I32>\
    <S N=\"Path\">C:\\a &amp; b_x0041_</S></Props><MS><I64 N=\"id\">8</I64><Obj N=\"Self\" RefId=\"1\"><MS>\
    <Ref N=\"Up\" RefId=\"0\" /></MS></Obj><Ref N=\"Also\" RefId=\"1\" /></MS></Obj>";

#[test]
fn an_object_shows_its_parts() {
    let document = Document::read_message(PROCESS, &Limits::default()).unwrap();
    let (stream, root) = document.roots().next().unwrap();
    assert_eq!((stream, root.tag()), (None, "Obj"));
    assert_eq!(root.type_names().unwrap().most_derived(), "System.Diagnostics.Process");
    assert_eq!(root.to_text().unwrap(), "System.Diagnostics.Process (a)");
    let names: Vec<_> = root.properties().map(|property| property.name().into_owned()).collect();
    assert_eq!(names, ["Name", "Id", "Path", "id", "Self", "Also"]);
    assert_eq!(root.get("ID").and_then(|id| id.as_i64()), Some(8), "what was added hides what is adapted");
    assert!(matches!(root.get("name").unwrap().text(), Some(Cow::Borrowed("a"))), "plain text is borrowed");
    assert_eq!(root.get("path").unwrap().text().unwrap(), "C:\\a & bA");
    assert_eq!(root.get("none").map(|view| view.id()), None);
}

#[test]
fn references_lead_to_what_they_name() {
    let document = Document::read_message(PROCESS, &Limits::default()).unwrap();
    let (_, root) = document.roots().next().unwrap();
    let also = root.get("Also").unwrap();
    assert_eq!(also.tag(), "Ref");
    assert_eq!(also.resolved().id(), root.get("Self").unwrap().id());
    let up = also.get("Up").unwrap();
    assert_eq!(up.resolved().id(), root.id());
    assert_eq!(document.at(root.id()).get("Name").unwrap().text().unwrap(), "a");
}

#[test]
fn a_part_is_built_with_what_it_refers_to() {
    let document = Document::read_message(PROCESS, &Limits::default()).unwrap();
    let (_, root) = document.roots().next().unwrap();
    assert_eq!(root.to_value(), decode(PROCESS, &Limits::default()).unwrap());
    let also = root.get("Also").unwrap().to_value();
    let up = also.get("Up").unwrap();
    assert_eq!(up.get("Name").and_then(PsValue::as_str), Some("a"));
}

#[test]
fn lists_and_dictionaries_are_walked_in_order() {
    let xml = "<Obj><LST><I32>1</I32><Obj><DCT><En><S N=\"Key\">k</S><Nil N=\"Value\" /></En></DCT></Obj></LST></Obj>";
    let document = Document::read_message(xml, &Limits::default()).unwrap();
    let (_, root) = document.roots().next().unwrap();
    let items: Vec<_> = root.items().collect();
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].as_i64(), Some(1));
    let entry: Vec<_> = items[1].keys_and_values().map(|view| view.tag()).collect();
    assert_eq!(entry, ["S", "Nil"]);
    let wrapped =
        Document::read_message("<Obj><ToString>Friday</ToString><I32>5</I32></Obj>", &Limits::default())
            .unwrap();
    let (_, root) = wrapped.roots().next().unwrap();
    assert_eq!(root.as_i64(), Some(5));
}

#[test]
fn streams_are_told() {
    let xml = "<Objs Version='1.1.0.1' xmlns='http://schemas.microsoft.com/powershell/2004/04'><S S='Error'>x</S><S>y</S></Objs>";
    let document = Document::read_document(xml, &Limits::default()).unwrap();
    let streams: Vec<_> = document.roots().map(|(stream, _)| stream.map(String::from)).collect();
    assert_eq!(streams, [Some("Error".to_owned()), None]);
}
