//! Classes: a parent and what the class itself adds ([MS-WMIO] 2.2.11).

use windlass_cim::{CimClass, PropertyDecl};
use windlass_core::cursor::ReadCursor;

use super::class_part::{ClassPart, PropertyInfo};
use super::error::{Error, ErrorKind};
use super::methods::MethodsPart;
use super::value::Budget;

/// A class block: the part of the parent, which is not looked into, and the class's own.
#[derive(Debug, Clone)]
pub(crate) struct ClassBlock<'a> {
    part: ClassPart<'a>,
    methods: MethodsPart<'a>,
}

impl<'a> ClassBlock<'a> {
    pub(crate) fn decode(cursor: &mut ReadCursor<'a>, budget: &mut Budget) -> Result<Self, Error> {
        ClassPart::decode(cursor, budget)?;
        MethodsPart::decode(cursor)?;
        let part = ClassPart::decode(cursor, budget)?;
        let methods = MethodsPart::decode(cursor)?;
        Ok(Self { part, methods })
    }

    pub(crate) fn part(&self) -> &ClassPart<'a> {
        &self.part
    }

    pub(crate) fn to_class(&self, budget: &mut Budget) -> Result<CimClass, Error> {
        let mut class = part_to_class(&self.part, budget)?;
        let origins: Vec<String> = self
            .part
            .derivation
            .iter()
            .rev()
            .chain(self.part.name.iter())
            .map(|name| name.as_ref().to_owned())
            .collect();
        class.methods = self.methods.read(&origins, budget)?;
        Ok(class)
    }
}

/// The class that a class part describes, without methods.
pub(crate) fn part_to_class(part: &ClassPart<'_>, budget: &mut Budget) -> Result<CimClass, Error> {
    // A class that is yet to be filled has no name.
    let mut class = CimClass::new(part.name.as_deref().unwrap_or_default().to_owned());
    class.derivation = part.derivation.iter().map(|name| name.as_ref().into()).collect();
    (class.qualifiers, _) = part.qualifiers.read(part.heap, budget)?;
    let mut ordered: Vec<&PropertyInfo<'_>> = part.properties.iter().collect();
    ordered.sort_by_key(|property| property.declaration_order);
    for property in ordered {
        budget.spend(1)?;
        let (data_type, qualifiers) = property.declaration(part.heap, budget)?;
        let declared = class.properties.insert(PropertyDecl {
            name: property.name.to_string().into(),
            data_type,
            default: part.default_value(property, budget)?,
            qualifiers,
            origin: origin(part, property).map(Into::into),
            is_propagated: property.is_inherited(),
        });
        if declared.is_some() {
            return Err(Error::new("PropertyName", 0, ErrorKind::Form("name of its own")));
        }
    }
    Ok(class)
}

/// Origins are counted from the topmost ancestor.
fn origin<'p>(part: &'p ClassPart<'_>, property: &PropertyInfo<'_>) -> Option<&'p str> {
    let ancestors = part.derivation.len();
    match ancestors.checked_sub(property.class_of_origin + 1) {
        Some(index) => part.derivation.get(index).map(AsRef::as_ref),
        None if property.class_of_origin == ancestors => part.name.as_deref(),
        None => None,
    }
}
