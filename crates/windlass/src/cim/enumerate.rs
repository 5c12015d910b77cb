//! Enumerations under way: a page at a time (DSP0226 8).

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use windlass_cim::{CimClassType, CimInstance};
use windlass_wmi::wmio::WmiObject;
use windlass_wsman::{Expectation, Item, Operation, Page, Pull, Release, Response, decode_response_with};

use super::classes;
use super::enumeration::{DcomPlan, Enumeration, Plan};
use super::objects::{self, InstanceReader};
use super::session::Shared;
use crate::batches::{self, Batches, Outlet};
use crate::client::{Sending, Unreadable};
use crate::dcom::DcomClient;
use crate::error::{Error, Layer, Result};
use crate::patience::Patience;
use crate::retry::Retry;

/// How long a failed network is tried again, where the operation may take so long.
const RETRY_WINDOW: Duration = Duration::from_secs(180);

/// Answers without instances in a row after which the host is taken to be broken.
const MAX_EMPTY_PAGES: u32 = 1000;

/// Instances as they come. A caller who reads slowly makes the session ask slowly. Dropping it ends the
/// enumeration on the host.
pub struct InstanceStream {
    instances: Batches<CimInstance>,
}

impl InstanceStream {
    /// The next instance; `None` after the last. An error is the last thing that comes.
    pub async fn next(&mut self) -> Option<Result<CimInstance>> {
        self.instances.next().await
    }

    /// All instances that are left.
    ///
    /// # Errors
    /// The enumeration did not come to its end.
    pub async fn collect(mut self) -> Result<Vec<CimInstance>> {
        let mut all = Vec::new();
        while let Some(instance) = self.next().await {
            all.push(instance?);
        }
        Ok(all)
    }
}

impl futures_core::Stream for InstanceStream {
    type Item = Result<CimInstance>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.instances.poll_next(context)
    }
}

/// Instances as values of a Rust type, see [`CimSession::instances_of`](crate::CimSession::instances_of).
pub struct TypedStream<T> {
    instances: InstanceStream,
    host: String,
    made: std::marker::PhantomData<fn() -> T>,
}

impl<T: CimClassType> TypedStream<T> {
    pub(super) fn new(instances: InstanceStream, host: &str) -> Self {
        Self { instances, host: host.to_owned(), made: std::marker::PhantomData }
    }

    /// The next value; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T>> {
        let instance = self.instances.next().await?;
        Some(instance.and_then(|instance| {
            let misfit = |error| {
                let reason = format!("an instance of {} does not fit its Rust type: {error}", T::CLASS);
                Error::protocol(Layer::Cim, &self.host, reason)
            };
            T::from_instance(&instance).map_err(misfit)
        }))
    }

    /// All values that are left.
    ///
    /// # Errors
    /// The enumeration did not come to its end, or an instance does not fit the type.
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(value) = self.next().await {
            all.push(value?);
        }
        Ok(all)
    }
}

/// Starts the task that fetches the pages.
pub(super) fn start(shared: &Arc<Shared>, enumeration: Enumeration) -> InstanceStream {
    let (outlet, instances) = batches::channel();
    let shared_by_task = Arc::clone(shared);
    if let Some(dcom) = shared.dcom.clone() {
        let planned = enumeration.plan_dcom(shared);
        let count = shared.max_elements();
        shared.tasks.spawn(async move {
            let outcome = match planned {
                Ok(plan) => fetch_dcom(&shared_by_task, &dcom, plan, count, &outlet).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                outlet.fail(error.while_doing("enumerating instances")).await;
            }
        });
        return InstanceStream { instances };
    }
    shared.tasks.spawn(async move {
        let outcome = match Fetch::new(&shared_by_task, enumeration) {
            Ok(fetch) => fetch.run(&outlet).await,
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            outlet.fail(error.while_doing("enumerating instances")).await;
        }
    });
    InstanceStream { instances }
}

