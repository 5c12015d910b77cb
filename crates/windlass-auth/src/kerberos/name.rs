//! Who is who in a realm ([RFC 4120] section 5.2.2 and 6).

use std::fmt;

use crate::AuthError;

/// A name of more parts is refused.
const MAX_COMPONENTS: usize = 16;

/// The name of a user or service within its realm.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PrincipalName {
    /// What kind of name it is; a hint that plays no part in comparisons.
    pub kind: i32,
    /// Its parts, which a slash separates when written.
    pub components: Vec<String>,
}

impl PrincipalName {
    /// A user.
    pub const NT_PRINCIPAL: i32 = 1;
    /// A service and its instance, such as a ticket-granting service and its realm.
    pub const NT_SRV_INST: i32 = 2;

    /// The ticket-granting service of a realm.
    pub fn ticket_granting(realm: &str) -> Self {
        Self { kind: Self::NT_SRV_INST, components: vec!["krbtgt".to_owned(), realm.to_owned()] }
    }

    /// Whether it is the ticket-granting service of some realm, and of which.
    pub fn granting_realm(&self) -> Option<&str> {
        match self.components.as_slice() {
            [service, realm] if service == "krbtgt" => Some(realm),
            _ => None,
        }
    }

    /// Whether both are the same name, of whatever kind.
    pub fn same(&self, other: &Self) -> bool {
        self.components == other.components
    }

    /// Whether both are the same name apart from letter case, which Windows does not look at.
    pub fn same_ignoring_case(&self, other: &Self) -> bool {
        self.components.len() == other.components.len()
            && self
                .components
                .iter()
                .zip(&other.components)
                .all(|(own, other)| own.to_lowercase() == other.to_lowercase())
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, component) in self.components.iter().enumerate() {
            if position > 0 {
                f.write_str("/")?;
            }
            write_escaped(f, component)?;
        }
        Ok(())
    }
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        if matches!(character, '/' | '@' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    Ok(())
}

/// A name and its realm: `alice@CORP.EXAMPLE`, `HTTP/srv1@CORP.EXAMPLE`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FullName {
    /// The realm; upper case by custom.
    pub realm: String,
    /// The name.
    pub name: PrincipalName,
}

impl FullName {
    /// Reads `name@REALM` or `service/instance@REALM`. A backslash takes the meaning from what follows.
    ///
    /// # Errors
    /// There is no name, or neither a realm nor a default for it.
    pub fn parse(text: &str, default_realm: Option<&str>) -> Result<Self, AuthError> {
        let malformed = |reason| AuthError::Malformed { token: "kerberos name", field: "name", reason };
        let mut components = vec![String::new()];
        let mut realm: Option<String> = None;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let (character, plain) = match character {
                '\\' => (characters.next().ok_or_else(|| malformed("it ends in a backslash"))?, true),
                other => (other, false),
            };
            match (&mut realm, character) {
                (Some(realm), _) => realm.push(character),
                (None, '@') if !plain => realm = Some(String::new()),
                (None, '/') if !plain => components.push(String::new()),
                (None, _) => components.last_mut().into_iter().for_each(|last| last.push(character)),
            }
        }
        if components.len() > MAX_COMPONENTS || components.first().is_none_or(String::is_empty) {
            return Err(malformed("expected NAME@REALM"));
        }
        let realm = realm
            .filter(|realm| !realm.is_empty())
            .or_else(|| default_realm.map(str::to_owned))
            .ok_or_else(|| malformed("it has no realm, and no default realm is configured"))?;
        let kind =
            if components.len() > 1 { PrincipalName::NT_SRV_INST } else { PrincipalName::NT_PRINCIPAL };
        Ok(Self { realm, name: PrincipalName { kind, components } })
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.name)?;
        write_escaped(f, &self.realm)
    }
}

/// Whether a name of this many parts is refused.
pub(super) fn too_many(components: usize) -> bool {
    components > MAX_COMPONENTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (text, components, realm) in [
            ("alice@CORP.EXAMPLE", vec!["alice"], "CORP.EXAMPLE"),
            ("alice", vec!["alice"], "DEFAULT"),
            ("HTTP/srv1.corp.example@CORP.EXAMPLE", vec!["HTTP", "srv1.corp.example"], "CORP.EXAMPLE"),
            ("alice\\@mail.example@CORP.EXAMPLE", vec!["alice@mail.example"], "CORP.EXAMPLE"),
            ("a\\/b", vec!["a/b"], "DEFAULT"),
        ] {
            let name = FullName::parse(text, Some("DEFAULT")).unwrap();
            assert_eq!(name.name.components, components, "{text}");
            assert_eq!(name.realm, realm, "{text}");
            assert_eq!(FullName::parse(&name.to_string(), None).unwrap(), name);
        }
        for bad in ["", "@CORP", "a\\", "/x@CORP"] {
            assert!(FullName::parse(bad, Some("DEFAULT")).is_err(), "{bad}");
        }
        assert!(FullName::parse("alice", None).is_err());
    }
}
