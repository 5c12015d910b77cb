//! Owned values in the making, without recursion.

use std::collections::HashSet;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use crate::back::BackReference;
use crate::document::StreamValue;
use crate::leaves::PropertyTag;
use crate::names::TypeNames;
use crate::object::{Base, Property, PsObject};
use crate::refs::RefTable;
use crate::scan::Open;
use crate::seen::{self, Seen};
use crate::string::PsString;
use crate::tag::Kind;
use crate::unique::{TagId, Unique, replace_repeated};
use crate::value::PsValue;

/// Room for properties and items that is kept from one message to the next.
const KEPT: usize = 1024;

const TYPES_END: &str = "</TN>";
static TYPES_END_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(TYPES_END));

/// What may come next in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The values of a document or message.
    Root,
    /// The parts of an object.
    Object,
    Adapted,
    Members,
    Items,
    Entries,
    Key,
    Value,
    EntryEnd,
}

impl Part {
    /// Whether what comes next needs a name: it is a property.
    pub(crate) fn is_named(self) -> bool {
        matches!(self, Self::Adapted | Self::Members)
    }
}

/// The place of an object that references may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(NonZeroUsize);

impl Slot {
    fn of(index: usize) -> Self {
        Self(NonZeroUsize::MIN.saturating_add(index))
    }

    fn index(self) -> usize {
        self.0.get() - 1
    }
}

/// An element that is being read.
#[derive(Debug)]
struct Frame {
    part: Part,
    kind: Kind,
    name: PsString,
    /// Its start tag, if it is a property.
    tag: TagId,
    /// Where its items or properties start among those of all elements.
    start: usize,
    keys: Option<Box<Keys>>,
}

/// The keys of a dictionary that PowerShell would find again by identity.
#[derive(Debug, Default)]
struct Keys {
    empty: bool,
    objects: HashSet<Slot>,
}

/// An object of which there may be more to come.
#[derive(Debug)]
struct OpenObject {
    object: PsObject,
    slot: Option<Slot>,
    /// A second set of members was added to the first.
    members_added: bool,
}

/// What references to an object become.
#[derive(Debug)]
enum Referable {
    /// It encloses what is being read; something in it may have named it already.
    Open(Option<BackReference>),
    Built(Arc<PsObject>),
}

/// Values as far as they were read. What all elements hold lies on one stack for each sort, so that
/// each object takes exactly the memory it needs, and the stacks serve one message after another.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    frames: Vec<Frame>,
    open: Vec<OpenObject>,
    items: Vec<PsValue>,
    properties: Vec<Property>,
    /// The start tag of each property.
    property_tags: Vec<TagId>,
    roots: Vec<StreamValue>,
    stream: Option<PsString>,
    slots: Vec<Referable>,
    objects: RefTable<Slot>,
    types: RefTable<TypeNames>,
    /// Start tags of properties, and lists of type names with their ends, of any message.
    tags: Seen<(PropertyTag, TagId)>,
    last_tag: TagId,
    unique: Unique,
    known_types: Seen<TypeNames>,
    /// Room for a scanner.
    nesting: Vec<Open>,
}

