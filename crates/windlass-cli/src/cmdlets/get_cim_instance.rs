//! `Get-CimInstance`: CIM instances of this computer or of remote ones.

use anyhow::{Result, bail};
use clap::Args;
use tokio::sync::mpsc;
use windlass::{CimSession, CimSessionBuilder, Enumeration, fleet};
use windlass_clixml::PsValue;

use crate::cli::Format;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::{report, report_local};
use crate::host::LocalHost;
use crate::output::{Printer, from_computer, instance_to_value};

/// Instances that wait to be printed before the computers are made to wait.
const WAITING: usize = 256;

/// Get CIM instances from this computer or from remote ones
///
/// Without -ComputerName the answer comes from the embedded local host, in this process.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass Get-CimInstance Win32_OperatingSystem
  windlass Get-CimInstance -ClassName Win32_Process -Filter \"Name LIKE 'ssh%'\" -Property Name,ProcessId
  windlass Get-CimInstance -Query 'SELECT * FROM Win32_LogicalDisk' -ComputerName srv1,srv2 -Credential alice")]
pub(crate) struct GetCimInstance {
    /// Class whose instances to get
    #[arg(value_name = "CLASS", conflicts_with = "class_name", hide = true)]
    class: Option<String>,
    /// Class whose instances to get
    #[arg(long, value_name = "CLASS", required_unless_present_any = ["class", "query"])]
    class_name: Option<String>,
    /// Condition that instances must meet, in WQL without WHERE
    #[arg(long, value_name = "CONDITION", conflicts_with = "query")]
    filter: Option<String>,
    /// Properties to get, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "NAME", conflicts_with = "query")]
    property: Vec<String>,
    /// Leave out instances of subclasses
    #[arg(long, conflicts_with_all = ["query", "filter", "property"])]
    shallow: bool,
    /// Query in WQL
    #[arg(long, value_name = "WQL", conflicts_with_all = ["class", "class_name"])]
    query: Option<String>,
    /// Namespace to look in
    #[arg(long, default_value = "root/cimv2")]
    namespace: String,
    /// Leave out the Identify that checks the connection first
    #[arg(long)]
    skip_test_connection: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What comes from one of the computers; `None` stands for the local one.
type Message = (Option<String>, Result<PsValue, windlass::Error>);

impl GetCimInstance {
    /// Gets the instances and prints them as they come.
    pub(crate) async fn run(self, format: Option<Format>) -> Exit {
        match self.everywhere(format).await {
            Ok(exit) => exit,
            Err(error) => report_local(&error),
        }
    }

    async fn everywhere(self, format: Option<Format>) -> Result<Exit> {
        let enumeration = self.enumeration()?;
        let local =
            if self.connection.computer_name.is_empty() { Some(LocalHost::start().await?) } else { None };
        let sessions = self.sessions(local.as_ref())?;
        let throttle = self.connection.throttle_limit;
        let (messages, mut incoming) = mpsc::channel(WAITING);
        let work = tokio::spawn(async move {
            let one = |(computer, session)| from(computer, session, enumeration.clone(), messages.clone());
            let mut everywhere = fleet(sessions, throttle, one);
            while everywhere.next().await.is_some() {}
        });
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        let mut printer = Printer::standard(format);
        let mut exit = Exit::DONE;
        loop {
            tokio::select! {
                message = incoming.recv() => match message {
                    Some((Some(computer), Ok(value))) => printer.result(from_computer(value, &computer))?,
                    Some((None, Ok(value))) => printer.result(value)?,
                    Some((_, Err(error))) => exit = exit.max(report(&error, Exit::of(&error))),
                    None => break,
                },
                _ = &mut interrupt => {
                    // Dropping the work drops the enumerations, which are released on the host.
                    work.abort();
                    exit = Exit::INTERRUPTED;
                    break;
                }
            }
        }
        printer.finish()?;
        if let Some(local) = local {
            local.shutdown().await;
        }
        Ok(exit)
    }

    fn enumeration(&self) -> Result<Enumeration> {
        let enumeration = match (&self.query, self.class_name.as_ref().or(self.class.as_ref())) {
            (Some(query), _) => Enumeration::query(query),
            (None, Some(class)) if self.filter.is_none() && self.property.is_empty() => {
                let enumeration = Enumeration::class(class);
                if self.shallow { enumeration.shallow() } else { enumeration }
            }
            (None, Some(class)) => {
                let properties =
                    if self.property.is_empty() { "*".to_owned() } else { self.property.join(",") };
                let condition =
                    self.filter.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
                Enumeration::query(&format!("SELECT {properties} FROM {class}{condition}"))
            }
            (None, None) => bail!("a class or a query is needed"),
        };
        Ok(enumeration.namespace(&self.namespace))
    }

    fn sessions(&self, local: Option<&LocalHost>) -> Result<Vec<(Option<String>, CimSessionBuilder)>> {
        if let Some(local) = local {
            return Ok(vec![(None, local.cim_session())]);
        }
        let login = self.connection.login()?;
        let mut sessions = Vec::new();
        for computer in &self.connection.computer_name {
            let target = self.connection.target(computer, login.as_ref())?;
            let session =
                CimSession::builder(computer).target(target).skip_test_connection(self.skip_test_connection);
            sessions.push((Some(computer.clone()), session));
        }
        Ok(sessions)
    }
}

/// Opens a session, hands on every instance and closes the session.
async fn from(
    computer: Option<String>,
    builder: CimSessionBuilder,
    enumeration: Enumeration,
    messages: mpsc::Sender<Message>,
) {
    let failed = match builder.connect().await {
        Ok(session) => {
            let mut instances = session.instances(enumeration);
            let mut failed = None;
            while let Some(instance) = instances.next().await {
                match instance {
                    Ok(instance) => {
                        let value = instance_to_value(&instance);
                        if messages.send((computer.clone(), Ok(value))).await.is_err() {
                            break;
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            }
            drop(instances);
            session.close().await;
            failed
        }
        Err(error) => Some(error),
    };
    if let Some(error) = failed
        && messages.send((computer, Err(error))).await.is_err()
    {
        tracing::debug!("an error after the end of printing");
    }
}
