//! One side of a Kerberos or SPNEGO context, driven by lines on standard input: foreign implementations are
//! coupled to ours through it.
//!
//! ```text
//! config TEXT                                     -> ok      krb5.conf
//! password USER PASSWORD                          -> ok      who logs on
//! keytab PRINCIPAL FILE                           -> ok      the same, or the service's keys
//! tickets FILE                                    -> ok      the same
//! initiate kerberos|spnego|dce SERVICE BINDING    -> ok
//! accept   kerberos|spnego BINDING POLICY         -> ok      POLICY: none, relaxed, strict
//! step TOKEN                                      -> continue TOKEN | complete TOKEN | ask REALM MESSAGE
//! kdc ANSWER                                      -> as for step
//! unreachable                                     -> as for step
//! seal MESSAGE                                    -> ok HEADER DATA
//! unseal HEADER DATA                              -> ok MESSAGE
//! seal-between BEFORE DATA AFTER                  -> ok DATA SIGNATURE
//! unseal-between BEFORE DATA AFTER SIGNATURE      -> ok DATA
//! sign MESSAGE                                    -> ok SIGNATURE
//! verify MESSAGE SIGNATURE                        -> ok
//! peer                                            -> ok NAME
//! clock SECONDS                                   -> ok      sets the clock ahead
//! ```
//!
//! Everything but the keywords is in hexadecimal, `-` if there is nothing. What fails is answered with
//! `error` and the reason.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "standard output is its interface")]

mod lines;

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use windlass_auth::kerberos::{CredentialCache, Keytab, Krb5Config, ReplayCache, TicketStore};
use windlass_auth::spnego::{MechType, Mechanism};
use windlass_auth::{
    Accounts, Credential, KerberosAcceptor, KerberosAcceptorOptions, KerberosInitiator,
    KerberosInitiatorOptions, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, SpnegoAcceptor, SpnegoInitiator,
};

use lines::{bytes, channel_binding, text};

fn main() -> std::io::Result<()> {
    let mut side = Side::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = side.run(&words).unwrap_or_else(|reason| format!("error {reason}"));
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Side {
    config: Arc<Krb5Config>,
    credential: Option<Credential>,
    keytab: Arc<Keytab>,
    tickets: Arc<TicketStore>,
    replay: Arc<ReplayCache>,
    ahead: u64,
    context: Option<Box<dyn SecurityContext>>,
}

impl Side {
    fn run(&mut self, words: &[&str]) -> Result<String, String> {
        match words {
            ["config", content] => {
                self.config = Arc::new(Krb5Config::parse(&text(content)?).map_err(|e| e.to_string())?);
            }
            ["password", user, password] => {
                self.credential = Some(Credential::password(&text(user)?, text(password)?));
                self.tickets = Arc::default();
            }
            ["keytab", principal, file] => {
                self.keytab = Arc::new(Keytab::decode(&bytes(file)?).map_err(|error| error.to_string())?);
                let (principal, keytab) = (text(principal)?, Arc::clone(&self.keytab));
                self.credential = Some(Credential::Keytab { principal, keytab });
            }
            ["tickets", file] => {
                let cache = CredentialCache::decode(&bytes(file)?).map_err(|error| error.to_string())?;
                self.credential = Some(Credential::Tickets(Arc::new(cache)));
            }
            ["clock", seconds] => self.ahead = seconds.parse().map_err(|_| "expected seconds")?,
            ["initiate", kind, service, binding] => self.initiate(kind, &text(service)?, binding)?,
            ["accept", kind, binding, policy] => self.accept(kind, binding, policy)?,
            _ => return lines::ask(&mut self.context, words),
        }
        Ok("ok".to_owned())
    }

    /// The time as a FILETIME.
    fn now(&self) -> u64 {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (unix.as_secs() + 11_644_473_600 + self.ahead) * 10_000_000 + u64::from(unix.subsec_nanos() / 100)
    }

    fn initiate(&mut self, kind: &str, service: &str, binding: &str) -> Result<(), String> {
        let credential = self.credential.clone().ok_or("no credential")?;
        let (config, tickets) = (Arc::clone(&self.config), Arc::clone(&self.tickets));
        let mut options =
            KerberosInitiatorOptions::new(credential.clone(), service, config, tickets, self.now());
        options.channel_binding = channel_binding(binding)?;
        options.dce_style = kind == "dce";
        let kerberos = KerberosInitiator::new(options);
        self.context = Some(if kind == "spnego" {
            let ntlm = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, self.now()));
            let mechanisms = vec![
                Mechanism { mech_type: MechType::kerberos(), context: Box::new(kerberos) },
                Mechanism { mech_type: MechType::ntlm(), context: Box::new(ntlm) },
            ];
            Box::new(SpnegoInitiator::new(mechanisms).map_err(|error| error.to_string())?)
        } else {
            Box::new(kerberos)
        });
        Ok(())
    }

    fn accept(&mut self, kind: &str, binding: &str, policy: &str) -> Result<(), String> {
        let mut options =
            KerberosAcceptorOptions::new(Arc::clone(&self.keytab), Arc::clone(&self.replay), self.now());
        options.channel_binding = channel_binding(binding)?;
        options.binding_policy = lines::policy(policy);
        let ntlm = NtlmAcceptorOptions::new(Arc::new(Accounts::new()), "windlass", self.now());
        self.context = Some(if kind == "spnego" {
            Box::new(SpnegoAcceptor::new(vec![
                (MechType::kerberos(), Box::new(move || Box::new(KerberosAcceptor::new(options)))),
                (MechType::ntlm(), Box::new(move || Box::new(NtlmAcceptor::new(ntlm)))),
            ]))
        } else {
            Box::new(KerberosAcceptor::new(options))
        });
        Ok(())
    }
}
