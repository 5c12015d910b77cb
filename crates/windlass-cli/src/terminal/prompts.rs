//! Questions of remote scripts, asked as PowerShell's console asks them.

use windlass::{HostAnswer, Secret};
use windlass_clixml::{PsString, PsValue};
use windlass_mock::powershell::{Halt, Outcome};
use windlass_psrp::host::{Choice, FieldDescription, HostMethod, HostReturn};

use super::{Echo, Terminal, Typed};

/// Most values that are taken for a field that is a list.
const MOST_ITEMS: usize = 10_000;

/// A conversation: what is said goes the way of other output, what is heard comes from the terminal.
pub(crate) struct Talk<'t> {
    pub(crate) say: &'t mut dyn FnMut(&str) -> Outcome,
    pub(crate) terminal: &'t dyn Terminal,
    /// Whether the question still stands.
    pub(crate) go_on: &'t dyn Fn() -> bool,
}

/// Answers a call that expects an answer. Nobody there to answer it is PowerShell's error for that.
///
/// # Errors
/// The user pressed Ctrl-C, or nobody sees the question.
pub(crate) fn answer(
    method: &HostMethod,
    warning: Option<&str>,
    talk: &mut Talk<'_>,
) -> Result<HostAnswer, Halt> {
    if is_question(method) && !talk.terminal.is_interactive() {
        return Ok(HostAnswer::Unsupported(refusal(method)));
    }
    if let Some(warning) = warning {
        talk.lines(&[warning])?;
    }
    Ok(match method {
        HostMethod::ReadLine => {
            HostAnswer::Value(HostReturn::Text(talk.line("", Echo::Shown)?.expose().into()))
        }
        HostMethod::ReadLineAsSecureString => HostAnswer::Secret(talk.line("", Echo::Masked)?),
        HostMethod::Prompt { caption, message, descriptions } => {
            talk.lines(&[caption, message])?;
            let fields = descriptions.iter().map(|field| Ok((field.name.clone(), talk.field(field)?)));
            HostAnswer::Fields(fields.collect::<Result<_, Halt>>()?)
        }
        HostMethod::PromptForCredential1 { caption, message, user_name, .. }
        | HostMethod::PromptForCredential2 { caption, message, user_name, .. } => {
            talk.lines(&["", caption, message])?;
            talk.credential(user_name)?
        }
        HostMethod::PromptForChoice { caption, message, choices, default_choice } => {
            talk.lines(&[caption, message])?;
            HostAnswer::Value(HostReturn::Number(talk.choice(choices, *default_choice)?))
        }
        HostMethod::PromptForChoiceMultipleSelection { caption, message, choices, default_choices } => {
            talk.lines(&[caption, message])?;
            HostAnswer::Value(HostReturn::Numbers(talk.choices(choices, default_choices)?))
        }
        other => match talk.terminal.window(other, talk.go_on) {
            Ok(value) => HostAnswer::Value(value),
            Err(reason) => HostAnswer::Unsupported(reason),
        },
    })
}

/// Whether a call asks the user, and not the program.
pub(crate) fn is_question(method: &HostMethod) -> bool {
    matches!(
        method,
        HostMethod::ReadLine
            | HostMethod::ReadLineAsSecureString
            | HostMethod::ReadKey { .. }
            | HostMethod::Prompt { .. }
            | HostMethod::PromptForCredential1 { .. }
            | HostMethod::PromptForCredential2 { .. }
            | HostMethod::PromptForChoice { .. }
            | HostMethod::PromptForChoiceMultipleSelection { .. }
    )
}

/// What PowerShell says where a prompt finds nobody.
fn refusal(method: &HostMethod) -> String {
    let message = match method {
        HostMethod::Prompt { message, .. }
        | HostMethod::PromptForCredential1 { message, .. }
        | HostMethod::PromptForCredential2 { message, .. }
        | HostMethod::PromptForChoice { message, .. }
        | HostMethod::PromptForChoiceMultipleSelection { message, .. } => message.as_str(),
        _ => "",
    };
    format!(
        "A command that prompts the user failed because the host program or the command type does not support \
         user interaction. The host was attempting to request confirmation with the following message: {message}"
    )
}

