//! The cmdlets, a module for each family. The table in `windlass-mock` says what they are called and what
//! they take; here is what they do.

mod abreast;
mod cim_change;
mod cim_class;
mod cim_get;
mod cim_reach;
mod cim_session;
mod copy_item;
mod credential;
mod invoke_command;
pub(crate) mod invoke_work;
mod jobs;
mod ps_enter;
mod ps_life;
mod ps_session;
pub(crate) mod script_block;
pub(crate) mod session_option;
mod what_if;
mod wsman;

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_mock::powershell::{
    Bound, Cmdlet, CommandInfo, Commands, Context, Failure, Outcome, Stage, declared, stage,
};

use crate::runspace::Local;

/// The cmdlets of one module.
type Family = fn(&Arc<Local>) -> Vec<Arc<dyn Cmdlet>>;

/// Adds every cmdlet to the commands of a runspace.
pub(crate) fn add_to(commands: &mut Commands, local: &Arc<Local>) {
    let families: [Family; 13] = [
        ps_session::all,
        ps_life::all,
        ps_enter::all,
        session_option::all,
        invoke_command::all,
        copy_item::all,
        jobs::all,
        credential::all,
        cim_session::all,
        cim_get::all,
        cim_class::all,
        cim_change::all,
        wsman::all,
    ];
    for family in families {
        for cmdlet in family(local) {
            commands.add(cmdlet);
        }
    }
}

/// What a cmdlet does with its arguments: one set of them for each object that came through the pipeline.
type Work = fn(&Arc<Local>, &[Bound], &mut Context<'_>) -> Outcome;

/// A cmdlet of the table that works when all its input is there.
fn cmdlet(local: &Arc<Local>, name: &str, synopsis: &str, work: Work) -> Arc<dyn Cmdlet> {
    let info = declared(name).map(|info| info.synopsis(synopsis));
    debug_assert!(info.is_some(), "{name} is not in the table");
    let info = Arc::new(with_what_if(info.unwrap_or_else(nameless)));
    let (local, known) = (Arc::clone(local), Arc::clone(&info));
    stage(CommandInfo::clone(&info), move |call| {
        Ok(Gathered { local: Arc::clone(&local), info: Arc::clone(&known), call, calls: Vec::new(), work })
    })
}

/// Cmdlets that change nothing, wherever it is, and that `-WhatIf` therefore lets do what they do.
const HARMLESS: [&str; 5] =
    ["Get-Job", "Wait-Job", "Get-Credential", "New-PSSessionOption", "New-CimSessionOption"];

/// With `-WhatIf`, for those that send or change something.
fn with_what_if(info: CommandInfo) -> CommandInfo {
    if HARMLESS.contains(&info.name()) { info } else { info.own_switch("WhatIf") }
}

fn nameless() -> CommandInfo {
    // Reached only where the table lacks a cmdlet, which a test rules out.
    match CommandInfo::new("Missing-Command", &[]) {
        Ok(info) => info,
        Err(_) => nameless(),
    }
}

struct Gathered {
    local: Arc<Local>,
    info: Arc<CommandInfo>,
    call: Bound,
    calls: Vec<Bound>,
    work: Work,
}

impl Stage for Gathered {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let Some(input) = input else {
            self.calls.push(self.call.clone());
            return Ok(());
        };
        match self.call.with_input(&self.info, &input) {
            Ok(call) => self.calls.push(call),
            Err(failure) => cx.error(Failure::about(*failure, input))?,
        }
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let does_something = self.info.parameter("WhatIf").is_some();
        if does_something && self.calls.iter().any(|call| what_if::is_asked(&self.local, call)) {
            return self
                .calls
                .iter()
                .try_for_each(|call| what_if::tell(&self.local, self.info.name(), call, cx));
        }
        (self.work)(&self.local, &self.calls, cx)
    }
}

/// Work that takes each set of arguments for itself.
fn each(
    local: &Arc<Local>,
    calls: &[Bound],
    cx: &mut Context<'_>,
    work: fn(&Arc<Local>, &Bound, &mut Context<'_>) -> Outcome,
) -> Outcome {
    calls.iter().try_for_each(|call| work(local, call, cx))
}

/// How many computers are worked on at a time: nothing means the default, and so do 0 and less, as in PowerShell.
fn throttle(call: &Bound) -> usize {
    call.count("ThrottleLimit").filter(|count| *count > 0).unwrap_or(windlass::DEFAULT_THROTTLE)
}
