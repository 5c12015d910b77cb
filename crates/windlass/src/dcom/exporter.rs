//! An object exporter: calls to its objects, and the references that are held to them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tracing::Instrument as _;
use uuid::Uuid;
use windlass_dcom::references::References;
use windlass_dcom::remunknown::{RemQueriedInterface, RemQueryInterface, opnum as unknown_opnum};
use windlass_dcom::{ObjRef, OrpcThis, ResultOnly, Stub, decode_response, encode_request, ids as dcom_ids};
use windlass_net::{Error as NetError, RpcConnection, RpcSecurity};
use windlass_rpc::pdu::AuthLevel;
use windlass_rpc::{CallRequest, SyntaxId};
use windlass_wmi::ids;
use windlass_wmi::stubs::Given;

use super::setup::Setup;
use crate::error::{Error, Result};

/// The number of the level at which nobody on the way can read calls.
const PRIVACY: u32 = 6;
/// References that are asked for with an interface.
const REFERENCES: u32 = 5;

/// An object exporter and what this client holds there.
pub(super) struct Exporter {
    pub(super) setup: Arc<Setup>,
    pub(super) exchanges: Arc<AtomicU64>,
    place: Place,
    security: Option<RpcSecurity>,
    link: Slot,
    login: OnceLock<Uuid>,
    /// Holds together the calls of one session.
    causality: Uuid,
    references: Mutex<References>,
    /// Ends the pings when it is dropped.
    pub(super) pings: Mutex<Option<oneshot::Sender<()>>>,
}

/// Where an exporter is, as the resolver says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) port: u16,
    pub(super) oxid: u64,
    pub(super) remote_unknown: Uuid,
    /// The level that the server asks for.
    pub(super) hint: u32,
}

/// A connection that is made when it is needed, and again after it broke.
pub(super) type Slot = AsyncMutex<Option<Arc<Link>>>;

/// A connection to the exporter with all interfaces bound.
pub(super) struct Link {
    connection: RpcConnection,
    contexts: HashMap<Uuid, u16>,
    security: Option<u32>,
}

/// Which method is called, of which interface, and how long that may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    iid: Uuid,
    ipid: Uuid,
    opnum: u16,
    limit: Option<Duration>,
}

impl Method {
    pub(super) fn new(iid: Uuid, ipid: Uuid, opnum: u16) -> Self {
        Self { iid, ipid, opnum, limit: None }
    }

    /// With a limit in place of that of the session.
    pub(super) fn within(self, limit: Option<Duration>) -> Self {
        Self { limit, ..self }
    }
}

impl Exporter {
    pub(super) fn new(setup: Arc<Setup>, exchanges: Arc<AtomicU64>, place: Place) -> Self {
        // What the server says may raise the level, never lower it.
        let security = setup.security.clone().map(|security| match place.hint >= PRIVACY {
            true => security.with_level(AuthLevel::Privacy),
            false => security,
        });
        Self {
            setup,
            exchanges,
            place,
            security,
            link: Slot::default(),
            login: OnceLock::new(),
            causality: Uuid::new_v4(),
            references: Mutex::default(),
            pings: Mutex::default(),
        }
    }

    /// Takes over the references of the login.
    pub(super) fn take_login(&self, reference: &ObjRef) -> Result<()> {
        let login = self.hold(reference)?;
        self.login.get_or_init(|| login);
        Ok(())
    }

    /// The login, once there is one.
    pub(super) fn login(&self) -> Uuid {
        self.login.get().copied().unwrap_or_default()
    }

    /// What is held.
    pub(super) fn references(&self) -> MutexGuard<'_, References> {
        self.references.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the connection that calls share.
    pub(super) async fn connect(&self) -> Result<()> {
        self.linked(&self.link).await.map(|_| ())
    }

    /// The address that the connection is with; `None` where it is not TCP.
    pub(super) async fn address(&self) -> Result<Option<IpAddr>> {
        Ok(self.linked(&self.link).await?.connection.address())
    }

    /// Calls a method.
    pub(super) async fn call<Q: Stub, R: Stub>(&self, method: Method, request: &Q) -> Result<R> {
        self.call_over(&self.link, method, request).await
    }

    /// Calls a method over a connection of one's own.
    pub(super) async fn call_over<Q: Stub, R: Stub>(
        &self,
        slot: &Slot,
        method: Method,
        request: &Q,
    ) -> Result<R> {
        let stub = encode_request(&OrpcThis::new(self.causality), request);
        let stub = stub.map_err(|error| Error::usage(error.to_string()))?;
        let answer = match self.send(slot, method, stub.clone()).await {
            // It broke while nobody used it.
            Err(NetworkOr::Network(NetError::Lost { executed: false, .. })) => {
                self.send(slot, method, stub).await
            }
            answer => answer,
        };
        let answer = answer.map_err(|error| match error {
            NetworkOr::Network(error) => self.setup.fault(error),
            NetworkOr::Other(error) => error,
        })?;
        let (_, response) = decode_response(&answer).map_err(|error| self.setup.broken(error))?;
        Ok(response)
    }

