//! Events over DCOM: an enumeration without end, polled ([MS-WMI] 3.2.4.2.12).

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use windlass_cim::CimInstance;
use windlass_core::status::Hresult;
use windlass_wmi::stubs::{Next, NextObjects, Query, enumeration_opnum, services_opnum};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{flags, ids, object};

use super::DcomClient;
use super::enumeration::milliseconds;
use super::exporter::{Exporter, Method, Slot};
use crate::error::Result;

/// How long the server waits for the first event before it says that there is none.
const WAIT: Duration = Duration::from_secs(20);
/// How much longer its answer may take.
const GRACE: Duration = Duration::from_secs(30);
/// Events that are fetched with one call, once there are some.
const EVENTS_AT_ONCE: u32 = 100;

/// Events that the server keeps for this client.
pub(crate) struct Notifications {
    client: DcomClient,
    exporter: Arc<Exporter>,
    ipid: Uuid,
    /// Calls that wait would keep others waiting where the server carries out one after the other.
    link: Slot,
}

impl DcomClient {
    /// Asks for events.
    pub(crate) async fn notifications(
        &self,
        namespace: &str,
        language: &str,
        query: &str,
    ) -> Result<Notifications> {
        let request = Query {
            language: Some(language.to_owned()),
            query: Some(query.to_owned()),
            flags: flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY,
            context: self.context(None).map(|context| context.marshal()),
        };
        let (exporter, ipid) =
            self.obtain(namespace, services_opnum::EXEC_NOTIFICATION_QUERY, &request).await?;
        let client = self.with(super::CallOptions::default());
        Ok(Notifications { client, exporter, ipid, link: Slot::default() })
    }
}

impl Notifications {
    /// Waits for events and gives those that there are, in order.
    pub(crate) async fn next(&self) -> Result<Vec<CimInstance>> {
        loop {
            // The first is waited for; what came with it is there.
            let mut events = self.fetch(WAIT, 1).await?;
            if !events.is_empty() {
                events.extend(self.fetch(Duration::ZERO, EVENTS_AT_ONCE).await?);
                return Ok(events);
            }
        }
    }

    async fn fetch(&self, wait: Duration, count: u32) -> Result<Vec<CimInstance>> {
        let method = Method::new(ids::ENUM_CLASS_OBJECT, self.ipid, enumeration_opnum::NEXT);
        let request = Next { timeout: milliseconds(wait), count };
        let method = method.within(Some(wait + GRACE));
        let fetched: NextObjects = self.exporter.call_over(&self.link, method, &request).await?;
        if fetched.result.is_failure() {
            return Err(self.client.failed(fetched.result));
        }
        if fetched.result == Hresult::S_FALSE && fetched.objects.is_empty() {
            return Err(self.client.broken("the server ended the events"));
        }
        let objects = fetched.objects.iter().flatten().map(object::unmarshal);
        let events = objects.filter_map(|object| match object {
            Ok(WmiObject::Instance(event)) => Some(Ok(event)),
            Ok(WmiObject::Class(_)) => None,
            Err(error) => Some(Err(self.client.broken(error))),
        });
        events.collect()
    }

    /// Gives the enumeration back to the server.
    pub(crate) async fn finish(self) {
        self.exporter.release(&[self.ipid]).await;
    }
}
