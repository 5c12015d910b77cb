//! Facts about the computer this host runs on, read from `/proc`, `/sys` and `/etc`.
//!
//! Everything is read when asked for and nothing is kept, so that the answers are those of the moment.
//! What a system does not tell is `None` or an empty list; nothing here fails.

mod accounts;
mod network;
mod os;
mod process;
mod service;
mod volume;

use std::path::{Path, PathBuf};

pub use accounts::PasswdEntry;
pub use network::Adapter;
pub use os::{Memory, OperatingSystem, Processor};
pub use process::Process;
pub use service::Service;
pub use volume::Volume;

/// Where the facts are read.
#[derive(Debug, Clone)]
pub struct Facts {
    root: PathBuf,
}

impl Default for Facts {
    fn default() -> Self {
        Self::at("/")
    }
}

impl Facts {
    /// The facts of the system whose root directory this is: `/`, or a copy of the relevant files.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A path below the root.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file, `None` where it cannot be read.
    fn text(&self, path: &str) -> Option<String> {
        read_text(&self.path(path))
    }

    /// The text of a file without the white space around it.
    fn line(&self, path: &str) -> Option<String> {
        self.text(path).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// The text of a file; bytes that are not UTF-8 are replaced. Files of `/proc` have no length, so what is
/// read is limited instead.
fn read_text(path: &Path) -> Option<String> {
    use std::io::Read;
    const LIMIT: u64 = 4 << 20;
    // Nearly all files of `/proc` fit into a page, and come in one piece then.
    let mut bytes = Vec::with_capacity(4096);
    std::fs::File::open(path).ok()?.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The names in a directory, sorted, empty where there is none.
fn names(path: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// The number after `key` in lines of the form `key value [unit]`.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == key).then(|| value.trim())
    })
}
