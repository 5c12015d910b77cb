//! Who sends next, and what is made ready meanwhile.
//!
//! Messages reach the host one after the other. While it works at one, the next of the same stream is encoded,
//! sealed and sent on another connection but for its end, so that both sides are at work at the same time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Mutex, MutexGuard, Notify};
use windlass_net::Gate;
use windlass_psrp::Outgoing;
use windlass_soap::FaultCode;

use super::shared::{Shared, Stage};
use crate::error::{Error, Result};
use crate::retry::Retry;
use crate::shell::is_gone;

/// Whose turn it is to send.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Held while something is sent, so that fragments of one stream stay in order.
    turn: Mutex<()>,
    waiting: AtomicUsize,
    /// Input was queued for a pipeline.
    pub(super) queued: Notify,
    /// Something was taken from a queue, in which there is room now.
    pub(super) taken: Notify,
    /// The host took no message on a second connection.
    one_by_one: AtomicBool,
}

/// One of those who wait for their turn.
struct Waiting<'a>(&'a AtomicUsize);

/// A message on its way.
struct Message<'a> {
    outgoing: Arc<Outgoing>,
    sending: Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>,
}

/// The message behind the one under way: all of it may leave but its end.
struct Behind<'a> {
    message: Message<'a>,
    gate: Gate,
    /// How it ended before its turn.
    ended: Option<Result<()>>,
}

impl Turns {
    async fn take(&self) -> MutexGuard<'_, ()> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        self.turn.lock().await
    }

    /// Whether others wait for their turn.
    fn are_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// Sends what the machine wants sent, in order. Where a message to a pipeline is lost, the pipeline is given
    /// up.
    pub(super) async fn flush(&self) -> Result<()> {
        while self.send_next().await? {}
        Ok(())
    }

    /// Sends the next of what the machine wants sent, as [`Shared::flush`] does, and what fills a whole message
    /// behind it. False where there is nothing.
    pub(super) async fn send_next(&self) -> Result<bool> {
        let _turn = self.turns.take().await;
        let capacity = self.capacity();
        let Some(outgoing) = self.machine().pool.poll_send(capacity) else { return Ok(false) };
        let mut current = self.begin(Arc::new(outgoing), None);
        loop {
            let mut behind: Option<Behind<'_>> = None;
            let sent = loop {
                if behind.is_none() {
                    behind = self.prepare_behind(&current.outgoing);
                }
                tokio::select! {
                    biased;
                    sent = &mut current.sending => break sent,
                    () = go_on(&mut behind) => {}
                    () = self.turns.queued.notified(), if behind.is_none() => {}
                }
            };
            if let Err(error) = sent {
                // A pipeline that is gone says itself how it ended.
                if let Some(pipeline) = current.outgoing.pipeline.filter(|_| !is_gone(&error)) {
                    let failure = error.again().while_doing("sending to a pipeline");
                    self.machine().fail(pipeline, failure);
                }
                return Err(error);
            }
            let Some(Behind { message, gate, ended }) = behind else { return Ok(true) };
            gate.open();
            current = match ended {
                None => message,
                Some(Ok(())) => return Ok(true),
                Some(Err(error)) => {
                    tracing::debug!(%error, "messages are sent one by one: the second could not be made ready");
                    self.turns.one_by_one.store(true, Ordering::SeqCst);
                    self.begin(message.outgoing, None)
                }
            };
        }
    }

    fn begin(&self, outgoing: Arc<Outgoing>, gate: Option<Gate>) -> Message<'_> {
        self.turns.taken.notify_waiters();
        let message = Arc::clone(&outgoing);
        Message { outgoing, sending: Box::pin(async move { self.send(&message, gate).await }) }
    }

    /// Takes the message that goes behind this one, if there is a full one and nobody else has a turn.
    fn prepare_behind(&self, current: &Outgoing) -> Option<Behind<'_>> {
        let is_alone = !self.turns.are_awaited() && !self.turns.one_by_one.load(Ordering::SeqCst);
        let id = current.pipeline.filter(|_| is_alone && self.link.takes_gates())?;
        let capacity = self.capacity();
        let outgoing = {
            let pool = &mut self.machine().pool;
            if pool.waiting_bytes(id) < capacity {
                return None;
            }
            pool.poll_send_for(Some(id), capacity)?
        };
        let gate = Gate::closed();
        Some(Behind { message: self.begin(Arc::new(outgoing), Some(gate.clone())), gate, ended: None })
    }

    /// Sends one message. It is tried again for as long as the host certainly did not get it, once it is its turn.
    /// While the session is disconnected it waits.
    async fn send(&self, outgoing: &Outgoing, gate: Option<Gate>) -> Result<()> {
        let mut retry = Retry::new(self.timing.retry_window);
        loop {
            if self.stage() == Stage::Disconnected && self.connected_again().await > Stage::Open {
                return Err(Error::closed(self.host_name(), "the session was closed"));
            }
            let sent = self.link.send(outgoing, gate.clone()).await;
            let is_its_turn = gate.as_ref().is_none_or(Gate::is_open);
            match sent {
                Err(error)
                    if is_its_turn
                        && error.is_retryable()
                        && self.stage() == Stage::Open
                        && retry.allows(&error) =>
                {
                    retry.pause().await;
                }
                // The session was left before the message was there.
                Err(error)
                    if is_its_turn
                        && self.stage() == Stage::Disconnected
                        && (error.is_retryable() || was_left(&error)) =>
                {
                    retry.succeeded();
                }
                outcome => return outcome,
            }
        }
    }
}

/// Whether the host refused a message because the shell was disconnected.
fn was_left(error: &Error) -> bool {
    error.fault().is_some_and(|fault| fault.is(FaultCode::SHELL_DISCONNECTED))
}

/// Carries on with the message behind, until it ends before its turn.
async fn go_on(behind: &mut Option<Behind<'_>>) {
    match behind {
        Some(Behind { message, ended: ended @ None, .. }) => *ended = Some(message.sending.as_mut().await),
        _ => std::future::pending().await,
    }
}
