//! WQL, the query language of WMI ([MS-WMI] 2.2.1): data, event and schema queries, `ASSOCIATORS OF`
//! and `REFERENCES OF`.
//!
//! [`parse()`] reads a query, `Display` prints it, [`Select::matches`] evaluates it, and [`Select::from`]
//! begins building one whose texts are quoted safely.

mod associations;
mod build;
mod evaluate;
mod lexer;
mod like;
mod literal;
mod parse;
mod print;
mod validate;

use std::time::Duration;

use crate::error::Error;
use crate::name::CimName;
use crate::path::ObjectPath;

pub use evaluate::{Subject, Work};
pub use like::{LikePattern, escape_like};
pub use literal::Literal;
pub use parse::parse_condition;
pub use print::quote;

/// What a query may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Length in bytes.
    pub length: usize,
    /// Parentheses and negations around one comparison.
    pub depth: usize,
    /// Comparisons and columns.
    pub terms: usize,
}

impl Default for QueryLimits {
    /// 16,384 bytes, as Windows allows, 64 levels and 1,024 terms.
    fn default() -> Self {
        Self { length: 16_384, depth: 64, terms: 1_024 }
    }
}

/// Reads a query within the default limits.
///
/// # Errors
/// When the text is not WQL, with the place, or exceeds a limit.
pub fn parse(text: &str) -> Result<Query, Error> {
    Query::parse(text, &QueryLimits::default())
}

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// `SELECT`.
    Select(Select),
    /// `ASSOCIATORS OF`.
    Associators(Associators),
    /// `REFERENCES OF`.
    References(References),
}

/// `SELECT … FROM … [WITHIN …] [WHERE …] [GROUP WITHIN … [BY …] [HAVING …]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// The columns.
    pub projection: Projection,
    /// The class, or `meta_class`.
    pub from: CimName,
    /// The polling interval of an event query.
    pub within: Option<Duration>,
    /// The condition.
    pub condition: Option<Condition>,
    /// How events are gathered.
    pub group: Option<Group>,
}

/// The columns of a `SELECT`.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// `*`
    All,
    /// Named properties.
    Columns(Vec<PropertyPath>),
}

/// `GROUP WITHIN … [BY …] [HAVING …]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// How long events are gathered.
    pub within: Duration,
    /// The properties by which they are told apart.
    pub by: Vec<PropertyPath>,
    /// Which groups are reported.
    pub having: Option<Condition>,
}

/// A condition. Nothing is unknown: an absent value differs from every other, see
/// [`Select::matches`].
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of them hold.
    And(Vec<Condition>),
    /// One of them holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two operands compare so.
    Compare(Operand, Comparison, Operand),
    /// `IS NULL`, or `IS NOT NULL` when the flag is set.
    IsNull(PropertyPath, bool),
    /// The object, or an embedded one, is of a class or derives from it.
    Isa(PropertyPath, CimName),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// The value of a property.
    Property(PropertyPath),
    /// A constant.
    Literal(Literal),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>` or `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `LIKE`
    Like,
}

/// The name of a property, or of one inside an embedded object: `TargetInstance.Name`.
#[derive(Clone, Debug)]
pub struct PropertyPath {
    names: Vec<CimName>,
    position: usize,
}

impl PropertyPath {
    /// A path of names.
    ///
    /// # Errors
    /// When it is empty, or one is no identifier or a reserved word.
    pub fn new<N: Into<CimName>>(names: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        let names: Vec<CimName> = names.into_iter().map(Into::into).collect();
        let reserved = |n: &CimName| ["null", "true", "false", "not"].iter().any(|word| n.is(word));
        if names.is_empty() || !names.iter().all(|n| CimName::is_identifier(n) && !reserved(n)) {
            return Err(Error::query(0, "expected the name of a property"));
        }
        Ok(Self { names, position: 0 })
    }

    fn at(names: Vec<CimName>, position: usize) -> Self {
        Self { names, position }
    }

    /// The names, outermost first; at least one.
    #[must_use]
    pub fn names(&self) -> &[CimName] {
        &self.names
    }

    /// Offset in bytes in the query that it was read from.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether it is this single name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        matches!(self.names.as_slice(), [only] if only.is(name))
    }
}

impl PartialEq for PropertyPath {
    /// Compares the names alone.
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

/// `ASSOCIATORS OF {path} WHERE …`: the objects that associations relate to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Associators {
    /// The object, or class when only schema is asked for.
    pub of: ObjectPath,
    /// `AssocClass`: the class of the association.
    pub association_class: Option<CimName>,
    /// `ResultClass`: the class of the result.
    pub result_class: Option<CimName>,
    /// `Role`: the property of the association that refers to the object.
    pub role: Option<CimName>,
    /// `ResultRole`: the property that refers to the result.
    pub result_role: Option<CimName>,
    /// `RequiredAssocQualifier`: a qualifier of the association.
    pub required_association_qualifier: Option<CimName>,
    /// `RequiredQualifier`: a qualifier of the result's class.
    pub required_qualifier: Option<CimName>,
    /// `KeysOnly`, `ClassDefsOnly`, `SchemaOnly`.
    pub mode: ResultMode,
}

/// `REFERENCES OF {path} WHERE …`: the associations that refer to an object.
#[derive(Clone, Debug, PartialEq)]
pub struct References {
    /// The object, or class when only schema is asked for.
    pub of: ObjectPath,
    /// `ResultClass`: the class of the association.
    pub result_class: Option<CimName>,
    /// `Role`: the property that refers to the object.
    pub role: Option<CimName>,
    /// `RequiredQualifier`: a qualifier of the association.
    pub required_qualifier: Option<CimName>,
    /// `KeysOnly`, `ClassDefsOnly`, `SchemaOnly`.
    pub mode: ResultMode,
}

/// What an association query gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultMode {
    /// Whole instances.
    #[default]
    Instances,
    /// Instances with their keys alone.
    KeysOnly,
    /// The classes of the instances.
    ClassDefsOnly,
    /// Classes that could be related, from the schema alone.
    SchemaOnly,
}

impl Query {
    /// Whether it asks for classes rather than instances.
    #[must_use]
    pub fn is_schema(&self) -> bool {
        let mode = match self {
            Self::Select(select) => return select.is_schema(),
            Self::Associators(query) => query.mode,
            Self::References(query) => query.mode,
        };
        matches!(mode, ResultMode::ClassDefsOnly | ResultMode::SchemaOnly)
    }
}

impl Select {
    /// Whether it asks for classes.
    #[must_use]
    pub fn is_schema(&self) -> bool {
        self.from.is("meta_class")
    }

    /// Whether it can only be asked for notifications.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.within.is_some() || self.group.is_some()
    }
}
