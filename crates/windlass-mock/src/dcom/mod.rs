//! DCOM: the resolver, activation, remote references, and WMI behind them ([MS-DCOM], [MS-WMI]).
//!
//! The host exports objects of one class, the login to WMI. Its namespaces are those of WS-Man.

mod amended;
mod enumeration;
mod login;
mod notification;
mod resolver;
mod result;
mod services;
mod sink;
mod sinks;
mod unknown;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use uuid::Uuid;
use windlass_cim::{CimInstance, CimValue, Namespace, Schema};
use windlass_core::status::Hresult;
use windlass_dcom::objects::{Limits, ObjectTable, Refusal};
use windlass_dcom::{
    DualStringArray, ObjRef, OrpcThat, SecurityBinding, StringBinding, Stub, decode_request, encode_response,
    ids as dcom_ids, server,
};
use windlass_rpc::pdu::{AuthLevel, AuthType, FaultStatus};
use windlass_rpc::{Caller, SyntaxId};
use windlass_wmi::ids;

use self::enumeration::Enumeration;
use self::result::CallResult;
use self::services::Services;
use self::sinks::Sinks;
use crate::auth::owner;
use crate::cim::{CimFailure, CimProvider, MemoryProvider};
use crate::host::Host;
use crate::rpc::{RpcCall, RpcReply, RpcService};

/// References that the host hands over with an interface, as Windows does.
const REFERENCES: u32 = 5;
/// Who calls over a connection within this process.
const LOCAL_OWNER: &str = "\0local";

/// The interfaces that this part of the host serves, all of version 0.0.
const INTERFACES: [Uuid; 13] = [
    dcom_ids::OBJECT_EXPORTER,
    dcom_ids::ACTIVATION,
    dcom_ids::REMOTE_SCM_ACTIVATOR,
    dcom_ids::REM_UNKNOWN,
    dcom_ids::REM_UNKNOWN2,
    ids::LEVEL1_LOGIN,
    ids::LOGIN_CLIENT_ID,
    ids::LOGIN_CLIENT_ID_EX,
    ids::SERVICES,
    ids::ENUM_CLASS_OBJECT,
    ids::FETCH_SMART_ENUM,
    ids::WCO_SMART_ENUM,
    ids::CALL_RESULT,
];

/// What the host keeps for its clients over DCOM.
pub(crate) struct Dcom {
    table: Mutex<ObjectTable<HostObject>>,
    sinks: Sinks,
}

/// An exported object.
enum HostObject {
    /// IWbemLevel1Login and what goes with it.
    Login,
    /// A namespace.
    Services(Services),
    /// Objects to be fetched.
    Enumeration(Arc<Enumeration>),
    /// The same, many at once.
    SmartEnumeration(Arc<Enumeration>),
    /// The result of a call.
    CallResult(CallResult),
}

impl HostObject {
    /// Whether it has an interface.
    fn has(&self, iid: Uuid) -> bool {
        let own: &[Uuid] = match self {
            Self::Login => &[ids::LEVEL1_LOGIN, ids::LOGIN_CLIENT_ID, ids::LOGIN_CLIENT_ID_EX],
            Self::Services(_) => &[ids::SERVICES],
            Self::Enumeration(_) => &[ids::ENUM_CLASS_OBJECT, ids::FETCH_SMART_ENUM],
            Self::SmartEnumeration(_) => &[ids::WCO_SMART_ENUM],
            Self::CallResult(_) => &[ids::CALL_RESULT],
        };
        iid == dcom_ids::IUNKNOWN || own.contains(&iid)
    }
}

/// A call over RPC, before anything of it was looked at.
struct RawCall<'c> {
    /// The interface.
    interface: Uuid,
    /// The method.
    opnum: u16,
    /// The object.
    object: Option<Uuid>,
    /// The parameters.
    stub: &'c [u8],
    /// Who calls.
    caller: &'c Caller,
    /// Whether the caller is in this process.
    in_process: bool,
    /// The address that the client dialled, as it is told to find the exporter.
    address: &'c str,
    /// The port of the exporter.
    port: u16,
}

/// A call of somebody who has logged on.
struct Call<'c> {
    host: &'c Arc<Host>,
    user: &'c str,
    owner: String,
    raw: &'c RawCall<'c>,
}

/// The response, or why there is none.
type Outcome = Result<Vec<u8>, FaultStatus>;

/// `root/subscription`, where clients leave permanent subscriptions.
pub(crate) fn subscriptions() -> Result<Arc<dyn CimProvider>, windlass_cim::Error> {
    Ok(Arc::new(MemoryProvider::from_mof("root/subscription", include_str!("subscription.mof"))?))
}

impl Default for Dcom {
    fn default() -> Self {
        Self { table: Mutex::new(ObjectTable::new(Limits::default())), sinks: Sinks::default() }
    }
}

impl Dcom {
    fn table(&self) -> MutexGuard<'_, ObjectTable<HostObject>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many objects clients hold references to.
    pub(crate) fn objects(&self) -> usize {
        self.table().len()
    }

