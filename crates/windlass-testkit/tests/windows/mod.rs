//! Recordings of real Windows servers that `cargo xtask fixtures` fetches.

#[path = "../support/skipped.rs"]
mod skipped;

pub(crate) use skipped::skipped;
use std::path::{Path, PathBuf};

/// The folder of a fetched package, or `None` with a word to whoever reads the output.
pub(crate) fn package(name: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fixtures").join(name);
    if dir.is_dir() {
        return Some(dir);
    }
    skipped("run cargo xtask fixtures");
    None
}

pub(crate) fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Requests and responses of a recording of pypsrp: a YAML list of mappings, whose values are scalars
/// on one line or folded onto several.
pub(crate) fn conversation(text: &str) -> Vec<(String, Option<String>)> {
    let mut messages: Vec<(String, Option<String>)> = Vec::new();
    let mut scalars: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some((key, value)) = key_of(line) {
            scalars.push((key.to_owned(), value.trim().to_owned()));
        } else if let Some((_, value)) = scalars.last_mut() {
            value.push(' ');
            value.push_str(line.trim());
        }
    }
    for (key, value) in scalars {
        match key.as_str() {
            "request" => messages.push((unquote(&value), None)),
            "response" if value != "null" => messages.last_mut().unwrap().1 = Some(unquote(&value)),
            _ => {}
        }
    }
    messages
}

fn key_of(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("- ").or_else(|| line.strip_prefix("  ")).unwrap_or(line);
    let (key, value) = rest.split_once(':')?;
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .then_some((key, value))
}

fn unquote(value: &str) -> String {
    match value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => value.to_owned(),
    }
}
