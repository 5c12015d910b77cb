//! What calls of the host's raw interface return: the window, the cursor, keys.

use std::io::{self, Write};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crossterm::terminal::{Clear, ClearType, SetTitle};
use crossterm::{cursor, event, queue, terminal};
use windlass_clixml::Version;
use windlass_psrp::ConsoleColor;
use windlass_psrp::host::{Coordinates, HostMethod, HostReturn, KeyInfo, Rectangle, Size};

use super::keyboard::{Raw, is_control, next_key};

/// The size of a window that nobody sees.
const UNSEEN: Size = Size { width: 120, height: 50 };
/// The cursor's height in percent, which terminals do not tell.
const CURSOR_SIZE: i32 = 25;
/// `ReadKeyOptions`: Ctrl-C is a key like others; what is typed is not shown.
const ALLOW_CTRL_C: i32 = 1;
const NO_ECHO: i32 = 2;

/// What scripts have set and may ask for.
#[derive(Debug)]
pub(super) struct Window {
    title: String,
    foreground: ConsoleColor,
    background: ConsoleColor,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            title: "windlass".to_owned(),
            foreground: ConsoleColor::Unset,
            background: ConsoleColor::Unset,
        }
    }
}

impl Window {
    /// What a call returns.
    pub(super) fn answer(
        &mut self,
        method: &HostMethod,
        go_on: &dyn Fn() -> bool,
    ) -> Result<HostReturn, String> {
        self.carry_out(method, go_on).unwrap_or_else(|error| Err(format!("the terminal refused: {error}")))
    }

