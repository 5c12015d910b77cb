//! [MS-NLMP] 2.2.1: the three messages of the handshake.

use windlass_core::cursor::{ReadCursor, ReadError};

use super::{AvPairs, MAX_TOKEN, NegotiateFlags};
use crate::AuthError;

/// What every NTLM message starts with.
pub const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Fixed part of an AUTHENTICATE message up to its flags.
const AUTHENTICATE_FIXED: usize = 64;
/// Where the MIC is if the Version field is there, as the specification has it.
const MIC_OFFSET: usize = 72;
/// Size of the MIC.
const MIC_SIZE: usize = 16;

/// Any of the three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Type 1, from the initiator.
    Negotiate(NegotiateMessage),
    /// Type 2, from the acceptor.
    Challenge(ChallengeMessage),
    /// Type 3, from the initiator.
    Authenticate(AuthenticateMessage),
}

/// VERSION ([MS-NLMP] 2.2.2.10): for debugging only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Major version of the operating system.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
    /// Build number.
    pub build: u16,
    /// NTLMRevisionCurrent.
    pub revision: u8,
}

impl Version {
    /// What this implementation says of itself: no operating system, NTLMSSP_REVISION_W2K3.
    pub const OWN: Self = Self { major: 0, minor: 1, build: 0, revision: 15 };

    fn decode(cursor: &mut ReadCursor<'_>) -> Result<Self, ReadError> {
        let [major, minor, build_low, build_high, _, _, _, revision] = cursor.array("Version")?;
        Ok(Self { major, minor, build: u16::from_le_bytes([build_low, build_high]), revision })
    }

    fn encode(self) -> [u8; 8] {
        let [build_low, build_high] = self.build.to_le_bytes();
        [self.major, self.minor, build_low, build_high, 0, 0, 0, self.revision]
    }
}

/// NEGOTIATE_MESSAGE ([MS-NLMP] 2.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegotiateMessage {
    /// What the initiator can do.
    pub flags: NegotiateFlags,
    /// Its domain, in the OEM code page.
    pub domain: Vec<u8>,
    /// Its computer, in the OEM code page.
    pub workstation: Vec<u8>,
    /// Its version.
    pub version: Option<Version>,
}

/// CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChallengeMessage {
    /// What both sides can do.
    pub flags: NegotiateFlags,
    /// The acceptor's domain or computer.
    pub target_name: String,
    /// The nonce.
    pub server_challenge: [u8; 8],
    /// What the acceptor says about itself.
    pub target_info: AvPairs,
    /// Its version.
    pub version: Option<Version>,
}

/// AUTHENTICATE_MESSAGE ([MS-NLMP] 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticateMessage {
    /// LmChallengeResponse.
    pub lm_response: Vec<u8>,
    /// NtChallengeResponse: with NTLM v2, NTProofStr and NTLMv2_CLIENT_CHALLENGE.
    pub nt_response: Vec<u8>,
    /// The user's domain.
    pub domain: String,
    /// The user.
    pub user: String,
    /// The initiator's computer.
    pub workstation: String,
    /// EncryptedRandomSessionKey.
    pub encrypted_session_key: Vec<u8>,
    /// What the initiator settled on.
    pub flags: NegotiateFlags,
    /// Its version.
    pub version: Option<Version>,
    /// Where the MIC is, if there is room for one, in bytes from the start of the message.
    pub mic_offset: Option<usize>,
    /// The MIC, if there is room for one. Whether it means anything, an AV pair tells.
    pub mic: Option<[u8; MIC_SIZE]>,
}

impl Message {
    /// Reads whichever message it is.
    ///
    /// # Errors
    /// The message is too long, truncated, or none of the three.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let mut cursor = ReadCursor::new(bytes);
        let kind = header(&mut cursor, "ntlm message")?;
        match kind {
            1 => NegotiateMessage::decode(bytes).map(Self::Negotiate),
            2 => ChallengeMessage::decode(bytes).map(Self::Challenge),
            3 => AuthenticateMessage::decode(bytes).map(Self::Authenticate),
            _ => Err(malformed("ntlm message", "MessageType", "expected 1, 2 or 3")),
        }
    }
}

