//! Instance parts: the values of one instance ([MS-WMIO] 2.2.53).

use std::sync::Arc;

use windlass_cim::{CimArray, CimClass, CimInstance, CimProperty, CimType, CimValue, NamedList};
use windlass_core::cursor::ReadCursor;

use super::class::part_to_class;
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
        Shape::new(class, budget)?.instance(class, self, budget)
    }
}

/// An array of objects as an array of instances, where that is what the class declares.
fn of_type(value: CimValue, declared: CimType) -> CimValue {
    let is_instance = |item: &CimValue| matches!(item, CimValue::Instance(_) | CimValue::Null);
    match value {
        CimValue::Array(array)
            if declared == CimType::Instance
                && array.element() == CimType::Object
                && array.items().iter().all(is_instance) =>
        {
            let items = CimArray::from_values(CimType::Instance, array.into_items());
            items.map_or(CimValue::Null, |items| CimValue::Array(Box::new(items)))
        }
        other => other,
    }
}

/// What the instances of a class have in common, read once.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    class: Arc<CimClass>,
    /// The properties as declared, with everything but a value.
    properties: NamedList<CimProperty>,
    /// The places that they have in the lookup table.
    places: Vec<usize>,
}

impl Shape {
    pub(crate) fn new(part: &ClassPart<'_>, budget: &mut Budget) -> Result<Self, Error> {
        let class = part_to_class(part, budget)?;
        let mut ordered: Vec<(usize, &PropertyInfo<'_>)> = part.properties.iter().enumerate().collect();
        ordered.sort_by_key(|(_, property)| property.declaration_order);
        let places = ordered.into_iter().map(|(place, _)| place).collect();
        let class = Arc::new(class);
        let mut properties = CimInstance::of_class(&class).properties;
        // Each instance brings values of its own: those of the class are not copied for it.
        properties.iter_mut().for_each(|property| property.value = CimValue::Null);
        Ok(Self { class, properties, places })
    }

    /// An instance; `part` is the class part that this was made of.
    pub(crate) fn instance(
        &self,
        part: &ClassPart<'_>,
        values: &InstancePart<'_>,
        budget: &mut Budget,
    ) -> Result<CimInstance, Error> {
        let mut instance = CimInstance::new(self.class.name.clone());
        instance.properties = self.properties.clone();
        for (place, property) in self.places.iter().zip(instance.properties.iter_mut()) {
            budget.spend(1)?;
            let Some(info) = part.properties.get(*place) else { continue };
            property.value = of_type(values.read(part, info, budget)?, property.cim_type);
            if property.cim_type == CimType::Instance && matches!(property.value, CimValue::Class(_)) {
                property.cim_type = CimType::Object;
            }
        }
        (instance.qualifiers, _) = values.qualifiers.read(values.heap, budget)?;
        instance.class = Some(Arc::clone(&self.class));
        Ok(instance)
    }
}
