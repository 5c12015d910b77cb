//! Mounted file systems.

use super::Facts;

/// A mounted file system that holds files on a disk or a network share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Where it is mounted.
    pub mount_point: String,
    /// The device or the share.
    pub device: String,
    /// The kind: `ext4`, `nfs4`, ...
    pub file_system: String,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that a user may still take.
    pub free: u64,
    /// Whether it is a share of another computer.
    pub remote: bool,
    /// Whether it may only be read.
    pub read_only: bool,
    /// The longest name of a file, in bytes.
    pub name_length: u32,
}

/// Kinds whose files are elsewhere.
const REMOTE: [&str; 7] = ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph"];

impl Facts {
    /// The volumes in the order in which they were mounted. A device that is mounted more than once is
    /// counted where it was mounted first.
    pub fn volumes(&self) -> Vec<Volume> {
        let mounts = self.text("/proc/self/mounts").unwrap_or_default();
        let mut volumes: Vec<Volume> = Vec::new();
        for line in mounts.lines() {
            let Some(mut volume) = parse_mount(line) else { continue };
            if volumes.iter().any(|known| known.device == volume.device) {
                continue;
            }
            if self.measure(&mut volume) && volume.size > 0 {
                volumes.push(volume);
            }
        }
        volumes
    }

    #[cfg(unix)]
    fn measure(&self, volume: &mut Volume) -> bool {
        let Ok(found) = rustix::fs::statvfs(self.path(&volume.mount_point)) else { return false };
        volume.size = found.f_blocks.saturating_mul(found.f_frsize);
        volume.free = found.f_bavail.saturating_mul(found.f_frsize);
        volume.name_length = u32::try_from(found.f_namemax).unwrap_or(u32::MAX);
        true
    }

    #[cfg(not(unix))]
    fn measure(&self, _volume: &mut Volume) -> bool {
        false
    }
}

/// Reads a line of `/proc/self/mounts`; `None` for file systems that are not on a device or a share.
fn parse_mount(line: &str) -> Option<Volume> {
    let mut fields = line.split_ascii_whitespace();
    let (device, mount_point, file_system) = (fields.next()?, fields.next()?, fields.next()?);
    let options = fields.next().unwrap_or_default();
    let remote = REMOTE.contains(&file_system);
    let on_device = device.starts_with("/dev/") || matches!(file_system, "zfs" | "btrfs" | "overlay");
    (remote || on_device).then(|| Volume {
        mount_point: unescape(mount_point),
        device: unescape(device),
        file_system: file_system.to_owned(),
        size: 0,
        free: 0,
        remote,
        read_only: options.split(',').any(|option| option == "ro"),
        name_length: 0,
    })
}

/// Undoes the octal escapes of fstab(5), such as `\040` for a blank.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_devices_and_shares_are_volumes() {
        assert!(parse_mount("proc /proc proc rw 0 0").is_none());
        let share = parse_mount("nas:/data /mnt/my\\040data nfs4 ro,relatime 0 0").unwrap();
        assert_eq!((share.mount_point.as_str(), share.remote, share.read_only), ("/mnt/my data", true, true));
        let disk = parse_mount("/dev/vda / ext4 rw,relatime 0 0").unwrap();
        assert_eq!((disk.device.as_str(), disk.remote, disk.read_only), ("/dev/vda", false, false));
    }

    #[test]
    fn odd_escapes_are_kept() {
        assert_eq!(unescape("a\\999\\04"), "a\\999\\04");
        assert_eq!(unescape("a\\134b\\"), "a\\b\\");
    }
}
