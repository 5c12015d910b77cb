//! The objects that a server exports: who may call them, how many references clients hold, and when the
//! last of them went away ([MS-DCOM] 3.1.1.1, 3.1.1.5.6).
//!
//! A table has no clock: every method that needs the time is told. Knowing the id of an interface gives no
//! right to call it; that has the user for whom the object was made.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;
use windlass_core::status::Hresult;

use crate::exporter::{ComplexPing, ComplexPinged, OR_INVALID_OID, OR_INVALID_SET};
use crate::objref::StdObjRef;
use crate::remunknown::InterfaceRefs;

/// How often clients ping.
pub const PING_PERIOD: Duration = Duration::from_secs(120);
/// Missed pings after which a client counts as gone.
const MISSED_PINGS: u32 = 3;

/// How much one server keeps for its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Objects.
    pub objects: usize,
    /// Objects of one user.
    pub objects_of_one: usize,
    /// Interfaces of one object.
    pub interfaces: usize,
    /// Sets of pinged objects of one user.
    pub sets: usize,
    /// Public references of one interface.
    pub references: u32,
    /// How long an object lives that nobody pings or calls.
    pub idle: Duration,
}

impl Default for Limits {
    /// 20,000 objects, 5,000 of one user with 16 interfaces each, 64 sets, 100,000 references, three
    /// periods.
    fn default() -> Self {
        Self {
            objects: 20_000,
            objects_of_one: 5_000,
            interfaces: 16,
            sets: 64,
            references: 100_000,
            idle: PING_PERIOD * MISSED_PINGS,
        }
    }
}

/// Why something of the table is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such object or interface, or no more.
    Unknown,
    /// It is somebody else's.
    NotYours,
    /// A limit is reached.
    Limit,
}

impl Refusal {
    /// The code for it.
    pub fn hresult(self) -> Hresult {
        match self {
            Self::Unknown => Hresult::RPC_E_DISCONNECTED,
            Self::NotYours => Hresult::E_ACCESSDENIED,
            Self::Limit => Hresult::E_OUTOFMEMORY,
        }
    }
}

/// The exported objects of one server. `T` is what the server keeps for each.
#[derive(Debug)]
pub struct ObjectTable<T> {
    oxid: u64,
    remote_unknown: Uuid,
    limits: Limits,
    objects: HashMap<u64, Object<T>>,
    interfaces: HashMap<Uuid, Interface>,
    sets: HashMap<u64, Set>,
}

#[derive(Debug)]
struct Object<T> {
    value: Arc<T>,
    owner: Arc<str>,
    interfaces: Vec<Uuid>,
    seen: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Interface {
    oid: u64,
    iid: Uuid,
    public: u32,
    private: u32,
}

#[derive(Debug)]
struct Set {
    owner: Arc<str>,
    sequence: u16,
    members: HashSet<u64>,
    seen: Instant,
}

/// A number that nobody guesses, never zero.
fn random() -> u64 {
    let (number, _) = Uuid::new_v4().as_u64_pair();
    number.max(1)
}

impl<T> ObjectTable<T> {
    /// A table without objects.
    pub fn new(limits: Limits) -> Self {
        Self {
            oxid: random(),
            remote_unknown: Uuid::new_v4(),
            limits,
            objects: HashMap::new(),
            interfaces: HashMap::new(),
            sets: HashMap::new(),
        }
    }

    /// The number of this exporter.
    pub fn oxid(&self) -> u64 {
        self.oxid
    }

