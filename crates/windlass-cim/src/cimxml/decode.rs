//! Reading class definitions.

use windlass_xml::{Element, Reader};

use crate::class::{CimClass, PropertyDecl};
use crate::error::Error;
use crate::list::{Named, NamedList};
use crate::method::{MethodDecl, ParameterDecl};
use crate::name::CimName;
use crate::qualifier::{Flavor, Qualifier};
use crate::text::parse_bool;
use crate::types::{CimType, DataType};
use crate::value::{CimArray, CimValue};

/// What a class definition may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassLimits {
    /// Properties, methods, parameters of a method, or qualifiers of one element.
    pub elements: usize,
    /// Values in all.
    pub values: usize,
}

impl Default for ClassLimits {
    /// 2,048 elements of a kind and 262,144 values.
    fn default() -> Self {
        Self { elements: 2_048, values: 262_144 }
    }
}

/// Reads a `CLASS` element whose start tag was just read, up to its end tag.
///
/// A string with the qualifier `EmbeddedInstance` or `EmbeddedObject` becomes an embedded instance
/// or object. Default values of references and embedded objects are passed over.
///
/// # Errors
/// Malformed XML, an exceeded limit, an element that is misplaced or lacks an attribute, an unknown
/// type, a value that does not fit its type.
pub fn decode_class<'a>(
    reader: &mut Reader<'a>,
    element: &Element<'a>,
    limits: &ClassLimits,
) -> Result<CimClass, Error> {
    if element.local() != "CLASS" {
        return Err(Error::Element { offset: element.offset(), expected: "CLASS" });
    }
    let mut class = CimClass::new(required(element, "NAME")?);
    class.derivation = derivation(element, limits)?;
    let mut decoder = Decoder { reader, limits, values: 0 };
    while let Some(child) = decoder.reader.next_element()? {
        match child.local() {
            "QUALIFIER" => {
                let qualifier = decoder.qualifier(&child)?;
                decoder.add(&mut class.qualifiers, qualifier, &child)?;
            }
            "PROPERTY" | "PROPERTY.ARRAY" | "PROPERTY.REFERENCE" | "PROPERTY.REFARRAY" => {
                let property = decoder.property(&child)?;
                decoder.add(&mut class.properties, property, &child)?;
            }
            "METHOD" => {
                let method = decoder.method(&child)?;
                decoder.add(&mut class.methods, method, &child)?;
            }
            _ => return Err(unexpected(&child)),
        }
    }
    Ok(class)
}

/// The superclasses: `SUPERCLASS` alone, or all of them in Microsoft's `DERIVATION`.
fn derivation(element: &Element<'_>, limits: &ClassLimits) -> Result<Vec<CimName>, Error> {
    let text = element.attr("DERIVATION")?.unwrap_or_default();
    let names = text.split([',', ' ']).filter(|name| !name.is_empty());
    let names = names.take(limits.elements).map(|name| identifier(name, element));
    let mut names = names.collect::<Result<Vec<_>, _>>()?;
    if let Some(superclass) = optional(element, "SUPERCLASS")?
        && names.first() != Some(&superclass)
    {
        names.insert(0, superclass);
    }
    Ok(names)
}

fn required(element: &Element<'_>, attribute: &str) -> Result<CimName, Error> {
    let value = element.attr(attribute)?.unwrap_or_default();
    identifier(&value, element)
}

fn optional(element: &Element<'_>, attribute: &str) -> Result<Option<CimName>, Error> {
    let value = element.attr(attribute)?.filter(|value| !value.is_empty());
    value.map(|value| identifier(&value, element)).transpose()
}

fn identifier(name: &str, element: &Element<'_>) -> Result<CimName, Error> {
    if CimName::is_identifier(name) {
        return Ok(name.into());
    }
    Err(Error::Element { offset: element.offset(), expected: "attributes that name elements and classes" })
}

fn flag(element: &Element<'_>, attribute: &str, default: bool) -> Result<bool, Error> {
    match element.attr(attribute)? {
        None => Ok(default),
        Some(text) => parse_bool(text.trim()).ok_or(Error::Text { expected: CimType::Boolean }),
    }
}

fn unexpected(element: &Element<'_>) -> Error {
    Error::Element { offset: element.offset(), expected: "an element of a class definition" }
}

