//! Trouble that a host makes on purpose, to test clients.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Error;

/// Trouble for certain messages, written `WHAT[@ACTION][#NUMBER]`.
///
/// | `WHAT` | What happens |
/// |---|---|
/// | `cut` | The connection is closed in place of an answer, and the message is not carried out. |
/// | `lose` | The message is carried out; then the connection is closed in place of the answer. |
/// | `delay:MILLISECONDS` | The message waits for that long. |
/// | `401` | The client is to log on once more; the message is not carried out. |
/// | `corrupt` | A byte of the answer is changed. |
/// | `quota` | The answer is the fault of a quota. |
/// | `timedout` | The answer is the fault of an operation that timed out. |
///
/// `ACTION` is the last part of a message's action, such as `Receive`; without it every message counts.
/// `NUMBER` says which of these messages, from 1 (the default); `*` stands for all.
///
/// ```
/// let trouble: windlass_mock::Trouble = "delay:500@Receive#2".parse()?;
/// let host = windlass_mock::MockHost::builder().trouble(trouble);
/// # Ok::<(), windlass_mock::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    kind: TroubleKind,
    action: Option<String>,
    /// Which message; `None` for all.
    number: Option<u64>,
}

/// What kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    Cut,
    Lose,
    Delay(Duration),
    Logon,
    Corrupt,
    Quota,
    TimedOut,
}

impl FromStr for Trouble {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| Error::Trouble { text: text.to_owned(), reason: reason.to_owned() };
        let (rest, number) = match text.split_once('#') {
            None => (text, Some(1)),
            Some((rest, "*")) => (rest, None),
            Some((rest, number)) => match number.parse() {
                Ok(number) if number > 0 => (rest, Some(number)),
                _ => return Err(refused("a number from 1 or * is expected after #")),
            },
        };
        let (what, action) = match rest.split_once('@') {
            None => (rest, None),
            Some((_, "")) => return Err(refused("an action is expected after @")),
            Some((what, action)) => (what, Some(action.to_owned())),
        };
        let kind = match what.split_once(':') {
            Some(("delay", time)) => match time.parse() {
                Ok(time) => TroubleKind::Delay(Duration::from_millis(time)),
                Err(_) => return Err(refused("milliseconds are expected after delay:")),
            },
            None => match what {
                "cut" => TroubleKind::Cut,
                "lose" => TroubleKind::Lose,
                "401" => TroubleKind::Logon,
                "corrupt" => TroubleKind::Corrupt,
                "quota" => TroubleKind::Quota,
                "timedout" => TroubleKind::TimedOut,
                _ => return Err(refused("cut, lose, delay:MS, 401, corrupt, quota or timedout is expected")),
            },
            Some(_) => return Err(refused("only delay takes a value")),
        };
        Ok(Self { kind, action, number })
    }
}

/// The trouble that a host has in store.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<Vec<(Trouble, u64)>>);

impl Troubles {
    pub(crate) fn new(troubles: &[Trouble]) -> Self {
        Self(Mutex::new(troubles.iter().cloned().map(|trouble| (trouble, 0)).collect()))
    }

    /// The trouble for the next message with this action.
    pub(crate) fn next(&self, action: &str) -> Option<TroubleKind> {
        let last = action.rsplit('/').next().unwrap_or(action);
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for (trouble, seen) in troubles.iter_mut() {
            if trouble.action.as_ref().is_some_and(|action| !action.eq_ignore_ascii_case(last)) {
                continue;
            }
            *seen += 1;
            if found.is_none() && trouble.number.is_none_or(|number| number == *seen) {
                found = Some(trouble.kind);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_comes_when_it_is_due() {
        let of = |texts: &[&str]| {
            Troubles::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
        };
        let troubles = of(&["cut@receive#2", "quota@Receive#*", "delay:5"]);
        let receive = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
        assert_eq!(troubles.next("x/Send"), Some(TroubleKind::Delay(Duration::from_millis(5))));
        assert_eq!(troubles.next("x/Send"), None);
        assert_eq!(troubles.next(receive), Some(TroubleKind::Quota));
        assert_eq!(troubles.next(receive), Some(TroubleKind::Cut));
        assert_eq!(troubles.next(receive), Some(TroubleKind::Quota));
    }

    #[test]
    fn what_is_no_trouble_is_refused_with_its_text() {
        for text in ["", "explode", "cut#0", "cut#x", "cut@", "delay", "delay:x", "cut:1", "cut@Send#"] {
            let error = text.parse::<Trouble>().unwrap_err().to_string();
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
    }
}
