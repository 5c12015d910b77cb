//! The last output that went to each command's client, for a client that did not get it.
//!
//! A client numbers the Receives of a command: `OperationID` names them all, `SequenceId` counts them.
//! When the network fails before the answer has come, the client asks under the same number again, and is
//! given the same output. The next number says that it came.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use windlass_wsman::Header;

use super::Received;

/// Longest name of an operation that is remembered.
const LONGEST_NAME: usize = 128;

/// Which of a client's Receives it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    operation: String,
    number: u64,
}

/// The Receives that were last asked of the commands of a shell, and of the shell itself.
#[derive(Default)]
pub(crate) struct Answered(Mutex<HashMap<Option<String>, Last>>);

struct Last {
    ask: Ask,
    output: Option<Arc<Received>>,
    /// Told when the same is asked again, so that output does not go to a connection that is lost.
    again: Arc<Notify>,
}

/// What is known of a Receive.
pub(crate) enum Known {
    /// It was answered with this.
    Output(Arc<Received>),
    /// It has to be answered, unless it is asked again in the meantime.
    New(Arc<Notify>),
}

impl Ask {
    /// `None` for clients that do not number their requests.
    pub(crate) fn of(header: &Header) -> Option<Self> {
        let operation = header.operation_id.as_ref().filter(|name| name.len() <= LONGEST_NAME)?;
        Some(Self { operation: operation.clone(), number: header.sequence_id? })
    }
}

impl Answered {
    /// A client asks for the output of a command.
    pub(crate) fn ask(&self, command: Option<&str>, ask: &Ask) -> Known {
        let mut all = self.lock();
        let key = command.map(str::to_owned);
        if let Some(last) = all.get(&key).filter(|last| last.ask == *ask) {
            if let Some(output) = &last.output {
                return Known::Output(Arc::clone(output));
            }
            last.again.notify_one();
        }
        let again = Arc::new(Notify::new());
        all.insert(key, Last { ask: ask.clone(), output: None, again: Arc::clone(&again) });
        Known::New(again)
    }

    /// Keeps what a Receive is answered with.
    pub(crate) fn keep(&self, command: Option<&str>, ask: &Ask, output: &Arc<Received>) {
        let mut all = self.lock();
        if let Some(last) = all.get_mut(&command.map(str::to_owned)).filter(|last| last.ask == *ask) {
            last.output = Some(Arc::clone(output));
        }
    }

    /// Forgets a command.
    pub(crate) fn forget(&self, command: Option<&str>) {
        self.lock().remove(&command.map(str::to_owned));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Last>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use windlass_wsman::RunState;

    use super::*;

    fn ask(number: u64) -> Ask {
        Ask { operation: "uuid:1".to_owned(), number }
    }

    fn output() -> Arc<Received> {
        Arc::new(Received { pieces: Vec::new(), state: RunState::Running, exit_code: None })
    }

    #[tokio::test]
    async fn the_same_is_answered_the_same_and_the_next_is_new() {
        let answered = Answered::default();
        let first = output();
        assert!(matches!(answered.ask(Some("A"), &ask(1)), Known::New(_)));
        answered.keep(Some("A"), &ask(1), &first);
        let again = answered.ask(Some("A"), &ask(1));
        assert!(matches!(again, Known::Output(found) if Arc::ptr_eq(&found, &first)));
        assert!(matches!(answered.ask(None, &ask(1)), Known::New(_)));
        assert!(matches!(answered.ask(Some("A"), &ask(2)), Known::New(_)));
        // What was asked before the last is over.
        answered.keep(Some("A"), &ask(1), &first);
        assert!(matches!(answered.ask(Some("A"), &ask(2)), Known::New(_)));
        answered.keep(Some("A"), &ask(2), &first);
        answered.forget(Some("A"));
        assert!(matches!(answered.ask(Some("A"), &ask(2)), Known::New(_)));
    }

    #[tokio::test]
    async fn whoever_asks_again_takes_the_place() {
        let answered = Answered::default();
        let Known::New(old) = answered.ask(None, &ask(1)) else { panic!("nothing was kept") };
        let Known::New(new) = answered.ask(None, &ask(1)) else { panic!("nothing was kept") };
        old.notified().await;
        assert!(!Arc::ptr_eq(&old, &new));
    }
}