/// Fetches batch after batch over DCOM. Whatever happens, the host is left without the enumeration.
async fn fetch_dcom(
    shared: &Shared,
    dcom: &DcomClient,
    plan: DcomPlan,
    count: u32,
    outlet: &Outlet<CimInstance>,
) -> Result<()> {
    let base = match &plan.base {
        Some(base) => Some(classes::get(shared, &plan.namespace, base).await?),
        None => None,
    };
    let mut running = dcom.enumerate(plan.namespace.as_str(), &plan.wanted).await?;
    loop {
        let objects = match running.next(count).await {
            Ok(Some(objects)) => objects,
            Ok(None) => break,
            Err(error) => {
                // The caller does not wait for what has to be done with the host yet.
                outlet.fail(error.while_doing("enumerating instances")).await;
                break;
            }
        };
        let mut instances = Vec::with_capacity(objects.len());
        for object in objects {
            match object {
                WmiObject::Instance(instance) => instances.push(plan.finish(instance, base.as_ref())),
                WmiObject::Class(_) => {
                    running.finish().await;
                    return Err(dcom.broken("classes came for instances"));
                }
            }
        }
        if !outlet.send(instances).await {
            break;
        }
    }
    running.finish().await;
    Ok(())
}

/// One enumeration under way.
struct Fetch<'s> {
    shared: &'s Shared,
    plan: Plan,
    reader: InstanceReader,
}

/// What one answer held.
struct Fetched {
    instances: Vec<CimInstance>,
    context: Option<String>,
    is_last: bool,
    taken: Taken,
}

/// How many instances an answer held, in how many bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    items: usize,
    bytes: usize,
}

/// How many instances are asked for: as many as one answer can hold, judged by the last one.
struct Pace {
    most: usize,
    envelope: usize,
    count: usize,
}

impl Pace {
    fn new(shared: &Shared) -> Self {
        let fits = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let envelope = fits(shared.client.session().max_envelope_size);
        Self {
            most: fits(shared.max_elements().into()),
            envelope,
            count: fits(shared.first_elements().into()),
        }
    }

    fn note(&mut self, Taken { items, bytes }: Taken) {
        if let Some(size) = bytes.checked_div(items) {
            self.count = (self.envelope / size.max(1)).clamp(1, self.most);
        }
    }

    fn count(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }
}

impl<'s> Fetch<'s> {
    fn new(shared: &'s Shared, enumeration: Enumeration) -> Result<Self> {
        let plan = enumeration.plan(shared)?;
        let reader = InstanceReader::of_namespace(shared, plan.namespace.clone());
        Ok(Self { shared, plan, reader })
    }

    /// Fetches page after page. Whatever happens, the host is left without the enumeration.
    async fn run(&self, outlet: &Outlet<CimInstance>) -> Result<()> {
        let first = self.page(Operation::Enumerate(self.plan.request.clone())).await?;
        let mut context = first.context;
        let mut is_last = first.is_last;
        if !outlet.send(first.instances).await && !is_last {
            self.release(context).await;
            return Ok(());
        }
        let mut pace = Pace::new(self.shared);
        pace.note(first.taken);
        let mut empty_pages = 0;
        while !is_last {
            let Some(current) = context.clone() else {
                return Err(self.broken("the host gave neither the end nor a way to go on"));
            };
            let pull = Pull { context: current, max_elements: Some(pace.count()), ..Pull::default() };
            let page = tokio::select! {
                page = self.page(Operation::Pull(pull)) => page,
                () = outlet.abandoned() => {
                    self.release(context).await;
                    return Ok(());
                }
            };
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.release(context).await;
                    return Err(error);
                }
            };
            context = page.context.or(context);
            is_last = page.is_last;
            pace.note(page.taken);
            empty_pages = if page.instances.is_empty() { empty_pages + 1 } else { 0 };
            if empty_pages > MAX_EMPTY_PAGES {
                self.release(context).await;
                return Err(self.broken("the host goes on answering without instances"));
            }
            if !outlet.send(page.instances).await && !is_last {
                self.release(context).await;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Fetches a page. A host that needs longer to find the next instance is asked again until the time of the
    /// operation is over, and so is one that the network does not lead to for a while.
    async fn page(&self, operation: Operation<'_>) -> Result<Fetched> {
        let (begun, limit) = (Instant::now(), self.shared.operation_timeout());
        let is_first = matches!(operation, Operation::Enumerate(_));
        let mut patience = Patience::default();
        let mut retry = Retry::new(RETRY_WINDOW.min(limit));
        loop {
            let asked = Instant::now();
            let error = match self.fetch(operation.clone(), is_first).await {
                Err(error) => error,
                fetched => return fetched,
            };
            if !is_first && error.fault().is_some_and(windlass_soap::Fault::is_timeout) {
                if begun.elapsed() >= limit {
                    let host = self.shared.client.host();
                    return Err(Error::timed_out(Layer::Cim, host, "finding the next instance", limit));
                }
                patience.after(asked.elapsed()).await;
            } else if self.may_repeat(&error, is_first) && retry.allows(&error) {
                retry.pause().await;
            } else {
                return Err(error);
            }
        }
    }

    /// Whether a request that the network lost may go out again. A page that the host has given is not given
    /// twice; and where nobody ever answered, nobody will.
    fn may_repeat(&self, error: &Error, is_first: bool) -> bool {
        (is_first || !error.may_have_executed()) && self.shared.client.counts().bytes_received > 0
    }

    async fn fetch(&self, operation: Operation<'_>, repeatable: bool) -> Result<Fetched> {
        let request = self.request(operation);
        let sending = if repeatable { Sending::REPEATABLE } else { Sending::ONCE };
        let fetched = self.shared.client.call_decoding(
            &request,
            sending,
            |text| self.decode(text, &request.expectation()),
            |reply, (instances, bytes)| Self::read(Page::try_from(reply)?, instances, bytes),
        );
        let mut fetched = fetched.await?;
        if self.shared.is_typed() {
            classes::attach(self.shared, self.reader.namespace(), &mut fetched.instances).await;
        }
        Ok(fetched)
    }

    /// Reads the instances of an answer as they come by, and how many bytes they take.
    fn decode<'t>(
        &self,
        text: &'t str,
        expectation: &Expectation,
    ) -> Result<(Response<'t>, (Vec<CimInstance>, usize)), Unreadable> {
        let known = self.shared.classes.of(self.reader.namespace());
        let mut decoder = self.reader.decoder(&known).with_learned(self.shared.classes.learned());
        let (mut instances, mut bytes, mut refused) = (Vec::new(), 0, None);
        let response =
            decode_response_with(text, expectation, self.shared.client.limits(), &mut |element, reader| {
                match objects::read_element(reader, element, &mut decoder, &self.plan.class) {
                    Ok(instance) => {
                        bytes += reader.position().saturating_sub(element.offset());
                        instances.push(instance);
                        Ok(())
                    }
                    Err(error) => {
                        refused = Some(error);
                        Err(windlass_wsman::Error::Object)
                    }
                }
            });
        self.shared.classes.learn(decoder.into_learned());
        match (response, refused) {
            (_, Some(error)) => Err(error.into()),
            (response, None) => Ok((response?, (instances, bytes))),
        }
    }

