//! Activation: making an object on another computer ([MS-DCOM] 3.1.2.5.2).
//!
//! There are two ways, and servers offer both. [`RemoteActivation`] says everything in its parameters.
//! [`RemoteCreateInstance`] carries [`Properties`], a list of structures that each have a class id, within
//! an object reference.

mod blob;
mod properties;
mod remote;

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::ndr::{Reader, Writer};

pub use blob::{Properties, Property};
pub use properties::{
    ActivationContext, Instantiation, Location, PropsOut, RemoteReply, RemoteRequest, ScmReply, ScmRequest,
    Security, ServerInfo, SpecialSystem,
};
pub use remote::{RemoteActivated, RemoteActivation};

use crate::bindings::TOWER_TCP;
use crate::error::Error;
use crate::ids;
use crate::objref::{ObjRef, ObjRefKind};
use crate::stub::{Stub, read_hresult, read_interface, write_interface};

/// The numbers of the methods of IRemoteSCMActivator.
pub mod opnum {
    /// RemoteActivation of IActivation.
    pub const REMOTE_ACTIVATION: u16 = 0;
    /// RemoteGetClassObject.
    pub const REMOTE_GET_CLASS_OBJECT: u16 = 3;
    /// RemoteCreateInstance.
    pub const REMOTE_CREATE_INSTANCE: u16 = 4;
}

/// The impersonation level that clients ask for: the server may act as the user on its own computer.
pub const IMPERSONATE: u32 = 2;
/// The flags of ORPCTHIS and ORPCTHAT of an activation.
pub const ACTIVATION_FLAGS: u32 = 1;

/// Asks for an object of a class: the request of RemoteCreateInstance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCreateInstance {
    /// An object to aggregate with: never there.
    pub outer: Option<ObjRef>,
    /// Which class, which interfaces, and on whose behalf.
    pub properties: Properties,
}

/// What RemoteCreateInstance gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCreatedInstance {
    /// The object and where its exporter is; nothing after a failure.
    pub properties: Option<Properties>,
    /// The result of the whole.
    pub result: Hresult,
}

impl RemoteCreateInstance {
    /// The request for one object with these interfaces over TCP.
    pub fn new(clsid: Uuid, iids: Vec<Uuid>) -> Self {
        let properties = vec![
            Property::Instantiation(Instantiation::new(clsid, iids)),
            Property::ActivationContext(Box::default()),
            Property::Location(Location::default()),
            Property::ScmRequest(ScmRequest {
                request: Some(RemoteRequest { impersonation: IMPERSONATE, protocols: vec![TOWER_TCP] }),
            }),
        ];
        Self { outer: None, properties: Properties::new(properties) }
    }

    /// The class, the interfaces and the protocols that are asked for.
    ///
    /// # Errors
    /// A property that has to be there is not.
    pub fn wanted(&self) -> Result<(&Instantiation, &RemoteRequest), Error> {
        let instantiation = self.properties.list.iter().find_map(|property| match property {
            Property::Instantiation(instantiation) => Some(instantiation),
            _ => None,
        });
        let request = self.properties.list.iter().find_map(|property| match property {
            Property::ScmRequest(ScmRequest { request }) => request.as_ref(),
            _ => None,
        });
        Ok((
            instantiation.ok_or(Error::Missing("InstantiationInfo"))?,
            request.ok_or(Error::Missing("ScmRequestInfo"))?,
        ))
    }
}

impl RemoteCreatedInstance {
    /// The response with an object.
    pub fn new(out: PropsOut, reply: RemoteReply) -> Self {
        let list = vec![Property::PropsOut(out), Property::ScmReply(ScmReply { reply: Some(reply) })];
        Self { properties: Some(Properties::new(list)), result: Hresult::S_OK }
    }

    /// The response without one.
    pub fn failed(result: Hresult) -> Self {
        Self { properties: None, result }
    }

    /// The interfaces, and where their exporter is.
    ///
    /// # Errors
    /// A property that has to be there is not.
    pub fn granted(&self) -> Result<(&PropsOut, &RemoteReply), Error> {
        let list = self.properties.as_ref().map(|properties| properties.list.as_slice()).unwrap_or_default();
        let out = list.iter().find_map(|property| match property {
            Property::PropsOut(out) => Some(out),
            _ => None,
        });
        let reply = list.iter().find_map(|property| match property {
            Property::ScmReply(ScmReply { reply }) => reply.as_ref(),
            _ => None,
        });
        Ok((out.ok_or(Error::Missing("PropsOutInfo"))?, reply.ok_or(Error::Missing("ScmReplyInfo"))?))
    }
}

impl Stub for RemoteCreateInstance {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_interface(writer, self.outer.as_ref())?;
        let properties =
            wrap(&self.properties, ids::ACTIVATION_PROPERTIES_IN, ids::CLSID_ACTIVATION_PROPERTIES_IN)?;
        write_interface(writer, Some(&properties))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let outer = read_interface(reader, "pUnkOuter")?;
        let properties = read_interface(reader, "pActProperties")?;
        let properties = properties.ok_or(Error::Missing("pActProperties"))?;
        Ok(Self { outer, properties: unwrap(&properties, ids::CLSID_ACTIVATION_PROPERTIES_IN)? })
    }
}

impl Stub for RemoteCreatedInstance {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let properties = match &self.properties {
            Some(properties) => {
                Some(wrap(properties, ids::ACTIVATION_PROPERTIES_OUT, ids::CLSID_ACTIVATION_PROPERTIES_OUT)?)
            }
            None => None,
        };
        write_interface(writer, properties.as_ref())?;
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let properties = read_interface(reader, "ppActProperties")?;
        let properties = match properties {
            Some(properties) => Some(unwrap(&properties, ids::CLSID_ACTIVATION_PROPERTIES_OUT)?),
            None => None,
        };
        Ok(Self { properties, result: read_hresult(reader)? })
    }
}

/// Properties as the object reference that carries them; its reserved size counts itself, as Windows does.
fn wrap(properties: &Properties, iid: Uuid, clsid: Uuid) -> Result<ObjRef, Error> {
    let data = properties.encode()?;
    let reserved = u32::try_from(data.len().saturating_add(8)).unwrap_or(u32::MAX);
    Ok(ObjRef { iid, kind: ObjRefKind::Custom { clsid, extension: 0, reserved, data } })
}

fn unwrap(reference: &ObjRef, clsid: Uuid) -> Result<Properties, Error> {
    let data = reference.custom_data(clsid).ok_or(Error::Missing("an OBJREF_CUSTOM of the properties"))?;
    Properties::decode(data)
}
