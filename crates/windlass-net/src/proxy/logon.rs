//! Logging on to an HTTP proxy ([RFC 9110] 11.7).

use base64_simd::STANDARD;
use windlass_auth::{
    AuthError, Credential, DigestChallenge, DigestClient, KdcRequest, NtlmInitiator, NtlmInitiatorOptions,
    SecurityContext, Step, basic,
};
use windlass_core::Secret;
use windlass_http::{Challenge, KerberosClient, negotiate};

use super::{Proxy, ProxyAuthentication};
use crate::{Error, ProxyRefusal};

/// No more challenges are looked at.
const MAX_CHALLENGES: usize = 8;

/// The client's side of one logon, request by request.
pub(super) struct Logon {
    proxy: Proxy,
    kerberos: Option<KerberosClient>,
    now: u64,
    state: State,
}

/// What the logon wants next.
pub(super) enum Next {
    /// Repeat the request with this value of the Proxy-Authorization header.
    Send(String),
    /// Bring the answer of a KDC to [`Logon::kdc_answer`].
    AskKdc(KdcRequest),
}

/// A request that is to be let through.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
}

enum State {
    Start,
    /// A password was sent; a second 407 refuses it.
    Basic(Secret),
    Digest {
        client: Box<DigestClient>,
        renewed: bool,
    },
    Context {
        scheme: &'static str,
        context: Box<dyn SecurityContext>,
    },
}

/// Why a logon ends.
pub(super) enum Refused {
    /// The proxy does not take this credential.
    Credential,
    /// Something else is wrong.
    Other(String),
}

impl Logon {
    /// Without Kerberos, Negotiate does with NTLM.
    pub(super) fn new(proxy: &Proxy, kerberos: Option<KerberosClient>, now: u64) -> Self {
        Self { proxy: proxy.clone(), kerberos, now, state: State::Start }
    }

    /// Answers a 407 to this request.
    pub(super) fn answer(&mut self, asked: Asked<'_>, challenges: &[Challenge]) -> Result<Next, Refused> {
        let Some(credential) = self.proxy.credential.clone() else {
            return Err(Refused::Other(format!("it demands a logon ({})", offers(challenges))));
        };
        match std::mem::replace(&mut self.state, State::Start) {
            State::Start => self.start(asked, &credential, challenges),
            State::Basic(_) => Err(Refused::Credential),
            State::Digest { renewed: true, .. } => Err(Refused::Credential),
            State::Digest { mut client, .. } => {
                let offered = digests(challenges);
                if !offered.iter().any(DigestChallenge::is_stale) {
                    return Err(Refused::Credential);
                }
                client.challenge(&offered).map_err(|error| Refused::Other(error.to_string()))?;
                self.state = State::Digest { client, renewed: true };
                self.repeat(asked)
            }
            State::Context { scheme, mut context } => {
                let token = challenges.iter().find(|challenge| challenge.is(scheme));
                let token = token.and_then(Challenge::token).ok_or(Refused::Credential)?;
                let token = token.map_err(|error| Refused::Other(error.to_string()))?;
                let step = context.step(Some(&token));
                self.send(scheme, context, step)
            }
        }
    }

    /// Goes on with what the KDC answered, or with why it did not.
    pub(super) fn kdc_answer(&mut self, answer: Result<&[u8], &str>) -> Result<Next, Refused> {
        let State::Context { scheme, mut context } = std::mem::replace(&mut self.state, State::Start) else {
            return Err(Refused::Other("no KDC was asked".to_owned()));
        };
        let step = match answer {
            Ok(answer) => context.kdc_reply(answer),
            Err(reason) => context.kdc_unreachable(reason),
        };
        self.send(scheme, context, step)
    }

    /// The header of a further request that no 407 went before.
    pub(super) fn standing(&mut self, asked: Asked<'_>) -> Option<String> {
        if let State::Digest { renewed, .. } = &mut self.state {
            *renewed = false;
        }
        match self.repeat(asked) {
            Ok(Next::Send(value)) => Some(value),
            _ => None,
        }
    }

