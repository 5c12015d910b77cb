//! The elements of CLIXML by name.

use crate::word::Word;

/// What an element is, by its local name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Null,
    Reference,
    TypeNames,
    TypeNamesReference,
    TypeName,
    ToString,
    Adapted,
    Members,
    List,
    Stack,
    Queue,
    Enumerable,
    Dictionary,
    Entry,
    Progress,
    Primitive(Primitive),
    Root,
    Other,
}

/// The simple types whose value is the text of their element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primitive {
    String,
    Char,
    Bool,
    DateTime,
    TimeSpan,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Decimal,
    Bytes,
    Guid,
    Uri,
    Version,
    Xml,
    ScriptBlock,
    SecureString,
}

/// The elements and the names that they have.
const NAMES: [(Kind, &str); 40] = [
    (Kind::Primitive(Primitive::String), "S"),
    (Kind::Primitive(Primitive::Char), "C"),
    (Kind::Primitive(Primitive::Bool), "B"),
    (Kind::Primitive(Primitive::DateTime), "DT"),
    (Kind::Primitive(Primitive::TimeSpan), "TS"),
    (Kind::Primitive(Primitive::U8), "By"),
    (Kind::Primitive(Primitive::I8), "SB"),
    (Kind::Primitive(Primitive::U16), "U16"),
    (Kind::Primitive(Primitive::I16), "I16"),
    (Kind::Primitive(Primitive::U32), "U32"),
    (Kind::Primitive(Primitive::I32), "I32"),
    (Kind::Primitive(Primitive::U64), "U64"),
    (Kind::Primitive(Primitive::I64), "I64"),
    (Kind::Primitive(Primitive::F32), "Sg"),
    (Kind::Primitive(Primitive::F64), "Db"),
    (Kind::Primitive(Primitive::Decimal), "D"),
    (Kind::Primitive(Primitive::Bytes), "BA"),
    (Kind::Primitive(Primitive::Guid), "G"),
    (Kind::Primitive(Primitive::Uri), "URI"),
    (Kind::Primitive(Primitive::Version), "Version"),
    (Kind::Primitive(Primitive::Xml), "XD"),
    (Kind::Primitive(Primitive::ScriptBlock), "SBK"),
    (Kind::Primitive(Primitive::SecureString), "SS"),
    (Kind::Object, "Obj"),
    (Kind::Null, "Nil"),
    (Kind::Reference, "Ref"),
    (Kind::TypeNames, "TN"),
    (Kind::TypeNamesReference, "TNRef"),
    (Kind::TypeName, "T"),
    (Kind::ToString, "ToString"),
    (Kind::Adapted, "Props"),
    (Kind::Members, "MS"),
    (Kind::List, "LST"),
    (Kind::Stack, "STK"),
    (Kind::Queue, "QUE"),
    (Kind::Enumerable, "IE"),
    (Kind::Dictionary, "DCT"),
    (Kind::Entry, "En"),
    (Kind::Progress, "PR"),
    (Kind::Root, "Objs"),
];

/// With this factor no two of the names have the same place in the table.
const FACTOR: u64 = 0xe2c3_d77e_8012_787d;

/// The elements at the places of their names.
static PLACES: [(Word, Kind); 128] = {
    let mut places = [(Word::NONE, Kind::Other); 128];
    let mut rest: &mut [_] = &mut places;
    let mut place = 0;
    while let Some((entry, after)) = rest.split_first_mut() {
        let mut names: &[_] = &NAMES;
        while let Some(((kind, name), others)) = names.split_first() {
            let word = Word::of(name.as_bytes());
            if word.place(FACTOR) == place {
                *entry = (word, *kind);
            }
            names = others;
        }
        rest = after;
        place += 1;
    }
    places
};

impl Kind {
    /// The element of that name.
    #[inline]
    pub(crate) fn of(name: Word) -> Self {
        let place = usize::try_from(name.place(FACTOR)).unwrap_or_default();
        match PLACES.get(place) {
            Some((known, kind)) if *known == name => *kind,
            _ => Self::Other,
        }
    }
}

impl Primitive {
    /// The name of the element.
    pub(crate) fn tag(self) -> &'static str {
        let mut names = NAMES.iter();
        names.find(|(kind, _)| *kind == Kind::Primitive(self)).map_or("", |(_, name)| *name)
    }

    /// The digits that stand before the next tag, how many and what number, where they are surely a
    /// value of this type: not where they may be too many, nor where there is anything else.
    #[inline]
    pub(crate) fn digits(self, content: &[u8]) -> Option<(usize, u64)> {
        let most = match self {
            Self::I64 | Self::U64 => 18,
            Self::I32 | Self::U32 => 9,
            Self::I16 | Self::U16 | Self::Char => 4,
            Self::I8 | Self::U8 => 2,
            _ => return None,
        };
        let mut number = 0_u64;
        for (length, byte) in content.iter().take(most + 1).enumerate() {
            match byte {
                b'0'..=b'9' => number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
                b'<' if length > 0 => return Some((length, number)),
                _ => return None,
            }
        }
        None
    }

    /// Whether the namespace of the element must be right: readers look at it where they decode
    /// escapes, and only there.
    pub(crate) fn needs_namespace(self) -> bool {
        matches!(self, Self::String | Self::ScriptBlock | Self::Uri | Self::Xml)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_is_found_by_its_name() {
        for (kind, name) in NAMES {
            assert_eq!(Kind::of(Word::of(name.as_bytes())), kind, "{name}");
        }
        for other in ["", "s", "Object", "ToStrings", "I3", "AV"] {
            assert_eq!(Kind::of(Word::of(other.as_bytes())), Kind::Other, "{other}");
        }
        assert_eq!(Kind::of(Word::NONE), Kind::Other);
    }
}
