//! Indications: events that a host tells of as they happen (WS-Eventing, DSP0226 10).

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use windlass_cim::{CimInstance, CimName};
use windlass_soap::EndpointReference;
use windlass_wsman::{
    Expiration, Filter, Item, Operation, Page, Pull, Renew, RenewResponse, Request, Subscribe,
    SubscribeResponse, dialect,
};

use super::objects::InstanceReader;
use super::resource::Resource;
use super::session::Shared;
use super::{classes, objects};
use crate::batches::{self, Batches, Outlet};
use crate::client::Sending;
use crate::dcom::DcomClient;
use crate::error::{Error, Layer, Result};
use crate::patience::Patience;

/// Events that one answer may hold.
const MAX_ELEMENTS: u32 = 100;
/// The shortest time between two renewals.
const LEAST_RENEWAL: Duration = Duration::from_millis(500);

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Subscription {
    query: String,
    dialect: Option<String>,
    namespace: String,
    heartbeats: Option<Duration>,
    expires: Option<Duration>,
    send_bookmarks: bool,
    bookmark: Option<String>,
}

impl Subscription {
    /// The events that a WQL query selects, such as
    /// `SELECT * FROM __InstanceCreationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Process'`.
    pub fn query(wql: &str) -> Self {
        Self {
            query: wql.to_owned(),
            dialect: None,
            namespace: String::new(),
            heartbeats: None,
            expires: None,
            send_bookmarks: false,
            bookmark: None,
        }
    }

    /// All events of an indication class and of its subclasses (`-ClassName`).
    pub fn class(name: &str) -> Self {
        Self::query(&format!("SELECT * FROM {name}"))
    }

    /// The language of the query, by its URI or as `WQL`.
    #[must_use]
    pub fn dialect(mut self, dialect: &str) -> Self {
        let is_wql = dialect.eq_ignore_ascii_case("WQL") || dialect == dialect::WQL;
        self.dialect = (!is_wql).then(|| dialect.to_owned());
        self
    }

    /// In this namespace; an empty one is that of the session.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// After how much silence the host gives a sign of life.
    #[must_use]
    pub fn heartbeats(mut self, interval: Duration) -> Self {
        self.heartbeats = Some(interval);
        self
    }

    /// How long the host keeps the subscription when it is not renewed. The session renews it in time.
    #[must_use]
    pub fn expires(mut self, after: Duration) -> Self {
        self.expires = Some(after);
        self
    }

    /// Have the host tell with each answer where a later subscription may go on: see
    /// [`EventStream::bookmark`].
    #[must_use]
    pub fn with_bookmarks(mut self) -> Self {
        self.send_bookmarks = true;
        self
    }

    /// Go on where an earlier subscription has ended.
    #[must_use]
    pub fn from_bookmark(mut self, bookmark: &str) -> Self {
        self.bookmark = Some(bookmark.to_owned());
        self.with_bookmarks()
    }

    fn filter(&self) -> Filter {
        match &self.dialect {
            None => Filter::Wql(self.query.clone()),
            Some(dialect) => Filter::Other {
                dialect: Some(dialect.clone()),
                content: windlass_xml::escape_text(&self.query).into_owned(),
            },
        }
    }
}

/// An event, and where to go on if it is the last of an answer.
type Event = (CimInstance, Option<String>);

/// Events as they happen. Dropping it ends the subscription on the host.
pub struct EventStream {
    events: Batches<Event>,
    bookmark: Option<String>,
    ended: oneshot::Receiver<()>,
}

impl EventStream {
    /// The next event. An error, or `None`, is the last thing that comes.
    pub async fn next(&mut self) -> Option<Result<CimInstance>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Where a later subscription may go on after the events that were taken from the stream, as XML;
    /// known where bookmarks were asked for and the host gives them.
    pub fn bookmark(&self) -> Option<&str> {
        self.bookmark.as_deref()
    }

