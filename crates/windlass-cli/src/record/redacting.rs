//! Recordings without the passwords that are known.

use std::sync::Arc;

use windlass::{Secret, Tap};
use windlass_mock::Recorder;

use crate::runspace::CredentialTable;

/// Shortest run of letters that is looked into as base64.
const SHORTEST: usize = 16;

/// Records without the passwords that are known.
pub(crate) struct Redacting {
    recorder: Recorder,
    secrets: Vec<Secret>,
    credentials: Arc<CredentialTable>,
}

impl Redacting {
    /// Keeps these secrets, and those of the table, out of the recording.
    pub(crate) fn new(recorder: Recorder, secrets: Vec<Secret>, credentials: Arc<CredentialTable>) -> Self {
        Self { recorder, secrets, credentials }
    }
}

impl Tap for Redacting {
    fn exchanged(&self, request: &str, status: u16, answer: &str) {
        let mut secrets = self.secrets.clone();
        secrets.extend(self.credentials.passwords());
        let secrets: Vec<&str> =
            secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty()).collect();
        self.recorder.note(&redacted(request, &secrets), status, &redacted(answer, &secrets));
    }
}

/// The text with an x for each byte of a secret: as it is, as XML writes it, and inside base64.
pub(super) fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut shown = text.to_owned();
    for secret in secrets {
        let escaped = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        for form in [*secret, escaped.as_str()] {
            shown = shown.replace(form, &"x".repeat(form.len()));
        }
    }
    let mut whole = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(start) = rest.find(is_base64) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|character| !is_base64(character)).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        whole.push_str(before);
        match (run.len() >= SHORTEST).then(|| inside(run, secrets)).flatten() {
            Some(replaced) => whole.push_str(&replaced),
            None => whole.push_str(run),
        }
        rest = after;
    }
    whole.push_str(rest);
    whole
}

fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=')
}

/// The run with the secrets in what it encodes replaced; nothing where there are none.
fn inside(run: &str, secrets: &[&str]) -> Option<String> {
    let mut bytes = base64_simd::STANDARD.decode_to_vec(run).ok()?;
    let mut found = false;
    for secret in secrets {
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for form in [secret.as_bytes(), wide.as_slice()] {
            let mut from = 0;
            let next = |rest: &[u8]| rest.windows(form.len()).position(|window| window == form);
            while let Some(at) = bytes.get(from..).and_then(next) {
                // Never looked at again: a secret of x's alone stands in what replaces it.
                bytes.iter_mut().skip(from + at).take(form.len()).for_each(|byte| *byte = b'x');
                from += at + form.len();
                found = true;
            }
        }
    }
    found.then(|| base64_simd::STANDARD.encode_to_string(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_become_x_wherever_they_stand() {
        let base64 = |text: &str| base64_simd::STANDARD.encode_to_string(text.as_bytes());
        let hidden = base64("<S>the p&ss word is here</S>");
        let text = format!("<a>p&amp;ss</a><b>{hidden}</b><c>p&ss</c><d>plainplainplainplain</d>");
        let expected = format!(
            "<a>xxxxxxxx</a><b>{}</b><c>xxxx</c><d>plainplainplainplain</d>",
            base64("<S>the xxxx word is here</S>")
        );
        assert_eq!(redacted(&text, &["p&ss"]), expected);
        assert_eq!(redacted(&text, &[]), text);
        assert_eq!(redacted(&base64("a secret of x: xxxx"), &["xx"]), base64("a secret of x: xxxx"));
    }
}
