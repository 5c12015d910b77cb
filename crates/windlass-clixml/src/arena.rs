//! A whole document in an arena that borrows from its text.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::names::TypeNames;
use crate::object::same_name;
use crate::primitive::{self, Form};
use crate::progress::ProgressRecord;
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::text::{Characters, Raw, Written, attribute_characters};
use crate::value::PsValue;

/// CLIXML that was read and found sound, without a copy of its strings.
///
/// The values lie in one arena, in the order of the text, and refer to each other by number; a
/// reference costs nothing, and cycles are as good as anything else. [`Document::roots`] leads into
/// it; [`View::to_value`] makes owned values of what is wanted.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) roots: Vec<Root<'a>>,
    pub(crate) types: Vec<TypeNames>,
    pub(crate) records: Vec<ProgressRecord>,
    /// The objects that a reference leads to.
    pub(crate) referenced: HashSet<NodeId>,
    pub(crate) form: Form,
}

/// The place of a value in a [`Document`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// A value of a document, or a part of an object: an element with what is in it after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    /// The attribute `N` as written.
    pub(crate) name: &'a str,
    /// The text of a simple value as written.
    pub(crate) text: &'a str,
    /// The node after everything in this one; the target of a reference; the place of type names or
    /// of a progress record.
    pub(crate) link: u32,
    pub(crate) kind: Kind,
    pub(crate) name_written: Written,
    pub(crate) text_written: Written,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Root<'a> {
    pub(crate) stream: Option<Raw<'a>>,
    pub(crate) node: NodeId,
}

/// A value in a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct View<'d, 'a> {
    document: &'d Document<'a>,
    node: NodeId,
}

impl<'a> Document<'a> {
    /// The values of the document, each with the stream that it is for.
    pub fn roots(&self) -> impl Iterator<Item = (Option<PsString>, View<'_, 'a>)> {
        self.roots
            .iter()
            .map(|root| (root.stream.map(Document::stream), View { document: self, node: root.node }))
    }

    /// The value at a place that a view gave.
    pub fn at(&self, node: NodeId) -> View<'_, 'a> {
        View { document: self, node }
    }

    pub(crate) fn stream(raw: Raw<'_>) -> PsString {
        // It was read once, so that it can be read again.
        attribute_characters(raw, 0).map(primitive::verbatim).unwrap_or_default()
    }

    /// Whether a reference leads to a node.
    pub(crate) fn is_referenced(&self, id: NodeId) -> bool {
        self.referenced.contains(&id)
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node<'a>> {
        self.nodes.get(usize::try_from(id.0).ok()?)
    }
}

impl<'a> Node<'a> {
    pub(crate) fn new(kind: Kind, name: Option<Raw<'a>>, text: Raw<'a>) -> Self {
        let name = name.unwrap_or(Raw::plain(""));
        Self {
            name: name.text,
            text: text.text,
            link: 0,
            kind,
            name_written: name.written,
            text_written: text.written,
        }
    }

    /// The name with all escapes replaced.
    pub(crate) fn name(&self) -> PsString {
        match self.name_written {
            Written::Plain => PsString::new(self.name),
            written => {
                let characters = attribute_characters(Raw { text: self.name, written }, 0);
                characters.map(|characters| primitive::decoded(&characters)).unwrap_or_default()
            }
        }
    }

    pub(crate) fn characters(&self) -> Characters<'a> {
        Raw { text: self.text, written: self.text_written }.characters(0).unwrap_or(Characters::Plain(""))
    }

    /// A simple value, which was found valid before.
    pub(crate) fn simple(&self, kind: Primitive, form: Form) -> PsValue {
        primitive::parse(kind, self.characters(), form).unwrap_or_default()
    }

    /// Whether this is a value, not a part of one.
    fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Object | Kind::Null | Kind::Reference | Kind::Progress | Kind::Primitive(_))
    }

    /// The first node after this one and all that is in it.
    pub(crate) fn after(&self, id: NodeId) -> NodeId {
        match self.kind {
            Kind::Null
            | Kind::Reference
            | Kind::Progress
            | Kind::Primitive(_)
            | Kind::TypeNames
            | Kind::ToString => NodeId(id.0.saturating_add(1)),
            _ => NodeId(self.link),
        }
    }
}

impl<'d, 'a> View<'d, 'a> {
    /// The place of the value, for [`Document::at`].
    pub fn id(self) -> NodeId {
        self.node
    }

    pub(crate) fn document(self) -> &'d Document<'a> {
        self.document
    }

