//! Elements that come again, written as before but for their text.
//!
//! A page of objects repeats the same tags over and over. Where the same bytes come in the same surroundings, the
//! reader makes of them what it made of them before, so that they need not be read again: what stands around a
//! text is compared as a whole, and the text taken as it stands. All that comes in any other way is left for the
//! reader, which also says what is wrong with it.

use crate::attribute::possible_prefixes;
use crate::characters::plain_run;
use crate::element::Element;
use crate::reader::{Limits, Reader};

/// Ways of writing kept for one place: an element with text, and without, and what else there may be.
const WAYS: usize = 4;
/// Bytes of what stands around one text.
const LONGEST: usize = 1024;
/// Bytes kept in all.
const MOST: usize = 256 << 10;
/// Prefixes kept in all.
const PREFIXES: usize = 32;

/// How the children of an element were written, by their places, each with what the caller made of it.
///
/// What is kept outlives the document. Call [`Frames::enter`] for each element before its children are read.
#[derive(Debug, Clone)]
pub struct Frames<T> {
    places: Vec<Vec<(Frame, T)>>,
    surroundings: Option<Surroundings>,
    /// Bytes of all frames.
    length: usize,
}

/// What stands around a text.
#[derive(Debug, Clone, PartialEq)]
struct Frame {
    /// All up to the text, from the end of the event before.
    before: Box<str>,
    /// All behind it up to the end of the element; `None` where there is no place for a text.
    after: Option<Box<str>>,
    /// The length of the last event.
    last: usize,
}

/// What the same bytes depend on to mean the same.
#[derive(Debug, Clone)]
struct Surroundings {
    depth: usize,
    limits: Limits,
    /// The most declarations that were in scope.
    declarations: usize,
    /// What the prefixes stand for that the frames may mention, the empty one among them.
    prefixes: Vec<(Box<str>, Option<Box<str>>)>,
}

impl<T> Default for Frames<T> {
    fn default() -> Self {
        Self { places: Vec::new(), surroundings: None, length: 0 }
    }
}

impl<T> Frames<T> {
    /// Prepares for the children of the innermost open element. All is forgotten where it would not mean the same
    /// there: at another depth, with other limits, or where a prefix stands for something else.
    pub fn enter(&mut self, reader: &Reader<'_>) {
        if !self.surroundings.as_ref().is_some_and(|surroundings| surroundings.hold(reader)) {
            *self = Self { surroundings: Some(Surroundings::of(reader)), ..Self::default() };
        }
    }

    /// Keeps how a child was written that was just read to its end: all from the offset `from`, where the child
    /// before ended, but for the text that [`Reader::read_content`] or [`Reader::read_text`] read last. `meaning`
    /// must be all that the caller makes of the rest.
    pub fn keep(&mut self, reader: &Reader<'_>, place: usize, from: usize, meaning: T) {
        let Some(surroundings) = self.surroundings.as_mut().filter(|known| known.depth == reader.depth())
        else {
            return;
        };
        let Some((before, after, last)) = reader.written_since(from) else { return };
        let length = before.len() + after.map_or(0, str::len);
        if length > LONGEST || self.length + length > MOST || !surroundings.mention(before, reader) {
            return;
        }
        if self.places.len() <= place {
            self.places.resize_with(place + 1, Vec::new);
        }
        let Some(ways) = self.places.get_mut(place).filter(|ways| ways.len() < WAYS) else { return };
        let frame = Frame { before: before.into(), after: after.map(Box::from), last };
        if ways.iter().all(|(known, _)| *known != frame) {
            ways.push((frame, meaning));
            self.length += length;
        }
    }

    /// Forgets what was kept for a place and for those behind it.
    pub fn forget_from(&mut self, place: usize) {
        if place < self.places.len() {
            let forgotten = self.places.drain(place..).flatten();
            self.length -= forgotten.map(|(frame, _)| frame.length()).sum::<usize>();
        }
    }
}

impl Frame {
    fn length(&self) -> usize {
        self.before.len() + self.after.as_ref().map_or(0, |after| after.len())
    }
}

