//! CIM sessions over WS-Management (DSP0226, DSP0227, [MS-WSMV] 3.1.4.1).

mod builder;
mod class_filter;
mod classes;
mod enumerate;
mod enumeration;
mod events;
mod methods;
mod objects;
mod operation;
mod raw;
mod resource;
mod session;
mod sink_call;
mod sinks;

pub use builder::{CimSessionBuilder, CimSessionOptions, Protocol};
pub use class_filter::ClassFilter;
pub use enumerate::{InstanceStream, TypedStream};
pub use enumeration::Enumeration;
pub use events::{EventStream, Subscription};
pub use methods::MethodResult;
pub use operation::OperationOptions;
pub use raw::{Listing, ResourceItem, WsmanResource};
pub use resource::UriStyle;
pub use session::CimSession;
pub use sink_call::SinkCall;
pub use sinks::{Delivered, SinkListener, SinkOptions, SinkStream};
