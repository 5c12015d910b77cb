//! Connections, activation, calls and references.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::Instrument as _;
use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::activation::{ACTIVATION_FLAGS, RemoteCreateInstance, RemoteCreatedInstance, opnum};
use windlass_dcom::references::References;
use windlass_dcom::remunknown::{
    RemQueriedInterface, RemQueryInterface, RemReferences, opnum as unknown_opnum,
};
use windlass_dcom::{ObjRef, OrpcThis, ResultOnly, Stub, decode_response, encode_request, ids as dcom_ids};
use windlass_net::{BoxStream, Error as NetError, RpcConnection};
use windlass_rpc::pdu::AuthLevel;
use windlass_rpc::{CallRequest, SyntaxId};
use windlass_wmi::ids;
use windlass_wmi::stubs::{Given, NtlmLogin, login_opnum};

use super::DcomClient;
use crate::error::{Error, Result};

/// The number of the level at which nobody on the way can read calls.
const PRIVACY: u32 = 6;
/// References that are asked for with an interface.
const REFERENCES: u32 = 5;

/// An object exporter and what this client holds there.
pub(super) struct Exporter {
    connection: RpcConnection,
    contexts: HashMap<Uuid, u16>,
    security: Option<u32>,
    oxid: u64,
    remote_unknown: Uuid,
    login: Uuid,
    /// Holds together the calls of one session.
    causality: Uuid,
    references: Mutex<References>,
    exchanges: Arc<AtomicU64>,
}

impl Exporter {
    /// Calls a method of an interface.
    pub(super) async fn call<Q: Stub, R: Stub>(
        &self,
        client: &DcomClient,
        iid: Uuid,
        ipid: Uuid,
        opnum: u16,
        request: &Q,
    ) -> Result<R> {
        let context = self.contexts.get(&iid).copied();
        let context = context.ok_or_else(|| client.broken(format!("it does not serve {iid}")))?;
        let stub = encode_request(&OrpcThis::new(self.causality), request);
        let stub = stub.map_err(|error| Error::usage(error.to_string()))?;
        let request = CallRequest { context, security: self.security, opnum, object: Some(ipid), stub };
        let number = self.exchanges.fetch_add(1, Ordering::Relaxed);
        let limit = client.setup.timeout.or(client.setup.rpc.call);
        let span = tracing::debug_span!(
            "request",
            host = client.setup.computer,
            session = %self.causality,
            request = number,
            interface = %iid,
            opnum,
        );
        let answer = self.connection.call_within(request, limit).instrument(span).await;
        let answer = answer.map_err(|error| fault(client, error))?;
        let (_, response) = decode_response(&answer).map_err(|error| client.broken(error))?;
        Ok(response)
    }

    /// Takes over the references of an answer; gives the interface that calls go to.
    pub(super) fn hold(&self, client: &DcomClient, reference: &ObjRef) -> Result<Uuid> {
        let reference =
            reference.remote().ok_or_else(|| client.broken("an object came where a reference is due"))?;
        if reference.oxid != self.oxid {
            return Err(client.broken("the object is at another exporter"));
        }
        self.references.lock().unwrap_or_else(PoisonError::into_inner).hold(reference);
        Ok(reference.ipid)
    }

    /// Gives back what is held of these interfaces, in one call.
    pub(super) async fn release(&self, client: &DcomClient, ipids: &[Uuid]) {
        let released = {
            let mut references = self.references.lock().unwrap_or_else(PoisonError::into_inner);
            for ipid in ipids {
                references.release(*ipid);
            }
            references.take_releases()
        };
        let Some(released) = released else { return };
        let given_back: Result<ResultOnly> = self
            .call::<RemReferences, _>(
                client,
                dcom_ids::REM_UNKNOWN2,
                self.remote_unknown,
                unknown_opnum::REM_RELEASE,
                &released,
            )
            .await;
        if let Err(error) = given_back {
            tracing::debug!(%error, "references could not be given back");
        }
    }

