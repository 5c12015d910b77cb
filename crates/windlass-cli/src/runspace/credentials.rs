//! Credentials as values: the value holds a name and a handle, the password stays in this table.

use std::collections::HashMap;
use std::sync::Mutex;

use uuid::Uuid;
use windlass::Secret;
use windlass_clixml::{PsObject, PsValue};
use windlass_mock::powershell::text;

use super::lock;
use crate::credential::Login;

const TYPE: &str = "System.Management.Automation.PSCredential";

/// The credentials that cmdlets made.
#[derive(Default)]
pub(crate) struct CredentialTable(Mutex<HashMap<String, Login>>);

impl CredentialTable {
    /// Keeps a credential and gives the value that stands for it.
    pub(crate) fn keep(&self, login: Login) -> PsValue {
        let handle = Uuid::new_v4().to_string();
        let value = credential_value(&login.user, &handle);
        lock(&self.0).insert(handle, login);
        value
    }

    /// The credential that a value stands for.
    pub(crate) fn find(&self, value: &PsValue) -> Option<Login> {
        match value.get("Password")? {
            PsValue::SecureString(handle) => lock(&self.0).get(handle.as_str()).cloned(),
            _ => None,
        }
    }

    /// The passwords of all of them.
    pub(crate) fn passwords(&self) -> Vec<Secret> {
        lock(&self.0).values().map(|login| login.password.clone()).collect()
    }

    /// The name in a credential's value, or the name that stands for one.
    pub(crate) fn name(value: &PsValue) -> String {
        value.get("UserName").map_or_else(|| text(value), text)
    }
}

/// The value of a credential.
pub(crate) fn credential_value(user: &str, handle: &str) -> PsValue {
    PsObject::typed([TYPE, "System.Object"])
        .with_to_string(TYPE)
        .with_adapted("UserName", user)
        .with_adapted("Password", PsValue::SecureString(handle.into()))
        .into()
}
