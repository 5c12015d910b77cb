//! The calls of the streaming way: each is one pipeline, of a command or of the script with the same
//! parameters.

use std::time::SystemTime;

use tokio::sync::mpsc;
use windlass_clixml::PsValue;
use windlass_command::wildcard::escape;
use windlass_psrp::{Command, PowerShell};

use super::time::{date, system_time};
use super::way::CopyWay;
use crate::error::{Error, Result};
use crate::ps::{Collected, Invocation, PipelineEvent, PipelineInput, Pipelines};

const SCRIPT: &str = include_str!("file_stream.ps1");

/// Bytes that travel through one pipeline of a script: PowerShell takes 50 MB for one by default, and they
/// travel as text.
const SCRIPT_SEGMENT: u64 = 24 << 20;

/// What carries the calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carrier {
    /// A command of this name.
    Command(&'static str),
    /// Our script.
    Script,
}

/// The calls.
#[derive(Clone)]
pub(super) struct Calls {
    pipelines: Pipelines,
    carrier: Carrier,
}

/// What the other side knows of a file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) full_name: String,
    pub(super) is_directory: bool,
    pub(super) length: u64,
    pub(super) written: Option<SystemTime>,
    pub(super) is_read_only: bool,
}

/// What a file that has arrived is to be.
pub(super) struct Whole<'a> {
    pub(super) destination: &'a str,
    pub(super) length: u64,
    pub(super) sha256: &'a str,
    pub(super) written: Option<SystemTime>,
    pub(super) is_read_only: bool,
    pub(super) force: bool,
}

impl Calls {
    pub(super) fn new(pipelines: Pipelines, carrier: Carrier) -> Self {
        Self { pipelines, carrier }
    }

    pub(super) fn way(&self) -> CopyWay {
        match self.carrier {
            Carrier::Command(_) => CopyWay::Command,
            Carrier::Script => CopyWay::Script,
        }
    }

    /// Bytes that may go through one pipeline.
    pub(super) fn segment(&self) -> u64 {
        match self.carrier {
            Carrier::Command(_) => u64::MAX,
            Carrier::Script => SCRIPT_SEGMENT,
        }
    }

    pub(super) fn host_name(&self) -> &str {
        self.pipelines.host_name()
    }

    /// What a path with wildcards stands for.
    pub(super) async fn describe(&self, path: &str) -> Result<Vec<Entry>> {
        self.entries(self.call().parameter("Describe", path)).await
    }

    /// What is at a path, taken as it is written.
    pub(super) async fn describe_one(&self, path: &str) -> Result<Option<Entry>> {
        Ok(self.describe(&escape(path)).await?.into_iter().next())
    }

