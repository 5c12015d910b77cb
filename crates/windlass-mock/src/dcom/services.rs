//! IWbemServices: one namespace ([MS-WMI] 3.1.4.3).

use std::sync::Arc;

use windlass_cim::{CimClass, CimInstance, CimStatus, Keys, Namespace, ObjectPath, PathLimits, wql};
use windlass_core::status::Hresult;
use windlass_dcom::ObjRef;
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::context::Context;
use windlass_wmi::stubs::{
    Changed, ClassOrInstance, Delete, Enumerate, ExecMethod, Given, LookedUp, Lookup, Out, Query,
    services_opnum,
};
use windlass_wmi::{flags, ids, object};

use super::enumeration::{Enumeration, Source};
use super::notification::Notification;
use super::result::{CallResult, Value};
use super::{Call, HostObject, Outcome, amended, answer, code};
use crate::cim::{Before, CimFailure};

/// The longest query, in characters, as Windows has it.
const LONGEST_QUERY: usize = 16_384;
/// The longest path.
const LONGEST_PATH: usize = 8192;
/// The longest name of a class.
const LONGEST_CLASS: usize = 4096;
/// The class of parameters.
const PARAMETERS: &str = "__PARAMETERS";

/// A namespace that a client has opened.
#[derive(Clone)]
pub(super) struct Services {
    namespace: Namespace,
}

impl Services {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self { namespace }
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn call(&self, call: &Call<'_>) -> Outcome {
        match call.raw.opnum {
            services_opnum::OPEN_NAMESPACE => self.look_up(call, |lookup| {
                let name = lookup.name.as_deref().unwrap_or_default();
                let below = Namespace::new(&format!("{}/{name}", self.namespace.as_str()));
                call.host.cim.namespace(&below).map_err(|failure| code(&failure))?;
                Ok(Value::Services(below))
            }),
            services_opnum::GET_OBJECT => {
                self.look_up(call, |lookup| Ok(Value::Object(self.get(call, lookup)?)))
            }
            services_opnum::PUT_INSTANCE => {
                let request: ClassOrInstance = call.parameters()?;
                let outcome = self.put_instance(call, &request);
                changed(call, &request.call, outcome)
            }
            services_opnum::DELETE_INSTANCE => {
                let request: Delete = call.parameters()?;
                let outcome = self.delete_instance(call, &request);
                changed(call, &request.call, outcome)
            }
            services_opnum::PUT_CLASS => {
                let request: ClassOrInstance = call.parameters()?;
                let outcome = self.put_class(call, &request);
                changed(call, &request.call, outcome)
            }
            services_opnum::DELETE_CLASS => {
                let request: Delete = call.parameters()?;
                let outcome = self.delete_class(call, &request);
                changed(call, &request.call, outcome)
            }
            services_opnum::CREATE_CLASS_ENUM => {
                let request: Enumerate = call.parameters()?;
                self.enumerate(call, request.flags, Ok(classes(&request)))
            }
            services_opnum::CREATE_INSTANCE_ENUM => {
                let request: Enumerate = call.parameters()?;
                let source = instances(&request);
                self.enumerate(call, request.flags, source)
            }
            services_opnum::EXEC_QUERY => {
                let request: Query = call.parameters()?;
                self.enumerate(call, request.flags, query(&request))
            }
            services_opnum::EXEC_NOTIFICATION_QUERY => {
                let request: Query = call.parameters()?;
                const NEEDED: u32 = flags::RETURN_IMMEDIATELY | flags::FORWARD_ONLY;
                let source = match request.flags & NEEDED {
                    NEEDED => self.events(call, &request),
                    _ => Err(Hresult::WBEM_E_INVALID_PARAMETER),
                };
                // Whoever waits for events learns at once that there will be none.
                match source {
                    Ok(source) => self.enumerate(call, request.flags, Ok(source)),
                    Err(result) => answer(&Given::failed(result)),
                }
            }
            services_opnum::EXEC_METHOD => {
                let request: ExecMethod = call.parameters()?;
                self.exec_method(call, &request)
            }
            services_opnum::QUERY_OBJECT_SINK => answer(&Given::failed(Hresult::WBEM_E_NOT_SUPPORTED)),
            // Those with sinks are not carried out here: the host has to call the client for them.
            _ => Err(FaultStatus::OP_RANGE),
        }
    }

