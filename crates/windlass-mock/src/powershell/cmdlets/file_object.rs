//! Objects of files and directories, as .NET and PowerShell's type data show them.

#[cfg(unix)]
use std::collections::HashMap;
use std::fs::Metadata;
use std::path::Path;

use jiff::Timestamp;
use windlass_clixml::{PsObject, PsValue, TypeNames};
use windlass_display::format_date;

use crate::powershell::Runspace;
use crate::powershell::text::local_time;

/// Makes objects of files and directories.
pub(super) struct Describer {
    files: TypeNames,
    directories: TypeNames,
    #[cfg(unix)]
    users: HashMap<u32, String>,
    #[cfg(unix)]
    groups: HashMap<u32, String>,
}

/// Whether a file of this name is not listed unless asked for.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

impl Describer {
    #[cfg_attr(not(unix), expect(unused_variables, reason = "owners are known on Unix alone"))]
    pub(super) fn new(runspace: &Runspace) -> Self {
        let names = |first: &'static str| {
            TypeNames::new([first, "System.IO.FileSystemInfo", "System.MarshalByRefObject", "System.Object"])
        };
        Self {
            files: names("System.IO.FileInfo"),
            directories: names("System.IO.DirectoryInfo"),
            #[cfg(unix)]
            users: runspace.facts().users(),
            #[cfg(unix)]
            groups: runspace.facts().groups(),
        }
    }

    /// The object of what is at an absolute path, if something is.
    pub(super) fn describe(&self, path: &Path) -> Option<PsObject> {
        let metadata = path.symlink_metadata().ok()?;
        let is_directory = path.is_dir();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let full = path.to_string_lossy().into_owned();
        let parent = path.parent().map(|parent| parent.to_string_lossy().into_owned());
        let extension = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
        let length = i64::try_from(metadata.len()).unwrap_or(i64::MAX);
        let target = std::fs::read_link(path).ok().map(|target| target.to_string_lossy().into_owned());
        let read_only = metadata.permissions().readonly();

        let mut object = PsObject::untyped()
            .with_type_names(if is_directory { &self.directories } else { &self.files })
            .with_to_string(full.as_str())
            .with_adapted("Name", name.as_str());
        object = if is_directory {
            object.with_adapted("Parent", parent.clone()).with_adapted("Root", "/")
        } else {
            object
                .with_adapted("Length", length)
                .with_adapted("DirectoryName", parent.clone())
                .with_adapted("Directory", parent.clone())
                .with_adapted("IsReadOnly", read_only)
        };
        object = object
            .with_adapted("Exists", true)
            .with_adapted("FullName", full.as_str())
            .with_adapted("Extension", if is_directory { "" } else { extension.as_str() });
        let written = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        let created = metadata.created().ok().and_then(|time| Timestamp::try_from(time).ok());
        let accessed = metadata.accessed().ok().and_then(|time| Timestamp::try_from(time).ok());
        for (name, time) in
            [("CreationTime", created.or(written)), ("LastAccessTime", accessed), ("LastWriteTime", written)]
        {
            let local = time.map(local_time);
            object = object
                .with_adapted(name, local)
                .with_adapted(format!("{name}Utc"), local.map(|time| time.to_utc()));
        }
        let mode = mode_of(&metadata);
        object = object
            .with_adapted("LinkTarget", target.clone())
            .with_adapted("UnixFileMode", file_mode(mode))
            .with_adapted("Attributes", attributes(&name, &metadata, is_directory, read_only));

        let provider = "Microsoft.PowerShell.Core\\FileSystem::";
        let (user, group) = self.owner(&metadata);
        let letters = letters(&metadata, is_directory, &name, read_only);
        object = object
            .with("PSPath", format!("{provider}{full}"))
            .with("PSParentPath", parent.map(|parent| format!("{provider}{parent}")).unwrap_or_default())
            .with("PSChildName", name.as_str())
            .with("PSDrive", "/")
            .with("PSProvider", "Microsoft.PowerShell.Core\\FileSystem")
            .with("PSIsContainer", is_directory)
            .with("UnixMode", unix_mode(mode, &metadata))
            .with("User", user)
            .with("Group", group)
            .with("Size", length)
            .with("Mode", letters.as_str())
            .with("ModeWithoutHardLink", letters);
        let base = name.strip_suffix(&extension).filter(|_| !is_directory).unwrap_or(&name);
        let resolved = target.clone().unwrap_or_else(|| full.clone());
        Some(
            object
                .with("BaseName", base)
                .with("ResolvedTarget", resolved)
                .with("Target", target.clone())
                .with("LinkType", target.map(|_| "SymbolicLink"))
                .with("NameString", name.as_str())
                .with("LengthString", if is_directory { String::new() } else { length.to_string() })
                .with("LastWriteTimeString", written.map(write_time)),
        )
    }

    #[cfg(unix)]
    fn owner(&self, metadata: &Metadata) -> (PsValue, PsValue) {
        use std::os::unix::fs::MetadataExt;
        let name = |names: &HashMap<u32, String>, id: u32| {
            names.get(&id).cloned().unwrap_or_else(|| id.to_string()).into()
        };
        (name(&self.users, metadata.uid()), name(&self.groups, metadata.gid()))
    }

    #[cfg(not(unix))]
    fn owner(&self, _metadata: &Metadata) -> (PsValue, PsValue) {
        (PsValue::Null, PsValue::Null)
    }
}

