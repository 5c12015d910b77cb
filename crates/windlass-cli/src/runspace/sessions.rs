//! The PSSessions of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;
use windlass::{Availability, DEFAULT_THROTTLE, PsSession, SessionState, SessionTicket, fleet};
use windlass_clixml::{PsObject, PsValue, ps_enum};

use super::{Recipe, lock, matcher};

const TYPE: &str = "System.Management.Automation.Runspaces.PSSession";

/// How long a command that is being stopped may stand in the way of the next one.
const A_MOMENT: Duration = Duration::from_secs(3);

/// A session of this process, and what it was made from.
pub(crate) struct SessionEntry {
    pub(crate) session: PsSession,
    pub(crate) recipe: Recipe,
    /// Pipelines that go on while it is disconnected, and what came of them until then.
    pub(crate) running: tokio::sync::Mutex<Vec<windlass::Invocation>>,
    /// How many commands work in it.
    commands: watch::Sender<usize>,
}

/// A command's place in a session: the session is busy until it is given up.
pub(crate) struct Working(Arc<SessionEntry>);

impl Working {
    /// Whether it is one in this session.
    pub(crate) fn is(&self, entry: &Arc<SessionEntry>) -> bool {
        Arc::ptr_eq(&self.0, entry)
    }
}

impl std::ops::Deref for Working {
    type Target = SessionEntry;

