//! Numbers, GUIDs and bytes in the spellings that .NET reads.

use uuid::Uuid;

/// Removes the white space that `NumberStyles` allows, and the NUL characters it forgives at the
/// end.
fn trim(text: &str) -> &str {
    let white = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];
    text.trim_end_matches('\0').trim_matches(white)
}

/// Removes the white space of XML.
fn trim_xml(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// A signed integer; white space around it and a plus sign are accepted.
pub(crate) fn parse_i64(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(number) => Some(number),
        Err(_) => trim(text).parse().ok(),
    }
}

/// An unsigned integer; white space around it is accepted, a sign is not.
pub(crate) fn parse_u64(text: &str) -> Option<u64> {
    let text = trim(text);
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// A decimal number; white space around it is accepted.
pub(crate) fn parse_decimal(text: &str) -> Option<crate::Decimal> {
    crate::Decimal::parse(trim(text))
}

/// A boolean of XML Schema; white space around it is accepted.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" => return Some(true),
        "false" => return Some(false),
        _ => {}
    }
    match trim_xml(text) {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A double; too large is infinite, too small is zero.
pub(crate) fn parse_f64(text: &str) -> Option<f64> {
    match special(text) {
        Special::Number(text) => text.parse().ok(),
        Special::Infinity => Some(f64::INFINITY),
        Special::NegativeInfinity => Some(f64::NEG_INFINITY),
        // The NaN of .NET has its sign set.
        Special::Nan => Some(f64::from_bits(0xfff8_0000_0000_0000)),
        Special::Other => None,
    }
}

/// A single; too large is infinite, too small is zero.
pub(crate) fn parse_f32(text: &str) -> Option<f32> {
    match special(text) {
        Special::Number(text) => text.parse().ok(),
        Special::Infinity => Some(f32::INFINITY),
        Special::NegativeInfinity => Some(f32::NEG_INFINITY),
        Special::Nan => Some(f32::from_bits(0xffc0_0000)),
        Special::Other => None,
    }
}

enum Special<'a> {
    Number(&'a str),
    Infinity,
    NegativeInfinity,
    Nan,
    Other,
}

/// Tells numbers from the names of what is none: those of XML Schema in their case, those of .NET in
/// any.
fn special(text: &str) -> Special<'_> {
    let is_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b'e' | b'E');
    if !text.is_empty() && text.bytes().all(is_number) {
        return Special::Number(text);
    }
    let text = trim_xml(text);
    match text {
        "INF" => return Special::Infinity,
        "-INF" => return Special::NegativeInfinity,
        _ => {}
    }
    let text = trim(text);
    if !text.is_empty() && text.bytes().all(is_number) {
        return Special::Number(text);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match (text.starts_with('-'), unsigned) {
        (false, name) if name.eq_ignore_ascii_case("infinity") => Special::Infinity,
        (true, name) if name.eq_ignore_ascii_case("infinity") => Special::NegativeInfinity,
        (_, name) if name.eq_ignore_ascii_case("nan") => Special::Nan,
        _ => Special::Other,
    }
}

/// A GUID in one of the five spellings of .NET.
pub(crate) fn parse_guid(text: &str) -> Option<Uuid> {
    let text = text.trim();
    match text.len() {
        32 => hex_guid(text),
        36 => dashed_guid(text),
        38 => match text.get(..1)? {
            "{" => dashed_guid(text.strip_prefix('{')?.strip_suffix('}')?),
            _ => dashed_guid(text.strip_prefix('(')?.strip_suffix(')')?),
        },
        _ => listed_guid(text),
    }
}

fn hex_guid(text: &str) -> Option<Uuid> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(Uuid::from_u128)
}

fn dashed_guid(text: &str) -> Option<Uuid> {
    let mut digits = String::with_capacity(32);
    for (index, byte) in text.bytes().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
        } else {
            digits.push(char::from(byte));
        }
    }
    hex_guid(&digits)
}

