//! Building queries without putting texts together.

use std::time::Duration;

use super::{
    Associators, Comparison, Condition, Group, Literal, Operand, Projection, PropertyPath, References,
    ResultMode, Select,
};
use crate::error::Error;
use crate::name::CimName;
use crate::path::ObjectPath;

impl Select {
    /// `SELECT * FROM class`.
    ///
    /// # Errors
    /// When the name is no identifier.
    pub fn from(class: impl Into<CimName>) -> Result<Self, Error> {
        let from = identifier(class)?;
        Ok(Self { projection: Projection::All, from, within: None, condition: None, group: None })
    }

    /// The same query for these properties alone, each a name or names joined with full stops.
    ///
    /// # Errors
    /// When one is no property name.
    pub fn columns<'a>(mut self, columns: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let columns = columns.into_iter().map(property).collect::<Result<Vec<_>, _>>()?;
        self.projection = if columns.is_empty() { Projection::All } else { Projection::Columns(columns) };
        Ok(self)
    }

    /// The same query with a condition, joined by `AND` to the one that it has.
    #[must_use]
    pub fn filter(mut self, condition: Condition) -> Self {
        self.condition = Some(match self.condition.take() {
            Some(old) => old.and(condition),
            None => condition,
        });
        self
    }

    /// The same query as an event query that polls so often.
    #[must_use]
    pub fn within(mut self, interval: Duration) -> Self {
        self.within = Some(interval);
        self
    }

    /// The same query with events gathered.
    #[must_use]
    pub fn group(mut self, group: Group) -> Self {
        self.group = Some(group);
        self
    }
}

impl Condition {
    /// A comparison of a property, a name or names joined with full stops, with a constant.
    ///
    /// # Errors
    /// When it is no property name.
    pub fn compare(name: &str, comparison: Comparison, constant: impl Into<Literal>) -> Result<Self, Error> {
        Ok(Self::Compare(Operand::Property(property(name)?), comparison, Operand::Literal(constant.into())))
    }

    /// `name = constant`.
    ///
    /// # Errors
    /// When `name` is no property name.
    pub fn eq(name: &str, constant: impl Into<Literal>) -> Result<Self, Error> {
        Self::compare(name, Comparison::Eq, constant)
    }

    /// `name LIKE pattern`; see [`escape_like`](super::escape_like) for texts in patterns.
    ///
    /// # Errors
    /// When `name` is no property name.
    pub fn like(name: &str, pattern: &str) -> Result<Self, Error> {
        Self::compare(name, Comparison::Like, pattern)
    }

    /// `name IS NULL`.
    ///
    /// # Errors
    /// When `name` is no property name.
    pub fn is_null(name: &str) -> Result<Self, Error> {
        Ok(Self::IsNull(property(name)?, false))
    }

    /// `name ISA 'class'`.
    ///
    /// # Errors
    /// When `name` is no property name or `class` no identifier.
    pub fn isa(name: &str, class: impl Into<CimName>) -> Result<Self, Error> {
        Ok(Self::Isa(property(name)?, identifier(class)?))
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::And(mut all) => {
                all.push(other);
                Self::And(all)
            }
            first => Self::And(vec![first, other]),
        }
    }

    /// One of both holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Or(mut all) => {
                all.push(other);
                Self::Or(all)
            }
            first => Self::Or(vec![first, other]),
        }
    }

    /// It does not hold.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl Associators {
    /// `ASSOCIATORS OF {path}`; the clauses are public fields.
    #[must_use]
    pub fn of(path: ObjectPath) -> Self {
        Self {
            of: path,
            association_class: None,
            result_class: None,
            role: None,
            result_role: None,
            required_association_qualifier: None,
            required_qualifier: None,
            mode: ResultMode::Instances,
        }
    }
}

impl References {
    /// `REFERENCES OF {path}`; the clauses are public fields.
    #[must_use]
    pub fn of(path: ObjectPath) -> Self {
        Self {
            of: path,
            result_class: None,
            role: None,
            required_qualifier: None,
            mode: ResultMode::Instances,
        }
    }
}

fn identifier(name: impl Into<CimName>) -> Result<CimName, Error> {
    let name = name.into();
    if CimName::is_identifier(&name) {
        Ok(name)
    } else {
        Err(Error::query(0, "expected the name of a class"))
    }
}

fn property(name: &str) -> Result<PropertyPath, Error> {
    PropertyPath::new(name.split('.'))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn built_queries_are_safe() -> Result<(), Error> {
        let name = "x' OR Name LIKE '%";
        let query = Select::from("Win32_Service")?
            .columns(["Name", "State"])?
            .filter(Condition::eq("Name", name)?)
            .filter(Condition::eq("ProcessId", 0)?.or(Condition::is_null("ProcessId")?.negate()));
        assert_eq!(
            query.to_string(),
            r"SELECT Name, State FROM Win32_Service WHERE Name = 'x\' OR Name LIKE \'%' AND (ProcessId = 0 OR NOT ProcessId IS NULL)"
        );
        assert_eq!(parse(&query.to_string())?, super::super::Query::Select(query));
        let event = Select::from("__InstanceCreationEvent")?
            .within(Duration::from_secs(2))
            .filter(Condition::isa("TargetInstance", "Win32_Process")?);
        assert_eq!(
            event.to_string(),
            "SELECT * FROM __InstanceCreationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Process'"
        );
        Ok(())
    }

    #[test]
    fn names_that_are_none_are_refused() {
        assert!(Select::from("X WHERE 1").is_err());
        assert!(Condition::eq("a = 1 OR b", 1).is_err());
        assert!(Condition::eq("NULL", 1).is_err());
        assert!(Condition::eq("", 1).is_err());
        assert!(Condition::isa("a", "b c").is_err());
        assert!(Select::from("X").unwrap().columns(["a b"]).is_err());
    }
}
