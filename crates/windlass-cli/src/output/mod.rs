//! Printing results in the form that the user asked for.

mod cim;
mod paper;
mod progress;
mod screen;

use std::io::{self, Write};

use windlass_clixml::{PsObject, PsValue, StreamValue, encode_document, to_text};
use windlass_display::{CsvOptions, CsvRows, View as Display, is_drawn, to_json};

use crate::cli::Format;
use crate::terminal::steers;

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
    /// How many of those, from the first on, are lines of their own and were printed when they came.
    printed: usize,
    count: usize,
    csv: Option<CsvRows>,
    /// Whether a terminal shows what is printed, and is not to be steered by it.
    is_seen: bool,
}

impl<W: Write> Printer<W> {
    /// Prints to `out`.
    pub(crate) fn new(format: Format, columns: usize, out: W) -> Self {
        Self { format, columns, out, held: Vec::new(), printed: 0, count: 0, csv: None, is_seen: false }
    }

    /// Whether a terminal shows what is printed: elsewhere CSV has every character as it is.
    pub(crate) fn seen(self, is_seen: bool) -> Self {
        Self { is_seen, ..self }
    }

    /// Takes one result.
    pub(crate) fn result(&mut self, value: PsValue) -> io::Result<()> {
        if self.format != Format::Table && is_drawn(&value) {
            // What a formatting command has drawn is text in every form.
            return write!(self.out, "{}", printable(&to_text(&value)));
        }
        self.count += 1;
        match self.format {
            // Each in one piece: what is written goes to the agent's commands as it comes.
            Format::Ndjson => self.out.write_all(format!("{}\n", json_line(&value)).as_bytes())?,
            Format::Json => {
                let before = if self.count == 1 { "[" } else { "," };
                self.out.write_all(format!("{before}\n  {}", json_line(&value)).as_bytes())?;
            }
            Format::Csv if value.is_null() => {}
            // The first object tells which properties there are.
            Format::Csv => {
                let header = self.csv.is_none();
                let rows = self.csv.get_or_insert_with(|| CsvRows::new(&value, CsvOptions::default()));
                let mut text = if header { rows.header() } else { String::new() };
                text.push_str(&rows.row(&value));
                if self.is_seen {
                    text = printable(&text);
                }
                self.out.write_all(text.as_bytes())?;
            }
            Format::Table if self.printed == self.held.len() => {
                let text = self.formatted(std::slice::from_ref(&value), &Display::Default);
                self.held.push(value);
                // Tables and lists begin with an empty line, and may need what comes after.
                if !text.starts_with('\n') {
                    self.printed += 1;
                    write!(self.out, "{text}")?;
                    self.out.flush()?;
                }
            }
            Format::Table | Format::List | Format::Clixml => self.held.push(value),
        }
        Ok(())
    }

    /// Prints what was held back.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        match self.format {
            Format::Ndjson | Format::Csv => {}
            Format::Json if self.count == 0 => writeln!(self.out, "[]")?,
            Format::Json => writeln!(self.out, "\n]")?,
            Format::Table => self.display(&Display::Default)?,
            Format::List => self.display(&Display::List(Vec::new()))?,
            Format::Clixml => {
                let items = std::mem::take(&mut self.held).into_iter();
                let items: Vec<_> = items.map(|value| StreamValue { stream: None, value }).collect();
                writeln!(self.out, "{}", encode_document(&items))?;
            }
        }
        self.out.flush()
    }

    /// Prints what was not printed yet.
    fn display(&mut self, view: &Display) -> io::Result<()> {
        if self.printed == self.held.len() {
            return Ok(());
        }
        let (printed, rest) = self.held.split_at_checked(self.printed).unwrap_or_default();
        let all = self.formatted(&self.held, view);
        // How a value looks may depend on those before it.
        let text = match all.strip_prefix(&self.formatted(printed, view)) {
            Some(text) => text.to_owned(),
            None => self.formatted(rest, view),
        };
        write!(self.out, "{text}")
    }

    fn formatted(&self, values: &[PsValue], view: &Display) -> String {
        printable(&windlass_display::format(values, view, self.columns))
    }
}

/// One JSON object for each result; a value that is no object stands under `value`.
fn json_object(value: &PsValue) -> serde_json::Value {
    match to_json(value, JSON_DEPTH) {
        object @ serde_json::Value::Object(_) => object,
        other => serde_json::json!({ "value": other }),
    }
}

fn json_line(value: &PsValue) -> String {
    ascii_controls(json_object(value).to_string())
}

/// JSON whose control characters beyond ASCII are escaped like those within: some terminals obey them.
pub(crate) fn ascii_controls(json: String) -> String {
    let is_bare = |character: char| ('\u{7f}'..='\u{9f}').contains(&character);
    if !json.contains(is_bare) {
        return json;
    }
    let escaped = |character| match is_bare(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => String::from(character),
    };
    json.chars().map(escaped).collect()
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
            character if steers(character) => char::REPLACEMENT_CHARACTER,
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
    fn rows_are_written_when_they_come() {
        let mut out = Vec::new();
        let mut printer = Printer::new(Format::Csv, 80, &mut out);
        printer.result(PsValue::Null).unwrap();
        printer.result(person()).unwrap();
        assert_eq!(printer.out.as_slice(), b"\"Name\",\"Age\"\n\"ann\",\"7\"\n");
        let other = PsObject::custom().with("Age", 8_i32).with("Height", 9_i32);
        printer.result(other.into()).unwrap();
        assert!(printer.held.is_empty());
        printer.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"Name\",\"Age\"\n\"ann\",\"7\"\n,\"8\"\n");
    }

    #[test]
    fn lines_are_shown_when_they_come() {
        let mut out = Vec::new();
        let mut printer = Printer::new(Format::Table, 80, &mut out);
        printer.result("begun".into()).unwrap();
        printer.result(5_i32.into()).unwrap();
        assert_eq!(printer.out.as_slice(), b"begun\n5\n");
        printer.result(person()).unwrap();
        printer.result("last".into()).unwrap();
        let values = ["begun".into(), 5_i32.into(), person(), "last".into()];
        printer.finish().unwrap();
        let whole = windlass_display::format(&values, &Display::Default, 80);
        assert_eq!(String::from_utf8(out).unwrap(), whole);
    }

    #[test]
    fn a_result_keeps_the_name_of_its_computer() {
        let value = with_computer(person(), "srv1");
        assert_eq!(value.get("PSComputerName").and_then(PsValue::as_str), Some("srv1"));
        assert_eq!(from_computer(5_i32.into(), "srv1", None, true).as_i32(), Some(5));
    }

    #[test]
    fn neither_rows_nor_json_steer_the_terminal() {
        let value = || PsValue::from(PsObject::custom().with("Name", "a\u{1b}]0;x\u{7}\u{9b}2Jb"));
        assert_eq!(printed(Format::Ndjson, vec![value()]), "{\"Name\":\"a\\u001b]0;x\\u0007\\u009b2Jb\"}\n");
        let csv = |is_seen| {
            let mut out = Vec::new();
            let mut printer = Printer::new(Format::Csv, 80, &mut out).seen(is_seen);
            printer.result(value()).unwrap();
            printer.finish().unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(csv(true), "\"Name\"\n\"a\u{fffd}]0;x\u{fffd}\u{fffd}2Jb\"\n");
        assert_eq!(csv(false), "\"Name\"\n\"a\u{1b}]0;x\u{7}\u{9b}2Jb\"\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\n");
    }
}
