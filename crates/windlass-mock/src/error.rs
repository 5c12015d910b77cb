//! Why a host could not be started.

/// Why a host could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// TLS could not be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Logons cannot be checked.
    #[error("cannot set up authentication: {0}")]
    Authentication(String),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The directory of files to copy cannot be used.
    #[error("cannot use the directory {path}: {source}")]
    Files {
        /// The directory.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// An account that a program shall run as does not exist.
    #[error("there is no account '{0}' on this computer: a name in /etc/passwd or UID:GID is expected")]
    Account(String),
    /// A scenario was refused: where, and why.
    #[error("scenario {0}")]
    Scenario(String),
    /// A text that names no trouble.
    #[error("trouble '{text}': {reason}")]
    Trouble {
        /// The text.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The classes of a CIM provider cannot be used.
    #[error("CIM classes: {0}")]
    Cim(#[from] windlass_cim::Error),
}
