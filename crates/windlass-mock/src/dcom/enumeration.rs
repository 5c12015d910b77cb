//! Enumerations: IEnumWbemClassObject, IWbemFetchSmartEnum and IWbemWCOSmartEnum ([MS-WMI] 3.1.4.4,
//! 3.1.4.6, 3.1.4.7).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;
use windlass_cim::wql::Query;
use windlass_cim::{CimClass, CimInstance, CimName, Namespace};
use windlass_core::status::Hresult;
use windlass_dcom::{Nothing, ObjRef, ResultOnly};
use windlass_rpc::pdu::FaultStatus;
use windlass_wmi::array::ArrayWriter;
use windlass_wmi::stubs::{FetchNext, FetchedNext, Given, Next, NextObjects, Skip, enumeration_opnum};
use windlass_wmi::wmio::{InstanceEncoder, WmiObject};
use windlass_wmi::{flags, ids, object};

use super::notification::Notification;
use super::services::{decorated, unwritable};
use super::{Call, HostObject, Outcome, amended, answer, code};
use crate::cim::{CimFailure, Selection};

/// Objects that one answer has at most.
const MOST_OBJECTS: usize = 10_000;
/// Bytes that one answer has at most, give or take one object.
const MOST_BYTES: usize = 4 << 20;

/// What an enumeration goes through.
pub(super) enum Source {
    /// The instances of a class.
    Instances { class: String, shallow: bool },
    /// Classes: all, or those that derive from one.
    Classes { class: Option<String>, shallow: bool },
    /// What a query selects, or just the class of it.
    Query { query: Box<Query>, prototype: bool },
    /// Events as they happen.
    Events(Arc<Notification>),
}

pub(super) type Items = Box<dyn Iterator<Item = Result<WmiObject, CimFailure>> + Send>;

/// An enumeration; those that were cloned have their own.
pub(super) struct Enumeration {
    namespace: Namespace,
    source: Arc<Source>,
    flags: u32,
    cursor: Mutex<Cursor>,
}

/// How far it has come.
struct Cursor {
    items: Items,
    /// An object that no longer fitted the last answer, or what went wrong after it.
    held: Option<Result<WmiObject, Hresult>>,
    is_over: bool,
    /// Whether more may come when there is nothing left now.
    is_endless: bool,
    /// The objects that were taken from `items`.
    passed: u64,
    shapes: Vec<Shape>,
}

/// The class of instances that have just these properties.
struct Shape {
    base: Arc<CimClass>,
    class: Arc<CimClass>,
    names: Vec<CimName>,
    id: Uuid,
}

/// What one answer has.
struct Batch {
    objects: Vec<WmiObject>,
    result: Hresult,
}

impl Enumeration {
    pub(super) fn start(
        call: &Call<'_>,
        namespace: Namespace,
        source: Source,
        flags: u32,
    ) -> Result<Self, Hresult> {
        let source = Arc::new(source);
        let started = items(call, &namespace, &source).map_err(|failure| code(&failure));
        let (items, held) = match started {
            Ok(items) => (items, None),
            // Whoever did not want to wait is told when fetching.
            Err(result) if flags & flags::RETURN_IMMEDIATELY != 0 => (empty(), Some(Err(result))),
            Err(result) => return Err(result),
        };
        let is_endless = matches!(*source, Source::Events(_));
        let cursor = Mutex::new(Cursor { held, is_endless, ..Cursor::new(items) });
        Ok(Self { namespace, source, flags, cursor })
    }

