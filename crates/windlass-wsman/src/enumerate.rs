//! Enumerate, Pull and Release (WS-Enumeration with the optimisations of DSP0226 8).

use std::time::Duration;

use windlass_soap::{EndpointReference, Error as SoapError, Limits, Xml, duration, ns};
use windlass_xml::{Element, Reader, Writer};

use crate::error::Error;
use crate::filter::Filter;
use crate::read::{self, Body};

/// What an enumeration returns of each instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EnumerationMode {
    /// The instance.
    #[default]
    Object,
    /// A reference to it: `EnumerateEPR`.
    Reference,
    /// Both: `EnumerateObjectAndEPR`.
    ObjectAndReference,
}

/// What an enumeration of a class returns of its subclasses (DSP0227 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolymorphismMode {
    /// Instances of subclasses, with all their properties.
    IncludeSubClassProperties,
    /// Instances of subclasses, seen as instances of the class.
    ExcludeSubClassProperties,
    /// No instances of subclasses.
    None,
}

/// When an enumeration or a subscription expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiration {
    /// After this time.
    After(Duration),
    /// At this date, an xs:dateTime as it was written.
    At(String),
}

/// Starts an enumeration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enumerate {
    /// Whether the first items may come with the answer.
    pub optimize: bool,
    /// How many items an optimised answer may hold; one where absent.
    pub max_elements: Option<u32>,
    /// Which instances are wanted; all where absent.
    pub filter: Option<Filter>,
    /// What is wanted of each.
    pub mode: EnumerationMode,
    /// What is wanted of subclasses.
    pub polymorphism: Option<PolymorphismMode>,
    /// When the enumeration is to expire.
    pub expires: Option<Expiration>,
}

/// Fetches more items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pull {
    /// The newest context.
    pub context: String,
    /// How long the service may wait for items.
    pub max_time: Option<Duration>,
    /// How many items the answer may hold; one where absent.
    pub max_elements: Option<u32>,
    /// How many characters the answer may hold.
    pub max_characters: Option<u64>,
}

/// Ends an enumeration before its last item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// The newest context.
    pub context: String,
}

/// Some items of an enumeration: the answer to Enumerate and to Pull.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page<'a> {
    /// The context for the next Pull. Where a Pull's answer has none, the old one goes on.
    pub context: Option<String>,
    /// The items.
    pub items: Vec<Item<'a>>,
    /// Whether these were the last ones.
    pub end_of_sequence: bool,
    /// When the enumeration expires.
    pub expires: Option<Expiration>,
}

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// An instance, or a `w:XmlFragment` with the projection of one.
    Object(Xml<'a>),
    /// A reference to an instance.
    Reference(EndpointReference),
    /// An instance and the reference to it.
    ObjectAndReference(Xml<'a>, EndpointReference),
    /// An instance that was read as it came by, see
    /// [`decode_response_with`](crate::decode_response_with), and the reference to it where there is one.
    Taken(Option<EndpointReference>),
}

/// Reads an instance of a page where it stands: it is given the start tag, which was just read, and reads up to
/// the end tag.
pub type ReadObject<'a, 'r> = dyn FnMut(&Element<'a>, &mut Reader<'a>) -> Result<(), Error> + 'r;

impl EnumerationMode {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Object => None,
            Self::Reference => Some("EnumerateEPR"),
            Self::ObjectAndReference => Some("EnumerateObjectAndEPR"),
        }
    }
}

impl PolymorphismMode {
    fn name(self) -> &'static str {
        match self {
            Self::IncludeSubClassProperties => "IncludeSubClassProperties",
            Self::ExcludeSubClassProperties => "ExcludeSubClassProperties",
            Self::None => "None",
        }
    }
}

impl Expiration {
    pub(crate) fn read(reader: &mut Reader<'_>, field: &'static str, limits: &Limits) -> Result<Self, Error> {
        let text = read::word(reader, field, limits)?;
        match duration::parse(&text) {
            Ok(time) => Ok(Self::After(time)),
            Err(_) if text.starts_with(|c: char| c.is_ascii_digit()) => Ok(Self::At(text)),
            Err(_) => Err(read::value(field, "a duration or a date", reader)),
        }
    }

    pub(crate) fn write(&self, name: &str, writer: &mut Writer) {
        match self {
            Self::After(time) => writer.leaf(name, &duration::format(*time)),
            Self::At(date) => writer.leaf(name, date),
        };
    }
}

