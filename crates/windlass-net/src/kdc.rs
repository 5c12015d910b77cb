//! Trips to a Kerberos KDC ([RFC 4120] section 7.2).

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;
use windlass_auth::kerberos::{Krb5Config, is_response_too_big};

use crate::{NameMap, srv};

/// The port of a KDC.
const KDC_PORT: u16 = 88;
/// No answer of a KDC is longer.
const MAX_ANSWER: u32 = 1 << 20;
/// The largest datagram.
const MAX_DATAGRAM: usize = 1 << 16;
/// The largest request that goes over UDP first, where nothing is configured.
const UDP_LIMIT: usize = 1465;
/// How often a request is sent over UDP before TCP is tried.
const UDP_TRIES: usize = 2;
/// How long each of them waits for its answer.
const UDP_PATIENCE: Duration = Duration::from_millis(1000);
/// How long one KDC may take over TCP before the next is asked.
const TCP_PATIENCE: Duration = Duration::from_secs(10);
/// The same where it is only a guess that there is a KDC.
const GUESS_PATIENCE: Duration = Duration::from_secs(2);

/// Which KDCs serve which realm. A realm without an entry is taken for the name of its KDC, which is
/// what the name of an Active Directory domain resolves to.
#[derive(Debug, Clone)]
pub struct KdcMap {
    entries: HashMap<String, Vec<String>>,
    udp_limit: usize,
    /// Whether realms without an entry are looked up in the DNS.
    dns: bool,
    /// The name servers to ask in place of the system's.
    name_servers: Vec<SocketAddr>,
}

impl Default for KdcMap {
    fn default() -> Self {
        Self { entries: HashMap::new(), udp_limit: UDP_LIMIT, dns: false, name_servers: Vec::new() }
    }
}

impl KdcMap {
    /// Adds a KDC of a realm, whatever its case: `host` or `host:port`, or either after `tcp/` or `udp/`.
    /// They are asked in the order in which they were added.
    pub fn insert(&mut self, realm: &str, kdc: &str) {
        self.entries.entry(realm.to_ascii_uppercase()).or_default().push(kdc.to_owned());
    }

    /// Asks these name servers in place of the system's, where the configuration allows to ask any.
    pub fn set_name_servers(&mut self, servers: Vec<SocketAddr>) {
        self.name_servers = servers;
    }

    /// Adds the KDCs of the realms that have none yet, and what else the configuration says of KDCs.
    pub fn add_config(&mut self, config: &Krb5Config) {
        self.dns |= config.dns_lookup_kdc == Some(true);
        for (realm, kdcs) in &config.kdcs {
            self.entries.entry(realm.to_ascii_uppercase()).or_insert_with(|| kdcs.clone());
        }
        self.udp_limit = config.udp_preference_limit();
    }

    /// Sends the message and returns the answer of the first KDC that gives one: over UDP where it is
    /// short, over TCP where it is not or the answer is not.
    pub(crate) async fn ask(&self, realm: &str, message: &[u8], names: &NameMap) -> io::Result<Vec<u8>> {
        let (found, itself);
        let (kdcs, patience) = match self.entries.get(&realm.to_ascii_uppercase()) {
            Some(configured) => (configured.as_slice(), TCP_PATIENCE),
            None if self.dns => {
                found = srv::kdcs_of(realm, &self.name_servers).await?;
                (found.as_slice(), TCP_PATIENCE)
            }
            None => {
                itself = [realm.to_owned()];
                (itself.as_slice(), GUESS_PATIENCE)
            }
        };
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the realm has no KDC");
        for kdc in kdcs {
            match self.ask_one(kdc, message, names, patience).await {
                Ok(answer) => {
                    tracing::debug!(realm, kdc, "a KDC answered");
                    return Ok(answer);
                }
                Err(error) => failure = error,
            }
        }
        if patience == GUESS_PATIENCE {
            let kind = failure.kind();
            failure = io::Error::new(
                kind,
                format!(
                    "{failure}; krb5.conf names no KDC of {realm} ([realms], kdc = HOST) and does not let \
                     the DNS say where it is ([libdefaults], dns_lookup_kdc = true)"
                ),
            );
        }
        Err(failure)
    }

