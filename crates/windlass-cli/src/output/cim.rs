//! CIM instances as the objects that PowerShell makes of them.

use windlass_cim::{CimArray, CimDateTime, CimInstance, CimType, CimValue};
use windlass_clixml::{Base, DateTimeKind, PsDateTime, PsObject, PsValue};

const CIM_INSTANCE: &str = "Microsoft.Management.Infrastructure.CimInstance";
/// Microseconds from 0001-01-01 to 1970-01-01.
const UNIX_EPOCH_MICROS: i64 = 62_135_596_800_000_000;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The instance as an object with adapted properties, named `CimInstance#namespace/Class`.
pub(crate) fn instance_to_value(instance: &CimInstance) -> PsValue {
    let namespace = instance.namespace.as_ref().map_or("root/cimv2", |namespace| namespace.as_str());
    let typed = format!("{CIM_INSTANCE}#{namespace}/{}", instance.class_name.as_str());
    let mut object = PsObject::typed([typed.as_str(), CIM_INSTANCE, "System.Object"]);
    for property in &instance.properties {
        object = object.with_adapted(property.name.as_str(), cim_to_value(&property.value));
    }
    object.with_to_string(instance.class_name.as_str()).into()
}

/// A value of CIM as PowerShell has it.
pub(crate) fn cim_to_value(cim: &CimValue) -> PsValue {
    match cim {
        CimValue::Null => PsValue::Null,
        CimValue::Boolean(value) => PsValue::Bool(*value),
        CimValue::UInt8(value) => PsValue::U8(*value),
        CimValue::SInt8(value) => PsValue::I8(*value),
        CimValue::UInt16(value) => PsValue::U16(*value),
        CimValue::SInt16(value) => PsValue::I16(*value),
        CimValue::UInt32(value) => PsValue::U32(*value),
        CimValue::SInt32(value) => PsValue::I32(*value),
        CimValue::UInt64(value) => PsValue::U64(*value),
        CimValue::SInt64(value) => PsValue::I64(*value),
        CimValue::Real32(value) => PsValue::F32(*value),
        CimValue::Real64(value) => PsValue::F64(*value),
        CimValue::Char16(unit) => PsValue::Char(*unit),
        CimValue::String(text) => text.as_str().into(),
        CimValue::DateTime(datetime) => datetime_value(datetime),
        CimValue::Reference(path) => path.to_string().into(),
        CimValue::Instance(instance) => instance_to_value(instance),
        CimValue::Class(class) => class.name.as_str().into(),
        CimValue::Array(array) => array_value(array),
    }
}

fn array_value(array: &CimArray) -> PsValue {
    if array.element() == CimType::UInt8 {
        let bytes = array.items().iter().map(|item| match item {
            CimValue::UInt8(byte) => Some(*byte),
            _ => None,
        });
        if let Some(bytes) = bytes.collect::<Option<Vec<u8>>>() {
            return PsValue::bytes(bytes);
        }
    }
    let items = array.items().iter().map(cim_to_value).collect();
    PsObject::typed(["System.Object[]", "System.Array", "System.Object"]).with_base(Base::List(items)).into()
}

/// A point becomes a date in its own zone, an interval a span; what .NET cannot hold stays text.
fn datetime_value(datetime: &CimDateTime) -> PsValue {
    let text = || datetime.to_string().into();
    match datetime {
        CimDateTime::Point(point) => {
            let offset = point.utc_offset;
            let ticks = point.unix_micros().and_then(|micros| {
                let local = micros.checked_add(i64::from(offset) * MICROS_PER_MINUTE)?;
                local.checked_add(UNIX_EPOCH_MICROS)?.checked_mul(10)
            });
            match ticks.and_then(|ticks| PsDateTime::from_ticks(ticks, DateTimeKind::Local(offset))) {
                Some(datetime) => PsValue::DateTime(datetime),
                None => text(),
            }
        }
        CimDateTime::Interval(interval) => {
            let ticks = interval.micros().and_then(|micros| i64::try_from(micros).ok()?.checked_mul(10));
            ticks.map_or_else(text, PsValue::TimeSpan)
        }
    }
}
