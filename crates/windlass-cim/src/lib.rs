//! CIM, the object model of Windows management: classes, instances, values, object paths and
//! queries, and their mappings to XML, MOF and JSON.
//!
//! Nothing here does I/O. WS-Man and DCOM carry these objects in forms of their own; both give the
//! same [`CimInstance`] and [`CimClass`].
//!
//! ```
//! use windlass_cim::{mof, wql};
//!
//! let file = mof::parse("class Demo_Disk { [Key] string Id; uint64 Size = 4096; };")?;
//! assert_eq!(file.classes[0].properties.len(), 2);
//! assert!(wql::parse("SELECT * FROM Demo_Disk WHERE Size > 1024").is_ok());
//! # Ok::<(), windlass_cim::Error>(())
//! ```
//!
//! Specifications: DSP0004 (the CIM infrastructure, MOF), DSP0227 (the WS-Management binding),
//! DSP0230 (WS-CIM), DSP0201 (CIM-XML), [MS-WMI] 2.2 (WQL, object paths), [MS-WSMV] 2.2.
#![forbid(unsafe_code)]

pub mod cimxml;
mod class;
mod compare;
mod convert;
pub mod datetime;
mod error;
mod generate;
mod instance;
pub mod json;
mod list;
mod method;
pub mod mof;
mod name;
mod namespace;
mod path;
mod qualifier;
mod resource_uri;
mod scan;
mod schema;
mod serde_impls;
mod status;
mod system;
mod text;
mod typed;
mod types;
mod value;
pub mod wql;
pub mod wscim;

pub use class::{CimClass, PropertyDecl};
pub use convert::CimScalar;
pub use datetime::CimDateTime;
pub use error::Error;
pub use generate::rust_struct;
pub use instance::{CimInstance, CimProperty, Mismatch};
pub use list::{Named, NamedList};
pub use method::{MethodDecl, ParameterDecl};
pub use name::CimName;
pub use namespace::Namespace;
pub use path::{KeyBinding, Keys, ObjectPath, PathLimits, parse_namespace_path};
pub use qualifier::{Flavor, Qualifier};
pub use resource_uri::{
    ALL_CLASSES, CIM_BASE, CLASS_SCHEMA_BASE, ResourceUri, UriFamily, WMI_BASE, expand_alias,
};
pub use schema::{ClassStore, NoSchema, Schema};
pub use status::CimStatus;
pub use system::SYSTEM_PROPERTIES;
pub use typed::{CimClassType, CimField, read_field};
pub use types::{CimType, DataType};
pub use value::{CimArray, CimValue};
