//! SPNEGO ([RFC 4178], [MS-SPNG]): which mechanism both sides use, and proof that nobody meddled with the
//! choice.

mod acceptor;
mod initiator;
mod token;

pub use acceptor::{AcceptorFactory, SpnegoAcceptor};
pub use initiator::SpnegoInitiator;
pub use token::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken};

use crate::SecurityContext;

/// The name of the mechanism, in errors.
pub(crate) const NAME: &str = "Negotiate";

/// No SPNEGO token is longer than this, in bytes: a Kerberos ticket with the groups of a large domain is
/// at most 64 KiB ([MS-KILE] 3.1.1.2, MaxTokenSize) and is wrapped twice.
pub const MAX_TOKEN: usize = 80 * 1024;

/// A mechanism that SPNEGO can choose.
pub struct Mechanism {
    /// What it is called on the wire.
    pub mech_type: MechType,
    /// The context that speaks it.
    pub context: Box<dyn SecurityContext>,
}
