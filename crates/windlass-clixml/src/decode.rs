//! Reading CLIXML, without recursion.

use std::collections::HashSet;
use std::sync::Arc;

use crate::back::BackReference;
use crate::error::Error;
use crate::limits::Limits;
use crate::names::TypeNames;
use crate::object::{Base, Property, PsObject};
use crate::primitive::{self, Form};
use crate::progress::{ProgressKind, ProgressRecord};
use crate::refs::RefTable;
use crate::scan::{Namespace, Next, Raw, Scanner, Tag, Written, attribute_characters};
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::text::Characters;
use crate::value::PsValue;

/// The part of an object, or of the document, whose children come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The values of a document or message.
    Root,
    /// The parts of an object.
    Body,
    Adapted,
    Extended,
    Items(Container),
    Entries,
    Key,
    Value,
    EntryEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    List,
    Stack,
    Queue,
    Enumerable,
}

/// An object that is being read, or the document itself.
struct Frame<'a> {
    object: PsObject,
    part: Part,
    /// Where the items or properties of the current part start among those of all frames.
    start: usize,
    /// The property or stream that the object is read for, as written.
    label: Option<Raw<'a>>,
    /// The reference id of the object and whether it has one.
    ref_id: Option<PsString>,
    /// Which of the objects read this is.
    serial: usize,
    /// What inner values that name this object hold.
    back: Option<BackReference>,
    keys: Keys,
}

/// The keys of a dictionary that PowerShell would find again by identity.
#[derive(Default)]
struct Keys {
    empty: bool,
    objects: Option<Box<HashSet<*const PsObject>>>,
}

/// What a reference id names.
enum Slot {
    /// An object that is not read to its end; where it stands among the frames, and its serial.
    Open(usize, usize),
    Done(Arc<PsObject>),
}

/// One value with the stream it is for, in a document.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamValue {
    /// `Output`, `Error`, `Warning` and so on; absent in documents that hold values only.
    pub stream: Option<PsString>,
    /// The value.
    pub value: PsValue,
}

