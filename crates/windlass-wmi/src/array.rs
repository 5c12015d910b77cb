//! Many objects in one packet, in which the class of instances travels once ([MS-WMI] 2.2.14).

use std::collections::{HashMap, hash_map};

use uuid::Uuid;
use windlass_cim::{CimClass, CimInstance};
use windlass_core::cursor::ReadCursor;

use crate::error::Error;
use crate::wmio::{Budget, ClassPart, InstanceEncoder, ObjectBlock, Shape, WmiObject};

const SIGNATURE: &[u8; 8] = b"WBEMDATA";
const VERSION: u8 = 1;
/// The packet that WCOSmartEnum::Next gives.
const NEXT: u8 = 1;
const HEADER: u32 = 0x1A;
const OBJECTS_HEADER: u32 = 8;
const ARRAY_HEADER: u32 = 12;
const OBJECT_HEADER: u32 = 9;
const CLASS_HEADER: u32 = 8;
const INSTANCE_HEADER: u32 = 0x18;

const CLASS: u8 = 1;
const INSTANCE: u8 = 2;
const INSTANCE_WITHOUT_CLASS: u8 = 3;

/// Classes that a cache keeps.
const MOST_CLASSES: usize = 1024;
/// Bytes of classes that a cache keeps.
const MOST_CLASS_BYTES: usize = 64 << 20;
/// Values, qualifiers and properties of one packet.
const WORK: usize = 32_000_000;

/// The classes that came with the instances of one enumeration.
#[derive(Debug, Default)]
pub struct ClassCache {
    /// Object blocks of instances, from which the class part is read again.
    blocks: HashMap<Uuid, Vec<u8>>,
    bytes: usize,
}

