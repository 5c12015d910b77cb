//! `Sort-Object`, `Group-Object` and `Get-Unique`.

use std::cmp::Ordering;
use std::sync::Arc;

use windlass_clixml::{Base, PsObject, PsValue};

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, stage};
use crate::powershell::compare::{compare, is_true};
use crate::powershell::context::Context;
use crate::powershell::failure::Failure;
use crate::powershell::script::property;
use crate::powershell::text::text;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let common = "[-Descending] [-Unique] [-InputObject <psobject>] [-Culture <string>] [-CaseSensitive]";
    let sets = [
        format!("[[-Property] <Object[]>] [-Stable] {common}"),
        format!("[[-Property] <Object[]>] {common} -Top <int>"),
        format!("[[-Property] <Object[]>] {common} -Bottom <int>"),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let sort = declare("Sort-Object", UTILITY, "SortObjectCommand", &sets)
        .alias("sort")
        .pipeline("InputObject")
        .range("Top", 1, i32::MAX.into())
        .range("Bottom", 1, i32::MAX.into())
        .synopsis("Sorts objects by properties.");
    let group = declare(
        "Group-Object",
        UTILITY,
        "GroupObjectCommand",
        &["[[-Property] <Object[]>] [-NoElement] [-CaseSensitive] [-InputObject <psobject>]"],
    )
    .alias("group")
    .pipeline("InputObject")
    .synopsis("Groups objects that have the same values of properties.");
    vec![
        stage(sort, |call| Ok(Sort { keys: keys(&call)?, call, values: Vec::new() })),
        stage(group, |call| Ok(Group { keys: keys(&call)?, call, values: Vec::new() })),
    ]
}

/// What is sorted by.
struct Key {
    property: String,
    /// Whether this key says itself which way it sorts.
    descending: Option<bool>,
}

fn keys(call: &Bound) -> Result<Vec<Key>, Box<Failure>> {
    let key = |value: &PsValue| {
        if value.entries().is_none() {
            return match value {
                PsValue::ScriptBlock(_) => Err(Box::new(super::output::no_script_blocks())),
                value => Ok(Key { property: text(value), descending: None }),
            };
        }
        let descending = value.entry("Descending").map(is_true);
        let ascending = value.entry("Ascending").map(|value| !is_true(value));
        match value.entry("Expression").or_else(|| value.entry("E")) {
            Some(PsValue::ScriptBlock(_)) | None => Err(Box::new(super::output::no_script_blocks())),
            Some(expression) => Ok(Key { property: text(expression), descending: descending.or(ascending) }),
        }
    };
    call.list("Property").iter().map(key).collect()
}

/// The values that an object is sorted by; the object itself where no property was named.
fn sort_values(value: &PsValue, keys: &[Key]) -> Vec<PsValue> {
    if keys.is_empty() {
        return vec![value.clone()];
    }
    keys.iter().map(|key| property(value, &key.property)).collect()
}

/// Orders values that may not be comparable: by their texts then, so that the order is total.
fn order(left: &PsValue, right: &PsValue, case_sensitive: bool) -> Ordering {
    compare(left, right, case_sensitive).unwrap_or_else(|| text(left).cmp(&text(right)))
}

struct Sort {
    call: Bound,
    keys: Vec<Key>,
    values: Vec<(Vec<PsValue>, PsValue)>,
}

impl Sort {
    fn compare(&self, left: &[PsValue], right: &[PsValue]) -> Ordering {
        let case_sensitive = self.call.switch("CaseSensitive");
        for (place, (left, right)) in left.iter().zip(right).enumerate() {
            let descending = self.keys.get(place).and_then(|key| key.descending);
            let descending = descending.unwrap_or_else(|| self.call.switch("Descending"));
            let found = order(left, right, case_sensitive);
            let found = if descending { found.reverse() } else { found };
            if found != Ordering::Equal {
                return found;
            }
        }
        Ordering::Equal
    }
}

impl Stage for Sort {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        if let Some(value) = input.or_else(|| self.call.get("InputObject").cloned()) {
            self.values.push((sort_values(&value, &self.keys), value));
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let mut values = std::mem::take(&mut self.values);
        values.sort_by(|(left, _), (right, _)| self.compare(left, right));
        if self.call.switch("Unique") {
            values.dedup_by(|(left, _), (right, _)| self.compare(left, right) == Ordering::Equal);
        }
        if let Some(top) = self.call.count("Top") {
            values.truncate(top);
        }
        if let Some(bottom) = self.call.count("Bottom") {
            values.drain(..values.len().saturating_sub(bottom));
        }
        values.into_iter().try_for_each(|(_, value)| cx.write(value))
    }
}

struct Group {
    call: Bound,
    keys: Vec<Key>,
    values: Vec<(Vec<PsValue>, PsValue)>,
}

impl Stage for Group {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        if let Some(value) = input.or_else(|| self.call.get("InputObject").cloned()) {
            self.values.push((sort_values(&value, &self.keys), value));
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let case_sensitive = self.call.switch("CaseSensitive");
        let compare = |left: &[PsValue], right: &[PsValue]| {
            let mut pairs = left.iter().zip(right).map(|(left, right)| order(left, right, case_sensitive));
            pairs.find(|found| *found != Ordering::Equal).unwrap_or(Ordering::Equal)
        };
        let mut values = std::mem::take(&mut self.values);
        values.sort_by(|(left, _), (right, _)| compare(left, right));
        let mut rest = values.into_iter().peekable();
        while let Some((keys, first)) = rest.next() {
            let mut members = vec![first];
            while let Some((_, next)) = rest.next_if(|(next, _)| compare(&keys, next) == Ordering::Equal) {
                members.push(next);
            }
            cx.write(self.group(keys, members))?;
        }
        Ok(())
    }
}

impl Group {
    fn group(&self, keys: Vec<PsValue>, members: Vec<PsValue>) -> PsObject {
        const COLLECTION: &str = "System.Collections.ObjectModel.Collection`1[[System.Management.Automation.PSObject, \
                                  System.Management.Automation, Version=7.6.5.0, Culture=neutral, \
                                  PublicKeyToken=31bf3856ad364e35]]";
        let name = keys.iter().map(text).collect::<Vec<_>>().join(", ");
        let count = i32::try_from(members.len()).unwrap_or(i32::MAX);
        let members = if self.call.switch("NoElement") { Vec::new() } else { members };
        let no_element = if self.call.switch("NoElement") {
            "Microsoft.PowerShell.Commands.GroupInfoNoElement"
        } else {
            ""
        };
        let types = [no_element, "Microsoft.PowerShell.Commands.GroupInfo", "System.Object"];
        PsObject::typed(types.into_iter().filter(|name| !name.is_empty()))
            .with_to_string("Microsoft.PowerShell.Commands.GroupInfo")
            .with_adapted(
                "Values",
                PsObject::typed(["System.Collections.ArrayList", "System.Object"])
                    .with_base(Base::List(keys)),
            )
            .with_adapted("Count", count)
            .with_adapted(
                "Group",
                PsObject::typed([COLLECTION, "System.Object"]).with_base(Base::List(members)),
            )
            .with_adapted("Name", name)
    }
}
