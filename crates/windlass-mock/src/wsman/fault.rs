//! CIM failures as faults.

use windlass_cim::CimStatus;
use windlass_cim::wscim::NS_XSI;
use windlass_core::status::Hresult;
use windlass_soap::{ProviderFault, WsmanFault};
use windlass_wsman::{Fault, FaultCode};
use windlass_xml::Writer;

use crate::cim::CimFailure;

/// The class of error instances in faults of WMI.
const ERROR_CLASS: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError";

/// The fault for a CIM failure: the code of WMI with its words, and the error as an instance.
pub(super) fn cim_fault(failure: &CimFailure) -> Fault {
    let code = hresult(failure.status);
    let mut fault =
        Fault::cim(failure.status.0, failure.message.as_str(), Some(error_instance(failure, code)));
    let provider = ProviderFault {
        provider: Some("WMI Provider".to_owned()),
        text: format!("{} HRESULT = 0x{:08X}", failure.message, code.0),
        ..ProviderFault::default()
    };
    fault.wsman = Some(WsmanFault {
        code: FaultCode(code.0),
        machine: None,
        // The words are the provider's: Windows never writes both, and Microsoft's own client reads but one.
        message: String::new(),
        providers: vec![provider],
    });
    fault
}

/// The code with which WMI reports a status.
fn hresult(status: CimStatus) -> Hresult {
    match status {
        CimStatus::ACCESS_DENIED => Hresult::WBEM_E_ACCESS_DENIED,
        CimStatus::INVALID_NAMESPACE => Hresult::WBEM_E_INVALID_NAMESPACE,
        CimStatus::INVALID_PARAMETER => Hresult::WBEM_E_INVALID_PARAMETER,
        CimStatus::INVALID_CLASS => Hresult::WBEM_E_INVALID_CLASS,
        CimStatus::NOT_FOUND => Hresult::WBEM_E_NOT_FOUND,
        CimStatus::NOT_SUPPORTED => Hresult::WBEM_E_NOT_SUPPORTED,
        CimStatus::ALREADY_EXISTS => Hresult::WBEM_E_ALREADY_EXISTS,
        CimStatus::NO_SUCH_PROPERTY => Hresult::WBEM_E_INVALID_PROPERTY,
        CimStatus::TYPE_MISMATCH => Hresult::WBEM_E_TYPE_MISMATCH,
        CimStatus::QUERY_LANGUAGE_NOT_SUPPORTED => Hresult::WBEM_E_INVALID_QUERY_TYPE,
        CimStatus::INVALID_QUERY => Hresult::WBEM_E_INVALID_QUERY,
        CimStatus::METHOD_NOT_AVAILABLE => Hresult::WBEM_E_METHOD_NOT_IMPLEMENTED,
        CimStatus::METHOD_NOT_FOUND => Hresult::WBEM_E_INVALID_METHOD,
        CimStatus::SERVER_LIMITS_EXCEEDED => Hresult::WBEM_E_QUOTA_VIOLATION,
        _ => Hresult::WBEM_E_FAILED,
    }
}

/// The error as `MSFT_WmiError`, from which CIM clients take status and text.
fn error_instance(failure: &CimFailure, code: Hresult) -> String {
    let mut writer = Writer::new();
    writer
        .start("p:MSFT_WmiError")
        .attr("xmlns:p", ERROR_CLASS)
        .attr("xmlns:b", "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd")
        .attr("xmlns:xsi", NS_XSI)
        .attr("xmlns:cim", "http://schemas.dmtf.org/wbem/wscim/1/common")
        .attr("xsi:type", "p:MSFT_WmiError_Type")
        .attr("b:IsCIM_Error", "true");
    let unsigned = "cim:cimUnsignedInt";
    let string = "cim:cimString";
    for (name, kind, value) in [
        ("CIMStatusCode", unsigned, Some(failure.status.0.to_string())),
        ("CIMStatusCodeDescription", string, failure.status.name().map(str::to_owned)),
        ("ErrorSource", string, None),
        ("ErrorSourceFormat", "cim:cimUnsignedShort", Some("0".to_owned())),
        ("ErrorType", "cim:cimUnsignedShort", Some("0".to_owned())),
        ("Message", string, Some(failure.message.clone())),
        ("MessageID", string, Some(format!("HRESULT 0x{:08x}", code.0))),
        ("OtherErrorSourceFormat", string, None),
        ("OtherErrorType", string, None),
        ("OwningEntity", string, None),
        ("PerceivedSeverity", "cim:cimUnsignedShort", Some("0".to_owned())),
        ("ProbableCause", "cim:cimUnsignedShort", Some("0".to_owned())),
        ("ProbableCauseDescription", string, None),
        ("error_Category", "cim:cimUnsignedShort", Some("0".to_owned())),
        ("error_Code", unsigned, Some(code.0.to_string())),
        ("error_Type", string, Some("HRESULT".to_owned())),
        ("error_WindowsErrorMessage", string, Some(failure.message.clone())),
    ] {
        writer.start(&format!("p:{name}"));
        match value {
            Some(value) => writer.attr("xsi:type", kind).text(&value),
            None => writer.attr("xsi:nil", "true"),
        };
        writer.end();
    }
    writer.end();
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_codes_of_both_worlds() {
        let fault = cim_fault(&CimFailure::new(CimStatus::INVALID_CLASS));
        assert_eq!(fault.code(), Some(FaultCode(0x8004_1010)));
        assert!(fault.details.first().is_some_and(|detail| detail.source().contains(">5</p:CIMStatusCode>")));
    }
}
