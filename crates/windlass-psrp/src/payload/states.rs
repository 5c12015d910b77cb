//! RUNSPACEPOOL_STATE and PIPELINE_STATE ([MS-PSRP] 2.2.2.9 and 2.2.2.21).

use windlass_clixml::{PsObject, PsValue};

use super::{ErrorRecord, Payload};
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::state::{PipelineState, PoolState};
use crate::version::ProtocolVersion;

/// The state of a pool, as its server tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolStateMessage {
    /// The state.
    pub state: PoolState,
    /// Why, where it is not as wanted.
    pub error: Option<ErrorRecord>,
}

impl Payload for PoolStateMessage {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("RUNSPACEPOOL_STATE", value)?;
        let code: i32 = fields.required("RunspaceState")?;
        let state = PoolState::from_code(code)
            .ok_or_else(|| fields.wrong_value("RunspaceState", "0 to 5", i64::from(code)))?;
        Ok(Self { state, error: reason(&fields)? })
    }

    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let code = self
            .state
            .code()
            .ok_or(PsrpError::PoolState { action: "telling the state", state: self.state })?;
        with_reason(PsObject::untyped().with("RunspaceState", code), self.error.as_ref(), version)
    }
}

/// The state of a pipeline, as its server tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineStateMessage {
    /// The state.
    pub state: PipelineState,
    /// Why, where it did not complete.
    pub error: Option<ErrorRecord>,
}

impl Payload for PipelineStateMessage {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("PIPELINE_STATE", value)?;
        let code: i32 = fields.required("PipelineState")?;
        let state = PipelineState::from_code(code)
            .ok_or_else(|| fields.wrong_value("PipelineState", "0 to 6", i64::from(code)))?;
        Ok(Self { state, error: reason(&fields)? })
    }

    fn to_value(&self, version: ProtocolVersion) -> Result<PsValue, PsrpError> {
        with_reason(
            PsObject::untyped().with("PipelineState", self.state.code()),
            self.error.as_ref(),
            version,
        )
    }
}

const REASON: &str = "ExceptionAsErrorRecord";

fn reason(fields: &Fields<'_>) -> Result<Option<ErrorRecord>, PsrpError> {
    match fields.value(REASON) {
        None | Some(PsValue::Null) => Ok(None),
        Some(value) => ErrorRecord::from_value(value).map(Some),
    }
}

fn with_reason(
    object: PsObject,
    error: Option<&ErrorRecord>,
    version: ProtocolVersion,
) -> Result<PsValue, PsrpError> {
    Ok(match error {
        Some(error) => object.with(REASON, error.to_value(version)?).into(),
        None => object.into(),
    })
}
