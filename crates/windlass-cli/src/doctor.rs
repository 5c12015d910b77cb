//! `windlass doctor`: walks the layers to a computer and names the first that fails.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use windlass::{Authentication, CimSession, Enumeration, PsSession, Target, identify};

use crate::cli::Format;
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::report_local;
use crate::interrupts::Interrupts;
use crate::runspace::{Local, PlainWay};
use crate::terminal::Nobody;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Walk the layers to a computer and name the first that fails
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass doctor srv1 -Credential CORP\\alice
  windlass doctor srv1 --use-ssl --ca-file corp.pem --output json")]
pub(crate) struct Doctor {
    /// The computer
    #[arg(value_name = "HOST")]
    computer: String,
    #[command(flatten)]
    way: PlainWay,
    /// The endpoint to try
    #[arg(long, value_name = "NAME", default_value = "Microsoft.PowerShell")]
    configuration_name: String,
    #[command(flatten)]
    defaults: DefaultOptions,
}

/// What came of one layer.
struct Finding {
    layer: &'static str,
    outcome: Result<String, String>,
    remedy: &'static str,
    took: Duration,
}

impl Doctor {
    /// Looks and tells.
    pub(crate) fn run(self, runtime: &tokio::runtime::Runtime, format: Option<Format>) -> Exit {
        let examined = runtime.block_on(async {
            let mut interrupts = Interrupts::heed()?;
            tokio::select! {
                examined = self.examine(runtime.handle(), format) => examined,
                _ = interrupts.next() => Ok(Exit::INTERRUPTED),
            }
        });
        match examined {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    async fn examine(self, handle: &tokio::runtime::Handle, format: Option<Format>) -> Result<Exit> {
        let as_json = matches!(format, Some(Format::Json | Format::Ndjson));
        let local = Local::new(handle.clone(), self.defaults.resolve()?, Arc::new(Nobody));
        let target = self.way.target(&local, &self.computer)?;
        if local.defaults.what_if {
            writeln!(std::io::stdout(), "What if: doctor on {}", self.way.described(&local, &target)?)?;
            return Ok(Exit::DONE);
        }
        let mut exit = Exit::DONE;
        for layer in 0..6 {
            let start = Instant::now();
            let Some(mut finding) = self.layer(layer, &local, &target, &mut exit).await else { continue };
            finding.took = start.elapsed();
            let failed = finding.outcome.is_err();
            tell(&finding, as_json)?;
            if failed {
                break;
            }
        }
        Ok(exit)
    }

    /// One layer; none where there is nothing to try.
    async fn layer(&self, layer: usize, local: &Local, target: &Target, exit: &mut Exit) -> Option<Finding> {
        let mut failed = |error: windlass::Error| {
            *exit = Exit::of(&error);
            error.to_string()
        };
        let finding = |layer, remedy, outcome| Some(Finding { layer, outcome, remedy, took: Duration::ZERO });
        let port = self.way.port();
        match layer {
            0 => {
                let remedy =
                    "check the name and the DNS server, or say where it is with --resolve NAME=ADDRESS";
                if let Some(address) = local.defaults.names.lookup(&self.computer, port) {
                    return finding("name", remedy, Ok(format!("{} (--resolve)", address.ip())));
                }
                let outcome = match tokio::net::lookup_host((self.computer.as_str(), port)).await {
                    Ok(addresses) => {
                        let listed: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
                        Ok(listed.join(", "))
                    }
                    Err(error) => {
                        *exit = Exit::from_code(3);
                        Err(error.to_string())
                    }
                };
                finding("name", remedy, outcome)
            }
            1 => {
                let remedy = "is the computer up, WinRM enabled (winrm quickconfig) and the port open in its firewall?";
                let address = local.defaults.names.lookup(&self.computer, port);
                let connecting = async {
                    match address {
                        Some(address) => tokio::net::TcpStream::connect(address).await,
                        None => tokio::net::TcpStream::connect((self.computer.as_str(), port)).await,
                    }
                };
                let outcome = match tokio::time::timeout(PATIENCE, connecting).await {
                    Ok(Ok(stream)) => {
                        Ok(stream.peer_addr().map_or_else(|_| port.to_string(), |peer| peer.to_string()))
                    }
                    Ok(Err(error)) => Err(error.to_string()),
                    Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
                };
                if outcome.is_err() {
                    *exit = Exit::from_code(3);
                }
                finding("connection", remedy, outcome)
            }
            2 => {
                let remedy = "is it the port of WinRM, and HTTPS where it speaks TLS? --ca-file trusts an authority, \
                              --skip-cn-check another name";
                let mut anybody = target.clone();
                anybody.set_authentication(Authentication::Anonymous);
                let outcome = identify(&anybody).await;
                let outcome = outcome
                    .map(|identity| format!("{} {}", identity.product_vendor, identity.product_version));
                finding("service", remedy, outcome.map_err(&mut failed))
            }
            3 => {
                local.logs_on().then_some(())?;
                let remedy = "check user and password, the mechanisms that the service allows (winrm get winrm/config), \
                              for Kerberos the service's name (-SpnClass), over HTTPS its channel bindings";
                let outcome = identify(target).await.map(|_| self.way.logon(local));
                finding("logon", remedy, outcome.map_err(&mut failed))
            }
            4 => {
                local.logs_on().then_some(())?;
                let remedy = "may the user use the endpoint (Get-PSSessionConfiguration), and does the host allow one \
                              more shell (winrm get winrm/config/winrs)?";
                let builder = PsSession::builder(&self.computer)
                    .target(target.clone())
                    .configuration_name(&self.configuration_name);
                let outcome = match builder.connect().await {
                    Ok(session) => {
                        let version =
                            session.protocol_version().map(|version| version.to_string()).unwrap_or_default();
                        let requests = session.statistics().http_requests;
                        let closed = session.close().await;
                        closed.map(|()| format!("protocol {version}, {requests} requests to open"))
                    }
                    Err(error) => Err(error),
                };
                finding("PowerShell endpoint", remedy, outcome.map_err(&mut failed))
            }
            5 => {
                local.logs_on().then_some(())?;
                let remedy = "may the user read root/cimv2 (WMI control, Remote Management Users)?";
                let builder =
                    CimSession::builder(&self.computer).target(target.clone()).skip_test_connection(true);
                let outcome = match builder.connect().await {
                    Ok(session) => {
                        let query = Enumeration::query("SELECT Caption, Version FROM Win32_OperatingSystem");
                        let found = session.instances(query).collect().await;
                        session.close().await;
                        found.map(|found| {
                            let caption = found.first().and_then(|system| system.get("Caption"));
                            caption
                                .and_then(|caption| caption.as_str().map(str::to_owned))
                                .unwrap_or_default()
                        })
                    }
                    Err(error) => Err(error),
                };
                finding("CIM", remedy, outcome.map_err(&mut failed))
            }
            _ => None,
        }
    }
}

/// One line for a layer, and what to do where it failed.
fn tell(finding: &Finding, as_json: bool) -> Result<()> {
    let Finding { layer, outcome, remedy, took } = finding;
    let milliseconds = took.as_millis();
    let mut out = std::io::stdout();
    if as_json {
        let value = match outcome {
            Ok(detail) => json!({ "layer": layer, "passed": true, "detail": detail, "ms": milliseconds }),
            Err(reason) => {
                json!({ "layer": layer, "passed": false, "detail": reason, "remedy": remedy, "ms": milliseconds })
            }
        };
        writeln!(out, "{value}")?;
        return Ok(());
    }
    match outcome {
        Ok(detail) => writeln!(out, "passed  {layer}: {detail} ({milliseconds} ms)")?,
        Err(reason) => {
            writeln!(out, "failed  {layer}: {reason}")?;
            writeln!(out, "        {remedy}")?;
        }
    }
    Ok(())
}
