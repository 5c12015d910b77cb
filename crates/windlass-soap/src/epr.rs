//! Endpoint references: addresses of resources (WS-Addressing August 2004, 2; DSP0226 5.1.2).

use windlass_xml::{Reader, Writer};

use crate::error::Error;
use crate::limits::Limits;
use crate::ns;
use crate::selectors::SelectorSet;

/// A reference to a resource: an address and what must be sent to it to reach the resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointReference {
    /// The address to post to; [`ns::ANONYMOUS`] stands for the service that gave the reference.
    pub address: String,
    /// The resource URI.
    pub resource_uri: Option<String>,
    /// The selectors.
    pub selectors: SelectorSet,
    /// The identifier of a subscription.
    pub identifier: Option<String>,
}

impl EndpointReference {
    /// A reference to a resource of the service that gives it.
    pub fn anonymous(resource_uri: impl Into<String>, selectors: SelectorSet) -> Self {
        Self {
            address: ns::ANONYMOUS.to_owned(),
            resource_uri: Some(resource_uri.into()),
            selectors,
            identifier: None,
        }
    }

    /// Reads the children of an element of the type `a:EndpointReferenceType` whose start tag was
    /// the last event. Reference properties count as reference parameters, because peers mix them
    /// up, and without an address the service that answers is meant, because Microsoft's server for other
    /// systems leaves it out; what is not known is passed over.
    ///
    /// # Errors
    /// A reference to nothing, a part that stands twice, too many selectors or nested references.
    pub fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        Self::read_nested(reader, limits, limits.references)
    }

    /// Reads one in which `references` more may be nested.
    pub(crate) fn read_nested(
        reader: &mut Reader<'_>,
        limits: &Limits,
        references: usize,
    ) -> Result<Self, Error> {
        let mut address = None;
        let mut epr = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::ADDRESSING, "Address") {
                store(&mut address, "a:Address", read_uri(reader, limits)?, reader)?;
            } else if element.is(ns::ADDRESSING, "ReferenceParameters")
                || element.is(ns::ADDRESSING, "ReferenceProperties")
            {
                epr.read_parameters(reader, limits, references)?;
            } else {
                reader.skip()?;
            }
        }
        if address.is_none() && epr.is_bare() {
            return Err(Error::Missing { element: "a:Address", parent: "endpoint reference" });
        }
        epr.address = address.unwrap_or_else(|| ns::ANONYMOUS.to_owned());
        Ok(epr)
    }

    fn read_parameters(
        &mut self,
        reader: &mut Reader<'_>,
        limits: &Limits,
        references: usize,
    ) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if element.is(ns::WSMAN, "ResourceURI") {
                store(&mut self.resource_uri, "w:ResourceURI", read_uri(reader, limits)?, reader)?;
            } else if element.is(ns::WSMAN, "SelectorSet") {
                let set = SelectorSet::read_nested(reader, limits, references)?;
                if !self.selectors.is_empty() {
                    return Err(twice("w:SelectorSet", reader));
                }
                self.selectors = set;
            } else if element.is(ns::EVENTING, "Identifier") {
                store(&mut self.identifier, "e:Identifier", read_uri(reader, limits)?, reader)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    /// Whether it has no parameters.
    fn is_bare(&self) -> bool {
        self.resource_uri.is_none() && self.selectors.is_empty() && self.identifier.is_none()
    }

    /// Writes the children into an open element.
    pub fn write(&self, writer: &mut Writer) {
        writer.leaf("a:Address", &self.address);
        if self.is_bare() {
            return;
        }
        writer.start("a:ReferenceParameters");
        if let Some(uri) = &self.resource_uri {
            writer.leaf("w:ResourceURI", uri);
        }
        if !self.selectors.is_empty() {
            writer.start("w:SelectorSet");
            self.selectors.write(writer);
            writer.end();
        }
        if let Some(identifier) = &self.identifier {
            writer.start("e:Identifier").attr("xmlns:e", ns::EVENTING).text(identifier).end();
        }
        writer.end();
    }
}

/// Text of a URI or an identifier: white space around it has no meaning.
pub(crate) fn read_uri(reader: &mut Reader<'_>, limits: &Limits) -> Result<String, Error> {
    let text = reader.read_text()?;
    if text.len() > limits.value {
        return Err(Error::Limit { what: "bytes of a header", limit: limits.value });
    }
    Ok(text.trim().to_owned())
}

fn store<T>(slot: &mut Option<T>, name: &'static str, value: T, reader: &Reader<'_>) -> Result<(), Error> {
    match slot.replace(value) {
        Some(_) => Err(twice(name, reader)),
        None => Ok(()),
    }
}

fn twice(name: &'static str, reader: &Reader<'_>) -> Error {
    Error::InvalidHeader { name, problem: "stands twice", offset: reader.position() }
}
