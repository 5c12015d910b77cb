//! Putting messages together again.

use windlass_core::cursor::ReadCursor;

use super::{FragmentHeader, HEADER_LENGTH};
use crate::error::PsrpError;

/// How much of the buffer is kept from one message to the next, in bytes.
const KEPT_BUFFER: usize = 1024 * 1024;

/// What a peer may make the receiver of one stream hold, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Longest message. A message that is longer is refused before it is stored.
    pub object: usize,
    /// All messages of the stream together.
    pub total: u64,
}

impl Default for FragmentLimits {
    /// 200 MB a message, as PowerShell's clients document; no limit for the stream.
    fn default() -> Self {
        Self { object: 200 * 1024 * 1024, total: u64::MAX }
    }
}

/// One message, complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// The sender's number for the message.
    pub id: u64,
    /// The message: header and data.
    pub data: &'a [u8],
}

/// Puts the messages of one stream together: one message at a time, its fragments in order.
///
/// A fragment may be cut anywhere between two pieces of the stream. Work and memory are linear in
/// what came: a message that arrives in one fragment is not copied at all, any other is copied once.
#[derive(Debug)]
pub struct Defragmenter {
    limits: FragmentLimits,
    total: u64,
    /// The start of a header whose rest has not come yet.
    header: Vec<u8>,
    /// Pieces of the message in progress.
    assembled: Vec<u8>,
    /// The fragment that the message in progress goes on with: object id and fragment id.
    expected: Option<(u64, u64)>,
    /// The fragment in progress and how many of its bytes are still to come.
    open: Option<(FragmentHeader, usize)>,
    /// Drop everything up to the next first piece: the stream was joined midway.
    joining: bool,
}

impl Defragmenter {
    /// Starts with nothing.
    pub fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            total: 0,
            header: Vec::new(),
            assembled: Vec::new(),
            expected: None,
            open: None,
            joining: false,
        }
    }

    /// Forgets a message in progress and drops fragments until the next message starts: what a client
    /// does that connects to a stream midway ([MS-PSRP] 3.1.5.4.13).
    pub fn join_midway(&mut self) {
        *self = Self { total: self.total, joining: true, ..Self::new(self.limits) };
    }

    /// Whether a message, or a fragment, has begun and not ended.
    pub fn is_in_progress(&self) -> bool {
        self.expected.is_some() || !self.is_at_fragment_border()
    }

    /// Whether the stream stands between two fragments.
    pub fn is_at_fragment_border(&self) -> bool {
        self.header.is_empty() && self.open.is_none()
    }

    /// Takes the next bytes of the stream. The messages that they complete come from the result,
    /// which must be read to its end.
    pub fn push<'a>(&'a mut self, data: &'a [u8]) -> Objects<'a> {
        Objects { defragmenter: self, data, finished: false }
    }

    /// Empties the buffer, and gives it back where one long message made it large.
    fn recycle(&mut self) {
        self.assembled.clear();
        self.assembled.shrink_to(KEPT_BUFFER);
    }

    /// Checks a header against what has to come, before a byte of its piece is stored.
    fn admit(&mut self, header: &FragmentHeader) -> Result<usize, PsrpError> {
        let FragmentHeader { object_id: object, fragment_id: fragment, .. } = *header;
        if object == 0 || object > i64::MAX.unsigned_abs() {
            return Err(PsrpError::ObjectId { object });
        }
        match self.expected {
            _ if header.start && fragment != 0 => {
                return Err(PsrpError::FragmentOrder { object, expected: 0, found: fragment });
            }
            None if !header.start && !self.joining => return Err(PsrpError::NoStart { object, fragment }),
            Some((expected, _)) if header.start => {
                return Err(PsrpError::ObjectCutOff { object: expected, next: object });
            }
            Some((expected, _)) if expected != object => {
                return Err(PsrpError::ObjectOrder { expected, found: object });
            }
            Some((_, expected)) if expected != fragment => {
                return Err(PsrpError::FragmentOrder { object, expected, found: fragment });
            }
            _ => {}
        }
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if length == 0 {
            return Err(PsrpError::EmptyFragment { object, fragment });
        }
        if length > self.limits.object.saturating_sub(self.assembled.len()) {
            return Err(PsrpError::ObjectTooLong { object, limit: self.limits.object });
        }
        self.total = self.total.saturating_add(u64::from(header.length));
        if self.total > self.limits.total {
            return Err(PsrpError::StreamTooLong { limit: self.limits.total });
        }
        Ok(length)
    }
}

