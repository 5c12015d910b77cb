//! Unsealing a body while it comes in, so that little is left to do when its end is there.

use std::ops::Range;

use windlass_auth::SecurityContext;

use crate::{HttpError, multipart};

/// Fewer bytes wait for more to come.
const STEP: usize = 16 * 1024;

/// How far the first message of a body was deciphered. Nobody looks at it before the whole body went through
/// [`multipart::unseal`], which checks it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Where its ciphertext is.
    data: Option<Range<usize>>,
    /// Where the deciphered part of it ends.
    end: usize,
    /// The mechanism cannot do it, or there is no message.
    is_given_up: bool,
}

impl Ahead {
    /// Deciphers what has come of a sealed body, of which `body` is the start.
    ///
    /// # Errors
    /// The context has no keys for messages, or has used them up.
    pub(crate) fn follow(
        &mut self,
        context: &mut dyn SecurityContext,
        body: &mut [u8],
    ) -> Result<(), HttpError> {
        if self.is_given_up || body.len() < self.end + STEP {
            return Ok(());
        }
        // It begins long before this. Looking once is enough: what is not there is missed when the body is whole.
        let Some(data) = self.data.clone().or_else(|| multipart::first_ciphertext(body)) else {
            self.is_given_up = true;
            return Ok(());
        };
        let begin = self.end.max(data.start);
        let end = data.end.min(body.len());
        let Some(part) = body.get_mut(begin..end).filter(|part| !part.is_empty()) else { return Ok(()) };
        let deciphered = context.unseal_ahead(part);
        let deciphered =
            deciphered.map_err(|source| HttpError::Auth { mechanism: context.mechanism(), source })?;
        (self.data, self.end, self.is_given_up) = (Some(data), end, !deciphered);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use windlass_auth::{
        Accounts, Credential, NtlmAcceptor, NtlmAcceptorOptions, NtlmInitiator, NtlmInitiatorOptions, Step,
    };

    use super::*;

    fn pair() -> (NtlmInitiator, NtlmAcceptor) {
        let mut accounts = Accounts::new();
        accounts.insert("alice", "Pa55w0rd".to_owned());
        let credential = Credential::password("alice", "Pa55w0rd".to_owned());
        let mut initiator = NtlmInitiator::new(NtlmInitiatorOptions::new(credential, 0));
        let mut acceptor = NtlmAcceptor::new(NtlmAcceptorOptions::new(Arc::new(accounts), "host", 0));
        let token = |step| match step {
            Step::Continue(token) | Step::Complete(Some(token)) => token,
            other => panic!("{other:?}"),
        };
        let challenge = acceptor.step(Some(&token(initiator.step(None).unwrap()))).unwrap();
        let proof = token(initiator.step(Some(&token(challenge))).unwrap());
        assert!(matches!(acceptor.step(Some(&proof)), Ok(Step::Complete(_))));
        (initiator, acceptor)
    }

    fn sealed(context: &mut dyn SecurityContext, message: &[u8]) -> Vec<u8> {
        let protocol = context.sealing_protocol();
        multipart::seal(context, protocol, "text/xml", message).unwrap().pieces.concat()
    }

    #[test]
    fn a_body_is_plain_before_its_end_and_believed_after_it() {
        let message: Vec<u8> = (0..=250).cycle().take(100_000).collect();
        for step in [1000, STEP, STEP + 1, 70_000] {
            let (mut client, mut server) = pair();
            for _ in 0..2 {
                let mut body = sealed(&mut client, &message);
                let (start, whole) = (multipart::first_ciphertext(&body).unwrap().start, body.len());
                let mut ahead = Ahead::default();
                for arrived in (step..whole).step_by(step) {
                    ahead.follow(&mut server, &mut body[..arrived]).unwrap();
                    assert!(arrived < ahead.end + STEP, "{arrived} came, {} are deciphered", ahead.end);
                    assert_eq!(body[start..ahead.end.max(start)], message[..ahead.end.saturating_sub(start)]);
                }
                let (kind, plain) = multipart::unseal(&mut server, BytesMut::from(&body[..])).unwrap();
                assert_eq!((kind.as_str(), &plain[..]), ("text/xml", &message[..]));
            }
        }
    }

    #[test]
    fn an_altered_body_is_refused_at_its_end() {
        let message = [b'm'; 60_000];
        for place in [1000, 30_000, 59_999] {
            let (mut client, mut server) = pair();
            let mut body = sealed(&mut client, &message);
            body[place] ^= 1;
            Ahead::default().follow(&mut server, &mut body[..50_000]).unwrap();
            assert!(multipart::unseal(&mut server, BytesMut::from(&body[..])).is_err());
        }
    }

    #[test]
    fn what_is_no_sealed_body_is_left_alone() {
        let (_, mut server) = pair();
        let mut body = vec![b'-'; 3 * STEP];
        let mut ahead = Ahead::default();
        ahead.follow(&mut server, &mut body).unwrap();
        assert!(ahead.is_given_up && body.iter().all(|byte| *byte == b'-'));
    }
}
