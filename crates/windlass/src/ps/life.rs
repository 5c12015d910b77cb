//! Leaving a session that lives on at the host, and coming back to it ([MS-PSRP] 3.1.4.9 to 3.1.4.11).

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use windlass_clixml::{Limits, PsObject, PsValue, StreamValue};
use windlass_psrp::PipelineState;
use windlass_wsman::{BufferMode, Disconnect};

use super::builder::check_idle_timeout;
use super::session::PsSession;
use super::shared::{Shared, Stage};
use crate::error::{Error, Result};

/// How a session is left.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct DisconnectOptions {
    /// How long the host keeps the session, at least 60 s; otherwise as agreed when it was opened.
    pub idle_timeout: Option<Duration>,
    /// What happens to output in the meantime: the pipeline waits when the host's buffer is full, or
    /// the oldest output is dropped.
    pub buffering: Option<BufferMode>,
}

/// What another client needs to come to a session that was left. It holds no secrets: whoever comes logs on as the
/// user whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTicket {
    /// The session's name.
    pub name: String,
    /// The id of the runspace pool and of its shell.
    pub instance_id: Uuid,
    /// The computer.
    pub computer_name: String,
    /// The endpoint.
    pub configuration_name: String,
}

/// Deepest nesting of what a file with a ticket holds.
const TICKET_DEPTH: usize = 8;

impl SessionTicket {
    /// The ticket as a file that another client gets: CLIXML, as `Export-Clixml` writes it.
    pub fn to_clixml(&self) -> String {
        let ticket = PsObject::custom()
            .with("Name", self.name.as_str())
            .with("InstanceId", PsValue::Guid(self.instance_id))
            .with("ComputerName", self.computer_name.as_str())
            .with("ConfigurationName", self.configuration_name.as_str());
        windlass_clixml::encode_document(&[StreamValue { stream: None, value: ticket.into() }])
    }

    /// Reads a ticket from such a file. A session that was printed as CLIXML serves as well.
    ///
    /// # Errors
    /// The text is no CLIXML, or what it holds is not one session.
    pub fn from_clixml(text: &str) -> Result<Self> {
        let refused = |reason: String| Error::usage(format!("no ticket of a session: {reason}"));
        let limits = Limits::default().with_depth(TICKET_DEPTH);
        let values = windlass_clixml::decode_document(text.trim_start_matches('\u{feff}'), &limits);
        let values = values.map_err(|error| refused(error.to_string()))?;
        let [StreamValue { value, .. }] = values.as_slice() else {
            return Err(refused(format!("it holds {} objects", values.len())));
        };
        let text = |name: &str| {
            let found = value.get(name).map(PsValue::unwrapped).and_then(PsValue::as_str);
            found.map(str::to_owned).ok_or_else(|| refused(format!("it lacks the text {name}")))
        };
        let instance_id = match value.get("InstanceId").map(PsValue::unwrapped) {
            Some(PsValue::Guid(id)) => *id,
            _ => return Err(refused("it lacks the GUID InstanceId".to_owned())),
        };
        Ok(Self {
            name: text("Name")?,
            instance_id,
            computer_name: text("ComputerName")?,
            configuration_name: text("ConfigurationName")?,
        })
    }
}

impl PsSession {
    /// Leaves the session. Its pipelines run on; their streams pause here until
    /// [`reconnect`](Self::reconnect), or go on in another client that connects. A session that is
    /// dropped while it is disconnected stays at the host.
    ///
    /// # Errors
    /// The session is not open, the idle time-out is too short, or the host does not let it be left.
    pub async fn disconnect(&self, options: DisconnectOptions) -> Result<()> {
        check_idle_timeout(options.idle_timeout)?;
        let shared = &self.shared;
        let left = shared.with_machine(|machine| machine.pool.disconnected());
        left.map_err(|error| shared.protocol_error(error))?;
        // Receives that are parked at the host come back at once, and must know why.
        shared.set_stage(Stage::Disconnected);
        let disconnect = Disconnect { idle_timeout: options.idle_timeout, buffer_mode: options.buffering };
        if let Err(error) = shared.link.disconnect(disconnect).await {
            shared.resume();
            return Err(error.while_doing("disconnecting a session"));
        }
        if options.idle_timeout.is_some() {
            shared.set_idle_timeout(options.idle_timeout);
        }
        shared.link.rest();
        Ok(())
    }

    /// Comes back to the session that this client left, and to its pipelines.
    ///
    /// # Errors
    /// The session was not left, or the host does not know it any more.
    pub async fn reconnect(&self) -> Result<()> {
        let shared = &self.shared;
        if shared.stage() != Stage::Disconnected {
            return Err(Error::usage("the session is not disconnected"));
        }
        let reconnected = async {
            shared.link.reconnect(None).await?;
            for pipeline in shared.disconnected_pipelines() {
                shared.link.reconnect(Some(pipeline)).await?;
            }
            Ok(())
        };
        reconnected.await.map_err(|error: Error| error.while_doing("reconnecting a session"))?;
        shared.resume();
        Ok(())
    }

    /// What another client needs to come to this session once it is disconnected.
    pub fn ticket(&self) -> SessionTicket {
        SessionTicket {
            name: self.name().to_owned(),
            instance_id: self.instance_id(),
            computer_name: self.computer_name().to_owned(),
            configuration_name: self.configuration_name().to_owned(),
        }
    }
}

impl Shared {
    /// The session counts as left because the host was not reached for too long. `false` where it
    /// cannot be left.
    pub(super) fn auto_disconnect(self: &Arc<Self>) -> bool {
        if self.stage() == Stage::Disconnected {
            return true;
        }
        let left = self.with_machine(|machine| machine.pool.disconnected()).is_ok();
        if left {
            self.set_stage(Stage::Disconnected);
        }
        left
    }

    /// The session goes on.
    fn resume(self: &Arc<Self>) {
        let pipelines = self.disconnected_pipelines();
        self.with_machine(|machine| {
            // Both can only fail for what has ended in the meantime.
            machine.pool.reconnected().ok();
            for pipeline in pipelines {
                machine.pool.pipeline_reconnected(pipeline).ok();
            }
        });
        self.set_stage(Stage::Open);
    }

    fn disconnected_pipelines(&self) -> Vec<Uuid> {
        let machine = self.machine();
        let is_left = |&id: &Uuid| machine.pool.pipeline_state(id) == Some(PipelineState::Disconnected);
        machine.pool.pipelines().filter(is_left).collect()
    }
}
