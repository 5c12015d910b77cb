//! `Where-Object` with a comparison of a property.

use std::cmp::Ordering;
use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::output::no_script_blocks;
use super::{CORE, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, stage};
use crate::powershell::compare::{compare, equal, is_true};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::script::property;
use crate::powershell::text::{full_type_name, text};
use crate::powershell::wildcard::Wildcard;

/// The comparisons by the switch that asks for them; each also has a form with `C` before it that heeds
/// case, and one with `I` that does not.
const COMPARISONS: [(&str, Comparison); 14] = [
    ("EQ", Comparison::Equal),
    ("NE", Comparison::NotEqual),
    ("GT", Comparison::Greater),
    ("LT", Comparison::Less),
    ("GE", Comparison::GreaterOrEqual),
    ("LE", Comparison::LessOrEqual),
    ("Like", Comparison::Like),
    ("NotLike", Comparison::NotLike),
    ("Contains", Comparison::Contains),
    ("NotContains", Comparison::NotContains),
    ("In", Comparison::In),
    ("NotIn", Comparison::NotIn),
    ("Is", Comparison::Is),
    ("IsNot", Comparison::IsNot),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// The property counts as true.
    True,
    /// It does not.
    Not,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Like,
    NotLike,
    Contains,
    NotContains,
    In,
    NotIn,
    Is,
    IsNot,
}

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let mut sets =
        vec!["[-Property] <string> [[-Value] <Object>] [-EQ] [-InputObject <psobject>]".to_owned()];
    sets.push("[-FilterScript] <scriptblock> [-InputObject <psobject>]".to_owned());
    for (name, comparison) in COMPARISONS {
        if comparison != Comparison::Equal {
            sets.push(set(name));
        }
        if !matches!(comparison, Comparison::Is | Comparison::IsNot) {
            sets.push(set(&format!("C{name}")));
        }
    }
    for name in ["Match", "NotMatch", "CMatch", "CNotMatch"] {
        sets.push(set(name));
    }
    sets.push("[-Property] <string> -Not [-InputObject <psobject>]".to_owned());
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let mut info = declare("Where-Object", CORE, "WhereObjectCommand", &sets)
        .alias("?")
        .alias("where")
        .pipeline("InputObject")
        .synopsis("Keeps the objects whose property compares as asked.");
    for (name, comparison) in COMPARISONS {
        if !matches!(comparison, Comparison::Is | Comparison::IsNot) {
            info = info.parameter_alias(name, &format!("I{name}"));
        }
    }
    vec![stage(info, Where::new)]
}

fn set(switch: &str) -> String {
    format!("[-Property] <string> [[-Value] <Object>] -{switch} [-InputObject <psobject>]")
}

struct Where {
    call: Bound,
    property: String,
    value: PsValue,
    comparison: Comparison,
    case_sensitive: bool,
    pattern: Option<Wildcard>,
}

impl Where {
    fn new(call: Bound) -> Result<Self, Box<Failure>> {
        let Some(property) = call.text("Property") else { return Err(Box::new(no_script_blocks())) };
        if ["Match", "NotMatch", "CMatch", "CNotMatch"].iter().any(|name| call.switch(name)) {
            return Err(Box::new(Failure::new(
                exceptions::NOT_SUPPORTED,
                "RegularExpressionsNotSupported",
                ErrorCategory::NotImplemented,
                "Regular expressions are not supported by this endpoint. Use -Like with wildcards.",
            )));
        }
        let asked = COMPARISONS.iter().find_map(|(name, comparison)| {
            if call.switch(name) {
                return Some((*comparison, false));
            }
            call.switch(&format!("C{name}")).then_some((*comparison, true))
        });
        let value = call.get("Value").cloned();
        let (comparison, case_sensitive) = match asked {
            Some(asked) => asked,
            None if call.switch("Not") => (Comparison::Not, false),
            // A value without a comparison is compared for equality, no value at all asks for truth.
            None if value.is_some() => (Comparison::Equal, false),
            None => (Comparison::True, false),
        };
        let value = value.unwrap_or_default();
        let pattern = matches!(comparison, Comparison::Like | Comparison::NotLike)
            .then(|| Wildcard::new(&text(&value), case_sensitive));
        Ok(Self { call, property, value, comparison, case_sensitive, pattern })
    }

    fn keeps(&self, object: &PsValue) -> bool {
        let found = property(object, &self.property);
        let order = || compare(&found, &self.value, self.case_sensitive);
        let same = |left: &PsValue, right: &PsValue| equal(left, right, self.case_sensitive);
        let like = || self.pattern.as_ref().is_some_and(|pattern| pattern.matches(&text(&found)));
        let within = |list: &PsValue, item: &PsValue| match list.items() {
            Some(items) => items.iter().any(|known| same(known, item)),
            None => same(list, item),
        };
        match self.comparison {
            Comparison::True => is_true(&found),
            Comparison::Not => !is_true(&found),
            Comparison::Equal => same(&found, &self.value),
            Comparison::NotEqual => !same(&found, &self.value),
            Comparison::Greater => order() == Some(Ordering::Greater),
            Comparison::Less => order() == Some(Ordering::Less),
            Comparison::GreaterOrEqual => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
            Comparison::LessOrEqual => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
            Comparison::Like => like(),
            Comparison::NotLike => !like(),
            Comparison::Contains => within(&found, &self.value),
            Comparison::NotContains => !within(&found, &self.value),
            Comparison::In => within(&self.value, &found),
            Comparison::NotIn => !within(&self.value, &found),
            Comparison::Is => self.is_of_type(&found),
            Comparison::IsNot => !self.is_of_type(&found),
        }
    }

    fn is_of_type(&self, value: &PsValue) -> bool {
        let wanted = text(&self.value);
        let wanted = wanted.trim_matches(['[', ']']);
        let is = |name: &str| {
            name.eq_ignore_ascii_case(wanted)
                || name.strip_prefix("System.").is_some_and(|short| short.eq_ignore_ascii_case(wanted))
        };
        match value.as_object() {
            Some(object) => object.type_names.iter().any(|name| is(name)),
            None => is(full_type_name(value)),
        }
    }
}

impl Stage for Where {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        match input.or_else(|| self.call.get("InputObject").cloned()) {
            Some(value) if self.keeps(&value) => cx.write(value),
            _ => Ok(()),
        }
    }
}
