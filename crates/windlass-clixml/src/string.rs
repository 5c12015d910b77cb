//! Strings as .NET has them: UTF-16, lone surrogates allowed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use smol_str::SmolStr;

/// A string of PowerShell. It derefs to `str`; short ones are stored in place and clones are cheap.
///
/// .NET strings may hold surrogates without their other half. Those are kept: such a string shows
/// U+FFFD in their place as `str`, and [`PsString::units`] gives the code units as they are.
#[derive(Clone)]
pub struct PsString(Repr);

#[derive(Clone)]
enum Repr {
    Text(SmolStr),
    Wide(Arc<Wide>),
}

/// A string with lone surrogates.
struct Wide {
    lossy: SmolStr,
    units: Box<[u16]>,
}

impl PsString {
    /// A copy of `text`.
    pub fn new(text: &str) -> Self {
        Self(Repr::Text(SmolStr::new(text)))
    }

    /// A string constant; nothing is copied.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Text(SmolStr::new_static(text)))
    }

    /// From UTF-16 code units, lone surrogates kept.
    pub fn from_utf16(units: &[u16]) -> Self {
        match String::from_utf16(units) {
            Ok(text) => Self::from(text),
            Err(_) => Self(Repr::Wide(Arc::new(Wide {
                lossy: SmolStr::from(String::from_utf16_lossy(units)),
                units: units.into(),
            }))),
        }
    }

    /// The text; a lone surrogate shows as U+FFFD.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Text(text) => text,
            Repr::Wide(wide) => &wide.lossy,
        }
    }

    /// The text, unless it has lone surrogates.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            Repr::Wide(_) => None,
        }
    }

    /// Whether a surrogate stands without its other half, so that the text is not exact.
    pub fn has_lone_surrogate(&self) -> bool {
        matches!(self.0, Repr::Wide(_))
    }

    /// The UTF-16 code units.
    pub fn units(&self) -> impl Iterator<Item = u16> + '_ {
        let (text, wide) = match &self.0 {
            Repr::Text(text) => (text.as_str(), &[][..]),
            Repr::Wide(wide) => ("", wide.units.as_ref()),
        };
        text.encode_utf16().chain(wide.iter().copied())
    }
}

impl Default for PsString {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl Deref for PsString {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for PsString {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for PsString {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for PsString {
    fn from(text: String) -> Self {
        Self(Repr::Text(SmolStr::from(text)))
    }
}

impl From<&String> for PsString {
    fn from(text: &String) -> Self {
        Self::new(text)
    }
}

impl From<PsString> for String {
    fn from(text: PsString) -> Self {
        text.as_str().to_owned()
    }
}

impl fmt::Display for PsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for PsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => fmt::Debug::fmt(text.as_str(), f),
            Repr::Wide(wide) => write!(f, "{:04x?}", wide.units),
        }
    }
}

impl PartialEq for PsString {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Text(left), Repr::Text(right)) => left == right,
            (Repr::Wide(left), Repr::Wide(right)) => left.units == right.units,
            _ => false,
        }
    }
}

impl Eq for PsString {}

impl PartialEq<str> for PsString {
    fn eq(&self, other: &str) -> bool {
        matches!(&self.0, Repr::Text(text) if text == other)
    }
}

impl PartialEq<&str> for PsString {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl Hash for PsString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for PsString {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PsString {
    /// By UTF-16 code unit, as .NET's ordinal comparison.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.units().cmp(other.units())
    }
}

/// Builds a string from text and single code units, joining surrogates that meet.
#[derive(Debug, Default)]
pub(crate) struct Units {
    text: String,
    /// A high surrogate that waits for its other half.
    high: Option<u16>,
    /// All code units, once one was met that stays alone.
    wide: Option<Vec<u16>>,
}

impl Units {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), ..Self::default() }
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.settle();
        match &mut self.wide {
            Some(wide) => wide.extend(text.encode_utf16()),
            None => self.text.push_str(text),
        }
    }

    pub(crate) fn push_char(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn push_unit(&mut self, unit: u16) {
        if let Some(wide) = &mut self.wide {
            wide.push(unit);
            return;
        }
        if let Some(high) = self.high {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                self.high = None;
                self.text.push(character);
                return;
            }
            self.settle();
            return self.push_unit(unit);
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => self.text.push(character),
            None if unit < 0xdc00 => self.high = Some(unit),
            None => {
                let wide = self.widen();
                wide.push(unit);
            }
        }
    }

    /// The units, where there is a lone surrogate among them, or the text.
    pub(crate) fn into_parts(mut self) -> Result<String, Vec<u16>> {
        self.settle();
        match self.wide {
            Some(wide) => Err(wide),
            None => Ok(self.text),
        }
    }

    pub(crate) fn finish(self) -> PsString {
        match self.into_parts() {
            Ok(text) => PsString::from(text),
            Err(units) => PsString::from_utf16(&units),
        }
    }

    /// A high surrogate that nothing follows stays alone.
    fn settle(&mut self) {
        if let Some(high) = self.high.take() {
            self.widen().push(high);
        }
    }

    fn widen(&mut self) -> &mut Vec<u16> {
        let text = std::mem::take(&mut self.text);
        self.wide.get_or_insert_with(|| text.encode_utf16().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_kept_and_shown_as_replacement() {
        let text = PsString::from_utf16(&[0x61, 0xd83d, 0x62]);
        assert!(text.has_lone_surrogate());
        assert_eq!(text.as_str(), "a\u{fffd}b");
        assert_eq!(text.units().collect::<Vec<_>>(), [0x61, 0xd83d, 0x62]);
        assert_ne!(text, PsString::new("a\u{fffd}b"));
    }

    #[test]
    fn pairs_are_joined() {
        let text = PsString::from_utf16(&[0xd83d, 0xde00]);
        assert_eq!(text, "\u{1f600}");
        assert_eq!(text.units().count(), 2);
    }
}
