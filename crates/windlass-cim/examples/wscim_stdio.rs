//! Reads instances for another program to check: each line of standard input is a JSON string with an
//! XML document; each line of output says what the items, or the body, of that document hold, and
//! what they look like when they are written again.
#![allow(clippy::print_stdout, reason = "this program answers on standard output")]

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, CimValue, Error, ResourceUri, UriFamily};
use windlass_xml::{Limits, Reader, Writer};

fn main() -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str::<String>(&line?) {
            Ok(document) => match read(&document) {
                Ok(items) => json!({ "items": items }),
                Err(error) => json!({ "error": error.to_string() }),
            },
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// The instances of a document: the children of every `Items`, and of the body those that are in the
/// namespace of a class.
fn read(document: &str) -> Result<Vec<Value>, Error> {
    let mut reader = Reader::new(document, Limits::default());
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    loop {
        match reader.next()? {
            windlass_xml::Event::Start(element) => {
                let is_class = element.ns().parse::<ResourceUri>().is_ok();
                if is_class || element.local() == "XmlFragment" {
                    let instance = decoder.instance(&mut reader, &element)?;
                    found.push(describe(&instance)?);
                }
            }
            windlass_xml::Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

fn describe(instance: &CimInstance) -> Result<Value, Error> {
    let mut writer = Writer::new();
    let family = match &instance.namespace {
        Some(namespace) => ResourceUri::wmi_all(namespace.clone()),
        None => ResourceUri { family: UriFamily::Cim, namespace: None, class: None },
    };
    let encoder = Encoder::new(family);
    if instance.class_name.is_empty() {
        encoder.projection(&mut writer, instance)?;
    } else {
        encoder.instance(&mut writer, instance)?;
    }
    let mut described = value_of(instance);
    if let Some(object) = described.as_object_mut() {
        object.insert("written".to_owned(), writer.finish().into());
    }
    Ok(described)
}

fn value_of(instance: &CimInstance) -> Value {
    let properties = instance.properties.iter();
    let properties: Vec<_> = properties.map(|p| json!([p.name.as_str(), value(&p.value)])).collect();
    json!({ "class": instance.class_name.as_str(), "properties": properties })
}

fn value(value_found: &CimValue) -> Value {
    match value_found {
        CimValue::Null => Value::Null,
        CimValue::Array(array) => array.items().iter().map(value).collect(),
        CimValue::Instance(instance) => value_of(instance),
        CimValue::DateTime(datetime) => json!({ "datetime": datetime.to_string() }),
        CimValue::Reference(path) => json!({ "reference": path.to_string() }),
        other => other.to_text().unwrap_or_default().into(),
    }
}
