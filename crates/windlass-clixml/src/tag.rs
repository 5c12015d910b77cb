//! The elements of CLIXML by name.

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

impl Kind {
    pub(crate) fn of(local: &[u8]) -> Self {
        let primitive = match local {
            b"S" => Primitive::String,
            b"I32" => Primitive::I32,
            b"I64" => Primitive::I64,
            b"B" => Primitive::Bool,
            b"C" => Primitive::Char,
            b"D" => Primitive::Decimal,
            b"G" => Primitive::Guid,
            b"DT" => Primitive::DateTime,
            b"TS" => Primitive::TimeSpan,
            b"Db" => Primitive::F64,
            b"Sg" => Primitive::F32,
            b"By" => Primitive::U8,
            b"SB" => Primitive::I8,
            b"BA" => Primitive::Bytes,
            b"XD" => Primitive::Xml,
            b"SS" => Primitive::SecureString,
            b"U16" => Primitive::U16,
            b"I16" => Primitive::I16,
            b"U32" => Primitive::U32,
            b"U64" => Primitive::U64,
            b"URI" => Primitive::Uri,
            b"SBK" => Primitive::ScriptBlock,
            b"Version" => Primitive::Version,
            b"T" => return Self::TypeName,
            b"TN" => return Self::TypeNames,
            b"MS" => return Self::Members,
            b"En" => return Self::Entry,
            b"IE" => return Self::Enumerable,
            b"PR" => return Self::Progress,
            b"Nil" => return Self::Null,
            b"Obj" => return Self::Object,
            b"Ref" => return Self::Reference,
            b"LST" => return Self::List,
            b"STK" => return Self::Stack,
            b"QUE" => return Self::Queue,
            b"DCT" => return Self::Dictionary,
            b"Objs" => return Self::Root,
            b"Props" => return Self::Adapted,
            b"TNRef" => return Self::TypeNamesReference,
            b"ToString" => return Self::ToString,
            _ => return Self::Other,
        };
        Self::Primitive(primitive)
    }
}

impl Primitive {
    /// The name of the element.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::String => "S",
            Self::Char => "C",
            Self::Bool => "B",
            Self::DateTime => "DT",
            Self::TimeSpan => "TS",
            Self::U8 => "By",
            Self::I8 => "SB",
            Self::U16 => "U16",
            Self::I16 => "I16",
            Self::U32 => "U32",
            Self::I32 => "I32",
            Self::U64 => "U64",
            Self::I64 => "I64",
            Self::F32 => "Sg",
            Self::F64 => "Db",
            Self::Decimal => "D",
            Self::Bytes => "BA",
            Self::Guid => "G",
            Self::Uri => "URI",
            Self::Version => "Version",
            Self::Xml => "XD",
            Self::ScriptBlock => "SBK",
            Self::SecureString => "SS",
        }
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
