//! The framing that PowerShell uses over SSH and standard streams (`pwsh -s`): one XML element a line.
//!
//! A client sends `Data`, `Command`, `Signal` and `Close`; the server acknowledges each with an element
//! of the same name and `Ack`, and sends `Data` of its own, which nobody acknowledges. A client sends
//! the next `Data` for a pipeline, or for the pool, when the one before was acknowledged. The GUID of
//! the pool is zero. There is no specification; PowerShell 7.6 is followed.

mod client;
mod lines;
mod packet;
mod server;

pub use client::ClientLink;
pub use lines::LineBuffer;
pub use packet::{ERROR_PREFIX, Packet};
pub use server::ServerLink;