impl NegotiateMessage {
    const TOKEN: &str = "ntlm negotiate message";

    /// Reads a NEGOTIATE message. Old clients leave out everything after the flags.
    ///
    /// # Errors
    /// The message is too long, truncated, or another one.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let short = AuthError::truncated(Self::TOKEN);
        let mut cursor = ReadCursor::new(bytes);
        expect_kind(&mut cursor, 1, Self::TOKEN)?;
        let flags = NegotiateFlags(cursor.u32_le("NegotiateFlags").map_err(&short)?);
        let mut message = Self { flags, ..Self::default() };
        if cursor.remaining() >= 16 {
            let domain = Field::decode(&mut cursor, "DomainNameFields").map_err(&short)?;
            let workstation = Field::decode(&mut cursor, "WorkstationFields").map_err(&short)?;
            if flags.contains(NegotiateFlags::OEM_DOMAIN_SUPPLIED) {
                message.domain = domain.content(bytes).map_err(&short)?.to_vec();
            }
            if flags.contains(NegotiateFlags::OEM_WORKSTATION_SUPPLIED) {
                message.workstation = workstation.content(bytes).map_err(&short)?.to_vec();
            }
            if flags.contains(NegotiateFlags::VERSION) && cursor.remaining() >= 8 {
                message.version = Some(Version::decode(&mut cursor).map_err(&short)?);
            }
        }
        Ok(message)
    }

    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(1);
        out.extend_from_slice(&self.flags.0.to_le_bytes());
        let version = version_field(self.version, self.flags);
        let mut payload = Payload::after(32 + version.len());
        payload.add(&mut out, &self.domain);
        payload.add(&mut out, &self.workstation);
        out.extend_from_slice(&version);
        payload.finish(out)
    }
}

impl ChallengeMessage {
    const TOKEN: &str = "ntlm challenge message";

    /// Reads a CHALLENGE message.
    ///
    /// # Errors
    /// The message is too long, truncated, another one, or has malformed AV pairs.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let short = AuthError::truncated(Self::TOKEN);
        let mut cursor = ReadCursor::new(bytes);
        expect_kind(&mut cursor, 2, Self::TOKEN)?;
        let target_name = Field::decode(&mut cursor, "TargetNameFields").map_err(&short)?;
        let flags = NegotiateFlags(cursor.u32_le("NegotiateFlags").map_err(&short)?);
        let server_challenge = cursor.array("ServerChallenge").map_err(&short)?;
        let mut target_info = AvPairs::new();
        let mut version = None;
        if cursor.remaining() >= 16 {
            cursor.take(8, "Reserved").map_err(&short)?;
            let field = Field::decode(&mut cursor, "TargetInfoFields").map_err(&short)?;
            let content = field.content(bytes).map_err(&short)?;
            if flags.contains(NegotiateFlags::TARGET_INFO) && !content.is_empty() {
                target_info = AvPairs::decode(&mut ReadCursor::new(content))?;
            }
            if flags.contains(NegotiateFlags::VERSION) && cursor.remaining() >= 8 {
                version = Some(Version::decode(&mut cursor).map_err(&short)?);
            }
        }
        let target_name = target_name.content(bytes).map_err(&short)?;
        let target_name = text(target_name, flags, Self::TOKEN, "TargetName")?;
        Ok(Self { flags, target_name, server_challenge, target_info, version })
    }

    /// Writes the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(2);
        // There even if its flag is not set: readers need not look at the flag to find the payload.
        let version = version_field(self.version, self.flags | NegotiateFlags::VERSION);
        let mut payload = Payload::after(48 + version.len());
        payload.add(&mut out, &encode_text(&self.target_name, self.flags));
        out.extend_from_slice(&self.flags.0.to_le_bytes());
        out.extend_from_slice(&self.server_challenge);
        out.extend_from_slice(&[0; 8]);
        let mut target_info = Vec::new();
        if self.flags.contains(NegotiateFlags::TARGET_INFO) {
            self.target_info.encode(&mut target_info);
        }
        payload.add(&mut out, &target_info);
        out.extend_from_slice(&version);
        payload.finish(out)
    }
}

