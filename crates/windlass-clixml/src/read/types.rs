//! Lists of type names.

use super::Reader;
use crate::error::Error;
use crate::names::TypeNames;
use crate::scan::{Next, Tag};
use crate::string::PsString;
use crate::tag::Kind;
use crate::text;

const TYPE_START: &str = "<T>";
const TYPE_END: &str = "</T>";

impl<'a> Reader<'a, '_> {
    pub(super) fn type_names(&mut self, tag: &Tag<'a>) -> Result<(), Error> {
        let id = self.ref_id(tag)?;
        let names = if tag.empty { TypeNames::new(Vec::<PsString>::new()) } else { self.type_name_list()? };
        if let Some(id) = id {
            self.builder.name_types(&id, &names);
        }
        self.builder.set_type_names(names);
        self.count(tag.offset)?;
        self.usual_text()
    }

    /// Counts type names, of which there may be as many as values.
    pub(super) fn count_type_names(&mut self, count: usize, offset: usize) -> Result<(), Error> {
        self.type_names += count;
        self.within(self.type_names, offset)
    }

    fn type_name_list(&mut self) -> Result<TypeNames, Error> {
        let plain = self.scanner.default_namespace() == self.own_namespace();
        let start = self.scanner.offset();
        if plain && let Some((names, length)) = self.builder.known_types(self.scanner.rest()) {
            self.count_type_names(names.len(), start)?;
            self.scanner.pass(length);
            self.scanner.next()?;
            return Ok(names);
        }
        let mut names = Vec::new();
        // A prefix would mean something else elsewhere.
        let mut all_plain = plain;
        loop {
            let offset = self.scanner.offset();
            if plain && let Some((name, length)) = plain_type_name(self.scanner.rest()) {
                names.push(PsString::new(name));
                self.scanner.pass(length);
                self.count_type_names(1, offset)?;
                continue;
            }
            match self.scanner.next()? {
                Next::Start(item) if self.is(&item, Kind::TypeName) => {
                    all_plain &= self.scanner.since(offset) == TYPE_START;
                    names.push(self.decoded(&item)?);
                }
                Next::Start(item) => return Err(Error::unknown(item.local, item.offset)),
                Next::End => {
                    let names = TypeNames::new(names);
                    if all_plain {
                        self.builder.remember_types(self.scanner.since(start), &names);
                    }
                    return Ok(names);
                }
                Next::Eof => return Err(Error::syntax("unexpected end", offset)),
            }
            self.count_type_names(1, offset)?;
        }
    }
}

/// The type name that comes next, and the length of its element, where it is written as writers do and
/// nothing in it has to be replaced.
fn plain_type_name(next: &str) -> Option<(&str, usize)> {
    let name = text::plain(next.strip_prefix(TYPE_START)?)?;
    let length = TYPE_START.len() + name.len();
    next.get(length..)?.starts_with(TYPE_END).then_some((name, length + TYPE_END.len()))
}
