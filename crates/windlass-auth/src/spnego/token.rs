//! [RFC 4178] section 4.2 and [MS-SPNG] 2.2.1: NegTokenInit, NegTokenInit2 and NegTokenResp.

use std::fmt;

use super::MAX_TOKEN;
use crate::AuthError;
use crate::der::{self, Reader};

/// More mechanisms than this in one list are refused.
const MAX_MECH_TYPES: usize = 32;

/// `[APPLICATION 0]`: the frame of an initial token ([RFC 2743] section 3.1).
const APPLICATION_0: u8 = 0x60;

/// The object identifier of SPNEGO itself: 1.3.6.1.5.5.2.
const SPNEGO: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];

/// A mechanism's object identifier, as the content octets of its DER form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MechType(Vec<u8>);

impl MechType {
    const KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
    const MS_KERBEROS: &[u8] = &[0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
    const NTLM: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];
    const NEGOEX: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E];

    /// 1.2.840.113554.1.2.2.
    pub fn kerberos() -> Self {
        Self(Self::KERBEROS.to_vec())
    }

    /// 1.2.840.48018.1.2.2, the same mechanism under the number that Windows 2000 gave it by mistake and
    /// that Windows still offers first.
    pub fn ms_kerberos() -> Self {
        Self(Self::MS_KERBEROS.to_vec())
    }

    /// 1.3.6.1.4.1.311.2.2.10.
    pub fn ntlm() -> Self {
        Self(Self::NTLM.to_vec())
    }

    /// Whether both name the same mechanism, whatever number they use for it.
    pub fn is_same_mechanism(&self, other: &Self) -> bool {
        let kerberos = |mech: &Self| mech.0 == Self::KERBEROS || mech.0 == Self::MS_KERBEROS;
        self == other || kerberos(self) && kerberos(other)
    }

    /// The content octets.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            Self::KERBEROS => return f.write_str("Kerberos"),
            Self::MS_KERBEROS => return f.write_str("MS-Kerberos"),
            Self::NTLM => return f.write_str("NTLM"),
            Self::NEGOEX => return f.write_str("NegoEx"),
            _ => {}
        }
        let mut number: u64 = 0;
        let mut first = true;
        for octet in &self.0 {
            number = (number << 7) | u64::from(octet & 0x7F);
            if octet & 0x80 != 0 {
                continue;
            }
            if first {
                let root = (number / 40).min(2);
                write!(f, "{root}.{}", number - 40 * root)?;
                first = false;
            } else {
                write!(f, ".{number}")?;
            }
            number = 0;
        }
        Ok(())
    }
}

impl fmt::Debug for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechType({self})")
    }
}

/// How far the negotiation is, as the acceptor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegState {
    /// Over, with success.
    AcceptCompleted,
    /// Another token is needed.
    AcceptIncomplete,
    /// Over, refused.
    Reject,
    /// Another token is needed, and the list of mechanisms must be protected.
    RequestMic,
}

/// The first token of either side: the offered mechanisms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegTokenInit {
    /// The mechanisms, the preferred one first.
    pub mech_types: Vec<MechType>,
    /// A first token of the preferred mechanism.
    pub mech_token: Option<Vec<u8>>,
    /// The name that an acceptor hints at (NegTokenInit2 only).
    pub hint_name: Option<Vec<u8>>,
    /// A MIC over the list of mechanisms.
    pub mech_list_mic: Option<Vec<u8>>,
}

/// Every further token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegTokenResp {
    /// The acceptor's view of the negotiation.
    pub neg_state: Option<NegState>,
    /// The mechanism that the acceptor chose; in its first answer only.
    pub supported_mech: Option<MechType>,
    /// A token of the chosen mechanism.
    pub response_token: Option<Vec<u8>>,
    /// A MIC over the initiator's list of mechanisms.
    pub mech_list_mic: Option<Vec<u8>>,
}

/// Either of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NegotiationToken {
    /// A first token.
    Init(NegTokenInit),
    /// A further token.
    Resp(NegTokenResp),
}

