//! `Test-WSMan`: does a WS-Management service answer?

use anyhow::Result;
use clap::Args;
use windlass::{Authentication, fleet, identify};
use windlass_clixml::{PsObject, PsValue};

use crate::cli::Format;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::{report, report_local};
use crate::output::Printer;

/// Ask whether a WS-Management service answers
///
/// Sends Identify. Without -Credential nobody logs on, and the service hides its system's version.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass Test-WSMan -ComputerName srv1
  windlass Test-WSMan -ComputerName srv1 -Credential alice -UseSSL")]
pub(crate) struct TestWsman {
    #[command(flatten)]
    connection: Connection,
}

impl TestWsman {
    /// Asks each computer and prints what its service says.
    pub(crate) async fn run(self, format: Option<Format>) -> Exit {
        match self.ask_all(format).await {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    async fn ask_all(self, format: Option<Format>) -> Result<Exit> {
        let login = self.connection.login()?;
        let mut targets = Vec::new();
        for computer in self.connection.computers() {
            let mut target = self.connection.target(computer, login.as_ref())?;
            if login.is_none() {
                target.set_authentication(Authentication::Anonymous);
            }
            targets.push(target);
        }
        let mut printer = Printer::standard(format);
        let mut exit = Exit::DONE;
        let ask = |target: windlass::Target| async move { identify(&target).await };
        let mut asked = fleet(targets, self.connection.throttle_limit, ask);
        while let Some((_, outcome)) = asked.next().await {
            match outcome {
                Ok(identity) => printer.result(shown(&identity))?,
                Err(error) => exit = exit.max(report(&error, Exit::of(&error))),
            }
        }
        printer.finish()?;
        Ok(exit)
    }
}

/// The properties of Identify's answer under the names that PowerShell shows.
fn shown(identity: &windlass::Identity) -> PsValue {
    PsObject::custom()
        .with("wsmid", "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd")
        .with("ProtocolVersion", identity.protocol_version.as_str())
        .with("ProductVendor", identity.product_vendor.as_str())
        .with("ProductVersion", identity.product_version.as_str())
        .with("SecurityProfiles", identity.security_profiles.join(", "))
        .into()
}
