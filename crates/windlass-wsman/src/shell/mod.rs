//! The Shell resource ([MS-WSMV] 3.1.4.5, 2.2.4.37 and following; digest of its life: Create, then
//! Command, Send, Receive and Signal for each command, Delete; Disconnect, Reconnect and Connect in
//! between).

mod command;
mod connect;
mod info;
mod open;
mod signal;
mod streams;

pub use command::{CommandLine, CommandResponse};
pub use connect::{BufferMode, Connect, ConnectResponse, Disconnect, Reconnect};
pub use info::{CommandInfo, ShellInfo};
pub use open::Shell;
pub use signal::{Signal, SignalCode};
pub use streams::{CommandState, ReceiveOutput, ReceiveResponse, RunState, SendInput, Stream};
