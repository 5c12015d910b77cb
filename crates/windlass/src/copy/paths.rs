//! Paths of the other side, and names that it gives.

use sha2::{Digest, Sha256};

/// A name in a directory of the other side, with the kind of slash that the path has.
pub(super) fn join(directory: &str, name: &str) -> String {
    let slash = if directory.contains('/') || !directory.contains(['\\', ':']) { '/' } else { '\\' };
    match directory.ends_with(['/', '\\']) {
        true => format!("{directory}{name}"),
        false => format!("{directory}{slash}{name}"),
    }
}

/// The directory of a path, with its slash, and the name in it.
pub(super) fn split(path: &str) -> (&str, &str) {
    let name = path.rfind(['/', '\\', ':']).map_or(0, |at| at + 1);
    path.split_at_checked(name).unwrap_or(("", path))
}

/// Whether a name that the other side gave stands for something right in a directory. Anything else could
/// lead out of the destination.
pub(super) fn is_plain(name: &str) -> bool {
    let forbidden: &[char] = if cfg!(windows) { &['/', '\\', '\0', ':'] } else { &['/', '\\', '\0'] };
    !name.is_empty() && name != "." && name != ".." && !name.contains(forbidden)
}

/// The name of the file that holds what has arrived: the same whenever the same file goes to the same
/// place, and another one when it has changed.
pub(super) fn part_name(name: &str, marks: &[&str]) -> String {
    let mut hash = Sha256::new();
    for mark in marks {
        hash.update(mark.as_bytes());
        hash.update([0]);
    }
    let token: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let short: String = name.chars().take(40).collect();
    format!(".{short}.{token}.part")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_kinds_are_joined_and_split() {
        for (directory, name, whole) in [
            ("/srv", "x", "/srv/x"),
            ("/srv/", "x", "/srv/x"),
            (r"C:\data", "x", r"C:\data\x"),
            ("User:", "x", r"User:\x"),
            ("User:/a", "x", "User:/a/x"),
            ("a", "x", "a/x"),
        ] {
            assert_eq!(join(directory, name), whole);
            assert_eq!(split(whole).1, "x");
        }
        assert_eq!(split(r"C:\data\x"), (r"C:\data\", "x"));
        assert_eq!(split("C:x"), ("C:", "x"));
        assert_eq!(split("x"), ("", "x"));
    }

    #[test]
    fn names_that_lead_elsewhere_are_told_apart() {
        for name in ["", ".", "..", "a/b", r"..\b", "/etc", "a\0"] {
            assert!(!is_plain(name), "{name}");
        }
        assert!(is_plain("..a") && is_plain("a b.txt"));
    }
}
