//! Names of users and groups.

use std::collections::HashMap;

use super::Facts;

impl Facts {
    /// User names by number, from `/etc/passwd`.
    pub fn users(&self) -> HashMap<u32, String> {
        names_by_id(&self.text("/etc/passwd").unwrap_or_default())
    }

    /// Group names by number, from `/etc/group`.
    pub fn groups(&self) -> HashMap<u32, String> {
        names_by_id(&self.text("/etc/group").unwrap_or_default())
    }
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
}