    fn deref(&self) -> &SessionEntry {
        &self.0
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.commands.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// The sessions, in the order in which they were opened.
#[derive(Default)]
pub(crate) struct SessionTable {
    open: Mutex<Vec<Arc<SessionEntry>>>,
    /// Sessions that hosts told of, and what they were asked with.
    found: Mutex<HashMap<Uuid, (SessionTicket, Recipe)>>,
}

impl SessionEntry {
    /// An open session.
    pub(crate) fn new(session: PsSession, recipe: Recipe) -> Arc<Self> {
        let running = tokio::sync::Mutex::default();
        Arc::new(Self { session, recipe, running, commands: watch::Sender::new(0) })
    }

    /// A place for a command, beside those that work already.
    pub(crate) fn work(self: &Arc<Self>) -> Working {
        self.commands.send_modify(|count| *count += 1);
        Working(Arc::clone(self))
    }

    /// A place for a command that is to be the only one. Another one that is being stopped is waited for, for a
    /// moment.
    pub(crate) async fn work_alone(self: &Arc<Self>) -> Option<Working> {
        // What goes on since the session was left waits for whoever receives it.
        if !self.running.lock().await.is_empty() && self.session.availability() == Availability::Busy {
            return None;
        }
        let take = |count: &mut usize| {
            let is_free = *count == 0;
            *count += usize::from(is_free);
            is_free
        };
        let mut count = self.commands.subscribe();
        tokio::time::timeout(A_MOMENT, async {
            while !self.commands.send_if_modified(take) {
                if count.changed().await.is_err() {
                    return;
                }
            }
        })
        .await
        .ok()
        .map(|()| Working(Arc::clone(self)))
    }

    /// The session as a value, as it is now.
    pub(crate) fn value(&self) -> PsValue {
        let session = &self.session;
        let state = match session.state() {
            SessionState::Opened => ("Opened", 2),
            SessionState::Disconnected => ("Disconnected", 7),
            SessionState::Broken => ("Broken", 5),
            _ => ("Closed", 3),
        };
        let availability = match session.availability() {
            Availability::Available => ("Available", 1),
            Availability::Busy => ("Busy", 3),
            _ => ("None", 0),
        };
        let idle = session.idle_timeout().map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(-1));
        object(ObjectParts {
            id: session.id(),
            name: session.name(),
            transport: if self.recipe.program.is_some() { "SSH" } else { "WSMan" },
            computer: session.computer_name(),
            configuration: session.configuration_name(),
            instance: session.instance_id(),
            state,
            availability,
            idle,
        })
        .with_adapted("ApplicationPrivateData", session.application_private_data())
        .into()
    }

    /// Closes the session once nobody else uses it.
    pub(crate) async fn close(self: Arc<Self>) -> windlass::Result<()> {
        match Arc::try_unwrap(self) {
            Ok(entry) => entry.session.close().await,
            // A pipeline holds it still: it closes when that ends.
            Err(_) => Ok(()),
        }
    }
}

/// What a session's value is made of.
#[derive(Clone, Copy)]
struct ObjectParts<'a> {
    id: u32,
    name: &'a str,
    transport: &'static str,
    computer: &'a str,
    configuration: &'a str,
    instance: Uuid,
    state: (&'static str, i32),
    availability: (&'static str, i32),
    idle: i64,
}

fn object(parts: ObjectParts<'_>) -> PsObject {
    let ObjectParts { id, name, transport, computer, configuration, instance, state, availability, idle } =
        parts;
    PsObject::typed([TYPE, "System.Object"])
        .with_to_string(format!("[PSSession]{name}"))
        .with_adapted("Id", i32::try_from(id).unwrap_or(i32::MAX))
        .with_adapted("Name", name)
        .with_adapted("Transport", transport)
        .with_adapted("ComputerName", computer)
        .with_adapted(
            "ComputerType",
            ps_enum("System.Management.Automation.Runspaces.TargetMachineType", "RemoteMachine", 0),
        )
        .with_adapted(
            "State",
            ps_enum("System.Management.Automation.Runspaces.RunspaceState", state.0, state.1),
        )
        .with_adapted("ConfigurationName", configuration)
        .with_adapted(
            "Availability",
            ps_enum(
                "System.Management.Automation.Runspaces.RunspaceAvailability",
                availability.0,
                availability.1,
            ),
        )
        .with_adapted("InstanceId", PsValue::Guid(instance))
        .with_adapted("IdleTimeout", idle)
}

/// The value of a session that a host has and that this process is not connected to.
pub(crate) fn found_value(found: &windlass::FoundSession) -> PsValue {
    let ticket = &found.ticket;
    let (state, availability) = match found.is_disconnected {
        true => (("Disconnected", 7), ("None", 0)),
        false => (("Disconnected", 7), ("Busy", 3)),
    };
    let idle = found.idle_timeout.map_or(-1, |time| i64::try_from(time.as_millis()).unwrap_or(-1));
    object(ObjectParts {
        id: 0,
        name: &ticket.name,
        transport: "WSMan",
        computer: &ticket.computer_name,
        configuration: &ticket.configuration_name,
        instance: ticket.instance_id,
        state,
        availability,
        idle,
    })
    .into()
}

impl SessionTable {
    /// Adds a session.
    pub(crate) fn add(&self, session: PsSession, recipe: Recipe) -> Arc<SessionEntry> {
        let entry = SessionEntry::new(session, recipe);
        lock(&self.open).push(Arc::clone(&entry));
        entry
    }

    /// All sessions.
    pub(crate) fn all(&self) -> Vec<Arc<SessionEntry>> {
        lock(&self.open).clone()
    }

    /// The sessions whose name fits one of the patterns.
    pub(crate) fn named(&self, pattern: &str) -> Vec<Arc<SessionEntry>> {
        let pattern = matcher(pattern);
        self.all().into_iter().filter(|entry| pattern(entry.session.name())).collect()
    }

    /// The session with this number.
    pub(crate) fn by_id(&self, id: i64) -> Option<Arc<SessionEntry>> {
        self.all().into_iter().find(|entry| i64::from(entry.session.id()) == id)
    }

    /// The session with this instance id.
    pub(crate) fn by_instance(&self, id: Uuid) -> Option<Arc<SessionEntry>> {
        self.all().into_iter().find(|entry| entry.session.instance_id() == id)
    }

    /// The session that a value stands for.
    pub(crate) fn of(&self, value: &PsValue) -> Option<Arc<SessionEntry>> {
        self.by_instance(value.get("InstanceId")?.as_guid()?)
    }

    /// Remembers a session that a host told of, for those who want to connect to it.
    pub(crate) fn remember(&self, ticket: SessionTicket, recipe: Recipe) {
        lock(&self.found).insert(ticket.instance_id, (ticket, recipe));
    }

    /// What it takes to connect to a session that a host told of.
    pub(crate) fn remembered(&self, instance: Uuid) -> Option<(SessionTicket, Recipe)> {
        lock(&self.found).get(&instance).cloned()
    }

    /// Takes a session out.
    pub(crate) fn remove(&self, entry: &Arc<SessionEntry>) {
        lock(&self.open).retain(|known| !Arc::ptr_eq(known, entry));
    }

    /// A session's value as it is now; one that is not here any more is closed.
    pub(crate) fn refreshed(&self, value: &PsValue) -> Option<PsValue> {
        let object = value.as_object()?;
        if object.type_names.most_derived() != TYPE {
            return None;
        }
        if let Some(entry) = self.of(value) {
            return Some(entry.value());
        }
        if value.get("Id").and_then(PsValue::as_i64) == Some(0) {
            return None;
        }
        let mut closed = PsObject::clone(object);
        closed
            .adapted
            .set("State", ps_enum("System.Management.Automation.Runspaces.RunspaceState", "Closed", 3));
        closed.adapted.set(
            "Availability",
            ps_enum("System.Management.Automation.Runspaces.RunspaceAvailability", "None", 0),
        );
        Some(closed.into())
    }

    /// Closes all sessions; those that were disconnected stay at their hosts.
    pub(crate) async fn close(&self) {
        let mut all = std::mem::take(&mut *lock(&self.open));
        all.retain(|entry| entry.session.state() == SessionState::Opened);
        let mut everywhere = fleet(all, DEFAULT_THROTTLE, SessionEntry::close);
        while let Some((_, closed)) = everywhere.next().await {
            if let Err(error) = closed {
                tracing::warn!(%error, "a session could not be closed");
            }
        }
    }
}
