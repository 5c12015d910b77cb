//! Reading CLIXML into an arena, without recursion.
//!
//! This is the grammar: which element may stand where, what a reader forgives, what it refuses. It
//! follows what PowerShell does, not what [MS-PSRP] 2.2.5 asks writers to do.

use std::collections::HashSet;

use crate::arena::{Document, Node, NodeId, Root};
use crate::error::Error;
use crate::limits::Limits;
use crate::names::TypeNames;
use crate::primitive::{self, Form};
use crate::progress::{ProgressKind, ProgressRecord};
use crate::refs::RefTable;
use crate::scan::{Namespace, Next, Scanner, Tag};
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::text::{Raw, Written, attribute_characters};
use crate::value::PsValue;

/// Bytes of text that a value takes, more or less, and the values that room is made for at once.
const TEXT_PER_NODE: usize = 32;
const MOST_NODES_AT_ONCE: usize = 4096;

/// What may come next in an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
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

/// An element that is being read.
struct Frame {
    node: NodeId,
    part: Part,
    keys: Option<Box<Keys>>,
}

/// The keys of a dictionary that PowerShell would find again by identity.
#[derive(Default)]
struct Keys {
    empty: bool,
    objects: HashSet<NodeId>,
}

pub(crate) struct Reader<'a> {
    scanner: Scanner<'a>,
    limits: Limits,
    skip_unknown: bool,
    document: Document<'a>,
    frames: Vec<Frame>,
    objects: RefTable<NodeId>,
    types: RefTable<u32>,
    /// How many values are open, member sets not counted.
    depth: usize,
    type_names: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, form: Form, limits: &Limits) -> Result<Self, Error> {
        if text.len() > limits.text {
            return Err(Error::Limit { what: "bytes of text", limit: limits.text, offset: limits.text });
        }
        let document = Document {
            nodes: Vec::with_capacity((text.len() / TEXT_PER_NODE).min(MOST_NODES_AT_ONCE)),
            roots: Vec::new(),
            types: Vec::new(),
            records: Vec::new(),
            referenced: HashSet::new(),
            form,
        };
        Ok(Self {
            scanner: Scanner::new(text)?,
            limits: *limits,
            skip_unknown: false,
            document,
            frames: Vec::with_capacity(8),
            objects: RefTable::default(),
            types: RefTable::default(),
            depth: 0,
            type_names: 0,
        })
    }

    /// Reads the one value of a message.
    pub(crate) fn message(mut self) -> Result<Document<'a>, Error> {
        self.push(NodeId(u32::MAX), Part::Root);
        let offset = self.scanner.offset();
        let Next::Start(tag) = self.scanner.next()? else { return Err(Error::expected("a value", offset)) };
        self.root(&tag)?;
        self.children(1)?;
        let offset = self.scanner.offset();
        match self.scanner.next()? {
            Next::Eof => Ok(self.document),
            _ => Err(Error::expected("the end of the message", offset)),
        }
    }

    /// Reads all values of a document.
    pub(crate) fn document(mut self) -> Result<Document<'a>, Error> {
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
            self.push(NodeId(u32::MAX), Part::Root);
            self.children(0)?;
        }
        let offset = self.scanner.offset();
        match self.scanner.next()? {
            Next::Eof => Ok(self.document),
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
            Part::Adapted | Part::Members => true,
            Part::Items => false,
            _ => return Ok(()),
        };
        if self.depth >= self.limits.depth || self.scanner.default_namespace() != self.own_namespace() {
            return Ok(());
        }
        loop {
            let offset = self.scanner.offset();
            let simple = |kind| matches!(kind, Kind::Primitive(_) | Kind::Null);
            let Some(leaf) = self.scanner.leaf(simple) else { return Ok(()) };
            if named && leaf.name.is_none_or(str::is_empty) {
                return Err(Error::expected("a property name", offset));
            }
            if let Kind::Primitive(kind) = leaf.kind
                && !leaf.sound
            {
                self.check(kind, leaf.text, offset)?;
            }
            self.add(Node::new(leaf.kind, leaf.name.map(Raw::plain), leaf.text), offset)?;
        }
    }

    fn part(&self) -> Part {
        self.frames.last().map_or(Part::Root, |frame| frame.part)
    }

    fn child(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        match self.part() {
            Part::Object => self.object_part(tag),
            Part::Root => self.root(tag),
            Part::Items => self.value(tag, None),
            part @ (Part::Adapted | Part::Members) => {
                let name = tag.name().ok_or(Error::expected("the attribute 'N'", tag.offset))?;
                if name.text.is_empty() || self.named(tag)?.is_empty() {
                    return Err(Error::expected("a property name", tag.offset));
                }
                if part == Part::Members && self.is(tag, Kind::Members) {
                    return self.open(tag, Some(name), Part::Members);
                }
                self.value(tag, Some(name))
            }
            Part::Entries => {
                if !self.is(tag, Kind::Entry) || tag.empty {
                    return Err(Error::expected("a dictionary entry", tag.offset));
                }
                self.set_part(Part::Key);
                Ok(())
            }
            Part::Key => {
                if !self.named(tag)?.eq_ignore_ascii_case("Key") {
                    return Err(Error::expected("the key of a dictionary entry", tag.offset));
                }
                self.set_part(Part::Value);
                self.key(tag)
            }
            Part::Value => {
                if !self.named(tag)?.eq_ignore_ascii_case("Value") {
                    return Err(Error::expected("the value of a dictionary entry", tag.offset));
                }
                self.set_part(Part::EntryEnd);
                self.value(tag, None)
            }
            Part::EntryEnd => Err(Error::expected("the end of a dictionary entry", tag.offset)),
        }
    }

    fn root(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let stream = self.scanner.outer().stream;
        if let Some(stream) = stream {
            attribute_characters(stream, tag.offset)?;
        }
        let node = NodeId(self.next_id(tag.offset)?);
        self.document.roots.push(Root { stream, node });
        self.value(tag, None)
    }

    /// Reads a key. PowerShell takes equal keys, but not one object or the empty string twice.
    fn key(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let dictionary = self.frames.len();
        let id = self.next_id(tag.offset)?;
        self.value(tag, None)?;
        let key = self.document.node(NodeId(id)).copied();
        let Some((key, frame)) = key.zip(self.frames.get_mut(dictionary.saturating_sub(1))) else {
            return Ok(());
        };
        let keys = frame.keys.get_or_insert_default();
        let repeated = match key.kind {
            Kind::Null => return Err(Error::expected("a key that is not null", tag.offset)),
            Kind::Primitive(Primitive::String) if key.text.is_empty() => {
                std::mem::replace(&mut keys.empty, true)
            }
            Kind::Object => !keys.objects.insert(NodeId(id)),
            Kind::Reference => !keys.objects.insert(NodeId(key.link)),
            _ => false,
        };
        if repeated { Err(Error::expected("a key that was not there before", tag.offset)) } else { Ok(()) }
    }

    /// Reads a child of an object.
    fn object_part(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let part = match tag.kind {
            Kind::Primitive(kind) => return self.primitive(tag, kind, None),
            Kind::Progress => return self.progress(tag, None),
            _ if !self.is_own(tag) => return self.unknown(tag),
            Kind::TypeNames => return self.type_names(tag),
            Kind::TypeNamesReference => {
                let id = self.ref_id(tag)?.ok_or(Error::expected("a reference id", tag.offset))?;
                let types = *self.types.get_mut(&id).ok_or_else(|| Error::reference(&id, tag.offset))?;
                self.scanner.skip(tag)?;
                let node = Node::new(Kind::TypeNames, None, Raw::plain(""));
                return self.add(Node { link: types, ..node }, tag.offset);
            }
            Kind::ToString => {
                let text = self.text(tag)?;
                return self.add(Node::new(Kind::ToString, None, text), tag.offset);
            }
            Kind::Object => return self.value(tag, None),
            Kind::Adapted => Part::Adapted,
            Kind::Members => Part::Members,
            Kind::Dictionary => Part::Entries,
            Kind::List | Kind::Stack | Kind::Queue | Kind::Enumerable => Part::Items,
            _ => return self.unknown(tag),
        };
        self.open(tag, None, part)
    }

    fn unknown(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        match self.skip_unknown {
            true => self.scanner.skip(tag),
            false => Err(Error::unknown(tag.local, tag.offset)),
        }
    }

    fn type_names(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let id = self.ref_id(tag)?;
        let names = if tag.empty { Vec::new() } else { self.type_name_list()? };
        let types = u32::try_from(self.document.types.len()).unwrap_or(u32::MAX);
        self.document.types.push(TypeNames::new(names));
        if let Some(id) = id {
            self.types.set(&id, types);
        }
        let node = Node::new(Kind::TypeNames, None, Raw::plain(""));
        self.add(Node { link: types, ..node }, tag.offset)
    }

    fn type_name_list(&mut self) -> Result<Vec<PsString>, Error> {
        let mut names = Vec::new();
        let plain = self.scanner.default_namespace() == self.own_namespace();
        loop {
            let offset = self.scanner.offset();
            let name = if plain { self.scanner.leaf(|kind| kind == Kind::TypeName) } else { None };
            let name = match name {
                Some(leaf) => primitive::decoded(&leaf.text.characters(offset)?),
                None => match self.scanner.next()? {
                    Next::Start(item) if self.is(&item, Kind::TypeName) => self.decoded(&item)?,
                    Next::Start(item) => return Err(Error::unknown(item.local, item.offset)),
                    Next::End => return Ok(names),
                    Next::Eof => return Err(Error::syntax("unexpected end", offset)),
                },
            };
            self.type_names += 1;
            self.within(self.type_names, offset)?;
            names.push(name);
        }
    }

    /// Reads a value that may stand anywhere a value may, or opens it where it is an object.
    fn value(&mut self, tag: &Tag<'a>, name: Option<Raw<'a>>) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            return Err(Error::Limit { what: "nested values", limit: self.limits.depth, offset: tag.offset });
        }
        match tag.kind {
            Kind::Primitive(kind) => self.primitive(tag, kind, name),
            Kind::Progress => self.progress(tag, name),
            Kind::Object if self.is_own(tag) => {
                if let Some(id) = self.ref_id(tag)? {
                    let node = NodeId(self.next_id(tag.offset)?);
                    self.objects.set(&id, node);
                }
                self.depth += 1;
                self.open(tag, name, Part::Object)
            }
            Kind::Null if self.is_own(tag) => {
                self.scanner.skip(tag)?;
                self.add(Node::new(Kind::Null, name, Raw::plain("")), tag.offset)
            }
            Kind::Reference if self.is_own(tag) => {
                let id = self.ref_id(tag)?.ok_or(Error::expected("a reference id", tag.offset))?;
                let target = *self.objects.get_mut(&id).ok_or_else(|| Error::reference(&id, tag.offset))?;
                self.scanner.skip(tag)?;
                self.document.referenced.insert(target);
                let node = Node::new(Kind::Reference, name, Raw::plain(""));
                self.add(Node { link: target.0, ..node }, tag.offset)
            }
            _ => Err(Error::unknown(tag.local, tag.offset)),
        }
    }

    fn primitive(&mut self, tag: &Tag<'a>, kind: Primitive, name: Option<Raw<'a>>) -> Result<(), Error> {
        if kind.needs_namespace() {
            self.check_namespace(tag)?;
        }
        let text = self.scanner.text(tag)?;
        self.check(kind, text, tag.offset)?;
        self.add(Node::new(tag.kind, name, text), tag.offset)
    }

    fn check(&self, kind: Primitive, text: Raw<'a>, offset: usize) -> Result<(), Error> {
        match primitive::is_valid(kind, text, self.document.form, offset)? {
            true => Ok(()),
            false => Err(Error::value(kind.tag(), offset)),
        }
    }

    /// Reads a progress record, whose children come in a fixed order.
    fn progress(&mut self, tag: &Tag<'a>, name: Option<Raw<'a>>) -> Result<(), Error> {
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
                let characters = self.scanner.text(&inner)?.characters(inner.offset)?;
                Some(match primitive::parse(kind, characters, self.document.form).ok_or_else(invalid)? {
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
            kind: ProgressKind::parse(&self.field("T")?).ok_or_else(invalid)?,
            seconds_remaining: self.number_field("SR")?,
            status_description: PsString::default(),
        };
        record.status_description = self.field("SD")?;
        match self.scanner.next()? {
            Next::End if record.is_valid() => {}
            _ => return Err(invalid()),
        }
        let link = u32::try_from(self.document.records.len()).unwrap_or(u32::MAX);
        self.document.records.push(record);
        self.add(Node { link, ..Node::new(Kind::Progress, name, Raw::plain("")) }, tag.offset)
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

    /// Adds the node of an element that holds others and goes into it.
    fn open(&mut self, tag: &Tag<'a>, name: Option<Raw<'a>>, part: Part) -> Result<(), Error> {
        let node = NodeId(self.next_id(tag.offset)?);
        self.add(Node::new(tag.kind, name, Raw::plain("")), tag.offset)?;
        self.push(node, part);
        if tag.empty { self.end(tag.offset) } else { Ok(()) }
    }

    /// Ends the innermost element.
    fn end(&mut self, offset: usize) -> Result<(), Error> {
        match self.part() {
            Part::Key => return Err(Error::expected("the key of a dictionary entry", offset)),
            Part::Value => return Err(Error::expected("the value of a dictionary entry", offset)),
            Part::EntryEnd => {
                self.set_part(Part::Entries);
                return Ok(());
            }
            Part::Object => self.depth = self.depth.saturating_sub(1),
            Part::Root | Part::Adapted | Part::Members | Part::Items | Part::Entries => {}
        }
        let after = self.next_id(offset)?;
        if let Some(frame) = self.frames.pop()
            && let Some(node) =
                usize::try_from(frame.node.0).ok().and_then(|place| self.document.nodes.get_mut(place))
        {
            node.link = after;
        }
        Ok(())
    }

    fn add(&mut self, node: Node<'a>, offset: usize) -> Result<(), Error> {
        self.within(self.document.nodes.len() + 1, offset)?;
        self.document.nodes.push(node);
        Ok(())
    }

    fn within(&self, values: usize, offset: usize) -> Result<(), Error> {
        if values > self.limits.values {
            return Err(Error::Limit { what: "values", limit: self.limits.values, offset });
        }
        Ok(())
    }

    fn next_id(&self, offset: usize) -> Result<u32, Error> {
        let next = u32::try_from(self.document.nodes.len()).ok().filter(|next| *next < u32::MAX);
        next.ok_or(Error::Limit { what: "values", limit: self.limits.values, offset })
    }

    fn push(&mut self, node: NodeId, part: Part) {
        self.frames.push(Frame { node, part, keys: None });
    }

    fn set_part(&mut self, part: Part) {
        if let Some(frame) = self.frames.last_mut() {
            frame.part = part;
        }
    }

    fn own_namespace(&self) -> Namespace {
        match self.document.form {
            Form::Document => Namespace::PowerShell,
            Form::Message => Namespace::None,
        }
    }

    /// Whether the namespace of an element is that of CLIXML; in messages all are taken for it.
    fn is_own(&self, tag: &Tag<'_>) -> bool {
        tag.namespace == Namespace::PowerShell || self.document.form == Form::Message
    }

    fn is(&self, tag: &Tag<'_>, kind: Kind) -> bool {
        tag.kind == kind && self.is_own(tag)
    }

    fn check_namespace(&self, tag: &Tag<'_>) -> Result<(), Error> {
        if tag.namespace == self.own_namespace() {
            Ok(())
        } else {
            Err(Error::unknown(tag.local, tag.offset))
        }
    }

    fn text(&mut self, tag: &Tag<'a>) -> Result<Raw<'a>, Error> {
        self.check_namespace(tag)?;
        self.scanner.text(tag)
    }

    fn decoded(&mut self, tag: &Tag<'a>) -> Result<PsString, Error> {
        let text = self.text(tag)?;
        Ok(primitive::decoded(&text.characters(tag.offset)?))
    }

    /// The attribute `N`, escapes replaced.
    fn named(&self, tag: &Tag<'a>) -> Result<PsString, Error> {
        match tag.name() {
            Some(Raw { text, written: Written::Plain }) => Ok(PsString::new(text)),
            Some(raw) => Ok(primitive::decoded(&attribute_characters(raw, tag.offset)?)),
            None => Err(Error::expected("the attribute 'N'", tag.offset)),
        }
    }

    fn ref_id(&self, tag: &Tag<'a>) -> Result<Option<PsString>, Error> {
        let text = |raw: Raw<'a>| attribute_characters(raw, tag.offset).map(primitive::verbatim);
        tag.ref_id().map(text).transpose()
    }
}
