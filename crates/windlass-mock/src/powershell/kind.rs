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
    Dictionary,
    UInt64,
    Char,
    Uri,
    Guid,
    Culture,
    /// A user's name and password, or a name alone.
    Credential,
    /// An object of this type, as some other command makes it.
    Typed(&'static TypeFacts),
    /// One of these names; the number is that of the wire.
    Enum(&'static Names),
}

/// A type whose objects are made by commands only.
#[derive(Debug, PartialEq, Eq)]
pub struct TypeFacts {
    /// As PowerShell prints it in its syntax.
    pub short: &'static str,
    /// The full name of the .NET type.
    pub type_name: &'static str,
    /// The full name of an array of it.
    pub array_type_name: &'static str,
    /// Whether a hash table will do instead of an object.
    pub from_table: bool,
}

/// An enumeration: its type and its values.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// The full name of the type.
    pub type_name: &'static str,
    /// Names and numbers.
    pub values: &'static [(&'static str, i32)],
    /// Values that are taken besides, which PowerShell does not have.
    own: &'static [(&'static str, i32)],
}

impl Names {
    /// The value of this name (in any case), or of a unique beginning of it, or of this number.
    pub fn parse(&self, text: &str) -> Option<(&'static str, i32)> {
        let exact = |(name, _): &&(&str, i32)| name.eq_ignore_ascii_case(text);
        if let Some(found) = self.values.iter().chain(self.own).find(exact) {
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
        self.values.iter().chain(self.own).find(|(_, number)| *number == code).copied()
    }

    /// All names, parted by commas.
    pub fn list(&self) -> String {
        self.values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }
}

impl Kind {
    /// The kind that PowerShell prints like this, without the angle brackets.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "switch" {
            return Some(Self::Switch);
        }
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

    /// As PowerShell prints it in its syntax; empty for a switch.
    pub fn short_name(self) -> String {
        match self {
            Self::Switch => String::new(),
            Self::One(scalar) => scalar.short_name().to_owned(),
            Self::Many(scalar) => format!("{}[]", scalar.short_name()),
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
    ($($variant:ident: $first:literal $(| $text:literal)* => $name:literal, $array:literal;)*) => {
        impl Scalar {
            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($first $(| $text)* => Some(Self::$variant),)*
                    other => named(other),
                }
            }

            /// As PowerShell prints it in its syntax.
            pub fn short_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $first,)*
                    Self::Typed(facts) => facts.short,
                    Self::Enum(names) => names.type_name.rsplit(['.', '+']).next().unwrap_or_default(),
                }
            }

            /// The full name of the .NET type.
            pub fn type_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Typed(facts) => facts.type_name,
                    Self::Enum(names) => names.type_name,
                }
            }

            fn array_type_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $array,)*
                    Self::Typed(facts) => facts.array_type_name,
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
    Dictionary: "IDictionary" => "System.Collections.IDictionary", "System.Collections.IDictionary[]";
    UInt64: "ulong" => "System.UInt64", "System.UInt64[]";
    Char: "char" => "System.Char", "System.Char[]";
    Uri: "uri" => "System.Uri", "System.Uri[]";
    Guid: "guid" => "System.Guid", "System.Guid[]";
    Culture: "cultureinfo" => "System.Globalization.CultureInfo", "System.Globalization.CultureInfo[]";
    Credential: "pscredential" => "System.Management.Automation.PSCredential", "System.Management.Automation.PSCredential[]";
    Hashtable: "hashtable" => "System.Collections.Hashtable", "System.Collections.Hashtable[]";
}

/// Types of objects and enumerations, by their full or their last name.
fn named(text: &str) -> Option<Scalar> {
    if let Some(facts) = TYPES.iter().find(|facts| facts.short == text) {
        return Some(Scalar::Typed(facts));
    }
    let is_it = |names: &&&Names| {
        names.type_name == text || names.type_name.rsplit('.').next().is_some_and(|last| last == text)
    };
    ENUMERATIONS.iter().find(is_it).map(|names| Scalar::Enum(names))
}

macro_rules! types {
    ($($short:literal = $name:literal $($table:ident)?;)*) => {
        static TYPES: &[TypeFacts] = &[$(TypeFacts {
            short: $short,
            type_name: $name,
            array_type_name: concat!($name, "[]"),
            from_table: false $(|| stringify!($table).len() > 0)?,
        }),*];
    };
}