    /// How many sinks of clients the host delivers to.
    pub(crate) fn sinks(&self) -> usize {
        self.sinks.len()
    }

    /// Takes away what no client has pinged for too long.
    pub(crate) fn expire(&self) {
        let gone = self.table().expire(now());
        if !gone.is_empty() {
            tracing::debug!(objects = gone.len(), "objects expired that nobody pinged");
        }
    }
}

/// The time by the clock of the runtime, which tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The interfaces of this part of the host, as its RPC listeners serve them.
pub(crate) struct DcomService(Weak<Host>);

impl DcomService {
    pub(crate) fn new(host: &Arc<Host>) -> Self {
        Self(Arc::downgrade(host))
    }
}

impl RpcService for DcomService {
    fn interfaces(&self) -> Vec<SyntaxId> {
        INTERFACES.iter().map(|uuid| SyntaxId::new(*uuid, 0, 0)).collect()
    }

    fn annotation(&self) -> &str {
        "DCOM and WMI"
    }

    /// Which calls do with less, [`call`] decides: it knows what they are.
    fn minimum_level(&self, _interface: &SyntaxId, _opnum: u16) -> AuthLevel {
        AuthLevel::None
    }

    fn call(&self, rpc: RpcCall) -> RpcReply<'_> {
        let host = self.0.upgrade();
        Box::pin(async move {
            let host = host.ok_or(FaultStatus::UNSPECIFIED)?;
            if sinks::is_asynchronous(&rpc) {
                return sinks::call(&host, rpc).await;
            }
            notification::wait(&host, &rpc).await;
            blocking(&host, &Arc::new(rpc), call).await
        })
    }
}

/// Does something for a call on a thread of its own: providers may block.
///
/// # Errors
/// Those of the work; it panicked.
async fn blocking<T: Send + 'static>(
    host: &Arc<Host>,
    rpc: &Arc<RpcCall>,
    work: impl FnOnce(&Arc<Host>, &RawCall<'_>) -> Result<T, FaultStatus> + Send + 'static,
) -> Result<T, FaultStatus> {
    let (host, rpc) = (Arc::clone(host), Arc::clone(rpc));
    let run = move || {
        let local = rpc.connection.local;
        let address = local.map_or_else(|| "localhost".to_owned(), |local| local.ip().to_string());
        let raw = RawCall {
            interface: rpc.interface.uuid,
            opnum: rpc.opnum,
            object: rpc.object,
            stub: &rpc.stub,
            caller: &rpc.caller,
            in_process: local.is_none(),
            address: &address,
            port: local.map_or(0, |local| local.port()),
        };
        work(&host, &raw)
    };
    tokio::task::spawn_blocking(run).await.unwrap_or(Err(FaultStatus::UNSPECIFIED))
}

/// Carries out a call. It may block.
///
/// # Errors
/// A call that is refused before its interface has a say.
fn call(host: &Arc<Host>, raw: &RawCall<'_>) -> Outcome {
    host.dcom.expire();
    if raw.interface == dcom_ids::OBJECT_EXPORTER && server::needs_no_logon(raw.opnum) {
        return resolver::exporter(host, "", raw);
    }
    let call = Call::new(host, raw)?;
    match raw.interface {
        dcom_ids::OBJECT_EXPORTER => resolver::exporter(host, &call.owner, raw),
        dcom_ids::ACTIVATION | dcom_ids::REMOTE_SCM_ACTIVATOR => resolver::activation(&call),
        dcom_ids::REM_UNKNOWN | dcom_ids::REM_UNKNOWN2 => unknown::call(&call),
        _ => call.dispatch(),
    }
}

/// Who calls: the user, and by what name objects belong to them.
fn identity<'c>(host: &Host, caller: &'c Caller, in_process: bool) -> Result<(&'c str, String), FaultStatus> {
    // Hardened servers refuse everything below this since 2023 ([MS-DCOM] 3.1.2.5.2.1).
    if !in_process && caller.level < AuthLevel::Integrity {
        return Err(FaultStatus::ACCESS_DENIED);
    }
    match &caller.principal {
        Some(principal) => Ok((principal.user.as_str(), owner(&host.config, principal))),
        None if in_process => Ok(("local", LOCAL_OWNER.to_owned())),
        None => Err(FaultStatus::ACCESS_DENIED),
    }
}

impl RawCall<'_> {
    /// The same as a call of this owner to the exporter itself.
    fn to_exporter<'o>(&'o self, owner: &'o str) -> server::Call<'o> {
        let Self { interface, opnum, object, stub, .. } = *self;
        server::Call { interface, opnum, object, stub, owner, now: now() }
    }
}

impl<'c> Call<'c> {
    /// A call of whoever has logged on.
    ///
    /// # Errors
    /// Nobody has, or the call is not protected enough.
    fn new(host: &'c Arc<Host>, raw: &'c RawCall<'c>) -> Result<Self, FaultStatus> {
        let (user, owner) = identity(host, raw.caller, raw.in_process)?;
        Ok(Self { host, user, owner, raw })
    }
}

