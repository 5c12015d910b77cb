//! Object references as they are marshalled ([MS-DCOM] 2.2.18).

use uuid::Uuid;
use windlass_core::cursor::ReadCursor;

use crate::bindings::DualStringArray;
use crate::error::Error;

/// `MEOW`, what every reference begins with.
const SIGNATURE: u32 = 0x574F_454D;
/// What stands twice within an extended reference.
const EXTENDED_SIGNATURE: u32 = 0x4E53_5956;

const STANDARD: u32 = 1;
const HANDLER: u32 = 2;
const CUSTOM: u32 = 4;
const EXTENDED: u32 = 8;

/// [`StdObjRef::flags`]: the object lives on without being pinged.
pub const SORF_NOPING: u32 = 0x1000;

/// A marshalled reference (OBJREF).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjRef {
    /// The interface that it refers to.
    pub iid: Uuid,
    /// How.
    pub kind: ObjRefKind,
}

/// The kinds of references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjRefKind {
    /// To a remote object.
    Standard {
        /// Which object.
        reference: StdObjRef,
        /// The addresses of the resolver of its exporter.
        resolver: DualStringArray,
    },
    /// To a remote object with a handler in the client.
    Handler {
        /// Which object.
        reference: StdObjRef,
        /// The class of the handler.
        clsid: Uuid,
        /// The addresses of the resolver of its exporter.
        resolver: DualStringArray,
    },
    /// To an object that travels itself.
    Custom {
        /// The class that can read it.
        clsid: Uuid,
        /// Bytes of an extension, always zero.
        extension: u32,
        /// A size that nobody may rely on.
        reserved: u32,
        /// The object.
        data: Vec<u8>,
    },
    /// To a remote object, with more said about it.
    Extended {
        /// Which object.
        reference: StdObjRef,
        /// The addresses of the resolver of its exporter.
        resolver: DualStringArray,
        /// What is said.
        element: DataElement,
    },
}

/// A remote object and how many references are handed over (STDOBJREF, [MS-DCOM] 2.2.18.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StdObjRef {
    /// [`SORF_NOPING`] or nothing.
    pub flags: u32,
    /// Public references that the receiver now holds.
    pub public_refs: u32,
    /// The exporter.
    pub oxid: u64,
    /// The object.
    pub oid: u64,
    /// The interface of the object: what calls are addressed to.
    pub ipid: Uuid,
}

