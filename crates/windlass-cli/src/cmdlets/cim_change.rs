//! `Invoke-CimMethod`, `New-`, `Set-` and `Remove-CimInstance`, and the way from values back to CIM.

use std::sync::Arc;

use windlass::CimSession;
use windlass_cim::{CimArray, CimClass, CimInstance, CimType, CimValue, DataType, ObjectPath};
use windlass_clixml::{PsObject, PsValue};
use windlass_mock::powershell::{Bound, Cmdlet, Context, Failure, Outcome, text};

use super::cim_reach::in_each;
use super::{cmdlet, each};
use crate::output::{cim_to_value, instance_to_value};
use crate::runspace::{Local, argument};

const INSTANCE: &str = "Microsoft.Management.Infrastructure.CimInstance";

pub(super) fn all(local: &Arc<Local>) -> Vec<Arc<dyn Cmdlet>> {
    vec![
        cmdlet(local, "Invoke-CimMethod", "Calls a method of a CIM class or instance.", |l, c, x| {
            each(l, c, x, invoke)
        }),
        cmdlet(local, "New-CimInstance", "Creates a CIM instance.", |l, c, x| each(l, c, x, new)),
        cmdlet(local, "Set-CimInstance", "Changes properties of CIM instances.", |l, c, x| {
            each(l, c, x, set)
        }),
        cmdlet(local, "Remove-CimInstance", "Deletes CIM instances.", |l, c, x| each(l, c, x, remove)),
    ]
}

/// The class or instance that a resource URI names.
pub(super) fn resource_path(local: &Local, uri: &str) -> Result<ResourcePath, Box<Failure>> {
    let expanded = windlass_cim::expand_alias(uri);
    let parsed = expanded.parse::<windlass_cim::ResourceUri>().ok();
    let class = parsed.as_ref().and_then(|parsed| parsed.class.clone());
    match (parsed, class) {
        (Some(parsed), Some(class)) => Ok(ResourcePath { namespace: parsed.namespace, class }),
        _ => Err(argument(local, "InvalidResourceUri", format!("{uri} is no resource URI of a CIM class"))),
    }
}

/// What a resource URI names.
pub(super) struct ResourcePath {
    pub(super) namespace: Option<windlass_cim::Namespace>,
    pub(super) class: windlass_cim::CimName,
}

/// The path of the instance that a value is: its class tells which of its properties are keys.
pub(super) async fn path_of(session: &CimSession, value: &PsValue) -> Result<ObjectPath, windlass::Error> {
    let (namespace, class) = class_of(value);
    let mut path = ObjectPath::class(class.as_str()).in_namespace(namespace.as_str());
    let class = session.get_class(&namespace, &class).await?;
    for key in class.keys() {
        if let Some(value) = value.get(key.name.as_str()) {
            path = path.with_key(key.name.clone(), to_cim(value, Some(&key.data_type)));
        }
    }
    Ok(path)
}

/// Namespace and class of an instance's value: `...CimInstance#root/cimv2/Win32_Process`.
fn class_of(value: &PsValue) -> (String, String) {
    let typed = value.as_object().and_then(|object| {
        let find = |name: &windlass_clixml::PsString| {
            let rest = name.as_str().strip_prefix(INSTANCE)?.strip_prefix('#')?;
            let (namespace, class) = rest.rsplit_once('/')?;
            Some((namespace.to_owned(), class.to_owned()))
        };
        object.type_names.iter().find_map(find)
    });
    typed.unwrap_or_else(|| ("root/cimv2".to_owned(), text(value)))
}

/// A value of CIM, of the type that is asked for where one is.
pub(super) fn to_cim(value: &PsValue, wanted: Option<&DataType>) -> CimValue {
    if let Some(items) = value.items() {
        let element =
            wanted.map_or_else(|| items.first().map_or(CimType::String, natural), |wanted| wanted.element);
        let items: Vec<CimValue> = items.iter().map(|item| scalar(item, element)).collect();
        return CimArray::from_values(element, items)
            .map_or(CimValue::Null, |array| CimValue::Array(Box::new(array)));
    }
    match wanted {
        _ if value.is_null() => CimValue::Null,
        Some(wanted) if wanted.is_array => {
            let items = vec![scalar(value, wanted.element)];
            CimArray::from_values(wanted.element, items)
                .map_or(CimValue::Null, |array| CimValue::Array(Box::new(array)))
        }
        Some(wanted) => scalar(value, wanted.element),
        None => scalar(value, natural(value)),
    }
}

/// The type of CIM that a value has by itself.
fn natural(value: &PsValue) -> CimType {
    match value.unwrapped() {
        PsValue::Bool(_) => CimType::Boolean,
        PsValue::U8(_) => CimType::UInt8,
        PsValue::I8(_) => CimType::SInt8,
        PsValue::U16(_) => CimType::UInt16,
        PsValue::I16(_) => CimType::SInt16,
        PsValue::U32(_) => CimType::UInt32,
        PsValue::I32(_) => CimType::SInt32,
        PsValue::U64(_) => CimType::UInt64,
        PsValue::I64(_) => CimType::SInt64,
        PsValue::F32(_) => CimType::Real32,
        PsValue::F64(_) => CimType::Real64,
        PsValue::Object(object) if object.type_names.contains(INSTANCE) => CimType::Instance,
        _ => CimType::String,
    }
}

