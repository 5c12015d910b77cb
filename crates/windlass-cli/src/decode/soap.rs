//! SOAP envelopes: the header as WS-Management reads it, the body element by element, and the shell
//! streams in it opened.

use anyhow::Result;
use serde_json::{Map, Value, json};
use windlass_soap::{Envelope, Header, Limits, SelectorValue, ns};
use windlass_xml::{Element, Event, Reader};

use super::psrp;

/// Elements whose text is base64 with PSRP fragments inside.
const STREAMS: [&str; 5] = ["Stream", "Arguments", "creationXml", "connectXml", "connectResponseXml"];

/// An envelope with everything that can be opened.
pub(super) fn envelope(text: &str, left: &mut usize) -> Result<Value> {
    let mut envelope = Envelope::open(text, &Limits::default())?;
    envelope.check()?;
    let header = header(&envelope.header);
    let mut body = Vec::new();
    let reader = envelope.body();
    while let Some(element) = reader.next_element()? {
        body.push(element_json(&element, reader, left)?);
    }
    let fault = body.iter().any(|element| element.get("element").and_then(Value::as_str) == Some("Fault"));
    Ok(json!({ "format": if fault { "soap fault" } else { "soap" }, "header": header, "body": body }))
}

fn header(header: &Header) -> Value {
    let mut map = Map::new();
    let texts = [
        ("action", &header.action),
        ("to", &header.to),
        ("message_id", &header.message_id),
        ("relates_to", &header.relates_to),
        ("resource_uri", &header.resource_uri),
        ("session_id", &header.session_id),
        ("operation_id", &header.operation_id),
        ("locale", &header.locale),
        ("data_locale", &header.data_locale),
        ("compression", &header.compression),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            map.insert(name.to_owned(), json!(text));
        }
    }
    if let Some(size) = header.max_envelope_size {
        map.insert("max_envelope_size".to_owned(), json!(size));
    }
    if let Some(timeout) = header.operation_timeout {
        map.insert("operation_timeout_seconds".to_owned(), json!(timeout.as_secs_f64()));
    }
    let selectors: Map<String, Value> = header
        .selectors
        .iter()
        .map(|selector| {
            let value = match &selector.value {
                SelectorValue::Text(text) => json!(text),
                reference => json!(format!("{reference:?}")),
            };
            (selector.name.clone(), value)
        })
        .collect();
    if !selectors.is_empty() {
        map.insert("selectors".to_owned(), Value::Object(selectors));
    }
    let options: Map<String, Value> =
        header.options.iter().map(|option| (option.name.clone(), json!(option.value))).collect();
    if !options.is_empty() {
        map.insert("options".to_owned(), Value::Object(options));
    }
    Value::Object(map)
}

/// One open element while its children are read.
struct Frame {
    map: Map<String, Value>,
    text: String,
    children: Vec<Value>,
}

/// An element with its attributes, text and children, read without recursion.
fn element_json(element: &Element<'_>, reader: &mut Reader<'_>, left: &mut usize) -> Result<Value> {
    let mut stack = vec![open(element)?];
    loop {
        match reader.next()? {
            Event::Start(child) => stack.push(open(&child)?),
            Event::Text(text) => {
                if let Some(frame) = stack.last_mut() {
                    frame.text.push_str(&text);
                }
            }
            Event::End | Event::Eof => {
                let Some(frame) = stack.pop() else { return Ok(Value::Null) };
                let closed = close(frame, left);
                match stack.last_mut() {
                    Some(parent) => parent.children.push(closed),
                    None => return Ok(closed),
                }
            }
        }
    }
}

fn open(element: &Element<'_>) -> Result<Frame> {
    let mut map = Map::new();
    map.insert("element".to_owned(), json!(element.local()));
    if ![ns::SHELL, ns::SOAP].contains(&element.ns()) {
        map.insert("namespace".to_owned(), json!(element.ns()));
    }
    let mut attributes = Map::new();
    for attribute in element.attributes() {
        let (_, name, value) = attribute?;
        attributes.insert(name.to_owned(), json!(value));
    }
    if !attributes.is_empty() {
        map.insert("attributes".to_owned(), Value::Object(attributes));
    }
    Ok(Frame { map, text: String::new(), children: Vec::new() })
}

fn close(frame: Frame, left: &mut usize) -> Value {
    let Frame { mut map, text, children } = frame;
    let text = text.trim();
    let is_stream = map.get("element").and_then(Value::as_str).is_some_and(|name| STREAMS.contains(&name));
    if is_stream && let Some((name, content)) = stream(text, left) {
        map.insert(name.to_owned(), content);
    } else if !text.is_empty() {
        map.insert("text".to_owned(), json!(text));
    }
    if !children.is_empty() {
        map.insert("children".to_owned(), Value::Array(children));
    }
    Value::Object(map)
}

/// What a stream carries: PSRP, text or other bytes. `None` where it is no base64.
fn stream(text: &str, left: &mut usize) -> Option<(&'static str, Value)> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = base64_simd::STANDARD.decode_to_vec(&digits).ok()?;
    if bytes.is_empty() {
        return None;
    }
    if bytes.first() == Some(&0)
        && let Ok(Value::Object(mut shown)) = psrp::fragments(&bytes, left)
    {
        shown.remove("format");
        return Some(("psrp", Value::Object(shown)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(("content", json!(text))),
        Err(error) => Some(("bytes", json!(super::hex(error.as_bytes())))),
    }
}