#[cfg(unix)]
fn mode_of(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode()
}

#[cfg(not(unix))]
fn mode_of(_metadata: &Metadata) -> u32 {
    0
}

/// The last write as the listing shows it: `  1/2/2026  4:04 AM`.
fn write_time(at: Timestamp) -> String {
    let date = format_date(local_time(at), "d").unwrap_or_default();
    let time = format_date(local_time(at), "t").unwrap_or_default();
    format!("{date:>10} {time:>8}")
}

/// The permissions by .NET's names, lowest bit first.
fn file_mode(mode: u32) -> String {
    const NAMES: [&str; 12] = [
        "OtherExecute",
        "OtherWrite",
        "OtherRead",
        "GroupExecute",
        "GroupWrite",
        "GroupRead",
        "UserExecute",
        "UserWrite",
        "UserRead",
        "StickyBit",
        "SetGroup",
        "SetUser",
    ];
    let set = NAMES.iter().enumerate().filter(|(bit, _)| mode >> bit & 1 == 1);
    let names: Vec<_> = set.map(|(_, name)| *name).collect();
    if names.is_empty() { "None".to_owned() } else { names.join(", ") }
}

/// The permissions as ls(1) shows them.
fn unix_mode(mode: u32, metadata: &Metadata) -> String {
    let kind = if metadata.is_dir() {
        'd'
    } else if metadata.is_symlink() {
        'l'
    } else {
        '-'
    };
    let letters = "rwxrwxrwx".chars().enumerate();
    let permissions = letters.map(|(place, letter)| {
        let bit = 8 - place;
        let set = mode >> bit & 1 == 1;
        let special = match place {
            2 => mode & 0o4000 != 0,
            5 => mode & 0o2000 != 0,
            8 => mode & 0o1000 != 0,
            _ => false,
        };
        match (special, set, place) {
            (true, true, 8) => 't',
            (true, false, 8) => 'T',
            (true, true, _) => 's',
            (true, false, _) => 'S',
            (false, true, _) => letter,
            (false, false, _) => '-',
        }
    });
    std::iter::once(kind).chain(permissions).collect()
}

fn attributes(name: &str, metadata: &Metadata, is_directory: bool, read_only: bool) -> String {
    let mut found = Vec::new();
    if read_only {
        found.push("ReadOnly");
    }
    if is_hidden(name) {
        found.push("Hidden");
    }
    if is_directory {
        found.push("Directory");
    }
    if metadata.is_symlink() {
        found.push("ReparsePoint");
    }
    if found.is_empty() { "Normal".to_owned() } else { found.join(", ") }
}

/// The attributes as letters: `d----`.
fn letters(metadata: &Metadata, is_directory: bool, name: &str, read_only: bool) -> String {
    let letter = |set: bool, letter: char| if set { letter } else { '-' };
    let first = if metadata.is_symlink() { 'l' } else { letter(is_directory, 'd') };
    [first, '-', letter(read_only, 'r'), letter(is_hidden(name), 'h'), '-'].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_print_by_name_and_by_letter() {
        assert_eq!(file_mode(0o100_644), "OtherRead, GroupRead, UserWrite, UserRead");
        assert_eq!(
            file_mode(0o40_755),
            "OtherExecute, OtherRead, GroupExecute, GroupRead, UserExecute, UserWrite, UserRead"
        );
        let metadata = Path::new("/").metadata().unwrap();
        assert_eq!(unix_mode(0o1777, &metadata), "drwxrwxrwt");
        assert_eq!(unix_mode(0o4750, &metadata), "drwsr-x---");
    }
}
