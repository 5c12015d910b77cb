//! A namespace-aware XML reader and writer with limits, over quick-xml.
//!
//! What WS-Man, CLIXML and CIM need of XML and nothing more: no document type definitions, no
//! processing instructions, no entities beyond the five predefined ones and character references.
//! Names are matched by namespace, never by prefix. Text and attribute values borrow from the input
//! wherever they hold no reference and no carriage return.
//!
//! - [`decode_utf`] turns UTF-8 or UTF-16 bytes into text.
//! - [`Reader`] pulls [`Event`]s, or children with [`Reader::next_element`], texts with
//!   [`Reader::read_text`] and what may be either with [`Reader::read_content`].
//! - [`Fragment`] is the source of one element with the namespaces it stands in; [`OwnedFragment`]
//!   outlives its document.
//! - [`Frames`] keeps how elements were written, so that those which differ in their text alone are taken at once.
//! - [`Writer`] builds a document in one string.
//!
//! Specifications: XML 1.0 (Fifth Edition), Namespaces in XML 1.0.
#![forbid(unsafe_code)]

mod attribute;
mod characters;
mod element;
mod encoding;
mod error;
mod fragment;
mod frame;
mod reader;
mod scope;
mod writer;

pub use element::{Attributes, Element};
pub use encoding::decode_utf;
pub use error::{Error, ErrorKind};
pub use fragment::{Fragment, OwnedFragment};
pub use frame::{Frames, Known};
pub use reader::{Content, Event, Limits, Reader};
pub use writer::{Writer, escape_attribute, escape_text};
