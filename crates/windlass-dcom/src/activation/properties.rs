//! The structures within an activation ([MS-DCOM] 2.2.22.2).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::ndr::{Reader, Writer};

use crate::bindings::DualStringArray;
use crate::error::Error;
use crate::exporter::{read_u16s, short_count};
use crate::objref::ObjRef;
use crate::stub::{
    ComVersion, Stub, read_bindings, read_hresult, read_interface_target, read_interfaces, write_bindings,
    write_interfaces,
};

/// Another computer's local server, and an in-process server there: what clients ask for by default.
const CLASS_CONTEXT: u32 = 0x14;

/// Flags of the client's system (SpecialPropertiesData).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialSystem {
    /// The session to run in; 0xFFFFFFFF for any.
    pub session: u32,
    /// Whether the session is meant.
    pub remote_session: i32,
    /// Whether the client impersonates.
    pub client_impersonating: i32,
    /// Whether a partition is meant.
    pub partition_present: i32,
    /// The client's default level of authentication.
    pub default_level: u32,
    /// The partition.
    pub partition: Uuid,
    /// Flags of the process.
    pub process_flags: u32,
    /// The context that the caller asked for.
    pub class_context: u32,
    /// Flags.
    pub flags: u32,
    /// Nothing.
    pub reserved: (u32, u64, [u32; 5]),
}

/// Which class and which interfaces (InstantiationInfoData).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instantiation {
    /// The class.
    pub clsid: Uuid,
    /// Where its code may run.
    pub class_context: u32,
    /// Flags.
    pub flags: u32,
    /// Whether it is for another.
    pub surrogate: i32,
    /// Flags.
    pub instance_flags: u32,
    /// The interfaces.
    pub iids: Vec<Uuid>,
    /// The size of this property; nobody relies on it.
    pub this_size: u32,
    /// The version of the client's DCOM.
    pub version: ComVersion,
}

/// The contexts of the client (ActivationContextInfoData).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivationContext {
    /// Whether the client's context is fine with it.
    pub client_ok: i32,
    /// Nothing.
    pub reserved: (i32, u32, u32),
    /// The client's context.
    pub client: Option<ObjRef>,
    /// The context to copy.
    pub prototype: Option<ObjRef>,
}

/// On which server (SecurityInfoData).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// Flags.
    pub flags: u32,
    /// The server, as the client names it.
    pub server: Option<ServerInfo>,
    /// Nothing.
    pub reserved: Option<u32>,
}

/// A server, as the client names it (COSERVERINFO).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerInfo {
    /// Its name.
    pub name: Option<String>,
    /// Nothing.
    pub reserved: (u32, u32),
}

/// Where in the client (LocationInfoData).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// The computer.
    pub machine: Option<String>,
    /// The process.
    pub process: u32,
    /// The apartment.
    pub apartment: u32,
    /// The context.
    pub context: u32,
}

/// How the client reaches the object (ScmRequestInfoData).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScmRequest {
    /// The request of a remote client.
    pub request: Option<RemoteRequest>,
}

/// The request of a remote client (customREMOTE_REQUEST_SCM_INFO).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemoteRequest {
    /// How far the server may act as the user: 2, impersonate.
    pub impersonation: u32,
    /// The protocols that the client can use.
    pub protocols: Vec<u16>,
}

/// The interfaces (PropsOutInfo).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropsOut {
    /// One for each interface that was asked for.
    pub interfaces: Vec<(Uuid, Hresult, Option<ObjRef>)>,
}

/// How the object is reached (ScmReplyInfoData).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScmReply {
    /// The reply to a remote client.
    pub reply: Option<RemoteReply>,
}

/// The reply to a remote client (customREMOTE_REPLY_SCM_INFO).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteReply {
    /// The exporter of the object.
    pub oxid: u64,
    /// Where it is.
    pub bindings: Option<DualStringArray>,
    /// Its IRemUnknown.
    pub remote_unknown: Uuid,
    /// The least level of authentication that it takes.
    pub authentication_hint: u32,
    /// The version of its DCOM.
    pub version: ComVersion,
}

impl Instantiation {
    /// An object of this class with these interfaces.
    pub fn new(clsid: Uuid, iids: Vec<Uuid>) -> Self {
        // The headers, the fixed part and the interfaces, padded.
        let size = (16 + 52 + iids.len() * 16_usize).next_multiple_of(8);
        Self {
            clsid,
            class_context: CLASS_CONTEXT,
            flags: 0,
            surrogate: 0,
            instance_flags: 0,
            iids,
            this_size: u32::try_from(size).unwrap_or(u32::MAX),
            version: ComVersion::CURRENT,
        }
    }
}

