//! The client's side: one case against any server.

use uuid::Uuid;
use windlass_clixml::{PsObject, PsValue, to_text};
use windlass_core::Secret;
use windlass_psrp::host::{Choice, HostCall, HostMethod, HostReply, HostReturn, KeyInfo};
use windlass_psrp::{
    ClientEvent, ClientPool, CreatePipeline, ErrorCategory, ErrorRecord, GetCommandMetadata, Merge,
    PipelineState, PoolOptions, PoolState, PowerShell,
};

use crate::{Line, Outcome, read_line, saw, send, write_line};

/// Bytes in a line at most, header of the fragment included: small, so that messages are cut.
const ROOM: usize = 2000;

struct Client {
    pool: ClientPool,
    open: usize,
    stop_after: Option<usize>,
    outputs: usize,
    secrets: Vec<PsValue>,
}

pub(crate) fn run(case: &str) -> Outcome {
    let options = PoolOptions { max_runspaces: 3, ..PoolOptions::default() };
    let mut client =
        Client { pool: ClientPool::new(options), open: 0, stop_after: None, outputs: 0, secrets: Vec::new() };
    let creation = client.pool.creation_fragments(ROOM)?;
    send(&windlass_psrp::Outgoing { pipeline: None, stream: windlass_psrp::Stream::Default, data: creation });
    client.until(|client| client.pool.state() == PoolState::Opened)?;
    client.case(case)?;
    client.until(|client| client.open == 0)?;
    client.pool.closing();
    write_line("close");
    client.pool.closed();
    saw("pool", client.pool.state().name());
    Ok(())
}

impl Client {
    fn case(&mut self, case: &str) -> Outcome {
        match case {
            "open" => saw(
                "version",
                &self.pool.protocol_version().map(|version| version.to_string()).unwrap_or_default(),
            ),
            "command" => {
                let show = PowerShell::new()
                    .command("show")
                    .parameter("Name", "a name")
                    .parameter("Count", 3)
                    .switch("Force")
                    .argument(PsValue::list([1.into(), "two".into()]))
                    .command("second")
                    .merge(Merge::ERROR_TO_OUTPUT)
                    .statement()
                    .add_script("third");
                self.start(show)?;
            }
            "streams" => self.start(PowerShell::script("streams"))?,
            "input" => {
                let id = self
                    .pool
                    .create_pipeline(CreatePipeline::from(PowerShell::script("input")).with_input())?;
                self.command(id)?;
                // Null is left out: PowerShell sends it as no data at all, which psrpcore cannot read.
                for value in [PsValue::from("text"), 7.into(), "x".repeat(9000).into()] {
                    self.pool.send_input(id, &value)?;
                }
                let object = PsObject::custom().with("A", 1).with("B", "two");
                self.pool.send_input(id, &object.into())?;
                self.pool.end_input(id)?;
            }
            "stop" => {
                self.stop_after = Some(2);
                self.start(PowerShell::script("forever"))?;
            }
            "several" => {
                for name in ["first", "second", "third"] {
                    self.start(PowerShell::new().command("name").argument(name))?;
                }
            }
            "fail" => self.start(PowerShell::script("fail"))?,
            "secret-to-server" => {
                let secret = self.pool.protect(&Secret::new("geheim \u{2603}"))?;
                let credential = self.pool.protect_credential("alice", &Secret::new("pw"))?;
                let reveal = PowerShell::new().command("reveal").argument(secret).argument(credential);
                let id = self.pool.create_pipeline(reveal)?;
                self.open += 1;
                self.until(|client| client.pool.has_session_key())?;
                self.command_only(id)?;
            }
            "secret-from-server" => {
                self.pool.request_session_key()?;
                self.start(PowerShell::script("secret"))?;
            }
            "key-asked-for" => self.start(PowerShell::script("ask-key"))?,
            "host" => self.start(PowerShell::script("host"))?,
            "pool-calls" => {
                self.pool.get_available_runspaces()?;
                self.pool.set_max_runspaces(5)?;
                self.pool.set_min_runspaces(2)?;
                self.pool.reset_runspace_state()?;
                self.open += 4;
            }
            "metadata" => {
                let id = self.pool.get_command_metadata(&GetCommandMetadata::new(["Get-*"]))?;
                self.command(id)?;
            }
            other => return Err(format!("no case {other}").into()),
        }
        Ok(())
    }

    fn start(&mut self, power_shell: PowerShell) -> Outcome {
        let id = self.pool.create_pipeline(power_shell)?;
        self.command(id)
    }

    fn command(&mut self, id: Uuid) -> Outcome {
        self.open += 1;
        self.command_only(id)
    }

    fn command_only(&mut self, id: Uuid) -> Outcome {
        let data = self.pool.command_arguments(id, ROOM)?.ok_or("the pipeline waits for the session key")?;
        let stream = windlass_psrp::Stream::Default;
        send(&windlass_psrp::Outgoing { pipeline: Some(id), stream, data });
        Ok(())
    }

    /// Sends, reads and looks at events until the condition holds.
    fn until(&mut self, done: impl Fn(&Self) -> bool) -> Outcome {
        loop {
            while let Some(event) = self.pool.poll_event() {
                self.event(event)?;
            }
            while let Some(outgoing) = self.pool.poll_send(ROOM) {
                send(&outgoing);
            }
            if done(self) {
                return Ok(());
            }
            match read_line()? {
                Some(Line::Data(id, _, data)) => self.pool.receive(id, &data)?,
                Some(_) => return Err("that is for a server".into()),
                None => return Err("the other side has ended".into()),
            }
        }
    }

