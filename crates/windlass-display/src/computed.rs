//! The columns that PowerShell's views compute by script, for the types that are shown most.

use windlass_clixml::{Civil, PsObject, PsValue};

use crate::number::grouped;
use crate::text::cell_text;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// The value of a computed column; empty where the column is not known here.
pub(crate) fn value(object: &PsObject, label: &str) -> String {
    let number = |name: &str| object.get(name).and_then(PsValue::as_f64);
    let mebibytes = |name: &str| number(name).map(|bytes| grouped(bytes / MIB, 2)).unwrap_or_default();
    match label {
        "NPM(K)" => number("NPM").map(|bytes| format!("{:.0}", bytes / KIB)).unwrap_or_default(),
        "PM(M)" => mebibytes("PM"),
        "WS(M)" => mebibytes("WS"),
        "CPU(s)" => number("CPU").map(|seconds| grouped(seconds, 2)).unwrap_or_default(),
        "LastWriteTime" => object
            .get("LastWriteTime")
            .and_then(PsValue::as_datetime)
            .map(|time| {
                let Civil { year, month, day, hour, minute, .. } = time.civil();
                format!("{month}/{day}/{year} {hour:02}:{minute:02}")
            })
            .unwrap_or_default(),
        "Name" => object.get("Name").map(cell_text).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The heading of a group: its label and text.
pub(crate) fn group_heading(property: &str, object: &PsObject) -> Option<(String, String)> {
    let (label, value) = match property {
        "PSParentPath" => {
            let path = cell_text(object.get(property)?);
            ("Directory", path.split_once("::").map_or(path.clone(), |(_, path)| path.to_owned()))
        }
        "=NameSpace" => ("NameSpace", cell_text(object.get("CimSystemProperties")?.get("Namespace")?)),
        _ => (property, cell_text(object.get(property)?)),
    };
    Some((label.to_owned(), value))
}
