//! Writing class definitions.

use windlass_xml::Writer;

use crate::class::CimClass;
use crate::error::Error;
use crate::list::NamedList;
use crate::method::ParameterDecl;
use crate::name::CimName;
use crate::qualifier::Qualifier;
use crate::types::{CimType, DataType};
use crate::value::CimValue;
use crate::wscim::{clean, is_xml};

/// Writes class definitions with as much as the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassEncoder {
    /// Qualifiers (`IncludeQualifiers`).
    pub qualifiers: bool,
    /// Where elements come from (`IncludeClassOrigin`).
    pub class_origin: bool,
    /// All superclasses (`IncludeInheritanceHierarchy`).
    pub derivation: bool,
    /// Inherited elements (`IncludeInheritedElements`).
    pub inherited: bool,
}

impl Default for ClassEncoder {
    /// Everything.
    fn default() -> Self {
        Self { qualifiers: true, class_origin: true, derivation: true, inherited: true }
    }
}

/// The attributes of a property or method besides name and type.
struct Origin<'a> {
    class: Option<&'a CimName>,
    is_propagated: bool,
}

impl ClassEncoder {
    /// Writes a `CLASS` element, in no namespace.
    ///
    /// # Errors
    /// When a qualifier or default value has no form here: an embedded class or instance.
    pub fn encode(&self, writer: &mut Writer, class: &CimClass) -> Result<(), Error> {
        writer.start("CLASS").attr("NAME", &clean(&class.name));
        if let Some(superclass) = class.superclass() {
            writer.attr("SUPERCLASS", &clean(superclass));
        }
        if self.derivation {
            let names: Vec<_> = class.derivation.iter().map(CimName::as_str).collect();
            writer.attr("DERIVATION", &clean(&names.join(",")));
        }
        self.qualifiers(writer, &class.qualifiers, None)?;
        for property in class.properties.iter().filter(|p| self.inherited || !p.is_propagated) {
            let data_type = &property.data_type;
            writer.start(element_name("PROPERTY", data_type)).attr("NAME", &clean(&property.name));
            write_type(writer, data_type);
            let origin = Origin { class: property.origin.as_ref(), is_propagated: property.is_propagated };
            self.origin(writer, &origin);
            self.qualifiers(writer, &property.qualifiers, Some(data_type))?;
            write_default(writer, data_type, &property.default).map_err(|e| e.inside(&property.name))?;
            writer.end();
        }
        for method in class.methods.iter().filter(|m| self.inherited || !m.is_propagated) {
            writer.start("METHOD").attr("NAME", &clean(&method.name));
            if let Some(data_type) = &method.return_type {
                writer.attr("TYPE", type_name(data_type.element));
            }
            let origin = Origin { class: method.origin.as_ref(), is_propagated: method.is_propagated };
            self.origin(writer, &origin);
            self.qualifiers(writer, &method.qualifiers, method.return_type.as_ref())?;
            for parameter in &method.parameters {
                self.parameter(writer, parameter)?;
            }
            writer.end();
        }
        writer.end();
        Ok(())
    }

    fn parameter(&self, writer: &mut Writer, parameter: &ParameterDecl) -> Result<(), Error> {
        let data_type = &parameter.data_type;
        writer.start(element_name("PARAMETER", data_type)).attr("NAME", &clean(&parameter.name));
        write_type(writer, data_type);
        self.qualifiers(writer, &parameter.qualifiers, Some(data_type))?;
        write_default(writer, data_type, &parameter.default).map_err(|e| e.inside(&parameter.name))?;
        writer.end();
        Ok(())
    }

    fn origin(&self, writer: &mut Writer, origin: &Origin<'_>) {
        if let (true, Some(class)) = (self.class_origin, origin.class) {
            writer.attr("CLASSORIGIN", &clean(class));
        }
        if origin.is_propagated {
            writer.attr("PROPAGATED", "true");
        }
    }

