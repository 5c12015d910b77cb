//! What was given a reference id, in a document that is being read.

use std::collections::HashMap;

/// A table from reference ids to what they name. Ids are opaque strings; writers count from zero, so
/// that those in order are found without hashing.
#[derive(Debug)]
pub(crate) struct RefTable<T> {
    counted: Vec<T>,
    others: HashMap<Box<str>, T>,
}

impl<T> Default for RefTable<T> {
    fn default() -> Self {
        Self { counted: Vec::new(), others: HashMap::new() }
    }
}

impl<T> RefTable<T> {
    /// Gives an id to something; what had it before loses it.
    pub(crate) fn set(&mut self, id: &str, value: T) {
        match counted(id) {
            Some(index) if index == self.counted.len() => self.counted.push(value),
            index => match index.and_then(|index| self.counted.get_mut(index)) {
                Some(known) => *known = value,
                None => {
                    self.others.insert(id.into(), value);
                }
            },
        }
    }

    /// Forgets all ids.
    pub(crate) fn clear(&mut self) {
        self.counted.clear();
        self.others.clear();
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        match counted(id) {
            Some(index) if index < self.counted.len() => self.counted.get_mut(index),
            _ => self.others.get_mut(id),
        }
    }
}

/// The number that an id is, where it is written as a writer would.
fn counted(id: &str) -> Option<usize> {
    if id.is_empty() || id.len() >= 10 || (id.len() > 1 && id.starts_with('0')) {
        return None;
    }
    id.bytes()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| 10 * number + usize::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_strings_wherever_they_are_kept() {
        let mut table = RefTable::default();
        for id in ["1", "0", "1", "01", "x", "99999999999", "2"] {
            table.set(id, id.to_owned());
        }
        for id in ["0", "1", "01", "x", "99999999999", "2"] {
            assert_eq!(table.get_mut(id).map(|value| value.as_str()), Some(id));
        }
        assert_eq!(table.get_mut("3"), None);
        table.set("1", "again".to_owned());
        assert_eq!(table.get_mut("1").map(|value| value.as_str()), Some("again"));
    }
}