types! {
    "PSSession" = "System.Management.Automation.Runspaces.PSSession";
    "PSSessionOption" = "System.Management.Automation.Remoting.PSSessionOption" table;
    "Job" = "System.Management.Automation.Job";
    "CimSession" = "Microsoft.Management.Infrastructure.CimSession";
    "CimSessionOptions" = "Microsoft.Management.Infrastructure.Options.CimSessionOptions";
    "CimInstance" = "Microsoft.Management.Infrastructure.CimInstance";
    "CimClass" = "Microsoft.Management.Infrastructure.CimClass";
    "SessionOption" = "Microsoft.WSMan.Management.SessionOption" table;
    "Encoding" = "System.Text.Encoding";
}

macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident = $type:literal { $($value:ident = $code:literal),* $(,)? }
        $(+ { $($own:ident = $number:literal),* })?)*) => {
        $($(#[$doc])* pub(crate) static $name: Names = Names {
            type_name: $type,
            values: &[$((stringify!($value), $code)),*],
            own: &[$($((stringify!($own), $number)),*)?],
        };)*
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
    /// How a PSSession's user is authenticated.
    AUTHENTICATION_MECHANISM = "System.Management.Automation.Runspaces.AuthenticationMechanism" {
        Default = 0, Basic = 1, Negotiate = 2, NegotiateWithImplicitCredential = 3, Credssp = 4,
        Digest = 5, Kerberos = 6,
    } + { Ntlm = 7 }
    /// How the user of a WS-Man request is authenticated.
    WSMAN_AUTHENTICATION = "Microsoft.WSMan.Management.AuthenticationMechanism" {
        None = 0, Default = 1, Digest = 2, Negotiate = 4, Basic = 8, Kerberos = 16,
        ClientCertificate = 32, Credssp = 128,
    }
    /// How a CIM session's user is authenticated.
    CIM_AUTHENTICATION = "Microsoft.Management.Infrastructure.Options.PasswordAuthenticationMechanism" {
        Default = 0, Digest = 1, Negotiate = 2, Basic = 3, Kerberos = 4, NtlmDomain = 5, CredSsp = 6,
    }
    /// Which sessions are got.
    SESSION_FILTER_STATE = "Microsoft.PowerShell.Commands.SessionFilterState" {
        All = 0, Opened = 1, Disconnected = 2, Closed = 3, Broken = 4,
    }
    /// Where received output goes.
    OUT_TARGET = "Microsoft.PowerShell.Commands.OutTarget" { Default = 0, Host = 1, Job = 2 }
    /// What becomes of output of a disconnected session.
    OUTPUT_BUFFERING_MODE = "System.Management.Automation.Runspaces.OutputBufferingMode" {
        None = 0, Drop = 1, Block = 2,
    }
    /// Where proxies come from.
    PROXY_ACCESS_TYPE = "System.Management.Automation.Remoting.ProxyAccessType" {
        None = 0, IEConfig = 1, WinHttpConfig = 2, AutoDetect = 4, NoProxyServer = 8,
    }
    /// The state of a job.
    JOB_STATE = "System.Management.Automation.JobState" {
        NotStarted = 0, Running = 1, Completed = 2, Failed = 3, Stopped = 4, Blocked = 5, Suspended = 6,
        Disconnected = 7, Suspending = 8, Stopping = 9, AtBreakpoint = 10,
    }
    /// The protocol of a CIM session.
    CIM_PROTOCOL = "Microsoft.Management.Infrastructure.CimCmdlets.ProtocolType" {
        Default = 0, Dcom = 1, Wsman = 2,
    }
    /// The characters of envelopes.
    PACKET_ENCODING = "Microsoft.Management.Infrastructure.Options.PacketEncoding" {
        Default = 0, Utf8 = 1, Utf16 = 2,
    }
    /// Where a CIM session's proxy comes from.
    PROXY_TYPE = "Microsoft.Management.Infrastructure.Options.ProxyType" {
        None = 0, WinHttp = 1, Auto = 2, InternetExplorer = 3,
    }
    /// What a DCOM server may do as the client.
    IMPERSONATION_TYPE = "Microsoft.Management.Infrastructure.Options.ImpersonationType" {
        None = 0, Default = 1, Delegate = 2, Identify = 3, Impersonate = 4,
    }
    /// Which characters JSON escapes.
    STRING_ESCAPE_HANDLING = "Newtonsoft.Json.StringEscapeHandling" {
        Default = 0, EscapeNonAscii = 1, EscapeHtml = 2,
    }
    /// Which values of CSV stand in quotes.
    QUOTE_KIND = "Microsoft.PowerShell.Commands.BaseCsvWritingCommand+QuoteKind" {
        Never = 0, Always = 1, AsNeeded = 2,
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
