//! One line of the framing.

use base64_simd::STANDARD as BASE64;
use uuid::Uuid;

use crate::outbox::Stream;

/// Begins a line by which a server says what is wrong.
pub const ERROR_PREFIX: &str = "__NamedPipeError__:";

/// An element of the framing. `None` stands for the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Fragments.
    Data {
        /// Whose stream.
        id: Option<Uuid>,
        /// Which of its streams.
        stream: Stream,
        /// The fragments.
        data: Vec<u8>,
    },
    /// Fragments were taken.
    DataAck(Option<Uuid>),
    /// A pipeline is to be made.
    Command(Option<Uuid>),
    /// A pipeline was made.
    CommandAck(Option<Uuid>),
    /// A pipeline is to stop.
    Signal(Option<Uuid>),
    /// A pipeline has stopped.
    SignalAck(Option<Uuid>),
    /// A pipeline, or the pool, is to end.
    Close(Option<Uuid>),
    /// A pipeline, or the pool, has ended.
    CloseAck(Option<Uuid>),
}

impl Packet {
    /// Appends the line, without its end.
    pub fn encode_into(&self, out: &mut String) {
        let (name, id) = match self {
            Self::Data { id, stream, data } => {
                out.push_str("<Data Stream='");
                out.push_str(stream_name(*stream));
                out.push_str("' PSGuid='");
                push_guid(*id, out);
                out.push_str("'>");
                BASE64.encode_append(data, out);
                out.push_str("</Data>");
                return;
            }
            Self::DataAck(id) => ("DataAck", id),
            Self::Command(id) => ("Command", id),
            Self::CommandAck(id) => ("CommandAck", id),
            Self::Signal(id) => ("Signal", id),
            Self::SignalAck(id) => ("SignalAck", id),
            Self::Close(id) => ("Close", id),
            Self::CloseAck(id) => ("CloseAck", id),
        };
        out.push('<');
        out.push_str(name);
        out.push_str(" PSGuid='");
        push_guid(*id, out);
        out.push_str("' />");
    }

    /// The line, without its end.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        self.encode_into(&mut out);
        out
    }

    /// Reads the elements of a line, of which there is at least one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn decode_line(line: &str) -> Result<Vec<Self>, String> {
        match Self::decode_until_fault(line) {
            (packets, None) => Ok(packets),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// Reads the elements of a line up to the first that is wrong, and says what is wrong with that.
    pub(super) fn decode_until_fault(line: &str) -> (Vec<Self>, Option<String>) {
        let mut rest = line;
        let mut packets = Vec::new();
        while !rest.is_empty() || packets.is_empty() {
            match Self::decode(rest) {
                Ok((packet, after)) => {
                    packets.push(packet);
                    rest = after;
                }
                Err(fault) => return (packets, Some(fault)),
            }
        }
        (packets, None)
    }

    fn decode(text: &str) -> Result<(Self, &str), String> {
        let text = text.strip_prefix('<').ok_or("an element is expected")?;
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).ok_or("an element is expected")?;
        let (attributes, content, rest) = element(name, rest)?;
        let id = guid(name, &attributes)?;
        if name == "Data" {
            let stream = match attributes.as_slice() {
                [_, _] => {
                    stream(attribute(&attributes, "Stream").ok_or("element Data has no attribute Stream")?)?
                }
                _ => return Err("element Data has attributes other than Stream and PSGuid".to_owned()),
            };
            let data = BASE64.decode_to_vec(content).map_err(|_| "the data are not base64")?;
            return Ok((Self::Data { id, stream, data }, rest));
        }
        if attributes.len() != 1 || !content.is_empty() {
            return Err(format!("element {} has more than the attribute PSGuid", shown(name)));
        }
        let packet = match name {
            "DataAck" => Self::DataAck(id),
            "Command" => Self::Command(id),
            "CommandAck" => Self::CommandAck(id),
            "Signal" => Self::Signal(id),
            "SignalAck" => Self::SignalAck(id),
            "Close" => Self::Close(id),
            "CloseAck" => Self::CloseAck(id),
            _ => return Err(format!("element {} is unknown", shown(name))),
        };
        Ok((packet, rest))
    }
}

/// A name and a value.
type Attribute<'a> = (&'a str, &'a str);

