//! Limits, secrets, status codes and byte cursors shared by every Windlass crate.
//!
//! This crate knows no protocol. It holds the few things that every layer needs in the same form:
//! [`Secret`] and [`SecretBytes`] for what must never be printed, [`cursor::ReadCursor`] for reading
//! binary structures that a peer wrote, and the Windows status codes ([`status::Hresult`],
//! [`status::NtStatus`], [`status::Win32Error`]) with their names from [MS-ERREF].
#![forbid(unsafe_code)]

pub mod cursor;
mod secret;
pub mod status;

pub use secret::{Secret, SecretBytes, ct_eq};
