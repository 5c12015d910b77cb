//! Sinks: this side as an exporter of objects, which the server calls ([MS-WMI] 3.1.4.2).
//!
//! A server calls a client back under its own account, or under none, which the client cannot check. So a sink is
//! found by its interface id alone: 122 random bits that the server learned over the protected connection of the
//! session. Only connections from the server's address are let in at all, and each sink takes calls until its
//! operation is over.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;
use windlass_cim::{CimInstance, Namespace};
use windlass_core::status::Hresult;
use windlass_dcom::objects::{Limits, ObjectTable, Refusal};
use windlass_dcom::server::{self, About};
use windlass_dcom::{DualStringArray, ObjRef, ResultOnly, StdObjRef, StringBinding, Stub, ids as dcom_ids};
use windlass_net::{RpcAnswer, RpcHandler};
use windlass_rpc::pdu::FaultStatus;
use windlass_rpc::{IncomingCall, SyntaxId};
use windlass_wmi::stubs::{
    CancelAsyncCall, Indicate, STATUS_COMPLETE, STATUS_PROGRESS, STATUS_REQUIREMENTS, SetStatus, ToSink,
    services_opnum, sink_opnum,
};
use windlass_wmi::wmio::WmiObject;
use windlass_wmi::{ids, object};

use super::DcomClient;
use crate::error::Result;

/// References that are handed over with a sink.
const REFERENCES: u32 = 5;
/// What servers are told of authentication: none (RPC_C_AUTHN_LEVEL_NONE).
const NO_AUTHENTICATION: u32 = 1;
/// Objects that one call to a sink may deliver.
const MOST_OBJECTS: usize = 100_000;
/// Deliveries that may wait for the caller: one is read while the next is on its way.
const DEPTH: usize = 1;
/// How often a call that waits for room says that its sink is in use.
const TOUCH: Duration = Duration::from_secs(60);

/// What a sink hears.
pub(crate) enum Heard {
    /// Objects.
    Objects(Vec<WmiObject>),
    /// The operation goes on; how far it has come, as the server counts.
    Progress(u32),
    /// The operation is over.
    Over { result: Hresult, text: Option<String>, details: Option<CimInstance> },
    /// The server said what cannot be understood.
    Broken(String),
}

/// A sink, as its exporter knows it.
struct Sink {
    heard: mpsc::Sender<Heard>,
    oid: OnceLock<u64>,
}

impl Sink {
    fn has(&self, iid: Uuid) -> bool {
        iid == dcom_ids::IUNKNOWN || iid == ids::OBJECT_SINK
    }
}

/// The sinks of one session, as an exporter.
pub(crate) struct Inbox {
    table: Mutex<ObjectTable<Sink>>,
    /// The address of the server: to it all sinks belong.
    server: String,
    about: About,
}

/// A sink, as its user knows it.
pub(crate) struct Exported {
    reference: StdObjRef,
    pub(crate) heard: mpsc::Receiver<Heard>,
}

impl Inbox {
    /// An exporter at an address of this computer for one server. At most so many sinks.
    pub(crate) fn new(host: &str, port: u16, server: IpAddr, sinks: usize) -> Self {
        let addresses = vec![StringBinding::tcp_port(host, port)];
        let bindings = DualStringArray { addresses, security: Vec::new() };
        let limits = Limits { objects: sinks, objects_of_one: sinks, sets: 4, ..Limits::default() };
        Self {
            table: Mutex::new(ObjectTable::new(limits)),
            server: server.to_string(),
            about: About {
                resolver: bindings.clone(),
                exporter: bindings,
                authentication_hint: NO_AUTHENTICATION,
                references: REFERENCES,
            },
        }
    }