struct Decoder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    limits: &'r ClassLimits,
    values: usize,
}

/// What the elements of a property, parameter or method have in common.
struct Parts {
    data_type: DataType,
    qualifiers: NamedList<Qualifier>,
    default: CimValue,
    parameters: NamedList<ParameterDecl>,
}

impl<'a> Decoder<'_, 'a> {
    fn add<T: Named>(&self, list: &mut NamedList<T>, item: T, element: &Element<'_>) -> Result<(), Error> {
        if list.len() >= self.limits.elements {
            return Err(Error::Limit { what: "elements of a class", limit: self.limits.elements });
        }
        match list.insert(item) {
            None => Ok(()),
            Some(_) => Err(Error::Element { offset: element.offset(), expected: "a name not used before" }),
        }
    }

    fn property(&mut self, element: &Element<'a>) -> Result<PropertyDecl, Error> {
        let name = required(element, "NAME")?;
        let origin = optional(element, "CLASSORIGIN")?;
        let is_propagated = flag(element, "PROPAGATED", false)?;
        let data_type = data_type(element).map_err(|e| e.inside(&name))?;
        let parts = self.parts(data_type).map_err(|e| e.inside(&name))?;
        Ok(PropertyDecl {
            name,
            data_type: parts.data_type,
            default: parts.default,
            qualifiers: parts.qualifiers,
            origin,
            is_propagated,
        })
    }

    fn method(&mut self, element: &Element<'a>) -> Result<MethodDecl, Error> {
        let name = required(element, "NAME")?;
        let origin = optional(element, "CLASSORIGIN")?;
        let is_propagated = flag(element, "PROPAGATED", false)?;
        let stated = element.attr("TYPE")?.filter(|t| !t.is_empty() && !t.eq_ignore_ascii_case("void"));
        let is_void = stated.is_none();
        let return_type = match stated {
            Some(text) => DataType::scalar(text.parse().map_err(|e: Error| e.inside(&name))?),
            None => DataType::scalar(CimType::UInt32),
        };
        let parts = self.parts(return_type).map_err(|e| e.inside(&name))?;
        Ok(MethodDecl {
            name,
            return_type: (!is_void).then_some(parts.data_type),
            parameters: parts.parameters,
            qualifiers: parts.qualifiers,
            origin,
            is_propagated,
        })
    }

    fn parameter(&mut self, element: &Element<'a>) -> Result<ParameterDecl, Error> {
        let name = required(element, "NAME")?;
        let data_type = data_type(element).map_err(|e| e.inside(&name))?;
        let parts = self.parts(data_type).map_err(|e| e.inside(&name))?;
        Ok(ParameterDecl {
            name,
            data_type: parts.data_type,
            default: parts.default,
            qualifiers: parts.qualifiers,
        })
    }

    /// The children of a property, method or parameter, up to the end tag.
    fn parts(&mut self, data_type: DataType) -> Result<Parts, Error> {
        let mut parts = Parts {
            data_type,
            qualifiers: NamedList::new(),
            default: CimValue::Null,
            parameters: NamedList::new(),
        };
        while let Some(child) = self.reader.next_element()? {
            match child.local() {
                "QUALIFIER" => {
                    let qualifier = self.qualifier(&child)?;
                    self.add(&mut parts.qualifiers, qualifier, &child)?;
                }
                "PARAMETER" | "PARAMETER.ARRAY" | "PARAMETER.REFERENCE" | "PARAMETER.REFARRAY" => {
                    let parameter = self.parameter(&child)?;
                    self.add(&mut parts.parameters, parameter, &child)?;
                }
                "VALUE" | "VALUE.ARRAY" if is_embedded(&parts) => self.reader.skip()?,
                "VALUE" => parts.default = self.value(parts.data_type.element)?,
                "VALUE.ARRAY" => parts.default = self.array(parts.data_type.element)?,
                "VALUE.REFERENCE" | "VALUE.REFARRAY" => self.reader.skip()?,
                _ => return Err(unexpected(&child)),
            }
        }
        embed(&mut parts);
        Ok(parts)
    }

    fn qualifier(&mut self, element: &Element<'a>) -> Result<Qualifier, Error> {
        let name = required(element, "NAME")?;
        let cim_type: CimType = match element.attr("TYPE")? {
            Some(text) => text.parse().map_err(|e: Error| e.inside(&name))?,
            None => CimType::Boolean,
        };
        let flavor = Flavor {
            overridable: flag(element, "OVERRIDABLE", true)?,
            to_subclass: flag(element, "TOSUBCLASS", true)?,
            to_instance: flag(element, "TOINSTANCE", false)?,
            translatable: flag(element, "TRANSLATABLE", false)?,
        };
        let is_propagated = flag(element, "PROPAGATED", false)?;
        let mut value = CimValue::Null;
        while let Some(child) = self.reader.next_element()? {
            let read = match child.local() {
                "VALUE" => self.value(cim_type),
                "VALUE.ARRAY" => self.array(cim_type),
                _ => return Err(unexpected(&child)),
            };
            value = read.map_err(|e| e.inside(&name))?;
        }
        Ok(Qualifier { name, value, flavor, is_propagated })
    }

    fn value(&mut self, cim_type: CimType) -> Result<CimValue, Error> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(Error::Limit { what: "values in a class", limit: self.limits.values });
        }
        let text = self.reader.read_text()?;
        if cim_type == CimType::Char16 {
            // A digit stands for itself here.
            let mut units = text.encode_utf16();
            if let (Some(unit), None) = (units.next(), units.next()) {
                return Ok(CimValue::Char16(unit));
            }
        }
        CimValue::parse_text(cim_type, &text)
    }

    fn array(&mut self, element: CimType) -> Result<CimValue, Error> {
        let mut items = Vec::new();
        while let Some(child) = self.reader.next_element()? {
            match child.local() {
                "VALUE" => items.push(self.value(element)?),
                "VALUE.NULL" => {
                    self.reader.skip()?;
                    items.push(CimValue::Null);
                }
                _ => return Err(unexpected(&child)),
            }
        }
        Ok(CimArray::from_trusted(element, items).into())
    }
}

