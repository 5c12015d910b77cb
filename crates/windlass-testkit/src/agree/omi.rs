//! Microsoft's MI client with its CIM server (`omi/`): what we read from each answer is what that
//! client printed from it, and what we write of it reads back the same.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use windlass_cim::wscim::{Decoder, Encoder};
use windlass_cim::{CimInstance, CimStatus, CimValue, ResourceUri};
use windlass_soap::SelectorValue;
use windlass_wsman::{Expectation, Item, Limits, Reply, decode_response};
use windlass_xml::{Reader, Writer};

use super::KindReport;
use super::wsman::exchanges;

/// Compares what `dir/omi` holds.
pub fn run(dir: &Path) -> Vec<KindReport> {
    let dir = dir.join("omi");
    let Ok(entries) = std::fs::read_dir(&dir) else { return Vec::new() };
    let mut answers = KindReport::new("omi/answers");
    let mut statuses = KindReport::new("omi/statuses");
    let mut cases: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    cases.sort();
    for told in cases {
        let name = told.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let outcome = compare(&told);
        let is_fault = outcome.as_ref().is_ok_and(|is_fault| *is_fault);
        let report = if is_fault { &mut statuses } else { &mut answers };
        report.count(&name, outcome.map(|_| ()));
    }
    vec![answers, statuses]
}

/// Compares one case; says whether it ended in a fault.
fn compare(told: &Path) -> Result<bool, String> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let case: Value = serde_json::from_str(&read(told)?).map_err(|error| error.to_string())?;
    let printed = case.get("printed").and_then(Value::as_str).ok_or("the case lacks what was printed")?;
    let mut ours = String::new();
    let mut is_fault = false;
    for exchange in exchanges(&read(&told.with_extension("jsonl"))?)? {
        let Some(response) = exchange.response else { continue };
        is_fault |= print_answer(&response, &mut ours)?;
    }
    match ours.lines().zip(printed.lines()).position(|(ours, theirs)| ours != theirs) {
        Some(at) => Err(format!(
            "line {}: ours {:?}, theirs {:?}",
            at + 1,
            ours.lines().nth(at).unwrap_or_default(),
            printed.lines().nth(at).unwrap_or_default()
        )),
        None if ours.lines().count() != printed.lines().count() => {
            Err(format!("{} lines, printed were {}", ours.lines().count(), printed.lines().count()))
        }
        None => Ok(is_fault),
    }
}

/// Prints what an answer holds as the client does; says whether it is a fault.
fn print_answer(text: &str, out: &mut String) -> Result<bool, String> {
    let response = decode_response(text, &Expectation::unchecked(), &Limits::default());
    let mut decoder = Decoder::new();
    let mut print = |mut reader: Reader<'_>| -> Result<(), String> {
        let instance = decoder.decode(&mut reader).map_err(|error| error.to_string())?;
        reads_back(&instance)?;
        print_instance(&instance, 0, out);
        Ok(())
    };
    let xml_limits = windlass_xml::Limits::default();
    match response.map_err(|error| error.to_string())?.reply {
        Reply::Enumerate(page) | Reply::Pull(page) => {
            for item in &page.items {
                match item {
                    Item::Object(xml) | Item::ObjectAndReference(xml, _) => print(xml.reader(xml_limits))?,
                    Item::Reference(_) | Item::Taken(_) => {
                        return Err("a reference where an instance was asked for".to_owned());
                    }
                }
            }
        }
        Reply::Get(xml) | Reply::Put(Some(xml)) | Reply::Invoke(Some(xml)) => print(xml.reader(xml_limits))?,
        Reply::Create(created) => {
            let resource = created.resource.ok_or("no reference to what was created")?;
            let uri = resource.resource_uri.unwrap_or_default().parse::<ResourceUri>();
            let selectors = resource.selectors.iter().filter_map(|selector| match &selector.value {
                SelectorValue::Text(text) => Some((selector.name.as_str(), text.as_str())),
                SelectorValue::Reference(_) => None,
            });
            let path = uri.map_err(|error| error.to_string())?.to_path(selectors);
            print_instance(&CimInstance::of_path(&path.ok_or("a reference without a class")?), 0, out);
        }
        Reply::Fault(fault) => {
            let detail = fault.details.first().ok_or("a fault without an error instance")?;
            let error = decoder.decode(&mut detail.reader(xml_limits)).map_err(|error| error.to_string())?;
            let (status, message) = CimStatus::of_error(&error).ok_or("an error without status")?;
            let _ = writeln!(out, "result: {}\nresult: {message}", status.name().unwrap_or_default());
            return Ok(true);
        }
        _ => {}
    }
    Ok(false)
}

/// What is written of an instance reads back equal.
fn reads_back(instance: &CimInstance) -> Result<(), String> {
    let encoder = Encoder::new(ResourceUri::cim("X"));
    let mut writer = Writer::new();
    encoder.instance(&mut writer, instance).map_err(|error| error.to_string())?;
    let xml = writer.finish();
    let mut reader = Reader::new(&xml, windlass_xml::Limits::default());
    let again = Decoder::new().decode(&mut reader).map_err(|error| format!("our own XML: {error}"))?;
    let same = CimValue::from(again).cim_eq(&CimValue::from(instance.clone()));
    if same { Ok(()) } else { Err(format!("{} reads back different", instance.class_name)) }
}

fn print_instance(instance: &CimInstance, level: usize, out: &mut String) {
    let indent = "    ".repeat(level);
    let _ = writeln!(out, "{indent}instance of {}\n{indent}{{", instance.class_name);
    for property in &instance.properties {
        let key = if property.is_key { "[Key] " } else { "" };
        let _ = match &property.value {
            CimValue::Null => Ok(()),
            value => {
                let _ = write!(out, "{indent}    {key}{}=", property.name);
                print_value(value, level + 1, out);
                writeln!(out)
            }
        };
    }
    let _ = writeln!(out, "{indent}}}");
}

fn print_value(value: &CimValue, level: usize, out: &mut String) {
    match value {
        CimValue::Instance(instance) => {
            print_instance(instance, level, out);
            out.truncate(out.trim_end_matches('\n').len());
        }
        CimValue::Array(array) if array.items().iter().any(|item| item.as_instance().is_some()) => {
            let indent = "    ".repeat(level);
            let _ = writeln!(out, "\n{indent}{{");
            for item in array.items().iter().filter_map(CimValue::as_instance) {
                print_instance(item, level + 1, out);
            }
            let _ = write!(out, "{indent}}}");
        }
        CimValue::Array(array) => {
            let items: Vec<_> = array.items().iter().map(|item| item.to_text().unwrap_or_default()).collect();
            let _ = write!(out, "{{{}}}", items.join(", "));
        }
        scalar => out.push_str(&scalar.to_text().unwrap_or_default()),
    }
}
