//! Where the DNS says that the KDCs of a realm are ([RFC 4120] section 7.2.3.2, [RFC 2782]).
//!
//! One question to the name servers of `/etc/resolv.conf`, asked only where `krb5.conf` says
//! `dns_lookup_kdc = true`: answers of the DNS are not authenticated.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::kdc::over_udp;

/// Where the name servers are listed.
const RESOLV_CONF: &str = "/etc/resolv.conf";
const DNS_PORT: u16 = 53;
/// No more name servers are asked.
const MAX_SERVERS: usize = 3;
/// No more KDCs of one realm are taken from an answer.
const MAX_KDCS: usize = 16;
/// How long one name server may take over TCP.
const PATIENCE: Duration = Duration::from_secs(3);

/// The KDCs of a realm as `host:port`, in the order in which they are to be asked.
///
/// # Errors
/// No name server answers, or the realm has no entry.
pub(crate) async fn kdcs_of(realm: &str, servers: &[SocketAddr]) -> io::Result<Vec<String>> {
    let listed;
    let servers = match servers {
        [] => {
            listed = name_servers(&std::fs::read_to_string(RESOLV_CONF)?);
            listed.as_slice()
        }
        servers => servers,
    };
    let name = format!("_kerberos._udp.{}", realm.trim_end_matches('.'));
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no name server is known");
    for server in servers.iter().take(MAX_SERVERS) {
        match ask(*server, &name).await {
            Ok(kdcs) => return Ok(kdcs),
            Err(error) => failure = error,
        }
    }
    Err(io::Error::new(failure.kind(), format!("the DNS names no KDC of {realm}: {failure}")))
}

async fn ask(server: SocketAddr, name: &str) -> io::Result<Vec<String>> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(|_| io::Error::other("no random bytes are available"))?;
    let id = u16::from_be_bytes(id);
    let question = question(id, name)?;
    let answer = over_udp(server, &question).await?;
    match read(id, &answer)? {
        Some(kdcs) => Ok(kdcs),
        // It did not fit into a datagram.
        None => {
            let answer = timeout(PATIENCE, over_tcp(server, &question))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
            read(id, &answer)?.ok_or_else(|| malformed("the answer is cut short"))
        }
    }
}

/// A message over TCP the way of the DNS: a length of two octets in front ([RFC 1035] section 4.2.2).
async fn over_tcp(address: SocketAddr, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let length = u16::try_from(message.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the message is too long"))?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

fn question(id: u16, name: &str) -> io::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).map_err(|_| malformed("the realm is no name of the DNS"))?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(TYPE::SRV), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|_| malformed("the realm is no name of the DNS"))
}

/// The places in an answer; `None` where it was cut short.
fn read(id: u16, answer: &[u8]) -> io::Result<Option<Vec<String>>> {
    let packet = Packet::parse(answer).map_err(|_| malformed("the answer is malformed"))?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return Err(malformed("the answer belongs to another question"));
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Ok(None);
    }
    if packet.rcode() != RCODE::NoError {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such entry"));
    }
    let mut found: Vec<_> = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::SRV(place) => Some(place),
            _ => None,
        })
        // A single dot says that there is none.
        .filter(|place| !place.target.get_labels().is_empty())
        .take(MAX_KDCS)
        .collect();
    found.sort_by_key(|place| (place.priority, u16::MAX - place.weight));
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "there is no such entry")),
        false => Ok(Some(found.iter().map(|place| format!("{}:{}", place.target, place.port)).collect())),
    }
}

fn name_servers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, DNS_PORT))
        .collect()
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use crate::kdc::tests::udp_and_tcp;

    use super::*;

    /// An answer as the servers of the DNS write it: two places, their names given by a pointer into the
    /// question.
    const PLACES: &[u8] = b"\xC0\x0C\x00\x21\x00\x01\x00\x00\x02\x58\x00\x12\x00\x00\x00\x64\x00\x58\x03dc2\
        \x01\x72\x04test\x00\
        \xC0\x0C\x00\x21\x00\x01\x00\x00\x02\x58\x00\x12\x00\x00\x00\xC8\x22\xB8\x03dc1\x01\x72\x04test\x00";

    /// The same question with these flags in front and what follows behind it.
    fn answer(question: &[u8], flags: [u8; 2], count: u8, records: &[u8]) -> Vec<u8> {
        let (head, rest) = question.split_at(12);
        let mut answer = vec![head[0], head[1], flags[0], flags[1], 0, 1, 0, count, 0, 0, 0, 0];
        answer.extend_from_slice(rest);
        answer.extend_from_slice(records);
        answer
    }

    #[tokio::test]
    async fn places_are_asked_for_over_udp_and_then_over_tcp() {
        let (udp, tcp) = udp_and_tcp().await;
        let address = udp.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut buffer = [0; 512];
            for (flags, count, records) in
                [([0x81, 0x80], 2, PLACES), ([0x81, 0x83], 0, &[][..]), ([0x83, 0x80], 0, &[])]
            {
                let (length, peer) = udp.recv_from(&mut buffer).await.unwrap();
                assert!(
                    buffer[..length].ends_with(b"\x09_kerberos\x04_udp\x01R\x04TEST\x00\x00\x21\x00\x01")
                );
                udp.send_to(&answer(&buffer[..length], flags, count, records), peer).await.unwrap();
            }
            let (mut stream, _) = tcp.accept().await.unwrap();
            let length = usize::from(stream.read_u16().await.unwrap());
            stream.read_exact(&mut buffer[..length]).await.unwrap();
            let answer = answer(&buffer[..length], [0x81, 0x80], 2, PLACES);
            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        });
        let places = ["dc1.r.test:8888", "dc2.r.test:88"];
        assert_eq!(kdcs_of("R.TEST", &[address]).await.unwrap(), places);
        let error = kdcs_of("R.TEST", &[address]).await.unwrap_err().to_string();
        assert_eq!(error, "the DNS names no KDC of R.TEST: there is no such entry");
        assert_eq!(kdcs_of("R.TEST", &[address]).await.unwrap(), places);
        server.await.unwrap();
    }

    #[test]
    fn answers_that_are_none() {
        let question = question(7, "_kerberos._udp.R.TEST").unwrap();
        let good = answer(&question, [0x81, 0x80], 2, PLACES);
        assert_eq!(read(7, &good).unwrap().unwrap().len(), 2);
        assert!(read(8, &good).is_err());
        assert!(read(7, &question).is_err());
        assert!(read(7, &answer(&question, [0x81, 0x80], 0, &[])).is_err());
        for length in 0..good.len() {
            assert!(read(7, &good[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn name_servers_of_the_system() {
        let text = "# nameserver 1.1.1.1\nsearch corp.example\nnameserver 10.0.0.1\n nameserver\t::1\nnameserver x\n";
        assert_eq!(name_servers(text), ["10.0.0.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
    }
}
