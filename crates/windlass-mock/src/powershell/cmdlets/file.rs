//! `Get-ChildItem`, `Get-Item` and `Get-Content`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::file_object::{Describer, is_hidden};
use super::file_paths::{absolute, denied, list, open, targets};
use super::{MANAGEMENT, declare};
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, function};
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::wildcard::Wildcard;

/// Deepest level of directories that is entered.
const DEEPEST: usize = 256;
/// Longest line that is read whole, in bytes; what is longer is cut into such pieces.
const LONGEST_LINE: u64 = 16 << 20;
/// Largest file that `-Raw` reads, in bytes.
const LARGEST: u64 = 64 << 20;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let rest = "[-Include <string[]>] [-Exclude <string[]>] [-Recurse] [-Depth <uint>] [-Force] [-Name] \
                [-FollowSymlink] [-Directory] [-File] [-Hidden] [-ReadOnly] [-System]";
    let children = [
        format!("[[-Path] <string[]>] [[-Filter] <string>] {rest}"),
        format!("[[-Filter] <string>] -LiteralPath <string[]> {rest}"),
    ];
    let children: Vec<&str> = children.iter().map(String::as_str).collect();
    let literal = |info: crate::powershell::CommandInfo| {
        info.parameter_alias("LiteralPath", "PSPath").parameter_alias("LiteralPath", "LP").pipeline("Path")
    };
    vec![
        function(
            literal(declare("Get-ChildItem", MANAGEMENT, "GetChildItemCommand", &children))
                .alias("dir")
                .alias("gci")
                .alias("ls")
                .parameter_alias("Recurse", "s")
                .parameter_alias("Directory", "ad")
                .parameter_alias("File", "af")
                .parameter_alias("Hidden", "ah")
                .output("System.IO.FileInfo")
                .output("System.IO.DirectoryInfo")
                .synopsis("Lists what is in a directory."),
            get_child_item,
        ),
        function(
            literal(declare("Get-Item", MANAGEMENT, "GetItemCommand", &["[-Path] <string[]> [-Force]", "-LiteralPath <string[]> [-Force]"]))
                .alias("gi")
                .output("System.IO.FileInfo")
                .output("System.IO.DirectoryInfo")
                .synopsis("Describes a file or a directory."),
            get_item,
        ),
        function(
            literal(declare(
                "Get-Content",
                MANAGEMENT,
                "GetContentCommand",
                &[
                    "[-Path] <string[]> [-ReadCount <long>] [-TotalCount <long>] [-Tail <int>] [-Force] [-Raw] [-Encoding <string>] [-AsByteStream]",
                    "-LiteralPath <string[]> [-ReadCount <long>] [-TotalCount <long>] [-Tail <int>] [-Force] [-Raw] [-Encoding <string>] [-AsByteStream]",
                ],
            ))
            .alias("gc")
            .alias("type")
            .alias("cat")
            .parameter_alias("TotalCount", "First")
            .parameter_alias("TotalCount", "Head")
            .parameter_alias("Tail", "Last")
            .range("TotalCount", 0, i64::MAX)
            .range("Tail", 0, i32::MAX.into())
            .output("System.String")
            .synopsis("Reads a file line by line."),
            get_content,
        ),
    ]
}

