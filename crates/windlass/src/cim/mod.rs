//! CIM sessions over WS-Management (DSP0226, DSP0227, [MS-WSMV] 3.1.4.1).

mod builder;
mod enumerate;
mod objects;
mod resource;
mod session;

pub use builder::{CimSessionBuilder, CimSessionOptions};
pub use enumerate::{Enumeration, InstanceStream};
pub use objects::MethodResult;
pub use resource::UriStyle;
pub use session::CimSession;
