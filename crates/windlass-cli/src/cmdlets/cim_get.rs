//! `Get-CimInstance`, `Get-CimAssociatedInstance` and `Register-CimIndicationEvent`.

use std::sync::Arc;

use tokio::sync::mpsc;
use windlass::{CimSession, Enumeration, PipelineEvent, Subscription, fleet};
use windlass_clixml::{PsObject, PsValue};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome};

use super::abreast::in_order;
use super::cim_change::{path_of, resource_path};
use super::cim_reach::{Reached, in_each, sessions};
use super::{cmdlet, each, throttle};
use crate::output::{instance_to_value, with_computer};
use crate::runspace::{Local, argument, job_value, of_error};

/// Instances that wait to be written before the computers are made to wait.
const WAITING: usize = 256;

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Get-CimInstance", "Gets CIM instances of this computer or of others.", |l, c, x| {
            each(l, c, x, get)
        }),
        cmdlet(
            local,
            "Get-CimAssociatedInstance",
            "Gets the CIM instances that are associated with one.",
            |l, c, x| each(l, c, x, associated),
        ),
        cmdlet(
            local,
            "Register-CimIndicationEvent",
            "Subscribes to events: they come as the output of a job.",
            |l, c, x| each(l, c, x, register),
        ),
    ]
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.has("InputObject") {
        return again(local, call, cx);
    }
    let enumeration = enumeration(local, call).map_err(|failure| cx.fail(*failure))?;
    let key_only = call.switch("KeyOnly");
    stream(local, call, cx, enumeration, key_only)
}

/// What a call asks for.
fn enumeration(local: &Local, call: &Bound) -> Result<Enumeration, Box<Failure>> {
    let dialect = call.text("QueryDialect").unwrap_or_default();
    if !dialect.is_empty() && !dialect.to_ascii_lowercase().contains("wql") {
        let message = format!("the query dialect {dialect} is not spoken here: use WQL");
        return Err(argument(local, "QueryDialectNotSupported", message));
    }
    let shallow = call.switch("Shallow");
    let class = match call.text("ResourceUri").filter(|uri| !uri.is_empty()) {
        Some(uri) => Some(resource_path(local, &uri)?),
        None => None,
    };
    let namespace = call
        .text("Namespace")
        .or_else(|| Some(class.as_ref()?.namespace.as_ref()?.as_str().to_owned()))
        .unwrap_or_default();
    let name = call.text("ClassName").or_else(|| class.map(|path| path.class.as_str().to_owned()));
    let properties = call.texts("Property");
    let enumeration = match (call.text("Query"), name) {
        (Some(query), _) => Enumeration::query(&query),
        (None, Some(name)) if !call.has("Filter") && properties.is_empty() => Enumeration::class(&name),
        (None, Some(name)) => {
            let listed = if properties.is_empty() { "*".to_owned() } else { properties.join(",") };
            let condition = call.text("Filter").map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
            Enumeration::query(&format!("SELECT {listed} FROM {name}{condition}"))
        }
        (None, None) => {
            return Err(argument(
                local,
                "NothingAsked",
                "say what to get: -ClassName, -Query or -ResourceUri",
            ));
        }
    };
    let enumeration = if shallow { enumeration.shallow() } else { enumeration };
    Ok(if namespace.is_empty() { enumeration } else { enumeration.namespace(&namespace) })
}

/// What comes from one of the computers.
type Message = (Option<String>, Result<PsValue, windlass::Error>);

/// Enumerates everywhere at once and writes what comes as it comes.
fn stream(
    local: &Arc<Local>,
    call: &Bound,
    cx: &mut Context<'_>,
    enumeration: Enumeration,
    key_only: bool,
) -> Outcome {
    let reached = sessions(local, call, cx)?;
    let (messages, mut incoming) = mpsc::channel::<Message>(WAITING);
    let throttle = throttle(call);
    let work = local.handle.spawn(async move {
        let mut everywhere = fleet(reached, throttle, |reached: Reached| {
            let (enumeration, messages) = (enumeration.clone(), messages.clone());
            async move {
                one(reached.session(), enumeration, reached.label(), key_only, &messages).await;
                reached.done().await;
            }
        });
        while everywhere.next().await.is_some() {}
    });
    loop {
        let message = match local.wait(cx, incoming.recv()) {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(halt) => {
                work.abort();
                return Err(halt);
            }
        };
        let written = match message {
            (Some(computer), Ok(value)) => cx.write(with_computer(value, &computer)),
            (None, Ok(value)) => cx.write(value),
            (computer, Err(error)) => cx.error(of_error(
                local,
                &error,
                "CimOperationFailed",
                computer.as_deref().unwrap_or_default(),
            )),
        };
        if let Err(halt) = written {
            work.abort();
            return Err(halt);
        }
    }
}