    /// What an answer held, of which the instances were read before.
    fn read(page: Page<'_>, taken: Vec<CimInstance>, bytes: usize) -> Result<Fetched, Unreadable> {
        let count = Taken { items: page.items.len(), bytes };
        let mut instances = Vec::with_capacity(page.items.len());
        let mut taken = taken.into_iter();
        for item in page.items {
            match item {
                Item::Taken(None) => instances.extend(taken.next()),
                Item::Taken(Some(reference)) => instances.extend(taken.next().map(|mut instance| {
                    instance.stated_path = objects::reference_path(&reference).map(Box::new);
                    instance
                })),
                Item::Reference(reference) => {
                    instances
                        .extend(objects::reference_path(&reference).map(|path| CimInstance::of_path(&path)));
                }
                // There is none beside what was taken.
                Item::Object(_) | Item::ObjectAndReference(..) => {}
            }
        }
        Ok(Fetched { instances, context: page.context, is_last: page.end_of_sequence, taken: count })
    }

    /// Ends the enumeration on the host, ahead of all work.
    async fn release(&self, context: Option<String>) {
        let Some(context) = context else { return };
        let request = self.request(Operation::Release(Release { context }));
        if let Err(error) = self.shared.client.call(&request, Sending::CLEAN_UP, |_| Ok(())).await {
            tracing::debug!(%error, "an enumeration could not be released");
        }
    }

    fn request<'o>(&self, operation: Operation<'o>) -> windlass_wsman::Request<'o> {
        self.shared.request_at(&self.plan.uri, self.plan.selectors.clone(), operation)
    }

    fn broken(&self, reason: &str) -> Error {
        Error::protocol(Layer::Cim, self.shared.client.host(), reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_follows_the_sizes_of_answers() {
        let mut pace = Pace { most: 32_000, envelope: 500_000, count: 1000 };
        for (items, bytes, expected) in
            [(1000, 100_000, 5000), (0, 0, 5000), (10, 400_000, 12), (1, 2_000_000, 1), (1000, 1000, 32_000)]
        {
            pace.note(Taken { items, bytes });
            assert_eq!(pace.count(), expected, "{items} in {bytes}");
        }
    }
}
