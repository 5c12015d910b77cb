//! A sequence of values, drawn in groups of one view each.

use std::sync::Arc;

use windlass_clixml::{Base, Civil, DateTimeKind, PsDateTime, PsObject, PsValue};

use crate::computed::group_heading;
use crate::date_format::format_date;
use crate::shape::{Shape, View, is_scalar};
use crate::text::{cell_text, long_date_time};
use crate::views::Kind;
use crate::{custom, list, table};

/// What `Out-String` makes of the values: `width` is the number of columns of a line.
pub fn format(values: &[PsValue], view: &View, width: usize) -> String {
    let mut document = Document { view, width, out: String::new(), group: None, first: true };
    for value in values {
        document.add(value);
    }
    document.end_group();
    document.out
}

/// The type of what [`drawn`] makes.
const DRAWN: &str = "Microsoft.PowerShell.Commands.Internal.Format.FormatEndData";

/// Text that is drawn already, as the formatting commands write it: [`format()`] shows it as it is.
pub fn drawn(text: &str) -> PsValue {
    PsObject::typed([DRAWN, "System.Object"]).with_to_string(text).into()
}

/// Whether a value is what [`drawn`] makes.
pub fn is_drawn(value: &PsValue) -> bool {
    value.as_object().is_some_and(|object| {
        let name = object.type_names.most_derived();
        object.to_string.is_some() && name.strip_prefix("Deserialized.").unwrap_or(name) == DRAWN
    })
}

/// The ticks of a day.
const DAY: i64 = 864_000_000_000;

struct Document<'v> {
    view: &'v View,
    width: usize,
    out: String,
    group: Option<Group>,
    /// No object has settled a view yet.
    first: bool,
}

/// Objects that share a view, with the scalars that stand between them.
struct Group {
    shape: Shape,
    type_name: String,
    heading: Option<(String, String)>,
    members: Vec<Member>,
}

enum Member {
    Object(Arc<PsObject>),
    Line(String),
}

impl Document<'_> {
    fn add(&mut self, value: &PsValue) {
        if let Some(time) = date_time(value)
            && *self.view == View::Default
        {
            self.end_group();
            self.first = false;
            self.out.push_str(&format!("\n{}\n", long_date_time(time)));
            return;
        }
        match value {
            PsValue::Null => {}
            value if is_drawn(value) => {
                self.end_group();
                self.first = false;
                self.out.push_str(&cell_text(value));
            }
            value if is_error(value) => self.line(&error_text(value)),
            value if is_scalar(value) => self.line(&cell_text(value)),
            value => {
                for object in entries_or_self(value) {
                    self.object(object);
                }
            }
        }
    }

    fn line(&mut self, text: &str) {
        match &mut self.group {
            Some(group) => group.members.push(Member::Line(text.to_owned())),
            None => {
                self.out.push_str(text);
                self.out.push('\n');
            }
        }
    }

    fn object(&mut self, object: Arc<PsObject>) {
        let type_name = object.type_names.most_derived().to_owned();
        let heading = |shape: &Shape| shape.group_by.and_then(|property| group_heading(property, &object));
        if let Some(group) = &mut self.group
            && (group.type_name == type_name || group.shape.shows(&object))
            && heading(&group.shape) == group.heading
        {
            group.members.push(Member::Object(object));
            return;
        }
        self.end_group();
        let shape = if self.first || *self.view != View::Default {
            Shape::of(self.view, &object)
        } else {
            Shape::every_property(&object)
        };
        self.first = false;
        if object.properties().next().is_none() {
            self.out.push('\n');
            return;
        }
        let heading = heading(&shape);
        self.group = Some(Group { shape, type_name, heading, members: vec![Member::Object(object)] });
    }

    /// Draws the group that has been gathered.
    fn end_group(&mut self) {
        let Some(group) = self.group.take() else { return };
        self.out.push('\n');
        if let Some((label, text)) = &group.heading {
            self.out.push_str(&format!("    {label}: {text}\n\n"));
        }
        match group.shape.kind {
            Kind::List => group.draw_list(self.width, &mut self.out),
            Kind::Custom => group.draw_custom(self.width, &mut self.out),
            Kind::Table => group.draw_table(self.width, &mut self.out),
            Kind::Wide => table::draw_wide(&group.shape, &group.objects(), self.width, &mut self.out),
        }
        self.out.push('\n');
    }
}

impl Group {
    fn objects(&self) -> Vec<&PsObject> {
        self.members.iter().filter_map(Member::object).collect()
    }

