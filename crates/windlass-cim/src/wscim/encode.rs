//! Writing instances.

use std::borrow::Cow;

use windlass_xml::Writer;

use super::{NS_COMMON, NS_MICROSOFT, NS_WSMAN, NS_XSI};
use crate::datetime::CimDateTime;
use crate::error::Error;
use crate::instance::{CimInstance, CimProperty};
use crate::name::CimName;
use crate::path::ObjectPath;
use crate::resource_uri::ResourceUri;
use crate::value::CimValue;

/// Embedded instances inside each other that are written; a reader would refuse more.
const MAX_DEPTH: usize = 16;

/// How datetimes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateTimeStyle {
    /// As children `cim:Datetime`, `cim:Interval` or `cim:CIM_DateTime`, as Windows does.
    #[default]
    Elements,
    /// As bare text, as OMI does for other clients.
    Text,
}

/// Writes instances. Elements carry every namespace declaration that they need.
///
/// Characters that XML cannot hold are written as U+FFFD. An empty array leaves no trace, unless
/// arrays are written precisely.
#[derive(Clone, Debug)]
pub struct Encoder {
    family: ResourceUri,
    datetimes: DateTimeStyle,
    states_root_type: bool,
    precise_arrays: bool,
}

/// The names of property elements, put together in one buffer.
struct Names {
    qname: String,
    /// The number of the prefix; none in a projection, whose elements are in no namespace.
    prefix: Option<usize>,
    next_prefix: usize,
}

impl Encoder {
    /// An encoder whose class URIs are of the same family and namespace as `family`, whose class does
    /// not matter.
    #[must_use]
    pub fn new(family: ResourceUri) -> Self {
        let datetimes = DateTimeStyle::Elements;
        Self { family, datetimes, states_root_type: true, precise_arrays: false }
    }

    /// The same encoder with another form of datetimes.
    #[must_use]
    pub fn with_datetimes(self, datetimes: DateTimeStyle) -> Self {
        Self { datetimes, ..self }
    }

    /// The same encoder without `xsi:type` on the instance itself, as OMI writes it.
    #[must_use]
    pub fn without_root_type(self) -> Self {
        Self { states_root_type: false, ..self }
    }

    /// The same encoder for a client that asked for `UsePreciseArrays`: null arrays are marked.
    #[must_use]
    pub fn with_precise_arrays(self) -> Self {
        Self { precise_arrays: true, ..self }
    }

    /// The URI of a class, which is also the namespace of the elements of its instances.
    #[must_use]
    pub fn class_uri(&self, class: &CimName) -> String {
        self.family.sibling(class).to_string()
    }

    /// Writes an instance as an element named like its class.
    ///
    /// # Errors
    /// When a name is no identifier, instances are nested too deeply, or a value is an embedded
    /// class, which has no form here.
    pub fn instance(&self, writer: &mut Writer, instance: &CimInstance) -> Result<(), Error> {
        let class = &instance.class_name;
        let uri = self.class_uri(class);
        self.root(writer, class, &uri, self.states_root_type, &instance.properties)
    }

    /// Writes the parameters of a method call, or its results, as an element `<method>_INPUT` or
    /// `<method>_OUTPUT` in the namespace of the class.
    ///
    /// # Errors
    /// As for [`Encoder::instance`].
    pub fn parameters(
        &self,
        writer: &mut Writer,
        class: &CimName,
        element: &str,
        parameters: &[CimProperty],
    ) -> Result<(), Error> {
        self.root(writer, element, &self.class_uri(class), false, parameters)
    }

    /// Writes properties as a `w:XmlFragment`, as answers to queries for some of them.
    ///
    /// # Errors
    /// As for [`Encoder::instance`].
    pub fn projection(&self, writer: &mut Writer, instance: &CimInstance) -> Result<(), Error> {
        writer.start("w:XmlFragment").attr("xmlns:w", NS_WSMAN).attr("xmlns:xsi", NS_XSI);
        let mut names = Names { qname: String::new(), prefix: None, next_prefix: 1 };
        for property in &instance.properties {
            self.property(writer, property, &mut names, 0).map_err(|e| e.inside(&property.name))?;
        }
        writer.end();
        Ok(())
    }

    /// Writes an `a:EndpointReference`.
    ///
    /// # Errors
    /// When a key has no text or references are nested too deeply.
    pub fn endpoint_reference(&self, writer: &mut Writer, path: &ObjectPath) -> Result<(), Error> {
        writer.start("a:EndpointReference").attr("xmlns:a", super::NS_ADDRESSING);
        super::epr_encode::encode(writer, path, &self.family, 0)?;
        writer.end();
        Ok(())
    }

