//! One error type for every session: which layer, which host, why, and what it means to a script.

use std::fmt;
use std::time::Duration;

use windlass_auth::MissingTicket;
use windlass_cim::CimStatus;
use windlass_cim::wscim::Decoder;
use windlass_core::status::Hresult;
use windlass_rpc::pdu::FaultStatus;
use windlass_soap::Fault;

/// The layer that found the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The caller's own parameters.
    Usage,
    /// The host's name.
    Resolve,
    /// The connection.
    Connect,
    /// TLS.
    Tls,
    /// Authentication and authorisation.
    Auth,
    /// HTTP.
    Http,
    /// DCE/RPC.
    Rpc,
    /// SOAP and WS-Management.
    Wsman,
    /// PowerShell remoting.
    Psrp,
    /// CIM.
    Cim,
    /// The remote command itself.
    Remote,
}

impl Layer {
    /// The layer's name, as `windlass doctor` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Resolve => "name",
            Self::Connect => "connection",
            Self::Tls => "TLS",
            Self::Auth => "authentication",
            Self::Http => "HTTP",
            Self::Rpc => "RPC",
            Self::Wsman => "WS-Management",
            Self::Psrp => "PowerShell remoting",
            Self::Cim => "CIM",
            Self::Remote => "remote command",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happened, for programs that decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Parameters that do not fit together; nothing was sent.
    Usage,
    /// The host was not reached.
    Unreachable,
    /// The host refused: authentication or authorisation.
    Refused,
    /// The host's answer is not what the protocol asks for, or the connection broke.
    Protocol,
    /// The host answered with a fault.
    Fault,
    /// The command failed on the remote side.
    Remote,
    /// It took too long.
    TimedOut,
    /// The session, pipeline or stream is closed, or was stopped by the caller.
    Closed,
}

/// What a session operation may return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a session. Small; the details are behind a box.
pub struct Error(Box<Details>);

struct Details {
    kind: ErrorKind,
    layer: Layer,
    host: String,
    /// What was being done: "opening a shell".
    doing: Option<String>,
    reason: String,
    fault: Option<Fault>,
    hresult: Option<Hresult>,
    missing_ticket: Option<MissingTicket>,
    retryable: bool,
    executed: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The layer that found the fault.
    pub fn layer(&self) -> Layer {
        self.0.layer
    }

    /// The host, as `name:port` where it was dialled, with the address that the user gave for it; empty for
    /// errors of usage.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// Why, in words, without host and layer.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The fault that the host answered with.
    pub fn fault(&self) -> Option<&Fault> {
        self.0.fault.as_ref()
    }

    /// The code of the fault as an HRESULT; Win32 codes are wrapped as `0x8007....`.
    pub fn hresult(&self) -> Option<Hresult> {
        if self.0.hresult.is_some() {
            return self.0.hresult;
        }
        let code = self.fault()?.code()?.0;
        Some(match u16::try_from(code) {
            Ok(win32) if win32 != 0 => Hresult(0x8007_0000 | u32::from(win32)),
            _ => Hresult(code),
        })
    }

    /// The status that the host's CIM provider gave, and its words.
    pub fn cim_status(&self) -> Option<(CimStatus, String)> {
        if let Some(code) = self.0.hresult {
            let words = code.message().unwrap_or_default().to_owned();
            return Some((windlass_wmi::status::cim_status(code), words));
        }
        let limits = windlass_xml::Limits::default();
        self.fault()?.details.iter().find_map(|detail| {
            let mut reader = detail.reader(limits);
            CimStatus::of_error(&Decoder::new().decode(&mut reader).ok()?)
        })
    }

