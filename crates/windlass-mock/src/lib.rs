//! An embedded WinRM host: tests, demo and the local computer.
//!
//! [`MockHost`] serves WS-Man over HTTP and HTTPS: PowerShell remoting with commands in Rust, a cmd shell
//! that runs programs where that is allowed, and CIM with the facts of the computer it runs on. Programs
//! embed it and add commands ([`powershell::Cmdlet`]), CIM classes ([`cim::CimProvider`]) and RPC interfaces
//! ([`rpc::RpcService`]).
//!
//! ```no_run
//! # async fn run() -> Result<(), windlass_mock::Error> {
//! use windlass_mock::MockHost;
//!
//! let host = MockHost::builder().user("alice", "secret".to_owned()).http("127.0.0.1:0").start().await?;
//! println!("{:?}", host.http_addr());
//! host.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Specifications: [MS-WSMV], [MS-PSRP], DSP0226 and DSP0227, [MS-RPCE] and C706, [MS-DCOM] and
//! [MS-WMI], as the server.
#![forbid(unsafe_code)]

mod auth;
mod certificate;
pub mod cim;
mod config;
mod dcom;
mod endpoint;
mod environment;
mod error;
mod exec;
pub mod facts;
mod files;
mod host;
mod listener;
mod operations;
pub mod powershell;
mod recording;
pub mod rpc;
mod scenario;
mod settings;
mod shell;
mod statistics;
mod trouble;
mod wsman;

pub use auth::Authentication;
pub use config::{Endpoint, HostLimits, MockHostBuilder};
pub use endpoint::Account;
pub use error::Error;
pub use host::MockHost;
pub use recording::Recorder;
pub use scenario::Scenario;
pub use statistics::Statistics;
pub use trouble::Trouble;
pub use windlass_auth::BindingPolicy;
