//! Enumerations over DCOM: batches, or packets of many instances with their class once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use windlass_cim::Namespace;
use windlass_core::status::Hresult;
use windlass_dcom::{Nothing, Stub};
use windlass_wmi::array::ClassCache;
use windlass_wmi::stubs::{
    Enumerate, FetchNext, FetchedNext, Given, Next, NextObjects, Query, enumeration_opnum, services_opnum,
};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids, object};

use super::exporter::{Exporter, Method};
use super::{CallOptions, DcomClient};
use crate::error::{Error, Layer, Result};

/// How long the server may look for objects before it says that it has none yet.
const WAIT: Duration = Duration::from_secs(10);
/// How much longer than the time of the operation the last answer may take.
const GRACE: Duration = Duration::from_secs(2);

/// What is to be enumerated.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// The instances of a class.
    Instances { class: String, shallow: bool },
    /// Classes, all or those below one.
    Classes,
    /// What a query gives.
    Query { language: String, text: String },
    /// The classes that a query in WQL gives, with their texts.
    ClassQuery { text: String },
}

/// An enumeration that the server holds.
pub(crate) struct Running {
    client: DcomClient,
    exporter: Arc<Exporter>,
    ipid: Uuid,
    smart: Smart,
    is_over: bool,
    /// Interfaces that were obtained on the way.
    others: Vec<Uuid>,
}

enum Smart {
    /// Not asked for yet.
    Unknown,
    /// The server does not have it, or the caller does not want it.
    No,
    Yes {
        ipid: Uuid,
        proxy: Uuid,
        classes: ClassCache,
    },
}

impl DcomClient {
    /// Starts an enumeration.
    pub(crate) async fn enumerate(&self, namespace: &str, wanted: &Wanted) -> Result<Running> {
        let flags = flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY;
        let context = self.context(None).map(|context| context.marshal());
        let started = match wanted {
            Wanted::Instances { class, shallow } => {
                let flags = if *shallow { flags | flags::SHALLOW } else { flags };
                let request = Enumerate { class: Some(class.clone()), flags, context };
                self.obtain(namespace, services_opnum::CREATE_INSTANCE_ENUM, &request).await
            }
            Wanted::Classes => {
                let flags = flags | flags::USE_AMENDED_QUALIFIERS;
                let request = Enumerate { class: Some(String::new()), flags, context };
                self.obtain(namespace, services_opnum::CREATE_CLASS_ENUM, &request).await
            }
            Wanted::Query { language, text } => {
                let (language, query) = (Some(language.clone()), Some(text.clone()));
                let request = Query { language, query, flags, context };
                self.obtain(namespace, services_opnum::EXEC_QUERY, &request).await
            }
            Wanted::ClassQuery { text } => {
                let (language, query) = (Some("WQL".to_owned()), Some(text.clone()));
                let flags = flags | flags::USE_AMENDED_QUALIFIERS;
                let request = Query { language, query, flags, context };
                self.obtain(namespace, services_opnum::EXEC_QUERY, &request).await
            }
        };
        let (exporter, ipid) = started.map_err(|error| error.while_doing("starting the enumeration"))?;
        let smart = if self.core.setup.options.smart_enumeration { Smart::Unknown } else { Smart::No };
        let client = self.with(CallOptions::default());
        Ok(Running { client, exporter, ipid, smart, is_over: false, others: Vec::new() })
    }

    /// Calls a method of a namespace that gives an interface.
    pub(super) async fn obtain<Q: Stub>(
        &self,
        namespace: &str,
        opnum: u16,
        request: &Q,
    ) -> Result<(Arc<Exporter>, Uuid)> {
        let (exporter, given): (_, Given) =
            self.services_call(&Namespace::new(namespace), opnum, request).await?;
        let reference = exporter.given(given)?;
        self.adopt(&exporter, &reference).await
    }
}

