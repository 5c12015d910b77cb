//! Which view shows an object.

use windlass_clixml::{Base, PsObject, PsValue};

use crate::views::{BuiltIn, Field, Kind, built_in, display_properties};

/// Objects with more properties than this are shown as lists.
const MOST_COLUMNS: usize = 4;
/// Properties that remoting adds, which are not shown of themselves.
const HIDDEN: [&str; 3] = ["RunspaceId", "PSShowComputerName", "PSComputerName"];

/// A way to show objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum View {
    /// What the type asks for: `Out-String`, `Out-Default`.
    #[default]
    Default,
    /// `Format-Table`.
    Table(TableOptions),
    /// `Format-List`; no properties means those that the type shows.
    List(Vec<String>),
    /// `Format-Wide`: one property, in so many columns.
    Wide(Option<String>, usize),
    /// `Format-Custom`: the properties, none for those that the type shows, and how many levels of objects within
    /// objects are entered.
    Custom(Vec<String>, usize),
}

/// What `Format-Table` can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// The properties to show; none means those that the type shows.
    pub properties: Vec<String>,
    /// Whether the header is left out.
    pub hide_headers: bool,
    /// Whether long values go on in the next line instead of being cut.
    pub wrap: bool,
}

/// A view settled for objects of one type.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The built-in view that it comes from.
    pub(crate) view: Option<&'static BuiltIn>,
    pub(crate) kind: Kind,
    pub(crate) fields: Vec<Field>,
    /// Whether widths come from the values.
    pub(crate) autosize: bool,
    pub(crate) hide_headers: bool,
    pub(crate) wrap: bool,
    pub(crate) columns: usize,
    /// Levels of objects within objects that are entered.
    pub(crate) levels: usize,
    pub(crate) group_by: Option<&'static str>,
}

impl Shape {
    /// The shape that `view` gives `object`.
    pub(crate) fn of(view: &View, object: &PsObject) -> Self {
        match view {
            View::Default => Self::by_type(object, None),
            View::Table(options) => {
                let mut shape = if options.properties.is_empty() {
                    Self::by_type(object, Some(Kind::Table))
                } else {
                    Self::made_up(Kind::Table, chosen(object, &options.properties))
                };
                shape.hide_headers |= options.hide_headers;
                shape.wrap = options.wrap;
                shape
            }
            View::List(properties) if properties.is_empty() => Self::by_type(object, Some(Kind::List)),
            View::List(properties) => Self::made_up(Kind::List, chosen(object, properties)),
            View::Wide(property, columns) => {
                let mut shape = match property {
                    Some(property) => Self::made_up(Kind::Wide, vec![Field::of(property)]),
                    None => Self::by_type(object, Some(Kind::Wide)),
                };
                shape.fields.truncate(1);
                shape.columns = (*columns).max(1);
                shape
            }
            View::Custom(properties, levels) => Self::of_class(object, properties, *levels),
        }
    }

    /// A list of every property, as objects get that do not fit the view of those before them.
    pub(crate) fn every_property(object: &PsObject) -> Self {
        Self::made_up(Kind::List, fields_of(object, false))
    }

    /// An object as a class: the named properties, or those that its type shows.
    pub(crate) fn of_class(object: &PsObject, properties: &[String], levels: usize) -> Self {
        let fields = match properties {
            [] => with_computer_name(object, shown_properties(object)),
            properties => chosen(object, properties),
        };
        Self { levels, ..Self::made_up(Kind::Custom, fields) }
    }

    /// Whether objects that it was not made for fit in.
    pub(crate) fn shows(&self, object: &PsObject) -> bool {
        self.view.is_some_and(|view| view.shows(object.type_names.iter().map(|name| name.as_str())))
    }

    fn by_type(object: &PsObject, kind: Option<Kind>) -> Self {
        let names = || object.type_names.iter().map(|name| name.as_str());
        if let Some(view) = built_in(names(), kind) {
            return Self {
                view: Some(view),
                kind: view.kind,
                fields: with_computer_name(object, view.fields.clone()),
                autosize: false,
                hide_headers: false,
                wrap: false,
                columns: 2,
                levels: 0,
                group_by: view.group_by,
            };
        }
        let shown = shown_properties(object);
        let default = if shown.len() > MOST_COLUMNS { Kind::List } else { Kind::Table };
        Self::made_up(kind.unwrap_or(default), with_computer_name(object, shown))
    }

    fn made_up(kind: Kind, fields: Vec<Field>) -> Self {
        let (hide_headers, wrap, columns, levels) = (false, false, 2, 0);
        Self { view: None, kind, fields, autosize: true, hide_headers, wrap, columns, levels, group_by: None }
    }
}

/// The properties that the type shows: all where it does not say.
fn shown_properties(object: &PsObject) -> Vec<Field> {
    match display_properties(object.type_names.iter().map(|name| name.as_str())) {
        Some(properties) => properties.iter().map(|name| Field::of(name)).collect(),
        None => fields_of(object, true),
    }
}

/// Adds the computer's name where the sender asks for it.
fn with_computer_name(object: &PsObject, mut fields: Vec<Field>) -> Vec<Field> {
    if object.get("PSShowComputerName").and_then(PsValue::as_bool) == Some(true) {
        fields.push(Field::of("PSComputerName"));
    }
    fields
}

/// The named properties, as the object spells them; `*` means all.
fn chosen(object: &PsObject, names: &[String]) -> Vec<Field> {
    let spelled = |name: &String| {
        let known = object.properties().find(|property| property.name.as_str().eq_ignore_ascii_case(name));
        Field::of(known.map_or(name, |property| property.name.as_str()))
    };
    match names {
        [all] if all == "*" => fields_of(object, false),
        names => names.iter().map(spelled).collect(),
    }
}

fn fields_of(object: &PsObject, hide: bool) -> Vec<Field> {
    let all = || object.properties().map(|property| property.name.as_str());
    // Who has chosen nothing but such properties wants to see them.
    let hide = hide && all().any(|name| !HIDDEN.contains(&name));
    all().filter(|name| !hide || !HIDDEN.contains(name)).map(Field::of).collect()
}

/// Whether a value prints as a line of its own rather than by its properties.
pub(crate) fn is_scalar(value: &PsValue) -> bool {
    match value {
        PsValue::DateTime(_)
        | PsValue::TimeSpan(_)
        | PsValue::Version(_)
        | PsValue::Guid(_)
        | PsValue::Uri(_) => false,
        PsValue::Object(object) => matches!(&object.base, Base::Primitive(inner) if is_scalar(inner)),
        PsValue::Back(_) => false,
        _ => true,
    }
}
