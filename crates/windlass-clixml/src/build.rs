//! Owned values from the arena, without recursion.

use std::collections::HashMap;
use std::sync::Arc;

use crate::arena::{Document, Node, NodeId, View};
use crate::back::BackReference;
use crate::object::{Base, Property, PsObject};
use crate::string::PsString;
use crate::tag::Kind;
use crate::value::PsValue;

/// An object or a part of one that is being built.
struct Frame {
    node: NodeId,
    kind: Kind,
    object: PsObject,
    name: PsString,
    /// Where everything in the node ends, and where to go on then.
    end: NodeId,
    resume: NodeId,
    /// Where the items or properties of a part start among those of all frames.
    start: usize,
}

pub(crate) struct Builder<'d, 'a> {
    document: &'d Document<'a>,
    frames: Vec<Frame>,
    items: Vec<PsValue>,
    properties: Vec<Property>,
    /// Objects that something refers to, once they are built.
    built: HashMap<NodeId, Arc<PsObject>>,
    /// Objects that something in them refers to, while they are being built.
    backs: HashMap<NodeId, BackReference>,
    result: PsValue,
}

impl<'d, 'a> Builder<'d, 'a> {
    pub(crate) fn new(document: &'d Document<'a>) -> Self {
        Self {
            document,
            frames: Vec::new(),
            items: Vec::new(),
            properties: Vec::new(),
            built: HashMap::new(),
            backs: HashMap::new(),
            result: PsValue::Null,
        }
    }

    /// Builds a value and everything in it. Objects that were built before are shared.
    pub(crate) fn value(&mut self, root: NodeId) -> PsValue {
        let mut at = root;
        let end = self.document.node(root).map_or(root, |node| node.after(root));
        loop {
            if let Some(frame) = self.frames.last()
                && frame.end == at
            {
                at = frame.resume;
                self.close();
            } else if self.frames.is_empty() && at >= end {
                return std::mem::take(&mut self.result);
            } else {
                at = self.node(at);
            }
        }
    }

    /// Builds or opens a node and says which one comes next.
    fn node(&mut self, id: NodeId) -> NodeId {
        let after = NodeId(id.0.saturating_add(1));
        let Some(node) = self.document.node(id) else { return after };
        match node.kind {
            Kind::Primitive(kind) => {
                let value = node.simple(kind, self.document.form);
                self.deliver(node, value);
            }
            Kind::Null => self.deliver(node, PsValue::Null),
            Kind::Progress => {
                let record =
                    usize::try_from(node.link).ok().and_then(|place| self.document.records.get(place));
                self.deliver(node, record.cloned().into());
            }
            Kind::Reference => return self.reference(node, after),
            Kind::TypeNames => {
                let types = usize::try_from(node.link).ok().and_then(|place| self.document.types.get(place));
                if let (Some(frame), Some(types)) = (self.frames.last_mut(), types) {
                    frame.object.type_names = types.clone();
                }
            }
            Kind::ToString => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.object.to_string = Some(crate::primitive::decoded(&node.characters()));
                }
            }
            _ => self.open(id, node, node.name(), NodeId(node.link)),
        }
        after
    }

    fn reference(&mut self, node: &Node<'a>, after: NodeId) -> NodeId {
        let target = NodeId(node.link);
        if let Some(object) = self.built.get(&target) {
            let value = PsValue::Object(Arc::clone(object));
            self.deliver(node, value);
        } else if self.frames.iter().any(|frame| frame.node == target) {
            let value = PsValue::Back(self.backs.entry(target).or_default().clone());
            self.deliver(node, value);
        } else if let Some(object) = self.document.node(target) {
            // It stands outside of what is being built: it is built here.
            self.open(target, object, node.name(), after);
            return NodeId(target.0.saturating_add(1));
        }
        after
    }

    fn open(&mut self, id: NodeId, node: &Node<'a>, name: PsString, resume: NodeId) {
        let start = match node.kind {
            Kind::Adapted | Kind::Members => self.properties.len(),
            _ => self.items.len(),
        };
        let object = PsObject::untyped();
        self.frames.push(Frame {
            node: id,
            kind: node.kind,
            object,
            name,
            end: NodeId(node.link),
            resume,
            start,
        });
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.kind == Kind::Object {
            return self.finish(frame);
        }
        let nested_set = self.frames.last().is_some_and(|outer| outer.kind == Kind::Members);
        if nested_set {
            let mut set = PsObject::untyped().with_base(Base::MemberSet);
            set.extended.append(self.properties.drain(frame.start..));
            set.extended.replace_repeated();
            self.properties.push(Property { name: frame.name, value: set.into() });
            return;
        }
        let Some(outer) = self.frames.last_mut() else { return };
        let object = &mut outer.object;
        match frame.kind {
            // A repeated part takes the place of the earlier one, except that member sets add up.
            Kind::Adapted => object.adapted = self.properties.drain(frame.start..).collect(),
            Kind::Members => object.extended.append(self.properties.drain(frame.start..)),
            Kind::Dictionary => {
                let mut items = self.items.drain(frame.start..);
                let pairs = std::iter::from_fn(|| Some((items.next()?, items.next()?)));
                object.base = Base::Dictionary(pairs.collect());
            }
            kind => {
                let items = self.items.drain(frame.start..).collect();
                object.base = match kind {
                    Kind::Stack => Base::Stack(items),
                    Kind::Queue => Base::Queue(items),
                    Kind::Enumerable => Base::Enumerable(items),
                    _ => Base::List(items),
                };
            }
        }
    }

    /// Hands a finished object to what it is in.
    fn finish(&mut self, frame: Frame) {
        let mut object = frame.object;
        object.adapted.replace_repeated();
        object.extended.replace_repeated();
        let object = Arc::new(object);
        if let Some(back) = self.backs.remove(&frame.node) {
            back.bind(&object);
        }
        if self.document.is_referenced(frame.node) {
            self.built.insert(frame.node, Arc::clone(&object));
        }
        self.put(frame.name, PsValue::Object(object));
    }

    fn deliver(&mut self, node: &Node<'a>, value: PsValue) {
        match self.frames.last() {
            Some(Frame { kind: Kind::Adapted | Kind::Members, .. }) => {
                self.properties.push(Property { name: node.name(), value });
            }
            _ => self.put(PsString::default(), value),
        }
    }

    fn put(&mut self, name: PsString, value: PsValue) {
        match self.frames.last_mut() {
            None => self.result = value,
            Some(frame) => match frame.kind {
                Kind::Adapted | Kind::Members => self.properties.push(Property { name, value }),
                Kind::Object => frame.object.base = Base::Primitive(value),
                _ => self.items.push(value),
            },
        }
    }
}

impl View<'_, '_> {
    /// An owned value of this one and everything in it. What it refers to outside of itself becomes
    /// a part of it.
    pub fn to_value(self) -> PsValue {
        Builder::new(self.document()).value(self.id())
    }
}
