//! Questions about the runspaces of a session, and events that scripts forward.

use windlass_psrp::payload::{Availability, UserEvent};
use windlass_psrp::{GetCommandMetadata, PsrpError};

use super::invocation::Invocation;
use super::machine::Machine;
use super::session::{InvokeOptions, PsSession};
use super::shared::Stage;
use crate::error::{Error, Layer, Result};

impl PsSession {
    /// How many runspaces are free.
    ///
    /// # Errors
    /// The session is not open, or the host was not reached.
    pub async fn available_runspaces(&self) -> Result<i64> {
        match self.ask(|machine| machine.pool.get_available_runspaces()).await? {
            Availability::Count(count) => Ok(count),
            Availability::Done(_) => Err(self.shared.protocol_error("the answer is no count of runspaces")),
        }
    }

    /// Changes how many pipelines may run at once. `false` if the host refuses.
    ///
    /// # Errors
    /// The session is not open, the number is not allowed, or the host was not reached.
    pub async fn set_max_runspaces(&self, count: i32) -> Result<bool> {
        self.ask(|machine| machine.pool.set_max_runspaces(count)).await.map(is_done)
    }

    /// Changes how many runspaces are kept. `false` if the host refuses.
    ///
    /// # Errors
    /// The session is not open, the number is not allowed, or the host was not reached.
    pub async fn set_min_runspaces(&self, count: i32) -> Result<bool> {
        self.ask(|machine| machine.pool.set_min_runspaces(count)).await.map(is_done)
    }

    /// Makes the runspace forget its variables. `false` if the host refuses.
    ///
    /// # Errors
    /// The session is not open or too old, or the host was not reached.
    pub async fn reset_runspace(&self) -> Result<bool> {
        self.ask(|machine| machine.pool.reset_runspace_state()).await.map(is_done)
    }

    /// Asks which commands there are: first their number comes as an object, then each.
    pub fn command_metadata(&self, request: &GetCommandMetadata) -> Invocation {
        let options = InvokeOptions::default();
        self.pipelines().start_made(|machine| machine.pool.get_command_metadata(request), &options)
    }

    /// Waits for an event that a script forwards to this client.
    ///
    /// # Errors
    /// The session ended.
    pub async fn next_user_event(&self) -> Result<UserEvent> {
        self.shared.park();
        loop {
            let changed = self.shared.pool_changed.notified();
            let (event, is_over) = {
                let mut machine = self.shared.machine();
                (machine.user_events.pop_front(), machine.pool.state().is_final())
            };
            if let Some(event) = event {
                return Ok(event);
            }
            if is_over {
                return Err(self.shared.pool_error());
            }
            tokio::select! {
                () = changed => {}
                () = self.shared.reached(Stage::Closed) => {}
            }
        }
    }

    /// Asks the host something about the pool. The answer comes among the pool's own messages.
    async fn ask(
        &self,
        question: impl FnOnce(&mut Machine) -> Result<i64, PsrpError>,
    ) -> Result<Availability> {
        let shared = &self.shared;
        let answer = shared.with_machine(|machine| {
            let call = question(machine)?;
            Ok::<_, PsrpError>((call, machine.expect_answer(call)))
        });
        let (call, answer) = answer.map_err(|error| shared.protocol_error(error))?;
        shared.park();
        shared.flush().await?;
        let limit = shared.timing.answer_timeout;
        tokio::select! {
            answer = answer => answer.map_err(|_| shared.pool_error()),
            () = tokio::time::sleep(limit) => {
                shared.machine().forget_question(call);
                Err(Error::timed_out(Layer::Psrp, shared.host_name(), "the answer about the runspaces", limit))
            }
            () = shared.reached(Stage::Closing) => {
                Err(Error::closed(shared.host_name(), "the session was closed"))
            }
        }
    }
}

fn is_done(answer: Availability) -> bool {
    matches!(answer, Availability::Done(true))
}
