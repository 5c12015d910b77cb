//! The embedded host: as `windlass mock`, and as the local computer.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use tokio::io::AsyncReadExt;
use windlass::net::Dial;
use windlass_mock::MockHost;

use crate::exit::Exit;
use crate::failure::report_local;

/// Serve as a host that other programs can manage
///
/// Prints one line of JSON when ready and serves until its standard input closes or it is interrupted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass mock --user alice:secret
  windlass mock --listen 127.0.0.1:5985 --tls-listen 127.0.0.1:5986 --user alice:secret --allow-exec")]
pub(crate) struct Mock {
    /// Address for HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address for HTTPS, with a certificate made for this run
    #[arg(long, value_name = "ADDR")]
    tls_listen: Option<SocketAddr>,
    /// User who may log on, as NAME:PASSWORD; may be repeated
    #[arg(long, value_name = "NAME:PASSWORD")]
    user: Vec<String>,
    /// Mechanisms to offer, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = ["basic", "negotiate", "ntlm"], ignore_case = true)]
    auth: Vec<String>,
    /// Accept messages over plain HTTP that are not encrypted
    #[arg(long)]
    allow_unencrypted: bool,
    /// Run the programs that clients ask for
    #[arg(long)]
    allow_exec: bool,
    /// Answers to give to certain scripts, from a JSON file
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
            .http(self.listen)
            .allow_unencrypted(self.allow_unencrypted)
            .allow_exec(self.allow_exec);
        if let Some(address) = self.tls_listen {
            builder = builder.https(address);
        }
        if !self.auth.is_empty() {
            builder = builder.auth(&self.auth);
        }
        for user in &self.user {
            let Some((name, password)) = user.split_once(':') else {
                bail!("--user takes NAME:PASSWORD");
            };
            builder = builder.user(name, password);
        }
        if let Some(file) = &self.scenario {
            builder = builder.scenario_file(file).with_context(|| format!("scenario {}", file.display()))?;
        }
        let host = builder.start().await?;
        let ready = json!({
            "event": "ready",
            "http": host.http_addr().map(|address| address.to_string()),
            "https": host.https_addr().map(|address| address.to_string()),
            "rpc": null,
            "certificate": host.certificate_path().map(|path| path.display().to_string()),
        });
        let mut out = std::io::stdout();
        writeln!(out, "{ready}")?;
        out.flush()?;
        tokio::select! {
            () = input_closed() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        host.shutdown().await;
        Ok(())
    }
}

/// Waits until standard input ends; what it holds is not looked at.
async fn input_closed() {
    let mut input = tokio::io::stdin();
    let mut buffer = [0; 256];
    while let Ok(1..) = input.read(&mut buffer).await {}
}

/// The local computer: the embedded host without a listener, reached through pipes in memory.
pub(crate) struct LocalHost(Arc<MockHost>);

impl LocalHost {
    /// Starts the host in this process.
    pub(crate) async fn start() -> Result<Self> {
        Ok(Self(Arc::new(MockHost::builder().start().await?)))
    }

    /// What opens pipes to it.
    pub(crate) fn dial(&self) -> Arc<dyn Dial> {
        let host = Arc::clone(&self.0);
        Arc::new(move || Ok(host.in_memory()))
    }

    /// Ends it, where no session holds it any more.
    pub(crate) async fn shutdown(self) {
        if let Ok(host) = Arc::try_unwrap(self.0) {
            host.shutdown().await;
        }
    }
}
