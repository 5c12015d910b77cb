//! A pipeline: commands that hand each object on to the next as soon as they have it.
//!
//! A pipeline runs on one thread. A command that writes calls the next one, so nothing is collected
//! unless a command has to, and a slow client slows down the first command.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::{InformationalKind, InvocationInfo, Merge, PipelineResultTypes};

use super::cmdlet::{Cmdlet, Halt, Outcome, Stage};
use super::context::Context;
use super::preference::Preferences;
use super::record::{Emission, Sink};
use super::runspace::Runspace;

/// Most commands in one pipeline. The commands of a pipeline call each other, so this bounds the stack.
pub(crate) const MOST_STAGES: usize = 64;

/// How one command of a pipeline was called.
pub(crate) struct Call {
    /// The command; none for a script or a value.
    pub(crate) command: Option<Arc<dyn Cmdlet>>,
    pub(crate) invocation: InvocationInfo,
    /// Whether error records carry the invocation.
    pub(crate) with_invocation: bool,
    pub(crate) preferences: Preferences,
    pub(crate) merge: Merge,
    /// The place in the pipeline, from 0.
    pub(crate) position: usize,
    /// Variables that get a copy of streams, each with the common parameter that asked for it.
    pub(crate) copies: Vec<(&'static str, String)>,
}

/// One command of a running pipeline.
pub(crate) struct Slot {
    pub(crate) call: Call,
    pub(crate) stage: Box<dyn Stage>,
    /// Whether it wants nothing more: input for it is dropped, and it is not ended.
    done: bool,
}

/// Where a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goes {
    /// To its own stream.
    ItsOwnWay,
    /// To the next command.
    Output,
    /// Nowhere.
    Nowhere,
}

impl Call {
    /// Begins the variables that get copies: a `+` before a name keeps what the variable holds.
    fn begin_copies(&self, runspace: &Runspace) {
        let Some(variables) = runspace.variables() else { return };
        for (_, name) in self.copies.iter().filter(|(_, name)| !name.starts_with('+')) {
            variables.set(name, PsValue::list([]));
        }
    }

    /// Keeps a copy for the variable that `parameter` named.
    pub(crate) fn copy(&self, parameter: &str, runspace: &Runspace, value: impl FnOnce() -> PsValue) {
        let Some((_, name)) = self.copies.iter().find(|(known, _)| *known == parameter) else { return };
        let Some(variables) = runspace.variables() else { return };
        let name = name.trim_start_matches('+');
        let mut items = match variables.get(name) {
            None | Some(PsValue::Null) => Vec::new(),
            Some(held) => held.items().map_or_else(|| vec![held.clone()], <[PsValue]>::to_vec),
        };
        items.push(value());
        variables.set(name, PsValue::list(items));
    }

    /// Where a record of the command goes.
    pub(crate) fn merged(&self, emission: &Emission) -> Goes {
        let Merge { my_result, to_result, error, warning, verbose, debug, information, .. } = self.merge;
        let (own, target) = match emission {
            Emission::Output(_) => return Goes::Output,
            Emission::Progress(_) | Emission::HostCall(_) | Emission::Raw(_) => return Goes::ItsOwnWay,
            Emission::Error(_) => (PipelineResultTypes::ERROR, error),
            Emission::Informational(InformationalKind::Warning, _) => (PipelineResultTypes::WARNING, warning),
            Emission::Informational(InformationalKind::Verbose, _) => (PipelineResultTypes::VERBOSE, verbose),
            Emission::Informational(InformationalKind::Debug, _) => (PipelineResultTypes::DEBUG, debug),
            Emission::Information(_) => (PipelineResultTypes::INFORMATION, information),
        };
        let older = my_result == own || my_result == PipelineResultTypes::ALL;
        match target {
            PipelineResultTypes::NONE if !older => Goes::ItsOwnWay,
            PipelineResultTypes::NONE => goes_to(to_result),
            target => goes_to(target),
        }
    }
}

