//! What one envelope may cost its reader.

/// Limits on one envelope. All are checked before anything is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Limits of the XML itself: depth, attributes, text, total.
    pub xml: windlass_xml::Limits,
    /// Header blocks.
    pub headers: usize,
    /// Bytes of one header value, selector value, option value or endpoint reference.
    pub value: usize,
    /// Selectors of one set.
    pub selectors: usize,
    /// Options of one set.
    pub options: usize,
    /// Endpoint references inside one another.
    pub references: usize,
    /// Provider faults inside one another.
    pub provider_faults: usize,
    /// Bytes of all texts and details of one fault.
    pub fault: usize,
    /// Items of one list in the body: instances, streams, arguments, environment variables.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            xml: windlass_xml::Limits::default(),
            headers: 64,
            value: 64 << 10,
            selectors: 64,
            options: 256,
            references: 4,
            provider_faults: 8,
            fault: 256 << 10,
            items: 65_536,
        }
    }
}
