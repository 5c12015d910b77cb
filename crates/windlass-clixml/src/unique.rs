//! Properties whose names come twice.

use std::collections::HashMap;

use crate::object::{Property, fold_name};

/// Up to this many properties are told apart without a table.
const SMALL: usize = 128;

/// So many lists of tags are remembered, each at the place that its first and last tag and its length give.
const LISTS: usize = 256;

/// The start tag of a property among all that a decoder ever kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TagId(usize);

impl TagId {
    /// A tag that is not kept.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The tags of objects whose properties were found to have names that all differ: most objects have the
/// properties of another one.
#[derive(Debug, Default)]
pub(crate) struct Unique {
    lists: Vec<Box<[TagId]>>,
}

impl Unique {
    /// Whether properties with these tags surely have names that all differ.
    pub(crate) fn knows(&self, tags: &[TagId]) -> bool {
        tags.len() < 2 || self.lists.get(Self::place(tags)).is_some_and(|list| **list == *tags)
    }

    /// Remembers the tags of properties whose names all differ.
    pub(crate) fn remember(&mut self, tags: &[TagId]) {
        if tags.len() > SMALL || tags.contains(&TagId::NONE) {
            return;
        }
        self.lists.resize_with(LISTS, Box::default);
        if let Some(list) = self.lists.get_mut(Self::place(tags)) {
            *list = tags.into();
        }
    }

    fn place(tags: &[TagId]) -> usize {
        let [first, last] = [tags.first(), tags.last()].map(|tag| tag.map_or(0, |tag| tag.0));
        first.wrapping_mul(17).wrapping_add(last).wrapping_mul(31).wrapping_add(tags.len()) % LISTS
    }
}

/// Puts each property that has the name of an earlier one in that one's place, as PowerShell does;
/// names are compared without regard to case.
pub(crate) fn replace_repeated(properties: &mut Vec<Property>) {
    if properties.len() < 2 || !may_repeat(properties) {
        return;
    }
    let mut places: HashMap<Box<str>, usize> = HashMap::with_capacity(properties.len());
    let mut kept: Vec<Property> = Vec::with_capacity(properties.len());
    for property in properties.drain(..) {
        let known = *places.entry(fold_name(&property.name)).or_insert(kept.len());
        match kept.get_mut(known) {
            Some(earlier) => *earlier = property,
            None => kept.push(property),
        }
    }
    *properties = kept;
}

/// Whether two names may be the same: no where all are of ASCII and differ.
fn may_repeat(properties: &[Property]) -> bool {
    if properties.len() > SMALL {
        return true;
    }
    // One bit for each hash that was met.
    let mut met = [0_u64; 4];
    for (index, property) in properties.iter().enumerate() {
        let name = property.name.as_str();
        let hash = hash(name.as_bytes());
        let Some(bits) = met.get_mut(usize::from(hash / 64)) else { return true };
        let bit = 1 << (hash % 64);
        let mut earlier = properties.iter().take(index);
        if !name.is_ascii()
            || (*bits & bit != 0 && earlier.any(|earlier| earlier.name.eq_ignore_ascii_case(name)))
        {
            return true;
        }
        *bits |= bit;
    }
    false
}

/// A hash that is the same for names of ASCII that differ in case alone: names of one object differ in
/// length or here and there.
fn hash(name: &[u8]) -> u8 {
    let at = |place: usize| name.get(place).map_or(0, |byte| byte | 0x20);
    let length = name.len();
    let [low, ..] = length.to_le_bytes();
    low.wrapping_mul(7)
        ^ at(0).wrapping_mul(31)
        ^ at(length / 2).wrapping_mul(113)
        ^ at(length.wrapping_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: impl IntoIterator<Item = String>) -> Vec<Property> {
        names
            .into_iter()
            .enumerate()
            .map(|(index, name)| Property::from((name, u32::try_from(index).unwrap())))
            .collect()
    }

    #[test]
    fn the_last_takes_the_place_of_the_first() {
        let mut properties = names(["a", "b", "A", "ä", "Ä", "c"].map(str::to_owned));
        replace_repeated(&mut properties);
        let shown: Vec<&str> = properties.iter().map(|property| property.name.as_str()).collect();
        assert_eq!(shown, ["A", "b", "Ä", "c"]);
    }

    #[test]
    fn many_names_are_told_apart() {
        for count in [127, 128, 129, 1000] {
            let mut properties = names((0..count).map(|index| format!("Name{index}")));
            replace_repeated(&mut properties);
            assert_eq!(properties.len(), count);
            properties.extend(names(["nAME5".to_owned()]));
            replace_repeated(&mut properties);
            assert_eq!(properties.len(), count);
        }
    }
}
