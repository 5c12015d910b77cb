//! Printing queries.

use std::fmt::{self, Display, Write};

use super::{
    Associators, Comparison, Condition, Group, Operand, Projection, PropertyPath, Query, References,
    ResultMode, Select,
};
use crate::name::CimName;

/// A string as a constant of WQL: in single quotes, quotes and backslashes escaped.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    let _ = write_quoted(text, &mut quoted);
    quoted
}

pub(super) fn write_quoted(text: &str, f: &mut impl Write) -> fmt::Result {
    f.write_char('\'')?;
    for c in text.chars() {
        if matches!(c, '\'' | '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('\'')
}

impl Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select(query) => query.fmt(f),
            Self::Associators(query) => query.fmt(f),
            Self::References(query) => query.fmt(f),
        }
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.projection {
            Projection::All => f.write_str("SELECT *")?,
            Projection::Columns(columns) => {
                f.write_str("SELECT ")?;
                write_list(columns, f)?;
            }
        }
        write!(f, " FROM {}", self.from)?;
        if let Some(within) = self.within {
            write!(f, " WITHIN {}", within.as_secs())?;
            write_nanos(within.subsec_nanos(), f)?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " WHERE {condition}")?;
        }
        self.group.as_ref().map_or(Ok(()), |group| group.fmt(f))
    }
}

impl Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " GROUP WITHIN {}", self.within.as_secs())?;
        write_nanos(self.within.subsec_nanos(), f)?;
        if !self.by.is_empty() {
            f.write_str(" BY ")?;
            write_list(&self.by, f)?;
        }
        self.having.as_ref().map_or(Ok(()), |having| write!(f, " HAVING {having}"))
    }
}

fn write_nanos(nanos: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    f.write_str(format!(".{nanos:09}").trim_end_matches('0'))
}

fn write_list(paths: &[PropertyPath], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (i, path) in paths.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        path.fmt(f)?;
    }
    Ok(())
}

impl Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names().iter().enumerate() {
            if i > 0 {
                f.write_char('.')?;
            }
            name.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(all) => write_joined(all, " AND ", |c| matches!(c, Self::And(_) | Self::Or(_)), f),
            Self::Or(all) => write_joined(all, " OR ", |c| matches!(c, Self::Or(_)), f),
            Self::Not(inner) if matches!(**inner, Self::And(_) | Self::Or(_)) => write!(f, "NOT ({inner})"),
            Self::Not(inner) => write!(f, "NOT {inner}"),
            Self::Compare(left, comparison, right) => write!(f, "{left} {comparison} {right}"),
            Self::IsNull(property, false) => write!(f, "{property} IS NULL"),
            Self::IsNull(property, true) => write!(f, "{property} IS NOT NULL"),
            Self::Isa(property, class) => {
                write!(f, "{property} ISA ")?;
                write_quoted(class, f)
            }
        }
    }
}

fn write_joined(
    all: &[Condition],
    join: &str,
    needs_parentheses: impl Fn(&Condition) -> bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    for (i, condition) in all.iter().enumerate() {
        if i > 0 {
            f.write_str(join)?;
        }
        if needs_parentheses(condition) { write!(f, "({condition})")? } else { condition.fmt(f)? }
    }
    Ok(())
}

impl Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(path) => path.fmt(f),
            Self::Literal(literal) => literal.fmt(f),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Like => "LIKE",
        })
    }
}

impl Display for Associators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ASSOCIATORS OF {{{}}}", self.of)?;
        write_clauses(
            &[
                ("AssocClass", &self.association_class),
                ("ResultClass", &self.result_class),
                ("Role", &self.role),
                ("ResultRole", &self.result_role),
                ("RequiredAssocQualifier", &self.required_association_qualifier),
                ("RequiredQualifier", &self.required_qualifier),
            ],
            self.mode,
            f,
        )
    }
}

impl Display for References {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "REFERENCES OF {{{}}}", self.of)?;
        write_clauses(
            &[
                ("ResultClass", &self.result_class),
                ("Role", &self.role),
                ("RequiredQualifier", &self.required_qualifier),
            ],
            self.mode,
            f,
        )
    }
}

fn write_clauses(
    clauses: &[(&str, &Option<CimName>)],
    mode: ResultMode,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mode = match mode {
        ResultMode::Instances => None,
        ResultMode::KeysOnly => Some("KeysOnly"),
        ResultMode::ClassDefsOnly => Some("ClassDefsOnly"),
        ResultMode::SchemaOnly => Some("SchemaOnly"),
    };
    let given = clauses.iter().filter_map(|(word, name)| Some((word, name.as_ref()?)));
    let texts = given.map(|(word, name)| format!("{word} = {name}")).chain(mode.map(str::to_owned));
    for (i, text) in texts.enumerate() {
        f.write_str(if i == 0 { " WHERE " } else { " " })?;
        f.write_str(&text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_leaves_no_way_out() {
        assert_eq!(quote(r"C:\"), r"'C:\\'");
        assert_eq!(quote(r#"' OR "1"="1"#), r#"'\' OR \"1\"=\"1'"#);
    }
}
