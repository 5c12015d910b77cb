//! WS-CIM, the XML of instances in WS-Management (DSP0230, DSP0227, [MS-WSMV] 2.2.4).
//!
//! [`Decoder`] reads instances, projections (`w:XmlFragment`), method results and endpoint
//! references; [`Encoder`] writes them.
//!
//! # Types
//!
//! Most answers state no types. Where the class is known, each value gets the type that it declares.
//! Otherwise values are read as the MI library under PowerShell reads them: text is a string, an
//! element that repeats is an array, `xsi:nil` is null, a `cim:Datetime` or `cim:Interval` child is a
//! datetime, an endpoint reference a reference, `xsi:type="…:Class_Type"` an embedded instance, and
//! the other types that `xsi:type` can name are taken at their word, base64 excepted, which stays
//! text. [`CimProperty::is_typed`](crate::CimProperty::is_typed) tells the two apart.

mod budget;
mod decode;
mod encode;
mod epr_decode;
mod epr_encode;
mod form;
mod scalar;
mod shape;

pub use budget::DecodeLimits;
pub use decode::Decoder;
pub use encode::{DateTimeStyle, Encoder};
pub(crate) use encode::{clean, is_xml};
pub(crate) use scalar::octets_of_text;
pub use shape::Learned;

/// The namespace of `cim:Datetime` and its kin.
pub const NS_COMMON: &str = "http://schemas.dmtf.org/wbem/wscim/1/common";
/// The namespace of `xsi:nil` and `xsi:type`.
pub const NS_XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The namespace of XML Schema's own types.
pub const NS_XSD: &str = "http://www.w3.org/2001/XMLSchema";
/// The namespace of WS-Management.
pub const NS_WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// The namespace of WS-Addressing as WS-Management uses it.
pub const NS_ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// The namespace of WS-Addressing 1.0.
pub const NS_ADDRESSING_10: &str = "http://www.w3.org/2005/08/addressing";
/// The namespace of Microsoft's additions.
pub const NS_MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
/// The address that stands for none.
pub const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
/// The selector that names the namespace.
pub const NAMESPACE_SELECTOR: &str = "__cimnamespace";
