//! The line editor: history, completion, lines that go on.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler, Helper,
    KeyEvent, RepeatCount,
};

/// Lines that the history keeps.
const HISTORY: usize = 5000;

/// Whom lines are typed for.
pub(crate) trait Partner {
    /// What stands before the next line; none where there is to be no further one.
    fn prompt(&mut self) -> Result<Option<String>>;

    /// What completes the next line.
    fn completer(&mut self) -> Box<dyn Complete>;

    /// Takes a line.
    fn take(&mut self, line: &str) -> Result<()>;

    /// Ctrl-C was pressed: a line that goes on over several is dropped.
    fn forget(&mut self) -> Result<()>;

    /// Ctrl-D was pressed: the session that was entered is left, or the console.
    fn leave(&mut self) -> Result<()>;
}

/// Knows what a word at the prompt may become.
pub(crate) trait Complete {
    /// Where the word that ends at `at` begins, and what it may become.
    fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>);
}

/// Reads lines from the terminal until the partner wants no more.
pub(crate) fn run(partner: &mut dyn Partner) -> Result<()> {
    let config = Config::builder()
        .max_history_size(HISTORY)
        .and_then(|config| config.history_ignore_dups(true))
        .context("the line editor")?
        .completion_type(rustyline::CompletionType::List)
        .build();
    let mut editor: Editor<Assistant, FileHistory> =
        Editor::with_config(config).context("the line editor")?;
    let is_dropped = Arc::new(AtomicBool::new(false));
    let key = |drops| EventHandler::Conditional(Box::new(Key { drops, is_dropped: Arc::clone(&is_dropped) }));
    editor.bind_sequence(KeyEvent::ctrl('c'), key(true));
    editor.bind_sequence(Event::Any, key(false));
    let history = history_file();
    if let Some(file) = &history
        && let Err(error) = editor.load_history(file)
    {
        tracing::debug!(%error, "there is no history yet");
    }
    while let Some(prompt) = partner.prompt()? {
        editor.set_helper(Some(Assistant(partner.completer())));
        is_dropped.store(false, Ordering::Relaxed);
        match editor.readline(&prompt) {
            Ok(_) if is_dropped.load(Ordering::Relaxed) => partner.forget()?,
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
                partner.take(&line)?;
            }
            Err(ReadlineError::Interrupted) => partner.forget()?,
            Err(ReadlineError::Eof) => partner.leave()?,
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

/// A key at the prompt: Ctrl-C, or another one.
///
/// The editor's own answer to Ctrl-C forgets what came with it in one read, which was typed ahead. So Ctrl-C hands
/// the line in, and what is handed in by it is dropped.
struct Key {
    drops: bool,
    is_dropped: Arc<AtomicBool>,
}

impl ConditionalEventHandler for Key {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.is_dropped.store(self.drops, Ordering::Relaxed);
        self.drops.then_some(Cmd::AcceptLine)
    }
}

/// What helps at the prompt.
struct Assistant(Box<dyn Complete>);

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let pair = |text: String| Pair { display: text.clone(), replacement: text };
        let (start, found) = self.0.complete(line, at);
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
