//! Gathering events into one: `GROUP WITHIN … BY … HAVING …` (`__AggregateEvent` of WMI).

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use windlass_cim::wql::{Group, Work};
use windlass_cim::{CimClass, CimInstance, CimStatus, CimValue, Schema};

use super::provider::CimFailure;
use super::repository::NamespaceClasses;
use super::watch::Found;

/// Groups of one subscriber at once; events of further ones are lost.
const MOST_GROUPS: usize = 1_000;
/// Steps that the evaluation of `HAVING` may take for one group.
const WORK: usize = 100_000;

const AGGREGATE: &str = "__AggregateEvent";

/// What is gathered for one subscriber.
pub(super) struct Groups {
    group: Group,
    class: Arc<CimClass>,
    open: HashMap<Vec<Option<String>>, Gathered>,
}

/// Events with the same values.
struct Gathered {
    /// When it is to be reported: an interval after its first event.
    due: Instant,
    count: u32,
    /// The first event.
    representative: CimInstance,
    /// The number of the newest event, if it was raised.
    number: Option<u64>,
}

impl Groups {
    /// Checks `HAVING` against what is reported.
    pub(super) fn new(group: Group, classes: &NamespaceClasses) -> Result<Self, CimFailure> {
        let class = classes.class(AGGREGATE)?;
        if let Some(having) = &group.having {
            having.validate(&class).map_err(|error| {
                CimFailure::new(CimStatus::INVALID_QUERY).because(format!("The query is not valid: {error}."))
            })?;
        }
        Ok(Self { group, class, open: HashMap::new() })
    }

    /// When the next group is to be reported.
    pub(super) fn due(&self) -> Option<Instant> {
        self.open.values().map(|gathered| gathered.due).min()
    }

    /// Adds an event to its group. Of the first, what `project` leaves is kept to stand for all.
    pub(super) fn gather(
        &mut self,
        event: &CimInstance,
        project: impl FnOnce(CimInstance) -> CimInstance,
        number: Option<u64>,
    ) {
        // Texts are told apart as queries compare them: without regard to case.
        let text = |value: &CimValue| value.to_text().map(|text| text.to_lowercase());
        let key: Vec<_> = self.group.by.iter().map(|property| text(&property.value(event))).collect();
        if let Some(gathered) = self.open.get_mut(&key) {
            gathered.count = gathered.count.saturating_add(1);
            gathered.number = number.or(gathered.number);
        } else if self.open.len() < MOST_GROUPS {
            let due = Instant::now() + self.group.within;
            let representative = project(event.clone());
            self.open.insert(key, Gathered { due, count: 1, representative, number });
        }
    }

    /// Takes the groups whose time is over and makes events of those that the query wants, the oldest first.
    pub(super) fn report(&mut self, now: Instant, schema: &dyn Schema) -> Result<Vec<Found>, CimFailure> {
        let mut over: Vec<_> =
            self.open.extract_if(|_, gathered| gathered.due <= now).map(|(_, gathered)| gathered).collect();
        over.sort_by_key(|gathered| gathered.due);
        let mut found = Vec::new();
        for gathered in over {
            let namespace = gathered.representative.namespace.clone();
            let mut event = CimInstance::of_class(&self.class);
            let values = [
                ("NumberOfEvents", CimValue::UInt32(gathered.count)),
                ("Representative", gathered.representative.into()),
            ];
            for (name, value) in values {
                event.set(name, value).map_err(|error| CimFailure::failed(&error))?;
            }
            event.namespace = namespace;
            let wanted = match &self.group.having {
                None => true,
                Some(having) => having.holds(&event, schema, &mut Work::new(WORK)).map_err(|error| {
                    CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED).because(format!("{error}."))
                })?,
            };
            if wanted {
                found.push(Found { event, number: gathered.number });
            }
        }
        Ok(found)
    }
}
