//! Responses: header and reply, checked against the request.

use windlass_soap::ns::{self, action};
use windlass_soap::{Envelope, Fault, Header, Limits, Xml, write_envelope};

use crate::create::CreateResponse;
use crate::enumerate::{Page, ReadObject};
use crate::error::Error;
use crate::eventing::{RenewResponse, SubscribeResponse};
use crate::identify::IdentifyResponse;
use crate::read::Body;
use crate::shell::{CommandResponse, ConnectResponse, ReceiveResponse};

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub struct Response<'a> {
    /// The header.
    pub header: Header,
    /// The reply.
    pub reply: Reply<'a>,
}

/// The reply to an operation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Reply<'a> {
    /// To Identify.
    Identify(IdentifyResponse),
    /// To Get: the representation, or a `w:XmlFragment` with the part that was asked for.
    Get(Xml<'a>),
    /// To Put: the new representation, which a service may leave out.
    Put(Option<Xml<'a>>),
    /// To Create.
    Create(Box<CreateResponse<'a>>),
    /// To Delete.
    Delete,
    /// To Enumerate.
    Enumerate(Page<'a>),
    /// To Pull.
    Pull(Page<'a>),
    /// To Release.
    Release,
    /// To Subscribe.
    Subscribe(Box<SubscribeResponse>),
    /// To Renew.
    Renew(RenewResponse),
    /// To Unsubscribe.
    Unsubscribe,
    /// To Command.
    Command(CommandResponse),
    /// To Send.
    Send,
    /// To Receive.
    Receive(ReceiveResponse<'a>),
    /// To Signal.
    Signal,
    /// To Disconnect.
    Disconnect,
    /// To Reconnect.
    Reconnect,
    /// To Connect.
    Connect(ConnectResponse<'a>),
    /// To a method: its output parameters.
    Invoke(Option<Xml<'a>>),
    /// To anything: the service did not do it.
    Fault(Box<Fault>),
}

/// What a response must be to answer a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The id of the request, which the response must name; not checked where absent.
    message_id: Option<String>,
    /// The action of the request; what comes is taken where absent.
    action: Option<String>,
    identify: bool,
}

impl Expectation {
    /// A response to the message of this id with this (request) action.
    pub fn new(message_id: impl Into<String>, action: impl Into<String>) -> Self {
        Self { message_id: Some(message_id.into()), action: Some(action.into()), identify: false }
    }

    /// A response to Identify, which has no header.
    pub fn identify() -> Self {
        Self { identify: true, ..Self::default() }
    }

    /// Any response: for tools that look at messages without having sent any.
    pub fn unchecked() -> Self {
        Self::default()
    }

    /// Makes sure that the header answers the request. A service that could not read a request cannot
    /// name it: a fault without `a:RelatesTo` is taken.
    fn check_relation(&self, header: &Header, is_fault: bool) -> Result<(), Error> {
        let Some(expected) = &self.message_id else { return Ok(()) };
        match &header.relates_to {
            Some(found) if found == expected => Ok(()),
            None if is_fault => Ok(()),
            found => {
                let found = found.as_deref().unwrap_or_default().chars().take(128).collect();
                Err(Error::RelatesTo { expected: expected.clone(), found })
            }
        }
    }

    /// The action of the request that the response answers. Services other than Windows answer a
    /// method with the action of the request itself.
    fn answered<'h>(&'h self, header: &'h Header) -> Result<&'h str, Error> {
        let found = header.action.as_deref().unwrap_or_default();
        let answered = found.strip_suffix("Response").unwrap_or(found);
        match self.action.as_deref() {
            None => Ok(answered),
            Some(expected) if found.strip_suffix("Response") == Some(expected) => Ok(expected),
            Some(expected) if found == expected && !is_standard(expected) => Ok(expected),
            Some(expected) => Err(Error::Action {
                expected: format!("{expected}Response"),
                found: found.chars().take(256).collect(),
            }),
        }
    }
}

impl<'a> Response<'a> {
    /// A response to a request with this header. For a method the header's action gets `Response`
    /// appended; a fault gets the action of its kind.
    pub fn new(request: &Header, message_id: impl Into<String>, reply: Reply<'a>) -> Self {
        let header = match (&reply, reply.answers()) {
            (Reply::Identify(_), _) => Header::default(),
            (Reply::Fault(fault), _) => request.response(fault.action(), message_id),
            (_, Some(action)) => request.response(format!("{action}Response"), message_id),
            (_, None) => {
                let action = request.action.as_deref().unwrap_or_default();
                request.response(format!("{action}Response"), message_id)
            }
        };
        Self { header, reply }
    }

    /// The response as an envelope.
    pub fn encode(&self) -> String {
        let declarations = self.reply.declarations();
        write_envelope(&self.header, declarations, self.reply.size_hint(), |writer| match &self.reply {
            Reply::Identify(identify) => identify.write(writer),
            Reply::Get(xml) | Reply::Put(Some(xml)) | Reply::Invoke(Some(xml)) => xml.write(writer),
            Reply::Create(created) => created.write(writer),
            Reply::Delete
            | Reply::Release
            | Reply::Put(None)
            | Reply::Invoke(None)
            | Reply::Unsubscribe
            | Reply::Disconnect
            | Reply::Reconnect => {}
            Reply::Enumerate(page) => page.write_enumerate(writer),
            Reply::Pull(page) => page.write_pull(writer),
            Reply::Subscribe(subscription) => subscription.write(writer),
            Reply::Renew(renewed) => renewed.write(writer),
            Reply::Command(command) => command.write(writer),
            Reply::Send => {
                writer.start("rsp:SendResponse").end();
            }
            Reply::Receive(output) => output.write(writer),
            Reply::Signal => {
                writer.start("rsp:SignalResponse").end();
            }
            Reply::Connect(connected) => connected.write(writer),
            Reply::Fault(fault) => fault.write(writer),
        })
    }

    /// The reply of the kind that the caller asked for.
    ///
    /// # Errors
    /// [`Error::Fault`] for a fault, [`Error::OtherReply`] for a reply of another kind.
    pub fn into_reply<T: TryFrom<Reply<'a>, Error = Error>>(self) -> Result<T, Error> {
        T::try_from(self.reply)
    }

    /// The response, where it is no fault.
    ///
    /// # Errors
    /// [`Error::Fault`].
    pub fn into_success(self) -> Result<Self, Error> {
        match self.reply {
            Reply::Fault(fault) => Err(Error::Fault(fault)),
            _ => Ok(self),
        }
    }
}

impl Reply<'_> {
    /// The action of the operation that this kind of reply answers; none for a method, Identify and
    /// faults.
    fn answers(&self) -> Option<&'static str> {
        Some(match self {
            Self::Identify(_) | Self::Invoke(_) | Self::Fault(_) => return None,
            Self::Get(_) => action::GET,
            Self::Put(_) => action::PUT,
            Self::Create(_) => action::CREATE,
            Self::Delete => action::DELETE,
            Self::Enumerate(_) => action::ENUMERATE,
            Self::Pull(_) => action::PULL,
            Self::Release => action::RELEASE,
            Self::Subscribe(_) => action::SUBSCRIBE,
            Self::Renew(_) => action::RENEW,
            Self::Unsubscribe => action::UNSUBSCRIBE,
            Self::Command(_) => action::COMMAND,
            Self::Send => action::SEND,
            Self::Receive(_) => action::RECEIVE,
            Self::Signal => action::SIGNAL,
            Self::Disconnect => action::DISCONNECT,
            Self::Reconnect => action::RECONNECT,
            Self::Connect(_) => action::CONNECT,
        })
    }

    /// The prefixes that the body uses.
    fn declarations(&self) -> &'static [ns::Declaration] {
        match self {
            Self::Identify(_) => &[ns::DECLARE_ID],
            Self::Get(_) | Self::Put(_) | Self::Delete | Self::Invoke(_) | Self::Fault(_) => &[],
            Self::Create(created) if created.shell.is_some() => &[ns::DECLARE_X, ns::DECLARE_RSP],
            Self::Create(_) => &[ns::DECLARE_X],
            Self::Enumerate(_) | Self::Pull(_) | Self::Release => &[ns::DECLARE_N],
            Self::Subscribe(_) | Self::Renew(_) | Self::Unsubscribe => &[ns::DECLARE_E, ns::DECLARE_N],
            Self::Command(_) | Self::Send | Self::Receive(_) | Self::Signal | Self::Connect(_) => {
                &[ns::DECLARE_RSP]
            }
            Self::Disconnect | Self::Reconnect => &[],
        }
    }

    fn size_hint(&self) -> usize {
        match self {
            Self::Get(xml) | Self::Put(Some(xml)) | Self::Invoke(Some(xml)) => xml.source().len(),
            Self::Enumerate(page) | Self::Pull(page) => page.size_hint(),
            Self::Receive(output) => output.size_hint(),
            Self::Connect(connected) => {
                connected.connect_response_xml.as_ref().map_or(0, |payload| payload.encoded_len())
            }
            _ => 512,
        }
    }
}

/// Reads a response.
///
/// # Errors
/// Anything that is not a response of WS-Management, or answers something else than what was asked:
/// see [`Expectation`]. A fault is no error here: it is [`Reply::Fault`].
pub fn decode_response<'a>(
    text: &'a str,
    expectation: &Expectation,
    limits: &Limits,
) -> Result<Response<'a>, Error> {
    decode(text, expectation, limits, None)
}

