//! RemoteActivation, the older way to make an object ([MS-DCOM] 3.1.2.5.2.3.1).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::ndr::{Reader, Writer};

use super::IMPERSONATE;
use super::properties::read_uuids;
use crate::bindings::{DualStringArray, TOWER_TCP};
use crate::error::Error;
use crate::exporter::{read_optional_bindings, read_protocols, write_optional_bindings, write_protocols};
use crate::objref::ObjRef;
use crate::stub::{
    ComVersion, Stub, read_hresult, read_interface, read_interfaces, write_interface, write_interfaces,
};

/// Asks for an object of a class: the request of RemoteActivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteActivation {
    /// The class.
    pub clsid: Uuid,
    /// The name of a stored object.
    pub object_name: Option<String>,
    /// A stored object.
    pub storage: Option<ObjRef>,
    /// How far the server may act as the user.
    pub impersonation: u32,
    /// How stored objects are opened; 0xFFFFFFFF for the class itself.
    pub mode: u32,
    /// The interfaces.
    pub iids: Vec<Uuid>,
    /// The protocols that the client can use.
    pub protocols: Vec<u16>,
}

/// What RemoteActivation gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteActivated {
    /// The exporter of the object.
    pub oxid: u64,
    /// Where it is; nothing after a failure.
    pub bindings: Option<DualStringArray>,
    /// Its IRemUnknown.
    pub remote_unknown: Uuid,
    /// The least level of authentication that it takes.
    pub authentication_hint: u32,
    /// The version of its DCOM.
    pub version: ComVersion,
    /// The result of the activation.
    pub result: Hresult,
    /// One for each interface that was asked for.
    pub interfaces: Vec<(Hresult, Option<ObjRef>)>,
    /// A Win32 error of the resolver.
    pub status: u32,
}

impl RemoteActivation {
    /// The request for one object with these interfaces over TCP.
    pub fn new(clsid: Uuid, iids: Vec<Uuid>) -> Self {
        Self {
            clsid,
            object_name: None,
            storage: None,
            impersonation: IMPERSONATE,
            mode: 0,
            iids,
            protocols: vec![TOWER_TCP],
        }
    }
}

impl RemoteActivated {
    /// The response without an object, to a request for so many interfaces.
    pub fn failed(result: Hresult, interfaces: usize) -> Self {
        Self {
            oxid: 0,
            bindings: None,
            remote_unknown: Uuid::nil(),
            authentication_hint: 0,
            version: ComVersion::CURRENT,
            result,
            interfaces: vec![(result, None); interfaces],
            status: 0,
        }
    }
}

impl Stub for RemoteActivation {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.uuid(&self.clsid);
        writer.unique_ptr(self.object_name.is_some());
        if let Some(name) = &self.object_name {
            writer.wide_string(name);
        }
        write_interface(writer, self.storage.as_ref())?;
        writer.u32(self.impersonation);
        writer.u32(self.mode);
        writer.count(self.iids.len());
        writer.unique_ptr(true);
        writer.conformant_count(self.iids.len());
        for iid in &self.iids {
            writer.uuid(iid);
        }
        write_protocols(writer, &self.protocols)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let clsid = reader.uuid("Clsid")?;
        let object_name = match reader.unique_ptr("pwszObjectName")? {
            Some(_) => Some(reader.wide_string("pwszObjectName")?),
            None => None,
        };
        let storage = read_interface(reader, "pObjectStorage")?;
        let impersonation = reader.u32("ClientImpLevel")?;
        let mode = reader.u32("Mode")?;
        let count = reader.size("Interfaces")?;
        let iids = match reader.unique_ptr("pIIDs")? {
            Some(_) => read_uuids(reader, count)?,
            None => Vec::new(),
        };
        let protocols = read_protocols(reader)?;
        Ok(Self { clsid, object_name, storage, impersonation, mode, iids, protocols })
    }
}

impl Stub for RemoteActivated {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u64(self.oxid);
        write_optional_bindings(writer, self.bindings.as_ref())?;
        writer.uuid(&self.remote_unknown);
        writer.u32(self.authentication_hint);
        self.version.write(writer);
        writer.u32(self.result.0);
        writer.conformant_count(self.interfaces.len());
        let references: Vec<_> = self.interfaces.iter().map(|(_, reference)| reference.clone()).collect();
        write_interfaces(writer, &references)?;
        writer.conformant_count(self.interfaces.len());
        for (result, _) in &self.interfaces {
            writer.u32(result.0);
        }
        writer.u32(self.status);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let oxid = reader.u64("pOxid")?;
        let bindings = read_optional_bindings(reader)?;
        let remote_unknown = reader.uuid("pipidRemUnknown")?;
        let authentication_hint = reader.u32("pAuthnHint")?;
        let version = ComVersion::read(reader)?;
        let result = read_hresult(reader)?;
        let count = reader.conformant_count(4, "ppInterfaceData")?;
        let references = read_interfaces(reader, count)?;
        let results = reader.conformant_count(4, "pResults")?;
        if results != count {
            return Err(Error::Missing("a result for each interface"));
        }
        let results: Result<Vec<_>, _> = (0..results).map(|_| read_hresult(reader)).collect();
        let interfaces = results?.into_iter().zip(references).collect();
        let status = reader.u32("error_status_t")?;
        Ok(Self { oxid, bindings, remote_unknown, authentication_hint, version, result, interfaces, status })
    }
}
