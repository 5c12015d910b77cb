//! `New-PSSession`, `Get-PSSession` and `Remove-PSSession`.

use std::collections::HashSet;
use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome, exceptions, text};
use windlass_psrp::ErrorCategory;

use super::abreast::in_order;
use super::{cmdlet, each, throttle};
use crate::runspace::{
    Local, Reach, Recipe, SessionEntry, argument, credential_of, found_value, matcher, of_error, places,
};

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(
            local,
            "New-PSSession",
            "Opens sessions with computers, which stay open until they are removed.",
            new,
        ),
        cmdlet(
            local,
            "Get-PSSession",
            "Tells the sessions of this process, or those that a computer has.",
            |l, c, x| each(l, c, x, get),
        ),
        cmdlet(local, "Remove-PSSession", "Closes sessions.", remove),
    ]
}

fn new(local: &Arc<Local>, calls: &[Bound], cx: &mut Context<'_>) -> Outcome {
    let mut recipes = Vec::new();
    for call in calls {
        match models(local, call, cx) {
            Ok(more) => recipes.extend(more),
            Err(failure) => return Err(cx.fail(*failure)),
        }
    }
    let Some(first) = calls.first() else { return Ok(()) };
    let names = first.texts("Name");
    let opened = open(local, cx, recipes, &names, throttle(first))?;
    for entry in opened {
        cx.write(entry.value())?;
    }
    Ok(())
}

/// What the sessions that a call asks for are made from.
fn models(local: &Arc<Local>, call: &Bound, cx: &Context<'_>) -> Result<Vec<Recipe>, Box<Failure>> {
    super::ps_enter::refuse_other_transports(local, call)?;
    if !call.has("Session") {
        return Reach::sessions(local, cx, call);
    }
    let mut recipes = Vec::new();
    for value in call.list("Session") {
        let Some(entry) = local.sessions.of(&value) else { return Err(closed(&value)) };
        let mut recipe = entry.recipe.clone();
        if recipe.program.is_some() && call.has("Credential") {
            return Err(argument(
                local,
                "InvalidParameterCombination",
                format!("the session {} goes over SSH, which takes no -Credential", entry.session.name()),
            ));
        }
        if let Some(given) = call.get("Credential").filter(|value| !value.is_null()) {
            recipe.target.set_credential(credential_of(local, given)?);
        }
        recipe.options.enable_network_access |= call.switch("EnableNetworkAccess");
        recipes.push(recipe);
    }
    Ok(recipes)
}

fn closed(value: &PsValue) -> Box<Failure> {
    let message = format!("the session {} is closed, or is not one of this process", text(value));
    Box::new(Failure::new(
        exceptions::INVALID_OPERATION,
        "PSSessionClosed",
        ErrorCategory::InvalidOperation,
        message,
    ))
}

/// Opens sessions, some at a time. Those that could be opened come in the order in which they were asked
/// for; errors are written for the others.
pub(super) fn open(
    local: &Arc<Local>,
    cx: &mut Context<'_>,
    recipes: Vec<Recipe>,
    names: &[String],
    throttle: usize,
) -> Result<Vec<Arc<SessionEntry>>, windlass_mock::powershell::Halt> {
    let names = names.iter().cloned().map(Some).chain(std::iter::repeat(None));
    let jobs: Vec<(Recipe, Option<String>)> = recipes.into_iter().zip(names).collect();
    let results = in_order(local, cx, jobs, throttle, |(recipe, name): (Recipe, Option<String>)| {
        let builder = recipe.builder(name.as_deref()).reserve_id();
        async move { (builder.connect().await, recipe) }
    })?;
    let mut opened = Vec::new();
    for (result, recipe) in results {
        match result {
            Ok(session) => opened.push(local.sessions.add(session, recipe)),
            Err(error) => cx.error(of_error(local, &error, "PSSessionOpenFailed", &recipe.computer))?,
        }
    }
    Ok(opened)
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let wanted = Wanted::of(call);
    if call.has("ComputerName") || call.has("ConnectionUri") {
        return at_hosts(local, call, cx, &wanted);
    }
    let all = local.sessions.all();
    let mut found = vec![false; wanted.names.len()];
    for entry in &all {
        let session = &entry.session;
        for (is_found, (_, fits)) in found.iter_mut().zip(&wanted.names) {
            *is_found |= fits(session.name());
        }
        let id = i64::from(session.id());
        if wanted.takes(session.name(), Some(id), session.instance_id()) && state_fits(call, &entry.value()) {
            cx.write(entry.value())?;
        }
    }
    for (name, _) in wanted.names.iter().zip(found).filter(|(_, found)| !found).map(|(name, _)| name) {
        if !windlass_command::wildcard::has_wildcards(name) {
            cx.error(not_found(&format!("no session is called '{name}'"), name.as_str().into()))?;
        }
    }
    for id in &wanted.ids {
        if local.sessions.by_id(*id).is_none() {
            cx.error(not_found(&format!("no session has the id {id}"), (*id).into()))?;
        }
    }
    Ok(())
}

pub(super) fn not_found(message: &str, target: PsValue) -> Failure {
    Failure::new(exceptions::ARGUMENT, "PSSessionNotFound", ErrorCategory::ObjectNotFound, message)
        .about(target)
}

/// Whether a name fits.
type Fits = Box<dyn Fn(&str) -> bool>;

