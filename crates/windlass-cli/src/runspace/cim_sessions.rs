//! The CIM sessions of this process.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use uuid::Uuid;
use windlass::{CimSession, DEFAULT_THROTTLE, fleet};
use windlass_clixml::{PsObject, PsValue};

use super::{lock, matcher};

const TYPE: &str = "Microsoft.Management.Infrastructure.CimSession";

/// A CIM session of this process.
pub(crate) struct CimEntry {
    pub(crate) session: CimSession,
    /// Counted up from 1; sessions for one call do not count.
    pub(crate) id: u32,
    pub(crate) name: String,
    /// `WSMAN` or `DCOM`.
    pub(crate) protocol: &'static str,
    /// Whether it is one with the local computer that no name was given for.
    pub(crate) is_local: bool,
}

/// The CIM sessions, in the order in which they were opened.
#[derive(Default)]
pub(crate) struct CimTable {
    open: Mutex<Vec<Arc<CimEntry>>>,
    last: AtomicU32,
}

impl CimEntry {
    /// The session as a value.
    pub(crate) fn value(&self) -> PsValue {
        let session = &self.session;
        PsObject::typed([TYPE, "System.Object"])
            .with_to_string(format!("CimSession: {}", session.computer_name()))
            .with_adapted("Id", self.id)
            .with_adapted("Name", self.name.as_str())
            .with_adapted("InstanceId", PsValue::Guid(session.instance_id()))
            .with_adapted("ComputerName", session.computer_name())
            .with_adapted("Protocol", self.protocol)
            .into()
    }

    /// The name that results are marked with; none for the local computer.
    pub(crate) fn label(&self) -> Option<String> {
        (!self.is_local).then(|| self.session.computer_name().to_owned())
    }

    /// Closes the session once nobody else uses it.
    pub(crate) async fn close(self: Arc<Self>) {
        if let Ok(entry) = Arc::try_unwrap(self) {
            entry.session.close().await;
        }
    }
}

impl CimTable {
    /// Adds a session.
    pub(crate) fn add(
        &self,
        session: CimSession,
        name: Option<String>,
        protocol: &'static str,
        is_local: bool,
    ) -> Arc<CimEntry> {
        let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let name = name.unwrap_or_else(|| format!("CimSession{id}"));
        let entry = Arc::new(CimEntry { session, id, name, protocol, is_local });
        lock(&self.open).push(Arc::clone(&entry));
        entry
    }

    /// All sessions.
    pub(crate) fn all(&self) -> Vec<Arc<CimEntry>> {
        lock(&self.open).clone()
    }

    /// The sessions whose name fits a pattern.
    pub(crate) fn named(&self, pattern: &str) -> Vec<Arc<CimEntry>> {
        let pattern = matcher(pattern);
        self.all().into_iter().filter(|entry| pattern(&entry.name)).collect()
    }

    /// The sessions with these computers.
    pub(crate) fn on(&self, computer: &str) -> Vec<Arc<CimEntry>> {
        let is_on = |entry: &Arc<CimEntry>| entry.session.computer_name().eq_ignore_ascii_case(computer);
        self.all().into_iter().filter(is_on).collect()
    }

    /// The session with this number.
    pub(crate) fn by_id(&self, id: i64) -> Option<Arc<CimEntry>> {
        self.all().into_iter().find(|entry| i64::from(entry.id) == id)
    }

    /// The session with this instance id.
    pub(crate) fn by_instance(&self, id: Uuid) -> Option<Arc<CimEntry>> {
        self.all().into_iter().find(|entry| entry.session.instance_id() == id)
    }

    /// The session that a value stands for.
    pub(crate) fn of(&self, value: &PsValue) -> Option<Arc<CimEntry>> {
        self.by_instance(value.get("InstanceId")?.as_guid()?)
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, entry: &Arc<CimEntry>) {
        lock(&self.open).retain(|known| !Arc::ptr_eq(known, entry));
    }

    /// Closes all sessions.
    pub(crate) async fn close(&self) {
        let all = std::mem::take(&mut *lock(&self.open));
        let mut everywhere = fleet(all, DEFAULT_THROTTLE, CimEntry::close);
        while everywhere.next().await.is_some() {}
    }
}
