//! Requests: header and operation.

use windlass_soap::ns::{self, action};
use windlass_soap::{Envelope, Error as SoapError, Header, Limits, Xml, write_envelope};

use crate::create::Create;
use crate::enumerate::{Enumerate, Pull, Release};
use crate::error::{Error, RequestError};
use crate::eventing::{Renew, Subscribe};
use crate::read::Body;
use crate::response::Expectation;
use crate::shell::{CommandLine, Connect, Disconnect, ReceiveOutput, Reconnect, SendInput, Signal};

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The header. Its action is that of the operation.
    pub header: Header,
    /// What is asked for.
    pub operation: Operation<'a>,
}

/// What is asked for. Which resource is meant stands in the header.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Operation<'a> {
    /// Which service is this? Has no header.
    Identify,
    /// The representation of the resource, or the part of it that the header's fragment transfer
    /// names.
    Get,
    /// Changes the resource, or a part of it.
    Put(Xml<'a>),
    /// Creates a resource.
    Create(Create<'a>),
    /// Deletes the resource.
    Delete,
    /// Starts an enumeration.
    Enumerate(Enumerate),
    /// Fetches items of an enumeration, or events.
    Pull(Pull),
    /// Ends an enumeration.
    Release(Release),
    /// Asks for events.
    Subscribe(Box<Subscribe>),
    /// Asks for a longer life of a subscription.
    Renew(Renew),
    /// Ends a subscription.
    Unsubscribe,
    /// Starts a command in a shell.
    Command(CommandLine<'a>),
    /// Sends input.
    Send(SendInput<'a>),
    /// Asks for output.
    Receive(ReceiveOutput),
    /// Signals a command.
    Signal(Signal),
    /// Leaves a shell.
    Disconnect(Disconnect),
    /// Comes back to a shell.
    Reconnect(Reconnect),
    /// Takes over a shell.
    Connect(Connect<'a>),
    /// Calls a method: the header's action names it, the body holds its parameters.
    Invoke(Option<Xml<'a>>),
}

impl<'a> Request<'a> {
    /// A request whose header gets the action of the operation; that of [`Operation::Invoke`] must
    /// be in the header already.
    pub fn new(mut header: Header, operation: Operation<'a>) -> Self {
        if let Some(action) = operation.action() {
            header.action = Some(action.to_owned());
        }
        Self { header, operation }
    }

    /// Which service is this?
    pub fn identify() -> Self {
        Self { header: Header::default(), operation: Operation::Identify }
    }

    /// What a response must be to answer this request.
    pub fn expectation(&self) -> Expectation {
        match (&self.header.message_id, &self.header.action) {
            _ if self.operation == Operation::Identify => Expectation::identify(),
            (Some(id), Some(action)) => Expectation::new(id.clone(), action.clone()),
            _ => Expectation::unchecked(),
        }
    }

    /// The request as an envelope.
    pub fn encode(&self) -> String {
        let declarations = self.operation.declarations();
        write_envelope(&self.header, declarations, self.operation.size_hint(), |writer| {
            match &self.operation {
                Operation::Identify => {
                    writer.start("id:Identify").end();
                }
                Operation::Get | Operation::Delete | Operation::Invoke(None) => {}
                Operation::Put(xml) | Operation::Invoke(Some(xml)) => xml.write(writer),
                Operation::Create(create) => create.write(writer),
                Operation::Enumerate(enumerate) => enumerate.write(writer),
                Operation::Pull(pull) => pull.write(writer),
                Operation::Release(release) => release.write(writer),
                Operation::Subscribe(subscribe) => subscribe.write(writer),
                Operation::Renew(renew) => renew.write(writer),
                Operation::Unsubscribe => {
                    writer.start("e:Unsubscribe").end();
                }
                Operation::Command(command) => command.write(writer),
                Operation::Send(send) => send.write(writer),
                Operation::Receive(receive) => receive.write(writer),
                Operation::Signal(signal) => signal.write(writer),
                Operation::Disconnect(disconnect) => disconnect.write(writer),
                Operation::Reconnect(reconnect) => reconnect.write(writer),
                Operation::Connect(connect) => connect.write(writer),
            }
        })
    }
}

impl Operation<'_> {
    /// The action; that of a method stands in the header, Identify has none.
    pub fn action(&self) -> Option<&'static str> {
        Some(match self {
            Self::Identify | Self::Invoke(_) => return None,
            Self::Get => action::GET,
            Self::Put(_) => action::PUT,
            Self::Create(_) => action::CREATE,
            Self::Delete => action::DELETE,
            Self::Enumerate(_) => action::ENUMERATE,
            Self::Pull(_) => action::PULL,
            Self::Release(_) => action::RELEASE,
            Self::Subscribe(_) => action::SUBSCRIBE,
            Self::Renew(_) => action::RENEW,
            Self::Unsubscribe => action::UNSUBSCRIBE,
            Self::Command(_) => action::COMMAND,
            Self::Send(_) => action::SEND,
            Self::Receive(_) => action::RECEIVE,
            Self::Signal(_) => action::SIGNAL,
            Self::Disconnect(_) => action::DISCONNECT,
            Self::Reconnect(_) => action::RECONNECT,
            Self::Connect(_) => action::CONNECT,
        })
    }

    /// The prefixes that the body uses.
    fn declarations(&self) -> &'static [ns::Declaration] {
        match self {
            Self::Identify => &[ns::DECLARE_ID],
            Self::Get | Self::Delete => &[],
            Self::Put(_) | Self::Invoke(_) => &[],
            Self::Enumerate(_) | Self::Pull(_) | Self::Release(_) => &[ns::DECLARE_N],
            Self::Subscribe(_) | Self::Renew(_) | Self::Unsubscribe => &[ns::DECLARE_E],
            Self::Create(Create::Resource(_)) => &[],
            Self::Create(Create::Shell(_))
            | Self::Command(_)
            | Self::Send(_)
            | Self::Receive(_)
            | Self::Signal(_)
            | Self::Disconnect(_)
            | Self::Reconnect(_)
            | Self::Connect(_) => &[ns::DECLARE_RSP],
        }
    }

    fn size_hint(&self) -> usize {
        match self {
            Self::Put(xml) | Self::Invoke(Some(xml)) | Self::Create(Create::Resource(xml)) => {
                xml.source().len()
            }
            Self::Create(Create::Shell(shell)) => {
                shell.creation_xml.as_ref().map_or(0, |payload| payload.encoded_len()) + 1024
            }
            Self::Command(command) => command.size_hint(),
            Self::Send(send) => send.size_hint(),
            Self::Connect(connect) => connect.connect_xml.as_ref().map_or(0, |payload| payload.encoded_len()),
            _ => 0,
        }
    }
}

/// Reads a request.
///
/// # Errors
/// Anything that is not a request of WS-Management, with the header as far as it was read and the
/// fault to answer with ([`RequestError::to_fault`]).
pub fn decode_request<'a>(text: &'a str, limits: &Limits) -> Result<Request<'a>, RequestError> {
    let mut envelope = Envelope::open(text, limits)
        .map_err(|error| RequestError { header: Box::default(), error: error.into() })?;
    match read_operation(&mut envelope) {
        Ok(operation) => {
            let header = std::mem::take(&mut envelope.header);
            match envelope.finish() {
                Ok(()) => Ok(Request { header, operation }),
                Err(error) => Err(RequestError { header: Box::new(header), error: error.into() }),
            }
        }
        Err(error) => Err(RequestError { header: Box::new(envelope.header), error }),
    }
}

