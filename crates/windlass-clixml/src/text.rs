//! Character data: references, CDATA sections, line ends.

use crate::error::Error;
use crate::run::{self, Classes, PLAIN};
use crate::string::Units;

/// The value of an attribute as it stands in the document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) text: &'a str,
    pub(crate) written: Written,
}

/// What has to be done to an attribute to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing.
    Plain,
    /// It has an underscore, which may start an escape of CLIXML.
    Underscore,
    /// It has references or white space that changes.
    References,
}

/// The characters of an attribute, references replaced and white space normalised.
pub(crate) fn attribute_characters(raw: Raw<'_>, offset: usize) -> Result<Characters<'_>, Error> {
    match raw.written {
        Written::Plain => Ok(Characters::Plain(raw.text)),
        Written::Underscore => Ok(Characters::Borrowed(raw.text)),
        Written::References => read_attribute(raw.text, offset),
    }
}

/// Characters as a .NET reader would give them.
#[derive(Debug)]
pub(crate) enum Characters<'a> {
    /// As they stand in the document, without any escape of CLIXML.
    Plain(&'a str),
    /// As they stand in the document.
    Borrowed(&'a str),
    /// With something replaced.
    Owned(String),
    /// With surrogates that stand alone.
    Wide(Vec<u16>),
}

impl Characters<'_> {
    /// The text, which no number or date is where it has lone surrogates.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Borrowed(text) => text,
            Self::Owned(text) => text,
            Self::Wide(_) => "\u{fffd}",
        }
    }
}

/// Stands for itself in XML, and may start an escape of CLIXML.
pub(crate) const UNDERSCORE: u8 = 1;
/// Ends an attribute.
pub(crate) const QUOTE: u8 = 2;
/// Stands for itself unless it is of `]]>`.
pub(crate) const BRACKET: u8 = 3;
/// Tab and line feed, which attributes change to blanks.
const WHITE: u8 = 4;
/// Starts a tag.
pub(crate) const LESS: u8 = 5;
const AMPERSAND: u8 = 6;
const RETURN: u8 = 7;
/// May be the first byte of U+FFFE or U+FFFF.
const LAST: u8 = 8;
pub(crate) const FORBIDDEN: u8 = 9;

const CLASSES: Classes = {
    let mut classes = [PLAIN; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte = 0_u8;
    while let Some((class, after)) = rest.split_first_mut() {
        *class = match byte {
            b'_' => UNDERSCORE,
            b'"' | b'\'' => QUOTE,
            b']' => BRACKET,
            b'\t' | b'\n' => WHITE,
            b'<' => LESS,
            b'&' => AMPERSAND,
            b'\r' => RETURN,
            0xef => LAST,
            0..=0x1f => FORBIDDEN,
            _ => PLAIN,
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    classes
};

/// What a byte is to a reader of text.
pub(crate) fn class(byte: u8) -> u8 {
    run::class(&CLASSES, byte)
}

/// The text before an end tag, where all of it stands for itself and no escape of CLIXML is in it.
#[inline]
pub(crate) fn plain(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut length = plain_run(bytes);
    while let Some([stop, rest @ ..]) = bytes.get(length..) {
        match (stop, rest) {
            (b']', [b']', b'>', ..]) | (b'_', [b'x' | b'X', ..]) => return None,
            (b']' | b'_', _) => length += 1 + plain_run(rest),
            _ => break,
        }
    }
    let (plain, rest) = text.split_at_checked(length)?;
    rest.starts_with("</").then_some(plain)
}

/// Reads character data up to the bracket of the next tag; gives the number of bytes it took. `offset` is
/// where `text` starts.
pub(crate) fn read_text(text: &str, offset: usize) -> Result<(Characters<'_>, usize), Error> {
    let (length, underscore) = plain_length(text, offset)?;
    let plain = text.get(..length).unwrap_or_default();
    match text.as_bytes().get(length..) {
        Some([b'<', next, ..]) if !matches!(next, b'!' | b'?') => {
            Ok((if underscore { Characters::Borrowed(plain) } else { Characters::Plain(plain) }, length))
        }
        None | Some([]) => Err(Error::syntax("unexpected end", offset + length)),
        _ => read_pieces(text, length, offset),
    }
}

/// Reads character data that is plain only up to a place.
fn read_pieces(text: &str, plain: usize, offset: usize) -> Result<(Characters<'_>, usize), Error> {
    let likely = memchr::memchr(b'<', text.as_bytes()).unwrap_or_default();
    let mut reader = Reader { text, at: 0, offset, units: Units::with_capacity(likely) };
    reader.plain(plain);
    while reader.piece()? {}
    let at = reader.at;
    Ok((reader.units.into_parts().map_or_else(Characters::Wide, Characters::Owned), at))
}

/// Reads the text between the quotes of an attribute.
fn read_attribute(text: &str, offset: usize) -> Result<Characters<'_>, Error> {
    let mut reader = Reader { text, at: 0, offset, units: Units::with_capacity(text.len()) };
    while let Some(byte) = text.as_bytes().get(reader.at) {
        match byte {
            b'&' => reader.reference()?,
            b'\r' => {
                reader.at += if reader.rest().starts_with("\r\n") { 2 } else { 1 };
                reader.units.push_str(" ");
            }
            b'\t' | b'\n' => {
                reader.at += 1;
                reader.units.push_str(" ");
            }
            _ => {
                let rest = reader.rest();
                let length = rest.find(['&', '\r', '\n', '\t']).unwrap_or(rest.len());
                if rest.get(..length).is_some_and(|part| part.contains(['\u{fffe}', '\u{ffff}'])) {
                    return Err(Error::syntax("a character that XML does not allow", offset));
                }
                reader.plain(length);
            }
        }
    }
    Ok(reader.units.into_parts().map_or_else(Characters::Wide, Characters::Owned))
}

/// How many bytes from the start stand for themselves, and whether an underscore is among them.
fn plain_length(text: &str, offset: usize) -> Result<(usize, bool), Error> {
    let bytes = text.as_bytes();
    let mut underscore = false;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = plain_run(rest);
        at += run;
        match rest.get(run..).unwrap_or_default() {
            [b']', b']', b'>', ..] => return Err(Error::syntax("']]>' in text", offset + at)),
            [0xef, 0xbf, 0xbe | 0xbf, ..] => {
                return Err(Error::syntax("a character that XML does not allow", offset + at));
            }
            [] => return Ok((at, underscore)),
            [byte, ..] => match class(*byte) {
                LESS | AMPERSAND | RETURN => return Ok((at, underscore)),
                FORBIDDEN => return Err(Error::syntax("a character that XML does not allow", offset + at)),
                class => underscore |= class == UNDERSCORE,
            },
        }
        at += 1;
    }
}

/// The length of the run of plain bytes at the start; quotes in it are plain too.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    run::plain_run(bytes, &CLASSES, |byte| {
        (byte < 0x20) | (byte == b'<') | (byte == b'&') | (byte == b']') | (byte == b'_') | (byte == 0xef)
    })
}

