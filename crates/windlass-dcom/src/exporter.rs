//! IObjectExporter: which exporter has an object, and whether its clients live ([MS-DCOM] 3.1.2.5.1).
//!
//! Its calls are no ORPC calls: nothing stands before their parameters.

use uuid::Uuid;
use windlass_rpc::ndr::{Reader, Writer};

use crate::bindings::DualStringArray;
use crate::error::Error;
use crate::stub::{ComVersion, Stub, read_bindings, write_bindings};

/// The numbers of the methods.
pub mod opnum {
    /// ResolveOxid.
    pub const RESOLVE_OXID: u16 = 0;
    /// SimplePing.
    pub const SIMPLE_PING: u16 = 1;
    /// ComplexPing.
    pub const COMPLEX_PING: u16 = 2;
    /// ServerAlive.
    pub const SERVER_ALIVE: u16 = 3;
    /// ResolveOxid2.
    pub const RESOLVE_OXID2: u16 = 4;
    /// ServerAlive2.
    pub const SERVER_ALIVE2: u16 = 5;
}

/// The status of an OXID that nobody has ([MS-ERREF] 2.2).
pub const OR_INVALID_OXID: u32 = 1910;
/// The status of an OID that nobody has.
pub const OR_INVALID_OID: u32 = 1911;
/// The status of a ping set that nobody has.
pub const OR_INVALID_SET: u32 = 1912;

/// Where is this exporter? The request of ResolveOxid and ResolveOxid2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveOxid {
    /// The exporter.
    pub oxid: u64,
    /// The protocols that the client can use.
    pub protocols: Vec<u16>,
}

/// What ResolveOxid tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedOxid {
    /// Where the exporter is; nothing after a failure.
    pub bindings: Option<DualStringArray>,
    /// Its IRemUnknown.
    pub remote_unknown: Uuid,
    /// The least level of authentication that it takes.
    pub authentication_hint: u32,
    /// A Win32 error.
    pub status: u32,
}

/// What ResolveOxid2 tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedOxid2 {
    /// Where the exporter is; nothing after a failure.
    pub bindings: Option<DualStringArray>,
    /// Its IRemUnknown.
    pub remote_unknown: Uuid,
    /// The least level of authentication that it takes.
    pub authentication_hint: u32,
    /// The version of its DCOM.
    pub version: ComVersion,
    /// A Win32 error.
    pub status: u32,
}

/// The objects of this set are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimplePing {
    /// The set.
    pub set: u64,
}

/// Adds objects to a set, or takes them from it, and says that the rest is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplexPing {
    /// The set; 0 for a new one.
    pub set: u64,
    /// Numbers the changes of a set.
    pub sequence: u16,
    /// Objects that come in.
    pub add: Vec<u64>,
    /// Objects that go.
    pub remove: Vec<u64>,
}

/// The answer to [`ComplexPing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComplexPinged {
    /// The set, a new one where there was none.
    pub set: u64,
    /// How much more seldom to ping.
    pub backoff: u16,
    /// A Win32 error.
    pub status: u32,
}

/// A response that is a Win32 error alone: that of SimplePing and ServerAlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status(pub u32);

/// What ServerAlive2 tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAlive2 {
    /// The version of its DCOM.
    pub version: ComVersion,
    /// The addresses of the resolver.
    pub bindings: Option<DualStringArray>,
    /// Nothing.
    pub reserved: u32,
    /// A Win32 error.
    pub status: u32,
}

impl Stub for ResolveOxid {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u64(self.oxid);
        write_protocols(writer, &self.protocols)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { oxid: reader.u64("pOxid")?, protocols: read_protocols(reader)? })
    }
}

impl Stub for ResolvedOxid {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_optional_bindings(writer, self.bindings.as_ref())?;
        writer.uuid(&self.remote_unknown);
        writer.u32(self.authentication_hint);
        writer.u32(self.status);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            bindings: read_optional_bindings(reader)?,
            remote_unknown: reader.uuid("pipidRemUnknown")?,
            authentication_hint: reader.u32("pAuthnHint")?,
            status: reader.u32("error_status_t")?,
        })
    }
}

impl Stub for ResolvedOxid2 {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_optional_bindings(writer, self.bindings.as_ref())?;
        writer.uuid(&self.remote_unknown);
        writer.u32(self.authentication_hint);
        self.version.write(writer);
        writer.u32(self.status);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            bindings: read_optional_bindings(reader)?,
            remote_unknown: reader.uuid("pipidRemUnknown")?,
            authentication_hint: reader.u32("pAuthnHint")?,
            version: ComVersion::read(reader)?,
            status: reader.u32("error_status_t")?,
        })
    }
}

