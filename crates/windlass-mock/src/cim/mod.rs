//! CIM: namespaces, their classes, and the providers behind them.

mod associations;
mod cimv2;
mod events;
mod groups;
mod made;
mod memory;
mod provider;
mod repository;
pub(crate) mod testing;
mod watch;

use windlass_cim::wql::{Condition, Literal};
use windlass_cim::{CimClass, CimInstance, CimValue, Error, KeyBinding, ObjectPath, mof};

pub(crate) use cimv2::FactsProvider;
pub use events::Events;
pub(crate) use made::Before;
pub use memory::{Call, MemoryProvider};
pub use provider::{CimFailure, CimProvider, CimRequest, Instances};
pub(crate) use repository::{Repository, Selection};
pub(crate) use watch::{EventQuery, Watch};

/// The classes that every namespace has.
pub(crate) fn system_classes() -> Result<Vec<CimClass>, Error> {
    Ok(mof::parse(include_str!("system.mof"))?.classes)
}

/// Whether an instance has the keys of a path. Texts are compared without regard to case.
pub(crate) fn has_keys(instance: &CimInstance, path: &ObjectPath) -> bool {
    path.bindings()
        .iter()
        .all(|binding| instance.get(&binding.name).is_some_and(|value| same_key(value, &binding.value)))
}

/// The keys of a path as a condition, as far as queries can compare them.
fn keys_condition(path: &ObjectPath) -> Condition {
    let compare = |binding: &KeyBinding| {
        let value = Some(&binding.value)
            .filter(|value| !matches!(value, CimValue::Reference(_) | CimValue::DateTime(_)))?;
        Condition::eq(&binding.name, Literal::from_value(value)?).ok()
    };
    Condition::And(path.bindings().iter().filter_map(compare).collect())
}

fn same_key(left: &CimValue, right: &CimValue) -> bool {
    match (left, right) {
        (CimValue::String(left), CimValue::String(right)) => left.eq_ignore_ascii_case(right),
        (CimValue::Reference(left), CimValue::Reference(right)) => same_path(left, right),
        (left, right) => left == right || as_text(left).is_some_and(|left| Some(left) == as_text(right)),
    }
}

/// Whether two paths name the same object, computers and the order of keys aside.
pub(crate) fn same_path(left: &ObjectPath, right: &ObjectPath) -> bool {
    let namespaces = match (&left.namespace, &right.namespace) {
        (Some(left), Some(right)) => left == right,
        _ => true,
    };
    namespaces
        && left.class_name == right.class_name
        && left.bindings().len() == right.bindings().len()
        && left
            .bindings()
            .iter()
            .all(|binding| right.key(&binding.name).is_some_and(|value| same_key(&binding.value, value)))
}

fn as_text(value: &CimValue) -> Option<String> {
    value.to_text().map(std::borrow::Cow::into_owned)
}
