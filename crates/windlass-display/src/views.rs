//! The built-in table of views and display properties.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::cell::Alignment;

const VIEW_LINES: &str = include_str!("data/views.txt");
const TYPE_LINES: &str = include_str!("data/types.txt");

/// How a built-in view draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Table,
    List,
    Wide,
    Custom,
}

/// A view that PowerShell has built in for a type.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    types: Vec<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) group_by: Option<&'static str>,
    pub(crate) fields: Vec<Field>,
}

impl BuiltIn {
    /// Whether it shows objects of these types, first or not.
    pub(crate) fn shows<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        names.any(|name| with_plain(name).any(|name| self.types.contains(&name)))
    }
}

/// A column of a table or an item of a list.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The property; `None` where a script makes the value.
    pub(crate) property: Option<String>,
    pub(crate) label: String,
    pub(crate) width: Option<usize>,
    pub(crate) alignment: Option<Alignment>,
}

impl Field {
    /// A field that shows a property under its own name.
    pub(crate) fn of(property: &str) -> Self {
        Self { property: Some(property.to_owned()), label: property.to_owned(), width: None, alignment: None }
    }
}

static VIEWS: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| lines(VIEW_LINES).filter_map(view).collect());

static BY_TYPE: LazyLock<HashMap<&'static str, Vec<&'static BuiltIn>>> = LazyLock::new(|| {
    let mut by_type: HashMap<_, Vec<_>> = HashMap::new();
    for view in VIEWS.iter() {
        for name in &view.types {
            by_type.entry(*name).or_default().push(view);
        }
    }
    by_type
});

static DISPLAY_PROPERTIES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let entry = |line: &'static str| {
        let (name, properties) = line.split_once('\t')?;
        Some((name, properties.split(',').collect()))
    };
    lines(TYPE_LINES).filter_map(entry).collect()
});

/// The views of the first of these types that has any of the kind.
pub(crate) fn built_in<'n>(
    names: impl Iterator<Item = &'n str>,
    kind: Option<Kind>,
) -> Option<&'static BuiltIn> {
    let wanted = |view: &&&BuiltIn| kind.is_none_or(|kind| view.kind == kind);
    names.flat_map(with_plain).find_map(|name| BY_TYPE.get(name)?.iter().find(wanted).copied())
}

/// The properties that the first of these types shows by default.
pub(crate) fn display_properties<'n>(
    names: impl Iterator<Item = &'n str>,
) -> Option<&'static [&'static str]> {
    names.flat_map(with_plain).find_map(|name| DISPLAY_PROPERTIES.get(name)).map(Vec::as_slice)
}

/// A type that has come over the wire has a view of its own, or keeps that of the type it was.
fn with_plain(name: &str) -> impl Iterator<Item = &str> {
    [Some(name), name.strip_prefix("Deserialized.")].into_iter().flatten()
}

fn view(line: &'static str) -> Option<BuiltIn> {
    let mut parts = line.split('\t');
    let kind = match parts.next()? {
        "table" => Kind::Table,
        "list" => Kind::List,
        _ => Kind::Wide,
    };
    let types = parts.next()?.split(';').collect();
    let group_by = Some(parts.next()?).filter(|group| !group.is_empty());
    Some(BuiltIn { types, kind, group_by, fields: parts.map(field).collect() })
}

fn field(text: &'static str) -> Field {
    let mut parts = text.split('|');
    let property = parts.next().filter(|property| *property != "=");
    let label = parts.next().filter(|label| !label.is_empty()).or(property).unwrap_or_default();
    Field {
        property: property.map(str::to_owned),
        label: label.to_owned(),
        width: parts.next().and_then(|width| width.parse().ok()),
        alignment: parts.next().map(|side| if side == "R" { Alignment::Right } else { Alignment::Left }),
    }
}

fn lines(data: &'static str) -> impl Iterator<Item = &'static str> {
    data.lines().filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_have_a_table_also_after_the_wire() {
        let view = built_in(["Deserialized.System.Diagnostics.Process"].into_iter(), None).unwrap();
        assert_eq!(view.kind, Kind::Table);
        let labels: Vec<_> = view.fields.iter().map(|field| field.label.as_str()).collect();
        assert_eq!(labels, ["NPM(K)", "PM(M)", "WS(M)", "CPU(s)", "Id", "SI", "ProcessName"]);
    }

    #[test]
    fn cim_classes_have_display_properties() {
        let name = "Microsoft.Management.Infrastructure.CimInstance#root/cimv2/Win32_Process";
        let properties = display_properties([name].into_iter()).unwrap();
        assert_eq!(properties, ["ProcessId", "Name", "HandleCount", "WorkingSetSize", "VirtualSize"]);
    }
}
