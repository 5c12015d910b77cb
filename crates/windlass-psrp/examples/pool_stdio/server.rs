//! The server's side: pipelines by the text of their first command.

use std::collections::BTreeMap;

use uuid::Uuid;
use windlass_clixml::{
    Civil, DateTimeKind, ProgressRecord, PsDateTime, PsObject, PsString, PsValue, to_text,
};
use windlass_core::Secret;
use windlass_psrp::host::{
    Choice, Coordinates, FieldDescription, HostMethod, HostReply, HostResponse, HostReturn, Rectangle,
};
use windlass_psrp::payload::primitive_dictionary;
use windlass_psrp::{
    Command, CreatePipeline, ErrorCategory, ErrorRecord, InformationRecord, InformationalRecord,
    InvocationInfo, PipelineState, ServerEvent, ServerOptions, ServerPool,
};

use crate::{Line, Outcome, read_line, saw, send, write_line};

const ROOM: usize = 2000;

struct Server {
    pool: ServerPool,
    /// Questions to the host that each pipeline still asks.
    questions: BTreeMap<Uuid, Vec<HostMethod>>,
}

pub(crate) fn run() -> Outcome {
    let private = primitive_dictionary([("Made", PsValue::from("here"))]);
    let options = ServerOptions { application_private_data: private, ..ServerOptions::default() };
    let mut server = Server { pool: ServerPool::new(options), questions: BTreeMap::new() };
    loop {
        let outcome = match read_line()? {
            None => return Ok(()),
            Some(Line::Data(id, stream, data)) => server.pool.receive(id, stream, &data),
            Some(Line::Signal(id)) => server.pool.stop(id),
            Some(Line::End(id)) => {
                server.pool.close_pipeline(id);
                Ok(())
            }
            Some(Line::Close) => {
                server.pool.close();
                Ok(())
            }
        };
        if let Err(error) = outcome {
            saw("error", &error.to_string());
        }
        while let Some(event) = server.pool.poll_event() {
            server.event(event)?;
        }
        while let Some(outgoing) = server.pool.poll_send(ROOM) {
            send(&outgoing);
        }
        write_line("idle");
    }
}

impl Server {
    fn event(&mut self, event: ServerEvent) -> Outcome {
        match event {
            ServerEvent::Opened(init) => {
                saw(
                    "opened",
                    &format!(
                        "{} {} {}",
                        init.min_runspaces,
                        init.max_runspaces,
                        to_text(&init.application_arguments)
                    ),
                );
            }
            ServerEvent::CreatePipeline { id, create } => self.create(id, &create)?,
            ServerEvent::GetCommandMetadata { id, request } => {
                let names: Vec<&str> = request.names.iter().flatten().map(|name| name.as_str()).collect();
                saw("metadata", &names.join(","));
                self.pool.write_output(id, &PsObject::custom().with("Count", 1).into())?;
                self.pool.write_output(id, &PsObject::custom().with("Name", "Get-Thing").into())?;
                self.pool.complete(id, PipelineState::Completed, None)?;
            }
            ServerEvent::Input { id, value } => self.pool.write_output(id, &value)?,
            ServerEvent::EndOfInput { id } => self.pool.complete(id, PipelineState::Completed, None)?,
            ServerEvent::Stop { id } => {
                if self.pool.may_write(id) {
                    self.pool.complete(id, PipelineState::Stopped, Some(ErrorRecord::stopped()))?;
                }
            }
            ServerEvent::HostResponse { pipeline: Some(id), response } => self.answered(id, response)?,
            ServerEvent::ResetRunspaceState { call_id } => self.pool.reset_done(call_id, true)?,
            ServerEvent::Runspaces { min, max } => saw("runspaces", &format!("{min} {max}")),
            ServerEvent::SessionKey => saw("key", ""),
            other => saw("other", &format!("{other:?}")),
        }
        Ok(())
    }

    fn create(&mut self, id: Uuid, create: &CreatePipeline) -> Outcome {
        let commands: Vec<&Command> = create.power_shell.commands().collect();
        let first = commands.first().ok_or("no command")?;
        match first.text.as_str() {
            "show" => {
                for command in commands {
                    let shown: Vec<String> = command
                        .parameters
                        .iter()
                        .map(|parameter| {
                            format!(
                                "{}={}",
                                parameter.name.as_deref().unwrap_or("-"),
                                to_text(&parameter.value)
                            )
                        })
                        .collect();
                    let text = format!("{} {} {}", command.text, command.is_script, shown.join(";"));
                    self.pool.write_output(id, &text.into())?;
                }
                self.pool
                    .write_output(id, &PsValue::from(create.power_shell.statements.len().to_string()))?;
            }
            "streams" => self.streams(id)?,
            "input" | "forever" => {
                if first.text.as_str() == "forever" {
                    self.pool.write_output(id, &1.into())?;
                }
                return Ok(());
            }
            "fail" => {
                let error = ErrorRecord::new(
                    "System.InvalidOperationException",
                    "it failed",
                    ErrorCategory::InvalidOperation,
                );
                self.pool.complete(id, PipelineState::Failed, Some(error.with_id("ItFailed")))?;
                return Ok(());
            }
            "reveal" => {
                for parameter in &first.parameters {
                    let secret = match parameter.value.get("Password") {
                        Some(password) => self.pool.reveal(password)?,
                        None => self.pool.reveal(&parameter.value)?,
                    };
                    self.pool.write_output(id, &secret.expose().into())?;
                }
            }
            "secret" => {
                let secret = self.pool.protect(&Secret::new("server \u{2603}"))?;
                self.pool.write_output(id, &secret)?;
                let credential = self.pool.protect_credential("bob", &Secret::new("c"))?;
                self.pool.write_output(id, &credential)?;
            }
            "host" => {
                self.questions.insert(id, questions());
                return self.ask(id);
            }
            text => self.pool.write_output(id, &text.into())?,
        }
        self.pool.complete(id, PipelineState::Completed, None)?;
        Ok(())
    }

