//! Checking a query against the class that it asks about.

use super::{Comparison, Condition, Operand, Projection, PropertyPath, Select};
use crate::class::CimClass;
use crate::error::Error;
use crate::system::SYSTEM_PROPERTIES;
use crate::types::CimType;
use crate::value::CimValue;

impl Select {
    /// Checks that every property exists and that constants can be compared with the properties'
    /// types, as servers do before they answer. Properties inside embedded objects are not looked
    /// at, since their class is not known.
    ///
    /// # Errors
    /// What is wrong, with the place.
    pub fn validate(&self, class: &CimClass) -> Result<(), Error> {
        if let Projection::Columns(columns) = &self.projection {
            for column in columns {
                lookup(column, class)?;
            }
        }
        for property in self.group.iter().flat_map(|group| &group.by) {
            lookup(property, class)?;
        }
        self.condition.as_ref().map_or(Ok(()), |condition| condition.validate(class))
    }
}

impl Condition {
    /// Checks the properties and constants of a condition, see [`Select::validate`].
    ///
    /// # Errors
    /// What is wrong, with the place.
    pub fn validate(&self, class: &CimClass) -> Result<(), Error> {
        // A list instead of recursion, though the parser bounds the depth.
        let mut open = vec![self];
        while let Some(condition) = open.pop() {
            match condition {
                Self::And(all) | Self::Or(all) => open.extend(all),
                Self::Not(inner) => open.push(inner),
                Self::IsNull(property, _) => {
                    lookup(property, class)?;
                }
                Self::Isa(property, _) => {
                    if !property.is("__this") {
                        lookup(property, class)?;
                    }
                }
                Self::Compare(left, comparison, right) => check(left, *comparison, right, class)?,
            }
        }
        Ok(())
    }
}

/// The type of a property of the class itself; `None` where it is not known.
fn lookup(path: &PropertyPath, class: &CimClass) -> Result<Option<CimType>, Error> {
    let names = match path.names() {
        [first, rest @ ..] if !rest.is_empty() && *first == class.name => rest,
        names => names,
    };
    let Some((first, rest)) = names.split_first() else { return Ok(None) };
    if SYSTEM_PROPERTIES.iter().any(|name| first.is(name)) {
        return Ok(Some(CimType::String).filter(|_| rest.is_empty()));
    }
    match class.property(first) {
        Some(property) if rest.is_empty() && !property.data_type.is_array => {
            Ok(Some(property.data_type.element))
        }
        Some(_) => Ok(None),
        None => {
            let reason = format!("class `{}` has no property `{first}`", class.name);
            Err(Error::query(path.position(), reason))
        }
    }
}

fn check(left: &Operand, by: Comparison, right: &Operand, class: &CimClass) -> Result<(), Error> {
    let (property, literal) = match (left, right) {
        (Operand::Property(property), Operand::Literal(literal))
        | (Operand::Literal(literal), Operand::Property(property)) => (property, literal.value()),
        (Operand::Property(left), Operand::Property(right)) => {
            lookup(left, class)?;
            lookup(right, class)?;
            return Ok(());
        }
        (Operand::Literal(_), Operand::Literal(_)) => return Ok(()),
    };
    let Some(cim_type) = lookup(property, class)? else { return Ok(()) };
    let fits = match literal {
        CimValue::Null => true,
        _ if by == Comparison::Like => literal.as_str().is_some(),
        CimValue::String(text) => cim_type == CimType::String || comparable_text(cim_type, text),
        CimValue::Boolean(_) => cim_type == CimType::Boolean || cim_type.is_integer(),
        _ => {
            cim_type.is_numeric() || matches!(cim_type, CimType::Boolean | CimType::Char16 | CimType::String)
        }
    };
    if fits {
        return Ok(());
    }
    let reason = format!("`{property}` is a {cim_type} and does not compare with this constant");
    Err(Error::query(property.position(), reason))
}

/// Whether a text in a query can stand for a value of a type.
fn comparable_text(cim_type: CimType, text: &str) -> bool {
    match cim_type {
        CimType::Char16 | CimType::Reference | CimType::Instance | CimType::Object => true,
        integer if integer.is_integer() => CimValue::parse_text(CimType::Real64, text).is_ok(),
        other => CimValue::parse_text(other, text).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Query, parse};
    use super::*;
    use crate::class::PropertyDecl;
    use crate::types::DataType;

    #[test]
    fn queries_are_held_against_the_class() {
        let class = CimClass::new("X")
            .with_property(PropertyDecl::new("n", CimType::UInt32))
            .with_property(PropertyDecl::new("s", CimType::String))
            .with_property(PropertyDecl::new("b", CimType::Boolean))
            .with_property(PropertyDecl::new("d", CimType::DateTime))
            .with_property(PropertyDecl::new("e", DataType::instance("Y")));
        let validate = |text: &str| match parse(text).unwrap() {
            Query::Select(select) => select.validate(&class),
            _ => panic!(),
        };
        for text in [
            "select n, X.s, __path from X where n = '5' and (s = 1 or not s like 'a')",
            "select * from X where b = 'true' or b = 1",
            "select * from X where d > '20240101000000.000000+000' and e.anything = 5",
            "select * from X where __this isa 'X' and e isa 'Y' and n is null and s = n",
        ] {
            validate(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        }
        for (text, at) in [
            ("select q from X", 7),
            ("select * from X where q = 1", 22),
            ("select * from X where n = 1 and not q is null", 36),
            ("select * from X where n = 'abc'", 22),
            ("select * from X where b = 'maybe'", 22),
            ("select * from X where d = 'soon'", 22),
            ("select * from X where d = 5", 22),
            ("select * from X where n like 5", 22),
        ] {
            let error = validate(text).unwrap_err().to_string();
            assert!(error.contains(&format!("position {at}:")), "{text}: {error}");
        }
    }
}
