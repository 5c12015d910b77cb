//! Options that every session over WS-Management has.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use windlass_net::{Pool, together_within};
use windlass_wsman::client::Session;

use crate::client::Client;
use crate::tap::Tap;

/// Time-outs, languages and sizes of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WsmanOptions {
    /// How long opening a session may take, and at most each stage of reaching the host; `None` leaves the
    /// stages their own limits, and opening none.
    pub open_timeout: Option<Duration>,
    /// How long the host may work at one request. A command may take longer: this is about the life of
    /// the conversation.
    pub operation_timeout: Duration,
    /// How long closing and stopping may take.
    pub cancel_timeout: Duration,
    /// The largest answer that the host may send, in bytes.
    pub max_envelope_size: u64,
    /// The language by which data is formatted (`-Culture`).
    pub culture: String,
    /// The language of texts (`-UICulture`).
    pub ui_culture: String,
    /// Send envelopes in UTF-16 (`-UseUTF16`).
    pub use_utf16: bool,
    /// Ask for the streams of shells to be compressed (`xpress`). A host that cannot do so refuses the
    /// shell.
    pub compress: bool,
}

impl Default for WsmanOptions {
    /// 180 s for opening, 180 s for an operation, 60 s for closing, answers of 500 KB,
    /// `en-US`.
    fn default() -> Self {
        Self {
            open_timeout: Some(Duration::from_secs(180)),
            operation_timeout: Duration::from_secs(180),
            cancel_timeout: Duration::from_secs(60),
            max_envelope_size: 512_000,
            culture: "en-US".to_owned(),
            ui_culture: "en-US".to_owned(),
            use_utf16: false,
            compress: false,
        }
    }
}

impl WsmanOptions {
    /// Does what opens something, which takes no longer than it may.
    pub(crate) async fn opening<F: Future>(&self, work: F) -> F::Output {
        match self.open_timeout {
            Some(limit) => together_within(limit, work).await,
            None => work.await,
        }
    }

    pub(crate) fn client(&self, pool: Pool, tap: Option<Arc<dyn Tap>>) -> Client {
        let mut session = Session::new(pool.endpoint().to_string());
        session.max_envelope_size = self.max_envelope_size;
        session.operation_timeout = self.operation_timeout;
        session.locale.clone_from(&self.ui_culture);
        session.data_locale.clone_from(&self.culture);
        session.session_id = Some(Client::new_id());
        Client::new(pool, session, self.use_utf16, tap)
    }
}