    /// The events that this waits for, if it does.
    pub(super) fn notification(&self) -> Option<&Arc<Notification>> {
        match self.source.as_ref() {
            Source::Events(notification) => Some(notification),
            _ => None,
        }
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// IEnumWbemClassObject.
    pub(super) fn call(&self, call: &Call<'_>) -> Outcome {
        match call.raw.opnum {
            enumeration_opnum::RESET => {
                call.parameters::<Nothing>()?;
                answer(&ResultOnly(self.reset(call).err().unwrap_or(Hresult::S_OK)))
            }
            enumeration_opnum::NEXT => self.next(call, &call.parameters()?),
            enumeration_opnum::NEXT_ASYNC => answer(&ResultOnly(Hresult::WBEM_E_NOT_SUPPORTED)),
            enumeration_opnum::CLONE => {
                call.parameters::<Nothing>()?;
                answer(&self.cloned(call).map_or_else(Given::failed, Given::from))
            }
            enumeration_opnum::SKIP => {
                let skip: Skip = call.parameters()?;
                answer(&ResultOnly(self.skip(call, &skip)))
            }
            _ => Err(FaultStatus::OP_RANGE),
        }
    }

    /// IWbemFetchSmartEnum.
    pub(super) fn fetch_smart(self: &Arc<Self>, call: &Call<'_>) -> Outcome {
        match call.raw.opnum {
            enumeration_opnum::GET_SMART_ENUM => {
                call.parameters::<Nothing>()?;
                let object = HostObject::SmartEnumeration(Arc::clone(self));
                let exported = call.export(object, ids::WCO_SMART_ENUM);
                answer(&exported.map_or_else(Given::failed, Given::from))
            }
            _ => Err(FaultStatus::OP_RANGE),
        }
    }

    /// IWbemWCOSmartEnum.
    pub(super) fn smart_call(&self, call: &Call<'_>) -> Outcome {
        match call.raw.opnum {
            enumeration_opnum::SMART_NEXT => {
                let next: FetchNext = call.parameters()?;
                let failed = |result| answer(&FetchedNext { count: 0, packet: None, result });
                if next.count == 0 || next.timeout < flags::INFINITE {
                    return failed(Hresult::WBEM_E_INVALID_PARAMETER);
                }
                let mut cursor = self.cursor();
                let batch = cursor.take(wide(next.count), |object| self.finish(call, object));
                if batch.objects.is_empty() {
                    return failed(batch.result);
                }
                match cursor.packet(&batch.objects, self.flags) {
                    Ok(packet) => answer(&FetchedNext {
                        count: u32::try_from(batch.objects.len()).unwrap_or(u32::MAX),
                        packet: Some(packet),
                        result: batch.result,
                    }),
                    Err(error) => failed(unwritable(&error)),
                }
            }
            _ => Err(FaultStatus::OP_RANGE),
        }
    }

    fn next(&self, call: &Call<'_>, next: &Next) -> Outcome {
        let room = wide(next.count);
        let failed = |result| answer(&NextObjects { room, objects: Vec::new(), result });
        if next.count == 0 || next.timeout < flags::INFINITE {
            return failed(Hresult::WBEM_E_INVALID_PARAMETER);
        }
        let (objects, result) = self.batch(call, room);
        answer(&NextObjects { room, objects, result })
    }

    /// The next objects, at most so many, and what is to be said of them: that there are all that were asked
    /// for, that they are the last, that more may come, or what went wrong.
    pub(super) fn batch(&self, call: &Call<'_>, room: usize) -> (Vec<Option<ObjRef>>, Hresult) {
        let mut cursor = self.cursor();
        let batch = cursor.take(room, |object| self.finish(call, object));
        let marshalled: Result<Vec<Option<ObjRef>>, windlass_wmi::Error> =
            batch.objects.iter().map(|object| cursor.marshal(object, self.flags).map(Some)).collect();
        match marshalled {
            Ok(objects) => (objects, batch.result),
            Err(error) => (Vec::new(), unwritable(&error)),
        }
    }

    fn reset(&self, call: &Call<'_>) -> Result<(), Hresult> {
        if self.flags & flags::FORWARD_ONLY != 0 {
            return Err(Hresult::WBEM_E_INVALID_OPERATION);
        }
        let items = items(call, &self.namespace, &self.source).map_err(|failure| code(&failure))?;
        *self.cursor() = Cursor::new(items);
        Ok(())
    }

    /// Another enumeration of the same, which stands where this one does.
    fn cloned(&self, call: &Call<'_>) -> Result<ObjRef, Hresult> {
        if self.flags & flags::FORWARD_ONLY != 0 {
            return Err(Hresult::WBEM_E_INVALID_OPERATION);
        }
        let cursor = match self.cursor().place() {
            Place::Failed(result) => Cursor { held: Some(Err(result)), ..Cursor::new(empty()) },
            Place::After(passed) => {
                let items = items(call, &self.namespace, &self.source).map_err(|failure| code(&failure))?;
                let mut cursor = Cursor::new(items);
                cursor.pass(passed);
                cursor
            }
        };
        let (namespace, source) = (self.namespace.clone(), Arc::clone(&self.source));
        let copy = Self { namespace, source, flags: self.flags, cursor: Mutex::new(cursor) };
        call.export(HostObject::Enumeration(Arc::new(copy)), ids::ENUM_CLASS_OBJECT)
    }

    fn skip(&self, call: &Call<'_>, skip: &Skip) -> Hresult {
        let mut cursor = self.cursor();
        for _ in 0..skip.count {
            match cursor.advance(|object| self.finish(call, object)) {
                Some(Ok(_)) => {}
                Some(Err(result)) => return result,
                None => return Hresult::S_FALSE,
            }
        }
        Hresult::S_OK
    }

    /// The object as clients get it.
    fn finish(&self, call: &Call<'_>, object: WmiObject) -> WmiObject {
        match object {
            WmiObject::Instance(instance) => WmiObject::Instance(call.decorate(&self.namespace, instance)),
            WmiObject::Class(class) => WmiObject::Class(decorated(call, &self.namespace, &class, self.flags)),
        }
    }
}

/// Where a cursor stands.
enum Place {
    /// Behind so many objects.
    After(u64),
    /// Before an error.
    Failed(Hresult),
}

impl Cursor {
    fn new(items: Items) -> Self {
        Self { items, held: None, is_over: false, is_endless: false, passed: 0, shapes: Vec::new() }
    }

