//! `Get-Credential`.

use std::sync::Arc;

use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome};

use super::{cmdlet, each};
use crate::credential;
use crate::runspace::{CredentialTable, Local, argument};

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![cmdlet(local, "Get-Credential", "Asks for a user's password.", |l, c, x| each(l, c, x, get))]
}

fn get(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let given = call.get("Credential").filter(|value| !value.is_null());
    if let Some(value) = given
        && local.credentials.find(value).is_some()
    {
        return cx.write(value.clone());
    }
    let user = given.map(CredentialTable::name).or_else(|| call.text("UserName"));
    let found = match user.filter(|user| !user.is_empty()) {
        Some(user) => credential::find(Some(&user), None),
        None => credential::ask(call.text("Message").as_deref()),
    };
    let refused = |message: String| -> Box<Failure> { argument(local, "CredentialRequired", message) };
    let login = match found {
        Ok(Some(login)) => login,
        Ok(None) => return Err(cx.fail(*refused("a credential needs the name of a user".to_owned()))),
        Err(error) => return Err(cx.fail(*refused(format!("{error:#}")))),
    };
    cx.write(local.credentials.keep(login))
}