    fn root(
        &self,
        writer: &mut Writer,
        element: &str,
        uri: &str,
        states_type: bool,
        properties: &[CimProperty],
    ) -> Result<(), Error> {
        check_name(element)?;
        writer.start(&format!("p:{element}")).attr("xmlns:p", uri);
        writer.attr("xmlns:xsi", NS_XSI).attr("xmlns:cim", NS_COMMON);
        if states_type {
            writer.attr("xsi:type", &format!("p:{element}_Type"));
        }
        let mut names = Names { qname: String::new(), prefix: Some(0), next_prefix: 1 };
        for property in properties {
            self.property(writer, property, &mut names, 0).map_err(|e| e.inside(&property.name))?;
        }
        writer.end();
        Ok(())
    }

    fn property(
        &self,
        writer: &mut Writer,
        property: &CimProperty,
        names: &mut Names,
        depth: usize,
    ) -> Result<(), Error> {
        check_name(&property.name)?;
        match &property.value {
            CimValue::Array(array) => {
                for item in array.items() {
                    self.value(writer, &property.name, item, names, depth)?;
                }
                Ok(())
            }
            CimValue::Null if self.precise_arrays && property.is_array => {
                writer.start(names.qualified(&property.name)).attr("xsi:nil", "true");
                writer.attr("xmlns:m", NS_MICROSOFT).attr("m:IsNullArray", "true").end();
                Ok(())
            }
            scalar => self.value(writer, &property.name, scalar, names, depth),
        }
    }

    fn value(
        &self,
        writer: &mut Writer,
        name: &str,
        value: &CimValue,
        names: &mut Names,
        depth: usize,
    ) -> Result<(), Error> {
        writer.start(names.qualified(name));
        match value {
            CimValue::Null => {
                writer.attr("xsi:nil", "true");
            }
            CimValue::String(text) => {
                writer.text(&clean(text));
            }
            CimValue::DateTime(datetime) => self.datetime(writer, datetime, names),
            CimValue::Reference(path) => {
                writer.attr("xmlns:a", super::NS_ADDRESSING);
                super::epr_encode::encode(writer, path, &self.family, depth)?;
            }
            CimValue::Instance(instance) => self.embedded(writer, instance, names, depth + 1)?,
            CimValue::Class(_) | CimValue::Array(_) => {
                let expected = "a scalar, reference or instance";
                return Err(Error::Type { expected, found: value.describe() });
            }
            // Numbers and the like hold nothing to escape.
            number => writer.content().push_str(&number.to_text().unwrap_or_default()),
        }
        writer.end();
        Ok(())
    }

    fn datetime(&self, writer: &mut Writer, datetime: &CimDateTime, names: &Names) {
        let xsd = datetime.to_xsd();
        if self.datetimes == DateTimeStyle::Text {
            writer.text(&xsd.unwrap_or_else(|| datetime.to_string()));
            return;
        }
        // In a projection nothing is in a namespace, this element neither.
        let qualify = |local: &'static str| match names.prefix {
            None => local.trim_start_matches("cim:"),
            Some(_) => local,
        };
        match (xsd, datetime.is_interval()) {
            (Some(text), false) => writer.leaf(qualify("cim:Datetime"), &text),
            (Some(text), true) => writer.leaf(qualify("cim:Interval"), &text),
            (None, _) => writer.leaf(qualify("cim:CIM_DateTime"), &datetime.to_string()),
        };
    }

    fn embedded(
        &self,
        writer: &mut Writer,
        instance: &CimInstance,
        names: &mut Names,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Limit { what: "instances inside each other", limit: MAX_DEPTH });
        }
        let class = &instance.class_name;
        check_name(class)?;
        let prefix = names.next_prefix;
        names.next_prefix += 1;
        writer.attr(&format!("xmlns:p{prefix}"), &self.class_uri(class));
        writer.attr("xsi:type", &format!("p{prefix}:{class}_Type"));
        let outer = names.prefix.replace(prefix);
        if outer.is_none() {
            writer.attr("xmlns:cim", NS_COMMON);
        }
        for property in &instance.properties {
            self.property(writer, property, names, depth).map_err(|e| e.inside(&property.name))?;
        }
        names.prefix = outer;
        Ok(())
    }
}

impl Names {
    fn qualified(&mut self, name: &str) -> &str {
        self.qname.clear();
        match self.prefix {
            None => {}
            Some(0) => self.qname.push_str("p:"),
            Some(n) => {
                self.qname.push('p');
                self.qname.push_str(&n.to_string());
                self.qname.push(':');
            }
        }
        self.qname.push_str(name);
        &self.qname
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    if CimName::is_identifier(name) {
        return Ok(());
    }
    Err(Error::Type { expected: "an identifier", found: "another name" })
}

/// The text with what XML 1.0 cannot hold replaced.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    // Control characters, and the first byte of U+FFFE and U+FFFF: hardly any text has one.
    let is_suspect = text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == 0xef));
    if is_suspect && text.contains(|c| !is_xml(c)) {
        Cow::Owned(text.replace(|c| !is_xml(c), "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether XML 1.0 can hold the character.
pub(crate) fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