impl NegotiationToken {
    /// Reads a token.
    ///
    /// # Errors
    /// The token is too long, not SPNEGO, or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        if bytes.len() > MAX_TOKEN {
            return Err(AuthError::TooLarge { what: "spnego token", actual: bytes.len(), limit: MAX_TOKEN });
        }
        let mut reader = Reader::new(bytes, "spnego token");
        let token = match reader.peek() {
            Some(APPLICATION_0) => {
                let mut frame = reader.enter(APPLICATION_0, "InitialContextToken")?;
                if frame.expect(der::OBJECT_IDENTIFIER, "thisMech")?.content != SPNEGO {
                    return Err(frame.malformed("thisMech", "expected SPNEGO"));
                }
                let mut choice = frame.enter(der::context(0), "negTokenInit")?;
                let token = NegTokenInit::decode(&mut choice)?;
                frame.finish("InitialContextToken")?;
                Self::Init(token)
            }
            _ => {
                let mut choice = reader.enter(der::context(1), "negTokenResp")?;
                Self::Resp(NegTokenResp::decode(&mut choice)?)
            }
        };
        reader.finish("NegotiationToken")?;
        Ok(token)
    }
}

impl NegTokenInit {
    fn decode(choice: &mut Reader<'_>) -> Result<Self, AuthError> {
        let mut fields = choice.enter(der::SEQUENCE, "NegTokenInit")?;
        choice.finish("NegTokenInit")?;
        let mut token = Self::default();
        let mut list = fields.enter(der::context(0), "mechTypes")?;
        let mut mech_types = list.enter(der::SEQUENCE, "mechTypes")?;
        list.finish("mechTypes")?;
        while !mech_types.is_empty() {
            if token.mech_types.len() == MAX_MECH_TYPES {
                return Err(mech_types.malformed("mechTypes", "too many mechanisms"));
            }
            let oid = mech_types.expect(der::OBJECT_IDENTIFIER, "mechTypes")?;
            token.mech_types.push(MechType(oid.content.to_vec()));
        }
        // reqFlags mean nothing, by the RFC's own words.
        fields.optional_explicit(der::context(1), der::BIT_STRING, "reqFlags")?;
        token.mech_token =
            fields.optional_explicit(der::context(2), der::OCTET_STRING, "mechToken")?.map(<[u8]>::to_vec);
        if let Some(mut third) = fields.enter_optional(der::context(3), "negHints or mechListMIC")? {
            // The two forms of the token differ in what has the number 3.
            if third.peek() == Some(der::SEQUENCE) {
                let mut hints = third.enter(der::SEQUENCE, "negHints")?;
                let name = hints.optional_explicit(der::context(0), der::GENERAL_STRING, "hintName")?;
                token.hint_name = name.map(<[u8]>::to_vec);
                hints.optional_explicit(der::context(1), der::OCTET_STRING, "hintAddress")?;
                hints.finish("negHints")?;
            } else {
                token.mech_list_mic = Some(third.expect(der::OCTET_STRING, "mechListMIC")?.content.to_vec());
            }
            third.finish("negHints or mechListMIC")?;
        }
        if let Some(mic) = fields.optional_explicit(der::context(4), der::OCTET_STRING, "mechListMIC")? {
            token.mech_list_mic = Some(mic.to_vec());
        }
        fields.finish("NegTokenInit")?;
        Ok(token)
    }

    /// Writes the token with the frame around it; as NegTokenInit2 if there is a hint.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        der::write(&mut fields, der::context(0), &encode_mech_types(&self.mech_types));
        if let Some(token) = &self.mech_token {
            fields.extend(der::wrapped(der::context(2), der::OCTET_STRING, token));
        }
        if let Some(name) = &self.hint_name {
            let hint = der::wrapped(der::context(0), der::GENERAL_STRING, name);
            fields.extend(der::wrapped(der::context(3), der::SEQUENCE, &hint));
        }
        if let Some(mic) = &self.mech_list_mic {
            let number = if self.hint_name.is_some() { 4 } else { 3 };
            fields.extend(der::wrapped(der::context(number), der::OCTET_STRING, mic));
        }
        let mut frame = Vec::new();
        der::write(&mut frame, der::OBJECT_IDENTIFIER, SPNEGO);
        frame.extend(der::wrapped(der::context(0), der::SEQUENCE, &fields));
        let mut out = Vec::new();
        der::write(&mut out, APPLICATION_0, &frame);
        out
    }
}