impl Stub for SpecialSystem {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.session);
        writer.i32(self.remote_session);
        writer.i32(self.client_impersonating);
        writer.i32(self.partition_present);
        writer.u32(self.default_level);
        writer.uuid(&self.partition);
        writer.u32(self.process_flags);
        writer.u32(self.class_context);
        writer.u32(self.flags);
        let (first, second, third) = self.reserved;
        writer.u32(first);
        writer.u64(second);
        for word in third {
            writer.u32(word);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            session: reader.u32("dwSessionId")?,
            remote_session: reader.i32("fRemoteThisSessionId")?,
            client_impersonating: reader.i32("fClientImpersonating")?,
            partition_present: reader.i32("fPartitionIDPresent")?,
            default_level: reader.u32("dwDefaultAuthnLvl")?,
            partition: reader.uuid("guidPartition")?,
            process_flags: reader.u32("dwPRTFlags")?,
            class_context: reader.u32("dwOrigClsctx")?,
            flags: reader.u32("dwFlags")?,
            reserved: (
                reader.u32("Reserved1")?,
                reader.u64("Reserved2")?,
                [
                    reader.u32("Reserved3")?,
                    reader.u32("Reserved3")?,
                    reader.u32("Reserved3")?,
                    reader.u32("Reserved3")?,
                    reader.u32("Reserved3")?,
                ],
            ),
        })
    }
}

impl Stub for Instantiation {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.uuid(&self.clsid);
        writer.u32(self.class_context);
        writer.u32(self.flags);
        writer.i32(self.surrogate);
        writer.count(self.iids.len());
        writer.u32(self.instance_flags);
        writer.unique_ptr(true);
        writer.u32(self.this_size);
        self.version.write(writer);
        writer.conformant_count(self.iids.len());
        for iid in &self.iids {
            writer.uuid(iid);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let clsid = reader.uuid("classId")?;
        let class_context = reader.u32("classCtx")?;
        let flags = reader.u32("actvflags")?;
        let surrogate = reader.i32("fIsSurrogate")?;
        let stated = reader.size("cIID")?;
        let instance_flags = reader.u32("instFlag")?;
        let present = reader.unique_ptr("pIID")?.is_some();
        let this_size = reader.u32("thisSize")?;
        let version = ComVersion::read(reader)?;
        let iids = if present { read_uuids(reader, stated)? } else { Vec::new() };
        Ok(Self { clsid, class_context, flags, surrogate, instance_flags, iids, this_size, version })
    }
}

impl Stub for ActivationContext {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let (first, second, third) = self.reserved;
        writer.i32(self.client_ok);
        writer.i32(first);
        writer.u32(second);
        writer.u32(third);
        write_interfaces(writer, &[self.client.clone(), self.prototype.clone()])
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let client_ok = reader.i32("clientOK")?;
        let reserved = (reader.i32("bReserved1")?, reader.u32("dwReserved1")?, reader.u32("dwReserved2")?);
        let client = reader.unique_ptr("pIFDClientCtx")?.is_some();
        let prototype = reader.unique_ptr("pPrototypeCtx")?.is_some();
        let mut context = |present: bool, field| match present {
            true => read_interface_target(reader, field).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            client_ok,
            reserved,
            client: context(client, "pIFDClientCtx")?,
            prototype: context(prototype, "pPrototypeCtx")?,
        })
    }
}

impl Stub for Security {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.flags);
        writer.unique_ptr(self.server.is_some());
        writer.unique_ptr(self.reserved.is_some());
        if let Some(server) = &self.server {
            let (first, second) = server.reserved;
            writer.u32(first);
            writer.unique_ptr(server.name.is_some());
            writer.unique_ptr(false);
            writer.u32(second);
            if let Some(name) = &server.name {
                writer.wide_string(name);
            }
        }
        if let Some(reserved) = self.reserved {
            writer.u32(reserved);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let flags = reader.u32("dwAuthnFlags")?;
        let server = reader.unique_ptr("pServerInfo")?.is_some();
        let reserved = reader.unique_ptr("pdwReserved")?.is_some();
        let server = if server { Some(read_server(reader)?) } else { None };
        let reserved = if reserved { Some(reader.u32("pdwReserved")?) } else { None };
        Ok(Self { flags, server, reserved })
    }
}

fn read_server(reader: &mut Reader<'_>) -> Result<ServerInfo, Error> {
    let first = reader.u32("dwReserved1")?;
    let name = reader.unique_ptr("pwszName")?.is_some();
    let authentication = reader.unique_ptr("pdwReserved")?.is_some();
    let second = reader.u32("dwReserved2")?;
    if authentication {
        return Err(Error::value("COSERVERINFO.pdwReserved", 1_u8, "null"));
    }
    let name = if name { Some(reader.wide_string("pwszName")?) } else { None };
    Ok(ServerInfo { name, reserved: (first, second) })
}

