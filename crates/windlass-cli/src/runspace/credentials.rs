//! Credentials as values: the value holds a name and a handle, the password stays in this table.

use std::collections::HashMap;
use std::sync::Mutex;

use uuid::Uuid;
use windlass::{PowerShell, PsSession, Secret};
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
        self.of_password(value.get("Password")?)
    }

    /// The credential whose password a value stands for.
    fn of_password(&self, value: &PsValue) -> Option<Login> {
        match value {
            PsValue::SecureString(handle) => lock(&self.0).get(handle.as_str()).cloned(),
            _ => None,
        }
    }

    /// A command as it goes to the host of a session: its credentials have their passwords, under the session's key.
    ///
    /// # Errors
    /// Those of [`PsSession::protect_credential`].
    pub(crate) fn in_command(
        &self,
        mut command: PowerShell,
        session: &PsSession,
    ) -> Result<PowerShell, windlass::Error> {
        for command in command.statements.iter_mut().flatten() {
            for parameter in &mut command.parameters {
                if let Some(value) = self.protected(&parameter.value, session)? {
                    parameter.value = value;
                }
            }
        }
        Ok(command)
    }

    /// A credential, its password, or a list with some of them, as it goes to the host of a session; `None` where it
    /// is none of these.
    ///
    /// # Errors
    /// Those of [`PsSession::protect_credential`].
    pub(crate) fn protected(
        &self,
        value: &PsValue,
        session: &PsSession,
    ) -> Result<Option<PsValue>, windlass::Error> {
        if let Some(login) = self.find(value) {
            return session.protect_credential(&login.user, &login.password).map(Some);
        }
        if let Some(login) = self.of_password(value) {
            return session.protect(&login.password).map(Some);
        }
        let items = value.items().unwrap_or_default();
        if items.iter().all(|item| self.find(item).or_else(|| self.of_password(item)).is_none()) {
            return Ok(None);
        }
        let item = |item: &PsValue| Ok(self.protected(item, session)?.unwrap_or_else(|| item.clone()));
        Ok(Some(PsValue::list(items.iter().map(item).collect::<Result<Vec<_>, windlass::Error>>()?)))
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