    fn carry_out(
        &mut self,
        method: &HostMethod,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Result<HostReturn, String>> {
        let mut out = io::stderr();
        let answer = match method {
            HostMethod::SetWindowTitle { title } => {
                self.title = title.to_string();
                queue!(out, SetTitle(title))?;
                HostReturn::Null
            }
            HostMethod::GetWindowTitle => HostReturn::Text(self.title.as_str().into()),
            HostMethod::SetForegroundColor { color } => {
                self.foreground = *color;
                HostReturn::Null
            }
            HostMethod::SetBackgroundColor { color } => {
                self.background = *color;
                HostReturn::Null
            }
            HostMethod::GetForegroundColor => HostReturn::Color(self.foreground),
            HostMethod::GetBackgroundColor => HostReturn::Color(self.background),
            HostMethod::GetCursorPosition => {
                let (x, y) = cursor::position()?;
                HostReturn::Coordinates(Coordinates { x: x.into(), y: y.into() })
            }
            HostMethod::SetCursorPosition { position } => {
                queue!(out, cursor::MoveTo(cell(position.x), cell(position.y)))?;
                HostReturn::Null
            }
            HostMethod::SetBufferContents1 { rectangle, .. } if is_everything(rectangle) => {
                queue!(out, Clear(ClearType::All))?;
                HostReturn::Null
            }
            HostMethod::GetBufferSize
            | HostMethod::GetWindowSize
            | HostMethod::GetMaxWindowSize
            | HostMethod::GetMaxPhysicalWindowSize => HostReturn::Size(size()),
            HostMethod::GetKeyAvailable => {
                let _raw = Raw::enter()?;
                HostReturn::Flag(event::poll(Duration::ZERO)?)
            }
            HostMethod::FlushInputBuffer => {
                let _raw = Raw::enter()?;
                while event::poll(Duration::ZERO)? {
                    event::read()?;
                }
                HostReturn::Null
            }
            HostMethod::ReadKey { options } => return read_key(*options, go_on),
            other => return Ok(without_terminal(other)),
        };
        out.flush()?;
        Ok(Ok(answer))
    }
}

/// What a call returns where there is no terminal.
pub(super) fn without_terminal(method: &HostMethod) -> Result<HostReturn, String> {
    Ok(match method {
        HostMethod::GetName => HostReturn::Text("windlass".into()),
        HostMethod::GetVersion => {
            let version = Version::parse(env!("CARGO_PKG_VERSION"));
            version.map_or(HostReturn::Null, HostReturn::Version)
        }
        HostMethod::GetInstanceId => HostReturn::Guid(uuid::Uuid::new_v4()),
        HostMethod::GetCurrentCulture | HostMethod::GetCurrentUICulture => HostReturn::Text("en-US".into()),
        HostMethod::GetForegroundColor | HostMethod::GetBackgroundColor => {
            HostReturn::Color(ConsoleColor::Unset)
        }
        HostMethod::GetCursorPosition | HostMethod::GetWindowPosition => {
            HostReturn::Coordinates(Coordinates::default())
        }
        HostMethod::GetCursorSize => HostReturn::Number(CURSOR_SIZE),
        HostMethod::GetBufferSize
        | HostMethod::GetWindowSize
        | HostMethod::GetMaxWindowSize
        | HostMethod::GetMaxPhysicalWindowSize => HostReturn::Size(UNSEEN),
        HostMethod::GetWindowTitle => HostReturn::Text("windlass".into()),
        HostMethod::GetKeyAvailable => HostReturn::Flag(false),
        HostMethod::GetIsRunspacePushed => HostReturn::Flag(false),
        other if !other.id().expects_reply() => HostReturn::Null,
        other => return Err(format!("{} is not available in this console", other.id().name())),
    })
}

/// The size of the window now.
pub(super) fn size() -> Size {
    match terminal::size() {
        Ok((width, height)) if width > 0 => Size { width: width.into(), height: height.into() },
        _ => UNSEEN,
    }
}

/// The cell of a coordinate; what lies outside the window counts as its edge.
fn cell(coordinate: i32) -> u16 {
    u16::try_from(coordinate.max(0)).unwrap_or(u16::MAX)
}

/// The rectangle by which scripts mean the whole screen.
fn is_everything(rectangle: &Rectangle) -> bool {
    let Rectangle { left, top, right, bottom } = *rectangle;
    (left, top, right, bottom) == (-1, -1, -1, -1)
}

fn read_key(options: i32, go_on: &dyn Fn() -> bool) -> io::Result<Result<HostReturn, String>> {
    let _raw = Raw::enter()?;
    let Some(key) = next_key(go_on)? else { return Ok(Err("the key is not awaited any more".to_owned())) };
    if is_control(&key, 'c') && options & ALLOW_CTRL_C == 0 {
        return Ok(Err("Ctrl-C was pressed".to_owned()));
    }
    if let KeyCode::Char(character) = key.code
        && options & NO_ECHO == 0
    {
        write!(io::stderr(), "{character}")?;
    }
    Ok(Ok(HostReturn::Key(key_info(&key))))
}

/// A key as Windows describes it.
fn key_info(key: &KeyEvent) -> KeyInfo {
    let (virtual_key_code, character) = match key.code {
        KeyCode::Char(character) => {
            let upper = character.to_ascii_uppercase();
            let code = if upper.is_ascii_alphanumeric() || upper == ' ' { u32::from(upper) } else { 0 };
            (i32::try_from(code).unwrap_or(0), character)
        }
        KeyCode::Enter => (13, '\r'),
        KeyCode::Esc => (27, '\u{1b}'),
        KeyCode::Backspace => (8, '\u{8}'),
        KeyCode::Tab => (9, '\t'),
        KeyCode::PageUp => (33, '\0'),
        KeyCode::PageDown => (34, '\0'),
        KeyCode::End => (35, '\0'),
        KeyCode::Home => (36, '\0'),
        KeyCode::Left => (37, '\0'),
        KeyCode::Up => (38, '\0'),
        KeyCode::Right => (39, '\0'),
        KeyCode::Down => (40, '\0'),
        KeyCode::Insert => (45, '\0'),
        KeyCode::Delete => (46, '\0'),
        KeyCode::F(number) => (111 + i32::from(number), '\0'),
        _ => (0, '\0'),
    };
    let mut character = character;
    let held = |modifier, code| if key.modifiers.contains(modifier) { code } else { 0 };
    if key.modifiers.contains(KeyModifiers::CONTROL) && character.is_ascii_alphabetic() {
        let letter = u32::from(character.to_ascii_uppercase());
        character = char::from_u32(letter - 64).unwrap_or(character);
    }
    let mut units = [0; 2];
    let character = character.encode_utf16(&mut units).first().copied().unwrap_or_default();
    KeyInfo {
        virtual_key_code,
        character,
        control_key_state: held(KeyModifiers::SHIFT, 16)
            + held(KeyModifiers::CONTROL, 8)
            + held(KeyModifiers::ALT, 2),
        key_down: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_as_windows_does() {
        for (code, modifiers, expected) in [
            (KeyCode::Char('a'), KeyModifiers::NONE, (65, u16::from(b'a'), 0)),
            (KeyCode::Char('A'), KeyModifiers::SHIFT, (65, u16::from(b'A'), 16)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, (67, 3, 8)),
            (KeyCode::Enter, KeyModifiers::NONE, (13, 13, 0)),
            (KeyCode::F(5), KeyModifiers::ALT, (116, 0, 2)),
            (KeyCode::Up, KeyModifiers::NONE, (38, 0, 0)),
        ] {
            let key = key_info(&KeyEvent::new(code, modifiers));
            assert_eq!((key.virtual_key_code, key.character, key.control_key_state), expected);
        }
    }
}