    /// Whether the same operation may succeed when it is tried again a little later: the host was busy
    /// or the network failed, and the operation was not carried out.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable && !self.0.executed
    }

    /// Whether the host may have carried out the request that failed.
    pub fn may_have_executed(&self) -> bool {
        self.0.executed
    }

    /// What kept a Kerberos ticket for the host's service from the user, if that is why there was no logon.
    pub fn missing_ticket(&self) -> Option<MissingTicket> {
        self.0.missing_ticket
    }

    /// Whether the network failed, as opposed to an answer of the host.
    pub fn is_network_failure(&self) -> bool {
        matches!(self.0.layer, Layer::Resolve | Layer::Connect | Layer::Http | Layer::Rpc) && self.0.retryable
    }

    /// The exit status of a program that ends with this error: 1 the remote command failed, or the host's CIM
    /// provider did, 2 wrong usage, 3 could not connect, 4 refused, 5 protocol failure, 130 stopped.
    pub fn exit_status(&self) -> u8 {
        match self.0.kind {
            ErrorKind::Remote => 1,
            ErrorKind::Fault if self.is_of_provider() => 1,
            ErrorKind::Usage => 2,
            ErrorKind::Unreachable => 3,
            ErrorKind::Refused => 4,
            ErrorKind::Protocol | ErrorKind::Fault | ErrorKind::TimedOut => 5,
            ErrorKind::Closed => 130,
        }
    }

    /// Whether the protocol did its work and it is WMI, or another CIM server, that says no.
    fn is_of_provider(&self) -> bool {
        self.hresult().is_some_and(Hresult::is_wbem) || self.cim_status().is_some()
    }

    /// Says what was being done, where nobody closer to the fault has said it.
    #[must_use]
    pub(crate) fn while_doing(mut self, doing: &str) -> Self {
        if self.0.kind != ErrorKind::Usage {
            self.0.doing.get_or_insert_with(|| doing.to_owned());
        }
        self
    }

    /// Whether another protocol may reach the computer: nobody was there, or somebody who does not speak this
    /// one.
    pub(crate) fn suggests_another_protocol(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unreachable | ErrorKind::Protocol | ErrorKind::TimedOut)
    }

    /// The same for another who is concerned, without the source.
    pub(crate) fn again(&self) -> Self {
        let Details { doing, fault, hresult, missing_ticket, retryable, executed, .. } = &*self.0;
        let mut error = Self::build(self.0.kind, self.0.layer, &self.0.host, self.0.reason.as_str());
        error.0.doing.clone_from(doing);
        error.0.fault.clone_from(fault);
        (error.0.hresult, error.0.missing_ticket) = (*hresult, *missing_ticket);
        (error.0.retryable, error.0.executed) = (*retryable, *executed);
        error
    }

    /// Says what went wrong after this.
    #[must_use]
    pub(crate) fn and_then(mut self, next: &Self) -> Self {
        self.0.reason = format!("{}; then {next}", self.0.reason);
        self
    }

    /// Says whether trying again may help.
    #[must_use]
    pub(crate) fn retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub(crate) fn usage(reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Usage, Layer::Usage, "", reason)
    }

    /// Nobody was named who logs on.
    pub(crate) fn no_credential(host: &str) -> Self {
        let reason = format!("no credential: who logs on to {host} has to be said");
        Self::build(ErrorKind::Usage, Layer::Auth, "", reason)
    }

    pub(crate) fn protocol(layer: Layer, host: &str, reason: impl fmt::Display) -> Self {
        Self::build(ErrorKind::Protocol, layer, host, reason.to_string())
    }

    pub(crate) fn remote(host: &str, reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Remote, Layer::Remote, host, reason)
    }

    pub(crate) fn unreachable(host: &str, reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Unreachable, Layer::Connect, host, reason)
    }

    /// A program that was to lead to the host does not.
    pub(crate) fn no_way(host: &str, reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Unreachable, Layer::Psrp, host, reason)
    }

    pub(crate) fn closed(host: &str, reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Closed, Layer::Psrp, host, reason)
    }

    pub(crate) fn refused(host: &str, reason: impl Into<String>) -> Self {
        Self::build(ErrorKind::Refused, Layer::Auth, host, reason)
    }

    pub(crate) fn timed_out(layer: Layer, host: &str, what: &str, limit: Duration) -> Self {
        Self::build(ErrorKind::TimedOut, layer, host, format!("{what} took longer than {limit:?}"))
    }

    /// A result of a call over DCOM. Access denied is a refusal.
    pub(crate) fn from_hresult(host: &str, code: Hresult) -> Self {
        let refused = matches!(code, Hresult::WBEM_E_ACCESS_DENIED | Hresult::E_ACCESSDENIED);
        let (kind, layer) =
            if refused { (ErrorKind::Refused, Layer::Auth) } else { (ErrorKind::Fault, Layer::Cim) };
        let reason = match code.message() {
            Some(message) => format!("{message}: {code}"),
            None => code.to_string(),
        };
        let mut error = Self::build(kind, layer, host, reason);
        error.0.retryable = matches!(code, Hresult::WBEM_E_SERVER_TOO_BUSY | Hresult::WBEM_E_QUOTA_VIOLATION);
        error.0.hresult = Some(code);
        error
    }

    /// Whether what calls over DCOM led to is gone: the computer is not reached, or has forgotten the object.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.kind == ErrorKind::Unreachable || self.0.hresult == Some(Hresult::RPC_E_DISCONNECTED)
    }

    /// An error of an RPC connection.
    pub(crate) fn from_rpc(error: windlass_net::Error) -> Self {
        let mut built = Self::from(error);
        if built.0.layer == Layer::Http {
            built.0.layer = Layer::Rpc;
        }
        built
    }

    /// A fault of the host. Access denied is a refusal, faults of CIM belong to CIM.
    pub(crate) fn from_fault(layer: Layer, host: &str, fault: Fault) -> Self {
        let refused = fault.is(windlass_soap::FaultCode::ACCESS_DENIED)
            || fault.subcode == Some(windlass_soap::Subcode::ACCESS_DENIED);
        let (kind, layer) =
            if refused { (ErrorKind::Refused, Layer::Auth) } else { (ErrorKind::Fault, layer) };
        let mut error = Self::build(kind, layer, host, fault.to_string());
        if let Some(remedy) = fault.remedy() {
            error.0.reason = format!("{}; {}", error.0.reason, remedy.trim_end_matches('.'));
        }
        error.0.retryable = fault.code().is_some_and(|code| code.is_worth_a_retry());
        error.0.fault = Some(fault);
        error
    }

    fn build(kind: ErrorKind, layer: Layer, host: &str, reason: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            layer,
            host: host.to_owned(),
            doing: None,
            reason: reason.into(),
            fault: None,
            hresult: None,
            missing_ticket: None,
            retryable: false,
            executed: false,
            source: None,
        }))
    }
}