/// The type that the attributes of a property or parameter state.
fn data_type(element: &Element<'_>) -> Result<DataType, Error> {
    let local = element.local();
    let is_array = local.ends_with(".ARRAY") || local.ends_with(".REFARRAY");
    let size = element.attr("ARRAYSIZE")?;
    let array_size = match size.filter(|_| is_array) {
        Some(text) => Some(text.trim().parse().map_err(|_| Error::Text { expected: CimType::UInt32 })?),
        None => None,
    };
    if local.ends_with(".REFERENCE") || local.ends_with(".REFARRAY") {
        let class = optional(element, "REFERENCECLASS")?;
        return Ok(DataType { element: CimType::Reference, is_array, array_size, class });
    }
    let stated = element.attr("TYPE")?;
    let expected = "a type in TYPE";
    let stated = stated.ok_or(Error::Element { offset: element.offset(), expected })?;
    let embedded = match element.attr("EmbeddedObject")?.or(element.attr("EMBEDDEDOBJECT")?) {
        Some(kind) if kind.eq_ignore_ascii_case("instance") => Some(CimType::Instance),
        Some(kind) if kind.eq_ignore_ascii_case("object") => Some(CimType::Object),
        _ => None,
    };
    let element = match embedded {
        Some(embedded) => embedded,
        None => stated.parse()?,
    };
    Ok(DataType { element, is_array, array_size, class: None })
}

fn is_embedded(parts: &Parts) -> bool {
    parts.data_type.element.is_embedded()
        || parts.qualifiers.contains("EmbeddedInstance")
        || parts.qualifiers.has("EmbeddedObject")
}

/// Applies the qualifiers that make a string an embedded instance or object.
fn embed(parts: &mut Parts) {
    if !matches!(parts.data_type.element, CimType::String | CimType::Instance | CimType::Object) {
        return;
    }
    if let Some(class) = parts.qualifiers.text("EmbeddedInstance") {
        parts.data_type.class = Some(class.into());
        parts.data_type.element = CimType::Instance;
    } else if parts.qualifiers.has("EmbeddedObject") {
        parts.data_type.element = CimType::Object;
    }
    if parts.data_type.element.is_embedded() {
        parts.default = CimValue::Null;
    }
}
