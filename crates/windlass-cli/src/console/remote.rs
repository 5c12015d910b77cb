//! Lines that go to the session that was entered: what PowerShell's own console does with them, on the wire
//! too.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use windlass::{
    CreatePipeline, HostRequest, Invocation, InvokeOptions, NetworkEvent, PipelineEvent, PipelineState,
    PowerShell, SessionState,
};
use windlass_clixml::{PsValue, to_text};
use windlass_mock::powershell::{Emission, Outcome, Sink};
use windlass_psrp::{Command, Merge, PipelineResultTypes, RemoteStreamOptions};

use super::Session;
use super::editor::Complete;
use crate::cmdlets::invoke_work::{network_message, spoken};
use crate::cmdlets::script_block;
use crate::exit::Exit;
use crate::failure::text_of;
use crate::runspace::{SessionEntry, host_call};
use crate::terminal::legible;

/// How long the text of the prompt may take.
const PROMPT: Duration = Duration::from_secs(10);
/// How long completion may take.
const COMPLETION: Duration = Duration::from_secs(3);
/// How long a pipeline that was stopped may go on to speak.
const LAST_WORDS: Duration = Duration::from_secs(10);

impl Session {
    /// The prompt: the computer, and what its own `prompt` says.
    pub(super) fn remote_prompt(&self, entered: &SessionEntry) -> String {
        let mut options = InvokeOptions::default();
        options.timeout = Some(PROMPT);
        let running = entered.session.invoke_with(prompt_command(), &options);
        let said = match self.local.handle.block_on(running.collect()) {
            Ok(collected) if collected.state == PipelineState::Completed => {
                collected.output.iter().map(to_text).collect()
            }
            _ => String::new(),
        };
        let said = if said.trim().is_empty() { "PS> ".to_owned() } else { legible(&said, false) };
        format!("[{}]: {said}", entered.session.computer_name())
    }

    /// Runs a line in the session that was entered. `false` where that session is lost.
    pub(super) fn remote(&mut self, entered: &Arc<SessionEntry>, line: &str) -> bool {
        let word = line.trim();
        if word.is_empty() {
            return true;
        }
        let leaves = ["exit", "exsn", "Exit-PSSession"].iter().any(|known| word.eq_ignore_ascii_case(known));
        let text = if leaves { "Exit-PSSession" } else { line };
        let stop = self.begin();
        let _place = entered.work();
        let mut options = InvokeOptions::default();
        options.is_watched = true;
        let outcome = self.follow(entered.session.invoke_with(typed_line(text), &options), &stop);
        self.end();
        if let Err(error) = outcome {
            self.local.note(Exit::of(&error));
            self.screen.complain(&text_of(&error));
        }
        if leaves || self.local.is_to_leave() {
            self.local.leave();
        } else if entered.session.state() != SessionState::Opened {
            self.local.note(Exit::NOT_CONNECTED);
            self.screen.complain(&format!("the session with {} has ended", entered.session.computer_name()));
            self.local.leave();
            return false;
        }
        true
    }

