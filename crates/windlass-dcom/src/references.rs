//! The references that a client holds: released in bulk, pinged while they are held ([MS-DCOM] 3.2.4.4.2,
//! 3.2.6.1).

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::exporter::{ComplexPing, ComplexPinged, OR_INVALID_OID, SimplePing};
use crate::objref::{SORF_NOPING, StdObjRef};
use crate::remunknown::{InterfaceRefs, RemReferences};

/// Interfaces that one release gives back at most.
const MOST_RELEASES: usize = 1000;
/// Objects that one ping adds or removes at most.
const MOST_PINGED: usize = 1000;

/// The references of one exporter that a client holds.
#[derive(Debug, Default)]
pub struct References {
    held: HashMap<Uuid, Held>,
    released: Vec<InterfaceRefs>,
    set: u64,
    sequence: u16,
    members: HashSet<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    oid: u64,
    public: u32,
    is_pinged: bool,
}

/// The ping that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ping {
    /// Nothing changed since the last one.
    Simple(SimplePing),
    /// Objects came or went.
    Complex(ComplexPing),
}

impl References {
    /// Takes over the references that came with an answer.
    pub fn hold(&mut self, reference: &StdObjRef) {
        let is_pinged = reference.flags & SORF_NOPING == 0;
        let held =
            self.held.entry(reference.ipid).or_insert(Held { oid: reference.oid, public: 0, is_pinged });
        held.public = held.public.saturating_add(reference.public_refs);
    }

    /// Marks all references to an interface for release.
    pub fn release(&mut self, ipid: Uuid) {
        if let Some(held) = self.held.remove(&ipid) {
            self.released.push(InterfaceRefs { ipid, public: held.public, private: 0 });
        }
    }

    /// The next release to send, of everything that was marked; `None` where nothing was.
    pub fn take_releases(&mut self) -> Option<RemReferences> {
        if self.released.is_empty() {
            return None;
        }
        let rest = self.released.split_off(self.released.len().min(MOST_RELEASES));
        Some(RemReferences(std::mem::replace(&mut self.released, rest)))
    }

    /// How many interfaces are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The interfaces that are held.
    pub fn held(&self) -> Vec<Uuid> {
        self.held.keys().copied().collect()
    }

    /// The ping to send now; `None` where no object needs one.
    pub fn ping(&mut self) -> Option<Ping> {
        let wanted: HashSet<u64> =
            self.held.values().filter(|held| held.is_pinged).map(|held| held.oid).collect();
        let add: Vec<u64> = wanted.difference(&self.members).copied().take(MOST_PINGED).collect();
        let remove: Vec<u64> = self.members.difference(&wanted).copied().take(MOST_PINGED).collect();
        if add.is_empty() && remove.is_empty() {
            return (self.set != 0 && !wanted.is_empty())
                .then_some(Ping::Simple(SimplePing { set: self.set }));
        }
        if self.set == 0 && add.is_empty() {
            return None;
        }
        self.sequence = self.sequence.wrapping_add(1);
        Some(Ping::Complex(ComplexPing { set: self.set, sequence: self.sequence, add, remove }))
    }

    /// Takes the answer to a ComplexPing.
    pub fn pinged(&mut self, ping: &ComplexPing, answer: &ComplexPinged) {
        if answer.status != 0 && answer.status != OR_INVALID_OID {
            self.ping_refused();
            return;
        }
        self.set = answer.set;
        self.members.extend(&ping.add);
        for oid in &ping.remove {
            self.members.remove(oid);
        }
        if self.members.is_empty() {
            self.set = 0;
        }
    }

    /// The server does not know the set: the next ping makes a new one.
    pub fn ping_refused(&mut self) {
        self.set = 0;
        self.sequence = 0;
        self.members.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::objects::{Limits, ObjectTable};

    #[test]
    fn a_set_follows_what_is_held() {
        let now = Instant::now();
        let mut table = ObjectTable::new(Limits::default());
        let mut references = References::default();
        assert_eq!(references.ping(), None);
        let first = table.export("alice", (), Uuid::nil(), 5, now).unwrap();
        let second = table.export("alice", (), Uuid::nil(), 5, now).unwrap();
        references.hold(&first);
        references.hold(&second);
        let Some(Ping::Complex(ping)) = references.ping() else { panic!("no complex ping") };
        assert_eq!((ping.set, ping.add.len()), (0, 2));
        references.pinged(&ping, &table.complex_ping("alice", &ping, now));
        assert!(matches!(references.ping(), Some(Ping::Simple(_))));

        references.release(first.ipid);
        references.release(first.ipid);
        let released = references.take_releases().unwrap();
        assert_eq!(released.0, [InterfaceRefs { ipid: first.ipid, public: 5, private: 0 }]);
        assert!(table.release("alice", &released.0[0], now).is_some());
        let Some(Ping::Complex(ping)) = references.ping() else { panic!("no complex ping") };
        assert_eq!(ping.remove, [first.oid]);
        references.pinged(&ping, &table.complex_ping("alice", &ping, now));

        references.release(second.ipid);
        let Some(Ping::Complex(ping)) = references.ping() else { panic!("no complex ping") };
        references.pinged(&ping, &table.complex_ping("alice", &ping, now));
        assert_eq!(references.ping(), None);
        assert!(references.is_empty() && references.take_releases().is_some());
    }
}
