//! Which prefix stands for which namespace at the current element.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// A stack of namespace declarations. The innermost declaration of a prefix wins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope<'a> {
    bindings: Vec<(&'a str, Cow<'a, str>)>,
    /// For each open element, how many bindings there were before it.
    marks: Vec<usize>,
}

impl<'a> Scope<'a> {
    /// A scope in which these declarations hold from the start.
    pub(crate) fn with_bindings(bindings: Vec<(&'a str, Cow<'a, str>)>) -> Self {
        Self { bindings, marks: Vec::new() }
    }

    pub(crate) fn open(&mut self) {
        self.marks.push(self.bindings.len());
    }

    pub(crate) fn close(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.bindings.truncate(mark);
        }
    }

    pub(crate) fn depth(&self) -> usize {
        self.marks.len()
    }

    /// Adds a declaration to the innermost element. `limit` bounds all that are in scope, because
    /// every lookup walks through them.
    pub(crate) fn bind(
        &mut self,
        prefix: &'a str,
        uri: Cow<'a, str>,
        limit: usize,
        offset: usize,
    ) -> Result<(), Error> {
        if self.bindings.len() >= limit {
            return Err(Error::new(ErrorKind::Limit("namespace declarations in scope", limit), offset));
        }
        if prefix == "xmlns" || (prefix == "xml" && uri != XML) || (!prefix.is_empty() && uri.is_empty()) {
            return Err(Error::syntax(format_args!("prefix '{prefix}' cannot be bound so"), offset));
        }
        self.bindings.push((prefix, uri));
        Ok(())
    }

    /// How many declarations are in scope.
    pub(crate) fn declarations(&self) -> usize {
        self.bindings.len()
    }

    /// What the innermost declaration binds a prefix to.
    pub(crate) fn bound(&self, prefix: &str) -> Option<&str> {
        self.bindings.iter().rev().find(|(bound, _)| *bound == prefix).map(|(_, uri)| uri.as_ref())
    }

    /// The namespace of a prefix; the empty prefix is the default namespace.
    pub(crate) fn resolve(&self, prefix: &str, offset: usize) -> Result<Cow<'a, str>, Error> {
        match self.bindings.iter().rev().find(|(bound, _)| *bound == prefix) {
            Some((_, uri)) => Ok(uri.clone()),
            None if prefix.is_empty() => Ok(Cow::Borrowed("")),
            None if prefix == "xml" => Ok(Cow::Borrowed(XML)),
            None if prefix == "xmlns" => Ok(Cow::Borrowed(XMLNS)),
            None => Err(Error::new(ErrorKind::UnboundPrefix(prefix.chars().take(64).collect()), offset)),
        }
    }

    /// The declarations that hold here, each prefix once, innermost first.
    pub(crate) fn effective(&self) -> Vec<(&'a str, Cow<'a, str>)> {
        let mut seen: Vec<(&'a str, Cow<'a, str>)> = Vec::new();
        for (prefix, uri) in self.bindings.iter().rev() {
            if !seen.iter().any(|(known, _)| known == prefix) {
                seen.push((prefix, uri.clone()));
            }
        }
        seen
    }
}