    /// OpenNamespace and GetObject: at once, or through a call result.
    fn look_up(&self, call: &Call<'_>, find: impl FnOnce(&Lookup) -> Result<Value, Hresult>) -> Outcome {
        let request: Lookup = call.parameters()?;
        let failed = |result| {
            let (found, call) = (request.found.answer(None), request.call.answer(None));
            answer(&LookedUp { found, call, result })
        };
        if let Err(result) = check_flags(request.flags) {
            return failed(result);
        }
        if request.flags & flags::RETURN_IMMEDIATELY != 0 {
            if !request.call.is_wanted() {
                return failed(Hresult::WBEM_E_INVALID_PARAMETER);
            }
            let result = CallResult::new(find(&request));
            return match call.export(HostObject::CallResult(result), ids::CALL_RESULT) {
                Ok(reference) => answer(&LookedUp {
                    found: request.found.answer(None),
                    call: request.call.answer(Some(reference)),
                    result: Hresult::S_OK,
                }),
                Err(result) => failed(result),
            };
        }
        let found = find(&request).and_then(|value| match value {
            Value::Object(object) => Ok(Some(object)),
            Value::Services(namespace) => Ok(super::login::open(call, namespace)?.interface),
            Value::Nothing | Value::Text(_) => Ok(None),
        });
        match found {
            Ok(found) => answer(&LookedUp {
                found: request.found.answer(found),
                call: request.call.answer(None),
                result: Hresult::S_OK,
            }),
            Err(result) => failed(result),
        }
    }

    fn path(&self, text: Option<&str>) -> Result<ObjectPath, Hresult> {
        let text = text.ok_or(Hresult::WBEM_E_INVALID_OBJECT_PATH)?;
        if text.chars().count() > LONGEST_PATH {
            return Err(Hresult::WBEM_E_QUOTA_VIOLATION);
        }
        let path = ObjectPath::parse(text, &PathLimits::default())
            .map_err(|_| Hresult::WBEM_E_INVALID_OBJECT_PATH)?;
        Ok(match path.namespace {
            Some(_) => path,
            None => path.in_namespace(self.namespace.clone()),
        })
    }

    fn class(&self, call: &Call<'_>, path: &ObjectPath) -> Result<Arc<CimClass>, Hresult> {
        let namespace = path.namespace.as_ref().unwrap_or(&self.namespace);
        let classes = call.host.cim.namespace(namespace).map_err(|failure| code(&failure))?;
        // An object that is asked for by a path that leads nowhere is not found, also if it is a class.
        classes.class(&path.class_name).map_err(|_| Hresult::WBEM_E_NOT_FOUND)
    }

    pub(super) fn get(&self, call: &Call<'_>, lookup: &Lookup) -> Result<ObjRef, Hresult> {
        let path = lookup.name.as_deref();
        if path.is_none_or(str::is_empty) {
            // A class without anything, for the client to fill and put.
            let class = decorated(call, &self.namespace, &CimClass::new(""), lookup.flags);
            return object::marshal_class(&class).map_err(|error| unwritable(&error));
        }
        let path = self.path(path)?;
        let class = self.class(call, &path)?;
        let namespace = path.namespace.clone().unwrap_or_else(|| self.namespace.clone());
        if path.is_class() {
            let class = decorated(call, &namespace, &class, lookup.flags);
            return object::marshal_class(&class).map_err(|error| unwritable(&error));
        }
        let instance = call.host.cim.get(&call.host.cim_request(call.user), &path);
        let instance = instance.map_err(|failure| code(&failure))?;
        let mut instance = call.decorate(&namespace, instance);
        instance.class = instance.class.map(|class| amended::shared_as_asked(class, lookup.flags));
        object::marshal_instance(&instance).map_err(|error| unwritable(&error))
    }