impl Surroundings {
    fn of(reader: &Reader<'_>) -> Self {
        Self {
            depth: reader.depth(),
            limits: *reader.limits(),
            declarations: reader.scope().declarations(),
            prefixes: vec![prefix(reader, "")],
        }
    }

    fn hold(&self, reader: &Reader<'_>) -> bool {
        let scope = reader.scope();
        self.depth == reader.depth()
            && self.limits == *reader.limits()
            && self.declarations >= scope.declarations()
            && self.prefixes.iter().all(|(prefix, uri)| scope.bound(prefix) == uri.as_deref())
    }

    /// Keeps what the prefixes stand for; says whether there is room for them.
    fn mention(&mut self, written: &str, reader: &Reader<'_>) -> bool {
        for found in possible_prefixes(written) {
            if self.prefixes.iter().all(|(known, _)| **known != *found) {
                if self.prefixes.len() >= PREFIXES {
                    return false;
                }
                self.prefixes.push(prefix(reader, found));
            }
        }
        true
    }
}

fn prefix(reader: &Reader<'_>, prefix: &str) -> (Box<str>, Option<Box<str>>) {
    (prefix.into(), reader.scope().bound(prefix).map(Box::from))
}

impl<'a> Reader<'a> {
    /// The children behind the last event, to be taken as a whole where they are written as before. `None` where
    /// that cannot be known.
    pub fn known<'r, 'f, T>(&'r mut self, frames: &'f Frames<T>) -> Option<Known<'r, 'f, 'a, T>> {
        let rest = self.rest()?;
        let limit = frames.surroundings.as_ref().filter(|known| known.depth == self.depth())?.limits.text;
        Some(Known { reader: self, places: &frames.places, limit, rest, last: 0, turned: None })
    }
}

/// Children of one element that are written as before; the reader goes on behind those that were taken when this
/// is dropped.
#[derive(Debug)]
pub struct Known<'r, 'f, 'a, T> {
    reader: &'r mut Reader<'a>,
    places: &'f [Vec<(Frame, T)>],
    /// Bytes that a text may have.
    limit: usize,
    rest: &'a str,
    /// The length of the last event that was taken.
    last: usize,
    turned: Option<Element<'a>>,
}

impl<'f, 'a, T> Known<'_, 'f, 'a, T> {
    /// Takes the next child as a whole if it is written in a way that was kept for this place: gives what the
    /// caller made of it then, and its text now. Else nothing is taken.
    #[inline]
    pub fn take(&mut self, place: usize) -> Option<(&'f T, &'a str)> {
        self.places.get(place)?.iter().find_map(|(frame, meaning)| {
            let inner = behind(self.rest, &frame.before)?;
            let (text, rest) = match &frame.after {
                None => ("", inner),
                Some(after) => {
                    let (text, rest) = inner.split_at_checked(plain_run(inner.as_bytes()))?;
                    (text, behind(rest, after).filter(|_| text.len() <= self.limit)?)
                }
            };
            (self.rest, self.last) = (rest, frame.last);
            Some((meaning, text))
        })
    }

    /// Takes the end tag of the element whose children these are if one with the same start tag follows at once,
    /// which is the next event then. Else nothing is taken. It was the last to be taken here.
    pub fn turn(mut self, element: &Element<'a>) -> bool {
        // A document has one root.
        let rest = Some(self.rest).filter(|_| self.reader.depth() > 1);
        let ended = rest.and_then(|rest| behind(behind(rest, "</")?, element.name));
        let start = ended.and_then(|rest| behind(rest, "><"));
        let Some(rest) = start.and_then(|rest| behind(rest.strip_prefix(element.content)?, ">")) else {
            return false;
        };
        let length = element.content.len() + 2;
        self.turned = Some(Element { offset: self.reader.offset_of(rest) - length, ..element.clone() });
        (self.rest, self.last) = (rest, length);
        true
    }
}

impl<T> Drop for Known<'_, '_, '_, T> {
    fn drop(&mut self) {
        if self.last > 0 {
            self.reader.pass_to(self.rest, self.last, self.turned.take());
        }
    }
}

/// What stands behind the start of a text, if that is the start of it.
#[inline]
fn behind<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(start.len())?;
    is_same(head.as_bytes(), start.as_bytes()).then_some(rest)
}