/// The error of a file or a directory that cannot be read.
fn unreadable(path: &Path, error: &std::io::Error, id: &str) -> Failure {
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return denied(path, id);
    }
    let path = path.to_string_lossy();
    let message = format!("{error} : '{path}'");
    Failure::new(exceptions::IO, id, ErrorCategory::ReadError, message).about(path.as_ref())
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_item(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let describer = Describer::new(cx.runspace());
    for path in targets(call, cx, input.as_ref(), None)? {
        if let Some(item) = describer.describe(&absolute(&path.to_string_lossy())) {
            cx.write(item)?;
        }
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_child_item(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let listing = Listing::new(call, cx);
    for path in targets(call, cx, input.as_ref(), Some("."))? {
        let path = absolute(&path.to_string_lossy());
        if path.is_dir() {
            listing.directory(cx, &path)?;
        } else if listing.wants(&path, false) {
            listing.write(cx, &path, &path)?;
        }
    }
    Ok(())
}

/// What of a directory is listed.
struct Listing {
    filter: Option<Wildcard>,
    include: Vec<Wildcard>,
    exclude: Vec<Wildcard>,
    depth: usize,
    force: bool,
    names_only: bool,
    only_directories: bool,
    only_files: bool,
    only_hidden: bool,
    follow: bool,
    describer: Describer,
}

impl Listing {
    fn new(call: &Bound, cx: &Context<'_>) -> Self {
        let patterns = |name| call.texts(name).iter().map(|text| Wildcard::new(text, false)).collect();
        let depth = call.count("Depth").or_else(|| call.switch("Recurse").then_some(DEEPEST));
        Self {
            filter: call.text("Filter").map(|text| Wildcard::new(&text, false)),
            include: patterns("Include"),
            exclude: patterns("Exclude"),
            depth: depth.unwrap_or_default().min(DEEPEST),
            force: call.switch("Force") || call.switch("Hidden"),
            names_only: call.switch("Name"),
            only_directories: call.switch("Directory"),
            only_files: call.switch("File"),
            only_hidden: call.switch("Hidden"),
            follow: call.switch("FollowSymlink"),
            describer: Describer::new(cx.runspace()),
        }
    }

    /// Lists a directory and, as deep as asked for, what is in it: level by level of one branch, without
    /// recursion.
    fn directory(&self, cx: &mut Context<'_>, root: &Path) -> Outcome {
        let mut pending = vec![(root.to_owned(), 0)];
        while let Some((directory, depth)) = pending.pop() {
            cx.check()?;
            let names = match list(&directory) {
                Ok(names) => names,
                Err(error) => {
                    cx.error(unreadable(&directory, &error, "DirUnauthorizedAccessError"))?;
                    continue;
                }
            };
            let mut deeper = Vec::new();
            for name in names {
                if !self.force && is_hidden(&name) {
                    continue;
                }
                let path = directory.join(&name);
                let Ok(metadata) = path.symlink_metadata() else { continue };
                let is_directory = metadata.is_dir() || (metadata.is_symlink() && path.is_dir());
                if self.wants(&path, is_directory) {
                    self.write(cx, &path, root)?;
                }
                if metadata.is_dir() || (self.follow && is_directory) {
                    deeper.push(path);
                }
            }
            if depth < self.depth {
                pending.extend(deeper.into_iter().rev().map(|path| (path, depth + 1)));
            }
        }
        Ok(())
    }

    fn wants(&self, path: &Path, is_directory: bool) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let matches = |patterns: &[Wildcard]| patterns.iter().any(|pattern| pattern.matches(&name));
        self.filter.as_ref().is_none_or(|filter| filter.matches(&name))
            && (self.include.is_empty() || matches(&self.include))
            && !matches(&self.exclude)
            && (!self.only_directories || is_directory)
            && (!self.only_files || !is_directory)
            && (!self.only_hidden || is_hidden(&name))
    }

    fn write(&self, cx: &mut Context<'_>, path: &Path, root: &Path) -> Outcome {
        if self.names_only {
            let relative = path.strip_prefix(root).ok().filter(|path| !path.as_os_str().is_empty());
            let name = relative.map_or_else(
                || path.file_name().unwrap_or_default().to_owned(),
                |path| path.as_os_str().to_owned(),
            );
            return cx.write(name.to_string_lossy().as_ref());
        }
        match self.describer.describe(path) {
            Some(item) => cx.write(item),
            None => Ok(()),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_content(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    for path in targets(call, cx, input.as_ref(), None)? {
        let path = absolute(&path.to_string_lossy());
        if path.is_dir() {
            let message = format!(
                "Unable to get content because it is a directory: '{}'. Please use 'Get-ChildItem' instead.",
                path.display()
            );
            cx.error(
                Failure::new(
                    exceptions::INVALID_OPERATION,
                    "GetContainerContentException",
                    ErrorCategory::InvalidOperation,
                    message,
                )
                .about(path.to_string_lossy().as_ref()),
            )?;
            continue;
        }
        match open(cx, &path) {
            Ok(file) => content(call, cx, file, &path)?,
            Err(error) => cx.error(unreadable(&path, &error, "GetContentReaderIOError"))?,
        }
    }
    Ok(())
}

fn content(call: &Bound, cx: &mut Context<'_>, file: File, path: &Path) -> Outcome {
    let unreadable = |error: std::io::Error| unreadable(path, &error, "GetContentReaderIOError");
    if call.switch("Raw") {
        let mut bytes = Vec::new();
        return match file.take(LARGEST).read_to_end(&mut bytes) {
            Ok(_) if call.switch("AsByteStream") => cx.write(PsValue::bytes(bytes)),
            Ok(_) => cx.write(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => cx.error(unreadable(error)),
        };
    }
    if call.switch("AsByteStream") {
        for byte in BufReader::new(file).bytes() {
            match byte {
                Ok(byte) => cx.write(byte)?,
                Err(error) => return cx.error(unreadable(error)),
            }
        }
        return Ok(());
    }
    let tail = call.count("Tail");
    let mut left = call.integer("TotalCount").unwrap_or(i64::MAX);
    let mut last = std::collections::VecDeque::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while left > 0 {
        line.clear();
        match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return cx.error(unreadable(error)),
        }
        left -= 1;
        let end =
            line.strip_suffix(b"\n").map_or(line.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
        let text = String::from_utf8_lossy(end).into_owned();
        match tail {
            None => cx.write(text)?,
            Some(count) => {
                last.push_back(text);
                if last.len() > count {
                    last.pop_front();
                }
            }
        }
    }
    last.into_iter().try_for_each(|line| cx.write(line))
}
