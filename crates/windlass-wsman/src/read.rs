//! Small readers that the operations share.

use std::borrow::Cow;
use std::time::Duration;

use windlass_soap::{Error as SoapError, Limits, Xml, duration};
use windlass_xml::{Element, Reader};

use crate::error::Error;

/// What the body of a message is read with: its first element, the reader behind that element's
/// start tag, and the limits.
pub(crate) struct Body<'r, 'a> {
    pub(crate) root: Option<Element<'a>>,
    pub(crate) reader: &'r mut Reader<'a>,
    pub(crate) limits: &'r Limits,
}

impl<'a> Body<'_, 'a> {
    /// Makes sure that the body's first element is this one.
    pub(crate) fn expect(
        &self,
        ns: &str,
        local: &str,
        expected: &'static str,
    ) -> Result<&Element<'a>, Error> {
        match &self.root {
            Some(root) if root.is(ns, local) => Ok(root),
            Some(root) => Err(SoapError::unexpected(expected, root.local(), self.reader.position()).into()),
            None => Err(SoapError::Missing { element: expected, parent: "s:Body" }.into()),
        }
    }

    /// The first element as it stands, if there is one.
    pub(crate) fn raw(&mut self) -> Result<Option<Xml<'a>>, Error> {
        match &self.root {
            Some(root) => Ok(Some(Xml::from(self.reader.capture(root)?))),
            None => Ok(None),
        }
    }

    /// The first element as it stands.
    pub(crate) fn required_raw(&mut self, expected: &'static str) -> Result<Xml<'a>, Error> {
        self.raw()?.ok_or(Error::Soap(SoapError::Missing { element: expected, parent: "s:Body" }))
    }

    /// Passes over the first element.
    pub(crate) fn skip(&mut self) -> Result<(), Error> {
        if self.root.is_some() {
            self.reader.skip()?;
        }
        Ok(())
    }
}

/// Text of the current element, white space around it dropped.
pub(crate) fn word(reader: &mut Reader<'_>, field: &'static str, limits: &Limits) -> Result<String, Error> {
    let text = reader.read_text()?;
    let text = text.trim();
    if text.len() > limits.value {
        return Err(too_long(field, limits));
    }
    Ok(text.to_owned())
}

/// Text of the current element as it stands.
pub(crate) fn text<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    limits: &Limits,
) -> Result<Cow<'a, str>, Error> {
    let text = reader.read_text()?;
    if text.len() > limits.value {
        return Err(too_long(field, limits));
    }
    Ok(text)
}

/// Words of the current element, as in lists of streams.
pub(crate) fn words(
    reader: &mut Reader<'_>,
    field: &'static str,
    limits: &Limits,
) -> Result<Vec<String>, Error> {
    let text = text(reader, field, limits)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// A duration.
pub(crate) fn time(reader: &mut Reader<'_>, field: &'static str, limits: &Limits) -> Result<Duration, Error> {
    let text = word(reader, field, limits)?;
    duration::parse(&text).map_err(|_| value(field, "a duration", reader))
}

/// A number.
pub(crate) fn number<T: std::str::FromStr>(
    reader: &mut Reader<'_>,
    field: &'static str,
    limits: &Limits,
) -> Result<T, Error> {
    word(reader, field, limits)?.parse().map_err(|_| value(field, "a number in range", reader))
}

/// A boolean attribute, false where absent.
pub(crate) fn flag(element: &Element<'_>, name: &'static str, reader: &Reader<'_>) -> Result<bool, Error> {
    match element.attr(name)?.as_deref().map(str::trim) {
        None => Ok(false),
        Some(text) if text == "1" || text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text == "0" || text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(value(name, "a boolean", reader)),
    }
}

/// An attribute without namespace, white space around it dropped.
pub(crate) fn attribute(element: &Element<'_>, name: &'static str) -> Result<Option<String>, Error> {
    Ok(element.attr(name)?.map(|value| value.trim().to_owned()))
}

/// Stores what may stand once.
pub(crate) fn once<T>(
    slot: &mut Option<T>,
    new: T,
    field: &'static str,
    reader: &Reader<'_>,
) -> Result<(), Error> {
    match slot.replace(new) {
        Some(_) => Err(value(field, "given once only", reader)),
        None => Ok(()),
    }
}

/// Makes room for one more item of a list.
pub(crate) fn room(length: usize, what: &'static str, limits: &Limits) -> Result<(), Error> {
    if length >= limits.items {
        return Err(SoapError::Limit { what, limit: limits.items }.into());
    }
    Ok(())
}

pub(crate) fn missing(element: &'static str, parent: &'static str) -> Error {
    SoapError::Missing { element, parent }.into()
}

pub(crate) fn value(field: &'static str, expected: &'static str, reader: &Reader<'_>) -> Error {
    SoapError::Value { field, expected, offset: reader.position() }.into()
}

fn too_long(field: &'static str, limits: &Limits) -> Error {
    SoapError::Limit { what: field, limit: limits.value }.into()
}
