//! `Format-Table`, `Format-List`, `Format-Wide`, `Format-Custom`, `ConvertTo-Json` and `ConvertTo-Csv`.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_display::{CsvOptions, TableOptions, View, drawn, format, to_csv, to_json};

use super::declare_from_table;
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, stage};
use crate::powershell::compare::equal;
use crate::powershell::context::Context;
use crate::powershell::failure::Failure;
use crate::powershell::script::property;
use crate::powershell::text::text;

/// Levels of objects within objects that JSON shows unless told otherwise.
const JSON_DEPTH: usize = 2;
/// The same of `Format-Custom`.
const CUSTOM_DEPTH: usize = 5;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        stage(
            declare_from_table("Format-Table").synopsis("Shows objects as a table."),
            gather(|call, values, cx| show(call, values, cx, table)),
        ),
        stage(
            declare_from_table("Format-List").synopsis("Shows objects as lists of their properties."),
            gather(|call, values, cx| show(call, values, cx, |call| View::List(names(call, "Property")))),
        ),
        stage(
            declare_from_table("Format-Wide").synopsis("Shows one property of objects, several in a line."),
            gather(|call, values, cx| {
                show(call, values, cx, |call| {
                    View::Wide(call.text("Property"), call.count("Column").unwrap_or(2))
                })
            }),
        ),
        stage(
            declare_from_table("Format-Custom")
                .synopsis("Shows objects as classes, with the classes in them."),
            gather(|call, values, cx| {
                show(call, values, cx, |call| {
                    let levels = call.count("Depth").unwrap_or(CUSTOM_DEPTH);
                    View::Custom(names(call, "Property"), levels)
                })
            }),
        ),
        stage(declare_from_table("ConvertTo-Json").synopsis("Turns objects into JSON."), gather(json)),
        stage(
            declare_from_table("ConvertTo-Csv").synopsis("Turns objects into comma-separated values."),
            gather(csv),
        ),
    ]
}

type Work = fn(&Bound, &[PsValue], &mut Context<'_>) -> Outcome;

/// A command that works when all its input is there.
struct Gather {
    call: Bound,
    values: Vec<PsValue>,
    work: Work,
}

fn gather(work: Work) -> impl Fn(Bound) -> Result<Gather, Box<Failure>> + Send + Sync {
    move |call| Ok(Gather { call, values: Vec::new(), work })
}

impl Stage for Gather {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        match input {
            Some(value) => self.values.push(value),
            None => self.values.extend(self.call.list("InputObject")),
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        (self.work)(&self.call, &std::mem::take(&mut self.values), cx)
    }
}

fn show(call: &Bound, values: &[PsValue], cx: &mut Context<'_>, view: fn(&Bound) -> View) -> Outcome {
    let width = cx.runspace().width();
    let by = call.text("GroupBy");
    let Some(by) = by else {
        let shown = format(values, &view(call), width);
        return if shown.is_empty() { Ok(()) } else { cx.write(drawn(&shown)) };
    };
    let mut values = values.iter().cloned().peekable();
    while let Some(first) = values.next() {
        let key = property(&first, &by);
        let mut members = vec![first];
        while let Some(next) = values.next_if(|next| equal(&property(next, &by), &key, false)) {
            members.push(next);
        }
        let shown = format(&members, &view(call), width);
        cx.write(drawn(&format!("\n   {by}: {}\n{shown}", text(&key))))?;
    }
    Ok(())
}

fn table(call: &Bound) -> View {
    View::Table(TableOptions {
        properties: names(call, "Property"),
        hide_headers: call.switch("HideTableHeaders"),
        wrap: call.switch("Wrap"),
    })
}

/// The names of properties; a table of a property stands for the expression in it.
fn names(call: &Bound, parameter: &str) -> Vec<String> {
    let name = |value: &PsValue| {
        let keys = ["Expression", "e", "Name", "n", "Label", "l"];
        match value.entries() {
            Some(_) => keys.iter().find_map(|key| value.entry(key)).map(text).unwrap_or_default(),
            None => text(value),
        }
    };
    call.list(parameter).iter().map(name).collect()
}

fn json(call: &Bound, values: &[PsValue], cx: &mut Context<'_>) -> Outcome {
    let depth = call.count("Depth").unwrap_or(JSON_DEPTH).saturating_add(1);
    let value = match values {
        [] => return Ok(()),
        [only] if !call.switch("AsArray") => to_json(only, depth),
        several => several.iter().map(|value| to_json(value, depth)).collect(),
    };
    let written = if call.switch("Compress") {
        serde_json::to_string(&value)
    } else {
        serde_json::to_string_pretty(&value)
    };
    match written {
        Ok(written) => cx.write(written),
        Err(_) => Ok(()),
    }
}

fn csv(call: &Bound, values: &[PsValue], cx: &mut Context<'_>) -> Outcome {
    let delimiter = match call.get("Delimiter") {
        Some(PsValue::Char(unit)) => char::from_u32(u32::from(*unit)).unwrap_or(','),
        _ => ',',
    };
    let options = CsvOptions { delimiter, header: !call.switch("NoHeader") };
    to_csv(values, options).lines().try_for_each(|line| cx.write(line))
}
