//! SESSION_CAPABILITY ([MS-PSRP] 2.2.2.1).

use std::sync::Arc;

use windlass_clixml::{PsObject, PsValue, Version};

use super::Payload;
use crate::error::PsrpError;
use crate::fields::{Fields, FromProperty};
use crate::version::ProtocolVersion;

const STRUCTURE: &str = "SESSION_CAPABILITY";

/// The versions of one side.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionCapability {
    /// The protocol.
    pub protocol: ProtocolVersion,
    /// PowerShell; 2.0 since it is compared.
    pub ps_version: Version,
    /// CLIXML; 1.1.0.1 since it is compared.
    pub serialization: Version,
    /// The client's time zone as .NET Framework serializes it, which PowerShell 7 neither states nor reads.
    pub time_zone: Option<Arc<[u8]>>,
}

impl SessionCapability {
    /// What every PowerShell states, with this version of the protocol.
    pub fn new(protocol: ProtocolVersion) -> Self {
        Self {
            protocol,
            ps_version: Version::new(2, 0),
            serialization: Version::new(1, 1).with_build(0, 1),
            time_zone: None,
        }
    }

    /// The protocol that this side and the other go by.
    ///
    /// # Errors
    /// When the versions do not fit.
    pub fn agree(&self, other: &Self) -> Result<ProtocolVersion, PsrpError> {
        let pairs = [
            ("PowerShell version", self.ps_version, other.ps_version),
            ("serialization version", self.serialization, other.serialization),
        ];
        for (what, ours, theirs) in pairs {
            if ours.major() != theirs.major() {
                return Err(PsrpError::Incompatible {
                    what,
                    ours: ours.to_string(),
                    theirs: theirs.to_string(),
                });
            }
        }
        self.protocol.agree(other.protocol)
    }
}

impl Payload for SessionCapability {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new(STRUCTURE, value)?;
        let protocol: Version = fields.required("protocolversion")?;
        let number = |part: u32| i32::try_from(part).unwrap_or(i32::MAX);
        Ok(Self {
            protocol: ProtocolVersion::new(number(protocol.major()), number(protocol.minor())),
            ps_version: fields.required("PSVersion")?,
            serialization: fields.required("SerializationVersion")?,
            time_zone: fields.optional("TimeZone")?,
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let number = |part: i32| u16::try_from(part).unwrap_or_default();
        let protocol = Version::new(number(self.protocol.major), number(self.protocol.minor));
        let mut object = PsObject::untyped()
            .with("protocolversion", protocol)
            .with("PSVersion", self.ps_version)
            .with("SerializationVersion", self.serialization);
        if let Some(blob) = &self.time_zone {
            object = object.with("TimeZone", PsValue::Bytes(Arc::clone(blob)));
        }
        Ok(object.into())
    }
}

impl FromProperty for Arc<[u8]> {
    const EXPECTED: &'static str = "a byte array";

    fn from_property(value: &PsValue) -> Option<Self> {
        match value.unwrapped() {
            PsValue::Bytes(bytes) => Some(Arc::clone(bytes)),
            _ => None,
        }
    }
}
