//! `Select-Object`.

use std::collections::VecDeque;
use std::sync::Arc;

use windlass_clixml::{PsObject, PsString, PsValue};
use windlass_psrp::ErrorCategory;

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, stage};
use crate::powershell::compare::equal;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::script::property;
use crate::powershell::text::{full_type_name, text};
use crate::powershell::wildcard::Wildcard;

/// Most objects that `-Unique` compares a new one with.
const MOST_UNIQUE: usize = 100_000;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let info = declare(
        "Select-Object",
        UTILITY,
        "SelectObjectCommand",
        &[
            "[[-Property] <Object[]>] [-InputObject <psobject>] [-ExcludeProperty <string[]>] \
             [-ExpandProperty <string>] [-Unique] [-CaseInsensitive] [-Last <int>] [-First <int>] [-Skip <int>] [-Wait]",
            "[[-Property] <Object[]>] [-InputObject <psobject>] [-ExcludeProperty <string[]>] \
             [-ExpandProperty <string>] [-Unique] [-CaseInsensitive] [-Skip <int>] -SkipLast <int>",
            "[-InputObject <psobject>] [-Unique] [-CaseInsensitive] [-Wait] -Index <int[]>",
            "[-InputObject <psobject>] [-Unique] [-CaseInsensitive] -SkipIndex <int[]>",
        ],
    )
    .alias("select")
    .pipeline("InputObject")
    .synopsis("Selects objects or properties of objects.");
    let numbers = ["Last", "First", "Skip", "SkipLast", "Index", "SkipIndex"];
    let info = numbers.into_iter().fold(info, |info, name| info.range(name, 0, i32::MAX.into()));
    vec![stage(info, Select::new)]
}

/// One of the properties asked for.
pub(super) enum Wanted {
    /// By name, wildcards allowed.
    Named(Wildcard, String),
    /// Under a name of its own.
    Renamed { name: String, source: String },
}

impl Wanted {
    /// Reads a name, or a table with `Name` (or `Label`) and `Expression`, which must name a property.
    pub(super) fn new(value: &PsValue) -> Result<Self, Box<Failure>> {
        if value.entries().is_none() {
            let name = text(value);
            return Ok(Self::Named(Wildcard::new(&name, false), name));
        }
        let entry = |names: [&str; 2]| names.into_iter().find_map(|name| value.entry(name));
        let expression = entry(["Expression", "E"]);
        let source = match expression {
            Some(PsValue::ScriptBlock(_)) | None => return Err(Box::new(super::output::no_script_blocks())),
            Some(expression) => text(expression),
        };
        let name =
            entry(["Name", "N"]).or_else(|| entry(["Label", "L"])).map_or_else(|| source.clone(), text);
        Ok(Self::Renamed { name, source })
    }
}

struct Select {
    call: Bound,
    wanted: Vec<Wanted>,
    excluded: Vec<Wildcard>,
    expand: Option<String>,
    skip: usize,
    first: Option<usize>,
    last: Option<usize>,
    skip_last: usize,
    indices: Vec<i64>,
    skipped_indices: Vec<i64>,
    seen: i64,
    kept: VecDeque<PsValue>,
    unique: Option<Vec<PsValue>>,
}

impl Select {
    fn new(call: Bound) -> Result<Self, Box<Failure>> {
        let wanted: Result<Vec<_>, _> = call.list("Property").iter().map(Wanted::new).collect();
        let numbers = |name| call.list(name).iter().filter_map(PsValue::as_i64).collect();
        Ok(Self {
            wanted: wanted?,
            excluded: call.texts("ExcludeProperty").iter().map(|name| Wildcard::new(name, false)).collect(),
            expand: call.text("ExpandProperty"),
            skip: call.count("Skip").unwrap_or_default(),
            first: call.count("First"),
            last: call.count("Last"),
            skip_last: call.count("SkipLast").unwrap_or_default(),
            indices: numbers("Index"),
            skipped_indices: numbers("SkipIndex"),
            seen: 0,
            kept: VecDeque::new(),
            unique: call.switch("Unique").then(Vec::new),
            call,
        })
    }

    /// Takes an object that the counting parameters let through.
    fn take(&mut self, cx: &mut Context<'_>, value: PsValue) -> Outcome {
        let selected = if self.wanted.is_empty() && self.excluded.is_empty() {
            value.clone()
        } else {
            self.project(&value)
        };
        if let Some(seen) = &mut self.unique {
            let case_sensitive = !self.call.switch("CaseInsensitive");
            if seen.iter().any(|known| same(known, &selected, case_sensitive)) {
                return Ok(());
            }
            if seen.len() < MOST_UNIQUE {
                seen.push(selected.clone());
            }
        }
        let Some(name) = &self.expand else { return cx.write(selected) };
        if value.get(name).is_none() && value.entry(name).is_none() && property(&value, name).is_null() {
            let message = format!("Property \"{name}\" cannot be found.");
            return cx.error(
                Failure::new(
                    exceptions::ARGUMENT,
                    "ExpandPropertyNotFound",
                    ErrorCategory::InvalidArgument,
                    message,
                )
                .about(value),
            );
        }
        cx.write_each(property(&value, name))
    }

