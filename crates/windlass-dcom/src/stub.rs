//! The parameters of calls, both directions, and what ORPC puts before them ([MS-DCOM] 2.2.13).

use uuid::Uuid;
use windlass_core::status::Hresult;
use windlass_rpc::ndr::{Limits, Reader, Writer};

use crate::bindings::DualStringArray;
use crate::error::Error;
use crate::objref::ObjRef;

/// The parameters of one call in one direction, as NDR.
pub trait Stub: Sized {
    /// Writes the parameters.
    ///
    /// # Errors
    /// Values longer than the wire can say.
    fn write(&self, writer: &mut Writer) -> Result<(), Error>;

    /// Reads the parameters.
    ///
    /// # Errors
    /// Anything that is not the NDR of these parameters.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error>;
}

/// A version of DCOM (COMVERSION).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComVersion {
    /// Always 5.
    pub major: u16,
    /// 1 to 7.
    pub minor: u16,
}

impl ComVersion {
    /// What this crate speaks.
    pub const CURRENT: Self = Self { major: 5, minor: 7 };

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { major: reader.u16("MajorVersion")?, minor: reader.u16("MinorVersion")? })
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        writer.u16(self.major);
        writer.u16(self.minor);
    }

    /// Whether a peer of this version can be talked to: the same major version, no later minor one.
    pub fn is_compatible(self) -> bool {
        self.major == Self::CURRENT.major && self.minor <= Self::CURRENT.minor
    }
}

/// Something that travels beside a call (ORPC_EXTENT).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// What it is.
    pub id: Uuid,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// What every ORPC request begins with (ORPCTHIS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrpcThis {
    /// The caller's version.
    pub version: ComVersion,
    /// Zero, except in activations.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
    /// What holds calls together that one caused.
    pub causality: Uuid,
    /// What travels beside the call.
    pub extensions: Option<Vec<Extension>>,
}

/// What every ORPC response begins with (ORPCTHAT).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrpcThat {
    /// Zero, except after activations.
    pub flags: u32,
    /// What travels beside the call.
    pub extensions: Option<Vec<Extension>>,
}

/// Extensions of one call that are taken.
const MOST_EXTENSIONS: usize = 64;

impl OrpcThis {
    /// The beginning of a call of this causality.
    pub fn new(causality: Uuid) -> Self {
        Self { version: ComVersion::CURRENT, flags: 0, reserved: 0, causality, extensions: None }
    }

    /// What is wrong with the beginning of a call that is no activation.
    pub fn refusal(&self) -> Option<Hresult> {
        if !self.version.is_compatible() {
            return Some(Hresult::RPC_E_VERSION_MISMATCH);
        }
        (self.flags != 0).then_some(Hresult::RPC_E_INVALID_HEADER)
    }
}

impl Stub for OrpcThis {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        self.version.write(writer);
        writer.u32(self.flags);
        writer.u32(self.reserved);
        writer.uuid(&self.causality);
        write_extensions(self.extensions.as_deref(), writer);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            version: ComVersion::read(reader)?,
            flags: reader.u32("flags")?,
            reserved: reader.u32("reserved1")?,
            causality: reader.uuid("cid")?,
            extensions: read_extensions(reader)?,
        })
    }
}

impl Stub for OrpcThat {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.flags);
        write_extensions(self.extensions.as_deref(), writer);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { flags: reader.u32("flags")?, extensions: read_extensions(reader)? })
    }
}

/// Without parameters, in requests and, but for the result, in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nothing;

impl Stub for Nothing {
    fn write(&self, _writer: &mut Writer) -> Result<(), Error> {
        Ok(())
    }

    fn read(_reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self)
    }
}

/// A response that is a result alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultOnly(pub Hresult);

impl Stub for ResultOnly {
    fn write(&self, writer: &mut Writer) -> Result<(), Error> {
        writer.u32(self.0.0);
        Ok(())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self(read_hresult(reader)?))
    }
}

/// Writes parameters that have nothing before them.
///
/// # Errors
/// See [`Stub::write`].
pub fn encode<T: Stub>(stub: &T) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new();
    stub.write(&mut writer)?;
    Ok(writer.into_bytes())
}

/// Reads parameters that have nothing before them. What follows them is not looked at.
///
/// # Errors
/// See [`Stub::read`].
pub fn decode<T: Stub>(bytes: &[u8]) -> Result<T, Error> {
    T::read(&mut Reader::new(bytes, Limits::default()))
}

