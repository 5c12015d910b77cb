//! Objects: their four parts kept apart, and the properties in them.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::encode::Encoder;
use crate::names::{TypeNames, bare};
use crate::string::PsString;
use crate::unique::replace_repeated;
use crate::value::PsValue;
use crate::writer::Writer;

/// Objects that are dropped one within the other; what is deeper is taken out first.
const SHALLOW: usize = 16;

thread_local! {
    /// How many objects are being dropped, one within the other.
    static DROPPING: Cell<usize> = const { Cell::new(0) };
}

/// An object of PowerShell, or the property bag that is left of one after its journey
/// ([MS-PSRP] 2.2.5.2).
#[derive(Clone, Default)]
pub struct PsObject {
    /// The type names as they stand on the wire, most derived first.
    pub type_names: TypeNames,
    /// What the object's `ToString` gave on the sending side.
    pub to_string: Option<PsString>,
    /// The value or container that the object is, besides its properties.
    pub base: Base,
    /// The properties of the object's type, `Props` on the wire.
    pub adapted: Properties,
    /// The properties added to it, `MS` on the wire.
    pub extended: Properties,
}

/// The value or container in an object.
#[derive(Debug, Clone, Default)]
pub enum Base {
    /// Neither; properties only.
    #[default]
    None,
    /// A value of a simple type, or (in damaged input) another object.
    Primitive(PsValue),
    /// Tag `LST`.
    List(Vec<PsValue>),
    /// Tag `STK`, the top first.
    Stack(Vec<PsValue>),
    /// Tag `QUE`, the front first.
    Queue(Vec<PsValue>),
    /// Something else that can be enumerated, tag `IE`.
    Enumerable(Vec<PsValue>),
    /// Tag `DCT`, in order of arrival.
    Dictionary(Vec<(PsValue, PsValue)>),
    /// No object at all but a set of members under one name: an `MS` inside an `MS`. Its members
    /// are the extended properties.
    MemberSet,
}

/// A property of an object.
#[derive(Debug, Clone)]
pub struct Property {
    /// The name; PowerShell compares names without regard to case.
    pub name: PsString,
    /// The value.
    pub value: PsValue,
}

/// Properties in order. They deref to a slice.
///
/// An object without such a part differs on the wire from one whose part is empty.
#[derive(Debug, Clone, Default)]
pub struct Properties(Option<Vec<Property>>);

impl PsObject {
    /// An object of this type, derived from `System.Object` alone.
    pub fn new(type_name: impl Into<PsString>) -> Self {
        Self::typed([type_name.into(), PsString::from_static("System.Object")])
    }

    /// An object with these type names, most derived first.
    pub fn typed(names: impl IntoIterator<Item = impl Into<PsString>>) -> Self {
        let mut object = Self::untyped();
        object.type_names = TypeNames::new(names);
        object
    }

    /// An object without type names, as most messages of PSRP are.
    pub fn untyped() -> Self {
        Self {
            type_names: TypeNames::none(),
            to_string: None,
            base: Base::None,
            adapted: Properties::default(),
            extended: Properties::default(),
        }
    }

    /// What `[pscustomobject]` makes.
    pub fn custom() -> Self {
        Self::new("System.Management.Automation.PSCustomObject")
    }

    /// With one more extended property.
    #[must_use]
    pub fn with(mut self, name: impl Into<PsString>, value: impl Into<PsValue>) -> Self {
        self.extended.push(name, value);
        self
    }

    /// With one more adapted property.
    #[must_use]
    pub fn with_adapted(mut self, name: impl Into<PsString>, value: impl Into<PsValue>) -> Self {
        self.adapted.push(name, value);
        self
    }

    /// With this `ToString`.
    #[must_use]
    pub fn with_to_string(mut self, text: impl Into<PsString>) -> Self {
        self.to_string = Some(text.into());
        self
    }

    /// With this value or container.
    #[must_use]
    pub fn with_base(mut self, base: Base) -> Self {
        self.base = base;
        self
    }

