//! `windlass doctor`: walks the layers to a computer and tells of each whether it holds, and what helps.
//!
//! [`layers`] knows what is tried; here is what is told.

mod layers;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::Format;
use crate::defaults::DefaultOptions;
use crate::exit::Exit;
use crate::failure::{printed, report_local};
use crate::interrupts::Interrupts;
use crate::output::ascii_controls;
use crate::runspace::{Local, PlainWay};
use crate::terminal::{Nobody, legible};

/// Walk the layers to a computer: each line passed, failed with a remedy, or was skipped with the reason
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass doctor srv1 -Credential CORP\\alice
  windlass doctor srv1 --use-ssl --ca-file corp.pem --output json
  windlass doctor srv1 --authentication Kerberos --credential alice@CORP.EXAMPLE
  windlass doctor srv1 --dcom --credential CORP\\alice")]
pub(crate) struct Doctor {
    /// The computer
    #[arg(value_name = "HOST")]
    computer: String,
    #[command(flatten)]
    way: PlainWay,
    /// The endpoint to try
    #[arg(long, value_name = "NAME", default_value = "Microsoft.PowerShell")]
    configuration_name: String,
    /// Try DCOM, too: the resolver and WMI's activation
    #[arg(long)]
    dcom: bool,
    #[command(flatten)]
    defaults: DefaultOptions,
}

/// What came of a layer.
enum Verdict {
    Passed(String),
    Failed(String),
    /// There is nothing to try, or nobody who may.
    Skipped(String),
}

/// What has been found so far.
struct Report {
    as_json: bool,
    /// When the layer that is tried began.
    began: Instant,
    exit: Exit,
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
            let place = self.way.described(&local, &target)?;
            printed(writeln!(std::io::stdout(), "What if: doctor on {place}"))?;
            return Ok(Exit::DONE);
        }
        let mut report = Report { as_json, began: Instant::now(), exit: Exit::DONE };
        let patient = layers::Patient { doctor: &self, local: &local, target };
        // What stops the walk has been told.
        patient.walk(&mut report).await?;
        if self.dcom {
            patient.dcom(&mut report).await?;
        }
        Ok(report.exit)
    }
}

impl Report {
    /// What a session's error says; the process ends as the first one asks for.
    fn failed(&mut self, error: &windlass::Error) -> Verdict {
        self.fails(Exit::of(error), error.to_string())
    }

    fn fails(&mut self, exit: Exit, reason: String) -> Verdict {
        if self.exit == Exit::DONE {
            self.exit = exit;
        }
        Verdict::Failed(reason)
    }

    /// Tells a line; `false` where it failed.
    fn tell(&mut self, layer: &str, verdict: &Verdict, remedy: &str) -> Result<bool> {
        let milliseconds = self.began.elapsed().as_millis();
        // What was done before a layer that is skipped was done for the next.
        if !matches!(verdict, Verdict::Skipped(_)) {
            self.began = Instant::now();
        }
        let mut out = std::io::stdout();
        if self.as_json {
            let (passed, detail) = match verdict {
                Verdict::Passed(detail) => (Some(true), detail),
                Verdict::Failed(detail) => (Some(false), detail),
                Verdict::Skipped(detail) => (None, detail),
            };
            let mut value = json!({ "layer": layer, "passed": passed, "detail": detail, "ms": milliseconds });
            if passed == Some(false)
                && let Some(value) = value.as_object_mut()
            {
                value.insert("remedy".to_owned(), remedy.into());
            }
            printed(writeln!(out, "{}", ascii_controls(value.to_string())))?;
        } else {
            let line = match verdict {
                Verdict::Passed(detail) => format!("passed  {layer}: {detail} ({milliseconds} ms)"),
                Verdict::Failed(reason) => format!("failed  {layer}: {reason}\n        {remedy}"),
                Verdict::Skipped(reason) => format!("skipped {layer}: {reason}"),
            };
            // Hosts have a say in what is told of them.
            printed(writeln!(out, "{}", legible(&line, false)))?;
        }
        Ok(!matches!(verdict, Verdict::Failed(_)))
    }
}
