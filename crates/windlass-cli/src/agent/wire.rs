//! What a command and the agent say to each other: one request, then lines of answer, all JSON.

use std::path::Path;

use serde_json::{Value, json};
use windlass_core::Secret;

use crate::cli::Format;
use crate::credential::{KeytabFile, Login};
use crate::defaults::DefaultOptions;
use crate::output::View;
use crate::runspace::Defaults;
use crate::terminal::{Echo, Typed};

/// Most bytes of a request.
pub(super) const LONGEST: usize = 4 << 20;

/// What the agent is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// A cmdlet, as it was written, and how its output is to look.
    Run(Box<Run>),
    /// What is kept?
    Status,
    /// Close everything and end.
    Stop,
}

/// A cmdlet to run.
#[derive(Debug)]
pub(crate) struct Run {
    /// The cmdlet and its arguments.
    pub(crate) words: Vec<String>,
    /// What holds for its connections.
    pub(crate) defaults: Defaults,
    /// How its output is to look.
    pub(crate) view: View,
    /// Rows of the terminal where questions can be asked; none where there is nobody.
    pub(crate) rows: Option<u16>,
    /// Whether somebody types the lines for a session that is entered.
    pub(crate) is_typed: bool,
    /// The lines of its standard input, where it wants those.
    pub(crate) input: Option<Vec<String>>,
}

impl Run {
    /// As one line, with the options from which the defaults were made.
    pub(super) fn to_line(&self, options: &DefaultOptions) -> String {
        let login = |login: &Login| json!({ "user": login.user, "password": login.password.expose() });
        let defaults = &self.defaults;
        let request = json!({
            "run": self.words,
            "login": defaults.login.as_ref().map(login),
            "logins": defaults.logins.iter().map(login).collect::<Vec<_>>(),
            "resolve": options.resolve,
            "resolve_rpc": options.resolve_rpc,
            "authorities": String::from_utf8_lossy(&defaults.authorities),
            "revocation_lists": String::from_utf8_lossy(&defaults.revocation_lists),
            "no_encryption": defaults.no_encryption,
            "skip_ca_check": defaults.skip_ca_check,
            "skip_cn_check": defaults.skip_cn_check,
            "forbid_ntlm": defaults.forbid_ntlm,
            "spn_class": defaults.spn_class,
            "tls_key_log": defaults.tls_key_log,
            "trusted_hosts": defaults.trusted_hosts,
            "keytab": defaults.keytab.as_ref().map(|keytab| &keytab.path),
            "keytab_user": defaults.keytab_user,
            "groups": defaults.groups,
            "what_if": defaults.what_if,
            "folder": std::env::current_dir().ok().and_then(|folder| folder.to_str().map(str::to_owned)),
            "format": format_name(self.view.format),
            "columns": self.view.columns,
            "colours": self.view.is_colourful,
            "progress": self.view.shows_progress,
            "seen": self.view.is_seen,
            "rows": self.rows,
            "typed": self.is_typed,
            "input": self.input,
        });
        format!("{request}\n")
    }
}

impl Request {
    /// Reads a line; none where it is no request.
    pub(super) fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        match value.get("ask").and_then(Value::as_str) {
            Some("status") => return Some(Self::Status),
            Some("stop") => return Some(Self::Stop),
            _ => {}
        }
        let texts = |key: &str| -> Vec<String> {
            let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
        let bytes = |key: &str| -> Vec<u8> {
            value.get(key).and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec()
        };
        let login = |value: &Value| {
            Some(Login {
                user: value.get("user")?.as_str()?.to_owned(),
                password: Secret::new(value.get("password")?.as_str()?),
            })
        };
        let mut defaults = Defaults {
            login: value.get("login").and_then(login),
            logins: value
                .get("logins")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(login)
                .collect(),
            authorities: bytes("authorities"),
            revocation_lists: bytes("revocation_lists"),
            no_encryption: flag("no_encryption"),
            skip_ca_check: flag("skip_ca_check"),
            skip_cn_check: flag("skip_cn_check"),
            forbid_ntlm: flag("forbid_ntlm"),
            spn_class: text("spn_class"),
            tls_key_log: text("tls_key_log").map(Into::into),
            trusted_hosts: texts("trusted_hosts"),
            keytab_user: text("keytab_user"),
            groups: value
                .get("groups")
                .and_then(|groups| serde_json::from_value(groups.clone()).ok())
                .unwrap_or_default(),
            what_if: flag("what_if"),
            folder: text("folder").map(Into::into),
            ..Defaults::default()
        };
        for entry in texts("resolve") {
            defaults.names.parse_entry(&entry).ok()?;
        }
        for entry in texts("resolve_rpc") {
            defaults.rpc_names.parse_entry(&entry).ok()?;
        }
        if let Some(path) = value.get("keytab").and_then(Value::as_str) {
            defaults.keytab = Some(KeytabFile::read(Path::new(path)).ok()?);
        }
        let columns =
            value.get("columns").and_then(Value::as_u64).and_then(|columns| usize::try_from(columns).ok());
        Some(Self::Run(Box::new(Run {
            words: texts("run"),
            defaults,
            view: View {
                format: format_of(value.get("format").and_then(Value::as_str).unwrap_or_default()),
                columns: columns.unwrap_or(120).clamp(20, 10_000),
                is_colourful: flag("colours"),
                shows_progress: flag("progress"),
                is_seen: flag("seen"),
            },
            rows: value.get("rows").and_then(Value::as_u64).and_then(|rows| u16::try_from(rows).ok()),
            is_typed: flag("typed"),
            input: value.get("input").is_some_and(Value::is_array).then(|| texts("input")),
        })))
    }
}

