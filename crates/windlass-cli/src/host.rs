//! The embedded host: as `windlass mock`, and as the local computer.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use windlass::net::Dial;
use windlass::{CimSession, CimSessionBuilder, Credential, Secret};
use windlass_mock::{Account, Authentication, BindingPolicy, Endpoint, MockHost, Scenario, Trouble};

use crate::credential;
use crate::exit::Exit;
use crate::failure::report_local;

/// Serve as a host that other programs can manage
///
/// Prints one line of JSON when ready and serves until it is interrupted, or until its standard input closes
/// where that is no terminal.
#[derive(Debug, Args)]
#[command(after_help = "Scenarios:
  A scenario is a JSON file that tells what PowerShell clients get for certain scripts:
    {\"scripts\": [{\"script\": \"Get-Thing -All\", \"output\": [1, {\"Name\": \"x\"}], \"warnings\": [\"old\"]}]}
  Fields besides script: output (JSON values), clixml (values as CLIXML), errors, warnings, verbose,
  debug, information (texts), progress (activity, status, percent), delay_ms, and fails (a message).

Faults:
  WHAT[@ACTION][#NUMBER], where WHAT is cut (before the message is carried out), lose (after it),
  delay:MILLISECONDS, 401, corrupt, quota or timedout; ACTION is Receive, Command and the like;
  NUMBER says which of these messages, 1 where absent, * for all: cut@Receive#2, timedout@Receive#*

Examples:
  windlass mock --user alice:secret
  windlass mock --listen 127.0.0.1:5985 --tls-listen 127.0.0.1:5986 --user alice:secret --allow-exec
  windlass mock --user alice:secret --scenario things.json
  windlass mock --user alice:secret --endpoint 'PowerShell.7=pwsh -s -NoLogo'
  windlass mock --user alice:secret --endpoint 'Web=pwsh -s -NoLogo' --endpoint-user Web=www-data")]
pub(crate) struct Mock {
    /// Address for HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address for HTTPS, with a certificate made for this run
    #[arg(long, value_name = "ADDR")]
    tls_listen: Option<SocketAddr>,
    /// Address for DCE/RPC with its endpoint mapper; port 0 takes a free one, clients expect 135
    #[arg(long, value_name = "ADDR")]
    rpc_listen: Option<SocketAddr>,
    /// User who may log on, as NAME:PASSWORD, which other users of this computer see; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<String>,
    /// File of users who may log on, NAME:PASSWORD a line, which its owner alone may read; may be repeated
    #[arg(long, value_name = "FILE")]
    user_file: Vec<PathBuf>,
    /// Ask a domain about other users: the command line of Samba's ntlm_auth --helper-protocol=ntlm-server-1
    #[arg(long, value_name = "PROGRAM")]
    ntlm_auth: Option<String>,
    /// File with the keys of the host's services, for Kerberos
    #[arg(long, value_name = "FILE")]
    keytab: Option<PathBuf>,
    /// Mechanisms to offer, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = Authentication::NAMES, ignore_case = true)]
    auth: Vec<String>,
    /// User who logs on over HTTPS with the certificate in a PEM file, as NAME=FILE; may be repeated
    #[arg(long, value_name = "NAME=FILE")]
    client_certificate: Vec<String>,
    /// Authority, in a PEM file, whose certificates name users by their principal names; may be repeated
    #[arg(long, value_name = "FILE")]
    client_ca: Vec<PathBuf>,
    /// What is demanded of channel bindings over HTTPS
    #[arg(long, value_name = "POLICY", default_value = "relaxed", value_parser = ["none", "relaxed", "strict"])]
    channel_binding: String,
    /// Accept messages over plain HTTP that are not encrypted
    #[arg(long)]
    allow_unencrypted: bool,
    /// Run the programs that clients ask for
    #[arg(long)]
    allow_exec: bool,
    /// Further name of the PowerShell endpoint, for -ConfigurationName; may be repeated
    #[arg(long, value_name = "NAME")]
    configuration: Vec<String>,
    /// Further path to serve at, for -ApplicationName and -ConnectionUri; may be repeated
    #[arg(long, value_name = "PATH")]
    url_prefix: Vec<String>,
    /// Put a program that speaks PowerShell's out-of-process framing behind an endpoint; may be repeated
    #[arg(long, value_name = "NAME=PROGRAM")]
    endpoint: Vec<String>,
    /// Account that the program of an endpoint runs as, by name or as UID:GID (needs root); may be repeated
    #[arg(long, value_name = "NAME=USER", requires = "endpoint")]
    endpoint_user: Vec<String>,
    /// Write every message and its answer into a file in this folder, readable
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Answer from the recordings in this folder and run nothing
    #[arg(long, value_name = "DIR", conflicts_with = "record")]
    replay: Option<PathBuf>,
    /// Make trouble for a message, see below; may be repeated
    #[arg(long, value_name = "SPEC")]
    fault: Vec<Trouble>,
    /// Let clients copy files to and from this directory, their drive User:
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Answer scripts as this file says, see below
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

impl Mock {
    /// Serves until told to stop.
    pub(crate) async fn run(self) -> Exit {
        match self.serve().await {
            Ok(()) => Exit::DONE,
            Err(error) => report_local(&error),
        }
    }

    async fn serve(self) -> Result<()> {
        let mut builder = MockHost::builder()
            .http(self.listen.to_string())
            .allow_unencrypted(self.allow_unencrypted)
            .allow_exec(self.allow_exec);
        let certificate = CertificateFile::new();
        if let Some(address) = self.tls_listen {
            builder = builder.https(address.to_string()).certificate_path(&certificate.0);
        }
        if let Some(address) = self.rpc_listen {
            builder = builder.rpc(address.to_string());
        }
        if !self.auth.is_empty() {
            let authentication = Authentication::offering(self.auth.iter().map(String::as_str));
            builder = builder.authentication(authentication);
        }
        for user in &self.user {
            let Some((name, password)) = user.split_once(':') else {
                bail!("--user takes NAME:PASSWORD");
            };
            builder = builder.user(name, Secret::new(password));
        }
        for file in &self.user_file {
            for (name, password) in credential::users_of(file)? {
                builder = builder.user(&name, password);
            }
        }
        if let Some(command) = &self.ntlm_auth {
            builder = builder.ntlm_auth(command.split_whitespace().map(str::to_owned));
        }
        if let Some(path) = &self.keytab {
            builder = builder.keytab(windlass::kerberos::read_keytab(path)?);
        }
        for path in &self.url_prefix {
            builder = builder.url_prefix(path);
        }
        for name in &self.configuration {
            builder = builder.configuration(name);
        }
        builder = builder.binding_policy(match self.channel_binding.as_str() {
            "none" => BindingPolicy::None,
            "strict" => BindingPolicy::Strict,
            _ => BindingPolicy::Relaxed,
        });
        let read =
            |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        for mapping in &self.client_certificate {
            let Some((name, path)) = mapping.split_once('=') else {
                bail!("--client-certificate takes NAME=FILE");
            };
            builder = builder.client_certificate(name, &read(Path::new(path))?)?;
        }
        for path in &self.client_ca {
            builder = builder.client_authority(&read(path)?)?;
        }
        if let Some(folder) = &self.record {
            builder = builder.record(folder);
        }
        if let Some(folder) = &self.replay {
            builder = builder.replay(folder);
        }
        for trouble in self.fault {
            builder = builder.trouble(trouble);
        }
        for endpoint in endpoints(&self.endpoint, &self.endpoint_user)? {
            builder = builder.endpoint(endpoint);
        }
        if let Some(path) = &self.scenario {
            builder = builder.scenario(Scenario::from_file(path)?);
        }
        if let Some(directory) = &self.files {
            builder = builder.files(directory)?;
        }
        let host = builder.start().await?;
        let ready = json!({
            "event": "ready",
            "http": host.http_addr().map(|address| address.to_string()),
            "https": host.https_addr().map(|address| address.to_string()),
            "rpc": host.rpc_addr().map(|address| address.to_string()),
            "certificate": host.certificate_path().map(|path| path.display().to_string()),
        });
        let mut out = std::io::stdout();
        writeln!(out, "{ready}")?;
        out.flush()?;
        told_to_stop().await?;
        host.shutdown().await;
        Ok(())
    }
}

/// The endpoints that are programs, each with its account.
fn endpoints(given: &[String], users: &[String]) -> Result<Vec<Endpoint>> {
    let mut endpoints = given.iter().map(|given| endpoint(given)).collect::<Result<Vec<_>>>()?;
    for given in users {
        let Some((name, user)) = given.split_once('=') else {
            bail!("--endpoint-user takes NAME=USER");
        };
        let Some(endpoint) = endpoints.iter_mut().find(|endpoint| endpoint.name.eq_ignore_ascii_case(name))
        else {
            bail!("--endpoint-user {given}: no --endpoint is called {name}");
        };
        endpoint.run_as = Some(Account::find(user)?);
    }
    Ok(endpoints)
}

/// An endpoint as NAME=PROGRAM, arguments separated by blanks.
fn endpoint(given: &str) -> Result<Endpoint> {
    let Some((name, line)) = given.split_once('=') else {
        bail!("--endpoint takes NAME=PROGRAM");
    };
    let mut words = line.split_whitespace();
    match words.next() {
        Some(program) if !name.is_empty() => Ok(words.fold(Endpoint::new(name, program), Endpoint::argument)),
        _ => bail!("--endpoint takes NAME=PROGRAM"),
    }
}

/// The file with the certificate of this run; it goes when the host goes.
struct CertificateFile(PathBuf);

impl CertificateFile {
    fn new() -> Self {
        // Nobody can guess the name, and put something else there beforehand.
        Self(std::env::temp_dir().join(format!("windlass-mock-{}.pem", uuid::Uuid::new_v4().simple())))
    }
}

impl Drop for CertificateFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "the certificate file was not there to be removed");
        }
    }
}

