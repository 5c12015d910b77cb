//! The calls of PowerShell's own way: the functions that its `Copy-Item` uses where it may not define them.

use std::time::SystemTime;

use base64_simd::STANDARD;
use windlass_clixml::{PsValue, ps_enum};
use windlass_psrp::PowerShell;

use super::FORCED;
use super::calls::Entry;
use super::time::{date, system_time};
use crate::error::{Error, Result};
use crate::ps::Pipelines;

/// Bytes of one call, as PowerShell's client has them.
pub(super) const PART: u64 = 4 << 20;

const TO_SESSION: &str = "PSCopyToSessionHelper";
const FROM_SESSION: &str = "PSCopyFromSessionHelper";
const UTILITIES: &str = "PSCopyRemoteUtils";

/// The calls.
#[derive(Clone)]
pub(super) struct Helpers {
    pipelines: Pipelines,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathInfo {
    pub(super) is_file: bool,
    pub(super) is_directory: bool,
    pub(super) has_parent: bool,
}

impl Helpers {
    pub(super) fn new(pipelines: Pipelines) -> Self {
        Self { pipelines }
    }

    /// Whether a path is one that files can be copied to, or from.
    pub(super) async fn validate(&self, path: &str, is_source: bool) -> Result<()> {
        let mut call = command(UTILITIES).parameter("pathToValidate", path);
        if is_source {
            call = call.parameter("sourceIsRemote", true);
        }
        let found = self.table(call).await?;
        if found.entry("IsAbsolute").and_then(PsValue::as_bool) == Some(false) {
            return Err(self.remote(format!("the path '{path}' is not absolute")));
        }
        let exists = found.entry("Exists").and_then(PsValue::as_bool).unwrap_or(false);
        let has_root = found.entry("Root").is_some_and(|root| !root.is_null());
        match (is_source && !exists) || !has_root {
            true => Err(self.remote(format!("there is no path '{path}'"))),
            false => Ok(()),
        }
    }

    pub(super) async fn path_info(&self, path: &str) -> Result<PathInfo> {
        let found = self.table(command(TO_SESSION).parameter("remotePath", path)).await?;
        let flag = |key: &str| found.entry(key).and_then(PsValue::as_bool).unwrap_or(false);
        Ok(PathInfo {
            is_file: flag("IsFileInfo"),
            is_directory: flag("IsDirectoryInfo"),
            has_parent: flag("ParentIsDirectoryInfo"),
        })
    }

    pub(super) async fn create_directory(&self, path: &str, force: bool) -> Result<()> {
        let mut call = command(TO_SESSION).parameter("createDirectoryPath", path);
        if force {
            call = call.parameter("force", true);
        }
        let made = self.table(call).await?;
        if made.entry("PathExists").and_then(PsValue::as_bool) == Some(true) {
            return Err(self.remote(format!("a directory '{path}' is there already; {FORCED}")));
        }
        Ok(())
    }

    /// Writes a part of a file: the first one makes it anew.
    pub(super) async fn write(&self, path: &str, is_first: bool, bytes: &[u8]) -> Result<()> {
        let call = command(TO_SESSION).parameter("copyToFilePath", path).parameter("createFile", is_first);
        let call = match is_first && bytes.is_empty() {
            true => call.parameter("emptyFile", true),
            false => call.parameter("b64Fragment", STANDARD.encode_to_string(bytes)),
        };
        let written = self.table(call).await?.entry("BytesWritten").and_then(PsValue::as_u64);
        match written == u64::try_from(bytes.len()).ok() {
            true => Ok(()),
            false => {
                Err(self.remote(format!("{path}: {} bytes were sent, and not all were written", bytes.len())))
            }
        }
    }

    pub(super) async fn set_metadata(&self, path: &str, written: SystemTime, read_only: bool) -> Result<()> {
        let (name, value) = if read_only { ("ReadOnly", 1) } else { ("Normal", 128) };
        let metadata = PsValue::dictionary([
            ("LastWriteTimeUtc", date(written)),
            ("Attributes", ps_enum("System.IO.FileAttributes", name, value)),
        ]);
        let call =
            command(TO_SESSION).parameter("metaDataFilePath", path).parameter("metaDataToSet", metadata);
        self.output(call).await.map(|_| ())
    }

