//! CIM instances of real Windows servers, from the recordings that `cargo xtask fixtures` fetches: each
//! decodes, is written again and reads back equal. `xtask/interop/lxml_cim.py` compares the values with
//! those that lxml finds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "test code"
)]

#[path = "support/skipped.rs"]
mod skipped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use skipped::skipped;
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, CimValue, ClassStore, Mismatch, ResourceUri, mof};
use windlass_soap::Xml;
use windlass_wsman::{Expectation, Item, Limits, Reply, decode_response};
use windlass_xml::{Reader, Writer};

/// What the classes of these recordings declare, for the properties whose types tell most.
const CLASSES: &str = "
class Win32_Service { [key] string Name; boolean AcceptPause; boolean Started; uint32 ProcessId;
  uint32 ExitCode; datetime InstallDate; string State; };
class Win32_Process { [key] string Handle; uint32 ProcessId; uint64 WorkingSetSize; datetime CreationDate;
  sint16 Nothing; uint64 KernelModeTime; };
class Win32_OperatingSystem { [key] string Name; sint16 CurrentTimeZone; datetime LastBootUpTime;
  uint64 FreePhysicalMemory; boolean Primary; };
class Win32_ComputerSystem { [key] string Name; string Roles[]; uint64 TotalPhysicalMemory; };
";

fn recordings() -> Option<Vec<PathBuf>> {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fixtures/txwinrm-1.1.18/txwinrm/test")];
    if !folders[0].is_dir() {
        skipped("run cargo xtask fixtures");
        return None;
    }
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "xml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Some(found)
}

/// Calls `check` with every item that is an instance or projection.
fn items(path: &Path, mut check: impl FnMut(&Xml<'_>)) {
    let text = std::fs::read_to_string(path).unwrap();
    let response = decode_response(&text, &Expectation::unchecked(), &Limits::default());
    let response = response.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (Reply::Enumerate(page) | Reply::Pull(page)) = &response.reply else { return };
    for item in &page.items {
        let Item::Object(xml) = item else { panic!("{}: a reference", path.display()) };
        if !xml.source().starts_with("<Event ") {
            check(xml);
        }
    }
}

fn decode(decoder: &mut Decoder<'_>, xml: &Xml<'_>, path: &Path) -> CimInstance {
    let mut reader = xml.reader(windlass_xml::Limits::default());
    decoder.decode(&mut reader).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn write(instance: &CimInstance) -> String {
    let mut writer = Writer::new();
    let encoder = Encoder::new(ResourceUri::wmi_all("root/cimv2"));
    if instance.class_name.is_empty() {
        encoder.projection(&mut writer, instance).unwrap();
    } else {
        encoder.instance(&mut writer, instance).unwrap();
    }
    writer.finish()
}

#[test]
fn every_instance_reads_back() {
    let Some(paths) = recordings() else { return };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut properties = 0;
    for path in &paths {
        let mut decoder = Decoder::new();
        items(path, |xml| {
            let instance = decode(&mut decoder, xml, path);
            let written = write(&instance);
            let mut reader = Reader::new(&written, windlass_xml::Limits::default());
            assert_eq!(Decoder::new().decode(&mut reader).unwrap(), instance, "{}", path.display());
            *counts.entry(instance.class_name.to_string()).or_default() += 1;
            properties += instance.properties.len();
        });
    }
    println!("{} instances and projections with {properties} properties", counts.values().sum::<usize>());
    assert_eq!(counts.len(), 16, "15 classes and projections: {counts:?}");
    assert_eq!(counts[""], 719, "projections");
    assert_eq!(counts["Win32_Service"], 355);
    assert_eq!(counts["Win32_Process"], 122);
}

#[test]
fn classes_give_the_values_their_types() {
    let Some(paths) = recordings() else { return };
    let mut store = ClassStore::new();
    for class in mof::parse(CLASSES).unwrap().classes {
        store.add(class).unwrap();
    }
    let mut typed = 0;
    for path in &paths {
        let mut decoder = Decoder::new().with_schema(&store, Mismatch::Fail);
        items(path, |xml| {
            let instance = decode(&mut decoder, xml, path);
            let Some(class) = &instance.class else { return };
            let untyped = decode(&mut Decoder::new(), xml, path);
            for (property, sent) in instance.properties.iter().zip(&untyped.properties) {
                if class.property(&property.name).is_none() {
                    continue;
                }
                typed += property.value.items().len();
                assert!(property.value.fits(property.cim_type, property.is_array), "{}", property.name);
                // The text that was sent is the text of the typed value.
                if let (CimValue::String(sent), false) = (&sent.value, property.is_array) {
                    assert_eq!(property.value.to_text().unwrap(), sent.as_str(), "{}", property.name);
                }
            }
        });
    }
    println!("{typed} typed values");
    assert!(typed > 2_500);
}
