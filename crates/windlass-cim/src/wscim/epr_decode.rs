//! Reading endpoint references as object paths (DSP0227 7.4).

use windlass_xml::{Element, Reader};

use super::budget::Budget;
use super::decode::is_addressing;
use super::{NAMESPACE_SELECTOR, NS_WSMAN};
use crate::error::Error;
use crate::list::NamedList;
use crate::namespace::Namespace;
use crate::path::{KeyBinding, Keys, ObjectPath};
use crate::resource_uri::ResourceUri;
use crate::value::CimValue;

/// What the parts of a reference said.
#[derive(Default)]
struct Parts {
    server: Option<String>,
    uri: Option<ResourceUri>,
    namespace: Option<Namespace>,
    keys: NamedList<KeyBinding>,
}

/// Reads the content of an endpoint reference up to its end tag. Its first child may have been begun.
pub(super) fn decode<'a>(
    reader: &mut Reader<'a>,
    first: Option<Element<'a>>,
    budget: &mut Budget,
) -> Result<ObjectPath, Error> {
    budget.enter()?;
    let mut parts = Parts::default();
    let mut pending = first;
    loop {
        let child = match pending.take() {
            Some(child) => child,
            None => match reader.next_element()? {
                Some(child) => child,
                None => break,
            },
        };
        match child.local() {
            "Address" if is_addressing(child.ns()) => parts.server = host(&reader.read_text()?),
            "ReferenceParameters" | "ReferenceProperties" if is_addressing(child.ns()) => {
                parameters(reader, &mut parts, budget)?;
            }
            _ => reader.skip()?,
        }
    }
    budget.leave();
    let expected = "a resource URI with a class in the reference";
    let error = Error::Element { offset: reader.position(), expected };
    let uri = parts.uri.ok_or(error)?;
    let expected = "a class in the resource URI";
    let class_name = uri.class.ok_or(Error::ResourceUri { expected })?;
    let keys = if parts.keys.is_empty() { Keys::Class } else { Keys::Bindings(parts.keys) };
    let namespace = parts.namespace.or(uri.namespace);
    Ok(ObjectPath { server: parts.server, namespace, class_name, keys })
}

fn parameters(reader: &mut Reader<'_>, parts: &mut Parts, budget: &mut Budget) -> Result<(), Error> {
    while let Some(child) = reader.next_element()? {
        if child.is(NS_WSMAN, "ResourceURI") {
            parts.uri = Some(reader.read_text()?.parse()?);
        } else if child.is(NS_WSMAN, "SelectorSet") {
            while let Some(selector) = reader.next_element()? {
                if selector.is(NS_WSMAN, "Selector") {
                    read_selector(reader, &selector, parts, budget)?;
                } else {
                    reader.skip()?;
                }
            }
        } else {
            reader.skip()?;
        }
    }
    Ok(())
}

fn read_selector<'a>(
    reader: &mut Reader<'a>,
    selector: &Element<'a>,
    parts: &mut Parts,
    budget: &mut Budget,
) -> Result<(), Error> {
    budget.value(1)?;
    let error = |expected| Error::Element { offset: selector.offset(), expected };
    let name = selector.attr("Name")?.ok_or_else(|| error("a selector with a name"))?;
    let value = selector_value(reader, budget).map_err(|e| e.inside(&name.as_ref().into()))?;
    if name.eq_ignore_ascii_case(NAMESPACE_SELECTOR) {
        parts.namespace = value.as_str().map(Namespace::new);
        return Ok(());
    }
    budget.properties(parts.keys.len() + 1)?;
    match parts.keys.insert(KeyBinding { name: name.into(), value }) {
        None => Ok(()),
        Some(_) => Err(error("a selector not named before")),
    }
}

/// Text, or an endpoint reference.
fn selector_value<'a>(reader: &mut Reader<'a>, budget: &mut Budget) -> Result<CimValue, Error> {
    let mut text = String::new();
    loop {
        match reader.next()? {
            windlass_xml::Event::Text(piece) => text.push_str(&piece),
            windlass_xml::Event::End => return Ok(CimValue::String(text)),
            windlass_xml::Event::Start(child)
                if is_addressing(child.ns()) && child.local() == "EndpointReference" =>
            {
                let path = decode(reader, None, budget)?;
                return match reader.next_element()? {
                    None => Ok(path.into()),
                    Some(extra) => {
                        Err(Error::Element { offset: extra.offset(), expected: "the end of the selector" })
                    }
                };
            }
            windlass_xml::Event::Start(_) | windlass_xml::Event::Eof => {
                let expected = "text or an endpoint reference";
                return Err(Error::Element { offset: reader.position(), expected });
            }
        }
    }
}

/// The host of an address, unless it stands for none.
fn host(address: &str) -> Option<String> {
    let rest = address.trim().split_once("://")?.1;
    if address.ends_with("/role/anonymous") || address.ends_with("/addressing/anonymous") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_addresses() {
        for (address, expected) in [
            ("http://gilroy:5985/wsman", Some("gilroy")),
            ("https://[::1]:5986/wsman", Some("::1")),
            ("HTTP://u@h/", Some("h")),
            (super::super::ANONYMOUS, None),
            ("http://www.w3.org/2005/08/addressing/anonymous", None),
            ("default", None),
            ("http:///x", None),
        ] {
            assert_eq!(host(address).as_deref(), expected, "{address}");
        }
    }
}
