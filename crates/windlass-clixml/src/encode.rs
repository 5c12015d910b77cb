//! Writing CLIXML as PowerShell does, byte for byte, without recursion.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::document::StreamValue;
use crate::escape::push_verbatim;
use crate::names::TypeNames;
use crate::object::{Base, Properties, PsObject};
use crate::progress::ProgressRecord;
use crate::value::PsValue;
use crate::writer::{Label, Tag, Writer, tag};
use crate::{duration, float};

/// So many lists of type names are compared one by one.
const FEW_TYPES: usize = 8;

/// An object that is being written: the caller's or, where a reference leads out of what the caller
/// gave, one that is held here.
enum Held<'v> {
    Borrowed(&'v PsObject),
    Shared(Arc<PsObject>),
}

/// An object that comes next, within the one that is being written.
enum Child<'v> {
    Inner(&'v Arc<PsObject>),
    Outer(Arc<PsObject>),
}

/// What of an object comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Base,
    Items,
    Entries,
    AfterBase,
    Adapted,
    AfterAdapted,
    Extended,
    End,
}

/// How far an object is written.
#[derive(Debug, Clone, Copy)]
struct Progress {
    stage: Stage,
    /// How much of the stage is written.
    done: usize,
}

pub(crate) struct Encoder<'v, 'o> {
    writer: Writer<'o>,
    frames: Vec<(Held<'v>, Progress)>,
    /// Objects that can come again, with their reference ids.
    objects: HashMap<*const PsObject, usize, BuildHasherDefault<PointerHasher>>,
    next_object: usize,
    /// The first type names written, which are mostly all, and the ones after them.
    types: Vec<(TypeNames, usize)>,
    more_types: HashMap<TypeNames, usize>,
    /// Whether secure strings are left out.
    redact: bool,
}

impl<'v, 'o> Encoder<'v, 'o> {
    pub(crate) fn new(writer: Writer<'o>) -> Self {
        Self {
            writer,
            frames: Vec::new(),
            objects: HashMap::default(),
            next_object: 0,
            types: Vec::new(),
            more_types: HashMap::new(),
            redact: false,
        }
    }

    /// Leaves secure strings out.
    pub(crate) fn redacted(self) -> Self {
        Self { redact: true, ..self }
    }

    /// Writes the root of a document and its values, each with the stream it is for.
    pub(crate) fn document(&mut self, values: &'v [StreamValue]) {
        self.writer.start(tag!("Objs"), Label::None);
        self.writer.attribute("Version", "1.1.0.1");
        self.writer.attribute("xmlns", crate::scan::NAMESPACE);
        for item in values {
            self.value(&item.value, item.stream.as_ref().map_or(Label::None, Label::Stream));
        }
        self.writer.end(tag!("Objs"));
    }

    /// Writes a value and all that is in it.
    pub(crate) fn value(&mut self, value: &'v PsValue, label: Label<'v>) {
        // A reference that leads out of this value may come back to it.
        if let PsValue::Object(object) = value
            && !self.objects.contains_key(&Arc::as_ptr(object))
        {
            self.object_labelled(object, label);
            return;
        }
        if let Some(child) = self.leaf(value, label) {
            let held = match child {
                Child::Inner(object) => Held::Borrowed(object),
                Child::Outer(object) => Held::Shared(object),
            };
            self.frames.push((held, Progress { stage: Stage::Base, done: 0 }));
            self.run();
        }
    }

    /// Writes an object that stands alone.
    pub(crate) fn object(&mut self, object: &'v PsObject) {
        self.object_labelled(object, Label::None);
    }

    fn object_labelled(&mut self, object: &'v PsObject, label: Label<'_>) {
        self.objects.insert(std::ptr::from_ref(object), self.next_object);
        self.open(object, label);
        self.frames.push((Held::Borrowed(object), Progress { stage: Stage::Base, done: 0 }));
        self.run();
    }

