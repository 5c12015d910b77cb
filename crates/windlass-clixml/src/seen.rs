//! Pieces of CLIXML that were read before, and which came after which.
//!
//! Objects of one type are written alike: the next piece is nearly always the one that came next the
//! last time. It is known again by its bytes, and what it says needs no second reading.

/// How many pieces are kept at first and at most, each at one of the two places that its bytes give.
const LEAST: usize = 64;
const MOST: usize = 1024;
/// Longer pieces are not kept, in bytes.
pub(crate) const LONGEST: usize = 1024;

/// Pieces as they are written, each with what it says.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    places: Vec<Option<Piece<T>>>,
    last: usize,
    expected: usize,
    replaced: usize,
}

#[derive(Debug)]
struct Piece<T> {
    written: Box<str>,
    says: T,
    /// The place of the piece that came next.
    next: usize,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { places: Vec::new(), last: 0, expected: 0, replaced: 0 }
    }
}

impl<T> Seen<T> {
    /// Goes to the piece that is expected next and gives its length, where the text goes on with it.
    #[inline]
    pub(crate) fn expect(&mut self, text: &str) -> Option<usize> {
        let piece = self.at(self.expected)?;
        let expected = piece.written.as_bytes();
        if !text.as_bytes().starts_with(expected) {
            return None;
        }
        let (length, next) = (expected.len(), piece.next);
        (self.last, self.expected) = (self.expected, next);
        Some(length)
    }

    /// Goes to a piece that was not expected, where it is kept.
    pub(crate) fn find(&mut self, written: &str) -> bool {
        let is_there = |place: &usize| self.at(*place).is_some_and(|piece| *piece.written == *written);
        let known = self.choices(written).into_iter().find(is_there);
        if let Some(place) = known {
            self.follow(place);
        }
        known.is_some()
    }

    /// Keeps a piece in the place of the one that was there, and goes to it; not where it is too long.
    pub(crate) fn keep(&mut self, written: &str, says: T) -> bool {
        if written.len() > LONGEST {
            return false;
        }
        if self.replaced >= self.places.len() / 2 && self.places.len() < MOST {
            let count = (self.places.len() * 4).clamp(LEAST, MOST);
            self.places.clear();
            self.places.resize_with(count, || None);
            self.replaced = 0;
        }
        let [first, second] = self.choices(written);
        let place = if self.at(first).is_none() || self.at(second).is_some() { first } else { second };
        if let Some(kept) = self.places.get_mut(place) {
            self.replaced += usize::from(kept.is_some());
            *kept = Some(Piece { written: written.into(), says, next: place });
        }
        self.follow(place);
        true
    }

    /// What the piece says that was gone to.
    #[inline]
    pub(crate) fn says(&self) -> Option<&T> {
        self.at(self.last).map(|piece| &piece.says)
    }

    fn at(&self, place: usize) -> Option<&Piece<T>> {
        self.places.get(place)?.as_ref()
    }

    fn follow(&mut self, place: usize) {
        if let Some(Some(last)) = self.places.get_mut(self.last) {
            last.next = place;
        }
        self.last = place;
        self.expected = self.at(place).map_or(place, |piece| piece.next);
    }

    /// The two places that a piece may have; the number of places is a power of two.
    fn choices(&self, written: &str) -> [usize; 2] {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let (words, rest) = written.as_bytes().as_chunks::<8>();
        let mut end = [0; 8];
        end.iter_mut().zip(rest).for_each(|(end, byte)| *end = *byte);
        let words = words.iter().chain([&end]).map(|word| u64::from_le_bytes(*word));
        let hash = words.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR));
        let high = usize::try_from(hash >> 40).unwrap_or_default();
        let place = high & self.places.len().wrapping_sub(1);
        [place, place ^ 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_next_is_expected_again() {
        let mut seen = Seen::default();
        let pieces = ["<a>", "<b>", "<c>"];
        for (index, written) in pieces.into_iter().enumerate() {
            assert_eq!(seen.expect(written), None);
            assert!(!seen.find(written));
            assert!(seen.keep(written, index));
        }
        assert!(seen.find("<a>"));
        for (index, written) in pieces.into_iter().enumerate().cycle().skip(1).take(6) {
            assert_eq!(seen.expect(&format!("{written} and more")), Some(3));
            assert_eq!(seen.says(), Some(&index));
        }
    }

    #[test]
    fn more_than_there_is_room_for_is_forgotten() {
        let mut seen = Seen::default();
        for index in 0..10_000 {
            assert!(seen.keep(&format!("<{index}>"), index));
            assert_eq!(seen.says(), Some(&index));
        }
        assert!(seen.places.len() <= MOST);
        assert!(!seen.keep(&"x".repeat(LONGEST + 1), 0));
    }
}