async fn one(
    session: &CimSession,
    enumeration: Enumeration,
    label: Option<String>,
    key_only: bool,
    messages: &mpsc::Sender<Message>,
) {
    let mut instances = session.instances(enumeration);
    while let Some(instance) = instances.next().await {
        let result = instance.map(|instance| match key_only {
            false => instance_to_value(&instance),
            true => {
                let keys = instance.properties.iter().filter(|property| property.is_key);
                let mut only = windlass_cim::CimInstance::new(instance.class_name.clone());
                only.namespace.clone_from(&instance.namespace);
                for property in keys {
                    only.properties.insert(property.clone());
                }
                instance_to_value(&only)
            }
        });
        if messages.send((label.clone(), result)).await.is_err() {
            return;
        }
    }
}

/// Gets an instance as it is now.
fn again(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    in_each(local, call, cx, "CimOperationFailed", |reached, call| async move {
        let Some(input) = call.get("InputObject") else { return Ok(Vec::new()) };
        let path = path_of(reached.session(), input).await?;
        Ok(vec![instance_to_value(&reached.session().get(&path).await?)])
    })
}

fn associated(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    if call.has("ResourceUri") {
        let message = "associations are looked for in a namespace, not at a resource: use -Namespace";
        return Err(cx.fail(*argument(local, "ResourceUriNotSupported", message)));
    }
    in_each(local, call, cx, "CimOperationFailed", |reached, call| async move {
        let Some(input) = call.get("InputObject") else { return Ok(Vec::new()) };
        let path = path_of(reached.session(), input).await?;
        let mut enumeration = Enumeration::associators(&path);
        if let Some(class) = call.text("Association") {
            enumeration = enumeration.association_class(&class);
        }
        if let Some(result) = call.text("ResultClassName") {
            enumeration = enumeration.result_class(&result);
        }
        if call.switch("KeyOnly") {
            enumeration = enumeration.key_only();
        }
        let own = || Some(path.namespace.as_ref()?.as_str().to_owned());
        if let Some(namespace) = call.text("Namespace").or_else(own) {
            enumeration = enumeration.namespace(&namespace);
        }
        let found = reached.session().instances(enumeration).collect().await?;
        Ok(found.iter().map(instance_to_value).collect())
    })
}

fn register(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let query = match (call.text("Query"), call.text("ClassName")) {
        (Some(query), _) => query,
        (None, Some(class)) => format!("SELECT * FROM {class}"),
        (None, None) => return Ok(()),
    };
    if call.has("Action") {
        let message = "-Action is a script, which runs nowhere here: Receive-Job gives the events";
        return Err(cx.fail(*argument(local, "ActionNotSupported", message)));
    }
    let mut subscription = Subscription::query(&query);
    if let Some(namespace) = call.text("Namespace") {
        subscription = subscription.namespace(&namespace);
    }
    let reached = sessions(local, call, cx)?;
    let subscribed = in_order(local, cx, reached, throttle(call), |reached: Reached| {
        let subscription = subscription.clone();
        async move { (reached.session().subscribe(subscription).await, reached) }
    })?;
    for (subscribed, reached) in subscribed {
        let mut events = match subscribed {
            Ok(events) => events,
            Err(error) => {
                cx.error(of_error(
                    local,
                    &error,
                    "SubscriptionFailed",
                    &reached.label().unwrap_or_default(),
                ))?;
                continue;
            }
        };
        let computer = reached.label().unwrap_or_else(|| "localhost".to_owned());
        let job =
            local.jobs.start(call.text("SourceIdentifier"), vec![computer.clone()], query.clone(), false);
        let worker = Arc::clone(&job);
        let source = job.name().to_owned();
        let task = local.handle.spawn(async move {
            while let Some(event) = events.next().await {
                let event = event.map(|instance| PipelineEvent::Output(event_value(&source, &instance)));
                if !worker.keep(&computer, None, event) {
                    break;
                }
            }
            drop(events);
            reached.done().await;
            worker.end();
        });
        job.works_in(task);
        cx.write(job_value(&job))?;
    }
    Ok(())
}

fn event_value(source: &str, instance: &windlass_cim::CimInstance) -> PsValue {
    let arguments =
        PsObject::new("Microsoft.Management.Infrastructure.CimCmdlets.CimIndicationEventInstanceEventArgs")
            .with_adapted("NewEvent", instance_to_value(instance));
    PsObject::new("System.Management.Automation.PSEventArgs")
        .with_adapted("SourceIdentifier", source)
        .with_adapted("SourceEventArgs", arguments)
        .into()
}