    fn event(&mut self, event: ClientEvent) -> Outcome {
        match event {
            ClientEvent::ApplicationPrivateData(data) => saw("private", &to_text(&data)),
            ClientEvent::PoolState { state, .. } => saw("pool", state.name()),
            ClientEvent::PipelineOutput { pipeline, value } => self.output(pipeline, value)?,
            ClientEvent::PipelineError { error, .. } => {
                saw(
                    "error-record",
                    &format!(
                        "{}|{}|{}|{}",
                        error.message(),
                        error.fully_qualified_error_id,
                        error.category_text(),
                        to_text(&error.target_object)
                    ),
                );
            }
            ClientEvent::Warning { record, .. } => saw("warning", &record.message),
            ClientEvent::Verbose { record, .. } => saw("verbose", &record.message),
            ClientEvent::Debug { record, .. } => saw("debug", &record.message),
            ClientEvent::Information { record, .. } => {
                let tags: Vec<&str> = record.tags.iter().map(|tag| tag.as_str()).collect();
                saw(
                    "information",
                    &format!(
                        "{}|{}|{}|{}",
                        to_text(&record.message_data),
                        record.source,
                        tags.join(","),
                        record.user
                    ),
                );
            }
            ClientEvent::Progress { record, .. } => {
                saw(
                    "progress",
                    &format!("{}|{}|{}", record.activity, record.status_description, record.percent_complete),
                );
            }
            ClientEvent::PipelineState { pipeline, state, error } => {
                if state.is_final() {
                    let why = error.map(|error| error.message().to_owned()).unwrap_or_default();
                    saw("state", &format!("{} {why}", state.name()));
                    self.end(pipeline);
                }
            }
            ClientEvent::PipelineFailed { pipeline, error } => {
                saw("failed", &error.to_string());
                self.end(pipeline);
            }
            ClientEvent::Availability { call_id, answer } => {
                saw("availability", &format!("{call_id} {answer:?}"));
                self.open -= 1;
            }
            ClientEvent::SessionKey => {
                saw("key", "");
                for value in std::mem::take(&mut self.secrets) {
                    saw("secret", self.pool.reveal(&value)?.expose());
                }
            }
            ClientEvent::HostCall { pipeline, call } => self.host_call(pipeline, &call)?,
            ClientEvent::UserEvent(event) => saw("event", &event.source_identifier),
            other => saw("other", &format!("{other:?}")),
        }
        Ok(())
    }

    fn output(&mut self, pipeline: Uuid, value: PsValue) -> Outcome {
        self.outputs += 1;
        if matches!(value, PsValue::SecureString(_)) {
            match self.pool.reveal(&value) {
                Ok(secret) => saw("secret", secret.expose()),
                Err(_) => self.secrets.push(value),
            }
        } else {
            saw("output", &to_text(&value));
        }
        if self.stop_after == Some(self.outputs) && self.pool.stop(pipeline)? {
            write_line(&format!("signal {pipeline}"));
        }
        Ok(())
    }

    fn end(&mut self, pipeline: Uuid) {
        debug_assert!(self.pool.pipeline_state(pipeline).is_some_and(PipelineState::is_final));
        write_line(&format!("end {pipeline}"));
        self.pool.close_pipeline(pipeline);
        self.open -= 1;
    }

    /// Answers as a user with a fixed mind would.
    fn host_call(&mut self, pipeline: Option<Uuid>, call: &HostCall) -> Outcome {
        let value = match &call.method {
            HostMethod::ReadLine => HostReturn::Text("typed".into()),
            HostMethod::PromptForChoice { choices, default_choice, .. } => {
                let labels: Vec<&str> = choices.iter().map(|Choice { label, .. }| label.as_str()).collect();
                saw("choices", &format!("{} {default_choice}", labels.join(",")));
                HostReturn::Number(1)
            }
            HostMethod::PromptForChoiceMultipleSelection { default_choices, .. } => {
                HostReturn::Numbers(default_choices.clone())
            }
            HostMethod::Prompt { descriptions, .. } => HostReturn::Fields(
                descriptions.iter().map(|field| (field.name.clone(), "filled".into())).collect(),
            ),
            HostMethod::PromptForCredential1 { user_name, .. }
            | HostMethod::PromptForCredential2 { user_name, .. } => {
                let password = self.pool.protect(&Secret::new("from the user"))?;
                HostReturn::Credential { user_name: user_name.clone(), password }
            }
            HostMethod::ReadLineAsSecureString => {
                HostReturn::Secret(self.pool.protect(&Secret::new("hidden"))?)
            }
            HostMethod::ReadKey { .. } => HostReturn::Key(KeyInfo {
                virtual_key_code: 65,
                character: 97,
                control_key_state: 0,
                key_down: true,
            }),
            HostMethod::GetBufferContents { .. } => {
                let error = ErrorRecord::new(
                    "System.NotSupportedException",
                    "refused",
                    ErrorCategory::PermissionDenied,
                );
                self.pool.host_response(pipeline, call, HostReply::Error(Box::new(error)))?;
                return Ok(());
            }
            other => {
                let arguments: Vec<String> = other.arguments().iter().map(to_text).collect();
                saw("call", &format!("{} {}", other.id(), arguments.join("|")));
                HostReturn::Null
            }
        };
        self.pool.host_response(pipeline, call, HostReply::Value(value))?;
        Ok(())
    }
}