impl AuthenticateMessage {
    const TOKEN: &str = "ntlm authenticate message";

    /// Reads an AUTHENTICATE message.
    ///
    /// # Errors
    /// The message is too long, truncated, another one, or has texts that are not in its code page.
    pub fn decode(bytes: &[u8]) -> Result<Self, AuthError> {
        let short = AuthError::truncated(Self::TOKEN);
        let mut cursor = ReadCursor::new(bytes);
        expect_kind(&mut cursor, 3, Self::TOKEN)?;
        let mut fields = [Field::default(); 6];
        const NAMES: [&str; 6] = [
            "LmChallengeResponseFields",
            "NtChallengeResponseFields",
            "DomainNameFields",
            "UserNameFields",
            "WorkstationFields",
            "EncryptedRandomSessionKeyFields",
        ];
        for (field, name) in fields.iter_mut().zip(NAMES) {
            *field = Field::decode(&mut cursor, name).map_err(&short)?;
        }
        let flags = NegotiateFlags(cursor.u32_le("NegotiateFlags").map_err(&short)?);
        let payload = fields.iter().filter(|field| field.length > 0).map(|field| field.offset).min();
        let payload = payload.unwrap_or(bytes.len()).min(bytes.len());

        // Between the flags and the payload there may be the Version, the MIC, both or neither: some
        // implementations leave the Version out where its flag is not set.
        let gap = payload.saturating_sub(AUTHENTICATE_FIXED);
        let mut version = None;
        if gap == 8 || gap >= MIC_OFFSET + MIC_SIZE - AUTHENTICATE_FIXED {
            let decoded = Version::decode(&mut cursor).map_err(&short)?;
            version = flags.contains(NegotiateFlags::VERSION).then_some(decoded);
        }
        let mut mic_offset = None;
        let mut mic = None;
        if gap >= MIC_SIZE {
            mic_offset = Some(cursor.position());
            mic = Some(cursor.array("MIC").map_err(&short)?);
        }

        let content = |field: &Field| field.content(bytes).map_err(&short);
        let [lm_response, nt_response, domain, user, workstation, session_key] = &fields;
        Ok(Self {
            lm_response: content(lm_response)?.to_vec(),
            nt_response: content(nt_response)?.to_vec(),
            domain: text(content(domain)?, flags, Self::TOKEN, "DomainName")?,
            user: text(content(user)?, flags, Self::TOKEN, "UserName")?,
            workstation: text(content(workstation)?, flags, Self::TOKEN, "Workstation")?,
            encrypted_session_key: content(session_key)?.to_vec(),
            flags,
            version,
            mic_offset,
            mic,
        })
    }

    /// Writes the message with Version and MIC where the specification has them, whether they are set or
    /// not. `mic_offset` is not looked at.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = start(3);
        let mut payload = Payload::after(MIC_OFFSET + MIC_SIZE);
        // The header's order is fixed; the payload's order is that of Windows: names, then responses.
        let domain = payload.place(&encode_text(&self.domain, self.flags));
        let user = payload.place(&encode_text(&self.user, self.flags));
        let workstation = payload.place(&encode_text(&self.workstation, self.flags));
        let lm_response = payload.place(&self.lm_response);
        let nt_response = payload.place(&self.nt_response);
        let session_key = payload.place(&self.encrypted_session_key);
        for field in [lm_response, nt_response, domain, user, workstation, session_key] {
            field.encode(&mut out);
        }
        out.extend_from_slice(&self.flags.0.to_le_bytes());
        out.extend_from_slice(&self.version.map_or([0; 8], Version::encode));
        out.extend_from_slice(&self.mic.unwrap_or_default());
        payload.finish(out)
    }

    /// Writes a MIC into an encoded message of this implementation.
    pub(super) fn set_mic(encoded: &mut [u8], mic: &[u8; MIC_SIZE]) {
        if let Some(field) = encoded.get_mut(MIC_OFFSET..MIC_OFFSET + MIC_SIZE) {
            field.copy_from_slice(mic);
        }
    }
}

/// A `...Fields` structure: Len, MaxLen, BufferOffset.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    name: &'static str,
    length: usize,
    offset: usize,
}

