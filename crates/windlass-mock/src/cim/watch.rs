//! Event queries: what providers raise, and what comparing the instances of a class shows
//! ([MS-WMI] 3.1.4.3.22, polling with `WITHIN`).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use windlass_cim::wql::{Condition, Projection, Query, Select, Work};
use windlass_cim::{CimClass, CimInstance, CimName, CimStatus, CimValue, Namespace};

use super::groups::Groups;
use super::provider::{CimFailure, CimRequest};
use super::repository::Repository;

/// Steps that the evaluation of a condition may take for one event.
const WORK: usize = 100_000;
/// Instances that one subscription compares.
const MOST_INSTANCES: usize = 200_000;
/// Events that wait for one subscriber; later ones are lost.
const MOST_WAITING: usize = 10_000;
/// The shortest interval of polling, whatever a query says.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

const OPERATION: &str = "__InstanceOperationEvent";
const CREATION: &str = "__InstanceCreationEvent";
const DELETION: &str = "__InstanceDeletionEvent";
const MODIFICATION: &str = "__InstanceModificationEvent";

/// A query for events that was found to make sense.
pub(crate) struct EventQuery {
    select: Select,
    /// Whether the events lack properties that the query does not ask for.
    pub(crate) projected: bool,
    source: Source,
    /// Where the query gathers events, what is gathered.
    groups: Option<Groups>,
}

enum Source {
    /// Events that providers raise.
    Raised,
    /// Differences between the instances of these classes, then and now.
    Compared { classes: Vec<CimName>, interval: Duration },
}

impl EventQuery {
    /// Checks a query against the classes of a namespace.
    pub(crate) fn new(
        repository: &Repository,
        namespace: &Namespace,
        query: Query,
    ) -> Result<Self, CimFailure> {
        let invalid = |text: String| CimFailure::new(CimStatus::INVALID_QUERY).because(text);
        let Query::Select(select) = query else {
            return Err(invalid("A subscription needs a SELECT.".to_owned()));
        };
        let classes = repository.namespace(namespace)?;
        let class = classes.class(&select.from)?;
        if !class.is_indication() {
            return Err(invalid(format!("The instances of {} are no events.", class.name)));
        }
        select.validate(&class).map_err(|error| invalid(format!("The query is not valid: {error}.")))?;
        let groups = match &select.group {
            Some(group) => Some(Groups::new(group.clone(), &classes)?),
            None => None,
        };
        let source = if class.is_a(OPERATION) {
            let interval = select.within.ok_or_else(|| {
                invalid(format!("A query for {} needs WITHIN and an interval.", class.name))
            })?;
            let targets = select.condition.as_ref().map(targets).unwrap_or_default();
            if targets.is_empty() {
                let text = "The query has to name a class: TargetInstance ISA 'Class'.";
                return Err(invalid(text.to_owned()));
            }
            for target in &targets {
                classes.class(target)?;
            }
            Source::Compared { classes: targets, interval: interval.max(LEAST_INTERVAL) }
        } else {
            Source::Raised
        };
        let projected = matches!(select.projection, Projection::Columns(_)) && groups.is_none();
        Ok(Self { select, projected, source, groups })
    }
}

/// The classes that a condition names for the target instance.
fn targets(condition: &Condition) -> Vec<CimName> {
    let mut found: Vec<CimName> = Vec::new();
    let mut open = vec![condition];
    while let Some(condition) = open.pop() {
        match condition {
            Condition::And(all) | Condition::Or(all) => open.extend(all),
            Condition::Isa(property, class) if property.is("TargetInstance") && !found.contains(class) => {
                found.push(class.clone());
            }
            _ => {}
        }
    }
    found
}

/// One subscriber's view of what happens.
pub(crate) struct Watch {
    query: EventQuery,
    namespace: Namespace,
    /// The number of the raised event that was looked at last.
    seen: u64,
    /// The instances as they were last time.
    known: HashMap<String, CimInstance>,
    compared: Instant,
    waiting: VecDeque<Found>,
}

/// An event for a subscriber.
pub(crate) struct Found {
    pub(crate) event: CimInstance,
    /// Its number, if it was raised.
    pub(crate) number: Option<u64>,
}

impl Watch {
    /// Begins to watch, after the raised event of this number.
    pub(crate) fn start(
        repository: &Repository,
        request: &CimRequest<'_>,
        namespace: Namespace,
        query: EventQuery,
        after: Option<u64>,
    ) -> Result<Self, CimFailure> {
        let seen = after.unwrap_or_else(|| request.events.last());
        let compared = Instant::now();
        let (known, waiting) = (HashMap::new(), VecDeque::new());
        let mut watch = Self { query, namespace, seen, known, compared, waiting };
        watch.known = watch.instances(repository, request)?;
        Ok(watch)
    }

