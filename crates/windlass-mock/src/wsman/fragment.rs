//! The part of an instance that a fragment names.

use windlass_cim::{CimInstance, CimProperty, CimValue};
use windlass_wsman::{Fault, FragmentPath, FragmentStep};

/// The property that is the part: for an item of an array, with that item alone.
pub(super) fn of(path: &FragmentPath, instance: &CimInstance) -> Result<CimProperty, Box<Fault>> {
    let refused = || FragmentPath::refuse(path);
    let mut steps = relative_to(path, instance);
    let mut owner = instance;
    while let [step, rest @ ..] = steps {
        let property = owner.property(&step.name).ok_or_else(refused)?;
        let value = match step.index {
            None => &property.value,
            Some(index) => {
                let items = property.value.items();
                index.checked_sub(1).and_then(|n| items.get(n)).ok_or_else(refused)?
            }
        };
        if rest.is_empty() {
            return Ok(CimProperty { value: value.clone(), ..property.clone() });
        }
        owner = value.as_instance().ok_or_else(refused)?;
        steps = rest;
    }
    Err(refused())
}

/// The name of the property that a Put of this part changes.
pub(super) fn changed<'f>(path: &'f FragmentPath, instance: &CimInstance) -> Result<&'f str, Box<Fault>> {
    match relative_to(path, instance) {
        [FragmentStep { name, index: None, .. }] => Ok(name),
        _ => {
            let text = "Only whole properties can be changed by fragment transfer.";
            Err(Box::new(Fault::unsupported_feature(text)))
        }
    }
}

/// An expression may begin with the element of the instance itself.
fn relative_to<'f>(path: &'f FragmentPath, instance: &CimInstance) -> &'f [FragmentStep] {
    match path.steps.as_slice() {
        [first, rest @ ..] if !rest.is_empty() && instance.class_name.is(&first.name) => rest,
        all => all,
    }
}

/// The text of a value, for a part without its element.
pub(super) fn text_of(value: &CimValue) -> String {
    value.to_text().unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_instance() {
        let inner = CimInstance::new("Inner").with("Name", "x");
        let instance = CimInstance::new("Outer")
            .with("Name", "outer")
            .with("Texts", vec!["one".to_owned(), "two".to_owned()])
            .with("Inner", inner);
        let parse = |expression: &str| FragmentPath::parse(expression).unwrap();
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
            let found = of(&parse(expression), &instance).ok();
            assert_eq!(found.as_ref().and_then(|found| found.value.as_str()), expected, "{expression}");
        }
        assert_eq!(changed(&parse("Outer/Name"), &instance), Ok("Name"));
        assert!(changed(&parse("Texts[1]"), &instance).is_err());
    }
}
