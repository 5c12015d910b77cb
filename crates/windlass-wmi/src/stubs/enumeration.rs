//! IEnumWbemClassObject, IWbemFetchSmartEnum and IWbemWCOSmartEnum ([MS-WMI] 3.1.4.4, 3.1.4.6, 3.1.4.7).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_dcom::{Error, ObjRef, Stub, read_hresult, read_interfaces, write_interfaces};
use windlass_rpc::ndr::{Reader, Writer};

/// The numbers of the methods.
pub mod enumeration_opnum {
    /// Reset.
    pub const RESET: u16 = 3;
    /// Next.
    pub const NEXT: u16 = 4;
    /// NextAsync.
    pub const NEXT_ASYNC: u16 = 5;
    /// Clone.
    pub const CLONE: u16 = 6;
    /// Skip.
    pub const SKIP: u16 = 7;
    /// GetSmartEnum of IWbemFetchSmartEnum.
    pub const GET_SMART_ENUM: u16 = 3;
    /// Next of IWbemWCOSmartEnum.
    pub const SMART_NEXT: u16 = 3;
}

/// The request of GetSmartEnum: it has no parameters.
pub type GetSmartEnum = windlass_dcom::Nothing;

/// Asks for the next objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// How long to wait, in milliseconds; -1 for ever.
    pub timeout: i32,
    /// How many.
    pub count: u32,
}

/// What [`Next`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextObjects {
    /// How many there was room for.
    pub room: usize,
    /// The objects.
    pub objects: Vec<Option<ObjRef>>,
    /// The result.
    pub result: Hresult,
}

/// Passes over objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skip {
    /// How long to wait, in milliseconds; -1 for ever.
    pub timeout: i32,
    /// How many.
    pub count: u32,
}

/// Asks for the next objects as one packet: Next of IWbemWCOSmartEnum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchNext {
    /// What the client tells its enumerations apart by.
    pub proxy: Uuid,
    /// How long to wait, in milliseconds; -1 for ever.
    pub timeout: i32,
    /// How many.
    pub count: u32,
}

/// What [`FetchNext`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedNext {
    /// How many objects there are.
    pub count: u32,
    /// The packet; none where there are no objects.
    pub packet: Option<Vec<u8>>,
    /// The result.
    pub result: Hresult,
}

impl Stub for Next {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.i32(self.timeout);
        writer.u32(self.count);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { timeout: reader.i32("lTimeout")?, count: reader.u32("uCount")? })
    }
}

impl Stub for NextObjects {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.conformant_count(self.room.max(self.objects.len()));
        writer.varying_count(self.objects.len());
        write_interfaces(writer, &self.objects)?;
        writer.count(self.objects.len());
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let counts = reader.conformant_varying(4, "apObjects")?;
        let objects = read_interfaces(reader, counts.actual)?;
        let returned = reader.size("puReturned")?;
        if returned != objects.len() {
            let found = u64::try_from(returned).unwrap_or(u64::MAX);
            return Err(Error::Value { field: "puReturned", found, expected: "as many as there are" });
        }
        Ok(Self { room: counts.max, objects, result: read_hresult(reader)? })
    }
}

impl Stub for Skip {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.i32(self.timeout);
        writer.u32(self.count);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { timeout: reader.i32("lTimeout")?, count: reader.u32("nCount")? })
    }
}

impl Stub for FetchNext {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.uuid(&self.proxy);
        writer.i32(self.timeout);
        writer.u32(self.count);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            proxy: reader.uuid("proxyGUID")?,
            timeout: reader.i32("lTimeout")?,
            count: reader.u32("uCount")?,
        })
    }
}

impl Stub for FetchedNext {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.count);
        writer.count(self.packet.as_ref().map_or(0, Vec::len));
        writer.unique_ptr(self.packet.is_some());
        if let Some(packet) = &self.packet {
            writer.conformant_bytes(packet);
        }
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.u32("puReturned")?;
        let size = reader.size("pdwBuffSize")?;
        let packet = match reader.unique_ptr("pBuffer")? {
            Some(_) => Some(reader.conformant_bytes("pBuffer")?.to_vec()),
            None => None,
        };
        if packet.as_ref().map_or(0, Vec::len) != size {
            let found = u64::try_from(size).unwrap_or(u64::MAX);
            return Err(Error::Value { field: "pdwBuffSize", found, expected: "the size of the packet" });
        }
        Ok(Self { count, packet, result: read_hresult(reader)? })
    }
}
