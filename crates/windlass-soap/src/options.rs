//! Options: how an operation is to be carried out (DSP0226 6.4).

use windlass_xml::{Reader, Writer};

use crate::error::Error;
use crate::limits::Limits;
use crate::ns;

/// The options of a request, in order. Names are compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionSet(Vec<WsmanOption>);

/// One option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WsmanOption {
    /// The name, such as `protocolversion` or `WINRS_CODEPAGE`.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether a service that does not know the option must refuse the request.
    pub must_comply: bool,
    /// The XML type as written, which names a prefix that need not be declared.
    pub type_name: Option<String>,
}

impl OptionSet {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an option that the service may ignore.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.push(name, value, false);
        self
    }

    /// Adds an option that the service must know.
    #[must_use]
    pub fn with_required(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.push(name, value, true);
        self
    }

    /// Adds an option.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>, must_comply: bool) {
        self.0.push(WsmanOption { name: name.into(), value: value.into(), must_comply, type_name: None });
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|option| option.name.eq_ignore_ascii_case(name))
            .map(|option| option.value.as_str())
    }

    /// The first option that must be complied with and is not among those known.
    pub fn first_unknown_required(&self, known: &[&str]) -> Option<&WsmanOption> {
        self.0.iter().find(|option| {
            option.must_comply && !known.iter().any(|name| option.name.eq_ignore_ascii_case(name))
        })
    }

    /// The options in order.
    pub fn iter(&self) -> std::slice::Iter<'_, WsmanOption> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the children of a `w:OptionSet` whose start tag was the last event. An option may stand
    /// more than once.
    ///
    /// # Errors
    /// An option without a name, a foreign element, too many.
    pub fn read(reader: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let mut set = Self::default();
        while let Some(element) = reader.next_element()? {
            let offset = reader.position();
            if !element.is(ns::WSMAN, "Option") {
                return Err(Error::unexpected("w:Option", element.local(), offset));
            }
            if set.len() >= limits.options {
                return Err(Error::Limit { what: "options", limit: limits.options });
            }
            let invalid = |problem| Error::InvalidHeader { name: "w:OptionSet", problem, offset };
            let name = element.attr("Name")?.ok_or_else(|| invalid("an option has no name"))?.into_owned();
            let must_comply = match element.attr("MustComply")?.as_deref().map(str::trim) {
                None | Some("false" | "0") => false,
                Some("true" | "1") => true,
                Some(_) => return Err(invalid("MustComply is no boolean")),
            };
            let type_name = element.attr("Type")?.map(|name| name.into_owned());
            let value = reader.read_text()?;
            if value.len() > limits.value {
                return Err(Error::Limit { what: "bytes of an option", limit: limits.value });
            }
            set.0.push(WsmanOption { name, value: value.into_owned(), must_comply, type_name });
        }
        Ok(set)
    }

    /// Writes `w:Option` elements into an open `w:OptionSet`.
    pub fn write(&self, writer: &mut Writer) {
        for option in &self.0 {
            writer.start("w:Option").attr("Name", &option.name);
            if option.must_comply {
                writer.attr("MustComply", "true");
            }
            if let Some(type_name) = &option.type_name {
                writer.attr("Type", type_name);
            }
            writer.text(&option.value).end();
        }
    }
}

impl<'s> IntoIterator for &'s OptionSet {
    type Item = &'s WsmanOption;
    type IntoIter = std::slice::Iter<'s, WsmanOption>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
