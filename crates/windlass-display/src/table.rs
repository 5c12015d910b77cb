//! Tables and wide views.

use windlass_clixml::{PsObject, PsValue};

use crate::cell::{Alignment, cut, first_line, pad, width, wrap};
use crate::computed;
use crate::number::three_decimals;
use crate::shape::Shape;
use crate::text::cell_text;
use crate::views::{Field, Kind};

/// No column becomes narrower than this.
const NARROWEST: usize = 4;

/// A column with its final width; `None` where it does not fit the line.
struct Column {
    label: String,
    width: Option<usize>,
    alignment: Alignment,
}

/// Draws the rows of one group.
pub(crate) fn draw(shape: &Shape, objects: &[&PsObject], line: usize, out: &mut String) {
    let rows: Vec<Vec<String>> = objects
        .iter()
        .map(|object| shape.fields.iter().map(|field| first_line_of(shape, object, field)).collect())
        .collect();
    let columns = columns(shape, objects, &rows, line);
    if !shape.hide_headers {
        let labels: Vec<String> = columns.iter().map(|column| column.label.clone()).collect();
        let dashes: Vec<String> = columns
            .iter()
            .map(|column| "-".repeat(width(&column.label).min(column.width.unwrap_or_default())))
            .collect();
        let mut header = String::new();
        row(&columns, &labels, false, &mut header);
        out.push_str(header.trim_end_matches([' ', '\n']));
        out.push('\n');
        row(&columns, &dashes, false, out);
    }
    for cells in &rows {
        row(&columns, cells, shape.wrap, out);
    }
}

/// Draws one property of each object, several objects a line.
pub(crate) fn draw_wide(shape: &Shape, objects: &[&PsObject], line: usize, out: &mut String) {
    let cells: Vec<String> = objects
        .iter()
        .map(|object| {
            shape.fields.first().map(|field| first_line_of(shape, object, field)).unwrap_or_default()
        })
        .collect();
    let mut widths = vec![0; shape.columns];
    fit(&mut widths, line);
    let columns: Vec<Column> = widths
        .into_iter()
        .map(|width| Column { label: String::new(), width: Some(width), alignment: Alignment::Left })
        .collect();
    for chunk in cells.chunks(shape.columns) {
        let mut cells = chunk.to_vec();
        cells.resize(shape.columns, String::new());
        row(&columns, &cells, false, out);
    }
}

fn first_line_of(shape: &Shape, object: &PsObject, field: &Field) -> String {
    let text = match &field.property {
        None => computed::value(object, &field.label),
        Some(property) => match object.get(property) {
            Some(value) if shape.autosize && shape.kind == Kind::Table => made_up_cell(value),
            Some(value) => cell_text(value),
            None => String::new(),
        },
    };
    let text = without_escapes(&text);
    if shape.wrap { text } else { first_line(&text) }
}

/// Tables without a view of their own show floating point with three decimals.
fn made_up_cell(value: &PsValue) -> String {
    match value.unwrapped() {
        PsValue::F32(_) | PsValue::F64(_) | PsValue::Decimal(_) => {
            value.as_f64().map(three_decimals).unwrap_or_default()
        }
        _ => cell_text(value),
    }
}

/// Colours are the sender's; what it sends must not steer this terminal.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1B}' {
            out.push(character);
            continue;
        }
        if characters.next() == Some('[') {
            for parameter in characters.by_ref() {
                if ('@'..='~').contains(&parameter) {
                    break;
                }
            }
        }
    }
    out
}

fn columns(shape: &Shape, objects: &[&PsObject], rows: &[Vec<String>], line: usize) -> Vec<Column> {
    let mut widths: Vec<usize> = shape.fields.iter().map(|field| field.width.unwrap_or_default()).collect();
    if shape.autosize {
        for (index, (wanted, field)) in widths.iter_mut().zip(&shape.fields).enumerate() {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| width(cell));
            *wanted = cells.chain([width(&field.label)]).max().unwrap_or_default().max(1);
        }
    }
    let visible = fit(&mut widths, line);
    let first = objects.first();
    shape
        .fields
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(index, (field, width))| Column {
            label: field.label.clone(),
            width: (index < visible).then_some(width),
            alignment: field.alignment.unwrap_or_else(|| {
                let value =
                    field.property.as_ref().and_then(|name| first.and_then(|object| object.get(name)));
                if shape.autosize { natural(value) } else { Alignment::Left }
            }),
        })
        .collect()
}

/// Numbers and booleans stand to the right in tables without a view of their own.
fn natural(value: Option<&PsValue>) -> Alignment {
    match value.map(PsValue::unwrapped) {
        Some(PsValue::Bool(_)) => Alignment::Right,
        Some(PsValue::Char(_)) | None => Alignment::Left,
        Some(value) if value.as_f64().is_some() => Alignment::Right,
        Some(_) => Alignment::Left,
    }
}

/// Gives columns of width 0 what is left of the line, evenly, and drops or narrows the last ones
/// until all fit. Returns how many are visible.
fn fit(widths: &mut [usize], line: usize) -> usize {
    let free: Vec<usize> =
        widths.iter().enumerate().filter(|(_, width)| **width == 0).map(|(index, _)| index).collect();
    for index in &free {
        if let Some(width) = widths.get_mut(*index) {
            *width = NARROWEST;
        }
    }
    let mut left = line.saturating_sub(total(widths, widths.len()));
    if !free.is_empty() {
        let (each, mut extra) = (left / free.len(), left % free.len());
        for index in &free {
            if let Some(width) = widths.get_mut(*index) {
                *width += each + usize::from(extra > 0);
                extra = extra.saturating_sub(1);
            }
        }
        left = 0;
    }
    let mut visible = widths.len();
    while left == 0 && visible > 0 {
        let excess = total(widths, visible).saturating_sub(line);
        if excess == 0 {
            break;
        }
        match widths.get_mut(visible - 1) {
            Some(last) if *last >= excess + NARROWEST => *last -= excess,
            _ => visible -= 1,
        }
    }
    visible
}

/// Columns with a blank between each two.
fn total(widths: &[usize], visible: usize) -> usize {
    widths.iter().take(visible).sum::<usize>() + visible.saturating_sub(1)
}

/// Writes one row; with `wrapped`, long cells go on below.
fn row(columns: &[Column], cells: &[String], wrapped: bool, out: &mut String) {
    let lines: Vec<Vec<String>> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| match column.width {
            Some(width) if wrapped => wrap(cell, width),
            Some(width) => vec![cut(cell, width, column.alignment)],
            None => Vec::new(),
        })
        .collect();
    let height = lines.iter().map(Vec::len).max().unwrap_or_default().max(1);
    for level in 0..height {
        for (index, (column, cell)) in columns.iter().zip(&lines).enumerate() {
            let Some(width) = column.width else { continue };
            if index > 0 {
                out.push(' ');
            }
            let text = cell.get(level).map_or("", String::as_str);
            if index + 1 == columns.len() && column.alignment == Alignment::Left {
                out.push_str(text);
            } else {
                out.push_str(&pad(text, width, column.alignment));
            }
        }
        out.push('\n');
    }
}
