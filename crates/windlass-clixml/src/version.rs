//! `System.Version`: two to four numbers.

use std::fmt;

/// A version number of two, three or four parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    /// Minus one where absent, as in .NET, which sorts it first.
    build: i32,
    revision: i32,
}

impl Version {
    /// `major.minor`
    pub const fn new(major: u16, minor: u16) -> Self {
        let [a, b] = major.to_le_bytes();
        let [c, d] = minor.to_le_bytes();
        Self {
            major: u32::from_le_bytes([a, b, 0, 0]),
            minor: u32::from_le_bytes([c, d, 0, 0]),
            build: -1,
            revision: -1,
        }
    }

    /// `major.minor.build.revision`
    pub const fn with_build(self, build: u16, revision: u16) -> Self {
        let [a, b] = build.to_le_bytes();
        let [c, d] = revision.to_le_bytes();
        Self { build: i32::from_le_bytes([a, b, 0, 0]), revision: i32::from_le_bytes([c, d, 0, 0]), ..self }
    }

    /// The first number.
    pub fn major(self) -> u32 {
        self.major
    }

    /// The second number.
    pub fn minor(self) -> u32 {
        self.minor
    }

    /// The third number, where there is one.
    pub fn build(self) -> Option<u32> {
        u32::try_from(self.build).ok()
    }

    /// The fourth number, where there is one.
    pub fn revision(self) -> Option<u32> {
        u32::try_from(self.revision).ok()
    }

    /// Reads two to four numbers of up to 31 bits, each with white space or a plus sign around it
    /// as .NET allows.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(version) = Self::plain(text) {
            return Some(version);
        }
        let mut parts = text.split('.');
        let mut next = || parts.next().map(part);
        let major = next()??;
        let minor = next()??;
        let build = next();
        let revision = next();
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            major: major.unsigned_abs(),
            minor: minor.unsigned_abs(),
            build: build.unwrap_or(Some(-1))?,
            revision: revision.unwrap_or(Some(-1))?,
        })
    }

    /// The same for what is written as writers do: short numbers of digits alone.
    fn plain(text: &str) -> Option<Self> {
        let mut parts = [-1; 4];
        let mut places = parts.iter_mut();
        let (mut number, mut digits) = (0, 0);
        for byte in text.bytes().chain([b'.']) {
            match byte {
                b'0'..=b'9' if digits < 9 => {
                    number = 10 * number + i32::from(byte - b'0');
                    digits += 1;
                }
                b'.' if digits > 0 => {
                    *places.next()? = number;
                    (number, digits) = (0, 0);
                }
                _ => return None,
            }
        }
        let [major, minor, build, revision] = parts;
        let (major, minor) = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        Some(Self { major, minor, build, revision })
    }
}

fn part(text: &str) -> Option<i32> {
    let number = crate::number::parse_i64(text)?;
    i32::try_from(number).ok().filter(|number| *number >= 0)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.build >= 0 {
            write!(f, ".{}", self.build)?;
        }
        if self.revision >= 0 {
            write!(f, ".{}", self.revision)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_and_kept() {
        for text in ["1.2", "1.2.3", "1.2.3.4", "2147483647.0"] {
            assert_eq!(Version::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "1", "1.", "1.2.3.4.5", "1.-2", "a.b", "2147483648.0"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert_eq!(Version::parse("01.02"), Some(Version::new(1, 2)));
        assert_eq!(Version::parse(" 1.+2 .3.4"), Some(Version::new(1, 2).with_build(3, 4)));
        assert!(Version::new(2, 3) < Version::new(2, 3).with_build(0, 0));
    }
}
