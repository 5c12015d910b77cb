//! Properties whose names come twice.

use std::collections::HashMap;

use crate::object::{Property, fold_name};

/// Up to this many properties are told apart without a table.
const SMALL: usize = 128;

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
