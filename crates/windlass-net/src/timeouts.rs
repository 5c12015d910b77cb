//! How long each stage may take.

use std::future::Future;
use std::time::Duration;

use crate::{Error, Stage};

/// The time limits of a connection, one for each stage. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Resolving the name.
    pub resolve: Option<Duration>,
    /// Connecting, all addresses together.
    pub connect: Option<Duration>,
    /// Getting through a proxy, connecting to it included.
    pub proxy: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// The HTTP exchanges that authenticate, before a request is answered.
    pub authenticate: Option<Duration>,
}

impl Default for Timeouts {
    /// 10 s for the name, 20 s for the connection, 30 s for a proxy, 20 s for TLS, 60 s for authentication.
    fn default() -> Self {
        Self {
            resolve: Some(Duration::from_secs(10)),
            connect: Some(Duration::from_secs(20)),
            proxy: Some(Duration::from_secs(30)),
            tls: Some(Duration::from_secs(20)),
            authenticate: Some(Duration::from_secs(60)),
        }
    }
}

impl Timeouts {
    /// No stage may take longer than `limit`.
    #[must_use]
    pub fn capped(mut self, limit: Duration) -> Self {
        let Self { resolve, connect, proxy, tls, authenticate } = &mut self;
        for stage in [resolve, connect, proxy, tls, authenticate] {
            *stage = Some(stage.map_or(limit, |current| current.min(limit)));
        }
        self
    }
}

/// Runs one stage under its limit.
pub(crate) async fn within<T>(
    stage: Stage,
    peer: &str,
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match limit {
        None => work.await,
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { stage, peer: peer.to_owned(), limit }),
        },
    }
}
