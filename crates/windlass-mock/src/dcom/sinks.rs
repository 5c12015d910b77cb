//! Asynchronous calls of IWbemServices: the host delivers their results into sinks of its clients
//! ([MS-WMI] 3.1.4.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use windlass_cim::{CimInstance, Namespace};
use windlass_core::status::Hresult;
use windlass_dcom::{ObjRef, ResultOnly, StdObjRef, Stub};
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::stubs::{
    CancelAsyncCall, ClassOrInstance, Delete, Enumerate, ExecMethod, Lookup, Query, STATUS_COMPLETE,
    STATUS_PROGRESS, SetStatus, ToSink, services_opnum,
};
use windlass_wmi::{flags, ids, object};

use super::enumeration::{Enumeration, Source};
use super::result::Value;
use super::services::{Services, check_flags, classes, instances, query};
use super::sink::{Sink, SinkError, SinkPlace};
use super::{Call, HostObject, Outcome, answer, blocking, notification};
use crate::host::Host;
use crate::powershell::Stop;
use crate::rpc::RpcCall;

/// Objects that one call to a sink has at most.
const OBJECTS_AT_ONCE: usize = 100;
/// How long a client that has cancelled an operation may take with the call to its sink that was under way.
const GRACE: Duration = Duration::from_secs(5);
/// The class that tells more of a failure ([MS-WMI] 2.2.11).
const EXTENDED_STATUS: &str = "__ExtendedStatus";

/// The sinks into which the host delivers now.
#[derive(Default)]
pub(super) struct Sinks(Mutex<Known>);

#[derive(Default)]
struct Known {
    last: u64,
    entries: HashMap<u64, Entry>,
}

struct Entry {
    owner: String,
    oxid: u64,
    oid: u64,
    cancelled: Stop,
    /// References that came with attempts to cancel.
    more: u32,
}

