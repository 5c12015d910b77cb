//! The user's screen and keyboard, as far as remote scripts may use them.

mod colours;
mod keyboard;
mod prompts;
mod window;

use std::io;

use windlass::Secret;
use windlass_psrp::ConsoleColor;
use windlass_psrp::host::{HostDefaultData, HostInfo, HostMethod, HostReturn, Size};

pub(crate) use colours::{Washer, coloured, legible, steers};
pub(crate) use keyboard::OwnTerminal;
pub(crate) use prompts::{Talk, answer, is_question};

/// Somebody who may be asked.
pub(crate) trait Terminal: Send + Sync {
    /// What remote computers are told when a session opens.
    fn info(&self) -> HostInfo;

    /// Whether somebody is there to type.
    fn is_interactive(&self) -> bool;

    /// A line that is typed now. `go_on` tells whether the question still stands.
    ///
    /// # Errors
    /// The terminal cannot be read.
    fn line(&self, echo: Echo, go_on: &dyn Fn() -> bool) -> io::Result<Typed>;

    /// What a call that is about keys, the window or the host itself returns; an error says why there is
    /// nothing to return.
    fn window(&self, method: &HostMethod, go_on: &dyn Fn() -> bool) -> Result<HostReturn, String>;
}

/// What is seen of what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// All of it.
    Shown,
    /// A star for each character.
    Masked,
}

/// What came of waiting for a line.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    /// The line.
    Line(Secret),
    /// Ctrl-C was pressed, or there is nobody any more.
    Interrupted,
    /// The question does not stand any more.
    NoLonger,
}

/// Rows of this process's terminal, where somebody sits at it.
pub(crate) fn rows() -> Option<u16> {
    let terminal = OwnTerminal::default();
    terminal.is_interactive().then(|| u16::try_from(window::size().height).unwrap_or(u16::MAX))
}

/// What a remote host is told of a terminal of this size, whose colours are its own matter.
pub(crate) fn screen(size: Size) -> HostInfo {
    HostInfo::with_screen(HostDefaultData {
        foreground: ConsoleColor::Unset,
        background: ConsoleColor::Unset,
        buffer_size: size,
        window_size: size,
        max_window_size: size,
        max_physical_window_size: size,
        ..HostDefaultData::default()
    })
}

/// Nobody: prompts are refused.
pub(crate) struct Nobody;

impl Terminal for Nobody {
    fn info(&self) -> HostInfo {
        HostInfo::without_screen()
    }

    fn is_interactive(&self) -> bool {
        false
    }

    fn line(&self, _echo: Echo, _go_on: &dyn Fn() -> bool) -> io::Result<Typed> {
        Ok(Typed::Interrupted)
    }

    fn window(&self, method: &HostMethod, _go_on: &dyn Fn() -> bool) -> Result<HostReturn, String> {
        window::without_terminal(method)
    }
}
