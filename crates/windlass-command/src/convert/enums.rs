//! Enumerations: names, unique prefixes, lists and numbers.

use std::fmt;

use crate::number::Number;

use super::Value;

/// An enumeration of .NET.
pub struct EnumType {
    /// Its full name.
    pub name: &'static str,
    /// Whether its values combine.
    pub flags: bool,
    /// Its values, by their unsigned size as .NET keeps them.
    pub values: &'static [(&'static str, i64)],
    /// Names that win where a prefix fits several.
    preferred: &'static [&'static str],
}

impl PartialEq for EnumType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for EnumType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn plain(name: &'static str, values: &'static [(&'static str, i64)]) -> EnumType {
    EnumType { name, flags: false, values, preferred: &[] }
}

/// `System.DayOfWeek`
pub const DAY_OF_WEEK: EnumType = plain(
    "System.DayOfWeek",
    &[
        ("Sunday", 0),
        ("Monday", 1),
        ("Tuesday", 2),
        ("Wednesday", 3),
        ("Thursday", 4),
        ("Friday", 5),
        ("Saturday", 6),
    ],
);

/// `System.IO.FileAttributes`
pub const FILE_ATTRIBUTES: EnumType = EnumType {
    name: "System.IO.FileAttributes",
    flags: true,
    values: &[
        ("None", 0),
        ("ReadOnly", 1),
        ("Hidden", 2),
        ("System", 4),
        ("Directory", 0x10),
        ("Archive", 0x20),
        ("Device", 0x40),
        ("Normal", 0x80),
        ("Temporary", 0x100),
        ("SparseFile", 0x200),
        ("ReparsePoint", 0x400),
        ("Compressed", 0x800),
        ("Offline", 0x1000),
        ("NotContentIndexed", 0x2000),
        ("Encrypted", 0x4000),
        ("IntegrityStream", 0x8000),
        ("NoScrubData", 0x20000),
    ],
    preferred: &["Directory", "ReadOnly", "System"],
};

/// `System.Management.Automation.Runspaces.AuthenticationMechanism`
pub const AUTHENTICATION_MECHANISM: EnumType = plain(
    "System.Management.Automation.Runspaces.AuthenticationMechanism",
    &[
        ("Default", 0),
        ("Basic", 1),
        ("Negotiate", 2),
        ("NegotiateWithImplicitCredential", 3),
        ("Credssp", 4),
        ("Digest", 5),
        ("Kerberos", 6),
    ],
);

/// `System.Management.Automation.Remoting.ProxyAccessType`
pub const PROXY_ACCESS_TYPE: EnumType = plain(
    "System.Management.Automation.Remoting.ProxyAccessType",
    &[("None", 0), ("IEConfig", 1), ("WinHttpConfig", 2), ("AutoDetect", 4), ("NoProxyServer", 8)],
);

/// `System.Management.Automation.Runspaces.OutputBufferingMode`
pub const OUTPUT_BUFFERING_MODE: EnumType = plain(
    "System.Management.Automation.Runspaces.OutputBufferingMode",
    &[("None", 0), ("Drop", 1), ("Block", 2)],
);

/// `Microsoft.PowerShell.Commands.OutTarget`
pub const OUT_TARGET: EnumType =
    plain("Microsoft.PowerShell.Commands.OutTarget", &[("Default", 0), ("Host", 1), ("Job", 2)]);

/// `Microsoft.PowerShell.Commands.SessionFilterState`
pub const SESSION_FILTER_STATE: EnumType = plain(
    "Microsoft.PowerShell.Commands.SessionFilterState",
    &[("All", 0), ("Opened", 1), ("Disconnected", 2), ("Closed", 3), ("Broken", 4)],
);

/// `Microsoft.Management.Infrastructure.Options.PasswordAuthenticationMechanism`
pub const CIM_AUTHENTICATION: EnumType = plain(
    "Microsoft.Management.Infrastructure.Options.PasswordAuthenticationMechanism",
    &[
        ("Default", 0),
        ("Digest", 1),
        ("Negotiate", 2),
        ("Basic", 3),
        ("Kerberos", 4),
        ("NtlmDomain", 5),
        ("CredSsp", 6),
    ],
);

/// `Microsoft.Management.Infrastructure.Options.ImpersonationType`
pub const CIM_IMPERSONATION: EnumType = plain(
    "Microsoft.Management.Infrastructure.Options.ImpersonationType",
    &[("None", 0), ("Default", 1), ("Delegate", 2), ("Identify", 3), ("Impersonate", 4)],
);

/// `Microsoft.Management.Infrastructure.Options.PacketEncoding`
pub const CIM_ENCODING: EnumType = plain(
    "Microsoft.Management.Infrastructure.Options.PacketEncoding",
    &[("Default", 0), ("Utf8", 1), ("Utf16", 2)],
);

/// `Microsoft.Management.Infrastructure.Options.ProxyType`
pub const CIM_PROXY: EnumType = plain(
    "Microsoft.Management.Infrastructure.Options.ProxyType",
    &[("None", 0), ("WinHttp", 1), ("Auto", 2), ("InternetExplorer", 3)],
);

/// `Microsoft.Management.Infrastructure.CimCmdlets.ProtocolType`
pub const CIM_PROTOCOL: EnumType = plain(
    "Microsoft.Management.Infrastructure.CimCmdlets.ProtocolType",
    &[("Default", 0), ("Dcom", 1), ("Wsman", 2)],
);

static ALL: &[&EnumType] = &[
    &DAY_OF_WEEK,
    &FILE_ATTRIBUTES,
    &AUTHENTICATION_MECHANISM,
    &PROXY_ACCESS_TYPE,
    &OUTPUT_BUFFERING_MODE,
    &OUT_TARGET,
    &SESSION_FILTER_STATE,
    &CIM_AUTHENTICATION,
    &CIM_IMPERSONATION,
    &CIM_ENCODING,
    &CIM_PROXY,
    &CIM_PROTOCOL,
];

impl EnumType {
    /// The known enumeration of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|kind| kind.name.eq_ignore_ascii_case(name)).copied()
    }

    /// A value as .NET prints it: its name, the names it combines, or its number.
    #[must_use]
    pub fn text(&self, value: i64) -> String {
        if let Some((name, _)) = self.values.iter().find(|(_, v)| *v == value) {
            return (*name).to_owned();
        }
        let mut names = Vec::new();
        let mut rest = value;
        if self.flags {
            // From the greatest on, so that a value that combines others takes them with it.
            for (name, bits) in self.values.iter().rev().filter(|(_, bits)| *bits != 0) {
                if rest & bits == *bits {
                    rest &= !bits;
                    names.push(*name);
                }
            }
        }
        if rest != 0 || names.is_empty() {
            return value.to_string();
        }
        names.reverse();
        names.join(", ")
    }

    fn is_defined(&self, value: i64) -> bool {
        if self.flags {
            let all = self.values.iter().fold(0, |all, (_, bits)| all | bits);
            value >= 0 && value & !all == 0
        } else {
            self.values.iter().any(|(_, v)| *v == value)
        }
    }

    /// Names or numbers, several of them with commas between.
    fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
            return text.parse::<i32>().ok().map(i64::from);
        }
        text.split(',').try_fold(0, |all, name| {
            let name = name.trim();
            let (_, value) = self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some(all | value)
        })
    }

    /// The name that a text is the beginning of.
    fn by_prefix(&self, text: &str) -> Option<i64> {
        let begins = |name: &str| name.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text));
        let mut fitting = self.values.iter().filter(|(name, _)| begins(name));
        match (fitting.next(), fitting.next()) {
            (Some((_, value)), None) => Some(*value),
            (Some(_), Some(_)) => {
                let name = self.preferred.iter().find(|name| begins(name))?;
                self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
            }
            _ => None,
        }
    }

    fn find(&self, text: &str) -> Option<i64> {
        self.parse(text).or_else(|| self.by_prefix(text)).filter(|value| self.is_defined(*value))
    }
}