impl Sinks {
    pub(super) fn len(&self) -> usize {
        self.known().entries.len()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a sink, if its owner has not too many.
    fn enter(&self, owner: &str, sink: &StdObjRef, most: usize) -> Option<(u64, Stop)> {
        let mut known = self.known();
        if known.entries.values().filter(|entry| entry.owner == owner).count() >= most {
            return None;
        }
        known.last += 1;
        let (id, cancelled) = (known.last, Stop::default());
        let entry = Entry {
            owner: owner.to_owned(),
            oxid: sink.oxid,
            oid: sink.oid,
            cancelled: cancelled.clone(),
            more: 0,
        };
        known.entries.insert(id, entry);
        Some((id, cancelled))
    }

    /// Ends all operations that deliver into this sink. Says whether there were any.
    fn cancel(&self, owner: &str, sink: &StdObjRef) -> bool {
        let mut more = sink.public_refs;
        let mut known = self.known();
        let meant =
            |entry: &&mut Entry| entry.owner == owner && (entry.oxid, entry.oid) == (sink.oxid, sink.oid);
        let mut found = false;
        for entry in known.entries.values_mut().filter(meant) {
            entry.more = entry.more.saturating_add(std::mem::take(&mut more));
            entry.cancelled.stop();
            found = true;
        }
        found
    }
}

/// A place among the sinks, given back when dropped.
struct Listed {
    host: Arc<Host>,
    id: u64,
    cancelled: Stop,
}

impl Listed {
    /// Gives the place back: there is nothing to cancel any more. Gives the references that came with attempts to.
    fn end(self) -> u32 {
        self.host.dcom.sinks.known().entries.remove(&self.id).map_or(0, |entry| entry.more)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.host.dcom.sinks.known().entries.remove(&self.id);
        self.host.counters.changed.notify_waiters();
    }
}

/// Whether a call is one of those whose results go to a sink, or ends one.
pub(super) fn is_asynchronous(call: &RpcCall) -> bool {
    let is_twin = call.opnum > services_opnum::GET_OBJECT
        && call.opnum <= services_opnum::LAST
        && !call.opnum.is_multiple_of(2);
    call.interface.uuid == ids::SERVICES && (is_twin || call.opnum == services_opnum::CANCEL_ASYNC_CALL)
}

/// What came of looking at a call.
enum Asked {
    /// It is over.
    Done(Hresult),
    Operation(Box<Operation>),
}

/// An operation whose results go to a sink.
struct Operation {
    owner: String,
    sink: Option<ObjRef>,
    work: Work,
    /// The client wants to know of progress.
    reports: bool,
    namespace: Namespace,
    /// What is done and to what, for who has to look for an error.
    name: &'static str,
    parameter: String,
}

enum Work {
    /// Objects, some at a time.
    Objects(Namespace, Source, u32),
    /// One object or none.
    Once(Step),
}

/// What is done at once.
type Step = Box<dyn FnOnce(&Call<'_>) -> Result<Value, Hresult> + Send>;

/// Takes a call. Where nothing is wrong with it, and the sink is reached, the results follow.
pub(super) async fn call(host: &Arc<Host>, rpc: RpcCall) -> Outcome {
    let rpc = Arc::new(rpc);
    let asked = blocking(host, &rpc, |host, raw| {
        host.dcom.expire();
        asked(&Call::new(host, raw)?)
    });
    let operation = match asked.await? {
        Asked::Done(result) => return answer(&ResultOnly(result)),
        Asked::Operation(operation) => operation,
    };
    // Who is in this process has no address to connect to.
    let client = rpc.connection.peer.map(|peer| peer.ip().to_canonical());
    let Some(client) = client else { return answer(&ResultOnly(Hresult::WBEM_E_NOT_SUPPORTED)) };
    let Some(place) = SinkPlace::new(operation.sink.as_ref(), client) else {
        return answer(&ResultOnly(Hresult::WBEM_E_INVALID_PARAMETER));
    };
    let limits = &host.config.limits;
    let entered = host.dcom.sinks.enter(&operation.owner, &place.reference, limits.sinks_per_user);
    let Some((id, cancelled)) = entered else {
        return answer(&ResultOnly(Hresult::WBEM_E_QUOTA_VIOLATION));
    };
    let listed = Listed { host: Arc::clone(host), id, cancelled };
    match Sink::reach(place, limits.sink_timeout).await {
        Ok(sink) => {
            tokio::spawn(operation.run(rpc, sink, listed));
            answer(&ResultOnly(Hresult::S_OK))
        }
        Err(error) => {
            tracing::debug!(%error, %client, "a sink cannot be reached");
            answer(&ResultOnly(Hresult::RPC_S_SERVER_UNAVAILABLE))
        }
    }
}

/// Reads a call and finds what is wrong with it before anything is done.
fn asked(call: &Call<'_>) -> Result<Asked, FaultStatus> {
    let (target, _) = call.target()?;
    let HostObject::Services(services) = target.as_ref() else { return Err(FaultStatus::OP_RANGE) };
    let opnum = call.raw.opnum;
    if opnum == services_opnum::CANCEL_ASYNC_CALL {
        let CancelAsyncCall { sink } = call.parameters()?;
        let sink = sink.as_ref().filter(|sink| sink.iid == ids::OBJECT_SINK).and_then(ObjRef::remote);
        let Some(sink) = sink else { return Ok(Asked::Done(Hresult::WBEM_E_INVALID_PARAMETER)) };
        let found = call.host.dcom.sinks.cancel(&call.owner, sink);
        return Ok(Asked::Done(if found { Hresult::S_OK } else { Hresult::WBEM_E_NOT_FOUND }));
    }
    let operation = match opnum - 1 {
        services_opnum::GET_OBJECT => once(
            call,
            services,
            "GetObject",
            |request: &Lookup| (request.flags, request.name.clone()),
            |services, call, request| services.get(call, request).map(Value::Object),
        ),
        services_opnum::PUT_CLASS => once(
            call,
            services,
            "PutClass",
            |request: &ClassOrInstance| (request.flags, None),
            |services, call, request| services.put_class(call, request),
        ),
        services_opnum::DELETE_CLASS => once(
            call,
            services,
            "DeleteClass",
            |request: &Delete| (request.flags, request.path.clone()),
            |services, call, request| services.delete_class(call, request),
        ),
        services_opnum::PUT_INSTANCE => once(
            call,
            services,
            "PutInstance",
            |request: &ClassOrInstance| (request.flags, None),
            |services, call, request| services.put_instance(call, request),
        ),
        services_opnum::DELETE_INSTANCE => once(
            call,
            services,
            "DeleteInstance",
            |request: &Delete| (request.flags, request.path.clone()),
            |services, call, request| services.delete_instance(call, request),
        ),
        services_opnum::EXEC_METHOD => once(
            call,
            services,
            "ExecMethod",
            |request: &ExecMethod| (request.flags, request.path.clone()),
            |services, call, request| services.invoke(call, request).map(Value::Object),
        ),
        services_opnum::CREATE_CLASS_ENUM => {
            let ToSink { request, sink }: ToSink<Enumerate> = call.parameters()?;
            let (flags, class) = (request.flags, request.class.clone());
            objects(call, services, "CreateClassEnum", (flags, class), sink, || Ok(classes(&request)))
        }
        services_opnum::CREATE_INSTANCE_ENUM => {
            let ToSink { request, sink }: ToSink<Enumerate> = call.parameters()?;
            let (flags, class) = (request.flags, request.class.clone());
            objects(call, services, "CreateInstanceEnum", (flags, class), sink, || instances(&request))
        }
        services_opnum::EXEC_QUERY => {
            let ToSink { request, sink }: ToSink<Query> = call.parameters()?;
            let (flags, text) = (request.flags, request.query.clone());
            objects(call, services, "ExecQuery", (flags, text), sink, || query(&request))
        }
        services_opnum::EXEC_NOTIFICATION_QUERY => {
            let ToSink { request, sink }: ToSink<Query> = call.parameters()?;
            let (flags, text) = (request.flags, request.query.clone());
            let name = "ExecNotificationQuery";
            objects(call, services, name, (flags, text), sink, || services.events(call, &request))
        }
        _ => return Err(FaultStatus::OP_RANGE),
    };
    match operation {
        Ok(operation) => Ok(Asked::Operation(Box::new(operation))),
        Err(Refused::Result(result)) => Ok(Asked::Done(result)),
        Err(Refused::Fault(fault)) => Err(fault),
    }
}

/// Why nothing is done.
enum Refused {
    Result(Hresult),
    Fault(FaultStatus),
}

/// Flags that ask for what only the calls without sinks have.
fn check(given: u32) -> Result<(), Refused> {
    const OTHERS: u32 = flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY;
    let given = if given & OTHERS == 0 { given & !flags::PROTOTYPE } else { u32::MAX };
    check_flags(given).map_err(Refused::Result)
}

/// An operation that gives one object or none.
fn once<T>(
    call: &Call<'_>,
    services: &Services,
    name: &'static str,
    told: impl FnOnce(&T) -> (u32, Option<String>),
    work: impl FnOnce(&Services, &Call<'_>, &T) -> Result<Value, Hresult> + Send + 'static,
) -> Result<Operation, Refused>
where
    T: Send + 'static,
    ToSink<T>: Stub,
{
    let ToSink { request, sink }: ToSink<T> = call.parameters().map_err(Refused::Fault)?;
    let (given, parameter) = told(&request);
    check(given)?;
    let of = services.clone();
    let work = Work::Once(Box::new(move |call| work(&of, call, &request)));
    Ok(operation(call, services, name, (given, parameter), sink, work))
}

/// An operation that gives as many objects as there are.
fn objects(
    call: &Call<'_>,
    services: &Services,
    name: &'static str,
    told: (u32, Option<String>),
    sink: Option<ObjRef>,
    source: impl FnOnce() -> Result<Source, Hresult>,
) -> Result<Operation, Refused> {
    check(told.0)?;
    let source = source().map_err(Refused::Result)?;
    let work = Work::Objects(services.namespace().clone(), source, told.0);
    Ok(operation(call, services, name, told, sink, work))
}

fn operation(
    call: &Call<'_>,
    services: &Services,
    name: &'static str,
    (given, parameter): (u32, Option<String>),
    sink: Option<ObjRef>,
    work: Work,
) -> Operation {
    Operation {
        owner: call.owner.clone(),
        sink,
        work,
        reports: given & flags::SEND_STATUS != 0,
        namespace: services.namespace().clone(),
        name,
        parameter: parameter.unwrap_or_default(),
    }
}

/// What an operation came to.
struct End {
    result: Hresult,
    text: Option<String>,
}

impl From<Hresult> for End {
    fn from(result: Hresult) -> Self {
        Self { result, text: None }
    }
}

impl Operation {
    async fn run(self: Box<Self>, rpc: Arc<RpcCall>, mut sink: Sink, listed: Listed) {
        let (host, cancelled) = (Arc::clone(&listed.host), listed.cancelled.clone());
        let Self { work, reports, namespace, name, parameter, .. } = *self;
        let delivery = Delivery { host: &host, rpc: &rpc, sink: &mut sink, cancelled: &cancelled, reports };
        let ended = tokio::select! {
            ended = delivery.work(work) => ended,
            // The call that is under way may be answered yet: the last word can only follow it.
            () = async { cancelled.stopped().await; tokio::time::sleep(GRACE).await } => Err(SinkError::Late),
            () = host.stop.stopped() => return,
        };
        let told = match ended {
            Ok(End { result, text }) => {
                let error = result.is_failure().then(|| details(&host, &namespace, name, &parameter, result));
                let error = error.flatten();
                sink.set_status(&SetStatus { kind: STATUS_COMPLETE, result, text, error }).await
            }
            Err(error) => Err(error),
        };
        match told {
            // Who hears of the release may ask at once.
            Ok(_) => sink.release(listed.end()).await,
            Err(error) => tracing::debug!(%error, name, "an operation lost its sink"),
        }
    }
}

/// An operation under way.
struct Delivery<'d> {
    host: &'d Arc<Host>,
    rpc: &'d Arc<RpcCall>,
    sink: &'d mut Sink,
    cancelled: &'d Stop,
    reports: bool,
}

impl Delivery<'_> {
    async fn work(mut self, work: Work) -> Result<End, SinkError> {
        match work {
            Work::Objects(namespace, source, flags) => self.objects(namespace, source, flags).await,
            Work::Once(work) => match perform(self.host, self.rpc, work).await {
                Ok(Value::Object(object)) => {
                    let cancelled = self.indicate(vec![Some(object)]).await?;
                    Ok(cancelled.unwrap_or_else(|| Hresult::S_OK.into()))
                }
                Ok(Value::Text(text)) => Ok(End { result: Hresult::S_OK, text: Some(text) }),
                Ok(Value::Nothing | Value::Services(_)) => Ok(Hresult::S_OK.into()),
                Err(result) => Ok(result.into()),
            },
        }
    }

    async fn objects(&mut self, namespace: Namespace, source: Source, flags: u32) -> Result<End, SinkError> {
        let started =
            perform(self.host, self.rpc, move |call| Enumeration::start(call, namespace, source, flags))
                .await;
        let enumeration = match started {
            Ok(enumeration) => Arc::new(enumeration),
            Err(result) => return Ok(result.into()),
        };
        let mut delivered = 0_u32;
        loop {
            if let Some(notification) = enumeration.notification() {
                tokio::select! {
                    () = notification::until(self.host, notification, 1, None, self.cancelled) => {}
                    error = self.sink.keep() => return Err(error),
                }
            }
            if self.cancelled.is_stopped() {
                return Ok(Hresult::WBEM_E_CALL_CANCELLED.into());
            }
            let next = Arc::clone(&enumeration);
            let batch = perform(self.host, self.rpc, move |call| Ok(next.batch(call, OBJECTS_AT_ONCE))).await;
            let (objects, result) = batch.unwrap_or_else(|result| (Vec::new(), result));
            if !objects.is_empty() {
                delivered = delivered.saturating_add(u32::try_from(objects.len()).unwrap_or(u32::MAX));
                if let Some(cancelled) = self.indicate(objects).await? {
                    return Ok(cancelled);
                }
                if self.reports
                    && let Some(cancelled) = self.report(delivered).await?
                {
                    return Ok(cancelled);
                }
            }
            match result {
                Hresult::S_FALSE => return Ok(Hresult::S_OK.into()),
                result if result.is_failure() => return Ok(result.into()),
                _ => {}
            }
        }
    }

    /// Delivers. Gives the end of the operation where the client wants no more.
    async fn indicate(&mut self, objects: Vec<Option<ObjRef>>) -> Result<Option<End>, SinkError> {
        let answered = self.sink.indicate(objects).await?;
        Ok(self.goes_on(answered))
    }

    /// Says how many objects were delivered, as the lower half of a number whose upper half is how many there
    /// are: that is not known.
    async fn report(&mut self, delivered: u32) -> Result<Option<End>, SinkError> {
        let progress = Hresult(delivered.min(u32::from(u16::MAX)));
        let status = SetStatus { kind: STATUS_PROGRESS, result: progress, text: None, error: None };
        let answered = self.sink.set_status(&status).await?;
        Ok(self.goes_on(answered))
    }

    fn goes_on(&self, answered: Hresult) -> Option<End> {
        let is_over = answered.is_failure() || self.cancelled.is_stopped();
        is_over.then(|| Hresult::WBEM_E_CALL_CANCELLED.into())
    }
}

/// Does a part of an operation on a thread of its own.
async fn perform<T: Send + 'static>(
    host: &Arc<Host>,
    rpc: &Arc<RpcCall>,
    work: impl FnOnce(&Call<'_>) -> Result<T, Hresult> + Send + 'static,
) -> Result<T, Hresult> {
    let done = blocking(host, rpc, |host, raw| Ok(work(&Call::new(host, raw)?)));
    done.await.unwrap_or(Err(Hresult::WBEM_E_FAILED))
}

/// An object that tells more of a failure.
fn details(
    host: &Host,
    namespace: &Namespace,
    name: &str,
    parameter: &str,
    result: Hresult,
) -> Option<ObjRef> {
    let class = host.cim.namespace(namespace).ok()?.class(EXTENDED_STATUS).ok()?;
    let mut details = CimInstance::of_class(&class);
    details.set("Operation", name).ok()?;
    details.set("ParameterInfo", parameter).ok()?;
    details.set("Description", result.message().unwrap_or_default()).ok()?;
    details.set("StatusCode", result.0).ok()?;
    object::marshal_instance(&details).ok()
}
