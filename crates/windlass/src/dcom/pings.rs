//! Pings: the server keeps what this client holds for as long as they come ([MS-DCOM] 3.2.6.1).

use std::sync::{Arc, PoisonError, Weak};

use tokio::sync::oneshot;
use windlass_dcom::exporter::{ComplexPinged, Status, opnum};
use windlass_dcom::ids;
use windlass_dcom::objects::PING_PERIOD;
use windlass_dcom::references::Ping;

use super::activation::Resolver;
use super::exporter::Exporter;
use crate::error::Result;
use crate::tasks::Tasks;

/// How many periods' parts pass until a ping that failed is tried again: two tries fit what the server
/// forgives.
const RETRY_PART: u32 = 4;

/// Pings what is held of an exporter for as long as somebody uses it. Pings go to the resolver, over a
/// connection of their own: the exporter's may have broken.
pub(super) fn keep_alive(exporter: &Arc<Exporter>, tasks: &Tasks) {
    let (end, ended) = oneshot::channel();
    *exporter.pings.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    let pinged = Arc::downgrade(exporter);
    tasks.detach(async move {
        tokio::select! {
            // The other end is only ever dropped.
            _ = ended => {}
            () = ping_on(pinged) => {}
        }
    });
}

async fn ping_on(exporter: Weak<Exporter>) {
    let mut wait = PING_PERIOD;
    loop {
        tokio::time::sleep(wait).await;
        let Some(exporter) = exporter.upgrade() else { return };
        wait = match ping(&exporter).await {
            Ok(()) => PING_PERIOD,
            Err(error) => {
                tracing::debug!(%error, "a ping failed");
                PING_PERIOD / RETRY_PART
            }
        };
    }
}

/// Sends what is due: the objects that came and went, or that nothing changed.
async fn ping(exporter: &Exporter) -> Result<()> {
    let due = exporter.references().ping();
    let Some(due) = due else { return Ok(()) };
    let resolver = Resolver::open(&exporter.setup, &exporter.exchanges, ids::OBJECT_EXPORTER).await?;
    match due {
        Ping::Simple(ping) => {
            let Status(status) = resolver.ask(opnum::SIMPLE_PING, &ping).await?;
            if status != 0 {
                exporter.references().ping_refused();
                return Err(exporter.setup.broken(format!("a ping was refused with {status}")));
            }
        }
        Ping::Complex(ping) => {
            let pinged: ComplexPinged = resolver.ask(opnum::COMPLEX_PING, &ping).await?;
            exporter.references().pinged(&ping, &pinged);
        }
    }
    Ok(())
}