/// `{0x01234567,0x89ab,0xcdef,{0x01,0x23,...}}`
fn listed_guid(text: &str) -> Option<Uuid> {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let (head, tail) = text.strip_prefix('{')?.strip_suffix("}}")?.split_once(",{")?;
    let mut head = head.split(',').map(hex_part);
    let (first, second, third) = (head.next()??, head.next()??, head.next()??);
    let tail = tail.split(',').map(|part| u8::try_from(hex_part(part)?).ok()).collect::<Option<Vec<u8>>>()?;
    let tail = <[u8; 8]>::try_from(tail).ok()?;
    if head.next().is_some() {
        return None;
    }
    Some(Uuid::from_fields(first, u16::try_from(second).ok()?, u16::try_from(third).ok()?, &tail))
}

fn hex_part(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    if digits.starts_with('+') { None } else { u32::from_str_radix(digits, 16).ok() }
}

/// Base64; white space may stand anywhere in it.
pub(crate) fn parse_base64(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(text) {
        return Some(bytes);
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).collect();
    let unpadded = digits.strip_suffix(b"==").or_else(|| digits.strip_suffix(b"=")).unwrap_or(&digits);
    if !digits.len().is_multiple_of(4) || unpadded.is_empty() != digits.is_empty() || unpadded.contains(&b'=')
    {
        return None;
    }
    base64_simd::forgiving_decode_to_vec(unpadded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_allow_what_dotnet_allows() {
        for (text, value) in [("7", 7), (" +7\t", 7), ("-0", 0), ("007", 7), ("7\0\0", 7)] {
            assert_eq!(parse_i64(text), Some(value), "{text}");
        }
        for text in ["", "+", "1e3", "0x1", "7 7", "9223372036854775808"] {
            assert_eq!(parse_i64(text), None, "{text}");
        }
        assert_eq!(parse_u64(" 7 "), Some(7));
        assert_eq!(parse_u64("+7"), None);
        assert_eq!(parse_u64("-0"), None);
    }

    #[test]
    fn floats_have_names_for_what_is_no_number() {
        assert_eq!(parse_f64("INF"), Some(f64::INFINITY));
        assert_eq!(parse_f64(" -infinity "), Some(f64::NEG_INFINITY));
        assert_eq!(parse_f64("+NaN").map(f64::to_bits), Some(0xfff8_0000_0000_0000));
        assert_eq!(parse_f32("3.5e38"), Some(f32::INFINITY));
        assert_eq!(parse_f64("-0").map(f64::to_bits), Some(1 << 63));
        for text in ["", ".", "1e", "0x1", "1,5", "inf", "--1", "e5"] {
            assert_eq!(parse_f64(text), None, "{text}");
        }
    }

    #[test]
    fn guids_have_five_spellings() {
        let guid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        for text in [
            "01234567-89ab-cdef-0123-456789abcdef",
            " {01234567-89AB-cdef-0123-456789abcdef} ",
            "(01234567-89ab-cdef-0123-456789abcdef)",
            "0123456789abcdef0123456789abcdef",
            "{0x01234567, 0x89ab,0xcdef,{0x01,0x23,0x45,0x67,0x89,0xab,0xcd,0xef}}",
        ] {
            assert_eq!(parse_guid(text), Some(guid), "{text}");
        }
        for text in
            ["", "zz", "{01234567-89ab-cdef-0123-456789abcdef)", "01234567+89ab-cdef-0123-456789abcdef"]
        {
            assert_eq!(parse_guid(text), None, "{text}");
        }
    }

    #[test]
    fn base64_allows_white_space_and_needs_padding() {
        assert_eq!(parse_base64("AAEC\n"), Some(vec![0, 1, 2]));
        assert_eq!(parse_base64(" A A E = "), Some(vec![0, 1]));
        assert_eq!(parse_base64(""), Some(Vec::new()));
        assert_eq!(parse_base64("AAF="), Some(vec![0, 1]));
        for text in ["AA", "====", "*", "=AAA", "A===", "AA=A", "AA =="] {
            let expected = (text == "AA ==").then(|| vec![0]);
            assert_eq!(parse_base64(text), expected, "{text}");
        }
    }
}