    /// What is in a directory.
    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        self.entries(self.call().parameter("List", directory)).await
    }

    /// The SHA-256 of the first bytes of a file; of all where it has fewer.
    pub(super) async fn hash(&self, path: &str, length: u64) -> Result<(u64, String)> {
        let call = self.call().parameter("Hash", path).parameter("Length", number(length));
        let table = self.table(call).await?;
        let sha256 = table.entry("Sha256").and_then(PsValue::as_str).map(str::to_ascii_lowercase);
        sha256
            .zip(table.entry("Length").and_then(PsValue::as_u64))
            .map(|(hash, length)| (length, hash))
            .ok_or_else(|| self.odd("it told no hash"))
    }

    /// Starts to give bytes to a file, from an offset on; finish with [`received`](Self::received).
    pub(super) fn receive(&self, path: &str, offset: u64) -> (PipelineInput, Invocation) {
        let call = self.call().parameter("Receive", path).parameter("Offset", number(offset));
        self.pipelines.invoke_with_input(call)
    }

    /// How long the file is now that was given bytes.
    pub(super) async fn received(&self, running: Invocation) -> Result<u64> {
        let output = self.output(running.collect().await?)?;
        let table = output.last().ok_or_else(|| self.odd("it did not say how much it has"))?;
        table
            .entry("Length")
            .and_then(PsValue::as_u64)
            .ok_or_else(|| self.odd("it did not say how much it has"))
    }

    /// Takes `count` bytes of a file from an offset on, as they come.
    pub(super) async fn send(
        &self,
        path: &str,
        offset: u64,
        count: u64,
        pieces: &mpsc::Sender<PsValue>,
    ) -> Result<()> {
        let call = self.call().parameter("Send", path).parameter("Offset", number(offset));
        let mut running = self.pipelines.invoke(call.parameter("Count", number(count)));
        let mut rest = Collected::new(self.host_name());
        let mut left = count;
        while let Some(event) = running.next().await {
            match event? {
                PipelineEvent::Output(value) if value.as_bytes().is_some() => {
                    let length = value.as_bytes().map_or(0, <[u8]>::len);
                    left =
                        u64::try_from(length).ok().and_then(|length| left.checked_sub(length)).ok_or_else(
                            || self.odd(format!("it sent more than the {count} bytes that were asked for")),
                        )?;
                    if pieces.send(value).await.is_err() {
                        // The writer has failed and says why.
                        return Ok(());
                    }
                }
                event => rest.add(event),
            }
        }
        self.output(rest)?;
        if left > 0 {
            return Err(
                self.remote(format!("{path} ended {left} bytes before its length: it was changed meanwhile"))
            );
        }
        Ok(())
    }

    /// Puts a file that has arrived in its place, if it is what was sent.
    pub(super) async fn complete(&self, part: &str, whole: &Whole<'_>) -> Result<String> {
        let mut call = self
            .call()
            .parameter("Complete", part)
            .parameter("Destination", whole.destination)
            .parameter("Length", number(whole.length))
            .parameter("Sha256", whole.sha256);
        if let Some(written) = whole.written {
            call = call.parameter("LastWriteTimeUtc", date(written));
        }
        for (name, set) in [("ReadOnly", whole.is_read_only), ("Force", whole.force)] {
            if set {
                call = call.parameter(name, true);
            }
        }
        let table = self.table(call).await?;
        let full_name = table.entry("FullName").and_then(PsValue::as_str);
        Ok(full_name.unwrap_or(whole.destination).to_owned())
    }

    /// Makes a directory; says whether it was not there.
    pub(super) async fn new_folder(&self, path: &str) -> Result<bool> {
        let table = self.table(self.call().parameter("NewFolder", path)).await?;
        Ok(table.entry("IsNew").and_then(PsValue::as_bool).unwrap_or(true))
    }

    pub(super) async fn set_time(&self, path: &str, written: SystemTime) -> Result<()> {
        let call = self.call().parameter("SetTime", path).parameter("LastWriteTimeUtc", date(written));
        self.output(self.pipelines.invoke(call).collect().await?).map(|_| ())
    }

    fn call(&self) -> PowerShell {
        PowerShell::new().add_command(match self.carrier {
            Carrier::Command(name) => Command::new(name),
            Carrier::Script => Command::script(SCRIPT),
        })
    }

    async fn entries(&self, call: PowerShell) -> Result<Vec<Entry>> {
        let output = self.output(self.pipelines.invoke(call).collect().await?)?;
        let entries: Option<Vec<_>> = output.iter().map(entry).collect();
        entries.ok_or_else(|| self.odd("it described a file in another way than was asked for"))
    }

    async fn table(&self, call: PowerShell) -> Result<PsValue> {
        let output = self.output(self.pipelines.invoke(call).collect().await?)?;
        output.into_iter().next_back().ok_or_else(|| self.odd("it did not answer"))
    }

    /// The output of a call that ended well.
    fn output(&self, collected: Collected) -> Result<Vec<PsValue>> {
        if let Some(error) = collected.errors.first() {
            return Err(self.remote(error.to_string()));
        }
        collected.into_output()
    }

    fn remote(&self, reason: impl Into<String>) -> Error {
        Error::remote(self.host_name(), reason)
    }

    /// The other side does not keep to what was agreed.
    pub(super) fn odd(&self, reason: impl Into<String>) -> Error {
        self.remote(format!("the copy is given up, for {}", reason.into()))
    }
}

fn entry(value: &PsValue) -> Option<Entry> {
    let text = |key: &str| value.entry(key)?.as_str().map(str::to_owned);
    let flag = |key: &str| value.entry(key).and_then(PsValue::as_bool);
    Some(Entry {
        name: text("Name")?,
        full_name: text("FullName")?,
        is_directory: flag("IsDirectory")?,
        length: value.entry("Length")?.as_u64()?,
        written: value.entry("LastWriteTimeUtc").and_then(PsValue::as_datetime).and_then(system_time),
        is_read_only: flag("IsReadOnly").unwrap_or(false),
    })
}

fn number(length: u64) -> PsValue {
    i64::try_from(length).unwrap_or(i64::MAX).into()
}
