//! The envelope: header and body.

use windlass_xml::{Event, Reader, Writer};

use crate::error::Error;
use crate::header::Header;
use crate::limits::Limits;
use crate::ns;

/// An envelope whose header has been read and whose reader stands inside `s:Body`.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The header. It must not be acted on before [`Envelope::check`] has passed.
    pub header: Header,
    reader: Reader<'a>,
    limits: Limits,
    refused: Option<Error>,
}

impl<'a> Envelope<'a> {
    /// Reads up to the first child of the body.
    ///
    /// A header block with a bad value does not end the reading, so that a host can still name the
    /// message it refuses: see [`Envelope::check`].
    ///
    /// # Errors
    /// What is not well-formed, is no SOAP 1.2 envelope or has no body.
    pub fn open(text: &'a str, limits: &Limits) -> Result<Self, Error> {
        let mut reader = Reader::new(text, limits.xml);
        match reader.next_element()? {
            Some(root) if root.is(ns::SOAP, "Envelope") => {}
            Some(root) if root.is(ns::SOAP_11, "Envelope") => return Err(Error::Version),
            root => {
                let found = root.map(|root| root.local().chars().take(64).collect()).unwrap_or_default();
                return Err(Error::NotAnEnvelope { found });
            }
        }
        let mut header = None;
        let mut refused = None;
        loop {
            let Some(element) = reader.next_element()? else {
                return Err(Error::Missing { element: "s:Body", parent: "s:Envelope" });
            };
            if element.is(ns::SOAP, "Body") {
                let header = header.unwrap_or_default();
                return Ok(Self { header, reader, limits: *limits, refused });
            }
            if !element.is(ns::SOAP, "Header") || header.is_some() {
                return Err(Error::unexpected("s:Body", element.local(), reader.position()));
            }
            let (read, problem) = Header::read(&mut reader, limits)?;
            header = Some(read);
            refused = problem;
        }
    }

    /// Whether every header block held what it must hold.
    ///
    /// # Errors
    /// The first one that did not.
    pub fn check(&self) -> Result<(), Error> {
        match &self.refused {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// The reader, inside the body.
    pub fn body(&mut self) -> &mut Reader<'a> {
        &mut self.reader
    }

    /// The limits the envelope was opened with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads what is left, once the last child of the body has been read: no second element may
    /// stand in the body, nothing after it.
    ///
    /// # Errors
    /// What is left over, or not well-formed.
    pub fn finish(mut self) -> Result<(), Error> {
        loop {
            match self.reader.next()? {
                Event::Eof => return Ok(()),
                Event::End | Event::Text(_) => {}
                Event::Start(element) => {
                    let offset = self.reader.position();
                    return Err(Error::unexpected("the end of the envelope", element.local(), offset));
                }
            }
        }
    }
}

/// Writes an envelope: the header, then what `body` writes inside `s:Body`.
///
/// The prefixes `s`, `a`, `w` and `p` are declared, and those of `declarations` (see [`ns`]).
/// `capacity` is how many bytes the body is thought to take.
pub fn write_envelope(
    header: &Header,
    declarations: &[ns::Declaration],
    capacity: usize,
    body: impl FnOnce(&mut Writer),
) -> String {
    let mut writer = Writer::with_capacity(capacity.saturating_add(4096));
    writer.start("s:Envelope").attr("xmlns:s", ns::SOAP);
    if !header.is_empty() {
        writer.attr("xmlns:a", ns::ADDRESSING).attr("xmlns:w", ns::WSMAN).attr("xmlns:p", ns::WSMV);
    }
    for (prefix, uri) in declarations {
        writer.attr(&format!("xmlns:{prefix}"), uri);
    }
    writer.start("s:Header");
    header.write(&mut writer);
    writer.end();
    writer.start("s:Body");
    body(&mut writer);
    writer.end();
    writer.end();
    writer.finish()
}