fn read_operation<'a>(envelope: &mut Envelope<'a>) -> Result<Operation<'a>, Error> {
    envelope.check()?;
    if !envelope.header.not_understood.is_empty() {
        return Err(Error::NotUnderstood(envelope.header.not_understood.clone()));
    }
    let limits = *envelope.limits();
    let root = envelope.body().next_element()?;
    if root.as_ref().is_some_and(|root| root.is(ns::IDENTIFY, "Identify")) {
        envelope.body().skip()?;
        return Ok(Operation::Identify);
    }
    let header = &envelope.header;
    for (name, value) in [
        ("a:Action", &header.action),
        ("a:MessageID", &header.message_id),
        ("w:ResourceURI", &header.resource_uri),
    ] {
        // A subscription may be named by its identifier alone.
        let optional = name == "w:ResourceURI" && header.identifier.is_some();
        if value.as_ref().is_none_or(|value| value.is_empty()) && !optional {
            return Err(SoapError::MissingHeader { name }.into());
        }
    }
    let action = header.action.clone().unwrap_or_default();
    let mut body = Body { root, reader: envelope.body(), limits: &limits };
    let body = &mut body;
    Ok(match action.as_str() {
        action::GET => {
            body.skip()?;
            Operation::Get
        }
        action::PUT => Operation::Put(body.required_raw("a representation of the resource")?),
        action::CREATE => Operation::Create(Create::read(body)?),
        action::DELETE => {
            body.skip()?;
            Operation::Delete
        }
        action::ENUMERATE => Operation::Enumerate(Enumerate::read(body)?),
        action::PULL => Operation::Pull(Pull::read(body)?),
        action::RELEASE => Operation::Release(Release::read(body)?),
        action::SUBSCRIBE => Operation::Subscribe(Box::new(Subscribe::read(body)?)),
        action::RENEW => Operation::Renew(Renew::read(body)?),
        action::UNSUBSCRIBE => {
            body.skip()?;
            Operation::Unsubscribe
        }
        action::COMMAND => Operation::Command(CommandLine::read(body)?),
        action::SEND => Operation::Send(SendInput::read(body)?),
        action::RECEIVE => Operation::Receive(ReceiveOutput::read(body)?),
        action::SIGNAL => Operation::Signal(Signal::read(body)?),
        action::DISCONNECT => Operation::Disconnect(Disconnect::read(body)?),
        action::RECONNECT => Operation::Reconnect(Reconnect::read(body)?),
        action::CONNECT => Operation::Connect(Connect::read(body)?),
        _ => Operation::Invoke(body.raw()?),
    })
}
