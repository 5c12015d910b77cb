//! Instance parts: the values of one instance ([MS-WMIO] 2.2.53).

use windlass_cim::{CimInstance, CimProperty, CimType, CimValue, Named};
use windlass_core::cursor::ReadCursor;

use super::class_part::{ClassPart, NdTable, PropertyInfo, nd_table};
use super::error::{Error, ErrorKind};
use super::heap::{Heap, HeapRef, size};
use super::qualifiers::QualifierSet;
use super::value::{Budget, decode_value};

/// The values of one instance, to be read with the class part of its class.
#[derive(Debug, Clone)]
pub struct InstancePart<'a> {
    nd_table: NdTable<'a>,
    values: &'a [u8],
    qualifiers: QualifierSet<'a>,
    heap: Heap<'a>,
}

impl<'a> InstancePart<'a> {
    /// Takes an instance part from its EncodingLength on.
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>, class: &ClassPart<'_>) -> Result<Self, Error> {
        let offset = cursor.position();
        let length = cursor.u32_le("EncodingLength")?;
        let rest =
            size(length).checked_sub(4).ok_or_else(|| Error::value("EncodingLength", offset, length))?;
        let mut part = cursor.sub(rest, "Instance")?;
        part.u8("InstanceFlags")?;
        let name = HeapRef(part.u32_le("InstanceClassName")?);
        let nd_table = nd_table(&mut part, class.properties.len())?;
        let values = part.take(class.values.len(), "InstanceData")?;
        let qualifiers = QualifierSet::decode(&mut part)?;
        let offset = part.position();
        match part.u8("InstancePropQualSetFlag")? {
            1 => {}
            2 => {
                for _ in &class.properties {
                    QualifierSet::decode(&mut part)?;
                }
            }
            other => return Err(Error::value("InstancePropQualSetFlag", offset, u32::from(other))),
        }
        let heap = Heap::decode(&mut part)?;
        let name = heap.string(name, "InstanceClassName")?;
        if class.name.as_ref().is_none_or(|class| !class.eq_ignore_ascii_case(&name)) {
            return Err(Error::new("InstanceClassName", 0, ErrorKind::Form("name of the class before it")));
        }
        Ok(Self { nd_table, values, qualifiers, heap })
    }

    /// The value of a property of `class`, copied out of the peer's bytes.
    ///
    /// # Errors
    /// References that lead nowhere, values that are not of their type.
    pub fn value(&self, class: &ClassPart<'_>, property: &PropertyInfo<'_>) -> Result<CimValue, Error> {
        self.read(class, property, &mut Budget::default())
    }

    fn read(
        &self,
        class: &ClassPart<'_>,
        property: &PropertyInfo<'_>,
        budget: &mut Budget,
    ) -> Result<CimValue, Error> {
        let order = property.declaration_order;
        if self.nd_table.is_default(order) {
            class.default_value(property, budget)
        } else if self.nd_table.is_null(order) {
            Ok(CimValue::Null)
        } else {
            decode_value(property.wire_type, property.slot(self.values)?, self.heap, budget)
        }
    }

    /// The whole instance, its properties in the order of their declaration.
    pub(crate) fn to_instance(
        &self,
        class: &ClassPart<'_>,
        budget: &mut Budget,
    ) -> Result<CimInstance, Error> {
        let name = class.name.as_deref().unwrap_or_default();
        let mut instance = CimInstance::new(name.to_owned());
        let mut ordered: Vec<&PropertyInfo<'_>> = class.properties.iter().collect();
        ordered.sort_by_key(|property| property.declaration_order);
        for property in ordered {
            budget.spend(1)?;
            let (data_type, qualifiers) = property.declaration(class.heap, budget)?;
            let value = self.read(class, property, budget)?;
            let element = match (&value, data_type.element) {
                (CimValue::Class(_), CimType::Instance) => CimType::Object,
                (_, element) => element,
            };
            let mut entry = CimProperty::null(property.name.to_string(), element, data_type.is_array);
            entry.value = value;
            entry.is_key = qualifiers.has("key");
            if let Some(doubled) = instance.properties.insert(entry) {
                let _name = doubled.name();
                return Err(Error::new("PropertyName", 0, ErrorKind::Form("name of its own")));
            }
        }
        (instance.qualifiers, _) = self.qualifiers.read(self.heap, budget)?;
        Ok(instance)
    }
}