    fn table(&self) -> MutexGuard<'_, ObjectTable<Sink>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new sink; `None` where there are too many.
    pub(crate) fn export(&self) -> Option<Exported> {
        let (sender, heard) = mpsc::channel(DEPTH);
        let sink = Sink { heard: sender, oid: OnceLock::new() };
        let mut table = self.table();
        let reference = table.export(&self.server, sink, ids::OBJECT_SINK, REFERENCES, now()).ok()?;
        if let Ok((sink, _)) = table.target(&self.server, reference.ipid, now()) {
            sink.oid.get_or_init(|| reference.oid);
        }
        Some(Exported { reference, heard })
    }

    /// What the server is told of a sink. Each time it gets further references with it.
    fn reference(&self, exported: &StdObjRef) -> ObjRef {
        let again = self.table().query(&self.server, exported.ipid, ids::OBJECT_SINK, REFERENCES, now());
        let reference = again.unwrap_or(*exported);
        ObjRef::standard(ids::OBJECT_SINK, reference, self.about.resolver.clone())
    }

    /// Takes a sink away: nobody can call it any more.
    pub(crate) fn withdraw(&self, exported: &StdObjRef) {
        let gone = self.table().remove(exported.oid);
        drop(gone);
    }

    /// Takes away the sinks that the server neither called nor pinged for too long.
    pub(crate) fn expire(&self, now: Instant) {
        let gone = self.table().expire(now);
        if !gone.is_empty() {
            tracing::debug!(sinks = gone.len(), "sinks expired that the server does not ping");
        }
    }

    /// A call to a sink.
    async fn deliver(&self, call: &IncomingCall) -> server::Outcome {
        let ipid = call.object.ok_or(FaultStatus(Hresult::RPC_E_INVALID_OBJECT.0))?;
        let sink = match self.table().target(&self.server, ipid, now()) {
            Ok((sink, ids::OBJECT_SINK)) => sink,
            Ok(_) | Err(Refusal::Unknown) => return Err(FaultStatus(Hresult::RPC_E_DISCONNECTED.0)),
            Err(refusal) => return Err(FaultStatus(refusal.hresult().0)),
        };
        let result = match call.opnum {
            sink_opnum::INDICATE => self.indicate(&sink, ipid, &call.stub).await?,
            sink_opnum::SET_STATUS => self.set_status(&sink, ipid, server::parameters(&call.stub)?).await,
            _ => return Err(FaultStatus::OP_RANGE),
        };
        server::answer(&ResultOnly(result))
    }

    /// Takes objects as soon as there is room for them: until then the server waits.
    async fn indicate(
        &self,
        sink: &Sink,
        ipid: Uuid,
        stub: &[u8],
    ) -> std::result::Result<Hresult, FaultStatus> {
        let Some(room) = self.room(sink, ipid).await else { return Ok(Hresult::WBEM_E_CALL_CANCELLED) };
        let Indicate { objects } = server::parameters(stub)?;
        if objects.len() > MOST_OBJECTS {
            room.send(Heard::Broken(format!("more than {MOST_OBJECTS} objects came at once")));
            return Ok(Hresult::WBEM_E_INVALID_PARAMETER);
        }
        let read: std::result::Result<Vec<_>, _> = objects.iter().flatten().map(object::unmarshal).collect();
        Ok(match read {
            Ok(objects) => {
                room.send(Heard::Objects(objects));
                // Not WBEM_S_NEW_STYLE: packets of many objects are not taken here.
                Hresult::S_OK
            }
            Err(error) => {
                room.send(Heard::Broken(error.to_string()));
                Hresult::WBEM_E_INVALID_OBJECT
            }
        })
    }

