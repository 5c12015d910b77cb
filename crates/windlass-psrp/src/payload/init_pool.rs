//! INIT_RUNSPACEPOOL, CONNECT_RUNSPACEPOOL and RUNSPACEPOOL_INIT_DATA ([MS-PSRP] 2.2.2.2, 2.2.2.29
//! and 2.2.2.30).

use windlass_clixml::{Base, PsObject, PsString, PsValue};

use super::Payload;
use crate::enums::{ApartmentState, ThreadOptions};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::host::HostInfo;
use crate::version::ProtocolVersion;

/// Opens a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct InitRunspacePool {
    /// Fewest runspaces, at least 1.
    pub min_runspaces: i32,
    /// Most runspaces.
    pub max_runspaces: i32,
    /// Which threads run pipelines.
    pub thread_options: ThreadOptions,
    /// Their COM apartment.
    pub apartment_state: ApartmentState,
    /// What scripts find in `$PSSenderInfo.ApplicationArguments`: a dictionary or null. See
    /// [`primitive_dictionary`].
    pub application_arguments: PsValue,
    /// The client's host, which pipelines without one of their own use.
    pub host_info: HostInfo,
}

impl Payload for InitRunspacePool {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("INIT_RUNSPACEPOOL", value)?;
        Ok(Self {
            min_runspaces: fields.required("MinRunspaces")?,
            max_runspaces: fields.required("MaxRunspaces")?,
            thread_options: fields.required("PSThreadOptions")?,
            apartment_state: fields.enumeration_or("ApartmentState", ApartmentState::Unknown)?,
            application_arguments: fields.present("ApplicationArguments")?.clone(),
            host_info: HostInfo::from_fields(fields.structure("HostInfo", "HostInfo")?)?,
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(PsObject::untyped()
            .with("MinRunspaces", self.min_runspaces)
            .with("MaxRunspaces", self.max_runspaces)
            .with("PSThreadOptions", self.thread_options)
            .with("ApartmentState", self.apartment_state)
            .with("ApplicationArguments", self.application_arguments.clone())
            .with("HostInfo", self.host_info.to_value())
            .into())
    }
}

/// Opens a pool that another client left. Without limits, the pool keeps its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectRunspacePool {
    /// Fewest runspaces, where they are to be checked.
    pub min_runspaces: Option<i32>,
    /// Most runspaces, where they are to be checked.
    pub max_runspaces: Option<i32>,
}

impl Payload for ConnectRunspacePool {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        if !matches!(value, PsValue::Object(_)) {
            // A client without wishes sends an empty string.
            return Ok(Self::default());
        }
        let fields = Fields::new("CONNECT_RUNSPACEPOOL", value)?;
        Ok(Self {
            min_runspaces: fields.optional("MinRunspaces")?,
            max_runspaces: fields.optional("MaxRunspaces")?,
        })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(match (self.min_runspaces, self.max_runspaces) {
            (None, None) => PsValue::from(""),
            (min, max) => PsObject::untyped().with("MinRunspaces", min).with("MaxRunspaces", max).into(),
        })
    }
}

/// The limits of a pool that a client connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunspacePoolInitData {
    /// Fewest runspaces.
    pub min_runspaces: i32,
    /// Most runspaces.
    pub max_runspaces: i32,
}

impl Payload for RunspacePoolInitData {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("RUNSPACEPOOL_INIT_DATA", value)?;
        let (first, second) = (fields.required("MinRunspaces")?, fields.required("MaxRunspaces")?);
        // PowerShell's own server passes them the wrong way round.
        let (min_runspaces, max_runspaces) = if first <= second { (first, second) } else { (second, first) };
        Ok(Self { min_runspaces, max_runspaces })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(PsObject::untyped()
            .with("MinRunspaces", self.min_runspaces)
            .with("MaxRunspaces", self.max_runspaces)
            .into())
    }
}

/// A dictionary as application arguments and private data are: text keys, simple values, nested
/// dictionaries of the same kind ([MS-PSRP] 2.2.3.18).
pub fn primitive_dictionary<K: Into<PsString>>(entries: impl IntoIterator<Item = (K, PsValue)>) -> PsValue {
    let entries = entries.into_iter().map(|(key, value)| (PsValue::String(key.into()), value));
    PsObject::typed([
        "System.Management.Automation.PSPrimitiveDictionary",
        "System.Collections.Hashtable",
        "System.Object",
    ])
    .with_base(Base::Dictionary(entries.collect()))
    .into()
}
