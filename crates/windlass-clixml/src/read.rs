//! Reading CLIXML, without recursion.
//!
//! This is the grammar: which element may stand where, what a reader forgives, what it refuses. It
//! follows what PowerShell does, not what [MS-PSRP] 2.2.5 asks writers to do.

mod objects;
mod types;

use std::borrow::Cow;

use crate::build::{Builder, Part, Slot};
use crate::error::Error;
use crate::leaves::Again;
use crate::limits::Limits;
use crate::primitive::{self, Form};
use crate::progress::{ProgressKind, ProgressRecord};
use crate::scan::{Namespace, Next, Scanner, Tag};
use crate::string::PsString;
use crate::tag::Kind;
use crate::text::{Raw, Written, attribute_characters};
use crate::value::PsValue;

pub(crate) struct Reader<'a, 'b> {
    pub(crate) scanner: Scanner<'a>,
    pub(crate) builder: &'b mut Builder,
    pub(crate) limits: Limits,
    pub(crate) form: Form,
    skip_unknown: bool,
    /// How the last plain key and the last plain value of a dictionary were written.
    pub(crate) key_tag: Option<Again<'a>>,
    pub(crate) value_tag: Option<Again<'a>>,
    /// How the last plain value of an object was written.
    pub(crate) value_of_object: Option<Again<'a>>,
    /// How many values are open, member sets not counted.
    pub(crate) depth: usize,
    /// Values and parts of objects so far.
    values: usize,
    type_names: usize,
}

impl<'a, 'b> Reader<'a, 'b> {
    /// A reader that puts values together in `builder`, which is empty.
    pub(crate) fn new(
        text: &'a str,
        form: Form,
        limits: &Limits,
        builder: &'b mut Builder,
    ) -> Result<Self, Error> {
        if text.len() > limits.text {
            return Err(Error::Limit { what: "bytes of text", limit: limits.text, offset: limits.text });
        }
        Ok(Self {
            scanner: Scanner::new(text, builder.take_nesting())?,
            builder,
            limits: *limits,
            form,
            skip_unknown: false,
            key_tag: None,
            value_tag: None,
            value_of_object: None,
            depth: 0,
            values: 0,
            type_names: 0,
        })
    }

    /// Reads the one value of a message.
    pub(crate) fn message(&mut self) -> Result<(), Error> {
        let offset = self.scanner.offset();
        let Next::Start(tag) = self.scanner.next()? else {
            return Err(Error::expected("a value", offset));
        };
        self.root(&tag)?;
        self.children(0)?;
        self.finish("the end of the message")
    }

