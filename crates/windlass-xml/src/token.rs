//! Cuts a document into tags and pieces of character data.

use crate::attribute::{Name, is_space};
use crate::error::{Error, ErrorKind};

/// A place in a document, between two tokens.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    /// Where the last token starts, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

/// A tag as the source writes it.
#[derive(Debug)]
pub(crate) enum Tag<'a> {
    /// A start tag, or an empty-element tag, with what stands behind its name.
    Start { name: Name<'a>, attributes: &'a str, is_empty: bool },
    /// What stands in an end tag: a name and perhaps white space.
    End(&'a str),
}

/// A part of a text that comes in one form.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// Characters that stand for themselves, from outside or inside of a CDATA section.
    Plain(&'a str),
    /// What stands between `&` and `;`.
    Reference(&'a str),
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, start: 0, end: 0 }
    }

    /// The whole document.
    pub(crate) fn source(&self) -> &'a str {
        self.text
    }

    /// The piece of character data that is next; nothing if a tag is, or the end of the document.
    /// Comments and the XML declaration are passed over.
    ///
    /// # Errors
    /// Markup that does not end or that is not accepted.
    #[inline]
    pub(crate) fn piece(&mut self) -> Result<Option<Piece<'a>>, Error> {
        loop {
            let rest = self.rest();
            match rest.as_bytes() {
                [b'<', b'!' | b'?', ..] => {
                    if let Some(piece) = self.special(rest)? {
                        return Ok(Some(piece));
                    }
                }
                [] | [b'<', ..] => return Ok(None),
                [b'&', ..] => return self.reference(rest).map(Some),
                bytes => {
                    let length = memchr::memchr2(b'<', b'&', bytes).unwrap_or(bytes.len());
                    self.take(length);
                    return Ok(Some(Piece::Plain(rest.get(..length).unwrap_or_default())));
                }
            }
        }
    }

    /// The tag that is next; nothing at the end of the document. There must be no piece before it.
    ///
    /// # Errors
    /// A tag that does not end, and one whose name is none or longer than `limit`.
    #[inline]
    pub(crate) fn tag(&mut self, limit: usize) -> Result<Option<Tag<'a>>, Error> {
        let rest = self.rest();
        self.start = self.end;
        let unfinished = || Error::syntax("a tag that does not end", self.end);
        let Some(inside) = rest.get(1..) else { return Ok(None) };
        if let Some(closing) = inside.strip_prefix('/') {
            let length = memchr::memchr(b'>', closing.as_bytes()).ok_or_else(unfinished)?;
            self.take(length + 3);
            return Ok(Some(Tag::End(closing.get(..length).unwrap_or_default())));
        }
        let (name, behind) = Name::split_off(inside, limit, self.start)?;
        let (length, is_empty) = match behind.as_bytes() {
            [b'>', ..] => (0, false),
            [b'/', b'>', ..] => (0, true),
            [first, ..] if *first == b'/' || is_space(*first) => {
                let length = tag_length(behind.as_bytes()).ok_or_else(unfinished)?;
                match behind.as_bytes().get(..length) {
                    Some([.., b'/']) => (length - 1, true),
                    _ => (length, false),
                }
            }
            [] => return Err(unfinished()),
            _ => return Err(Error::syntax("a name that is not an XML name", self.start)),
        };
        self.take(1 + name.whole.len() + length + usize::from(is_empty) + 1);
        let attributes = behind.get(..length).unwrap_or_default();
        Ok(Some(Tag::Start { name, attributes, is_empty }))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// Counts the next bytes as a token.
    fn take(&mut self, length: usize) {
        self.start = self.end;
        self.end += length;
    }

    fn reference(&mut self, rest: &'a str) -> Result<Piece<'a>, Error> {
        let inside = rest.get(1..).unwrap_or_default();
        let stop = memchr::memchr3(b';', b'&', b'<', inside.as_bytes());
        match stop.and_then(|stop| inside.split_at_checked(stop)) {
            Some((name, behind)) if behind.starts_with(';') => {
                self.take(name.len() + 2);
                Ok(Piece::Reference(name))
            }
            _ => Err(Error::syntax("a reference that does not end", self.end)),
        }
    }

    /// Takes markup that is no tag; a CDATA section is the only one with a text.
    fn special(&mut self, rest: &'a str) -> Result<Option<Piece<'a>>, Error> {
        let at = self.end;
        if let Some(content) = rest.strip_prefix("<![CDATA[") {
            let unfinished = || Error::syntax("a CDATA section that does not end", at);
            let (text, _) = content.split_once("]]>").ok_or_else(unfinished)?;
            self.take(text.len() + 12);
            return Ok(Some(Piece::Plain(text)));
        }
        if let Some(content) = rest.strip_prefix("<!--") {
            let unfinished = || Error::syntax("a comment that does not end, or has two hyphens in it", at);
            let (text, behind) = content.split_once("--").ok_or_else(unfinished)?;
            if !behind.starts_with('>') {
                return Err(unfinished());
            }
            self.take(text.len() + 7);
            return Ok(None);
        }
        if let Some(content) = rest.strip_prefix("<?") {
            let declaration = content.strip_prefix("xml").filter(|_| at == 0);
            let declaration = declaration.filter(|text| text.starts_with([' ', '\t', '\r', '\n', '?']));
            let Some(declaration) = declaration else {
                return Err(Error::new(ErrorKind::Forbidden("processing instruction"), at));
            };
            let unfinished = || Error::syntax("an XML declaration that does not end", at);
            let (text, _) = declaration.split_once("?>").ok_or_else(unfinished)?;
            self.take(text.len() + 7);
            return Ok(None);
        }
        if rest.get(2..9).is_some_and(|word| word.eq_ignore_ascii_case("doctype")) {
            return Err(Error::new(ErrorKind::Forbidden("document type definition"), at));
        }
        Err(Error::syntax("markup that is none of XML", at))
    }
}

/// Where the bracket stands that ends a tag: the first outside of quotes.
fn tag_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let found = memchr::memchr3(b'>', b'"', b'\'', rest)?;
        match rest.get(found..)? {
            [quote @ (b'"' | b'\''), quoted @ ..] => at += found + memchr::memchr(*quote, quoted)? + 2,
            _ => return Some(at + found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_outside_of_quotes() {
        for (text, expected) in
            [(">", Some(0)), (" a='>'>", Some(6)), (" a=\"'>'\"/>x>", Some(9)), (" a='>", None), (" a", None)]
        {
            assert_eq!(tag_length(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn tokens_lie_side_by_side() {
        let text = "<?xml version='1.0'?><a b='/'>x&lt;<!-- - --><![CDATA[<]]></a ><b/>";
        let mut tokens = Tokens::new(text);
        let mut found = Vec::new();
        let mut cut = |tokens: &Tokens<'_>| found.push(text.get(tokens.start..tokens.end).unwrap());
        loop {
            while tokens.piece().unwrap().is_some() {
                cut(&tokens);
            }
            if tokens.tag(9).unwrap().is_none() {
                break;
            }
            cut(&tokens);
        }
        assert_eq!(found, ["<a b='/'>", "x", "&lt;", "<![CDATA[<]]>", "</a >", "<b/>"]);
        assert_eq!(tokens.end, text.len());
    }
}
