//! The terminal of this process: lines and keys.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::{event, terminal};
use unicode_width::UnicodeWidthChar;
use windlass::Secret;
use windlass_psrp::host::{HostInfo, HostMethod, HostReturn};

use super::window::{self, Window};
use super::{Echo, Terminal, Typed, screen};

/// How often a question that waits for a key is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The terminal of this process.
#[derive(Default)]
pub(crate) struct OwnTerminal {
    window: Mutex<Window>,
}

impl Terminal for OwnTerminal {
    fn info(&self) -> HostInfo {
        if !self.is_interactive() {
            return HostInfo::without_screen();
        }
        let size = window::size();
        screen(size)
    }

    fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn line(&self, echo: Echo, go_on: &dyn Fn() -> bool) -> io::Result<Typed> {
        let _raw = Raw::enter()?;
        let mut line = Line { text: String::new(), echo, out: io::stderr() };
        loop {
            let Some(key) = next_key(go_on)? else {
                line.end()?;
                return Ok(Typed::NoLonger);
            };
            match line.take(key)? {
                Step::More => {}
                Step::Done => return Ok(Typed::Line(Secret::new(line.text))),
                Step::Interrupted => return Ok(Typed::Interrupted),
            }
        }
    }

    fn window(&self, method: &HostMethod, go_on: &dyn Fn() -> bool) -> Result<HostReturn, String> {
        if !self.is_interactive() {
            return window::without_terminal(method);
        }
        crate::runspace::lock(&self.window).answer(method, go_on)
    }
}

/// The next key that is pressed; none where `go_on` says no before.
pub(super) fn next_key(go_on: &dyn Fn() -> bool) -> io::Result<Option<KeyEvent>> {
    while go_on() {
        if !event::poll(LOOK)? {
            continue;
        }
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Whether a key is held together with Ctrl.
pub(super) fn is_control(key: &KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

/// The terminal while it hands over every key as it is pressed.
pub(super) struct Raw;

impl Raw {
    pub(super) fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Err(error) = terminal::disable_raw_mode() {
            tracing::warn!(%error, "the terminal stays as it is: `reset` mends it");
        }
    }
}

/// A line that is being typed.
struct Line<W> {
    text: String,
    echo: Echo,
    out: W,
}

/// What becomes of a line with a key.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    More,
    Done,
    Interrupted,
}

impl<W: Write> Line<W> {
    fn take(&mut self, key: KeyEvent) -> io::Result<Step> {
        if is_control(&key, 'c') || (is_control(&key, 'd') && self.text.is_empty()) {
            write!(self.out, "^C")?;
            self.end()?;
            return Ok(Step::Interrupted);
        }
        match key.code {
            KeyCode::Enter => {
                self.end()?;
                return Ok(Step::Done);
            }
            KeyCode::Backspace => self.erase()?,
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                while !self.text.is_empty() {
                    self.erase()?;
                }
            }
            // Enter, where what is typed was typed ahead.
            KeyCode::Char('j' | 'm') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.end()?;
                return Ok(Step::Done);
            }
            KeyCode::Char(character) if !key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.text.push(character);
                match self.echo {
                    Echo::Shown => write!(self.out, "{character}")?,
                    Echo::Masked => write!(self.out, "*")?,
                }
            }
            _ => {}
        }
        self.out.flush()?;
        Ok(Step::More)
    }

    fn erase(&mut self) -> io::Result<()> {
        let Some(character) = self.text.pop() else { return Ok(()) };
        let cells = match self.echo {
            Echo::Shown => character.width().unwrap_or(0),
            Echo::Masked => 1,
        };
        (0..cells).try_for_each(|_| write!(self.out, "\u{8} \u{8}"))
    }

    fn end(&mut self) -> io::Result<()> {
        write!(self.out, "\r\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(echo: Echo, keys: &[(KeyCode, KeyModifiers)]) -> (Step, String, String) {
        let mut line = Line { text: String::new(), echo, out: Vec::new() };
        let mut step = Step::More;
        for (code, modifiers) in keys {
            step = line.take(KeyEvent::new(*code, *modifiers)).unwrap();
        }
        (step, line.text, String::from_utf8(line.out).unwrap())
    }

    #[test]
    fn lines_are_edited_and_secrets_are_masked() {
        let plain = |character| (KeyCode::Char(character), KeyModifiers::NONE);
        let control = |character| (KeyCode::Char(character), KeyModifiers::CONTROL);
        let enter = (KeyCode::Enter, KeyModifiers::NONE);
        let back = (KeyCode::Backspace, KeyModifiers::NONE);
        for (echo, keys, step, text, shown) in [
            (
                Echo::Shown,
                &[plain('a'), plain('世'), back, plain('b'), enter][..],
                Step::Done,
                "ab",
                "a世\u{8} \u{8}\u{8} \u{8}b\r\n",
            ),
            (Echo::Masked, &[plain('a'), plain('b'), back, enter], Step::Done, "a", "**\u{8} \u{8}\r\n"),
            (
                Echo::Masked,
                &[plain('a'), control('u'), plain('z'), control('j')],
                Step::Done,
                "z",
                "*\u{8} \u{8}*\r\n",
            ),
            (Echo::Shown, &[plain('a'), control('c')], Step::Interrupted, "a", "a^C\r\n"),
        ] {
            assert_eq!(typed(echo, keys), (step, text.to_owned(), shown.to_owned()));
        }
    }
}
