//! Saying on standard error what went wrong.

use std::error::Error;
use std::io;

use crate::exit::Exit;
use crate::terminal::legible;

/// Nobody reads standard output any more. One who stops reading, as `head` does, has what they want.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct ReaderGone;

/// What came of writing standard output.
pub(crate) fn printed(written: io::Result<()>) -> anyhow::Result<()> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => ReaderGone.into(),
        _ => anyhow::Error::new(error).context("standard output cannot be written"),
    })
}

/// Prints an error with its causes, each once, and gives back the exit status it stands for.
pub(crate) fn report(error: &(dyn Error + 'static), exit: Exit) -> Exit {
    say(&text_of(error));
    exit
}

/// Tells the user something that is no result. Peers have a say in it: their faults, the places they point to.
#[expect(clippy::print_stderr, reason = "errors belong on standard error")]
pub(crate) fn say(text: &str) {
    eprintln!("windlass: {}", legible(text, false));
}

/// An error with its causes, each once.
pub(crate) fn text_of(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

/// Prints an error of this side, such as a file that cannot be read: the command line is to be mended.
pub(crate) fn report_local(error: &anyhow::Error) -> Exit {
    if error.is::<ReaderGone>() {
        return Exit::DONE;
    }
    match error.downcast_ref::<windlass::Error>() {
        Some(error) => report(error, Exit::of(error)),
        None => report(error.as_ref(), Exit::USAGE),
    }
}
