//! PowerShell without its script: commands in Rust, pipelines, records.
//!
//! A NoLanguage endpoint, as JEA's are. [`Cmdlet`] adds commands, [`Context`] is what a command sees.

mod bind;
mod cmdlet;
mod cmdlets;
mod command;
mod compare;
mod context;
mod convert;
mod engine;
mod failure;
mod kind;
mod local;
mod outlet;
mod pipeline;
mod pool;
mod preference;
mod record;
mod registry;
mod runspace;
mod script;
mod scripted;
mod stop;
mod table;
mod text;
mod variables;
mod wildcard;

pub use bind::Bound;
pub use cmdlet::{Cmdlet, Halt, Outcome, Stage, function, stage};
pub(crate) use cmdlets::copying;
pub use command::{Check, CommandInfo, ParameterInfo, Place, SyntaxError};
pub use context::Context;
pub use failure::{ExceptionTypes, Failure, exceptions};
pub use kind::{Kind, Names, Scalar, TypeFacts};
pub use local::LocalRunspace;
pub(crate) use pool::PoolShell;
pub use preference::Action;
pub use record::{Emission, RawMessage, Sink};
pub use registry::Commands;
pub use runspace::Runspace;
pub use script::number_value;
pub use stop::Stop;
pub use table::{declared, names as declared_names};
pub use text::text;
pub use variables::Variables;
pub(crate) use wildcard::Wildcard;
