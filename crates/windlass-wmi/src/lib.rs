//! WMI over DCOM: the encoding of its objects.
//!
//! [`wmio`] reads and writes classes and instances as they travel in IWbemClassObject.
//!
//! Specifications: [MS-WMIO].
#![forbid(unsafe_code)]

pub mod wmio;
