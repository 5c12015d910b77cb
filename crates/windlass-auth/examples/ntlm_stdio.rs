//! One side of an NTLM or SPNEGO context, driven by lines on standard input: foreign implementations are
//! coupled to ours through it.
//!
//! ```text
//! initiate ntlm|spnego USER PASSWORD TARGET BINDING     -> ok
//! accept   ntlm|spnego USER PASSWORD BINDING POLICY [NOW] -> ok         POLICY: none, relaxed, strict
//! step TOKEN                                            -> continue TOKEN | complete TOKEN
//! seal MESSAGE                                          -> ok HEADER DATA
//! unseal HEADER DATA                                    -> ok MESSAGE
//! sign MESSAGE                                          -> ok SIGNATURE
//! verify MESSAGE SIGNATURE                              -> ok
//! peer                                                  -> ok NAME
//! ```
//!
//! NOW is the time as a FILETIME in decimal digits, for peers that look at their clock.
//! Everything else but the keywords is in hexadecimal, `-` if there is nothing. What fails is answered with
//! `error` and the reason.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "standard output is its interface")]

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use windlass_auth::{
    Accounts, BindingPolicy, ChannelBinding, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator,
    NtlmInitiatorOptions, SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

/// 2026-01-01T00:00:00Z as a FILETIME.
const NOW: u64 = 134_116_992_000_000_000;

fn main() -> std::io::Result<()> {
    let mut context: Option<Box<dyn SecurityContext>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = run(&mut context, &words).unwrap_or_else(|reason| format!("error {reason}"));
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn run(context: &mut Option<Box<dyn SecurityContext>>, words: &[&str]) -> Result<String, String> {
    match words {
        ["initiate", kind, user, password, target, binding] => {
            let credential = Credential::password(&text(user)?, text(password)?);
            let mut options = NtlmInitiatorOptions::new(credential, NOW);
            options.target = Some(text(target)?).filter(|target| !target.is_empty());
            options.channel_binding = channel_binding(binding)?;
            let ntlm = NtlmInitiator::new(options);
            *context =
                Some(if *kind == "ntlm" { Box::new(ntlm) } else { Box::new(SpnegoInitiator::ntlm(ntlm)) });
            return Ok("ok".to_owned());
        }
        ["accept", kind, user, password, binding, policy, clock @ ..] => {
            let mut accounts = Accounts::new();
            accounts.insert(&text(user)?, text(password)?);
            let now = clock.first().and_then(|now| now.parse().ok()).unwrap_or(NOW);
            let mut options = NtlmAcceptorOptions::new(Arc::new(accounts), "windlass", now);
            options.channel_binding = channel_binding(binding)?;
            options.binding_policy = match *policy {
                "none" => BindingPolicy::None,
                "strict" => BindingPolicy::Strict,
                _ => BindingPolicy::Relaxed,
            };
            *context = Some(if *kind == "ntlm" {
                Box::new(NtlmAcceptor::new(options))
            } else {
                Box::new(SpnegoAcceptor::ntlm(options))
            });
            return Ok("ok".to_owned());
        }
        _ => {}
    }
    let context = context.as_mut().ok_or("no context")?;
    match words {
        ["step", token] => {
            let token = bytes(token)?;
            let input = if token.is_empty() { None } else { Some(token.as_slice()) };
            match context.step(input).map_err(|error| error.to_string())? {
                Step::Continue(token) => Ok(format!("continue {}", hex(&token))),
                Step::Complete(token) => Ok(format!("complete {}", hex(&token.unwrap_or_default()))),
                Step::AskKdc(_) => Err("asked a KDC".to_owned()),
            }
        }
        ["seal", message] => {
            let (mut header, mut data) = (Vec::new(), bytes(message)?);
            context.seal(&mut header, &mut data).map_err(|error| error.to_string())?;
            Ok(format!("ok {} {}", hex(&header), hex(&data)))
        }
        ["unseal", header, data] => {
            let mut data = bytes(data)?;
            let length = context.unseal(&bytes(header)?, &mut data).map_err(|error| error.to_string())?;
            Ok(format!("ok {}", hex(data.get(..length).unwrap_or_default())))
        }
        ["sign", message] => {
            let mut signature = Vec::new();
            context.sign(&bytes(message)?, &mut signature).map_err(|error| error.to_string())?;
            Ok(format!("ok {}", hex(&signature)))
        }
        ["verify", message, signature] => {
            context.verify(&bytes(message)?, &bytes(signature)?).map_err(|error| error.to_string())?;
            Ok("ok".to_owned())
        }
        ["peer"] => {
            let peer = context.peer().ok_or("nobody logged on")?;
            Ok(format!("ok {}", hex(peer.to_string().as_bytes())))
        }
        _ => Err("unknown command".to_owned()),
    }
}

fn channel_binding(word: &str) -> Result<Option<ChannelBinding>, String> {
    let data = bytes(word)?;
    Ok(if data.is_empty() { None } else { Some(ChannelBinding::from_application_data(data)) })
}

fn text(word: &str) -> Result<String, String> {
    String::from_utf8(bytes(word)?).map_err(|error| error.to_string())
}

fn bytes(word: &str) -> Result<Vec<u8>, String> {
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
