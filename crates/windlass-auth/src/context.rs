//! One side of one authenticated conversation.

use windlass_core::SecretBytes;

use crate::{AuthError, Principal};

/// What a context wants after it looked at a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Send this token to the peer and bring its answer to [`SecurityContext::step`].
    Continue(Vec<u8>),
    /// This side is done. A token, if there is one, still has to reach the peer.
    Complete(Option<Vec<u8>>),
    /// Send this to a KDC and bring its answer to [`SecurityContext::kdc_reply`].
    AskKdc(KdcRequest),
}

/// A message for a Kerberos KDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcRequest {
    /// The realm whose KDC is asked.
    pub realm: String,
    /// The message, without the length that goes before it over TCP.
    pub message: Vec<u8>,
}

/// How sealed messages are labelled on the wire ([MS-WSMV] 2.2.9.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SealingProtocol {
    /// NTLM, and anything that SPNEGO chose.
    Spnego,
    /// Kerberos on its own.
    Kerberos,
    /// CredSSP: TLS records.
    CredSsp,
}

/// A direction of traffic, seen from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From this side to the peer.
    Outgoing,
    /// From the peer to this side.
    Incoming,
}

/// One side, initiator or acceptor, of one security context. A pure state machine.
///
/// Call [`step`](Self::step) until it returns [`Step::Complete`]. The initiator's first call has no
/// input. After an error the context is of no further use: drop it.
///
/// Messages are numbered: both sides must protect and check them in the same order.
pub trait SecurityContext: Send {
    /// Takes the peer's token and says what to do next.
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError>;

    /// Takes the KDC's answer to the last [`Step::AskKdc`].
    fn kdc_reply(&mut self, _reply: &[u8]) -> Result<Step, AuthError> {
        Err(AuthError::State { mechanism: self.mechanism(), reason: "has asked no KDC" })
    }

    /// No KDC of the realm that the last [`Step::AskKdc`] names can be reached. SPNEGO goes on with its
    /// next mechanism; others fail.
    fn kdc_unreachable(&mut self, reason: &str) -> Result<Step, AuthError> {
        Err(AuthError::KdcUnreachable(reason.to_owned()))
    }

    /// A token that tells the peer why, after [`step`](Self::step) failed, where the mechanism has one.
    fn farewell(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Whether the handshake is over on this side.
    fn is_complete(&self) -> bool;

    /// Whether keys are agreed, so that messages can be sealed. May be true before
    /// [`is_complete`](Self::is_complete): an NTLM initiator seals as soon as it has sent its proof.
    fn can_seal(&self) -> bool;

    /// Whether messages can be signed.
    fn can_sign(&self) -> bool {
        self.can_seal()
    }

    /// The label of sealed messages.
    fn sealing_protocol(&self) -> SealingProtocol;

    /// Seals in place: `data` becomes ciphertext and grows only where the mechanism must. The signature
    /// or token that goes before it replaces the content of `header`, whose allocation is reused.
    fn seal(&mut self, _header: &mut Vec<u8>, _data: &mut Vec<u8>) -> Result<(), AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// Unseals in place and returns the length of the plaintext, which starts where `data` starts.
    /// On error the content of `data` is undefined and must not be used.
    fn unseal(&mut self, _header: &[u8], _data: &mut [u8]) -> Result<usize, AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// Deciphers the next bytes of a message of which more is to come, in place; false, and nothing is changed,
    /// where the mechanism cannot. When the message is whole, [`unseal`](Self::unseal) takes all of it, these bytes
    /// as they have become, and says whether it is genuine: before that nobody may look at any of them.
    fn unseal_ahead(&mut self, _part: &mut [u8]) -> Result<bool, AuthError> {
        Ok(false)
    }

    /// Seals a message into one token, as GSS_Wrap does ([RFC 2743] 2.3.3).
    fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, AuthError> {
        let (mut token, mut data) = (Vec::new(), message.to_vec());
        self.seal(&mut token, &mut data)?;
        token.append(&mut data);
        Ok(token)
    }

    /// The reverse of [`wrap`](Self::wrap).
    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        let (signature, data) =
            token.split_at_checked(self.seal_signature_size()).ok_or(AuthError::State {
                mechanism: self.mechanism(),
                reason: "got a sealed message shorter than its signature",
            })?;
        let mut data = data.to_vec();
        let length = self.unseal(signature, &mut data)?;
        data.truncate(length);
        Ok(data)
    }

