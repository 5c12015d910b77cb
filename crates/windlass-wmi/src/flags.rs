//! The flags of calls ([MS-WMI] 2.2.6).

/// Puts: change what is there, create nothing.
pub const UPDATE_ONLY: u32 = 1;
/// Puts: create, change nothing.
pub const CREATE_ONLY: u32 = 2;
/// Enumerations: what derives from the class is left out, or is limited to the next level.
pub const SHALLOW: u32 = 1;
/// Queries: the class of the result, no instances.
pub const PROTOTYPE: u32 = 2;
/// The call comes back at once; its result is asked for later.
pub const RETURN_IMMEDIATELY: u32 = 0x10;
/// Each object is given once, and forgotten.
pub const FORWARD_ONLY: u32 = 0x20;
/// Progress is reported.
pub const SEND_STATUS: u32 = 0x80;
/// Every object has its keys, also after a projection.
pub const ENSURE_LOCATABLE: u32 = 0x100;
/// The provider itself is asked.
pub const DIRECT_READ: u32 = 0x200;
/// Qualifiers in the language of the client.
pub const USE_AMENDED_QUALIFIERS: u32 = 0x2_0000;

/// All flags that the calls of this interface know.
pub const KNOWN: u32 = UPDATE_ONLY
    | CREATE_ONLY
    | RETURN_IMMEDIATELY
    | FORWARD_ONLY
    | SEND_STATUS
    | ENSURE_LOCATABLE
    | DIRECT_READ
    | USE_AMENDED_QUALIFIERS;

/// A time-out without end.
pub const INFINITE: i32 = -1;
