//! Subscribe, Renew and Unsubscribe (WS-Eventing with DSP0226 10). Events are fetched with Pull.

use std::time::Duration;

use windlass_soap::{EndpointReference, Limits, duration, ns};
use windlass_xml::{Element, Reader, Writer};

use crate::enumerate::Expiration;
use crate::error::Error;
use crate::filter::{Filter, read_content};
use crate::read::{self, Body};

/// The URIs of delivery modes.
pub mod delivery_mode {
    /// The client pulls: the mode of CIM indications.
    pub const PULL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";
    /// The service pushes each event.
    pub const PUSH: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/DeliveryModes/Push";
    /// The service pushes each event and waits for its acknowledgement.
    pub const PUSH_WITH_ACK: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/PushWithAck";
    /// The service pushes batches of events.
    pub const EVENTS: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Events";
}

/// Asks for events.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subscribe {
    /// How they are to come.
    pub delivery: Delivery,
    /// Where the end of the subscription is to be told.
    pub end_to: Option<EndpointReference>,
    /// When the subscription is to expire.
    pub expires: Option<Expiration>,
    /// Which events are wanted.
    pub filter: Option<Filter>,
    /// Whether answers are to tell where a later subscription may go on.
    pub send_bookmarks: bool,
    /// Where to go on: a bookmark of an earlier subscription, as XML.
    pub bookmark: Option<String>,
}

/// How events come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// One of the URIs of [`delivery_mode`]; push where absent.
    pub mode: Option<String>,
    /// Where events are pushed to.
    pub notify_to: Option<EndpointReference>,
    /// After how much silence the service is to send a sign of life.
    pub heartbeats: Option<Duration>,
    /// How often and after how long the service is to try again.
    pub connection_retry: Option<ConnectionRetry>,
    /// How many events one message may hold.
    pub max_elements: Option<u32>,
    /// How long events may wait for a message to be filled.
    pub max_time: Option<Duration>,
    /// The encoding of the events, such as `UTF-16`.
    pub content_encoding: Option<String>,
}

/// Trying again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionRetry {
    /// How often.
    pub total: u32,
    /// After how long each time.
    pub interval: Duration,
}

/// A subscription.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubscribeResponse {
    /// Whom to ask about the subscription: its [`EndpointReference::identifier`] names it.
    pub manager: EndpointReference,
    /// When it expires.
    pub expires: Option<Expiration>,
    /// The context for Pull.
    pub context: Option<String>,
}

/// Asks for a longer life of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renew {
    /// When it is to expire.
    pub expires: Option<Expiration>,
}

/// The longer life of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RenewResponse {
    /// When it expires.
    pub expires: Option<Expiration>,
}

impl Subscribe {
    /// A subscription of pull delivery.
    pub fn pull(filter: Filter) -> Self {
        let delivery = Delivery { mode: Some(delivery_mode::PULL.to_owned()), ..Delivery::default() };
        Self { delivery, filter: Some(filter), ..Self::default() }
    }

    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::EVENTING, "Subscribe", "e:Subscribe")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut delivery = None;
        let mut request = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::EVENTING, "Delivery") {
                let read = Delivery::read(&element, reader, limits)?;
                read::once(&mut delivery, read, "e:Delivery", reader)?;
            } else if element.is(ns::EVENTING, "EndTo") {
                request.end_to = Some(EndpointReference::read(reader, limits)?);
            } else if element.is(ns::EVENTING, "Expires") {
                request.expires = Some(Expiration::read(reader, "e:Expires", limits)?);
            } else if element.is(ns::WSMAN, "Filter") || element.is(ns::EVENTING, "Filter") {
                let filter = Filter::read(&element, reader, limits)?;
                read::once(&mut request.filter, filter, "w:Filter", reader)?;
            } else if element.is(ns::WSMAN, "SendBookmarks") {
                request.send_bookmarks = true;
                reader.skip()?;
            } else if element.is(ns::WSMAN, "Bookmark") {
                request.bookmark = Some(read_content(reader, limits)?);
            } else {
                reader.skip()?;
            }
        }
        request.delivery = delivery.ok_or_else(|| read::missing("e:Delivery", "e:Subscribe"))?;
        Ok(request)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("e:Subscribe");
        if let Some(end_to) = &self.end_to {
            writer.start("e:EndTo");
            end_to.write(writer);
            writer.end();
        }
        self.delivery.write(writer);
        if let Some(expires) = &self.expires {
            expires.write("e:Expires", writer);
        }
        if let Some(filter) = &self.filter {
            filter.write(writer);
        }
        if let Some(bookmark) = &self.bookmark {
            writer.start("w:Bookmark").raw(bookmark).end();
        }
        if self.send_bookmarks {
            writer.start("w:SendBookmarks").end();
        }
        writer.end();
    }
}