    fn repeat(&mut self, asked: Asked<'_>) -> Result<Next, Refused> {
        match &mut self.state {
            State::Basic(value) => Ok(Next::Send(value.expose().to_owned())),
            State::Digest { client, .. } => client
                .authorization(asked.method, asked.target, b"")
                .map(Next::Send)
                .map_err(|error| Refused::Other(error.to_string())),
            State::Start | State::Context { .. } => {
                Err(Refused::Other("its logon does not come to its end".to_owned()))
            }
        }
    }

    fn start(
        &mut self,
        asked: Asked<'_>,
        credential: &Credential,
        challenges: &[Challenge],
    ) -> Result<Next, Refused> {
        let offered = |scheme: &str| challenges.iter().any(|challenge| challenge.is(scheme));
        let other = |error: AuthError| Refused::Other(error.to_string());
        match self.proxy.authentication {
            ProxyAuthentication::Basic if offered("Basic") => {
                let value = basic::encode(credential).map_err(other)?;
                self.state = State::Basic(Secret::new(format!("Basic {}", value.expose())));
                self.repeat(asked)
            }
            ProxyAuthentication::Digest if offered("Digest") => {
                let client = DigestClient::new(credential.clone()).map_err(other)?;
                let mut client = Box::new(client.protecting_body(false));
                client.challenge(&digests(challenges)).map_err(other)?;
                self.state = State::Digest { client, renewed: false };
                self.repeat(asked)
            }
            ProxyAuthentication::Negotiate if offered("Negotiate") || offered("NTLM") => {
                let mut options = NtlmInitiatorOptions::new(credential.clone(), self.now);
                options.target = Some(format!("HTTP/{}", self.proxy.host));
                let (scheme, mut context): (_, Box<dyn SecurityContext>) = match offered("Negotiate") {
                    true => {
                        let context = negotiate(self.kerberos.as_ref(), options, false).map_err(other)?;
                        ("Negotiate", Box::new(context))
                    }
                    false => ("NTLM", Box::new(NtlmInitiator::new(options))),
                };
                let step = context.step(None);
                self.send(scheme, context, step)
            }
            _ => Err(Refused::Other(format!(
                "it does not accept {:?}; it offers {}",
                self.proxy.authentication,
                offers(challenges)
            ))),
        }
    }

    fn send(
        &mut self,
        scheme: &'static str,
        context: Box<dyn SecurityContext>,
        step: Result<Step, AuthError>,
    ) -> Result<Next, Refused> {
        match step {
            Ok(Step::Continue(token) | Step::Complete(Some(token))) => {
                self.state = State::Context { scheme, context };
                Ok(Next::Send(format!("{scheme} {}", STANDARD.encode_to_string(token))))
            }
            Ok(Step::AskKdc(request)) => {
                self.state = State::Context { scheme, context };
                Ok(Next::AskKdc(request))
            }
            Ok(Step::Complete(None)) => {
                Err(Refused::Other("its handshake does not come to its end".to_owned()))
            }
            Err(error) if error.is_logon_failure() => Err(Refused::Credential),
            Err(error) => Err(Refused::Other(error.to_string())),
        }
    }

    /// Whether the logon belongs to the connection that it began on.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self.state, State::Context { .. })
    }
}

impl Refused {
    /// What that means for a connection.
    pub(super) fn of(self, proxy: &Proxy) -> Error {
        match self {
            Self::Credential => Error::Proxy { proxy: proxy.to_string(), reason: ProxyRefusal::Credential },
            Self::Other(reason) => proxy.refusal(reason),
        }
    }
}

fn digests(challenges: &[Challenge]) -> Vec<DigestChallenge> {
    let offered = challenges.iter().filter(|challenge| challenge.is("Digest")).take(MAX_CHALLENGES);
    offered.filter_map(|challenge| DigestChallenge::parse(&challenge.rest).ok()).collect()
}

fn offers(challenges: &[Challenge]) -> String {
    let schemes: Vec<&str> = challenges.iter().map(|challenge| challenge.scheme.as_str()).collect();
    if schemes.is_empty() { "nothing".to_owned() } else { schemes.join(", ") }
}