    /// The id of the exporter's own IRemUnknown.
    pub fn remote_unknown(&self) -> Uuid {
        self.remote_unknown
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Exports an object for a user and hands over references to one of its interfaces.
    ///
    /// # Errors
    /// [`Refusal::Limit`].
    pub fn export(
        &mut self,
        owner: &str,
        value: T,
        iid: Uuid,
        references: u32,
        now: Instant,
    ) -> Result<StdObjRef, Refusal> {
        let of_owner = self.objects.values().filter(|object| *object.owner == *owner).count();
        if self.objects.len() >= self.limits.objects || of_owner >= self.limits.objects_of_one {
            return Err(Refusal::Limit);
        }
        let oid = random();
        let object =
            Object { value: Arc::new(value), owner: Arc::from(owner), interfaces: Vec::new(), seen: now };
        self.objects.insert(oid, object);
        // What nobody has a reference to would stay until it expires.
        self.reference(oid, iid, references).inspect_err(|_| drop(self.objects.remove(&oid)))
    }

    /// Hands over references to an interface of the object that has the interface `ipid`.
    ///
    /// # Errors
    /// There is no such object, it is somebody else's, or a limit is reached.
    pub fn query(
        &mut self,
        owner: &str,
        ipid: Uuid,
        iid: Uuid,
        references: u32,
        now: Instant,
    ) -> Result<StdObjRef, Refusal> {
        let (oid, _) = self.touch(owner, ipid, now)?;
        self.reference(oid, iid, references)
    }

    fn reference(&mut self, oid: u64, iid: Uuid, references: u32) -> Result<StdObjRef, Refusal> {
        let object = self.objects.get_mut(&oid).ok_or(Refusal::Unknown)?;
        let known = object.interfaces.iter().copied();
        let known = known.filter_map(|ipid| Some((ipid, self.interfaces.get(&ipid)?)));
        let known = known.filter(|(_, interface)| interface.iid == iid).map(|(ipid, _)| ipid).next();
        let ipid = match known {
            Some(ipid) => ipid,
            None if object.interfaces.len() >= self.limits.interfaces
                || references > self.limits.references =>
            {
                return Err(Refusal::Limit);
            }
            None => {
                let ipid = Uuid::new_v4();
                object.interfaces.push(ipid);
                self.interfaces.insert(ipid, Interface { oid, iid, public: 0, private: 0 });
                ipid
            }
        };
        let interface = self.interfaces.get_mut(&ipid).ok_or(Refusal::Unknown)?;
        let public = interface.public.saturating_add(references);
        if public > self.limits.references {
            return Err(Refusal::Limit);
        }
        interface.public = public;
        Ok(StdObjRef { flags: 0, public_refs: references, oxid: self.oxid, oid, ipid })
    }

    /// The object and interface that a call is addressed to. The call counts as a ping.
    ///
    /// # Errors
    /// There is no such interface, or it is somebody else's.
    pub fn target(&mut self, owner: &str, ipid: Uuid, now: Instant) -> Result<(Arc<T>, Uuid), Refusal> {
        let (oid, iid) = self.touch(owner, ipid, now)?;
        let object = self.objects.get(&oid).ok_or(Refusal::Unknown)?;
        Ok((Arc::clone(&object.value), iid))
    }

    fn touch(&mut self, owner: &str, ipid: Uuid, now: Instant) -> Result<(u64, Uuid), Refusal> {
        let interface = self.interfaces.get(&ipid).ok_or(Refusal::Unknown)?;
        let object = self.objects.get_mut(&interface.oid).ok_or(Refusal::Unknown)?;
        if *object.owner != *owner {
            return Err(Refusal::NotYours);
        }
        object.seen = now;
        Ok((interface.oid, interface.iid))
    }

    /// Takes further references (RemAddRef).
    ///
    /// # Errors
    /// There is no such interface, it is somebody else's, or there are too many.
    pub fn add_references(
        &mut self,
        owner: &str,
        added: &InterfaceRefs,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.touch(owner, added.ipid, now)?;
        let interface = self.interfaces.get_mut(&added.ipid).ok_or(Refusal::Unknown)?;
        let public = interface.public.saturating_add(added.public);
        let private = interface.private.saturating_add(added.private);
        if public.max(private) > self.limits.references {
            return Err(Refusal::Limit);
        }
        (interface.public, interface.private) = (public, private);
        Ok(())
    }

    /// Gives references back (RemRelease). What is unknown, somebody else's, or more than there are is not
    /// an error: some clients release twice. Returns the object when its last reference went.
    pub fn release(&mut self, owner: &str, released: &InterfaceRefs, now: Instant) -> Option<Arc<T>> {
        let (oid, _) = self.touch(owner, released.ipid, now).ok()?;
        let interface = self.interfaces.get_mut(&released.ipid)?;
        interface.public = interface.public.saturating_sub(released.public);
        interface.private = interface.private.saturating_sub(released.private);
        let object = self.objects.get(&oid)?;
        let held = object.interfaces.iter().filter_map(|ipid| self.interfaces.get(ipid));
        if held.into_iter().any(|interface| interface.public > 0 || interface.private > 0) {
            return None;
        }
        self.remove(oid)
    }

    /// Takes an object away, whoever holds references to it.
    pub fn remove(&mut self, oid: u64) -> Option<Arc<T>> {
        let object = self.objects.remove(&oid)?;
        for ipid in &object.interfaces {
            self.interfaces.remove(ipid);
        }
        Some(object.value)
    }

    /// The objects of a set are in use (SimplePing): a Win32 error.
    pub fn simple_ping(&mut self, owner: &str, set: u64, now: Instant) -> u32 {
        match self.sets.get_mut(&set).filter(|set| *set.owner == *owner) {
            Some(set) => {
                set.seen = now;
                for oid in &set.members {
                    if let Some(object) = self.objects.get_mut(oid).filter(|object| *object.owner == *owner) {
                        object.seen = now;
                    }
                }
                0
            }
            None => OR_INVALID_SET,
        }
    }

    /// Changes a set and pings it (ComplexPing). A change that came too late is left out without an error; it
    /// is a ping all the same. The numbers of changes begin again after their last.
    pub fn complex_ping(&mut self, owner: &str, ping: &ComplexPing, now: Instant) -> ComplexPinged {
        let failed = |status| ComplexPinged { set: ping.set, backoff: 0, status };
        let id = match ping.set {
            0 => {
                let of_owner = self.sets.values().filter(|set| *set.owner == *owner).count();
                if of_owner >= self.limits.sets {
                    return failed(Hresult::E_OUTOFMEMORY.0);
                }
                let id = random();
                let owner = Arc::from(owner);
                let set = Set { owner, sequence: ping.sequence, members: HashSet::new(), seen: now };
                self.sets.insert(id, set);
                id
            }
            id => id,
        };
        let Some(set) = self.sets.get_mut(&id).filter(|set| *set.owner == *owner) else {
            return failed(OR_INVALID_SET);
        };
        if ping.sequence.wrapping_sub(set.sequence) > u16::MAX / 2 {
            self.simple_ping(owner, id, now);
            return ComplexPinged { set: id, backoff: 0, status: 0 };
        }
        set.sequence = ping.sequence;
        let mut status = 0;
        for oid in &ping.add {
            match self.objects.get(oid) {
                Some(object) if *object.owner == *owner => {
                    set.members.insert(*oid);
                }
                _ => status = OR_INVALID_OID,
            }
        }
        for oid in &ping.remove {
            set.members.remove(oid);
        }
        if set.members.is_empty() && !ping.remove.is_empty() {
            self.sets.remove(&id);
        } else {
            self.simple_ping(owner, id, now);
        }
        ComplexPinged { set: id, backoff: 0, status }
    }

    /// Takes away what no client has pinged or called for too long, and returns it.
    pub fn expire(&mut self, now: Instant) -> Vec<Arc<T>> {
        let idle = self.limits.idle;
        let is_over = |seen: Instant| now.saturating_duration_since(seen) > idle;
        self.sets.retain(|_, set| !is_over(set.seen));
        let over: Vec<u64> =
            self.objects.iter().filter(|(_, object)| is_over(object.seen)).map(|(oid, _)| *oid).collect();
        over.into_iter().filter_map(|oid| self.remove(oid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IID: Uuid = Uuid::from_u128(1);

    fn refs(ipid: Uuid, public: u32) -> InterfaceRefs {
        InterfaceRefs { ipid, public, private: 0 }
    }

    #[test]
    fn an_object_goes_with_its_last_reference() {
        let now = Instant::now();
        let mut table = ObjectTable::new(Limits::default());
        let first = table.export("alice", "object", IID, 5, now).unwrap();
        let other = table.query("alice", first.ipid, Uuid::from_u128(2), 5, now).unwrap();
        let again = table.query("alice", first.ipid, IID, 1, now).unwrap();
        assert_eq!((again.ipid, again.oid), (first.ipid, other.oid));
        assert_eq!(table.release("alice", &refs(first.ipid, 6), now), None);
        assert_eq!(table.target("alice", other.ipid, now).unwrap().1, Uuid::from_u128(2));
        // More than there are, and twice.
        assert_eq!(table.release("alice", &refs(other.ipid, 99), now).as_deref(), Some(&"object"));
        assert_eq!(table.release("alice", &refs(other.ipid, 5), now), None);
        assert!(table.is_empty());
        assert_eq!(table.target("alice", first.ipid, now), Err(Refusal::Unknown));
    }

    #[test]
    fn only_the_owner_calls_and_releases() {
        let now = Instant::now();
        let mut table = ObjectTable::new(Limits::default());
        let object = table.export("alice", (), IID, 5, now).unwrap();
        assert_eq!(table.target("mallory", object.ipid, now), Err(Refusal::NotYours));
        assert_eq!(table.query("mallory", object.ipid, IID, 1, now), Err(Refusal::NotYours));
        assert!(table.add_references("mallory", &refs(object.ipid, 1), now).is_err());
        assert!(table.release("mallory", &refs(object.ipid, 5), now).is_none());
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_nobody_pings_expires() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut table = ObjectTable::new(Limits::default());
        let pinged = table.export("alice", 1, IID, 5, start).unwrap();
        table.export("alice", 2, IID, 5, start).unwrap();
        let add = ComplexPing { set: 0, sequence: 1, add: vec![pinged.oid], remove: vec![] };
        let set = table.complex_ping("alice", &add, at(100)).set;
        assert_eq!(table.simple_ping("mallory", set, at(200)), OR_INVALID_SET);
        assert_eq!(table.simple_ping("alice", set, at(300)), 0);
        assert_eq!(table.expire(at(361)).iter().map(|value| **value).collect::<Vec<_>>(), [2]);
        // A late change is left out.
        let late = ComplexPing { set, sequence: 0, add: vec![], remove: vec![pinged.oid] };
        assert_eq!(table.complex_ping("alice", &late, at(400)).status, 0);
        assert_eq!(table.expire(at(760)).len(), 0);
        assert_eq!(table.expire(at(761)).len(), 1);
        assert_eq!(table.simple_ping("alice", set, at(762)), OR_INVALID_SET);
        let unknown = ComplexPing { set: 0, sequence: 1, add: vec![7], remove: vec![] };
        assert_eq!(table.complex_ping("alice", &unknown, at(800)).status, OR_INVALID_OID);
    }

    #[test]
    fn the_numbers_of_changes_begin_again() {
        let now = Instant::now();
        let mut table = ObjectTable::new(Limits::default());
        let object = table.export("alice", (), IID, 5, now).unwrap();
        let mut change = ComplexPing { set: 0, sequence: u16::MAX, add: vec![object.oid], remove: vec![] };
        change.set = table.complex_ping("alice", &change, now).set;
        (change.sequence, change.add, change.remove) = (0, vec![], vec![object.oid]);
        table.complex_ping("alice", &change, now);
        assert_eq!(
            table.simple_ping("alice", change.set, now),
            OR_INVALID_SET,
            "its last member was taken out"
        );
    }

    #[test]
    fn limits_hold() {
        let now = Instant::now();
        let limits =
            Limits { objects_of_one: 2, interfaces: 2, references: 10, sets: 1, ..Limits::default() };
        let mut table = ObjectTable::new(limits);
        let object = table.export("alice", (), IID, 5, now).unwrap();
        table.export("alice", (), IID, 5, now).unwrap();
        assert_eq!(table.export("alice", (), IID, 5, now), Err(Refusal::Limit));
        assert_eq!(table.export("carol", (), IID, 11, now), Err(Refusal::Limit));
        assert_eq!((table.len(), table.interfaces.len()), (2, 2));
        table.export("bob", (), IID, 5, now).unwrap();
        assert_eq!(table.query("alice", object.ipid, IID, 6, now), Err(Refusal::Limit));
        table.query("alice", object.ipid, Uuid::from_u128(2), 1, now).unwrap();
        assert_eq!(table.query("alice", object.ipid, Uuid::from_u128(3), 1, now), Err(Refusal::Limit));
        let add = ComplexPing { set: 0, sequence: 1, add: vec![object.oid], remove: vec![] };
        assert_eq!(table.complex_ping("alice", &add, now).status, 0);
        assert_ne!(table.complex_ping("alice", &add, now).status, 0);
    }
}
