//! `root/test`: classes to test clients with.

mod numbers;

use windlass_cim::{CimInstance, CimStatus, CimValue, Error};

use super::memory::{Call, MemoryProvider};
use super::provider::CimFailure;

pub(crate) use numbers::NumbersProvider;

/// The namespace.
pub(crate) const NAMESPACE: &str = "root/test";

/// Events that one call may raise.
const MOST_EVENTS: u32 = 1000;

/// The provider of `root/test`, numbers aside.
///
/// # Errors
/// None, as a test shows: the text is part of this crate.
pub(crate) fn provider() -> Result<MemoryProvider, Error> {
    let class = "Test_Methods";
    Ok(MemoryProvider::from_mof(NAMESPACE, include_str!("schema.mof"))?
        .without_class(numbers::CLASS)
        .with_method(class, "Add", add)
        .with_method(class, "Swap", swap)
        .with_method(class, "Reverse", reverse)
        .with_method(class, "EchoTypes", echo)
        .with_method(class, "EchoArrays", echo)
        .with_method(class, "Find", find)
        .with_method(class, "Notify", notify)
        .with_method(class, "Increment", increment)
        .with_method(class, "Greet", greet)
        .with_method(class, "Reset", reset)
        .with_method(class, "Fail", fail))
}

fn output() -> CimInstance {
    CimInstance::new("__PARAMETERS")
}

fn done() -> CimInstance {
    output().with("ReturnValue", 0_u32)
}

fn input<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c CimValue, CimFailure> {
    call.input.get(name).filter(|value| !value.is_null()).ok_or_else(|| {
        CimFailure::new(CimStatus::INVALID_PARAMETER).because(format!("The parameter {name} is missing."))
    })
}

fn text<'c>(call: &'c Call<'_>, name: &str) -> Result<&'c str, CimFailure> {
    Ok(input(call, name)?.as_str().unwrap_or_default())
}

fn number(call: &Call<'_>, name: &str) -> Result<i64, CimFailure> {
    Ok(input(call, name)?.as_i64().unwrap_or_default())
}

fn add(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let sum = number(call, "Left")?.saturating_add(number(call, "Right")?);
    Ok(done().with("Sum", sum))
}

fn swap(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let given = |name| call.input.get(name).cloned().unwrap_or_default();
    Ok(done().with("Left", given("Right")).with("Right", given("Left")))
}

fn reverse(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let mut texts = input(call, "Texts")?.get_array::<String>().unwrap_or_default();
    texts.reverse();
    let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    Ok(done().with("Reversed", texts).with("Count", count))
}

fn echo(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let mut output = output();
    output.properties = call.input.properties.clone();
    Ok(output.with("ReturnValue", 0_u32))
}

fn find(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let name = text(call, "Name")?;
    let found =
        call.provider.find("Test_Item", |item| item.get("Name").and_then(CimValue::as_str) == Some(name));
    match found.and_then(|item| item.path()) {
        Some(path) => Ok(done().with("Found", path.in_namespace(NAMESPACE))),
        None => Ok(output().with("ReturnValue", 2_u32).with("Found", CimValue::Null)),
    }
}

fn notify(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let text = text(call, "Text")?;
    let count = number(call, "Count")?.clamp(0, MOST_EVENTS.into());
    for number in 1..=count {
        let mut event = call.provider.new_instance("Test_Notice")?;
        let number = u32::try_from(number).unwrap_or_default();
        for (name, value) in [("Text", CimValue::from(text)), ("Number", number.into())] {
            event.set(name, value).map_err(|error| CimFailure::failed(&error))?;
        }
        call.request.events.raise(NAMESPACE, event);
    }
    Ok(done())
}

fn increment(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let by = number(call, "By")?;
    let counter = call.change(|instance| {
        let old = instance.get("Counter").and_then(CimValue::as_i64).unwrap_or_default();
        let new = u32::try_from(old.saturating_add(by)).unwrap_or(u32::MAX);
        instance.set("Counter", new).map(|()| new)
    })?;
    Ok(done().with("Counter", counter))
}

fn greet(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let id = call.path.key("Id").and_then(CimValue::as_str).unwrap_or_default();
    Ok(output().with("ReturnValue", format!("Hello {} from {id}", text(call, "Name")?)))
}

fn reset(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    call.change(|instance| instance.set("Counter", 0_u32))?;
    Ok(output())
}

fn fail(call: &Call<'_>) -> Result<CimInstance, CimFailure> {
    let status = u32::try_from(number(call, "Status")?).unwrap_or(CimStatus::FAILED.0);
    let failure = CimFailure::new(CimStatus(status));
    Err(match text(call, "Message") {
        Ok(message) => failure.because(message),
        Err(_) => failure,
    })
}

#[cfg(test)]
mod tests {
    use windlass_cim::{CimType, ClassStore};

    use super::*;
    use crate::cim::provider::CimProvider;

    #[test]
    fn the_schema_has_every_type() {
        let mut store = ClassStore::new();
        crate::cim::system_classes().unwrap().into_iter().for_each(|class| {
            store.add(class).unwrap();
        });
        for class in provider().unwrap().classes().unwrap() {
            store.add(class).unwrap();
        }
        for (class, is_array) in [("Test_Types", false), ("Test_Arrays", true)] {
            let class = store.iter().find(|known| known.name.is(class)).unwrap();
            let missing: Vec<_> = CimType::ALL
                .into_iter()
                .filter(|wanted| {
                    let has = |found: &windlass_cim::DataType| {
                        found.element == *wanted && (found.is_array == is_array)
                    };
                    !class.properties.iter().any(|property| has(&property.data_type))
                })
                .collect();
            assert_eq!(missing, if is_array { vec![CimType::Object] } else { vec![] }, "{}", class.name);
        }
        assert_eq!(store.family("__Event").count(), 7);
    }
}