    /// Another interface of an object; `None` where it has none such.
    pub(super) async fn query(&self, client: &DcomClient, ipid: Uuid, iid: Uuid) -> Result<Option<Uuid>> {
        let request = RemQueryInterface { ipid, references: REFERENCES, iids: vec![iid] };
        let queried: RemQueriedInterface = self
            .call(
                client,
                dcom_ids::REM_UNKNOWN2,
                self.remote_unknown,
                unknown_opnum::REM_QUERY_INTERFACE,
                &request,
            )
            .await?;
        let first = queried.results.as_ref().and_then(|results| results.first());
        Ok(match first {
            Some((result, reference)) if !result.is_failure() && reference.oxid == self.oxid => {
                self.references.lock().unwrap_or_else(PoisonError::into_inner).hold(reference);
                Some(reference.ipid)
            }
            _ => None,
        })
    }

    /// Calls a method that gives an interface, and holds it.
    pub(super) async fn obtain<Q: Stub>(
        &self,
        client: &DcomClient,
        (iid, ipid, opnum): (Uuid, Uuid, u16),
        request: &Q,
    ) -> Result<Uuid> {
        let given: Given = self.call(client, iid, ipid, opnum, request).await?;
        if given.result.is_failure() {
            return Err(client.failed(given.result));
        }
        let reference = given.interface.ok_or_else(|| client.broken("an answer lacks its interface"))?;
        self.hold(client, &reference)
    }
}

impl DcomClient {
    /// The exporter of the login, activated on first use and after its connection was lost.
    pub(super) async fn exporter(&self) -> Result<Arc<Exporter>> {
        let mut slot = self.exporter.lock().await;
        if let Some(exporter) = slot.as_ref() {
            return Ok(Arc::clone(exporter));
        }
        let exporter = Arc::new(self.activate().await?);
        *slot = Some(Arc::clone(&exporter));
        Ok(exporter)
    }

    async fn connect(&self, port: u16) -> Result<RpcConnection> {
        let setup = &self.setup;
        match &setup.dial {
            Some(dial) => {
                let stream: BoxStream = dial
                    .dial()
                    .await
                    .map_err(|error| Error::unreachable(&setup.computer, error.to_string()))?;
                Ok(RpcConnection::over(stream, &setup.computer, setup.rpc.clone()))
            }
            None => Ok(RpcConnection::connect(&setup.computer, port, setup.rpc.clone()).await?),
        }
    }

    async fn activate(&self) -> Result<Exporter> {
        let resolver = self.connect(self.setup.port).await?;
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let activator = SyntaxId::new(dcom_ids::REMOTE_SCM_ACTIVATOR, 0, 0);
        let (context, security) = resolver.bind_one(&activator, self.setup.security.as_ref()).await?;
        let wanted = RemoteCreateInstance::new(ids::CLSID_LEVEL1_LOGIN, vec![ids::LEVEL1_LOGIN]);
        let this = OrpcThis { flags: ACTIVATION_FLAGS, ..OrpcThis::new(Uuid::new_v4()) };
        let stub = encode_request(&this, &wanted).map_err(|error| self.broken(error))?;
        let request =
            CallRequest { context, security, opnum: opnum::REMOTE_CREATE_INSTANCE, object: None, stub };
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let answer = resolver.call(request).await.map_err(|error| fault(self, error))?;
        let (_, created) =
            decode_response::<RemoteCreatedInstance>(&answer).map_err(|error| self.broken(error))?;
        if created.result.is_failure() {
            return Err(self.failed(created.result));
        }
        let (out, reply) = created.granted().map_err(|error| self.broken(error))?;
        let (_, result, reference) =
            out.interfaces.first().ok_or_else(|| self.broken("no interface was activated"))?;
        if result.is_failure() {
            return Err(self.failed(*result));
        }
        let reference = reference.as_ref().ok_or_else(|| self.broken("no object was activated"))?;
        let port = reply.bindings.as_ref().and_then(|bindings| bindings.tcp_ports().next());
        let port = match (port, &self.setup.dial) {
            (Some(port), _) => port,
            (None, Some(_)) => 0,
            (None, None) => return Err(self.broken("the exporter is not reached over TCP")),
        };
        self.enter(port, reply.oxid, reply.remote_unknown, reply.authentication_hint, reference).await
    }

