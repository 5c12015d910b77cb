//! IWbemCallResult: the result of a call that came back at once ([MS-WMI] 3.1.4.5).

use windlass_core::status::Hresult;
use windlass_dcom::{Error, Stub, read_hresult};
use windlass_rpc::ndr::{Reader, Writer};

use super::{read_bstr, write_bstr};

/// The numbers of the methods.
pub mod result_opnum {
    /// GetResultObject.
    pub const GET_RESULT_OBJECT: u16 = 3;
    /// GetResultString.
    pub const GET_RESULT_STRING: u16 = 4;
    /// GetResultServices.
    pub const GET_RESULT_SERVICES: u16 = 5;
    /// GetCallStatus.
    pub const GET_CALL_STATUS: u16 = 6;
}

/// How long to wait, in milliseconds, -1 for ever: the request of all four methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(pub i32);

/// What GetResultString gives: the path of an instance that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultString {
    /// The text.
    pub text: Option<String>,
    /// The result.
    pub result: Hresult,
}

/// What GetCallStatus gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallStatus {
    /// The result of the call that is asked about.
    pub status: Hresult,
    /// The result of asking.
    pub result: Hresult,
}

impl Stub for Timeout {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.i32(self.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self(reader.i32("lTimeout")?))
    }
}

impl Stub for ResultString {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.text.as_deref());
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { text: read_bstr(reader, "pstrResultString")?, result: read_hresult(reader)? })
    }
}

impl Stub for CallStatus {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.status.0);
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { status: read_hresult(reader)?, result: read_hresult(reader)? })
    }
}
