//! Variables of a runspace with language.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_clixml::PsValue;

/// Makes a value what it is now, where it stands for something that changes.
type Refresh = dyn Fn(&PsValue) -> Option<PsValue> + Send + Sync;

/// Variables by name, in any case. Clones are the same variables.
#[derive(Clone, Default)]
pub struct Variables(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Mutex<BTreeMap<String, (String, PsValue)>>,
    refresh: Option<Box<Refresh>>,
}

impl Variables {
    /// No variables yet; what is read passes through `refresh` first.
    pub fn refreshed_by(refresh: Box<Refresh>) -> Self {
        Self(Arc::new(Inner { values: Mutex::default(), refresh: Some(refresh) }))
    }

    /// The value of a variable; a scope before its name is left out of account, as there is one alone.
    pub fn get(&self, name: &str) -> Option<PsValue> {
        let value = self.lock().get(&key(name)).map(|(_, value)| value.clone())?;
        let Some(refresh) = &self.0.refresh else { return Some(value) };
        if let Some(items) = value.items() {
            let fresh: Vec<Option<PsValue>> = items.iter().map(refresh).collect();
            if fresh.iter().any(Option::is_some) {
                let items = items.iter().zip(fresh);
                return Some(PsValue::list(items.map(|(old, new)| new.unwrap_or_else(|| old.clone()))));
            }
            return Some(value);
        }
        Some(refresh(&value).unwrap_or(value))
    }

    /// Sets a variable.
    pub fn set(&self, name: &str, value: PsValue) {
        let shown = unscoped(name).to_owned();
        self.lock().insert(key(name), (shown, value));
    }

    /// Takes a variable away: its value is null, and nothing flows out of it.
    pub fn forget(&self, name: &str) {
        self.lock().remove(&key(name));
    }

    /// The names, as they were written first.
    pub fn names(&self) -> Vec<String> {
        self.lock().values().map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (String, PsValue)>> {
        self.0.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn key(name: &str) -> String {
    unscoped(name).to_lowercase()
}

fn unscoped(name: &str) -> &str {
    const SCOPES: [&str; 5] = ["global", "script", "local", "private", "variable"];
    match name.split_once(':') {
        Some((scope, rest)) if SCOPES.iter().any(|known| scope.eq_ignore_ascii_case(known)) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_scope() {
        let variables = Variables::default();
        variables.set("global:S1", 1.into());
        assert_eq!(variables.get("s1"), Some(1.into()));
        assert_eq!(variables.names(), ["S1"]);
    }

    #[test]
    fn values_are_refreshed_when_they_are_read() {
        let variables = Variables::refreshed_by(Box::new(|value| (*value == 1.into()).then(|| 2.into())));
        variables.set("x", 1.into());
        variables.set("all", PsValue::list([1.into(), 5.into()]));
        assert_eq!(variables.get("x"), Some(2.into()));
        assert_eq!(
            variables.get("all").and_then(|all| Some(all.items()?.to_vec())),
            Some(vec![2.into(), 5.into()])
        );
    }
}
