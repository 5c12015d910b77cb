//! How long each stage may take.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{Error, Stage};

tokio::task_local! {
    /// When everything that this task does now has to be over.
    static OVERALL: Deadline;
}

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

/// Does work that goes through several stages, which may take no longer than `limit` together: the one in
/// which the time is over ends with its [`Error::TimedOut`]. Work that is spawned has its own time.
pub async fn together_within<F: Future>(limit: Duration, work: F) -> F::Output {
    let end = Deadline { at: Instant::now() + limit, limit, together: true };
    OVERALL.scope(Deadline::earlier(OVERALL.try_get().ok(), end), work).await
}

/// Waits for work until the time that [`together_within`] gives is over; `None` says that it is. Outside of
/// it, waits to the end.
pub async fn in_time<F: Future>(work: F) -> Option<F::Output> {
    match OVERALL.try_get() {
        Ok(Deadline { at, .. }) => timeout_at(at, work).await.ok(),
        Err(_) => Some(work.await),
    }
}

/// A point in time, and the limit that it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
    /// Whether it is that of several stages together.
    together: bool,
}

impl Deadline {
    /// The end of a stage that has begun: its own, or that of all stages together.
    pub(crate) fn of(started: Instant, limit: Option<Duration>) -> Option<Self> {
        let overall = OVERALL.try_get().ok();
        match limit {
            Some(limit) => Some(Self::earlier(overall, Self { at: started + limit, limit, together: false })),
            None => overall,
        }
    }

    fn earlier(overall: Option<Self>, own: Self) -> Self {
        overall.filter(|overall| overall.at < own.at).unwrap_or(own)
    }

    /// What it means that the time was over in a stage.
    pub(crate) fn missed(self, stage: Stage, peer: &str) -> Error {
        let Self { limit, together, .. } = self;
        Error::TimedOut { stage, peer: peer.to_owned(), limit, together }
    }
}

/// Runs one stage under its limit.
///
/// # Errors
/// Those of the work; [`Error::TimedOut`].
pub async fn within<T>(
    stage: Stage,
    peer: &str,
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match before(Deadline::of(Instant::now(), limit), work).await {
        Ok(result) => result,
        Err(end) => Err(end.missed(stage, peer)),
    }
}

/// Does work of a stage until its end.
///
/// # Errors
/// The end that was missed.
pub(crate) async fn before<F: Future>(end: Option<Deadline>, work: F) -> Result<F::Output, Deadline> {
    match end {
        None => Ok(work.await),
        Some(end) => timeout_at(end.at, work).await.map_err(|_| end),
    }
}
