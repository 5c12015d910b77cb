//! Copying files to and from the computer of a session, as `Copy-Item` does with a session.
//!
//! A file travels as a stream: neither side holds more of it than some pieces, and the faster one waits. It
//! arrives beside its destination and takes its place when its SHA-256 is right. What had arrived when a
//! connection broke is used the next time, after its hash was compared.
//!
//! An endpoint that runs no script may offer less, see [`CopyWay`].

mod calls;
mod download;
mod helpers;
mod local;
mod paths;
mod time;
mod upload;
mod way;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::error::{Error, ErrorKind, Result};
use crate::ps::PsSession;
pub use way::CopyWay;

/// Files that are copied at once where nothing else is said.
const SIDE_BY_SIDE: usize = 4;
/// What helps where a directory is there already.
const FORCED: &str = "force (-Force) copies into it, and goes on where a copy was cut off";

/// How files are copied.
#[derive(Clone)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Whether what is in a directory is copied with it.
    pub recurse: bool,
    /// Whether the files below a directory come into the destination itself, without the directories
    /// (`-Container:$false`). Of files of the same name the one that was found last stays.
    pub flatten: bool,
    /// Whether files that may not be written to are replaced, and directories that are there are used.
    pub force: bool,
    /// Whether to go on behind what an earlier copy of the same file brought. On unless set.
    pub resume: bool,
    /// Files at once; never more than the session has runspaces. 0 means 4.
    pub side_by_side: usize,
    /// Is asked which files and directories are copied; all are where there is none.
    pub chooses: Option<CopyChoice>,
    /// Is told how far the copy is.
    pub on_event: Option<Arc<dyn Fn(CopyEvent) + Send + Sync>>,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            recurse: false,
            flatten: false,
            force: false,
            resume: true,
            side_by_side: 0,
            chooses: None,
            on_event: None,
        }
    }
}

impl CopyOptions {
    /// Whether a directory can be copied without the directories in it.
    fn may_flatten(&self, directory: &str, destination: &str, is_there: bool) -> Result<()> {
        if !self.recurse {
            let reason = format!(
                "{directory} is a directory, and neither it nor what is in it is to be copied: -Recurse copies what is \
                 in it, -Container the directory"
            );
            return Err(Error::usage(reason));
        }
        if !is_there {
            return Err(Error::usage(format!(
                "there is no directory '{destination}' for the files in {directory}"
            )));
        }
        Ok(())
    }

    fn takes(&self, place: CopyPlace, name: &str) -> bool {
        self.chooses.as_ref().is_none_or(|chooses| chooses(place, name))
    }
}

/// Says whether a file or a directory of this name, which stands here, is copied.
pub type CopyChoice = Arc<dyn Fn(CopyPlace, &str) -> bool + Send + Sync>;

/// Where a file stands of which [`CopyOptions::chooses`] is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyPlace {
    /// It, or the directory, is a source itself, or one of those that wildcards stand for.
    Source,
    /// In a directory that is copied. Only files are asked of here.
    Inside,
}

impl std::fmt::Debug for CopyOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { recurse, force, resume, side_by_side, .. } = self;
        write!(
            f,
            "CopyOptions {{ recurse: {recurse}, force: {force}, resume: {resume}, side_by_side: {side_by_side} }}"
        )
    }
}

/// How far a copy is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CopyEvent {
    /// A file begins.
    Started {
        /// The file.
        source: String,
        /// Where it goes.
        destination: String,
        /// Its bytes.
        length: u64,
        /// Bytes that were there from an earlier copy.
        resumed_at: u64,
    },
    /// More of a file is on its way.
    Moved {
        /// The file.
        source: String,
        /// Bytes of it that were given to the session or came from it.
        bytes: u64,
        /// Its bytes.
        length: u64,
    },
    /// A file or a directory is in its place.
    Finished(CopiedItem),
}

/// A file or a directory that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopiedItem {
    /// Where it came from.
    pub source: String,
    /// Where it is now.
    pub destination: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Bytes of the file.
    pub length: u64,
    /// Bytes that were there from an earlier copy.
    pub resumed_at: u64,
    /// The SHA-256 that both sides found, in hexadecimal digits; none where the endpoint cannot tell it, so
    /// that only the length was compared.
    pub sha256: Option<String>,
}