/// Writes the request of an ORPC call.
///
/// # Errors
/// See [`Stub::write`].
pub fn encode_request<T: Stub>(this: &OrpcThis, stub: &T) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new();
    this.write(&mut writer)?;
    stub.write(&mut writer)?;
    Ok(writer.into_bytes())
}

/// Reads the request of an ORPC call. What follows it is not looked at: some peers leave bytes there.
///
/// # Errors
/// See [`Stub::read`].
pub fn decode_request<T: Stub>(bytes: &[u8]) -> Result<(OrpcThis, T), Error> {
    let mut reader = Reader::new(bytes, Limits::default());
    Ok((OrpcThis::read(&mut reader)?, T::read(&mut reader)?))
}

/// Writes the response of an ORPC call.
///
/// # Errors
/// See [`Stub::write`].
pub fn encode_response<T: Stub>(that: &OrpcThat, stub: &T) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new();
    that.write(&mut writer)?;
    stub.write(&mut writer)?;
    Ok(writer.into_bytes())
}

/// Reads the response of an ORPC call, which has to end with its parameters.
///
/// # Errors
/// See [`Stub::read`]; bytes that are left over.
pub fn decode_response<T: Stub>(bytes: &[u8]) -> Result<(OrpcThat, T), Error> {
    let mut reader = Reader::new(bytes, Limits::default());
    let that = OrpcThat::read(&mut reader)?;
    let stub = T::read(&mut reader)?;
    reader.finish("response")?;
    Ok((that, stub))
}

/// Reads a result code.
///
/// # Errors
/// The stub ends before it.
pub fn read_hresult(reader: &mut Reader<'_>) -> Result<Hresult, Error> {
    Ok(Hresult(reader.u32("HRESULT")?))
}

