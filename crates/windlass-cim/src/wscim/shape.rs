//! What is known about the properties of a class before one of its instances is read.

use std::sync::Arc;

use windlass_xml::Frames;

use super::form::Form;
use crate::class::{CimClass, PropertyDecl};
use crate::instance::CimProperty;
use crate::name::CimName;
use crate::schema::Schema;
use crate::types::CimType;
use crate::value::{CimArray, CimValue};

/// Classes remembered at once; a server that names more is read without gain.
const REMEMBERED: usize = 64;
/// Classes remembered from one decoder to the next.
const KEPT: usize = 8;

/// The type of a property.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) element: CimType,
    pub(super) is_array: bool,
    pub(super) is_key: bool,
    pub(super) is_octets: bool,
    pub(super) class: Option<CimName>,
}

impl Kind {
    fn of(decl: &PropertyDecl) -> Self {
        Self {
            element: decl.data_type.element,
            is_array: decl.data_type.is_array,
            is_key: decl.is_key(),
            is_octets: decl.is_octet_string(),
            class: decl.data_type.class.clone(),
        }
    }
}

/// A property as the last instance of the class spelled it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The name as the class spells it where the class is known, else as the server does.
    pub(super) name: CimName,
    pub(super) kind: Option<Kind>,
    /// The name as the server spells it.
    local: CimName,
}

impl Slot {
    /// The property without a value, as nothing but its class says it.
    #[inline]
    pub(super) fn null(&self) -> CimProperty {
        let (cim_type, is_array, is_typed, is_key) = match &self.kind {
            Some(kind) => (kind.element, kind.is_array, true, kind.is_key),
            None => (CimType::String, false, false, false),
        };
        let (name, value) = (self.name.clone(), CimValue::Null);
        CimProperty { name, value, cim_type, is_array, is_typed, is_key, is_modified: false }
    }

    /// The property with the value of its first element; the server may have stated its type.
    pub(super) fn property(&self, value: CimValue, is_stated: bool) -> CimProperty {
        match &self.kind {
            Some(kind) if kind.is_array => CimProperty { value: as_array(value, kind), ..self.null() },
            Some(_) => CimProperty { value, ..self.null() },
            None => CimProperty { is_typed: is_stated, ..CimProperty::new(self.name.clone(), value) },
        }
    }
}

/// The only item of an array so far.
fn as_array(value: CimValue, kind: &Kind) -> CimValue {
    if value.is_array() || value.is_null() {
        return value;
    }
    let element = value.cim_type().filter(|_| !value.is_of(kind.element)).unwrap_or(kind.element);
    CimArray::from_trusted(element, vec![value]).into()
}

/// The properties of a class in the order in which its last instance had them. Names are unique, so
/// an instance that follows the order needs no look-up.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) class: Option<Arc<CimClass>>,
    /// How the properties were written, by their places.
    pub(super) frames: Frames<Form>,
    slots: Vec<Slot>,
}

impl Shape {
    pub(super) fn new(class: Option<Arc<CimClass>>) -> Self {
        Self { class, ..Self::default() }
    }

    /// How many properties are known.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The property expected at a place, if it has that name.
    pub(super) fn expect(&self, place: usize, local: &str) -> Option<&Slot> {
        self.slots.get(place).filter(|slot| slot.local.as_str() == local)
    }

    /// The property at a place.
    pub(super) fn slot(&self, place: usize) -> Option<&Slot> {
        self.slots.get(place)
    }

    /// Learns what property stands at a place; what was known behind it is forgotten.
    pub(super) fn learn(&mut self, place: usize, local: &str) {
        let slot = match self.class.as_ref().and_then(|class| class.property(local)) {
            Some(decl) => Slot { name: decl.name.clone(), kind: Some(Kind::of(decl)), local: local.into() },
            None => {
                let name = CimName::from(local);
                Slot { local: name.clone(), name, kind: None }
            }
        };
        self.frames.forget_from(place);
        self.slots.truncate(place);
        self.slots.push(slot);
    }
}

/// How a server writes the instances of the classes met so far, by the depth of embedding: hardly ever more than a
/// few. Kept for the next [`Decoder`](super::Decoder), it need not be learned again.
#[derive(Clone, Debug, Default)]
pub struct Learned(Vec<(CimName, usize, Shape)>);

impl Learned {
    /// Takes the shape of a class out, to be given back with [`Learned::put`].
    pub(super) fn take(&mut self, class: &CimName, depth: usize) -> Option<Shape> {
        let place = self.0.iter().position(|(name, known, _)| *known == depth && name == class)?;
        Some(self.0.swap_remove(place).2)
    }

    pub(super) fn put(&mut self, class: CimName, depth: usize, shape: Shape) {
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.push((class, depth, shape));
    }

    /// Forgets what was learned of classes that are others now, and of all where there are too many to be kept.
    pub(super) fn check(&mut self, schema: Option<&dyn Schema>) {
        if self.0.len() > KEPT {
            self.0.clear();
        }
        self.0.retain(|(name, _, shape)| {
            match (&shape.class, schema.and_then(|schema| schema.class(name))) {
                (Some(learned), Some(current)) => Arc::ptr_eq(learned, &current),
                (learned, current) => learned.is_none() && current.is_none(),
            }
        });
    }
}
