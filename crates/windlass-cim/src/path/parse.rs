//! Reading object paths in the form of WMI.

use std::str::FromStr;

use super::{KeyBinding, Keys, ObjectPath};
use crate::error::Error;
use crate::list::NamedList;
use crate::name::{CimName, is_name_char, is_name_start};
use crate::namespace::Namespace;
use crate::text::integer_value;
use crate::types::CimType;
use crate::value::CimValue;

/// What a path may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathLimits {
    /// Length in bytes.
    pub length: usize,
    /// Number of keys.
    pub keys: usize,
}

impl Default for PathLimits {
    /// 64 KiB and 256 keys; Windows itself allows 8,192 characters.
    fn default() -> Self {
        Self { length: 64 * 1024, keys: 256 }
    }
}

impl FromStr for ObjectPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text, &PathLimits::default())
    }
}

impl ObjectPath {
    /// Reads a path such as `\\server\root\cimv2:Class.Key="value",Other=5`, with either kind of
    /// slash, without server or namespace, as the path of a class or with `=@`.
    ///
    /// # Errors
    /// When the text is no such path, with the place.
    pub fn parse(text: &str, limits: &PathLimits) -> Result<Self, Error> {
        if text.len() > limits.length {
            return Err(Error::Limit { what: "bytes in an object path", limit: limits.length });
        }
        let mut scan = Scan { text, at: 0 };
        let (server, namespace) = scan.place()?;
        let class_name = CimName::from(scan.name()?);
        let keys = scan.keys(limits)?;
        match scan.peek() {
            None => Ok(Self { server, namespace, class_name, keys }),
            Some(_) => Err(Error::path(scan.at, "the end of the path")),
        }
    }
}

/// Reads a path without a class, such as `\\server\root\cimv2` or `root/cimv2`, into server and
/// namespace.
///
/// # Errors
/// When the text is no such path.
pub fn parse_namespace_path(text: &str) -> Result<(Option<String>, Namespace), Error> {
    let mut scan = Scan { text, at: 0 };
    let server = scan.server()?;
    let rest = scan.rest();
    if is_namespace(rest) && !rest.contains(':') {
        Ok((server, Namespace::new(rest)))
    } else {
        Err(Error::path(scan.at, "a namespace"))
    }
}

/// Whether a text is one or more names with slashes between them.
fn is_namespace(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.trim() == name && !name.contains(char::is_control);
    text.split(['/', '\\']).all(is_name)
}