impl Talk<'_> {
    /// Shows those of the lines that say something.
    fn lines(&mut self, lines: &[&str]) -> Outcome {
        lines.iter().filter(|line| !line.is_empty()).try_for_each(|line| (self.say)(&format!("{line}\n")))
    }

    /// The line that is typed after a text.
    fn line(&mut self, label: &str, echo: Echo) -> Result<Secret, Halt> {
        if !label.is_empty() {
            (self.say)(label)?;
        }
        match self.terminal.line(echo, self.go_on) {
            Ok(Typed::Line(line)) => Ok(line),
            Ok(Typed::NoLonger) => Ok(Secret::new("")),
            Ok(Typed::Interrupted) => Err(Halt::Stopped),
            Err(error) => {
                tracing::debug!(%error, "the terminal cannot be read");
                Err(Halt::Stopped)
            }
        }
    }

    fn field(&mut self, field: &FieldDescription) -> Result<HostAnswer, Halt> {
        let label = match field.label.as_str() {
            "" => field.name.to_string(),
            label => label.replacen('&', "", 1),
        };
        let type_name = field.parameter_type_full_name.as_str();
        if type_name.ends_with(".PSCredential") {
            return self.credential(&PsString::default());
        }
        if type_name.ends_with(".SecureString") {
            return Ok(HostAnswer::Secret(self.line(&format!("{label}: "), Echo::Masked)?));
        }
        if type_name.ends_with("[]") {
            return self.items(&label);
        }
        loop {
            let typed = self.line(&format!("{label}: "), Echo::Shown)?;
            match typed.expose() {
                "!?" => {
                    let help = match field.help_message.as_str() {
                        "" => "No help is available.",
                        help => help,
                    };
                    self.lines(&[help])?;
                }
                "" if !field.default_value.is_null() => {
                    return Ok(HostAnswer::Value(HostReturn::Any(field.default_value.clone())));
                }
                text => return Ok(HostAnswer::Value(HostReturn::Text(text.into()))),
            }
        }
    }

    /// The values of a list, one a line until an empty one.
    fn items(&mut self, label: &str) -> Result<HostAnswer, Halt> {
        let mut items = Vec::new();
        while items.len() < MOST_ITEMS {
            let typed = self.line(&format!("{label}[{}]: ", items.len()), Echo::Shown)?;
            if typed.expose().is_empty() {
                break;
            }
            items.push(PsValue::from(typed.expose()));
        }
        Ok(HostAnswer::Value(HostReturn::Any(PsValue::list(items))))
    }

    fn credential(&mut self, user_name: &PsString) -> Result<HostAnswer, Halt> {
        let user = match user_name.as_str() {
            "" => self.line("User: ", Echo::Shown)?.expose().to_owned(),
            user => user.to_owned(),
        };
        let password = self.line(&format!("Password for user {user}: "), Echo::Masked)?;
        Ok(HostAnswer::Credential(user, password))
    }

    fn choice(&mut self, choices: &[Choice], default: i32) -> Result<i32, Halt> {
        let default = usize::try_from(default).ok().and_then(|place| choices.get(place).map(|_| place));
        loop {
            let mut offer: String = choices.iter().map(offered).collect();
            offer.push_str("[?] Help");
            if let Some(choice) = default.and_then(|place| choices.get(place)) {
                offer.push_str(&format!(" (default is \"{}\")", short(choice)));
            }
            let typed = self.line(&format!("{offer}: "), Echo::Shown)?;
            match (chosen(choices, typed.expose()), default) {
                (Some(place), _) => return Ok(number(place)),
                (None, Some(place)) if typed.expose().trim().is_empty() => return Ok(number(place)),
                _ if typed.expose().trim() == "?" => self.help(choices)?,
                _ if !(self.go_on)() => return Ok(default.map_or(-1, number)),
                _ => {}
            }
        }
    }

    fn choices(&mut self, choices: &[Choice], defaults: &[i32]) -> Result<Vec<i32>, Halt> {
        for choice in choices {
            self.lines(&[offered(choice).trim_end()])?;
        }
        let named: Vec<String> = defaults
            .iter()
            .filter_map(|place| choices.get(usize::try_from(*place).ok()?))
            .map(short)
            .collect();
        match named.as_slice() {
            [] => self.lines(&["[?] Help"])?,
            [one] => self.lines(&[&format!("[?] Help (default is \"{one}\")")])?,
            several => self.lines(&[&format!("[?] Help (default choices are {})", several.join(","))])?,
        }
        let mut picked = Vec::new();
        while picked.len() < MOST_ITEMS {
            let typed = self.line(&format!("Choice[{}]: ", picked.len()), Echo::Shown)?;
            match (typed.expose().trim(), chosen(choices, typed.expose())) {
                ("", _) => break,
                ("?", None) => self.help(choices)?,
                (_, Some(place)) => picked.push(number(place)),
                (_, None) => {}
            }
        }
        Ok(if picked.is_empty() { defaults.to_vec() } else { picked })
    }

    fn help(&mut self, choices: &[Choice]) -> Outcome {
        for choice in choices {
            let help = match choice.help_message.as_str() {
                "" => label(choice),
                help => help.to_owned(),
            };
            self.lines(&[&format!("{} - {help}", short(choice))])?;
        }
        Ok(())
    }
}