/// A single value as this type; one that does not fit goes as text, for the host to judge.
fn scalar(value: &PsValue, wanted: CimType) -> CimValue {
    let whole = || value.as_i64().or_else(|| text(value).trim().parse().ok());
    let number = |make: &dyn Fn(i64) -> Option<CimValue>| whole().and_then(make);
    let made = match wanted {
        CimType::Boolean => match value.as_bool() {
            Some(on) => Some(CimValue::Boolean(on)),
            None => text(value).parse().ok().map(CimValue::Boolean),
        },
        CimType::UInt8 => number(&|n| u8::try_from(n).ok().map(CimValue::UInt8)),
        CimType::SInt8 => number(&|n| i8::try_from(n).ok().map(CimValue::SInt8)),
        CimType::UInt16 => number(&|n| u16::try_from(n).ok().map(CimValue::UInt16)),
        CimType::SInt16 => number(&|n| i16::try_from(n).ok().map(CimValue::SInt16)),
        CimType::UInt32 => number(&|n| u32::try_from(n).ok().map(CimValue::UInt32)),
        CimType::SInt32 => number(&|n| i32::try_from(n).ok().map(CimValue::SInt32)),
        CimType::UInt64 => value.as_u64().or_else(|| text(value).trim().parse().ok()).map(CimValue::UInt64),
        CimType::SInt64 => number(&|n| Some(CimValue::SInt64(n))),
        CimType::Real64 => value.as_f64().or_else(|| text(value).parse().ok()).map(CimValue::Real64),
        CimType::Real32 => text(value).parse().ok().map(CimValue::Real32),
        CimType::DateTime => text(value).parse().ok().map(|time| CimValue::DateTime(Box::new(time))),
        CimType::Instance => Some(CimValue::Instance(Box::new(to_instance(value)))),
        CimType::Reference => ObjectPath::parse(&text(value), &windlass_cim::PathLimits::default())
            .ok()
            .map(|path| CimValue::Reference(Box::new(path))),
        _ => None,
    };
    made.unwrap_or_else(|| if value.is_null() { CimValue::Null } else { CimValue::String(text(value)) })
}

/// An instance with the properties of a value.
fn to_instance(value: &PsValue) -> CimInstance {
    let (namespace, class) = class_of(value);
    let mut instance = CimInstance::new(class.as_str()).in_namespace(namespace.as_str());
    if let Some(object) = value.as_object() {
        for property in object.adapted.as_slice() {
            instance = instance.with(property.name.as_str(), to_cim(&property.value, None));
        }
    }
    instance
}

/// The entries of a table, each as the type that its declaration asks for.
fn filled(
    mut instance: CimInstance,
    entries: &PsValue,
    declared: impl Fn(&str) -> Option<DataType>,
) -> CimInstance {
    for (name, value) in entries.entries().unwrap_or_default() {
        let name = text(name);
        instance = instance.with(name.as_str(), to_cim(value, declared(&name).as_ref()));
    }
    instance
}

fn given_table(call: &Bound, name: &str) -> PsValue {
    call.get(name).cloned().unwrap_or_default()
}

/// The class that a call names, with its namespace.
fn class_named(local: &Local, call: &Bound) -> Result<(String, String), Box<Failure>> {
    if let Some(uri) = call.text("ResourceUri").filter(|uri| !uri.is_empty()) {
        let path = resource_path(local, &uri)?;
        let namespace = path.namespace.map(|namespace| namespace.as_str().to_owned()).unwrap_or_default();
        return Ok((call.text("Namespace").unwrap_or(namespace), path.class.as_str().to_owned()));
    }
    let namespace = call.text("Namespace").unwrap_or_default();
    if let Some(class) = call.get("CimClass") {
        let namespace = class
            .get("CimSystemProperties")
            .and_then(|system| system.get("Namespace"))
            .map_or(namespace, text);
        return Ok((namespace, class.get("CimClassName").map(text).unwrap_or_default()));
    }
    Ok((namespace, call.text("ClassName").unwrap_or_default()))
}

/// The paths of the instances that a call means, in one session.
async fn paths(
    session: &CimSession,
    input: Option<&PsValue>,
    query: Option<&str>,
    namespace: &str,
) -> Result<Vec<ObjectPath>, windlass::Error> {
    if let Some(query) = query {
        let mut paths = Vec::new();
        for instance in session.query(namespace, query).collect().await? {
            match instance.path() {
                Some(path) => paths.push(path),
                None => paths.push(path_of(session, &instance_to_value(&instance)).await?),
            }
        }
        return Ok(paths);
    }
    match input {
        Some(input) => Ok(vec![path_of(session, input).await?]),
        None => Ok(Vec::new()),
    }
}