impl Field {
    fn decode(cursor: &mut ReadCursor<'_>, name: &'static str) -> Result<Self, ReadError> {
        let length = usize::from(cursor.u16_le(name)?);
        let _max_length = cursor.u16_le(name)?;
        let offset = usize::try_from(cursor.u32_le(name)?).unwrap_or(usize::MAX);
        Ok(Self { name, length, offset })
    }

    fn encode(self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.length).unwrap_or(u16::MAX);
        let offset = u32::try_from(self.offset).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
    }

    fn content<'a>(&self, message: &'a [u8]) -> Result<&'a [u8], ReadError> {
        if self.length == 0 {
            return Ok(&[]);
        }
        let end = self.offset.checked_add(self.length);
        end.and_then(|end| message.get(self.offset..end)).ok_or(ReadError {
            field: self.name,
            offset: self.offset,
            needed: self.length,
            available: message.len().saturating_sub(self.offset),
        })
    }
}

/// The variable part of a message being written.
struct Payload {
    offset: usize,
    bytes: Vec<u8>,
}

impl Payload {
    fn after(offset: usize) -> Self {
        Self { offset, bytes: Vec::new() }
    }

    fn place(&mut self, content: &[u8]) -> Field {
        let field = Field { name: "", length: content.len(), offset: self.offset + self.bytes.len() };
        self.bytes.extend_from_slice(content);
        field
    }

    fn add(&mut self, header: &mut Vec<u8>, content: &[u8]) {
        self.place(content).encode(header);
    }

    fn finish(self, mut header: Vec<u8>) -> Vec<u8> {
        header.extend_from_slice(&self.bytes);
        header
    }
}

/// The Version field of the first two messages: there if its flag is set.
fn version_field(version: Option<Version>, flags: NegotiateFlags) -> Vec<u8> {
    if flags.contains(NegotiateFlags::VERSION) {
        version.map_or([0; 8], Version::encode).to_vec()
    } else {
        Vec::new()
    }
}

fn start(kind: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&kind.to_le_bytes());
    out
}

fn header(cursor: &mut ReadCursor<'_>, token: &'static str) -> Result<u32, AuthError> {
    if cursor.remaining() > MAX_TOKEN {
        return Err(AuthError::TooLarge { what: token, actual: cursor.remaining(), limit: MAX_TOKEN });
    }
    let short = AuthError::truncated(token);
    if cursor.take(SIGNATURE.len(), "Signature").map_err(&short)? != SIGNATURE {
        return Err(malformed(token, "Signature", "expected NTLMSSP"));
    }
    cursor.u32_le("MessageType").map_err(&short)
}

fn expect_kind(cursor: &mut ReadCursor<'_>, kind: u32, token: &'static str) -> Result<(), AuthError> {
    if header(cursor, token)? == kind {
        Ok(())
    } else {
        Err(malformed(token, "MessageType", "expected another message at this point of the handshake"))
    }
}

fn text(
    bytes: &[u8],
    flags: NegotiateFlags,
    token: &'static str,
    field: &'static str,
) -> Result<String, AuthError> {
    if !flags.contains(NegotiateFlags::UNICODE) {
        return if bytes.is_ascii() {
            Ok(bytes.iter().copied().map(char::from).collect())
        } else {
            Err(malformed(token, field, "expected ASCII, as Unicode was not negotiated"))
        };
    }
    let mut units = Vec::with_capacity(bytes.len() / 2);
    for unit in bytes.chunks(2) {
        match unit {
            [low, high] => units.push(u16::from_le_bytes([*low, *high])),
            _ => return Err(malformed(token, field, "expected an even number of bytes")),
        }
    }
    String::from_utf16(&units).map_err(|_| malformed(token, field, "expected UTF-16"))
}

fn encode_text(text: &str, flags: NegotiateFlags) -> Vec<u8> {
    if flags.contains(NegotiateFlags::UNICODE) {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else {
        text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')).collect()
    }
}

fn malformed(token: &'static str, field: &'static str, reason: &'static str) -> AuthError {
    AuthError::Malformed { token, field, reason }
}