impl Call<'_> {
    /// A call to one of the exported objects.
    fn dispatch(&self) -> Outcome {
        let (object, iid) = self.target()?;
        match (object.as_ref(), iid) {
            (HostObject::Login, iid) => login::call(self, iid),
            (HostObject::Services(services), _) => services.call(self),
            (HostObject::Enumeration(enumeration), ids::FETCH_SMART_ENUM) => enumeration.fetch_smart(self),
            (HostObject::Enumeration(enumeration), _) => enumeration.call(self),
            (HostObject::SmartEnumeration(enumeration), _) => enumeration.smart_call(self),
            (HostObject::CallResult(result), _) => result.call(self),
        }
    }

    /// The object that is called, and its interface.
    fn target(&self) -> Result<(Arc<HostObject>, Uuid), FaultStatus> {
        let ipid = self.raw.object.ok_or(FaultStatus(Hresult::RPC_E_INVALID_OBJECT.0))?;
        let target = self.host.dcom.table().target(&self.owner, ipid, now());
        let (object, iid) = target.map_err(|refusal| match refusal {
            Refusal::NotYours => FaultStatus::ACCESS_DENIED,
            other => FaultStatus(other.hresult().0),
        })?;
        if iid != self.raw.interface {
            return Err(FaultStatus(Hresult::RPC_E_INVALID_OBJECT.0));
        }
        Ok((object, iid))
    }

    /// The parameters.
    fn parameters<T: Stub>(&self) -> Result<T, FaultStatus> {
        let (this, parameters) = decode_request::<T>(self.raw.stub).map_err(|error| {
            tracing::debug!(%error, interface = %self.raw.interface, opnum = self.raw.opnum, "bad parameters");
            FaultStatus::BAD_STUB_DATA
        })?;
        match this.refusal() {
            Some(refusal) => Err(FaultStatus(refusal.0)),
            None => Ok(parameters),
        }
    }

    /// Exports an object for the caller.
    fn export(&self, object: HostObject, iid: Uuid) -> Result<ObjRef, Hresult> {
        let exported = self.host.dcom.table().export(&self.owner, object, iid, REFERENCES, now());
        let reference = exported.map_err(|refusal| match refusal {
            Refusal::Limit => Hresult::WBEM_E_QUOTA_VIOLATION,
            other => other.hresult(),
        })?;
        Ok(ObjRef::standard(iid, reference, resolver_bindings(self.host, self.raw)))
    }

    /// An instance as clients get it: with its class, and where it is from.
    fn decorate(&self, namespace: &Namespace, mut instance: CimInstance) -> CimInstance {
        instance.server_name = Some(self.host.config.computer.clone());
        instance.namespace = Some(namespace.clone());
        if instance.class.is_none()
            && let Ok(classes) = self.host.cim.namespace(namespace)
        {
            instance.class = classes.store().class(&instance.class_name);
        }
        // Events hold the instances that they are about.
        for property in instance.properties.iter_mut() {
            if let CimValue::Instance(inner) = &mut property.value
                && inner.server_name.is_none()
            {
                let whole = std::mem::replace(inner.as_mut(), CimInstance::new(""));
                **inner = self.decorate(namespace, whole);
            }
        }
        instance
    }
}

/// Writes a response.
fn answer<T: Stub>(stub: &T) -> Outcome {
    encode_response(&OrpcThat::default(), stub).map_err(|error| {
        tracing::debug!(%error, "a response cannot be written");
        FaultStatus::OUT_ARGS_TOO_BIG
    })
}

/// The code of a failed CIM operation.
fn code(failure: &CimFailure) -> Hresult {
    windlass_wmi::status::hresult(failure.status)
}

/// How clients may authenticate.
fn security_bindings(host: &Host) -> Vec<SecurityBinding> {
    let known = [AuthType::NTLM, AuthType::SPNEGO, AuthType::KERBEROS].into_iter();
    let offered = known.filter(|provider| host.offers(*provider));
    offered.map(|AuthType(provider)| SecurityBinding::service(provider.into())).collect()
}

/// Where the resolver is.
fn resolver_bindings(host: &Host, raw: &RawCall<'_>) -> DualStringArray {
    let mut addresses = vec![StringBinding::tcp(raw.address)];
    if !host.config.computer.eq_ignore_ascii_case(raw.address) {
        addresses.push(StringBinding::tcp(&host.config.computer));
    }
    DualStringArray { addresses, security: security_bindings(host) }
}

/// Where the exporter is.
fn exporter_bindings(host: &Host, raw: &RawCall<'_>) -> DualStringArray {
    let mut addresses = vec![StringBinding::tcp_port(raw.address, raw.port)];
    if !host.config.computer.eq_ignore_ascii_case(raw.address) {
        addresses.push(StringBinding::tcp_port(&host.config.computer, raw.port));
    }
    DualStringArray { addresses, security: security_bindings(host) }
}