impl Delivery {
    fn read(element: &Element<'_>, reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut delivery = Self { mode: read::attribute(element, "Mode")?, ..Self::default() };
        while let Some(element) = reader.next_element()? {
            if element.is(ns::EVENTING, "NotifyTo") {
                delivery.notify_to = Some(EndpointReference::read(reader, limits)?);
            } else if element.is(ns::WSMAN, "Heartbeats") {
                delivery.heartbeats = Some(read::time(reader, "w:Heartbeats", limits)?);
            } else if element.is(ns::WSMAN, "ConnectionRetry") {
                let total = match read::attribute(&element, "Total")? {
                    Some(text) => text
                        .parse()
                        .map_err(|_| read::value("w:ConnectionRetry", "a number of attempts", reader))?,
                    None => 0,
                };
                let interval = read::time(reader, "w:ConnectionRetry", limits)?;
                delivery.connection_retry = Some(ConnectionRetry { total, interval });
            } else if element.is(ns::WSMAN, "MaxElements") {
                delivery.max_elements = Some(read::number(reader, "w:MaxElements", limits)?);
            } else if element.is(ns::WSMAN, "MaxTime") {
                delivery.max_time = Some(read::time(reader, "w:MaxTime", limits)?);
            } else if element.is(ns::WSMAN, "ContentEncoding") {
                delivery.content_encoding = Some(read::word(reader, "w:ContentEncoding", limits)?);
            } else {
                reader.skip()?;
            }
        }
        Ok(delivery)
    }

    fn write(&self, writer: &mut Writer) {
        writer.start("e:Delivery");
        if let Some(mode) = &self.mode {
            writer.attr("Mode", mode);
        }
        if let Some(notify_to) = &self.notify_to {
            writer.start("e:NotifyTo");
            notify_to.write(writer);
            writer.end();
        }
        if let Some(time) = self.heartbeats {
            writer.leaf("w:Heartbeats", &duration::format(time));
        }
        if let Some(retry) = self.connection_retry {
            writer.start("w:ConnectionRetry").attr("Total", &retry.total.to_string());
            writer.text(&duration::format(retry.interval)).end();
        }
        if let Some(count) = self.max_elements {
            writer.leaf("w:MaxElements", &count.to_string());
        }
        if let Some(time) = self.max_time {
            writer.leaf("w:MaxTime", &duration::format(time));
        }
        if let Some(encoding) = &self.content_encoding {
            writer.leaf("w:ContentEncoding", encoding);
        }
        writer.end();
    }
}

impl SubscribeResponse {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::EVENTING, "SubscribeResponse", "e:SubscribeResponse")?;
        let (reader, limits) = (&mut *body.reader, body.limits);
        let mut manager = None;
        let mut response = Self::default();
        while let Some(element) = reader.next_element()? {
            if element.is(ns::EVENTING, "SubscriptionManager") {
                let epr = EndpointReference::read(reader, limits)?;
                read::once(&mut manager, epr, "e:SubscriptionManager", reader)?;
            } else if element.is(ns::EVENTING, "Expires") {
                response.expires = Some(Expiration::read(reader, "e:Expires", limits)?);
            } else if element.is(ns::ENUMERATION, "EnumerationContext") {
                response.context = Some(read::word(reader, "n:EnumerationContext", limits)?);
            } else {
                reader.skip()?;
            }
        }
        response.manager =
            manager.ok_or_else(|| read::missing("e:SubscriptionManager", "e:SubscribeResponse"))?;
        Ok(response)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("e:SubscribeResponse").start("e:SubscriptionManager");
        self.manager.write(writer);
        writer.end();
        if let Some(expires) = &self.expires {
            expires.write("e:Expires", writer);
        }
        if let Some(context) = &self.context {
            writer.leaf("n:EnumerationContext", context);
        }
        writer.end();
    }
}

impl Renew {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::EVENTING, "Renew", "e:Renew")?;
        Ok(Self { expires: read_expires(body)? })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("e:Renew");
        if let Some(expires) = &self.expires {
            expires.write("e:Expires", writer);
        }
        writer.end();
    }
}

impl RenewResponse {
    pub(crate) fn read(body: &mut Body<'_, '_>) -> Result<Self, Error> {
        body.expect(ns::EVENTING, "RenewResponse", "e:RenewResponse")?;
        Ok(Self { expires: read_expires(body)? })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.start("e:RenewResponse");
        if let Some(expires) = &self.expires {
            expires.write("e:Expires", writer);
        }
        writer.end();
    }
}

fn read_expires(body: &mut Body<'_, '_>) -> Result<Option<Expiration>, Error> {
    let mut expires = None;
    while let Some(element) = body.reader.next_element()? {
        if element.is(ns::EVENTING, "Expires") {
            expires = Some(Expiration::read(body.reader, "e:Expires", body.limits)?);
        } else {
            body.reader.skip()?;
        }
    }
    Ok(expires)
}
