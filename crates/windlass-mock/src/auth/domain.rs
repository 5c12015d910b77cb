//! Accounts of a domain, asked for through Samba's `ntlm_auth --helper-protocol=ntlm-server-1`.
//!
//! The host makes the challenge and checks all but the proof itself: what the client is bound to, the integrity code of its
//! messages, the service that it means. The proof goes to the helper, and so through winbind to a domain
//! controller, which answers with the session key.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64_simd::STANDARD;
use tokio::runtime::{Handle, RuntimeFlavor};
use windlass_auth::{AccountStore, Accounts, AuthError, NtlmLogon};
use windlass_core::{Secret, SecretBytes};
use zeroize::Zeroizing;

/// How long a domain controller may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// An answer of more lines is none.
const MAX_LINES: usize = 32;

/// The host's own accounts, and those of the domain that a helper knows.
pub(crate) struct DomainAccounts {
    local: Accounts,
    /// The helper and its arguments.
    command: Vec<String>,
    /// The helper, while it runs: it takes one question after the other.
    running: Mutex<Option<Helper>>,
}

struct Helper {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

/// What the helper says of a logon.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    authenticated: bool,
    session_key: Option<Vec<u8>>,
}

impl DomainAccounts {
    pub(crate) fn new(local: Accounts, command: Vec<String>) -> Self {
        Self { local, command, running: Mutex::new(None) }
    }

    /// Asks the helper. One that does not answer is ended, and started anew for the next question.
    fn ask(&self, question: &str) -> Result<Verdict, String> {
        let wait = || {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let mut helper = match running.take() {
                Some(helper) => helper,
                None => Helper::start(&self.command)?,
            };
            let verdict = helper.ask(question)?;
            *running = Some(helper);
            Ok(verdict)
        };
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }

    /// The same for a logon that is refused where the helper fails.
    fn decide(&self, question: &str) -> Result<Verdict, AuthError> {
        let verdict = self.ask(question).map_err(|reason| {
            tracing::warn!(%reason, "the domain cannot be asked");
            AuthError::LogonDenied
        })?;
        if verdict.authenticated { Ok(verdict) } else { Err(AuthError::LogonDenied) }
    }

    fn is_local(&self, user: &str) -> bool {
        self.local.nt_hash("", user).is_some()
    }
}

impl Helper {
    fn start(command: &[String]) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("no helper is named")?;
        let failed = |error: std::io::Error| format!("{program}: {error}");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{program} has no input or output"));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, input, lines })
    }

    fn ask(&mut self, question: &str) -> Result<Verdict, String> {
        let broken = |error: std::io::Error| format!("the helper takes no question: {error}");
        self.input.write_all(question.as_bytes()).map_err(broken)?;
        self.input.flush().map_err(broken)?;
        let mut answer = Vec::new();
        for _ in 0..MAX_LINES {
            let line = self.lines.recv_timeout(PATIENCE).map_err(|_| "the helper does not answer")?;
            if line != "." {
                answer.push(Zeroizing::new(line));
            } else if !answer.is_empty() {
                // A refusal ends twice: the second end is left for the next question to pass over.
                return Verdict::read(&answer);
            }
        }
        Err("the helper's answer is too long".to_owned())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Verdict {
    fn read(lines: &[Zeroizing<String>]) -> Result<Self, String> {
        let value = |name: &str| {
            lines
                .iter()
                .find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name))
                .map(|(_, v)| v)
        };
        let authenticated = match value("Authenticated") {
            Some("Yes") => true,
            Some("No") => false,
            _ => return Err("the helper gave no verdict".to_owned()),
        };
        Ok(Self { authenticated, session_key: value("User-Session-Key").and_then(bytes) })
    }
}

