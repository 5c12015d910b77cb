//! Encoding units and object blocks ([MS-WMIO] 2.2.1 to 2.2.10).

use std::borrow::Cow;

use windlass_cim::{CimClass, CimInstance};
use windlass_core::cursor::ReadCursor;

use super::class::ClassBlock;
use super::class_part::ClassPart;
use super::error::Error;
use super::heap::{size, string};
use super::instance::InstancePart;
use super::value::Budget;

/// The first four bytes of an encoding unit.
pub(crate) const SIGNATURE: u32 = 0x1234_5678;

const CLASS: u8 = 0x01;
const INSTANCE: u8 = 0x02;
const DECORATED: u8 = 0x04;

/// A class or an instance.
#[derive(Debug, Clone, PartialEq)]
pub enum WmiObject {
    /// A class.
    Class(CimClass),
    /// An instance.
    Instance(CimInstance),
}

/// Decodes an encoding unit: signature, length, object block.
///
/// # Errors
/// Anything that does not have the form of [MS-WMIO], and objects that pass a limit.
pub fn decode(unit: &[u8]) -> Result<WmiObject, Error> {
    let mut budget = Budget::default();
    let mut cursor = ReadCursor::new(unit);
    let signature = cursor.u32_le("Signature")?;
    if signature != SIGNATURE {
        return Err(Error::value("Signature", 0, signature));
    }
    let length = size(cursor.u32_le("ObjectEncodingLength")?);
    let mut block = cursor.sub(length, "ObjectBlock")?;
    ObjectBlock::decode(&mut block, &mut budget)?.to_object(&mut budget)
}

/// Server and namespace.
pub type Decoration<'a> = (Cow<'a, str>, Cow<'a, str>);

fn decoration<'a>(cursor: &mut ReadCursor<'a>, flags: u8) -> Result<Option<Decoration<'a>>, Error> {
    Ok(match flags & DECORATED {
        0 => None,
        _ => Some((string(cursor, "DecServerName")?, string(cursor, "DecNamespaceName")?)),
    })
}

/// A class or an instance with its values still in the peer's bytes.
#[derive(Debug, Clone)]
pub struct ObjectBlock<'a> {
    /// Server and namespace, where the block is decorated with them.
    pub decoration: Option<Decoration<'a>>,
    content: Content<'a>,
}

#[derive(Debug, Clone)]
enum Content<'a> {
    Class(Box<ClassBlock<'a>>),
    Instance(Box<ClassPart<'a>>, InstancePart<'a>),
}

impl<'a> ObjectBlock<'a> {
    /// Parses an object block without its signature and length.
    ///
    /// # Errors
    /// Anything that does not have the form of [MS-WMIO] 2.2.5.
    pub fn parse(block: &'a [u8]) -> Result<Self, Error> {
        Self::decode(&mut ReadCursor::new(block), &mut Budget::default())
    }

    pub(crate) fn decode(cursor: &mut ReadCursor<'a>, budget: &mut Budget) -> Result<Self, Error> {
        let offset = cursor.position();
        let flags = cursor.u8("ObjectFlags")?;
        let decoration = decoration(cursor, flags)?;
        let content = match flags & (CLASS | INSTANCE) {
            CLASS => Content::Class(Box::new(ClassBlock::decode(cursor, budget)?)),
            INSTANCE => {
                let class = ClassPart::decode(cursor, budget)?;
                let instance = InstancePart::decode(cursor, &class)?;
                Content::Instance(Box::new(class), instance)
            }
            _ => return Err(Error::value("ObjectFlags", offset, u32::from(flags))),
        };
        Ok(Self { decoration, content })
    }

    /// Takes an instance that comes without its class, as it stands in an array of objects behind one that
    /// came with it.
    pub(crate) fn decode_without_class(
        cursor: &mut ReadCursor<'a>,
        class: &ClassPart<'_>,
    ) -> Result<(Option<Decoration<'a>>, InstancePart<'a>), Error> {
        let offset = cursor.position();
        let flags = cursor.u8("ObjectFlags")?;
        if flags & (CLASS | INSTANCE) != INSTANCE {
            return Err(Error::value("ObjectFlags", offset, u32::from(flags)));
        }
        let decoration = decoration(cursor, flags)?;
        Ok((decoration, InstancePart::decode(cursor, class)?))
    }

    /// The tables of the class, or of the class of the instance.
    pub fn class_part(&self) -> &ClassPart<'a> {
        match &self.content {
            Content::Class(class) => class.part(),
            Content::Instance(class, _) => class,
        }
    }

    /// The values, where this is an instance.
    pub fn instance_part(&self) -> Option<&InstancePart<'a>> {
        match &self.content {
            Content::Class(_) => None,
            Content::Instance(_, instance) => Some(instance),
        }
    }

    pub(crate) fn to_object(&self, budget: &mut Budget) -> Result<WmiObject, Error> {
        let (server, namespace) = match &self.decoration {
            Some((server, namespace)) => (Some(server.as_ref().to_owned()), Some(namespace.as_ref())),
            None => (None, None),
        };
        Ok(match &self.content {
            Content::Class(class) => {
                let mut class = class.to_class(budget)?;
                class.server_name = server;
                class.namespace = namespace.map(Into::into);
                WmiObject::Class(class)
            }
            Content::Instance(class, instance) => {
                let mut instance = instance.to_instance(class, budget)?;
                instance.server_name = server;
                instance.namespace = namespace.map(Into::into);
                WmiObject::Instance(instance)
            }
        })
    }
}
