//! Methods parts: the methods of a class with their signatures ([MS-WMIO] 2.2.38).

use windlass_cim::{CimClass, MethodDecl, NamedList, ParameterDecl};
use windlass_core::cursor::ReadCursor;

use super::block::{ObjectBlock, WmiObject};
use super::error::{Error, ErrorKind};
use super::heap::{Heap, HeapRef, size};
use super::qualifiers::QualifierSet;
use super::value::Budget;

const PROPAGATED: u8 = 0x20;
const RETURN_VALUE: &str = "ReturnValue";

/// The methods of a class before they are read.
#[derive(Debug, Clone)]
pub(crate) struct MethodsPart<'a> {
    descriptions: ReadCursor<'a>,
    heap: Heap<'a>,
}

impl<'a> MethodsPart<'a> {
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>) -> Result<Self, Error> {
        let offset = cursor.position();
        let length = cursor.u32_le("MethodsPart")?;
        let rest = size(length).checked_sub(4).ok_or_else(|| Error::value("MethodsPart", offset, length))?;
        let mut part = cursor.sub(rest, "MethodsPart")?;
        let count = usize::from(part.u16_le("MethodCount")?);
        part.u16_le("MethodCountPadding")?;
        let descriptions = part.sub(count.saturating_mul(24), "MethodDescriptions")?;
        Ok(Self { descriptions, heap: Heap::decode(&mut part)? })
    }

    /// Reads every method. `origins` are the class and its ancestors, the topmost first.
    pub(crate) fn read(
        &self,
        origins: &[String],
        budget: &mut Budget,
    ) -> Result<NamedList<MethodDecl>, Error> {
        let mut cursor = self.descriptions.clone();
        let mut methods = NamedList::new();
        while !cursor.is_empty() {
            budget.spend(1)?;
            let name = self.heap.string(HeapRef(cursor.u32_le("MethodName")?), "MethodName")?;
            let flags = cursor.u8("MethodFlags")?;
            cursor.take(3, "MethodPadding")?;
            let origin = cursor.u32_le("MethodOrigin")?;
            let qualifiers = HeapRef(cursor.u32_le("MethodQualifiers")?);
            let input = self.signature(HeapRef(cursor.u32_le("InputSignature")?), budget)?;
            let output = self.signature(HeapRef(cursor.u32_le("OutputSignature")?), budget)?;
            let mut set = self.heap.item(qualifiers, "MethodQualifiers")?;
            let (qualifiers, _) = QualifierSet::decode(&mut set)?.read(self.heap, budget)?;
            methods.insert(MethodDecl {
                name: name.into_owned().into(),
                return_type: output
                    .as_ref()
                    .and_then(|class| class.property(RETURN_VALUE))
                    .map(|p| p.data_type.clone()),
                parameters: parameters(input, output),
                qualifiers,
                origin: origins.get(size(origin)).map(|name| name.as_str().into()),
                is_propagated: flags & PROPAGATED != 0,
            });
        }
        Ok(methods)
    }

    /// A signature is a class whose properties are the parameters.
    fn signature(&self, at: HeapRef, budget: &mut Budget) -> Result<Option<CimClass>, Error> {
        if at.is_none() {
            return Ok(None);
        }
        let mut item = self.heap.item(at, "MethodSignature")?;
        let length = size(item.u32_le("MethodSignature")?);
        if length == 0 {
            return Ok(None);
        }
        let mut block = item.sub(length, "MethodSignature")?;
        match budget.nested(|budget| ObjectBlock::decode(&mut block, budget)?.to_object(budget))? {
            WmiObject::Class(class) => Ok(Some(class)),
            WmiObject::Instance(_) => Err(Error::new("MethodSignature", 0, ErrorKind::Form("class"))),
        }
    }
}

/// Joins inputs and outputs: a parameter in both is one, with the qualifiers of both. The ID
/// qualifier gives the order.
fn parameters(input: Option<CimClass>, output: Option<CimClass>) -> NamedList<ParameterDecl> {
    let mut joined: NamedList<ParameterDecl> = NamedList::new();
    for class in [input, output].into_iter().flatten() {
        for property in class.properties.into_iter().filter(|property| !property.name.is(RETURN_VALUE)) {
            match joined.get_mut(property.name.as_str()) {
                Some(known) => {
                    for qualifier in property.qualifiers {
                        known.qualifiers.insert(qualifier);
                    }
                }
                None => {
                    joined.insert(ParameterDecl {
                        name: property.name,
                        data_type: property.data_type,
                        default: property.default,
                        qualifiers: property.qualifiers,
                    });
                }
            }
        }
    }
    let mut ordered: Vec<ParameterDecl> = joined.into_iter().collect();
    ordered.sort_by_key(|parameter| parameter.qualifiers.number("ID").unwrap_or(i64::MAX));
    ordered.into_iter().collect()
}