impl NegTokenResp {
    fn decode(choice: &mut Reader<'_>) -> Result<Self, AuthError> {
        let mut fields = choice.enter(der::SEQUENCE, "NegTokenResp")?;
        choice.finish("NegTokenResp")?;
        let neg_state = match fields.optional_explicit(der::context(0), der::ENUMERATED, "negState")? {
            None => None,
            Some([0]) => Some(NegState::AcceptCompleted),
            Some([1]) => Some(NegState::AcceptIncomplete),
            Some([2]) => Some(NegState::Reject),
            Some([3]) => Some(NegState::RequestMic),
            Some(_) => return Err(fields.malformed("negState", "expected 0 to 3")),
        };
        let supported_mech =
            fields.optional_explicit(der::context(1), der::OBJECT_IDENTIFIER, "supportedMech")?;
        let response_token = fields.optional_explicit(der::context(2), der::OCTET_STRING, "responseToken")?;
        let mech_list_mic = fields.optional_explicit(der::context(3), der::OCTET_STRING, "mechListMIC")?;
        fields.finish("NegTokenResp")?;
        Ok(Self {
            neg_state,
            supported_mech: supported_mech.map(|oid| MechType(oid.to_vec())),
            response_token: response_token.map(<[u8]>::to_vec),
            mech_list_mic: mech_list_mic.map(<[u8]>::to_vec),
        })
    }

    /// Writes the token.
    pub fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        if let Some(state) = self.neg_state {
            let number = match state {
                NegState::AcceptCompleted => 0,
                NegState::AcceptIncomplete => 1,
                NegState::Reject => 2,
                NegState::RequestMic => 3,
            };
            fields.extend(der::wrapped(der::context(0), der::ENUMERATED, &[number]));
        }
        if let Some(mech) = &self.supported_mech {
            fields.extend(der::wrapped(der::context(1), der::OBJECT_IDENTIFIER, mech.octets()));
        }
        if let Some(token) = &self.response_token {
            fields.extend(der::wrapped(der::context(2), der::OCTET_STRING, token));
        }
        if let Some(mic) = &self.mech_list_mic {
            fields.extend(der::wrapped(der::context(3), der::OCTET_STRING, mic));
        }
        der::wrapped(der::context(1), der::SEQUENCE, &fields)
    }
}

/// MechTypeList in DER: what mechListMIC covers.
pub(super) fn encode_mech_types(mech_types: &[MechType]) -> Vec<u8> {
    let mut list = Vec::new();
    for mech in mech_types {
        der::write(&mut list, der::OBJECT_IDENTIFIER, mech.octets());
    }
    let mut out = Vec::new();
    der::write(&mut out, der::SEQUENCE, &list);
    out
}

/// Whether a token begins like an initial token of a mechanism other than SPNEGO, and which one.
pub(super) fn raw_mechanism(bytes: &[u8]) -> Option<MechType> {
    if bytes.starts_with(crate::ntlm::SIGNATURE) {
        return Some(MechType::ntlm());
    }
    let mut reader = Reader::new(bytes, "initial token");
    let mut frame = reader.enter(APPLICATION_0, "InitialContextToken").ok()?;
    let oid = frame.expect(der::OBJECT_IDENTIFIER, "thisMech").ok()?.content;
    (oid != SPNEGO).then(|| MechType(oid.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_mechanisms() {
        assert_eq!(MechType::kerberos().to_string(), "Kerberos");
        assert_eq!(MechType(SPNEGO.to_vec()).to_string(), "1.3.6.1.5.5.2");
        assert!(MechType::kerberos().is_same_mechanism(&MechType::ms_kerberos()));
        assert!(!MechType::kerberos().is_same_mechanism(&MechType::ntlm()));
    }

    #[test]
    fn raw_tokens_are_recognised() {
        assert_eq!(raw_mechanism(b"NTLMSSP\0\x01\0\0\0"), Some(MechType::ntlm()));
        let mut frame = Vec::new();
        der::write(&mut frame, der::OBJECT_IDENTIFIER, MechType::KERBEROS);
        let mut token = Vec::new();
        der::write(&mut token, APPLICATION_0, &frame);
        assert_eq!(raw_mechanism(&token), Some(MechType::kerberos()));
        assert_eq!(raw_mechanism(&NegTokenInit::default().encode()), None);
        assert_eq!(raw_mechanism(b""), None);
    }

    #[test]
    fn both_forms_of_the_first_token_round_trip() {
        for hint_name in [None, Some(b"not_defined_in_RFC4178@please_ignore".to_vec())] {
            let token = NegTokenInit {
                mech_types: vec![MechType::kerberos(), MechType::ntlm()],
                mech_token: Some(vec![1; 200]),
                hint_name,
                mech_list_mic: Some(vec![2; 16]),
            };
            assert_eq!(NegotiationToken::decode(&token.encode()), Ok(NegotiationToken::Init(token)));
        }
    }
}
