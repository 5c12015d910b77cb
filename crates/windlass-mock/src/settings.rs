//! What clients may change of the service's configuration while it runs.

use std::sync::{PoisonError, RwLock};

use crate::config::HostLimits;

/// The values that `winrm/config` lets be set.
#[derive(Debug)]
pub(crate) struct Settings {
    values: RwLock<Values>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    /// Kilobytes of an envelope.
    pub(crate) max_envelope_size_kb: u32,
    /// The longest time that one request may take, in milliseconds.
    pub(crate) max_timeout_ms: u32,
    /// Items of one answer.
    pub(crate) max_batch_items: u32,
    /// How long an enumeration lives without a pull, in milliseconds.
    pub(crate) enumeration_timeout_ms: u32,
    /// Computers that this one, as a client, trusts. It is kept and has no effect on the service.
    pub(crate) trusted_hosts: String,
}

impl Settings {
    pub(crate) fn new(limits: &HostLimits) -> Self {
        let small = |number: u128| u32::try_from(number).unwrap_or(u32::MAX);
        let kilobytes = u32::try_from(limits.envelope / 1024).unwrap_or(u32::MAX);
        Self {
            values: RwLock::new(Values {
                max_envelope_size_kb: kilobytes,
                max_timeout_ms: 86_400_000,
                max_batch_items: 32_000,
                enumeration_timeout_ms: small(limits.enumeration_timeout.as_millis()),
                trusted_hosts: String::new(),
            }),
        }
    }

    /// The values as they are.
    pub(crate) fn get(&self) -> Values {
        self.values.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, values: Values) {
        *self.values.write().unwrap_or_else(PoisonError::into_inner) = values;
    }
}
