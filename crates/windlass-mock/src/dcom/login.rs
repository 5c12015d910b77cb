//! IWbemLevel1Login, IWbemLoginClientID and IWbemLoginClientIDEx ([MS-WMI] 3.1.4.1).

use uuid::Uuid;
use windlass_cim::{Namespace, parse_namespace_path};
use windlass_core::status::Hresult;
use windlass_dcom::{Nothing, ResultOnly};
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::ids;
use windlass_wmi::stubs::{
    EstablishPosition, Given, NtlmLogin, PositionEstablished, SetClientInfo, SetClientInfoEx, login_opnum,
};

use super::services::Services;
use super::{Call, HostObject, Outcome, answer};

/// Lists of locales are understood.
const LOCALE_VERSION: u32 = 1;

pub(super) fn call(call: &Call<'_>, iid: Uuid) -> Outcome {
    match (iid, call.raw.opnum) {
        (ids::LEVEL1_LOGIN, login_opnum::ESTABLISH_POSITION) => {
            call.parameters::<EstablishPosition>()?;
            answer(&PositionEstablished { locale_version: LOCALE_VERSION, result: Hresult::S_OK })
        }
        // The two older ways to log in are there for their numbers alone.
        (ids::LEVEL1_LOGIN, login_opnum::REQUEST_CHALLENGE) => {
            call.parameters::<Nothing>()?;
            answer(&Challenge)
        }
        (ids::LEVEL1_LOGIN, login_opnum::WBEM_LOGIN) => {
            call.parameters::<Nothing>()?;
            answer(&Given::failed(Hresult::E_NOTIMPL))
        }
        (ids::LEVEL1_LOGIN, login_opnum::NTLM_LOGIN) => {
            let request = call.parameters::<NtlmLogin>()?;
            answer(&log_in(call, &request).unwrap_or_else(Given::failed))
        }
        (ids::LOGIN_CLIENT_ID, login_opnum::SET_CLIENT_INFO) => {
            call.parameters::<SetClientInfo>()?;
            answer(&ResultOnly(Hresult::S_OK))
        }
        (ids::LOGIN_CLIENT_ID_EX, login_opnum::SET_CLIENT_INFO) => {
            call.parameters::<SetClientInfoEx>()?;
            answer(&ResultOnly(Hresult::S_OK))
        }
        _ => Err(FaultStatus::OP_RANGE),
    }
}

fn log_in(call: &Call<'_>, request: &NtlmLogin) -> Result<Given, Hresult> {
    if request.flags != 0 {
        return Err(Hresult::WBEM_E_INVALID_PARAMETER);
    }
    let resource = request.namespace.as_deref().ok_or(Hresult::WBEM_E_INVALID_PARAMETER)?;
    let (_, namespace) = parse_namespace_path(resource).map_err(|_| Hresult::WBEM_E_INVALID_NAMESPACE)?;
    open(call, namespace)
}

/// A namespace as an object of its own.
pub(super) fn open(call: &Call<'_>, namespace: Namespace) -> Result<Given, Hresult> {
    call.host.cim.namespace(&namespace).map_err(|failure| super::code(&failure))?;
    let services = Services::new(namespace);
    Ok(Given::from(call.export(HostObject::Services(services), ids::SERVICES)?))
}

/// The answer to RequestChallenge: 16 bytes of nothing, and that it is not supported.
struct Challenge;

impl windlass_dcom::Stub for Challenge {
    fn write(&self, writer: &mut windlass_rpc::ndr::Writer) -> Result<(), windlass_dcom::Error> {
        const NONCE: [u8; 16] = [0; 16];
        writer.conformant_count(NONCE.len());
        writer.varying_count(NONCE.len());
        writer.bytes(&NONCE);
        writer.u32(Hresult::WBEM_E_NOT_SUPPORTED.0);
        Ok(())
    }

    fn read(_reader: &mut windlass_rpc::ndr::Reader<'_>) -> Result<Self, windlass_dcom::Error> {
        Ok(Self)
    }
}
