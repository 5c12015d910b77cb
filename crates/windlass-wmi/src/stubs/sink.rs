//! IWbemObjectSink, through which a server delivers results by calling its client ([MS-WMI] 3.1.4.2), and
//! the requests that name one.

use windlass_core::status::Hresult;
use windlass_dcom::{
    Error, ObjRef, Stub, read_hresult, read_interface, read_interfaces, write_interface, write_interfaces,
};
use windlass_rpc::ndr::{Reader, Writer};

use super::{read_bstr, write_bstr};

/// The numbers of the methods.
pub mod sink_opnum {
    /// Indicate.
    pub const INDICATE: u16 = 3;
    /// SetStatus.
    pub const SET_STATUS: u16 = 4;
}

/// [`SetStatus::kind`]: the operation is over.
pub const STATUS_COMPLETE: u32 = 0;
/// [`SetStatus::kind`]: nobody sends it, and whoever gets it passes over it ([MS-WMI] 2.2.7).
pub const STATUS_REQUIREMENTS: u32 = 1;
/// [`SetStatus::kind`]: the operation goes on.
pub const STATUS_PROGRESS: u32 = 2;

/// The parameters that a call and its twin for sinks share: those that go in.
pub trait Inputs: Sized {
    /// Writes them.
    ///
    /// # Errors
    /// See [`Stub::write`].
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error>;

    /// Reads them. What the call itself has beside them is not wanted.
    ///
    /// # Errors
    /// See [`Stub::read`].
    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error>;
}

/// A request whose results go to a sink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToSink<T> {
    /// What is asked for.
    pub request: T,
    /// An IWbemObjectSink.
    pub sink: Option<ObjRef>,
}

/// Ends all calls whose results go to a sink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CancelAsyncCall {
    /// An IWbemObjectSink.
    pub sink: Option<ObjRef>,
}

/// Delivers objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indicate {
    /// Classes and instances.
    pub objects: Vec<Option<ObjRef>>,
}

/// Says how far the operation has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetStatus {
    /// [`STATUS_COMPLETE`] or [`STATUS_PROGRESS`].
    pub kind: u32,
    /// The result of the operation; its progress while it goes on.
    pub result: Hresult,
    /// The path of an instance that was written.
    pub text: Option<String>,
    /// An instance that tells more of a failure.
    pub error: Option<ObjRef>,
}

impl<T: Inputs> Stub for ToSink<T> {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.request.write_inputs(writer)?;
        write_interface(writer, self.sink.as_ref())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { request: T::read_inputs(reader)?, sink: read_interface(reader, "pResponseHandler")? })
    }
}

impl Stub for CancelAsyncCall {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        write_interface(writer, self.sink.as_ref())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { sink: read_interface(reader, "pSink")? })
    }
}

impl Stub for Indicate {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.count(self.objects.len());
        writer.conformant_count(self.objects.len());
        write_interfaces(writer, &self.objects)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let stated = reader.size("lObjectCount")?;
        let count = reader.conformant_count(4, "apObjArray")?;
        if count != stated {
            let found = u64::try_from(stated).unwrap_or(u64::MAX);
            return Err(Error::Value { field: "lObjectCount", found, expected: "the conformance" });
        }
        Ok(Self { objects: read_interfaces(reader, count)? })
    }
}

impl Stub for SetStatus {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.kind);
        writer.u32(self.result.0);
        write_bstr(writer, self.text.as_deref());
        write_interface(writer, self.error.as_ref())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            kind: reader.u32("lFlags")?,
            result: read_hresult(reader)?,
            text: read_bstr(reader, "strParam")?,
            error: read_interface(reader, "pObjParam")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use windlass_dcom::{OrpcThis, decode_request, encode_request};

    use super::*;
    use crate::stubs::{Lookup, Out, Query};

    #[test]
    fn requests_read_back_without_what_only_their_twins_have() {
        let this = OrpcThis::new(uuid::Uuid::nil());
        let sink = Some(crate::object::marshal_unit(vec![1, 2, 3]));
        let request = Query { query: Some("SELECT".to_owned()), ..Query::default() };
        let written = ToSink { request, sink: sink.clone() };
        let stub = encode_request(&this, &written).unwrap();
        assert_eq!(decode_request::<ToSink<Query>>(&stub).unwrap().1, written);
        let request = Lookup { name: Some("A".to_owned()), found: Out::WANTED, ..Lookup::default() };
        let stub = encode_request(&this, &ToSink { request: request.clone(), sink: sink.clone() }).unwrap();
        let read = decode_request::<ToSink<Lookup>>(&stub).unwrap().1;
        assert_eq!(read, ToSink { request: Lookup { found: Out::Unwanted, ..request }, sink });
    }

    #[test]
    fn counts_that_differ_are_refused() {
        let this = OrpcThis::new(uuid::Uuid::nil());
        let mut stub = encode_request(&this, &Indicate { objects: vec![None, None] }).unwrap();
        assert_eq!(decode_request::<Indicate>(&stub).unwrap().1.objects.len(), 2);
        stub[32] = 3;
        assert!(decode_request::<Indicate>(&stub).is_err());
        stub[32..40].fill(0xFF);
        assert!(decode_request::<Indicate>(&stub).is_err());
    }
}
