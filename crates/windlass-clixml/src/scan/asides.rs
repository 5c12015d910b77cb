//! What stands beside the elements and means nothing: the XML declaration, comments, instructions.

use super::Scanner;
use crate::error::Error;

impl Scanner<'_> {
    /// Passes over a comment, whose `<` is read already; says whether there was one.
    pub(super) fn comment(&mut self) -> Result<bool, Error> {
        let offset = self.at;
        if !self.eat(b"!--") {
            return Ok(false);
        }
        let length = self.rest().find("--").ok_or(Error::syntax("a comment is not closed", offset))?;
        self.checked(length)?;
        self.at += length;
        if !self.eat(b"-->") {
            return Err(Error::syntax("'--' in a comment", self.at));
        }
        Ok(true)
    }

    /// Passes over a processing instruction, whose `<` is read already.
    pub(super) fn instruction(&mut self) -> Result<(), Error> {
        let offset = self.at;
        self.at += 1;
        let target = self.name()?;
        if target.eq_ignore_ascii_case("xml") || target.contains(':') {
            return Err(Error::syntax("a processing instruction with a reserved name", offset));
        }
        let length =
            self.rest().find("?>").ok_or(Error::syntax("a processing instruction is not closed", offset))?;
        if length > 0 && !matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(Error::syntax("a processing instruction without white space after its name", offset));
        }
        self.checked(length)?;
        self.at += length + 2;
        Ok(())
    }

    pub(super) fn declaration(&mut self) -> Result<(), Error> {
        let malformed = Error::syntax("a malformed XML declaration", self.at);
        let length = self.rest().find("?>").ok_or(malformed.clone())?;
        let inner = self.rest().get(5..length).unwrap_or_default();
        self.at += length + 2;
        let mut parts = inner;
        let mut position = 0;
        while !parts.trim_start().is_empty() {
            let trimmed = parts.trim_start();
            if trimmed.len() == parts.len() {
                return Err(malformed);
            }
            let (key, rest) = trimmed.split_once('=').ok_or(malformed.clone())?;
            let rest = rest.trim_start();
            let quote =
                rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(malformed.clone())?;
            let (value, rest) =
                rest.get(1..).and_then(|rest| rest.split_once(quote)).ok_or(malformed.clone())?;
            position = match (key.trim_end(), value) {
                ("version", "1.0") if position == 0 => 1,
                ("encoding", name) if position == 1 && is_encoding(name) => 2,
                ("standalone", "yes" | "no") if position == 1 || position == 2 => 3,
                _ => return Err(malformed),
            };
            parts = rest;
        }
        if position == 0 { Err(malformed) } else { Ok(()) }
    }

    /// Checks that the next bytes hold no character that XML does not allow.
    pub(super) fn checked(&self, length: usize) -> Result<(), Error> {
        let part = self.rest().get(..length).unwrap_or_default();
        let bad = |character: char| matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
        if part.contains(bad) {
            return Err(Error::syntax("a character that XML does not allow", self.at));
        }
        Ok(())
    }
}

fn is_encoding(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
}
