//! Receive responses with a stream of 100 KB.
#![allow(clippy::expect_used, reason = "a benchmark has nothing else to do with the error")]

use windlass_wsman::{
    Expectation, Header, Limits, ReceiveResponse, Reply, Response, Stream, decode_response,
};

const RECEIVE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
const POWERSHELL: &str = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell";

/// Bytes in the stream.
pub const PAYLOAD: usize = 100_000;

/// What the stream carries.
pub fn payload() -> Vec<u8> {
    (0..=250).cycle().step_by(31).take(PAYLOAD).collect()
}

/// The request that is answered.
pub fn request() -> Header {
    Header::request("http://host:5985/wsman", RECEIVE, POWERSHELL, "uuid:1")
}

/// The text of a response with this stream.
pub fn encode(request: &Header, data: &[u8]) -> String {
    let streams = vec![Stream::new("stdout", None, data)];
    let reply = Reply::Receive(ReceiveResponse { streams, ..ReceiveResponse::default() });
    Response::new(request, "uuid:31F20919-69F2-4EE2-AE04-758019E427A2", reply).encode()
}

/// Puts the stream of a response behind what is in `out`.
///
/// # Panics
/// When the response cannot be read.
pub fn decode(text: &[u8], out: &mut Vec<u8>) {
    let limits = Limits::default();
    let text = windlass_xml::decode_utf(text, &limits.xml).expect("a response in UTF-8");
    let expectation = Expectation::new("uuid:1", RECEIVE);
    let response = decode_response(&text, &expectation, &limits).expect("a response");
    let output: ReceiveResponse<'_> = response.into_reply().expect("a response to Receive");
    for stream in &output.streams {
        stream.data.decode_into(out).expect("base64");
    }
}
