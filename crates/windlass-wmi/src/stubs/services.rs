//! IWbemServices ([MS-WMI] 3.1.4.3).

use windlass_core::status::Hresult;
use windlass_dcom::{Error, ObjRef, Stub, read_hresult, read_interface, write_interface};
use windlass_rpc::ndr::{Reader, Writer};

use super::{Inputs, Out, read_bstr, write_bstr};

/// The numbers of the methods; each from GetObject on has a twin for sinks, one higher.
pub mod services_opnum {
    /// OpenNamespace.
    pub const OPEN_NAMESPACE: u16 = 3;
    /// CancelAsyncCall.
    pub const CANCEL_ASYNC_CALL: u16 = 4;
    /// QueryObjectSink.
    pub const QUERY_OBJECT_SINK: u16 = 5;
    /// GetObject.
    pub const GET_OBJECT: u16 = 6;
    /// PutClass.
    pub const PUT_CLASS: u16 = 8;
    /// DeleteClass.
    pub const DELETE_CLASS: u16 = 10;
    /// CreateClassEnum.
    pub const CREATE_CLASS_ENUM: u16 = 12;
    /// PutInstance.
    pub const PUT_INSTANCE: u16 = 14;
    /// DeleteInstance.
    pub const DELETE_INSTANCE: u16 = 16;
    /// CreateInstanceEnum.
    pub const CREATE_INSTANCE_ENUM: u16 = 18;
    /// ExecQuery.
    pub const EXEC_QUERY: u16 = 20;
    /// ExecNotificationQuery.
    pub const EXEC_NOTIFICATION_QUERY: u16 = 22;
    /// ExecMethod.
    pub const EXEC_METHOD: u16 = 24;
    /// The highest number.
    pub const LAST: u16 = 25;
}

/// Gets something by its name: the request of OpenNamespace and GetObject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lookup {
    /// The namespace, or the path of the object.
    pub name: Option<String>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
    /// What is asked for.
    pub found: Out,
    /// An IWbemCallResult for it.
    pub call: Out,
}

/// What a [`Lookup`] or [`ExecMethod`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// What was asked for.
    pub found: Out,
    /// An IWbemCallResult for it.
    pub call: Out,
    /// The result.
    pub result: Hresult,
}

/// Writes an object: the request of PutClass and PutInstance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassOrInstance {
    /// The object.
    pub object: Option<ObjRef>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
    /// An IWbemCallResult for it.
    pub call: Out,
}

/// Deletes an object: the request of DeleteClass and DeleteInstance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delete {
    /// Its path.
    pub path: Option<String>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
    /// An IWbemCallResult for it.
    pub call: Out,
}

/// What [`ClassOrInstance`] and [`Delete`] give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// An IWbemCallResult.
    pub call: Out,
    /// The result.
    pub result: Hresult,
}

/// Enumerates: the request of CreateClassEnum and CreateInstanceEnum.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enumerate {
    /// The class.
    pub class: Option<String>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
}

/// Queries: the request of ExecQuery and ExecNotificationQuery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The language: `WQL`.
    pub language: Option<String>,
    /// The query.
    pub query: Option<String>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
}

/// Calls a method.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecMethod {
    /// The path of the object or class.
    pub path: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// Flags.
    pub flags: u32,
    /// An IWbemContext.
    pub context: Option<ObjRef>,
    /// An instance of the class of its inputs.
    pub input: Option<ObjRef>,
    /// An instance of the class of its outputs.
    pub output: Out,
    /// An IWbemCallResult for it.
    pub call: Out,
}

impl Inputs for Lookup {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.name.as_deref());
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: read_bstr(reader, "strObjectPath")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
            found: Out::Unwanted,
            call: Out::Unwanted,
        })
    }
}

impl Stub for Lookup {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)?;
        self.found.write(writer)?;
        self.call.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let inputs = Self::read_inputs(reader)?;
        let found = Out::read(reader, "ppObject")?;
        Ok(Self { found, call: Out::read(reader, "ppCallResult")?, ..inputs })
    }
}

impl Stub for LookedUp {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.found.write(writer)?;
        self.call.write(writer)?;
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            found: Out::read(reader, "ppObject")?,
            call: Out::read(reader, "ppCallResult")?,
            result: read_hresult(reader)?,
        })
    }
}

impl Inputs for ClassOrInstance {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_interface(writer, self.object.as_ref())?;
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            object: read_interface(reader, "pObject")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
            call: Out::Unwanted,
        })
    }
}

impl Stub for ClassOrInstance {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)?;
        self.call.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let inputs = Self::read_inputs(reader)?;
        Ok(Self { call: Out::read(reader, "ppCallResult")?, ..inputs })
    }
}

impl Inputs for Delete {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.path.as_deref());
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            path: read_bstr(reader, "strObjectPath")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
            call: Out::Unwanted,
        })
    }
}

impl Stub for Delete {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)?;
        self.call.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let inputs = Self::read_inputs(reader)?;
        Ok(Self { call: Out::read(reader, "ppCallResult")?, ..inputs })
    }
}

impl Stub for Changed {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.call.write(writer)?;
        writer.u32(self.result.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { call: Out::read(reader, "ppCallResult")?, result: read_hresult(reader)? })
    }
}

impl Inputs for Enumerate {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.class.as_deref());
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            class: read_bstr(reader, "strClass")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
        })
    }
}

impl Stub for Enumerate {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::read_inputs(reader)
    }
}

impl Inputs for Query {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.language.as_deref());
        write_bstr(writer, self.query.as_deref());
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            language: read_bstr(reader, "strQueryLanguage")?,
            query: read_bstr(reader, "strQuery")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
        })
    }
}

impl Stub for Query {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Self::read_inputs(reader)
    }
}

impl Inputs for ExecMethod {
    fn write_inputs(&self, writer: &mut Writer) -> Result<(), Error> {
        write_bstr(writer, self.path.as_deref());
        write_bstr(writer, self.method.as_deref());
        writer.u32(self.flags);
        write_interface(writer, self.context.as_ref())?;
        write_interface(writer, self.input.as_ref())
    }

    fn read_inputs(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            path: read_bstr(reader, "strObjectPath")?,
            method: read_bstr(reader, "strMethodName")?,
            flags: reader.u32("lFlags")?,
            context: read_interface(reader, "pCtx")?,
            input: read_interface(reader, "pInParams")?,
            output: Out::Unwanted,
            call: Out::Unwanted,
        })
    }
}

impl Stub for ExecMethod {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.write_inputs(writer)?;
        self.output.write(writer)?;
        self.call.write(writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let inputs = Self::read_inputs(reader)?;
        let output = Out::read(reader, "ppOutParams")?;
        Ok(Self { output, call: Out::read(reader, "ppCallResult")?, ..inputs })
    }
}
