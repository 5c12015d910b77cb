//! Where a password comes from: a file, the environment, a keyring's program or a prompt; never an argument.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use windlass::Credential;
use windlass::kerberos::Keytab;
use windlass_core::Secret;

/// The environment variable that may hold the password.
pub(crate) const PASSWORD_VARIABLE: &str = "WINDLASS_PASSWORD";
/// The environment variable that may hold a command that prints a user's password, as the programs of keyrings do.
const COMMAND_VARIABLE: &str = "WINDLASS_PASSWORD_COMMAND";
/// The environment variable that may hold the password of certificates in PKCS #12.
const CERTIFICATE_PASSWORD_VARIABLE: &str = "WINDLASS_CERTIFICATE_PASSWORD";
/// The environment variable that may name a file whose first line is that password.
const CERTIFICATE_PASSWORD_FILE_VARIABLE: &str = "WINDLASS_CERTIFICATE_PASSWORD_FILE";

/// Whether the environment's password is somebody else's.
static IS_INHERITED: AtomicBool = AtomicBool::new(false);

/// From now on the environment's password is not taken: an agent has it from the command that started it, which
/// meant it for itself. (Windows gives no safe way to start a process without it.)
pub(crate) fn disregard_inherited_password() {
    IS_INHERITED.store(true, Ordering::Relaxed);
}

/// A user's name and password.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// `DOMAIN\user`, `user@domain` or `user`.
    pub(crate) user: String,
    pub(crate) password: Secret,
}

/// A file with keys for Kerberos, and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct KeytabFile {
    /// Where it is, from the root.
    pub(crate) path: PathBuf,
    keytab: Arc<Keytab>,
}

impl KeytabFile {
    /// Reads it; only its owner may be able to.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        refuse_if_shared(path)?;
        let path = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
        let keytab = Arc::new(windlass::kerberos::read_keytab(&path)?);
        Ok(Self { path, keytab })
    }

    /// The credential of a user whose keys it holds.
    pub(crate) fn credential(&self, user: &str) -> Credential {
        Credential::Keytab { principal: user.to_owned(), keytab: Arc::clone(&self.keytab) }
    }
}

/// Finds the credential that the user means: the file if one is named, otherwise the name with the
/// password from the environment or from a prompt. Neither name nor file means no credential.
pub(crate) fn find(user: Option<&str>, file: Option<&Path>) -> Result<Option<Login>> {
    match (user, file) {
        (user, Some(file)) => from_file(file, user).map(Some),
        (None, None) => Ok(None),
        (Some(user), None) => Ok(Some(Login { user: user.to_owned(), password: password(user)? })),
    }
}

/// Asks for a user's name, and then for the password.
pub(crate) fn ask(message: Option<&str>) -> Result<Option<Login>> {
    use std::io::Write;
    if !std::io::stdin().is_terminal() {
        bail!("no user is named, and there is no terminal to ask on: use -Credential USER");
    }
    let mut terminal = std::io::stderr();
    write!(terminal, "{}\nUser: ", message.unwrap_or("Enter your credentials."))?;
    terminal.flush()?;
    let mut user = String::new();
    std::io::stdin().read_line(&mut user).context("cannot read the user's name")?;
    let user = user.trim();
    if user.is_empty() { Ok(None) } else { find(Some(user), None) }
}

/// The password of a file with a certificate and its key: from the environment, from a file that its owner
/// alone may read, or from a prompt.
pub(crate) fn file_password(file: &Path) -> Result<Secret> {
    if let Some(password) = variable(CERTIFICATE_PASSWORD_VARIABLE)? {
        return Ok(password);
    }
    if let Some(holder) = std::env::var_os(CERTIFICATE_PASSWORD_FILE_VARIABLE) {
        let holder = Path::new(&holder);
        refuse_if_shared(holder)?;
        let text = std::fs::read_to_string(holder).map(Secret::new);
        let text = text.with_context(|| format!("cannot read {}", holder.display()))?;
        return Ok(Secret::new(text.expose().lines().next().unwrap_or_default()));
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "no password for {}: set {CERTIFICATE_PASSWORD_VARIABLE} or {CERTIFICATE_PASSWORD_FILE_VARIABLE}, or run \
             on a terminal",
            file.display()
        );
    }
    let typed = rpassword::prompt_password(format!("Password for {}: ", file.display()));
    Ok(Secret::new(typed.context("cannot read the password")?))
}

fn variable(name: &str) -> Result<Option<Secret>> {
    match std::env::var_os(name).map(std::ffi::OsString::into_string) {
        None => Ok(None),
        Some(Ok(password)) => Ok(Some(Secret::new(password))),
        Some(Err(_)) => bail!("the environment variable {name} is not UTF-8"),
    }
}

