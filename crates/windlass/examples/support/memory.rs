//! How much memory a process has had, for examples that measure it.

use std::io;

/// The most memory that a process had, in KiB: `self`, or its number. Linux alone tells.
///
/// # Errors
/// There is no such process, or the system does not tell.
pub(crate) fn most_memory(process: &str) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    number.ok_or_else(|| io::Error::other("the system does not tell the most memory of a process"))
}