/// One object of a packet, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry<'a> {
    Class(&'a [u8]),
    Instance(Uuid, &'a [u8]),
    WithoutClass(Uuid, &'a [u8]),
}

impl ClassCache {
    /// Reads a packet. Classes that come with it are remembered for the next one.
    ///
    /// # Errors
    /// Sizes that do not fit each other, objects that are not in the encoding of WMI, instances of classes
    /// that never came.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<WmiObject>, Error> {
        let entries = entries(packet)?;
        for entry in &entries {
            if let Entry::Instance(id, block) = entry {
                self.remember(*id, block)?;
            }
        }
        let mut budget = Budget::of(WORK);
        let mut parsed: HashMap<Uuid, (ClassPart<'_>, Shape)> = HashMap::new();
        let mut objects = Vec::with_capacity(entries.len());
        for entry in entries {
            objects.push(match entry {
                Entry::Class(block) => {
                    ObjectBlock::decode(&mut ReadCursor::new(block), &mut budget)?.to_object(&mut budget)?
                }
                Entry::Instance(id, block) => {
                    let block = ObjectBlock::decode(&mut ReadCursor::new(block), &mut budget)?;
                    let Some(values) = block.instance_part() else {
                        return Err(Error::Expected("an instance"));
                    };
                    let (part, shape) = match parsed.entry(id) {
                        hash_map::Entry::Occupied(known) => known.into_mut(),
                        hash_map::Entry::Vacant(unknown) => unknown.insert(self.class(id, &mut budget)?),
                    };
                    // The class of this very block: the peer may have sent another one under the same id.
                    let own = block.class_part();
                    let mut instance = match part.same_bytes(own) {
                        true => shape.instance(own, values, &mut budget)?,
                        false => values.to_instance(own, &mut budget)?,
                    };
                    decorate(&mut instance, block.decoration.as_ref());
                    WmiObject::Instance(instance)
                }
                Entry::WithoutClass(id, data) => {
                    let (part, shape) = match parsed.entry(id) {
                        hash_map::Entry::Occupied(known) => known.into_mut(),
                        hash_map::Entry::Vacant(unknown) => unknown.insert(self.class(id, &mut budget)?),
                    };
                    let mut cursor = ReadCursor::new(data);
                    let (decoration, values) = ObjectBlock::decode_without_class(&mut cursor, part)?;
                    let mut instance = shape.instance(part, &values, &mut budget)?;
                    decorate(&mut instance, decoration.as_ref());
                    WmiObject::Instance(instance)
                }
            });
        }
        Ok(objects)
    }

    fn remember(&mut self, id: Uuid, block: &[u8]) -> Result<(), Error> {
        let bytes = self.bytes + block.len() - self.blocks.get(&id).map_or(0, Vec::len);
        if bytes > MOST_CLASS_BYTES {
            return Err(Error::Limit { what: "bytes of classes of an enumeration", limit: MOST_CLASS_BYTES });
        }
        if self.blocks.len() >= MOST_CLASSES && !self.blocks.contains_key(&id) {
            return Err(Error::Limit { what: "classes of an enumeration", limit: MOST_CLASSES });
        }
        self.bytes = bytes;
        self.blocks.insert(id, block.to_vec());
        Ok(())
    }

    fn class(&self, id: Uuid, budget: &mut Budget) -> Result<(ClassPart<'_>, Shape), Error> {
        let block = self.blocks.get(&id).ok_or(Error::UnknownClass(id))?;
        let block = ObjectBlock::decode(&mut ReadCursor::new(block), budget)?;
        let part = block.class_part().clone();
        let shape = Shape::new(&part, budget)?;
        Ok((part, shape))
    }
}

fn decorate(instance: &mut CimInstance, decoration: Option<&crate::wmio::Decoration<'_>>) {
    if let Some((server, namespace)) = decoration {
        instance.server_name = Some(server.as_ref().to_owned());
        instance.namespace = Some(namespace.as_ref().into());
    }
}

fn entries(packet: &[u8]) -> Result<Vec<Entry<'_>>, Error> {
    let mut cursor = ReadCursor::new(packet);
    expect(&mut cursor, "dwByteOrdering", 0, "0")?;
    if cursor.take(SIGNATURE.len(), "abSignature")? != SIGNATURE {
        return Err(Error::Expected("a packet that begins with WBEMDATA"));
    }
    expect(&mut cursor, "dwSizeOfHeader1", HEADER, "0x1a")?;
    let size = cursor.u32_le("dwDataSize1")?;
    expect(&mut cursor, "dwFlags", 0, "0")?;
    let offset = cursor.position();
    let (version, kind) = (cursor.u8("bVersion")?, cursor.u8("bPacketType")?);
    if version != VERSION || kind > NEXT {
        let found = u64::from(version) << 8 | u64::from(kind);
        return Err(Error::Value { field: "bPacketType", offset, found, expected: "version 1, type 0 or 1" });
    }
    let mut objects = cursor.sub(wide(size), "dwDataSize1")?;
    expect(&mut objects, "dwSizeOfHeader2", OBJECTS_HEADER, "8")?;
    let size = wide(objects.u32_le("dwDataSize2")?);
    let mut array = objects.sub(size, "dwDataSize2")?;
    expect(&mut array, "dwSizeOfHeader3", ARRAY_HEADER, "12")?;
    let offset = array.position();
    let size = array.u32_le("dwDataSize3")?;
    let count = wide(array.u32_le("dwNumObjects")?);
    if wide(size) != array.remaining() || !objects.is_empty() {
        let found = u64::from(size);
        return Err(Error::Value { field: "dwDataSize3", offset, found, expected: "what is left" });
    }
    if count.checked_mul(wide(OBJECT_HEADER)).is_none_or(|least| least > array.remaining()) {
        let found = u64::try_from(count).unwrap_or(u64::MAX);
        return Err(Error::Value { field: "dwNumObjects", offset, found, expected: "no more than fit" });
    }
    (0..count).map(|_| entry(&mut array)).collect()
}

fn entry<'a>(array: &mut ReadCursor<'a>) -> Result<Entry<'a>, Error> {
    expect(array, "dwSizeOfHeader4", OBJECT_HEADER, "9")?;
    let size = wide(array.u32_le("dwDataSize4")?);
    let offset = array.position();
    let kind = array.u8("bObjectType")?;
    let mut object = array.sub(size, "dwDataSize4")?;
    let header = if kind == CLASS { CLASS_HEADER } else { INSTANCE_HEADER };
    expect(&mut object, "dwSizeOfHeader5", header, "the size of the header")?;
    let size = wide(object.u32_le("dwDataSize5")?);
    Ok(match kind {
        CLASS => Entry::Class(object.take(size, "dwDataSize5")?),
        INSTANCE | INSTANCE_WITHOUT_CLASS => {
            let id = Uuid::from_bytes_le(object.array("classID")?);
            let data = object.take(size, "dwDataSize5")?;
            if kind == INSTANCE { Entry::Instance(id, data) } else { Entry::WithoutClass(id, data) }
        }
        other => {
            let found = u64::from(other);
            return Err(Error::Value { field: "bObjectType", offset, found, expected: "1, 2 or 3" });
        }
    })
}

fn expect(
    cursor: &mut ReadCursor<'_>,
    field: &'static str,
    value: u32,
    expected: &'static str,
) -> Result<(), Error> {
    let offset = cursor.position();
    match cursor.u32_le(field)? {
        found if found == value => Ok(()),
        found => Err(Error::Value { field, offset, found: u64::from(found), expected }),
    }
}

/// Writes one packet. The class of instances goes with the first of them.
#[derive(Debug, Default)]
pub struct ArrayWriter {
    objects: Vec<u8>,
    count: u32,
    sent: Vec<Uuid>,
}

impl ArrayWriter {
    /// A packet without objects.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes the packet will have.
    pub fn len(&self) -> usize {
        self.objects.len() + wide(HEADER + OBJECTS_HEADER + ARRAY_HEADER)
    }

