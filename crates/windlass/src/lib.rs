//! Sessions: PSSession and CimSession, asynchronously.
//!
//! - [`PsSession`] runs PowerShell on a remote computer: [`PsSession::invoke`] starts a pipeline and
//!   gives its output as it comes.
//!   [`PsSession::copy_to`] and [`PsSession::copy_from`] copy files.
//! - [`CimSession`] reads, changes and calls objects of Windows management.
//! - [`WinRsShell`] runs programs and commands of `cmd.exe`.
//! - [`blocking`] has the same sessions for programs without `async`.
//! - [`identify()`] asks which service answers; [`fleet()`] works on many computers at once.
//!
//! Every session is made by a builder from a [`Target`]; parameters that do not fit are refused before
//! anything is sent. Whatever a session opens on the host is closed again: on success, on error, when a
//! future is dropped half-way, and when the session itself is dropped. [`Error`] says which layer
//! failed, on which host and why.
//!
//! ```no_run
//! use windlass::{CimSession, Credential, PsSession, Secret};
//!
//! # async fn run() -> windlass::Result<()> {
//! let alice = Credential::password("CORP\\alice", Secret::new("..."));
//! let session = PsSession::builder("srv1").use_ssl(true).credential(alice.clone()).connect().await?;
//! for process in session.invoke_script("Get-Process").collect().await?.output {
//!     println!("{}", process.get("Name").and_then(|name| name.as_str()).unwrap_or_default());
//! }
//! session.close().await?;
//!
//! let cim = CimSession::builder("srv1").credential(alice).connect().await?;
//! let mut services = cim.query("root/cimv2", "SELECT Name FROM Win32_Service WHERE Started = FALSE");
//! while let Some(service) = services.next().await {
//!     println!("{:?}", service?.get("Name"));
//! }
//! cim.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! What is done is told by `tracing`: spans named `open`, `pipeline` and `request` carry the host and the ids of
//! session, pipeline and request.
//!
//! Specifications: [MS-WSMV], DSP0226 (WS-Management), DSP0227 (CIM over it), [MS-PSRP] (PowerShell
//! remoting).
#![forbid(unsafe_code)]

mod batches;
pub mod blocking;
mod cim;
mod client;
mod copy;
mod dcom;
mod error;
mod fleet;
mod identify;
pub mod kerberos;
mod options;
mod pages;
mod patience;
mod ps;
mod retry;
mod shell;
mod statistics;
mod tap;
mod target;
mod tasks;
mod winrs;

pub use cim::{
    CimSession, CimSessionBuilder, CimSessionOptions, ClassFilter, Delivered, Enumeration, EventStream,
    InstanceStream, Listing, MethodResult, OperationOptions, Protocol, ResourceItem, SinkCall, SinkListener,
    SinkOptions, SinkStream, Subscription, TypedStream, UriStyle, WsmanResource,
};
pub use copy::{CopiedItem, CopyChoice, CopyEvent, CopyOptions, CopyPlace, CopyReport, CopyWay};
pub use dcom::{DcomOptions, ResolverSight, greet_resolver};
pub use error::{Error, ErrorKind, Layer, Result};
pub use fleet::{DEFAULT_THROTTLE, Fleet, fleet, within};
pub use identify::{Identity, greet, identify, inspect_tls};
pub use options::WsmanOptions;
pub use ps::{
    Answering, Availability, Collected, DisconnectOptions, FoundSession, Host, HostAnswer, HostRequest,
    Invocation, InvokeOptions, NetworkEvent, PipelineEvent, PipelineInput, ProcessCommand, PsSession,
    PsSessionBuilder, PsSessionOptions, SessionState, SessionTicket, SshConnection, Stopper,
};
pub use statistics::Statistics;
pub use tap::Tap;
pub use target::{Authentication, Target};
pub use tasks::settled;
pub use uuid::Uuid;
pub use windlass_auth::{Credential, MissingTicket};
pub use windlass_cim as model;
pub use windlass_clixml as clixml;
pub use windlass_core::Secret;
pub use windlass_net as net;
pub use windlass_psrp as psrp;
pub use windlass_psrp::{CreatePipeline, PipelineState, PowerShell};
pub use windlass_wsman as wsman;
pub use windlass_wsman::BufferMode;
pub use winrs::TextDecoder;
pub use winrs::{
    CommandInput, Output, RunningCommand, ShellEvent, WinRsCommand, WinRsShell, WinRsShellBuilder,
    WinRsSignal,
};