/// A value as one of an enumeration.
pub(super) fn convert(value: &Value, kind: &EnumType) -> Option<i64> {
    match value {
        Value::Enum(own, value) if *own == kind => Some(*value),
        Value::String(text) => kind.find(text),
        Value::Number(Number::Double(_) | Number::Decimal(_) | Number::Big(_)) => None,
        Value::Number(number) => number.to_string().parse().ok().filter(|value| kind.is_defined(*value)),
        Value::Array(items) => {
            let names: Option<Vec<String>> = items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Some(text.clone()),
                    other => convert(other, kind).map(|value| kind.text(value)),
                })
                .collect();
            kind.find(&names?.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_lists_and_numbers() {
        assert_eq!(AUTHENTICATION_MECHANISM.find("kerb"), Some(6));
        assert_eq!(AUTHENTICATION_MECHANISM.find("negotiate"), Some(2));
        assert_eq!(AUTHENTICATION_MECHANISM.find("negotiatew"), Some(3));
        assert_eq!(AUTHENTICATION_MECHANISM.find("d"), None, "Default or Digest");
        assert_eq!(FILE_ATTRIBUTES.find("d, h"), None, "no prefixes in lists");
        assert_eq!(FILE_ATTRIBUTES.find("d"), Some(16));
        assert_eq!(FILE_ATTRIBUTES.text(3), "ReadOnly, Hidden");
        assert_eq!(FILE_ATTRIBUTES.text(0x40000), "262144");
        assert_eq!(DAY_OF_WEEK.find("-1"), None);
        assert_eq!(DAY_OF_WEEK.find("+1"), Some(1));
    }
}
