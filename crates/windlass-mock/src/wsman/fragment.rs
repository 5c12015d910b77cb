//! Fragments: parts of an instance, named by XPath of level 1 (DSP0226 7.7 and annex D).

use windlass_cim::{CimInstance, CimProperty, CimValue};
use windlass_soap::FragmentTransfer;
use windlass_wsman::{Fault, FaultCode, dialect};

/// Steps of one expression.
const MOST_STEPS: usize = 16;

/// The part of an instance that an expression names: `Name`, `p:Name`, `Name[2]`, `Inner/Name`, each with
/// `/text()` behind it or without.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    steps: Vec<Step>,
    /// Whether the text is wanted without the element.
    pub(super) is_text: bool,
    expression: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Step {
    name: String,
    /// Which item of an array, from 1 on.
    index: Option<usize>,
}

impl Fragment {
    /// Reads the expression of a header.
    pub(super) fn parse(transfer: &FragmentTransfer) -> Result<Self, Box<Fault>> {
        let known = |name: &str| name == dialect::XPATH || name.ends_with("/XPathLevel1") || name.is_empty();
        if transfer.dialect.as_deref().is_some_and(|name| !known(name)) {
            return Err(Box::new(Fault::new(FaultCode::FRAGMENT_DIALECT_REQUESTED_UNAVAILABLE)));
        }
        let expression = transfer.expression.trim();
        let mut names: Vec<&str> = expression.split('/').filter(|step| !step.is_empty()).collect();
        let is_text = names.last() == Some(&"text()");
        if is_text {
            names.pop();
        }
        let steps: Option<Vec<Step>> = names.into_iter().map(Step::parse).collect();
        match steps {
            Some(steps) if (1..=MOST_STEPS).contains(&steps.len()) => {
                Ok(Self { steps, is_text, expression: expression.to_owned() })
            }
            _ => Err(refused(expression)),
        }
    }

    /// The property that is the part: for an item of an array, with that item alone.
    pub(super) fn of(&self, instance: &CimInstance) -> Result<CimProperty, Box<Fault>> {
        let mut steps = self.relative_to(instance);
        let mut owner = instance;
        while let [step, rest @ ..] = steps {
            let property = owner.property(&step.name).ok_or_else(|| refused(&self.expression))?;
            let value = match step.index {
                None => &property.value,
                Some(index) => {
                    let items = property.value.items();
                    index
                        .checked_sub(1)
                        .and_then(|n| items.get(n))
                        .ok_or_else(|| refused(&self.expression))?
                }
            };
            if rest.is_empty() {
                return Ok(CimProperty { value: value.clone(), ..property.clone() });
            }
            owner = value.as_instance().ok_or_else(|| refused(&self.expression))?;
            steps = rest;
        }
        Err(refused(&self.expression))
    }

    /// The name of the property that a Put of this part changes.
    pub(super) fn changed<'f>(&'f self, instance: &CimInstance) -> Result<&'f str, Box<Fault>> {
        match self.relative_to(instance) {
            [Step { name, index: None }] => Ok(name),
            _ => {
                let text = "Only whole properties can be changed by fragment transfer.";
                Err(Box::new(Fault::unsupported_feature(text)))
            }
        }
    }

    /// An expression may begin with the element of the instance itself.
    fn relative_to(&self, instance: &CimInstance) -> &[Step] {
        match self.steps.as_slice() {
            [first, rest @ ..] if !rest.is_empty() && instance.class_name.is(&first.name) => rest,
            all => all,
        }
    }
}

impl Step {
    fn parse(text: &str) -> Option<Self> {
        let (name, index) = match text.split_once('[') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest.strip_suffix(']')?.trim().parse().ok()?)),
        };
        let name = name.rsplit(':').next().unwrap_or(name);
        windlass_cim::CimName::is_identifier(name).then(|| Self { name: name.to_owned(), index })
    }
}

/// The text of a value, for a part without its element.
pub(super) fn text_of(value: &CimValue) -> String {
    value.to_text().unwrap_or_default().into_owned()
}

fn refused(expression: &str) -> Box<Fault> {
    let text = format!("The fragment {expression:?} names no part of the resource.");
    Box::new(Fault::new(FaultCode::INVALID_FRAGMENT_PATH).with_message(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(expression: &str) -> Result<Fragment, Box<Fault>> {
        Fragment::parse(&FragmentTransfer { dialect: None, expression: expression.to_owned() })
    }

    #[test]
    fn expressions_of_level_one() {
        let inner = CimInstance::new("Inner").with("Name", "x");
        let instance = CimInstance::new("Outer")
            .with("Name", "outer")
            .with("Texts", vec!["one".to_owned(), "two".to_owned()])
            .with("Inner", inner);
        for (expression, expected) in [
            ("Name", Some("outer")),
            ("p:name", Some("outer")),
            ("/Outer/Name", Some("outer")),
            ("Name/text()", Some("outer")),
            ("Texts[2]", Some("two")),
            ("Inner/Name", Some("x")),
            ("Texts[0]", None),
            ("Texts[3]", None),
            ("Nothing", None),
            ("Name/Name", None),
        ] {
            let found = parse(expression).unwrap().of(&instance).ok();
            assert_eq!(found.as_ref().and_then(|found| found.value.as_str()), expected, "{expression}");
        }
        assert!(parse("Name/text()").unwrap().is_text);
        for expression in ["", "/", "a b", "Name[", "Name[x]", "count(Name)", "*"] {
            assert!(parse(expression).is_err(), "{expression}");
        }
        assert_eq!(parse("Outer/Name").unwrap().changed(&instance), Ok("Name"));
        assert!(parse("Texts[1]").unwrap().changed(&instance).is_err());
        let other = FragmentTransfer { dialect: Some("urn:x".to_owned()), expression: "Name".to_owned() };
        assert!(Fragment::parse(&other).is_err());
    }
}