impl Running {
    /// The next objects, at most so many; `None` after the last.
    ///
    /// # Errors
    /// The host's own, and where it finds none in the time that it has.
    pub(crate) async fn next(&mut self, count: u32) -> Result<Option<Vec<WmiObject>>> {
        if self.is_over {
            return Ok(None);
        }
        let fetched = self.fetch(count).await;
        let (objects, result) = fetched.map_err(|error| {
            self.is_over = true;
            error.while_doing("fetching objects")
        })?;
        self.is_over = result == Hresult::S_FALSE;
        Ok(Some(objects))
    }

    async fn fetch(&mut self, count: u32) -> Result<(Vec<WmiObject>, Hresult)> {
        if matches!(self.smart, Smart::Unknown) {
            self.smart = self.ask_smart().await?;
        }
        let limit = self.client.limit();
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let left = deadline.map_or(WAIT, |deadline| deadline.saturating_duration_since(Instant::now()));
            let patience = limit.map(|_| left + GRACE);
            let (objects, result) = self.fetch_once(left.min(WAIT), patience, count).await?;
            if result.is_failure() {
                return Err(self.client.failed(result));
            }
            if !objects.is_empty() || result != Hresult::WBEM_S_TIMEDOUT {
                return Ok((objects, result));
            }
            if let Some(limit) = limit.filter(|_| deadline.is_some_and(|deadline| deadline <= Instant::now()))
            {
                return Err(Error::timed_out(
                    Layer::Cim,
                    &self.client.core.setup.host(),
                    "the next object",
                    limit,
                ));
            }
        }
    }

    /// Asks once: the server looks for objects for as long as `wait`, its answer may take as long as
    /// `patience`.
    async fn fetch_once(
        &mut self,
        wait: Duration,
        patience: Option<Duration>,
        count: u32,
    ) -> Result<(Vec<WmiObject>, Hresult)> {
        let timeout = milliseconds(wait);
        let Self { client, exporter, smart, .. } = self;
        match smart {
            Smart::Yes { ipid, proxy, classes } => {
                let request = FetchNext { proxy: *proxy, timeout, count };
                let method = Method::new(ids::WCO_SMART_ENUM, *ipid, enumeration_opnum::SMART_NEXT);
                let fetched: FetchedNext = exporter.call(method.within(patience), &request).await?;
                let objects = match &fetched.packet {
                    Some(packet) => classes.decode(packet).map_err(|error| client.broken(error))?,
                    None => Vec::new(),
                };
                Ok((objects, fetched.result))
            }
            Smart::Unknown | Smart::No => {
                let request = Next { timeout, count };
                let method = Method::new(ids::ENUM_CLASS_OBJECT, self.ipid, enumeration_opnum::NEXT);
                let fetched: NextObjects = exporter.call(method.within(patience), &request).await?;
                let objects: Result<Vec<_>, _> =
                    fetched.objects.iter().flatten().map(object::unmarshal).collect();
                Ok((objects.map_err(|error| client.broken(error))?, fetched.result))
            }
        }
    }

    /// Whoever has no smart enumeration is asked for objects one by one; errors on the way there do not
    /// count ([MS-WMI] 3.2.4.2.8).
    async fn ask_smart(&mut self) -> Result<Smart> {
        let asked = self.exporter.query(self.ipid, ids::FETCH_SMART_ENUM).await;
        let Ok(Some(fetch)) = asked else { return Ok(Smart::No) };
        self.others.push(fetch);
        let method = Method::new(ids::FETCH_SMART_ENUM, fetch, enumeration_opnum::GET_SMART_ENUM);
        let given = self.exporter.obtain(method.within(self.client.limit()), &Nothing).await;
        Ok(match given {
            Ok(ipid) => {
                self.others.push(ipid);
                Smart::Yes { ipid, proxy: Uuid::new_v4(), classes: ClassCache::default() }
            }
            Err(error) => {
                tracing::debug!(%error, "there is no smart enumeration");
                Smart::No
            }
        })
    }

    /// Gives the enumeration back to the server.
    pub(crate) async fn finish(self) {
        let mut ipids = self.others;
        ipids.push(self.ipid);
        self.exporter.release(&ipids).await;
    }
}

/// A time-out as the calls have it.
pub(super) fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
