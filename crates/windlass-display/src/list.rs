//! Lists: one property a line.

use windlass_clixml::PsObject;

use crate::cell::{Alignment, pad, width, wrap};
use crate::computed;
use crate::shape::Shape;
use crate::text::cell_text;

/// Draws the properties of one object.
pub(crate) fn draw(shape: &Shape, object: &PsObject, line: usize, out: &mut String) {
    let present: Vec<(&str, String)> = shape
        .fields
        .iter()
        .filter_map(|field| match &field.property {
            Some(property) => object.get(property).map(|value| (field.label.as_str(), cell_text(value))),
            None => Some((field.label.as_str(), computed::value(object, &field.label))),
        })
        .collect();
    let label_width = present.iter().map(|(label, _)| width(label)).max().unwrap_or_default();
    let indent = label_width + 3;
    for (label, text) in present {
        let mut lines = wrap(&text, line.saturating_sub(indent)).into_iter();
        let first = lines.next().unwrap_or_default();
        out.push_str(&format!("{} : {first}\n", pad(label, label_width, Alignment::Left)));
        for line in lines {
            out.push_str(&format!("{}{line}\n", " ".repeat(indent)));
        }
    }
}