/// One line of an answer.
pub(super) enum Answer {
    /// The request was read, and is begun after this.
    Taken,
    /// For standard output.
    Output(String),
    /// For standard error.
    Error(String),
    /// A line is to be typed, for the question of this number.
    Ask(u64, Echo),
    /// A session was entered: an [`Order`] is wanted, and this stands before it.
    Prompt(String),
    /// Where the word that was to be completed begins, and what it may become.
    Completions(usize, Vec<String>),
    /// The end: how the command is to exit.
    Exit(u8),
}

impl Answer {
    pub(super) fn to_line(&self) -> String {
        let value = match self {
            Self::Taken => json!({ "taken": true }),
            Self::Output(text) => json!({ "o": text }),
            Self::Error(text) => json!({ "e": text }),
            Self::Ask(number, Echo::Shown) => json!({ "q": "shown", "number": number }),
            Self::Ask(number, Echo::Masked) => json!({ "q": "masked", "number": number }),
            Self::Prompt(text) => json!({ "p": text }),
            Self::Completions(start, texts) => json!({ "c": texts, "at": start }),
            Self::Exit(code) => json!({ "x": code }),
        };
        format!("{value}\n")
    }

    pub(super) fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if value.get("taken").is_some() {
            return Some(Self::Taken);
        }
        if let Some(code) = value.get("x").and_then(Value::as_u64) {
            return Some(Self::Exit(u8::try_from(code).unwrap_or(u8::MAX)));
        }
        if let Some(echo) = text("q") {
            let number = value.get("number")?.as_u64()?;
            return Some(Self::Ask(number, if echo == "masked" { Echo::Masked } else { Echo::Shown }));
        }
        if let Some(texts) = value.get("c").and_then(Value::as_array) {
            let texts = texts.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            return Some(Self::Completions(place(&value)?, texts));
        }
        if let Some(prompt) = text("p") {
            return Some(Self::Prompt(prompt));
        }
        text("o").map(Self::Output).or_else(|| text("e").map(Self::Error))
    }
}

fn place(value: &Value) -> Option<usize> {
    usize::try_from(value.get("at")?.as_u64()?).ok()
}

/// What is said to the agent while it runs a command.
pub(super) enum Said {
    /// What was typed for the question of this number.
    Typed(u64, Typed),
    /// Ctrl-C: stop what runs.
    Interrupt,
    /// What is to be done with the session that was entered.
    Order(Order),
}

/// What is to be done with the session that was entered.
pub(super) enum Order {
    /// Run this line.
    Line(String),
    /// What may the word that ends here become?
    Complete(String, usize),
    /// Drop the lines that wait for their end.
    Forget,
    /// Leave the session.
    Leave,
}

impl Said {
    pub(super) fn to_line(&self) -> String {
        let value = match self {
            Self::Typed(number, Typed::Line(line)) => json!({ "line": line.expose(), "number": number }),
            Self::Typed(number, Typed::Interrupted | Typed::NoLonger) => json!({ "number": number }),
            Self::Interrupt => json!({ "order": "interrupt" }),
            Self::Order(Order::Line(text)) => json!({ "order": "line", "text": text }),
            Self::Order(Order::Complete(text, at)) => json!({ "order": "complete", "text": text, "at": at }),
            Self::Order(Order::Forget) => json!({ "order": "forget" }),
            Self::Order(Order::Leave) => json!({ "order": "leave" }),
        };
        format!("{value}\n")
    }

