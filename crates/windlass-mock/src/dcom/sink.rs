//! A sink of a client, as the host reaches it ([MS-WMI] 3.2.4.1).
//!
//! The host connects to the address that the client's own call came from and to no other, whatever the reference
//! to the sink says: otherwise whoever may log on could have it knock at the doors of others. Only the ports are
//! taken. It says nothing about itself, and what it delivers is not protected: it has no account that the client
//! knows.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error as ThisError;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::exporter::{ComplexPinged, ResolveOxid, ResolvedOxid2, Status, opnum as exporter_opnum};
use windlass_dcom::objects::PING_PERIOD;
use windlass_dcom::references::{Ping, References};
use windlass_dcom::remunknown::opnum as unknown_opnum;
use windlass_dcom::{
    DualStringArray, ObjRef, ObjRefKind, OrpcThis, ResultOnly, StdObjRef, Stub, TOWER_TCP, decode,
    decode_response, encode, encode_request, ids as dcom_ids,
};
use windlass_wmi::ids;
use windlass_wmi::stubs::{Indicate, SetStatus, sink_opnum};

use crate::rpc::{CallError, Outward};

/// The port of resolvers.
const RESOLVER_PORT: u16 = 135;
/// How long the client may take until its sink is reached, and how long it may take for a ping.
const REACH: Duration = Duration::from_secs(20);
/// How long the client may take to hear that the host is done with its sink.
const RELEASE: Duration = Duration::from_secs(5);
/// Pings in a row that may fail.
const MISSED_PINGS: u32 = 3;

/// Why a sink is not to be had, or no more.
#[derive(Debug, ThisError)]
pub(super) enum SinkError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("what it said cannot be read, or what is to be said not written: {0}")]
    Stub(#[from] windlass_dcom::Error),
    #[error("it did not answer in time")]
    Late,
    #[error("its resolver answers with the error {0}")]
    Unresolved(u32),
    #[error("its exporter is not reached over TCP")]
    NoPort,
}

/// Which sink is meant, and where the resolver of its exporter is.
#[derive(Debug, Clone, Copy)]
pub(super) struct SinkPlace {
    pub(super) reference: StdObjRef,
    resolver: SocketAddr,
}

/// A connection to a sink.
pub(super) struct Sink {
    caller: Outward,
    place: SinkPlace,
    sink: u16,
    unknown: u16,
    remote_unknown: Uuid,
    references: References,
    causality: Uuid,
    /// How long one call may take.
    patience: Duration,
    next_ping: Instant,
    failed_pings: u32,
}

impl SinkPlace {
    /// The sink of a client at this address; `None` where it is no sink that could be called.
    pub(super) fn new(reference: Option<&ObjRef>, client: IpAddr) -> Option<Self> {
        let reference = reference.filter(|reference| reference.iid == ids::OBJECT_SINK)?;
        let resolver = match &reference.kind {
            ObjRefKind::Standard { resolver, .. }
            | ObjRefKind::Handler { resolver, .. }
            | ObjRefKind::Extended { resolver, .. } => resolver,
            ObjRefKind::Custom { .. } => return None,
        };
        let port = port_at(resolver, client).unwrap_or(RESOLVER_PORT);
        Some(Self { reference: *reference.remote()?, resolver: SocketAddr::new(client, port) })
    }
}

/// The port of a resolver, as the address says that is the client's own; otherwise as any says.
fn port_at(resolver: &DualStringArray, client: IpAddr) -> Option<u16> {
    let tcp = || resolver.addresses.iter().filter(|binding| binding.tower == TOWER_TCP);
    let is_own = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical() == client)
    };
    let own = tcp().find(|binding| is_own(binding.host_and_port().0));
    own.or_else(|| tcp().next()).and_then(|binding| binding.host_and_port().1)
}

impl Sink {
    /// Asks the client's resolver where the sink is, and connects to it.
    pub(super) async fn reach(place: SinkPlace, patience: Duration) -> Result<Self, SinkError> {
        timeout(REACH, Self::connect(place, patience)).await.unwrap_or(Err(SinkError::Late))
    }

    async fn connect(place: SinkPlace, patience: Duration) -> Result<Self, SinkError> {
        let request = ResolveOxid { oxid: place.reference.oxid, protocols: vec![TOWER_TCP] };
        let resolved: ResolvedOxid2 =
            ask(place.resolver, exporter_opnum::RESOLVE_OXID2, encode(&request)?).await?;
        if resolved.status != 0 {
            return Err(SinkError::Unresolved(resolved.status));
        }
        let port = resolved.bindings.as_ref().and_then(|bindings| port_at(bindings, place.resolver.ip()));
        let exporter = SocketAddr::new(place.resolver.ip(), port.ok_or(SinkError::NoPort)?);
        let mut caller = Outward::connect(exporter).await?;
        let contexts = caller.bind(&[ids::OBJECT_SINK, dcom_ids::REM_UNKNOWN]).await?;
        let [sink, unknown] = contexts.as_slice() else {
            return Err(CallError::NoInterface(ids::OBJECT_SINK).into());
        };
        let mut references = References::default();
        references.hold(&place.reference);
        Ok(Self {
            sink: *sink,
            unknown: *unknown,
            caller,
            place,
            remote_unknown: resolved.remote_unknown,
            references,
            causality: Uuid::new_v4(),
            patience,
            next_ping: Instant::now() + PING_PERIOD,
            failed_pings: 0,
        })
    }

