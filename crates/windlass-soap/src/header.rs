//! The header blocks of WS-Management (DSP0226 5 and 6, [MS-WSMV] 2.2.4).

use std::time::Duration;

use windlass_xml::{Element, Event, Reader, Writer, escape_text};

use crate::duration;
use crate::epr::{EndpointReference, read_uri};
use crate::error::Error;
use crate::limits::Limits;
use crate::ns;
use crate::options::OptionSet;
use crate::selectors::SelectorSet;
use crate::xml::Xml;

/// The header of a request or a response.
///
/// White space around addresses and identifiers is dropped on reading; everything else is kept as it
/// came. Identify has no header at all: see [`Header::is_empty`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `a:To`: the address as the sender wrote it.
    pub to: Option<String>,
    /// `a:Action`.
    pub action: Option<String>,
    /// `a:MessageID`, normally `uuid:` and an upper-case GUID.
    pub message_id: Option<String>,
    /// `a:RelatesTo`: the message that is answered.
    pub relates_to: Option<String>,
    /// The address in `a:ReplyTo`; [`ns::ANONYMOUS`] means the same connection.
    pub reply_to: Option<String>,
    /// `w:ResourceURI`.
    pub resource_uri: Option<String>,
    /// `w:SelectorSet`.
    pub selectors: SelectorSet,
    /// `w:OptionSet`.
    pub options: OptionSet,
    /// `w:MaxEnvelopeSize`: bytes that the answer may have.
    pub max_envelope_size: Option<u64>,
    /// `w:OperationTimeout`: after which the service answers with a fault.
    pub operation_timeout: Option<Duration>,
    /// `w:Locale`: the language of texts.
    pub locale: Option<String>,
    /// `p:DataLocale`: the language by which data is formatted.
    pub data_locale: Option<String>,
    /// `p:SessionId`: the same for all messages of one client session.
    pub session_id: Option<String>,
    /// `p:OperationID`: the same for all messages of one operation.
    pub operation_id: Option<String>,
    /// `p:SequenceId`: counts the messages of one operation from 1.
    pub sequence_id: Option<u64>,
    /// `p:ActivityId`: what the service calls the operation in its logs.
    pub activity_id: Option<String>,
    /// `rsp:CompressionType`: how shell streams are to be compressed.
    pub compression: Option<String>,
    /// `w:FragmentTransfer`: that only a part of the resource is meant.
    pub fragment_transfer: Option<FragmentTransfer>,
    /// `e:Identifier`: which subscription is meant.
    pub identifier: Option<String>,
    /// The content of `w:Bookmark`, as XML: where a later subscription may go on.
    pub bookmark: Option<String>,
    /// Header blocks that this crate does not know and that must be understood.
    pub not_understood: Vec<HeaderName>,
}

/// Which part of a resource is meant (DSP0226 7.7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FragmentTransfer {
    /// The language of the expression; XPath 1.0 where absent.
    pub dialect: Option<String>,
    /// The expression.
    pub expression: String,
}

/// The name of a header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderName {
    /// The namespace.
    pub ns: String,
    /// The local name.
    pub local: String,
}

impl Header {
    /// The header of a request, answered on the same connection.
    pub fn request(
        to: impl Into<String>,
        action: impl Into<String>,
        resource_uri: impl Into<String>,
        message_id: impl Into<String>,
    ) -> Self {
        Self {
            to: Some(to.into()),
            action: Some(action.into()),
            resource_uri: Some(resource_uri.into()),
            message_id: Some(message_id.into()),
            reply_to: Some(ns::ANONYMOUS.to_owned()),
            ..Self::default()
        }
    }

    /// The header of a response to the message of this header.
    pub fn response(&self, action: impl Into<String>, message_id: impl Into<String>) -> Self {
        Self {
            to: Some(ns::ANONYMOUS.to_owned()),
            action: Some(action.into()),
            message_id: Some(message_id.into()),
            relates_to: self.message_id.clone(),
            operation_id: self.operation_id.clone(),
            sequence_id: self.sequence_id,
            ..Self::default()
        }
    }

