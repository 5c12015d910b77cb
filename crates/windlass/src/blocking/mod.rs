//! The same sessions for programs without `async`: calls wait for their outcome, and iterators take the place of
//! streams.
//!
//! One runtime of this module does the work of all of them, in two threads of its own. Inside another runtime,
//! where waiting would hold up everything else, each call is refused by an error that says so.
//!
//! ```no_run
//! use windlass::blocking::PsSession;
//! use windlass::{Credential, PowerShell};
//!
//! # fn main() -> windlass::Result<()> {
//! let session = PsSession::builder("srv1")
//!     .credential(Credential::password("alice", "secret".to_owned()))
//!     .connect()?;
//! for event in session.invoke(PowerShell::new().command("Get-Process")) {
//!     println!("{:?}", event?);
//! }
//! session.close()
//! # }
//! ```

mod cim;
mod ps;
mod winrs;

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

pub use cim::{CimSession, CimSessionBuilder, Events, Instances, Values};
pub use ps::{Invocation, PipelineInput, PsSession, PsSessionBuilder};
pub use winrs::{CommandInput, RunningCommand, WinRsShell, WinRsShellBuilder};

/// Gives a blocking builder the methods of the one that it wraps.
macro_rules! forward {
    ($($(#[$about:meta])* $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(
            $(#[$about])*
            #[must_use]
            pub fn $name(self, $($argument: $type),*) -> Self {
                Self(self.0.$name($($argument),*))
            }
        )*
    };
}
use forward;

/// The same for the methods that all builders have from their target.
macro_rules! forward_target {
    () => {
        forward! {
            /// Takes over all parameters of a target.
            target(target: crate::Target);
            /// Another port than 5985, or 5986 with TLS.
            port(port: u16);
            /// TLS (`-UseSSL`).
            use_ssl(use_ssl: bool);
            /// The path of the service: `wsman` unless said otherwise.
            application_name(name: &str);
            /// How to prove who the user is.
            authentication(authentication: crate::Authentication);
            /// Who the user is.
            credential(credential: crate::Credential);
            /// Allow messages to travel unencrypted over plain HTTP.
            allow_unencrypted(allow: bool);
            /// Accept certificates from unknown authorities.
            skip_ca_check(skip: bool);
            /// Accept certificates for other names.
            skip_cn_check(skip: bool);
        }
    };
}
use forward_target;

/// Threads that do the work.
const THREADS: usize = 2;

/// Does the work and waits for it.
fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(work)
}

/// The same for work that cannot fail.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T> {
    Ok(runtime()?.block_on(work))
}

/// The next item of a stream, which ends after its first error.
fn step<T>(is_over: &mut bool, next: impl Future<Output = Option<Result<T>>>) -> Option<Result<T>> {
    if *is_over {
        return None;
    }
    let item = wait_for(next).unwrap_or_else(|error| Some(Err(error)));
    *is_over = !matches!(item, Some(Ok(_)));
    item
}

/// The runtime of this module, unless the caller is in another.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    if Handle::try_current().is_ok() {
        return Err(Error::usage(
            "a blocking session cannot be used inside an async runtime: use the asynchronous one, \
             or a thread of its own",
        ));
    }
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(THREADS).thread_name("windlass").enable_all().build()
    });
    runtime.as_ref().map_err(|error| Error::usage(format!("the runtime does not start: {error}")))
}
