//! An ordered list whose items have unique names.

use std::ops::Deref;
use std::slice;
use std::vec;

use crate::name::CimName;

/// Something that has a CIM name.
pub trait Named {
    /// The name.
    fn name(&self) -> &CimName;
}

/// Items in their order, found by name without regard to case. A name occurs once.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedList<T>(Vec<T>);

impl<T> Default for NamedList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Named> NamedList<T> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list with room for `capacity` items.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The item of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|item| item.name().is(name))
    }

    /// The item of that name.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.0.iter_mut().find(|item| item.name().is(name))
    }

    /// Whether there is an item of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Replaces the item of the same name in its place and returns it, or appends.
    pub fn insert(&mut self, item: T) -> Option<T> {
        match self.get_mut(item.name()) {
            Some(old) => Some(std::mem::replace(old, item)),
            None => {
                self.0.push(item);
                None
            }
        }
    }

    /// Takes the item of that name out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let index = self.0.iter().position(|item| item.name().is(name))?;
        Some(self.0.remove(index))
    }

    /// Keeps the items for which `keep` is true.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.0.retain(keep);
    }

    /// Appends an item whose name the caller knows to be new. It is made where it stays.
    #[inline]
    pub(crate) fn push_new(&mut self, make: impl FnOnce() -> T) {
        self.0.extend(std::iter::once_with(make));
    }

    /// Gives back the memory that the items do not need.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// The item at a place.
    pub(crate) fn at_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index)
    }

    /// The items, to be changed in place. Names must stay unique.
    pub fn iter_mut(&mut self) -> slice::IterMut<'_, T> {
        self.0.iter_mut()
    }
}

impl<T> Deref for NamedList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Named> FromIterator<T> for NamedList<T> {
    /// Collects; of items with equal names the last wins, in the place of the first.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut list = Self::new();
        list.extend(items);
        list
    }
}

impl<T: Named> Extend<T> for NamedList<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<T> IntoIterator for NamedList<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> vec::IntoIter<T> {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a NamedList<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> slice::Iter<'a, T> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Item(CimName, u8);

    impl Named for Item {
        fn name(&self) -> &CimName {
            &self.0
        }
    }

    #[test]
    fn order_is_kept_and_names_are_unique() {
        let item = |name: &str, n| Item(name.into(), n);
        let mut list: NamedList<Item> = [item("b", 1), item("a", 2), item("B", 3)].into_iter().collect();
        assert_eq!(list.iter().map(|i| i.1).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(list.get("A").unwrap().1, 2);
        assert_eq!(list.insert(item("A", 9)).unwrap().1, 2);
        assert_eq!(list.remove("b").unwrap().1, 3);
        assert_eq!(list.len(), 1);
    }
}