    async fn enter(
        &self,
        port: u16,
        oxid: u64,
        remote_unknown: Uuid,
        hint: u32,
        login: &ObjRef,
    ) -> Result<Exporter> {
        let connection = self.connect(port).await?;
        let interfaces: Vec<SyntaxId> = ids::ALL
            .iter()
            .chain(&[dcom_ids::REM_UNKNOWN2])
            .map(|interface| SyntaxId::new(*interface, 0, 0))
            .collect();
        // What the server says may raise the level, never lower it.
        let security = self.setup.security.clone().map(|security| match hint >= PRIVACY {
            true => security.with_level(AuthLevel::Privacy),
            false => security,
        });
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let bound = connection.bind(&interfaces, security.as_ref()).await?;
        let contexts =
            interfaces.iter().filter_map(|interface| Some((interface.uuid, bound.context(interface)?)));
        let mut exporter = Exporter {
            contexts: contexts.collect(),
            security: bound.security,
            connection,
            oxid,
            remote_unknown,
            login: Uuid::nil(),
            causality: Uuid::new_v4(),
            references: Mutex::default(),
            exchanges: Arc::clone(&self.exchanges),
        };
        exporter.login = exporter.hold(self, login)?;
        Ok(exporter)
    }

    /// The IWbemServices of a namespace, opened on first use.
    pub(super) async fn services(&self, namespace: &str) -> Result<(Arc<Exporter>, Uuid)> {
        let key = namespace.to_lowercase();
        let exporter = self.exporter().await?;
        let mut namespaces = self.namespaces.lock().await;
        if let Some((at, ipid)) = namespaces.get(&key)
            && Arc::ptr_eq(at, &exporter)
        {
            return Ok((Arc::clone(at), *ipid));
        }
        let request = NtlmLogin {
            namespace: Some(format!(r"\\{}\{}", self.setup.computer, namespace.replace('/', r"\"))),
            locale: self.setup.locale.clone(),
            flags: 0,
            context: None,
        };
        let method = (ids::LEVEL1_LOGIN, exporter.login, login_opnum::NTLM_LOGIN);
        let services = exporter.obtain(self, method, &request).await?;
        namespaces.insert(key, (Arc::clone(&exporter), services));
        Ok((exporter, services))
    }

    /// Forgets an exporter that does not answer any more.
    pub(super) async fn forget(&self, error: &Error) {
        if error.is_lost() {
            *self.exporter.lock().await = None;
            self.namespaces.lock().await.clear();
        }
    }

    /// Opens a namespace: shows that the computer is reached and lets the user in.
    pub(crate) async fn open(&self, namespace: &str) -> Result<()> {
        self.services(namespace).await.map(|_| ())
    }

    /// Gives all references back and closes the connections.
    pub(crate) async fn close(&self) {
        let namespaces = std::mem::take(&mut *self.namespaces.lock().await);
        let Some(exporter) = self.exporter.lock().await.take() else { return };
        let mut ipids: Vec<Uuid> = namespaces.into_values().map(|(_, ipid)| ipid).collect();
        ipids.push(exporter.login);
        exporter.release(self, &ipids).await;
    }

    /// The same in the background, for sessions that are dropped.
    pub(crate) fn abandon(self: Arc<Self>) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move { self.close().await });
    }
}

/// A fault of the server may be an HRESULT.
fn fault(client: &DcomClient, error: NetError) -> Error {
    match &error {
        NetError::Fault { status, .. } if status.0 & 0x8000_0000 != 0 => client.failed(Hresult(status.0)),
        _ => Error::from(error),
    }
}
