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

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::SystemTime;

use windlass_auth::kerberos::{CredentialCache, Keytab, Krb5Config, ReplayCache, TicketStore};
use windlass_auth::spnego::{MechType, Mechanism};
use windlass_auth::{
    Accounts, BindingPolicy, ChannelBinding, Credential, KerberosAcceptor, KerberosAcceptorOptions,
    KerberosInitiator, KerberosInitiatorOptions, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator,
    NtlmInitiatorOptions, SecurityContext, SpnegoAcceptor, SpnegoInitiator, Step,
};

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
            _ => return self.context(words),
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
        options.binding_policy = match policy {
            "none" => BindingPolicy::None,
            "strict" => BindingPolicy::Strict,
            _ => BindingPolicy::Relaxed,
        };
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

    fn context(&mut self, words: &[&str]) -> Result<String, String> {
        let context = self.context.as_mut().ok_or("no context")?;
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
                context
                    .seal_between(&bytes(before)?, &mut data, &bytes(after)?, &mut signature)
                    .map_err(said)?;
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
}

fn step(step: Step) -> String {
    match step {
        Step::Continue(token) => format!("continue {}", hex(&token)),
        Step::Complete(token) => format!("complete {}", hex(&token.unwrap_or_default())),
        Step::AskKdc(request) => format!("ask {} {}", hex(request.realm.as_bytes()), hex(&request.message)),
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
