//! Identify: which service answers here, asked before anything else (DSP0226 11).

use windlass_soap::{Limits, ns};
use windlass_xml::{Reader, Writer};

use crate::error::Error;
use crate::read;

/// What a service says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentifyResponse {
    /// The protocol: the namespace of WS-Management.
    pub protocol_version: Option<String>,
    /// Who made the service.
    pub product_vendor: Option<String>,
    /// The version of the service, such as `OS: 10.0.17763 SP: 0.0 Stack: 3.0`.
    pub product_version: Option<String>,
    /// The URIs of the security profiles that the service supports.
    pub security_profiles: Vec<String>,
}

impl IdentifyResponse {
    /// The answer of a service of this vendor and version.
    pub fn new(vendor: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            protocol_version: Some(ns::WSMAN.to_owned()),
            product_vendor: Some(vendor.into()),
            product_version: Some(version.into()),
            security_profiles: Vec::new(),
        }
    }

    /// Reads the children of `id:IdentifyResponse`, whose start tag was the last event.
    pub(crate) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut response = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::IDENTIFY, "ProtocolVersion") {
                response.protocol_version = Some(read::word(reader, "id:ProtocolVersion", limits)?);
            } else if element.is(ns::IDENTIFY, "ProductVendor") {
                response.product_vendor = Some(read::word(reader, "id:ProductVendor", limits)?);
            } else if element.is(ns::IDENTIFY, "ProductVersion") {
                response.product_version = Some(read::word(reader, "id:ProductVersion", limits)?);
            } else if element.is(ns::IDENTIFY, "SecurityProfiles") {
                response.read_profiles(reader, limits)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(response)
    }

    fn read_profiles(&mut self, reader: &mut Reader<'_>, limits: &Limits) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if element.is(ns::IDENTIFY, "SecurityProfileName") {
                read::room(self.security_profiles.len(), "security profiles", limits)?;
                self.security_profiles.push(read::word(reader, "id:SecurityProfileName", limits)?);
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("id:IdentifyResponse");
        for (name, value) in [
            ("id:ProtocolVersion", &self.protocol_version),
            ("id:ProductVendor", &self.product_vendor),
            ("id:ProductVersion", &self.product_version),
        ] {
            if let Some(value) = value {
                writer.leaf(name, value);
            }
        }
        if !self.security_profiles.is_empty() {
            writer.start("id:SecurityProfiles");
            for profile in &self.security_profiles {
                writer.leaf("id:SecurityProfileName", profile);
            }
            writer.end();
        }
        writer.end();
    }
}
