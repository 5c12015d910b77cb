//! Names of users and groups.

use std::collections::HashMap;

use super::Facts;

/// A line of `/etc/passwd` (passwd(5)), without what stands for the password and the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswdEntry {
    /// The name of the user.
    pub name: String,
    /// The id of the user.
    pub user: u32,
    /// The id of the user's primary group.
    pub group: u32,
    /// The home directory, empty where none is given.
    pub home: String,
    /// The login shell, empty where none is given.
    pub shell: String,
}

impl Facts {
    /// The accounts in `/etc/passwd`, in its order; lines that are none are passed over.
    pub fn passwd(&self) -> Vec<PasswdEntry> {
        self.text("/etc/passwd").unwrap_or_default().lines().filter_map(passwd_entry).collect()
    }

    /// User names by number, from `/etc/passwd`.
    pub fn users(&self) -> HashMap<u32, String> {
        names_by_id(&self.text("/etc/passwd").unwrap_or_default())
    }

    /// Group names by number, from `/etc/group`.
    pub fn groups(&self) -> HashMap<u32, String> {
        names_by_id(&self.text("/etc/group").unwrap_or_default())
    }
}

/// Reads a `name:password:UID:GID:comment:home:shell` line.
fn passwd_entry(line: &str) -> Option<PasswdEntry> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let user = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let home = fields.nth(1).unwrap_or_default().to_owned();
    let shell = fields.next().unwrap_or_default().to_owned();
    Some(PasswdEntry { name, user, group, home, shell })
}

/// Reads `name:password:id:...` lines.
fn names_by_id(text: &str) -> HashMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let id = fields.nth(1)?.parse().ok()?;
            Some((id, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_passwd_are_read_and_odd_ones_passed_over() {
        let names = names_by_id("root:x:0:0:root:/root:/bin/sh\n+::::::\nalice:x:1001:1001::/home/alice:\n");
        assert_eq!(names.get(&0).map(String::as_str), Some("root"));
        assert_eq!(names.get(&1001).map(String::as_str), Some("alice"));
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn entries_have_their_groups_homes_and_shells() {
        let alice = passwd_entry("alice:x:1001:100:Alice,,:/home/alice:/bin/zsh").unwrap();
        assert_eq!((alice.name.as_str(), alice.user, alice.group), ("alice", 1001, 100));
        assert_eq!((alice.home.as_str(), alice.shell.as_str()), ("/home/alice", "/bin/zsh"));
        let short = passwd_entry("bob:x:7:8").unwrap();
        assert_eq!((short.home.as_str(), short.shell.as_str()), ("", ""));
        assert_eq!(passwd_entry("+::::::"), None);
        assert_eq!(passwd_entry("carol:x:1"), None);
    }
}
