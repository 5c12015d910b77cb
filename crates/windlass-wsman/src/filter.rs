//! Filters of Enumerate and Subscribe (DSP0226 8.3, DSP0227 8 and 9).

use windlass_soap::{EndpointReference, Error as SoapError, Limits, SelectorSet, Xml, ns};
use windlass_xml::{Element, Event, Reader, Writer, escape_text};

use crate::error::Error;
use crate::read;

/// The URIs of filter languages.
pub mod dialect {
    /// WQL, the query language of WMI.
    pub const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
    /// Instances whose properties have the values of the selectors.
    pub const SELECTOR: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
    /// Instances associated with an object, or the associations themselves.
    pub const ASSOCIATION: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter";
    /// CQL.
    pub const CQL: &str = "http://schemas.dmtf.org/wbem/cql/1/dsp0202.pdf";
    /// XPath 1.0, the language of a filter that names none.
    pub const XPATH: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
    /// The subscription queries of Windows event logs.
    pub const EVENT_QUERY: &str = "http://schemas.microsoft.com/win/2004/08/events/eventquery";
}

/// Which items are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// A WQL query.
    Wql(String),
    /// Values of properties.
    Selectors(SelectorSet),
    /// Instances by their associations.
    Association(Box<AssociationFilter>),
    /// A filter in another language.
    Other {
        /// The language; XPath 1.0 where absent.
        dialect: Option<String>,
        /// The content of the filter element, as XML.
        content: String,
    },
}

/// Whether the associated instances or the associations themselves are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AssociationKind {
    /// `b:AssociatedInstances`.
    #[default]
    Associated,
    /// `b:AssociationInstances`.
    References,
}

/// Instances that an object is associated with (DSP0227 9.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssociationFilter {
    /// What is wanted.
    pub kind: AssociationKind,
    /// The object.
    pub object: EndpointReference,
    /// The class of the association; not for [`AssociationKind::References`].
    pub association_class: Option<String>,
    /// The object's role in the association.
    pub role: Option<String>,
    /// The class of the result.
    pub result_class: Option<String>,
    /// The result's role in the association; not for [`AssociationKind::References`].
    pub result_role: Option<String>,
    /// The properties that are wanted; all where empty.
    pub properties: Vec<String>,
}

impl Filter {
    /// The language of the filter.
    pub fn dialect(&self) -> &str {
        match self {
            Self::Wql(_) => dialect::WQL,
            Self::Selectors(_) => dialect::SELECTOR,
            Self::Association(_) => dialect::ASSOCIATION,
            Self::Other { dialect, .. } => dialect.as_deref().unwrap_or(dialect::XPATH),
        }
    }

    /// Reads `w:Filter`, `n:Filter` or `e:Filter`, whose start tag was the last event.
    pub(crate) fn read<'a>(
        element: &Element<'a>,
        reader: &mut Reader<'a>,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let dialect = read::attribute(element, "Dialect")?;
        match dialect.as_deref() {
            Some(dialect::WQL) => Ok(Self::Wql(read::text(reader, "w:Filter", limits)?.trim().to_owned())),
            Some(dialect::SELECTOR) => Self::read_selectors(reader, limits),
            Some(dialect::ASSOCIATION) => Self::read_association(reader, limits),
            _ => Ok(Self::Other { dialect, content: read_content(reader, limits)? }),
        }
    }

    fn read_selectors(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut set = None;
        while let Some(element) = reader.next_element()? {
            if !element.is(ns::WSMAN, "SelectorSet") {
                return Err(SoapError::unexpected("w:SelectorSet", element.local(), reader.position()).into());
            }
            let read = SelectorSet::read(reader, limits)?;
            read::once(&mut set, read, "w:SelectorSet", reader)?;
        }
        set.map(Self::Selectors).ok_or_else(|| read::missing("w:SelectorSet", "w:Filter"))
    }

    fn read_association(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut filter = None;
        while let Some(element) = reader.next_element()? {
            let kind = if element.is(ns::CIM_BINDING, "AssociatedInstances") {
                AssociationKind::Associated
            } else if element.is(ns::CIM_BINDING, "AssociationInstances") {
                AssociationKind::References
            } else {
                let expected = "b:AssociatedInstances or b:AssociationInstances";
                return Err(SoapError::unexpected(expected, element.local(), reader.position()).into());
            };
            let read = AssociationFilter::read(kind, reader, limits)?;
            read::once(&mut filter, Box::new(read), "b:AssociatedInstances", reader)?;
        }
        filter.map(Self::Association).ok_or_else(|| read::missing("b:AssociatedInstances", "w:Filter"))
    }

    /// Writes `w:Filter`.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("w:Filter");
        match self {
            Self::Wql(query) => {
                writer.attr("Dialect", dialect::WQL).text(query);
            }
            Self::Selectors(set) => {
                writer.attr("Dialect", dialect::SELECTOR).start("w:SelectorSet");
                set.write(writer);
                writer.end();
            }
            Self::Association(filter) => {
                writer.attr("Dialect", dialect::ASSOCIATION);
                filter.write(writer);
            }
            Self::Other { dialect, content } => {
                if let Some(dialect) = dialect {
                    writer.attr("Dialect", dialect);
                }
                writer.raw(content);
            }
        }
        writer.end();
    }
}