/// By what sessions are chosen.
pub(super) struct Wanted {
    pub(super) names: Vec<(String, Fits)>,
    pub(super) ids: Vec<i64>,
    pub(super) instances: Vec<uuid::Uuid>,
}

impl Wanted {
    pub(super) fn of(call: &Bound) -> Self {
        let named = |name: String| -> (String, Fits) {
            let fits = matcher(&name);
            (name, Box::new(fits))
        };
        Self {
            names: call.texts("Name").into_iter().map(named).collect(),
            ids: call.list("Id").iter().filter_map(PsValue::as_i64).collect(),
            instances: call.list("InstanceId").iter().filter_map(PsValue::as_guid).collect(),
        }
    }

    pub(super) fn takes(&self, name: &str, id: Option<i64>, instance: uuid::Uuid) -> bool {
        (self.names.is_empty() || self.names.iter().any(|(_, fits)| fits(name)))
            && (self.ids.is_empty() || id.is_some_and(|id| self.ids.contains(&id)))
            && (self.instances.is_empty() || self.instances.contains(&instance))
    }
}

fn state_fits(call: &Bound, value: &PsValue) -> bool {
    let wanted = call.text("State").filter(|state| !state.eq_ignore_ascii_case("All"));
    wanted.is_none_or(|wanted| {
        value.get("State").map(text).is_some_and(|state| state.eq_ignore_ascii_case(&wanted))
    })
}

/// The sessions that hosts have for this user.
fn at_hosts(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>, wanted: &Wanted) -> Outcome {
    let recipes =
        Reach::of(local, call).and_then(|reach| reach.recipes(local, cx, call, &places(local, call)));
    let recipes = recipes.map_err(|failure| cx.fail(*failure))?;
    let results = in_order(local, cx, recipes, throttle(call), |recipe: Recipe| async move {
        (recipe.builder(None).find().await, recipe)
    })?;
    for (result, recipe) in results {
        match result {
            Ok(found) => {
                for session in found {
                    let ticket = session.ticket.clone();
                    if !wanted.takes(&ticket.name, None, ticket.instance_id) {
                        continue;
                    }
                    let value = match local.sessions.by_instance(ticket.instance_id) {
                        Some(entry) => entry.value(),
                        None => {
                            local.sessions.remember(ticket, recipe.clone());
                            found_value(&session)
                        }
                    };
                    if state_fits(call, &value) {
                        cx.write(value)?;
                    }
                }
            }
            Err(error) => cx.error(of_error(local, &error, "PSSessionQueryFailed", &recipe.computer))?,
        }
    }
    Ok(())
}

fn remove(local: &Arc<Local>, calls: &[Bound], cx: &mut Context<'_>) -> Outcome {
    let mut removed = Vec::new();
    for call in calls {
        for entry in chosen(local, call, cx)? {
            if local.entered().is_some_and(|entered| Arc::ptr_eq(&entered, &entry)) {
                local.leave();
            }
            local.sessions.remove(&entry);
            removed.push(entry);
        }
    }
    let closed = in_order(local, cx, removed, windlass::DEFAULT_THROTTLE, |entry: Arc<SessionEntry>| {
        let computer = entry.session.computer_name().to_owned();
        async move { (entry.close().await, computer) }
    })?;
    for (closed, computer) in closed {
        if let Err(error) = closed {
            cx.error(of_error(local, &error, "PSSessionCloseFailed", &computer))?;
        }
    }
    Ok(())
}

/// The sessions of this process that a call names by value, name, id, instance or computer, each of them once.
pub(super) fn chosen(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
) -> Result<Vec<Arc<SessionEntry>>, windlass_mock::powershell::Halt> {
    let mut entries = Vec::new();
    for value in call.list("Session") {
        // A session that is closed already need not be closed.
        entries.extend(local.sessions.of(&value));
    }
    for name in call.texts("Name") {
        let found = local.sessions.named(&name);
        if found.is_empty() && !windlass_command::wildcard::has_wildcards(&name) {
            cx.error(not_found(&format!("no session is called '{name}'"), name.into()))?;
        }
        entries.extend(found);
    }
    for id in call.list("Id").iter().filter_map(PsValue::as_i64) {
        match local.sessions.by_id(id) {
            Some(entry) => entries.push(entry),
            None => cx.error(not_found(&format!("no session has the id {id}"), id.into()))?,
        }
    }
    for id in call.list("InstanceId").iter().filter_map(PsValue::as_guid) {
        match local.sessions.by_instance(id) {
            Some(entry) => entries.push(entry),
            None => {
                cx.error(not_found(&format!("no session has the instance id {id}"), PsValue::Guid(id)))?;
            }
        }
    }
    if !call.has("Session") && !call.has("Name") && !call.has("Id") && !call.has("InstanceId") {
        for computer in call.texts("ComputerName") {
            let on =
                |entry: &Arc<SessionEntry>| entry.session.computer_name().eq_ignore_ascii_case(&computer);
            let found: Vec<_> = local.sessions.all().into_iter().filter(on).collect();
            if found.is_empty() {
                let reason = format!(
                    "no session leads to a computer called {computer}: -Name finds sessions by their own names"
                );
                cx.error(not_found(&reason, computer.into()))?;
            }
            entries.extend(found);
        }
    }
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(entry.session.instance_id()));
    Ok(entries)
}