/// A line of a question. What the client sent goes in base64, so that it cannot bring lines of its own.
fn encoded(name: &str, value: &str) -> String {
    format!("{name}:: {}\n", STANDARD.encode_to_string(value))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

impl AccountStore for DomainAccounts {
    fn nt_hash(&self, domain: &str, user: &str) -> Option<SecretBytes> {
        self.local.nt_hash(domain, user)
    }

    fn check_ntlm(&self, logon: &NtlmLogon<'_>) -> Option<Result<SecretBytes, AuthError>> {
        let NtlmLogon { domain, user, challenge, response } = logon;
        if self.is_local(user) {
            return None;
        }
        let question = [
            encoded("Username", user),
            encoded("NT-Domain", domain),
            format!("LANMAN-Challenge: {}\n", hex(challenge)),
            format!("NT-Response: {}\n", hex(response)),
            "Request-User-Session-Key: Yes\n.\n".to_owned(),
        ];
        Some(self.decide(&question.concat()).and_then(|verdict| {
            let reason = "got no session key from the domain";
            let missing = AuthError::State { mechanism: "NTLM", reason };
            verdict.session_key.map(SecretBytes::new).ok_or(missing)
        }))
    }

    fn check_password(&self, user: &str, password: &Secret) -> bool {
        let (domain, name) = user.split_once('\\').unwrap_or(("", user));
        if self.is_local(name) {
            return self.local.check_password(user, password);
        }
        let question = Zeroizing::new(format!(
            "{}{}{}.\n",
            encoded("Username", name),
            encoded("NT-Domain", domain),
            encoded("Password", password.expose())
        ));
        self.decide(&question).is_ok()
    }

    fn password(&self, user: &str) -> Option<Secret> {
        self.local.password(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A helper that lets in whoever is named in its second line, after it wrote down what it was asked.
    const SCRIPT: &str = r#"while read -r line; do
        case "$line" in
            "Username:: Ym9i") good=Yes;;
            "Username:: bG9zdA==") exit 1;;
            Username*) good=No;;
            .) echo "Authenticated: $good"; echo "User-Session-Key: 000102030405060708090A0B0C0D0E0F"; echo .; test $good = Yes || echo .;;
        esac
    done"#;

    fn accounts() -> DomainAccounts {
        let mut local = Accounts::new();
        local.insert("alice", Secret::new("pw"));
        DomainAccounts::new(local, ["sh", "-c", SCRIPT].map(str::to_owned).to_vec())
    }

    fn ask(accounts: &DomainAccounts, user: &str) -> Option<Result<SecretBytes, AuthError>> {
        accounts.check_ntlm(&NtlmLogon { domain: "CORP", user, challenge: [1; 8], response: &[2; 40] })
    }

    #[test]
    fn the_helper_decides_on_those_who_are_not_local() {
        let accounts = accounts();
        assert_eq!(ask(&accounts, "Alice"), None);
        let key: Vec<u8> = (0..16).collect();
        assert_eq!(ask(&accounts, "bob"), Some(Ok(SecretBytes::new(key))));
        assert_eq!(ask(&accounts, "eve\nUsername:: Ym9i"), Some(Err(AuthError::LogonDenied)));
        // One that ends is started anew.
        assert_eq!(ask(&accounts, "lost"), Some(Err(AuthError::LogonDenied)));
        assert!(ask(&accounts, "bob").unwrap().is_ok());
        assert!(accounts.check_password("CORP\\bob", &Secret::new("x")));
        assert!(!accounts.check_password("CORP\\eve", &Secret::new("x")));
        assert!(accounts.check_password("alice", &Secret::new("pw")));
        assert!(!accounts.check_password("alice", &Secret::new("x")));
    }

    #[test]
    fn a_helper_that_is_not_there_lets_nobody_in() {
        for command in [vec!["/no/such/helper".to_owned()], Vec::new()] {
            let accounts = DomainAccounts::new(Accounts::new(), command);
            assert_eq!(ask(&accounts, "bob"), Some(Err(AuthError::LogonDenied)));
        }
    }

    #[test]
    fn verdicts_are_read_strictly() {
        let read = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| Zeroizing::new((*line).to_owned())).collect();
            Verdict::read(&lines)
        };
        assert_eq!(read(&["Authenticated: No"]).map(|verdict| verdict.authenticated), Ok(false));
        assert_eq!(read(&["Authenticated: Yes", "User-Session-Key: 0x"]).unwrap().session_key, None);
        assert!(read(&["Authenticated: yes"]).is_err());
        assert!(read(&[]).is_err());
    }
}
