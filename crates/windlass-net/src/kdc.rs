//! Trips to a Kerberos KDC ([RFC 4120] section 7.2.2).

use std::collections::HashMap;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Error;

/// The port of a KDC.
const KDC_PORT: u16 = 88;
/// No answer of a KDC is longer.
const MAX_ANSWER: u32 = 1 << 20;

/// Which KDC serves which realm. A realm without an entry is taken for the name of its KDC, which is
/// what the name of an Active Directory domain resolves to.
#[derive(Debug, Clone, Default)]
pub struct KdcMap {
    entries: HashMap<String, String>,
}

impl KdcMap {
    /// Maps a realm, whatever its case, to `host` or `host:port`.
    pub fn insert(&mut self, realm: &str, kdc: &str) {
        self.entries.insert(realm.to_ascii_uppercase(), kdc.to_owned());
    }

    /// Sends the message over TCP and returns the answer.
    pub(crate) async fn ask(&self, realm: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
        let kdc = self.entries.get(&realm.to_ascii_uppercase()).map_or(realm, String::as_str);
        exchange(kdc, message).await.map_err(|source| Error::Kdc { realm: realm.to_owned(), source })
    }
}

async fn exchange(kdc: &str, message: &[u8]) -> io::Result<Vec<u8>> {
    let has_port = kdc.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let mut stream =
        if has_port { TcpStream::connect(kdc).await? } else { TcpStream::connect((kdc, KDC_PORT)).await? };
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
