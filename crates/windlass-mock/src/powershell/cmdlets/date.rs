//! `Get-Date`.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use windlass_clixml::{Base, DateTimeKind, PsDateTime, PsObject, PsValue, ps_enum};
use windlass_psrp::ErrorCategory;

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::kind::DISPLAY_HINT;
use crate::powershell::text::local_time;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let parts = "[-Year <int>] [-Month <int>] [-Day <int>] [-Hour <int>] [-Minute <int>] [-Second <int>] \
                 [-Millisecond <int>] [-DisplayHint <DisplayHintType>] [-AsUTC]";
    let sets = [
        format!("[[-Date] <datetime>] {parts} [-Format <string>]"),
        format!("[[-Date] <datetime>] {parts} -UFormat <string>"),
        format!("-UnixTimeSeconds <long> {parts} [-Format <string>]"),
        format!("-UnixTimeSeconds <long> {parts} -UFormat <string>"),
    ];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let info = declare("Get-Date", UTILITY, "GetDateCommand", &sets)
        .pipeline("Date")
        .parameter_alias("Date", "LastWriteTime")
        .parameter_alias("UnixTimeSeconds", "UnixTime")
        .range("Year", 1, 9999)
        .range("Month", 1, 12)
        .range("Day", 1, 31)
        .range("Hour", 0, 23)
        .range("Minute", 0, 59)
        .range("Second", 0, 59)
        .range("Millisecond", 0, 999)
        .range("UnixTimeSeconds", -62_135_596_800, 253_402_300_799)
        .output("System.DateTime")
        .output("System.String")
        .synopsis("Tells the date and the time.");
    vec![function(info, get_date)]
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_date(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let given = input.as_ref().or_else(|| call.get("Date")).and_then(PsValue::as_datetime);
    let date = match (given, call.integer("UnixTimeSeconds")) {
        (Some(date), _) => date,
        (None, Some(seconds)) => local_time(Timestamp::from_second(seconds).unwrap_or_default()),
        (None, None) => local_time(Timestamp::now()),
    };
    let Some(date) = with_parts(date, call) else {
        return Err(cx.fail(Failure::new(
            exceptions::ARGUMENT,
            "System.ArgumentOutOfRangeException",
            ErrorCategory::NotSpecified,
            "Year, Month, and Day parameters describe an un-representable DateTime.",
        )));
    };
    let date = if call.switch("AsUTC") { date.to_utc() } else { date };
    if let Some(format) = call.text("UFormat") {
        return cx.write(unix_format(date, &format));
    }
    if let Some(format) = call.text("Format") {
        return match windlass_display::format_date(date, &format) {
            Some(text) => cx.write(text),
            None => Err(cx.fail(Failure::new(
                exceptions::ARGUMENT,
                "System.FormatException",
                ErrorCategory::NotSpecified,
                "Input string was not in a correct format.",
            ))),
        };
    }
    let code = call.integer("DisplayHint").and_then(|code| i32::try_from(code).ok()).unwrap_or(2);
    let (name, code) = DISPLAY_HINT.from_code(code).unwrap_or(("DateTime", 2));
    let object = PsObject::untyped()
        .with_base(Base::Primitive(date.into()))
        .with("DisplayHint", ps_enum(DISPLAY_HINT.type_name, name, code));
    cx.write(object)
}

/// The date with the parts that were given in place of its own.
fn with_parts(date: PsDateTime, call: &Bound) -> Option<PsDateTime> {
    let mut civil = date.civil();
    let part = |name: &str, known: u32| {
        call.integer(name).and_then(|value| u32::try_from(value).ok()).unwrap_or(known)
    };
    civil.year = call.integer("Year").and_then(|year| i32::try_from(year).ok()).unwrap_or(civil.year);
    civil.month = part("Month", civil.month);
    civil.day = part("Day", civil.day);
    civil.hour = part("Hour", civil.hour);
    civil.minute = part("Minute", civil.minute);
    civil.second = part("Second", civil.second);
    if let Some(millis) = call.integer("Millisecond") {
        civil.ticks = u32::try_from(millis).unwrap_or_default().saturating_mul(10_000);
    }
    PsDateTime::from_civil(civil, date.kind())
}

/// The date in a format of date(1).
fn unix_format(date: PsDateTime, format: &str) -> String {
    let civil = date.civil();
    let part = |value: u32| i8::try_from(value).unwrap_or_default();
    let nanoseconds = i32::try_from(civil.ticks.saturating_mul(100)).unwrap_or_default();
    let at = jiff::civil::DateTime::new(
        i16::try_from(civil.year).unwrap_or_default(),
        part(civil.month),
        part(civil.day),
        part(civil.hour),
        part(civil.minute),
        part(civil.second),
        nanoseconds,
    );
    let offset = match date.kind() {
        DateTimeKind::Local(minutes) => i32::from(minutes) * 60,
        DateTimeKind::Utc | DateTimeKind::Unspecified => 0,
    };
    let zone = jiff::tz::Offset::from_seconds(offset).map_or(TimeZone::UTC, TimeZone::fixed);
    let format = format.trim_start_matches('+');
    match at.map(|at| at.to_zoned(zone)) {
        Ok(Ok(zoned)) => {
            let shown = jiff::fmt::strtime::format(format.as_bytes(), &zoned);
            shown.unwrap_or_else(|_| format.to_owned())
        }
        _ => format.to_owned(),
    }
}
