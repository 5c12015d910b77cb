//! What parameters take.

/// What a parameter takes, by the names that PowerShell prints in its syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `-Name` alone, true or false.
    Switch,
    /// One value.
    One(Scalar),
    /// Several values, or one.
    Many(Scalar),
}

/// A type of single values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of .NET types")]
pub enum Scalar {
    Object,
    PsObject,
    String,
    Bool,
    Int32,
    Int64,
    UInt32,
    Double,
    DateTime,
    TimeSpan,
    ScriptBlock,
    Hashtable,
    /// One of these names; the number is that of the wire.
    Enum(&'static Names),
}

/// An enumeration: its type and its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// The full name of the type.
    pub type_name: &'static str,
    /// Names and numbers.
    pub values: &'static [(&'static str, i32)],
}

impl Names {
    /// The value of this name (in any case), or of a unique beginning of it, or of this number.
    pub fn parse(&self, text: &str) -> Option<(&'static str, i32)> {
        let exact = |(name, _): &&(&str, i32)| name.eq_ignore_ascii_case(text);
        if let Some(found) = self.values.iter().find(exact) {
            return Some(*found);
        }
        if let Ok(number) = text.parse::<i32>() {
            return self.from_code(number);
        }
        let mut begun = self.values.iter().filter(|(name, _)| {
            let begin = name.get(..text.len());
            !text.is_empty() && begin.is_some_and(|begin| begin.eq_ignore_ascii_case(text))
        });
        let first = begun.next()?;
        if begun.next().is_some() { None } else { Some(*first) }
    }

    /// The value with this number.
    pub fn from_code(&self, code: i32) -> Option<(&'static str, i32)> {
        self.values.iter().find(|(_, number)| *number == code).copied()
    }

    /// All names, parted by commas.
    pub fn list(&self) -> String {
        self.values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Kind {
    /// The kind that PowerShell prints like this, without the angle brackets.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix("[]") {
            Some(item) => Scalar::parse(item).map(Self::Many),
            None => Scalar::parse(text).map(Self::One),
        }
    }

    /// The full name of the .NET type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Switch => "System.Management.Automation.SwitchParameter",
            Self::One(scalar) => scalar.type_name(),
            Self::Many(scalar) => scalar.array_type_name(),
        }
    }

    /// The type of its single values; a switch's are booleans.
    pub fn scalar(self) -> Scalar {
        match self {
            Self::Switch => Scalar::Bool,
            Self::One(scalar) | Self::Many(scalar) => scalar,
        }
    }
}

macro_rules! scalars {
    ($($variant:ident: $($text:literal)|+ => $name:literal, $array:literal;)*) => {
        impl Scalar {
            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($($text)|+ => Some(Self::$variant),)*
                    other => ENUMERATIONS.iter().find(|names| names.type_name.rsplit('.').next() == Some(other)).map(|names| Self::Enum(names)),
                }
            }

            /// The full name of the .NET type.
            pub fn type_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Enum(names) => names.type_name,
                }
            }

            fn array_type_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $array,)*
                    Self::Enum(names) => names.type_name,
                }
            }
        }
    };
}

scalars! {
    Object: "Object" => "System.Object", "System.Object[]";
    PsObject: "psobject" => "System.Management.Automation.PSObject", "System.Management.Automation.PSObject[]";
    String: "string" => "System.String", "System.String[]";
    Bool: "bool" => "System.Boolean", "System.Boolean[]";
    Int32: "int" => "System.Int32", "System.Int32[]";
    Int64: "long" => "System.Int64", "System.Int64[]";
    UInt32: "uint" => "System.UInt32", "System.UInt32[]";
    Double: "double" => "System.Double", "System.Double[]";
    DateTime: "datetime" => "System.DateTime", "System.DateTime[]";
    TimeSpan: "timespan" => "System.TimeSpan", "System.TimeSpan[]";
    ScriptBlock: "scriptblock" => "System.Management.Automation.ScriptBlock", "System.Management.Automation.ScriptBlock[]";
    Hashtable: "hashtable" | "IDictionary" => "System.Collections.Hashtable", "System.Collections.Hashtable[]";
}

macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident = $type:literal { $($value:ident = $code:literal),* $(,)? })*) => {
        $($(#[$doc])* pub(crate) static $name: Names = Names { type_name: $type, values: &[$((stringify!($value), $code)),*] };)*
        static ENUMERATIONS: &[&Names] = &[$(&$name),*];
    };
}

enumerations! {
    /// What happens to a record.
    ACTION_PREFERENCE = "System.Management.Automation.ActionPreference" {
        SilentlyContinue = 0, Stop = 1, Continue = 2, Inquire = 3, Ignore = 4, Suspend = 5, Break = 6,
    }
    /// Categories of errors.
    ERROR_CATEGORY = "System.Management.Automation.ErrorCategory" {
        NotSpecified = 0, OpenError = 1, CloseError = 2, DeviceError = 3, DeadlockDetected = 4,
        InvalidArgument = 5, InvalidData = 6, InvalidOperation = 7, InvalidResult = 8, InvalidType = 9,
        MetadataError = 10, NotImplemented = 11, NotInstalled = 12, ObjectNotFound = 13,
        OperationStopped = 14, OperationTimeout = 15, SyntaxError = 16, ParserError = 17,
        PermissionDenied = 18, ResourceBusy = 19, ResourceExists = 20, ResourceUnavailable = 21,
        ReadError = 22, WriteError = 23, FromStdErr = 24, SecurityError = 25, ProtocolError = 26,
        ConnectionError = 27, AuthenticationError = 28, LimitsExceeded = 29, QuotaExceeded = 30,
        NotEnabled = 31,
    }
    /// Colours of a console.
    CONSOLE_COLOR = "System.ConsoleColor" {
        Black = 0, DarkBlue = 1, DarkGreen = 2, DarkCyan = 3, DarkRed = 4, DarkMagenta = 5,
        DarkYellow = 6, Gray = 7, DarkGray = 8, Blue = 9, Green = 10, Cyan = 11, Red = 12, Magenta = 13,
        Yellow = 14, White = 15,
    }
    /// Kinds of commands.
    COMMAND_TYPES = "System.Management.Automation.CommandTypes" {
        Alias = 1, Function = 2, Filter = 4, Cmdlet = 8, ExternalScript = 16, Application = 32,
        Script = 64, Configuration = 256, All = 383,
    }
    /// What of a point in time is shown.
    DISPLAY_HINT = "Microsoft.PowerShell.Commands.DisplayHintType" { Date = 0, Time = 1, DateTime = 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole_begun_or_by_number() {
        assert_eq!(CONSOLE_COLOR.parse("red"), Some(("Red", 12)));
        assert_eq!(CONSOLE_COLOR.parse("DarkR"), Some(("DarkRed", 4)));
        assert_eq!(CONSOLE_COLOR.parse("Dark"), None);
        assert_eq!(CONSOLE_COLOR.parse("3"), Some(("DarkCyan", 3)));
        assert_eq!(CONSOLE_COLOR.parse(""), None);
    }

    #[test]
    fn kinds_are_read_as_printed() {
        assert_eq!(Kind::parse("string[]"), Some(Kind::Many(Scalar::String)));
        assert_eq!(Kind::parse("ErrorCategory"), Some(Kind::One(Scalar::Enum(&ERROR_CATEGORY))));
        assert_eq!(Kind::parse("nosuch"), None);
    }
}
