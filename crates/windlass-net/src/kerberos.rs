//! What the connections of a session share for Kerberos.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};
use windlass_auth::kerberos::Krb5Config;
use windlass_http::KerberosClient;

/// What is known of realms, and the tickets that were got so far. Cheap to clone; clones share the tickets,
/// so that each is asked for once however many connections and sessions need it.
#[derive(Debug, Clone, Default)]
pub struct Kerberos {
    client: KerberosClient,
    turn: Arc<Mutex<()>>,
}

impl Kerberos {
    /// No tickets yet.
    pub fn new(config: Krb5Config) -> Self {
        let client = KerberosClient { config: Arc::new(config), ..KerberosClient::default() };
        Self { client, turn: Arc::default() }
    }

    /// What is known of realms.
    pub fn config(&self) -> &Krb5Config {
        &self.client.config
    }

    pub(crate) fn client(&self) -> &KerberosClient {
        &self.client
    }

    /// Waits until nobody else is asking KDCs: what the others ask for may be what is wanted.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }
}