/// Waits for Ctrl-C, for what `kill` sends, or for the end of standard input.
pub(crate) async fn told_to_stop() -> std::io::Result<()> {
    tokio::select! {
        () = input_closed() => Ok(()),
        interrupted = interrupted() => interrupted,
    }
}

/// Waits for Ctrl-C, or for what `kill` sends.
async fn interrupted() -> std::io::Result<()> {
    crate::interrupts::Interrupts::heed()?.next().await;
    Ok(())
}

/// Waits until standard input ends; what it holds is not looked at. Only the end of a pipe tells that somebody has
/// gone: a service and a job of a script have `/dev/null` there. A terminal is left alone, too: reading from it would
/// stop a host that runs in the background of a shell.
async fn input_closed() {
    if !is_held() {
        return std::future::pending().await;
    }
    let (ended, end) = tokio::sync::oneshot::channel();
    // A thread of its own reads, since reading cannot be cancelled.
    std::thread::spawn(move || {
        let drained = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        tracing::debug!(?drained, "standard input ended");
        if ended.send(()).is_err() {
            tracing::debug!("the host ended before its input");
        }
    });
    if end.await.is_err() {
        tracing::debug!("standard input cannot be read");
    }
}

/// Whether another process holds the other end of standard input.
#[cfg(unix)]
fn is_held() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let input = std::io::stdin().as_fd().try_clone_to_owned();
    let held = input.and_then(|input| std::fs::File::from(input).metadata());
    held.is_ok_and(|held| held.file_type().is_fifo() || held.file_type().is_socket())
}

