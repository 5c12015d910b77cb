//! A host whose `root/recorded` holds recorded instances: `recorded_host [CLASS:KEY,KEY]... ENVELOPE...`.
//!
//! Each envelope is a recorded answer to Get, Enumerate or Pull; which properties of a class are its keys is
//! not in them. The host serves plain HTTP with Basic, prints
//! its address as a line of JSON and ends when its input is closed. Programs that know nothing of this
//! project ask it for the same instances and compare: see `xtask/interop/recorded_host.py`.
#![allow(clippy::print_stdout, reason = "this program speaks over its output")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::sync::Arc;

use windlass_cim::wscim::Decoder;
use windlass_cim::{CimClass, CimInstance, Named, Namespace, PropertyDecl};
use windlass_mock::MockHost;
use windlass_mock::cim::{CimFailure, CimProvider, CimRequest, Instances};
use windlass_wsman::{Expectation, Item, Limits, Reply, decode_response};

/// Instances of classes that are made after them.
struct Recorded {
    classes: Vec<CimClass>,
    instances: BTreeMap<String, Vec<CimInstance>>,
}

impl Recorded {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut instances: BTreeMap<String, Vec<CimInstance>> = BTreeMap::new();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for argument in arguments {
            if let Some((class, names)) = argument.split_once(':') {
                keys.insert(class.to_owned(), names.split(',').map(str::to_owned).collect());
                continue;
            }
            let text = std::fs::read_to_string(&argument)?;
            let response = decode_response(&text, &Expectation::unchecked(), &Limits::default())?;
            let found = match response.reply {
                Reply::Get(xml) => vec![xml],
                Reply::Enumerate(page) | Reply::Pull(page) => {
                    page.items.iter().filter_map(Item::object).cloned().collect()
                }
                _ => continue,
            };
            let mut decoder = Decoder::new();
            for xml in found {
                let instance = decoder.decode(&mut xml.reader(windlass_xml::Limits::default()))?;
                if !instance.class_name.is_empty() {
                    instances.entry(instance.class_name.to_string()).or_default().push(instance);
                }
            }
        }
        let known = |name: &String| keys.get(name).map(Vec::as_slice).unwrap_or_default();
        let classes = instances.iter().map(|(name, all)| class_of(name, all, known(name))).collect();
        Ok(Self { classes, instances })
    }
}

/// A class with the properties of some instances.
fn class_of(name: &str, instances: &[CimInstance], keys: &[String]) -> CimClass {
    let mut class = CimClass::new(name);
    for property in instances.iter().flat_map(|instance| instance.properties.iter()) {
        let mut declared = match keys.iter().any(|key| property.name.is(key)) {
            true => PropertyDecl::key(property.name.clone(), property.cim_type),
            false => PropertyDecl::new(property.name.clone(), property.cim_type),
        };
        declared.data_type.is_array = property.is_array;
        let known = class.properties.get_mut(property.name());
        match known {
            None => {
                class.properties.insert(declared);
            }
            // A null says nothing of the type, a single item nothing of an array.
            Some(known) if property.is_array || !property.value.is_null() => {
                let is_array = known.data_type.is_array || property.is_array;
                known.data_type = declared.data_type;
                known.data_type.is_array = is_array;
            }
            Some(_) => {}
        }
    }
    class
}

impl CimProvider for Recorded {
    fn namespace(&self) -> Namespace {
        Namespace::new("root/recorded")
    }

    fn classes(&self) -> Result<Vec<CimClass>, windlass_cim::Error> {
        Ok(self.classes.clone())
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&windlass_cim::wql::Condition>,
    ) -> Result<Instances, CimFailure> {
        let all = self.instances.get(class.name.as_str()).cloned().unwrap_or_default();
        Ok(Box::new(all.into_iter().map(Ok)))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let recorded = Recorded::read(std::env::args().skip(1))?;
    let builder = MockHost::builder().user("alice", "Pa55w0rd.1".to_owned()).allow_unencrypted(true);
    let host = builder.http("127.0.0.1:0").provider(Arc::new(recorded)).start().await?;
    let address = host.http_addr().map(|address| address.to_string()).unwrap_or_default();
    println!("{{\"http\":\"{address}\"}}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    host.shutdown().await;
    Ok(())
}