/// What an extended reference carries (DATAELEMENT, [MS-DCOM] 2.2.18.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataElement {
    /// What it is.
    pub id: Uuid,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl StdObjRef {
    /// How many bytes it takes.
    pub const SIZE: usize = 40;

    pub(crate) fn decode(cursor: &mut ReadCursor<'_>) -> Result<Self, Error> {
        Ok(Self {
            flags: cursor.u32_le("std.flags")?,
            public_refs: cursor.u32_le("std.cPublicRefs")?,
            oxid: cursor.u64_le("std.oxid")?,
            oid: cursor.u64_le("std.oid")?,
            ipid: guid(cursor, "std.ipid")?,
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.flags.to_le_bytes());
        out.extend(self.public_refs.to_le_bytes());
        out.extend(self.oxid.to_le_bytes());
        out.extend(self.oid.to_le_bytes());
        out.extend(self.ipid.to_bytes_le());
    }
}

impl ObjRef {
    /// A reference to a remote object.
    pub fn standard(iid: Uuid, reference: StdObjRef, resolver: DualStringArray) -> Self {
        Self { iid, kind: ObjRefKind::Standard { reference, resolver } }
    }

    /// An object that travels itself.
    pub fn custom(iid: Uuid, clsid: Uuid, data: Vec<u8>) -> Self {
        let reserved = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Self { iid, kind: ObjRefKind::Custom { clsid, extension: 0, reserved, data } }
    }

    /// Which remote object is referred to; `None` for one that travels itself.
    pub fn remote(&self) -> Option<&StdObjRef> {
        match &self.kind {
            ObjRefKind::Standard { reference, .. }
            | ObjRefKind::Handler { reference, .. }
            | ObjRefKind::Extended { reference, .. } => Some(reference),
            ObjRefKind::Custom { .. } => None,
        }
    }

    /// The object that travels itself, where it is one that `clsid` reads.
    pub fn custom_data(&self, expected: Uuid) -> Option<&[u8]> {
        match &self.kind {
            ObjRefKind::Custom { clsid, data, .. } if *clsid == expected => Some(data),
            _ => None,
        }
    }

    /// Reads a reference; what follows it is not looked at.
    ///
    /// # Errors
    /// Anything that has not the form of [MS-DCOM] 2.2.18.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = ReadCursor::new(bytes);
        let signature = cursor.u32_le("signature")?;
        if signature != SIGNATURE {
            return Err(Error::value("OBJREF.signature", signature, "MEOW"));
        }
        let flags = cursor.u32_le("flags")?;
        let iid = guid(&mut cursor, "iid")?;
        let kind = match flags {
            STANDARD => {
                let reference = StdObjRef::decode(&mut cursor)?;
                ObjRefKind::Standard { reference, resolver: DualStringArray::decode(&mut cursor)? }
            }
            HANDLER => {
                let reference = StdObjRef::decode(&mut cursor)?;
                let clsid = guid(&mut cursor, "clsid")?;
                ObjRefKind::Handler { reference, clsid, resolver: DualStringArray::decode(&mut cursor)? }
            }
            CUSTOM => ObjRefKind::Custom {
                clsid: guid(&mut cursor, "clsid")?,
                extension: cursor.u32_le("cbExtension")?,
                reserved: cursor.u32_le("reserved")?,
                data: cursor.rest().to_vec(),
            },
            EXTENDED => Self::extended(&mut cursor)?,
            other => return Err(Error::value("OBJREF.flags", other, "1, 2, 4 or 8")),
        };
        Ok(Self { iid, kind })
    }

    fn extended(cursor: &mut ReadCursor<'_>) -> Result<ObjRefKind, Error> {
        let reference = StdObjRef::decode(cursor)?;
        extended_signature(cursor)?;
        let resolver = DualStringArray::decode(cursor)?;
        let count = cursor.u32_le("nElms")?;
        if count != 1 {
            return Err(Error::value("nElms", count, "1"));
        }
        extended_signature(cursor)?;
        let id = guid(cursor, "dataID")?;
        let size = cursor.u32_le("cbSize")?;
        let rounded = cursor.u32_le("cbRounded")?;
        if u64::from(size).next_multiple_of(8) != u64::from(rounded) {
            return Err(Error::value("cbRounded", rounded, "cbSize rounded to 8"));
        }
        let bytes = cursor.take(usize::try_from(rounded).unwrap_or(usize::MAX), "Data")?;
        let data = bytes.get(..usize::try_from(size).unwrap_or(usize::MAX)).unwrap_or_default().to_vec();
        Ok(ObjRefKind::Extended { reference, resolver, element: DataElement { id, data } })
    }

    /// Writes the reference.
    ///
    /// # Errors
    /// Addresses or data longer than the wire can say.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut out = SIGNATURE.to_le_bytes().to_vec();
        let flags = match &self.kind {
            ObjRefKind::Standard { .. } => STANDARD,
            ObjRefKind::Handler { .. } => HANDLER,
            ObjRefKind::Custom { .. } => CUSTOM,
            ObjRefKind::Extended { .. } => EXTENDED,
        };
        out.extend(flags.to_le_bytes());
        out.extend(self.iid.to_bytes_le());
        match &self.kind {
            ObjRefKind::Standard { reference, resolver } => {
                reference.encode(&mut out);
                resolver.encode(&mut out)?;
            }
            ObjRefKind::Handler { reference, clsid, resolver } => {
                reference.encode(&mut out);
                out.extend(clsid.to_bytes_le());
                resolver.encode(&mut out)?;
            }
            ObjRefKind::Custom { clsid, extension, reserved, data } => {
                out.extend(clsid.to_bytes_le());
                out.extend(extension.to_le_bytes());
                out.extend(reserved.to_le_bytes());
                out.extend(data);
            }
            ObjRefKind::Extended { reference, resolver, element } => {
                reference.encode(&mut out);
                out.extend(EXTENDED_SIGNATURE.to_le_bytes());
                resolver.encode(&mut out)?;
                out.extend(1_u32.to_le_bytes());
                out.extend(EXTENDED_SIGNATURE.to_le_bytes());
                out.extend(element.id.to_bytes_le());
                let rounded = element.data.len().next_multiple_of(8);
                for length in [element.data.len(), rounded] {
                    let length = u32::try_from(length)
                        .map_err(|_| Error::Limit { what: "bytes of a DATAELEMENT", limit: 0xFFFF_FFF8 })?;
                    out.extend(length.to_le_bytes());
                }
                out.extend(&element.data);
                out.resize(out.len() + rounded - element.data.len(), 0);
            }
        }
        Ok(out)
    }
}

fn extended_signature(cursor: &mut ReadCursor<'_>) -> Result<(), Error> {
    let signature = cursor.u32_le("Signature")?;
    match signature == EXTENDED_SIGNATURE {
        true => Ok(()),
        false => Err(Error::value("OBJREF_EXTENDED.Signature", signature, "0x4e535956")),
    }
}

fn guid(cursor: &mut ReadCursor<'_>, field: &'static str) -> Result<Uuid, Error> {
    Ok(Uuid::from_bytes_le(cursor.array(field)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::{SecurityBinding, StringBinding};

    fn references() -> Vec<ObjRef> {
        let reference = StdObjRef { flags: 0, public_refs: 5, oxid: 1, oid: 2, ipid: Uuid::from_u128(3) };
        let resolver = DualStringArray {
            addresses: vec![StringBinding::tcp("LAB01")],
            security: vec![SecurityBinding::service(10)],
        };
        let iid = Uuid::from_u128(4);
        let clsid = Uuid::from_u128(5);
        let kinds = [
            ObjRefKind::Standard { reference, resolver: resolver.clone() },
            ObjRefKind::Handler { reference, clsid, resolver: resolver.clone() },
            ObjRefKind::Custom { clsid, extension: 0, reserved: 3, data: vec![1, 2, 3] },
            ObjRefKind::Extended {
                reference,
                resolver,
                element: DataElement { id: Uuid::from_u128(6), data: vec![7; 9] },
            },
        ];
        kinds.into_iter().map(|kind| ObjRef { iid, kind }).collect()
    }

    #[test]
    fn every_kind_reads_back() {
        for reference in references() {
            let bytes = reference.encode().unwrap();
            assert_eq!(ObjRef::decode(&bytes).unwrap(), reference);
            let whole = if reference.remote().is_some() { bytes.len() } else { 48 };
            for length in 0..whole {
                assert!(ObjRef::decode(&bytes[..length]).is_err(), "cut to {length}");
            }
        }
    }

    #[test]
    fn unknown_kinds_are_refused() {
        let mut bytes = references()[0].encode().unwrap();
        for flags in [0_u32, 3, 5, 16, u32::MAX] {
            bytes[4..8].copy_from_slice(&flags.to_le_bytes());
            assert!(ObjRef::decode(&bytes).is_err());
        }
    }
}