/// Reads a response whose page of objects, if it has one, is read by `objects` as it comes by. That saves reading
/// them twice, once for where they end. Its items are [`Item::Taken`](crate::Item::Taken) then.
///
/// # Errors
/// As for [`decode_response`], and those of `objects`. Where there is one, the objects taken before count for
/// nothing.
pub fn decode_response_with<'a>(
    text: &'a str,
    expectation: &Expectation,
    limits: &Limits,
    objects: &mut ReadObject<'a, '_>,
) -> Result<Response<'a>, Error> {
    decode(text, expectation, limits, Some(objects))
}

fn decode<'a>(
    text: &'a str,
    expectation: &Expectation,
    limits: &Limits,
    objects: Option<&mut ReadObject<'a, '_>>,
) -> Result<Response<'a>, Error> {
    let mut envelope = Envelope::open(text, limits)?;
    envelope.check()?;
    if !envelope.header.not_understood.is_empty() {
        return Err(Error::NotUnderstood(envelope.header.not_understood.clone()));
    }
    let reply = read_reply(&mut envelope, expectation, objects)?;
    let header = std::mem::take(&mut envelope.header);
    envelope.finish()?;
    Ok(Response { header, reply })
}

fn read_reply<'a>(
    envelope: &mut Envelope<'a>,
    expectation: &Expectation,
    objects: Option<&mut ReadObject<'a, '_>>,
) -> Result<Reply<'a>, Error> {
    let limits = *envelope.limits();
    let header = envelope.header.clone();
    let root = envelope.body().next_element()?;
    let mut body = Body { root, reader: envelope.body(), limits: &limits };
    let body = &mut body;
    let is_fault = body.root.as_ref().is_some_and(|root| root.is(ns::SOAP, "Fault"));
    expectation.check_relation(&header, is_fault)?;
    if is_fault {
        return Ok(Reply::Fault(Box::new(Fault::read(body.reader, &limits)?)));
    }
    let identified = body.root.as_ref().is_some_and(|root| root.is(ns::IDENTIFY, "IdentifyResponse"));
    if expectation.identify || (identified && expectation.action.is_none()) {
        // Microsoft's server for other systems (OMI) puts the element, and it alone, into the namespace of SOAP.
        let is_of_omi = body.root.as_ref().is_some_and(|root| root.is(ns::SOAP, "IdentifyResponse"));
        let space = if is_of_omi { ns::SOAP } else { ns::IDENTIFY };
        body.expect(space, "IdentifyResponse", "id:IdentifyResponse")?;
        return Ok(Reply::Identify(IdentifyResponse::read(body.reader, &limits)?));
    }
    let mut empty = |reply: Reply<'a>| body.skip().map(|()| reply);
    Ok(match expectation.answered(&header)? {
        action::DELETE => empty(Reply::Delete)?,
        action::RELEASE => empty(Reply::Release)?,
        action::UNSUBSCRIBE => empty(Reply::Unsubscribe)?,
        action::SEND => empty(Reply::Send)?,
        action::SIGNAL => empty(Reply::Signal)?,
        action::DISCONNECT => empty(Reply::Disconnect)?,
        action::RECONNECT => empty(Reply::Reconnect)?,
        action::GET => Reply::Get(body.required_raw("a representation of the resource")?),
        action::PUT => Reply::Put(body.raw()?),
        action::CREATE => Reply::Create(Box::new(CreateResponse::read(body)?)),
        action::ENUMERATE => {
            Reply::Enumerate(Page::read(body, "EnumerateResponse", "n:EnumerateResponse", objects)?)
        }
        action::PULL => Reply::Pull(Page::read(body, "PullResponse", "n:PullResponse", objects)?),
        action::SUBSCRIBE => Reply::Subscribe(Box::new(SubscribeResponse::read(body)?)),
        action::RENEW => Reply::Renew(RenewResponse::read(body)?),
        action::COMMAND => Reply::Command(CommandResponse::read(body)?),
        action::RECEIVE => Reply::Receive(ReceiveResponse::read(body)?),
        action::CONNECT => Reply::Connect(ConnectResponse::read(body)?),
        _ => Reply::Invoke(body.raw()?),
    })
}

