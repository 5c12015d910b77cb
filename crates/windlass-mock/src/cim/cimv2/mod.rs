//! `root/cimv2`: the facts of this computer.

mod disk;
mod network;
mod process;
mod service;
mod system;

use std::sync::Arc;

use jiff::Timestamp;
use windlass_cim::datetime::PointInTime;
use windlass_cim::wql::{Comparison, Condition, Literal, Operand};
use windlass_cim::{
    CimArray, CimClass, CimDateTime, CimInstance, CimStatus, CimType, CimValue, Error, MethodDecl, Namespace,
    ObjectPath, mof,
};

use super::provider::{CimFailure, CimProvider, CimRequest, Instances};

const NAMESPACE: &str = "root/cimv2";

/// The provider of `root/cimv2`.
pub(crate) struct FactsProvider;

impl CimProvider for FactsProvider {
    fn namespace(&self) -> Namespace {
        Namespace::new(NAMESPACE)
    }

    fn classes(&self) -> Result<Vec<CimClass>, Error> {
        Ok(mof::parse(include_str!("schema.mof"))?.classes)
    }

    fn enumerate(
        &self,
        request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        condition: Option<&Condition>,
    ) -> Result<Instances, CimFailure> {
        let made: Vec<CimInstance> = match class.name.as_str() {
            "Win32_OperatingSystem" => vec![system::operating_system(request, class)],
            "Win32_ComputerSystem" => vec![system::computer_system(request, class)],
            "Win32_Processor" => vec![system::processor(request, class)],
            "Win32_Process" => return Ok(process::processes(request, class, condition)),
            "Win32_LogicalDisk" => disk::logical_disks(request, class),
            "Win32_DiskPartition" => disk::partitions(request, class),
            "Win32_NetworkAdapterConfiguration" => network::configurations(request, class),
            "Win32_Service" => service::services(request, class),
            "Win32_SystemProcesses" => process::of_computer(request, class),
            "Win32_LogicalDiskToPartition" => disk::on_partitions(request, class),
            "Windlass_ProcessParent" => process::parents(request, class),
            "Windlass_ServiceProcess" => service::of_processes(request, class),
            _ => Vec::new(),
        };
        Ok(Box::new(made.into_iter().map(Ok)))
    }

    fn invoke(
        &self,
        request: &CimRequest<'_>,
        class: &Arc<CimClass>,
        path: &ObjectPath,
        method: &MethodDecl,
        input: &CimInstance,
    ) -> Result<CimInstance, CimFailure> {
        if !class.is_a("Win32_Process") {
            return Err(CimFailure::new(CimStatus::METHOD_NOT_AVAILABLE));
        }
        process::invoke(request, path, method.name.as_str(), input)
    }
}

/// An instance of a class with these values. Properties that the class lacks and values that do not fit
/// are mistakes of this crate, which a test finds; they are left out.
fn instance<const N: usize>(class: &Arc<CimClass>, values: [(&str, CimValue); N]) -> CimInstance {
    let mut instance = CimInstance::of_class(class);
    for (name, value) in values {
        let set = instance.set(name, value);
        debug_assert!(set.is_ok(), "{name}: {set:?}");
    }
    for property in instance.properties.iter_mut() {
        property.is_modified = false;
    }
    instance
}

fn text(value: impl Into<String>) -> CimValue {
    CimValue::String(value.into())
}

fn optional(value: Option<impl Into<String>>) -> CimValue {
    value.map_or(CimValue::Null, text)
}

fn texts(values: impl IntoIterator<Item = impl Into<String>>) -> CimValue {
    let items: Vec<CimValue> = values.into_iter().map(text).collect();
    CimArray::from_values(CimType::String, items)
        .map_or(CimValue::Null, |array| CimValue::Array(Box::new(array)))
}

/// A point in time, in this computer's zone.
fn time(at: Option<Timestamp>) -> CimValue {
    let Some(at) = at else { return CimValue::Null };
    let offset = zone_offset(at);
    match PointInTime::from_unix_micros(at.as_microsecond(), offset) {
        Some(time) => CimValue::DateTime(Box::new(CimDateTime::Point(time))),
        None => CimValue::Null,
    }
}

/// Minutes from UTC to this computer's local time.
fn zone_offset(at: Timestamp) -> i16 {
    let seconds = at.to_zoned(jiff::tz::TimeZone::system()).offset().seconds();
    i16::try_from(seconds / 60).unwrap_or_default()
}

/// A path of this namespace with one key.
fn path(class: &str, key: &str, value: impl Into<CimValue>) -> CimValue {
    CimValue::Reference(Box::new(
        ObjectPath::class(class).with_key(key, value).in_namespace(Namespace::new(NAMESPACE)),
    ))
}

/// The constant that a condition demands of a property, where it demands one: `Name = 'x' AND ...`.
fn demanded<'c>(condition: &'c Condition, name: &str) -> Option<&'c Literal> {
    match condition {
        Condition::Compare(Operand::Property(property), Comparison::Eq, Operand::Literal(value))
        | Condition::Compare(Operand::Literal(value), Comparison::Eq, Operand::Property(property))
            if property.is(name) =>
        {
            Some(value)
        }
        Condition::And(all) => all.iter().find_map(|condition| match condition {
            // One level is enough: the parser keeps chains of AND flat.
            Condition::And(_) => None,
            other => demanded(other, name),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use windlass_cim::ClassStore;

    use super::*;
    use crate::cim::Events;
    use crate::facts::Facts;

    #[test]
    fn every_class_can_be_enumerated_with_keys() {
        let mut store = ClassStore::new();
        for class in FactsProvider.classes().unwrap() {
            store.add(class).unwrap();
        }
        let (facts, events) = (Facts::default(), Events::default());
        let request =
            CimRequest { user: "alice", computer: "here", facts: &facts, allow_exec: false, events: &events };
        let mut seen = 0;
        for class in store.iter().filter(|class| !class.is_abstract()) {
            for instance in FactsProvider.enumerate(&request, class, None).unwrap() {
                let instance = instance.unwrap();
                assert_eq!(instance.class_name, class.name);
                assert!(instance.path().is_some() || class.keys().next().is_none(), "{}", class.name);
                seen += 1;
            }
        }
        assert!(seen > 5);
    }
}
