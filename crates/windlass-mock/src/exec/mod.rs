//! The cmd shell: programs of this computer, where the host allows it.

mod line;
mod process;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;
use windlass_wsman::{CommandLine, Fault, FaultCode, OptionSet, SignalCode};

use crate::host::Host;
use crate::shell::{Opening, Presence, Received};
use crate::wsman::Caller;
use process::{Launch, Process, Signal};

pub(crate) use line::split as split_line;

/// A shell that runs programs.
pub(crate) struct CmdShell {
    allowed: bool,
    environment: Vec<(String, String)>,
    working_directory: Option<String>,
    buffered_output: usize,
    presence: Arc<Presence>,
    processes: Mutex<HashMap<String, Arc<Process>>>,
    /// Nothing is started any more. Read and set with `processes` locked.
    is_closed: AtomicBool,
}

impl CmdShell {
    pub(crate) fn new(host: &Host, opening: &Opening, presence: &Arc<Presence>) -> Self {
        Self {
            allowed: host.config.allow_exec,
            environment: opening.environment.clone(),
            working_directory: opening.working_directory.clone(),
            buffered_output: host.config.limits.buffered_output,
            presence: Arc::clone(presence),
            processes: Mutex::default(),
            is_closed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Programs that were not terminated.
    pub(crate) fn commands(&self) -> usize {
        self.lock().len()
    }

    /// Id, line and state of each program.
    pub(crate) fn list(&self) -> Vec<(String, String, &'static str)> {
        let processes = self.lock();
        let described = processes.iter().map(|(id, process)| {
            (id.clone(), process.line().to_owned(), if process.has_ended() { "Done" } else { "Running" })
        });
        described.collect()
    }

    /// Starts a program.
    pub(crate) fn start(
        &self,
        id: Option<String>,
        command: &CommandLine<'_>,
        options: &OptionSet,
    ) -> Result<String, Box<Fault>> {
        if !self.allowed {
            let text = "This service runs no programs: it was started without permission to do so.";
            return Err(Box::new(Fault::access_denied().with_message(text)));
        }
        let id = id.unwrap_or_else(|| Uuid::new_v4().hyphenated().to_string().to_uppercase());
        // Held until the program is listed: of two commands with one id, the second is refused.
        let mut processes = self.lock();
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(Box::new(Fault::unexpected_selectors()));
        }
        if processes.contains_key(&id) {
            let text = format!("A command with the id {id} exists already.");
            return Err(Box::new(Fault::new(FaultCode::ALREADY_EXISTS).with_message(text)));
        }
        let skip_shell = options.get("WINRS_SKIP_CMD_SHELL").is_some_and(is_true);
        let process = Process::start(Launch {
            line: line::join(&command.command, &command.arguments),
            through_shell: !skip_shell,
            environment: &self.environment,
            working_directory: self.working_directory.as_deref(),
            buffered_output: self.buffered_output,
            presence: Arc::clone(&self.presence),
        })
        .map_err(|error| Box::new(cannot_start(&error)))?;
        processes.insert(id.clone(), process);
        Ok(id)
    }

    /// Takes input for a program.
    pub(crate) async fn send(
        &self,
        command: Option<&str>,
        stream: &str,
        data: Vec<u8>,
        end: bool,
        caller: &Caller,
    ) -> Result<(), Box<Fault>> {
        if stream != "stdin" {
            return Err(Box::new(Fault::new(FaultCode::SHELL_INVALID_INPUT_STREAM)));
        }
        let process = self.find(command)?;
        let sent = tokio::time::timeout_at(caller.deadline, process.write(&data, end));
        sent.await.map_err(|_| Box::new(Fault::timed_out()))
    }

    /// Waits for output of a program.
    pub(crate) async fn receive(
        &self,
        command: Option<&str>,
        streams: &[String],
        caller: &Caller,
    ) -> Result<Received, Box<Fault>> {
        if streams.iter().any(|stream| stream != "stdout" && stream != "stderr") {
            return Err(Box::new(Fault::new(FaultCode::SHELL_INVALID_DESIRED_STREAMS)));
        }
        let process = self.find(command)?;
        process.read(caller.payload_budget(), caller.deadline).await
    }

    /// Signals a program.
    pub(crate) fn signal(&self, command: Option<&str>, code: &SignalCode) -> Result<(), Box<Fault>> {
        let process = self.find(command)?;
        match code {
            SignalCode::Terminate => {
                process.signal(Signal::Kill);
                if let Some(command) = command {
                    self.lock().remove(command);
                }
            }
            SignalCode::CtrlC | SignalCode::PowerShellStop | SignalCode::PowerShellCtrlC => {
                process.signal(Signal::Interrupt);
            }
            SignalCode::CtrlBreak => process.signal(Signal::Break),
            SignalCode::Other(code) => {
                let text = format!("The signal {code} is not known.");
                return Err(Box::new(Fault::new(FaultCode::INVALID_PARAMETER).with_message(text)));
            }
        }
        Ok(())
    }

    /// Wakes programs' output that waits for room.
    pub(crate) fn wake(&self) {
        self.lock().values().for_each(|process| process.wake());
    }

    /// Ends all programs.
    pub(crate) fn close(&self) {
        let mut processes = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        let processes: Vec<_> = processes.drain().map(|(_, process)| process).collect();
        processes.iter().for_each(|process| process.signal(Signal::Kill));
    }

    /// The program of a command id; ids are compared with regard to case.
    fn find(&self, command: Option<&str>) -> Result<Arc<Process>, Box<Fault>> {
        let Some(command) = command else {
            let text = "A shell that runs programs has no streams of its own: a CommandId is needed.";
            return Err(Box::new(Fault::new(FaultCode::WIN32_INVALID_PARAMETER).with_message(text)));
        };
        self.lock().get(command).cloned().ok_or_else(|| Box::new(Fault::unexpected_selectors()))
    }
}

fn is_true(value: &str) -> bool {
    value.eq_ignore_ascii_case("TRUE") || value == "1"
}

/// What a program that cannot be started is reported as: the HRESULT of the Win32 code.
fn cannot_start(error: &std::io::Error) -> Fault {
    let (code, text) = match error.kind() {
        std::io::ErrorKind::NotFound => {
            (0x8007_0002, "The system cannot find the file specified.".to_owned())
        }
        std::io::ErrorKind::PermissionDenied => (0x8007_0005, "Access is denied.".to_owned()),
        _ => (0x8007_000B, format!("The program cannot be started: {error}.")),
    };
    Fault::new(FaultCode(code)).with_message(text)
}