    fn project(&self, value: &PsValue) -> PsValue {
        let selected = format!("Selected.{}", type_name(value));
        let names = [selected.as_str(), "System.Management.Automation.PSCustomObject", "System.Object"];
        let mut object = PsObject::typed(names);
        let add = |object: &mut PsObject, name: PsString, value: PsValue| {
            if object.extended.get(&name).is_none() && !self.excluded.iter().any(|out| out.matches(&name)) {
                object.extended.push(name, value);
            }
        };
        let everything = [Wanted::Named(Wildcard::new("*", false), "*".to_owned())];
        let wanted = if self.wanted.is_empty() { &everything[..] } else { &self.wanted };
        for wanted in wanted {
            match wanted {
                Wanted::Renamed { name, source } => {
                    add(&mut object, name.as_str().into(), property(value, source));
                }
                Wanted::Named(pattern, name) if pattern.is_plain() => {
                    let known = own_name(value, name);
                    add(&mut object, known, property(value, name));
                }
                Wanted::Named(pattern, _) => {
                    for (name, value) in members(value) {
                        if pattern.matches(&name) {
                            add(&mut object, name, value);
                        }
                    }
                }
            }
        }
        object.into()
    }
}

/// A property's name as the object writes it.
fn own_name(value: &PsValue, name: &str) -> PsString {
    let found = value.as_object().and_then(|object| {
        object
            .properties()
            .find(|property| property.name.eq_ignore_ascii_case(name))
            .map(|found| found.name.clone())
    });
    found.unwrap_or_else(|| name.into())
}

/// The properties of an object, or the entries of a dictionary.
pub(super) fn members(value: &PsValue) -> Vec<(PsString, PsValue)> {
    match (value.as_object(), value.entries(), value.unwrapped()) {
        (_, Some(entries), _) => {
            entries.iter().map(|(key, value)| (text(key).into(), value.clone())).collect()
        }
        (Some(object), ..) => {
            object.properties().map(|property| (property.name.clone(), property.value.clone())).collect()
        }
        (.., PsValue::String(text)) => {
            let length = i32::try_from(text.units().count()).unwrap_or(i32::MAX);
            vec![("Length".into(), length.into())]
        }
        _ => Vec::new(),
    }
}

/// The type that `Selected.` is put before.
fn type_name(value: &PsValue) -> String {
    match full_type_name(value) {
        "" => "System.Object".to_owned(),
        name => name.to_owned(),
    }
}

/// Whether two objects have the same properties, or are the same value.
fn same(left: &PsValue, right: &PsValue, case_sensitive: bool) -> bool {
    match (left.as_object(), right.as_object()) {
        (Some(left), Some(right)) if left.extended.is_present() && right.extended.is_present() => {
            left.extended.len() == right.extended.len()
                && left.extended.iter().zip(right.extended.iter()).all(|(left, right)| {
                    left.name == right.name && equal(&left.value, &right.value, case_sensitive)
                })
        }
        _ => equal(left, right, case_sensitive),
    }
}

impl Stage for Select {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let Some(value) = input.or_else(|| self.call.get("InputObject").cloned()) else { return Ok(()) };
        if self.first == Some(0) && self.last.is_none() {
            return Err(cx.enough());
        }
        let place = self.seen;
        self.seen = self.seen.saturating_add(1);
        if !self.indices.is_empty() {
            if self.indices.contains(&place) {
                self.take(cx, value)?;
            }
            let last = self.indices.iter().max().copied().unwrap_or_default();
            return if place >= last && !self.call.switch("Wait") { Err(cx.enough()) } else { Ok(()) };
        }
        if self.skipped_indices.contains(&place) {
            return Ok(());
        }
        // With -Last, -Skip counts from the end.
        if let (Some(last), None) = (self.last, self.first) {
            self.kept.push_back(value);
            if self.kept.len() > last.saturating_add(self.skip) {
                self.kept.pop_front();
            }
            return Ok(());
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(());
        }
        if self.skip_last > 0 {
            self.kept.push_back(value);
            return match self.kept.len() > self.skip_last {
                true => self.kept.pop_front().map_or(Ok(()), |value| self.take(cx, value)),
                false => Ok(()),
            };
        }
        match self.first {
            None => self.take(cx, value),
            Some(0) => {
                // -First is served; what follows may still be among the last.
                self.kept.push_back(value);
                if self.kept.len() > self.last.unwrap_or_default() {
                    self.kept.pop_front();
                }
                Ok(())
            }
            Some(left) => {
                self.first = Some(left - 1);
                self.take(cx, value)?;
                if left == 1 && self.last.is_none() && !self.call.switch("Wait") {
                    Err(cx.enough())
                } else {
                    Ok(())
                }
            }
        }
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        if self.skip_last > 0 {
            return Ok(());
        }
        while let Some(value) = self.kept.pop_front() {
            if self.first.is_none() && self.kept.len() < self.skip {
                break;
            }
            self.take(cx, value)?;
        }
        Ok(())
    }
}
