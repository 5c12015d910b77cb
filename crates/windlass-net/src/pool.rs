//! The connections of one session.
//!
//! A request takes an idle connection, or opens one where all are at work, so that nothing waits behind
//! a Receive that is parked at the server. Requests that follow each other use one connection alone:
//! each connection costs its own authentication.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use windlass_http::{HttpError, Response};

use crate::{Connection, Connector, Counts, Endpoint, Error, Gate};

/// Which connections a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lane {
    /// Work: at most [`PoolOptions::max_connections`] at a time, further requests wait.
    #[default]
    Work,
    /// Clean-up: never waits behind work.
    CleanUp,
}

/// Whether a request may reach the peer twice.
///
/// A connection that breaks leaves open what the peer did with a request that was on its way. The answers of a
/// peer that forgot the security context, an empty 400 or a new 401, say that it did nothing; but over plain
/// HTTP they are not sealed, so that whoever sits in between can write them in place of the real answer and
/// have the request carried out twice. They are therefore believed only where a second time does no harm, and
/// over TLS. What may come only once does not go out over a sealed connection that has been idle for 20 s,
/// since a peer forgets contexts that are idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repetition {
    /// It changes something: it goes out again only if the peer certainly did not get it.
    #[default]
    Never,
    /// The peer refuses it where it has carried it out already, by an id in it: it goes out again where the
    /// peer says that it did nothing.
    Refused,
    /// It does no harm: it goes out again whatever happened to the first.
    Harmless,
}

/// How long a sealed connection may have been idle that carries a request which must not come twice.
const FRESH: Duration = Duration::from_secs(20);

/// One request of a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The plaintext.
    pub body: Bytes,
    /// Its media type.
    pub content_type: &'static str,
    /// How long the answer may take once the request is on its way, and its gate open.
    pub limit: Option<Duration>,
    /// Whether it may reach the peer twice.
    pub repetition: Repetition,
    /// Which connections it may take.
    pub lane: Lane,
    /// What holds its last bytes back, if anything does.
    pub gate: Option<Gate>,
}

impl Request {
    /// A request for work that must not be carried out twice.
    pub fn new(body: impl Into<Bytes>, content_type: &'static str) -> Self {
        let (repetition, lane) = (Repetition::Never, Lane::Work);
        Self { body: body.into(), content_type, limit: None, repetition, lane, gate: None }
    }
}

/// The limits of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The number of connections at work at a time.
    pub max_connections: usize,
    /// The number of idle connections that are kept.
    pub max_idle: usize,
    /// Idle connections older than this are not used again: the peer may be about to close them.
    pub max_idle_time: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { max_connections: 128, max_idle: 8, max_idle_time: Duration::from_secs(60) }
    }
}

/// Connections to one endpoint as one user. Cheap to clone.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    /// Changes when the server redirects.
    connector: Mutex<Connector>,
    /// Where the session was opened to: what errors and counts go by.
    origin: Connector,
    options: PoolOptions,
    idle: Mutex<Vec<Connection>>,
    work: Semaphore,
}

impl Pool {
    /// A pool without connections: the first request opens one.
    pub fn new(connector: Connector, options: PoolOptions) -> Self {
        let work = Semaphore::new(options.max_connections.clamp(1, Semaphore::MAX_PERMITS));
        let origin = connector.clone();
        let connector = Mutex::new(connector);
        Self { shared: Arc::new(Shared { connector, origin, options, idle: Mutex::default(), work }) }
    }