    fn place(&self) -> Place {
        match &self.held {
            Some(Err(result)) => Place::Failed(*result),
            Some(Ok(_)) => Place::After(self.passed.saturating_sub(1)),
            None => Place::After(self.passed),
        }
    }

    /// Passes over objects.
    fn pass(&mut self, count: u64) {
        while self.passed < count && self.items.next().is_some() {
            self.passed += 1;
        }
    }

    fn advance(&mut self, finish: impl Fn(WmiObject) -> WmiObject) -> Option<Result<WmiObject, Hresult>> {
        if let Some(held) = self.held.take() {
            self.is_over |= held.is_err();
            return Some(held.map(finish));
        }
        if self.is_over {
            return None;
        }
        match self.items.next() {
            Some(Ok(object)) => {
                self.passed += 1;
                Some(Ok(finish(object)))
            }
            Some(Err(failure)) => {
                self.is_over = true;
                Some(Err(code(&failure)))
            }
            None if self.is_endless => None,
            None => {
                self.is_over = true;
                self.items = empty();
                None
            }
        }
    }

    fn take(&mut self, count: usize, finish: impl Fn(WmiObject) -> WmiObject) -> Batch {
        let mut objects = Vec::new();
        let mut bytes = 0_usize;
        while objects.len() < count {
            if objects.len() >= MOST_OBJECTS || bytes >= MOST_BYTES {
                return Batch { objects, result: Hresult::WBEM_S_TIMEDOUT };
            }
            match self.advance(&finish) {
                Some(Ok(object)) => {
                    bytes = bytes.saturating_add(estimate(&object));
                    objects.push(object);
                }
                Some(Err(result)) if objects.is_empty() => return Batch { objects, result },
                Some(Err(result)) => {
                    self.is_over = false;
                    self.held = Some(Err(result));
                    return Batch { objects, result: Hresult::WBEM_S_TIMEDOUT };
                }
                None if self.is_endless => return Batch { objects, result: Hresult::WBEM_S_TIMEDOUT },
                None => return Batch { objects, result: Hresult::S_FALSE },
            }
        }
        Batch { objects, result: Hresult::S_OK }
    }

    /// The class that an instance is written with, and what stands for it.
    fn shape(&mut self, instance: &CimInstance, flags: u32) -> (Arc<CimClass>, Uuid) {
        let base = instance.class.clone().unwrap_or_else(|| Arc::new(CimClass::new("")));
        let fits = |shape: &&Shape| {
            Arc::ptr_eq(&shape.base, &base)
                && shape.names.len() == instance.properties.len()
                && shape.names.iter().zip(&instance.properties).all(|(name, own)| *name == own.name)
        };
        if let Some(known) = self.shapes.iter().find(fits) {
            return (Arc::clone(&known.class), known.id);
        }
        let class = object::projected_class(instance).unwrap_or_else(|| Arc::clone(&base));
        let class = amended::shared_as_asked(class, flags);
        let names = instance.properties.iter().map(|property| property.name.clone()).collect();
        let shape = Shape { base, class: Arc::clone(&class), names, id: Uuid::new_v4() };
        let id = shape.id;
        self.shapes.push(shape);
        (class, id)
    }

