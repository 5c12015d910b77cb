//! Printing results in the form that the user asked for.

mod cim;
mod paper;
mod progress;
mod screen;

use std::io::{self, Write};

use windlass_clixml::{PsObject, PsValue, StreamValue, encode_document, to_text};
use windlass_display::{CsvOptions, is_drawn, to_csv, to_json};

use crate::cli::Format;

pub(crate) use cim::{cim_to_value, instance_to_value};
pub(crate) use paper::{Paper, Pieces, View};
pub(crate) use screen::Screen;

/// Columns where the terminal does not say.
const COLUMNS: usize = 120;
/// How deep JSON goes into objects within objects.
const JSON_DEPTH: usize = 6;

/// Takes results one by one. Forms that need all of them, such as tables, are printed at the end.
pub(crate) struct Printer<W> {
    format: Format,
    columns: usize,
    out: W,
    held: Vec<PsValue>,
    count: usize,
}

impl<W: Write> Printer<W> {
    /// Prints to `out`.
    pub(crate) fn new(format: Format, columns: usize, out: W) -> Self {
        Self { format, columns, out, held: Vec::new(), count: 0 }
    }

    /// Takes one result.
    pub(crate) fn result(&mut self, value: PsValue) -> io::Result<()> {
        if self.format != Format::Table && is_drawn(&value) {
            // What a formatting command has drawn is text in every form.
            return write!(self.out, "{}", printable(&to_text(&value)));
        }
        self.count += 1;
        match self.format {
            Format::Ndjson => writeln!(self.out, "{}", json_object(&value))?,
            Format::Json => {
                let before = if self.count == 1 { "[" } else { "," };
                write!(self.out, "{before}\n  {}", json_object(&value))?;
            }
            Format::Table | Format::List | Format::Csv | Format::Clixml => self.held.push(value),
        }
        Ok(())
    }

    /// Prints what was held back.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.format {
            Format::Ndjson => {}
            Format::Json if self.count == 0 => writeln!(self.out, "[]")?,
            Format::Json => writeln!(self.out, "\n]")?,
            Format::Table => self.display(&windlass_display::View::Default)?,
            Format::List => self.display(&windlass_display::View::List(Vec::new()))?,
            Format::Csv => write!(self.out, "{}", to_csv(&self.held, CsvOptions::default()))?,
            Format::Clixml => {
                let items = std::mem::take(&mut self.held).into_iter();
                let items: Vec<_> = items.map(|value| StreamValue { stream: None, value }).collect();
                writeln!(self.out, "{}", encode_document(&items))?;
            }
        }
        self.out.flush()
    }

    fn display(&mut self, view: &windlass_display::View) -> io::Result<()> {
        let text = windlass_display::format(&self.held, view, self.columns);
        write!(self.out, "{}", printable(&text))
    }
}

/// One JSON object for each result; a value that is no object stands under `value`.
fn json_object(value: &PsValue) -> serde_json::Value {
    match to_json(value, JSON_DEPTH) {
        object @ serde_json::Value::Object(_) => object,
        other => serde_json::json!({ "value": other }),
    }
}

/// The same value with the computer that it came from.
pub(crate) fn with_computer(value: PsValue, computer: &str) -> PsValue {
    marked(value, |object| object.extended.set("PSComputerName", computer))
}

/// The same value as the output of a command on a computer: with its name, the session's id and whether to
/// show the name.
pub(crate) fn from_computer(
    value: PsValue,
    computer: &str,
    session: Option<uuid::Uuid>,
    show: bool,
) -> PsValue {
    marked(value, |object| {
        object.extended.set("PSComputerName", computer);
        if let Some(session) = session {
            object.extended.set("RunspaceId", PsValue::Guid(session));
        }
        object.extended.set("PSShowComputerName", show);
    })
}

fn marked(value: PsValue, mark: impl FnOnce(&mut PsObject)) -> PsValue {
    let mut object = match value {
        PsValue::Null => return PsValue::Null,
        PsValue::Object(object) => PsObject::clone(&object),
        other => {
            let shown = to_text(&other);
            PsObject::untyped().with_base(windlass_clixml::Base::Primitive(other)).with_to_string(shown)
        }
    };
    mark(&mut object);
    object.into()
}

/// Text from a peer without the control characters that could steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            character if character.is_control() => char::REPLACEMENT_CHARACTER,
            character => character,
        })
        .collect()
}

/// Columns of the terminal, or those that the environment states.
pub(crate) fn columns() -> usize {
    let stated = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    stated.unwrap_or_else(terminal_columns)
}

fn terminal_columns() -> usize {
    let size = terminal_size::terminal_size();
    size.map_or(COLUMNS, |(terminal_size::Width(width), _)| usize::from(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: Format, values: Vec<PsValue>) -> String {
        let mut out = Vec::new();
        let mut printer = Printer::new(format, 80, &mut out);
        for value in values {
            printer.result(value).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn person() -> PsValue {
        PsObject::custom().with("Name", "ann").with("Age", 7_i32).into()
    }

    #[test]
    fn every_format() {
        for (format, expected) in [
            (Format::Table, "\nName Age\n---- ---\nann    7\n\n"),
            (Format::List, "\nName : ann\nAge  : 7\n\n"),
            (Format::Json, "[\n  {\"Name\":\"ann\",\"Age\":7}\n]\n"),
            (Format::Ndjson, "{\"Name\":\"ann\",\"Age\":7}\n"),
            (Format::Csv, "\"Name\",\"Age\"\n\"ann\",\"7\"\n"),
        ] {
            assert_eq!(printed(format, vec![person()]), expected);
        }
        assert_eq!(printed(Format::Json, vec![]), "[]\n");
        assert_eq!(printed(Format::Ndjson, vec![5_i32.into()]), "{\"value\":5}\n");
    }

    #[test]
    fn a_result_keeps_the_name_of_its_computer() {
        let value = with_computer(person(), "srv1");
        assert_eq!(value.get("PSComputerName").and_then(PsValue::as_str), Some("srv1"));
        assert_eq!(from_computer(5_i32.into(), "srv1", None, true).as_i32(), Some(5));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\n");
    }
}
