//! How many operations each user has under way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The operations of all users.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<HashMap<String, usize>>);

/// One operation, until it is dropped.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    all: &'a Operations,
    owner: String,
}

impl Operations {
    /// Begins an operation of this account, unless it has `most` under way.
    pub(crate) fn begin(&self, owner: &str, most: usize) -> Option<Operation<'_>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(owner.to_owned()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Operation { all: self, owner: owner.to_owned() })
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_counted_apart() {
        let operations = Operations::default();
        let first = operations.begin("alice", 1);
        assert!(first.is_some() && operations.begin("alice", 1).is_none());
        assert!(operations.begin("bob", 1).is_some());
        drop(first);
        assert!(operations.begin("alice", 1).is_some());
    }
}
