//! The tickets that a session holds.

use std::sync::{Mutex, PoisonError};

use super::ccache::CredentialCache;
use super::crypto::Key;
use super::name::{FullName, PrincipalName};

/// A ticket that ends sooner than this, in seconds, is not used any more.
const MARGIN: i64 = 60;
/// No more tickets are held; the oldest goes first.
const MAX_TICKETS: usize = 4096;

/// A ticket and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTicket {
    /// Whom it names.
    pub client: FullName,
    /// The service that it is for.
    pub service: FullName,
    /// The key that client and service share.
    pub key: Key,
    /// The ticket itself, as the KDC wrote it.
    pub ticket: Vec<u8>,
    /// Its flags; bit 0 is the highest.
    pub flags: u32,
    /// When it becomes valid: seconds since 1970.
    pub start: i64,
    /// When it stops being valid: seconds since 1970.
    pub end: i64,
}

impl HeldTicket {
    /// Whether it can be used now and for a little while.
    pub(super) fn is_valid(&self, now: i64) -> bool {
        now.saturating_add(MARGIN) < self.end
    }
}

/// The tickets of one user, shared by all contexts of a session, so that a KDC is asked once for each
/// service.
#[derive(Debug, Default)]
pub struct TicketStore {
    held: Mutex<Vec<Held>>,
}

#[derive(Debug)]
struct Held {
    /// What was asked for; the KDC may have answered under another name.
    wanted: PrincipalName,
    ticket: HeldTicket,
}

impl TicketStore {
    /// A store without tickets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over the tickets of a cache.
    pub fn load(&self, cache: &CredentialCache) {
        for ticket in cache.tickets() {
            self.insert(ticket.service.name.clone(), ticket.clone());
        }
    }

    /// Keeps a ticket that was asked for under this name.
    pub fn insert(&self, wanted: PrincipalName, ticket: HeldTicket) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|other| {
            other.wanted != wanted
                || other.ticket.client != ticket.client
                || other.ticket.service.realm != ticket.service.realm
        });
        if held.len() >= MAX_TICKETS {
            held.remove(0);
        }
        held.push(Held { wanted, ticket });
    }

    /// Forgets the tickets for a service, for example since the service refused one.
    pub fn forget(&self, client: &FullName, wanted: &PrincipalName) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|other| !other.wanted.same_ignoring_case(wanted) || other.ticket.client != *client);
    }

    /// The ticket of a client for a service that lasts longest. `realm` is that of the service, where it
    /// matters.
    pub(super) fn find(
        &self,
        client: &FullName,
        wanted: &PrincipalName,
        realm: Option<&str>,
    ) -> Option<HeldTicket> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter()
            .filter(|other| other.wanted.same_ignoring_case(wanted))
            .map(|other| &other.ticket)
            .filter(|ticket| ticket.client == *client)
            .filter(|ticket| realm.is_none_or(|realm| ticket.service.realm.eq_ignore_ascii_case(realm)))
            .max_by_key(|ticket| ticket.end)
            .cloned()
    }
}
