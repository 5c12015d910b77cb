//! The operating system, its memory and its processors.

use jiff::Timestamp;

use super::{Facts, field};

/// What runs on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatingSystem {
    /// The name for people: `Debian GNU/Linux 12 (bookworm)`.
    pub caption: String,
    /// The version of the distribution: `12`.
    pub version: Option<String>,
    /// The release of the kernel: `6.1.0-18-amd64`.
    pub kernel: String,
    /// The build of the kernel: `#1 SMP PREEMPT_DYNAMIC ...`.
    pub build: String,
    /// The machine: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The computer's name without a domain.
    pub host_name: String,
    /// When the computer started.
    pub boot_time: Option<Timestamp>,
    /// When the system was installed, as far as its files tell.
    pub install_date: Option<Timestamp>,
}

/// Memory in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Physical memory that the system can use.
    pub total: u64,
    /// Physical memory that is free or can be freed.
    pub available: u64,
    /// Size of all swap areas.
    pub swap_total: u64,
    /// Free part of them.
    pub swap_free: u64,
}

/// The processors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processor {
    /// The model: `Intel(R) Xeon(R) ...`.
    pub name: Option<String>,
    /// Who made it.
    pub vendor: Option<String>,
    /// Logical processors.
    pub logical: u32,
    /// Sockets.
    pub sockets: u32,
}

impl Facts {
    /// The operating system.
    pub fn operating_system(&self) -> OperatingSystem {
        let release = self.text("/etc/os-release").or_else(|| self.text("/usr/lib/os-release"));
        let release = release.unwrap_or_default();
        let kernel = |name| self.line(&format!("/proc/sys/kernel/{name}"));
        let caption = release_field(&release, "PRETTY_NAME").or_else(|| kernel("ostype"));
        OperatingSystem {
            caption: caption.unwrap_or_else(|| std::env::consts::OS.to_owned()),
            version: release_field(&release, "VERSION_ID"),
            kernel: kernel("osrelease").unwrap_or_default(),
            build: kernel("version").unwrap_or_default(),
            architecture: std::env::consts::ARCH.to_owned(),
            host_name: self.host_name(),
            boot_time: self.boot_time(),
            install_date: self.install_date(),
        }
    }

    /// The computer's name without a domain.
    pub fn host_name(&self) -> String {
        let name = self.line("/proc/sys/kernel/hostname").or_else(|| self.line("/etc/hostname"));
        let name = name.unwrap_or_else(|| "localhost".to_owned());
        name.split('.').next().unwrap_or_default().to_owned()
    }

    /// The domain of the computer's name, if it has one.
    pub fn domain(&self) -> Option<String> {
        let name = self.line("/proc/sys/kernel/hostname")?;
        let (_, domain) = name.split_once('.')?;
        Some(domain.to_owned())
    }

    /// When the computer started.
    pub fn boot_time(&self) -> Option<Timestamp> {
        let stat = self.text("/proc/stat")?;
        let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
        Timestamp::from_second(seconds.trim().parse().ok()?).ok()
    }

    /// Physical memory and swap.
    pub fn memory(&self) -> Memory {
        let text = self.text("/proc/meminfo").unwrap_or_default();
        let kib = |key| {
            let value = field(&text, key)?;
            value.strip_suffix("kB").unwrap_or(value).trim().parse().ok()
        };
        let free = kib("MemFree").unwrap_or_default();
        Memory {
            total: kib("MemTotal").unwrap_or_default(),
            available: kib("MemAvailable").unwrap_or(free),
            swap_total: kib("SwapTotal").unwrap_or_default(),
            swap_free: kib("SwapFree").unwrap_or_default(),
        }
    }

    /// The processors.
    pub fn processor(&self) -> Processor {
        let text = self.text("/proc/cpuinfo").unwrap_or_default();
        let is = |line: &&str, key| line.split(':').next().is_some_and(|name| name.trim() == key);
        let mut sockets: Vec<_> = text.lines().filter(|line| is(line, "physical id")).collect();
        sockets.sort_unstable();
        sockets.dedup();
        let logical = match text.lines().filter(|line| is(line, "processor")).count() {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            found => found,
        };
        Processor {
            name: field(&text, "model name").map(str::to_owned),
            vendor: field(&text, "vendor_id").map(str::to_owned),
            logical: u32::try_from(logical).unwrap_or(u32::MAX),
            sockets: u32::try_from(sockets.len().max(1)).unwrap_or(u32::MAX),
        }
    }

    /// Who made the computer, and the model, where the firmware says so.
    pub fn product(&self) -> (Option<String>, Option<String>) {
        (self.line("/sys/class/dmi/id/sys_vendor"), self.line("/sys/class/dmi/id/product_name"))
    }

    /// The oldest of the files that an installation leaves.
    fn install_date(&self) -> Option<Timestamp> {
        let changed = |path| std::fs::metadata(self.path(path)).ok()?.modified().ok();
        let oldest =
            ["/etc/machine-id", "/etc/hostname", "/lost+found"].into_iter().filter_map(changed).min();
        // Images are built with times of no meaning, such as the beginning of time.
        Timestamp::try_from(oldest?).ok().filter(|time| time.as_second() > 0)
    }
}

/// A value of `/etc/os-release`, its quotes removed.
fn release_field(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_os_release_lose_their_quotes() {
        let text = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n";
        assert_eq!(release_field(text, "PRETTY_NAME").as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(release_field(text, "ID").as_deref(), Some("debian"));
        assert_eq!(release_field(text, "VERSION_ID"), None);
    }

    #[test]
    fn a_system_that_tells_nothing_is_described_all_the_same() {
        let facts = Facts::at("/nonexistent");
        assert_eq!(facts.host_name(), "localhost");
        assert_eq!(facts.memory(), Memory::default());
        assert!(facts.operating_system().boot_time.is_none());
        assert!(facts.processor().logical > 0);
    }
}
