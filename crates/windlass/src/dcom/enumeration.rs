//! Enumerations over DCOM: batches, or packets of many instances with their class once.

use std::sync::Arc;

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::Nothing;
use windlass_wmi::array::ClassCache;
use windlass_wmi::stubs::{
    Enumerate, FetchNext, FetchedNext, Next, NextObjects, Query, enumeration_opnum, services_opnum,
};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids, object};

use super::DcomClient;
use super::calls::Exporter;
use crate::error::Result;

/// What is to be enumerated.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// The instances of a class.
    Instances { class: String, shallow: bool },
    /// Classes, all or those below one.
    Classes,
    /// What a query gives.
    Query { language: String, text: String },
}

/// An enumeration that the server holds.
pub(crate) struct Running {
    client: Arc<DcomClient>,
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
    pub(crate) async fn enumerate(self: &Arc<Self>, namespace: &str, wanted: &Wanted) -> Result<Running> {
        let outcome = self.start(namespace, wanted).await;
        if let Err(error) = &outcome {
            self.forget(error).await;
        }
        outcome
    }

    async fn start(self: &Arc<Self>, namespace: &str, wanted: &Wanted) -> Result<Running> {
        let (exporter, services) = self.services(namespace).await?;
        let flags = flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY;
        let ipid = match wanted {
            Wanted::Instances { class, shallow } => {
                let flags = if *shallow { flags | flags::SHALLOW } else { flags };
                let request = Enumerate { class: Some(class.clone()), flags, context: None };
                let method = (ids::SERVICES, services, services_opnum::CREATE_INSTANCE_ENUM);
                exporter.obtain(self, method, &request).await?
            }
            Wanted::Classes => {
                let request = Enumerate { class: Some(String::new()), flags, context: None };
                let method = (ids::SERVICES, services, services_opnum::CREATE_CLASS_ENUM);
                exporter.obtain(self, method, &request).await?
            }
            Wanted::Query { language, text } => {
                let (language, query) = (Some(language.clone()), Some(text.clone()));
                let request = Query { language, query, flags, context: None };
                let method = (ids::SERVICES, services, services_opnum::EXEC_QUERY);
                exporter.obtain(self, method, &request).await?
            }
        };
        let smart = if self.setup.options.smart_enumeration { Smart::Unknown } else { Smart::No };
        Ok(Running { client: Arc::clone(self), exporter, ipid, smart, is_over: false, others: Vec::new() })
    }
}

impl Running {
    /// The next objects, at most so many; `None` after the last.
    pub(crate) async fn next(&mut self, count: u32) -> Result<Option<Vec<WmiObject>>> {
        if self.is_over {
            return Ok(None);
        }
        if matches!(self.smart, Smart::Unknown) {
            self.smart = self.ask_smart().await?;
        }
        let client = Arc::clone(&self.client);
        let (objects, result) = match &mut self.smart {
            Smart::Yes { ipid, proxy, classes } => {
                let request = FetchNext { proxy: *proxy, timeout: flags::INFINITE, count };
                let fetched: FetchedNext = self
                    .exporter
                    .call(&client, ids::WCO_SMART_ENUM, *ipid, enumeration_opnum::SMART_NEXT, &request)
                    .await?;
                let objects = match &fetched.packet {
                    Some(packet) => classes.decode(packet).map_err(|error| client.broken(error))?,
                    None => Vec::new(),
                };
                (objects, fetched.result)
            }
            Smart::Unknown | Smart::No => {
                let request = Next { timeout: flags::INFINITE, count };
                let fetched: NextObjects = self
                    .exporter
                    .call(&client, ids::ENUM_CLASS_OBJECT, self.ipid, enumeration_opnum::NEXT, &request)
                    .await?;
                let objects: Result<Vec<_>, _> =
                    fetched.objects.iter().flatten().map(object::unmarshal).collect();
                (objects.map_err(|error| client.broken(error))?, fetched.result)
            }
        };
        if result.is_failure() {
            self.is_over = true;
            return Err(client.failed(result));
        }
        self.is_over = result == Hresult::S_FALSE;
        Ok(Some(objects))
    }

    /// Whoever has no smart enumeration is asked for objects one by one; errors on the way there do not
    /// count ([MS-WMI] 3.2.4.2.8).
    async fn ask_smart(&mut self) -> Result<Smart> {
        let asked = self.exporter.query(&self.client, self.ipid, ids::FETCH_SMART_ENUM).await;
        let Ok(Some(fetch)) = asked else { return Ok(Smart::No) };
        self.others.push(fetch);
        let method = (ids::FETCH_SMART_ENUM, fetch, enumeration_opnum::GET_SMART_ENUM);
        let given = self.exporter.obtain(&self.client, method, &Nothing).await;
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
        self.exporter.release(&self.client, &ipids).await;
    }
}