    fn streams(&mut self, id: Uuid) -> Outcome {
        self.pool.write_output(id, &"out".into())?;
        let error =
            ErrorRecord::new("System.ArgumentException", "bad argument", ErrorCategory::InvalidArgument)
                .with_id("BadArgument")
                .with_target("target", "target", "String")
                .with_activity("Test-It")
                .with_invocation(InvocationInfo { line: "the line".into(), ..InvocationInfo::default() });
        self.pool.write_error(id, &error)?;
        let record = |text: &str| InformationalRecord::new(text).with_invocation(InvocationInfo::default());
        self.pool.write_warning(id, &record("warn"))?;
        self.pool.write_verbose(id, &InformationalRecord::new("verb"))?;
        self.pool.write_debug(id, &record("dbg"))?;
        let mut progress = ProgressRecord::new(4, "activity", "status");
        progress.percent_complete = 42;
        self.pool.write_progress(id, &progress)?;
        let civil = Civil { year: 2024, month: 5, day: 6, hour: 7, minute: 8, second: 9, ticks: 0 };
        let time = PsDateTime::from_civil(civil, DateTimeKind::Utc).ok_or("no such time")?;
        let information = InformationRecord {
            message_data: "info".into(),
            source: "source".into(),
            time_generated: time,
            tags: vec![PsString::from("a"), PsString::from("b")],
            user: "alice".into(),
            computer: "here".into(),
            process_id: 1,
            native_thread_id: 2,
            managed_thread_id: 3,
        };
        self.pool.write_information(id, &information)?;
        Ok(())
    }

    /// Asks the next question, or ends.
    fn ask(&mut self, id: Uuid) -> Outcome {
        while let Some(method) = self.questions.get_mut(&id).and_then(Vec::pop) {
            let waits = method.id().expects_reply();
            self.pool.host_call(id, method)?;
            if waits {
                return Ok(());
            }
        }
        self.questions.remove(&id);
        self.pool.complete(id, PipelineState::Completed, None)?;
        Ok(())
    }

    fn answered(&mut self, id: Uuid, response: HostResponse) -> Outcome {
        let text = match response.reply {
            HostReply::Error(error) => format!("error {}", error.message()),
            HostReply::Value(HostReturn::Secret(value)) => {
                format!("secret {}", self.pool.reveal(&value)?.expose())
            }
            HostReply::Value(HostReturn::Credential { user_name, password }) => {
                format!("credential {user_name} {}", self.pool.reveal(&password)?.expose())
            }
            HostReply::Value(HostReturn::Fields(fields)) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}={}", to_text(value))).collect();
                fields.join(",")
            }
            HostReply::Value(value) => format!("{value:?}"),
        };
        self.pool.write_output(id, &format!("{} {text}", response.method).into())?;
        self.ask(id)
    }
}

/// One of every shape of question, the last asked first.
fn questions() -> Vec<HostMethod> {
    let choice = |label: &str| Choice { label: label.into(), help_message: "help".into() };
    vec![
        HostMethod::GetBufferContents { rectangle: Rectangle { left: 0, top: 0, right: 1, bottom: 1 } },
        HostMethod::SetCursorPosition { position: Coordinates { x: 3, y: 4 } },
        HostMethod::ReadKey { options: 6 },
        HostMethod::PromptForCredential1 {
            caption: "cap".into(),
            message: "msg".into(),
            user_name: "bob".into(),
            target_name: "target".into(),
        },
        HostMethod::ReadLineAsSecureString,
        HostMethod::Prompt {
            caption: "cap".into(),
            message: "msg".into(),
            descriptions: vec![FieldDescription::text("Name")],
        },
        HostMethod::PromptForChoice {
            caption: "cap".into(),
            message: "msg".into(),
            choices: vec![choice("&Yes"), choice("&No")],
            default_choice: 1,
        },
        HostMethod::ReadLine,
        HostMethod::GetBufferSize,
        HostMethod::WriteLine2 { value: "hello".into() },
    ]
}
