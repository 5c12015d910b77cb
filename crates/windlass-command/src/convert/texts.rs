//! Conversions to types that have a text of their own: versions, GUIDs, URIs, cultures.

use std::fmt::Write;

use crate::number::Number;

use super::Value;

/// The text of a string or number: PowerShell goes by way of it for types that read texts.
fn source(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Two to four whole numbers with points between.
pub(super) fn version(value: &Value) -> Option<Vec<u32>> {
    if let Value::Version(parts) = value {
        return Some(parts.clone());
    }
    let text = source(value)?;
    let parts: Option<Vec<u32>> = text
        .split('.')
        .map(|part| {
            let part = part.trim();
            let digits = part.strip_prefix('+').unwrap_or(part);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            digits.parse::<u32>().ok().filter(|n| i32::try_from(*n).is_ok())
        })
        .collect();
    parts.filter(|parts| (2..=4).contains(&parts.len()))
}

pub(super) fn version_text(parts: &[u32]) -> String {
    let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
    parts.join(".")
}

/// 32 hexadecimal digits, alone, grouped by dashes, or grouped and in brackets.
pub(super) fn guid(value: &Value) -> Option<[u8; 16]> {
    if let Value::Guid(bytes) = value {
        return Some(*bytes);
    }
    let text = source(value)?;
    let text = text.trim();
    let inner = match (text.strip_prefix('{'), text.strip_prefix('(')) {
        (Some(inner), _) => inner.strip_suffix('}')?,
        (_, Some(inner)) => inner.strip_suffix(')')?,
        _ => text,
    };
    let grouped =
        inner.len() == 36 && [8, 13, 18, 23].iter().all(|at| inner.as_bytes().get(*at) == Some(&b'-'));
    let digits: String = if grouped {
        inner.chars().filter(|c| *c != '-').collect()
    } else if inner.len() == text.len() {
        inner.to_owned()
    } else {
        return hex_guid(inner);
    };
    bytes(&digits)
}

fn bytes(digits: &str) -> Option<[u8; 16]> {
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// The form `{0x..,0x..,0x..,{0x..,..}}`.
fn hex_guid(inner: &str) -> Option<[u8; 16]> {
    let plain: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
    let (head, tail) = plain.split_once(",{")?;
    let tail = tail.strip_suffix('}')?;
    let widths = [8, 4, 4].iter().chain(std::iter::repeat_n(&2, 8));
    let parts: Vec<&str> = head.split(',').chain(tail.split(',')).collect();
    if parts.len() != 11 || head.split(',').count() != 3 {
        return None;
    }
    let mut digits = String::new();
    for (part, width) in parts.iter().zip(widths) {
        let part = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"))?;
        if part.is_empty() || part.len() > *width {
            return None;
        }
        let _ = write!(digits, "{part:0>width$}", width = *width);
    }
    bytes(&digits)
}

pub(super) fn guid_text(bytes: &[u8; 16]) -> String {
    let digits = format!("{:032x}", u128::from_be_bytes(*bytes));
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Any text that is not an absolute URI with a bad host or port.
pub(super) fn uri(value: &Value) -> Option<String> {
    if let Value::Uri(text) = value {
        return Some(text.clone());
    }
    let text = source(value)?;
    let scheme = text.trim().split_once("://").filter(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if let Some((scheme, rest)) = scheme {
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let port = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
        let bad_port = port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err());
        let name = port.and_then(|port| host.strip_suffix(port)).map_or(host, |h| h.trim_end_matches(':'));
        let web = ["http", "https", "ws", "wss", "ftp"].iter().any(|s| scheme.eq_ignore_ascii_case(s));
        if bad_port || (web && name.is_empty()) || name.contains(char::is_whitespace) {
            return None;
        }
    }
    Some(text)
}

/// The name of a culture: subtags of letters and digits, the language first. Which cultures a
/// system knows is not asked; unknown ones are made up on the spot, as on systems without a list.
pub(super) fn culture(value: &Value) -> Option<String> {
    match value {
        Value::Culture(name) => Some(name.clone()),
        Value::String(name) => {
            let mut tags = name.split(['-', '_']);
            let language = tags.next().unwrap_or_default();
            let good = |tag: &str, least| {
                (least..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric())
            };
            let fits = name.is_empty() || (good(language, 2) && tags.all(|tag| good(tag, 1)));
            fits.then(|| name.clone())
        }
        // A Windows language identifier.
        Value::Number(Number::Int32(id)) => {
            let primary = id & 0x3ff;
            (*id > 0 && *id <= 0xffff && primary > 0 && primary < 0x94).then(|| format!("lcid-{id:x}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_in_all_their_forms() {
        let plain = "0123456789abcdef0123456789abcdef";
        let dashed = "01234567-89ab-cdef-0123-456789abcdef";
        let hex = "{0x01234567,0x89ab,0xcdef,{0x01,0x23,0x45,0x67,0x89,0xab,0xcd,0xef}}";
        let expected = guid(&plain.into());
        assert_eq!(expected.map(|b| guid_text(&b)).as_deref(), Some(dashed));
        for text in [dashed, &format!("{{{dashed}}}"), &format!("({dashed})"), &format!(" {dashed} "), hex] {
            assert_eq!(guid(&(*text).into()), expected, "{text}");
        }
        for text in [
            &format!("{{{plain}}}"),
            "{",
            "",
            &format!("({dashed}}}"),
            "01234567-89ab-cdef-0123456789abcdef0",
        ] {
            assert_eq!(guid(&(*text).into()), None, "{text}");
        }
    }

    #[test]
    fn uris_with_bad_authorities_are_refused() {
        for text in ["http://x:80/y", "a b", "", "http://[::1]:5985/wsman", "//x", "mailto:a@b"] {
            assert!(uri(&text.into()).is_some(), "{text}");
        }
        for text in ["http://", "http:///x", "http://x:99999/", "http://x:y/", "http://a b/"] {
            assert!(uri(&text.into()).is_none(), "{text}");
        }
    }
}