/// The messages that one piece of the stream completes.
#[derive(Debug)]
pub struct Objects<'a> {
    defragmenter: &'a mut Defragmenter,
    data: &'a [u8],
    /// The message in the buffer was handed out: it is cleared when the next one is asked for.
    finished: bool,
}

impl Objects<'_> {
    /// The next message, or `None` when the piece of the stream is used up.
    ///
    /// # Errors
    /// When a fragment is out of order, empty, or makes the message or the stream too long. The
    /// stream cannot be read any further then.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its own buffer")]
    pub fn next(&mut self) -> Result<Option<Object<'_>>, PsrpError> {
        if std::mem::take(&mut self.finished) {
            self.defragmenter.recycle();
        }
        loop {
            self.take_middle();
            let (header, missing) = match self.defragmenter.open.take() {
                Some(open) => open,
                None => match self.next_header()? {
                    Some(open) => open,
                    None => return Ok(None),
                },
            };
            let skipped = self.defragmenter.joining && !header.start;
            let (piece, rest) = self.data.split_at(missing.min(self.data.len()));
            self.data = rest;
            let whole = piece.len() == missing;
            if whole && header.end && self.defragmenter.assembled.is_empty() && !skipped {
                self.defragmenter.joining = false;
                self.defragmenter.expected = None;
                return Ok(Some(Object { id: header.object_id, data: piece }));
            }
            if !skipped {
                self.defragmenter.assembled.extend_from_slice(piece);
            }
            if !whole {
                self.defragmenter.open = Some((header, missing - piece.len()));
                return Ok(None);
            }
            if skipped {
                continue;
            }
            self.defragmenter.joining = false;
            if header.end {
                self.defragmenter.expected = None;
                self.finished = true;
                let data = self.defragmenter.assembled.as_slice();
                return Ok(Some(Object { id: header.object_id, data }));
            }
            let next = header.fragment_id.saturating_add(1);
            self.defragmenter.expected = Some((header.object_id, next));
        }
    }

    /// Takes the fragments that stand whole in the middle of the message in progress, which are nearly
    /// all of them where fragments are small. What is not of this kind is left.
    fn take_middle(&mut self) {
        let Defragmenter { limits, total, header, assembled, expected, open, .. } = &mut *self.defragmenter;
        let Some((object, next)) = expected.as_mut().filter(|_| open.is_none() && header.is_empty()) else {
            return;
        };
        assembled.reserve(self.data.len().min(limits.object.saturating_sub(assembled.len())));
        while let Some((bytes, rest)) = self.data.split_first_chunk::<HEADER_LENGTH>() {
            let header = FragmentHeader::from_array(bytes);
            let length = usize::try_from(header.length).unwrap_or(usize::MAX);
            let in_order = header.object_id == *object && header.fragment_id == *next;
            let sum = total.saturating_add(u64::from(header.length));
            let room = limits.object.saturating_sub(assembled.len());
            if !in_order || header.start || header.end || length == 0 || length > room || sum > limits.total {
                return;
            }
            let Some((piece, rest)) = rest.split_at_checked(length) else { return };
            assembled.extend_from_slice(piece);
            *total = sum;
            *next += 1;
            self.data = rest;
        }
    }

    /// Takes the next header, of which a part may have come before.
    fn next_header(&mut self) -> Result<Option<(FragmentHeader, usize)>, PsrpError> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let kept = &mut self.defragmenter.header;
        let header = if kept.is_empty() && self.data.len() >= HEADER_LENGTH {
            let mut cursor = ReadCursor::new(self.data);
            let header = FragmentHeader::decode(&mut cursor)?;
            self.data = cursor.rest();
            header
        } else {
            let (part, rest) = self.data.split_at(self.data.len().min(HEADER_LENGTH - kept.len()));
            kept.extend_from_slice(part);
            self.data = rest;
            if kept.len() < HEADER_LENGTH {
                return Ok(None);
            }
            let header = FragmentHeader::decode(&mut ReadCursor::new(kept))?;
            kept.clear();
            header
        };
        let length = self.defragmenter.admit(&header)?;
        Ok(Some((header, length)))
    }
}

