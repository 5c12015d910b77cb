//! SOCKS 5 ([RFC 1928]) with names and passwords ([RFC 1929]).

use std::net::IpAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::lookup_host;
use zeroize::Zeroizing;

use super::{Proxy, ProxyKind};
use crate::{BoxStream, Endpoint, Error, ProxyRefusal};

const VERSION: u8 = 5;
const NO_LOGON: u8 = 0;
const PASSWORD: u8 = 2;
const NOTHING: u8 = 0xFF;

pub(super) async fn connect(
    proxy: &Proxy,
    endpoint: &Endpoint,
    mut stream: BoxStream,
) -> Result<BoxStream, Error> {
    let broken = |error: std::io::Error| proxy.refusal(format!("the connection broke: {error}"));
    let methods: &[u8] = match proxy.credential {
        Some(_) => &[VERSION, 2, NO_LOGON, PASSWORD],
        None => &[VERSION, 1, NO_LOGON],
    };
    stream.write_all(methods).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(broken)?;
    match chosen {
        [VERSION, NO_LOGON] => {}
        [VERSION, PASSWORD] => log_on(proxy, &mut stream).await?,
        [VERSION, NOTHING] => return Err(proxy.refusal("it accepts none of our ways to log on")),
        [VERSION, _] => return Err(proxy.refusal("it chose a way to log on that was not offered")),
        _ => return Err(proxy.refusal("it does not speak SOCKS 5")),
    }
    let mut request = vec![VERSION, 1, 0];
    request.extend(address(proxy, endpoint).await?);
    request.extend(endpoint.port().to_be_bytes());
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    let [version, status, _, kind] = answer;
    if version != VERSION {
        return Err(proxy.refusal("it does not speak SOCKS 5"));
    }
    if status != 0 {
        return Err(proxy.refusal(explain(status)));
    }
    let bound = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await.map_err(broken)?),
        _ => return Err(proxy.refusal("its answer has an unknown kind of address")),
    };
    let mut rest = vec![0; bound + 2];
    stream.read_exact(&mut rest).await.map_err(broken)?;
    Ok(stream)
}

async fn log_on(proxy: &Proxy, stream: &mut BoxStream) -> Result<(), Error> {
    let broken = |error: std::io::Error| proxy.refusal(format!("the connection broke: {error}"));
    let credential = proxy.credential.as_ref().ok_or_else(|| proxy.refusal("it demands a logon"))?;
    let password = credential.secret().ok_or_else(|| proxy.refusal("it wants a password"))?;
    let name = credential.qualified_name();
    let mut request = Zeroizing::new(vec![1]);
    for text in [name.as_str(), password.expose()] {
        let length = u8::try_from(text.len()).ok().filter(|length| *length > 0);
        request.push(length.ok_or_else(|| proxy.refusal("it takes names and passwords of 1 to 255 bytes"))?);
        request.extend_from_slice(text.as_bytes());
    }
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    match answer {
        [_, 0] => Ok(()),
        _ => Err(Error::Proxy { proxy: proxy.to_string(), reason: ProxyRefusal::Credential }),
    }
}

/// The destination: an address, or a name for the proxy to resolve.
async fn address(proxy: &Proxy, endpoint: &Endpoint) -> Result<Vec<u8>, Error> {
    let host = endpoint.host();
    let literal = host.parse::<IpAddr>().ok();
    let found = match (literal, proxy.kind) {
        (Some(literal), _) => Some(literal),
        (None, ProxyKind::Socks5) => {
            let failed = |source| Error::Resolve { host: host.to_owned(), source };
            lookup_host((host, endpoint.port())).await.map_err(failed)?.next().map(|address| address.ip())
        }
        _ => None,
    };
    Ok(match found {
        Some(IpAddr::V4(address)) => [&[1][..], &address.octets()].concat(),
        Some(IpAddr::V6(address)) => [&[4][..], &address.octets()].concat(),
        None => {
            let length =
                u8::try_from(host.len()).map_err(|_| proxy.refusal("it takes names of at most 255 bytes"))?;
            [&[3, length][..], host.as_bytes()].concat()
        }
    })
}

fn explain(status: u8) -> String {
    match status {
        2 => "its rules do not allow this connection".to_owned(),
        3 => "it cannot reach the network".to_owned(),
        4 => "it cannot reach the host".to_owned(),
        5 => "the host refused the connection".to_owned(),
        6 => "the host did not answer in time".to_owned(),
        other => format!("it failed with status {other}"),
    }
}
