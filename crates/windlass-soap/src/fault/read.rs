//! Reading faults.

use windlass_xml::{Element, Event, Reader};

use super::{Fault, FaultCode, FaultSide, InnerFault, ProviderFault, Subcode, Text, WsmanFault};
use crate::error::Error;
use crate::limits::Limits;
use crate::ns;
use crate::xml::Xml;

impl Fault {
    /// Reads the children of `s:Fault`, whose start tag was the last event. What is missing is left
    /// empty, because a bad fault is still a fault.
    ///
    /// # Errors
    /// XML that is not well-formed, or passes a limit.
    pub fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut budget = Budget { left: limits.fault, limits };
        let mut fault = Self {
            side: FaultSide::Receiver,
            subcode: None,
            reason: Vec::new(),
            detail_uri: None,
            wsman: None,
            details: Vec::new(),
        };
        while let Some(element) = reader.next_element()? {
            if element.is(ns::SOAP, "Code") {
                fault.read_code(reader, &mut budget)?;
            } else if element.is(ns::SOAP, "Reason") {
                fault.read_reason(reader, &mut budget)?;
            } else if element.is(ns::SOAP, "Detail") {
                fault.read_detail(reader, &mut budget)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(fault)
    }

    fn read_code(&mut self, reader: &mut Reader<'_>, budget: &mut Budget<'_>) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if element.is(ns::SOAP, "Value") {
                let (namespace, local) = read_name(reader, budget)?;
                if namespace == ns::SOAP {
                    self.side = FaultSide::from_name(&local).unwrap_or(FaultSide::Receiver);
                }
            } else if element.is(ns::SOAP, "Subcode") {
                self.read_subcode(reader, budget)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    /// Subcodes may be nested; the outermost is the one that WS-Man defines.
    fn read_subcode(&mut self, reader: &mut Reader<'_>, budget: &mut Budget<'_>) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if element.is(ns::SOAP, "Value") && self.subcode.is_none() {
                let (namespace, local) = read_name(reader, budget)?;
                self.subcode = Some(Subcode::new(namespace, local));
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    fn read_reason(&mut self, reader: &mut Reader<'_>, budget: &mut Budget<'_>) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if !element.is(ns::SOAP, "Text") {
                reader.skip()?;
                continue;
            }
            let lang = element
                .attr_ns(ns::XML, "lang")?
                .map(|lang| lang.into_owned())
                .filter(|lang| !lang.is_empty());
            let text = budget.take(reader.read_text()?.trim())?;
            self.reason.push(Text { lang, text });
        }
        Ok(())
    }

    fn read_detail(&mut self, reader: &mut Reader<'_>, budget: &mut Budget<'_>) -> Result<(), Error> {
        while let Some(element) = reader.next_element()? {
            if element.is(ns::WSMAN, "FaultDetail") && self.detail_uri.is_none() {
                self.detail_uri = Some(budget.take(reader.read_text()?.trim())?);
            } else if element.is(ns::WSMAN_FAULT, "WSManFault") && self.wsman.is_none() {
                self.wsman = Some(read_wsman_fault(&element, reader, budget)?);
            } else {
                self.details.push(read_document(&element, reader, budget)?);
            }
        }
        Ok(())
    }
}

/// How many bytes of text the fault may still hold.
struct Budget<'l> {
    left: usize,
    limits: &'l Limits,
}

impl Budget<'_> {
    fn take(&mut self, text: &str) -> Result<String, Error> {
        self.charge(text.len())?;
        Ok(text.to_owned())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Error> {
        let limit = Error::Limit { what: "bytes of a fault", limit: self.limits.fault };
        self.left = self.left.checked_sub(bytes).ok_or(limit)?;
        Ok(())
    }
}

/// Where in the chain of faults and providers the reader stands.
#[derive(Clone, Copy)]
enum Level {
    /// In `f:WSManFault` or in its `f:Message`.
    Fault,
    /// In `f:ProviderFault`.
    Provider,
}

