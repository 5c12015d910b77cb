//! The shells of a host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use windlass_wsman::{Fault, FaultCode};

use super::{Opening, Shell};
use crate::host::Host;
use crate::wsman::Caller;

/// The shells of a host by their ids, which are compared with regard to case.
#[derive(Default)]
pub(crate) struct Shells {
    open: Mutex<HashMap<String, Arc<Shell>>>,
}

impl Shells {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Shell>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a shell for the caller, within the caller's quota.
    pub(crate) fn open(
        &self,
        host: &Arc<Host>,
        opening: Opening,
        caller: &Caller,
    ) -> Result<Arc<Shell>, Box<Fault>> {
        let mut open = self.lock();
        if open.contains_key(&opening.id) {
            let text = format!("A shell with the id {} exists already.", opening.id);
            return Err(Box::new(Fault::new(FaultCode::ALREADY_EXISTS).with_message(text)));
        }
        let own = open.values().filter(|shell| shell.is_owned_by(&caller.owner)).count();
        let most = host.config.limits.shells_per_user;
        if own >= most {
            let text = format!(
                "The maximum number of concurrent shells for this user ({most}) has been exceeded. Close existing \
                 shells or raise the quota for this user."
            );
            return Err(Box::new(Fault::quota(FaultCode::QUOTA_MAX_SHELLS, text)));
        }
        let resource = opening.resource_uri.clone();
        let shell = Shell::new(host, opening, caller);
        let shell = Arc::new(shell.ok_or_else(|| Box::new(Fault::invalid_resource_uri(&resource)))?);
        open.insert(shell.id().to_owned(), Arc::clone(&shell));
        Ok(shell)
    }

    /// The shell of this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Shell>> {
        self.lock().get(id).cloned()
    }

    /// The shells of an account, oldest first.
    pub(crate) fn of_owner(&self, owner: &str) -> Vec<Arc<Shell>> {
        let mut own: Vec<_> =
            self.lock().values().filter(|shell| shell.is_owned_by(owner)).cloned().collect();
        own.sort_by_key(|shell| shell.opened);
        own
    }

    /// Forgets a shell.
    pub(crate) fn remove(&self, id: &str) -> Option<Arc<Shell>> {
        self.lock().remove(id)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many commands all of them have.
    pub(crate) fn commands(&self) -> usize {
        self.lock().values().map(|shell| shell.commands()).sum()
    }

    /// Ends all shells.
    pub(crate) fn close_all(&self) {
        let all: Vec<_> = self.lock().drain().map(|(_, shell)| shell).collect();
        all.iter().for_each(|shell| shell.close());
    }

    /// Leaves shells whose clients have not been heard of for that long.
    fn leave_silent(&self, keep_alive: Duration) {
        let now = Instant::now();
        self.lock().values().for_each(|shell| shell.leave_if_silent(now, keep_alive));
    }

    fn take_expired(&self) -> Vec<Arc<Shell>> {
        let now = Instant::now();
        let mut open = self.lock();
        let expired: Vec<_> =
            open.iter().filter(|(_, shell)| shell.has_expired(now)).map(|(id, _)| id.clone()).collect();
        expired.iter().filter_map(|id| open.remove(id)).collect()
    }
}

/// Ends shells that nobody uses, until the host ends.
pub(crate) async fn expire(host: Arc<Host>) {
    const INTERVAL: Duration = Duration::from_millis(500);
    loop {
        tokio::select! {
            () = host.stop.stopped() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let unused = Duration::from_millis(host.settings.get().enumeration_timeout_ms.into());
        host.enumerations.expire(unused);
        host.subscriptions.expire(unused);
        host.dcom.expire();
        host.shells.leave_silent(host.config.limits.keep_alive);
        for shell in host.shells.take_expired() {
            tracing::debug!(shell = shell.id(), "a shell has expired");
            shell.close();
        }
        host.counters.changed.notify_waiters();
    }
}
