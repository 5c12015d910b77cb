//! The parameters of the calls of WMI's interfaces ([MS-WMI] 3.1.4).
//!
//! All of them implement [`windlass_dcom::Stub`]. `[out]` pointers that the caller may leave out are
//! [`Out`]: a request says with it what is wanted, a response gives it.

mod enumeration;
mod login;
mod result;
mod services;
mod sink;

use windlass_core::status::Hresult;
use windlass_dcom::{
    Error, ObjRef, Stub, read_hresult, read_interface, read_interface_target, write_interface,
    write_interface_target,
};
use windlass_rpc::ndr::{Reader, Writer};

pub use enumeration::{FetchNext, FetchedNext, GetSmartEnum, Next, NextObjects, Skip, enumeration_opnum};
pub use login::{
    EstablishPosition, NtlmLogin, PositionEstablished, SetClientInfo, SetClientInfoEx, login_opnum,
};
pub use result::{CallStatus, ResultString, Timeout, result_opnum};
pub use services::{
    Changed, ClassOrInstance, Delete, Enumerate, ExecMethod, LookedUp, Lookup, Query, services_opnum,
};
pub use sink::{
    CancelAsyncCall, Indicate, Inputs, STATUS_COMPLETE, STATUS_PROGRESS, STATUS_REQUIREMENTS, SetStatus,
    ToSink, sink_opnum,
};

/// A pointer to a pointer to an interface, both of which may be null: an output, or an input and output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Out {
    /// The caller does not want it, and gets nothing.
    #[default]
    Unwanted,
    /// It is wanted; what the pointer holds.
    Wanted(Option<ObjRef>),
}

impl Out {
    /// It is wanted, and there is nothing yet.
    pub const WANTED: Self = Self::Wanted(None);

    /// Whether the caller wants it.
    pub fn is_wanted(&self) -> bool {
        matches!(self, Self::Wanted(_))
    }

    /// What there is.
    pub fn get(&self) -> Option<&ObjRef> {
        match self {
            Self::Unwanted => None,
            Self::Wanted(interface) => interface.as_ref(),
        }
    }

    /// The answer to it: `interface` if it was wanted.
    #[must_use]
    pub fn answer(&self, interface: Option<ObjRef>) -> Self {
        match self {
            Self::Unwanted => Self::Unwanted,
            Self::Wanted(_) => Self::Wanted(interface),
        }
    }

    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, Error> {
        // Some peers leave out the end of a request that wants nothing.
        if reader.remaining() < 4 || reader.unique_ptr(field)?.is_none() {
            return Ok(Self::Unwanted);
        }
        match reader.unique_ptr(field)? {
            Some(_) => Ok(Self::Wanted(Some(read_interface_target(reader, field)?))),
            None => Ok(Self::Wanted(None)),
        }
    }

    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.unique_ptr(self.is_wanted());
        let Self::Wanted(interface) = self else { return Ok(()) };
        writer.unique_ptr(interface.is_some());
        interface.as_ref().map_or(Ok(()), |interface| write_interface_target(writer, interface))
    }
}

/// An interface and a result: what many calls give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The interface; nothing after a failure.
    pub interface: Option<ObjRef>,
    /// The result.
    pub result: Hresult,
}

impl Given {
    /// A failure.
    pub fn failed(result: Hresult) -> Self {
        Self { interface: None, result }
    }
}

impl From<ObjRef> for Given {
    fn from(interface: ObjRef) -> Self {
        Self { interface: Some(interface), result: Hresult::S_OK }
    }
}

impl Stub for Given {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_interface(writer, self.interface.as_ref())?;
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { interface: read_interface(reader, "interface")?, result: read_hresult(reader)? })
    }
}

/// What stands for a null BSTR that has a pointer.
const NULL_BSTR: u32 = u32::MAX;

/// A BSTR ([MS-OAUT] 2.2.23): a pointer to a counted text.
fn read_bstr(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<String>, Error> {
    if reader.unique_ptr(field)?.is_none() {
        return Ok(None);
    }
    let max = reader.conformant_count(2, field)?;
    let bytes = reader.u32(field)?;
    let count = reader.size(field)?;
    let wrong = |found: usize, expected| Error::Value {
        field,
        found: u64::try_from(found).unwrap_or(u64::MAX),
        expected,
    };
    if count != max {
        return Err(wrong(count, "as many units as the conformance says"));
    }
    if max > reader.limits().string {
        return Err(Error::Limit { what: "units of a text", limit: reader.limits().string });
    }
    if bytes == NULL_BSTR && count == 0 {
        return Ok(None);
    }
    let units = reader.take(count * 2, field)?;
    if usize::try_from(bytes).ok() != Some(units.len()) {
        return Err(wrong(usize::try_from(bytes).unwrap_or(usize::MAX), "two bytes a unit"));
    }
    let units: Vec<u16> = units.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    // Some peers count a terminator.
    let text = units.strip_suffix(&[0]).unwrap_or(&units);
    String::from_utf16(text).map(Some).map_err(|_| Error::Text(field))
}

fn write_bstr(writer: &mut Writer, text: Option<&str>) {
    writer.unique_ptr(text.is_some());
    let Some(text) = text else { return };
    let units: Vec<u16> = text.encode_utf16().collect();
    writer.conformant_count(units.len());
    writer.count(units.len() * 2);
    writer.count(units.len());
    for unit in units {
        writer.u16(unit);
    }
}

fn read_wide(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<String>, Error> {
    match reader.unique_ptr(field)? {
        Some(_) => Ok(Some(reader.wide_string(field)?)),
        None => Ok(None),
    }
}

fn write_wide(writer: &mut Writer, text: Option<&str>) {
    writer.unique_ptr(text.is_some());
    if let Some(text) = text {
        writer.wide_string(text);
    }
}

#[cfg(test)]
mod tests {
    use windlass_rpc::ndr::Limits;

    use super::*;

    #[test]
    fn texts_read_back_with_and_without_terminator() {
        for text in [None, Some(""), Some("WQL"), Some("ünï\u{1F600}")] {
            let mut writer = Writer::new();
            write_bstr(&mut writer, text);
            let bytes = writer.into_bytes();
            let read = read_bstr(&mut Reader::new(&bytes, Limits::default()), "text").unwrap();
            assert_eq!(read.as_deref(), text);
        }
        let terminated = [1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0x41, 0, 0, 0];
        let read = read_bstr(&mut Reader::new(&terminated, Limits::default()), "text").unwrap();
        assert_eq!(read.as_deref(), Some("A"));
        let null = [1, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        assert_eq!(read_bstr(&mut Reader::new(&null, Limits::default()), "text").unwrap(), None);
        for (at, value) in [(4, 3), (8, 5), (12, 1), (4, 0xFF)] {
            let mut broken = terminated;
            broken[at] = value;
            assert!(read_bstr(&mut Reader::new(&broken, Limits::default()), "text").is_err());
        }
    }
}