/// Reads the children of `f:WSManFault`. Faults and providers that nest are one loop over a stack of
/// levels, not a recursion: the peer decides how deep they nest.
fn read_wsman_fault<'a>(
    element: &Element<'a>,
    reader: &mut Reader<'a>,
    budget: &mut Budget<'_>,
) -> Result<WsmanFault, Error> {
    let (code, machine) = read_code_and_machine(element, budget)?;
    let mut fault = WsmanFault { code, machine, ..WsmanFault::default() };
    let mut levels = vec![Level::Fault];
    while let Some(&level) = levels.last() {
        match (level, reader.next()?) {
            (_, Event::End | Event::Eof) => {
                levels.pop();
            }
            (_, Event::Text(text)) => {
                let text = budget.take(text.trim())?;
                append(message_of(&mut fault, level), &text);
            }
            (Level::Fault, Event::Start(child)) if child.is(ns::WSMAN_FAULT, "Message") => {
                levels.push(Level::Fault);
            }
            (Level::Fault, Event::Start(child)) if child.is(ns::WSMAN_FAULT, "ProviderFault") => {
                if fault.providers.len() >= budget.limits.provider_faults {
                    return Err(Error::Limit {
                        what: "provider faults",
                        limit: budget.limits.provider_faults,
                    });
                }
                let provider = child.attr("provider")?.map(|name| budget.take(&name)).transpose()?;
                let path = child.attr("path")?.map(|path| budget.take(&path)).transpose()?;
                fault.providers.push(ProviderFault { provider, path, ..ProviderFault::default() });
                levels.push(Level::Provider);
            }
            (Level::Fault, Event::Start(_)) => {
                // Some services put markup into messages: keep what it says.
                let text = read_any_text(reader)?;
                let text = budget.take(text.trim())?;
                append(message_of(&mut fault, level), &text);
            }
            (Level::Provider, Event::Start(child)) if child.is(ns::WSMAN_FAULT, "WSManFault") => {
                let (code, machine) = read_code_and_machine(&child, budget)?;
                match fault.providers.last_mut() {
                    Some(provider) if provider.fault.is_none() => {
                        provider.fault = Some(InnerFault { code, machine, message: String::new() });
                        levels.push(Level::Fault);
                    }
                    _ => reader.skip()?,
                }
            }
            (Level::Provider, Event::Start(child)) => {
                let document = read_document(&child, reader, budget)?;
                if let Some(provider) = fault.providers.last_mut() {
                    provider.details.push(document);
                }
            }
        }
    }
    Ok(fault)
}

/// The text that belongs to the level: of the innermost provider, its inner fault, or the fault.
fn message_of(fault: &mut WsmanFault, level: Level) -> &mut String {
    match (level, fault.providers.last_mut()) {
        (Level::Provider, Some(provider)) => &mut provider.text,
        (Level::Fault, Some(ProviderFault { fault: Some(inner), .. })) => &mut inner.message,
        _ => &mut fault.message,
    }
}

fn append(message: &mut String, text: &str) {
    if !message.is_empty() && !text.is_empty() {
        message.push(' ');
    }
    message.push_str(text);
}

/// `Code` is unsigned decimal; services that print it signed or in hexadecimal are understood, too.
fn read_code_and_machine(
    element: &Element<'_>,
    budget: &mut Budget<'_>,
) -> Result<(FaultCode, Option<String>), Error> {
    let code = element.attr("Code")?;
    let code = code.as_deref().map(str::trim).and_then(|text| {
        let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        match hex {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned)),
        }
    });
    let machine = element.attr("Machine")?.map(|name| budget.take(&name)).transpose()?;
    Ok((FaultCode(code.unwrap_or_default()), machine))
}

/// A qualified name in text. One whose prefix is not declared keeps its local name.
fn read_name(reader: &mut Reader<'_>, budget: &mut Budget<'_>) -> Result<(String, String), Error> {
    let mut text = String::new();
    let mut namespace = None;
    loop {
        match reader.next()? {
            Event::Text(piece) => {
                text.push_str(&budget.take(&piece)?);
                namespace = reader.resolve(text.trim()).ok().map(|(ns, _)| ns.into_owned());
            }
            Event::Start(_) => reader.skip()?,
            Event::End | Event::Eof => break,
        }
    }
    let text = text.trim();
    let local = match namespace {
        Some(_) => text.split_once(':').map_or(text, |(_, local)| local),
        None => text.rsplit(':').next().unwrap_or_default(),
    };
    Ok((namespace.unwrap_or_default(), local.to_owned()))
}

fn read_document<'a>(
    element: &Element<'a>,
    reader: &mut Reader<'a>,
    budget: &mut Budget<'_>,
) -> Result<Xml<'static>, Error> {
    let xml = Xml::from(reader.capture(element)?).into_owned();
    budget.charge(xml.source().len())?;
    Ok(xml)
}

/// All text inside the current element, markup dropped.
fn read_any_text(reader: &mut Reader<'_>) -> Result<String, Error> {
    let outer = reader.depth();
    let mut text = String::new();
    loop {
        match reader.next()? {
            Event::Text(piece) => text.push_str(&piece),
            Event::End if reader.depth() < outer => return Ok(text),
            Event::Eof => return Ok(text),
            Event::Start(_) | Event::End => {}
        }
    }
}