    pub(super) fn put_instance(&self, call: &Call<'_>, request: &ClassOrInstance) -> Result<Value, Hresult> {
        check_flags(request.flags)?;
        let reference = request.object.as_ref().ok_or(Hresult::WBEM_E_INVALID_PARAMETER)?;
        let mut instance = object::unmarshal_instance(reference).map_err(|error| {
            tracing::debug!(%error, "an instance cannot be read");
            Hresult::WBEM_E_INVALID_OBJECT
        })?;
        let context = context(request.context.as_ref())?;
        let namespace = self.namespace.clone();
        let classes = call.host.cim.namespace(&namespace).map_err(|failure| code(&failure))?;
        let class = classes.class(&instance.class_name).map_err(|failure| code(&failure))?;
        for property in instance.properties.iter_mut() {
            property.is_key = class.property(&property.name).is_some_and(windlass_cim::PropertyDecl::is_key);
        }
        instance.namespace = Some(namespace.clone());
        instance.server_name = None;
        let path = instance.path();
        let cim_request = call.host.cim_request(call.user);
        let exists = path.as_ref().is_some_and(|path| call.host.cim.get(&cim_request, path).is_ok());
        let created = match (exists, path) {
            (true, Some(path)) if request.flags & flags::CREATE_ONLY == 0 => {
                if let Some(only) = context.as_ref().and_then(Context::put_properties) {
                    let is_meant = |name: &str| only.iter().any(|known| known.eq_ignore_ascii_case(name));
                    instance.properties.retain(|property| property.is_key || is_meant(&property.name));
                }
                call.host.cim.put(&cim_request, &path, instance)
            }
            (true, _) => return Err(Hresult::WBEM_E_ALREADY_EXISTS),
            (false, _) if request.flags & flags::UPDATE_ONLY != 0 => return Err(Hresult::WBEM_E_NOT_FOUND),
            (false, _) => {
                instance.properties.retain(|property| !property.value.is_null());
                let class = ObjectPath::class(class.name.clone()).in_namespace(namespace.clone());
                call.host.cim.create(&cim_request, &class, instance)
            }
        };
        let created = created.map_err(|failure| code(&failure))?;
        let path = call.decorate(&namespace, created).path();
        Ok(path.map_or(Value::Nothing, |path| Value::Text(path.to_string())))
    }

    pub(super) fn delete_instance(&self, call: &Call<'_>, request: &Delete) -> Result<Value, Hresult> {
        check_flags(request.flags)?;
        let path = self.path(request.path.as_deref())?;
        self.class(call, &path)?;
        if path.is_class() {
            return Err(Hresult::WBEM_E_INVALID_OBJECT_PATH);
        }
        let deleted = call.host.cim.delete(&call.host.cim_request(call.user), &path);
        deleted.map(|()| Value::Nothing).map_err(|failure| code(&failure))
    }

    pub(super) fn put_class(&self, call: &Call<'_>, request: &ClassOrInstance) -> Result<Value, Hresult> {
        check_flags(request.flags)?;
        let reference = request.object.as_ref().ok_or(Hresult::WBEM_E_INVALID_PARAMETER)?;
        let class = object::unmarshal_class(reference).map_err(|error| {
            tracing::debug!(%error, "a class cannot be read");
            Hresult::WBEM_E_INVALID_OBJECT
        })?;
        let before = match request.flags & (flags::CREATE_ONLY | flags::UPDATE_ONLY) {
            0 => Before::Either,
            flags::CREATE_ONLY => Before::Nothing,
            flags::UPDATE_ONLY => Before::Class,
            _ => return Err(Hresult::WBEM_E_INVALID_PARAMETER),
        };
        let put = call.host.cim.change_classes(&self.namespace, |classes| classes.put_class(class, before));
        put.map(|()| Value::Nothing).map_err(|failure| code(&failure))
    }