/// The letter that chooses, if there is one.
fn letter(choice: &Choice) -> Option<char> {
    let label = choice.label.as_str();
    label.split_once('&').and_then(|(_, rest)| rest.chars().next()).map(|letter| letter.to_ascii_uppercase())
}

fn label(choice: &Choice) -> String {
    choice.label.replacen('&', "", 1)
}

/// What is typed to choose: the letter, or the whole label.
fn short(choice: &Choice) -> String {
    letter(choice).map_or_else(|| label(choice), String::from)
}

fn offered(choice: &Choice) -> String {
    match letter(choice) {
        Some(letter) => format!("[{letter}] {}  ", label(choice)),
        None => format!("[] {}  ", label(choice)),
    }
}

/// Which choice a text means.
fn chosen(choices: &[Choice], typed: &str) -> Option<usize> {
    let typed = typed.trim();
    let is = |choice: &Choice| {
        label(choice).eq_ignore_ascii_case(typed)
            || letter(choice).is_some_and(|letter| typed.eq_ignore_ascii_case(&letter.to_string()))
    };
    choices.iter().position(|choice| !typed.is_empty() && is(choice))
}

fn number(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use windlass_psrp::host::HostInfo;

    use super::*;

    /// Types what it is told to, then Ctrl-C.
    struct Typist(Mutex<VecDeque<&'static str>>);

    impl Terminal for Typist {
        fn info(&self) -> HostInfo {
            HostInfo::without_screen()
        }

        fn is_interactive(&self) -> bool {
            true
        }

        fn line(&self, echo: Echo, _: &dyn Fn() -> bool) -> std::io::Result<Typed> {
            let line = self.0.lock().unwrap().pop_front();
            Ok(line.map_or(Typed::Interrupted, |line| {
                Typed::Line(Secret::new(if echo == Echo::Masked {
                    format!("<{line}>")
                } else {
                    line.to_owned()
                }))
            }))
        }

        fn window(&self, _: &HostMethod, _: &dyn Fn() -> bool) -> Result<HostReturn, String> {
            Ok(HostReturn::Null)
        }
    }

    fn asked(method: &HostMethod, typed: &[&'static str]) -> (String, String) {
        let typist = Typist(Mutex::new(typed.iter().copied().collect()));
        let mut said = String::new();
        let mut say = |text: &str| {
            said.push_str(text);
            Ok(())
        };
        let mut talk = Talk { say: &mut say, terminal: &typist, go_on: &|| true };
        let answer = match answer(method, None, &mut talk) {
            Ok(HostAnswer::Secret(secret)) => secret.expose().to_owned(),
            Ok(HostAnswer::Credential(user, password)) => format!("{user} {}", password.expose()),
            Ok(answer) => format!("{answer:?}"),
            Err(_) => "stopped".to_owned(),
        };
        (said, answer)
    }

    fn field(name: &str, type_name: &str) -> FieldDescription {
        let mut field = FieldDescription::text(name);
        field.parameter_type_full_name = type_name.into();
        field.help_message = "think".into();
        field
    }

    fn prompt(field: FieldDescription) -> HostMethod {
        HostMethod::Prompt { caption: "cap".into(), message: "".into(), descriptions: vec![field] }
    }

    #[test]
    fn questions_are_asked_as_the_console_asks_them() {
        let choices: Vec<Choice> = [("&Yes", "do it"), ("N&o", ""), ("Maybe", "")]
            .map(|(label, help)| Choice { label: label.into(), help_message: help.into() })
            .to_vec();
        let (caption, message) = (PsString::from("Sure"), PsString::from("Delete?"));
        let choice = |default_choice| HostMethod::PromptForChoice {
            caption: caption.clone(),
            message: message.clone(),
            choices: choices.clone(),
            default_choice,
        };
        let several = HostMethod::PromptForChoiceMultipleSelection {
            caption: caption.clone(),
            message: message.clone(),
            choices: choices.clone(),
            default_choices: vec![0, 2],
        };
        let credential = |user: &str| HostMethod::PromptForCredential1 {
            caption: "c".into(),
            message: "m".into(),
            user_name: user.into(),
            target_name: "".into(),
        };
        let offer = "Sure\nDelete?\n[Y] Yes  [O] No  [] Maybe  [?] Help";
        let list =
            "Sure\nDelete?\n[Y] Yes\n[O] No\n[] Maybe\n[?] Help (default choices are Y,Maybe)\nChoice[0]: ";
        for (method, typed, said, answer) in [
            (HostMethod::ReadLine, &["x"][..], String::new(), "Value(Text(\"x\"))"),
            (HostMethod::ReadLineAsSecureString, &["x"], String::new(), "<x>"),
            (HostMethod::ReadLine, &[], String::new(), "stopped"),
            (choice(0), &[""], format!("{offer} (default is \"Y\"): "), "Value(Number(0))"),
            (
                choice(-1),
                &["", "no"],
                format!("{offer}: [Y] Yes  [O] No  [] Maybe  [?] Help: "),
                "Value(Number(1))",
            ),
            (
                choice(-1),
                &["?", "MAYBE"],
                format!("{offer}: Y - do it\nO - No\nMaybe - Maybe\n[Y] Yes  [O] No  [] Maybe  [?] Help: "),
                "Value(Number(2))",
            ),
            (
                several.clone(),
                &["y", "O", ""],
                format!("{list}Choice[1]: Choice[2]: "),
                "Value(Numbers([0, 1]))",
            ),
            (several, &[""], list.to_owned(), "Value(Numbers([0, 2]))"),
            (credential(""), &["bob", "pw"], "c\nm\nUser: Password for user bob: ".to_owned(), "bob <pw>"),
            (credential("eve"), &["pw"], "c\nm\nPassword for user eve: ".to_owned(), "eve <pw>"),
            (
                prompt(field("Name", "System.String")),
                &["!?", "zed"],
                "cap\nName: think\nName: ".to_owned(),
                "Fields([(\"Name\", Value(Text(\"zed\")))])",
            ),
        ] {
            assert_eq!(asked(&method, typed), (said, answer.to_owned()), "{method:?}");
        }
        let (said, answer) = asked(&prompt(field("Names", "System.String[]")), &["a", "b", ""]);
        assert_eq!(said, "cap\nNames[0]: Names[1]: Names[2]: ");
        assert!(answer.contains("<S>a</S><S>b</S>"), "{answer}");
        let (said, answer) = asked(&prompt(field("Key", "System.Security.SecureString")), &["pw"]);
        assert_eq!(said, "cap\nKey: ");
        assert!(answer.contains("Secret"), "{answer}");
    }

    #[test]
    fn a_question_without_anybody_there_is_refused_in_powershells_words() {
        let mut say = |_: &str| Ok(());
        let mut talk = Talk { say: &mut say, terminal: &super::super::Nobody, go_on: &|| true };
        let refused = answer(&prompt(field("n", "System.String")), None, &mut talk).unwrap();
        let HostAnswer::Unsupported(reason) = refused else { panic!("refused") };
        assert!(reason.starts_with("A command that prompts the user failed"), "{reason}");
    }
}
