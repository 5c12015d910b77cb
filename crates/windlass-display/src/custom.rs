//! `Format-Custom`: objects as classes, with the classes in them.

use std::sync::Arc;

use windlass_clixml::{PsObject, PsValue};

use crate::cell::{width, wrap};
use crate::document::{entry, scalar_object};
use crate::shape::{Shape, is_scalar};
use crate::text::{ENUMERATION_LIMIT, cell_text};

/// Columns by which what is inside stands further to the right.
const STEP: usize = 2;
/// Lines of one object after which nothing is entered any more: objects may refer to each other crosswise.
const MOST_LINES: usize = 100_000;

/// Draws one object.
pub(crate) fn draw(shape: &Shape, object: &PsObject, columns: usize, out: &mut String) {
    let mut drawing = Drawing { columns, levels: shape.levels, lines: 0, out };
    drawing.class(shape, object, Place { level: 0, indent: 0 });
    out.push('\n');
}

/// What is drawn of an object.
struct Drawing<'o> {
    columns: usize,
    /// Classes within classes that are entered.
    levels: usize,
    lines: usize,
    out: &'o mut String,
}

/// How deep inside something stands.
#[derive(Clone, Copy)]
struct Place {
    level: usize,
    indent: usize,
}

impl Place {
    /// Further to the right.
    fn right(self) -> Self {
        Self { indent: self.indent + STEP, ..self }
    }

    /// In what is inside.
    fn below(self) -> Self {
        Self { level: self.level + 1, ..self }
    }
}

impl Drawing<'_> {
    fn class(&mut self, shape: &Shape, object: &PsObject, place: Place) {
        let name = object.type_names.most_derived();
        let name = name.rsplit('.').next().filter(|name| !name.is_empty()).unwrap_or("PSObject");
        self.line(place, &format!("class {name}"));
        self.line(place, "{");
        for field in &shape.fields {
            let value = field.property.as_deref().and_then(|property| object.get(property));
            self.property(&field.label, value, place.right());
        }
        self.line(place, "}");
    }

    fn property(&mut self, label: &str, value: Option<&PsValue>, place: Place) {
        let start = format!("{label} = ");
        let Some(value) = value else { return self.line(place, &start) };
        if let Some(items) = items(value) {
            self.line(place, &start);
            return self.items(&items, place.below().right());
        }
        match self.entered(value, place) {
            Some(object) => {
                self.line(place, &start);
                self.class(&Shape::of_class(&object, &[], self.levels), &object, place.below().right());
            }
            None => self.line(place, &format!("{start}{}", cell_text(value))),
        }
    }

    fn items(&mut self, values: &[PsValue], place: Place) {
        self.line(place, "[");
        for value in values.iter().take(ENUMERATION_LIMIT) {
            let inside = place.right();
            match (self.entered(value, place), items(value)) {
                (None, _) => self.line(inside, &cell_text(value)),
                (Some(_), Some(items)) => {
                    self.line(inside, "");
                    self.items(&items, inside.below().right());
                }
                (Some(object), None) => {
                    self.class(&Shape::of_class(&object, &[], self.levels), &object, inside.below());
                }
            }
        }
        if values.len() > ENUMERATION_LIMIT {
            self.line(place.right(), "…");
        }
        self.line(place, "]");
        self.line(place, "");
    }

    /// What is shown by its properties here, if the value is.
    fn entered(&self, value: &PsValue, place: Place) -> Option<Arc<PsObject>> {
        let is_leaf = place.level >= self.levels || self.lines >= MOST_LINES || is_scalar(value);
        if is_leaf { None } else { value.to_object().or_else(|| scalar_object(value)) }
    }

    fn line(&mut self, place: Place, text: &str) {
        let columns = self.columns.saturating_sub(place.indent);
        let parts = if width(text) <= columns { vec![text.to_owned()] } else { wrap(text, columns) };
        for part in parts {
            self.lines += 1;
            self.out.push_str(&format!("{:indent$}{part}\n", "", indent = place.indent));
        }
    }
}

/// What is in a list, a table of keys or an array of bytes: one more than is shown at most.
fn items(value: &PsValue) -> Option<Vec<PsValue>> {
    if let PsValue::Bytes(bytes) = value {
        return Some(bytes.iter().take(ENUMERATION_LIMIT + 1).map(|byte| PsValue::U8(*byte)).collect());
    }
    if let Some(entries) = value.entries() {
        let shown = entries.iter().take(ENUMERATION_LIMIT + 1);
        return Some(shown.map(|(key, value)| entry(key, value).into()).collect());
    }
    Some(value.items()?.iter().take(ENUMERATION_LIMIT + 1).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{View, format};

    fn drawn(value: PsObject, levels: usize) -> String {
        format(&[value.into()], &View::Custom(Vec::new(), levels), 40)
    }

    #[test]
    fn lists_and_tables_stand_in_brackets() {
        let object = PsObject::new("A.B").with("L", PsValue::list((1..7).map(PsValue::from)));
        let expected =
            "\nclass B\n{\n  L = \n    [\n      1\n      2\n      3\n      4\n      …\n    ]\n    \n}\n\n\n";
        assert_eq!(drawn(object, 5), expected);
    }

    #[test]
    fn what_is_too_deep_is_a_line() {
        let inner = PsObject::new("Inner").with_to_string("the inner one").with("X", 1);
        let object = PsObject::new("Outer").with("I", inner);
        assert_eq!(drawn(object.clone(), 0), "\nclass Outer\n{\n  I = the inner one\n}\n\n\n");
        let entered = "\nclass Outer\n{\n  I = \n    class Inner\n    {\n      X = 1\n    }\n}\n\n\n";
        assert_eq!(drawn(object, 1), entered);
    }

    #[test]
    fn what_refers_to_itself_crosswise_ends() {
        let mut object = PsObject::new("Leaf");
        for _ in 0..6 {
            let value = PsValue::from(object);
            object = PsObject::new("Node");
            for number in 0..40 {
                object = object.with(format!("P{number}"), value.clone());
            }
        }
        let drawn = drawn(object, 100);
        assert!(drawn.lines().count() < 2 * MOST_LINES, "{}", drawn.lines().count());
    }
}
