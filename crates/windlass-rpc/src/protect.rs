//! Signing and sealing the PDUs of one security context ([MS-RPCE] 3.3.1.5.2).

use windlass_auth::SecurityContext;

use crate::RpcError;
use crate::pdu::{AuthLevel, AuthType, AuthVerifier, Header, Pdu, PduType, fixed_length};

/// A security context of an association and what was agreed for it.
pub(crate) struct Protection {
    pub(crate) context: Box<dyn SecurityContext>,
    pub(crate) auth_type: AuthType,
    pub(crate) level: AuthLevel,
    pub(crate) id: u32,
    /// Both sides announced header signing.
    pub(crate) header_signing: bool,
}

/// The stubs of signed fragments are padded to a multiple of this ([MS-RPCE] 2.2.2.11).
pub(crate) const PAD: usize = 16;

/// The byte ranges of a signed PDU.
struct Parts<'a> {
    before: &'a [u8],
    stub: &'a mut [u8],
    trailer: &'a [u8],
    signature: &'a mut [u8],
}

impl<'a> Parts<'a> {
    fn of(pdu: &'a mut [u8]) -> Result<Self, RpcError> {
        let header = Header::decode(pdu)?;
        let malformed =
            RpcError::Protection { pdu: header.kind.name(), reason: "no room for what is signed" };
        let auth = usize::from(header.auth_length);
        let start = Header::SIZE + fixed_length(&header);
        let end = pdu.len().checked_sub(auth + AuthVerifier::SIZE).ok_or_else(|| malformed.clone())?;
        let (rest, signature) =
            pdu.split_at_mut_checked(end + AuthVerifier::SIZE).ok_or(malformed.clone())?;
        let (rest, trailer) = rest.split_at_mut_checked(end).ok_or_else(|| malformed.clone())?;
        let (before, stub) = rest.split_at_mut_checked(start).ok_or(malformed)?;
        Ok(Self { before, stub, trailer, signature })
    }
}

impl Protection {
    /// Bytes that padding aside a verifier of this context takes.
    pub(crate) fn overhead(&self) -> usize {
        AuthVerifier::SIZE + self.signature_size()
    }

    fn signature_size(&self) -> usize {
        if self.level.seals() { self.context.seal_signature_size() } else { self.context.signature_size() }
    }

    /// A verifier with a token of a handshake.
    pub(crate) fn token<'t>(&self, value: &'t [u8], pad: &'t [u8]) -> AuthVerifier<'t> {
        AuthVerifier {
            auth_type: self.auth_type,
            level: self.level.to_u8(),
            pad_length: u8::try_from(pad.len()).unwrap_or_default(),
            reserved: 0,
            context_id: self.id,
            pad,
            value,
        }
    }

    /// Writes a request or response with padding and signature.
    pub(crate) fn encode(&mut self, pdu: Pdu<'_>, stub: usize) -> Result<Vec<u8>, RpcError> {
        let size = self.signature_size();
        let fits = |slice: Option<&'static [u8]>| {
            slice.ok_or(RpcError::Limit { what: "bytes of a signature", actual: size, limit: ZEROS.len() })
        };
        let pad = fits(ZEROS.get(..stub.next_multiple_of(PAD) - stub))?;
        let value = fits(ZEROS.get(..size))?;
        let auth = Some(self.token(value, pad));
        let mut bytes = Pdu { auth, ..pdu }.encode()?;
        self.sign(&mut bytes)?;
        Ok(bytes)
    }

    fn sign(&mut self, pdu: &mut [u8]) -> Result<(), RpcError> {
        let mut made = Vec::new();
        let covers = self.covers_headers();
        if self.level.seals() {
            let parts = Parts::of(pdu)?;
            let (before, after) = if covers { (parts.before, parts.trailer) } else { (&[][..], &[][..]) };
            self.context.seal_between(before, parts.stub, after, &mut made)?;
        } else {
            let message = self.signed(pdu, covers)?;
            self.context.sign(message, &mut made)?;
        }
        let parts = Parts::of(pdu)?;
        if parts.signature.len() != made.len() {
            let reason = "the mechanism made a signature of another length than it announced";
            return Err(RpcError::Protection { pdu: "PDU", reason });
        }
        parts.signature.copy_from_slice(&made);
        Ok(())
    }

    /// Checks the signature of a PDU whose verifier names this context, and decrypts its stub.
    pub(crate) fn check(&mut self, pdu: &mut [u8]) -> Result<(), RpcError> {
        let covers = self.covers_headers();
        if self.level.seals() {
            let parts = Parts::of(pdu)?;
            let (before, after) = if covers { (parts.before, parts.trailer) } else { (&[][..], &[][..]) };
            self.context.unseal_between(before, parts.stub, after, parts.signature)?;
        } else {
            let signature = Parts::of(pdu)?.signature.to_vec();
            let message = self.signed(pdu, covers)?;
            self.context.verify(message, &signature)?;
        }
        Ok(())
    }

    /// Whether a verifier is of this context as it was agreed.
    pub(crate) fn matches(&self, verifier: &AuthVerifier<'_>) -> bool {
        verifier.auth_type == self.auth_type
            && verifier.level == self.level.to_u8()
            && verifier.context_id == self.id
    }

    /// What a signature covers that encrypts nothing.
    fn signed<'p>(&self, pdu: &'p mut [u8], covers: bool) -> Result<&'p [u8], RpcError> {
        if covers {
            let end =
                Parts::of(pdu).map(|parts| parts.before.len() + parts.stub.len() + parts.trailer.len())?;
            return Ok(pdu.get(..end).unwrap_or_default());
        }
        Ok(Parts::of(pdu)?.stub)
    }

    fn covers_headers(&self) -> bool {
        self.header_signing || self.context.always_signs_headers()
    }
}

/// What padding and places for signatures are taken from.
static ZEROS: [u8; 256] = [0; 256];

/// The verifier of an encoded PDU without its token: which context vouches for it, and how.
pub(crate) fn verifier<'p>(header: &Header, pdu: &'p [u8]) -> Result<Option<AuthVerifier<'p>>, RpcError> {
    if header.auth_length == 0 {
        return Ok(None);
    }
    // Bodies of calls may be encrypted: they decode all the same, their stubs being bytes.
    debug_assert!(matches!(header.kind, PduType::Request | PduType::Response | PduType::Fault));
    Ok(Pdu::decode(pdu)?.auth)
}
