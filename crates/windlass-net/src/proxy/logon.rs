//! Logging on to an HTTP proxy ([RFC 9110] 11.7).

use base64_simd::STANDARD;
use windlass_auth::{
    Credential, DigestChallenge, DigestClient, NtlmInitiator, NtlmInitiatorOptions, SecurityContext,
    SpnegoInitiator, Step, basic,
};
use windlass_http::Challenge;

use super::{Proxy, ProxyAuthentication};

/// No more challenges are looked at.
const MAX_CHALLENGES: usize = 8;

/// The client's side of one logon, request by request.
pub(super) struct Logon<'p> {
    proxy: &'p Proxy,
    target: &'p str,
    now: u64,
    state: State,
}

enum State {
    Start,
    /// A password was sent; a second 407 refuses it.
    Sent,
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

impl<'p> Logon<'p> {
    /// A logon for tunnels to `target`.
    pub(super) fn new(proxy: &'p Proxy, target: &'p str, now: u64) -> Self {
        Self { proxy, target, now, state: State::Start }
    }

    /// Answers a 407: the value of the Proxy-Authorization header of the next request.
    pub(super) fn answer(&mut self, challenges: &[Challenge]) -> Result<String, Refused> {
        let Some(credential) = &self.proxy.credential else {
            return Err(Refused::Other(format!("it demands a logon ({})", offers(challenges))));
        };
        match std::mem::replace(&mut self.state, State::Sent) {
            State::Start => self.start(credential, challenges),
            State::Sent => Err(Refused::Credential),
            State::Digest { renewed: true, .. } => Err(Refused::Credential),
            State::Digest { client, .. } => {
                let offered = digests(challenges);
                if !offered.iter().any(DigestChallenge::is_stale) {
                    return Err(Refused::Credential);
                }
                self.digest(client, &offered, true)
            }
            State::Context { scheme, mut context } => {
                let token = challenges.iter().find(|challenge| challenge.is(scheme));
                let token = token.and_then(Challenge::token).ok_or(Refused::Credential)?;
                let step = context.step(Some(&token));
                self.send(scheme, context, step)
            }
        }
    }

    fn start(&mut self, credential: &Credential, challenges: &[Challenge]) -> Result<String, Refused> {
        let offered = |scheme: &str| challenges.iter().any(|challenge| challenge.is(scheme));
        match self.proxy.authentication {
            ProxyAuthentication::Basic if offered("Basic") => {
                let value = basic::encode(credential).map_err(|error| Refused::Other(error.to_string()))?;
                Ok(format!("Basic {}", value.expose()))
            }
            ProxyAuthentication::Digest if offered("Digest") => {
                let client = DigestClient::new(credential.clone());
                let client =
                    client.map_err(|error| Refused::Other(error.to_string()))?.protecting_body(false);
                self.digest(Box::new(client), &digests(challenges), false)
            }
            ProxyAuthentication::Negotiate if offered("Negotiate") || offered("NTLM") => {
                let mut options = NtlmInitiatorOptions::new(credential.clone(), self.now);
                options.target = Some(format!("HTTP/{}", self.proxy.host));
                let ntlm = NtlmInitiator::new(options);
                let (scheme, mut context): (_, Box<dyn SecurityContext>) = match offered("Negotiate") {
                    true => ("Negotiate", Box::new(SpnegoInitiator::ntlm(ntlm))),
                    false => ("NTLM", Box::new(ntlm)),
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

    fn digest(
        &mut self,
        mut client: Box<DigestClient>,
        challenges: &[DigestChallenge],
        renewed: bool,
    ) -> Result<String, Refused> {
        let header = client
            .challenge(challenges)
            .and_then(|()| client.authorization("CONNECT", self.target, b""))
            .map_err(|error| Refused::Other(error.to_string()));
        self.state = State::Digest { client, renewed };
        header
    }

    fn send(
        &mut self,
        scheme: &'static str,
        context: Box<dyn SecurityContext>,
        step: Result<Step, windlass_auth::AuthError>,
    ) -> Result<String, Refused> {
        match step {
            Ok(Step::Continue(token) | Step::Complete(Some(token))) => {
                self.state = State::Context { scheme, context };
                Ok(format!("{scheme} {}", STANDARD.encode_to_string(token)))
            }
            Ok(_) => Err(Refused::Other("its handshake does not come to its end".to_owned())),
            Err(error) if error.is_logon_failure() => Err(Refused::Credential),
            Err(error) => Err(Refused::Other(error.to_string())),
        }
    }

    /// Whether the logon belongs to the connection that it began on.
    pub(super) fn is_bound(&self) -> bool {
        matches!(self.state, State::Context { .. })
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