    /// Reads a line; what cannot be read answers question 0, which is never asked.
    pub(super) fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("order").as_deref(), text("text")) {
            (Some("interrupt"), _) => Self::Interrupt,
            (Some("line"), Some(line)) => Self::Order(Order::Line(line)),
            (Some("complete"), Some(line)) => {
                Self::Order(Order::Complete(line, place(&value).unwrap_or_default()))
            }
            (Some("forget"), _) => Self::Order(Order::Forget),
            (Some("leave"), _) => Self::Order(Order::Leave),
            _ => {
                let number = value.get("number").and_then(Value::as_u64).unwrap_or_default();
                let line = text("line").map_or(Typed::Interrupted, |line| Typed::Line(Secret::new(line)));
                Self::Typed(number, line)
            }
        }
    }
}

const FORMATS: [(&str, Format); 6] = [
    ("table", Format::Table),
    ("list", Format::List),
    ("json", Format::Json),
    ("ndjson", Format::Ndjson),
    ("csv", Format::Csv),
    ("clixml", Format::Clixml),
];

fn format_name(format: Format) -> &'static str {
    FORMATS.iter().find(|(_, known)| *known == format).map_or("ndjson", |(name, _)| name)
}

fn format_of(name: &str) -> Format {
    FORMATS.iter().find(|(known, _)| *known == name).map_or(Format::Ndjson, |(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_comes_back_as_it_was() {
        for echo in [Echo::Shown, Echo::Masked] {
            let asked = Answer::read(&Answer::Ask(7, echo).to_line());
            assert!(matches!(asked, Some(Answer::Ask(7, read)) if read == echo));
        }
        let read = |said: Said| Said::read(&said.to_line());
        let typed = read(Said::Typed(7, Typed::Line(Secret::new("a \"line\""))));
        assert!(matches!(typed, Said::Typed(7, Typed::Line(line)) if line.expose() == "a \"line\""));
        assert!(matches!(read(Said::Typed(7, Typed::Interrupted)), Said::Typed(7, Typed::Interrupted)));
        assert!(matches!(Said::read("nothing"), Said::Typed(0, Typed::Interrupted)));
    }

    #[test]
    fn orders_and_their_answers_come_back_as_they_were() {
        assert!(matches!(Said::read(&Said::Interrupt.to_line()), Said::Interrupt));
        let read = |order: Order| match Said::read(&Said::Order(order).to_line()) {
            Said::Order(order) => order,
            _ => panic!("an order"),
        };
        assert!(matches!(read(Order::Forget), Order::Forget));
        assert!(matches!(read(Order::Leave), Order::Leave));
        assert!(matches!(read(Order::Line("Get-Date".to_owned())), Order::Line(line) if line == "Get-Date"));
        let complete = read(Order::Complete("Get-D".to_owned(), 5));
        assert!(matches!(complete, Order::Complete(line, 5) if line == "Get-D"));
        let answer = |answer: Answer| Answer::read(&answer.to_line());
        let prompt = answer(Answer::Prompt("[srv1]: PS> ".to_owned()));
        assert!(matches!(prompt, Some(Answer::Prompt(prompt)) if prompt == "[srv1]: PS> "));
        let found = answer(Answer::Completions(4, vec!["Get-Date".to_owned()]));
        assert!(matches!(found, Some(Answer::Completions(4, texts)) if texts == ["Get-Date"]));
    }

    #[test]
    fn a_request_comes_back_as_it_was() {
        let options =
            DefaultOptions { resolve: vec!["srv1=127.0.0.1:5985".to_owned()], ..DefaultOptions::default() };
        let mut defaults = Defaults { skip_ca_check: true, forbid_ntlm: true, ..Defaults::default() };
        defaults.spn_class = Some("WSMAN".to_owned());
        defaults.login = Some(Login { user: "alice".to_owned(), password: Secret::new("pw") });
        let view = View {
            format: Format::List,
            columns: 90,
            is_colourful: true,
            shows_progress: false,
            is_seen: true,
        };
        let words = vec!["Get-PSSession".to_owned()];
        let run =
            Run { words, defaults, view, rows: Some(40), is_typed: true, input: Some(vec!["1".to_owned()]) };
        let Some(Request::Run(read)) = Request::read(&run.to_line(&options)) else { panic!("a request") };
        assert_eq!(read.words, ["Get-PSSession"]);
        assert!(read.defaults.forbid_ntlm && read.defaults.spn_class.as_deref() == Some("WSMAN"));
        assert!(read.defaults.skip_ca_check && read.defaults.names.lookup("SRV1", 1).is_some());
        assert_eq!(
            read.defaults.login.map(|login| login.password.expose().to_owned()).as_deref(),
            Some("pw")
        );
        assert_eq!((read.view.format, read.view.columns, read.rows), (Format::List, 90, Some(40)));
        assert!(read.is_typed);
        assert_eq!(read.input.as_deref(), Some(&["1".to_owned()][..]));
        assert!(Request::read("{}").is_some_and(|request| matches!(request, Request::Run(_))));
        assert!(Request::read("nothing").is_none());
    }
}
