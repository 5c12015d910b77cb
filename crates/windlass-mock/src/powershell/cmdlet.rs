//! Commands in Rust: the two traits that a command implements.

use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::ErrorRecord;

use super::bind::Bound;
use super::command::CommandInfo;
use super::context::Context;
use super::failure::Failure;

/// Why a command does not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Halt {
    /// The pipeline was stopped, or its client is gone.
    Stopped,
    /// The command at this position (from 0) wants no more input: those before it end.
    Enough(usize),
    /// An error that ends the pipeline.
    Failed(Box<ErrorRecord>),
    /// An error that ends the script, too, since a preference or `-ErrorAction` says Stop.
    Final(Box<ErrorRecord>),
}

/// What a command returns: whether to go on. Pass on what [`Context`]'s methods return with `?`.
pub type Outcome = Result<(), Halt>;

/// A command that pipelines can call by its name.
pub trait Cmdlet: Send + Sync {
    /// Its name and parameters.
    fn info(&self) -> &CommandInfo;

    /// Begins one call with these arguments, which are bound and converted already.
    ///
    /// # Errors
    /// What is wrong with the arguments: the pipeline ends with it.
    fn start(&self, arguments: Bound) -> Result<Box<dyn Stage>, Box<Failure>>;
}

/// One call of a command in a pipeline. The methods are called in order, on one thread of the pipeline's
/// own: they may block, but shall use [`Context::sleep`] to wait, so that the pipeline can be stopped.
pub trait Stage: Send {
    /// Before the first object.
    fn begin(&mut self, _cx: &mut Context<'_>) -> Outcome {
        Ok(())
    }

    /// For each object that comes through the pipeline; once with `None` where the command stands first
    /// and the client sends no input.
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome;

    /// After the last object.
    fn end(&mut self, _cx: &mut Context<'_>) -> Outcome {
        Ok(())
    }
}

/// A command made of a function that is called for each object, as [`Stage::process`] is.
pub fn function<F>(info: CommandInfo, run: F) -> Arc<dyn Cmdlet>
where
    F: Fn(&Bound, &mut Context<'_>, Option<PsValue>) -> Outcome + Send + Sync + 'static,
{
    Arc::new(Function { info, run: Arc::new(run) })
}

/// A command made of a function that makes a [`Stage`].
pub fn stage<S, F>(info: CommandInfo, start: F) -> Arc<dyn Cmdlet>
where
    S: Stage + 'static,
    F: Fn(Bound) -> Result<S, Box<Failure>> + Send + Sync + 'static,
{
    let start = move |arguments| -> Result<Box<dyn Stage>, Box<Failure>> { Ok(Box::new(start(arguments)?)) };
    Arc::new(Starter { info, start })
}

type Run = dyn Fn(&Bound, &mut Context<'_>, Option<PsValue>) -> Outcome + Send + Sync;

struct Function {
    info: CommandInfo,
    run: Arc<Run>,
}

struct FunctionStage {
    arguments: Bound,
    run: Arc<Run>,
}

impl Cmdlet for Function {
    fn info(&self) -> &CommandInfo {
        &self.info
    }

    fn start(&self, arguments: Bound) -> Result<Box<dyn Stage>, Box<Failure>> {
        Ok(Box::new(FunctionStage { arguments, run: Arc::clone(&self.run) }))
    }
}

impl Stage for FunctionStage {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        (self.run)(&self.arguments, cx, input)
    }
}

struct Starter<F> {
    info: CommandInfo,
    start: F,
}

impl<F> Cmdlet for Starter<F>
where
    F: Fn(Bound) -> Result<Box<dyn Stage>, Box<Failure>> + Send + Sync,
{
    fn info(&self) -> &CommandInfo {
        &self.info
    }

    fn start(&self, arguments: Bound) -> Result<Box<dyn Stage>, Box<Failure>> {
        (self.start)(arguments)
    }
}
