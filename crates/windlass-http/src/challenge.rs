//! WWW-Authenticate: what a server offers ([RFC 9110] section 11.6.1).

use windlass_auth::AuthError;

use crate::Headers;

/// One offer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme as the server spells it.
    pub scheme: String,
    /// What follows it: a token in base64, or parameters.
    pub rest: String,
}

impl Challenge {
    /// Whether this is the scheme, in any case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The token, if the offer has one.
    ///
    /// # Errors
    /// What follows the scheme is not base64.
    pub fn token(&self) -> Option<Result<Vec<u8>, AuthError>> {
        let malformed =
            |_| AuthError::Malformed { token: "challenge", field: "token", reason: "expected base64" };
        let token = || base64_simd::STANDARD.decode_to_vec(&self.rest).map_err(malformed);
        (!self.rest.is_empty()).then(token)
    }
}

/// All offers of all fields named `name`. Servers write each into a line of its own; a list in one line is
/// understood as well.
pub fn parse_challenges(headers: &Headers, name: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for value in headers.all(name) {
        let mut new_line = true;
        for item in split_list(value) {
            let (first, rest) = match item.split_once([' ', '\t']) {
                Some((first, rest)) => (first, rest.trim()),
                None => (item, ""),
            };
            // `scheme`, `scheme token` and `scheme name=value` start an offer; `name=value` goes on.
            let goes_on = first.contains('=') || rest.starts_with('=');
            match challenges.last_mut() {
                Some(last) if goes_on && !new_line => {
                    last.rest.push_str(", ");
                    last.rest.push_str(item);
                }
                _ => challenges.push(Challenge { scheme: first.to_owned(), rest: rest.to_owned() }),
            }
            new_line = false;
        }
    }
    challenges
}

/// Splits at the commas that are not within quotes.
fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(move |c: char| {
            if escaped {
                escaped = false;
                return false;
            }
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => escaped = true,
                ',' => return !quoted,
                _ => {}
            }
            false
        })
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseHead;

    fn parse(fields: &str) -> Vec<(String, String)> {
        let head = ResponseHead::decode(format!("HTTP/1.1 401 x\r\n{fields}\r\n").as_bytes()).unwrap();
        parse_challenges(&head.headers, "WWW-Authenticate").into_iter().map(|c| (c.scheme, c.rest)).collect()
    }

    fn pair(scheme: &str, rest: &str) -> (String, String) {
        (scheme.to_owned(), rest.to_owned())
    }

    #[test]
    fn one_offer_a_line() {
        assert_eq!(
            parse("WWW-Authenticate: Negotiate TlRM==\r\nwww-authenticate: Basic realm=\"WSMAN\"\r\n"),
            [pair("Negotiate", "TlRM=="), pair("Basic", "realm=\"WSMAN\"")]
        );
    }

    #[test]
    fn several_offers_in_a_line() {
        assert_eq!(
            parse("WWW-Authenticate: Negotiate, Digest realm=\"a, \\\"b\", nonce=\"x\", NTLM\r\n"),
            [pair("Negotiate", ""), pair("Digest", "realm=\"a, \\\"b\", nonce=\"x\""), pair("NTLM", "")]
        );
    }

    #[test]
    fn tokens() {
        let challenge = Challenge { scheme: "Negotiate".into(), rest: "AAEC".into() };
        assert_eq!(challenge.token(), Some(Ok(vec![0, 1, 2])));
        let other = |rest: &str| Challenge { rest: rest.into(), ..challenge.clone() }.token();
        assert_eq!(other(""), None);
        assert!(matches!(other("!"), Some(Err(AuthError::Malformed { reason: "expected base64", .. }))));
    }
}
