//! Owned values in the making, without recursion.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::Arc;

use crate::back::BackReference;
use crate::document::StreamValue;
use crate::names::TypeNames;
use crate::object::{Base, Property, PsObject};
use crate::refs::RefTable;
use crate::scan::Open;
use crate::string::PsString;
use crate::tag::Kind;
use crate::value::PsValue;

/// Room for properties and items that is kept from one message to the next.
const KEPT: usize = 1024;

/// How many lists of type names are remembered, and how long each may be as it is written.
const KNOWN_TYPES: usize = 8;
const KNOWN_LENGTH: usize = 1024;
const TYPES_END: &str = "</TN>";

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

/// The place of an object that references may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(usize);

/// An element that is being read.
#[derive(Debug)]
struct Frame {
    part: Part,
    kind: Kind,
    name: PsString,
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
    roots: Vec<StreamValue>,
    stream: Option<PsString>,
    slots: Vec<Referable>,
    objects: RefTable<Slot>,
    types: RefTable<TypeNames>,
    /// Lists of type names as they were written last, in any message: objects of one type share them.
    known_types: VecDeque<(Box<str>, TypeNames)>,
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
        match self.part() {
            Part::Adapted | Part::Members => self.property(name, value),
            Part::Items | Part::Entries | Part::Key | Part::Value | Part::EntryEnd => self.item(value),
            Part::Object => {
                if let Some(open) = self.open.last_mut() {
                    open.object.base = Base::Primitive(value);
                }
            }
            Part::Root => self.roots.push(StreamValue { stream: self.stream.take(), value }),
        }
    }

    pub(crate) fn property(&mut self, name: PsString, value: PsValue) {
        self.properties.push(Property { name, value });
    }

    pub(crate) fn item(&mut self, value: PsValue) {
        self.items.push(value);
    }

    /// Takes up what names something that came before; gives what it named, where there is such a
    /// thing.
    pub(crate) fn reference(&mut self, id: &str, name: PsString) -> Option<Slot> {
        let slot = *self.objects.get_mut(id)?;
        let value = match self.slots.get_mut(slot.0)? {
            Referable::Built(object) => PsValue::Object(Arc::clone(object)),
            Referable::Open(back) => PsValue::Back(back.get_or_insert_default().clone()),
        };
        self.put(name, value);
        Some(slot)
    }

    /// Opens an object, to which references may lead where it has an id.
    pub(crate) fn open_object(&mut self, id: Option<&str>, name: PsString) -> Option<Slot> {
        let slot = id.map(|id| {
            let slot = Slot(self.slots.len());
            self.slots.push(Referable::Open(None));
            self.objects.set(id, slot);
            slot
        });
        self.open.push(OpenObject { object: PsObject::untyped(), slot });
        self.open_part(Kind::Object, Part::Object, name);
        slot
    }

    /// Opens a part of an object, or the whole. Only a set of members in another one has a name.
    pub(crate) fn open_part(&mut self, kind: Kind, part: Part, name: PsString) {
        let start = match part {
            Part::Adapted | Part::Members => self.properties.len(),
            _ => self.items.len(),
        };
        self.frames.push(Frame { part, kind, name, start, keys: None });
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

    /// The type names whose list, up to its end, comes next; gives the list as it is written.
    pub(crate) fn known_types(&self, next: &str) -> Option<(&str, &TypeNames)> {
        let comes =
            |written: &str| next.strip_prefix(written).is_some_and(|rest| rest.starts_with(TYPES_END));
        let known = self.known_types.iter().find(|(written, _)| comes(written));
        known.map(|(written, names)| (&**written, names))
    }

    /// Remembers a list of type names as it is written, its end included.
    pub(crate) fn remember_types(&mut self, written: &str, names: &TypeNames) {
        if let Some(written) = written.strip_suffix(TYPES_END).filter(|list| list.len() <= KNOWN_LENGTH) {
            self.known_types.truncate(KNOWN_TYPES - 1);
            self.known_types.push_front((written.into(), names.clone()));
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
            return self.finish(frame.name);
        }
        if frame.kind == Kind::Members && self.part() == Part::Members {
            let mut set = PsObject::untyped().with_base(Base::MemberSet);
            set.extended.append(self.properties.drain(frame.start..));
            set.extended.replace_repeated();
            return self.property(frame.name, set.into());
        }
        let Some(OpenObject { object, .. }) = self.open.last_mut() else { return };
        match frame.kind {
            // A repeated part takes the place of the earlier one, except that member sets add up.
            Kind::Adapted => object.adapted = self.properties.drain(frame.start..).collect(),
            Kind::Members => object.extended.append(self.properties.drain(frame.start..)),
            Kind::Dictionary => {
                let mut items = self.items.drain(frame.start..);
                let pairs = std::iter::from_fn(|| Some((items.next()?, items.next()?)));
                object.base = Base::Dictionary(pairs.collect());
            }
            kind => {
                let items = self.items.drain(frame.start..).collect();
                object.base = match kind {
                    Kind::Stack => Base::Stack(items),
                    Kind::Queue => Base::Queue(items),
                    Kind::Enumerable => Base::Enumerable(items),
                    _ => Base::List(items),
                };
            }
        }
    }

    fn finish(&mut self, name: PsString) {
        let Some(OpenObject { mut object, slot }) = self.open.pop() else { return };
        object.adapted.replace_repeated();
        object.extended.replace_repeated();
        let object = Arc::new(object);
        if let Some(referable) = slot.and_then(|slot| self.slots.get_mut(slot.0)) {
            let before = mem::replace(referable, Referable::Built(Arc::clone(&object)));
            if let Referable::Open(Some(back)) = before {
                back.bind(&object);
            }
        }
        self.put(name, PsValue::Object(object));
    }
}