    /// With these type names, shared with other objects.
    #[must_use]
    pub fn with_type_names(mut self, names: &TypeNames) -> Self {
        self.type_names = names.clone();
        self
    }

    /// A property: extended ones first, then adapted ones, names in any case. Where a name comes
    /// twice, the last one counts, as in PowerShell. An object in the place of the value gives what
    /// the outer one has not.
    pub fn get(&self, name: &str) -> Option<&PsValue> {
        self.layers().find_map(|object| object.extended.get(name).or_else(|| object.adapted.get(name)))
    }

    /// The properties that PowerShell shows: the extended ones, then those adapted ones that no
    /// extended one hides. Where an object stands in the place of the value, its properties count as
    /// adapted ones.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        let adapted = self.layers().map(|object| &object.adapted).find(|part| part.is_present());
        let adapted = adapted.unwrap_or_else(|| match self.layers().last() {
            Some(innermost) if !std::ptr::eq(innermost, self) => &innermost.extended,
            _ => &self.adapted,
        });
        // Few names are found as quickly one by one.
        let many = self.extended.len() > 16 && adapted.len() > 16;
        let names: HashSet<Box<str>> = match many {
            true => self.extended.iter().map(|property| fold_name(&property.name)).collect(),
            false => HashSet::new(),
        };
        let shown = move |property: &&Property| match many {
            true => !names.contains(&fold_name(&property.name)),
            false => self.extended.get(&property.name).is_none(),
        };
        self.extended.iter().chain(adapted.iter().filter(shown))
    }

    /// This object and those that stand in the place of its value, from the outside in. Windows sends
    /// some objects so.
    fn layers(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |object| match &object.base {
            Base::Primitive(PsValue::Object(inner)) => Some(&**inner),
            _ => None,
        })
    }

    /// The items of a list, stack, queue or other enumeration.
    pub fn items(&self) -> Option<&[PsValue]> {
        match &self.base {
            Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    /// The entries of a dictionary, in order.
    pub fn entries(&self) -> Option<&[(PsValue, PsValue)]> {
        self.layers().last()?.base.entries()
    }

    /// The value of a dictionary under a string key, in any case.
    pub fn entry(&self, key: &str) -> Option<&PsValue> {
        let same = |entry: &&(PsValue, PsValue)| entry.0.as_str().is_some_and(|known| same_name(known, key));
        self.entries()?.iter().find(same).map(|(_, value)| value)
    }

    /// Whether this is a dictionary that PowerShell reads into one that keeps its order.
    pub fn is_ordered_dictionary(&self) -> bool {
        let name = self.type_names.iter().find(|name| !name.is_empty()).map_or("", PsString::as_str);
        matches!(self.base, Base::Dictionary(_))
            && bare(name) == "System.Collections.Specialized.OrderedDictionary"
    }

    /// Moves the objects that this one holds out of it.
    fn take_children(&mut self, into: &mut Vec<Arc<PsObject>>) {
        let mut take = |value: &mut PsValue| {
            if matches!(value, PsValue::Object(_))
                && let PsValue::Object(object) = std::mem::take(value)
            {
                into.push(object);
            }
        };
        match &mut self.base {
            Base::None | Base::MemberSet => {}
            Base::Primitive(value) => take(value),
            Base::List(items) | Base::Stack(items) | Base::Queue(items) | Base::Enumerable(items) => {
                items.iter_mut().for_each(&mut take);
            }
            Base::Dictionary(entries) => entries.iter_mut().for_each(|(key, value)| {
                take(key);
                take(value);
            }),
        }
        for part in [&mut self.adapted, &mut self.extended] {
            part.0.iter_mut().flatten().for_each(|property| take(&mut property.value));
        }
    }
}

impl Base {
    pub(crate) fn items(&self) -> Option<&[PsValue]> {
        match self {
            Self::List(items) | Self::Stack(items) | Self::Queue(items) | Self::Enumerable(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    pub(crate) fn entries(&self) -> Option<&[(PsValue, PsValue)]> {
        match self {
            Self::Dictionary(entries) => Some(entries),
            _ => None,
        }
    }
}

impl Properties {
    /// A part that is there, with nothing in it.
    pub fn empty() -> Self {
        Self(Some(Vec::new()))
    }

    /// Whether the part is there, even empty.
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// The properties in order.
    pub fn as_slice(&self) -> &[Property] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Adds a property at the end.
    pub fn push(&mut self, name: impl Into<PsString>, value: impl Into<PsValue>) {
        let property = Property { name: name.into(), value: value.into() };
        self.0.get_or_insert_default().push(property);
    }

    /// Adds properties at the end; the part is there then, even where none are added.
    pub(crate) fn append(&mut self, properties: Vec<Property>) {
        self.0.get_or_insert_default().extend(properties);
    }

    /// Puts each property that has the name of an earlier one in that one's place.
    pub(crate) fn replace_repeated(&mut self) {
        if let Some(properties) = &mut self.0 {
            replace_repeated(properties);
        }
    }

    /// Sets the property of that name, or adds it at the end.
    pub fn set(&mut self, name: &str, value: impl Into<PsValue>) {
        let known = self.0.iter_mut().flatten().rfind(|property| same_name(&property.name, name));
        match known {
            Some(property) => property.value = value.into(),
            None => self.push(name, value),
        }
    }

    /// The value of the last property of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&PsValue> {
        self.iter().rfind(|property| same_name(&property.name, name)).map(|property| &property.value)
    }
}

/// Whether two names of properties are the same to PowerShell, which compares them by ordinal
/// without regard to case.
pub(crate) fn same_name(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    fold_name(left) == fold_name(right)
}

/// The form of a name that is the same for all names that differ in case alone.
pub(crate) fn fold_name(name: &str) -> Box<str> {
    name.chars().map(simple_upper).collect()
}

/// The upper case of a character where that is one character too and not one of ASCII.
fn simple_upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) if character.is_ascii() || !one.is_ascii() => one,
        _ => character,
    }
}

