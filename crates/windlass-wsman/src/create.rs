//! Create (WS-Transfer): a shell, or an instance of any other resource.

use windlass_soap::{EndpointReference, Xml, ns};
use windlass_xml::Writer;

use crate::error::Error;
use crate::read::{self, Body};
use crate::shell::{Shell, ShellInfo};

/// What is to be created.
#[derive(Debug, Clone, PartialEq)]
pub enum Create<'a> {
    /// A shell ([MS-WSMV] 3.1.4.5.2).
    Shell(Box<Shell<'a>>),
    /// Any other resource, as its representation stands in the body.
    Resource(Xml<'a>),
}

impl<'a> Create<'a> {
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        match &body.root {
            Some(root) if root.is(ns::SHELL, "Shell") => Ok(Self::Shell(Box::new(Shell::read(body)?))),
            _ => Ok(Self::Resource(body.required_raw("a representation of the resource")?)),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        match self {
            Self::Shell(shell) => shell.write(writer),
            Self::Resource(xml) => xml.write(writer),
        }
    }
}

/// What was created.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CreateResponse<'a> {
    /// The reference to the new resource.
    pub resource: Option<EndpointReference>,
    /// The shell as the service opened it; services other than Windows leave it out.
    pub shell: Option<Box<ShellInfo>>,
    /// Any other element that the service added.
    pub other: Option<Xml<'a>>,
}

impl<'a> CreateResponse<'a> {
    /// The id of the shell that was created.
    pub fn shell_id(&self) -> Option<&str> {
        let reference = self.resource.as_ref().and_then(|resource| resource.selectors.get("ShellId"));
        reference.or_else(|| self.shell.as_ref().and_then(|shell| shell.shell_id.as_deref()))
    }

    /// Reads all elements of the body: they come in any order.
    pub(crate) fn read(body: &mut Body<'_, 'a>) -> Result<Self, Error> {
        let mut response = Self::default();
        let mut next = body.root.take();
        while let Some(element) = next {
            if element.is(ns::TRANSFER, "ResourceCreated") {
                let epr = EndpointReference::read(body.reader, body.limits)?;
                read::once(&mut response.resource, epr, "x:ResourceCreated", body.reader)?;
            } else if element.is(ns::SHELL, "Shell") {
                let shell = ShellInfo::read(body.reader, body.limits)?;
                read::once(&mut response.shell, Box::new(shell), "rsp:Shell", body.reader)?;
            } else {
                let xml = Xml::from(body.reader.capture(&element)?);
                read::once(&mut response.other, xml, "the created resource", body.reader)?;
            }
            next = body.reader.next_element()?;
        }
        if response.resource.is_none() && response.shell.is_none() {
            return Err(read::missing("x:ResourceCreated", "s:Body"));
        }
        Ok(response)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        if let Some(resource) = &self.resource {
            writer.start("x:ResourceCreated");
            resource.write(writer);
            writer.end();
        }
        if let Some(shell) = &self.shell {
            shell.write(writer);
        }
        if let Some(other) = &self.other {
            other.write(writer);
        }
    }
}
