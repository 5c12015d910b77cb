//! The accounts that programs behind endpoints run as.

use std::path::PathBuf;

use crate::Error;
use crate::facts::{Facts, PasswdEntry};

/// An account of this computer that the program of an [`Endpoint`](crate::Endpoint) runs as (Unix). The program has
/// the account's user and its primary group, and no further groups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The id of the user.
    pub user: u32,
    /// The id of the group.
    pub group: u32,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its home directory, where it has one.
    pub home: Option<PathBuf>,
    /// Its login shell, where it has one.
    pub shell: Option<PathBuf>,
}

impl Account {
    /// The account of this name in `/etc/passwd`, or the one of `UID:GID`, which need not stand there.
    ///
    /// # Errors
    /// There is no such account.
    pub fn find(given: &str) -> Result<Self, Error> {
        Self::find_in(given, &Facts::default().passwd())
    }

    fn find_in(given: &str, passwd: &[PasswdEntry]) -> Result<Self, Error> {
        let ids =
            given.split_once(':').and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
        if let Some((user, group)) = ids {
            let known = passwd.iter().find(|entry| entry.user == user);
            let bare = Self { user, group, name: None, home: None, shell: None };
            return Ok(known.map_or(bare, |entry| Self { group, ..Self::from(entry) }));
        }
        let known = passwd.iter().find(|entry| entry.name == given);
        known.map(Self::from).ok_or_else(|| Error::Account(given.to_owned()))
    }
}

impl From<&PasswdEntry> for Account {
    fn from(entry: &PasswdEntry) -> Self {
        let path = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
        Self {
            user: entry.user,
            group: entry.group,
            name: Some(entry.name.clone()),
            home: path(&entry.home),
            shell: path(&entry.shell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_name_and_by_ids() {
        let alice = PasswdEntry {
            name: "alice".into(),
            user: 1001,
            group: 100,
            home: "/home/alice".into(),
            shell: String::new(),
        };
        let found = |given| Account::find_in(given, std::slice::from_ref(&alice)).ok();
        let named = found("alice").unwrap();
        assert_eq!((named.user, named.group), (1001, 100));
        assert_eq!((named.home, named.shell), (Some("/home/alice".into()), None));
        let other_group = found("1001:7").unwrap();
        assert_eq!((other_group.name.as_deref(), other_group.group), (Some("alice"), 7));
        let unknown = found("5:6").unwrap();
        assert_eq!((unknown.user, unknown.group, unknown.name), (5, 6, None));
        for nobody in ["Alice", "", "1001", "1:", "-1:5", "4294967296:1"] {
            assert_eq!(found(nobody), None, "{nobody}");
        }
    }
}
