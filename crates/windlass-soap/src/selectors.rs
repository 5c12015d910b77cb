//! Selectors: which instance of a resource is meant (DSP0226 5.1.2.2).

use windlass_xml::{Event, Reader, Writer};

use crate::epr::EndpointReference;
use crate::error::Error;
use crate::limits::Limits;
use crate::ns;

/// The selectors of a resource, in order. Names are compared without regard to case, as keys of CIM
/// classes are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectorSet(Vec<Selector>);

/// One selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The name, such as `ShellId`, `__cimnamespace` or a key property.
    pub name: String,
    /// The value.
    pub value: SelectorValue,
}

/// The value of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectorValue {
    /// The text of a simple value.
    Text(String),
    /// A key that is itself a reference.
    Reference(Box<EndpointReference>),
}

impl SelectorSet {
    /// No selectors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a selector with a simple value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.push(name, value);
        self
    }

    /// Adds a selector with a simple value.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push(Selector { name: name.into(), value: SelectorValue::Text(value.into()) });
    }

    /// Adds a selector whose value is a reference.
    pub fn push_reference(&mut self, name: impl Into<String>, reference: EndpointReference) {
        self.0.push(Selector { name: name.into(), value: SelectorValue::Reference(Box::new(reference)) });
    }

    /// The simple value of a selector.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|selector| selector.name.eq_ignore_ascii_case(name)).and_then(|selector| {
            match &selector.value {
                SelectorValue::Text(text) => Some(text.as_str()),
                SelectorValue::Reference(_) => None,
            }
        })
    }

    /// The selectors in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Selector> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the children of a `w:SelectorSet` whose start tag was the last event.
    ///
    /// # Errors
    /// A selector without a name, a name that stands twice, a foreign element, too many.
    pub fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        Self::read_nested(reader, limits, limits.references)
    }

    pub(crate) fn read_nested(
        reader: &mut Reader<'_>,
        limits: &Limits,
        references: usize,
    ) -> Result<Self, Error> {
        let mut set = Self::default();
        while let Some(element) = reader.next_element()? {
            let offset = reader.position();
            if !element.is(ns::WSMAN, "Selector") {
                return Err(Error::unexpected("w:Selector", element.local(), offset));
            }
            if set.len() >= limits.selectors {
                return Err(Error::Limit { what: "selectors", limit: limits.selectors });
            }
            let invalid = |problem| Error::InvalidHeader { name: "w:SelectorSet", problem, offset };
            let name = element.attr("Name")?.ok_or_else(|| invalid("a selector has no name"))?.into_owned();
            if set.iter().any(|selector| selector.name.eq_ignore_ascii_case(&name)) {
                return Err(invalid("a selector stands twice"));
            }
            let value = read_value(reader, limits, references)?;
            set.0.push(Selector { name, value });
        }
        Ok(set)
    }

    /// Writes `w:Selector` elements into an open `w:SelectorSet`.
    pub fn write(&self, writer: &mut Writer) {
        for selector in &self.0 {
            writer.start("w:Selector").attr("Name", &selector.name);
            match &selector.value {
                SelectorValue::Text(text) => {
                    writer.text(text);
                }
                SelectorValue::Reference(reference) => {
                    writer.start("a:EndpointReference");
                    reference.write(writer);
                    writer.end();
                }
            }
            writer.end();
        }
    }
}

impl<'s> IntoIterator for &'s SelectorSet {
    type Item = &'s Selector;
    type IntoIter = std::slice::Iter<'s, Selector>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for SelectorSet {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(iter: T) -> Self {
        iter.into_iter().fold(Self::new(), |set, (name, value)| set.with(name, value))
    }
}

/// The content of a `w:Selector`: text, or one endpoint reference.
fn read_value(reader: &mut Reader<'_>, limits: &Limits, references: usize) -> Result<SelectorValue, Error> {
    let mut text = String::new();
    let mut reference = None;
    loop {
        match reader.next()? {
            Event::Text(piece) if text.len().saturating_add(piece.len()) > limits.value => {
                return Err(Error::Limit { what: "bytes of a selector", limit: limits.value });
            }
            Event::Text(piece) => text.push_str(&piece),
            Event::Start(element)
                if element.is(ns::ADDRESSING, "EndpointReference") && reference.is_none() =>
            {
                let left = references
                    .checked_sub(1)
                    .ok_or(Error::Limit { what: "nested endpoint references", limit: limits.references })?;
                reference = Some(EndpointReference::read_nested(reader, limits, left)?);
            }
            Event::Start(element) => {
                return Err(Error::unexpected("a:EndpointReference", element.local(), reader.position()));
            }
            Event::End | Event::Eof => break,
        }
    }
    Ok(match reference {
        Some(reference) => SelectorValue::Reference(Box::new(reference)),
        None => SelectorValue::Text(text),
    })
}
