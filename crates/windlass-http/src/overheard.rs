//! Listening to the conversation of two others, as a recorder between them does.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::body::BodyReader;
use crate::head::{Framing, split_head};
use crate::{HttpError, Limits, RequestHead, ResponseHead};

/// Requests that may wait for their answers: clients of WinRM send one after the other.
const MOST_WAITING: usize = 16;

/// A request and its answer, as they went by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// The head of the request.
    pub request: RequestHead,
    /// The body of the request.
    pub question: Bytes,
    /// The head of the answer.
    pub response: ResponseHead,
    /// The body of the answer.
    pub answer: Bytes,
}

/// The messages of one connection, put together out of the bytes that go by in both directions.
///
/// After an error it understands nothing more; the bytes of the two others are no matter of its.
#[derive(Debug, Default)]
pub struct Overheard {
    limits: Limits,
    requests: Half<RequestHead>,
    responses: Half<ResponseHead>,
    waiting: VecDeque<(RequestHead, Bytes)>,
    exchanges: VecDeque<Exchange>,
}

impl Overheard {
    /// A connection over which nothing has been said yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes what the client said.
    ///
    /// # Errors
    /// It is no HTTP, or exceeds a limit.
    pub fn client_said(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.requests.input.extend_from_slice(bytes);
        while let Some((head, body)) = self.requests.next(&self.limits)? {
            if self.waiting.len() >= MOST_WAITING {
                return Err(HttpError::TooLarge { what: "requests without an answer", limit: MOST_WAITING });
            }
            self.waiting.push_back((head, body));
        }
        Ok(())
    }

    /// Takes what the server said.
    ///
    /// # Errors
    /// It is no HTTP, answers what nobody asked, or exceeds a limit.
    pub fn server_said(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.responses.input.extend_from_slice(bytes);
        while let Some((head, body)) = self.responses.next(&self.limits)? {
            self.answered(head, body)?;
        }
        Ok(())
    }

    /// The server has said all that it will say, which may be the end of an answer.
    ///
    /// # Errors
    /// An answer was not whole.
    pub fn server_ended(&mut self) -> Result<(), HttpError> {
        let Some((head, body)) = self.responses.reading.take() else { return Ok(()) };
        let body = body.finish(&mut self.responses.input)?.freeze();
        self.answered(head, body)
    }

    /// The next request that was answered.
    pub fn next_exchange(&mut self) -> Option<Exchange> {
        self.exchanges.pop_front()
    }

    fn answered(&mut self, response: ResponseHead, answer: Bytes) -> Result<(), HttpError> {
        // "100 Continue" and its like come before the answer.
        if response.status < 200 {
            return Ok(());
        }
        let Some((request, question)) = self.waiting.pop_front() else {
            let reason = "an answer without a request".to_owned();
            return Err(HttpError::Malformed { what: "conversation", reason });
        };
        self.exchanges.push_back(Exchange { request, question, response, answer });
        Ok(())
    }
}

/// The head of a message of one direction.
trait Head: Sized {
    fn decode(bytes: &[u8]) -> Result<Self, HttpError>;
    fn framing(&self) -> Result<Framing, HttpError>;
}

impl Head for RequestHead {
    fn decode(bytes: &[u8]) -> Result<Self, HttpError> {
        Self::decode(bytes)
    }

    fn framing(&self) -> Result<Framing, HttpError> {
        self.framing()
    }
}

impl Head for ResponseHead {
    fn decode(bytes: &[u8]) -> Result<Self, HttpError> {
        Self::decode(bytes)
    }

    fn framing(&self) -> Result<Framing, HttpError> {
        self.framing()
    }
}

/// One direction.
#[derive(Debug)]
struct Half<H> {
    input: BytesMut,
    scanned: usize,
    reading: Option<(H, BodyReader)>,
}

impl<H> Default for Half<H> {
    fn default() -> Self {
        Self { input: BytesMut::new(), scanned: 0, reading: None }
    }
}

impl<H: Head> Half<H> {
    /// The next message that is whole.
    fn next(&mut self, limits: &Limits) -> Result<Option<(H, Bytes)>, HttpError> {
        let (head, mut body) = match self.reading.take() {
            Some(reading) => reading,
            None => {
                let Some(bytes) = split_head(&mut self.input, &mut self.scanned, limits.head)? else {
                    return Ok(None);
                };
                let head = H::decode(&bytes)?;
                let body = BodyReader::new(head.framing()?, limits.body)?;
                (head, body)
            }
        };
        let whole = body.advance(&mut self.input)?;
        let Some(whole) = whole else {
            self.reading = Some((head, body));
            return Ok(None);
        };
        Ok(Some((head, whole.freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTIONS: &[u8] = b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n\
        POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n";
    const ANSWERS: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n\
        HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end";

    #[test]
    fn messages_are_put_together_however_they_go_by() {
        for step in [1, 7, 1000] {
            let mut heard = Overheard::new(Limits::default());
            QUESTIONS.chunks(step).try_for_each(|bytes| heard.client_said(bytes)).unwrap();
            ANSWERS.chunks(step).try_for_each(|bytes| heard.server_said(bytes)).unwrap();
            heard.server_ended().unwrap();
            let shown = |exchange: Exchange| (exchange.question, exchange.response.status, exchange.answer);
            let exchanges: Vec<_> = std::iter::from_fn(|| heard.next_exchange()).map(shown).collect();
            let text = |text: &'static str| Bytes::from_static(text.as_bytes());
            assert_eq!(
                exchanges,
                [(Bytes::new(), 401, Bytes::new()), (text("one"), 200, text("until the end"))],
                "step {step}"
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        let heard = || Overheard::new(Limits { head: 100, body: 10, body_before_logon: 10 });
        assert!(heard().client_said(b"no http\r\n\r\n").is_err());
        assert!(heard().client_said(&[b'x'; 200]).is_err());
        assert!(heard().client_said(b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n").is_err());
        assert!(heard().server_said(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err());
        let many = b"GET / HTTP/1.1\r\n\r\n".repeat(MOST_WAITING + 1);
        assert!(heard().client_said(&many).is_err());
        let mut cut = heard();
        cut.client_said(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        cut.server_said(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123").unwrap();
        assert!(cut.server_ended().is_err());
    }
}
