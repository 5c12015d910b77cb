//! Rust structs for CIM classes, as source text: for a build script that has MOF, or a program that has asked a
//! server for the class.

use std::collections::HashSet;

use crate::class::{CimClass, PropertyDecl};
use crate::list::NamedList;
use crate::qualifier::Qualifier;
use crate::types::{CimType, DataType};

/// The declaration of a struct for a class, by [`cim_class!`](crate::cim_class). `module` is where the names of
/// this crate are found: `windlass_cim`, or `windlass::model`.
///
/// The fields have the types of the properties. What is no key may be null and is an `Option`; what has no Rust
/// type of its own, a `char16` or an embedded object of any kind, is a [`CimValue`](crate::CimValue).
///
/// ```
/// let file = windlass_cim::mof::parse("class Test_Disk { [Key] string Id; uint64 FreeSpace; };")?;
/// let source = windlass_cim::rust_struct(&file.classes[0], "root/test", "windlass_cim");
/// assert!(source.contains("pub struct TestDisk in \"root/test\" as \"Test_Disk\" {"));
/// assert!(source.contains("pub free_space: Option<u64> = \"FreeSpace\","));
/// # Ok::<(), windlass_cim::Error>(())
/// ```
#[must_use]
pub fn rust_struct(class: &CimClass, namespace: &str, module: &str) -> String {
    let class_name = class.name.as_str();
    let mut source = format!("{module}::cim_class! {{\n");
    document(&mut source, "    ", &class.qualifiers, &format!("The class `{class_name}`."));
    let name = type_name(class_name);
    source += &format!("    pub struct {name} in {namespace:?} as {class_name:?} {{\n");
    let mut taken = HashSet::new();
    for property in &class.properties {
        let property_name = property.name.as_str();
        document(&mut source, "        ", &property.qualifiers, &format!("The property `{property_name}`."));
        let mut field = field_name(property_name);
        while !taken.insert(field.clone()) {
            field.push('_');
        }
        let rust_type = field_type(property, module);
        source += &format!("        pub {field}: {rust_type} = {property_name:?},\n");
    }
    source + "    }\n}\n"
}

/// A line of documentation: the description, or what stands in for it.
fn document(source: &mut String, indent: &str, qualifiers: &NamedList<Qualifier>, otherwise: &str) {
    let words: Vec<&str> = qualifiers.text("Description").unwrap_or_default().split_whitespace().collect();
    let line = if words.is_empty() { otherwise.to_owned() } else { words.join(" ") };
    *source += &format!("{indent}/// {line}\n");
}

fn field_type(property: &PropertyDecl, module: &str) -> String {
    let DataType { element, is_array, .. } = &property.data_type;
    let scalar = match element {
        CimType::Boolean => "bool",
        CimType::UInt8 => "u8",
        CimType::SInt8 => "i8",
        CimType::UInt16 => "u16",
        CimType::SInt16 => "i16",
        CimType::UInt32 => "u32",
        CimType::SInt32 => "i32",
        CimType::UInt64 => "u64",
        CimType::SInt64 => "i64",
        CimType::Real32 => "f32",
        CimType::Real64 => "f64",
        CimType::String => "String",
        CimType::DateTime => &format!("{module}::CimDateTime"),
        CimType::Reference => &format!("{module}::ObjectPath"),
        CimType::Instance => &format!("{module}::CimInstance"),
        CimType::Char16 | CimType::Object => return format!("{module}::CimValue"),
    };
    let whole = if *is_array { format!("Vec<{scalar}>") } else { scalar.to_owned() };
    if property.is_key() { whole } else { format!("Option<{whole}>") }
}

/// `Win32_Service` as `Win32Service`.
fn type_name(name: &str) -> String {
    let mut made = String::with_capacity(name.len());
    for part in name.split('_') {
        let mut rest = part.chars();
        made.extend(rest.next().into_iter().flat_map(char::to_uppercase));
        made.push_str(rest.as_str());
    }
    if made.starts_with(|first: char| first.is_alphabetic()) { made } else { format!("Class{made}") }
}

/// `IPAddress` as `ip_address`.
fn field_name(name: &str) -> String {
    /// The words that Rust has for itself.
    const RESERVED: &str = " abstract as async await become box break const continue crate do dyn else enum \
                            extern false final fn for gen if impl in let loop macro match mod move mut override \
                            priv pub ref return self static struct super trait true try type typeof unsafe \
                            unsized use virtual where while yield _ ";
    let mut made = String::with_capacity(name.len() + 4);
    let mut characters = name.chars().peekable();
    let mut before = None;
    while let Some(character) = characters.next() {
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before: char| {
                before.is_lowercase()
                    || before.is_numeric()
                    || before.is_uppercase() && characters.peek().is_some_and(|next| next.is_lowercase())
            });
        if begins_word {
            made.push('_');
        }
        made.extend(character.to_lowercase());
        before = Some(character);
    }
    if RESERVED.contains(&format!(" {made} ")) {
        made.push('_');
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_rust() {
        for (name, field) in [
            ("ProcessId", "process_id"),
            ("IPAddress", "ip_address"),
            ("DNSHostName", "dns_host_name"),
            ("MTU", "mtu"),
            ("Type", "type_"),
            ("__PATH", "__path"),
            ("Real32Value", "real32_value"),
            ("already_snake", "already_snake"),
        ] {
            assert_eq!(field_name(name), field);
        }
        for (name, rust) in [
            ("Win32_Service", "Win32Service"),
            ("CIM_Disk", "CIMDisk"),
            ("__Event", "Event"),
            ("_7z", "Class7z"),
        ] {
            assert_eq!(type_name(name), rust);
        }
    }
}
