//! What the reader accepts, what it refuses, and how it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "test code")]

use proptest::prelude::*;
use windlass_xml::{Content, ErrorKind, Event, Limits, Reader, Writer};

/// The events of a document in a short form: `{ns}local`, `/`, `"text"`.
fn trace(text: &str, limits: Limits) -> Result<String, windlass_xml::Error> {
    let mut reader = Reader::new(text, limits);
    let mut out = Vec::new();
    loop {
        out.push(match reader.next()? {
            Event::Start(element) => {
                let mut shown = format!("{{{}}}{}", element.ns(), element.local());
                for attribute in element.attributes() {
                    let (ns, local, value) = attribute?;
                    shown.push_str(&format!(" {{{ns}}}{local}={value:?}"));
                }
                shown
            }
            Event::End => "/".to_owned(),
            Event::Text(text) => format!("{text:?}"),
            Event::Eof => return Ok(out.join(" ")),
        });
    }
}

#[test]
fn documents_that_are_read() {
    for (text, expected) in [
        ("<a/>", "{}a /"),
        ("<a x='1' y=\"2\"/>", r#"{}a {}x="1" {}y="2" /"#),
        ("<a>b<c/>d</a>", r#"{}a "b" {}c / "d" /"#),
        ("<?xml version='1.0'?><!-- c --><a/>", "{}a /"),
        ("<a>1 &lt; 2 &amp;&#x26;&#38; <![CDATA[<x>&amp;]]></a>", r#"{}a "1 < 2 &&& <x>&amp;" /"#),
        ("<a>x<!-- -->y</a>", r#"{}a "xy" /"#),
        ("<a>x\r\ny\rz</a>", r#"{}a "x\ny\nz" /"#),
        ("<a>&#xD;</a>", r#"{}a "\r" /"#),
        ("<a>  </a>", r#"{}a "  " /"#),
        ("<a t='x\ny&#10;z&quot;'/>", r#"{}a {}t="x y\nz\"" /"#),
        ("<a xmlns='u:1'><b xmlns=''/><c/></a>", "{u:1}a {}b / {u:1}c / /"),
        ("<p:a xmlns:p='u:1' p:x='1' y='2'/>", r#"{u:1}a {u:1}x="1" {}y="2" /"#),
        (
            "<p:a xmlns:p='u:1'><p:b xmlns:p='u:2' p:c=''/><p:d/></p:a>",
            r#"{u:1}a {u:2}b {u:2}c="" / {u:1}d / /"#,
        ),
        ("<a xml:lang='de'/>", r#"{}a {http://www.w3.org/XML/1998/namespace}lang="de" /"#),
        ("<ä>ö</ä>", r#"{}ä "ö" /"#),
    ] {
        assert_eq!(trace(text, Limits::default()).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn documents_that_are_refused() {
    for (text, expected) in [
        ("<a>", "the XML ends inside an element at offset 3"),
        ("<a></b>", "malformed XML"),
        ("<a/><b/>", "malformed XML: a second root element at offset 4"),
        ("x<a/>", "malformed XML: text outside the root element at offset 0"),
        ("<a/>x", "malformed XML: text outside the root element at offset 4"),
        ("<!DOCTYPE a><a/>", "XML feature that is not accepted: document type definition at offset 0"),
        ("<a><?php?></a>", "XML feature that is not accepted: processing instruction at offset 3"),
        ("<a>&nbsp;</a>", "XML feature that is not accepted: entity at offset 3"),
        ("<a x='&nbsp;'/>", "XML feature that is not accepted: entity at offset 0"),
        ("<a>&#xD800;</a>", "malformed XML: a character reference to no character at offset 3"),
        ("<a>&#+65;</a>", "malformed XML: a character reference to no character at offset 3"),
        ("<a>\u{1}</a>", "malformed XML: a control character that XML does not allow at offset 3"),
        ("<a>&#1;</a>", "malformed XML: a control character that XML does not allow at offset 3"),
        ("<a x='1' x='2'/>", "malformed XML: attribute"),
        ("<a x=1/>", "malformed XML: attribute"),
        ("<p:a/>", "namespace prefix 'p' is not declared at offset 0"),
        ("<a p:x=''/>", "namespace prefix 'p' is not declared at offset 0"),
        ("<a xmlns:p=''/>", "malformed XML: prefix 'p' cannot be bound so at offset 0"),
        ("<1/>", "malformed XML: a name that is not an XML name at offset 0"),
        ("<a:b:c xmlns:a='u'/>", "malformed XML: a name that is not an XML name at offset 0"),
        ("<a<b/>", "malformed XML: a name that is not an XML name at offset 0"),
        ("<a x='<'/>", "malformed XML: '<' in an attribute value at offset 0"),
    ] {
        let error = trace(text, Limits::default()).expect_err(text).to_string();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn every_limit_holds_and_is_named() {
    let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    let limits = Limits::default().with_depth(3);
    assert!(trace(&nested(3), limits).is_ok());
    assert_eq!(trace(&nested(4), limits).unwrap_err().kind(), &ErrorKind::Limit("nested elements", 3));

    let mut limits = Limits::default();
    limits.attributes = 2;
    assert!(trace("<a b='' c=''/>", limits).is_ok());
    assert_eq!(trace("<a b='' c='' d=''/>", limits).unwrap_err().kind(), &ErrorKind::Limit("attributes", 2));
    let scoped = "<a xmlns:a='u' xmlns:b='u'><a xmlns:c='u'/></a>";
    assert_eq!(
        trace(scoped, limits).unwrap_err().kind(),
        &ErrorKind::Limit("namespace declarations in scope", 2)
    );

    let mut limits = Limits::default();
    limits.name = 3;
    assert!(trace("<abc/>", limits).is_ok());
    assert_eq!(trace("<abcd/>", limits).unwrap_err().kind(), &ErrorKind::Limit("name length", 3));

    let mut limits = Limits::default();
    limits.text = 4;
    assert!(trace("<a>1234</a>", limits).is_ok());
    for text in ["<a>12345</a>", "<a>12&amp;45</a>", "<a><![CDATA[12345]]></a>"] {
        assert_eq!(trace(text, limits).unwrap_err().kind(), &ErrorKind::Limit("text length", 4));
    }

    let limits = Limits::default().with_total(8);
    assert!(trace("<a>1</a>", limits).is_ok());
    assert_eq!(trace("<a>12</a>", limits).unwrap_err().kind(), &ErrorKind::Limit("document length", 8));
}

#[test]
fn text_and_children_by_helper() {
    let text = "<r xmlns='u'><t>a&amp;b</t> <c x='1'><d/>text<d/></c><q xmlns:p='v'>p:name</q></r>";
    let mut reader = Reader::new(text, Limits::default());
    assert!(reader.next_element().unwrap().unwrap().is("u", "r"));
    assert!(reader.next_element().unwrap().unwrap().is("u", "t"));
    assert_eq!(reader.read_text().unwrap(), "a&b");
    let c = reader.next_element().unwrap().unwrap();
    assert_eq!(c.attr("x").unwrap().as_deref(), Some("1"));
    reader.skip().unwrap();
    assert!(reader.next_element().unwrap().unwrap().is("u", "q"));
    let name = match reader.next().unwrap() {
        Event::Text(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(reader.resolve(&name).unwrap(), ("v".into(), "name"));
    assert!(matches!(reader.next().unwrap(), Event::End));
    assert!(reader.next_element().unwrap().is_none());
    assert!(matches!(reader.next().unwrap(), Event::Eof));

    let mut reader = Reader::new("<r><t>a<b/></t></r>", Limits::default());
    reader.next_element().unwrap();
    reader.next_element().unwrap();
    let error = reader.read_text().unwrap_err().to_string();
    assert_eq!(error, "element 'b' where only text is expected at offset 7");
}

#[test]
fn content_ends_at_a_child_or_the_end() {
    let text = "<a>1<![CDATA[2]]>&#x33;<b/>4<c>5<d/></c></a>";
    let mut reader = Reader::new(text, Limits::default());
    let _ = reader.next_element().unwrap();
    let mut found = String::new();
    while reader.depth() > 0 {
        match reader.read_content().unwrap() {
            Content::Text(text) => found += &format!("{text}."),
            Content::Child(text, child) => found += &format!("{text}<{}>", child.local()),
        }
    }
    assert_eq!(found, "123<b>.4<c>5<d>...");
    for text in ["<a>&#1;</a>", "<a>\u{1}</a>", "<a>&x;</a>", "<a>1"] {
        let mut reader = Reader::new(text, Limits::default());
        let _ = reader.next_element().unwrap();
        assert!(reader.read_content().is_err(), "{text}");
    }
    assert!(Reader::new("x<a/>", Limits::default()).read_content().is_err());
}

#[test]
fn equal_attributes_mean_what_stands_around_them() {
    let text = "<r xmlns:p='u'><a p:x='1'/><b xmlns:p='v'><a p:x='1'/></b><a p:x='1'/><c xmlns:p='w'/><c xmlns:p='w'/></r>";
    let mut reader = Reader::new(text, Limits::default());
    let mut found = Vec::new();
    loop {
        match reader.next().unwrap() {
            Event::Start(element) if element.local() == "a" => {
                let (ns, ..) = element.attributes().next().unwrap().unwrap();
                found.push(ns.into_owned());
            }
            Event::Start(element) if element.local() == "c" => {
                assert_eq!(reader.resolve("p:x").unwrap().0, "w");
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(found, ["u", "v", "u"]);
}

#[test]
fn a_captured_element_is_read_apart() {
    let text = "<s:r xmlns:s='u' xmlns='d'><s:i a='1'>t<k/></s:i><s:e/></s:r>";
    let mut reader = Reader::new(text, Limits::default());
    reader.next_element().unwrap();
    let item = reader.next_element().unwrap().unwrap();
    let fragment = reader.capture(&item).unwrap();
    assert_eq!(fragment.source(), "<s:i a='1'>t<k/></s:i>");
    assert!(reader.next_element().unwrap().unwrap().is("u", "e"));

    let mut inner = fragment.reader(Limits::default());
    assert!(inner.next_element().unwrap().unwrap().is("u", "i"));
    assert!(inner.next_element().unwrap().unwrap().is("d", "k"));

    let mut reader = Reader::new("<r><e/></r>", Limits::default());
    reader.next_element().unwrap();
    let item = reader.next_element().unwrap().unwrap();
    assert_eq!(reader.capture(&item).unwrap().source(), "<e/>");
}

#[test]
fn skipping_deep_nests_takes_no_stack() {
    let depth = 200_000;
    let text = format!("<r>{}{}</r>", "<a>".repeat(depth), "</a>".repeat(depth));
    let mut reader = Reader::new(&text, Limits::default().with_depth(depth + 1));
    reader.next_element().unwrap();
    reader.skip().unwrap();
    assert!(matches!(reader.next().unwrap(), Event::Eof));
}

#[test]
fn the_writer_nests_and_escapes() {
    let mut writer = Writer::new();
    writer.start("a").attr("x", "1\"<\n").start("b").end().leaf("c", "x<&>\ry").start("d").text("").end();
    assert_eq!(writer.finish(), "<a x=\"1&quot;&lt;&#xA;\"><b/><c>x&lt;&amp;&gt;&#xD;y</c><d></d></a>");
}

proptest! {
    #[test]
    fn texts_and_attributes_come_back(text in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}]*", value in "[^\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}]*") {
        let mut writer = Writer::new();
        writer.start("p:a").attr("xmlns:p", "urn:x").attr("v", &value).text(&text).end();
        let document = writer.finish();
        let mut reader = Reader::new(&document, Limits::default());
        let element = reader.next_element().unwrap().unwrap();
        prop_assert!(element.is("urn:x", "a"));
        prop_assert_eq!(element.attr("v").unwrap().unwrap(), value);
        prop_assert_eq!(reader.read_text().unwrap(), text);
    }

    #[test]
    fn arbitrary_markup_never_panics(text in "[<>/&;!?\\[\\]a:='\" \\-#x0-9]{0,64}") {
        let _ = trace(&text, Limits::default());
    }
}
