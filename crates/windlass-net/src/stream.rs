//! Byte streams of any origin.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream that a connection can run over: TCP, TLS, or a pipe in memory.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream whose kind has been forgotten.
pub type BoxStream = Box<dyn Stream>;

/// A stream on its way.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + 'a>>;

/// Opens byte streams to one place, instead of TCP: pipes in memory, tunnels, test doubles.
///
/// Sessions open several connections, so a `Dial` is asked more than once.
pub trait Dial: Send + Sync {
    /// Opens one more stream to the peer.
    fn dial(&self) -> Dialing<'_>;
}

impl<F, S> Dial for F
where
    F: Fn() -> io::Result<S> + Send + Sync,
    S: Stream + 'static,
{
    fn dial(&self) -> Dialing<'_> {
        let opened = self().map(|stream| -> BoxStream { Box::new(stream) });
        Box::pin(std::future::ready(opened))
    }
}
