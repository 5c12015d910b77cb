//! What a pipeline of a pool reads from and writes to.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;
use windlass_clixml::PsValue;
use windlass_core::Secret;
use windlass_psrp::host::{HostMethod, HostReply, HostReturn};
use windlass_psrp::payload::UserEvent;
use windlass_psrp::{GetCommandMetadata, PowerShell};

use super::cmdlet::{Halt, Outcome};
use super::pool::{PoolShell, State};
use super::record::{Emission, Sink};
use super::runspace::Runspace;

/// Where the output of a pipeline goes: into the pool's outbox, as long as there is room.
pub(super) struct Outlet<'s> {
    pub(super) shell: &'s PoolShell,
    pub(super) id: Uuid,
    pub(super) runspace: &'s Runspace,
}

impl Sink for Outlet<'_> {
    fn emit(&mut self, emission: Emission) -> Outcome {
        let Self { shell, id, runspace } = self;
        let mut state = shell.lock();
        while state.pool.queued_bytes(Some(*id)) > shell.buffered_output {
            if runspace.stop().is_stopped() {
                return Err(Halt::Stopped);
            }
            if shell.presence.drops_output() {
                // More than need be, so that not every object has to look for room.
                state.pool.drop_oldest(*id, shell.buffered_output / 2);
                break;
            }
            let waited = shell.fetched.wait_timeout(state, Duration::from_secs(1));
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        let State { pool, pipelines, ready, .. } = &mut *state;
        let written = match emission {
            Emission::Output(value) => pool.write_output(*id, &value),
            Emission::Error(record) => pool.write_error(*id, &record),
            Emission::Informational(kind, record) => pool.write_informational(*id, kind, &record),
            Emission::Information(record) => pool.write_information(*id, &record),
            Emission::Progress(record) => pool.write_progress(*id, &record),
            Emission::HostCall(method) => pool.host_call(*id, *method).map(|_| ()),
            Emission::Raw(raw) => {
                pool.write_raw(raw.kind, (!raw.pool).then_some(*id), &raw.value);
                if raw.pool {
                    ready.notify_waiters();
                }
                Ok(())
            }
        };
        if let Some(pipeline) = pipelines.get(id) {
            pipeline.ready.notify_waiters();
        }
        // The pipeline is gone, or its pool: nobody reads what it writes.
        written.map_err(|_| Halt::Stopped)
    }

    fn call_host(&mut self, method: HostMethod) -> Result<HostReply, Halt> {
        if !method.id().expects_reply() {
            self.emit(Emission::HostCall(Box::new(method)))?;
            return Ok(HostReply::Value(HostReturn::Null));
        }
        let Self { shell, id, runspace } = self;
        let mut state = shell.lock();
        let call = state.pool.host_call(*id, method).map_err(|_| Halt::Stopped)?;
        state.set_host_awaited(*id, true);
        let reply = loop {
            if let Some(reply) = state.host_replies.remove(&(*id, call)) {
                break Ok(reply);
            }
            if runspace.stop().is_stopped() {
                break Err(Halt::Stopped);
            }
            let waited = shell.fetched.wait_timeout(state, Duration::from_secs(1));
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        };
        state.set_host_awaited(*id, false);
        reply
    }

    fn protect(&mut self, secret: &Secret) -> Result<PsValue, String> {
        let mut state = self.shell.lock();
        let value = state.pool.protect(secret);
        // Older clients are asked for their key.
        state.ready.notify_waiters();
        value.map_err(|error| error.to_string())
    }

    fn reveal(&mut self, value: &PsValue) -> Result<Secret, String> {
        self.shell.lock().pool.reveal(value).map_err(|error| error.to_string())
    }

    fn forward(&mut self, event: &UserEvent) -> Outcome {
        let mut state = self.shell.lock();
        let written = state.pool.write_user_event(event);
        state.ready.notify_waiters();
        written.map_err(|_| Halt::Stopped)
    }
}

/// The input of a pipeline; it ends with the client's input, or when the pipeline is stopped.
pub(super) struct Incoming(pub(super) mpsc::Receiver<PsValue>);

impl Iterator for Incoming {
    type Item = PsValue;

    fn next(&mut self) -> Option<PsValue> {
        self.0.blocking_recv()
    }
}

/// What GET_COMMAND_METADATA asks for, as two statements: how many commands there are, then each.
pub(super) fn metadata_query(request: &GetCommandMetadata) -> PowerShell {
    let properties =
        ["Name", "Namespace", "HelpUri", "CommandType", "ResolvedCommandName", "OutputType", "Parameters"];
    let texts =
        |texts: &[windlass_clixml::PsString]| PsValue::list(texts.iter().cloned().map(PsValue::String));
    let get = |query: PowerShell| {
        let mut query = query.command("Get-Command").parameter("CommandType", request.command_type);
        if let Some(names) = &request.names {
            query = query.parameter("Name", texts(names));
        }
        if let Some(modules) = &request.namespaces {
            query = query.parameter("Module", texts(modules));
        }
        query.parameter("ErrorAction", "SilentlyContinue").command("Select-Object")
    };
    let count = get(PowerShell::new())
        .parameter("Property", "Name")
        .command("Measure-Object")
        .command("Select-Object");
    let count = count.parameter("Property", PsValue::list(["Count".into()])).statement();
    get(count).parameter("Property", PsValue::list(properties.map(PsValue::from)))
}