/// A path read from left to right.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn accept(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    /// `\\server\` or `//server/` and, when something follows, the slash after it.
    fn server(&mut self) -> Result<Option<String>, Error> {
        let is_slash = |c| c == '/' || c == '\\';
        let mut slashes = self.rest().chars().take_while(|c| is_slash(*c));
        match (slashes.next(), slashes.next(), slashes.next()) {
            (Some(_), Some(_), None) => self.at += 2,
            (Some(_), Some(_), Some(_)) => return Err(Error::path(self.at + 2, "a server name")),
            _ => return Ok(None),
        }
        let server = self.take_while(|c| !is_slash(c) && c != '"' && c != '=');
        if server.is_empty() || !self.peek().is_some_and(is_slash) {
            return Err(Error::path(self.at, "a server name and a namespace"));
        }
        self.at += 1;
        Ok(Some(server.to_owned()))
    }

    /// Server and namespace, up to the colon before the class.
    fn place(&mut self) -> Result<(Option<String>, Option<Namespace>), Error> {
        let server = self.server()?;
        let rest = self.rest();
        let colon = rest.find([':', '"', '\'', '=']).filter(|&i| rest.as_bytes().get(i) == Some(&b':'));
        let Some(colon) = colon else {
            return match server {
                None => Ok((None, None)),
                Some(_) => Err(Error::path(self.text.len(), "a colon after the namespace")),
            };
        };
        let name = rest.get(..colon).unwrap_or_default();
        let trimmed = name.strip_prefix(['/', '\\']).filter(|_| server.is_none()).unwrap_or(name);
        if !is_namespace(trimmed) {
            return Err(Error::path(self.at, "a namespace"));
        }
        self.at += colon + 1;
        Ok((server, Some(Namespace::new(name))))
    }

    fn name(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        let name = self.take_while(is_name_char);
        if name.chars().next().is_some_and(is_name_start) {
            Ok(name)
        } else {
            Err(Error::path(start, "a name"))
        }
    }

    fn keys(&mut self, limits: &PathLimits) -> Result<Keys, Error> {
        if self.accept('=') {
            if self.accept('@') {
                return Ok(Keys::Singleton);
            }
            let value = self.value()?;
            return Ok(Keys::Bindings([KeyBinding { name: "".into(), value }].into_iter().collect()));
        }
        if !self.accept('.') {
            return Ok(Keys::Class);
        }
        let mut bindings: NamedList<KeyBinding> = NamedList::new();
        loop {
            self.skip_blanks();
            let start = self.at;
            let name = CimName::from(self.name()?);
            self.skip_blanks();
            if !self.accept('=') {
                return Err(Error::path(self.at, "="));
            }
            self.skip_blanks();
            let value = self.value()?;
            if bindings.len() >= limits.keys {
                return Err(Error::Limit { what: "keys in an object path", limit: limits.keys });
            }
            if bindings.insert(KeyBinding { name, value }).is_some() {
                return Err(Error::path(start, "a key not named before"));
            }
            self.skip_blanks();
            if !self.accept(',') {
                return Ok(Keys::Bindings(bindings));
            }
        }
    }

    fn value(&mut self) -> Result<CimValue, Error> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.string(quote).map(CimValue::String),
            Some('0'..='9' | '+' | '-') => self.number(),
            _ => {
                let start = self.at;
                let word = self.take_while(|c| c.is_ascii_alphabetic());
                if word.eq_ignore_ascii_case("true") {
                    Ok(CimValue::Boolean(true))
                } else if word.eq_ignore_ascii_case("false") {
                    Ok(CimValue::Boolean(false))
                } else if word.eq_ignore_ascii_case("null") {
                    Ok(CimValue::Null)
                } else {
                    Err(Error::path(start, "a value"))
                }
            }
        }
    }

    fn number(&mut self) -> Result<CimValue, Error> {
        let start = self.at;
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-');
        crate::text::parse_integer(text)
            .and_then(|n| integer_value(if n < 0 { CimType::SInt64 } else { CimType::UInt64 }, n))
            .ok_or(Error::path(start, "an integer"))
    }

    /// A quoted string; a backslash takes the special meaning from quotes and backslashes.
    fn string(&mut self, quote: char) -> Result<String, Error> {
        let start = self.at;
        self.accept(quote);
        let mut value = String::new();
        loop {
            value.push_str(self.take_while(|c| c != quote && c != '\\'));
            if self.accept(quote) {
                return Ok(value);
            }
            if !self.accept('\\') {
                return Err(Error::path(start, "a string with a closing quote"));
            }
            match self.peek() {
                Some(c @ ('\\' | '"' | '\'')) => {
                    self.accept(c);
                    value.push(c);
                }
                _ => value.push('\\'),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ObjectPath {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_form() {
        let full = path(r#"\\SRV-1\ROOT\cimv2:Win32_LogicalDisk.DeviceID="C:""#);
        assert_eq!(full.server.as_deref(), Some("SRV-1"));
        assert_eq!(full.namespace, Some("root/cimv2".into()));
        assert_eq!(full.key("deviceid"), Some(&"C:".into()));
        assert_eq!(path("//./root/cimv2:A").server.as_deref(), Some("."));
        assert_eq!(path("root/cimv2:A").keys, Keys::Class);
        assert_eq!(path("/root/cimv2:A").namespace, Some("root/cimv2".into()));
        assert_eq!(path("A=@").keys, Keys::Singleton);
        assert_eq!(path("A='x'").bindings().first().unwrap().name.as_str(), "");
        let keys = path(r#"A.a=TRUE, b=-5,c=18446744073709551615,d="q\"uo\\te",e=null"#);
        let values: Vec<_> = keys.bindings().iter().map(|b| b.value.clone()).collect();
        let expected: [CimValue; 5] =
            [true.into(), (-5_i64).into(), u64::MAX.into(), r#"q"uo\te"#.into(), CimValue::Null];
        assert_eq!(values, expected);
        let nested = path(r#"G.Element="\\\\S\\root:P.Name=\"x\"",Group="a:b=c""#);
        assert_eq!(nested.key("Element"), Some(&r#"\\S\root:P.Name="x""#.into()));
    }

    #[test]
    fn bad_paths_say_where() {
        for (text, at) in [
            ("", 0),
            ("1A", 0),
            ("A.", 2),
            ("A.b", 3),
            ("A.b=", 4),
            ("A.b=\"x", 4),
            ("A.b=1x", 4),
            ("A.b=18446744073709551616", 4),
            ("A.b=1,B=2", 6),
            ("A.b=1;", 5),
            ("A=@x", 3),
            (r"\\", 2),
            (r"\\srv", 5),
            (r"\\srv\root", 10),
            (r"\\\srv\root:A", 2),
            ("root//x:A", 0),
            (":A", 0),
        ] {
            let error = text.parse::<ObjectPath>().unwrap_err().to_string();
            assert!(error.contains(&format!("position {at}:")), "{text}: {error}");
        }
    }

    #[test]
    fn limits_hold() {
        let many = (0..300).map(|i| format!("k{i}=1")).collect::<Vec<_>>().join(",");
        assert!(format!("A.{many}").parse::<ObjectPath>().is_err());
        assert!("A".repeat(70_000).parse::<ObjectPath>().is_err());
    }

    #[test]
    fn namespace_paths() {
        let (server, namespace) = parse_namespace_path(r"\\srv\root\cimv2").unwrap();
        assert_eq!((server.as_deref(), namespace.as_str()), (Some("srv"), "root/cimv2"));
        assert_eq!(parse_namespace_path("root/x").unwrap().1.as_str(), "root/x");
        for bad in ["", "root/x:A", r"\\srv", "root//x"] {
            assert!(parse_namespace_path(bad).is_err(), "{bad}");
        }
    }
}
