//! The line editor: history, completion, lines that go on.

use std::borrow::Cow;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, Helper};

use super::Session;
use super::lines::Lines;
use super::remote::Remote;
use crate::complete;

/// Lines that the history keeps.
const HISTORY: usize = 5000;

/// When the editor ends, beside the end of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// When `exit` is said to the console itself.
    Exit,
    /// When the session that was entered is left.
    Left,
}

/// Reads lines from the terminal.
pub(super) fn run(session: &mut Session, until: Until) -> Result<()> {
    let config = Config::builder()
        .max_history_size(HISTORY)
        .and_then(|config| config.history_ignore_dups(true))
        .context("the line editor")?
        .completion_type(rustyline::CompletionType::List)
        .build();
    let mut editor: Editor<Assistant, FileHistory> =
        Editor::with_config(config).context("the line editor")?;
    session.heed_interrupts();
    editor.set_helper(Some(Assistant { words: complete::Words::of(session), remote: None }));
    let history = history_file();
    if let Some(file) = &history
        && let Err(error) = editor.load_history(file)
    {
        tracing::debug!(%error, "there is no history yet");
    }
    let mut lines = Lines::default();
    loop {
        let entered = session.local.entered();
        let prompt = match &entered {
            None if until == Until::Left => break,
            _ if lines.is_waiting() => ">> ".to_owned(),
            Some(entered) => session.remote_prompt(entered),
            None => "windlass> ".to_owned(),
        };
        if let Some(helper) = editor.helper_mut() {
            helper.words = complete::Words::of(session);
            helper.remote = entered.map(|entry| Remote { entry, handle: session.local.handle.clone() });
        }
        match editor.readline(&prompt) {
            Ok(line) => {
                if !line.trim().is_empty()
                    && let Err(error) = editor.add_history_entry(line.as_str())
                {
                    tracing::debug!(%error, "the history takes no more");
                }
                if ["clear", "cls", "Clear-Host"].iter().any(|word| line.trim().eq_ignore_ascii_case(word)) {
                    editor.clear_screen().context("cannot clear the terminal")?;
                    continue;
                }
                let leaves = ["exit", "quit"].iter().any(|word| line.trim().eq_ignore_ascii_case(word));
                if leaves && session.local.entered().is_none() && !lines.is_waiting() {
                    break;
                }
                session.take(&mut lines, &line);
            }
            // Ctrl-C drops the line; Ctrl-D leaves the session that was entered, then the console.
            Err(ReadlineError::Interrupted) => lines.forget(),
            Err(ReadlineError::Eof) if session.local.entered().is_some() => session.local.leave(),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("cannot read from the terminal"),
        }
    }
    if let Some(file) = &history {
        let saved = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        if saved.is_err() || editor.save_history(file).is_err() {
            tracing::warn!(file = %file.display(), "the history cannot be kept");
        }
    }
    Ok(())
}

/// Where the history is kept.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")));
    Some(state?.join("windlass").join("history"))
}

/// What helps at the prompt.
struct Assistant {
    words: complete::Words,
    /// Completes where lines go to a session.
    remote: Option<Remote>,
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let pair = |text: String| Pair { display: text.clone(), replacement: text };
        let (start, found) = match &self.remote {
            Some(remote) => remote.complete(line, at),
            None => self.words.complete(line, at),
        };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {
    fn highlight_candidate<'c>(&self, candidate: &'c str, _: rustyline::CompletionType) -> Cow<'c, str> {
        Cow::Borrowed(candidate)
    }
}

impl Validator for Assistant {}

impl Helper for Assistant {}