    /// Seals `data` in place within a message whose `before` and `after` are signed but not sealed, as
    /// DCE/RPC does it. The signature replaces the content of `signature`.
    fn seal_between(
        &mut self,
        _before: &[u8],
        _data: &mut [u8],
        _after: &[u8],
        _signature: &mut Vec<u8>,
    ) -> Result<(), AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// The reverse of [`seal_between`](Self::seal_between).
    fn unseal_between(
        &mut self,
        _before: &[u8],
        _data: &mut [u8],
        _after: &[u8],
        _signature: &[u8],
    ) -> Result<(), AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// Signs a message. The signature replaces the content of `signature`.
    fn sign(&mut self, _message: &[u8], _signature: &mut Vec<u8>) -> Result<(), AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// Checks the peer's signature of a message.
    fn verify(&mut self, _message: &[u8], _signature: &[u8]) -> Result<(), AuthError> {
        Err(unprotected(self.mechanism()))
    }

    /// How many bytes a signature made by [`sign`](Self::sign) takes.
    fn signature_size(&self) -> usize {
        0
    }

    /// How many bytes a signature made by [`seal_between`](Self::seal_between) takes, where that is more.
    fn seal_signature_size(&self) -> usize {
        self.signature_size()
    }

    /// Whether the signature of a DCE/RPC fragment covers its headers even if both sides did not agree on
    /// header signing ([MS-RPCE] 3.3.1.5.2.2).
    fn always_signs_headers(&self) -> bool {
        false
    }

    /// The key that both sides agreed on, once they did.
    fn session_key(&self) -> Option<&SecretBytes>;

    /// Who logged on: the acceptor knows once the initiator proved it.
    fn peer(&self) -> Option<&Principal> {
        None
    }

    /// The mechanism's name: `NTLM`, `Negotiate`, ...
    fn mechanism(&self) -> &'static str;

    /// Whether SPNEGO has to protect its list of mechanisms even where [RFC 4178] section 5 lets it off,
    /// because the mechanism itself protected its handshake ([MS-SPNG] 3.3.5.1).
    fn wants_mech_list_mic(&self) -> bool {
        false
    }

    /// SPNEGO made or checked its MIC in this direction; NTLM starts the cipher of that direction anew
    /// while the sequence number goes on ([MS-SPNG] 3.3.5.1).
    fn mech_list_mic_done(&mut self, _direction: Direction) {}
}

fn unprotected(mechanism: &'static str) -> AuthError {
    AuthError::State { mechanism, reason: "cannot protect messages" }
}

/// The message protection of a [`SecurityContext`] that leaves it to what one of its methods returns.
macro_rules! forward_protection {
    ($inner:ident) => {
        fn seal(&mut self, header: &mut Vec<u8>, data: &mut Vec<u8>) -> Result<(), $crate::AuthError> {
            self.$inner()?.seal(header, data)
        }

        fn unseal(&mut self, header: &[u8], data: &mut [u8]) -> Result<usize, $crate::AuthError> {
            self.$inner()?.unseal(header, data)
        }

        fn unseal_ahead(&mut self, part: &mut [u8]) -> Result<bool, $crate::AuthError> {
            self.$inner()?.unseal_ahead(part)
        }

        fn seal_between(
            &mut self,
            before: &[u8],
            data: &mut [u8],
            after: &[u8],
            signature: &mut Vec<u8>,
        ) -> Result<(), $crate::AuthError> {
            self.$inner()?.seal_between(before, data, after, signature)
        }

        fn unseal_between(
            &mut self,
            before: &[u8],
            data: &mut [u8],
            after: &[u8],
            signature: &[u8],
        ) -> Result<(), $crate::AuthError> {
            self.$inner()?.unseal_between(before, data, after, signature)
        }

        fn sign(&mut self, message: &[u8], signature: &mut Vec<u8>) -> Result<(), $crate::AuthError> {
            self.$inner()?.sign(message, signature)
        }

        fn verify(&mut self, message: &[u8], signature: &[u8]) -> Result<(), $crate::AuthError> {
            self.$inner()?.verify(message, signature)
        }
    };
}

pub(crate) use forward_protection;
