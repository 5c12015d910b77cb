//! Oracle of the XML reader.

use windlass_xml::{Content, Element, Event, Limits, Reader, decode_utf};

/// Reads a document to its end: every start tag has its end, and a document that is read is read the
/// same when its root is captured and read apart, and when it is read by contents.
pub(super) fn xml(data: &[u8]) {
    let limits = Limits::default();
    let Ok(text) = decode_utf(data, &limits) else { return };
    let Some(events) = read(Reader::new(&text, limits)) else { return };
    assert_eq!(events.iter().filter(|event| *event == "end").count() * 2, events.len() - texts(&events));

    let mut reader = Reader::new(&text, limits);
    if let Ok(Some(root)) = reader.next_element() {
        let fragment =
            reader.capture(&root).unwrap_or_else(|error| panic!("captured after it was read: {error}"));
        let again = read(fragment.reader(limits)).unwrap_or_else(|| panic!("a captured root is refused"));
        assert_eq!(without_texts_outside(&events), without_texts_outside(&again));
        let without_empty: Vec<_> =
            without_texts_outside(&events).iter().filter(|event| *event != "text ").collect();
        let by_contents = read_contents(Reader::new(&text, limits));
        assert_eq!(by_contents.iter().flatten().collect::<Vec<_>>(), without_empty);
    }
}

fn read(mut reader: Reader<'_>) -> Option<Vec<String>> {
    let mut events = Vec::new();
    loop {
        match reader.next().ok()? {
            Event::Start(element) => events.push(start(&element)?),
            Event::End => events.push("end".to_owned()),
            Event::Text(text) => events.push(format!("text {text}")),
            Event::Eof => return Some(events),
        }
    }
}

/// The events of the root, empty texts left out.
fn read_contents(mut reader: Reader<'_>) -> Option<Vec<String>> {
    let mut events = vec![start(&reader.next_element().ok()??)?];
    while reader.depth() > 0 {
        let (text, child) = match reader.read_content().ok()? {
            Content::Text(text) => (text, None),
            Content::Child(text, child) => (text, Some(child)),
        };
        if !text.is_empty() {
            events.push(format!("text {text}"));
        }
        events.push(child.map_or(Some("end".to_owned()), |child| start(&child))?);
    }
    Some(events)
}

fn start(element: &Element<'_>) -> Option<String> {
    let attributes: Vec<_> = element.attributes().collect::<Result<_, _>>().ok()?;
    Some(format!("start {}:{} {attributes:?}", element.ns(), element.local()))
}

fn texts(events: &[String]) -> usize {
    events.iter().filter(|event| event.starts_with("text ")).count()
}

/// White space around the root is no part of it.
fn without_texts_outside(events: &[String]) -> &[String] {
    let from = events.iter().position(|event| event.starts_with("start ")).unwrap_or(events.len());
    let to = events.iter().rposition(|event| event == "end").map_or(from, |at| at + 1);
    events.get(from..to).unwrap_or_default()
}