    /// Reads all values of a document.
    pub(crate) fn document(&mut self) -> Result<(), Error> {
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
            self.builder.open_part(Kind::Root, Part::Root, PsString::default());
            self.children(0)?;
        }
        self.finish("the end of the document")
    }

    fn finish(&mut self, expected: &'static str) -> Result<(), Error> {
        let offset = self.scanner.offset();
        match self.scanner.next()? {
            Next::Eof => {
                self.builder.give_nesting(self.scanner.take_open());
                Ok(())
            }
            _ => Err(Error::expected(expected, offset)),
        }
    }

    /// Reads on until only `left` elements are open.
    fn children(&mut self, left: usize) -> Result<(), Error> {
        while self.builder.depth() > left {
            let offset = self.scanner.offset();
            if self.scanner.plain_end() {
                self.end(offset)?;
                continue;
            }
            if let Some(head) = self.scanner.head() {
                if !self.leaf(&head)? {
                    let tag = self.scanner.enter(&head)?;
                    self.child(&tag)?;
                }
                continue;
            }
            match self.scanner.next()? {
                Next::Start(tag) => self.child(&tag)?,
                Next::End => self.end(offset)?,
                Next::Eof => return Err(Error::syntax("unexpected end", offset)),
            }
        }
        Ok(())
    }

    fn child(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        match self.builder.part() {
            Part::Object => self.object_part(tag),
            Part::Root => self.root(tag),
            Part::Items => self.value(tag, PsString::default()).map(drop),
            part @ (Part::Adapted | Part::Members) => {
                let name = self.named(tag)?;
                if name.is_empty() {
                    return Err(Error::expected("a property name", tag.offset));
                }
                if part == Part::Members && self.is(tag, Kind::Members) {
                    return self.open(tag, Part::Members, name);
                }
                self.value(tag, name).map(drop)
            }
            Part::Entries => {
                if !self.is(tag, Kind::Entry) || tag.empty {
                    return Err(Error::expected("a dictionary entry", tag.offset));
                }
                self.builder.set_part(Part::Key);
                Ok(())
            }
            Part::Key => {
                if !self.is_named(tag, "Key")? {
                    return Err(Error::expected("the key of a dictionary entry", tag.offset));
                }
                self.builder.set_part(Part::Value);
                self.key(tag)
            }
            Part::Value => {
                if !self.is_named(tag, "Value")? {
                    return Err(Error::expected("the value of a dictionary entry", tag.offset));
                }
                self.builder.set_part(Part::EntryEnd);
                self.value(tag, PsString::default()).map(drop)
            }
            Part::EntryEnd => Err(Error::expected("the end of a dictionary entry", tag.offset)),
        }
    }

    fn root(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let stream = self.scanner.outer().stream.map(|stream| attribute_characters(stream, tag.offset));
        self.builder.set_stream(stream.transpose()?.map(primitive::verbatim));
        self.value(tag, PsString::default()).map(drop)
    }

    /// Reads a key. PowerShell takes equal keys, but not one object or the empty string twice.
    fn key(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let dictionary = self.builder.depth().saturating_sub(1);
        let object = self.value(tag, PsString::default())?;
        if tag.kind == Kind::Null {
            return Err(Error::expected("a key that is not null", tag.offset));
        }
        self.new_key(dictionary, object, tag.offset)
    }

    /// Checks a key that was just read into an open dictionary.
    pub(crate) fn new_key(
        &mut self,
        dictionary: usize,
        object: Option<Slot>,
        offset: usize,
    ) -> Result<(), Error> {
        match self.builder.is_known_key(dictionary, object) {
            true => Err(Error::expected("a key that was not there before", offset)),
            false => Ok(()),
        }
    }

    /// Reads a child of an object.
    fn object_part(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let part = match tag.kind {
            Kind::Primitive(_) | Kind::Progress => return self.simple(tag, PsString::default()),
            _ if !self.is_own(tag) => return self.unknown(tag),
            Kind::TypeNames => return self.type_names(tag),
            Kind::TypeNamesReference => {
                let id = self.required_ref_id(tag)?;
                let types = self.builder.named_types(&id).ok_or_else(|| Error::reference(&id, tag.offset))?;
                self.scanner.skip(tag)?;
                self.builder.set_type_names(types);
                return self.count(tag.offset);
            }
            Kind::ToString => {
                let text = self.decoded(tag)?;
                self.builder.set_to_string(text);
                return self.count(tag.offset);
            }
            Kind::Object => return self.value(tag, PsString::default()).map(drop),
            Kind::Adapted => Part::Adapted,
            Kind::Members => Part::Members,
            Kind::Dictionary => Part::Entries,
            Kind::List | Kind::Stack | Kind::Queue | Kind::Enumerable => Part::Items,
            _ => return self.unknown(tag),
        };
        self.open(tag, part, PsString::default())
    }

    fn unknown(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        match self.skip_unknown {
            true => self.scanner.skip(tag),
            false => Err(Error::unknown(tag.local, tag.offset)),
        }
    }

    /// Reads a value that may stand anywhere a value may, or opens it where it is an object. Gives the
    /// place of an object that references may name.
    fn value(&mut self, tag: &Tag<'a>, name: PsString) -> Result<Option<Slot>, Error> {
        if self.depth >= self.limits.depth {
            return Err(Error::Limit { what: "nested values", limit: self.limits.depth, offset: tag.offset });
        }
        match tag.kind {
            Kind::Primitive(_) | Kind::Progress => self.simple(tag, name).map(|()| None),
            Kind::Object if self.is_own(tag) => {
                let id = self.ref_id(tag)?;
                self.depth += 1;
                self.count(tag.offset)?;
                let slot = self.builder.open_object(id.as_deref(), name);
                if tag.empty {
                    self.end(tag.offset)?;
                } else {
                    self.first_parts()?;
                }
                Ok(slot)
            }
            Kind::Null if self.is_own(tag) => {
                self.scanner.skip(tag)?;
                self.builder.put(name, PsValue::Null);
                self.count(tag.offset).map(|()| None)
            }
            Kind::Reference if self.is_own(tag) => {
                let id = self.required_ref_id(tag)?;
                let slot = self.builder.reference(&id, name);
                let slot = slot.ok_or_else(|| Error::reference(&id, tag.offset))?;
                self.scanner.skip(tag)?;
                self.count(tag.offset).map(|()| Some(slot))
            }
            _ => Err(Error::unknown(tag.local, tag.offset)),
        }
    }

    /// Reads a value of a simple type or a progress record.
    fn simple(&mut self, tag: &Tag<'a>, name: PsString) -> Result<(), Error> {
        let value = match tag.kind {
            Kind::Primitive(kind) => {
                if kind.needs_namespace() {
                    self.check_namespace(tag)?;
                }
                let characters = self.scanner.text(tag)?;
                let value = primitive::parse(kind, characters, self.form);
                value.ok_or_else(|| Error::value(kind.tag(), tag.offset))?
            }
            _ => self.progress(tag)?.into(),
        };
        self.builder.put(name, value);
        self.count(tag.offset)
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
                let characters = self.scanner.text(&inner)?;
                Some(match primitive::parse(kind, characters, self.form).ok_or_else(invalid)? {
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

    /// Goes into a part of an object, or a set of members.
    fn open(&mut self, tag: &Tag<'a>, part: Part, name: PsString) -> Result<(), Error> {
        self.count(tag.offset)?;
        self.builder.open_part(tag.kind, part, name);
        if tag.empty { self.end(tag.offset) } else { self.expected_properties() }
    }

    /// Ends the innermost element.
    fn end(&mut self, offset: usize) -> Result<(), Error> {
        match self.builder.part() {
            Part::Key => return Err(Error::expected("the key of a dictionary entry", offset)),
            Part::Value => return Err(Error::expected("the value of a dictionary entry", offset)),
            Part::EntryEnd => {
                self.builder.set_part(Part::Entries);
                return Ok(());
            }
            Part::Object => self.depth = self.depth.saturating_sub(1),
            Part::Root | Part::Adapted | Part::Members | Part::Items | Part::Entries => {}
        }
        self.builder.close();
        match self.builder.part() {
            Part::EntryEnd => self.more_entries(),
            Part::Adapted | Part::Members => self.expected_properties(),
            _ => Ok(()),
        }
    }

    /// Counts one more value or part of an object.
    pub(crate) fn count(&mut self, offset: usize) -> Result<(), Error> {
        self.values += 1;
        self.within(self.values, offset)
    }

    fn within(&self, values: usize, offset: usize) -> Result<(), Error> {
        if values > self.limits.values {
            return Err(Error::Limit { what: "values", limit: self.limits.values, offset });
        }
        Ok(())
    }

    pub(crate) fn own_namespace(&self) -> Namespace {
        match self.form {
            Form::Document => Namespace::PowerShell,
            Form::Message => Namespace::None,
        }
    }

    /// Whether the namespace of an element is that of CLIXML; in messages all are taken for it.
    fn is_own(&self, tag: &Tag<'_>) -> bool {
        tag.namespace == Namespace::PowerShell || self.form == Form::Message
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

    fn decoded(&mut self, tag: &Tag<'a>) -> Result<PsString, Error> {
        self.check_namespace(tag)?;
        let text = self.scanner.text(tag)?;
        Ok(primitive::decoded(&text))
    }

    /// The attribute `N`, escapes replaced.
    fn named(&self, tag: &Tag<'a>) -> Result<PsString, Error> {
        Self::attribute(tag.name, tag.offset)
    }

    fn is_named(&self, tag: &Tag<'a>, name: &str) -> Result<bool, Error> {
        match tag.name {
            Some(Raw { text, written: Written::Plain }) => Ok(text.eq_ignore_ascii_case(name)),
            _ => Ok(self.named(tag)?.eq_ignore_ascii_case(name)),
        }
    }

    pub(crate) fn attribute(name: Option<Raw<'a>>, offset: usize) -> Result<PsString, Error> {
        match name {
            Some(Raw { text, written: Written::Plain }) => Ok(PsString::new(text)),
            Some(name) => Ok(primitive::decoded(&attribute_characters(name, offset)?)),
            None => Err(Error::expected("the attribute 'N'", offset)),
        }
    }

    fn ref_id(&self, tag: &Tag<'a>) -> Result<Option<Cow<'a, str>>, Error> {
        Ok(match tag.ref_id {
            Some(Raw { text, written: Written::Plain }) => Some(Cow::Borrowed(text)),
            Some(raw) => {
                let characters = attribute_characters(raw, tag.offset)?;
                Some(Cow::Owned(primitive::verbatim(characters).into()))
            }
            None => None,
        })
    }

    fn required_ref_id(&self, tag: &Tag<'a>) -> Result<Cow<'a, str>, Error> {
        self.ref_id(tag)?.ok_or(Error::expected("a reference id", tag.offset))
    }
}
