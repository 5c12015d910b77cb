//! What a resolver tells everybody ([MS-DCOM] 3.1.2.5.1.6).

use std::sync::atomic::AtomicU64;

use windlass_dcom::exporter::{ServerAlive2, opnum};
use windlass_dcom::{decode, ids};
use windlass_rpc::pdu::AuthType;

use super::activation::Resolver;
use super::setup::{DcomOptions, RESOLVER_PORT, Setup};
use crate::error::Result;
use crate::options::WsmanOptions;
use crate::target::Target;

/// What the resolver of a computer tells everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolverSight {
    /// The version of its DCOM, such as `5.7`.
    pub version: String,
    /// The mechanisms by which it takes logons.
    pub mechanisms: Vec<String>,
}

/// Asks a computer's resolver, without a logon, whether it is there.
///
/// # Errors
/// The computer is not reached, does not speak DCOM, or tells only whom it knows.
pub async fn greet_resolver(target: &Target) -> Result<ResolverSight> {
    let limits = WsmanOptions::default();
    let setup = Setup {
        computer: target.computer_name().to_owned(),
        port: target.stated_port().unwrap_or(RESOLVER_PORT),
        security: None,
        rpc: target.rpc_options(limits.open_timeout)?,
        dial: target.own_dial(),
        options: DcomOptions::default(),
    };
    let asked = limits.opening(async {
        let exchanges = AtomicU64::new(0);
        let resolver = Resolver::open(&setup, &exchanges, ids::OBJECT_EXPORTER).await?;
        resolver.call(opnum::SERVER_ALIVE2, Vec::new()).await
    });
    let answer = asked.await.map_err(|error| error.while_doing("asking the resolver"))?;
    let told: ServerAlive2 = decode(&answer).map_err(|error| setup.broken(error))?;
    if told.status != 0 {
        return Err(setup.broken(format!("the resolver answers with the error {}", told.status)));
    }
    let mut mechanisms: Vec<String> = Vec::new();
    for binding in told.bindings.iter().flat_map(|bindings| &bindings.security) {
        let Ok(number) = u8::try_from(binding.authentication) else { continue };
        let name = AuthType(number).to_string();
        if !mechanisms.contains(&name) {
            mechanisms.push(name);
        }
    }
    Ok(ResolverSight { version: format!("{}.{}", told.version.major, told.version.minor), mechanisms })
}