fn goes_to(target: PipelineResultTypes) -> Goes {
    match target {
        PipelineResultTypes::OUTPUT => Goes::Output,
        PipelineResultTypes::NULL => Goes::Nowhere,
        _ => Goes::ItsOwnWay,
    }
}

impl Slot {
    /// A command that has not begun.
    pub(crate) fn new(call: Call, stage: Box<dyn Stage>) -> Self {
        Self { call, stage, done: false }
    }

    /// Hands an object to the command.
    pub(crate) fn process(
        &mut self,
        downstream: &mut [Slot],
        sink: &mut dyn Sink,
        runspace: &Runspace,
        input: Option<PsValue>,
    ) -> Outcome {
        if self.done {
            return Ok(());
        }
        if runspace.stop().is_stopped() {
            return Err(Halt::Stopped);
        }
        let Self { call, stage, .. } = self;
        stage.process(&mut Context { call, downstream, sink, runspace }, input)
    }

    fn begin(&mut self, downstream: &mut [Slot], sink: &mut dyn Sink, runspace: &Runspace) -> Outcome {
        let Self { call, stage, .. } = self;
        call.begin_copies(runspace);
        stage.begin(&mut Context { call, downstream, sink, runspace })
    }

    fn end(&mut self, downstream: &mut [Slot], sink: &mut dyn Sink, runspace: &Runspace) -> Outcome {
        if self.done {
            return Ok(());
        }
        self.done = true;
        let Self { call, stage, .. } = self;
        stage.end(&mut Context { call, downstream, sink, runspace })
    }
}

/// Where the objects for the first command come from.
pub(crate) enum Input<'a> {
    /// There are none; the command is called once without.
    None,
    /// From this source, until it gives no more.
    From(&'a mut dyn Iterator<Item = PsValue>),
}

/// Runs commands as one pipeline.
pub(crate) fn run(slots: &mut [Slot], input: Input<'_>, sink: &mut dyn Sink, runspace: &Runspace) -> Outcome {
    let count = slots.len();
    for place in 0..count {
        let Some((slot, rest)) = split(slots, place) else { break };
        if let Err(halt) = slot.begin(rest, sink, runspace) {
            enough_or(halt, slots)?;
        }
    }
    feed(slots, input, sink, runspace)?;
    for place in 0..count {
        let Some((slot, rest)) = split(slots, place) else { break };
        if let Err(halt) = slot.end(rest, sink, runspace) {
            enough_or(halt, slots)?;
        }
    }
    Ok(())
}

fn feed(slots: &mut [Slot], input: Input<'_>, sink: &mut dyn Sink, runspace: &Runspace) -> Outcome {
    let mut give = |slots: &mut [Slot], value| -> Result<bool, Halt> {
        let Some((first, rest)) = slots.split_first_mut() else { return Ok(false) };
        match first.process(rest, sink, runspace, value) {
            Ok(()) => Ok(!slots.first().is_none_or(|first| first.done)),
            Err(halt) => enough_or(halt, slots).map(|()| false),
        }
    };
    match input {
        Input::None => give(slots, None).map(|_| ()),
        Input::From(source) => {
            for value in source {
                if !give(slots, Some(value))? {
                    break;
                }
            }
            Ok(())
        }
    }
}

/// Ends the commands before one that has enough; anything else goes on as it is.
fn enough_or(halt: Halt, slots: &mut [Slot]) -> Outcome {
    let Halt::Enough(position) = halt else { return Err(halt) };
    for slot in slots.iter_mut().take_while(|slot| slot.call.position < position) {
        slot.done = true;
    }
    // The command itself is ended like any other, but gets no more input.
    match slots.iter().any(|slot| slot.call.position == position) {
        true => Ok(()),
        false => Err(halt),
    }
}

fn split(slots: &mut [Slot], place: usize) -> Option<(&mut Slot, &mut [Slot])> {
    slots.get_mut(place..)?.split_first_mut()
}