    /// Writes qualifiers, adding the one that tells an embedded type where it is missing.
    fn qualifiers(
        &self,
        writer: &mut Writer,
        qualifiers: &NamedList<Qualifier>,
        data_type: Option<&DataType>,
    ) -> Result<(), Error> {
        if !self.qualifiers {
            return Ok(());
        }
        for qualifier in qualifiers {
            write_qualifier(writer, qualifier).map_err(|e| e.inside(&qualifier.name))?;
        }
        let added = match data_type {
            Some(DataType { element: CimType::Instance, class: Some(class), .. })
                if !qualifiers.contains("EmbeddedInstance") =>
            {
                Some(Qualifier::new("EmbeddedInstance", class.as_str()))
            }
            Some(DataType { element: CimType::Object, .. }) if !qualifiers.contains("EmbeddedObject") => {
                Some(Qualifier::flag("EmbeddedObject"))
            }
            _ => None,
        };
        added.map_or(Ok(()), |qualifier| write_qualifier(writer, &qualifier))
    }
}

fn write_qualifier(writer: &mut Writer, qualifier: &Qualifier) -> Result<(), Error> {
    let cim_type = qualifier.value.cim_type().unwrap_or(CimType::String);
    writer.start("QUALIFIER").attr("NAME", &clean(&qualifier.name)).attr("TYPE", cim_type.name());
    let flavor = qualifier.flavor;
    for (attribute, value, default) in [
        ("PROPAGATED", qualifier.is_propagated, false),
        ("OVERRIDABLE", flavor.overridable, true),
        ("TOSUBCLASS", flavor.to_subclass, true),
        ("TOINSTANCE", flavor.to_instance, false),
        ("TRANSLATABLE", flavor.translatable, false),
    ] {
        if value != default {
            writer.attr(attribute, if value { "true" } else { "false" });
        }
    }
    write_value(writer, &qualifier.value)?;
    writer.end();
    Ok(())
}

/// The name of the element. CIM-XML knows arrays of references in parameters alone; a property that
/// is one is named by analogy.
fn element_name(base: &'static str, data_type: &DataType) -> &'static str {
    match (base, data_type.element, data_type.is_array) {
        ("PROPERTY", CimType::Reference, true) => "PROPERTY.REFARRAY",
        ("PROPERTY", CimType::Reference, false) => "PROPERTY.REFERENCE",
        ("PROPERTY", _, true) => "PROPERTY.ARRAY",
        ("PROPERTY", _, false) => "PROPERTY",
        (_, CimType::Reference, true) => "PARAMETER.REFARRAY",
        (_, CimType::Reference, false) => "PARAMETER.REFERENCE",
        (_, _, true) => "PARAMETER.ARRAY",
        (_, _, false) => "PARAMETER",
    }
}

/// Embedded instances and objects are strings with a qualifier.
fn type_name(cim_type: CimType) -> &'static str {
    if cim_type.is_embedded() { "string" } else { cim_type.name() }
}

fn write_type(writer: &mut Writer, data_type: &DataType) {
    if data_type.element == CimType::Reference {
        if let Some(class) = &data_type.class {
            writer.attr("REFERENCECLASS", &clean(class));
        }
    } else {
        writer.attr("TYPE", type_name(data_type.element));
    }
    if let Some(size) = data_type.array_size {
        writer.attr("ARRAYSIZE", &size.to_string());
    }
}

/// Default values of references and embedded objects are left out, as readers pass over them.
fn write_default(writer: &mut Writer, data_type: &DataType, value: &CimValue) -> Result<(), Error> {
    if data_type.element == CimType::Reference || data_type.element.is_embedded() {
        return Ok(());
    }
    write_value(writer, value)
}

fn write_value(writer: &mut Writer, value: &CimValue) -> Result<(), Error> {
    match value {
        CimValue::Null => {}
        CimValue::Array(array) => {
            writer.start("VALUE.ARRAY");
            for item in array.items() {
                match item {
                    CimValue::Null => {
                        writer.start("VALUE.NULL").end();
                    }
                    item => write_scalar(writer, item)?,
                }
            }
            writer.end();
        }
        scalar => write_scalar(writer, scalar)?,
    }
    Ok(())
}

fn write_scalar(writer: &mut Writer, value: &CimValue) -> Result<(), Error> {
    if let CimValue::Char16(unit) = value {
        // A number of one digit would be read as that digit.
        let character = char::from_u32(u32::from(*unit)).filter(|c| is_xml(*c));
        let text = character.map_or_else(|| format!("{unit:02}"), |c| c.to_string());
        writer.leaf("VALUE", &text);
        return Ok(());
    }
    let error = Error::Type { expected: "a value that has a text", found: value.describe() };
    let text = value.to_text().ok_or(error)?;
    writer.leaf("VALUE", &clean(&text));
    Ok(())
}
