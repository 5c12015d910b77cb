//! NTLM ([MS-NLMP]): version 2 only, both roles, with MIC, channel binding, signing and sealing.
//!
//! LM and NTLMv1 responses, anonymous logons, 40- and 56-bit keys and the session security of Windows NT
//! 4.0 are refused rather than implemented.

mod acceptor;
mod av_pairs;
mod crypto;
mod flags;
mod initiator;
mod messages;
mod rc4_md5;
mod seal;

pub use acceptor::{NtlmAcceptor, NtlmAcceptorOptions};
pub use av_pairs::{AvId, AvPair, AvPairs};
pub use crypto::nt_hash;
pub use flags::NegotiateFlags;
pub use initiator::{NtlmInitiator, NtlmInitiatorOptions};
pub use messages::{AuthenticateMessage, ChallengeMessage, Message, NegotiateMessage, SIGNATURE, Version};

/// The name of the mechanism, in errors and principals.
pub(crate) const NAME: &str = "NTLM";

/// No NTLM token is longer than this, in bytes. Windows itself limits them to 2888; names and target
/// information of foreign implementations may need more.
pub const MAX_TOKEN: usize = 16 * 1024;
