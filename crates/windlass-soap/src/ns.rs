//! Namespaces, action URIs and the prefixes that are written for them.

/// SOAP 1.2 (`s`).
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// SOAP 1.1, recognised only to say that it is the wrong version.
pub const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// WS-Addressing, August 2004 (`a`).
pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Management (`w`).
pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// Microsoft's additions to WS-Management (`p`).
pub const WSMV: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
/// Microsoft's fault detail (`f`).
pub const WSMAN_FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";
/// WS-Management Identify (`id`).
pub const IDENTIFY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
/// WS-Enumeration (`n`).
pub const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
/// WS-Transfer (`x`).
pub const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
/// WS-Eventing (`e`).
pub const EVENTING: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing";
/// The CIM binding (`b`).
pub const CIM_BINDING: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd";
/// Common types of WS-CIM (`cim`).
pub const CIM_COMMON: &str = "http://schemas.dmtf.org/wbem/wscim/1/common";
/// Windows remote shells (`rsp`).
pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
/// PowerShell's creation and connection payloads.
pub const POWERSHELL: &str = "http://schemas.microsoft.com/powershell";
/// The configuration of the service (`cfg`).
pub const CONFIG: &str = "http://schemas.microsoft.com/wbem/wsman/1/config";
/// XML Schema instances (`xsi`).
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// What the prefix `xml` stands for.
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The address that stands for "whoever sent the request".
pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// A prefix and its namespace, to be declared on the envelope.
pub type Declaration = (&'static str, &'static str);

/// `n`: declared by operations of WS-Enumeration.
pub const DECLARE_N: Declaration = ("n", ENUMERATION);
/// `x`: declared by operations of WS-Transfer.
pub const DECLARE_X: Declaration = ("x", TRANSFER);
/// `e`: declared by operations of WS-Eventing.
pub const DECLARE_E: Declaration = ("e", EVENTING);
/// `rsp`: declared by operations on shells.
pub const DECLARE_RSP: Declaration = ("rsp", SHELL);
/// `b`: declared where the CIM binding is used.
pub const DECLARE_B: Declaration = ("b", CIM_BINDING);
/// `id`: declared by Identify.
pub const DECLARE_ID: Declaration = ("id", IDENTIFY);
/// `xsi`: declared where instances may hold nil or typed values.
pub const DECLARE_XSI: Declaration = ("xsi", XSI);

/// The actions of the standard operations. A response's action is the request's with `Response`
/// appended.
pub mod action {
    /// WS-Transfer Get.
    pub const GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
    /// WS-Transfer Put.
    pub const PUT: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put";
    /// WS-Transfer Create.
    pub const CREATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
    /// WS-Transfer Delete.
    pub const DELETE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
    /// WS-Enumeration Enumerate.
    pub const ENUMERATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
    /// WS-Enumeration Pull.
    pub const PULL: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";
    /// WS-Enumeration Release.
    pub const RELEASE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Release";
    /// WS-Eventing Subscribe.
    pub const SUBSCRIBE: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe";
    /// WS-Eventing Renew.
    pub const RENEW: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Renew";
    /// WS-Eventing Unsubscribe.
    pub const UNSUBSCRIBE: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Unsubscribe";
    /// Starts a command in a shell.
    pub const COMMAND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
    /// Sends input to a shell or a command.
    pub const SEND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send";
    /// Fetches output of a shell or a command.
    pub const RECEIVE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
    /// Signals a command.
    pub const SIGNAL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Signal";
    /// Connects to a disconnected shell or one of its commands from another client.
    pub const CONNECT: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Connect";
    /// Disconnects from a shell that lives on.
    pub const DISCONNECT: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Disconnect";
    /// Takes up a shell that the same client left.
    pub const RECONNECT: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Reconnect";

    /// Faults of WS-Addressing.
    pub const ADDRESSING_FAULT: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault";
    /// Faults of WS-Transfer.
    pub const TRANSFER_FAULT: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/fault";
    /// Faults of WS-Enumeration.
    pub const ENUMERATION_FAULT: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault";
    /// Faults of WS-Eventing.
    pub const EVENTING_FAULT: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/fault";
    /// Faults of WS-Management and of SOAP itself.
    pub const WSMAN_FAULT: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault";

    /// Whether the action announces a fault.
    pub fn is_fault(action: &str) -> bool {
        matches!(action, ADDRESSING_FAULT | TRANSFER_FAULT | ENUMERATION_FAULT | EVENTING_FAULT | WSMAN_FAULT)
    }
}
