//! The endpoint mapper: which port serves an interface (C706 appendix O, [MS-RPCE] 2.2.1.2).
//!
//! [`LookupRequest`], [`MapRequest`] and their answers serve both roles; [`Mapper`] is a server's table.

mod calls;
mod mapper;
mod tower;

use uuid::Uuid;

pub use calls::{Handle, LookupEntry, LookupRequest, LookupResponse, MapRequest, MapResponse};
pub use mapper::{Mapper, Registration};
pub use tower::{Floor, Tower, TowerBinding};

use crate::SyntaxId;

/// The interface.
pub const INTERFACE: SyntaxId = SyntaxId::new(Uuid::from_u128(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa), 3, 0);

/// The port of the endpoint mapper.
pub const PORT: u16 = 135;

/// `ept_lookup`.
pub const LOOKUP: u16 = 2;
/// `ept_map`.
pub const MAP: u16 = 3;
/// `ept_lookup_handle_free`.
pub const FREE: u16 = 4;

/// The status of a successful call.
pub const STATUS_OK: u32 = 0;
/// `ept_s_not_registered`: there is no (further) entry.
pub const STATUS_NOT_REGISTERED: u32 = 0x16c9_a0d6;
