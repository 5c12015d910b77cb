//! The codes of WMI and the statuses of CIM.

use windlass_cim::CimStatus;
use windlass_core::status::Hresult;

/// Each pair: what WMI says, what CIM says. The first row with a code or status counts.
const PAIRS: &[(Hresult, CimStatus)] = &[
    (Hresult::S_OK, CimStatus::OK),
    (Hresult::WBEM_E_ACCESS_DENIED, CimStatus::ACCESS_DENIED),
    (Hresult::E_ACCESSDENIED, CimStatus::ACCESS_DENIED),
    (Hresult::WBEM_E_ENCRYPTED_CONNECTION_REQUIRED, CimStatus::ACCESS_DENIED),
    (Hresult::WBEM_E_PRIVILEGE_NOT_HELD, CimStatus::ACCESS_DENIED),
    (Hresult::WBEM_E_INVALID_NAMESPACE, CimStatus::INVALID_NAMESPACE),
    (Hresult::WBEM_E_INVALID_PARAMETER, CimStatus::INVALID_PARAMETER),
    (Hresult::WBEM_E_INVALID_OBJECT_PATH, CimStatus::INVALID_PARAMETER),
    (Hresult::WBEM_E_INVALID_OBJECT, CimStatus::INVALID_PARAMETER),
    (Hresult::WBEM_E_INVALID_METHOD_PARAMETERS, CimStatus::INVALID_PARAMETER),
    (Hresult::WBEM_E_INVALID_CLASS, CimStatus::INVALID_CLASS),
    (Hresult::WBEM_E_NOT_FOUND, CimStatus::NOT_FOUND),
    (Hresult::WBEM_E_NOT_SUPPORTED, CimStatus::NOT_SUPPORTED),
    (Hresult::WBEM_E_PROVIDER_NOT_CAPABLE, CimStatus::NOT_SUPPORTED),
    (Hresult::E_NOTIMPL, CimStatus::NOT_SUPPORTED),
    (Hresult::WBEM_E_CLASS_HAS_CHILDREN, CimStatus::CLASS_HAS_CHILDREN),
    (Hresult::WBEM_E_CLASS_HAS_INSTANCES, CimStatus::CLASS_HAS_INSTANCES),
    (Hresult::WBEM_E_INVALID_SUPERCLASS, CimStatus::INVALID_SUPERCLASS),
    (Hresult::WBEM_E_ALREADY_EXISTS, CimStatus::ALREADY_EXISTS),
    (Hresult::WBEM_E_INVALID_PROPERTY, CimStatus::NO_SUCH_PROPERTY),
    (Hresult::WBEM_E_TYPE_MISMATCH, CimStatus::TYPE_MISMATCH),
    (Hresult::WBEM_E_INVALID_QUERY_TYPE, CimStatus::QUERY_LANGUAGE_NOT_SUPPORTED),
    (Hresult::WBEM_E_INVALID_QUERY, CimStatus::INVALID_QUERY),
    (Hresult::WBEM_E_UNPARSABLE_QUERY, CimStatus::INVALID_QUERY),
    (Hresult::WBEM_E_METHOD_NOT_IMPLEMENTED, CimStatus::METHOD_NOT_AVAILABLE),
    (Hresult::WBEM_E_METHOD_DISABLED, CimStatus::METHOD_NOT_AVAILABLE),
    (Hresult::WBEM_E_INVALID_METHOD, CimStatus::METHOD_NOT_FOUND),
    (Hresult::WBEM_E_QUOTA_VIOLATION, CimStatus::SERVER_LIMITS_EXCEEDED),
    (Hresult::WBEM_E_SHUTTING_DOWN, CimStatus::SERVER_IS_SHUTTING_DOWN),
];

/// The code with which WMI reports a status.
pub fn hresult(status: CimStatus) -> Hresult {
    PAIRS.iter().find(|(_, known)| *known == status).map_or(Hresult::WBEM_E_FAILED, |(code, _)| *code)
}

/// The status that a code of WMI stands for.
pub fn cim_status(code: Hresult) -> CimStatus {
    PAIRS.iter().find(|(known, _)| *known == code).map_or(CimStatus::FAILED, |(_, status)| *status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_read_back() {
        for (code, status) in PAIRS {
            assert_eq!(cim_status(*code), *status);
            assert_eq!(cim_status(hresult(*status)), *status);
        }
        assert_eq!(cim_status(Hresult::WBEM_E_SERVER_TOO_BUSY), CimStatus::FAILED);
    }
}
