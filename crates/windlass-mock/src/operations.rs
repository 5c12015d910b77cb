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
    user: String,
}

impl Operations {
    /// Begins an operation, unless the user has `most` under way.
    pub(crate) fn begin(&self, user: &str, most: usize) -> Option<Operation<'_>> {
        let user = user.to_lowercase();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.entry(user.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Operation { all: self, user })
    }
}

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.user);
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
        assert!(
            first.is_some() && operations.begin("ALICE", 1).is_none() && operations.begin("bob", 1).is_some()
        );
        drop(first);
        assert!(operations.begin("alice", 1).is_some());
    }
}
