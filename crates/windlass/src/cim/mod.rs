//! CIM sessions over WS-Management (DSP0226, DSP0227, [MS-WSMV] 3.1.4.1).

mod builder;
mod classes;
mod enumerate;
mod events;
mod objects;
mod raw;
mod resource;
mod session;

pub use builder::{CimSessionBuilder, CimSessionOptions};
pub use enumerate::{Enumeration, InstanceStream};
pub use events::{EventStream, Subscription};
pub use objects::MethodResult;
pub use raw::WsmanResource;
pub use resource::UriStyle;
pub use session::CimSession;
