//! What output is written on: the streams of this process, or those of the command that asked for it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use crate::cli::Format;
use crate::runspace::lock;

/// Takes output in pieces.
pub(crate) trait Pieces: Send {
    /// For standard output.
    fn output(&mut self, text: String) -> io::Result<()>;
    /// For standard error.
    fn error(&mut self, text: String) -> io::Result<()>;
}

/// What output is written on.
#[derive(Clone)]
pub(crate) enum Paper {
    /// The streams of this process.
    Process,
    /// Something else.
    Pieces(Arc<Mutex<dyn Pieces>>),
}

impl Paper {
    /// Something that takes pieces.
    pub(crate) fn pieces(pieces: Arc<Mutex<impl Pieces + 'static>>) -> Self {
        Self::Pieces(pieces)
    }

    /// Writes to standard error.
    pub(crate) fn error(&self, text: &str) -> io::Result<()> {
        match self {
            Self::Process => {
                let mut out = io::stderr();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
            Self::Pieces(pieces) => lock(pieces).error(text.to_owned()),
        }
    }
}

/// Standard output of a paper.
impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Process => io::stdout().write(bytes),
            Self::Pieces(pieces) => {
                lock(pieces).output(String::from_utf8_lossy(bytes).into_owned())?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Process => io::stdout().flush(),
            Self::Pieces(_) => Ok(()),
        }
    }
}

/// How output is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) format: Format,
    /// Columns of a line.
    pub(crate) columns: usize,
    /// Whether standard error shows colours.
    pub(crate) is_colourful: bool,
    /// Whether progress is shown.
    pub(crate) shows_progress: bool,
    /// Whether a terminal shows standard output.
    pub(crate) is_seen: bool,
}

impl View {
    /// What suits the streams of this process: a table on a terminal, ndjson in a pipe, unless told
    /// otherwise; no colours where NO_COLOR is set.
    pub(crate) fn of_process(format: Option<Format>) -> Self {
        let is_seen = io::stdout().is_terminal();
        let default = if is_seen { Format::Table } else { Format::Ndjson };
        let error = io::stderr().is_terminal();
        Self {
            format: format.unwrap_or(default),
            columns: super::columns(),
            is_colourful: error && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            shows_progress: error,
            is_seen,
        }
    }
}
