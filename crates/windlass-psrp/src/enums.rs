//! Enumerations of .NET that travel in messages ([MS-PSRP] 2.2.3), as numbers with their names.

use std::fmt;

use windlass_clixml::{PsValue, ps_enum};

use crate::fields::{Fields, FromProperty};

macro_rules! enumerations {
    ($($(#[$doc:meta])* $name:ident = $type_name:literal { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Full name of the type in .NET.
            pub const TYPE_NAME: &'static str = $type_name;

            /// The number on the wire.
            pub const fn code(self) -> i32 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The value that a number stands for.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The name in .NET.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            fn from_name(name: &str) -> Option<Self> {
                [$(Self::$variant,)*].into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
            }
        }

        impl From<$name> for PsValue {
            fn from(value: $name) -> Self {
                ps_enum($name::TYPE_NAME, value.name(), value.code())
            }
        }

        impl FromProperty for $name {
            const EXPECTED: &'static str = $type_name;

            fn from_property(value: &PsValue) -> Option<Self> {
                match value.unwrapped() {
                    PsValue::String(name) => Self::from_name(name),
                    PsValue::I32(code) => Self::from_code(*code),
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )*};
}

enumerations! {
    /// [MS-PSRP] 2.2.3.6: which thread runs a pipeline.
    ThreadOptions = "System.Management.Automation.Runspaces.PSThreadOptions" {
        /// As the server is set up.
        Default = 0,
        /// A new one for every pipeline.
        UseNewThread = 1,
        /// One for all pipelines of a runspace.
        ReuseThread = 2,
        /// The caller's.
        UseCurrentThread = 3,
    }
    /// [MS-PSRP] 2.2.3.7: the COM apartment of that thread.
    ApartmentState = "System.Threading.ApartmentState" {
        /// Single-threaded.
        STA = 0,
        /// Multi-threaded.
        MTA = 1,
        /// As the server is set up.
        Unknown = 2,
    }
    /// [MS-PSRP] 2.2.3.9: what an error is about.
    ErrorCategory = "System.Management.Automation.ErrorCategory" {
        /// Nothing more is known.
        NotSpecified = 0,
        /// Something could not be opened.
        OpenError = 1,
        /// Something could not be closed.
        CloseError = 2,
        /// A device failed.
        DeviceError = 3,
        /// Two operations wait for each other.
        DeadlockDetected = 4,
        /// An argument is not valid.
        InvalidArgument = 5,
        /// The data are not valid.
        InvalidData = 6,
        /// The operation is not valid now.
        InvalidOperation = 7,
        /// A result is not valid.
        InvalidResult = 8,
        /// A type is not valid.
        InvalidType = 9,
        /// Metadata are not consistent.
        MetadataError = 10,
        /// It is not implemented.
        NotImplemented = 11,
        /// It is not installed.
        NotInstalled = 12,
        /// Something was not found.
        ObjectNotFound = 13,
        /// It was stopped.
        OperationStopped = 14,
        /// It took too long.
        OperationTimeout = 15,
        /// A script cannot be parsed.
        SyntaxError = 16,
        /// A script cannot be parsed further.
        ParserError = 17,
        /// It is not allowed.
        PermissionDenied = 18,
        /// Something is in use.
        ResourceBusy = 19,
        /// Something exists already.
        ResourceExists = 20,
        /// Something is not there.
        ResourceUnavailable = 21,
        /// Something could not be read.
        ReadError = 22,
        /// Something could not be written.
        WriteError = 23,
        /// A native program wrote to its error stream.
        FromStdErr = 24,
        /// A check of security failed.
        SecurityError = 25,
        /// The protocol was violated.
        ProtocolError = 26,
        /// A connection failed.
        ConnectionError = 27,
        /// Authentication failed.
        AuthenticationError = 28,
        /// A limit was reached.
        LimitsExceeded = 29,
        /// A quota was used up.
        QuotaExceeded = 30,
        /// Something is switched off.
        NotEnabled = 31,
    }
    /// [MS-PSRP] 2.2.3.3: the colours of a console.
    ConsoleColor = "System.ConsoleColor" {
        /// Whatever the terminal has.
        Unset = -1,
        /// Black.
        Black = 0,
        /// Dark blue.
        DarkBlue = 1,
        /// Dark green.
        DarkGreen = 2,
        /// Dark cyan.
        DarkCyan = 3,
        /// Dark red.
        DarkRed = 4,
        /// Dark magenta.
        DarkMagenta = 5,
        /// Dark yellow.
        DarkYellow = 6,
        /// Light grey.
        Gray = 7,
        /// Dark grey.
        DarkGray = 8,
        /// Blue.
        Blue = 9,
        /// Green.
        Green = 10,
        /// Cyan.
        Cyan = 11,
        /// Red.
        Red = 12,
        /// Magenta.
        Magenta = 13,
        /// Yellow.
        Yellow = 14,
        /// White.
        White = 15,
    }
    /// Who ran a command.
    CommandOrigin = "System.Management.Automation.CommandOrigin" {
        /// The caller of the runspace.
        Runspace = 0,
        /// The engine.
        Internal = 1,
    }
    /// Whether a command may be seen.
    Visibility = "System.Management.Automation.SessionStateEntryVisibility" {
        /// By everybody.
        Public = 0,
        /// By the endpoint's own commands.
        Private = 1,
    }
}

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $type_name:literal { $($(#[$flag_doc:meta])* $flag:ident = $text:literal, $code:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub i32);

        impl $name {
            /// Full name of the type in .NET.
            pub const TYPE_NAME: &'static str = $type_name;
            const NAMES: &'static [(i32, &'static str)] = &[$(($code, $text),)*];
            $($(#[$flag_doc])* pub const $flag: Self = Self($code);)*

            /// Whether all bits of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl From<$name> for PsValue {
            fn from(value: $name) -> Self {
                ps_enum($name::TYPE_NAME, value.to_string(), value.0)
            }
        }

        impl FromProperty for $name {
            const EXPECTED: &'static str = $type_name;

            fn from_property(value: &PsValue) -> Option<Self> {
                match value.unwrapped() {
                    PsValue::I32(code) => Some(Self(*code)),
                    PsValue::String(text) => number_of(text, Self::NAMES).map(Self),
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&text_of(self.0, Self::NAMES))
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    )*};
}

flags! {
    /// [MS-PSRP] 2.2.3.8: which records carry where they come from.
    RemoteStreamOptions = "System.Management.Automation.RemoteStreamOptions" {
        /// Errors.
        ERRORS = "AddInvocationInfoToErrorRecord", 1;
        /// Warnings.
        WARNINGS = "AddInvocationInfoToWarningRecord", 2;
        /// Debug records.
        DEBUG = "AddInvocationInfoToDebugRecord", 4;
        /// Verbose records.
        VERBOSE = "AddInvocationInfoToVerboseRecord", 8;
        /// All of them.
        ALL = "AddInvocationInfo", 15;
    }
    /// [MS-PSRP] 2.2.3.31: streams of a command that are merged. Numbers and bits at once, as in .NET.
    PipelineResultTypes = "System.Management.Automation.Runspaces.PipelineResultTypes" {
        /// None.
        NONE = "None", 0;
        /// Output.
        OUTPUT = "Output", 1;
        /// Errors.
        ERROR = "Error", 2;
        /// Warnings.
        WARNING = "Warning", 3;
        /// Verbose records.
        VERBOSE = "Verbose", 4;
        /// Debug records.
        DEBUG = "Debug", 5;
        /// Information records.
        INFORMATION = "Information", 6;
        /// All.
        ALL = "All", 7;
        /// Dropped.
        NULL = "Null", 8;
    }
    /// [MS-PSRP] 2.2.3.19: kinds of commands.
    CommandTypes = "System.Management.Automation.CommandTypes" {
        /// Aliases.
        ALIAS = "Alias", 1;
        /// Functions.
        FUNCTION = "Function", 2;
        /// Filters.
        FILTER = "Filter", 4;
        /// Cmdlets.
        CMDLET = "Cmdlet", 8;
        /// Script files.
        EXTERNAL_SCRIPT = "ExternalScript", 16;
        /// Programs.
        APPLICATION = "Application", 32;
        /// Script text.
        SCRIPT = "Script", 64;
        /// Configurations of the desired state.
        CONFIGURATION = "Configuration", 256;
        /// All of them.
        ALL = "All", 383;
    }
}

/// How .NET prints flags: the name of the value, or names that make it up, or the number.
fn text_of(value: i32, names: &[(i32, &str)]) -> String {
    if let Some((_, name)) = names.iter().find(|(code, _)| *code == value) {
        return (*name).to_owned();
    }
    let mut parts = Vec::new();
    let mut rest = value;
    for (code, name) in names.iter().rev() {
        if *code != 0 && rest & code == *code {
            rest &= !code;
            parts.push(*name);
        }
    }
    if rest != 0 || parts.is_empty() {
        return value.to_string();
    }
    parts.reverse();
    parts.join(", ")
}

fn number_of(text: &str, names: &[(i32, &str)]) -> Option<i32> {
    text.split(',').map(str::trim).try_fold(0, |sum, part| {
        let (code, _) = names.iter().find(|(_, name)| name.eq_ignore_ascii_case(part))?;
        Some(sum | code)
    })
}

impl<'a> Fields<'a> {
    /// An enumeration that may be absent or null.
    pub(crate) fn enumeration_or<T: FromProperty>(
        &self,
        name: &'static str,
        default: T,
    ) -> Result<T, crate::PsrpError> {
        Ok(self.optional(name)?.unwrap_or(default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_print_as_in_dotnet() {
        assert_eq!(RemoteStreamOptions(15).to_string(), "AddInvocationInfo");
        assert_eq!(RemoteStreamOptions(0).to_string(), "0");
        assert_eq!(
            (RemoteStreamOptions::ERRORS | RemoteStreamOptions::DEBUG).to_string(),
            "AddInvocationInfoToErrorRecord, AddInvocationInfoToDebugRecord"
        );
        assert_eq!(CommandTypes(271).to_string(), "Alias, Function, Filter, Cmdlet, Configuration");
        assert_eq!(CommandTypes(512).to_string(), "512");
        assert_eq!((PipelineResultTypes::OUTPUT | PipelineResultTypes::ERROR).to_string(), "Warning");
    }

    #[test]
    fn names_are_read_too() {
        assert_eq!(ApartmentState::from_property(&"mta".into()), Some(ApartmentState::MTA));
        assert_eq!(CommandTypes::from_property(&"Alias, cmdlet".into()), Some(CommandTypes(9)));
        assert_eq!(ApartmentState::from_property(&5.into()), None);
        assert_eq!(
            ThreadOptions::from_property(&ThreadOptions::ReuseThread.into()),
            Some(ThreadOptions::ReuseThread)
        );
    }
}
