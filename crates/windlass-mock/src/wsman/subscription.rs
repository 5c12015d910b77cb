//! Subscriptions: Subscribe, Pull, Renew, Unsubscribe (WS-Eventing with DSP0226 10, pull delivery).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;
use windlass_cim::{CimStatus, wql};
use windlass_wsman::{
    Bookmark, EndpointReference, Expiration, Fault, FaultCode, Filter, Header, Item, Page, Pull, Renew,
    RenewResponse, Reply, Subscribe, SubscribeResponse, delivery_mode,
};

use super::cim::{Target, blocking, render};
use super::enumeration::{ENVELOPE_OVERHEAD, Rendered};
use super::fault::cim_fault;
use super::{Caller, Outcome, reply, reply_with};
use crate::cim::{CimFailure, EventQuery, Watch};
use crate::host::Host;
use crate::powershell::Stop;

/// A life longer than that counts as one without end.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Most events of one answer, whatever the client asks for.
const MOST_EVENTS: usize = 1000;

/// The subscriptions that were not ended, by their identifiers.
#[derive(Default)]
pub(crate) struct Subscriptions {
    open: Mutex<HashMap<String, Arc<Subscription>>>,
}

/// A subscription.
pub(crate) struct Subscription {
    id: String,
    context: String,
    /// The user's name, without a domain.
    owner: String,
    target: Target,
    projected: bool,
    heartbeats: Option<Duration>,
    bookmarks: bool,
    life: Mutex<Life>,
    watch: Arc<tokio::sync::Mutex<Watch>>,
    ended: Stop,
}

struct Life {
    expires: Option<Instant>,
    last_used: Instant,
}

impl Subscriptions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Subscription>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Ends those whose time is over, and those that nobody has pulled for too long.
    pub(crate) fn expire(&self, unused: Duration) {
        let now = Instant::now();
        self.lock().retain(|_, subscription| {
            let alive = !subscription.life().is_over(now, unused);
            if !alive {
                subscription.ended.stop();
            }
            alive
        });
    }

    /// Ends all.
    pub(crate) fn clear(&self) {
        for (_, subscription) in self.lock().drain() {
            subscription.ended.stop();
        }
    }

    /// Ends one.
    pub(super) fn end(&self, subscription: &Subscription) {
        self.lock().remove(&subscription.id);
        subscription.ended.stop();
    }

    /// The caller's subscription with this context.
    pub(super) fn of_context(&self, context: &str, caller: &Caller) -> Option<Arc<Subscription>> {
        let all = self.lock();
        let found = all.values().find(|known| known.context == context && known.is_of(caller));
        found.filter(|known| !known.life().has_expired()).cloned()
    }

    /// The caller's subscription that a header names.
    fn named(&self, header: &Header, caller: &Caller) -> Result<Arc<Subscription>, Box<Fault>> {
        let id = header.identifier.as_deref().unwrap_or_default();
        let found = self.lock().get(id).filter(|known| known.is_of(caller)).cloned();
        found
            .filter(|known| !known.life().has_expired())
            .ok_or_else(|| Box::new(Fault::new(FaultCode::SUBSCRIPTION_CLOSED)))
    }

    fn add(&self, subscription: Subscription, most: usize) -> Result<(), Box<Fault>> {
        let mut all = self.lock();
        if all.values().filter(|known| known.owner == subscription.owner).count() >= most {
            let text = format!("The user has as many subscriptions as are allowed ({most}).");
            return Err(Box::new(Fault::quota(FaultCode::QUOTA_MAX_OPERATIONS, text)));
        }
        all.insert(subscription.id.clone(), Arc::new(subscription));
        Ok(())
    }
}

impl Subscription {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.owner == caller.owner
    }
}

impl Life {
    fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| expires <= Instant::now())
    }

    fn is_over(&self, now: Instant, unused: Duration) -> bool {
        match self.expires {
            Some(expires) => expires <= now,
            None => now.duration_since(self.last_used) > unused,
        }
    }
}