    /// Delivers objects. The client answers when it has room for more.
    pub(super) async fn indicate(&mut self, objects: Vec<Option<ObjRef>>) -> Result<Hresult, SinkError> {
        self.call(sink_opnum::INDICATE, &Indicate { objects }).await
    }

    pub(super) async fn set_status(&mut self, status: &SetStatus) -> Result<Hresult, SinkError> {
        self.call(sink_opnum::SET_STATUS, status).await
    }

    async fn call<Q: Stub>(&mut self, opnum: u16, request: &Q) -> Result<Hresult, SinkError> {
        let stub = encode_request(&OrpcThis::new(self.causality), request)?;
        let called = self.caller.call(self.sink, opnum, Some(self.place.reference.ipid), stub);
        let answer = timeout(self.patience, called).await.map_err(|_| SinkError::Late)??;
        let (_, ResultOnly(result)) = decode_response(&answer)?;
        Ok(result)
    }

    /// Keeps the sink while there is nothing to deliver. Comes back when it is lost.
    pub(super) async fn keep(&mut self) -> SinkError {
        loop {
            tokio::select! {
                error = self.caller.hung_up() => return error.into(),
                () = sleep_until(self.next_ping) => {}
            }
            let pinged = timeout(REACH, self.ping()).await.unwrap_or(Err(SinkError::Late));
            match pinged {
                Ok(()) => self.failed_pings = 0,
                Err(error) if self.failed_pings + 1 >= MISSED_PINGS => return error,
                Err(_) => self.failed_pings += 1,
            }
            self.next_ping = Instant::now() + PING_PERIOD;
        }
    }

    /// Tells the client's resolver that the sink is in use ([MS-DCOM] 3.2.6.1).
    async fn ping(&mut self) -> Result<(), SinkError> {
        let resolver = self.place.resolver;
        match self.references.ping() {
            None => {}
            Some(Ping::Simple(ping)) => {
                let Status(status) = ask(resolver, exporter_opnum::SIMPLE_PING, encode(&ping)?).await?;
                if status != 0 {
                    self.references.ping_refused();
                    return Err(SinkError::Unresolved(status));
                }
            }
            Some(Ping::Complex(ping)) => {
                let pinged: ComplexPinged =
                    ask(resolver, exporter_opnum::COMPLEX_PING, encode(&ping)?).await?;
                self.references.pinged(&ping, &pinged);
                if pinged.status != 0 {
                    return Err(SinkError::Unresolved(pinged.status));
                }
            }
        }
        Ok(())
    }

    /// Gives the references back, those included that came with other calls.
    pub(super) async fn release(mut self, more: u32) {
        self.references.hold(&StdObjRef { public_refs: more, ..self.place.reference });
        self.references.release(self.place.reference.ipid);
        let Some(released) = self.references.take_releases() else { return };
        let Ok(stub) = encode_request(&OrpcThis::new(self.causality), &released) else { return };
        let unknown = Some(self.remote_unknown);
        let called = self.caller.call(self.unknown, unknown_opnum::REM_RELEASE, unknown, stub);
        if !matches!(timeout(RELEASE, called).await, Ok(Ok(_))) {
            tracing::debug!("the references to a sink could not be given back");
        }
    }
}

/// Asks a resolver something.
async fn ask<R: Stub>(resolver: SocketAddr, opnum: u16, stub: Vec<u8>) -> Result<R, SinkError> {
    let mut caller = Outward::connect(resolver).await?;
    let contexts = caller.bind(&[dcom_ids::OBJECT_EXPORTER]).await?;
    let context = contexts.first().ok_or(CallError::NoInterface(dcom_ids::OBJECT_EXPORTER))?;
    Ok(decode(&caller.call(*context, opnum, None, stub).await?)?)
}

#[cfg(test)]
mod tests {
    use windlass_dcom::StringBinding;

    use super::*;

    #[test]
    fn only_ports_are_taken_from_what_a_reference_says() {
        let client: IpAddr = "192.0.2.7".parse().unwrap();
        for (addresses, port) in [
            (vec![], 135),
            (vec![StringBinding::tcp("192.0.2.7")], 135),
            (vec![StringBinding::tcp_port("10.0.0.1", 445)], 445),
            (vec![StringBinding::tcp_port("10.0.0.1", 445), StringBinding::tcp_port("192.0.2.7", 99)], 99),
            (vec![StringBinding::tcp_port("elsewhere", 1), StringBinding::tcp_port("[::1]", 2)], 1),
        ] {
            let resolver = DualStringArray { addresses, security: Vec::new() };
            let reference = ObjRef::standard(ids::OBJECT_SINK, StdObjRef::default(), resolver);
            let place = SinkPlace::new(Some(&reference), client).unwrap();
            assert_eq!(place.resolver, SocketAddr::new(client, port));
        }
    }

    #[test]
    fn what_is_no_sink_is_refused() {
        let client: IpAddr = "192.0.2.7".parse().unwrap();
        let other = ObjRef::standard(ids::SERVICES, StdObjRef::default(), DualStringArray::default());
        let custom = ObjRef::custom(ids::OBJECT_SINK, ids::CLSID_CLASS_OBJECT, Vec::new());
        for reference in [None, Some(&other), Some(&custom)] {
            assert!(SinkPlace::new(reference, client).is_none());
        }
    }
}
