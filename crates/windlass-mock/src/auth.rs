//! How clients may log on, and what all connections share for it.

use std::sync::Arc;

use windlass_auth::DigestAcceptor;
use windlass_auth::digest::Algorithm;

use crate::Error;

/// What the host calls the place that passwords are for.
const REALM: &str = "WSMAN";

/// Which mechanisms clients may log on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authentication {
    /// Basic: over TLS, or where unencrypted messages are allowed.
    pub basic: bool,
    /// Digest: over TLS, or where unencrypted messages are allowed.
    pub digest: bool,
    /// Negotiate: NTLM inside SPNEGO, or raw.
    pub negotiate: bool,
    /// The scheme `NTLM`.
    pub ntlm: bool,
}

impl Default for Authentication {
    /// All of them.
    fn default() -> Self {
        Self { basic: true, digest: true, negotiate: true, ntlm: true }
    }
}

impl Authentication {
    /// What [`offering`](Self::offering) knows.
    pub const NAMES: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];

    /// The mechanisms of these names, in any case, and no others. Unknown names offer nothing.
    pub fn offering<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut offered = Self { basic: false, digest: false, negotiate: false, ntlm: false };
        for name in names {
            match name.to_ascii_lowercase().as_str() {
                "basic" => offered.basic = true,
                "digest" => offered.digest = true,
                "negotiate" => offered.negotiate = true,
                "ntlm" => offered.ntlm = true,
                _ => {}
            }
        }
        offered
    }
}

/// What all connections of a host share to check logons.
pub(crate) struct Gate {
    pub(crate) digest: Arc<DigestAcceptor>,
}

impl Gate {
    pub(crate) fn new() -> Result<Self, Error> {
        let failed = |error: windlass_auth::AuthError| Error::Authentication(error.to_string());
        let algorithms = [Algorithm::Sha256, Algorithm::Md5Sess, Algorithm::Md5];
        let digest = DigestAcceptor::new(REALM, &algorithms).map_err(failed)?;
        Ok(Self { digest: Arc::new(digest) })
    }
}
