//! Instances without end, nearly: each is made when it is asked for.

use std::sync::Arc;

use windlass_cim::wql::Condition;
use windlass_cim::{CimClass, CimInstance, CimStatus, CimValue, Error, Namespace, ObjectPath, mof};

use crate::cim::provider::{CimFailure, CimProvider, CimRequest, Instances};

/// The class.
pub(super) const CLASS: &str = "Test_Number";
/// How many there are.
const COUNT: u32 = 100_000;

/// The provider of `Test_Number`.
pub(crate) struct NumbersProvider;

impl CimProvider for NumbersProvider {
    fn namespace(&self) -> Namespace {
        Namespace::new(super::NAMESPACE)
    }

    fn classes(&self) -> Result<Vec<CimClass>, Error> {
        let mut classes = mof::parse(include_str!("schema.mof"))?.classes;
        classes.retain(|class| class.name.is(CLASS));
        Ok(classes)
    }

    fn enumerate(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        _condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure> {
        let class = Arc::clone(class);
        Ok(Box::new((1..=COUNT).map(move |number| Ok(describe(&class, number)))))
    }

    fn get(
        &self,
        _request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
    ) -> Result<CimInstance, CimFailure> {
        let number = path.key("Number").and_then(CimValue::as_u64).and_then(|n| u32::try_from(n).ok());
        match number.filter(|number| (1..=COUNT).contains(number)) {
            Some(number) => Ok(describe(class, number)),
            None => Err(CimFailure::new(CimStatus::NOT_FOUND)),
        }
    }
}

fn describe(class: &Arc<CimClass>, number: u32) -> CimInstance {
    let mut instance = CimInstance::of_class(class);
    for (name, value) in [
        ("Number", CimValue::UInt32(number)),
        ("IsOdd", CimValue::Boolean(number % 2 == 1)),
        ("Text", CimValue::String(format!("number {number}"))),
    ] {
        if let Some(property) = instance.properties.get_mut(name) {
            property.value = value;
        }
    }
    instance
}
