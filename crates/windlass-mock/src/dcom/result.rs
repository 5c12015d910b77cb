//! IWbemCallResult: the result of a call that came back at once ([MS-WMI] 3.1.4.5). This host has carried
//! the call out by then.

use windlass_core::status::Hresult;
use windlass_dcom::ObjRef;
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::stubs::{CallStatus, Given, ResultString, Timeout, result_opnum};

use super::{Call, Outcome, answer};

/// The result of a call.
pub(super) struct CallResult {
    status: Hresult,
    value: Value,
}

/// What the call gave.
pub(super) enum Value {
    /// Nothing but its status.
    Nothing,
    /// A class or an instance.
    Object(ObjRef),
    /// A path.
    Text(String),
    /// A namespace.
    Services(windlass_cim::Namespace),
}

impl CallResult {
    pub(super) fn new(outcome: Result<Value, Hresult>) -> Self {
        match outcome {
            Ok(value) => Self { status: Hresult::S_OK, value },
            Err(status) => Self { status, value: Value::Nothing },
        }
    }

    pub(super) fn call(&self, call: &Call<'_>) -> Outcome {
        let Timeout(milliseconds) = call.parameters()?;
        // Waiting would change nothing: the call is over.
        let invalid = milliseconds < -1;
        let result = if invalid { Hresult::WBEM_E_INVALID_PARAMETER } else { self.status };
        match (call.raw.opnum, &self.value) {
            (result_opnum::GET_CALL_STATUS, _) => {
                let result = if invalid { Hresult::WBEM_E_INVALID_PARAMETER } else { Hresult::S_OK };
                answer(&CallStatus { status: self.status, result })
            }
            (result_opnum::GET_RESULT_OBJECT, Value::Object(object)) if !result.is_failure() => {
                answer(&Given::from(object.clone()))
            }
            (result_opnum::GET_RESULT_STRING, Value::Text(text)) if !result.is_failure() => {
                answer(&ResultString { text: Some(text.clone()), result })
            }
            (result_opnum::GET_RESULT_SERVICES, Value::Services(namespace)) if !result.is_failure() => {
                answer(&super::login::open(call, namespace.clone()).unwrap_or_else(Given::failed))
            }
            (result_opnum::GET_RESULT_STRING, _) => {
                answer(&ResultString { text: None, result: missing(result) })
            }
            (result_opnum::GET_RESULT_OBJECT | result_opnum::GET_RESULT_SERVICES, _) => {
                answer(&Given::failed(missing(result)))
            }
            _ => Err(FaultStatus::OP_RANGE),
        }
    }
}

/// What is said of a result that the call does not have.
fn missing(result: Hresult) -> Hresult {
    if result.is_failure() { result } else { Hresult::WBEM_E_INVALID_OPERATION }
}
