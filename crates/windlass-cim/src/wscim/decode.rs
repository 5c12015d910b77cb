//! Reading instances.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use windlass_xml::{Content, Element, Known, Reader};

use super::budget::{Budget, DecodeLimits};
use super::form::{self, Form, ParseDateTime};
use super::scalar::{Marks, Stated, append};
use super::shape::{Kind, Learned, Shape};
use super::{NS_ADDRESSING, NS_ADDRESSING_10, NS_COMMON, NS_WSMAN};
use crate::class::CimClass;
use crate::datetime::CimDateTime;
use crate::error::Error;
use crate::instance::{CimInstance, CimProperty, Mismatch};
use crate::list::NamedList;
use crate::name::CimName;
use crate::namespace::Namespace;
use crate::path::ObjectPath;
use crate::resource_uri::ResourceUri;
use crate::schema::Schema;
use crate::types::CimType;
use crate::value::CimValue;

/// With that many properties a table is kept to find them.
const TABLE_FROM: usize = 64;

/// Reads instances, one after the other. It learns how classes are written: keep it for all answers of an operation,
/// or what it learned, see [`Decoder::into_learned`].
#[derive(Default)]
pub struct Decoder<'s> {
    schema: Option<&'s dyn Schema>,
    mismatch: Mismatch,
    limits: DecodeLimits,
    namespace: Option<Namespace>,
    server_name: Option<String>,
    learned: Learned,
    /// What the tag of the last instance said.
    announced: Option<Announced>,
}

/// What the start tag of an instance says.
struct Announced {
    uri: String,
    class: CimName,
    /// The CIM namespace in the URI.
    namespace: Option<Namespace>,
}

/// What was read of an instance.
#[derive(Clone, Copy)]
enum Begun<'a, 'e> {
    /// Its start tag. The next instance may have the same.
    Instance(&'e Element<'a>),
    /// The start tag of the element that its properties stand in.
    Children,
    /// The start tag of its first property, too.
    Property(&'e Element<'a>),
}

impl<'s> Decoder<'s> {
    /// A decoder that knows no class.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same decoder with types from these classes, and what to do with values that do not fit.
    #[must_use]
    pub fn with_schema(self, schema: &'s dyn Schema, mismatch: Mismatch) -> Self {
        Self { schema: Some(schema), mismatch, ..self }
    }

    /// The same decoder with other limits.
    #[must_use]
    pub fn with_limits(self, limits: DecodeLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same decoder; the instances are said to come from this namespace. Without it, the
    /// namespace in the URI of the class is taken, if there is one.
    #[must_use]
    pub fn with_namespace(self, namespace: impl Into<Namespace>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// The same decoder; the instances are said to come from this server.
    #[must_use]
    pub fn with_server_name(self, server_name: impl Into<String>) -> Self {
        Self { server_name: Some(server_name.into()), ..self }
    }

    /// The same decoder, which has all else that it is given already, with what another one has learned.
    #[must_use]
    pub fn with_learned(self, mut learned: Learned) -> Self {
        learned.check(self.schema);
        Self { learned, ..self }
    }

    /// What it has learned.
    #[must_use]
    pub fn into_learned(self) -> Learned {
        self.learned
    }

    /// Reads the instance that is the next element, see [`Decoder::instance`].
    ///
    /// # Errors
    /// Malformed XML, an exceeded limit, a value that does not fit its type.
    pub fn decode(&mut self, reader: &mut Reader<'_>) -> Result<CimInstance, Error> {
        let expected = "an instance";
        let element = reader.next_element()?.ok_or(Error::Element { offset: 0, expected })?;
        self.instance(reader, &element)
    }

    /// Reads the instance whose start tag was just read, up to its end tag: an element named like
    /// the class, a `w:Item` with an object and its endpoint reference, or a `w:XmlFragment`, whose
    /// class has to be told with [`Decoder::projection`] to be known.
    ///
    /// # Errors
    /// Malformed XML, an exceeded limit, a value that does not fit its type.
    pub fn instance<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        element: &Element<'a>,
    ) -> Result<CimInstance, Error> {
        if element.ns() == NS_WSMAN {
            match element.local() {
                "Item" => return self.item(reader),
                "XmlFragment" => return self.projection(reader, element, ""),
                _ => {}
            }
        }
        let known = self.announced.take().filter(|known| known.is(element));
        let announced = self.announced.insert(known.unwrap_or_else(|| Announced::of(element)));
        let (class, namespace) = (announced.class.clone(), announced.namespace.clone());
        self.root(reader, Begun::Instance(element), class, namespace)
    }

    /// Reads a `w:XmlFragment` with properties of a class, as a query for some of them gives it.
    ///
    /// # Errors
    /// As for [`Decoder::instance`].
    pub fn projection<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        element: &Element<'a>,
        class: &str,
    ) -> Result<CimInstance, Error> {
        if !element.is(NS_WSMAN, "XmlFragment") {
            return Err(Error::Element { offset: element.offset(), expected: "w:XmlFragment" });
        }
        self.root(reader, Begun::Children, class.into(), None)
    }