    /// The name of the element: `S`, `I32`, `Obj` and so on.
    pub fn tag(self) -> &'static str {
        match self.node().map(|node| node.kind) {
            Some(Kind::Primitive(kind)) => kind.tag(),
            Some(Kind::Object) => "Obj",
            Some(Kind::Reference) => "Ref",
            Some(Kind::Progress) => "PR",
            _ => "Nil",
        }
    }

    /// The name of the property that the value is of; empty elsewhere.
    pub fn name(self) -> Cow<'a, str> {
        match self.node() {
            Some(Node { name, name_written: Written::Plain, .. }) => Cow::Borrowed(name),
            Some(node) => Cow::Owned(node.name().into()),
            None => Cow::Borrowed(""),
        }
    }

    /// The text of a simple value: of strings what they say, of all others what stands in the element.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let node = self.node()?;
        let Kind::Primitive(kind) = node.kind else { return None };
        Some(match (node.text_written, kind.needs_namespace()) {
            (Written::Plain, _) | (Written::Underscore, false) => Cow::Borrowed(node.text),
            (_, true) => Cow::Owned(primitive::decoded(&node.characters()).into()),
            (_, false) => Cow::Owned(node.characters().as_str().to_owned()),
        })
    }

    /// Any integer that fits.
    pub fn as_i64(self) -> Option<i64> {
        self.simple()?.as_i64()
    }

    /// A simple value. Objects that wrap one give what they wrap.
    pub fn simple(self) -> Option<PsValue> {
        let view = self.base().unwrap_or(self);
        let node = view.node()?;
        match node.kind {
            Kind::Primitive(kind) => Some(node.simple(kind, self.document.form)),
            Kind::Null => Some(PsValue::Null),
            _ => None,
        }
    }

    /// What a reference refers to; other values are themselves.
    pub fn resolved(self) -> Self {
        match self.node() {
            Some(node) if node.kind == Kind::Reference => self.document.at(NodeId(node.link)),
            _ => self,
        }
    }

    /// The type names of an object as they stand on the wire.
    pub fn type_names(self) -> Option<&'d TypeNames> {
        let node = self.part(|kind| kind == Kind::TypeNames)?.node()?;
        self.document.types.get(usize::try_from(node.link).ok()?)
    }

    /// What the object's `ToString` gave on the sending side.
    pub fn to_text(self) -> Option<PsString> {
        let node = self.part(|kind| kind == Kind::ToString)?.node()?;
        Some(primitive::decoded(&node.characters()))
    }

    /// The value that an object wraps, where it does.
    pub fn base(self) -> Option<Self> {
        self.part(|kind| matches!(kind, Kind::Primitive(_) | Kind::Object | Kind::Progress))
    }

    /// The items of a list, stack, queue or other enumeration.
    pub fn items(self) -> impl Iterator<Item = Self> {
        let list = |kind| matches!(kind, Kind::List | Kind::Stack | Kind::Queue | Kind::Enumerable);
        self.part(list).into_iter().flat_map(Self::children)
    }

    /// Keys and values of a dictionary, one after the other.
    pub fn keys_and_values(self) -> impl Iterator<Item = Self> {
        self.part(|kind| kind == Kind::Dictionary).into_iter().flat_map(Self::children)
    }

    /// The properties of an object: those of its type, then those added to it.
    pub fn properties(self) -> impl Iterator<Item = Self> {
        let parts = move |wanted| self.resolved().children().filter(move |part| part.kind() == Some(wanted));
        let all = parts(Kind::Adapted).chain(parts(Kind::Members));
        all.flat_map(Self::children).filter(|child| child.node().is_some_and(Node::is_value))
    }

    /// A property: the last of that name, in any case, those added to the object before those of its
    /// type.
    pub fn get(self, name: &str) -> Option<Self> {
        self.properties().filter(|property| same_name(&property.name(), name)).last()
    }

    fn node(self) -> Option<&'d Node<'a>> {
        self.document.node(self.node)
    }

    fn kind(self) -> Option<Kind> {
        self.node().map(|node| node.kind)
    }

    /// The last part of an object of a kind, as a later one takes the place of an earlier one.
    fn part(self, wanted: impl Fn(Kind) -> bool) -> Option<Self> {
        let object = self.resolved();
        if object.kind() != Some(Kind::Object) {
            return None;
        }
        object.children().filter(|part| part.kind().is_some_and(&wanted)).last()
    }

    /// The nodes directly in this one.
    fn children(self) -> impl Iterator<Item = Self> {
        let (document, first) = (self.document, NodeId(self.node.0.saturating_add(1)));
        let end = self.node().map_or(first, |node| node.after(self.node));
        std::iter::successors(Some(first), move |id| document.node(*id).map(|node| node.after(*id)))
            .take_while(move |id| *id < end)
            .map(move |node| View { document, node })
    }
}