    /// Shows what a pipeline says until it ends. An order to stop goes to the pipeline, which says its last
    /// words then; the session stays.
    fn follow(
        &mut self,
        mut invocation: Invocation,
        stop: &windlass_mock::powershell::Stop,
    ) -> windlass::Result<()> {
        let handle = self.local.handle.clone();
        let mut is_stopping = false;
        // A question that Ctrl-C ended is not answered: the order to stop is the answer.
        let mut unanswered = Vec::new();
        loop {
            if stop.is_stopped() && !is_stopping {
                is_stopping = true;
                handle.block_on(invocation.stop())?;
            }
            let event = handle.block_on(async {
                if is_stopping {
                    return Some(tokio::time::timeout(LAST_WORDS, invocation.next()).await.ok().flatten());
                }
                tokio::select! {
                    event = invocation.next() => Some(event),
                    () = stop.stopped() => None,
                }
            });
            match event {
                None => {}
                Some(None) => return Ok(()),
                Some(Some(event)) => {
                    // Whoever is told that the session has ended types on here.
                    let is_lost = matches!(event, Ok(PipelineEvent::Network(NetworkEvent::AutoDisconnected)));
                    let shown = self.show(event?, stop, &mut unanswered);
                    shown.unwrap_or_else(|_| stop.stop());
                    if is_lost {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn show(
        &mut self,
        event: PipelineEvent,
        stop: &windlass_mock::powershell::Stop,
        unanswered: &mut Vec<HostRequest>,
    ) -> Outcome {
        match spoken(event) {
            Ok(emission) => self.screen.emit(emission),
            Err(PipelineEvent::HostCall(request)) => {
                let (local, screen) = (Arc::clone(&self.local), &mut self.screen);
                let outcome = host_call(&local, &request, None, stop, &mut |emission| screen.emit(emission));
                if outcome.is_err() {
                    unanswered.push(request);
                }
                outcome
            }
            Err(PipelineEvent::Finished(PipelineState::Failed, Some(record))) => {
                self.screen.emit(Emission::Error(record))
            }
            Err(PipelineEvent::Network(event)) => {
                let computer = self.local.entered().map(|entry| entry.session.computer_name().to_owned());
                if let Some(message) = network_message(&computer.unwrap_or_default(), &event) {
                    self.screen.warn(&message);
                }
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }
}

/// `prompt`, as PowerShell asks for it.
fn prompt_command() -> CreatePipeline {
    let mut command = PowerShell::new().command("prompt");
    command.history = Some("prompt".into());
    command.redirect_errors = false;
    let mut create = CreatePipeline::from(command);
    create.remote_stream_options = RemoteStreamOptions(0);
    create
}

/// A line as PowerShell sends it: commands where it is made of nothing else, otherwise a script; the output
/// is shown by the other side.
fn typed_line(line: &str) -> CreatePipeline {
    let mut command = script_block::pipeline(line, &|_| None);
    let count: usize = command.statements.iter().map(Vec::len).sum();
    for statement in &mut command.statements {
        if count == 1
            && let Some(only) = statement.first_mut()
        {
            only.merge = Merge::ERROR_TO_OUTPUT;
        }
        let mut shown = Command::new("Out-Default");
        shown.use_local_scope = Some(true);
        // Output and errors, which is what this name stands for.
        shown.merge.previous_results = PipelineResultTypes::WARNING;
        statement.push(shown);
    }
    command.history = Some(line.trim().into());
    command.redirect_errors = false;
    let mut create = CreatePipeline::from(command);
    create.remote_stream_options = RemoteStreamOptions(0);
    create.add_to_history = true;
    create
}

/// Completes lines by asking the session.
pub(crate) struct Remote {
    pub(crate) entry: Arc<SessionEntry>,
    pub(crate) handle: Handle,
}

impl Complete for Remote {
    /// Nothing where the endpoint does not tell.
    fn complete(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or(line);
        let column = i32::try_from(before.encode_utf16().count()).unwrap_or(i32::MAX);
        let command = PowerShell::new()
            .command("TabExpansion2")
            .parameter("inputScript", line)
            .parameter("cursorColumn", column);
        let mut options = InvokeOptions::default();
        options.timeout = Some(COMPLETION);
        let running = self.entry.session.invoke_with(command, &options);
        match self.handle.block_on(running.collect()) {
            Ok(collected) => collected.output.first().and_then(|found| completions(found, line)),
            Err(_) => None,
        }
        .unwrap_or((at, Vec::new()))
    }
}

/// What a `CommandCompletion` offers.
fn completions(found: &PsValue, line: &str) -> Option<(usize, Vec<String>)> {
    let start = usize::try_from(found.get("ReplacementIndex")?.as_i32()?).ok()?;
    let start = byte_at(line, start)?;
    let matches = found.get("CompletionMatches")?.items()?;
    let texts = matches.iter().filter_map(|item| item.get("CompletionText"));
    Some((start, texts.map(|text| legible(&to_text(text), false).replace(['\n', '\t'], " ")).collect()))
}

/// Where in a text a column of UTF-16 units is.
fn byte_at(text: &str, column: usize) -> Option<usize> {
    let mut units = 0;
    let mut places = text.char_indices().map(|(place, character)| {
        let at = units;
        units += character.len_utf16();
        (place, at)
    });
    let found = places.by_ref().find(|(_, at)| *at >= column);
    found.map(|(place, _)| place).or_else(|| (text.encode_utf16().count() == column).then_some(text.len()))
}

#[cfg(test)]
mod tests {
    use windlass_clixml::PsObject;

    use super::*;

    #[test]
    fn completions_begin_where_the_other_side_says() {
        let item = |text: &str| PsValue::from(PsObject::untyped().with("CompletionText", text));
        let found = PsObject::untyped()
            .with("ReplacementIndex", 5)
            .with("CompletionMatches", PsValue::list([item("Get-Process"), item("a\u{1b}b")]));
        let (start, texts) = completions(&found.into(), "é😀; Get-Pro").unwrap();
        assert_eq!((start, texts), ("é😀; ".len(), vec!["Get-Process".to_owned(), "a\u{fffd}b".to_owned()]));
        assert_eq!(byte_at("ab", 2), Some(2));
        assert_eq!(byte_at("ab", 3), None);
    }

    #[test]
    fn lines_are_sent_as_powershell_sends_them() {
        let shown = |line: &str| {
            let create = typed_line(line);
            let one = |command: &Command| {
                let mark = if command.merge.error == PipelineResultTypes::OUTPUT { " 2>&1" } else { "" };
                let script = if command.is_script { "script " } else { "" };
                format!("{script}{}{mark}", command.text)
            };
            let statements = create.power_shell.statements.iter();
            let statements =
                statements.map(|statement| statement.iter().map(one).collect::<Vec<_>>().join(" | "));
            statements.collect::<Vec<_>>().join("; ")
        };
        for (line, expected) in [
            ("1+1", "script 1+1 2>&1 | Out-Default"),
            ("cd /", "cd 2>&1 | Out-Default"),
            ("Write-Host hi; Write-Error bad", "Write-Host | Out-Default; Write-Error | Out-Default"),
        ] {
            assert_eq!(shown(line), expected);
        }
    }
}
