//! Errors of sessions as the error records that PowerShell would write.

use windlass::{ErrorKind, Layer};
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
        ErrorKind::Usage => ErrorCategory::InvalidArgument,
        ErrorKind::Unreachable => ErrorCategory::OpenError,
        ErrorKind::Refused => ErrorCategory::PermissionDenied,
        ErrorKind::TimedOut => ErrorCategory::OperationTimeout,
        ErrorKind::Closed => ErrorCategory::OperationStopped,
        _ => ErrorCategory::ProtocolError,
    };
    let mut message = match computer {
        "" => error.to_string(),
        computer => format!("[{computer}] {error}"),
    };
    message.push_str(match (error.kind(), error.layer()) {
        (ErrorKind::Unreachable, Layer::Connect) => {
            ": does WinRM listen there, at this port? `windlass doctor` looks"
        }
        (ErrorKind::Usage, Layer::Auth) => {
            " (-Credential NAME, or WINDLASS_USER, or `credential` in the configuration file)"
        }
        _ => "",
    });
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
