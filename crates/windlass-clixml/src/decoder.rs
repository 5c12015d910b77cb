//! Reading one piece of CLIXML after another.

use crate::build::Builder;
use crate::document::StreamValue;
use crate::error::Error;
use crate::leaves::lone;
use crate::limits::Limits;
use crate::primitive::Form;
use crate::read::Reader;
use crate::value::PsValue;

/// Reads messages and documents, and keeps the memory that it works in from one to the next.
///
/// Each is read by itself: nothing that came before changes what comes out. For a single one there are
/// [`decode`](crate::decode) and [`decode_document`](crate::decode_document).
#[derive(Debug, Default)]
pub struct Decoder {
    builder: Builder,
}

impl Decoder {
    /// Reads the one value of a message of a session: an element without a namespace
    /// ([MS-PSRP] 2.2.5).
    ///
    /// # Errors
    /// What is not CLIXML, or passes a limit.
    pub fn decode(&mut self, xml: &str, limits: &Limits) -> Result<PsValue, Error> {
        if limits.admit_one(xml)
            && let Some(value) = lone(xml)
        {
            return Ok(value);
        }
        let reader = Reader::new(xml, Form::Message, limits, &mut self.builder);
        let outcome = reader.and_then(|mut reader| reader.message());
        let value = self.builder.take_root();
        self.builder.clear();
        outcome.map(|()| value.unwrap_or_default())
    }

    /// Reads a document, such as `Export-Clixml` writes: the root `Objs` with any number of values,
    /// each for a stream where it says so. An object that several refer to is shared.
    ///
    /// # Errors
    /// What is not CLIXML, or passes a limit.
    pub fn decode_document(&mut self, xml: &str, limits: &Limits) -> Result<Vec<StreamValue>, Error> {
        let reader = Reader::new(xml, Form::Document, limits, &mut self.builder);
        let outcome = reader.and_then(|mut reader| reader.document());
        let values = self.builder.take_roots();
        self.builder.clear();
        outcome.map(|()| values)
    }
}