/// Starts a subscription.
pub(super) async fn subscribe(
    host: &Arc<Host>,
    header: &Header,
    target: Target,
    request: Subscribe,
    caller: &Caller,
) -> Outcome {
    if request.delivery.mode.as_deref() != Some(delivery_mode::PULL) {
        return Err(Box::new(Fault::delivery_mode_unavailable()));
    }
    let query = query(&target, &request)?;
    let granted = granted(request.expires.as_ref())?;
    let after = request.bookmark.as_deref().map(record).transpose()?;
    let user = target.user.clone();
    let namespace = target.namespace.clone();
    let (watch, projected) = blocking(host, &user, move |host, cim| {
        let query = EventQuery::new(&host.cim, &namespace, query)?;
        let projected = query.projected;
        Ok((Watch::start(&host.cim, cim, namespace, query, after)?, projected))
    })
    .await?;
    let id = super::shells::upper(Uuid::new_v4());
    let context = format!("uuid:{}", super::shells::upper(Uuid::new_v4()));
    let now = Instant::now();
    let subscription = Subscription {
        id: id.clone(),
        context: context.clone(),
        owner: caller.owner.clone(),
        target,
        projected,
        heartbeats: request.delivery.heartbeats.filter(|interval| !interval.is_zero()),
        bookmarks: request.send_bookmarks,
        life: Mutex::new(Life { expires: granted.map(|life| now + life), last_used: now }),
        watch: Arc::new(tokio::sync::Mutex::new(watch)),
        ended: Stop::default(),
    };
    host.subscriptions.add(subscription, host.config.limits.subscriptions_per_user)?;
    let manager = EndpointReference {
        address: header.to.clone().unwrap_or_default(),
        resource_uri: header.resource_uri.clone(),
        selectors: header.selectors.clone(),
        identifier: Some(id),
    };
    let response = SubscribeResponse { manager, expires: Some(stated(granted)), context: Some(context) };
    Ok(reply(header, Reply::Subscribe(Box::new(response))))
}

/// The query of a subscription: its filter, or all events of the class that the URI names.
fn query(target: &Target, request: &Subscribe) -> Result<wql::Query, Box<Fault>> {
    let text = match (&request.filter, &target.uri.class) {
        (Some(Filter::Wql(text)), _) => text.clone(),
        (Some(_), _) => {
            return Err(Box::new(Fault::new(FaultCode::EVENTING_FILTERING_REQUESTED_UNAVAILABLE)));
        }
        (None, Some(class)) => format!("SELECT * FROM {class}"),
        (None, None) => {
            return Err(Box::new(Fault::cannot_process_filter(
                "A subscription to all classes needs a filter.",
            )));
        }
    };
    wql::parse(&text).map_err(|error| {
        let failure = CimFailure::new(CimStatus::INVALID_QUERY);
        Box::new(cim_fault(&failure.because(format!("The query is not valid: {error}."))))
    })
}

/// How long a subscription lives that is not renewed; `None` for ever.
fn granted(asked: Option<&Expiration>) -> Result<Option<Duration>, Box<Fault>> {
    match asked {
        None => Ok(None),
        Some(Expiration::After(Duration::ZERO)) => {
            Err(Box::new(Fault::new(FaultCode::EVENTING_INVALID_EXPIRATION_TIME)))
        }
        Some(Expiration::After(life)) => Ok(Some(*life).filter(|life| *life < FOR_EVER)),
        Some(Expiration::At(_)) => Err(Box::new(Fault::new(FaultCode::EVENTING_UNSUPPORTED_EXPIRATION_TYPE))),
    }
}

/// The life of a subscription as Windows states it: none means that it does not end.
fn stated(granted: Option<Duration>) -> Expiration {
    Expiration::After(granted.unwrap_or_default())
}

