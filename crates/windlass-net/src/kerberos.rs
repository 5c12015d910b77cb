//! What the connections of a session share for Kerberos.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use windlass_auth::KdcRequest;
use windlass_auth::kerberos::Krb5Config;
use windlass_http::KerberosClient;

use crate::{Error, KdcMap, NameMap};

/// For how long a realm whose KDCs do not answer is not asked again.
const SILENCE: Duration = Duration::from_secs(60);

/// What is known of realms, and the tickets that were got so far. Cheap to clone; clones share the tickets,
/// so that each is asked for once however many connections and sessions need it.
#[derive(Debug, Clone, Default)]
pub struct Kerberos {
    client: KerberosClient,
    turn: Arc<Mutex<()>>,
    /// Realms without a KDC that answers: since when, and why.
    silent: Arc<Lock<HashMap<String, (Instant, String)>>>,
}

impl Kerberos {
    /// No tickets yet.
    pub fn new(config: Krb5Config) -> Self {
        let client = KerberosClient { config: Arc::new(config), ..KerberosClient::default() };
        Self { client, ..Self::default() }
    }

    /// Leaves all of Kerberos to the operating system's GSSAPI, which asks KDCs itself; the thread that
    /// logs on waits meanwhile. `delegate` hands the server the user's ticket-granting ticket, so that it
    /// can act for the user elsewhere.
    #[cfg(feature = "gssapi")]
    #[must_use]
    pub fn through_system(mut self, delegate: bool) -> Self {
        self.client.foreign = Some(Arc::new(crate::gssapi::SystemKerberos { delegate }));
        self
    }

    /// Whether a step of a logon may wait for a KDC by itself.
    pub(crate) fn blocks(&self) -> bool {
        self.client.foreign.is_some()
    }

    /// What is known of realms.
    pub fn config(&self) -> &Krb5Config {
        &self.client.config
    }

    pub(crate) fn client(&self) -> &KerberosClient {
        &self.client
    }

    /// Why the KDCs of a realm are not worth asking, if they did not answer a short while ago.
    pub(crate) fn silence(&self, realm: &str) -> Option<String> {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(realm).filter(|(since, _)| since.elapsed() < SILENCE).map(|(_, reason)| reason.clone())
    }

    /// Remembers that no KDC of a realm answers.
    pub(crate) fn note_silence(&self, realm: &str, reason: &str) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = (Instant::now(), reason.to_owned());
        match silent.get_mut(realm) {
            // Who was told of the silence does not prolong it.
            Some(known) if known.0.elapsed() < SILENCE => {}
            Some(known) => *known = entry,
            None => {
                silent.insert(realm.to_owned(), entry);
            }
        }
    }

    /// Waits until nobody else is asking KDCs: what the others ask for may be what is wanted.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }
}

/// Brings a message to a KDC of its realm, unless none of them answered a short while ago.
pub(crate) async fn ask_kdc(
    kerberos: Option<&Kerberos>,
    kdcs: &KdcMap,
    names: &NameMap,
    request: &KdcRequest,
) -> Result<Vec<u8>, Error> {
    let KdcRequest { realm, message } = request;
    let asked = match kerberos.and_then(|kerberos| kerberos.silence(realm)) {
        Some(reason) => Err(io::Error::other(reason)),
        None => kdcs.ask(realm, message, names).await,
    };
    asked.map_err(|source| {
        if let Some(kerberos) = kerberos {
            kerberos.note_silence(realm, &source.to_string());
        }
        Error::Kdc { realm: realm.clone(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_realm_is_left_alone_for_a_while() {
        let kerberos = Kerberos::new(Krb5Config::default());
        assert_eq!(kerberos.silence("R"), None);
        kerberos.clone().note_silence("R", "nobody there");
        assert_eq!(kerberos.silence("R").as_deref(), Some("nobody there"));
        tokio::time::advance(SILENCE).await;
        assert_eq!(kerberos.silence("R"), None);
    }
}
