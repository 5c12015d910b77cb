//! Commands that ask the user at the client: `Read-Host`, `Get-Credential`; and those for secure strings.

use std::sync::Arc;

use windlass_clixml::{PsString, PsValue};
use windlass_core::Secret;
use windlass_psrp::ErrorCategory;
use windlass_psrp::host::{FieldDescription, HostMethod, HostReturn};

use super::{UTILITY, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};

const SECURITY: &str = "Microsoft.PowerShell.Security";

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare(
                "Read-Host",
                UTILITY,
                "ReadHostCommand",
                &["[[-Prompt] <Object>] [-AsSecureString] [-MaskInput]"],
            )
            .synopsis("Reads a line from the user."),
            read_host,
        ),
        function(
            declare(
                "Get-Credential",
                SECURITY,
                "GetCredentialCommand",
                &["[[-UserName] <string>] [-Message <string>] [-Title <string>]"],
            )
            .parameter_alias("UserName", "Credential")
            .synopsis("Asks the user for a name and a password."),
            get_credential,
        ),
        function(
            declare(
                "ConvertFrom-SecureString",
                SECURITY,
                "ConvertFromSecureStringCommand",
                &["[-SecureString] <Object> [-AsPlainText]"],
            )
            .pipeline("SecureString")
            .synopsis("Gives the text of a secure string."),
            convert_from,
        ),
        function(
            declare(
                "ConvertTo-SecureString",
                SECURITY,
                "ConvertToSecureStringCommand",
                &["[-String] <string> [-AsPlainText] [-Force]"],
            )
            .pipeline("String")
            .synopsis("Makes a secure string of a text."),
            convert_to,
        ),
    ]
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn read_host(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let (secure, masked) = (call.switch("AsSecureString"), call.switch("MaskInput"));
    let hidden = secure || masked;
    let value = match call.text("Prompt") {
        Some(prompt) => {
            let name = PsString::from(prompt);
            let mut field = FieldDescription::text(name.clone());
            if hidden {
                field.parameter_type_name = "SecureString".into();
                field.parameter_type_full_name = "System.Security.SecureString".into();
                field.parameter_assembly_full_name = field_type("System.Security.SecureString");
            }
            let (caption, message) = (PsString::default(), PsString::default());
            match cx.ask(HostMethod::Prompt { caption, message, descriptions: vec![field] })? {
                HostReturn::Fields(fields) => fields
                    .into_iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value)
                    .unwrap_or_default(),
                // A prompt that was cancelled.
                _ => return Ok(()),
            }
        }
        None if hidden => match cx.ask(HostMethod::ReadLineAsSecureString)? {
            HostReturn::Secret(value) | HostReturn::Any(value) => value,
            _ => return Ok(()),
        },
        None => match cx.ask(HostMethod::ReadLine)? {
            HostReturn::Text(text) => text.into(),
            _ => return Ok(()),
        },
    };
    match masked && !secure {
        true => {
            let text = cx.reveal(&value)?;
            cx.write(text.expose())
        }
        false => cx.write(value),
    }
}

fn field_type(name: &str) -> PsString {
    format!(
        "{name}, System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e"
    )
    .into()
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_credential(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let text =
        |name: &str, default: &str| PsString::from(call.text(name).unwrap_or_else(|| default.to_owned()));
    let method = HostMethod::PromptForCredential1 {
        caption: text("Title", "PowerShell credential request"),
        message: text("Message", "Enter your credentials."),
        user_name: text("UserName", ""),
        target_name: PsString::default(),
    };
    match cx.ask(method)? {
        HostReturn::Credential { user_name, password } => {
            cx.write(HostReturn::Credential { user_name, password }.into_value())
        }
        _ => Ok(()),
    }
}

fn convert_from(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let value = input.or_else(|| call.get("SecureString").cloned()).unwrap_or_default();
    if !call.switch("AsPlainText") {
        let message = "There is no key of the user here to encrypt the text with. Use -AsPlainText.";
        let category = ErrorCategory::NotImplemented;
        return Err(cx.fail(Failure::new(exceptions::NOT_SUPPORTED, "NoUserKey", category, message)));
    }
    let text = cx.reveal(&value)?;
    cx.write(text.expose())
}

fn convert_to(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let given = input.or_else(|| call.get("String").cloned()).unwrap_or_default();
    if !call.switch("AsPlainText") {
        let message = "There is no key of the user here to decrypt the text with. Use -AsPlainText.";
        let category = ErrorCategory::NotImplemented;
        return Err(cx.fail(Failure::new(exceptions::NOT_SUPPORTED, "NoUserKey", category, message)));
    }
    let secret = Secret::new(crate::powershell::text::text(&given));
    let value = cx.protect(&secret)?;
    cx.write(value)
}