impl Stub for Location {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.unique_ptr(self.machine.is_some());
        writer.u32(self.process);
        writer.u32(self.apartment);
        writer.u32(self.context);
        if let Some(machine) = &self.machine {
            writer.wide_string(machine);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let machine = reader.unique_ptr("machineName")?.is_some();
        let (process, apartment) = (reader.u32("processId")?, reader.u32("apartmentId")?);
        let context = reader.u32("contextId")?;
        let machine = if machine { Some(reader.wide_string("machineName")?) } else { None };
        Ok(Self { machine, process, apartment, context })
    }
}

impl Stub for ScmRequest {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.unique_ptr(false);
        writer.unique_ptr(self.request.is_some());
        let Some(request) = &self.request else { return Ok(()) };
        writer.u32(request.impersonation);
        writer.u16(short_count(request.protocols.len())?);
        writer.unique_ptr(true);
        writer.conformant_count(request.protocols.len());
        for protocol in &request.protocols {
            writer.u16(*protocol);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let reserved = reader.unique_ptr("pdwReserved")?.is_some();
        let present = reader.unique_ptr("remoteRequest")?.is_some();
        if reserved {
            reader.u32("pdwReserved")?;
        }
        if !present {
            return Ok(Self { request: None });
        }
        let impersonation = reader.u32("ClientImpLevel")?;
        let count = reader.u16("cRequestedProtseqs")?;
        let protocols = match reader.unique_ptr("pRequestedProtseqs")? {
            Some(_) => read_u16s(reader, count)?,
            None => Vec::new(),
        };
        Ok(Self { request: Some(RemoteRequest { impersonation, protocols }) })
    }
}

impl Stub for PropsOut {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        let count = self.interfaces.len();
        writer.count(count);
        for _ in 0..3 {
            writer.unique_ptr(true);
        }
        writer.conformant_count(count);
        for (iid, _, _) in &self.interfaces {
            writer.uuid(iid);
        }
        writer.conformant_count(count);
        for (_, result, _) in &self.interfaces {
            writer.u32(result.0);
        }
        writer.conformant_count(count);
        let references: Vec<_> = self.interfaces.iter().map(|(_, _, reference)| reference.clone()).collect();
        write_interfaces(writer, &references)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.size("cIfs")?;
        for field in ["piid", "phresults", "ppIntfData"] {
            if reader.unique_ptr(field)?.is_none() {
                return Err(Error::Missing(field));
            }
        }
        let iids = read_uuids(reader, count)?;
        let results = reader.conformant_count(4, "phresults")?;
        let results: Result<Vec<_>, _> = (0..results).map(|_| read_hresult(reader)).collect();
        let results = results?;
        let references = reader.conformant_count(4, "ppIntfData")?;
        if results.len() != count || references != count {
            return Err(Error::Missing("a result and a reference for each interface"));
        }
        let references = read_interfaces(reader, references)?;
        let joined = iids.into_iter().zip(results).zip(references);
        Ok(Self { interfaces: joined.map(|((iid, result), reference)| (iid, result, reference)).collect() })
    }
}

impl Stub for ScmReply {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.unique_ptr(false);
        writer.unique_ptr(self.reply.is_some());
        let Some(reply) = &self.reply else { return Ok(()) };
        writer.align(8);
        writer.u64(reply.oxid);
        writer.unique_ptr(reply.bindings.is_some());
        writer.uuid(&reply.remote_unknown);
        writer.u32(reply.authentication_hint);
        reply.version.write(writer);
        reply.bindings.as_ref().map_or(Ok(()), |bindings| write_bindings(writer, bindings))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let reserved = reader.unique_ptr("pdwReserved")?.is_some();
        let present = reader.unique_ptr("remoteReply")?.is_some();
        if reserved {
            reader.u32("pdwReserved")?;
        }
        if !present {
            return Ok(Self { reply: None });
        }
        let oxid = reader.u64("Oxid")?;
        let bindings = reader.unique_ptr("pdsaOxidBindings")?.is_some();
        let remote_unknown = reader.uuid("ipidRemUnknown")?;
        let authentication_hint = reader.u32("authnHint")?;
        let version = ComVersion::read(reader)?;
        let bindings = if bindings { Some(read_bindings(reader)?) } else { None };
        Ok(Self { reply: Some(RemoteReply { oxid, bindings, remote_unknown, authentication_hint, version }) })
    }
}

/// A conformant array of GUIDs of which the stub said before how many there are.
pub(super) fn read_uuids(reader: &mut Reader<'_>, stated: usize) -> Result<Vec<Uuid>, Error> {
    let count = reader.conformant_count(16, "IIDs")?;
    if count != stated {
        return Err(Error::value("cIID", u64::try_from(stated).unwrap_or(u64::MAX), "the conformance"));
    }
    (0..count).map(|_| Ok(reader.uuid("IID")?)).collect()
}
