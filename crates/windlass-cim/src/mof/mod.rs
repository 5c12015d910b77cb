//! MOF, the text form of classes and instances (DSP0004 Annex A): printing, and parsing of what
//! schemas for tests and providers need.
//!
//! Not parsed: `#pragma include`, and other compiler directives than `namespace`, which are passed
//! over.

mod instances;
mod lexer;
mod parse;
mod print;
mod values;

use crate::class::CimClass;
use crate::error::Error;
use crate::instance::CimInstance;
use crate::namespace::Namespace;
use crate::schema::Schema;

pub use print::{MofPrinter, print_class, print_instance};

/// What a text declares, in the order of each kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MofFile {
    /// The namespace of the last `#pragma namespace`.
    pub namespace: Option<Namespace>,
    /// The classes as declared: with their own elements, and the superclass named in
    /// [`CimClass::derivation`]. See [`ClassStore::add`](crate::ClassStore::add) for what they
    /// inherit.
    pub classes: Vec<CimClass>,
    /// The instances. Values have the types of the class where it is known.
    pub instances: Vec<CimInstance>,
}

/// What a text may hold at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MofLimits {
    /// Length in bytes.
    pub length: usize,
    /// Elements of one list: properties, methods, parameters, qualifiers.
    pub elements: usize,
    /// Embedded instances inside each other.
    pub depth: usize,
}

impl Default for MofLimits {
    /// 16 MiB, 2,048 elements and 16 levels.
    fn default() -> Self {
        Self { length: 16 << 20, elements: 2_048, depth: 16 }
    }
}

/// Reads a text within the default limits, knowing no class but those that it declares.
///
/// # Errors
/// When the text is not MOF, with line and column, or exceeds a limit.
pub fn parse(text: &str) -> Result<MofFile, Error> {
    parse_with(text, &crate::schema::NoSchema, &MofLimits::default())
}

/// Reads a text whose instances may be of classes that `schema` knows.
///
/// # Errors
/// As for [`parse()`].
pub fn parse_with(text: &str, schema: &dyn Schema, limits: &MofLimits) -> Result<MofFile, Error> {
    if text.len() > limits.length {
        return Err(Error::Limit { what: "bytes of MOF", limit: limits.length });
    }
    parse::Parser::new(text, schema, *limits)?.file()
}
