//! Questions about the runspaces of a pool and their answers ([MS-PSRP] 2.2.2.6 to 2.2.2.8,
//! 2.2.2.11 and 2.2.2.31).

use windlass_clixml::{PsObject, PsValue};

use super::Payload;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::version::ProtocolVersion;

/// SET_MAX_RUNSPACES or SET_MIN_RUNSPACES, which differ in the name of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetRunspaces {
    /// SET_MAX_RUNSPACES.
    Max {
        /// The new limit.
        count: i32,
        /// The number of the question.
        call_id: i64,
    },
    /// SET_MIN_RUNSPACES.
    Min {
        /// The new limit.
        count: i32,
        /// The number of the question.
        call_id: i64,
    },
}

impl SetRunspaces {
    /// Reads the data of SET_MAX_RUNSPACES.
    ///
    /// # Errors
    /// When a property is missing, doubled or of the wrong type.
    pub fn max_from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("SET_MAX_RUNSPACES", value)?;
        Ok(Self::Max { count: fields.required("MaxRunspaces")?, call_id: fields.required("ci")? })
    }

    /// Reads the data of SET_MIN_RUNSPACES.
    ///
    /// # Errors
    /// When a property is missing, doubled or of the wrong type.
    pub fn min_from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("SET_MIN_RUNSPACES", value)?;
        Ok(Self::Min { count: fields.required("MinRunspaces")?, call_id: fields.required("ci")? })
    }

    /// The data of the message.
    pub fn to_value(self) -> PsValue {
        let (name, count, call_id) = match self {
            Self::Max { count, call_id } => ("MaxRunspaces", count, call_id),
            Self::Min { count, call_id } => ("MinRunspaces", count, call_id),
        };
        PsObject::untyped().with(name, count).with("ci", call_id).into()
    }
}

/// GET_AVAILABLE_RUNSPACES and RESET_RUNSPACE_STATE: nothing but the number of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCall {
    /// The number of the question.
    pub call_id: i64,
}

impl Payload for PoolCall {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        Ok(Self { call_id: Fields::new("question about the pool", value)?.required("ci")? })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(PsObject::untyped().with("ci", self.call_id).into())
    }
}

/// RUNSPACE_AVAILABILITY: the answer to all four questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunspaceAvailability {
    /// The number of the question.
    pub call_id: i64,
    /// The answer.
    pub answer: Availability,
}

/// What a question about the runspaces is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// Whether it was done.
    Done(bool),
    /// How many runspaces are free.
    Count(i64),
}

impl Payload for RunspaceAvailability {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        const NAME: &str = "SetMinMaxRunspacesResponse";
        let fields = Fields::new("RUNSPACE_AVAILABILITY", value)?;
        let value = fields.present(NAME)?;
        let answer = match value.unwrapped() {
            PsValue::Bool(done) => Availability::Done(*done),
            PsValue::I32(count) => Availability::Count(i64::from(*count)),
            PsValue::I64(count) => Availability::Count(*count),
            other => return Err(fields.wrong_type(NAME, "a boolean or a number", other)),
        };
        Ok(Self { call_id: fields.required("ci")?, answer })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        let answer = match self.answer {
            Availability::Done(done) => PsValue::from(done),
            // PowerShell 7 writes an I32 where it fits, which it always does.
            Availability::Count(count) => i32::try_from(count).map_or(PsValue::from(count), PsValue::from),
        };
        Ok(PsObject::untyped().with("SetMinMaxRunspacesResponse", answer).with("ci", self.call_id).into())
    }
}