    async fn send(&self, slot: &Slot, method: Method, stub: Vec<u8>) -> Result<Vec<u8>, NetworkOr> {
        let link = self.linked(slot).await.map_err(NetworkOr::Other)?;
        let context = link.contexts.get(&method.iid).copied();
        let context = context.ok_or_else(|| {
            NetworkOr::Other(self.setup.broken(format!("it does not serve {}", method.iid)))
        })?;
        let Method { ipid, opnum, limit, .. } = method;
        let request = CallRequest { context, security: link.security, opnum, object: Some(ipid), stub };
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        let span = tracing::debug_span!(
            "request",
            host = self.setup.computer,
            session = %self.causality,
            request = number,
            interface = %method.iid,
            opnum,
        );
        let limit = limit.or(self.setup.rpc.call);
        let answer = link.connection.call_within(request, limit).instrument(span).await;
        if let Err(NetError::Lost { .. } | NetError::Rpc { .. }) = &answer {
            // The next call makes a new one. Somebody else may have done so.
            let mut slot = slot.lock().await;
            if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, &link)) {
                *slot = None;
            }
        }
        answer.map_err(NetworkOr::Network)
    }

    /// The connection of a slot, made where there is none.
    async fn linked(&self, slot: &Slot) -> Result<Arc<Link>> {
        let mut slot = slot.lock().await;
        if let Some(link) = slot.as_ref() {
            return Ok(Arc::clone(link));
        }
        let connected = self.setup.connect(self.place.port).await;
        let connection = connected.map_err(|error| error.while_doing("connecting to the exporter"))?;
        let interfaces: Vec<SyntaxId> = ids::ALL
            .iter()
            .chain(&[dcom_ids::REM_UNKNOWN2])
            .map(|interface| SyntaxId::new(*interface, 0, 0))
            .collect();
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let bound = connection.bind(&interfaces, self.security.as_ref()).await;
        let bound = bound.map_err(|error| Error::from_rpc(error).while_doing("binding to the exporter"))?;
        let contexts =
            interfaces.iter().filter_map(|interface| Some((interface.uuid, bound.context(interface)?)));
        let link = Arc::new(Link { contexts: contexts.collect(), security: bound.security, connection });
        *slot = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Takes over the references of an answer, which have to be to an object of this exporter; gives the
    /// interface that calls go to.
    pub(super) fn hold(&self, reference: &ObjRef) -> Result<Uuid> {
        if self.oxid_of(reference)? != self.place.oxid {
            return Err(self.setup.broken("the object is at another exporter"));
        }
        let remote = reference.remote().ok_or_else(|| self.no_reference())?;
        self.references().hold(remote);
        Ok(remote.ipid)
    }

    /// The exporter of an object.
    pub(super) fn oxid_of(&self, reference: &ObjRef) -> Result<u64> {
        reference.remote().map(|remote| remote.oxid).ok_or_else(|| self.no_reference())
    }

    /// The exporter's own number.
    pub(super) fn oxid(&self) -> u64 {
        self.place.oxid
    }

    fn no_reference(&self) -> Error {
        self.setup.broken("an object came where a reference is due")
    }

    /// Gives back what is held of these interfaces, as many as fit in one call.
    pub(super) async fn release(&self, ipids: &[Uuid]) {
        ipids.iter().for_each(|ipid| self.references().release(*ipid));
        loop {
            let released = self.references().take_releases();
            let Some(released) = released else { return };
            let method = self.remote_unknown(unknown_opnum::REM_RELEASE);
            let given_back: Result<ResultOnly> = self.call(method, &released).await;
            if let Err(error) = given_back {
                tracing::debug!(%error, "references could not be given back");
                return;
            }
        }
    }

    /// Gives back everything that is held.
    pub(super) async fn release_all(&self) {
        let ipids = self.references().held();
        self.release(&ipids).await;
    }

    /// Another interface of an object; `None` where it has none such.
    pub(super) async fn query(&self, ipid: Uuid, iid: Uuid) -> Result<Option<Uuid>> {
        let request = RemQueryInterface { ipid, references: REFERENCES, iids: vec![iid] };
        let method = self.remote_unknown(unknown_opnum::REM_QUERY_INTERFACE);
        let queried: RemQueriedInterface = self.call(method, &request).await?;
        let first = queried.results.as_ref().and_then(|results| results.first());
        Ok(match first {
            Some((result, reference)) if !result.is_failure() && reference.oxid == self.place.oxid => {
                self.references().hold(reference);
                Some(reference.ipid)
            }
            _ => None,
        })
    }

    /// Calls a method that gives an interface, and holds it.
    pub(super) async fn obtain<Q: Stub>(&self, method: Method, request: &Q) -> Result<Uuid> {
        let given: Given = self.call(method, request).await?;
        self.hold(&self.given(given)?)
    }

    /// The interface of an answer.
    pub(super) fn given(&self, given: Given) -> Result<ObjRef> {
        match given.interface {
            _ if given.result.is_failure() => Err(self.setup.failed(given.result)),
            Some(reference) => Ok(reference),
            None => Err(self.setup.broken("an answer lacks its interface")),
        }
    }

    fn remote_unknown(&self, opnum: u16) -> Method {
        Method::new(dcom_ids::REM_UNKNOWN2, self.place.remote_unknown, opnum)
    }
}

/// Why a call has no answer: an error of the network, which still tells what may be done about it, or another.
enum NetworkOr {
    Network(NetError),
    Other(Error),
}
