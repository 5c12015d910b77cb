//! IWbemLevel1Login, IWbemLoginClientID and IWbemLoginClientIDEx ([MS-WMI] 3.1.4.1).

use windlass_core::status::Hresult;
use windlass_dcom::{Error, ObjRef, Stub, read_hresult, read_interface, write_interface};
use windlass_rpc::ndr::{Reader, Writer};

use super::{read_wide, write_wide};

/// The numbers of the methods.
pub mod login_opnum {
    /// EstablishPosition.
    pub const ESTABLISH_POSITION: u16 = 3;
    /// RequestChallenge, which no server serves.
    pub const REQUEST_CHALLENGE: u16 = 4;
    /// WBEMLogin, which no server serves.
    pub const WBEM_LOGIN: u16 = 5;
    /// NTLMLogin.
    pub const NTLM_LOGIN: u16 = 6;
    /// SetClientInfo of IWbemLoginClientID, and of IWbemLoginClientIDEx.
    pub const SET_CLIENT_INFO: u16 = 3;
}

/// Asks whether the server knows locales.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EstablishPosition {
    /// Nothing.
    pub reserved: Option<String>,
    /// Nothing.
    pub number: u32,
}

/// What EstablishPosition tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionEstablished {
    /// 1 where lists of locales are understood.
    pub locale_version: u32,
    /// The result.
    pub result: Hresult,
}

/// Opens a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NtlmLogin {
    /// The namespace, perhaps with the server before it.
    pub namespace: Option<String>,
    /// The locales, the preferred one first.
    pub locale: Option<String>,
    /// Zero.
    pub flags: i32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
}

/// Who the client is, for the records of the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetClientInfo {
    /// The client's computer.
    pub machine: Option<String>,
    /// The client's process.
    pub process: i32,
    /// Nothing.
    pub reserved: i32,
}

/// Who the client is, with more detail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetClientInfoEx {
    /// The client's computer.
    pub machine: Option<String>,
    /// The same with its domain.
    pub full_name: Option<String>,
    /// The client's process.
    pub process: i32,
    /// When it started, in units of 100 ns since 1601.
    pub started: u64,
    /// Nothing.
    pub reserved: i32,
}

impl Stub for EstablishPosition {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_wide(writer, self.reserved.as_deref());
        writer.u32(self.number);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { reserved: read_wide(reader, "reserved1")?, number: reader.u32("reserved2")? })
    }
}

impl Stub for PositionEstablished {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.locale_version);
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { locale_version: reader.u32("LocaleVersion")?, result: read_hresult(reader)? })
    }
}

impl Stub for NtlmLogin {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_wide(writer, self.namespace.as_deref());
        write_wide(writer, self.locale.as_deref());
        writer.i32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            namespace: read_wide(reader, "wszNetworkResource")?,
            locale: read_wide(reader, "wszPreferredLocale")?,
            flags: reader.i32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
        })
    }
}

impl Stub for SetClientInfo {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_wide(writer, self.machine.as_deref());
        writer.i32(self.process);
        writer.i32(self.reserved);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            machine: read_wide(reader, "wszClientMachine")?,
            process: reader.i32("lClientProcId")?,
            reserved: reader.i32("lReserved")?,
        })
    }
}

impl Stub for SetClientInfoEx {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_wide(writer, self.machine.as_deref());
        write_wide(writer, self.full_name.as_deref());
        writer.i32(self.process);
        writer.u64(self.started);
        writer.i32(self.reserved);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            machine: read_wide(reader, "wszClientMachine")?,
            full_name: read_wide(reader, "wszClientFullName")?,
            process: reader.i32("lClientProcId")?,
            started: reader.u64("clientStarted")?,
            reserved: reader.i32("lReserved")?,
        })
    }
}