/// Gives the next events, or waits for them.
pub(super) async fn pull(
    host: &Arc<Host>,
    header: &Header,
    request: &Pull,
    subscription: Arc<Subscription>,
    caller: &Caller,
) -> Outcome {
    subscription.life().last_used = Instant::now();
    let deadline = match request.max_time {
        Some(time) => caller.deadline.min(Instant::now() + time),
        None => caller.deadline,
    };
    let silence = subscription.heartbeats.map(|interval| Instant::now() + interval);
    let mut changes = host.events.changes();
    let locked = tokio::time::timeout_at(deadline, Arc::clone(&subscription.watch).lock_owned());
    let mut watch = locked.await.map_err(|_| Box::new(Fault::timed_out()))?;
    loop {
        changes.mark_unchanged();
        watch = look(host, &subscription, watch).await?;
        if !watch.is_empty() {
            return deliver(header, request, &subscription, &mut watch, caller);
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return Err(super::aborted()) },
            () = at(watch.due()) => {}
            () = at(silence) => return Ok(page(header, request, Vec::new(), None)),
            () = sleep_until(deadline) => return Err(Box::new(Fault::timed_out())),
            () = subscription.ended.stopped() => return Err(Box::new(Fault::new(FaultCode::SUBSCRIPTION_CLOSED))),
            () = host.stop.stopped() => return Err(super::aborted()),
        }
        subscription.life().last_used = Instant::now();
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn look(
    host: &Arc<Host>,
    subscription: &Subscription,
    mut watch: OwnedMutexGuard<Watch>,
) -> Result<OwnedMutexGuard<Watch>, Box<Fault>> {
    blocking(host, &subscription.target.user.clone(), move |host, request| {
        watch.look(&host.cim, request)?;
        Ok(watch)
    })
    .await
}

/// Answers with as many events as were asked for and fit.
fn deliver(
    header: &Header,
    request: &Pull,
    subscription: &Subscription,
    watch: &mut Watch,
    caller: &Caller,
) -> Outcome {
    let count = usize::try_from(request.max_elements.unwrap_or(1)).unwrap_or(MOST_EVENTS);
    let mut room = caller.envelope.saturating_sub(ENVELOPE_OVERHEAD);
    let mut items = Vec::new();
    let mut last = None;
    while items.len() < count.clamp(1, MOST_EVENTS) {
        let Some(found) = watch.take() else { break };
        let mode = windlass_wsman::EnumerationMode::Object;
        let rendered = render(&subscription.target, &found.event, mode, subscription.projected)?;
        if rendered.size() > room {
            if items.is_empty() {
                return Err(Box::new(Fault::encoding_limit()));
            }
            watch.put_back(found);
            break;
        }
        room -= rendered.size();
        last = found.number.or(last);
        items.push(rendered);
    }
    let bookmark = last.filter(|_| subscription.bookmarks).map(|record| {
        let channel = subscription.target.namespace.as_str().to_owned();
        Bookmark::Record { channel, record }.to_string()
    });
    Ok(page(header, request, items, bookmark))
}

fn page(header: &Header, request: &Pull, items: Vec<Rendered>, bookmark: Option<String>) -> super::Owned {
    let items: Vec<Item<'static>> = items.into_iter().map(Rendered::into_item).collect();
    let page = Page { context: Some(request.context.clone()), items, end_of_sequence: false, expires: None };
    reply_with(header, Reply::Pull(page), |header| header.bookmark = bookmark)
}

/// The number of the event that a bookmark stands for.
fn record(bookmark: &str) -> Result<u64, Box<Fault>> {
    match Bookmark::parse(bookmark) {
        Some(Bookmark::Earliest) => Ok(0),
        Some(Bookmark::Record { record, .. }) => Ok(record),
        _ => Err(Box::new(Fault::new(FaultCode::INVALID_BOOKMARK))),
    }
}

/// Gives a subscription a longer life.
pub(super) fn renew(host: &Host, header: &Header, request: &Renew, caller: &Caller) -> Outcome {
    let subscription = host.subscriptions.named(header, caller)?;
    let granted = granted(request.expires.as_ref())?;
    let now = Instant::now();
    *subscription.life() = Life { expires: granted.map(|life| now + life), last_used: now };
    Ok(reply(header, Reply::Renew(RenewResponse { expires: Some(stated(granted)) })))
}

/// Ends a subscription.
pub(super) fn unsubscribe(host: &Host, header: &Header, caller: &Caller) -> Outcome {
    let subscription = host.subscriptions.named(header, caller)?;
    host.subscriptions.end(&subscription);
    Ok(reply(header, Reply::Unsubscribe))
}
