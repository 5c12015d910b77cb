//! [MS-NLMP] 2.2.2.5 NEGOTIATE: what the two sides agree on.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// NegotiateFlags. Bits without a name here are kept as they came.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct NegotiateFlags(pub u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bits:literal;)*) => {
        impl NegotiateFlags {
            $($(#[$doc])* pub const $name: Self = Self($bits);)*

            const NAMES: &[(Self, &str)] = &[$((Self::$name, stringify!($name)),)*];
        }
    };
}

flags! {
    /// Texts are in UTF-16.
    UNICODE = 0x0000_0001;
    /// Texts are in the OEM code page.
    OEM = 0x0000_0002;
    /// The acceptor shall name itself.
    REQUEST_TARGET = 0x0000_0004;
    /// Messages can be signed.
    SIGN = 0x0000_0010;
    /// Messages can be sealed.
    SEAL = 0x0000_0020;
    /// Connectionless operation.
    DATAGRAM = 0x0000_0040;
    /// The LM session key; refused.
    LM_KEY = 0x0000_0080;
    /// NTLM as opposed to LM.
    NTLM = 0x0000_0200;
    /// The client is anonymous; refused.
    ANONYMOUS = 0x0000_0800;
    /// The NEGOTIATE message names the client's domain.
    OEM_DOMAIN_SUPPLIED = 0x0000_1000;
    /// The NEGOTIATE message names the client's computer.
    OEM_WORKSTATION_SUPPLIED = 0x0000_2000;
    /// A signature is sent even if it means nothing.
    ALWAYS_SIGN = 0x0000_8000;
    /// TargetName is a domain.
    TARGET_TYPE_DOMAIN = 0x0001_0000;
    /// TargetName is a server.
    TARGET_TYPE_SERVER = 0x0002_0000;
    /// Session security as of Windows NT 4.0 SP4.
    EXTENDED_SESSION_SECURITY = 0x0008_0000;
    /// The client may be impersonated for identification only.
    IDENTIFY = 0x0010_0000;
    /// The LMOWF as session key; refused.
    NON_NT_SESSION_KEY = 0x0040_0000;
    /// The CHALLENGE message has AV pairs.
    TARGET_INFO = 0x0080_0000;
    /// The Version field means something.
    VERSION = 0x0200_0000;
    /// 128-bit keys.
    KEY_128 = 0x2000_0000;
    /// The client chooses the session key.
    KEY_EXCH = 0x4000_0000;
    /// 56-bit keys.
    KEY_56 = 0x8000_0000;
}

impl NegotiateFlags {
    /// Whether all of these are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Without these.
    #[must_use]
    pub fn without(self, flags: Self) -> Self {
        Self(self.0 & !flags.0)
    }
}

impl BitOr for NegotiateFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for NegotiateFlags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for NegotiateFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for NegotiateFlags {
    /// `0xe2888235 (UNICODE | ...)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)?;
        let names: Vec<_> =
            Self::NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name).collect();
        if names.is_empty() { Ok(()) } else { write!(f, " ({})", names.join(" | ")) }
    }
}
