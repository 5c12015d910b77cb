//! Properties whose names come twice.

use std::collections::HashMap;

use crate::object::{Property, fold_name, same_name};

/// Up to this many properties are told apart in a table on the stack.
const SMALL: usize = 128;

/// Up to this many properties are compared each with each.
const FEW: usize = 8;

/// Puts each property that has the name of an earlier one in that one's place, as PowerShell does;
/// names are compared without regard to case.
pub(crate) fn replace_repeated(properties: &mut Vec<Property>) {
    if properties.len() < 2 {
        return;
    }
    if !may_repeat(properties) {
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
    let mut few = [""; FEW];
    if let Some(names) = few.get_mut(..properties.len()) {
        names.iter_mut().zip(properties).for_each(|(name, property)| *name = property.name.as_str());
        return names.iter().any(|name| !name.is_ascii()) || any_pair(names);
    }
    properties.len() > SMALL
        || properties.iter().any(|property| !property.name.is_ascii())
        || any_repeated(properties)
}

/// Whether two names, all of ASCII, are the same; for few.
fn any_pair(names: &[&str]) -> bool {
    let mut rest = names;
    while let Some((name, others)) = rest.split_first() {
        if others.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return true;
        }
        rest = others;
    }
    false
}

/// The same for many.
fn any_repeated(properties: &[Property]) -> bool {
    // Places in `properties`, counted from one, by hash.
    let mut table = [0_u8; 2 * SMALL];
    for (index, property) in properties.iter().enumerate() {
        let mut slot = hash(property.name.as_bytes());
        loop {
            let Some(place) = table.get_mut(usize::from(slot)) else { return true };
            let Some(earlier) = usize::from(*place).checked_sub(1).and_then(|place| properties.get(place))
            else {
                *place = u8::try_from(index + 1).unwrap_or(u8::MAX);
                break;
            };
            if same_name(&earlier.name, &property.name) {
                return true;
            }
            slot = slot.wrapping_add(1);
        }
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
