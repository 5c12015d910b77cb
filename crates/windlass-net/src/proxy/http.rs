//! CONNECT: a tunnel through an HTTP proxy ([RFC 9110] 9.3.6).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use windlass_http::{ResponseHead, parse_challenges};

use super::logon::{Asked, Logon, Next};
use super::{Opener, Proxy};
use crate::{BoxStream, Endpoint, Error};

/// A head longer than this is refused.
const MAX_HEAD: usize = 64 * 1024;
/// The text of a refusal is skipped up to this length; for a longer one another connection is opened.
const MAX_SKIPPED: usize = 256 * 1024;
/// No logon takes more requests.
const MAX_REQUESTS: usize = 6;

/// How a proxy took the wish for a tunnel.
pub(super) enum Outcome {
    /// What is written goes to the endpoint.
    Tunnel(BoxStream),
    /// It opens none to this endpoint, or none at all.
    NoTunnel(Error),
}

pub(super) async fn connect(
    proxy: &Proxy,
    endpoint: &Endpoint,
    now: u64,
    opener: &Opener,
) -> Result<Outcome, Error> {
    let target = endpoint.authority();
    let asked = Asked { method: "CONNECT", target: &target };
    let mut logon = Logon::new(proxy, opener.kerberos(), now);
    let mut authorization: Option<String> = None;
    let mut stream = opener.open().await?;
    for _ in 0..MAX_REQUESTS {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: windlass\r\n");
        if let Some(value) = &authorization {
            request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
        }
        request.push_str("\r\n");
        let failed = |error: std::io::Error| proxy.refusal(format!("the connection broke: {error}"));
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let head = read_head(proxy, &mut stream).await?;
        match head.status {
            200..=299 => return Ok(Outcome::Tunnel(stream)),
            407 => {
                let challenges = parse_challenges(&head.headers, "Proxy-Authenticate");
                let mut next = logon.answer(asked, &challenges);
                let value = loop {
                    match next.map_err(|refused| refused.of(proxy))? {
                        Next::Send(value) => break value,
                        Next::AskKdc(request) => {
                            let answer = opener.ask_kdc(&request).await;
                            next = logon.kdc_answer(answer.as_deref().map_err(String::as_str));
                        }
                    }
                };
                authorization = Some(value);
                let started =
                    challenges.iter().any(|challenge| challenge.token().is_some() && logon.is_bound());
                if !skip_body(&mut stream, &head).await {
                    if started {
                        return Err(proxy.refusal("it closed the connection in the middle of the logon"));
                    }
                    stream = opener.open().await?;
                }
            }
            status => {
                let error = proxy.refusal(format!("it opens no tunnel (http {status} {})", head.reason));
                return match status {
                    403 | 405 | 501 => Ok(Outcome::NoTunnel(error)),
                    _ => Err(error),
                };
            }
        }
    }
    Err(proxy.refusal("its logon does not come to its end"))
}

/// Reads byte by byte: what follows the head belongs to the tunnel.
async fn read_head(proxy: &Proxy, stream: &mut BoxStream) -> Result<ResponseHead, Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(proxy.refusal("its answer is too long"));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) => return Err(proxy.refusal(format!("no complete answer: {error}"))),
        }
        if head.len() == 5 && head != b"HTTP/" {
            return Err(proxy.refusal("it does not speak HTTP"));
        }
    }
    ResponseHead::decode(&head).map_err(|error| proxy.refusal(error.to_string()))
}

/// Skips the text of a refusal; false where the connection cannot be used again.
async fn skip_body(stream: &mut BoxStream, head: &ResponseHead) -> bool {
    let closes = |name: &str| head.headers.lists(name, "close");
    if !head.http_1_1 || closes("Connection") || closes("Proxy-Connection") {
        return false;
    }
    if head.headers.get("Transfer-Encoding").is_some() {
        return false;
    }
    let length = head.headers.get("Content-Length").and_then(|length| length.trim().parse::<usize>().ok());
    let Some(mut left) = length.filter(|length| *length <= MAX_SKIPPED) else { return false };
    let mut buffer = [0; 4096];
    while left > 0 {
        let room = buffer.get_mut(..left.min(4096)).unwrap_or_default();
        match stream.read(room).await {
            Ok(read) if read > 0 => left -= read,
            _ => return false,
        }
    }
    true
}