    /// When it is time to look again, whatever is raised until then.
    pub(crate) fn due(&self) -> Option<Instant> {
        let groups = self.query.groups.as_ref().and_then(Groups::due);
        self.comparison_due().into_iter().chain(groups).min()
    }

    fn comparison_due(&self) -> Option<Instant> {
        match &self.query.source {
            Source::Raised => None,
            Source::Compared { interval, .. } => Some(self.compared + *interval),
        }
    }

    /// Takes note of what has happened. May block.
    pub(crate) fn look(
        &mut self,
        repository: &Repository,
        request: &CimRequest<'_>,
    ) -> Result<(), CimFailure> {
        match self.comparison_due() {
            None => {
                for raised in request.events.after(self.seen, &self.namespace) {
                    self.seen = raised.number;
                    self.offer(repository, raised.event.clone(), Some(raised.number))?;
                }
            }
            Some(due) if due <= Instant::now() => self.compare(repository, request)?,
            Some(_) => {}
        }
        let Some(groups) = &mut self.query.groups else { return Ok(()) };
        let namespace = repository.namespace(&self.namespace)?;
        for event in groups.report(Instant::now(), namespace.store())? {
            if self.waiting.len() < MOST_WAITING {
                self.waiting.push_back(event);
            }
        }
        Ok(())
    }

    /// The next event.
    pub(crate) fn take(&mut self) -> Option<Found> {
        self.waiting.pop_front()
    }

    /// Gives an event back that could not be delivered now.
    pub(crate) fn put_back(&mut self, found: Found) {
        self.waiting.push_front(found);
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether there is an event.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn compare(&mut self, repository: &Repository, request: &CimRequest<'_>) -> Result<(), CimFailure> {
        let now = self.instances(repository, request)?;
        self.compared = Instant::now();
        let mut then = std::mem::take(&mut self.known);
        for (path, instance) in &now {
            match then.remove(path) {
                None => self.notice(repository, CREATION, instance.clone(), None)?,
                Some(old) if old.properties != instance.properties => {
                    self.notice(repository, MODIFICATION, instance.clone(), Some(old))?;
                }
                Some(_) => {}
            }
        }
        for gone in then.into_values() {
            self.notice(repository, DELETION, gone, None)?;
        }
        self.known = now;
        Ok(())
    }

    /// Makes the event of a difference.
    fn notice(
        &mut self,
        repository: &Repository,
        class: &str,
        target: CimInstance,
        previous: Option<CimInstance>,
    ) -> Result<(), CimFailure> {
        let class: Arc<CimClass> = repository.namespace(&self.namespace)?.class(class)?;
        if !class.is_a(&self.query.select.from) {
            return Ok(());
        }
        let mut event = CimInstance::of_class(&class);
        for (name, instance) in [("TargetInstance", Some(target)), ("PreviousInstance", previous)] {
            let Some(instance) = instance else { continue };
            event.set(name, CimValue::from(instance)).map_err(|error| CimFailure::failed(&error))?;
        }
        self.offer(repository, event.in_namespace(self.namespace.clone()), None)
    }

    /// Keeps an event if the query asks for it.
    fn offer(
        &mut self,
        repository: &Repository,
        event: CimInstance,
        number: Option<u64>,
    ) -> Result<(), CimFailure> {
        let namespace = repository.namespace(&self.namespace)?;
        let select = &self.query.select;
        let is_of_class = event.class.as_ref().is_some_and(|class| class.is_a(&select.from))
            || event.class_name == select.from;
        let wanted = is_of_class
            && select.matches(&event, namespace.store(), &mut Work::new(WORK)).map_err(|error| {
                CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED).because(format!("{error}."))
            })?;
        if !wanted {
            return Ok(());
        }
        if let Some(groups) = &mut self.query.groups {
            groups.gather(&event, |event| select.project(event), number);
        } else if self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(Found { event: select.project(event), number });
        }
        Ok(())
    }

    /// The instances of the classes that are compared, by their paths.
    fn instances(
        &self,
        repository: &Repository,
        request: &CimRequest<'_>,
    ) -> Result<HashMap<String, CimInstance>, CimFailure> {
        let mut found = HashMap::new();
        let Source::Compared { classes, .. } = &self.query.source else { return Ok(found) };
        for class in classes {
            for instance in repository.enumerate(request, &self.namespace, class, None)? {
                let instance = instance?;
                let Some(path) = instance.path() else { continue };
                if found.len() >= MOST_INSTANCES {
                    return Err(CimFailure::new(CimStatus::SERVER_LIMITS_EXCEEDED));
                }
                found.insert(path.to_string(), instance);
            }
        }
        Ok(found)
    }
}