impl Builder {
    /// Forgets everything but some of the room it took.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.open.clear();
        self.items.clear();
        self.items.shrink_to(KEPT);
        self.properties.clear();
        self.properties.shrink_to(KEPT);
        self.property_tags.clear();
        self.property_tags.shrink_to(KEPT);
        self.roots.clear();
        self.stream = None;
        self.slots.clear();
        self.slots.shrink_to(KEPT);
        self.objects.clear();
        self.types.clear();
    }

    pub(crate) fn take_roots(&mut self) -> Vec<StreamValue> {
        mem::take(&mut self.roots)
    }

    pub(crate) fn take_root(&mut self) -> Option<PsValue> {
        self.roots.pop().map(|root| root.value)
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// What may come next.
    pub(crate) fn part(&self) -> Part {
        self.frames.last().map_or(Part::Root, |frame| frame.part)
    }

    pub(crate) fn set_part(&mut self, part: Part) {
        if let Some(frame) = self.frames.last_mut() {
            frame.part = part;
        }
    }

    /// The stream that the next root is for.
    pub(crate) fn set_stream(&mut self, stream: Option<PsString>) {
        self.stream = stream;
    }

    /// Takes a value into the innermost element; only properties need a name.
    pub(crate) fn put(&mut self, name: PsString, value: PsValue) {
        self.put_property(name, TagId::NONE, value);
    }

    /// The same for what may be a property whose start tag is kept.
    fn put_property(&mut self, name: PsString, tag: TagId, value: PsValue) {
        match self.part() {
            Part::Adapted | Part::Members => self.property(name, tag, value),
            Part::Items | Part::Entries | Part::Key | Part::Value | Part::EntryEnd => self.item(value),
            Part::Object => {
                if let Some(open) = self.open.last_mut() {
                    open.object.base = Base::Primitive(value);
                }
            }
            Part::Root => self.roots.push(StreamValue { stream: self.stream.take(), value }),
        }
    }

    fn property(&mut self, name: PsString, tag: TagId, value: PsValue) {
        self.properties.push(Property { name, value });
        self.property_tags.push(tag);
    }

    pub(crate) fn item(&mut self, value: PsValue) {
        self.items.push(value);
    }

    /// Takes up what names something that came before; gives what it named, where there is such a
    /// thing.
    pub(crate) fn reference(&mut self, id: &str, name: PsString) -> Option<Slot> {
        let slot = *self.objects.get_mut(id)?;
        let value = match self.slots.get_mut(slot.index())? {
            Referable::Built(object) => PsValue::Object(Arc::clone(object)),
            Referable::Open(back) => PsValue::Back(back.get_or_insert_default().clone()),
        };
        self.put(name, value);
        Some(slot)
    }

    /// Opens an object, to which references may lead where it has an id.
    pub(crate) fn open_object(&mut self, id: Option<&str>, name: PsString) -> Option<Slot> {
        self.open_property(id, name, TagId::NONE)
    }

    /// The same for an object that is the property whose tag was read last.
    pub(crate) fn open_expected(&mut self, id: &str) {
        if let Some((property, tag)) = self.tags.says() {
            let (name, tag) = (property.name.clone(), *tag);
            self.open_property(Some(id), name, tag);
        }
    }

    fn open_property(&mut self, id: Option<&str>, name: PsString, tag: TagId) -> Option<Slot> {
        let slot = id.map(|id| {
            let slot = Slot::of(self.slots.len());
            self.slots.push(Referable::Open(None));
            self.objects.set(id, slot);
            slot
        });
        self.open.push(OpenObject { object: PsObject::untyped(), slot, members_added: false });
        let start = self.items.len();
        self.frames.push(Frame { part: Part::Object, kind: Kind::Object, name, tag, start, keys: None });
        slot
    }

    /// Opens a part of an object. Only a set of members in another one has a name.
    pub(crate) fn open_part(&mut self, kind: Kind, part: Part, name: PsString) {
        let start = if part.is_named() { self.properties.len() } else { self.items.len() };
        self.frames.push(Frame { part, kind, name, tag: TagId::NONE, start, keys: None });
    }

    pub(crate) fn set_type_names(&mut self, names: TypeNames) {
        if let Some(open) = self.open.last_mut() {
            open.object.type_names = names;
        }
    }

    /// Gives type names an id.
    pub(crate) fn name_types(&mut self, id: &str, names: &TypeNames) {
        self.types.set(id, names.clone());
    }

    /// The type names whose list comes next, and the length of the list without its end.
    pub(crate) fn known_types(&mut self, next: &str) -> Option<(TypeNames, usize)> {
        let length = match self.known_types.expect(next) {
            Some(length) => length,
            None => {
                let bytes = next.as_bytes();
                let near = bytes.get(..seen::LONGEST).unwrap_or(bytes);
                let length = TYPES_END_FINDER.find(near)? + TYPES_END.len();
                if !self.known_types.find(next.get(..length)?) {
                    return None;
                }
                length
            }
        };
        Some((self.known_types.says()?.clone(), length - TYPES_END.len()))
    }

    /// Remembers a list of type names as it is written, its end included.
    pub(crate) fn remember_types(&mut self, written: &str, names: &TypeNames) {
        if written.ends_with(TYPES_END) {
            self.known_types.keep(written, names.clone());
        }
    }

    /// What the start tag says that is expected next, and its length, where it comes.
    #[inline]
    pub(crate) fn expected_tag(&mut self, next: &str) -> Option<(&PropertyTag, usize)> {
        let length = self.tags.expect(next)?;
        Some((&self.tags.says()?.0, length))
    }

    /// Whether the start tag of a property is one of those that are kept.
    pub(crate) fn has_tag(&mut self, written: &str) -> bool {
        self.tags.find(written)
    }

    /// Keeps the start tag of a property; says whether it did: it keeps none that is very long.
    pub(crate) fn keep_tag(&mut self, written: &str, tag: PropertyTag) -> bool {
        self.last_tag = self.last_tag.next();
        self.tags.keep(written, (tag, self.last_tag))
    }

    /// Takes the value of the property whose tag was read last. In a call the value would be copied once more.
    #[inline(always)]
    pub(crate) fn expected_property(&mut self, value: PsValue) {
        if let Some((property, tag)) = self.tags.says() {
            self.properties.push(Property { name: property.name.clone(), value });
            self.property_tags.push(*tag);
        }
    }

    /// Room for the open elements of a scanner.
    pub(crate) fn take_nesting(&mut self) -> Vec<Open> {
        mem::take(&mut self.nesting)
    }

    pub(crate) fn give_nesting(&mut self, nesting: Vec<Open>) {
        self.nesting = nesting;
    }

    pub(crate) fn named_types(&mut self, id: &str) -> Option<TypeNames> {
        self.types.get_mut(id).cloned()
    }

    pub(crate) fn set_to_string(&mut self, text: PsString) {
        if let Some(open) = self.open.last_mut() {
            open.object.to_string = Some(text);
        }
    }

    /// Takes note of a key that was just read into an open dictionary: an object that references may
    /// name, or any other. Says whether PowerShell takes it for one that was there.
    pub(crate) fn is_known_key(&mut self, dictionary: usize, object: Option<Slot>) -> bool {
        let is_empty = matches!(self.items.last(), Some(PsValue::String(key)) if key.is_empty());
        let Some(frame) = self.frames.get_mut(dictionary) else { return false };
        match object {
            Some(object) => !frame.keys.get_or_insert_default().objects.insert(object),
            None => is_empty && mem::replace(&mut frame.keys.get_or_insert_default().empty, true),
        }
    }

    /// Closes the innermost element and hands it to what it is in.
    pub(crate) fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.kind == Kind::Object {
            return self.finish(frame.name, frame.tag);
        }
        if frame.kind == Kind::Members && self.part() == Part::Members {
            let mut set = PsObject::untyped().with_base(Base::MemberSet);
            set.extended = self.close_properties(frame.start).into();
            return self.property(frame.name, TagId::NONE, set.into());
        }
        if matches!(frame.kind, Kind::Adapted | Kind::Members) {
            let properties = self.close_properties(frame.start);
            let Some(open) = self.open.last_mut() else { return };
            // A repeated part takes the place of the earlier one, except that member sets add up.
            if frame.kind == Kind::Adapted {
                open.object.adapted = properties.into();
            } else if open.object.extended.is_present() {
                open.object.extended.append(properties);
                open.members_added = true;
            } else {
                open.object.extended = properties.into();
            }
            return;
        }
        let Some(OpenObject { object, .. }) = self.open.last_mut() else { return };
        match frame.kind {
            Kind::Dictionary => {
                let mut items = self.items.drain(frame.start..);
                let pairs = std::iter::from_fn(|| Some((items.next()?, items.next()?)));
                object.base = Base::Dictionary(pairs.collect());
            }
            kind => {
                let items = self.items.split_off(frame.start);
                object.base = match kind {
                    Kind::Stack => Base::Stack(items),
                    Kind::Queue => Base::Queue(items),
                    Kind::Enumerable => Base::Enumerable(items),
                    _ => Base::List(items),
                };
            }
        }
    }

    /// Takes the properties of the innermost element, each name once.
    fn close_properties(&mut self, start: usize) -> Vec<Property> {
        let mut properties = self.properties.split_off(start);
        let tags = self.property_tags.get(start..).unwrap_or_default();
        if !self.unique.knows(tags) {
            replace_repeated(&mut properties);
            if properties.len() == tags.len() {
                self.unique.remember(tags);
            }
        }
        self.property_tags.truncate(start);
        properties
    }

    fn finish(&mut self, name: PsString, tag: TagId) {
        let Some(OpenObject { mut object, slot, members_added }) = self.open.pop() else { return };
        if members_added {
            object.extended.replace_repeated();
        }
        let object = Arc::new(object);
        if let Some(referable) = slot.and_then(|slot| self.slots.get_mut(slot.index())) {
            let before = mem::replace(referable, Referable::Built(Arc::clone(&object)));
            if let Referable::Open(Some(back)) = before {
                back.bind(&object);
            }
        }
        self.put_property(name, tag, PsValue::Object(object));
    }
}
