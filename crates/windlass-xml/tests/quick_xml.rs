//! Documents that the reader accepts, quick-xml reads too, and as the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "test code")]

use proptest::prelude::*;
use quick_xml::XmlVersion;
use windlass_xml::{Event, Limits, Reader};

/// What a document says: `<name key=value>`, `</>`, and texts with their white space.
fn ours(text: &str) -> Option<String> {
    let mut reader = Reader::new(text, Limits::default());
    let mut out = String::new();
    loop {
        match reader.next().ok()? {
            Event::Start(element) => {
                out.push_str(&format!("<{}", element.local()));
                for attribute in element.attributes() {
                    let (_, local, value) = attribute.ok()?;
                    out.push_str(&format!(" {local}={value:?}"));
                }
                out.push('>');
            }
            Event::End => out.push_str("</>"),
            Event::Text(text) => out.push_str(&text),
            Event::Eof => return Some(out),
        }
    }
}

fn quick_xml(text: &str) -> Result<String, Box<dyn std::error::Error>> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_comments = true;
    reader.config_mut().expand_empty_elements = true;
    let mut out = String::new();
    loop {
        match reader.read_event()? {
            Event::Start(tag) => {
                out.push_str(&format!("<{}", tag.name().as_ref()));
                for attribute in tag.attributes() {
                    let attribute = attribute?;
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
                    out.push_str(&format!(" {}={value:?}", attribute.key.as_ref()));
                }
                out.push('>');
            }
            Event::End(_) => out.push_str("</>"),
            Event::Text(text) => out.push_str(&text.xml10_content()),
            Event::CData(text) => out.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
                Some(character) => out.push(character),
                None => out.push_str(quick_xml::escape::resolve_xml_entity(&reference).ok_or("an entity")?),
            },
            Event::Eof => return Ok(out),
            _ => {}
        }
    }
}

/// Markup that often makes a document, and often one that has to be refused.
fn markup() -> impl Strategy<Value = String> {
    let parts = [
        "<a>",
        "</a>",
        "<b x='1'>",
        "</b>",
        "<c/>",
        "<d y=\"a>b\" z = 'c\t\r\n&#10;&lt;d'/>",
        "text",
        "\r\n",
        " ",
        "&amp;",
        "&#x41;",
        "&#66;",
        "<!-- c -->",
        "<!-- - -->",
        "<!---->",
        "<![CDATA[x<&>\r]]>",
        "]]>",
        "é",
        "</b >",
        "<b\n>",
        "<?xml version='1.0'?>",
        "<",
        ">",
        "'",
        "&",
        ";",
        "/",
        "--",
        "!",
        "=",
    ];
    let part = prop::sample::select(parts.to_vec());
    let balanced = prop::collection::vec(part.clone(), 0..4).prop_recursive(4, 64, 4, |inner| {
        let wrapped = prop::collection::vec(inner, 0..4).prop_map(|inner| inner.concat());
        (prop::sample::select(vec![("<a>", "</a>"), ("<b x='1'>", "</b >"), ("<e\n>", "</e>")]), wrapped)
            .prop_map(|((start, end), inner)| [vec![start], inner, vec![end]].concat())
    });
    balanced.prop_map(|parts| format!("<r>{}</r>", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_read_the_same(text in markup()) {
        if let Some(ours) = ours(&text) {
            let theirs = quick_xml(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}