/// Whether another process may hold the other end of standard input.
#[cfg(not(unix))]
fn is_held() -> bool {
    use std::io::IsTerminal;
    !std::io::stdin().is_terminal()
}

/// The local computer: the embedded host without a listener, reached through pipes in memory.
pub(crate) struct LocalHost {
    host: Arc<MockHost>,
    password: Secret,
}

impl LocalHost {
    const USER: &str = "local";

    /// Starts the host in this process, with a password that nobody else knows.
    pub(crate) async fn start() -> Result<Self> {
        let password = Secret::new(uuid::Uuid::new_v4().to_string());
        let host = MockHost::builder().user(Self::USER, password.clone()).start().await?;
        Ok(Self { host: Arc::new(host), password })
    }

    /// Makes a target lead to this host.
    pub(crate) fn reach(&self, target: &mut windlass::Target) {
        let host = Arc::clone(&self.host);
        let dial: Arc<dyn Dial> = Arc::new(move || Ok(host.in_memory()));
        target
            .set_dial(dial)
            .set_authentication(windlass::Authentication::Basic)
            .set_allow_unencrypted(true)
            .set_credential(Credential::password(Self::USER, self.password.clone()));
    }

    /// A CIM session with the local computer over DCOM, to be opened.
    pub(crate) fn dcom_session(&self) -> CimSessionBuilder {
        let host = Arc::clone(&self.host);
        CimSession::local_dcom(Arc::new(move || Ok(host.rpc_in_memory())))
    }

    /// A CIM session with the local computer over WS-Management, to be opened.
    pub(crate) fn cim_session(&self) -> CimSessionBuilder {
        let host = Arc::clone(&self.host);
        let dial: Arc<dyn Dial> = Arc::new(move || Ok(host.in_memory()));
        CimSession::local(dial)
            .authentication(windlass::Authentication::Basic)
            .allow_unencrypted(true)
            .credential(Credential::password(Self::USER, self.password.clone()))
    }
}