impl Enumerate {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::ENUMERATION, "Enumerate", "n:Enumerate")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut request = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::WSMAN, "OptimizeEnumeration") {
                request.optimize = true;
                reader.skip()?;
            } else if element.is(ns::WSMAN, "MaxElements") {
                request.max_elements = Some(read::number(reader, "w:MaxElements", limits)?);
            } else if element.is(ns::WSMAN, "Filter") || element.is(ns::ENUMERATION, "Filter") {
                let filter = Filter::read(&element, reader, limits)?;
                read::once(&mut request.filter, filter, "w:Filter", reader)?;
            } else if element.is(ns::WSMAN, "EnumerationMode") {
                request.mode = match read::word(reader, "w:EnumerationMode", limits)?.as_str() {
                    "EnumerateEPR" => EnumerationMode::Reference,
                    "EnumerateObjectAndEPR" => EnumerationMode::ObjectAndReference,
                    "EnumerateObject" => EnumerationMode::Object,
                    _ => return Err(read::value("w:EnumerationMode", "a mode of enumeration", reader)),
                };
            } else if element.is(ns::CIM_BINDING, "PolymorphismMode") {
                let name = read::word(reader, "b:PolymorphismMode", limits)?;
                request.polymorphism = Some(match name.as_str() {
                    "IncludeSubClassProperties" => PolymorphismMode::IncludeSubClassProperties,
                    "ExcludeSubClassProperties" => PolymorphismMode::ExcludeSubClassProperties,
                    "None" => PolymorphismMode::None,
                    _ => return Err(read::value("b:PolymorphismMode", "a mode of polymorphism", reader)),
                });
            } else if element.is(ns::ENUMERATION, "Expires") {
                request.expires = Some(Expiration::read(reader, "n:Expires", limits)?);
            } else {
                reader.skip()?;
            }
        }
        Ok(request)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("n:Enumerate");
        if let Some(expires) = &self.expires {
            expires.write("n:Expires", writer);
        }
        if self.optimize {
            writer.start("w:OptimizeEnumeration").end();
        }
        if let Some(count) = self.max_elements {
            writer.leaf("w:MaxElements", &count.to_string());
        }
        if let Some(filter) = &self.filter {
            filter.write(writer);
        }
        if let Some(name) = self.mode.name() {
            writer.leaf("w:EnumerationMode", name);
        }
        if let Some(mode) = self.polymorphism {
            writer.start("b:PolymorphismMode").attr("xmlns:b", ns::CIM_BINDING).text(mode.name()).end();
        }
        writer.end();
    }
}

impl Pull {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::ENUMERATION, "Pull", "n:Pull")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut context = None;
        let mut request = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::ENUMERATION, "EnumerationContext") {
                let text = read::word(reader, "n:EnumerationContext", limits)?;
                read::once(&mut context, text, "n:EnumerationContext", reader)?;
            } else if element.is(ns::ENUMERATION, "MaxTime") {
                request.max_time = Some(read::time(reader, "n:MaxTime", limits)?);
            } else if element.is(ns::ENUMERATION, "MaxElements") {
                request.max_elements = Some(read::number(reader, "n:MaxElements", limits)?);
            } else if element.is(ns::ENUMERATION, "MaxCharacters") {
                request.max_characters = Some(read::number(reader, "n:MaxCharacters", limits)?);
            } else {
                reader.skip()?;
            }
        }
        request.context = context.ok_or_else(|| read::missing("n:EnumerationContext", "n:Pull"))?;
        Ok(request)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("n:Pull").leaf("n:EnumerationContext", &self.context);
        if let Some(time) = self.max_time {
            writer.leaf("n:MaxTime", &duration::format(time));
        }
        if let Some(count) = self.max_elements {
            writer.leaf("n:MaxElements", &count.to_string());
        }
        if let Some(count) = self.max_characters {
            writer.leaf("n:MaxCharacters", &count.to_string());
        }
        writer.end();
    }
}

impl Release {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::ENUMERATION, "Release", "n:Release")?;
        let mut context = None;
        while let Some(element) = body.reader.next_element()? {
            if element.is(ns::ENUMERATION, "EnumerationContext") {
                let text = read::word(body.reader, "n:EnumerationContext", body.limits)?;
                read::once(&mut context, text, "n:EnumerationContext", body.reader)?;
            } else {
                body.reader.skip()?;
            }
        }
        let context = context.ok_or_else(|| read::missing("n:EnumerationContext", "n:Release"))?;
        Ok(Self { context })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("n:Release").leaf("n:EnumerationContext", &self.context).end();
    }
}

impl<'a> Page<'a> {
    /// Reads the children of `n:EnumerateResponse` or `n:PullResponse`. Items and the end of the
    /// sequence are of one namespace in the first and of another in the second: either is taken.
    pub(crate) fn read(
        body: &mut Body<'_, 'a>,
        name: &str,
        expected: &'static str,
        mut objects: Option<&mut ReadObject<'a, '_>>,
    ) -> Result<Self, Error> {
        body.expect(ns::ENUMERATION, name, expected)?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut page = Self::default();
        while let Some(element) = reader.next_element()? {
            let known = element.ns() == ns::ENUMERATION || element.ns() == ns::WSMAN;
            match element.local() {
                "EnumerationContext" if known => {
                    let context = read::word(reader, "n:EnumerationContext", limits)?;
                    page.context = Some(context).filter(|context| !context.is_empty());
                }
                "Items" if known => page.read_items(reader, limits, objects.as_deref_mut())?,
                "EndOfSequence" if known => {
                    page.end_of_sequence = true;
                    reader.skip()?;
                }
                "Expires" if known => page.expires = Some(Expiration::read(reader, "n:Expires", limits)?),
                _ => reader.skip()?,
            }
        }
        Ok(page)
    }