/// Takes the rest of an element: its attributes, its text, and what comes behind it. No reader of this
/// framing knows entities, comments or anything else of XML.
fn element<'a>(name: &str, text: &'a str) -> Result<(Vec<Attribute<'a>>, &'a str, &'a str), String> {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if let Some(after) = trimmed.strip_prefix("/>") {
            return Ok((attributes, "", after));
        }
        if let Some(after) = trimmed.strip_prefix('>') {
            let (content, after) = after.split_once('<').ok_or("an element has no end")?;
            let after = after.strip_prefix('/').and_then(|after| after.strip_prefix(name));
            let after = after.and_then(|after| after.trim_start_matches([' ', '\t']).strip_prefix('>'));
            return Ok((attributes, content, after.ok_or("an element has no end")?));
        }
        if trimmed.len() == rest.len() {
            return Err("an attribute is expected".to_owned());
        }
        let (key, after) = trimmed.split_once('=').ok_or("an attribute is expected")?;
        let after = after.trim_start_matches([' ', '\t']);
        let quote = after.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
        let quote = quote.ok_or("an attribute has no quotes")?;
        let (value, after) = after
            .strip_prefix(quote)
            .and_then(|after| after.split_once(quote))
            .ok_or("an attribute has no end")?;
        if attributes.len() == 2 {
            return Err(format!("element {} has more than two attributes", shown(name)));
        }
        attributes.push((key.trim_end_matches([' ', '\t']), value));
        rest = after;
    }
}

fn attribute<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
}

fn guid(name: &str, attributes: &[Attribute<'_>]) -> Result<Option<Uuid>, String> {
    let text = attribute(attributes, "PSGuid")
        .ok_or_else(|| format!("element {} has no attribute PSGuid", shown(name)))?;
    let id = Uuid::try_parse(text).map_err(|_| "the attribute PSGuid is no GUID")?;
    Ok(Some(id).filter(|id| !id.is_nil()))
}

fn stream(name: &str) -> Result<Stream, String> {
    [Stream::Default, Stream::PromptResponse]
        .into_iter()
        .find(|&stream| stream_name(stream) == name)
        .ok_or_else(|| format!("the stream {} is unknown", shown(name)))
}

fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Default => "Default",
        Stream::PromptResponse => "PromptResponse",
    }
}

fn push_guid(id: Option<Uuid>, out: &mut String) {
    let mut buffer = Uuid::encode_buffer();
    out.push_str(id.unwrap_or_default().hyphenated().encode_lower(&mut buffer));
}

/// A name for an error, cut short.
fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(32).collect();
    if text.len() < name.len() {
        text.push('…');
    }
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_powershell_writes_them() {
        let id = Uuid::from_u128(0x16cc_e242_da1c_4a46_b263_1a31_9e93_72c1);
        let data = Packet::Data { id: None, stream: Stream::PromptResponse, data: vec![0, 0, 0] };
        let line = "<Data Stream='PromptResponse' PSGuid='00000000-0000-0000-0000-000000000000'>AAAA</Data>";
        assert_eq!(data.encode(), line);
        assert_eq!(Packet::decode_line(line).unwrap(), [data]);
        let line = "<Command PSGuid='16cce242-da1c-4a46-b263-1a319e9372c1' />";
        assert_eq!(Packet::Command(Some(id)).encode(), line);
        assert_eq!(Packet::decode_line(line).unwrap(), [Packet::Command(Some(id))]);
    }

    #[test]
    fn quotes_order_and_company_are_free() {
        let zero = "00000000-0000-0000-0000-000000000000";
        let line = format!(
            "<Data PSGuid=\"{zero}\"  Stream = 'Default'>AAAA</Data ><Close PSGuid='{zero}'></Close>"
        );
        let data = Packet::Data { id: None, stream: Stream::Default, data: vec![0, 0, 0] };
        assert_eq!(Packet::decode_line(&line).unwrap(), [data, Packet::Close(None)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let zero = "00000000-0000-0000-0000-000000000000";
        let cases = [
            (String::new(), "an element is expected"),
            ("text".to_owned(), "an element is expected"),
            (format!("<Foo PSGuid='{zero}' />"), "element \"Foo\" is unknown"),
            (
                format!("<data Stream='Default' PSGuid='{zero}'>AAAA</data>"),
                "element \"data\" has more than the attribute PSGuid",
            ),
            ("<Data Stream='Default' PSGuid='x'>AAAA</Data>".to_owned(), "the attribute PSGuid is no GUID"),
            ("<Data Stream='Default'>AAAA</Data>".to_owned(), "element \"Data\" has no attribute PSGuid"),
            (
                format!("<Data PSGuid='{zero}'>AAAA</Data>"),
                "element Data has attributes other than Stream and PSGuid",
            ),
            (format!("<Data Stream='Other' PSGuid='{zero}'>AAAA</Data>"), "the stream \"Other\" is unknown"),
            (format!("<Data Stream='Default' PSGuid='{zero}'>***</Data>"), "the data are not base64"),
            (format!("<Data Stream='Default' PSGuid='{zero}'>AAAA"), "an element has no end"),
            (format!("<Close PSGuid='{zero}' /> "), "an element is expected"),
            (format!("<Close PSGuid={zero} />"), "an attribute has no quotes"),
            (format!("<Close PSGuid='{zero} />"), "an attribute has no end"),
        ];
        for (line, reason) in cases {
            assert_eq!(Packet::decode_line(&line).unwrap_err(), reason, "{line}");
        }
    }
}