    fn draw_list(&self, width: usize, out: &mut String) {
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                out.push('\n');
            }
            match member {
                Member::Object(object) => list::draw(&self.shape, object, width, out),
                Member::Line(text) => out.push_str(&format!("{text}\n")),
            }
        }
    }

    fn draw_custom(&self, width: usize, out: &mut String) {
        for member in &self.members {
            match member {
                Member::Object(object) => custom::draw(&self.shape, object, width, out),
                Member::Line(text) => out.push_str(&format!("{text}\n")),
            }
        }
    }

    /// Widths come from all rows, so rows are drawn at once and lines between them put back after.
    fn draw_table(&self, width: usize, out: &mut String) {
        let mut drawn = String::new();
        table::draw(&self.shape, &self.objects(), width, &mut drawn);
        if self.members.iter().all(|member| member.object().is_some()) {
            out.push_str(&drawn);
            return;
        }
        let headers = if self.shape.hide_headers { 0 } else { 2 };
        let mut rows = drawn.split_inclusive('\n');
        out.extend(rows.by_ref().take(headers));
        for member in &self.members {
            match member {
                Member::Object(_) => out.extend(rows.next()),
                Member::Line(text) => out.push_str(&format!("{text}\n")),
            }
        }
    }
}

impl Member {
    fn object(&self) -> Option<&PsObject> {
        match self {
            Self::Object(object) => Some(object),
            Self::Line(_) => None,
        }
    }
}

/// A hash table is shown entry by entry, a list item by item; other values show their properties.
fn entries_or_self(value: &PsValue) -> Vec<Arc<PsObject>> {
    let Some(object) = value.to_object() else { return scalar_object(value).into_iter().collect() };
    match &object.base {
        Base::Dictionary(entries) => entries.iter().map(|(key, value)| Arc::new(entry(key, value))).collect(),
        Base::Primitive(inner) => match scalar_object(inner) {
            Some(known) => vec![Arc::new(with_own(&object, &known))],
            None => vec![object],
        },
        _ => vec![object],
    }
}

/// What .NET gives a value, behind what was added to it.
fn with_own(added: &PsObject, known: &PsObject) -> PsObject {
    let whole = PsObject::new(known.type_names.most_derived());
    added
        .properties()
        .chain(known.properties())
        .fold(whole, |whole, property| whole.with(property.name.clone(), property.value.clone()))
}

pub(crate) fn entry(key: &PsValue, value: &PsValue) -> PsObject {
    PsObject::new("System.Collections.DictionaryEntry")
        .with("Name", key.clone())
        .with("Key", key.clone())
        .with("Value", value.clone())
}

/// A time, with or without properties of its own such as the computer it comes from.
fn date_time(value: &PsValue) -> Option<PsDateTime> {
    let value = match value {
        PsValue::Object(object) => match &object.base {
            Base::Primitive(inner) => inner,
            _ => return None,
        },
        value => value,
    };
    if let PsValue::DateTime(time) = value { Some(*time) } else { None }
}

/// The properties that .NET gives the values which do not print as a line of their own.
pub(crate) fn scalar_object(value: &PsValue) -> Option<Arc<PsObject>> {
    let object = match value {
        PsValue::Version(version) => {
            let part = |part: Option<u32>| part.map_or(-1_i64, i64::from);
            PsObject::new("System.Version")
                .with("Major", i64::from(version.major()))
                .with("Minor", i64::from(version.minor()))
                .with("Build", part(version.build()))
                .with("Revision", part(version.revision()))
                .with("MajorRevision", -1_i64)
                .with("MinorRevision", -1_i64)
        }
        PsValue::Guid(guid) => PsObject::new("System.Guid")
            .with("Variant", i64::from(guid.as_bytes().get(8).copied().unwrap_or_default() >> 4))
            .with("Version", i64::try_from(guid.get_version_num()).unwrap_or_default())
            .with("Guid", guid.to_string()),
        PsValue::TimeSpan(ticks) => time_span(*ticks),
        PsValue::DateTime(time) => date_object(*time),
        PsValue::Uri(uri) => PsObject::new("System.Uri").with("OriginalString", uri.clone()),
        _ => return None,
    };
    Some(Arc::new(object))
}

fn date_object(time: PsDateTime) -> PsObject {
    let civil = time.civil();
    let first = Civil { year: civil.year, month: 1, day: 1, hour: 0, minute: 0, second: 0, ticks: 0 };
    let new_year = PsDateTime::from_civil(first, time.kind()).map_or(0, PsDateTime::ticks);
    let kind = match time.kind() {
        DateTimeKind::Unspecified => "Unspecified",
        DateTimeKind::Utc => "Utc",
        DateTimeKind::Local(_) => "Local",
    };
    let of_day = time.ticks() % DAY;
    let midnight = PsDateTime::from_ticks(time.ticks() - of_day, time.kind()).unwrap_or(time);
    PsObject::new("System.DateTime")
        .with("Date", PsValue::DateTime(midnight))
        .with("Day", i64::from(civil.day))
        .with("DayOfWeek", format_date(time, "dddd").unwrap_or_default())
        .with("DayOfYear", (time.ticks() - new_year) / DAY + 1)
        .with("Hour", i64::from(civil.hour))
        .with("Kind", kind)
        .with("Millisecond", of_day / 10_000 % 1000)
        .with("Microsecond", of_day / 10 % 1000)
        .with("Nanosecond", of_day % 10 * 100)
        .with("Minute", i64::from(civil.minute))
        .with("Month", i64::from(civil.month))
        .with("Second", i64::from(civil.second))
        .with("Ticks", time.ticks())
        .with("TimeOfDay", PsValue::TimeSpan(of_day))
        .with("Year", i64::from(civil.year))
        .with("DateTime", long_date_time(time))
}

