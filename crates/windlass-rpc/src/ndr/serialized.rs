//! Type Serialization Version 1 ([MS-RPCE] 2.2.6): NDR outside of a call, behind two small headers.

use super::{NdrError, NdrErrorKind, Reader, Writer};

/// Version 1, little-endian, a common header of eight bytes.
const COMMON_HEADER: [u8; 8] = [0x01, 0x10, 0x08, 0x00, 0xcc, 0xcc, 0xcc, 0xcc];
/// What the bodies are padded to, in bytes.
const UNIT: usize = 8;

/// Writes the headers, what `body` writes, and the padding. Alignment within the body counts from the body's
/// start. Call it where the writer is aligned to eight bytes.
pub fn write(writer: &mut Writer, body: impl FnOnce(&mut Writer)) {
    let mut inner = Writer::new();
    body(&mut inner);
    inner.align(UNIT);
    let inner = inner.into_bytes();
    writer.bytes(&COMMON_HEADER);
    writer.count(inner.len());
    writer.u32(0);
    writer.bytes(&inner);
}

/// Reads the headers and gives a reader of the body alone, padding included; `reader` then stands behind the
/// body. The filler may hold anything, and the length need not be a multiple of eight: some peers are
/// careless there.
pub fn read<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<Reader<'a>, NdrError> {
    let offset = reader.position();
    let header: [u8; 8] = reader.array(field)?;
    let [version, order, length, zero, ..] = header;
    if [version, order, length, zero] != [0x01, 0x10, 0x08, 0x00] {
        let actual = u64::from(u32::from_le_bytes([version, order, length, zero]));
        let expected = "0x81001, a little-endian header of version 1";
        return Err(NdrError::new(field, offset, NdrErrorKind::Value { actual, expected }));
    }
    let length = reader.size(field)?;
    reader.skip(4, field)?;
    reader.sub(length, field)
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    #[test]
    fn the_body_is_aligned_on_its_own_and_padded() {
        let mut writer = Writer::new();
        write(&mut writer, |body| {
            body.u8(1);
            body.u32(2);
        });
        let bytes = writer.into_bytes();
        assert_eq!(bytes[..16], [1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc, 8, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..], [1, 0, 0, 0, 2, 0, 0, 0]);

        let mut reader = Reader::new(&bytes, Limits::default());
        let mut body = read(&mut reader, "blob").unwrap();
        assert_eq!((body.u8("a").unwrap(), body.u32("b").unwrap()), (1, 2));
        assert!(reader.is_empty());
        assert_eq!(body.u8("c").unwrap_err().offset, 24, "offsets count from the outermost start");
    }

    #[test]
    fn another_order_or_version_is_refused() {
        for header in [[1, 0, 8, 0], [2, 0x10, 8, 0], [1, 0x10, 4, 0]] {
            let mut bytes = vec![0; 24];
            bytes[..4].copy_from_slice(&header);
            assert!(read(&mut Reader::new(&bytes, Limits::default()), "blob").is_err());
        }
    }
}
