//! Errors of sessions as the error records that PowerShell would write.

use windlass_mock::powershell::{ExceptionTypes, Failure, exceptions};
use windlass_psrp::ErrorCategory;

use super::Local;
use crate::exit::Exit;

/// What PowerShell reports when a session fails.
const TRANSPORT: ExceptionTypes = &[
    "System.Management.Automation.Remoting.PSRemotingTransportException",
    "System.Management.Automation.RuntimeException",
    "System.SystemException",
    "System.Exception",
];
/// What it reports when a remote command fails.
const REMOTE: ExceptionTypes = &[
    "System.Management.Automation.RemoteException",
    "System.Management.Automation.RuntimeException",
    "System.SystemException",
    "System.Exception",
];

/// An error of a session, with what was being done as its identifier.
pub(crate) fn of_error(local: &Local, error: &windlass::Error, id: &str, computer: &str) -> Failure {
    local.note(Exit::of(error));
    let category = match error.kind() {
        windlass::ErrorKind::Usage => ErrorCategory::InvalidArgument,
        windlass::ErrorKind::Unreachable => ErrorCategory::OpenError,
        windlass::ErrorKind::Refused => ErrorCategory::PermissionDenied,
        windlass::ErrorKind::TimedOut => ErrorCategory::OperationTimeout,
        windlass::ErrorKind::Closed => ErrorCategory::OperationStopped,
        _ => ErrorCategory::ProtocolError,
    };
    let mut message = match computer {
        "" => error.to_string(),
        computer => format!("[{computer}] {error}"),
    };
    if (error.kind(), error.layer()) == (windlass::ErrorKind::Unreachable, windlass::Layer::Connect) {
        message.push_str(": does WinRM listen there, at this port? `windlass doctor` looks");
    }
    Failure::new(TRANSPORT, id, category, message).about(computer).with_bare_id()
}

/// Arguments that do not fit together: nothing was sent.
pub(crate) fn argument(local: &Local, id: &str, message: impl Into<String>) -> Box<Failure> {
    local.note(Exit::USAGE);
    Box::new(Failure::new(exceptions::ARGUMENT, id, ErrorCategory::InvalidArgument, message))
}

/// A failure of a remote command that comes without a record.
pub(crate) fn remote(local: &Local, computer: &str, message: &str) -> Failure {
    local.note(Exit::REMOTE_ERRORS);
    Failure::new(REMOTE, "RemoteFailure", ErrorCategory::NotSpecified, format!("[{computer}] {message}"))
        .about(computer)
        .with_bare_id()
}
