//! Questions about the runspaces of a pool.

use super::{ClientEvent, ClientPool};
use crate::error::PsrpError;
use crate::message::MessageType;
use crate::payload::{Availability, Payload, PoolCall, RunspaceAvailability, SetRunspaces};
use crate::state::PoolState;
use crate::version::ProtocolVersion;

/// A question that has not been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Max(i32),
    Min(i32),
    Available,
    Reset,
}

/// Whether a pool can have these limits.
pub(super) fn check_limits(min: i32, max: i32) -> Result<(), PsrpError> {
    if min < 1 {
        return Err(PsrpError::RunspaceLimits("a pool has at least one runspace"));
    }
    if min > max {
        return Err(PsrpError::RunspaceLimits("the fewest runspaces of a pool are more than the most"));
    }
    Ok(())
}

impl ClientPool {
    /// Asks for another upper limit and gives the number of the question. The answer comes as
    /// [`ClientEvent::Availability`].
    ///
    /// # Errors
    /// When the pool is not open, or the limit is below the lower one.
    pub fn set_max_runspaces(&mut self, count: i32) -> Result<i64, PsrpError> {
        check_limits(self.options.min_runspaces, count)?;
        let call_id = self.next_question("changing the limits", Question::Max(count))?;
        self.push(MessageType::SetMaxRunspaces, None, &SetRunspaces::Max { count, call_id }.to_value());
        Ok(call_id)
    }

    /// Asks for another lower limit and gives the number of the question.
    ///
    /// # Errors
    /// When the pool is not open, or the limit is above the upper one.
    pub fn set_min_runspaces(&mut self, count: i32) -> Result<i64, PsrpError> {
        check_limits(count, self.options.max_runspaces)?;
        let call_id = self.next_question("changing the limits", Question::Min(count))?;
        self.push(MessageType::SetMinRunspaces, None, &SetRunspaces::Min { count, call_id }.to_value());
        Ok(call_id)
    }

    /// Asks how many runspaces are free and gives the number of the question.
    ///
    /// # Errors
    /// When the pool is not open.
    pub fn get_available_runspaces(&mut self) -> Result<i64, PsrpError> {
        let call_id = self.next_question("asking for free runspaces", Question::Available)?;
        let value = PoolCall { call_id }.to_value(self.agreed())?;
        self.push(MessageType::GetAvailableRunspaces, None, &value);
        Ok(call_id)
    }

    /// Asks the server to forget what the runspace holds and gives the number of the question.
    ///
    /// # Errors
    /// When the pool is not open, or the protocol agreed on is older than 2.3.
    pub fn reset_runspace_state(&mut self) -> Result<i64, PsrpError> {
        self.agreed().require(ProtocolVersion::V2_3, "resetting a runspace")?;
        let call_id = self.next_question("resetting a runspace", Question::Reset)?;
        let value = PoolCall { call_id }.to_value(self.agreed())?;
        self.push(MessageType::ResetRunspaceState, None, &value);
        Ok(call_id)
    }

    pub(super) fn answered(&mut self, message: RunspaceAvailability) -> Result<(), PsrpError> {
        let RunspaceAvailability { call_id, answer } = message;
        let question = self
            .questions
            .remove(&call_id)
            .ok_or(PsrpError::UnknownCall { what: "RUNSPACE_AVAILABILITY", call_id })?;
        match (question, answer) {
            (Question::Max(count), Availability::Done(true)) => self.options.max_runspaces = count,
            (Question::Min(count), Availability::Done(true)) => self.options.min_runspaces = count,
            _ => {}
        }
        self.events.push_back(ClientEvent::Availability { call_id, answer });
        Ok(())
    }

    fn next_question(&mut self, action: &'static str, question: Question) -> Result<i64, PsrpError> {
        self.require(&[PoolState::Opened], action)?;
        self.last_question += 1;
        self.questions.insert(self.last_question, question);
        Ok(self.last_question)
    }
}