fn invoke(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let (namespace, class) = class_named(local, call).map_err(|failure| cx.fail(*failure))?;
    let named = Arc::new((namespace, class));
    in_each(local, call, cx, "CimMethodFailed", |reached, call| {
        let named = Arc::clone(&named);
        async move {
            let (session, (namespace, class)) = (reached.session(), &*named);
            let method = call.text("MethodName").unwrap_or_default();
            let arguments = given_table(&call, "Arguments");
            let (input, query) = (call.get("InputObject"), call.text("Query"));
            let paths = if input.is_some() || query.is_some() {
                paths(session, input, query.as_deref(), namespace).await?
            } else {
                let path = ObjectPath::class(class.as_str());
                vec![if namespace.is_empty() { path } else { path.in_namespace(namespace.as_str()) }]
            };
            let mut results = Vec::new();
            for path in paths {
                let place = path.namespace.as_ref().map(|namespace| namespace.as_str()).unwrap_or_default();
                // Arguments go as the types that the class declares; without a class, as they are.
                let declared = session.get_class(place, path.class_name.as_str()).await.ok();
                let types = |name: &str| {
                    let method = declared.as_ref()?.method(&method)?;
                    Some(method.parameter(name)?.data_type.clone())
                };
                let input = filled(CimInstance::new(method.as_str()), &arguments, types);
                results.push(result_value(&session.invoke(&path, &method, &input).await?));
            }
            Ok(results)
        }
    })
}

fn result_value(result: &windlass::MethodResult) -> PsValue {
    let mut object =
        PsObject::typed(["Microsoft.Management.Infrastructure.CimMethodResult", "System.Object"]);
    for property in &result.outputs {
        object = object.with(property.name.as_str(), cim_to_value(&property.value));
    }
    object.with("ReturnValue", cim_to_value(&result.return_value)).into()
}

fn new(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    let (namespace, class) = class_named(local, call).map_err(|failure| cx.fail(*failure))?;
    if call.switch("ClientOnly") {
        let properties = given_table(call, "Property");
        let place = if namespace.is_empty() { "root/cimv2" } else { namespace.as_str() };
        let instance = filled(CimInstance::new(class.as_str()).in_namespace(place), &properties, |_| None);
        return cx.write(instance_to_value(&instance));
    }
    let named = Arc::new((namespace, class));
    in_each(local, call, cx, "CimInstanceNotCreated", |reached, call| {
        let named = Arc::clone(&named);
        async move {
            let (session, (namespace, class)) = (reached.session(), &*named);
            let (keys, properties) = (call.texts("Key"), given_table(&call, "Property"));
            let declared = session.get_class(namespace, class).await.ok();
            let mut instance =
                filled(CimInstance::new(class.as_str()), &properties, types_of(declared.as_deref()));
            for property in instance.properties.iter_mut() {
                property.is_key |= keys.iter().any(|key| property.name.is(key));
            }
            let mut path = session.create(namespace, &instance).await?;
            if path.namespace.is_none() && !namespace.is_empty() {
                path = path.in_namespace(namespace.as_str());
            }
            Ok(vec![instance_to_value(&session.get(&path).await?)])
        }
    })
}

/// What a class declares for its properties.
fn types_of(class: Option<&CimClass>) -> impl Fn(&str) -> Option<DataType> + use<'_> {
    move |name| Some(class?.property(name)?.data_type.clone())
}

fn set(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    in_each(local, call, cx, "CimInstanceNotChanged", |reached, call| async move {
        let session = reached.session();
        let namespace = call.text("Namespace").unwrap_or_default();
        let (properties, shown) = (given_table(&call, "Property"), call.switch("PassThru"));
        let (input, query) = (call.get("InputObject"), call.text("Query"));
        let mut changed = Vec::new();
        for path in paths(session, input, query.as_deref(), &namespace).await? {
            let place = path.namespace.as_ref().map(|namespace| namespace.as_str()).unwrap_or_default();
            let declared = session.get_class(place, path.class_name.as_str()).await.ok();
            let blank = CimInstance::new(path.class_name.clone());
            let mut instance = filled(blank, &properties, types_of(declared.as_deref()));
            for property in instance.properties.iter_mut() {
                property.is_modified = true;
            }
            let answer = session.modify(&path, &instance).await?;
            if shown {
                changed.push(instance_to_value(&match answer {
                    Some(instance) => instance,
                    None => session.get(&path).await?,
                }));
            }
        }
        Ok(changed)
    })
}

fn remove(local: &Arc<Local>, call: &Bound, cx: &mut Context<'_>) -> Outcome {
    in_each(local, call, cx, "CimInstanceNotRemoved", |reached, call| async move {
        let session = reached.session();
        let namespace = call.text("Namespace").unwrap_or_default();
        let (input, query) = (call.get("InputObject"), call.text("Query"));
        for path in paths(session, input, query.as_deref(), &namespace).await? {
            session.delete(&path).await?;
        }
        Ok(Vec::new())
    })
}
