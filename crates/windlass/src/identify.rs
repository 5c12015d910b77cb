//! Identify: does a WS-Management service answer here, and which? (DSP0226 11, `Test-WSMan`)

use windlass_net::{Greeting, TlsSight};
use windlass_wsman::{IdentifyResponse, Request};

use crate::client::{Client, Sending};
use crate::error::Result;
use crate::options::WsmanOptions;
use crate::target::{Authentication, Target};

/// What a service says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Identity {
    /// The protocol: the namespace of WS-Management.
    pub protocol_version: String,
    /// Who made the service.
    pub product_vendor: String,
    /// Its version, such as `OS: 10.0.17763 SP: 0.0 Stack: 3.0`. Without authentication Windows
    /// shows zeroes for the system.
    pub product_version: String,
    /// The security profiles that it supports.
    pub security_profiles: Vec<String>,
}

/// Asks a computer which WS-Management service it runs.
///
/// # Errors
/// The computer is not reached, refuses, or does not speak WS-Management.
pub async fn identify(target: &Target) -> Result<Identity> {
    let options = WsmanOptions::default();
    let client = options.client(target.pool(options.open_timeout)?, target.tap());
    let identity = options.opening(ask(&client)).await;
    client.close_idle();
    identity
}

/// What a computer shows of itself over TLS, each check of its certificate by itself; none without TLS.
///
/// # Errors
/// The computer is not reached, or does not speak TLS.
pub async fn inspect_tls(target: &Target) -> Result<Option<TlsSight>> {
    Ok(target.connector(WsmanOptions::default().open_timeout)?.inspect_tls().await?)
}

/// What a computer answers to a request without a logon: which schemes it offers, and its time. None where it hangs
/// up on it without an answer.
///
/// # Errors
/// The computer is not reached, its certificate is not accepted, or it does not speak HTTP.
pub async fn greet(target: &Target) -> Result<Option<Greeting>> {
    let mut anybody = target.clone();
    anybody.set_authentication(Authentication::Anonymous);
    Ok(anybody.connector(WsmanOptions::default().open_timeout)?.greet().await?)
}

pub(crate) async fn ask(client: &Client) -> Result<Identity> {
    let asked = client
        .call(&Request::identify(), Sending::REPEATABLE, |reply| Ok(IdentifyResponse::try_from(reply)?))
        .await;
    let response = asked.map_err(|error| error.while_doing("identifying the service"))?;
    Ok(Identity {
        protocol_version: response.protocol_version.unwrap_or_default(),
        product_vendor: response.product_vendor.unwrap_or_default(),
        product_version: response.product_version.unwrap_or_default(),
        security_profiles: response.security_profiles,
    })
}