    /// Whether there are no objects yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a class.
    ///
    /// # Errors
    /// A class that cannot be encoded.
    pub fn class(&mut self, class: &CimClass) -> Result<(), Error> {
        let mut block = Vec::new();
        crate::wmio::class_block(class, &mut block)?;
        self.header(CLASS, wide(CLASS_HEADER) + block.len());
        self.objects.extend(CLASS_HEADER.to_le_bytes());
        self.objects.extend(length(block.len()).to_le_bytes());
        self.objects.append(&mut block);
        Ok(())
    }

    /// Adds an instance of the class that `encoder` was made for; `id` stands for that class alone.
    ///
    /// # Errors
    /// An instance that cannot be encoded.
    pub fn instance(
        &mut self,
        id: Uuid,
        encoder: &InstanceEncoder<'_>,
        instance: &CimInstance,
    ) -> Result<(), Error> {
        let mut data = Vec::new();
        let kind = if self.sent.contains(&id) {
            encoder.without_class(instance, &mut data)?;
            INSTANCE_WITHOUT_CLASS
        } else {
            encoder.block(instance, &mut data)?;
            self.sent.push(id);
            INSTANCE
        };
        self.header(kind, wide(INSTANCE_HEADER) + data.len());
        self.objects.extend(INSTANCE_HEADER.to_le_bytes());
        self.objects.extend(length(data.len()).to_le_bytes());
        self.objects.extend(id.to_bytes_le());
        self.objects.append(&mut data);
        Ok(())
    }

    fn header(&mut self, kind: u8, size: usize) {
        self.count = self.count.saturating_add(1);
        self.objects.extend(OBJECT_HEADER.to_le_bytes());
        self.objects.extend(length(size).to_le_bytes());
        self.objects.push(kind);
    }

    /// The packet.
    pub fn finish(self) -> Vec<u8> {
        let size3 = self.objects.len();
        let size2 = size3 + wide(ARRAY_HEADER);
        let size1 = size2 + wide(OBJECTS_HEADER);
        let mut packet = Vec::with_capacity(self.len());
        packet.extend([0; 4]);
        packet.extend(SIGNATURE);
        packet.extend(HEADER.to_le_bytes());
        packet.extend(length(size1).to_le_bytes());
        packet.extend([0; 4]);
        packet.extend([VERSION, NEXT]);
        packet.extend(OBJECTS_HEADER.to_le_bytes());
        packet.extend(length(size2).to_le_bytes());
        packet.extend(ARRAY_HEADER.to_le_bytes());
        packet.extend(length(size3).to_le_bytes());
        packet.extend(self.count.to_le_bytes());
        packet.extend(self.objects);
        packet
    }
}

fn wide(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A length as the wire counts; packets are cut long before it overflows.
fn length(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_cim::{CimType, PropertyDecl};

    use super::*;

    fn instances() -> (Arc<CimClass>, Vec<CimInstance>) {
        let class = Arc::new(
            CimClass::new("TestWMI")
                .with_property(PropertyDecl::key("x", CimType::UInt32))
                .with_property(PropertyDecl::new("y", CimType::UInt32)),
        );
        let make = |x: u32, y: u32| {
            let mut instance = CimInstance::of_class(&class);
            instance.set("x", x).unwrap();
            instance.set("y", y).unwrap();
            instance.namespace = Some("root/cimv2/MyTest".into());
            instance.server_name = Some("SAI-NAV009-2".to_owned());
            instance
        };
        let made = vec![make(3, 5), make(1, 2)];
        (class, made)
    }

    /// The totals that [MS-WMI] 4.2.3.2 prints for these objects.
    #[test]
    fn packets_have_the_published_sizes_and_read_back() {
        let (class, instances) = instances();
        let encoder = InstanceEncoder::new(&class).unwrap();
        let mut cache = ClassCache::default();
        for (count, size) in [(1, 307), (2, 410)] {
            let mut writer = ArrayWriter::new();
            for instance in &instances[..count] {
                writer.instance(Uuid::from_u128(1), &encoder, instance).unwrap();
            }
            let packet = writer.finish();
            assert_eq!(packet.len(), size);
            let read = cache.decode(&packet).unwrap();
            assert_eq!(read.len(), count);
            for (read, instance) in read.iter().zip(&instances) {
                let WmiObject::Instance(read) = read else { panic!("no instance") };
                assert_eq!((read.get("x"), read.get("y")), (instance.get("x"), instance.get("y")));
                assert_eq!(read.server_name, instance.server_name);
                assert!(read.class.is_some());
            }
            for length in 0..packet.len() {
                assert!(ClassCache::default().decode(&packet[..length]).is_err());
            }
        }
    }

    #[test]
    fn a_class_that_never_came_is_an_error() {
        let (class, instances) = instances();
        let encoder = InstanceEncoder::new(&class).unwrap();
        let mut writer = ArrayWriter { sent: vec![Uuid::nil()], ..ArrayWriter::default() };
        writer.instance(Uuid::nil(), &encoder, &instances[0]).unwrap();
        let packet = writer.finish();
        assert_eq!(ClassCache::default().decode(&packet), Err(Error::UnknownClass(Uuid::nil())));
    }
}