impl From<windlass_net::Error> for Error {
    fn from(error: windlass_net::Error) -> Self {
        use windlass_net::{Error as Net, Stage};
        let (kind, layer) = match &error {
            Net::Resolve { .. } => (ErrorKind::Unreachable, Layer::Resolve),
            Net::Connect { .. } => (ErrorKind::Unreachable, Layer::Connect),
            Net::Tls { .. } => (ErrorKind::Unreachable, Layer::Tls),
            Net::PeerSpeaksTls { .. } | Net::OtherProtocol { .. } => (ErrorKind::Unreachable, Layer::Http),
            Net::TlsOptions { .. } => (ErrorKind::Usage, Layer::Tls),
            Net::Refused { .. } | Net::RpcRefused { .. } | Net::Kdc { .. } => {
                (ErrorKind::Refused, Layer::Auth)
            }
            Net::Fault { status: FaultStatus::ACCESS_DENIED | FaultStatus::SECURITY_PACKAGE, .. } => {
                (ErrorKind::Refused, Layer::Auth)
            }
            Net::TimedOut { stage: Stage::Resolve, .. } => (ErrorKind::Unreachable, Layer::Resolve),
            Net::TimedOut { stage: Stage::Connect, .. } => (ErrorKind::Unreachable, Layer::Connect),
            Net::TimedOut { stage: Stage::Tls, .. } => (ErrorKind::Unreachable, Layer::Tls),
            Net::TimedOut { stage: Stage::Authenticate, .. } => (ErrorKind::TimedOut, Layer::Auth),
            Net::TimedOut { .. } => (ErrorKind::TimedOut, Layer::Http),
            error if error.is_failed_logon() => (ErrorKind::Protocol, Layer::Auth),
            _ => (ErrorKind::Protocol, Layer::Http),
        };
        let mut built = Self::build(kind, layer, error.peer().unwrap_or_default(), error.reason());
        built.0.retryable = error.is_network_failure() || error.is_busy();
        built.0.executed = error.may_have_executed();
        built.0.missing_ticket = error.missing_ticket();
        built.0.source = Some(Box::new(error));
        built
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &*self.0;
        if details.kind == ErrorKind::Usage {
            return f.write_str(&details.reason);
        }
        if !details.host.is_empty() {
            write!(f, "{}: ", details.host)?;
        }
        write!(f, "{}", details.layer)?;
        if let Some(doing) = &details.doing {
            write!(f, ", {doing}")?;
        }
        write!(f, ": {}", details.reason)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("layer", &self.0.layer)
            .field("message", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The reason already says what the source says: a chain of both would say it twice.
        self.0.source.as_ref().and_then(|source| source.source())
    }
}

#[cfg(test)]
mod tests {
    use windlass_soap::FaultCode;

    use super::*;

    #[test]
    fn faults_tell_kind_code_and_status() {
        let timed_out = Error::from_fault(Layer::Wsman, "srv1:5985", Fault::new(FaultCode(0x8033_8012)));
        assert_eq!((timed_out.kind(), timed_out.exit_status()), (ErrorKind::Fault, 5));
        assert_eq!(timed_out.hresult(), Some(Hresult(0x8033_8012)));
        assert!(timed_out.is_retryable());

        let denied = Error::from_fault(Layer::Wsman, "srv1:5985", Fault::access_denied());
        assert_eq!(
            (denied.kind(), denied.layer(), denied.exit_status()),
            (ErrorKind::Refused, Layer::Auth, 4)
        );
        assert_eq!(denied.hresult(), Some(Hresult::E_ACCESSDENIED));
    }

    #[test]
    fn errors_name_host_layer_and_reason() {
        let error = Error::protocol(Layer::Wsman, "srv1:5985", "no envelope").while_doing("opening a shell");
        assert_eq!(error.to_string(), "srv1:5985: WS-Management, opening a shell: no envelope");
        assert_eq!(Error::usage("port 0 is not a port").to_string(), "port 0 is not a port");
    }
}