    /// Reads an element whose children are typed by the properties of `class`, whatever its own name:
    /// the parameters of a method, say, see
    /// [`MethodDecl::output_class`](crate::MethodDecl::output_class).
    ///
    /// # Errors
    /// As for [`Decoder::instance`].
    pub fn parameters<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        element: &Element<'a>,
        class: Option<&Arc<CimClass>>,
    ) -> Result<CimInstance, Error> {
        let mut budget = Budget::new(self.limits);
        budget.enter()?;
        let mut shape = Shape::new(class.cloned());
        let mut instance = CimInstance::new(element.local());
        instance.properties = self.properties(reader, Begun::Children, &mut shape, &mut budget)?;
        instance.class = shape.class;
        Ok(instance)
    }

    /// Reads the content of an endpoint reference whose start tag was just read.
    ///
    /// # Errors
    /// As for [`Decoder::instance`], and a reference that names no class.
    pub fn reference<'a>(&mut self, reader: &mut Reader<'a>) -> Result<ObjectPath, Error> {
        super::epr_decode::decode(reader, None, &mut Budget::new(self.limits))
    }

    fn item(&mut self, reader: &mut Reader<'_>) -> Result<CimInstance, Error> {
        let mut instance = None;
        let mut path = None;
        while let Some(child) = reader.next_element()? {
            if is_addressing(child.ns()) && child.local() == "EndpointReference" {
                path = Some(Box::new(self.reference(reader)?));
            } else if instance.is_none() && !child.is(NS_WSMAN, "Item") {
                instance = Some(self.instance(reader, &child)?);
            } else {
                return Err(Error::Element { offset: child.offset(), expected: "one object" });
            }
        }
        let error = Error::Element { offset: reader.position(), expected: "an object" };
        let mut instance = instance.ok_or(error)?;
        instance.stated_path = path;
        Ok(instance)
    }

    /// Reads the children of an element as the properties of a class.
    fn root<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        begun: Begun<'a, '_>,
        class_name: CimName,
        stated: Option<Namespace>,
    ) -> Result<CimInstance, Error> {
        let mut budget = Budget::new(self.limits);
        let mut instance = self.object(reader, begun, class_name, &mut budget)?;
        instance.namespace = self.namespace.clone().or(stated);
        instance.server_name.clone_from(&self.server_name);
        Ok(instance)
    }

    /// Reads an instance or embedded instance up to its end tag.
    fn object<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        begun: Begun<'a, '_>,
        class_name: CimName,
        budget: &mut Budget,
    ) -> Result<CimInstance, Error> {
        budget.enter()?;
        let depth = budget.depth();
        let mut shape = match self.learned.take(&class_name, depth) {
            Some(shape) => shape,
            None => Shape::new(self.schema.and_then(|schema| schema.class(&class_name))),
        };
        let properties = self.properties(reader, begun, &mut shape, budget);
        let class = shape.class.clone();
        let name = class.as_ref().map_or_else(|| class_name.clone(), |class| class.name.clone());
        self.learned.put(class_name, depth, shape);
        budget.leave();
        let mut instance = CimInstance::new(name);
        instance.properties = properties?;
        instance.class = class;
        Ok(instance)
    }

    fn properties<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        begun: Begun<'a, '_>,
        shape: &mut Shape,
        budget: &mut Budget,
    ) -> Result<NamedList<CimProperty>, Error> {
        let mut list = List { properties: NamedList::with_capacity(shape.len()), table: HashMap::new() };
        shape.frames.enter(reader);
        let mut pending = match begun {
            Begun::Property(first) => Some(first.clone()),
            Begun::Instance(_) | Begun::Children => None,
        };
        loop {
            if pending.is_none()
                && let Some(mut known) = reader.known(&shape.frames)
            {
                while self.again(&mut known, shape, &mut list, budget)? {}
                if let Begun::Instance(element) = begun
                    && known.turn(element)
                {
                    return Ok(list.end());
                }
            }
            let from = reader.next_position();
            let (element, is_whole) = match pending.take() {
                Some(element) => (element, false),
                None => match reader.next_element()? {
                    Some(element) => (element, true),
                    None => return Ok(list.end()),
                },
            };
            budget.value(1)?;
            let local = element.local();
            let place = list.properties.len();
            if shape.expect(place, local).is_none() {
                if let Some(known) = list.find(local) {
                    let kind = shape.slot(known).and_then(|slot| slot.kind.as_ref());
                    let item = self.value(reader, &element, kind, budget).map(|(item, ..)| item);
                    list.add(known, kind, item)?;
                    continue;
                }
                shape.learn(place, local);
            }
            budget.properties(place + 1)?;
            let Some(slot) = shape.slot(place) else {
                return Err(Error::Element { offset: element.offset(), expected: "a property" });
            };
            let read = self.value(reader, &element, slot.kind.as_ref(), budget);
            let (value, is_stated, form) = read.map_err(|error| error.inside(&slot.name))?;
            list.properties.push_new(|| slot.property(value, is_stated));
            if let Some(form) = form.filter(|_| is_whole) {
                shape.frames.keep(reader, place, from, form);
            }
        }
    }

    /// Reads the next property if it is written as the last instance had it in this place, or one more item of the
    /// property before it; says whether one was read.
    #[inline]
    fn again(
        &self,
        known: &mut Known<'_, '_, '_, Form>,
        shape: &Shape,
        list: &mut List,
        budget: &mut Budget,
    ) -> Result<bool, Error> {
        let place = list.properties.len();
        if let Some(slot) = shape.slot(place)
            && let Some((form, text)) = known.take(place)
        {
            budget.value(1)?;
            budget.properties(place + 1)?;
            let kind = slot.kind.as_ref();
            list.properties.push_new(|| slot.null());
            let Some(property) = list.properties.at_mut(place) else { return Ok(false) };
            let set = match form.set_simple(text, kind, &mut property.value) {
                Some(values) => budget.value(values),
                None => {
                    form.value(Cow::Borrowed(text), kind, self.mismatch, budget).map(|(value, is_stated)| {
                        *property = slot.property(value, is_stated);
                    })
                }
            };
            set.map_err(|error| error.inside(&slot.name))?;
            return Ok(true);
        }
        if let Some(last) = place.checked_sub(1)
            && let Some(slot) = shape.slot(last)
            && let Some((form, text)) = known.take(last)
        {
            budget.value(1)?;
            let kind = slot.kind.as_ref();
            let item = form.value(Cow::Borrowed(text), kind, self.mismatch, budget).map(|(item, _)| item);
            list.add(last, kind, item)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The value of one element, read up to its end tag, whether the server stated its type, and what its tags say
    /// if it holds text alone.
    fn value<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        element: &Element<'a>,
        kind: Option<&Kind>,
        budget: &mut Budget,
    ) -> Result<(CimValue, bool, Option<Form>), Error> {
        let marks = Marks::read(reader, element)?;
        let (form, text) = match (reader.read_content()?, marks.stated) {
            (Content::Child(_, child), stated) => match parse_datetime(&child) {
                Some(parse) => {
                    let text = reader.read_text()?;
                    end(reader)?;
                    (Form::DateTime(parse), text)
                }
                None => {
                    let value = self.complex(reader, child, stated.as_ref(), kind, budget)?;
                    let (value, is_stated) = form::fit(value, true, kind, self.mismatch, budget)?;
                    return Ok((value, is_stated, None));
                }
            },
            (Content::Text(text), _) if marks.is_nil || marks.is_null_array => (Form::Null, text),
            (Content::Text(text), Some(Stated::Class(class))) if text.trim().is_empty() => {
                let value = CimInstance::new(CimName::from(class)).into();
                let (value, is_stated) = form::fit(value, true, kind, self.mismatch, budget)?;
                return Ok((value, is_stated, None));
            }
            // Without a text it would be an instance.
            (Content::Text(text), stated @ Some(Stated::Class(_))) => {
                let (value, is_stated) = Form::Text(stated).value(text, kind, self.mismatch, budget)?;
                return Ok((value, is_stated, None));
            }
            (Content::Text(text), stated) => (Form::Text(stated), text),
        };
        let (value, is_stated) = form.value(text, kind, self.mismatch, budget)?;
        Ok((value, is_stated, Some(form)))
    }

    /// The value of an element that has children, of which the first was begun: a reference or an instance.
    fn complex<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        child: Element<'a>,
        stated: Option<&Stated>,
        kind: Option<&Kind>,
        budget: &mut Budget,
    ) -> Result<CimValue, Error> {
        if is_addressing(child.ns()) {
            let path = if child.local() == "EndpointReference" {
                let path = super::epr_decode::decode(reader, None, budget)?;
                end(reader)?;
                path
            } else {
                super::epr_decode::decode(reader, Some(child), budget)?
            };
            return Ok(path.into());
        }
        let class = match (stated, kind.and_then(|kind| kind.class.clone())) {
            (Some(Stated::Class(class)), _) => class.into(),
            (_, Some(declared)) => declared,
            _ => child.ns().parse::<ResourceUri>().ok().and_then(|uri| uri.class).ok_or(Error::Element {
                offset: child.offset(),
                expected: "text, a datetime, a reference or an embedded instance",
            })?,
        };
        self.object(reader, Begun::Property(&child), class, budget).map(CimValue::from)
    }
}