    pub(super) fn delete_class(&self, call: &Call<'_>, request: &Delete) -> Result<Value, Hresult> {
        check_flags(request.flags)?;
        let path = self.path(request.path.as_deref())?;
        if !path.is_class() {
            return Err(Hresult::WBEM_E_INVALID_OBJECT_PATH);
        }
        let namespace = path.namespace.as_ref().unwrap_or(&self.namespace);
        let name = &path.class_name;
        let deleted = call.host.cim.change_classes(namespace, |classes| classes.delete_class(name));
        deleted.map(|()| Value::Nothing).map_err(|failure| code(&failure))
    }

    /// The events that a query asks for.
    pub(super) fn events(&self, call: &Call<'_>, request: &Query) -> Result<Source, Hresult> {
        let Source::Query { query, .. } = query(request)? else { return Err(Hresult::WBEM_E_INVALID_QUERY) };
        let notification = Notification::start(call, self.namespace.clone(), *query);
        Ok(Source::Events(Arc::new(notification.map_err(|failure| code(&failure))?)))
    }

    /// Calls that give an enumeration. What goes wrong with it shows when objects are fetched, if the
    /// client did not want to wait.
    fn enumerate(&self, call: &Call<'_>, flags: u32, source: Result<Source, Hresult>) -> Outcome {
        let made = check_flags(flags & !flags::PROTOTYPE).and(source).and_then(|source| {
            let enumeration = Enumeration::start(call, self.namespace.clone(), source, flags)?;
            call.export(HostObject::Enumeration(Arc::new(enumeration)), ids::ENUM_CLASS_OBJECT)
        });
        answer(&made.map_or_else(Given::failed, Given::from))
    }

    fn exec_method(&self, call: &Call<'_>, request: &ExecMethod) -> Outcome {
        let failed = |result| {
            let (found, call) = (request.output.answer(None), request.call.answer(None));
            answer(&LookedUp { found, call, result })
        };
        let semi_synchronous = request.flags & flags::RETURN_IMMEDIATELY != 0;
        if request.flags & !flags::RETURN_IMMEDIATELY != 0 || semi_synchronous && !request.call.is_wanted() {
            return failed(Hresult::WBEM_E_INVALID_PARAMETER);
        }
        let outcome = self.invoke(call, request);
        if semi_synchronous {
            let result = CallResult::new(outcome.map(Value::Object));
            return match call.export(HostObject::CallResult(result), ids::CALL_RESULT) {
                Ok(reference) => answer(&LookedUp {
                    found: request.output.answer(None),
                    call: Out::Wanted(Some(reference)),
                    result: Hresult::S_OK,
                }),
                Err(result) => failed(result),
            };
        }
        match outcome {
            Ok(output) => answer(&LookedUp {
                found: request.output.answer(Some(output)),
                call: request.call.answer(None),
                result: Hresult::S_OK,
            }),
            Err(result) => failed(result),
        }
    }

    pub(super) fn invoke(&self, call: &Call<'_>, request: &ExecMethod) -> Result<ObjRef, Hresult> {
        let path = self.path(request.path.as_deref())?;
        let class = self.class(call, &path)?;
        let name = request.method.as_deref().unwrap_or_default();
        let method = class.method(name).ok_or(Hresult::WBEM_E_INVALID_METHOD)?;
        let mut input = match &request.input {
            None => CimInstance::new(PARAMETERS),
            Some(reference) => object::unmarshal_instance(reference)
                .map_err(|_| Hresult::WBEM_E_INVALID_METHOD_PARAMETERS)?,
        };
        input.properties.retain(|parameter| !parameter.value.is_null());
        let unknown = input.properties.iter().find(|given| method.parameter(&given.name).is_none());
        if unknown.is_some() {
            return Err(Hresult::WBEM_E_INVALID_METHOD_PARAMETERS);
        }
        let mut path = path;
        if path.keys == Keys::Class && !method.is_static() && class.is_singleton() {
            path.keys = Keys::Singleton;
        }
        let output = call.host.cim.invoke(&call.host.cim_request(call.user), &path, name, &input);
        let output = output.map_err(|failure| code(&failure))?;
        let mut types = method.output_class();
        types.name = PARAMETERS.into();
        let mut result = CimInstance::of_class(&Arc::new(types));
        for parameter in &output.properties {
            // What the method does not declare is not sent.
            if result.property(&parameter.name).is_some() {
                result.set(&parameter.name, parameter.value.clone()).map_err(|_| Hresult::WBEM_E_FAILED)?;
            }
        }
        object::marshal_instance(&result).map_err(|error| unwritable(&error))
    }
}