    /// Whether there is no header block, as in Identify.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the children of `s:Header`, whose start tag was the last event. A block with a bad value
    /// is left out, and the first such error is returned beside the header.
    pub(crate) fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<(Self, Option<Error>), Error> {
        let mut header = Self::default();
        let mut refused = None;
        let mut count = 0;
        let outer = reader.depth();
        while let Some(element) = reader.next_element()? {
            count += 1;
            if count > limits.headers {
                return Err(Error::Limit { what: "header blocks", limit: limits.headers });
            }
            match header.read_block(&element, reader, limits) {
                Ok(()) => {}
                Err(Error::Xml(error)) => return Err(Error::Xml(error)),
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
            while reader.depth() > outer {
                reader.skip()?;
            }
        }
        Ok((header, refused))
    }

    fn read_block(
        &mut self,
        element: &Element<'_>,
        reader: &mut Reader<'_>,
        limits: &Limits,
    ) -> Result<(), Error> {
        let block = Block { reader, limits };
        match (element.ns(), element.local()) {
            (ns::ADDRESSING, "To") => block.uri(&mut self.to, "a:To"),
            (ns::ADDRESSING, "Action") => block.uri(&mut self.action, "a:Action"),
            (ns::ADDRESSING, "MessageID") => block.uri(&mut self.message_id, "a:MessageID"),
            (ns::ADDRESSING, "RelatesTo") => block.uri(&mut self.relates_to, "a:RelatesTo"),
            (ns::ADDRESSING, "ReplyTo") => block.address(&mut self.reply_to),
            (ns::ADDRESSING, "From" | "FaultTo") => Ok(()),
            (ns::WSMAN, "ResourceURI") => block.uri(&mut self.resource_uri, "w:ResourceURI"),
            (ns::WSMAN, "SelectorSet") => block.selectors(&mut self.selectors),
            (ns::WSMAN, "OptionSet") => block.options(&mut self.options),
            (ns::WSMAN, "MaxEnvelopeSize") => block.number(&mut self.max_envelope_size, "w:MaxEnvelopeSize"),
            (ns::WSMAN, "OperationTimeout") => block.duration(&mut self.operation_timeout),
            (ns::WSMAN, "Locale") => block.language(element, &mut self.locale, "w:Locale"),
            (ns::WSMAN, "FragmentTransfer") => block.fragment(element, &mut self.fragment_transfer),
            (ns::WSMAN, "Bookmark") => block.bookmark(&mut self.bookmark),
            (ns::WSMV, "DataLocale") => block.language(element, &mut self.data_locale, "p:DataLocale"),
            (ns::WSMV, "SessionId") => block.uri(&mut self.session_id, "p:SessionId"),
            (ns::WSMV, "OperationID") => block.uri(&mut self.operation_id, "p:OperationID"),
            (ns::WSMV, "SequenceId") => block.number(&mut self.sequence_id, "p:SequenceId"),
            (ns::WSMV, "ActivityId") => block.uri(&mut self.activity_id, "p:ActivityId"),
            (ns::SHELL, "CompressionType") => block.uri(&mut self.compression, "rsp:CompressionType"),
            (ns::EVENTING, "Identifier") => block.uri(&mut self.identifier, "e:Identifier"),
            _ if must_understand(element)? => {
                self.not_understood
                    .push(HeaderName { ns: element.ns().to_owned(), local: element.local().to_owned() });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes the blocks into an open `s:Header`, in the order in which Windows writes them. What was
    /// not understood is not written.
    pub(crate) fn write(&self, writer: &mut Writer) {
        let request = self.relates_to.is_none();
        leaf(writer, "a:To", &self.to);
        required_leaf(writer, "w:ResourceURI", &self.resource_uri, true);
        if let Some(address) = &self.reply_to {
            writer.start("a:ReplyTo");
            required_leaf(writer, "a:Address", &Some(address), true);
            writer.end();
        }
        required_leaf(writer, "a:Action", &self.action, request);
        required_leaf(
            writer,
            "w:MaxEnvelopeSize",
            &self.max_envelope_size.map(|size| size.to_string()),
            true,
        );
        leaf(writer, "a:MessageID", &self.message_id);
        language(writer, "w:Locale", &self.locale);
        language(writer, "p:DataLocale", &self.data_locale);
        optional_leaf(writer, "p:SessionId", &self.session_id);
        optional_leaf(writer, "p:OperationID", &self.operation_id);
        optional_leaf(writer, "p:SequenceId", &self.sequence_id.map(|id| id.to_string()));
        leaf(writer, "p:ActivityId", &self.activity_id);
        if !self.options.is_empty() {
            writer.start("w:OptionSet").attr("s:mustUnderstand", "true");
            self.options.write(writer);
            writer.end();
        }
        if !self.selectors.is_empty() {
            writer.start("w:SelectorSet");
            self.selectors.write(writer);
            writer.end();
        }
        leaf(writer, "w:OperationTimeout", &self.operation_timeout.map(duration::format));
        if let Some(kind) = &self.compression {
            writer.start("rsp:CompressionType").attr("xmlns:rsp", ns::SHELL);
            writer.attr("s:mustUnderstand", "true").text(kind).end();
        }
        if let Some(fragment) = &self.fragment_transfer {
            writer.start("w:FragmentTransfer").attr("s:mustUnderstand", "true");
            if let Some(dialect) = &fragment.dialect {
                writer.attr("Dialect", dialect);
            }
            writer.text(&fragment.expression).end();
        }
        if let Some(bookmark) = &self.bookmark {
            writer.start("w:Bookmark").raw(bookmark).end();
        }
        if let Some(identifier) = &self.identifier {
            writer.start("e:Identifier").attr("xmlns:e", ns::EVENTING).text(identifier).end();
        }
        leaf(writer, "a:RelatesTo", &self.relates_to);
    }
}

/// Reads one header block whose start tag was the last event.
struct Block<'r, 'a> {
    reader: &'r mut Reader<'a>,
    limits: &'r Limits,
}

impl Block<'_, '_> {
    fn uri(self, slot: &mut Option<String>, name: &'static str) -> Result<(), Error> {
        let value = read_uri(self.reader, self.limits)?;
        self.store(slot, name, value)
    }

    fn address(self, slot: &mut Option<String>) -> Result<(), Error> {
        let epr = EndpointReference::read(self.reader, self.limits)?;
        self.store(slot, "a:ReplyTo", epr.address)
    }

    fn number(self, slot: &mut Option<u64>, name: &'static str) -> Result<(), Error> {
        let text = read_uri(self.reader, self.limits)?;
        match text.parse() {
            Ok(value) => self.store(slot, name, value),
            Err(_) => Err(self.invalid(name, "is no number")),
        }
    }

    fn duration(self, slot: &mut Option<Duration>) -> Result<(), Error> {
        let text = read_uri(self.reader, self.limits)?;
        match duration::parse(&text) {
            Ok(value) => self.store(slot, "w:OperationTimeout", value),
            Err(problem) => Err(self.invalid("w:OperationTimeout", problem)),
        }
    }

    fn language(
        self,
        element: &Element<'_>,
        slot: &mut Option<String>,
        name: &'static str,
    ) -> Result<(), Error> {
        match element.attr_ns(ns::XML, "lang")? {
            Some(lang) if lang.len() > 255 => Err(self.invalid(name, "is too long")),
            Some(lang) => self.store(slot, name, lang.into_owned()),
            None => Err(self.invalid(name, "has no xml:lang")),
        }
    }

    fn selectors(self, slot: &mut SelectorSet) -> Result<(), Error> {
        let set = SelectorSet::read(self.reader, self.limits)?;
        if !slot.is_empty() {
            return Err(self.invalid("w:SelectorSet", "stands twice"));
        }
        *slot = set;
        Ok(())
    }

    fn options(self, slot: &mut OptionSet) -> Result<(), Error> {
        let set = OptionSet::read(self.reader, self.limits)?;
        if !slot.is_empty() {
            return Err(self.invalid("w:OptionSet", "stands twice"));
        }
        *slot = set;
        Ok(())
    }

    fn fragment(self, element: &Element<'_>, slot: &mut Option<FragmentTransfer>) -> Result<(), Error> {
        let dialect = element.attr("Dialect")?.map(|dialect| dialect.trim().to_owned());
        let expression = read_uri(self.reader, self.limits)?;
        self.store(slot, "w:FragmentTransfer", FragmentTransfer { dialect, expression })
    }

    /// A bookmark is XML of the service's own making, or text.
    fn bookmark(self, slot: &mut Option<String>) -> Result<(), Error> {
        let mut content = String::new();
        loop {
            match self.reader.next()? {
                Event::Start(element) => {
                    content.push_str(&Xml::from(self.reader.capture(&element)?).to_standalone());
                }
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Text(text) => content.push_str(&escape_text(&text)),
                Event::End | Event::Eof => break,
            }
            if content.len() > self.limits.value {
                return Err(Error::Limit { what: "bytes of a header", limit: self.limits.value });
            }
        }
        self.store(slot, "w:Bookmark", content)
    }

    fn store<T>(&self, slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
        match slot.replace(value) {
            Some(_) => Err(self.invalid(name, "stands twice")),
            None => Ok(()),
        }
    }

    fn invalid(&self, name: &'static str, problem: &'static str) -> Error {
        Error::InvalidHeader { name, problem, offset: self.reader.position() }
    }
}

fn must_understand(element: &Element<'_>) -> Result<bool, Error> {
    if !element.has_attributes() {
        return Ok(false);
    }
    Ok(matches!(element.attr_ns(ns::SOAP, "mustUnderstand")?.as_deref().map(str::trim), Some("true" | "1")))
}

fn leaf(writer: &mut Writer, name: &str, value: &Option<impl AsRef<str>>) {
    if let Some(value) = value {
        writer.leaf(name, value.as_ref());
    }
}

fn required_leaf(writer: &mut Writer, name: &str, value: &Option<impl AsRef<str>>, required: bool) {
    if let Some(value) = value {
        writer.start(name);
        if required {
            writer.attr("s:mustUnderstand", "true");
        }
        writer.text(value.as_ref()).end();
    }
}

fn optional_leaf(writer: &mut Writer, name: &str, value: &Option<impl AsRef<str>>) {
    if let Some(value) = value {
        writer.start(name).attr("s:mustUnderstand", "false").text(value.as_ref()).end();
    }
}

fn language(writer: &mut Writer, name: &str, value: &Option<String>) {
    if let Some(value) = value {
        writer.start(name).attr("xml:lang", value).attr("s:mustUnderstand", "false").end();
    }
}
