//! Hashes of files that were just written or read as a whole, so that whoever asks for them next need not read
//! the files once more.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::Entry;

/// Files whose hashes are remembered.
const MOST_REMEMBERED: usize = 64;

/// SHA-256 of files as they were at a time.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    remembered: Mutex<VecDeque<(PathBuf, Entry, [u8; 32])>>,
}

impl Digests {
    /// Remembers the hash of a file that looked like this before it was hashed.
    pub(crate) fn remember(&self, path: PathBuf, entry: Entry, sha256: [u8; 32]) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|(other, ..)| *other != path);
        remembered.truncate(MOST_REMEMBERED - 1);
        remembered.push_front((path, entry, sha256));
    }

    /// The hash of a file, where it still looks as it did then.
    pub(crate) fn of(&self, path: &PathBuf, entry: &Entry) -> Option<[u8; 32]> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, then, sha256) = remembered.iter().find(|(other, ..)| other == path)?;
        (then.length == entry.length && then.written == entry.written).then_some(*sha256)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_file_that_has_changed_has_no_known_hash() {
        let digests = Digests::default();
        let entry = |length, seconds| Entry {
            is_directory: false,
            length,
            written: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
            is_read_only: false,
        };
        let path = PathBuf::from("a");
        digests.remember(path.clone(), entry(1, 1), [1; 32]);
        assert_eq!(digests.of(&path, &entry(1, 1)), Some([1; 32]));
        assert_eq!(digests.of(&path, &entry(2, 1)), None);
        assert_eq!(digests.of(&path, &entry(1, 2)), None);
        assert_eq!(digests.of(&PathBuf::from("b"), &entry(1, 1)), None);
        digests.remember(path.clone(), entry(1, 2), [2; 32]);
        assert_eq!(digests.of(&path, &entry(1, 1)), None);
        assert_eq!(digests.of(&path, &entry(1, 2)), Some([2; 32]));
        for number in 0..MOST_REMEMBERED {
            digests.remember(number.to_string().into(), entry(1, 1), [0; 32]);
        }
        assert_eq!(digests.of(&path, &entry(1, 2)), None);
    }
}