/// What came of a copy.
#[derive(Debug)]
#[non_exhaustive]
pub struct CopyReport {
    /// How the files travelled.
    pub way: CopyWay,
    /// What was copied, in the order in which it was done.
    pub items: Vec<CopiedItem>,
    /// What was not, and why; the others were copied all the same.
    pub failures: Vec<(String, Error)>,
}

impl PsSession {
    /// Copies files and directories of this computer to the session's. A directory that is there takes what
    /// is copied into it, else the source gets the destination's name.
    ///
    /// # Errors
    /// The endpoint offers no way to copy, or the session was lost: [`CopyOptions::resume`] goes on in another.
    /// Files that fail for themselves stand in the report.
    pub async fn copy_to(
        &self,
        sources: &[PathBuf],
        destination: &str,
        options: &CopyOptions,
    ) -> Result<CopyReport> {
        let mut copy = Copy::start(self, options).await?;
        upload::plan(&mut copy, sources, destination).await?;
        copy.finish().await
    }

    /// Copies files and directories of the session's computer to this one. Sources may have wildcards.
    ///
    /// # Errors
    /// As for [`copy_to`](Self::copy_to).
    pub async fn copy_from(
        &self,
        sources: &[String],
        destination: &Path,
        options: &CopyOptions,
    ) -> Result<CopyReport> {
        let mut copy = Copy::start(self, options).await?;
        download::plan(&mut copy, sources, destination).await?;
        copy.finish().await
    }
}

/// A file that was copied, or was not.
struct Ended {
    source: String,
    /// Its place among the destinations.
    place: String,
    outcome: Result<CopiedItem>,
}

/// A copy under way.
struct Copy {
    remote: way::Remote,
    options: CopyOptions,
    most: usize,
    running: JoinSet<Ended>,
    /// Where those under way go, in lower case: a system may not tell names apart by that.
    destinations: HashSet<String>,
    report: CopyReport,
}

impl Copy {
    async fn start(session: &PsSession, options: &CopyOptions) -> Result<Self> {
        let remote = way::Remote::find(session.pipelines()).await?;
        let wanted = if options.side_by_side == 0 { SIDE_BY_SIDE } else { options.side_by_side };
        Ok(Self {
            // A pipeline that waits for a runspace takes no input.
            most: wanted.min(session.most_pipelines()).max(1),
            report: CopyReport { way: remote.way(), items: Vec::new(), failures: Vec::new() },
            remote,
            options: options.clone(),
            running: JoinSet::new(),
            destinations: HashSet::new(),
        })
    }

    /// Copies a file beside the others, once there is room; behind them where one of them goes to the same place.
    async fn file(
        &mut self,
        source: String,
        destination: &str,
        work: impl Future<Output = Result<CopiedItem>> + Send + 'static,
    ) -> Result<()> {
        let place = destination.to_lowercase();
        while self.running.len() >= self.most || self.destinations.contains(&place) {
            self.settle_one().await?;
        }
        self.destinations.insert(place.clone());
        self.running.spawn(async move { Ended { source, place, outcome: work.await } });
        Ok(())
    }

    /// Waits for all files that are under way.
    async fn settle(&mut self) -> Result<()> {
        while !self.running.is_empty() {
            self.settle_one().await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<()> {
        match self.running.join_next().await {
            Some(Ok(Ended { source, place, outcome })) => {
                self.destinations.remove(&place);
                self.note(source, outcome)
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a copy was cut off");
                Ok(())
            }
            None => {
                self.destinations.clear();
                Ok(())
            }
        }
    }

    /// Keeps what came of an item; an error that concerns the whole session ends the copy.
    fn note(&mut self, source: String, outcome: Result<CopiedItem>) -> Result<()> {
        match outcome {
            Ok(item) => {
                self.tell(CopyEvent::Finished(item.clone()));
                self.report.items.push(item);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Remote | ErrorKind::Usage) => {
                self.report.failures.push((source, error));
            }
            Err(error) => return Err(error.while_doing("copying files")),
        }
        Ok(())
    }

    fn tell(&self, event: CopyEvent) {
        if let Some(listener) = &self.options.on_event {
            listener(event);
        }
    }

    async fn finish(mut self) -> Result<CopyReport> {
        self.settle().await?;
        Ok(self.report)
    }
}