impl Announced {
    fn is(&self, element: &Element<'_>) -> bool {
        self.class.as_str() == element.local() && self.uri == element.ns()
    }

    fn of(element: &Element<'_>) -> Self {
        let uri = element.ns().parse::<ResourceUri>().ok();
        Self {
            uri: element.ns().to_owned(),
            class: element.local().into(),
            namespace: uri.and_then(|uri| uri.namespace),
        }
    }
}

/// How the text of an element in a property is written, if it is one for datetimes.
fn parse_datetime(child: &Element<'_>) -> Option<ParseDateTime> {
    match (child.ns(), child.local()) {
        (NS_COMMON | "", "Datetime") => Some(CimDateTime::parse_xsd_datetime),
        (NS_COMMON | "", "Interval") => Some(CimDateTime::parse_xsd_duration),
        (NS_COMMON | "", "CIM_DateTime") => Some(CimDateTime::parse_any),
        (NS_COMMON, "Date") => Some(CimDateTime::parse_xsd_date),
        (NS_COMMON, "Time") => Some(CimDateTime::parse_xsd_time),
        _ => None,
    }
}

/// Properties being read, found by name.
struct List {
    properties: NamedList<CimProperty>,
    table: HashMap<CimName, usize>,
}

impl List {
    fn end(mut self) -> NamedList<CimProperty> {
        self.properties.shrink_to_fit();
        self.properties
    }

