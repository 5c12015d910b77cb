//! RUNSPACEPOOL_HOST_CALL and PIPELINE_HOST_CALL ([MS-PSRP] 2.2.2.15 and 2.2.2.27).

use windlass_clixml::{PsObject, PsValue};

use super::method::{HostMethod, HostMethodId};
use super::types::array_list;
use crate::error::PsrpError;
use crate::fields::Fields;
use crate::payload::Payload;
use crate::version::ProtocolVersion;

/// The number of a call, by which it is answered.
pub type HostCallId = i64;

/// The number of calls that are not answered.
const UNANSWERED: HostCallId = -100;

/// A call of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostCall {
    /// Its number. Calls that nobody waits for all have -100.
    pub call_id: HostCallId,
    /// What is called.
    pub method: HostMethod,
}

impl HostCall {
    /// A call; `call_id` counts only where the method is answered.
    pub fn new(call_id: HostCallId, method: HostMethod) -> Self {
        let call_id = if method.id().expects_reply() { call_id } else { UNANSWERED };
        Self { call_id, method }
    }

    /// Whether the caller waits for an answer.
    pub fn expects_reply(&self) -> bool {
        self.call_id != UNANSWERED
    }
}

impl Payload for HostCall {
    fn from_value(value: &PsValue) -> Result<Self, PsrpError> {
        let fields = Fields::new("host call", value)?;
        let id: HostMethodId = fields.required("mi")?;
        let method = HostMethod::from_arguments(id, fields.list("mp")?)?;
        Ok(Self { call_id: fields.required("ci")?, method })
    }

    fn to_value(&self, _: ProtocolVersion) -> Result<PsValue, PsrpError> {
        Ok(PsObject::untyped()
            .with("ci", self.call_id)
            .with("mi", self.method.id())
            .with("mp", array_list(self.method.arguments()))
            .into())
    }
}
