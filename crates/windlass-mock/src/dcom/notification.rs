//! Event queries: calls that fetch events wait for them ([MS-WMI] 3.1.4.3.22).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use windlass_cim::Namespace;
use windlass_cim::wql::Query;
use windlass_dcom::{Stub, decode_request};
use windlass_wmi::stubs::{FetchNext, Next, enumeration_opnum};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids};

use super::enumeration::Items;
use super::{Call, HostObject, identity, now};
use crate::cim::{CimFailure, EventQuery, Watch};
use crate::host::Host;
use crate::powershell::Stop;
use crate::rpc::RpcCall;

/// The events that a client has asked for.
pub(super) struct Notification {
    user: String,
    state: Arc<Mutex<State>>,
}

struct State {
    watch: Watch,
    /// What went wrong with looking for events.
    failure: Option<CimFailure>,
}

impl Notification {
    /// Begins to watch: events from now on are kept.
    pub(super) fn start(call: &Call<'_>, namespace: Namespace, query: Query) -> Result<Self, CimFailure> {
        let host = call.host;
        let query = EventQuery::new(&host.cim, &namespace, query)?;
        let watch = Watch::start(&host.cim, &host.cim_request(call.user), namespace, query, None)?;
        let state = Arc::new(Mutex::new(State { watch, failure: None }));
        Ok(Self { user: call.user.to_owned(), state })
    }

    /// The events that there are, each once. More may come when there are none.
    pub(super) fn items(&self) -> Items {
        let state = Arc::clone(&self.state);
        Box::new(std::iter::from_fn(move || {
            let mut state = lock(&state);
            match state.watch.take() {
                Some(found) => Some(Ok(WmiObject::Instance(found.event))),
                None => state.failure.take().map(Err),
            }
        }))
    }

    /// Takes note of what has happened. Says whether there are so many events, and otherwise when it is time
    /// to look again. It may block.
    fn look(&self, host: &Host, wanted: usize) -> Option<Option<Instant>> {
        let mut state = lock(&self.state);
        if let Err(failure) = state.watch.look(&host.cim, &host.cim_request(&self.user)) {
            state.failure = Some(failure);
        }
        let enough = state.failure.is_some() || state.watch.len() >= wanted;
        (!enough).then(|| state.watch.due())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Before a call that fetches events is carried out: waits until there are as many as it asks for, or its
/// time is up. All other calls go on at once.
pub(super) async fn wait(host: &Arc<Host>, call: &RpcCall) {
    let Some(Awaited { notification, count, timeout }) = awaited(host, call) else { return };
    until(host, &notification, count, timeout, &call.cancelled).await;
}

/// Waits until there are so many events, something went wrong with looking for them, the time is up, or nobody
/// waits any more.
pub(super) async fn until(
    host: &Arc<Host>,
    notification: &Arc<Notification>,
    count: usize,
    timeout: Option<Duration>,
    cancelled: &Stop,
) {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut changes = host.events.changes();
    loop {
        changes.mark_unchanged();
        let (looking, blocking) = (Arc::clone(notification), Arc::clone(host));
        // Providers may block.
        let looked = tokio::task::spawn_blocking(move || looking.look(&blocking, count)).await;
        let Ok(Some(due)) = looked else { return };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = at(due) => {}
            () = at(deadline) => return,
            () = cancelled.stopped() => return,
            () = host.stop.stopped() => return,
        }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// What a call waits for.
struct Awaited {
    notification: Arc<Notification>,
    count: usize,
    /// `None` is for ever.
    timeout: Option<Duration>,
}

/// Whether a call fetches events, and how many. What is wrong with a call is said when it is carried out.
fn awaited(host: &Host, call: &RpcCall) -> Option<Awaited> {
    let (timeout, count) = match (call.interface.uuid, call.opnum) {
        (ids::ENUM_CLASS_OBJECT, enumeration_opnum::NEXT) => {
            let next: Next = parameters(call)?;
            (next.timeout, next.count)
        }
        (ids::WCO_SMART_ENUM, enumeration_opnum::SMART_NEXT) => {
            let next: FetchNext = parameters(call)?;
            (next.timeout, next.count)
        }
        _ => return None,
    };
    if timeout < flags::INFINITE {
        return None;
    }
    let (_, owner) = identity(host, &call.caller, call.connection.local.is_none()).ok()?;
    let (object, _) = host.dcom.table().target(&owner, call.object?, now()).ok()?;
    let notification = match object.as_ref() {
        HostObject::Enumeration(enumeration) | HostObject::SmartEnumeration(enumeration) => {
            Arc::clone(enumeration.notification()?)
        }
        _ => return None,
    };
    let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
    Some(Awaited { notification, count: usize::try_from(count).unwrap_or(usize::MAX), timeout })
}

fn parameters<T: Stub>(call: &RpcCall) -> Option<T> {
    decode_request(&call.stub).ok().map(|(_, parameters)| parameters)
}
