//! Printing classes and instances.

use std::fmt::{self, Write};

use crate::class::CimClass;
use crate::instance::CimInstance;
use crate::list::NamedList;
use crate::method::{MethodDecl, ParameterDecl};
use crate::qualifier::{Flavor, Qualifier};
use crate::types::{CimType, DataType};
use crate::value::CimValue;

/// Embedded instances inside each other that are printed.
const MAX_DEPTH: usize = 64;

/// How classes are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MofPrinter {
    /// Print what the class inherits, too.
    pub inherited: bool,
    /// Print qualifiers. Those that tell how a class is keyed and embedded are printed always.
    pub qualifiers: bool,
}

impl Default for MofPrinter {
    /// What the class itself declares, with qualifiers.
    fn default() -> Self {
        Self { inherited: false, qualifiers: true }
    }
}

/// Prints what a class declares.
#[must_use]
pub fn print_class(class: &CimClass) -> String {
    MofPrinter::default().class(class)
}

/// Prints an instance with all its properties.
#[must_use]
pub fn print_instance(instance: &CimInstance) -> String {
    let mut out = String::new();
    let _ = write_instance(instance, 0, &mut out);
    out.push_str(";\n");
    out
}

impl MofPrinter {
    /// Prints a class.
    #[must_use]
    pub fn class(&self, class: &CimClass) -> String {
        let mut out = String::new();
        let _ = self.write_class(class, &mut out);
        out
    }

    fn write_class(&self, class: &CimClass, out: &mut String) -> fmt::Result {
        self.qualifiers(&class.qualifiers, None, "", "\n", out)?;
        write!(out, "class {}", class.name)?;
        if let Some(superclass) = class.superclass() {
            write!(out, " : {superclass}")?;
        }
        out.push_str("\n{\n");
        for property in class.properties.iter().filter(|p| self.inherited || !p.is_propagated) {
            self.qualifiers(&property.qualifiers, Some(&property.data_type), "  ", "\n", out)?;
            out.push_str("  ");
            write_declaration(&property.data_type, &property.qualifiers, &property.name, out)?;
            write_default(&property.default, out)?;
            out.push_str(";\n");
        }
        for method in class.methods.iter().filter(|m| self.inherited || !m.is_propagated) {
            self.method(method, out)?;
        }
        out.push_str("};\n");
        Ok(())
    }

    fn method(&self, method: &MethodDecl, out: &mut String) -> fmt::Result {
        self.qualifiers(&method.qualifiers, method.return_type.as_ref(), "  ", "\n", out)?;
        match &method.return_type {
            Some(data_type) => {
                write!(out, "  {} {}(", type_name(data_type, &method.qualifiers), method.name)?;
            }
            None => write!(out, "  void {}(", method.name)?,
        }
        for (i, parameter) in method.parameters.iter().enumerate() {
            out.push_str(if i > 0 { ",\n    " } else { "\n    " });
            self.parameter(parameter, out)?;
        }
        out.push_str(");\n");
        Ok(())
    }

    fn parameter(&self, parameter: &ParameterDecl, out: &mut String) -> fmt::Result {
        self.qualifiers(&parameter.qualifiers, Some(&parameter.data_type), "", " ", out)?;
        write_declaration(&parameter.data_type, &parameter.qualifiers, &parameter.name, out)?;
        write_default(&parameter.default, out)
    }

    /// Prints a list of qualifiers. Inherited ones are left out unless inherited elements are
    /// printed.
    fn qualifiers(
        &self,
        qualifiers: &NamedList<Qualifier>,
        data_type: Option<&DataType>,
        indent: &str,
        after: &str,
        out: &mut String,
    ) -> fmt::Result {
        const ALWAYS: [&str; 5] = ["key", "EmbeddedInstance", "EmbeddedObject", "In", "Out"];
        let wanted = |q: &Qualifier| {
            (self.inherited || !q.is_propagated)
                && (self.qualifiers || ALWAYS.iter().any(|name| q.name.is(name)))
        };
        let added = match data_type {
            Some(DataType { element: CimType::Object, .. }) if !qualifiers.contains("EmbeddedObject") => {
                Some(Qualifier::flag("EmbeddedObject"))
            }
            _ => None,
        };
        let mut first = true;
        for qualifier in qualifiers.iter().filter(|q| wanted(q)).chain(&added) {
            out.push_str(if first { indent } else { ", " });
            if first {
                out.push('[');
            }
            first = false;
            write_qualifier(qualifier, out)?;
        }
        if !first {
            out.push(']');
            out.push_str(after);
        }
        Ok(())
    }
}

