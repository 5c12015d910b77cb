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

mod lines;

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use windlass_auth::{
    Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator,
};

use lines::{channel_binding, text};

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
            options.binding_policy = lines::policy(policy);
            *context = Some(if *kind == "ntlm" {
                Box::new(NtlmAcceptor::new(options))
            } else {
                Box::new(SpnegoAcceptor::ntlm(options))
            });
            return Ok("ok".to_owned());
        }
        _ => {}
    }
    lines::ask(context, words)
}
