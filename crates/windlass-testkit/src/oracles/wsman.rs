//! Oracles of WS-Man requests and responses.

use super::soap::is_readable;
use windlass_wsman::{
    Bookmark, Expectation, FragmentPath, Limits, Operation, Payload, Reply, decode_request, decode_response,
    xpress,
};

/// Reads a request: what was read, written again, is read the same; what was refused has a fault to
/// answer with.
pub(super) fn wsman_request(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    let request = match decode_request(text, &limits) {
        Ok(request) => request,
        Err(refused) => {
            assert!(!refused.to_fault().message().is_empty());
            return;
        }
    };
    if let Operation::Send(send) = &request.operation {
        send.streams.iter().for_each(|stream| payload(&stream.data));
    }
    let encoded = request.encode();
    let again = decode_request(&encoded, &limits)
        .unwrap_or_else(|error| panic!("our own request is refused: {error}\n{encoded}"));
    assert_eq!(again.header, request.header);
    if is_comparable(&request.operation) && is_readable(text) {
        assert_eq!(again.operation, request.operation);
    }
}

/// Reads a response: what was read, written again, is read the same.
pub(super) fn wsman_response(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    let expectation = Expectation::unchecked();
    let Ok(response) = decode_response(text, &expectation, &limits) else { return };
    let mut comparable = is_readable(text);
    if let Reply::Receive(output) = &response.reply {
        output.streams.iter().for_each(|stream| payload(&stream.data));
        comparable &= output.streams.iter().all(|stream| stream.data.to_vec().is_ok());
    }
    if let Reply::Connect(connected) = &response.reply {
        comparable &= connected.connect_response_xml.as_ref().is_none_or(|xml| xml.to_vec().is_ok());
    }
    let encoded = response.encode();
    let again = decode_response(&encoded, &expectation, &limits)
        .unwrap_or_else(|error| panic!("our own response is refused: {error}\n{encoded}"));
    if comparable {
        assert_eq!(again.reply, response.reply);
    }
}

/// Reads the expression of a fragment and a bookmark: what was read, written again, is read the same.
pub(super) fn wsman_texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(path) = FragmentPath::parse(text) {
        assert_eq!(FragmentPath::parse(&path.to_string()), Some(path));
    }
    if let Some(bookmark) = Bookmark::parse(text) {
        assert_eq!(Bookmark::parse(&bookmark.to_string()), Some(bookmark));
    }
}

/// Decompresses: never more than the limit, and what is decompressed, compressed again, is the same.
pub(super) fn xpress(data: &[u8]) {
    const LIMIT: usize = 1 << 20;
    let mut plain = Vec::new();
    if xpress::Decompressor::new(LIMIT).decompress(data, &mut plain).is_ok() {
        assert!(plain.len() <= LIMIT);
    }
    let mut packed = Vec::new();
    xpress::Compressor::new().compress(data, &mut packed);
    let mut again = Vec::new();
    xpress::Decompressor::new(data.len())
        .decompress(&packed, &mut again)
        .unwrap_or_else(|error| panic!("our own stream is refused: {error}"));
    assert_eq!(again, data);
}

/// Content that is no base64 equals nothing, itself included.
fn is_comparable(operation: &Operation<'_>) -> bool {
    let decodes = |payload: &Payload<'_>| payload.to_vec().is_ok();
    match operation {
        Operation::Send(send) => send.streams.iter().all(|stream| decodes(&stream.data)),
        Operation::Connect(connect) => connect.connect_xml.as_ref().is_none_or(decodes),
        Operation::Create(windlass_wsman::Create::Shell(shell)) => {
            shell.creation_xml.as_ref().is_none_or(decodes)
        }
        _ => true,
    }
}

/// A buffer is as it was where content is refused, and holds what the hint allows otherwise.
fn payload(payload: &Payload<'_>) {
    let mut buffer = b"before".to_vec();
    match payload.decode_into(&mut buffer) {
        Ok(length) => {
            assert_eq!(buffer.len(), 6 + length);
            assert!(length <= payload.size_hint());
        }
        Err(_) => assert_eq!(buffer, b"before"),
    }
}
