//! Comparing values, cyclic and shared ones too, without recursion.

use std::collections::HashSet;
use std::sync::Arc;

use crate::object::{Base, Property, PsObject};
use crate::value::PsValue;

/// Pairs of objects that are still to compare, and all that were met so far. A pair that is met
/// again is taken as equal: were it not, its first meeting would say so.
#[derive(Default)]
struct Comparison {
    pending: Vec<(Arc<PsObject>, Arc<PsObject>)>,
    met: HashSet<(*const PsObject, *const PsObject)>,
}

impl PartialEq for PsValue {
    /// Whether both have the same content. Floating point values are compared by their bits, so that
    /// NaN equals NaN; what is shared on one side need not be shared on the other.
    fn eq(&self, other: &Self) -> bool {
        let mut comparison = Comparison::default();
        comparison.values(self, other) && comparison.finish()
    }
}

impl PartialEq for PsObject {
    fn eq(&self, other: &Self) -> bool {
        let mut comparison = Comparison::default();
        comparison.objects(self, other) && comparison.finish()
    }
}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

impl Comparison {
    fn finish(mut self) -> bool {
        while let Some((left, right)) = self.pending.pop() {
            if !self.objects(&left, &right) {
                return false;
            }
        }
        true
    }

    /// Compares two values; objects in them are left for later.
    fn values(&mut self, left: &PsValue, right: &PsValue) -> bool {
        use PsValue as V;
        match (left, right) {
            (V::Null, V::Null) => true,
            (V::String(left), V::String(right))
            | (V::Uri(left), V::Uri(right))
            | (V::Xml(left), V::Xml(right))
            | (V::ScriptBlock(left), V::ScriptBlock(right))
            | (V::SecureString(left), V::SecureString(right)) => left == right,
            (V::Char(left), V::Char(right)) | (V::U16(left), V::U16(right)) => left == right,
            (V::Bool(left), V::Bool(right)) => left == right,
            (V::DateTime(left), V::DateTime(right)) => left == right,
            (V::TimeSpan(left), V::TimeSpan(right)) | (V::I64(left), V::I64(right)) => left == right,
            (V::U8(left), V::U8(right)) => left == right,
            (V::I8(left), V::I8(right)) => left == right,
            (V::I16(left), V::I16(right)) => left == right,
            (V::U32(left), V::U32(right)) => left == right,
            (V::I32(left), V::I32(right)) => left == right,
            (V::U64(left), V::U64(right)) => left == right,
            (V::F32(left), V::F32(right)) => left.to_bits() == right.to_bits(),
            (V::F64(left), V::F64(right)) => left.to_bits() == right.to_bits(),
            (V::Decimal(left), V::Decimal(right)) => left == right,
            (V::Bytes(left), V::Bytes(right)) => left == right,
            (V::Guid(left), V::Guid(right)) => left == right,
            (V::Version(left), V::Version(right)) => left == right,
            (V::ProgressRecord(left), V::ProgressRecord(right)) => left == right,
            (V::Object(_) | V::Back(_), V::Object(_) | V::Back(_)) => {
                match (left.to_object(), right.to_object()) {
                    (Some(left), Some(right)) => self.later(left, right),
                    (None, None) => true,
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn later(&mut self, left: Arc<PsObject>, right: Arc<PsObject>) -> bool {
        if !Arc::ptr_eq(&left, &right) && self.met.insert((Arc::as_ptr(&left), Arc::as_ptr(&right))) {
            self.pending.push((left, right));
        }
        true
    }

    fn objects(&mut self, left: &PsObject, right: &PsObject) -> bool {
        left.type_names == right.type_names
            && left.to_string == right.to_string
            && self.bases(&left.base, &right.base)
            && self.properties(&left.adapted, &right.adapted)
            && self.properties(&left.extended, &right.extended)
    }

    fn bases(&mut self, left: &Base, right: &Base) -> bool {
        match (left, right) {
            (Base::None, Base::None) | (Base::MemberSet, Base::MemberSet) => true,
            (Base::Primitive(left), Base::Primitive(right)) => self.values(left, right),
            (Base::List(left), Base::List(right))
            | (Base::Stack(left), Base::Stack(right))
            | (Base::Queue(left), Base::Queue(right))
            | (Base::Enumerable(left), Base::Enumerable(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| self.values(left, right))
            }
            (Base::Dictionary(left), Base::Dictionary(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|((left_key, left), (right_key, right))| {
                        self.values(left_key, right_key) && self.values(left, right)
                    })
            }
            _ => false,
        }
    }

    fn properties(&mut self, left: &crate::Properties, right: &crate::Properties) -> bool {
        left.is_present() == right.is_present()
            && left.len() == right.len()
            && left
                .iter()
                .zip(right.iter())
                .all(|(left, right)| left.name == right.name && self.values(&left.value, &right.value))
    }
}
