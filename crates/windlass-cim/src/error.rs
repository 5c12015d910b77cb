//! What can be wrong with CIM data.

use crate::name::CimName;
use crate::types::CimType;

/// An error of this crate. Texts name places and expectations, never the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is no `datetime`.
    #[error("datetime, position {position}: expected {expected}")]
    DateTime {
        /// Offset in bytes from the start of the text.
        position: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A text is no object path.
    #[error("object path, position {position}: expected {expected}")]
    ObjectPath {
        /// Offset in bytes from the start of the text.
        position: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A URI does not name a CIM resource.
    #[error("resource URI: expected {expected}")]
    ResourceUri {
        /// What the URI lacks.
        expected: &'static str,
    },
    /// A query is not WQL.
    #[error("query, position {position}: {reason}")]
    Query {
        /// Offset in bytes from the start of the query.
        position: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A text is not MOF.
    #[error("mof, line {line}, column {column}: {reason}")]
    Mof {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A name that is no CIM type.
    #[error("`{name}` is not a CIM type")]
    UnknownType {
        /// The name, cut to a reasonable length.
        name: String,
    },
    /// A value does not fit a type.
    #[error("{found} where {expected} is expected")]
    Type {
        /// The type asked for.
        expected: &'static str,
        /// What was found instead.
        found: &'static str,
    },
    /// A text does not denote a value of a type, or one out of its range.
    #[error("text that is not a {expected}")]
    Text {
        /// The type asked for.
        expected: CimType,
    },
    /// Something is wrong inside a property, parameter, qualifier or selector.
    #[error("`{name}`: {source}")]
    Inside {
        /// Its name.
        name: CimName,
        /// What is wrong there.
        source: Box<Error>,
    },
    /// An element of XML is missing, misplaced or of the wrong name.
    #[error("offset {offset}: expected {expected}")]
    Element {
        /// Offset in bytes in the XML text.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A schema contradicts itself.
    #[error("class `{class}`: {reason}")]
    Schema {
        /// The class.
        class: CimName,
        /// What is wrong with it.
        reason: String,
    },
    /// A limit is exceeded.
    #[error("more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// The XML is malformed or exceeds a limit.
    #[error(transparent)]
    Xml(#[from] windlass_xml::Error),
    /// The JSON does not describe a CIM value.
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    pub(crate) fn datetime(position: usize, expected: &'static str) -> Self {
        Self::DateTime { position, expected }
    }

    pub(crate) fn path(position: usize, expected: &'static str) -> Self {
        Self::ObjectPath { position, expected }
    }

    pub(crate) fn query(position: usize, reason: impl Into<String>) -> Self {
        Self::Query { position, reason: reason.into() }
    }

    pub(crate) fn unknown_type(name: &str) -> Self {
        Self::UnknownType { name: name.chars().take(64).collect() }
    }

    pub(crate) fn inside(self, name: &CimName) -> Self {
        Self::Inside { name: name.clone(), source: Box::new(self) }
    }
}