/// Whether two short runs of as many bytes are the same: a call would take longer than to look.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    match (a.last_chunk(), b.last_chunk()) {
        (Some(a_end), Some(b_end)) => {
            let words = a.as_chunks().0.iter().zip(b.as_chunks().0);
            word(a_end) == word(b_end) && words.fold(true, |same, (a, b)| same & (word(a) == word(b)))
        }
        _ => a.iter().zip(b).all(|(a, b)| a == b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Content, Error, ErrorKind, Event};

    /// The texts of the children of each child of the root, `!` before those that were known, and where the reader
    /// stood after each.
    fn read(xml: &str, limits: Limits, frames: &mut Frames<()>) -> Result<Vec<(String, usize)>, Error> {
        let mut reader = Reader::new(xml, limits);
        let mut found = Vec::new();
        reader.next_element()?;
        while reader.next_element()?.is_some() {
            frames.enter(&reader);
            for place in 0.. {
                let known = reader.known(frames).and_then(|mut known| Some(known.take(place)?.1));
                if let Some(text) = known {
                    found.push((format!("!{text}"), reader.position()));
                    continue;
                }
                let from = reader.next_position();
                let Some(child) = reader.next_element()? else { break };
                let text = reader.read_text()?;
                found.push((format!("{}:{text}", child.ns()), reader.position()));
                frames.keep(&reader, place, from, ());
            }
        }
        Ok(found)
    }

    fn texts(xml: &str) -> String {
        let found = read(xml, Limits::default(), &mut Frames::default()).unwrap();
        found.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_written_as_before_is_taken_with_its_text() {
        assert_eq!(texts("<r><a><b>1</b><c x='2'/></a><a><b></b><c x='2'/></a></r>"), ":1 : ! !");
        assert_eq!(texts("<r><a>\n <b>1</b>\n</a><a>\n <b>é</b>\n</a></r>"), ":1 !é");
        assert_eq!(texts("<r><a><b/></a><a><b>1</b></a><a><b/></a><a><b>2</b></a></r>"), ": :1 ! !2");
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_reader() {
        for (other, text) in [
            ("<b>1&amp;2</b>", "1&2"),
            ("<b>1\r\n2</b>", "1\n2"),
            ("<b>1<!-- -->2</b>", "12"),
            ("<b><![CDATA[<]]></b>", "<"),
            ("<b >1</b>", "1"),
            ("<b>1</b >", "1"),
            ("<b/>", ""),
            (" <b>1</b>", "1"),
        ] {
            assert_eq!(texts(&format!("<r><a><b>0</b></a><a>{other}</a><a><b>3</b></a></r>")), {
                format!(":0 :{text} !3")
            });
        }
    }

    #[test]
    fn prefixes_have_to_stand_for_the_same() {
        assert_eq!(texts("<r><a xmlns='u'><b>1</b></a><a xmlns='u'><b>2</b></a></r>"), "u:1 !2");
        assert_eq!(texts("<r><a xmlns='u'><b>1</b></a><a xmlns='v'><b>2</b></a></r>"), "u:1 v:2");
        assert_eq!(texts("<r><a xmlns:p='u'><p:b>1</p:b></a><a xmlns:p='v'><p:b>2</p:b></a></r>"), "u:1 v:2");
        let error = read(
            "<r><a xmlns:p='u'><p:b>1</p:b></a><a><p:b>2</p:b></a></r>",
            Limits::default(),
            &mut Frames::default(),
        );
        assert_eq!(error.unwrap_err().kind(), &ErrorKind::UnboundPrefix("p".into()));
    }

    #[test]
    fn limits_and_positions_are_those_of_reading() {
        let xml = "<r><a><b>1</b><c/></a><a><b>23</b><c/></a></r>";
        let limits = Limits { text: 1, ..Limits::default() };
        let error = read(xml, limits, &mut Frames::default()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (&ErrorKind::Limit("text length", 1), 28));

        let mut frames = Frames::default();
        let first = read(xml, Limits::default(), &mut frames).unwrap();
        let places: Vec<_> = first.iter().map(|(_, position)| *position).collect();
        assert_eq!(places, [10, 14, 30, 34]);
        let again = read(xml, Limits::default(), &mut frames).unwrap();
        assert_eq!(again.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["!1", "!", "!23", "!"]);
        assert!(again.iter().map(|(_, position)| *position).eq(places));

        let deep = read(xml, Limits::default().with_depth(2), &mut frames).unwrap_err();
        assert_eq!(deep.kind(), &ErrorKind::Limit("nested elements", 2));
    }

    /// A reader that took the first child of the root up to its end tag, and whether the next took its place.
    fn turned(xml: &str) -> (Reader<'_>, bool) {
        let mut frames = Frames::default();
        let (mut reader, mut turned) = (Reader::new(xml, Limits::default()), false);
        for is_known in [false, true] {
            reader = Reader::new(xml, Limits::default());
            reader.next_element().unwrap();
            let element = reader.next_element().unwrap().unwrap();
            frames.enter(&reader);
            if is_known {
                let mut known = reader.known(&frames).unwrap();
                known.take(0).unwrap();
                turned = known.turn(&element);
            } else {
                reader.next_element().unwrap();
                reader.read_text().unwrap();
                frames.keep(&reader, 0, element.offset() + element.content.len() + 2, ());
            }
        }
        (reader, turned)
    }

    #[test]
    fn the_next_element_takes_the_place_of_one_like_it() {
        let xml = "<r><a x='1' xmlns='u'><b>1</b></a><a x='1' xmlns='u'><c/></a>!<d/></r>";
        let reader = || {
            let (reader, turned) = turned(xml);
            assert!(turned);
            assert_eq!((reader.depth(), reader.position(), reader.next_position()), (1, 30, 34));
            reader
        };
        let mut reading = reader();
        let next = reading.next_element().unwrap().unwrap();
        assert_eq!((next.ns(), next.local(), next.offset(), reading.depth()), ("u", "a", 34, 2));
        assert_eq!(next.attr("x").unwrap().unwrap(), "1");
        assert_eq!(reading.capture(&next).unwrap().source(), "<a x='1' xmlns='u'><c/></a>");
        assert_eq!(reading.next_element().unwrap().unwrap().local(), "d");
        assert!(matches!(reader().next().unwrap(), Event::Start(next) if next.offset() == 34));
        assert!(matches!(reader().read_content().unwrap(), Content::Child(_, next) if next.offset() == 34));
        let mut skipping = reader();
        skipping.skip().unwrap();
        assert_eq!(skipping.depth(), 0);
        assert!(matches!(skipping.next().unwrap(), Event::Eof));
    }

    #[test]
    fn only_one_with_the_same_start_tag_takes_its_place() {
        for next in
            ["<a x='2'>", "<a  x='1'>", "<a x='1'/><a x='1'>", " <a x='1'>", "<!----><a x='1'>", "<aa x='1'>"]
        {
            let xml = format!("<r><a x='1'><b>1</b></a>{next}<b>2</b></r>");
            assert!(!turned(&xml).1, "{next}");
        }
        assert!(!turned("<r><a x='1'><b>1</b></a ><a x='1'></a></r>").1);
        assert!(!turned("<r><a x='1'><b>1</b><b>2</b></a><a x='1'></a></r>").1);
        // A second root is none.
        let xml = "<a><b>1</b></a><a><b>1</b></a>";
        let mut frames: Frames<()> = Frames::default();
        let mut reader = Reader::new(xml, Limits::default());
        let element = reader.next_element().unwrap().unwrap();
        frames.enter(&reader);
        assert!(!reader.known(&frames).unwrap().turn(&element));
    }

    #[test]
    fn little_is_kept() {
        let mut frames = Frames::default();
        let long = format!("<r><a><b x='{}'>1</b></a></r>", "y".repeat(LONGEST));
        read(&long, Limits::default(), &mut frames).unwrap();
        assert!(frames.places.is_empty());
        let many: String = (0..2000).map(|n| format!("<b x='{n}{}'/>", "y".repeat(900))).collect();
        read(&format!("<r><a>{many}</a></r>"), Limits::default(), &mut frames).unwrap();
        assert!(frames.length <= MOST && frames.length > MOST - LONGEST);
        frames.forget_from(0);
        assert_eq!((frames.length, frames.places.len()), (0, 0));
    }
}