    /// Ends the subscription on the host and waits until that is done.
    pub async fn close(self) {
        drop(self.events);
        // The task ends with or without a word.
        self.ended.await.ok();
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<CimInstance>>> {
        self.events.poll_next(context).map(|next| {
            next.map(|event| {
                let (instance, bookmark) = event?;
                self.bookmark = bookmark.or(self.bookmark.take());
                Ok(instance)
            })
        })
    }
}

impl futures_core::Stream for EventStream {
    type Item = Result<CimInstance>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

/// Subscribes. Whoever waits for this knows that events from now on will come.
pub(super) async fn subscribe(shared: &Arc<Shared>, subscription: Subscription) -> Result<EventStream> {
    if let Some(dcom) = &shared.dcom {
        return subscribe_over_dcom(shared, dcom, subscription).await;
    }
    let feed = Feed::new(shared, &subscription);
    let tasks = shared.tasks.clone();
    let subscribed = tasks
        .carry_through(
            async move {
                let subscribed = feed.subscribe(&subscription).await;
                subscribed.map(|live| (feed, live))
            },
            |(feed, live)| async move { feed.unsubscribe(&live).await },
        )
        .await;
    let (feed, live) = subscribed.map_err(|error| error.while_doing("subscribing to events"))?;
    let (outlet, events) = batches::channel();
    let (end, ended) = oneshot::channel();
    shared.tasks.spawn(async move {
        let outcome = feed.run(live, &outlet).await;
        if let Err(error) = outcome {
            outlet.fail(error.while_doing("waiting for events")).await;
        }
        // Nobody may wait for it.
        end.send(()).ok();
    });
    Ok(EventStream { events, bookmark: None, ended })
}

/// The same over DCOM, where a subscription is an enumeration without end: the host keeps it for as long as
/// the session pings it, and has no bookmarks.
async fn subscribe_over_dcom(
    shared: &Arc<Shared>,
    dcom: &Arc<DcomClient>,
    subscription: Subscription,
) -> Result<EventStream> {
    if subscription.bookmark.is_some() {
        return Err(Error::usage(
            "there are no bookmarks over DCOM: a subscription starts with what comes next",
        ));
    }
    let dcom = Arc::clone(dcom);
    let namespace = shared.namespace(&subscription.namespace);
    let subscribed = shared.tasks.carry_through(
        async move {
            let language = subscription.dialect.as_deref().unwrap_or("WQL");
            dcom.notifications(namespace.as_str(), language, &subscription.query).await
        },
        |notifications| async move { notifications.finish().await },
    );
    let notifications = subscribed.await.map_err(|error| error.while_doing("subscribing to events"))?;
    let (outlet, events) = batches::channel::<Event>();
    let (end, ended) = oneshot::channel();
    shared.tasks.spawn(async move {
        let outcome = loop {
            let next = tokio::select! {
                next = notifications.next() => next,
                () = outlet.abandoned() => break Ok(()),
            };
            match next {
                Ok(events) => {
                    if !outlet.send(events.into_iter().map(|event| (event, None)).collect()).await {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        notifications.finish().await;
        if let Err(error) = outcome {
            outlet.fail(error.while_doing("waiting for events")).await;
        }
        // Nobody may wait for it.
        end.send(()).ok();
    });
    Ok(EventStream { events, bookmark: None, ended })
}

/// What a subscription needs while it lives.
struct Feed {
    shared: Arc<Shared>,
    resource: Resource,
    reader: InstanceReader,
}

/// A subscription that the host has.
struct Live {
    manager: EndpointReference,
    context: String,
    /// After what time without renewal it ends.
    expires: Option<Duration>,
}

/// What one answer held.
struct Fetched {
    events: Vec<CimInstance>,
    bookmark: Option<String>,
    context: Option<String>,
    is_last: bool,
}

impl Feed {
    fn new(shared: &Arc<Shared>, subscription: &Subscription) -> Self {
        let namespace = shared.namespace(&subscription.namespace);
        Self {
            shared: Arc::clone(shared),
            resource: shared.naming().all_classes(&namespace),
            reader: InstanceReader::of_namespace(shared, namespace),
        }
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Live> {
        let mut subscribe = Subscribe::pull(subscription.filter());
        subscribe.delivery.heartbeats = subscription.heartbeats;
        subscribe.expires = subscription.expires.map(Expiration::After);
        subscribe.send_bookmarks = subscription.send_bookmarks;
        subscribe.bookmark.clone_from(&subscription.bookmark);
        let request = self.shared.request(&self.resource, Operation::Subscribe(Box::new(subscribe)));
        let response = self
            .shared
            .client
            .call(&request, Sending::ONCE, |reply| Ok(SubscribeResponse::try_from(reply)?))
            .await?;
        let expires = granted(response.expires.as_ref(), subscription.expires);
        match response.context {
            Some(context) => Ok(Live { manager: response.manager, context, expires }),
            None => {
                let reason = "the host gave no way to fetch the events";
                Err(Error::protocol(Layer::Cim, self.shared.client.host(), reason))
            }
        }
    }

    /// Fetches events until nobody wants them. Whatever happens, the subscription is ended.
    async fn run(&self, mut live: Live, outlet: &Outlet<Event>) -> Result<()> {
        let mut due = live.expires.map(|expires| Instant::now() + renewal(expires));
        let mut patience = Patience::default();
        let outcome = loop {
            let asked = Instant::now();
            let page = match self.page(&mut live, &mut due, outlet).await {
                Some(Ok(page)) => page,
                // There is no event yet.
                Some(Err(error)) if error.fault().is_some_and(windlass_soap::Fault::is_timeout) => {
                    patience.after(asked.elapsed()).await;
                    continue;
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            };
            let Fetched { mut events, bookmark, context, is_last } = page;
            if let Some(context) = context {
                live.context = context;
            }
            if self.shared.is_typed() {
                classes::attach(&self.shared, self.reader.namespace(), &mut events).await;
            }
            let mut events: Vec<Event> = events.into_iter().map(|event| (event, None)).collect();
            if let Some((_, last)) = events.last_mut() {
                *last = bookmark;
            }
            if !outlet.send(events).await {
                break Ok(());
            }
            if is_last {
                return Ok(());
            }
        };
        self.unsubscribe(&live).await;
        outcome
    }

    /// The next answer; the subscription is renewed while that is waited for. `None` when nobody wants
    /// events any more.
    async fn page(
        &self,
        live: &mut Live,
        due: &mut Option<Instant>,
        outlet: &Outlet<Event>,
    ) -> Option<Result<Fetched>> {
        let mut pull = std::pin::pin!(self.pull(live.context.clone()));
        loop {
            let at = *due;
            let renewal_due = async move {
                match at {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                page = &mut pull => return Some(page),
                () = outlet.abandoned() => return None,
                () = renewal_due => match self.renew(live).await {
                    Ok(expires) => {
                        live.expires = expires;
                        *due = expires.map(|expires| Instant::now() + renewal(expires));
                    }
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    async fn pull(&self, context: String) -> Result<Fetched> {
        let pull = Pull { context, max_elements: Some(MAX_ELEMENTS), ..Pull::default() };
        let request = self.shared.request(&self.resource, Operation::Pull(pull));
        self.shared
            .client
            .call_with_header(&request, Sending::ONCE, |header, reply| {
                let page = Page::try_from(reply)?;
                let known = self.shared.classes.of(self.reader.namespace());
                let mut decoder = self.reader.decoder(&known);
                let mut events = Vec::with_capacity(page.items.len());
                for item in &page.items {
                    if let Item::Object(xml) | Item::ObjectAndReference(xml, _) = item {
                        events.push(objects::read_item(&self.reader, &mut decoder, xml, &CimName::from(""))?);
                    }
                }
                let bookmark = header.bookmark.clone();
                Ok(Fetched { events, bookmark, context: page.context, is_last: page.end_of_sequence })
            })
            .await
    }

    /// Asks for the same time again; says what the host grants.
    async fn renew(&self, live: &Live) -> Result<Option<Duration>> {
        let renew = Renew { expires: live.expires.map(Expiration::After) };
        let request = self.to_manager(live, Operation::Renew(renew));
        // The parked Pull must not keep it waiting.
        let renewed =
            self.shared.client.call(&request, Sending::CLEAN_UP, |reply| Ok(RenewResponse::try_from(reply)?));
        Ok(granted(renewed.await?.expires.as_ref(), live.expires))
    }

    async fn unsubscribe(&self, live: &Live) {
        let request = self.to_manager(live, Operation::Unsubscribe);
        if let Err(error) = self.shared.client.call(&request, Sending::CLEAN_UP, |_| Ok(())).await {
            tracing::debug!(%error, "a subscription could not be ended");
        }
    }

    /// A request about the subscription itself: it goes to whom the host named.
    fn to_manager<'o>(&self, live: &Live, operation: Operation<'o>) -> Request<'o> {
        let mut request = self.shared.request(&self.resource, operation);
        if let Some(uri) = &live.manager.resource_uri {
            request.header.resource_uri = Some(uri.clone());
        }
        if !live.manager.selectors.is_empty() {
            request.header.selectors = live.manager.selectors.clone();
        }
        request.header.identifier.clone_from(&live.manager.identifier);
        request
    }
}

/// When a subscription of this life is renewed.
fn renewal(expires: Duration) -> Duration {
    (expires / 2).max(LEAST_RENEWAL)
}

/// What the host grants to one who asked for `asked`. A subscription of no length never expires, as
/// Windows says it.
fn granted(stated: Option<&Expiration>, asked: Option<Duration>) -> Option<Duration> {
    match stated {
        Some(Expiration::After(Duration::ZERO)) => None,
        Some(Expiration::After(granted)) => Some(*granted),
        // A date says nothing to one whose clock may differ.
        Some(Expiration::At(_)) | None => asked,
    }
}
