//! Recordings without the passwords that are known.

use std::cmp::Reverse;
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
        let (request, answer) = (redacted(request, &secrets), redacted(answer, &secrets));
        if let Err(error) = self.recorder.note(&request, status, &answer) {
            tracing::warn!(%error, "a message could not be recorded");
        }
    }
}

/// The text with an x for each byte of a secret: as it is, as XML writes it, and inside base64.
pub(super) fn redacted(text: &str, secrets: &[&str]) -> String {
    let forms = forms(secrets);
    let mut shown = Secret::new(text);
    for form in forms.iter().map(Secret::expose) {
        shown = Secret::new(shown.expose().replace(form, &"x".repeat(form.len())));
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = shown.expose();
    while let Some(start) = rest.find(is_base64) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|character| !is_base64(character)).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        whole.push_str(before);
        match (run.len() >= SHORTEST).then(|| inside(run, &forms)).flatten() {
            Some(replaced) => whole.push_str(&replaced),
            None => whole.push_str(run),
        }
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// The secrets as they are, and as XML and CLIXML write them. The longest come first: what is left of a secret
/// after the beginning of it was replaced would not be found.
fn forms(secrets: &[&str]) -> Vec<Secret> {
    let mut forms = Vec::with_capacity(3 * secrets.len());
    for secret in secrets.iter().copied().filter(|secret| !secret.is_empty()) {
        forms.push(Secret::new(secret));
        forms.push(Secret::new(windlass_xml::escape_text(secret)));
        forms.push(Secret::new(windlass_clixml::escape_text(secret)));
    }
    forms.sort_by_key(|form| Reverse(form.expose().len()));
    forms.dedup();
    forms
}

fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '=')
}

/// The run with the secrets in what it encodes replaced; nothing where there are none.
fn inside(run: &str, forms: &[Secret]) -> Option<String> {
    let mut bytes = base64_simd::STANDARD.decode_to_vec(run).ok()?;
    let mut found = false;
    for form in forms {
        let wide = form.to_utf16_le();
        for form in [form.expose().as_bytes(), wide.expose()] {
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
        let hidden = base64("<S>the p&amp;ss word is here</S>");
        let text = format!("<a>p&amp;ss</a><b>{hidden}</b><c>p&ss</c><d>plainplainplainplain</d>");
        let expected = format!(
            "<a>xxxxxxxx</a><b>{}</b><c>xxxx</c><d>plainplainplainplain</d>",
            base64("<S>the xxxxxxxx word is here</S>")
        );
        assert_eq!(redacted(&text, &["p&ss"]), expected);
        assert_eq!(redacted(&text, &[]), text);
        assert_eq!(redacted(&base64("a secret of x: xxxx"), &["xx"]), base64("a secret of x: xxxx"));
        let wide = |text: &str| {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            base64_simd::STANDARD.encode_to_string(bytes)
        };
        let found = redacted(&wide("<S>the p&amp;ss word</S>"), &["p&ss"]);
        let found = base64_simd::STANDARD.decode_to_vec(found).unwrap();
        assert!(found.windows(8).any(|part| part == *b"xxxxxxxx"), "{}", found.escape_ascii());
        let escaped = base64("<S>my_x005F_xray is here</S>");
        assert_eq!(redacted(&escaped, &["my_xray"]), base64("<S>xxxxxxxxxxxxx is here</S>"));
    }

    #[test]
    fn nothing_is_left_of_a_secret_that_begins_with_another() {
        let base64 = |text: &str| base64_simd::STANDARD.encode_to_string(text.as_bytes());
        let text =
            |secret: &str| format!("<a>{secret}</a><b>{}</b>", base64(&format!("the word {secret} is here")));
        assert_eq!(redacted(&text("Secret1!"), &["Secret", "Secret1!"]), text("xxxxxxxx"));
    }
}