fn time_span(ticks: i64) -> PsObject {
    let total = PsValue::I64(ticks).as_f64().unwrap_or_default();
    let whole = |unit: i64, modulus: i64| ticks / unit % modulus;
    PsObject::new("System.TimeSpan")
        .with("Ticks", ticks)
        .with("Days", ticks / DAY)
        .with("Hours", whole(36_000_000_000, 24))
        .with("Milliseconds", whole(10_000, 1000))
        .with("Microseconds", whole(10, 1000))
        .with("Nanoseconds", ticks % 10 * 100)
        .with("Minutes", whole(600_000_000, 60))
        .with("Seconds", whole(10_000_000, 60))
        .with("TotalDays", total / 864e9)
        .with("TotalHours", total / 36e9)
        .with("TotalMilliseconds", total / 1e4)
        .with("TotalMicroseconds", total / 10.0)
        .with("TotalNanoseconds", total * 100.0)
        .with("TotalMinutes", total / 6e8)
        .with("TotalSeconds", total / 1e7)
}

fn is_error(value: &PsValue) -> bool {
    value.as_object().is_some_and(|object| {
        let names = &object.type_names;
        names.contains("System.Management.Automation.ErrorRecord")
            || names.contains("Deserialized.System.Management.Automation.ErrorRecord")
    })
}

/// `Get-Item: Cannot find path`: what failed, then the message.
fn error_text(value: &PsValue) -> String {
    let message = value.as_object().and_then(|object| object.to_string.clone());
    let message = message.map(|text| text.as_str().to_owned()).unwrap_or_default();
    let activity = value.get("ErrorCategory_Activity").map(cell_text).filter(|text| !text.is_empty());
    let invocation = value.get("InvocationInfo").and_then(|info| info.get("MyCommand")).map(cell_text);
    match activity.or(invocation) {
        Some(activity) => format!("{activity}: {message}"),
        None => message,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_a_computer_name_is_still_a_time() {
        let time = PsDateTime::from_ticks(0, DateTimeKind::Utc).unwrap();
        let remote =
            PsObject::untyped().with_base(Base::Primitive(time.into())).with("PSComputerName", "srv1");
        let drawn = format(&[remote.into()], &View::Default, 80);
        assert_eq!(drawn, format(&[PsValue::DateTime(time)], &View::Default, 80));
        assert!(drawn.contains("January 1, 0001"), "{drawn}");
    }

    #[test]
    fn a_name_of_a_computer_that_stands_alone_is_shown() {
        let chosen = |properties: &[&str]| {
            let object =
                properties.iter().fold(PsObject::custom(), |object, name| object.with(*name, "srv1"));
            format(&[object.into()], &View::Default, 80)
        };
        assert_eq!(chosen(&["PSComputerName"]), "\nPSComputerName\n--------------\nsrv1\n\n");
        assert!(!chosen(&["PSComputerName", "Name"]).contains("PSComputerName"));
    }

    #[test]
    fn a_time_has_the_properties_of_dotnet_behind_those_that_were_added() {
        let time = PsDateTime::from_ticks(621_355_968_000_000_000, DateTimeKind::Utc).unwrap();
        let noted = PsObject::untyped().with_base(Base::Primitive(time.into())).with("DisplayHint", "Date");
        let drawn = format(&[noted.into()], &View::Custom(Vec::new(), 0), 80);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(
            lines[1..6],
            [
                "class DateTime",
                "{",
                "  DisplayHint = Date",
                "  Date = 1/1/1970 12:00:00\u{202f}AM",
                "  Day = 1"
            ]
        );
    }

    #[test]
    fn objects_of_a_view_stay_in_its_table_whatever_their_type() {
        let entry = |kind: &str, name: &str| -> PsValue {
            PsObject::new(format!("Deserialized.System.IO.{kind}"))
                .with("PSParentPath", "FileSystem::/srv")
                .with("NameString", name)
                .into()
        };
        let drawn = format(&[entry("DirectoryInfo", "etc"), entry("FileInfo", "motd")], &View::Default, 120);
        assert_eq!(drawn.matches("Directory: /srv").count(), 1, "{drawn}");
        let ends: Vec<_> = drawn.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(ends, ["/srv", "Name", "----", "etc", "motd"], "{drawn}");
    }
}
