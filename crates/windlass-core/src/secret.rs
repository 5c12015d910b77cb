//! Passwords, hashes and keys: wiped when dropped, never printed.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A text that must not be shown, such as a password. Wiped from memory when dropped.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes the text into keeping.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The caller must not log it or put it into an error.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text in UTF-16, little-endian, as Windows hashes and transmits passwords.
    pub fn to_utf16_le(&self) -> SecretBytes {
        SecretBytes(self.0.encode_utf16().flat_map(u16::to_le_bytes).collect())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl PartialEq for Secret {
    /// Compares in constant time for texts of equal length.
    fn eq(&self, other: &Self) -> bool {
        ct_eq(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl Eq for Secret {}

/// Bytes that must not be shown, such as a session key. Wiped from memory when dropped.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes into keeping.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves. The caller must not log them or put them into an error.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl PartialEq for SecretBytes {
    /// Compares in constant time for values of equal length.
    fn eq(&self, other: &Self) -> bool {
        ct_eq(&self.0, &other.0)
    }
}

impl Eq for SecretBytes {}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
pub fn ct_eq(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let printed = format!("{:?} {:?}", Secret::new("hunter2"), SecretBytes::new(b"hunter2".to_vec()));
        assert_eq!(printed, "Secret(..) SecretBytes(..)");
    }

    #[test]
    fn equality_sees_length_and_content() {
        assert!(ct_eq(b"abc", b"abc"));
        assert!(!ct_eq(b"abc", b"abd"));
        assert!(!ct_eq(b"abc", b"abcd"));
    }

    #[test]
    fn utf16_keeps_surrogate_pairs() {
        assert_eq!(Secret::new("a\u{1F600}").to_utf16_le().expose(), [0x61, 0, 0x3D, 0xD8, 0x00, 0xDE]);
    }
}