    fn read_items(
        &mut self,
        reader: &mut Reader<'a>,
        limits: &Limits,
        mut objects: Option<&mut ReadObject<'a, '_>>,
    ) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            read::room(self.items.len(), "items", limits)?;
            self.items.push(Item::read(&element, reader, limits, objects.as_deref_mut())?);
        }
        Ok(())
    }

    /// Writes `n:EnumerateResponse`, as Windows does: with an empty context at the end.
    pub(crate) fn write_enumerate(&self, writer: &mut Writer) {
        writer.start("n:EnumerateResponse");
        if let Some(expires) = &self.expires {
            expires.write("n:Expires", writer);
        }
        writer.leaf("n:EnumerationContext", self.context.as_deref().unwrap_or_default());
        if !self.items.is_empty() {
            self.write_items("w:Items", writer);
        }
        if self.end_of_sequence {
            writer.start("w:EndOfSequence").end();
        }
        writer.end();
    }

    /// Writes `n:PullResponse`.
    pub(crate) fn write_pull(&self, writer: &mut Writer) {
        writer.start("n:PullResponse");
        if let Some(expires) = &self.expires {
            expires.write("n:Expires", writer);
        }
        if let Some(context) = &self.context {
            writer.leaf("n:EnumerationContext", context);
        }
        self.write_items("n:Items", writer);
        if self.end_of_sequence {
            writer.start("n:EndOfSequence").end();
        }
        writer.end();
    }

    fn write_items(&self, name: &str, writer: &mut Writer) {
        writer.start(name);
        for item in &self.items {
            item.write(writer);
        }
        writer.end();
    }

    /// About how many bytes the items take.
    pub(crate) fn size_hint(&self) -> usize {
        let sizes = self.items.iter().map(|item| match item {
            Item::Object(xml) => xml.source().len(),
            Item::Reference(_) => 512,
            Item::ObjectAndReference(xml, _) => xml.source().len() + 512,
            Item::Taken(_) => 0,
        });
        sizes.sum::<usize>() + 512
    }
}

impl<'a> Item<'a> {
    fn read(
        element: &Element<'a>,
        reader: &mut Reader<'a>,
        limits: &Limits,
        mut objects: Option<&mut ReadObject<'a, '_>>,
    ) -> Result<Self, Error> {
        if element.is(ns::ADDRESSING, "EndpointReference") {
            return Ok(Self::Reference(EndpointReference::read(reader, limits)?));
        }
        // The source of an object that is kept; none of one that is taken.
        let mut object = |element: &Element<'a>, reader: &mut Reader<'a>| match &mut objects {
            Some(take) => take(element, reader).map(|()| None),
            None => Ok::<_, Error>(Some(Xml::from(reader.capture(element)?))),
        };
        if !element.is(ns::WSMAN, "Item") {
            return Ok(object(element, reader)?.map_or(Self::Taken(None), Self::Object));
        }
        let mut found = None;
        let mut reference = None;
        while let Some(child) = reader.next_element()? {
            if child.is(ns::ADDRESSING, "EndpointReference") {
                let epr = EndpointReference::read(reader, limits)?;
                read::once(&mut reference, epr, "a:EndpointReference", reader)?;
            } else {
                let xml = object(&child, reader)?;
                read::once(&mut found, xml, "the object of a w:Item", reader)?;
            }
        }
        match (found, reference) {
            (Some(Some(object)), Some(reference)) => Ok(Self::ObjectAndReference(object, reference)),
            (Some(None), Some(reference)) => Ok(Self::Taken(Some(reference))),
            _ => Err(SoapError::Missing { element: "object or reference", parent: "w:Item" }.into()),
        }
    }

    fn write(&self, writer: &mut Writer) {
        let reference = |epr: &EndpointReference, writer: &mut Writer| {
            writer.start("a:EndpointReference");
            epr.write(writer);
            writer.end();
        };
        match self {
            Self::Object(xml) => xml.write(writer),
            Self::Reference(epr) | Self::Taken(Some(epr)) => reference(epr, writer),
            Self::Taken(None) => {}
            Self::ObjectAndReference(xml, epr) => {
                writer.start("w:Item");
                xml.write(writer);
                reference(epr, writer);
                writer.end();
            }
        }
    }

    /// The instance, where the item holds one.
    pub fn object(&self) -> Option<&Xml<'a>> {
        match self {
            Self::Object(xml) | Self::ObjectAndReference(xml, _) => Some(xml),
            Self::Reference(_) | Self::Taken(_) => None,
        }
    }

    /// The reference, where the item holds one.
    pub fn reference(&self) -> Option<&EndpointReference> {
        match self {
            Self::Reference(epr) | Self::ObjectAndReference(_, epr) | Self::Taken(Some(epr)) => Some(epr),
            Self::Object(_) | Self::Taken(None) => None,
        }
    }
}
