//! Keeping remote prompts recognisable: what a server asks is marked with the server's name, and text
//! from it cannot steer the terminal.

use windlass_clixml::PsString;

use super::method::HostMethod;

/// A host call that is safe to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    /// A warning to show first.
    pub warning: Option<String>,
    /// The call itself.
    pub method: HostMethod,
}

/// Marks a prompt from `computer` as such, in the words of PowerShell, and takes control characters
/// out of texts that prompts show.
pub fn guard(method: HostMethod, computer: &str) -> Guarded {
    let computer = strip_controls(computer).to_uppercase();
    let mut warning = None;
    let mut method = method;
    match &mut method {
        HostMethod::PromptForCredential1 { caption, message, user_name, target_name }
        | HostMethod::PromptForCredential2 { caption, message, user_name, target_name, .. } => {
            clean([&mut *user_name, &mut *target_name]);
            *caption = format!("PowerShell Credential Request: {}", strip_controls(caption)).into();
            *message = format!(
                "Warning: A script or application on the remote computer {computer} is requesting your \
                 credentials. Enter your credentials only if you trust the remote computer and the \
                 application or script that is requesting them.\n\n{}",
                strip_controls(message)
            )
            .into();
        }
        HostMethod::ReadLineAsSecureString => {
            warning = Some(format!(
                "A script or application on the remote computer {computer} is asking to read a line \
                 securely. Enter sensitive information, such as your credentials, only if you trust the \
                 remote computer and the application or script that is requesting it."
            ));
        }
        HostMethod::GetBufferContents { .. } => {
            warning =
                Some(format!("The remote computer {computer} asked to read the screen. It was refused."));
        }
        HostMethod::Prompt { caption, message, descriptions } => {
            clean([&mut *caption, &mut *message]);
            for field in descriptions.iter_mut() {
                clean([&mut field.name, &mut field.label, &mut field.help_message]);
            }
            let asks_secret = descriptions.iter().any(|field| {
                let name = field.parameter_type_full_name.as_str();
                name.ends_with(".SecureString") || name.ends_with(".PSCredential")
            });
            if asks_secret {
                warning = Some(format!(
                    "The remote computer {computer} asks for a secret. Answer only if you trust it."
                ));
            }
        }
        HostMethod::PromptForChoice { caption, message, choices, .. }
        | HostMethod::PromptForChoiceMultipleSelection { caption, message, choices, .. } => {
            clean([&mut *caption, &mut *message]);
            for choice in choices {
                clean([&mut choice.label, &mut choice.help_message]);
            }
        }
        HostMethod::SetWindowTitle { title } => clean([title]),
        _ => {}
    }
    Guarded { warning, method }
}

/// The text without control characters, line ends and tabs excepted, and without characters that
/// reverse the direction of writing.
pub fn strip_controls(text: &str) -> String {
    text.chars().filter(|&character| !is_steering(character)).collect()
}

/// Whether a character is a control, line ends and tabs excepted, or reverses the direction of writing, by which a text
/// seems to be another.
pub fn is_steering(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
        || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn clean<const N: usize>(texts: [&mut PsString; N]) {
    for text in texts {
        if text.chars().any(is_steering) {
            *text = strip_controls(text).into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_name_the_computer_and_lose_their_escapes() {
        let method = HostMethod::PromptForCredential1 {
            caption: "\u{1b}[2Jcap".into(),
            message: "msg\u{202E}".into(),
            user_name: "user".into(),
            target_name: "target\u{7}".into(),
        };
        let HostMethod::PromptForCredential1 { caption, message, target_name, .. } =
            guard(method, "lnx01").method
        else {
            panic!("the method changed")
        };
        assert_eq!(caption, PsString::from("PowerShell Credential Request: [2Jcap"));
        assert!(message.starts_with("Warning: A script or application on the remote computer LNX01 "));
        assert!(message.ends_with("\n\nmsg"));
        assert_eq!(target_name.as_str(), "target");
    }

    #[test]
    fn other_calls_stay_as_they_are() {
        let method = HostMethod::Write1 { value: "\u{1b}[31mred".into() };
        assert_eq!(guard(method.clone(), "x"), Guarded { warning: None, method });
        assert!(guard(HostMethod::ReadLineAsSecureString, "x").warning.unwrap().contains("computer X is"));
    }
}
