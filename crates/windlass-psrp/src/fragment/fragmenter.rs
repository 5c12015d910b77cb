//! Cutting messages into fragments.

use std::ops::Range;

use super::{DEFAULT_FRAGMENT_LENGTH, FragmentHeader, HEADER_LENGTH};

/// Numbers the messages of one sender and cuts them into fragments.
///
/// All streams of a session share one fragmenter, as PowerShell's do, so that no object id is used
/// twice.
#[derive(Debug, Clone)]
pub struct Fragmenter {
    next_object_id: u64,
    fragment_length: usize,
}

/// How far the cutting of one message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    object_id: u64,
    fragment_id: u64,
    offset: usize,
}

impl Default for Fragmenter {
    fn default() -> Self {
        Self::new(DEFAULT_FRAGMENT_LENGTH)
    }
}

impl Fragmenter {
    /// Starts at object id 1. `fragment_length` is the length of the largest fragment, header
    /// included, in bytes; at least one byte of the message always goes into a fragment.
    pub fn new(fragment_length: usize) -> Self {
        Self { next_object_id: 1, fragment_length: fragment_length.max(HEADER_LENGTH + 1) }
    }

    /// How many bytes of a message the largest fragment holds.
    pub fn largest_piece(&self) -> usize {
        self.fragment_length - HEADER_LENGTH
    }

    /// Appends the fragments of a whole message to `out`.
    pub fn fragment_into(&mut self, message: &[u8], out: &mut Vec<u8>) {
        let mut cut = None;
        while !self.append(message, &mut cut, out, usize::MAX) {}
    }

    /// The fragments of a whole message.
    pub fn fragment(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + HEADER_LENGTH);
        self.fragment_into(message, &mut out);
        out
    }

    /// Appends one more fragment of a message to `out`, no longer than `room`, and says whether it
    /// was the last. `cut` starts as `None`. Where `room` does not hold a header and one byte,
    /// nothing is written.
    pub(crate) fn append(
        &mut self,
        message: &[u8],
        cut: &mut Option<Cut>,
        out: &mut Vec<u8>,
        room: usize,
    ) -> bool {
        let Some(largest) =
            room.min(self.fragment_length).checked_sub(HEADER_LENGTH).filter(|&most| most > 0)
        else {
            return false;
        };
        let state = cut.get_or_insert_with(|| {
            let object_id = self.next_object_id;
            self.next_object_id += 1;
            Cut { object_id, fragment_id: 0, offset: 0 }
        });
        let end = message.len().min(state.offset + largest);
        let range: Range<usize> = state.offset..end;
        let piece = message.get(range).unwrap_or_default();
        let last = end == message.len();
        let header = FragmentHeader {
            object_id: state.object_id,
            fragment_id: state.fragment_id,
            start: state.offset == 0,
            end: last,
            length: u32::try_from(piece.len()).unwrap_or(u32::MAX),
        };
        out.extend_from_slice(&header.encode());
        out.extend_from_slice(piece);
        state.fragment_id += 1;
        state.offset = end;
        last
    }
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    #[test]
    fn every_length_around_a_multiple_of_the_size_ends_once() {
        for size in 1..=8_usize {
            for length in 0..=4 * size + 1 {
                let message: Vec<u8> = (0..length).map(|byte| u8::try_from(byte).unwrap()).collect();
                let bytes = Fragmenter::new(HEADER_LENGTH + size).fragment(&message);
                let fragments = split(&bytes).unwrap();
                let joined: Vec<u8> = fragments.iter().flat_map(|(_, piece)| piece.iter().copied()).collect();
                assert_eq!(joined, message);
                assert_eq!(fragments.iter().filter(|(header, _)| header.start).count(), 1);
                assert_eq!(fragments.iter().filter(|(header, _)| header.end).count(), 1);
                assert!(fragments.first().unwrap().0.start && fragments.last().unwrap().0.end);
                assert!(length == 0 || fragments.iter().all(|(header, _)| header.length > 0));
                assert_eq!(fragments.len(), length.div_ceil(size).max(1));
            }
        }
    }

    #[test]
    fn a_message_can_be_cut_to_the_room_there_is() {
        let mut fragmenter = Fragmenter::default();
        let (mut cut, mut out) = (None, Vec::new());
        assert!(!fragmenter.append(b"abcdef", &mut cut, &mut out, HEADER_LENGTH));
        assert!(out.is_empty() && cut.is_none());
        assert!(!fragmenter.append(b"abcdef", &mut cut, &mut out, HEADER_LENGTH + 2));
        assert!(fragmenter.append(b"abcdef", &mut cut, &mut out, HEADER_LENGTH + 100));
        let fragments = split(&out).unwrap();
        assert_eq!(fragments[0].1, b"ab");
        assert_eq!(fragments[1].1, b"cdef");
        assert_eq!((fragments[1].0.object_id, fragments[1].0.fragment_id), (1, 1));
        assert_eq!(split(&fragmenter.fragment(b"x")).unwrap()[0].0.object_id, 2);
    }
}