/// The same between quotes, of which it stops at any.
#[inline]
pub(crate) fn attribute_run(bytes: &[u8]) -> usize {
    run::plain_run(bytes, &CLASSES, |byte| {
        (byte < 0x20)
            | (byte == b'<')
            | (byte == b'&')
            | (byte == b'_')
            | (byte == b'"')
            | (byte == b'\'')
            | (byte == 0xef)
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    offset: usize,
    units: Units,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads what stops a run of plain text and the run after it; says whether there may be more.
    fn piece(&mut self) -> Result<bool, Error> {
        let rest = self.rest();
        if rest.is_empty() {
            return Err(self.syntax("unexpected end"));
        } else if rest.starts_with('&') {
            self.reference()?;
        } else if rest.starts_with('\r') {
            self.at += if rest.starts_with("\r\n") { 2 } else { 1 };
            self.units.push_str("\n");
        } else if rest.starts_with("<!--") {
            let length = rest
                .get(4..)
                .and_then(|rest| rest.find("--"))
                .ok_or_else(|| self.syntax("a comment is not closed"))?;
            if !rest.get(4 + length..).is_some_and(|end| end.starts_with("-->")) {
                return Err(self.syntax("'--' in a comment"));
            }
            self.allowed(4, length)?;
            self.at += length + 7;
        } else if rest.starts_with("<![CDATA[") {
            let length = rest
                .get(9..)
                .and_then(|rest| rest.find("]]>"))
                .ok_or_else(|| self.syntax("a CDATA section is not closed"))?;
            self.allowed(9, length)?;
            let inner = rest.get(9..9 + length).unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
            self.units.push_str(&inner);
            self.at += length + 12;
        } else if rest.starts_with("<?") {
            let length =
                rest.find("?>").ok_or_else(|| self.syntax("a processing instruction is not closed"))?;
            let target = rest.get(2..length).unwrap_or_default();
            let name = target.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
            if name.is_empty() || name.eq_ignore_ascii_case("xml") {
                return Err(self.syntax("a processing instruction with a reserved name"));
            }
            self.allowed(2, length - 2)?;
            self.at += length + 2;
        } else if rest.starts_with("<!") {
            return Err(self.syntax("a declaration in content"));
        } else {
            return Ok(false);
        }
        let (length, _) = plain_length(self.rest(), self.offset + self.at)?;
        self.plain(length);
        Ok(true)
    }

    fn plain(&mut self, length: usize) {
        let part = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.units.push_str(part);
        self.at += length;
    }

    fn allowed(&self, from: usize, length: usize) -> Result<(), Error> {
        let part = self.rest().get(from..from + length).unwrap_or_default();
        if part.contains(['\u{fffe}', '\u{ffff}']) || part.bytes().any(|byte| class(byte) == FORBIDDEN) {
            return Err(self.syntax("a character that XML does not allow"));
        }
        Ok(())
    }

    /// Reads one of the five entities or a reference to any code point, surrogates included.
    fn reference(&mut self) -> Result<(), Error> {
        let rest = self.rest();
        let window = rest.as_bytes().get(1..).unwrap_or_default();
        let length = window.iter().take(64).position(|byte| *byte == b';');
        let name = length
            .and_then(|length| rest.get(1..=length))
            .ok_or_else(|| self.syntax("a reference is not closed"))?;
        let named = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        };
        let length = name.len() + 2;
        match named {
            Some(character) => self.units.push_char(character),
            None => {
                let Some(digits) = name.strip_prefix('#') else {
                    return Err(Error::Forbidden { what: "an entity", offset: self.offset + self.at });
                };
                let number = match digits.strip_prefix('x') {
                    Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                        u32::from_str_radix(hex, 16).ok()
                    }
                    None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
                    _ => None,
                };
                match (number.and_then(char::from_u32), number.map(u16::try_from)) {
                    (Some(character), _) => self.units.push_char(character),
                    (None, Some(Ok(unit))) => self.units.push_unit(unit),
                    _ => return Err(self.syntax("a character reference to no character")),
                }
            }
        }
        self.at += length;
        Ok(())
    }

    fn syntax(&self, what: &'static str) -> Error {
        Error::syntax(what, self.offset + self.at)
    }
}
