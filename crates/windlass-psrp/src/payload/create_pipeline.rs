//! CREATE_PIPELINE ([MS-PSRP] 2.2.2.10).

use windlass_clixml::{PsObject, PsValue};

use super::Payload;
use crate::enums::{ApartmentState, RemoteStreamOptions};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::host::HostInfo;
use crate::powershell::PowerShell;
use crate::version::ProtocolVersion;

/// Starts a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatePipeline {
    /// What it runs.
    pub power_shell: PowerShell,
    /// Whether it gets no input. Otherwise it waits for objects until the client ends them.
    pub no_input: bool,
    /// The COM apartment of its thread.
    pub apartment_state: ApartmentState,
    /// Which records carry where they come from.
    pub remote_stream_options: RemoteStreamOptions,
    /// Whether it goes into the session's history.
    pub add_to_history: bool,
    /// Its host.
    pub host_info: HostInfo,
    /// Whether it runs inside a pipeline that waits for it.
    pub is_nested: bool,
}

impl From<PowerShell> for CreatePipeline {
    /// As PowerShell invokes: no input, no history, the pool's host, records that say where they come from.
    fn from(power_shell: PowerShell) -> Self {
        Self {
            is_nested: power_shell.is_nested,
            power_shell,
            no_input: true,
            apartment_state: ApartmentState::Unknown,
            remote_stream_options: RemoteStreamOptions::ALL,
            add_to_history: false,
            host_info: HostInfo::of_pool(),
        }
    }
}

impl CreatePipeline {
    /// With input, which the caller sends and ends.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.no_input = false;
        self
    }
}

impl Payload for CreatePipeline {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("CREATE_PIPELINE", value)?;
        Ok(Self {
            power_shell: PowerShell::from_fields(fields.structure("PowerShell", "PowerShell")?)?,
            no_input: fields.required("NoInput")?,
            apartment_state: fields.enumeration_or("ApartmentState", ApartmentState::Unknown)?,
            remote_stream_options: fields.required("RemoteStreamOptions")?,
            add_to_history: fields.required("AddToHistory")?,
            host_info: HostInfo::from_fields(fields.structure("HostInfo", "HostInfo")?)?,
            is_nested: fields.optional("IsNested")?.unwrap_or(false),
        })
    }

    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let object = PsObject::untyped()
            .with("PowerShell", self.power_shell.to_value(version)?)
            .with("NoInput", self.no_input)
            .with("ApartmentState", self.apartment_state)
            .with("RemoteStreamOptions", self.remote_stream_options)
            .with("AddToHistory", self.add_to_history)
            .with("HostInfo", self.host_info.to_value());
        Ok(if version >= ProtocolVersion::V2_2 { object.with("IsNested", self.is_nested) } else { object }
            .into())
    }
}
