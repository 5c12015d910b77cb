//! The signals by which a user, a terminal or the system ends a command.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C: what runs is to stop.
    Stop,
    /// The terminal went away, or `kill` was called: the process is to end.
    End,
}

/// The signals, from the time on when they were first heeded: until then they end the process at once.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupted: Signal,
    #[cfg(unix)]
    terminated: Signal,
    /// None under `nohup`, which this program goes by.
    #[cfg(unix)]
    hung_up: Option<Signal>,
    #[cfg(windows)]
    interrupted: CtrlC,
    #[cfg(windows)]
    broken: CtrlBreak,
    /// The console's window was closed.
    #[cfg(windows)]
    closed: CtrlClose,
}

#[cfg(unix)]
impl Interrupts {
    /// From now on signals come here. Takes a runtime.
    pub(crate) fn heed() -> io::Result<Self> {
        let hung_up = SignalKind::hangup();
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
            hung_up: if is_ignored(hung_up) { None } else { Some(signal(hung_up)?) },
        })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Interrupt {
        let Self { interrupted, terminated, hung_up } = self;
        let hung_up = async {
            match hung_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupted.recv() => Interrupt::Stop,
            _ = terminated.recv() => Interrupt::End,
            _ = hung_up => Interrupt::End,
        }
    }
}

/// Whether the process was started so that a signal does nothing. Only Linux tells.
#[cfg(unix)]
fn is_ignored(kind: SignalKind) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(kind.as_raw_value() - 1).ok().and_then(|place| 1_u64.checked_shl(place));
    bit.is_some_and(|bit| mask & bit != 0)
}

#[cfg(windows)]
impl Interrupts {
    /// From now on signals come here. Takes a runtime.
    pub(crate) fn heed() -> io::Result<Self> {
        Ok(Self { interrupted: ctrl_c()?, broken: ctrl_break()?, closed: ctrl_close()? })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.interrupted.recv() => Interrupt::Stop,
            _ = self.broken.recv() => Interrupt::End,
            _ = self.closed.recv() => Interrupt::End,
        }
    }
}
