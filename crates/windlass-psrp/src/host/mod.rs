//! Calls of the client's host: the console, or whatever stands for it ([MS-PSRP] 2.2.2.15, 2.2.2.16,
//! 2.2.2.27, 2.2.2.28 and 2.2.6).

mod arguments;
mod call;
mod guard;
mod info;
mod method;
mod reply;
mod types;

pub use call::{HostCall, HostCallId};
pub use guard::{Guarded, guard, is_steering, strip_controls};
pub use info::{HostDefaultData, HostInfo};
pub use method::{HostMethod, HostMethodId};
pub(crate) use reply::credential_value;
pub use reply::{HostReply, HostResponse, HostReturn};
pub use types::{
    BufferCell, BufferContents, Choice, Coordinates, FieldDescription, KeyInfo, Rectangle, Size,
};