impl Stub for SimplePing {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u64(self.set);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { set: reader.u64("pSetId")? })
    }
}

impl Stub for ComplexPing {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u64(self.set);
        writer.u16(self.sequence);
        writer.u16(short_count(self.add.len())?);
        writer.u16(short_count(self.remove.len())?);
        for oids in [&self.add, &self.remove] {
            writer.unique_ptr(!oids.is_empty());
            if !oids.is_empty() {
                writer.conformant_count(oids.len());
                for oid in oids {
                    writer.u64(*oid);
                }
            }
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let set = reader.u64("pSetId")?;
        let sequence = reader.u16("SequenceNum")?;
        let counts = [reader.u16("cAddToSet")?, reader.u16("cDelFromSet")?];
        let [add, remove] = counts.map(|count| read_oids(reader, count));
        Ok(Self { set, sequence, add: add?, remove: remove? })
    }
}

impl Stub for ComplexPinged {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u64(self.set);
        writer.u16(self.backoff);
        writer.u32(self.status);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            set: reader.u64("pSetId")?,
            backoff: reader.u16("pPingBackoffFactor")?,
            status: reader.u32("error_status_t")?,
        })
    }
}

impl Stub for Status {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self(reader.u32("error_status_t")?))
    }
}

impl Stub for ServerAlive2 {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.version.write(writer);
        write_optional_bindings(writer, self.bindings.as_ref())?;
        writer.u32(self.reserved);
        writer.u32(self.status);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            version: ComVersion::read(reader)?,
            bindings: read_optional_bindings(reader)?,
            reserved: reader.u32("pReserved")?,
            status: reader.u32("error_status_t")?,
        })
    }
}

pub(crate) fn read_optional_bindings(reader: &mut Reader<'_>) -> Result<Option<DualStringArray>, Error> {
    match reader.unique_ptr("ppdsaOxidBindings")? {
        Some(_) => Ok(Some(read_bindings(reader)?)),
        None => Ok(None),
    }
}

pub(crate) fn write_optional_bindings(
    writer: &mut Writer,
    bindings: Option<&DualStringArray>,
) -> Result<(), Error> {
    writer.unique_ptr(bindings.is_some());
    bindings.map_or(Ok(()), |bindings| write_bindings(writer, bindings))
}

/// A count of 16 bits, and an array of that many protocols.
pub(crate) fn read_protocols(reader: &mut Reader<'_>) -> Result<Vec<u16>, Error> {
    let count = reader.u16("cRequestedProtseqs")?;
    read_u16s(reader, count)
}

/// An array of 16-bit numbers of which the stub said before how many there are.
pub(crate) fn read_u16s(reader: &mut Reader<'_>, stated: u16) -> Result<Vec<u16>, Error> {
    let count = reader.conformant_count(2, "aRequestedProtseqs")?;
    if count != usize::from(stated) {
        return Err(Error::value("cRequestedProtseqs", stated, "the conformance"));
    }
    (0..count).map(|_| Ok(reader.u16("aRequestedProtseqs")?)).collect()
}

pub(crate) fn write_protocols(writer: &mut Writer, protocols: &[u16]) -> Result<(), Error> {
    writer.u16(short_count(protocols.len())?);
    writer.conformant_count(protocols.len());
    for protocol in protocols {
        writer.u16(*protocol);
    }
    Ok(())
}

fn read_oids(reader: &mut Reader<'_>, stated: u16) -> Result<Vec<u64>, Error> {
    if reader.unique_ptr("OIDs")?.is_none() {
        return match stated {
            0 => Ok(Vec::new()),
            stated => Err(Error::value("cAddToSet", stated, "0 before a null pointer")),
        };
    }
    let count = reader.conformant_count(8, "OIDs")?;
    if count != usize::from(stated) {
        return Err(Error::value("cAddToSet", stated, "the conformance"));
    }
    (0..count).map(|_| Ok(reader.u64("OID")?)).collect()
}

pub(crate) fn short_count(count: usize) -> Result<u16, Error> {
    let limit = usize::from(u16::MAX);
    u16::try_from(count).map_err(|_| Error::Limit { what: "elements of an array", limit })
}
