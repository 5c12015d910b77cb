//! Indications: events that a host tells of as they happen (WS-Eventing, DSP0226 10).

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use windlass_cim::{CimInstance, CimName};
use windlass_soap::EndpointReference;
use windlass_wsman::{
    Expiration, Filter, Item, Operation, Page, Pull, Renew, RenewResponse, Request, Subscribe,
    SubscribeResponse,
};

use super::objects::InstanceReader;
use super::resource::Resource;
use super::session::Shared;
use super::{classes, objects};
use crate::batches::{self, Batches, Outlet};
use crate::client::{Client, Sending};
use crate::error::{Error, Layer, Result};

/// Events that one answer may hold.
const MAX_ELEMENTS: u32 = 100;

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Subscription {
    wql: String,
    namespace: String,
    heartbeats: Option<Duration>,
    expires: Option<Duration>,
}

impl Subscription {
    /// The events that a WQL query selects, such as
    /// `SELECT * FROM __InstanceCreationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Process'`.
    pub fn query(wql: &str) -> Self {
        Self { wql: wql.to_owned(), namespace: String::new(), heartbeats: None, expires: None }
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
}

/// Events as they happen. Dropping it ends the subscription on the host.
pub struct EventStream {
    events: Batches<CimInstance>,
}

impl EventStream {
    /// The next event. An error, or `None`, is the last thing that comes.
    pub async fn next(&mut self) -> Option<Result<CimInstance>> {
        self.events.next().await
    }
}

impl futures_core::Stream for EventStream {
    type Item = Result<CimInstance>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next(context)
    }
}

/// Subscribes. Whoever waits for this knows that events from now on will come.
pub(super) async fn subscribe(shared: &Arc<Shared>, subscription: Subscription) -> Result<EventStream> {
    let feed = Feed::new(shared, &subscription);
    let tasks = shared.tasks.clone();
    let subscribed = tasks
        .carry_through(
            async move {
                let subscribed = feed.subscribe(&subscription).await;
                subscribed.map(|live| (feed, live))
            },
            |subscribed| async move {
                if let Ok((feed, live)) = subscribed {
                    feed.unsubscribe(&live).await;
                }
            },
        )
        .await;
    let (feed, live) = subscribed.map_err(|error| error.while_doing("subscribing to events"))?;
    let (outlet, events) = batches::channel();
    shared.tasks.spawn(async move {
        let outcome = feed.run(live, &outlet).await;
        if let Err(error) = outcome {
            outlet.fail(error.while_doing("waiting for events")).await;
        }
    });
    Ok(EventStream { events })
}

/// What a subscription needs while it lives.
struct Feed {
    shared: Arc<Shared>,
    resource: Resource,
    reader: InstanceReader,
    expires: Option<Duration>,
}

/// A subscription that the host has.
struct Live {
    manager: EndpointReference,
    context: String,
}

impl Feed {
    fn new(shared: &Arc<Shared>, subscription: &Subscription) -> Self {
        let namespace = shared.namespace(&subscription.namespace);
        Self {
            shared: Arc::clone(shared),
            resource: Resource::all_classes(shared.options.uri_style, &namespace),
            reader: InstanceReader::of_namespace(shared, namespace),
            expires: subscription.expires,
        }
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Live> {
        let mut subscribe = Subscribe::pull(Filter::Wql(subscription.wql.clone()));
        subscribe.delivery.heartbeats = subscription.heartbeats;
        subscribe.expires = subscription.expires.map(Expiration::After);
        let request = self.request(Operation::Subscribe(Box::new(subscribe)));
        let response = self
            .shared
            .client
            .call(&request, Sending::ONCE, |reply| Ok(SubscribeResponse::try_from(reply)?))
            .await?;
        match response.context {
            Some(context) => Ok(Live { manager: response.manager, context }),
            None => {
                let reason = "the host gave no way to fetch the events";
                Err(Error::protocol(Layer::Cim, self.shared.client.host(), reason))
            }
        }
    }

    /// Fetches events until nobody wants them. Whatever happens, the subscription is ended.
    async fn run(&self, mut live: Live, outlet: &Outlet<CimInstance>) -> Result<()> {
        let mut renewal = self.expires.map(|expires| {
            tokio::time::interval_at(
                tokio::time::Instant::now() + expires / 2,
                (expires / 2).max(Duration::from_secs(1)),
            )
        });
        let outcome = loop {
            let due = async {
                match &mut renewal {
                    Some(renewal) => {
                        renewal.tick().await;
                    }
                    None => std::future::pending().await,
                }
            };
            let page = tokio::select! {
                page = self.pull(&live.context) => page,
                () = outlet.abandoned() => break Ok(()),
                () = due => {
                    match self.renew(&live).await {
                        Ok(()) => continue,
                        Err(error) => break Err(error),
                    }
                }
            };
            let (mut events, context, is_last) = match page {
                Ok(page) => page,
                Err(error) if error.fault().is_some_and(windlass_soap::Fault::is_timeout) => continue,
                Err(error) => break Err(error),
            };
            if let Some(context) = context {
                live.context = context;
            }
            if self.shared.options.typed {
                classes::attach(&self.shared, self.reader.namespace(), &mut events).await;
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

    async fn pull(&self, context: &str) -> Result<(Vec<CimInstance>, Option<String>, bool)> {
        let pull = Pull { context: context.to_owned(), max_elements: Some(MAX_ELEMENTS), ..Pull::default() };
        let request = self.request(Operation::Pull(pull));
        self.shared
            .client
            .call(&request, Sending::ONCE, |reply| {
                let page = Page::try_from(reply)?;
                let known = self.shared.classes.of(self.reader.namespace());
                let mut decoder = self.reader.decoder(&known);
                let mut events = Vec::with_capacity(page.items.len());
                for item in &page.items {
                    if let Item::Object(xml) | Item::ObjectAndReference(xml, _) = item {
                        events.push(objects::read_item(&self.reader, &mut decoder, xml, &CimName::from(""))?);
                    }
                }
                Ok((events, page.context, page.end_of_sequence))
            })
            .await
    }

    async fn renew(&self, live: &Live) -> Result<()> {
        let renew = Renew { expires: self.expires.map(Expiration::After) };
        let request = self.to_manager(live, Operation::Renew(renew));
        let renewed = self
            .shared
            .client
            .call(&request, Sending::REPEATABLE, |reply| Ok(RenewResponse::try_from(reply)?));
        renewed.await.map(|_| ())
    }

    async fn unsubscribe(&self, live: &Live) {
        let request = self.to_manager(live, Operation::Unsubscribe);
        if let Err(error) = self.shared.client.call(&request, Sending::CLEAN_UP, |_| Ok(())).await {
            tracing::debug!(%error, "a subscription could not be ended");
        }
    }

    fn request<'o>(&self, operation: Operation<'o>) -> Request<'o> {
        let session = self.shared.client.session();
        let uri = self.resource.uri.to_string();
        session.request(&uri, self.resource.selectors.clone(), Client::new_id(), operation)
    }

    /// A request about the subscription itself: it goes to whom the host named.
    fn to_manager<'o>(&self, live: &Live, operation: Operation<'o>) -> Request<'o> {
        let mut request = self.request(operation);
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
