//! What consoles ask an interactive session: `prompt` and `TabExpansion2`.

use std::sync::Arc;

use windlass_clixml::{PsObject, PsValue};

use super::{CORE, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::kind::{Kind, Scalar};
use crate::powershell::runspace::Runspace;

/// Most completions that are told.
const MOST: usize = 1000;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare("prompt", CORE, "Prompt", &[""]).synopsis("Gives the text of the prompt."),
            |_, cx, _| cx.write("PS> "),
        ),
        function(
            declare(
                "TabExpansion2",
                CORE,
                "TabExpansion",
                &["[-inputScript] <string> [[-cursorColumn] <int>] [[-options] <hashtable>]"],
            )
            .synopsis("Tells how a line can be completed."),
            tab_expansion,
        ),
    ]
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn tab_expansion(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let line = call.text("inputScript").unwrap_or_default();
    let units: Vec<u16> = line.encode_utf16().collect();
    let column = call.count("cursorColumn").unwrap_or(units.len()).min(units.len());
    let before = String::from_utf16_lossy(units.get(..column).unwrap_or_default());
    let (word, found) = completions(&before, cx.runspace());
    let length = word.encode_utf16().count();
    let (index, length) = match found.is_empty() {
        true => (-1, -1),
        false => (number(column.saturating_sub(length)), number(length)),
    };
    let result = |completion: Completion| -> PsValue {
        PsObject::typed(["System.Management.Automation.CompletionResult", "System.Object"])
            .with_to_string("System.Management.Automation.CompletionResult")
            .with_adapted("CompletionText", completion.text.as_str())
            .with_adapted("ListItemText", completion.text.trim_start_matches('-'))
            .with_adapted("ResultType", completion.kind)
            .with_adapted("ToolTip", completion.tip)
            .into()
    };
    let matches = PsValue::list(found.into_iter().take(MOST).map(result));
    let completion = PsObject::typed(["System.Management.Automation.CommandCompletion", "System.Object"])
        .with_to_string("System.Management.Automation.CommandCompletion")
        .with_adapted("CurrentMatchIndex", -1)
        .with_adapted("ReplacementIndex", index)
        .with_adapted("ReplacementLength", length)
        .with_adapted("CompletionMatches", matches);
    cx.write(PsValue::from(completion))
}

/// One way in which a word can go on.
struct Completion {
    text: String,
    kind: &'static str,
    tip: String,
}

/// The word before the cursor, and what it can become: a command, a parameter, or one of a parameter's values.
fn completions<'l>(before: &'l str, runspace: &Runspace) -> (&'l str, Vec<Completion>) {
    let statement = before
        .rfind(['|', ';', '(', '{'])
        .map_or(before, |place| before.get(place + 1..).unwrap_or_default());
    let statement = statement.trim_start();
    let word_start = statement.rfind([' ', ',']).map_or(0, |place| place + 1);
    let word = statement.get(word_start..).unwrap_or_default();
    let begins = |text: &str| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    if statement.is_empty() {
        return (word, Vec::new());
    }
    let mut words = statement.split_whitespace();
    let command = words.next().unwrap_or_default();
    if command.len() == statement.len() {
        let commands = runspace.commands().iter().map(|command| command.info());
        let fitting = commands.filter(|info| begins(info.name()));
        let found = fitting.map(|info| Completion {
            text: info.name().to_owned(),
            kind: "Command",
            tip: info.syntax().map(|line| format!("\n{line}\n")).collect(),
        });
        return (word, found.collect());
    }
    let Some(cmdlet) = runspace.commands().find(command) else { return (word, Vec::new()) };
    let info = cmdlet.info();
    if word.starts_with('-') {
        let names = info.parameters().iter().map(|parameter| format!("-{}", parameter.name));
        let mut found: Vec<String> = names.filter(|name| begins(name)).collect();
        found.sort();
        let completion = |text: String| Completion {
            tip: text.trim_start_matches('-').to_owned(),
            text,
            kind: "ParameterName",
        };
        return (word, found.into_iter().map(completion).collect());
    }
    let last = statement.get(..word_start).and_then(|rest| rest.split_whitespace().next_back());
    let parameter = last.and_then(|last| info.parameter(last.strip_prefix('-')?));
    let values = match parameter.map(|parameter| parameter.kind) {
        Some(Kind::One(Scalar::Enum(names)) | Kind::Many(Scalar::Enum(names))) => names.values,
        _ => &[],
    };
    let values = values.iter().map(|(name, _)| (*name).to_owned()).filter(|name| begins(name));
    let completion = |text: String| Completion { tip: text.clone(), text, kind: "ParameterValue" };
    (word, values.map(completion).collect())
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
