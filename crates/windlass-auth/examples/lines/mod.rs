//! The lines that an example speaks: words in hexadecimal, and what can be asked of a context.

use windlass_auth::{BindingPolicy, ChannelBinding, SecurityContext, Step};

/// Does what a line asks of a context.
pub(crate) fn ask(context: &mut Option<Box<dyn SecurityContext>>, words: &[&str]) -> Result<String, String> {
    let context = context.as_mut().ok_or("no context")?;
    let said = |error: windlass_auth::AuthError| error.to_string();
    match words {
        ["step", token] => {
            let token = bytes(token)?;
            let input = if token.is_empty() { None } else { Some(token.as_slice()) };
            Ok(step(context.step(input).map_err(said)?))
        }
        ["kdc", answer] => Ok(step(context.kdc_reply(&bytes(answer)?).map_err(said)?)),
        ["unreachable"] => Ok(step(context.kdc_unreachable("no KDC answers").map_err(said)?)),
        ["seal", message] => {
            let (mut header, mut data) = (Vec::new(), bytes(message)?);
            context.seal(&mut header, &mut data).map_err(said)?;
            Ok(format!("ok {} {}", hex(&header), hex(&data)))
        }
        ["unseal", header, data] => {
            let mut data = bytes(data)?;
            let length = context.unseal(&bytes(header)?, &mut data).map_err(said)?;
            Ok(format!("ok {}", hex(data.get(..length).unwrap_or_default())))
        }
        ["seal-between", before, data, after] => {
            let (mut data, mut signature) = (bytes(data)?, Vec::new());
            context.seal_between(&bytes(before)?, &mut data, &bytes(after)?, &mut signature).map_err(said)?;
            Ok(format!("ok {} {}", hex(&data), hex(&signature)))
        }
        ["unseal-between", before, data, after, signature] => {
            let mut data = bytes(data)?;
            context
                .unseal_between(&bytes(before)?, &mut data, &bytes(after)?, &bytes(signature)?)
                .map_err(said)?;
            Ok(format!("ok {}", hex(&data)))
        }
        ["sign", message] => {
            let mut signature = Vec::new();
            context.sign(&bytes(message)?, &mut signature).map_err(said)?;
            Ok(format!("ok {}", hex(&signature)))
        }
        ["verify", message, signature] => {
            context.verify(&bytes(message)?, &bytes(signature)?).map_err(said)?;
            Ok("ok".to_owned())
        }
        ["peer"] => {
            let peer = context.peer().ok_or("nobody logged on")?;
            Ok(format!("ok {}", hex(peer.to_string().as_bytes())))
        }
        _ => Err("unknown command".to_owned()),
    }
}

fn step(step: Step) -> String {
    match step {
        Step::Continue(token) => format!("continue {}", hex(&token)),
        Step::Complete(token) => format!("complete {}", hex(&token.unwrap_or_default())),
        Step::AskKdc(request) => format!("ask {} {}", hex(request.realm.as_bytes()), hex(&request.message)),
    }
}

/// A channel binding by its application data.
pub(crate) fn channel_binding(word: &str) -> Result<Option<ChannelBinding>, String> {
    let data = bytes(word)?;
    Ok(if data.is_empty() { None } else { Some(ChannelBinding::from_application_data(data)) })
}

/// A text.
pub(crate) fn text(word: &str) -> Result<String, String> {
    String::from_utf8(bytes(word)?).map_err(|error| error.to_string())
}

/// Octets; `-` stands for none.
pub(crate) fn bytes(word: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = word.bytes().filter(|byte| *byte != b'-').collect();
    digits
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| "expected hexadecimal".to_owned())
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A policy by its name.
pub(crate) fn policy(word: &str) -> BindingPolicy {
    match word {
        "none" => BindingPolicy::None,
        "strict" => BindingPolicy::Strict,
        _ => BindingPolicy::Relaxed,
    }
}