    /// Where the connections lead.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.origin.options().endpoint
    }

    /// What errors call the peer: `host:port` with the address that stands for them, if the user gave one; the
    /// host alone where the connections are none of TCP.
    pub fn peer(&self) -> String {
        self.shared.origin.peer()
    }

    /// What the connections carried until now.
    pub fn counts(&self) -> Counts {
        self.shared.origin.counters().snapshot()
    }

    /// Sends a request and waits for the answer. A request is sent again, once, on a new connection if
    /// the first was lost and it is certain that the peer did not carry it out, or it may do so twice; and
    /// it follows redirections as far as they are allowed, logging on afresh at each place.
    ///
    /// # Errors
    /// What failed. Dropping the future closes the connection that it uses.
    pub async fn request(&self, request: Request) -> Result<Response, Error> {
        let _permit = self.admit(request.lane).await;
        let mut followed = 0;
        loop {
            let connector = self.connector();
            let location = match self.attempt(&connector, &request).await {
                Err(Error::Http { source: HttpError::Redirect { location, .. }, .. }) => location,
                other => return other,
            };
            self.follow_from(&connector, &location, followed)?;
            followed += 1;
        }
    }

    /// Goes to where the service sends its client in the body of an answer, `followed` times already for
    /// the same request: further connections lead there, and log on afresh.
    ///
    /// # Errors
    /// Redirections are not allowed or too many, or the place is none or less safe than this one.
    pub fn follow(&self, location: &str, followed: u32) -> Result<(), Error> {
        self.follow_from(&self.connector(), location, followed)
    }

    fn follow_from(&self, connector: &Connector, location: &str, followed: u32) -> Result<(), Error> {
        let limit = connector.options().max_redirections;
        if followed >= limit {
            let reason = if limit == 0 { "redirections are not allowed" } else { "too many redirections" };
            let (peer, location) = (connector.options().endpoint.authority(), location.to_owned());
            return Err(Error::Redirect { peer, location, reason });
        }
        let next = connector.redirected(location)?;
        *self.shared.connector.lock().unwrap_or_else(PoisonError::into_inner) = next;
        self.close_idle();
        Ok(())
    }

    async fn attempt(&self, connector: &Connector, request: &Request) -> Result<Response, Error> {
        let fresh = request.repetition == Repetition::Never && connector.options().seals();
        let mut connection = match self.idle_connection(fresh).await {
            Some(connection) => connection,
            // In a box: only the wait for an answer stays in memory for long.
            None => Box::pin(connector.connect()).await?,
        };
        let first = connection.request(request).await;
        connector.learn_from(&connection);
        let response = match first {
            Err(error) if worth_repeating(&error, request.repetition) => {
                tracing::debug!(%error, "the connection was lost; the request goes out again on a new one");
                connection = Box::pin(connector.connect()).await?;
                let second = connection.request(request).await;
                connector.learn_from(&connection);
                second?
            }
            other => other?,
        };
        self.put_back(connection).await;
        Ok(response)
    }

    /// Makes sure that a connection is idle and logged on as far as it can be without a request, so that one
    /// that must not wait takes a single round trip.
    ///
    /// # Errors
    /// What failed. Nothing was executed.
    pub async fn prepare(&self) -> Result<(), Error> {
        let spare = match self.idle_connection(false).await {
            Some(connection) => connection,
            None => {
                let mut connection = Box::pin(self.connector().connect()).await?;
                connection.prepare().await?;
                connection
            }
        };
        self.put_back(spare).await;
        Ok(())
    }

    fn connector(&self) -> Connector {
        self.shared.connector.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes the connections that are idle.
    pub fn close_idle(&self) {
        self.idle().clear();
    }

    async fn admit(&self, lane: Lane) -> Option<SemaphorePermit<'_>> {
        match lane {
            // The semaphore is never closed.
            Lane::Work => self.shared.work.acquire().await.ok(),
            Lane::CleanUp => None,
        }
    }

    /// The connection used last, so that the others grow old and are closed; if `fresh`, one whose security
    /// context the peer has had no time to forget.
    async fn idle_connection(&self, fresh: bool) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            let idle = connection.idle_for();
            let forgotten = fresh && connection.has_context() && idle >= FRESH;
            if idle < self.shared.options.max_idle_time && !forgotten && connection.is_usable().await {
                return Some(connection);
            }
        }
    }

    async fn put_back(&self, mut connection: Connection) {
        if connection.is_usable().await {
            let mut idle = self.idle();
            idle.retain(|other| other.idle_for() < self.shared.options.max_idle_time);
            if idle.len() < self.shared.options.max_idle {
                idle.push(connection);
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn worth_repeating(error: &Error, repetition: Repetition) -> bool {
    matches!(error, Error::Lost { executed, .. } if repetition == Repetition::Harmless || !executed)
}
