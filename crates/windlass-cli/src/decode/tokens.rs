//! NTLM and SPNEGO tokens. Proofs and keys are shown by their length alone.

use anyhow::Result;
use serde_json::{Value, json};
use windlass_auth::ntlm::{AvPairs, Message};
use windlass_auth::spnego::NegotiationToken;

use super::hex;

/// An NTLM message.
pub(super) fn ntlm(bytes: &[u8]) -> Result<Value> {
    Ok(match Message::decode(bytes)? {
        Message::Negotiate(message) => json!({
            "format": "ntlm", "message": "NEGOTIATE", "flags": message.flags.to_string(),
            "domain": String::from_utf8_lossy(&message.domain),
            "workstation": String::from_utf8_lossy(&message.workstation),
            "version": message.version.map(|version| format!("{version:?}")),
        }),
        Message::Challenge(message) => json!({
            "format": "ntlm", "message": "CHALLENGE", "flags": message.flags.to_string(),
            "target_name": message.target_name, "server_challenge": hex(&message.server_challenge),
            "target_info": pairs(&message.target_info),
            "version": message.version.map(|version| format!("{version:?}")),
        }),
        Message::Authenticate(message) => json!({
            "format": "ntlm", "message": "AUTHENTICATE", "flags": message.flags.to_string(),
            "domain": message.domain, "user": message.user, "workstation": message.workstation,
            "lm_response_length": message.lm_response.len(), "nt_response_length": message.nt_response.len(),
            "encrypted_session_key_length": message.encrypted_session_key.len(), "has_mic": message.mic.is_some(),
            "version": message.version.map(|version| format!("{version:?}")),
        }),
    })
}

fn pairs(pairs: &AvPairs) -> Vec<Value> {
    pairs.iter().map(|pair| json!({ "id": format!("{:?}", pair.id), "value": hex(&pair.value) })).collect()
}

/// A SPNEGO token with the token of the mechanism inside.
pub(super) fn spnego(bytes: &[u8]) -> Result<Value> {
    let inner = |token: &Option<Vec<u8>>| match token {
        Some(token) if token.starts_with(b"NTLMSSP\0") => ntlm(token),
        Some(token) => Ok(json!({ "length": token.len() })),
        None => Ok(Value::Null),
    };
    Ok(match NegotiationToken::decode(bytes)? {
        NegotiationToken::Init(token) => json!({
            "format": "spnego", "message": "NegTokenInit",
            "mechanisms": token.mech_types.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "token": inner(&token.mech_token)?, "has_mic": token.mech_list_mic.is_some(),
        }),
        NegotiationToken::Resp(token) => json!({
            "format": "spnego", "message": "NegTokenResp",
            "state": token.neg_state.map(|state| format!("{state:?}")),
            "mechanism": token.supported_mech.as_ref().map(ToString::to_string),
            "token": inner(&token.response_token)?, "has_mic": token.mech_list_mic.is_some(),
        }),
    })
}