    async fn set_status(&self, sink: &Sink, ipid: Uuid, status: SetStatus) -> Hresult {
        let SetStatus { kind, result, text, error } = status;
        let heard = match kind {
            STATUS_COMPLETE => {
                let details = error.as_ref().and_then(|error| object::unmarshal_instance(error).ok());
                Heard::Over { result, text, details }
            }
            STATUS_PROGRESS => Heard::Progress(result.0),
            STATUS_REQUIREMENTS => return Hresult::S_OK,
            _ => return Hresult::WBEM_E_INVALID_PARAMETER,
        };
        let room = self.room(sink, ipid).await;
        if kind == STATUS_COMPLETE
            && let Some(oid) = sink.oid.get()
        {
            // Nothing follows the last word.
            let gone = self.table().remove(*oid);
            drop(gone);
        }
        match room {
            Some(room) => {
                room.send(heard);
                Hresult::S_OK
            }
            None => Hresult::WBEM_E_CALL_CANCELLED,
        }
    }

    /// Waits for room in front of the sink's user; `None` when he has gone.
    async fn room<'s>(&self, sink: &'s Sink, ipid: Uuid) -> Option<mpsc::Permit<'s, Heard>> {
        loop {
            tokio::select! {
                room = sink.heard.reserve() => return room.ok(),
                // Whoever waits to deliver has not gone.
                () = tokio::time::sleep(TOUCH) => drop(self.table().target(&self.server, ipid, now())),
            }
        }
    }
}

/// The time by the clock of the runtime, which tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl RpcHandler for Inbox {
    fn serves(&self, interface: &SyntaxId) -> bool {
        const SERVED: [Uuid; 4] =
            [dcom_ids::OBJECT_EXPORTER, dcom_ids::REM_UNKNOWN, dcom_ids::REM_UNKNOWN2, ids::OBJECT_SINK];
        SERVED.iter().any(|served| SyntaxId::new(*served, 0, 0).serves(interface))
    }

    fn call(self: Arc<Self>, call: IncomingCall) -> RpcAnswer {
        Box::pin(async move {
            let asked = server::Call {
                interface: call.interface.uuid,
                opnum: call.opnum,
                object: call.object,
                stub: &call.stub,
                owner: &self.server,
                now: now(),
            };
            match asked.interface {
                dcom_ids::OBJECT_EXPORTER => server::resolver(&mut self.table(), &self.about, &asked),
                dcom_ids::REM_UNKNOWN | dcom_ids::REM_UNKNOWN2 => {
                    let served = server::remote_unknown(&mut self.table(), &self.about, &asked, Sink::has);
                    served.map(|(answer, _gone)| answer)
                }
                _ => self.deliver(&call).await,
            }
        })
    }
}

impl DcomClient {
    /// The address of the computer that the session is with; `None` where it is not reached by TCP.
    pub(crate) async fn server_address(&self, namespace: &Namespace) -> Result<Option<IpAddr>> {
        let (exporter, _) = self.services(namespace.as_str()).await?;
        exporter.address().await
    }

    /// Makes a call whose results go to a sink.
    pub(crate) async fn call_to_sink<T>(
        &self,
        namespace: &Namespace,
        opnum: u16,
        request: T,
        inbox: &Inbox,
        sink: &Exported,
    ) -> Result<()>
    where
        ToSink<T>: Stub,
    {
        let request = ToSink { request, sink: Some(inbox.reference(&sink.reference)) };
        let (_, ResultOnly(result)) = self.services_call(namespace, opnum + 1, &request).await?;
        match result.is_failure() {
            true => Err(self.failed(result)),
            false => Ok(()),
        }
    }

    /// Tells the server that nobody wants the results that go to a sink.
    pub(crate) async fn cancel(&self, namespace: &Namespace, inbox: &Inbox, sink: &StdObjRef) {
        let request = CancelAsyncCall { sink: Some(inbox.reference(sink)) };
        let cancelled: Result<(_, ResultOnly)> =
            self.services_call(namespace, services_opnum::CANCEL_ASYNC_CALL, &request).await;
        if let Err(error) = cancelled {
            tracing::debug!(%error, "a call could not be cancelled");
        }
    }
}

impl Exported {
    pub(crate) fn reference(&self) -> StdObjRef {
        self.reference
    }
}
