//! The resolver and activation ([MS-DCOM] 3.2.4.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;
use windlass_dcom::activation::{ACTIVATION_FLAGS, RemoteCreateInstance, RemoteCreatedInstance, opnum};
use windlass_dcom::exporter::{ResolveOxid, ResolvedOxid2, opnum as exporter_opnum};
use windlass_dcom::{
    DualStringArray, OrpcThis, Stub, TOWER_TCP, decode, decode_response, encode, encode_request,
    ids as dcom_ids,
};
use windlass_net::RpcConnection;
use windlass_rpc::{CallRequest, SyntaxId};
use windlass_wmi::ids;

use super::exporter::{Exporter, Place};
use super::setup::Setup;
use crate::error::{Error, Result};

/// Activates the login of WMI.
pub(super) async fn activate(setup: &Arc<Setup>, exchanges: &Arc<AtomicU64>) -> Result<Arc<Exporter>> {
    let activated = activation(setup, exchanges).await;
    let (place, reference) = activated.map_err(|error| error.while_doing("activating WMI"))?;
    let exporter = Exporter::new(Arc::clone(setup), Arc::clone(exchanges), place);
    // The connection shows whether the exporter is reached before anything is asked of it.
    exporter.connect().await?;
    exporter.take_login(&reference)?;
    Ok(Arc::new(exporter))
}

async fn activation(setup: &Setup, exchanges: &AtomicU64) -> Result<(Place, windlass_dcom::ObjRef)> {
    let resolver = Resolver::open(setup, exchanges, dcom_ids::REMOTE_SCM_ACTIVATOR).await?;
    let wanted = RemoteCreateInstance::new(ids::CLSID_LEVEL1_LOGIN, vec![ids::LEVEL1_LOGIN]);
    let this = OrpcThis { flags: ACTIVATION_FLAGS, ..OrpcThis::new(Uuid::new_v4()) };
    let stub = encode_request(&this, &wanted).map_err(|error| setup.broken(error))?;
    let answer = resolver.call(opnum::REMOTE_CREATE_INSTANCE, stub).await?;
    let (_, created) =
        decode_response::<RemoteCreatedInstance>(&answer).map_err(|error| setup.broken(error))?;
    if created.result.is_failure() {
        return Err(setup.failed(created.result));
    }
    let (out, reply) = created.granted().map_err(|error| setup.broken(error))?;
    let (_, result, reference) =
        out.interfaces.first().ok_or_else(|| setup.broken("no interface was activated"))?;
    if result.is_failure() {
        return Err(setup.failed(*result));
    }
    let reference = reference.clone().ok_or_else(|| setup.broken("no object was activated"))?;
    let place = Place {
        port: port(setup, reply.bindings.as_ref())?,
        oxid: reply.oxid,
        remote_unknown: reply.remote_unknown,
        hint: reply.authentication_hint,
    };
    Ok((place, reference))
}

/// Asks the resolver where another exporter of the computer is.
pub(super) async fn resolve(setup: &Setup, exchanges: &AtomicU64, oxid: u64) -> Result<Place> {
    let resolver = Resolver::open(setup, exchanges, dcom_ids::OBJECT_EXPORTER).await?;
    let stub = encode(&ResolveOxid { oxid, protocols: vec![TOWER_TCP] });
    let stub = stub.map_err(|error| setup.broken(error))?;
    let answer = resolver.call(exporter_opnum::RESOLVE_OXID2, stub).await?;
    let resolved: ResolvedOxid2 = decode(&answer).map_err(|error| setup.broken(error))?;
    if resolved.status != 0 {
        let reason =
            format!("the resolver does not know the exporter of an object: error {}", resolved.status);
        return Err(setup.broken(reason));
    }
    Ok(Place {
        port: port(setup, resolved.bindings.as_ref())?,
        oxid,
        remote_unknown: resolved.remote_unknown,
        hint: resolved.authentication_hint,
    })
}

/// The port of an exporter. Whatever addresses stand beside it are left alone.
fn port(setup: &Setup, bindings: Option<&DualStringArray>) -> Result<u16> {
    match bindings.and_then(|bindings| bindings.tcp_ports().next()) {
        Some(port) => Ok(port),
        None if setup.dial.is_some() => Ok(0),
        None => Err(setup.broken("the exporter is not reached over TCP")),
    }
}

/// A connection to one interface of the resolver.
pub(super) struct Resolver<'s> {
    setup: &'s Setup,
    exchanges: &'s AtomicU64,
    connection: RpcConnection,
    context: u16,
    security: Option<u32>,
}

impl<'s> Resolver<'s> {
    pub(super) async fn open(setup: &'s Setup, exchanges: &'s AtomicU64, interface: Uuid) -> Result<Self> {
        let connection = setup
            .connect(setup.port)
            .await
            .map_err(|error| error.while_doing("connecting to the resolver"))?;
        exchanges.fetch_add(1, Ordering::Relaxed);
        let bound = connection.bind_one(&SyntaxId::new(interface, 0, 0), setup.security.as_ref()).await;
        let (context, security) =
            bound.map_err(|error| Error::from_rpc(error).while_doing("binding to the resolver"))?;
        Ok(Self { setup, exchanges, connection, context, security })
    }

    pub(super) async fn call(&self, opnum: u16, stub: Vec<u8>) -> Result<Vec<u8>> {
        let Self { context, security, .. } = *self;
        let request = CallRequest { context, security, opnum, object: None, stub };
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        let answer = self.connection.call_within(request, self.setup.opening()).await;
        answer.map_err(|error| self.setup.fault(error))
    }

    /// Makes a call without what ORPC puts before parameters.
    pub(super) async fn ask<Q: Stub, R: Stub>(&self, opnum: u16, request: &Q) -> Result<R> {
        let stub = encode(request).map_err(|error| self.setup.broken(error))?;
        decode(&self.call(opnum, stub).await?).map_err(|error| self.setup.broken(error))
    }
}