fn write_qualifier(qualifier: &Qualifier, out: &mut String) -> fmt::Result {
    write!(out, "{}", qualifier.name)?;
    match &qualifier.value {
        CimValue::Boolean(true) => {}
        CimValue::Array(_) => write_value(&qualifier.value, 0, out)?,
        scalar => {
            out.push('(');
            write_value(scalar, 0, out)?;
            out.push(')');
        }
    }
    let (flavor, standard) = (qualifier.flavor, Flavor::standard(&qualifier.name));
    let words = [
        (flavor.overridable != standard.overridable, flavor.overridable, "EnableOverride", "DisableOverride"),
        (flavor.to_subclass != standard.to_subclass, flavor.to_subclass, "ToSubclass", "Restricted"),
        (flavor.to_instance, true, "ToInstance", ""),
        (flavor.translatable && !standard.translatable, true, "Translatable", ""),
    ];
    let words: Vec<_> = words.iter().filter(|w| w.0).map(|w| if w.1 { w.2 } else { w.3 }).collect();
    if !words.is_empty() {
        write!(out, " : {}", words.join(" "))?;
    }
    Ok(())
}

/// The type before a name; a qualifier may tell that a string is more.
fn type_name(data_type: &DataType, qualifiers: &NamedList<Qualifier>) -> String {
    match (data_type.element, &data_type.class) {
        (CimType::Reference, Some(class)) => format!("{class} ref"),
        (CimType::Reference, None) => "object ref".to_owned(),
        (CimType::Instance, Some(class)) if !qualifiers.contains("EmbeddedInstance") => class.to_string(),
        (CimType::Instance | CimType::Object, _) => "string".to_owned(),
        (element, _) => element.name().to_owned(),
    }
}

fn write_declaration(
    data_type: &DataType,
    qualifiers: &NamedList<Qualifier>,
    name: &str,
    out: &mut String,
) -> fmt::Result {
    write!(out, "{} {name}", type_name(data_type, qualifiers))?;
    match (data_type.is_array, data_type.array_size) {
        (true, Some(size)) => write!(out, "[{size}]"),
        (true, None) => out.write_str("[]"),
        (false, _) => Ok(()),
    }
}

fn write_default(value: &CimValue, out: &mut String) -> fmt::Result {
    if value.is_null() {
        return Ok(());
    }
    out.push_str(" = ");
    write_value(value, 0, out)
}

fn write_instance(instance: &CimInstance, depth: usize, out: &mut String) -> fmt::Result {
    let indent = "  ".repeat(depth);
    write!(out, "instance of {}\n{indent}{{\n", instance.class_name)?;
    for property in &instance.properties {
        let key = if property.is_key && instance.class.is_none() { "[key] " } else { "" };
        write!(out, "{indent}  {key}{} = ", property.name)?;
        write_value(&property.value, depth + 1, out)?;
        out.push_str(";\n");
    }
    write!(out, "{indent}}}")
}

fn write_value(value: &CimValue, depth: usize, out: &mut String) -> fmt::Result {
    match value {
        CimValue::Null | CimValue::Class(_) => out.write_str("NULL"),
        CimValue::Boolean(true) => out.write_str("TRUE"),
        CimValue::Boolean(false) => out.write_str("FALSE"),
        CimValue::Char16(unit) => write_char(*unit, out),
        CimValue::Real32(r) if r.is_finite() => write!(out, "{r:?}"),
        CimValue::Real64(r) if r.is_finite() => write!(out, "{r:?}"),
        CimValue::Instance(_) if depth > MAX_DEPTH => out.write_str("NULL"),
        CimValue::Instance(instance) => write_instance(instance, depth, out),
        CimValue::Array(array) => {
            out.push('{');
            for (i, item) in array.items().iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_value(item, depth, out)?;
            }
            out.write_char('}')
        }
        other => match other.as_i128() {
            Some(n) => write!(out, "{n}"),
            None => write_text(&other.to_text().unwrap_or_default(), out),
        },
    }
}

fn write_char(unit: u16, out: &mut String) -> fmt::Result {
    match char::from_u32(u32::from(unit)) {
        Some(c) if !c.is_control() && c != '\'' && c != '\\' => write!(out, "'{c}'"),
        _ => write!(out, "'\\x{unit:04X}'"),
    }
}

fn write_text(text: &str, out: &mut String) -> fmt::Result {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\x{unit:04X}")?;
                }
            }
            c => out.push(c),
        }
    }
    out.write_char('"')
}