fn password(user: &str) -> Result<Secret> {
    if !IS_INHERITED.load(Ordering::Relaxed)
        && let Some(password) = variable(PASSWORD_VARIABLE)?
    {
        return Ok(password);
    }
    if let Some(command) = variable(COMMAND_VARIABLE)? {
        return printed(command.expose(), user).context(COMMAND_VARIABLE);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "no password for {user}: set {PASSWORD_VARIABLE} or {COMMAND_VARIABLE}, name a file with \
             -CredentialFile, or run on a terminal"
        );
    }
    let typed =
        rpassword::prompt_password(format!("Password for {user}: ")).context("cannot read the password")?;
    Ok(Secret::new(typed))
}

/// The first line that a command prints when the user's name is added to its words.
fn printed(command: &str, user: &str) -> Result<Secret> {
    let mut words = command.split_whitespace();
    let Some(program) = words.next() else { bail!("it is empty") };
    let mut ran = Command::new(program);
    ran.args(words).arg(user).stdin(Stdio::inherit()).stderr(Stdio::inherit());
    let ran = ran.output().with_context(|| format!("cannot run {program}"))?;
    let text = Secret::new(String::from_utf8(ran.stdout).context("what it printed is not UTF-8")?);
    if !ran.status.success() {
        bail!("{program} gave no password for {user}: {}", ran.status);
    }
    match text.expose().lines().next() {
        Some(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => bail!("{program} printed no password for {user}"),
    }
}

/// The file's first line is the user's name, the second the password. Only its owner may read it.
fn from_file(file: &Path, user: Option<&str>) -> Result<Login> {
    let shown = file.display();
    refuse_if_shared(file)?;
    let text = Secret::new(std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?);
    let mut lines = text.expose().lines();
    let (Some(name), Some(password)) = (lines.next(), lines.next()) else {
        bail!("{shown} must hold two lines: the user's name, then the password");
    };
    if user.is_some_and(|user| !user.eq_ignore_ascii_case(name)) {
        bail!("{shown} holds the password of {name}, not of the user named with -Credential");
    }
    Ok(Login { user: name.to_owned(), password: Secret::new(password) })
}

/// The users in a file, NAME:PASSWORD a line; empty lines and those that begin with `#` are passed over. Only its owner
/// may read it.
pub(crate) fn users_of(file: &Path) -> Result<Vec<(String, Secret)>> {
    let shown = file.display();
    refuse_if_shared(file)?;
    let text = Secret::new(std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?);
    let lines = text.expose().lines().enumerate();
    let told = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let user = |(place, line): (usize, &str)| match line.split_once(':') {
        Some((name, password)) if !name.is_empty() => Ok((name.to_owned(), Secret::new(password))),
        _ => bail!("{shown}, line {}: NAME:PASSWORD is expected", place + 1),
    };
    told.map(user).collect()
}

#[cfg(unix)]
fn refuse_if_shared(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let shown = file.display();
    let mode = std::fs::metadata(file).with_context(|| format!("cannot read {shown}"))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read {shown}: run `chmod 600 {shown}`");
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_shared(_file: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(name: &str, content: &str, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("windlass-{name}-{}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_private_file_is_read() {
        let path = file("private", "CORP\\alice\nsecret word\n", 0o600);
        let login = find(None, Some(&path)).unwrap().unwrap();
        assert_eq!((login.user.as_str(), login.password.expose()), ("CORP\\alice", "secret word"));
        assert!(find(Some("bob"), Some(&path)).unwrap_err().to_string().contains("not of the user"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn users_stand_in_a_private_file() {
        let path = file("users", "# who may\nCORP\\alice:a:b c\n\nbob:\n", 0o600);
        let users = users_of(&path).unwrap();
        let shown: Vec<_> = users.iter().map(|(name, password)| (name.as_str(), password.expose())).collect();
        assert_eq!(shown, [("CORP\\alice", "a:b c"), ("bob", "")]);
        std::fs::remove_file(path).unwrap();
        for (content, mode, complaint) in [
            ("alice:pw\n", 0o640, "chmod 600"),
            ("alice:pw\ngeheim\n", 0o600, "line 2: NAME:PASSWORD is expected"),
        ] {
            let path = file("no-users", content, mode);
            let error = users_of(&path).unwrap_err().to_string();
            assert!(error.contains(complaint) && !error.contains("geheim"), "{error}");
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_command_prints_the_password() {
        assert_eq!(printed("echo pw of", "alice").unwrap().expose(), "pw of alice");
        for (command, said) in [
            ("false", "gave no password for alice"),
            ("true", "printed no password for alice"),
            ("/no/such/program", "cannot run /no/such/program"),
            (" ", "it is empty"),
        ] {
            let error = printed(command, "alice").unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn a_shared_or_short_file_is_refused() {
        let path = file("shared", "alice\npw\n", 0o644);
        assert!(find(None, Some(&path)).unwrap_err().to_string().contains("chmod 600"));
        std::fs::remove_file(path).unwrap();
        let path = file("short", "alice\n", 0o600);
        assert!(find(None, Some(&path)).unwrap_err().to_string().contains("two lines"));
        std::fs::remove_file(path).unwrap();
    }
}