    /// What a path with wildcards stands for. Times are not told.
    pub(super) async fn items(&self, path: &str) -> Result<Vec<Entry>> {
        let found = self.table(command(FROM_SESSION).parameter("getPathItems", path)).await?;
        let items = found.entry("Items").and_then(PsValue::items).unwrap_or_default();
        let entries =
            items.iter().map(|item| entry(item, "Name", "FullName", item.entry("IsDirectory")?.as_bool()?));
        entries
            .collect::<Option<_>>()
            .ok_or_else(|| self.remote("it described a file in another way than PowerShell"))
    }

    /// What is in a directory.
    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        let found = self.table(command(FROM_SESSION).parameter("getPathDir", directory)).await?;
        let items = |key: &str| found.entry(key).and_then(PsValue::items).unwrap_or_default();
        let files = items("Files").iter().map(|item| entry(item, "FileName", "FilePath", false));
        let directories = items("Directories").iter().map(|item| entry(item, "Name", "FullName", true));
        let entries = files.chain(directories).collect::<Option<_>>();
        entries.ok_or_else(|| self.remote("it described a file in another way than PowerShell"))
    }

    /// When a file was written last, and whether it may not be written to.
    pub(super) async fn metadata(&self, path: &str) -> Result<(Option<SystemTime>, bool)> {
        let found = self.output(command(FROM_SESSION).parameter("getMetaFilePath", path)).await?;
        let Some(found) = found.last() else { return Ok((None, false)) };
        let written = found.entry("LastWriteTimeUtc").and_then(PsValue::as_datetime).and_then(system_time);
        let attributes = found.entry("Attributes").and_then(PsValue::items).unwrap_or_default();
        let read_only = attributes.iter().any(|name| name.as_str() == Some("ReadOnly"));
        Ok((written, read_only))
    }

    /// A part of a file from an offset on, and whether there is more.
    pub(super) async fn read(&self, path: &str, offset: u64, force: bool) -> Result<(Vec<u8>, bool)> {
        let number = |value: u64| PsValue::from(i64::try_from(value).unwrap_or(i64::MAX));
        let mut call = command(FROM_SESSION)
            .parameter("copyFromFilePath", path)
            .parameter("copyFromStart", number(offset))
            .parameter("copyFromNumBytes", number(PART));
        if force {
            call = call.parameter("force", true);
        }
        let found = self.table(call).await?;
        let text = found.entry("b64Fragment").and_then(PsValue::as_str).unwrap_or_default();
        let bytes = STANDARD
            .decode_to_vec(text)
            .map_err(|_| self.remote(format!("{path}: what came is no base64")))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > PART {
            return Err(self.remote(format!("{path}: more than the {PART} bytes came that were asked for")));
        }
        Ok((bytes, found.entry("moreAvailable").and_then(PsValue::as_bool).unwrap_or(false)))
    }

    async fn table(&self, call: PowerShell) -> Result<PsValue> {
        let output = self.output(call).await?;
        output.into_iter().next_back().ok_or_else(|| self.remote("a function for copying did not answer"))
    }

    async fn output(&self, call: PowerShell) -> Result<Vec<PsValue>> {
        let collected = self.pipelines.invoke(call).collect().await?;
        match collected.errors.first() {
            Some(error) => Err(self.remote(error.to_string())),
            None => collected.into_output(),
        }
    }

    pub(super) fn remote(&self, reason: impl Into<String>) -> Error {
        Error::remote(self.pipelines.host_name(), reason)
    }
}

fn command(name: &str) -> PowerShell {
    PowerShell::new().command(name)
}

fn entry(item: &PsValue, name: &str, full_name: &str, is_directory: bool) -> Option<Entry> {
    let text = |key: &str| item.entry(key)?.as_str().map(str::to_owned);
    let length = item.entry("FileSize").and_then(PsValue::as_u64);
    Some(Entry {
        name: text(name)?,
        full_name: text(full_name)?,
        is_directory,
        length: if is_directory { 0 } else { length? },
        written: None,
        is_read_only: false,
    })
}