/// Reads a pointer to an interface with what it points to.
///
/// # Errors
/// Anything that is no MInterfacePointer ([MS-DCOM] 2.2.14).
pub fn read_interface(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<ObjRef>, Error> {
    match reader.unique_ptr(field)? {
        Some(_) => Ok(Some(read_interface_target(reader, field)?)),
        None => Ok(None),
    }
}

/// Writes a pointer to an interface with what it points to.
///
/// # Errors
/// See [`ObjRef::encode`].
pub fn write_interface(writer: &mut Writer, interface: Option<&ObjRef>) -> Result<(), Error> {
    writer.unique_ptr(interface.is_some());
    match interface {
        Some(interface) => write_interface_target(writer, interface),
        None => Ok(()),
    }
}

/// Reads what a pointer to an interface points to.
///
/// # Errors
/// Counts that differ, anything that is no reference.
pub fn read_interface_target(reader: &mut Reader<'_>, field: &'static str) -> Result<ObjRef, Error> {
    let max = reader.conformant_count(1, field)?;
    let count = reader.size(field)?;
    if count != max {
        return Err(Error::value("ulCntData", u64::try_from(count).unwrap_or(u64::MAX), "the conformance"));
    }
    ObjRef::decode(reader.take(count, field)?)
}

/// Writes what a pointer to an interface points to.
///
/// # Errors
/// See [`ObjRef::encode`].
pub fn write_interface_target(writer: &mut Writer, interface: &ObjRef) -> Result<(), Error> {
    let bytes = interface.encode()?;
    writer.conformant_count(bytes.len());
    writer.count(bytes.len());
    writer.bytes(&bytes);
    Ok(())
}

/// Reads an array of pointers to interfaces, whose targets follow it.
///
/// # Errors
/// See [`read_interface`].
pub fn read_interfaces(reader: &mut Reader<'_>, count: usize) -> Result<Vec<Option<ObjRef>>, Error> {
    let mut present = Vec::with_capacity(count.min(reader.remaining() / 4));
    for _ in 0..count {
        present.push(reader.unique_ptr("interface")?.is_some());
    }
    let read = |present| match present {
        true => read_interface_target(reader, "interface").map(Some),
        false => Ok(None),
    };
    present.into_iter().map(read).collect()
}

/// Writes an array of pointers to interfaces, and then their targets.
///
/// # Errors
/// See [`ObjRef::encode`].
pub fn write_interfaces(writer: &mut Writer, interfaces: &[Option<ObjRef>]) -> Result<(), Error> {
    for interface in interfaces {
        writer.unique_ptr(interface.is_some());
    }
    for interface in interfaces.iter().flatten() {
        write_interface_target(writer, interface)?;
    }
    Ok(())
}

/// Reads what a pointer to a DUALSTRINGARRAY points to.
pub(crate) fn read_bindings(reader: &mut Reader<'_>) -> Result<DualStringArray, Error> {
    let max = reader.conformant_count(2, "aStringArray")?;
    let entries = reader.u16("wNumEntries")?;
    let security = reader.u16("wSecurityOffset")?;
    if usize::from(entries) != max {
        return Err(Error::value("wNumEntries", entries, "the conformance"));
    }
    DualStringArray::from_entries(reader.take(max * 2, "aStringArray")?, security)
}

/// Writes what a pointer to a DUALSTRINGARRAY points to.
pub(crate) fn write_bindings(writer: &mut Writer, bindings: &DualStringArray) -> Result<(), Error> {
    let mut packed = Vec::new();
    bindings.encode(&mut packed)?;
    writer.conformant_count(packed.len().saturating_sub(4) / 2);
    writer.bytes(&packed);
    Ok(())
}

fn read_extensions(reader: &mut Reader<'_>) -> Result<Option<Vec<Extension>>, Error> {
    if reader.unique_ptr("extensions")?.is_none() {
        return Ok(None);
    }
    let size = reader.size("extensions.size")?;
    reader.u32("extensions.reserved")?;
    if reader.unique_ptr("extensions.extent")?.is_none() {
        return Ok(Some(Vec::new()));
    }
    let count = reader.conformant_count(4, "extensions.extent")?;
    if size > count || count > MOST_EXTENSIONS {
        return Err(Error::Limit { what: "extensions of a call", limit: MOST_EXTENSIONS });
    }
    let mut present = Vec::with_capacity(count);
    for _ in 0..count {
        present.push(reader.unique_ptr("extent")?.is_some());
    }
    let mut extensions = Vec::with_capacity(count);
    for _ in present.into_iter().filter(|present| *present) {
        let rounded = reader.conformant_count(1, "extent.data")?;
        let id = reader.uuid("extent.id")?;
        let size = reader.size("extent.size")?;
        let bytes = reader.take(rounded, "extent.data")?;
        let data = bytes.get(..size);
        let data = data.ok_or_else(|| Error::value("extent.size", 0_u8, "no more than the data"))?;
        extensions.push(Extension { id, data: data.to_vec() });
    }
    Ok(Some(extensions))
}

fn write_extensions(extensions: Option<&[Extension]>, writer: &mut Writer) {
    writer.unique_ptr(extensions.is_some());
    let Some(extensions) = extensions else { return };
    writer.count(extensions.len());
    writer.u32(0);
    writer.unique_ptr(!extensions.is_empty());
    if extensions.is_empty() {
        return;
    }
    let slots = extensions.len().next_multiple_of(2);
    writer.conformant_count(slots);
    for slot in 0..slots {
        writer.unique_ptr(slot < extensions.len());
    }
    for extension in extensions {
        let rounded = extension.data.len().next_multiple_of(8);
        writer.conformant_count(rounded);
        writer.uuid(&extension.id);
        writer.count(extension.data.len());
        writer.bytes(&extension.data);
        writer.bytes(&vec![0; rounded - extension.data.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_read_back() {
        for extensions in [
            None,
            Some(vec![]),
            Some(vec![Extension { id: Uuid::from_u128(9), data: vec![1, 2, 3] }]),
            Some(vec![
                Extension { id: Uuid::from_u128(1), data: Vec::new() },
                Extension { id: Uuid::from_u128(2), data: vec![5; 16] },
                Extension { id: Uuid::from_u128(3), data: vec![6; 17] },
            ]),
        ] {
            let this = OrpcThis { extensions, ..OrpcThis::new(Uuid::from_u128(7)) };
            let stub = encode_request(&this, &ResultOnly(Hresult::S_FALSE)).unwrap();
            let (read, result) = decode_request::<ResultOnly>(&stub).unwrap();
            assert_eq!((read, result.0), (this, Hresult::S_FALSE));
        }
    }

    #[test]
    fn a_bare_beginning_has_32_bytes() {
        let this = OrpcThis::new(Uuid::nil());
        assert_eq!(encode_request(&this, &Nothing).unwrap().len(), 32);
        assert_eq!(this.refusal(), None);
        let later = ComVersion { major: 5, minor: 8 };
        assert_eq!(
            OrpcThis { version: later, ..this.clone() }.refusal(),
            Some(Hresult::RPC_E_VERSION_MISMATCH)
        );
        assert_eq!(OrpcThis { flags: 1, ..this }.refusal(), Some(Hresult::RPC_E_INVALID_HEADER));
    }
}