/// An enumeration value: type names, name and number ([MS-PSRP] 2.2.5.2.7).
pub fn ps_enum(type_name: impl Into<PsString>, name: impl Into<PsString>, value: i32) -> PsValue {
    let types = [type_name.into(), "System.Enum".into(), "System.ValueType".into(), "System.Object".into()];
    PsObject::typed(types).with_to_string(name).with_base(Base::Primitive(value.into())).into()
}

impl Deref for Properties {
    type Target = [Property];

    fn deref(&self) -> &[Property] {
        self.as_slice()
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        Self(Some(properties.into_iter().collect()))
    }
}

impl From<Vec<Property>> for Properties {
    fn from(properties: Vec<Property>) -> Self {
        Self(Some(properties))
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = &'a Property;
    type IntoIter = std::slice::Iter<'a, Property>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: Into<PsString>, V: Into<PsValue>> From<(N, V)> for Property {
    fn from((name, value): (N, V)) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

impl Drop for PsObject {
    /// Drops what it holds, but objects that are deep within others one by one: a chain of any length drops
    /// in constant stack.
    fn drop(&mut self) {
        let around = DROPPING.get();
        if around < SHALLOW {
            DROPPING.set(around + 1);
            self.base = Base::None;
            self.adapted = Properties::default();
            self.extended = Properties::default();
            return DROPPING.set(around);
        }
        let mut pending = Vec::new();
        self.take_children(&mut pending);
        while let Some(object) = pending.pop() {
            if let Some(mut object) = Arc::into_inner(object) {
                object.take_children(&mut pending);
            }
        }
    }
}

impl fmt::Debug for PsObject {
    /// The CLIXML, secure strings left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        Encoder::new(Writer::compact(&mut text)).redacted().object(self);
        f.write_str(&text)
    }
}