    fn marshal(&mut self, object: &WmiObject, flags: u32) -> Result<ObjRef, windlass_wmi::Error> {
        match object {
            WmiObject::Class(class) => object::marshal_class(class),
            WmiObject::Instance(instance) => {
                let (class, _) = self.shape(instance, flags);
                let mut instance = instance.clone();
                instance.class = Some(class);
                object::marshal(&WmiObject::Instance(instance))
            }
        }
    }

    fn packet(&mut self, objects: &[WmiObject], flags: u32) -> Result<Vec<u8>, windlass_wmi::Error> {
        let mut writer = ArrayWriter::new();
        let mut objects = objects.iter().peekable();
        while let Some(object) = objects.next() {
            let instance = match object {
                WmiObject::Class(class) => {
                    writer.class(class)?;
                    continue;
                }
                WmiObject::Instance(instance) => instance,
            };
            // Instances of one class stand together, so that its tables are made once.
            let (class, id) = self.shape(instance, flags);
            let encoder = InstanceEncoder::new(&class)?;
            writer.instance(id, &encoder, instance)?;
            while let Some(WmiObject::Instance(instance)) = objects.peek() {
                if self.shape(instance, flags).1 != id {
                    break;
                }
                writer.instance(id, &encoder, instance)?;
                objects.next();
            }
        }
        Ok(writer.finish())
    }
}

/// Bytes that an object takes at least.
fn estimate(object: &WmiObject) -> usize {
    let text = |instance: &CimInstance| -> usize {
        instance.properties.iter().map(|property| property.value.as_str().map_or(8, str::len)).sum()
    };
    match object {
        WmiObject::Instance(instance) => 100 + text(instance),
        WmiObject::Class(class) => 1000 + 200 * (class.properties.len() + class.methods.len()),
    }
}

fn items(call: &Call<'_>, namespace_name: &Namespace, source: &Source) -> Result<Items, CimFailure> {
    let host = call.host;
    let request = host.cim_request(call.user);
    let namespace = host.cim.namespace(namespace_name)?;
    match source {
        Source::Events(notification) => Ok(notification.items()),
        Source::Instances { class, shallow } => {
            let name = namespace.class(class)?.name.clone();
            let all = host.cim.enumerate(&request, namespace_name, class, None)?;
            let shallow = *shallow;
            let wanted = all.filter(move |instance| {
                !shallow || instance.as_ref().map_or(true, |instance| instance.class_name == name)
            });
            Ok(Box::new(wanted.map(|instance| instance.map(WmiObject::Instance))))
        }
        Source::Classes { class, shallow } => {
            if let Some(class) = class {
                namespace.class(class)?;
            }
            let derives = |candidate: &CimClass| match (class, shallow) {
                (None, false) => true,
                (None, true) => candidate.derivation.is_empty(),
                (Some(class), true) => candidate.superclass().is_some_and(|parent| parent.is(class)),
                (Some(class), false) => candidate.is_a(class) && !candidate.name.is(class),
            };
            let classes: Vec<Arc<CimClass>> =
                namespace.store().iter().filter(|candidate| derives(candidate)).cloned().collect();
            Ok(Box::new(classes.into_iter().map(|class| Ok(WmiObject::Class(class.as_ref().clone())))))
        }
        Source::Query { query, prototype } => {
            if let Some(classes) = host.cim.queried_classes(&request, namespace_name, query)? {
                let classes = classes.into_iter().map(|class| class.as_ref().clone());
                return Ok(Box::new(classes.map(|class| Ok(WmiObject::Class(class)))));
            }
            if *prototype && let Query::Select(select) = query.as_ref() {
                let class = namespace.class(&select.from)?;
                let projected = select.project(CimInstance::of_class(&class));
                let class = object::projected_class(&projected).unwrap_or(class);
                return Ok(Box::new(std::iter::once(Ok(WmiObject::Class(class.as_ref().clone())))));
            }
            let Selection { instances, .. } =
                host.cim.query(&request, namespace_name, query.as_ref().clone())?;
            Ok(Box::new(instances.map(|instance| instance.map(WmiObject::Instance))))
        }
    }
}

fn empty() -> Items {
    Box::new(std::iter::empty())
}

fn wide(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
