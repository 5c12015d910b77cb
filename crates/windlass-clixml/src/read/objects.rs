//! Objects as writers write them: the start tag, the type names, the text of `ToString`, the value, the members
//! come in this order, so that each is looked for where it is due rather than known by its tag.
//!
//! What is written in any other way is left for the longer way.

use super::Reader;
use crate::build::Part;
use crate::error::Error;
use crate::leaves::Leaf;
use crate::scan::{EndTag, Head, number};
use crate::string::PsString;
use crate::tag::{Kind, Primitive};
use crate::value::PsValue;
use crate::word::Word;

const TYPES_REFERENCE: &str = "<TNRef RefId=\"";
const TYPES_START: &str = "<TN RefId=\"";
const TYPES_END: &str = "</TN>";
const TEXT_START: &str = "<ToString>";
const TEXT: Leaf = Leaf::Simple(Primitive::String, EndTag::new(Word::of(b"ToString"), 8));
const OBJECT_END: EndTag = EndTag::new(Word::of(b"Obj"), 3);
const MEMBERS_START: &str = "<MS>";
const MEMBERS_END: EndTag = EndTag::new(Word::of(b"MS"), 2);

impl<'a> Reader<'a, '_> {
    /// Goes into the object that this start tag begins, where it is an item or a property; says whether it
    /// did.
    pub(crate) fn plain_object(&mut self, head: &Head<'a>) -> Result<bool, Error> {
        let part = self.builder.part();
        let Some(id) = head.ref_id.filter(|_| !head.empty && self.may_hold_leaves()) else {
            return Ok(false);
        };
        if part == Part::Items && head.name.is_none() {
            self.builder.open_object(Some(id.text), PsString::default());
        } else if part.is_named() && head.name.is_some() {
            let before_id = head.length.saturating_sub(id.text.len() + "\">".len());
            let written = self.scanner.rest().get(..before_id).unwrap_or_default();
            if !self.knows_tag(head, written, None)? {
                return Ok(false);
            }
            self.builder.open_expected(id.text);
        } else {
            return Ok(false);
        }
        self.go_into(head.length).map(|()| true)
    }

    /// Goes into the object whose start tag up to the number in `RefId` was expected and has come.
    pub(crate) fn expected_object(&mut self, start: usize) -> Result<(), Error> {
        let rest = self.scanner.rest().get(start..).unwrap_or_default();
        let Some((id, length)) = number(rest, "\">") else { return Ok(()) };
        self.builder.open_expected(id);
        self.go_into(start + length)
    }

    /// Passes over the start tag of an object that was just opened.
    fn go_into(&mut self, length: usize) -> Result<(), Error> {
        self.depth += 1;
        self.count(self.scanner.offset())?;
        self.scanner.enter_known(OBJECT_END, length)?;
        self.first_parts()
    }

    /// Reads the parts of an object whose start tag was the last one read, up to one that is not as usual, and
    /// goes into its members.
    pub(super) fn first_parts(&mut self) -> Result<(), Error> {
        self.usual_type_names()?;
        self.usual_text()?;
        if self.may_hold_leaves() {
            self.usual_value()?;
            self.usual_members()?;
        }
        Ok(())
    }

    /// Reads the value of an object, where it is written as that of the last one: most are enumerations.
    fn usual_value(&mut self) -> Result<(), Error> {
        let value = self.value_of_object.and_then(|tag| tag.read(self.scanner.rest(), self.form));
        let Some((value, length)) = value else { return Ok(()) };
        self.builder.put(PsString::default(), value);
        self.count(self.scanner.offset())?;
        self.scanner.pass(length);
        Ok(())
    }

    /// Goes into the members of an object.
    fn usual_members(&mut self) -> Result<(), Error> {
        if !self.scanner.rest().starts_with(MEMBERS_START) {
            return Ok(());
        }
        self.count(self.scanner.offset())?;
        self.scanner.enter_known(MEMBERS_END, MEMBERS_START.len())?;
        self.builder.open_part(Kind::Members, Part::Members, PsString::default());
        self.expected_properties()
    }

    fn usual_type_names(&mut self) -> Result<(), Error> {
        if !self.is_usual_namespace() {
            return Ok(());
        }
        let offset = self.scanner.offset();
        let rest = self.scanner.rest();
        if let Some(rest) = rest.strip_prefix(TYPES_REFERENCE) {
            let Some((id, length)) = number(rest, "\" />") else { return Ok(()) };
            let Some(names) = self.builder.named_types(id) else { return Ok(()) };
            self.builder.set_type_names(names);
            self.scanner.pass(TYPES_REFERENCE.len() + length);
            return self.count(offset);
        }
        let Some((id, length)) = rest.strip_prefix(TYPES_START).and_then(|rest| number(rest, "\">")) else {
            return Ok(());
        };
        let start = TYPES_START.len() + length;
        let list = rest.get(start..).and_then(|list| self.builder.known_types(list));
        let Some((names, length)) = list else { return Ok(()) };
        self.count_type_names(names.len(), offset + start)?;
        self.builder.name_types(id, &names);
        self.builder.set_type_names(names);
        self.scanner.pass(start + length + TYPES_END.len());
        self.count(offset)
    }

    /// Reads the text that an object's `ToString` gave.
    pub(super) fn usual_text(&mut self) -> Result<(), Error> {
        let text = self.scanner.rest().strip_prefix(TEXT_START);
        let Some(content) = text.filter(|_| self.is_usual_namespace()) else { return Ok(()) };
        if let Some((PsValue::String(text), length)) = TEXT.read(content, self.form) {
            self.builder.set_to_string(text);
            self.count(self.scanner.offset())?;
            self.scanner.pass(TEXT_START.len() + length);
        }
        Ok(())
    }
}
