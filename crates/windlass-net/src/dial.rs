//! Names to addresses to a TCP connection ([RFC 8305]).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

use crate::timeouts::within;
use crate::{Endpoint, Error, NameMap, Stage, Timeouts};

/// How long an attempt has the field to itself before the next address is tried beside it.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// No more addresses of one name are tried.
const MAX_ADDRESSES: usize = 16;

/// Resolves the endpoint's name and connects to the first of its addresses that answers.
pub(crate) async fn dial(
    endpoint: &Endpoint,
    names: &NameMap,
    timeouts: &Timeouts,
) -> Result<TcpStream, Error> {
    let peer = names.describe(endpoint);
    let addresses = within(Stage::Resolve, &peer, timeouts.resolve, resolve(endpoint, names)).await?;
    let stream = within(Stage::Connect, &peer, timeouts.connect, async {
        let won = race(interleave(addresses), TcpStream::connect).await;
        won.map_err(|source| Error::Connect { peer: peer.clone(), source })
    })
    .await?;
    // Requests are written whole: waiting for more to send only delays them.
    stream.set_nodelay(true).map_err(|source| Error::Connect { peer, source })?;
    Ok(stream)
}

async fn resolve(endpoint: &Endpoint, names: &NameMap) -> Result<Vec<SocketAddr>, Error> {
    let (host, port) = (endpoint.host(), endpoint.port());
    if let Some(address) = names.lookup(host, port) {
        return Ok(vec![address]);
    }
    let failed = |source| Error::Resolve { host: host.to_owned(), source };
    let addresses: Vec<_> = lookup_host((host, port)).await.map_err(failed)?.take(MAX_ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(addresses)
}

/// Alternates the families, beginning with that of the first address ([RFC 8305] section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return mixed;
        }
        mixed.extend(pair.0);
        mixed.extend(pair.1);
    }
}

/// Tries the addresses in order with `connect`, each a little after the last or at once when one has failed.
/// The attempts that are left over are dropped with the set.
async fn race<S, F>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> io::Result<S>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let next = waiting.next();
        let exhausted = next.is_none();
        if let Some(address) = next {
            attempts.spawn(connect(address));
        }
        let finished = if exhausted {
            attempts.join_next().await
        } else {
            match tokio::time::timeout(ATTEMPT_DELAY, attempts.join_next()).await {
                Ok(finished) => finished,
                Err(_) => continue,
            }
        };
        match finished {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failure = error,
            Some(Err(error)) => failure = io::Error::other(error),
            None if exhausted => return Err(failure),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |list: &str| list.split(' ').map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = interleave(parse("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1 2.2.2.2:1"));
        assert_eq!(mixed, parse("[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1 [::3]:1"));
    }

    /// What becomes of an attempt to connect: silence, or after some milliseconds success or failure.
    #[derive(Clone, Copy)]
    enum Peer {
        Silent,
        Answers(u64),
        Refuses(u64),
    }

    async fn attempt(peer: Peer, port: u16) -> io::Result<u16> {
        match peer {
            Peer::Silent => std::future::pending().await,
            Peer::Answers(after) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Ok(port)
            }
            Peer::Refuses(after) => {
                tokio::time::sleep(Duration::from_millis(after)).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_address_that_answers_wins() {
        use Peer::{Answers, Refuses, Silent};
        // The winner's place in the list, and the milliseconds until it is known.
        for (peers, winner, took) in [
            (&[Answers(40), Answers(1)][..], Some(0), 40),
            (&[Silent, Answers(10)], Some(1), 260),
            (&[Silent, Silent, Answers(10)], Some(2), 510),
            (&[Answers(300), Answers(100)], Some(0), 300),
            (&[Answers(400), Answers(100)], Some(1), 350),
            (&[Refuses(30), Answers(10)], Some(1), 40),
            (&[Silent, Refuses(10), Answers(10)], Some(2), 270),
            (&[Refuses(300), Refuses(300)], None, 550),
        ] {
            let started = tokio::time::Instant::now();
            let places = 0..u16::try_from(peers.len()).unwrap();
            let addresses = places.map(|place| SocketAddr::from(([10, 0, 0, 1], place))).collect();
            let won =
                race(addresses, |address| attempt(peers[usize::from(address.port())], address.port())).await;
            let elapsed = started.elapsed().as_millis();
            assert_eq!((won.ok(), elapsed), (winner, took));
        }
    }

    #[tokio::test]
    async fn a_closed_address_gives_way_to_an_open_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            unused.local_addr().unwrap()
        };
        let stream = race(vec![closed, open], TcpStream::connect).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = race(vec![closed], TcpStream::connect).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
