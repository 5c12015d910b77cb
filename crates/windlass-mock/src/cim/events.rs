//! Events that providers raise, kept until those who wait for them have come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use windlass_cim::{CimInstance, Namespace};

/// Events that are kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// The events of a host, each with a number. A subscription remembers the number that it has come to.
pub struct Events {
    log: Mutex<Log>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct Log {
    last: u64,
    entries: VecDeque<Arc<Raised>>,
}

/// An event and when it was raised among the others.
pub(crate) struct Raised {
    pub(crate) number: u64,
    pub(crate) event: CimInstance,
}

impl Default for Events {
    fn default() -> Self {
        Self { log: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl Events {
    /// Raises an event in a namespace: whoever subscribed to its class gets it.
    pub fn raise(&self, namespace: impl Into<Namespace>, event: CimInstance) {
        let mut log = self.lock();
        log.last += 1;
        let number = log.last;
        if log.entries.len() >= KEPT {
            log.entries.pop_front();
        }
        log.entries.push_back(Arc::new(Raised { number, event: event.in_namespace(namespace) }));
        drop(log);
        self.newest.send_replace(number);
    }

    /// The number of the newest event.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// The events of a namespace after the one with this number.
    pub(crate) fn after(&self, number: u64, namespace: &Namespace) -> Vec<Arc<Raised>> {
        let log = self.lock();
        let newer = log.entries.iter().rev().take_while(|raised| raised.number > number);
        let mut found: Vec<_> =
            newer.filter(|raised| raised.event.namespace.as_ref() == Some(namespace)).cloned().collect();
        found.reverse();
        found
    }

    /// Tells of new events.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_numbered_and_told_apart_by_namespace() {
        let events = Events::default();
        for (namespace, class) in [("root/a", "A"), ("root/b", "B"), ("root/A", "C")] {
            events.raise(namespace, CimInstance::new(class));
        }
        let names = |number| {
            let found = events.after(number, &Namespace::new("root/a"));
            found.iter().map(|raised| raised.event.class_name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!((names(0), names(1), events.last()), (vec!["A".into(), "C".into()], vec!["C".into()], 3));
    }
}