impl Drop for Objects<'_> {
    fn drop(&mut self) {
        if self.finished {
            self.defragmenter.recycle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Fragmenter;
    use super::*;

    fn fragment(object_id: u64, fragment_id: u64, start: bool, end: bool, piece: &[u8]) -> Vec<u8> {
        let length = u32::try_from(piece.len()).unwrap();
        let mut bytes = FragmentHeader { object_id, fragment_id, start, end, length }.encode().to_vec();
        bytes.extend_from_slice(piece);
        bytes
    }

    fn collect(defragmenter: &mut Defragmenter, data: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, PsrpError> {
        let mut objects = defragmenter.push(data);
        let mut all = Vec::new();
        while let Some(object) = objects.next()? {
            all.push((object.id, object.data.to_vec()));
        }
        Ok(all)
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_messages() {
        let messages: Vec<Vec<u8>> = vec![b"a".to_vec(), (0..=255).collect(), b"last one".to_vec()];
        let mut fragmenter = Fragmenter::new(HEADER_LENGTH + 64);
        let stream: Vec<u8> = messages.iter().flat_map(|message| fragmenter.fragment(message)).collect();
        for step in 1..stream.len() {
            let mut defragmenter = Defragmenter::new(FragmentLimits::default());
            let mut found = Vec::new();
            for piece in stream.chunks(step) {
                found.extend(collect(&mut defragmenter, piece).unwrap());
            }
            let bodies: Vec<Vec<u8>> = found.into_iter().map(|(_, body)| body).collect();
            assert_eq!(bodies, messages, "pieces of {step}");
            assert!(!defragmenter.is_in_progress());
        }
    }

    #[test]
    fn disorder_is_refused_by_name() {
        let start = fragment(1, 0, true, false, b"ab");
        let cases = [
            (fragment(0, 0, true, true, b"x"), "object id 0 is not in 1 to 2^63 - 1"),
            (fragment(1 << 63, 0, true, true, b"x"), "object id 9223372036854775808 is not in 1 to 2^63 - 1"),
            (
                fragment(1, 1, false, true, b"x"),
                "object 1 begins with fragment 1, which is not marked as its start",
            ),
            (fragment(1, 3, true, true, b"x"), "object 1: fragment 0 expected, 3 found"),
            (
                [start.clone(), fragment(1, 2, false, true, b"x")].concat(),
                "object 1: fragment 1 expected, 2 found",
            ),
            (
                [start.clone(), fragment(1, 0, false, true, b"x")].concat(),
                "object 1: fragment 1 expected, 0 found",
            ),
            (
                [start.clone(), fragment(2, 1, false, true, b"x")].concat(),
                "fragment of object 1 expected, of 2 found",
            ),
            (
                [start.clone(), fragment(2, 0, true, true, b"x")].concat(),
                "object 1 has no end: object 2 starts",
            ),
            (fragment(1, 0, true, true, b""), "object 1: fragment 0 is empty"),
            ([start, fragment(1, 1, false, false, b"cdefg")].concat(), "object 1 is longer than 6 bytes"),
        ];
        for (bytes, message) in cases {
            let mut defragmenter = Defragmenter::new(FragmentLimits { object: 6, total: u64::MAX });
            assert_eq!(collect(&mut defragmenter, &bytes).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_length_is_refused_before_its_bytes_come() {
        let mut defragmenter = Defragmenter::new(FragmentLimits { object: 100, total: 10 });
        let header =
            FragmentHeader { object_id: 1, fragment_id: 0, start: true, end: true, length: u32::MAX }
                .encode();
        let error = collect(&mut defragmenter, &header).unwrap_err();
        assert_eq!(error.to_string(), "object 1 is longer than 100 bytes");
        let mut defragmenter = Defragmenter::new(FragmentLimits { object: 100, total: 10 });
        collect(&mut defragmenter, &fragment(1, 0, true, true, b"123456")).unwrap();
        let error = collect(&mut defragmenter, &fragment(2, 0, true, true, b"12345")).unwrap_err();
        assert_eq!(error.to_string(), "stream is longer than 10 bytes");
    }

    #[test]
    fn a_stream_can_be_joined_midway() {
        let mut defragmenter = Defragmenter::new(FragmentLimits::default());
        defragmenter.join_midway();
        let mut stream = fragment(4, 7, false, false, b"lost");
        stream.extend(fragment(4, 8, false, true, b"lost"));
        stream.extend(fragment(5, 0, true, false, b"ke"));
        stream.extend(fragment(5, 1, false, true, b"pt"));
        assert_eq!(collect(&mut defragmenter, &stream).unwrap(), [(5, b"kept".to_vec())]);
        let error = collect(&mut defragmenter, &fragment(6, 1, false, true, b"x")).unwrap_err();
        assert!(matches!(error, PsrpError::NoStart { object: 6, fragment: 1 }));
    }
}
