//! Servers that do exactly what a test says.

use std::future::Future;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass_auth::Credential;
use windlass_net::{AuthMethod, ConnectorOptions, Endpoint, TlsOptions};

pub const SOAP: &str = "application/soap+xml;charset=UTF-8";

/// Listens on loopback and hands each connection, with its number, to `serve`.
pub async fn listen<F>(serve: impl Fn(usize, TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, stream));
        }
    });
    port
}

/// Reads one request with its body; `None` at the end of the stream.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_string();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.unwrap_or("0").parse().unwrap();
            if request.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&request).to_string());
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Answers 200 with a body.
pub async fn answer(stream: &mut (impl AsyncWrite + Unpin), body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {SOAP}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
}

/// Answers every request with its own body.
pub async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    while let Some(request) = read_request(&mut stream).await {
        let body = request.split_once("\r\n\r\n").unwrap().1.to_owned();
        answer(&mut stream, &body).await;
    }
}

/// Options for a server on loopback, with Basic in the clear unless there is TLS.
pub fn options(port: u16, tls: Option<TlsOptions>) -> ConnectorOptions {
    let endpoint = Endpoint::winrm("localhost", tls.is_some()).with_port(port);
    let credential = Credential::password("alice", "secret".to_owned());
    let mut options = ConnectorOptions::new(endpoint, AuthMethod::Basic, Some(credential));
    options.names.insert("localhost", "127.0.0.1".parse().unwrap(), None);
    options.allow_unencrypted = true;
    options.tls = tls.unwrap_or_default();
    options
}
