//! Cutting values down to what a peer will read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::back::BackReference;
use crate::object::{Base, Properties, Property, PsObject};
use crate::to_text::to_text;
use crate::value::PsValue;

/// Levels of objects that PowerShell reads. It writes more than that without complaint, and then
/// refuses them.
pub const READABLE_LEVELS: usize = 48;

/// A value that is no deeper than was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Trimmed {
    /// The value; objects that were too deep are their texts.
    pub value: PsValue,
    /// How many objects were replaced, each counted for every place.
    pub cut: usize,
}

/// Replaces objects below `levels` levels of objects by their text, as PowerShell does where its
/// serialization depth ends. A value that is shallow enough comes back as it is.
pub fn trim(value: &PsValue, levels: usize) -> Trimmed {
    let levels = levels.min(MAX_LEVELS);
    if is_within(value, levels) {
        return Trimmed { value: value.clone(), cut: 0 };
    }
    let mut trimmer = Trimmer::default();
    let value = trimmer.value(value, levels);
    Trimmed { value, cut: trimmer.cut }
}

/// Deeper values are cut in any case: what is cut is gone through by recursion.
const MAX_LEVELS: usize = 256;

/// Whether no object has more than `levels` levels. Each object is looked at once a level.
fn is_within(value: &PsValue, levels: usize) -> bool {
    let mut level: Vec<&Arc<PsObject>> = value.as_object().into_iter().collect();
    for _ in 0..levels {
        let mut met = HashSet::new();
        let inner = level.iter().flat_map(|object| children(object)).filter_map(PsValue::as_object);
        level = inner.filter(|object| met.insert(Arc::as_ptr(object))).collect();
        if level.is_empty() {
            return true;
        }
    }
    level.is_empty()
}

/// The values directly in an object.
fn children(object: &PsObject) -> impl Iterator<Item = &PsValue> {
    let base = match &object.base {
        Base::Primitive(value) => Some(value),
        _ => None,
    };
    let items = object.base.items().unwrap_or_default().iter();
    let entries = object.base.entries().unwrap_or_default().iter().flat_map(|(key, value)| [key, value]);
    let properties = object.adapted.iter().chain(object.extended.iter()).map(|property| &property.value);
    base.into_iter().chain(items).chain(entries).chain(properties)
}

#[derive(Default)]
struct Trimmer {
    /// Objects that were trimmed, by the levels that were left for them.
    done: HashMap<(*const PsObject, usize), Arc<PsObject>>,
    /// What stands for the objects around the current place.
    around: HashMap<*const PsObject, BackReference>,
    cut: usize,
}

impl Trimmer {
    fn value(&mut self, value: &PsValue, levels: usize) -> PsValue {
        match value {
            PsValue::Object(_) if levels == 0 => {
                self.cut += 1;
                to_text(value).into()
            }
            PsValue::Object(object) => PsValue::Object(self.object(object, levels - 1)),
            PsValue::Back(reference) => {
                let target = reference.upgrade().map(|object| Arc::as_ptr(&object));
                target
                    .and_then(|target| self.around.get(&target))
                    .cloned()
                    .map_or(PsValue::Null, PsValue::Back)
            }
            simple => simple.clone(),
        }
    }

    fn object(&mut self, object: &Arc<PsObject>, levels: usize) -> Arc<PsObject> {
        let key = (Arc::as_ptr(object), levels);
        if let Some(done) = self.done.get(&key) {
            return Arc::clone(done);
        }
        let back = BackReference::new();
        let outer = self.around.insert(key.0, back.clone());
        let mut items = |items: &[PsValue]| items.iter().map(|item| self.value(item, levels)).collect();
        let base = match &object.base {
            Base::None => Base::None,
            Base::MemberSet => Base::MemberSet,
            Base::List(list) => Base::List(items(list)),
            Base::Stack(list) => Base::Stack(items(list)),
            Base::Queue(list) => Base::Queue(items(list)),
            Base::Enumerable(list) => Base::Enumerable(items(list)),
            Base::Primitive(value) => Base::Primitive(self.value(value, levels)),
            Base::Dictionary(entries) => Base::Dictionary(
                entries
                    .iter()
                    .map(|(key, value)| (self.value(key, levels), self.value(value, levels)))
                    .collect(),
            ),
        };
        let trimmed = Arc::new(PsObject {
            type_names: object.type_names.clone(),
            to_string: object.to_string.clone(),
            base,
            adapted: self.properties(&object.adapted, levels),
            extended: self.properties(&object.extended, levels),
        });
        back.bind(&trimmed);
        match outer {
            Some(outer) => self.around.insert(key.0, outer),
            None => self.around.remove(&key.0),
        };
        self.done.insert(key, Arc::clone(&trimmed));
        trimmed
    }

    fn properties(&mut self, properties: &Properties, levels: usize) -> Properties {
        if !properties.is_present() {
            return Properties::default();
        }
        let trimmed = |property: &Property| Property {
            name: property.name.clone(),
            value: self.value(&property.value, levels),
        };
        properties.iter().map(trimmed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode, encode};

    fn nested(levels: usize) -> PsValue {
        (0..levels).fold(PsValue::from(1), |inner, level| {
            PsObject::custom().with_to_string(format!("level {level}")).with("inner", inner).into()
        })
    }

    #[test]
    fn what_is_shallow_stays() {
        let value = nested(READABLE_LEVELS);
        let trimmed = trim(&value, READABLE_LEVELS);
        assert_eq!((trimmed.cut, &trimmed.value), (0, &value));
        assert!(decode(&encode(&value), &Limits::default()).is_ok());
    }

    #[test]
    fn what_is_deep_becomes_text_and_can_be_read() {
        for levels in [49, 60, 100_000] {
            let value = nested(levels);
            assert!(decode(&encode(&value), &Limits::default()).is_err());
            let trimmed = trim(&value, READABLE_LEVELS);
            assert_eq!(trimmed.cut, 1);
            let xml = encode(&trimmed.value);
            assert!(xml.contains(&format!(">level {}<", levels - READABLE_LEVELS - 1)));
            assert!(decode(&xml, &Limits::default()).is_ok());
        }
    }

    #[test]
    fn cycles_and_shared_objects_stay_what_they_are() {
        let xml = "<Obj RefId=\"0\"><MS><Obj N=\"a\" RefId=\"1\"><MS><Ref N=\"up\" RefId=\"0\" /></MS></Obj>\
                   <Ref N=\"b\" RefId=\"1\" /><Obj N=\"c\" RefId=\"2\"><MS><Obj N=\"d\" RefId=\"3\"><MS><I32 N=\"e\">1</I32>\
                   </MS></Obj></MS></Obj></MS></Obj>";
        let value = decode(xml, &Limits::default()).unwrap();
        let trimmed = trim(&value, 2);
        assert_eq!(trimmed.cut, 1);
        let shorter = xml
            .replace("<Obj N=\"d\" RefId=\"3\"><MS><I32 N=\"e\">1</I32></MS></Obj>", "<S N=\"d\">@{e=1}</S>");
        assert_eq!(encode(&trimmed.value), shorter);
    }

    #[test]
    fn much_shared_objects_are_trimmed_once_a_level() {
        let bomb = (0..1000).fold(PsValue::from(1), |inner, _| {
            PsObject::untyped().with_base(Base::List(vec![inner.clone(), inner])).into()
        });
        assert!(trim(&bomb, READABLE_LEVELS).cut <= 2);
    }
}
