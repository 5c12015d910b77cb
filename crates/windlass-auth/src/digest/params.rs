//! Lists of `name=value`, as Digest headers carry them ([RFC 9110] 5.6.6, [RFC 7616] 3.3 to 3.5).

use super::NAME;
use crate::AuthError;

/// A list longer than this, in bytes, is refused.
const MAX_LENGTH: usize = 8 * 1024;
/// A list of more parameters than this is refused.
const MAX_PARAMS: usize = 32;

/// The parameters of one challenge or answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<Param>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Param {
    name: String,
    value: String,
    /// The value between its quotes with the backslashes left in, where there are any.
    raw: Option<String>,
}

impl Params {
    /// Reads what follows the name of the scheme.
    ///
    /// # Errors
    /// The text is no list of `name=value`, names a parameter twice, or is too long.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        if text.len() > MAX_LENGTH {
            return Err(AuthError::TooLarge { what: "digest header", actual: text.len(), limit: MAX_LENGTH });
        }
        let mut params = Self::default();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return Ok(params);
            }
            let (name, after) = rest.split_once('=').ok_or_else(|| malformed("expected name=value"))?;
            let name = name.trim_end();
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(malformed("expected the name of a parameter"));
            }
            let (param, after) = value(name, after.trim_start_matches([' ', '\t']))?;
            if params.get(name).is_some() {
                return Err(malformed("a parameter stands there twice"));
            }
            if params.0.len() == MAX_PARAMS {
                return Err(malformed("too many parameters"));
            }
            params.0.push(param);
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err(malformed("expected a comma"));
            }
        }
    }

    /// The value of a parameter, its name in any case, without quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|param| param.value.as_str())
    }

    /// The value with the backslashes of its quoted form left in. Some clients forget to double them.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(|param| param.raw.as_deref())
    }

    pub(super) fn require(&self, name: &'static str) -> Result<&str, AuthError> {
        self.get(name).ok_or(AuthError::Malformed {
            token: "digest header",
            field: name,
            reason: "expected it to be there",
        })
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }
}

/// Reads a value, quoted or not, and gives what follows it.
fn value<'a>(name: &str, text: &'a str) -> Result<(Param, &'a str), AuthError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| !c.is_ascii() || !is_value(c)).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        if value.is_empty() {
            return Err(malformed("expected a value"));
        }
        return Ok((Param { name: name.to_owned(), value: value.to_owned(), raw: None }, rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    let mut escaped = false;
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let (raw, _) = quoted.split_at(at);
                let raw = escaped.then(|| raw.to_owned());
                return Ok((Param { name: name.to_owned(), value, raw }, characters.as_str()));
            }
            '\\' => {
                escaped = true;
                let (_, next) = characters.next().ok_or_else(|| malformed("expected an end quote"))?;
                value.push(next);
            }
            other => value.push(other),
        }
    }
    Err(malformed("expected an end quote"))
}

/// Writes a value in quotes.
pub(super) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Tokens, and the `/`, `=` and `:` that some peers leave without quotes.
fn is_value(character: char) -> bool {
    character.is_ascii_graphic() && !matches!(character, ',' | '"' | '\\' | ';')
}

fn malformed(reason: &'static str) -> AuthError {
    AuthError::Malformed { token: "digest header", field: NAME, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_peers_write_them() {
        let params =
            Params::parse("realm=\"a, \\\"b\\\"\" ,nonce = \"x==\",, stale=TRUE, algorithm=SHA-256,u=/w=1")
                .unwrap();
        assert_eq!(params.get("Realm"), Some("a, \"b\""));
        assert_eq!(params.raw("realm"), Some("a, \\\"b\\\""));
        assert_eq!(params.get("nonce"), Some("x=="));
        assert_eq!(params.raw("nonce"), None);
        assert_eq!((params.get("stale"), params.get("algorithm")), (Some("TRUE"), Some("SHA-256")));
        assert_eq!(params.get("u"), Some("/w=1"));
        assert_eq!(params.get("opaque"), None);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["realm", "realm=", "=x", "a=\"b", "a=\"b\\", "a=b c=d", "a=1, A=2", "a b=c", "a=\"b\"c"]
        {
            assert!(Params::parse(text).is_err(), "{text}");
        }
        assert!(Params::parse(&"a".repeat(MAX_LENGTH + 1)).is_err());
        let many: String = (0..=MAX_PARAMS).map(|n| format!("p{n}=1,")).collect();
        assert!(Params::parse(&many).is_err());
    }

    #[test]
    fn quotes_round_trip() {
        for text in ["", "a", "CORP\\alice", "a\"b", "\u{e4}"] {
            let params = Params::parse(&format!("x={}", quoted(text))).unwrap();
            assert_eq!(params.get("x"), Some(text));
        }
    }
}
