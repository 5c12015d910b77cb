//! Fragments: parts of a resource, named by XPath of level 1 (DSP0226 7.7 and annex D).

use std::fmt;

use windlass_soap::{Fault, FaultCode, FragmentTransfer};

use crate::dialect;

/// Steps of one expression.
const MOST_STEPS: usize = 16;

/// The part of a resource that an expression names: `Name`, `p:Name`, `Name[2]`, `Inner/Name`, each with
/// `/text()` behind it or without.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FragmentPath {
    /// The elements from the outermost to the part itself: one at least.
    pub steps: Vec<FragmentStep>,
    /// Whether the text is wanted without the element.
    pub is_text: bool,
}

/// An element on the way to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FragmentStep {
    /// The name without its prefix: the names of a resource are in one namespace.
    pub name: String,
    /// Which of the elements of that name, from 1 on.
    pub index: Option<usize>,
}

impl FragmentPath {
    /// Reads the expression of a header.
    ///
    /// # Errors
    /// The fault to answer with: the dialect is another one, or the expression is not of level 1.
    pub fn read(transfer: &FragmentTransfer) -> Result<Self, Box<Fault>> {
        let known = |name: &str| name == dialect::XPATH || name.ends_with("/XPathLevel1") || name.is_empty();
        if transfer.dialect.as_deref().is_some_and(|name| !known(name)) {
            return Err(Box::new(Fault::new(FaultCode::FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE)));
        }
        Self::parse(&transfer.expression).ok_or_else(|| Self::refuse(transfer.expression.trim()))
    }

    /// The fault for an expression that names nothing.
    pub fn refuse(expression: impl fmt::Display) -> Box<Fault> {
        let text = format!("The fragment \"{expression}\" names no part of the resource.");
        Box::new(Fault::new(FaultCode::INVALID_FRAGMENT_PATH).with_message(text))
    }

    /// Reads an expression; `None` where it is not of level 1, or is longer than one may be.
    pub fn parse(expression: &str) -> Option<Self> {
        let names = || expression.trim().split('/').filter(|step| !step.is_empty());
        let is_text = names().next_back() == Some("text()");
        let count = names().count().checked_sub(usize::from(is_text))?;
        if !(1..=MOST_STEPS).contains(&count) {
            return None;
        }
        let steps = names().take(count).map(FragmentStep::parse).collect::<Option<_>>()?;
        Some(Self { steps, is_text })
    }
}

impl FragmentStep {
    fn parse(text: &str) -> Option<Self> {
        let (name, index) = match text.split_once('[') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest.strip_suffix(']')?.trim().parse().ok()?)),
        };
        let name = name.rsplit(':').next().unwrap_or(name);
        let foreign = |c: char| !c.is_ascii() && !c.is_whitespace();
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || foreign(c);
        let is_name = name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit());
        is_name.then(|| Self { name: name.to_owned(), index })
    }
}

impl fmt::Display for FragmentPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { "/" }, step.name)?;
            if let Some(index) = step.index {
                write!(f, "[{index}]")?;
            }
        }
        f.write_str(if self.is_text { "/text()" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_level_one() {
        for (expression, expected) in [
            ("Name", "Name"),
            (" p:Name ", "Name"),
            ("/Outer/Name", "Outer/Name"),
            ("Name[ 2 ]/text()", "Name[2]/text()"),
            ("a/b/c[1]", "a/b/c[1]"),
        ] {
            let read = FragmentPath::parse(expression).unwrap();
            assert_eq!(read.to_string(), expected);
            assert_eq!(FragmentPath::parse(expected), Some(read));
        }
        let long = "a/".repeat(MOST_STEPS + 1);
        for expression in [
            "",
            "/",
            "text()",
            "a b",
            "Name[",
            "Name[x]",
            "Name[-1]",
            "count(Name)",
            "*",
            "text()/Name",
            &long,
        ] {
            assert_eq!(FragmentPath::parse(expression), None, "{expression}");
        }
        let transfer = |dialect: &str, expression: &str| FragmentTransfer {
            dialect: Some(dialect.to_owned()),
            expression: expression.to_owned(),
        };
        assert!(FragmentPath::read(&transfer(dialect::XPATH, "Name")).is_ok());
        let error = FragmentPath::read(&transfer("urn:x", "Name")).unwrap_err();
        assert_eq!(error.code(), Some(FaultCode::FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE));
        let error = FragmentPath::read(&transfer("", "*")).unwrap_err();
        assert_eq!(error.code(), Some(FaultCode::INVALID_FRAGMENT_PATH));
    }
}