/// Whether the action is one of the operations of [`action`], not a method.
fn is_standard(action: &str) -> bool {
    [ns::TRANSFER, ns::ENUMERATION, ns::EVENTING, ns::SHELL]
        .iter()
        .any(|space| action.strip_prefix(space).is_some_and(|rest| rest.starts_with('/')))
}

macro_rules! replies {
    ($($variant:ident($value:pat => $result:expr) as $type:ty, $name:literal;)*) => {
        $(impl<'a> TryFrom<Reply<'a>> for $type {
            type Error = Error;

            fn try_from(reply: Reply<'a>) -> Result<Self, Error> {
                match reply {
                    Reply::$variant($value) => Ok($result),
                    Reply::Fault(fault) => Err(Error::Fault(fault)),
                    _ => Err(Error::OtherReply($name)),
                }
            }
        })*
    };
}

replies! {
    Identify(identify => identify) as IdentifyResponse, "Identify";
    Create(created => *created) as CreateResponse<'a>, "Create";
    Subscribe(subscription => *subscription) as SubscribeResponse, "Subscribe";
    Renew(renewed => renewed) as RenewResponse, "Renew";
    Command(command => command) as CommandResponse, "Command";
    Receive(output => output) as ReceiveResponse<'a>, "Receive";
    Connect(connected => connected) as ConnectResponse<'a>, "Connect";
}

impl<'a> TryFrom<Reply<'a>> for Page<'a> {
    type Error = Error;

    fn try_from(reply: Reply<'a>) -> Result<Self, Error> {
        match reply {
            Reply::Enumerate(page) | Reply::Pull(page) => Ok(page),
            Reply::Fault(fault) => Err(Error::Fault(fault)),
            _ => Err(Error::OtherReply("Enumerate or Pull")),
        }
    }
}