    /// The place of the property that an element belongs to, if there was one of that name before.
    fn find(&mut self, local: &str) -> Option<usize> {
        let count = self.properties.len();
        if self.properties.last().is_some_and(|property| property.name.is(local)) {
            return count.checked_sub(1);
        }
        if count < TABLE_FROM {
            return self.properties.iter().position(|property| property.name.is(local));
        }
        for (place, property) in self.properties.iter().enumerate().skip(self.table.len()) {
            self.table.insert(property.name.clone(), place);
        }
        self.table.get(&CimName::from(local)).copied()
    }

    /// Adds the value of a further element of the same name.
    fn add(&mut self, place: usize, kind: Option<&Kind>, item: Result<CimValue, Error>) -> Result<(), Error> {
        let Some(property) = self.properties.at_mut(place) else { return Ok(()) };
        item.and_then(|item| add(property, kind, item)).map_err(|error| error.inside(&property.name))
    }
}

/// Adds a value to a property.
fn add(property: &mut CimProperty, kind: Option<&Kind>, item: CimValue) -> Result<(), Error> {
    match kind {
        Some(kind) if !kind.is_array => {
            Err(Error::Type { expected: kind.element.name(), found: "repeated elements" })
        }
        Some(kind) => append(&mut property.value, kind.element, item).map(|_| ()),
        None => {
            let element = append(&mut property.value, CimType::String, item)?;
            property.cim_type = element;
            property.is_array = true;
            property.is_typed &= element != CimType::String;
            Ok(())
        }
    }
}

/// Reads the end tag of the current element.
fn end(reader: &mut Reader<'_>) -> Result<(), Error> {
    match reader.next_element()? {
        None => Ok(()),
        Some(extra) => Err(Error::Element { offset: extra.offset(), expected: "an end tag" }),
    }
}

pub(super) fn is_addressing(ns: &str) -> bool {
    ns == NS_ADDRESSING || ns == NS_ADDRESSING_10
}
