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
    let mut objects = values.iter().filter(|value| !value.is_null()).peekable();
    let Some(first) = objects.peek() else { return String::new() };
    let rows = CsvRows::new(first, options);
    let mut out = if options.header { rows.header() } else { String::new() };
    objects.for_each(|value| out.push_str(&rows.row(value)));
    out
}

/// Lines for objects that come one after the other.
#[derive(Debug, Clone)]
pub struct CsvRows {
    names: Vec<String>,
    delimiter: char,
}

impl CsvRows {
    /// Lines with the properties of this object.
    pub fn new(first: &PsValue, options: CsvOptions) -> Self {
        let names = match first.as_object() {
            Some(object) => object.properties().map(|property| property.name.as_str().to_owned()).collect(),
            None => vec!["Length".to_owned()],
        };
        Self { names, delimiter: options.delimiter }
    }

    /// The line with the properties' names.
    pub fn header(&self) -> String {
        let mut out = String::new();
        line(self.names.iter().map(|name| Some(name.clone())), self.delimiter, &mut out);
        out
    }

    /// The line of an object.
    pub fn row(&self, value: &PsValue) -> String {
        let field = |name: &String| match (value.as_object(), value.as_str()) {
            (Some(object), _) => object.get(name).filter(|value| !value.is_null()).map(field_text),
            (None, Some(text)) => Some(text.encode_utf16().count().to_string()),
            (None, None) => None,
        };
        let mut out = String::new();
        line(self.names.iter().map(field), self.delimiter, &mut out);
        out
    }
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