pub(crate) struct Decoder<'a> {
    scanner: Scanner<'a>,
    form: Form,
    limits: Limits,
    skip_unknown: bool,
    frames: Vec<Frame<'a>>,
    /// Items and properties of all open parts, each frame's after those of the frames around it.
    items: Vec<PsValue>,
    properties: Vec<Property>,
    objects: RefTable<Slot>,
    types: RefTable<TypeNames>,
    results: Vec<StreamValue>,
    /// How many values are open, member sets not counted.
    depth: usize,
    values: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(text: &'a str, form: Form, limits: &Limits) -> Result<Self, Error> {
        if text.len() > limits.text {
            return Err(Error::Limit { what: "bytes of text", limit: limits.text, offset: limits.text });
        }
        Ok(Self {
            scanner: Scanner::new(text)?,
            form,
            limits: *limits,
            skip_unknown: false,
            frames: Vec::new(),
            items: Vec::new(),
            properties: Vec::new(),
            objects: RefTable::default(),
            types: RefTable::default(),
            results: Vec::new(),
            depth: 0,
            values: 0,
        })
    }

    /// Reads the one value of a message.
    pub(crate) fn message(mut self) -> Result<PsValue, Error> {
        self.push(PsObject::untyped(), Part::Root, None, None);
        let offset = self.scanner.offset();
        let Next::Start(tag) = self.scanner.next()? else { return Err(Error::expected("a value", offset)) };
        self.value(&tag, None)?;
        self.children(1)?;
        let offset = self.scanner.offset();
        match (self.scanner.next()?, self.results.pop()) {
            (Next::Eof, Some(result)) => Ok(result.value),
            _ => Err(Error::expected("the end of the message", offset)),
        }
    }

    /// Reads all values of a document.
    pub(crate) fn document(mut self) -> Result<Vec<StreamValue>, Error> {
        let offset = self.scanner.offset();
        let root = match self.scanner.next()? {
            Next::Start(tag) if tag.kind == Kind::Root && tag.namespace == Namespace::PowerShell => tag,
            _ => return Err(Error::expected("the element 'Objs' of CLIXML", offset)),
        };
        if let Some(version) = self.scanner.outer().version {
            let characters = attribute_characters(version, root.offset)?;
            let version = crate::Version::parse(characters.as_str()).filter(|version| version.major() == 1);
            let version = version.ok_or(Error::Version { offset: root.offset })?;
            self.skip_unknown = version.minor() > 1;
        }
        if !root.empty {
            self.push(PsObject::untyped(), Part::Root, None, None);
            self.children(0)?;
        }
        let offset = self.scanner.offset();
        match self.scanner.next()? {
            Next::Eof => Ok(self.results),
            _ => Err(Error::expected("the end of the document", offset)),
        }
    }

    /// Reads on until only `left` frames are left.
    fn children(&mut self, left: usize) -> Result<(), Error> {
        while self.frames.len() > left {
            self.leaves()?;
            let offset = self.scanner.offset();
            match self.scanner.next()? {
                Next::Start(tag) => self.child(&tag)?,
                Next::End => self.end(offset)?,
                Next::Eof => return Err(Error::syntax("unexpected end", offset)),
            }
        }
        Ok(())
    }

    /// Reads the plain values that come next in a list or among properties: nearly all of a message.
    /// What is written otherwise is left for the longer way.
    fn leaves(&mut self) -> Result<(), Error> {
        let named = match self.part() {
            Part::Adapted | Part::Extended => true,
            Part::Items(_) => false,
            _ => return Ok(()),
        };
        let plain_namespace = match self.form {
            Form::Document => Namespace::PowerShell,
            Form::Message => Namespace::None,
        };
        if self.depth >= self.limits.depth || self.scanner.default_namespace() != plain_namespace {
            return Ok(());
        }
        loop {
            let offset = self.scanner.offset();
            let Some(leaf) = self.scanner.leaf() else { return Ok(()) };
            self.count(offset)?;
            let value = match leaf.kind {
                None => PsValue::Null,
                Some(kind) => {
                    let characters = match leaf.underscore {
                        true => Characters::Borrowed(leaf.text),
                        false => Characters::Plain(leaf.text),
                    };
                    let value = primitive::parse(kind, characters, self.form);
                    value.ok_or_else(|| Error::value(kind.tag(), offset))?
                }
            };
            if named {
                let name = leaf.name.filter(|name| !name.is_empty());
                let name = name.ok_or(Error::expected("a property name", offset))?;
                self.properties.push(Property { name: PsString::new(name), value });
            } else {
                self.items.push(value);
            }
        }
    }

    fn part(&self) -> Part {
        self.frames.last().map_or(Part::Root, |frame| frame.part)
    }

    fn child(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        match self.part() {
            Part::Body => self.body(tag),
            Part::Root => {
                let stream = self.scanner.outer().stream;
                self.value(tag, stream)
            }
            Part::Items(_) => self.value(tag, None),
            part @ (Part::Adapted | Part::Extended) => {
                if tag.name().is_none() {
                    return Err(Error::expected("the attribute 'N'", tag.offset));
                }
                if part == Part::Extended && self.is(tag, Kind::Members) {
                    let set = PsObject::untyped().with_base(Base::MemberSet);
                    self.push(set, Part::Extended, tag.name(), None);
                    return if tag.empty { self.end(tag.offset) } else { Ok(()) };
                }
                self.value(tag, tag.name())
            }
            Part::Entries => {
                if !self.is(tag, Kind::Entry) || tag.empty {
                    return Err(Error::expected("a dictionary entry", tag.offset));
                }
                self.set_part(Part::Key);
                Ok(())
            }
            Part::Key => self.entry(tag, "Key", "the key of a dictionary entry", Part::Value),
            Part::Value => self.entry(tag, "Value", "the value of a dictionary entry", Part::EntryEnd),
            Part::EntryEnd => Err(Error::expected("the end of a dictionary entry", tag.offset)),
        }
    }

    fn entry(&mut self, tag: &Tag<'a>, name: &str, expected: &'static str, next: Part) -> Result<(), Error> {
        if !self.name(tag)?.eq_ignore_ascii_case(name) {
            return Err(Error::expected(expected, tag.offset));
        }
        self.set_part(next);
        self.value(tag, None)
    }

    /// Reads a child of an object.
    fn body(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let known = tag.namespace == Namespace::PowerShell || self.form == Form::Message;
        let container = match tag.kind {
            Kind::TypeNames if known => return self.type_names(tag),
            Kind::TypeNamesReference if known => {
                let id = self.ref_id(tag)?.ok_or(Error::expected("a reference id", tag.offset))?;
                let names = self.types.get_mut(&id).ok_or_else(|| Error::reference(&id, tag.offset))?.clone();
                self.with_object(|object| object.type_names = names);
                return self.scanner.skip(tag);
            }
            Kind::ToString if known => {
                let text = self.decoded(tag)?;
                self.with_object(|object| object.to_string = Some(text));
                return Ok(());
            }
            Kind::Adapted if known => return self.open_properties(tag, Part::Adapted),
            Kind::Members if known => return self.open_properties(tag, Part::Extended),
            Kind::Dictionary if known => {
                self.with_frame(|frame| {
                    frame.object.base = Base::Dictionary(Vec::new());
                    frame.keys = Keys::default();
                });
                if !tag.empty {
                    self.set_part(Part::Entries);
                }
                return Ok(());
            }
            Kind::List if known => Container::List,
            Kind::Stack if known => Container::Stack,
            Kind::Queue if known => Container::Queue,
            Kind::Enumerable if known => Container::Enumerable,
            Kind::Object if known => return self.value(tag, None),
            Kind::Progress => {
                let record = self.progress(tag)?;
                self.with_object(|object| object.base = Base::Primitive(record.into()));
                return Ok(());
            }
            Kind::Primitive(kind) => {
                let value = self.primitive(tag, kind)?;
                self.with_object(|object| object.base = Base::Primitive(value));
                return Ok(());
            }
            _ if self.skip_unknown => return self.scanner.skip(tag),
            _ => return Err(Error::unknown(tag.local, tag.offset)),
        };
        let start = self.items.len();
        self.with_frame(|frame| {
            frame.part = Part::Items(container);
            frame.start = start;
        });
        if tag.empty { self.end(tag.offset) } else { Ok(()) }
    }

    fn open_properties(&mut self, tag: &Tag<'a>, part: Part) -> Result<(), Error> {
        let start = self.properties.len();
        self.with_frame(|frame| {
            frame.part = part;
            frame.start = start;
        });
        if tag.empty { self.end(tag.offset) } else { Ok(()) }
    }

    fn type_names(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let id = self.ref_id(tag)?;
        let mut names = Vec::new();
        while !tag.empty {
            match self.scanner.next()? {
                Next::Start(item) if self.is(&item, Kind::TypeName) => {
                    self.count(item.offset)?;
                    names.push(self.decoded(&item)?);
                }
                Next::Start(item) => return Err(Error::unknown(item.local, item.offset)),
                Next::End => break,
                Next::Eof => return Err(Error::syntax("unexpected end", tag.offset)),
            }
        }
        let names = TypeNames::new(names);
        if let Some(id) = id {
            self.types.set(&id, names.clone());
        }
        self.with_object(|object| object.type_names = names);
        Ok(())
    }

    /// Reads a value that may stand anywhere a value may, or opens it where it is an object.
    fn value(&mut self, tag: &Tag<'a>, label: Option<Raw<'a>>) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            return Err(Error::Limit { what: "nested values", limit: self.limits.depth, offset: tag.offset });
        }
        self.count(tag.offset)?;
        let known = tag.namespace == Namespace::PowerShell || self.form == Form::Message;
        let value = match tag.kind {
            Kind::Primitive(kind) => self.primitive(tag, kind)?,
            Kind::Object if known => return self.open(tag, label),
            Kind::Null if known => {
                self.scanner.skip(tag)?;
                PsValue::Null
            }
            Kind::Reference if known => self.reference(tag)?,
            Kind::Progress => self.progress(tag)?.into(),
            _ => return Err(Error::unknown(tag.local, tag.offset)),
        };
        self.deliver(label, value, tag.offset)
    }

    fn open(&mut self, tag: &Tag<'a>, label: Option<Raw<'a>>) -> Result<(), Error> {
        let id = self.ref_id(tag)?;
        if let Some(id) = &id {
            self.objects.set(id, Slot::Open(self.frames.len(), self.values));
        }
        self.depth += 1;
        self.push(PsObject::untyped(), Part::Body, label, id);
        if tag.empty { self.end(tag.offset) } else { Ok(()) }
    }

    fn reference(&mut self, tag: &Tag<'a>) -> Result<PsValue, Error> {
        let id = self.ref_id(tag)?.ok_or(Error::expected("a reference id", tag.offset))?;
        let value = match self.objects.get_mut(&id) {
            Some(Slot::Done(object)) => PsValue::Object(Arc::clone(object)),
            Some(Slot::Open(frame, _)) => {
                let frame = self.frames.get_mut(*frame).ok_or_else(|| Error::reference(&id, tag.offset))?;
                PsValue::Back(frame.back.get_or_insert_default().clone())
            }
            None => return Err(Error::reference(&id, tag.offset)),
        };
        self.scanner.skip(tag)?;
        Ok(value)
    }

    fn primitive(&mut self, tag: &Tag<'a>, kind: Primitive) -> Result<PsValue, Error> {
        if kind.needs_namespace() {
            self.check_namespace(tag)?;
        }
        let characters = self.scanner.characters(tag)?;
        primitive::parse(kind, characters, self.form).ok_or_else(|| Error::value(tag.local, tag.offset))
    }

    /// Reads a progress record, whose children come in a fixed order.
    fn progress(&mut self, tag: &Tag<'a>) -> Result<ProgressRecord, Error> {
        let invalid = || Error::value("PR", tag.offset);
        self.check_namespace(tag)?;
        if tag.empty {
            return Err(invalid());
        }
        let activity = self.field("AV")?;
        let activity_id = self.number_field("AI")?;
        let current_operation = match self.scanner.next()? {
            Next::Start(inner) if self.is(&inner, Kind::Null) => {
                self.scanner.skip(&inner)?;
                None
            }
            Next::Start(inner) => {
                let Kind::Primitive(kind) = inner.kind else { return Err(invalid()) };
                Some(match self.primitive(&inner, kind)? {
                    PsValue::String(text) => text,
                    other => crate::to_text(&other).into(),
                })
            }
            _ => return Err(invalid()),
        };
        let mut record = ProgressRecord {
            activity,
            activity_id,
            current_operation,
            parent_activity_id: self.number_field("PI")?,
            percent_complete: self.number_field("PC")?,
            kind: self.kind_field(tag.offset)?,
            seconds_remaining: self.number_field("SR")?,
            status_description: PsString::default(),
        };
        record.status_description = self.field("SD")?;
        match self.scanner.next()? {
            Next::End if record.is_valid() => Ok(record),
            _ => Err(invalid()),
        }
    }

    fn field(&mut self, name: &'static str) -> Result<PsString, Error> {
        let offset = self.scanner.offset();
        match self.scanner.next()? {
            Next::Start(tag) if tag.local == name => self.decoded(&tag),
            _ => Err(Error::expected(name, offset)),
        }
    }

    fn number_field(&mut self, name: &'static str) -> Result<i32, Error> {
        let offset = self.scanner.offset();
        let text = self.field(name)?;
        let number = crate::number::parse_i64(&text).and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| Error::value(name, offset))
    }

    fn kind_field(&mut self, offset: usize) -> Result<ProgressKind, Error> {
        let text = self.field("T")?;
        ProgressKind::parse(&text).ok_or_else(|| Error::value("T", offset))
    }

    /// Ends the current part of the innermost frame, or the frame.
    fn end(&mut self, offset: usize) -> Result<(), Error> {
        let Some(frame) = self.frames.last_mut() else { return Err(Error::syntax("unexpected end", offset)) };
        match frame.part {
            Part::Root => {
                self.frames.pop();
            }
            Part::Body => return self.close(offset),
            Part::Adapted => {
                // A repeated part takes the place of the earlier one.
                frame.object.adapted = self.properties.drain(frame.start..).collect();
                frame.part = Part::Body;
            }
            Part::Extended => {
                frame.object.extended.append(self.properties.drain(frame.start..));
                if matches!(frame.object.base, Base::MemberSet) {
                    return self.close(offset);
                }
                frame.part = Part::Body;
            }
            Part::Items(container) => {
                let items = self.items.drain(frame.start..).collect();
                frame.object.base = match container {
                    Container::List => Base::List(items),
                    Container::Stack => Base::Stack(items),
                    Container::Queue => Base::Queue(items),
                    Container::Enumerable => Base::Enumerable(items),
                };
                frame.part = Part::Body;
            }
            Part::Entries => frame.part = Part::Body,
            Part::EntryEnd => frame.part = Part::Entries,
            Part::Key => return Err(Error::expected("the key of a dictionary entry", offset)),
            Part::Value => return Err(Error::expected("the value of a dictionary entry", offset)),
        }
        Ok(())
    }

    /// Hands a finished object to the frame around it.
    fn close(&mut self, offset: usize) -> Result<(), Error> {
        let Some(frame) = self.frames.pop() else { return Err(Error::syntax("unexpected end", offset)) };
        if !matches!(frame.object.base, Base::MemberSet) {
            self.depth = self.depth.saturating_sub(1);
        }
        let mut object = frame.object;
        object.adapted.replace_repeated();
        object.extended.replace_repeated();
        let object = Arc::new(object);
        if let Some(back) = frame.back {
            back.bind(&object);
        }
        // The id may have been given to an object inside meanwhile.
        if let Some(slot) = frame.ref_id.as_ref().and_then(|id| self.objects.get_mut(id))
            && matches!(slot, Slot::Open(_, serial) if *serial == frame.serial)
        {
            *slot = Slot::Done(Arc::clone(&object));
        }
        self.deliver(frame.label, PsValue::Object(object), offset)
    }

    /// Puts a value where the innermost frame needs it.
    fn deliver(&mut self, label: Option<Raw<'a>>, value: PsValue, offset: usize) -> Result<(), Error> {
        let Some(frame) = self.frames.last_mut() else { return Err(Error::syntax("unexpected end", offset)) };
        match frame.part {
            Part::Root => {
                let text = |raw| attribute_characters(raw, offset).map(primitive::verbatim);
                self.results.push(StreamValue { stream: label.map(text).transpose()?, value });
            }
            Part::Body => frame.object.base = Base::Primitive(value),
            Part::Adapted | Part::Extended => {
                let name = match label {
                    Some(Raw { text, written: Written::Plain }) => PsString::new(text),
                    Some(raw) => primitive::decoded(&attribute_characters(raw, offset)?),
                    None => PsString::default(),
                };
                if name.is_empty() {
                    return Err(Error::expected("a property name", offset));
                }
                self.properties.push(Property { name, value });
            }
            Part::Items(_) => self.items.push(value),
            Part::Value => frame.add_key(value, offset)?,
            Part::EntryEnd => frame.add_value(value),
            Part::Entries | Part::Key => return Err(Error::expected("a dictionary entry", offset)),
        }
        Ok(())
    }

    fn push(&mut self, object: PsObject, part: Part, label: Option<Raw<'a>>, ref_id: Option<PsString>) {
        let start = self.properties.len();
        let serial = self.values;
        self.frames.push(Frame {
            object,
            part,
            start,
            label,
            ref_id,
            serial,
            back: None,
            keys: Keys::default(),
        });
    }

    fn count(&mut self, offset: usize) -> Result<(), Error> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(Error::Limit { what: "values", limit: self.limits.values, offset });
        }
        Ok(())
    }

    fn with_frame(&mut self, change: impl FnOnce(&mut Frame<'a>)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    fn with_object(&mut self, change: impl FnOnce(&mut PsObject)) {
        self.with_frame(|frame| change(&mut frame.object));
    }

    fn set_part(&mut self, part: Part) {
        self.with_frame(|frame| frame.part = part);
    }

    fn is(&self, tag: &Tag<'_>, kind: Kind) -> bool {
        tag.kind == kind && (tag.namespace == Namespace::PowerShell || self.form == Form::Message)
    }

    fn check_namespace(&self, tag: &Tag<'_>) -> Result<(), Error> {
        let expected = match self.form {
            Form::Document => Namespace::PowerShell,
            Form::Message => Namespace::None,
        };
        if tag.namespace == expected { Ok(()) } else { Err(Error::unknown(tag.local, tag.offset)) }
    }

    fn decoded(&mut self, tag: &Tag<'a>) -> Result<PsString, Error> {
        self.check_namespace(tag)?;
        Ok(primitive::decoded(&self.scanner.characters(tag)?))
    }

    fn name(&self, tag: &Tag<'a>) -> Result<PsString, Error> {
        match tag.name() {
            Some(raw) => Ok(primitive::decoded(&attribute_characters(raw, tag.offset)?)),
            None => Err(Error::expected("the attribute 'N'", tag.offset)),
        }
    }

    fn ref_id(&self, tag: &Tag<'a>) -> Result<Option<PsString>, Error> {
        let text = |raw: Raw<'a>| attribute_characters(raw, tag.offset).map(primitive::verbatim);
        tag.ref_id().map(text).transpose()
    }
}

impl Frame<'_> {
    /// Adds a dictionary key whose value comes next. PowerShell takes equal keys, but not one object
    /// or the empty string twice.
    fn add_key(&mut self, key: PsValue, offset: usize) -> Result<(), Error> {
        let repeated = match &key {
            PsValue::Null => return Err(Error::expected("a key that is not null", offset)),
            PsValue::String(text) if text.is_empty() => std::mem::replace(&mut self.keys.empty, true),
            PsValue::Object(object) => !self.keys.objects.get_or_insert_default().insert(Arc::as_ptr(object)),
            _ => false,
        };
        if repeated {
            return Err(Error::expected("a key that was not there before", offset));
        }
        if let Base::Dictionary(entries) = &mut self.object.base {
            entries.push((key, PsValue::Null));
        }
        Ok(())
    }

    fn add_value(&mut self, value: PsValue) {
        if let Base::Dictionary(entries) = &mut self.object.base
            && let Some((_, last)) = entries.last_mut()
        {
            *last = value;
        }
    }
}
