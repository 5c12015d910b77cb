//! Printing object paths in the form of WMI.

use std::fmt::{self, Write};

use super::{Keys, ObjectPath};
use crate::value::CimValue;

impl fmt::Display for ObjectPath {
    /// Prints the path with backslashes before the class, as WMI does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.server, &self.namespace) {
            (Some(server), Some(namespace)) => write!(f, "\\\\{server}\\{}:", namespace.to_wmi())?,
            (None, Some(namespace)) => write!(f, "{}:", namespace.to_wmi())?,
            (_, None) => {}
        }
        self.fmt_relative(f)
    }
}

impl ObjectPath {
    /// The path without server and namespace, as in `__RELPATH`.
    #[must_use]
    pub fn to_relative(&self) -> String {
        Self { server: None, namespace: None, ..self.clone() }.to_string()
    }

    fn fmt_relative(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class_name)?;
        match &self.keys {
            Keys::Class => Ok(()),
            Keys::Singleton => f.write_str("=@"),
            Keys::Bindings(bindings) => {
                for (i, binding) in bindings.iter().enumerate() {
                    match (i, binding.name.is_empty()) {
                        (_, true) => {}
                        (0, false) => write!(f, ".{}", binding.name)?,
                        (_, false) => write!(f, ",{}", binding.name)?,
                    }
                    f.write_char('=')?;
                    write_value(&binding.value, f)?;
                }
                Ok(())
            }
        }
    }
}

fn write_value(value: &CimValue, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        CimValue::Null => f.write_str("NULL"),
        CimValue::Boolean(true) => f.write_str("TRUE"),
        CimValue::Boolean(false) => f.write_str("FALSE"),
        CimValue::Char16(unit) => match char::from_u32(u32::from(*unit)) {
            Some(c) => write_quoted(c.encode_utf8(&mut [0; 4]), f),
            None => write!(f, "{unit}"),
        },
        number if number.as_i128().is_some() => write!(f, "{}", number.as_i128().unwrap_or(0)),
        other => write_quoted(&other.to_text().unwrap_or_default(), f),
    }
}

/// Writes a string in double quotes, escaping quotes and backslashes.
pub(crate) fn write_quoted(text: &str, f: &mut impl Write) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if c == '"' || c == '\\' {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datetime::CimDateTime;

    #[test]
    fn paths_print_as_wmi_writes_them() {
        for text in [
            r#"\\SRV\root\cimv2:Win32_LogicalDisk.DeviceID="C:""#,
            r#"root\cimv2:A.x=5,y=-5,z=TRUE"#,
            r#"CIM_DataFile.Name="c:\\windows\\\"x\"""#,
            "A=@",
            "A=\"v\"",
            "A",
        ] {
            assert_eq!(text.parse::<ObjectPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn values_of_every_kind() {
        let when: CimDateTime = "20240131235959.000000+060".parse().unwrap();
        let path = ObjectPath::class("A")
            .with_key("c", CimValue::Char16(65))
            .with_key("s", CimValue::Char16(0xd800))
            .with_key("d", when)
            .with_key("r", ObjectPath::class("B").with_key("k", "v"))
            .in_namespace("root/x")
            .on_server("S");
        assert_eq!(path.to_relative(), r#"A.c="A",s=55296,d="20240131235959.000000+060",r="B.k=\"v\"""#);
        assert!(path.to_string().starts_with(r"\\S\root\x:A."));
    }
}