    async fn ask_one(
        &self,
        kdc: &str,
        message: &[u8],
        names: &NameMap,
        patience: Duration,
    ) -> io::Result<Vec<u8>> {
        let (udp, tcp, kdc) = match kdc.split_once('/') {
            Some(("tcp", kdc)) => (false, true, kdc),
            Some(("udp", kdc)) => (true, false, kdc),
            _ => (message.len() <= self.udp_limit, true, kdc),
        };
        let address = resolve(kdc, names).await?;
        if udp {
            match over_udp(address, message).await {
                Ok(answer) if tcp && is_response_too_big(&answer) => {}
                Err(_) if tcp => {}
                outcome => return outcome,
            }
        }
        timeout(patience, over_tcp(address, message)).await.unwrap_or_else(|_| Err(late()))
    }
}

/// The address of `host` or `host:port`; addresses of the sixth version with a port stand in brackets.
async fn resolve(kdc: &str, names: &NameMap) -> io::Result<SocketAddr> {
    if let Ok(address) = kdc.parse::<SocketAddr>() {
        return Ok(address);
    }
    let bare = kdc.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(kdc);
    let (host, port) = match kdc.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => (bare, KDC_PORT),
        },
        _ => (bare, KDC_PORT),
    };
    if let Some(address) = names.lookup(host, port) {
        return Ok(address);
    }
    let mut addresses = lookup_host((host, port)).await?;
    addresses.next().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
}

pub(crate) async fn over_udp(address: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let local: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    // From here on only this peer is heard.
    socket.connect(address).await?;
    let mut answer = vec![0; MAX_DATAGRAM];
    for _ in 0..UDP_TRIES {
        socket.send(message).await?;
        if let Ok(received) = timeout(UDP_PATIENCE, socket.recv(&mut answer)).await {
            answer.truncate(received?);
            return Ok(answer);
        }
    }
    Err(late())
}

async fn over_tcp(address: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let length = u32::try_from(message.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"))?;
    let mut framed = Vec::with_capacity(message.len() + 4);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    stream.write_all(&framed).await?;
    let length = stream.read_u32().await?;
    if length > MAX_ANSWER {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let mut answer = Vec::new();
    let read = (&mut stream).take(u64::from(length)).read_to_end(&mut answer).await?;
    if u32::try_from(read) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer")
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::net::TcpListener;

    use super::*;

    /// Sockets of both kinds at the same address.
    pub(crate) async fn udp_and_tcp() -> (UdpSocket, TcpListener) {
        loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // Somebody else may have the other port of this number.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                return (udp, tcp);
            }
        }
    }

    /// KRB-ERROR 52: the answer does not fit into a datagram.
    fn too_big() -> Vec<u8> {
        use windlass_auth::kerberos::{KrbError, PrincipalName};
        let service = PrincipalName::ticket_granting("R");
        KrbError { code: 52, time: 0, realm: "R".to_owned(), service, text: None, data: None }.encode()
    }

    #[tokio::test]
    async fn a_kdc_is_asked_over_udp_and_then_over_tcp() {
        let (udp, tcp) = udp_and_tcp().await;
        let address = udp.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut buffer = [0; 100];
            for answer in [b"short".to_vec(), too_big()] {
                let (length, peer) = udp.recv_from(&mut buffer).await.unwrap();
                assert_eq!(&buffer[..length], b"question");
                udp.send_to(&answer, peer).await.unwrap();
            }
            let (mut stream, _) = tcp.accept().await.unwrap();
            let mut question = vec![0; 12];
            stream.read_exact(&mut question).await.unwrap();
            assert_eq!(question, b"\0\0\0\x08question");
            stream.write_all(b"\0\0\0\x04long").await.unwrap();
        });
        let mut names = NameMap::new();
        names.insert("kdc.example", IpAddr::V4(Ipv4Addr::LOCALHOST), None);
        let mut kdcs = KdcMap::default();
        kdcs.insert("r.example", "127.0.0.1:1");
        kdcs.insert("r.example", &format!("kdc.example:{}", address.port()));
        assert_eq!(kdcs.ask("R.EXAMPLE", b"question", &names).await.unwrap(), b"short");
        assert_eq!(kdcs.ask("R.EXAMPLE", b"question", &names).await.unwrap(), b"long");
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_kdc_that_is_not_there_is_an_error() {
        let mut kdcs = KdcMap::default();
        kdcs.insert("R", "tcp/127.0.0.1:1");
        let error = kdcs.ask("R", b"question", &NameMap::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
