//! Reading `ASSOCIATORS OF` and `REFERENCES OF`.

use super::parse::Parser;
use super::{Associators, References, ResultMode};
use crate::error::Error;
use crate::name::CimName;
use crate::path::ObjectPath;

/// What may follow `WHERE`, in any order, each at most once.
#[derive(Default)]
struct Clauses {
    association_class: Option<CimName>,
    result_class: Option<CimName>,
    role: Option<CimName>,
    result_role: Option<CimName>,
    required_association_qualifier: Option<CimName>,
    required_qualifier: Option<CimName>,
    mode: Option<ResultMode>,
}

impl Parser<'_> {
    pub(super) fn associators(&mut self) -> Result<Associators, Error> {
        let of = self.object()?;
        let clauses = self.clauses(true)?;
        Ok(Associators {
            of,
            association_class: clauses.association_class,
            result_class: clauses.result_class,
            role: clauses.role,
            result_role: clauses.result_role,
            required_association_qualifier: clauses.required_association_qualifier,
            required_qualifier: clauses.required_qualifier,
            mode: clauses.mode.unwrap_or_default(),
        })
    }

    pub(super) fn references(&mut self) -> Result<References, Error> {
        let of = self.object()?;
        let clauses = self.clauses(false)?;
        Ok(References {
            of,
            result_class: clauses.result_class,
            role: clauses.role,
            required_qualifier: clauses.required_qualifier,
            mode: clauses.mode.unwrap_or_default(),
        })
    }

    /// `OF {path}`.
    fn object(&mut self) -> Result<ObjectPath, Error> {
        self.expect_word("OF")?;
        let (inner, start) = self.braced()?;
        let indent = inner.len() - inner.trim_start().len();
        inner.trim().parse().map_err(|error| match error {
            Error::ObjectPath { position, expected } => {
                Error::query(start + indent + position, format!("expected {expected} in the object path"))
            }
            other => other,
        })
    }

    fn clauses(&mut self, of_associators: bool) -> Result<Clauses, Error> {
        let mut clauses = Clauses::default();
        if !self.accept_word("where")? {
            return Ok(clauses);
        }
        let mut any = false;
        loop {
            let position = self.position();
            let mode = self.mode()?;
            let repeated = if let Some(mode) = mode {
                clauses.mode.replace(mode).is_some()
            } else {
                let slot = match self.clause(of_associators)? {
                    Some(clause) => clause.slot(&mut clauses),
                    None if any => return Ok(clauses),
                    None => return Err(self.unexpected("a clause of an association query")),
                };
                self.expect_equals()?;
                slot.replace(self.name("a name")?).is_some()
            };
            if repeated {
                return Err(Error::query(position, "a clause that was given before"));
            }
            any = true;
        }
    }

    fn mode(&mut self) -> Result<Option<ResultMode>, Error> {
        for (word, mode) in [
            ("keysonly", ResultMode::KeysOnly),
            ("classdefsonly", ResultMode::ClassDefsOnly),
            ("schemaonly", ResultMode::SchemaOnly),
        ] {
            if self.accept_word(word)? {
                return Ok(Some(mode));
            }
        }
        Ok(None)
    }

    fn clause(&mut self, of_associators: bool) -> Result<Option<Clause>, Error> {
        for (word, clause, shared) in [
            ("assocclass", Clause::AssociationClass, false),
            ("resultclass", Clause::ResultClass, true),
            ("role", Clause::Role, true),
            ("resultrole", Clause::ResultRole, false),
            ("requiredassocqualifier", Clause::RequiredAssociationQualifier, false),
            ("requiredqualifier", Clause::RequiredQualifier, true),
        ] {
            if (shared || of_associators) && self.accept_word(word)? {
                return Ok(Some(clause));
            }
        }
        Ok(None)
    }
}

/// A clause that takes a name.
#[derive(Clone, Copy)]
enum Clause {
    AssociationClass,
    ResultClass,
    Role,
    ResultRole,
    RequiredAssociationQualifier,
    RequiredQualifier,
}

impl Clause {
    fn slot(self, clauses: &mut Clauses) -> &mut Option<CimName> {
        match self {
            Self::AssociationClass => &mut clauses.association_class,
            Self::ResultClass => &mut clauses.result_class,
            Self::Role => &mut clauses.role,
            Self::ResultRole => &mut clauses.result_role,
            Self::RequiredAssociationQualifier => &mut clauses.required_association_qualifier,
            Self::RequiredQualifier => &mut clauses.required_qualifier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn association_queries_print_as_they_were_meant() {
        for (text, printed) in [
            ("associators of {Win32_Service='a}b'}", "ASSOCIATORS OF {Win32_Service=\"a}b\"}"),
            (
                "ASSOCIATORS OF { Win32_LogicalDisk.DeviceID=\"C:\" } where resultclass=CIM_X assocclass = A role=r resultrole=s requiredqualifier=q requiredassocqualifier=p keysonly",
                "ASSOCIATORS OF {Win32_LogicalDisk.DeviceID=\"C:\"} WHERE AssocClass = A ResultClass = CIM_X Role = r ResultRole = s RequiredAssocQualifier = p RequiredQualifier = q KeysOnly",
            ),
            ("references of {A=@} where classdefsonly", "REFERENCES OF {A=@} WHERE ClassDefsOnly"),
            ("references of {A} where schemaonly role=x", "REFERENCES OF {A} WHERE Role = x SchemaOnly"),
        ] {
            let query = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(query.to_string(), printed);
            assert_eq!(parse(printed).unwrap(), query);
        }
    }

    #[test]
    fn bad_ones_say_where() {
        for (text, at) in [
            ("associators {A=1}", 12),
            ("associators of A=1", 15),
            ("associators of {A=1", 19),
            ("associators of { A.=1}", 19),
            ("associators of {A=1} where", 26),
            ("associators of {A=1} where role=a role=b", 34),
            ("associators of {A=1} where role", 31),
            ("references of {A=1} where assocclass=a", 26),
            ("references of {A=1} and", 20),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("position {at}:")), "{text}: {error}");
        }
    }
}
