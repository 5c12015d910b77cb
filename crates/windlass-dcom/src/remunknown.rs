//! IRemUnknown and IRemUnknown2: other interfaces of an object, and the counting of references
//! ([MS-DCOM] 3.1.1.5.6, 3.1.1.5.7).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::ndr::{Reader, Writer};

use crate::error::Error;
use crate::exporter::short_count;
use crate::objref::{ObjRef, StdObjRef};
use crate::stub::{Stub, read_hresult, read_interfaces, write_interfaces};

/// The numbers of the methods.
pub mod opnum {
    /// RemQueryInterface.
    pub const REM_QUERY_INTERFACE: u16 = 3;
    /// RemAddRef.
    pub const REM_ADD_REF: u16 = 4;
    /// RemRelease.
    pub const REM_RELEASE: u16 = 5;
    /// RemQueryInterface2, of IRemUnknown2.
    pub const REM_QUERY_INTERFACE2: u16 = 6;
}

/// Asks for further interfaces of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemQueryInterface {
    /// An interface of the object.
    pub ipid: Uuid,
    /// How many references to hand over for each.
    pub references: u32,
    /// The interfaces.
    pub iids: Vec<Uuid>,
}

/// What [`RemQueryInterface`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemQueriedInterface {
    /// One for each interface; `None` after a failure.
    pub results: Option<Vec<(Hresult, StdObjRef)>>,
    /// The result of the whole.
    pub result: Hresult,
}

/// Asks for further interfaces of an object, which come as references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemQueryInterface2 {
    /// An interface of the object.
    pub ipid: Uuid,
    /// The interfaces.
    pub iids: Vec<Uuid>,
}

/// What [`RemQueryInterface2`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemQueriedInterface2 {
    /// One for each interface.
    pub results: Vec<(Hresult, Option<ObjRef>)>,
    /// The result of the whole.
    pub result: Hresult,
}

/// References that are added or given back (REMINTERFACEREF).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceRefs {
    /// The interface.
    pub ipid: Uuid,
    /// Public references.
    pub public: u32,
    /// Private references.
    pub private: u32,
}

/// Takes or gives back references: the request of RemAddRef and RemRelease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RemReferences(pub Vec<InterfaceRefs>);

/// What RemAddRef gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemAddedRef {
    /// One for each interface.
    pub results: Vec<Hresult>,
    /// The result of the whole.
    pub result: Hresult,
}

impl Stub for RemQueryInterface {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.uuid(&self.ipid);
        writer.u32(self.references);
        write_iids(writer, &self.iids)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { ipid: reader.uuid("ripid")?, references: reader.u32("cRefs")?, iids: read_iids(reader)? })
    }
}

impl Stub for RemQueriedInterface {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.unique_ptr(self.results.is_some());
        if let Some(results) = &self.results {
            writer.conformant_count(results.len());
            for (result, reference) in results {
                writer.align(8);
                writer.u32(result.0);
                writer.align(8);
                let mut bytes = Vec::with_capacity(StdObjRef::SIZE);
                reference.encode(&mut bytes);
                writer.bytes(&bytes);
            }
        }
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let mut results = None;
        if reader.unique_ptr("ppQIResults")?.is_some() {
            let count = reader.conformant_count(8 + StdObjRef::SIZE, "ppQIResults")?;
            let mut read = Vec::with_capacity(count);
            for _ in 0..count {
                reader.align(8, "REMQIRESULT")?;
                let result = read_hresult(reader)?;
                reader.align(8, "REMQIRESULT.std")?;
                let bytes = reader.take(StdObjRef::SIZE, "REMQIRESULT.std")?;
                read.push((result, StdObjRef::decode(&mut windlass_core::cursor::ReadCursor::new(bytes))?));
            }
            results = Some(read);
        }
        Ok(Self { results, result: read_hresult(reader)? })
    }
}

impl Stub for RemQueryInterface2 {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.uuid(&self.ipid);
        write_iids(writer, &self.iids)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { ipid: reader.uuid("ripid")?, iids: read_iids(reader)? })
    }
}

impl Stub for RemQueriedInterface2 {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.conformant_count(self.results.len());
        for (result, _) in &self.results {
            writer.u32(result.0);
        }
        writer.conformant_count(self.results.len());
        let interfaces: Vec<_> = self.results.iter().map(|(_, interface)| interface.clone()).collect();
        write_interfaces(writer, &interfaces)?;
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let results = read_hresults(reader)?;
        let count = reader.conformant_count(4, "ppMIF")?;
        if count != results.len() {
            return Err(Error::Missing("a result for each interface"));
        }
        let interfaces = read_interfaces(reader, count)?;
        let results = results.into_iter().zip(interfaces).collect();
        Ok(Self { results, result: read_hresult(reader)? })
    }
}

impl Stub for RemReferences {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u16(short_count(self.0.len())?);
        writer.conformant_count(self.0.len());
        for reference in &self.0 {
            writer.uuid(&reference.ipid);
            writer.u32(reference.public);
            writer.u32(reference.private);
        }
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let stated = reader.u16("cInterfaceRefs")?;
        let count = reader.conformant_count(24, "InterfaceRefs")?;
        if count != usize::from(stated) {
            return Err(Error::value("cInterfaceRefs", stated, "the conformance"));
        }
        let mut references = Vec::with_capacity(count);
        for _ in 0..count {
            references.push(InterfaceRefs {
                ipid: reader.uuid("ipid")?,
                public: reader.u32("cPublicRefs")?,
                private: reader.u32("cPrivateRefs")?,
            });
        }
        Ok(Self(references))
    }
}

impl Stub for RemAddedRef {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.conformant_count(self.results.len());
        for result in &self.results {
            writer.u32(result.0);
        }
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { results: read_hresults(reader)?, result: read_hresult(reader)? })
    }
}

fn read_hresults(reader: &mut Reader<'_>) -> Result<Vec<Hresult>, Error> {
    let count = reader.conformant_count(4, "results")?;
    (0..count).map(|_| read_hresult(reader)).collect()
}

fn read_iids(reader: &mut Reader<'_>) -> Result<Vec<Uuid>, Error> {
    let stated = reader.u16("cIids")?;
    let count = reader.conformant_count(16, "iids")?;
    if count != usize::from(stated) {
        return Err(Error::value("cIids", stated, "the conformance"));
    }
    (0..count).map(|_| Ok(reader.uuid("iids")?)).collect()
}

fn write_iids(writer: &mut Writer, iids: &[Uuid]) -> Result<(), Error> {
    writer.u16(short_count(iids.len())?);
    writer.conformant_count(iids.len());
    for iid in iids {
        writer.uuid(iid);
    }
    Ok(())
}
