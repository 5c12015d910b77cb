//! `Measure-Object`.

use std::cmp::Ordering;
use std::sync::Arc;

use windlass_clixml::{PsObject, PsValue};
use windlass_psrp::ErrorCategory;

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, stage};
use crate::powershell::compare::compare;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::script::property;
use crate::powershell::text::text;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let info = declare(
        "Measure-Object",
        UTILITY,
        "MeasureObjectCommand",
        &[
            "[[-Property] <string[]>] [-InputObject <psobject>] [-StandardDeviation] [-Sum] [-AllStats] [-Average] \
             [-Maximum] [-Minimum]",
            "[[-Property] <string[]>] [-InputObject <psobject>] [-Line] [-Word] [-Character] [-IgnoreWhiteSpace]",
        ],
    )
    .alias("measure")
    .pipeline("InputObject")
    .synopsis("Counts objects and sums up their properties.");
    vec![stage(info, |call| {
        let names = call.texts("Property");
        let tallies = match names.is_empty() {
            true => vec![Tally::default()],
            false => {
                names.into_iter().map(|name| Tally { property: Some(name), ..Tally::default() }).collect()
            }
        };
        Ok(Measure { call, tallies })
    })]
}

struct Measure {
    call: Bound,
    tallies: Vec<Tally>,
}

/// What is known of one property so far.
#[derive(Default)]
struct Tally {
    property: Option<String>,
    count: i32,
    sum: f64,
    /// Mean and sum of squared distances from it (Welford).
    mean: f64,
    squares: f64,
    numbers: f64,
    least: Option<PsValue>,
    most: Option<PsValue>,
    lines: i32,
    words: i32,
    characters: i32,
    found: bool,
}

impl Measure {
    fn asks(&self, name: &str) -> bool {
        self.call.switch(name) || self.call.switch("AllStats")
    }

    fn measures_text(&self) -> bool {
        ["Line", "Word", "Character", "IgnoreWhiteSpace"].iter().any(|name| self.call.switch(name))
    }
}

impl Tally {
    /// Takes a number, or a text that is one.
    fn number(&mut self, value: &PsValue) -> Result<(), Box<Failure>> {
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).ok_or_else(|| {
            let message = format!("Input object \"{}\" is not numeric.", text(value));
            let failure = Failure::new(
                exceptions::RUNTIME,
                "NonNumericInputObject",
                ErrorCategory::InvalidType,
                message,
            );
            Box::new(failure.about(value.clone()))
        })?;
        self.numbers += 1.0;
        self.sum += number;
        let distance = number - self.mean;
        self.mean += distance / self.numbers;
        self.squares += distance * (number - self.mean);
        Ok(())
    }

    fn extremes(&mut self, value: &PsValue) {
        let replace = |known: &Option<PsValue>, wanted: Ordering| match known {
            None => true,
            Some(known) => compare(value, known, false) == Some(wanted),
        };
        if replace(&self.least, Ordering::Less) {
            self.least = Some(value.clone());
        }
        if replace(&self.most, Ordering::Greater) {
            self.most = Some(value.clone());
        }
    }

    fn text(&mut self, value: &PsValue, ignore_white_space: bool) {
        let text = text(value);
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let characters = text.chars().filter(|c| !ignore_white_space || !c.is_whitespace());
        self.lines = self.lines.saturating_add(count(text.matches('\n').count() + 1));
        self.words = self.words.saturating_add(count(text.split_whitespace().count()));
        self.characters = self.characters.saturating_add(count(characters.map(char::len_utf16).sum()));
    }
}

impl Stage for Measure {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let object = input.or_else(|| self.call.get("InputObject").cloned());
        let Some(object) = object.filter(|object| !object.is_null()) else { return Ok(()) };
        let is_text = self.measures_text();
        let ignore = self.call.switch("IgnoreWhiteSpace");
        let numeric = ["Sum", "Average", "StandardDeviation"].iter().any(|name| self.asks(name));
        let extremes = self.asks("Maximum") || self.asks("Minimum");
        for tally in &mut self.tallies {
            let value = match &tally.property {
                None => object.clone(),
                Some(name) => match property(&object, name) {
                    PsValue::Null => continue,
                    value => value,
                },
            };
            tally.found = true;
            tally.count = tally.count.saturating_add(1);
            if is_text {
                tally.text(&value, ignore);
                continue;
            }
            if extremes {
                tally.extremes(&value);
            }
            if numeric && let Err(failure) = tally.number(&value) {
                cx.error(*failure)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        for tally in &self.tallies {
            if let (Some(name), false) = (&tally.property, tally.found) {
                let message =
                    format!("The property \"{name}\" cannot be found in the input for any objects.");
                cx.error(Failure::new(
                    exceptions::ARGUMENT,
                    "GenericMeasurePropertyNotFound",
                    ErrorCategory::InvalidArgument,
                    message,
                ))?;
                continue;
            }
            let result = if self.measures_text() { self.text_info(tally) } else { self.generic_info(tally) };
            cx.write(result)?;
        }
        Ok(())
    }
}

impl Measure {
    fn generic_info(&self, tally: &Tally) -> PsObject {
        let when =
            |name: &str, value: f64| PsValue::from((self.asks(name) && tally.numbers > 0.0).then_some(value));
        let average = tally.sum / tally.numbers;
        let deviation =
            if tally.numbers > 1.0 { (tally.squares / (tally.numbers - 1.0)).sqrt() } else { 0.0 };
        let extreme = |name: &str, value: &Option<PsValue>| match value {
            Some(value) if self.asks(name) => match value.as_f64() {
                Some(number) => number.into(),
                None => value.clone(),
            },
            _ => PsValue::Null,
        };
        measure_info("GenericMeasureInfo")
            .with_adapted("Count", tally.count)
            .with_adapted("Average", when("Average", average))
            .with_adapted("Sum", when("Sum", tally.sum))
            .with_adapted("Maximum", extreme("Maximum", &tally.most))
            .with_adapted("Minimum", extreme("Minimum", &tally.least))
            .with_adapted("StandardDeviation", when("StandardDeviation", deviation))
            .with_adapted("Property", tally.property.clone())
    }

    fn text_info(&self, tally: &Tally) -> PsObject {
        let when = |name: &str, value: i32| self.call.switch(name).then_some(value);
        measure_info("TextMeasureInfo")
            .with_adapted("Lines", when("Line", tally.lines))
            .with_adapted("Words", when("Word", tally.words))
            .with_adapted("Characters", when("Character", tally.characters))
            .with_adapted("Property", tally.property.clone())
    }
}

fn measure_info(name: &str) -> PsObject {
    let full = format!("Microsoft.PowerShell.Commands.{name}");
    PsObject::typed([full.as_str(), "Microsoft.PowerShell.Commands.MeasureInfo", "System.Object"])
        .with_to_string(full.as_str())
}