impl AssociationFilter {
    fn read(kind: AssociationKind, reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut object = None;
        let mut filter = Self { kind, ..Self::default() };
        while let Some(element) = reader.next_element()? {
            if element.ns() != ns::CIM_BINDING {
                reader.skip()?;
                continue;
            }
            match element.local() {
                "Object" => {
                    let epr = EndpointReference::read(reader, limits)?;
                    read::once(&mut object, epr, "b:Object", reader)?;
                }
                "AssociationClassName" => {
                    filter.association_class = Some(read::word(reader, "b:AssociationClassName", limits)?);
                }
                "Role" => filter.role = Some(read::word(reader, "b:Role", limits)?),
                "ResultClassName" => {
                    filter.result_class = Some(read::word(reader, "b:ResultClassName", limits)?);
                }
                "ResultRole" => filter.result_role = Some(read::word(reader, "b:ResultRole", limits)?),
                "IncludeResultProperty" => {
                    read::room(filter.properties.len(), "result properties", limits)?;
                    filter.properties.push(read::word(reader, "b:IncludeResultProperty", limits)?);
                }
                _ => reader.skip()?,
            }
        }
        filter.object = object.ok_or_else(|| read::missing("b:Object", "b:AssociatedInstances"))?;
        Ok(filter)
    }

    /// Writes the elements in the order of their schema.
    fn write(&self, writer: &mut Writer) {
        writer.start(match self.kind {
            AssociationKind::Associated => "b:AssociatedInstances",
            AssociationKind::References => "b:AssociationInstances",
        });
        writer.attr("xmlns:b", ns::CIM_BINDING).start("b:Object");
        self.object.write(writer);
        writer.end();
        let middle = match self.kind {
            AssociationKind::Associated => [
                ("b:AssociationClassName", &self.association_class),
                ("b:Role", &self.role),
                ("b:ResultClassName", &self.result_class),
                ("b:ResultRole", &self.result_role),
            ],
            AssociationKind::References => [
                ("b:ResultClassName", &self.result_class),
                ("b:Role", &self.role),
                ("b:AssociationClassName", &self.association_class),
                ("b:ResultRole", &self.result_role),
            ],
        };
        for (name, value) in middle {
            if let Some(value) = value {
                writer.leaf(name, value);
            }
        }
        for property in &self.properties {
            writer.leaf("b:IncludeResultProperty", property);
        }
        writer.end();
    }
}

/// The content of an element as XML: elements with the declarations they need, text escaped.
pub(crate) fn read_content(reader: &mut Reader<'_>, limits: &Limits) -> Result<String, Error> {
    let mut content = String::new();
    loop {
        match reader.next()? {
            Event::Start(child) => content.push_str(&Xml::from(reader.capture(&child)?).to_standalone()),
            Event::Text(text) => content.push_str(&escape_text(&text)),
            Event::End | Event::Eof => break,
        }
        if content.len() > limits.value {
            return Err(
                SoapError::Limit { what: "bytes of a filter or bookmark", limit: limits.value }.into()
            );
        }
    }
    let trimmed = content.trim();
    Ok(if trimmed.len() == content.len() { content } else { trimmed.to_owned() })
}
