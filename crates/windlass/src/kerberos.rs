//! What the computer that this runs on knows for Kerberos: `krb5.conf`, credential caches and keytabs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use windlass_auth::kerberos::{CredentialCache, Include, Keytab, Krb5Config};
pub use windlass_net::Kerberos;

use crate::Credential;
use crate::error::{Error, Result};

/// Where the configuration is unless `KRB5_CONFIG` says otherwise.
const CONFIG: &str = "/etc/krb5.conf";
/// No more files make up one configuration.
const MAX_FILES: usize = 256;

/// Reads the configuration that `KRB5_CONFIG` names, or `/etc/krb5.conf`. A file that does not exist is as
/// good as an empty one.
///
/// # Errors
/// A file cannot be read or is malformed.
pub fn from_environment() -> Result<Kerberos> {
    let named = env::var_os("KRB5_CONFIG");
    let mut waiting: Vec<PathBuf> = match &named {
        Some(paths) => env::split_paths(paths).collect(),
        None => vec![PathBuf::from(CONFIG)],
    };
    waiting.reverse();
    let mut config = Krb5Config::default();
    let mut read = 0;
    while let Some(path) = waiting.pop() {
        read += 1;
        if read > MAX_FILES {
            return Err(Error::usage("krb5.conf includes too many files"));
        }
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&path, &error)),
        };
        config.add(&text).map_err(|error| unreadable(&path, &error))?;
        for include in std::mem::take(&mut config.includes).into_iter().rev() {
            match include {
                Include::File(path) => waiting.push(PathBuf::from(path)),
                Include::Directory(path) => waiting.extend(files_of(Path::new(&path))),
            }
        }
    }
    Ok(Kerberos::new(config))
}

/// The files of a directory that MIT would read: their names have no dot, or end in `.conf`.
fn files_of(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or(".");
            !name.starts_with('.') && (name.ends_with(".conf") || !name.contains('.'))
        })
        .collect();
    files.sort();
    files.reverse();
    files
}

/// The tickets that the user holds: in the cache that `KRB5CCNAME` names, or `/tmp/krb5cc_UID`. With the
/// feature `gssapi` it is for the operating system's Kerberos to find them.
///
/// # Errors
/// There are none, or they are in a cache of another kind than a file or directory.
pub fn held_tickets() -> Result<Credential> {
    if cfg!(feature = "gssapi") {
        return Ok(Credential::System);
    }
    let name = match env::var("KRB5CCNAME") {
        Ok(name) if !name.is_empty() => name,
        _ => default_cache()?,
    };
    read_cache(&name).map(|cache| Credential::Tickets(Arc::new(cache)))
}

#[cfg(unix)]
fn default_cache() -> Result<String> {
    Ok(format!("FILE:/tmp/krb5cc_{}", rustix::process::getuid().as_raw()))
}

#[cfg(not(unix))]
fn default_cache() -> Result<String> {
    Err(Error::usage("KRB5CCNAME is not set, and this system keeps no tickets in a file"))
}

/// Reads a credential cache: `FILE:PATH`, a bare path, `DIR:PATH` or `DIR::PATH`.
///
/// # Errors
/// The cache is of another kind, cannot be read or is malformed.
pub fn read_cache(name: &str) -> Result<CredentialCache> {
    let path = match name.split_once(':') {
        Some(("FILE", path)) => PathBuf::from(path),
        Some(("DIR", rest)) => match rest.strip_prefix(':') {
            Some(path) => PathBuf::from(path),
            None => primary(Path::new(rest))?,
        },
        Some((kind, _)) if kind.len() > 1 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            return Err(Error::usage(format!(
                "credential caches of the kind {kind} cannot be read here: use FILE or DIR, for example with \
                 KRB5CCNAME=FILE:/tmp/tickets and kinit, or build with the cargo feature gssapi, which leaves \
                 Kerberos to the operating system"
            )));
        }
        _ => PathBuf::from(name),
    };
    let bytes = fs::read(&path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            return Error::usage(format!(
                "there are no tickets in {}: log on with kinit, or give a credential",
                path.display()
            ));
        }
        unreadable(&path, &error)
    })?;
    CredentialCache::decode(&bytes).map_err(|error| unreadable(&path, &error))
}

/// Leaves Kerberos to the operating system where it must be: for tickets that it holds, and to delegate.
///
/// # Errors
/// This was built without the feature `gssapi`.
#[cfg(feature = "gssapi")]
pub(crate) fn through_system(kerberos: Kerberos, delegate: bool) -> Result<Kerberos> {
    Ok(kerberos.through_system(delegate))
}

#[cfg(not(feature = "gssapi"))]
pub(crate) fn through_system(_kerberos: Kerberos, _delegate: bool) -> Result<Kerberos> {
    Err(Error::usage(
        "tickets are delegated, and tickets in caches other than files used, by the operating system's \
         Kerberos alone: build with the cargo feature gssapi",
    ))
}

/// The cache in a directory that the file `primary` names.
fn primary(directory: &Path) -> Result<PathBuf> {
    let pointer = directory.join("primary");
    let name = match fs::read_to_string(&pointer) {
        Ok(name) => name.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "tkt".to_owned(),
        Err(error) => return Err(unreadable(&pointer, &error)),
    };
    if name.contains(['/', '\\']) || !name.starts_with("tkt") {
        return Err(Error::usage(format!("{} does not name a credential cache", pointer.display())));
    }
    Ok(directory.join(name))
}

/// Reads a keytab file.
///
/// # Errors
/// The file cannot be read, is malformed, or has no key that can be used.
pub fn read_keytab(path: &Path) -> Result<Keytab> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let keytab = Keytab::decode(&bytes).map_err(|error| unreadable(path, &error))?;
    if keytab.entries().is_empty() {
        return Err(Error::usage(format!(
            "{} has no key for AES with HMAC-SHA1; keys for RC4, DES and AES with HMAC-SHA2 cannot be used",
            path.display()
        )));
    }
    Ok(keytab)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::usage(format!("cannot read {}: {error}", path.display()))
}