    fn run(&mut self) {
        while let Some((held, mut progress)) = self.frames.pop() {
            let child = match &held {
                Held::Borrowed(object) => self.advance(object, &mut progress).map(|child| match child {
                    Child::Inner(object) => Held::Borrowed(object),
                    Child::Outer(object) => Held::Shared(object),
                }),
                Held::Shared(object) => self.advance(object, &mut progress).map(|child| match child {
                    Child::Inner(object) => Held::Shared(Arc::clone(object)),
                    Child::Outer(object) => Held::Shared(object),
                }),
            };
            if let Some(child) = child {
                let stage =
                    if is_member_set(child.object(), progress) { Stage::AfterAdapted } else { Stage::Base };
                self.frames.push((held, progress));
                self.frames.push((child, Progress { stage, done: 0 }));
            }
        }
    }

    /// Writes on in an object up to the next object in it, whose start is written too, or to its
    /// end.
    fn advance<'x>(&mut self, object: &'x PsObject, at: &mut Progress) -> Option<Child<'x>> {
        loop {
            let done = at.done;
            at.done += 1;
            let (value, label) = match at.stage {
                Stage::Base => match &object.base {
                    Base::Primitive(value) if done == 0 => (value, Label::None),
                    Base::None | Base::MemberSet | Base::Primitive(_) => {
                        at.go(Stage::AfterBase);
                        continue;
                    }
                    Base::Dictionary(_) => {
                        self.writer.start(tag!("DCT"), Label::None);
                        at.go(Stage::Entries);
                        continue;
                    }
                    Base::List(_) | Base::Stack(_) | Base::Queue(_) | Base::Enumerable(_) => {
                        self.writer.start(container_tag(&object.base), Label::None);
                        at.go(Stage::Items);
                        continue;
                    }
                },
                Stage::Items => match object.base.items().and_then(|items| items.get(done)) {
                    Some(value) => (value, Label::None),
                    None => {
                        self.writer.end(container_tag(&object.base));
                        at.go(Stage::AfterBase);
                        continue;
                    }
                },
                Stage::Entries => {
                    match (object.base.entries().and_then(|entries| entries.get(done / 3)), done % 3) {
                        (Some((key, _)), 0) => {
                            self.writer.start(tag!("En"), Label::None);
                            (key, Label::Constant("Key"))
                        }
                        (Some((_, value)), 1) => (value, Label::Constant("Value")),
                        (Some(_), _) => {
                            self.writer.end(tag!("En"));
                            continue;
                        }
                        (None, _) => {
                            self.writer.end(tag!("DCT"));
                            at.go(Stage::AfterBase);
                            continue;
                        }
                    }
                }
                Stage::AfterBase => {
                    at.go(self.start_part(
                        &object.adapted,
                        tag!("Props"),
                        Stage::Adapted,
                        Stage::AfterAdapted,
                    ));
                    continue;
                }
                Stage::AfterAdapted => {
                    let is_set = matches!(object.base, Base::MemberSet);
                    at.go(match is_set {
                        true => Stage::Extended,
                        false => self.start_part(&object.extended, tag!("MS"), Stage::Extended, Stage::End),
                    });
                    continue;
                }
                Stage::Adapted => match object.adapted.as_slice().get(done) {
                    Some(property) => (&property.value, Label::Name(&property.name)),
                    None => {
                        self.writer.end(tag!("Props"));
                        at.go(Stage::AfterAdapted);
                        continue;
                    }
                },
                Stage::Extended => match object.extended.as_slice().get(done) {
                    Some(property) => (&property.value, Label::Name(&property.name)),
                    None => {
                        self.writer.end(tag!("MS"));
                        if matches!(object.base, Base::MemberSet) {
                            return None;
                        }
                        at.go(Stage::End);
                        continue;
                    }
                },
                Stage::End => {
                    self.writer.end(tag!("Obj"));
                    return None;
                }
            };
            if let (Stage::Extended, PsValue::Object(set)) = (at.stage, value)
                && matches!(set.base, Base::MemberSet)
            {
                self.writer.start(tag!("MS"), label);
                return Some(Child::Inner(set));
            }
            if let Some(child) = self.leaf(value, label) {
                return Some(child);
            }
        }
    }

    fn start_part(&mut self, part: &Properties, tag: &Tag, inside: Stage, after: Stage) -> Stage {
        if !part.is_present() {
            return after;
        }
        self.writer.start(tag, Label::None);
        inside
    }

    /// Writes a value that holds no other, or the start of an object, which is given back.
    fn leaf<'x>(&mut self, value: &'x PsValue, label: Label<'_>) -> Option<Child<'x>> {
        match value {
            PsValue::Null => self.writer.empty(tag!("Nil"), label),
            PsValue::String(text) => self.writer.text(tag!("S"), label, text),
            PsValue::Char(unit) => self.integer(tag!("C"), label, *unit),
            PsValue::Bool(value) => {
                self.writer.plain(tag!("B"), label, if *value { "true" } else { "false" });
            }
            PsValue::DateTime(time) => self.writer.raw(tag!("DT"), label, |out| time.push(out)),
            PsValue::TimeSpan(ticks) => self.writer.raw(tag!("TS"), label, |out| duration::push(out, *ticks)),
            PsValue::U8(value) => self.integer(tag!("By"), label, *value),
            PsValue::I8(value) => self.integer(tag!("SB"), label, *value),
            PsValue::U16(value) => self.integer(tag!("U16"), label, *value),
            PsValue::I16(value) => self.integer(tag!("I16"), label, *value),
            PsValue::U32(value) => self.integer(tag!("U32"), label, *value),
            PsValue::I32(value) => self.integer(tag!("I32"), label, *value),
            PsValue::U64(value) => self.integer(tag!("U64"), label, *value),
            PsValue::I64(value) => self.integer(tag!("I64"), label, *value),
            PsValue::F32(value) => self.writer.raw(tag!("Sg"), label, |out| float::push_f32(out, *value)),
            PsValue::F64(value) => self.writer.raw(tag!("Db"), label, |out| float::push_f64(out, *value)),
            PsValue::Decimal(value) => {
                self.writer.plain(tag!("D"), label, &value.to_string());
            }
            PsValue::Bytes(bytes) if bytes.is_empty() => self.writer.empty(tag!("BA"), label),
            PsValue::Bytes(bytes) => {
                self.writer.raw(tag!("BA"), label, |out| base64_simd::STANDARD.encode_append(bytes, out));
            }
            PsValue::Guid(guid) => {
                self.writer.plain(tag!("G"), label, guid.hyphenated().encode_lower(&mut [0; 36]));
            }
            PsValue::Uri(text) => self.writer.text(tag!("URI"), label, text),
            PsValue::Version(version) => {
                self.writer.plain(tag!("Version"), label, &version.to_string());
            }
            PsValue::Xml(text) => self.writer.text(tag!("XD"), label, text),
            PsValue::ScriptBlock(text) => self.writer.text(tag!("SBK"), label, text),
            PsValue::SecureString(_) if self.redact => self.writer.empty(tag!("SS"), label),
            PsValue::SecureString(text) => self.writer.raw(tag!("SS"), label, |out| push_verbatim(out, text)),
            PsValue::ProgressRecord(record) => self.progress(record, label),
            PsValue::Object(object) => {
                if self.is_new(object, label) {
                    return Some(Child::Inner(object));
                }
            }
            PsValue::Back(reference) => match reference.upgrade() {
                None => self.writer.empty(tag!("Nil"), label),
                Some(object) => {
                    if self.is_new(&object, label) {
                        return Some(Child::Outer(object));
                    }
                }
            },
        }
        None
    }

    fn integer(&mut self, tag: &Tag, label: Label<'_>, value: impl itoa::Integer) {
        self.writer.plain(tag, label, itoa::Buffer::new().format(value));
    }

    /// Writes a reference to an object that was written before, or the start of a new one.
    fn is_new(&mut self, object: &Arc<PsObject>, label: Label<'_>) -> bool {
        if let Some(id) = self.objects.get(&Arc::as_ptr(object)) {
            self.writer.reference(tag!("Ref"), label, *id);
            return false;
        }
        // An object that nothing else holds cannot come again.
        if Arc::strong_count(object) > 1 || Arc::weak_count(object) > 0 {
            self.objects.insert(Arc::as_ptr(object), self.next_object);
        }
        self.open(object, label);
        true
    }

    /// Writes what stands before the value or container of an object.
    fn open(&mut self, object: &PsObject, label: Label<'_>) {
        self.writer.start(tag!("Obj"), label);
        self.writer.ref_id(self.next_object);
        self.next_object += 1;
        if object.type_names.is_present() {
            self.type_names(&object.type_names);
        }
        if let Some(text) = &object.to_string {
            self.writer.text(tag!("ToString"), Label::None, text);
        }
    }

    fn type_names(&mut self, names: &TypeNames) {
        let known =
            self.types.iter().find(|(known, _)| known.same(names) || known == names).map(|(_, id)| *id);
        if let Some(id) = known.or_else(|| self.more_types.get(names).copied()) {
            self.writer.reference(tag!("TNRef"), Label::None, id);
            return;
        }
        let id = self.types.len() + self.more_types.len();
        if self.types.len() < FEW_TYPES {
            self.types.push((names.clone(), id));
        } else {
            self.more_types.insert(names.clone(), id);
        }
        self.writer.start(tag!("TN"), Label::None);
        self.writer.ref_id(id);
        names.iter().for_each(|name| self.writer.text(tag!("T"), Label::None, name));
        self.writer.end(tag!("TN"));
    }

    fn progress(&mut self, record: &ProgressRecord, label: Label<'_>) {
        self.writer.start(tag!("PR"), label);
        self.writer.text(tag!("AV"), Label::None, &record.activity);
        self.integer(tag!("AI"), Label::None, record.activity_id);
        match &record.current_operation {
            Some(text) => self.writer.text(tag!("S"), Label::None, text),
            None => self.writer.empty(tag!("Nil"), Label::None),
        }
        self.integer(tag!("PI"), Label::None, record.parent_activity_id);
        self.integer(tag!("PC"), Label::None, record.percent_complete);
        self.writer.plain(tag!("T"), Label::None, record.kind.name());
        self.integer(tag!("SR"), Label::None, record.seconds_remaining);
        self.writer.text(tag!("SD"), Label::None, &record.status_description);
        self.writer.end(tag!("PR"));
    }
}

impl Held<'_> {
    fn object(&self) -> &PsObject {
        match self {
            Self::Borrowed(object) => object,
            Self::Shared(object) => object,
        }
    }
}

impl Progress {
    fn go(&mut self, stage: Stage) {
        *self = Self { stage, done: 0 };
    }
}

/// Whether the child of an object that stands at `at` was written as a member set.
fn is_member_set(child: &PsObject, at: Progress) -> bool {
    at.stage == Stage::Extended && matches!(child.base, Base::MemberSet)
}

fn container_tag(base: &Base) -> &'static Tag {
    match base {
        Base::Stack(_) => tag!("STK"),
        Base::Queue(_) => tag!("QUE"),
        Base::Enumerable(_) => tag!("IE"),
        _ => tag!("LST"),
    }
}

/// Hashes addresses, which no peer chooses.
#[derive(Default)]
struct PointerHasher(u64);

impl Hasher for PointerHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_usize(&mut self, address: usize) {
        // Fibonacci hashing: the low bits of an address say nothing.
        let address = u64::try_from(address).unwrap_or_default();
        self.0 = address.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