/// The response of a call that changes something.
fn changed(call: &Call<'_>, wanted: &Out, outcome: Result<Value, Hresult>) -> Outcome {
    if !wanted.is_wanted() {
        let result = outcome.err().unwrap_or(Hresult::S_OK);
        return answer(&Changed { call: Out::Unwanted, result });
    }
    let exported = call.export(HostObject::CallResult(CallResult::new(outcome)), ids::CALL_RESULT);
    match exported {
        Ok(reference) => answer(&Changed { call: Out::Wanted(Some(reference)), result: Hresult::S_OK }),
        Err(result) => answer(&Changed { call: Out::WANTED, result }),
    }
}

pub(super) fn check_flags(given: u32) -> Result<(), Hresult> {
    match given & !flags::KNOWN {
        0 => Ok(()),
        _ => Err(Hresult::WBEM_E_INVALID_PARAMETER),
    }
}

pub(super) fn classes(request: &Enumerate) -> Source {
    let class = request.class.clone().filter(|class| !class.is_empty());
    Source::Classes { class, shallow: request.flags & flags::SHALLOW != 0 }
}

pub(super) fn instances(request: &Enumerate) -> Result<Source, Hresult> {
    let class = request.class.clone().filter(|class| !class.is_empty());
    let class = class.ok_or(Hresult::WBEM_E_INVALID_CLASS)?;
    if class.chars().count() > LONGEST_CLASS {
        return Err(Hresult::WBEM_E_QUOTA_VIOLATION);
    }
    Ok(Source::Instances { class, shallow: request.flags & flags::SHALLOW != 0 })
}

pub(super) fn query(request: &Query) -> Result<Source, Hresult> {
    if !request.language.as_deref().is_some_and(|language| language.eq_ignore_ascii_case("WQL")) {
        return Err(Hresult::WBEM_E_INVALID_QUERY_TYPE);
    }
    let text = request.query.as_deref().ok_or(Hresult::WBEM_E_INVALID_PARAMETER)?;
    if text.chars().count() > LONGEST_QUERY {
        return Err(Hresult::WBEM_E_QUOTA_VIOLATION);
    }
    // Some clients end a query as they end a line.
    let text = text.trim_end_matches(['\r', '\n', ' ', ';']);
    let query = wql::parse(text).map_err(|_| Hresult::WBEM_E_INVALID_QUERY)?;
    Ok(Source::Query { query: Box::new(query), prototype: request.flags & flags::PROTOTYPE != 0 })
}

fn context(reference: Option<&ObjRef>) -> Result<Option<Context>, Hresult> {
    let Some(reference) = reference else { return Ok(None) };
    Context::unmarshal(reference).map(Some).map_err(|_| Hresult::WBEM_E_INVALID_CONTEXT)
}

/// A class as a call with these flags gets it.
pub(super) fn decorated(call: &Call<'_>, namespace: &Namespace, class: &CimClass, flags: u32) -> CimClass {
    let mut class = amended::as_asked(class.clone(), flags);
    class.server_name = Some(call.host.config.computer.clone());
    class.namespace = Some(namespace.clone());
    class
}

pub(super) fn unwritable(error: &windlass_wmi::Error) -> Hresult {
    tracing::warn!(%error, "an object cannot be written");
    code(&CimFailure::new(CimStatus::FAILED))
}
