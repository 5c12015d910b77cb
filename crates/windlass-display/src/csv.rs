//! `ConvertTo-Csv`.

use windlass_clixml::{PsValue, to_text};

/// How to write comma-separated values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvOptions {
    /// What stands between two fields.
    pub delimiter: char,
    /// Whether the first line names the properties.
    pub header: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: ',', header: true }
    }
}

/// The objects as lines; the first one decides which properties there are. Values that are no objects
/// have none but their length, as in PowerShell.
pub fn to_csv(values: &[PsValue], options: CsvOptions) -> String {
    let Some(first) = values.iter().find(|value| !value.is_null()) else { return String::new() };
    let names: Vec<String> = match first.as_object() {
        Some(object) => object.properties().map(|property| property.name.as_str().to_owned()).collect(),
        None => vec!["Length".to_owned()],
    };
    let mut out = String::new();
    if options.header {
        line(names.iter().map(|name| Some(name.clone())), options.delimiter, &mut out);
    }
    for value in values.iter().filter(|value| !value.is_null()) {
        let field = |name: &String| match (value.as_object(), value.as_str()) {
            (Some(object), _) => object.get(name).filter(|value| !value.is_null()).map(field_text),
            (None, Some(text)) => Some(text.encode_utf16().count().to_string()),
            (None, None) => None,
        };
        line(names.iter().map(field), options.delimiter, &mut out);
    }
    out
}

/// Floating point keeps every digit here; enumerations become the name of their type.
fn field_text(value: &PsValue) -> String {
    match value.unwrapped() {
        PsValue::F64(number) => number.to_string(),
        PsValue::F32(number) => number.to_string(),
        PsValue::Object(object) if object.items().is_some() || object.entries().is_some() => {
            object.type_names.most_derived().to_owned()
        }
        _ => to_text(value),
    }
}

fn line(fields: impl Iterator<Item = Option<String>>, delimiter: char, out: &mut String) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        if let Some(text) = field {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        }
    }
    out.push('\n');
}
