//! Services, where systemd manages them.

use super::{Facts, names};

/// A service of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name without `.service`.
    pub name: String,
    /// The description in its unit file.
    pub description: Option<String>,
    /// The command that starts it.
    pub command: Option<String>,
    /// Whether it starts with the system.
    pub automatic: bool,
    /// Whether it is forbidden to start.
    pub masked: bool,
    /// The user it runs as.
    pub user: Option<String>,
    /// Its processes; the first is the main one as far as is known.
    pub processes: Vec<u32>,
}

/// Where unit files stand; the first that has one wins (systemd.unit(5)).
const UNIT_PATHS: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

impl Facts {
    /// Whether a service manager is running whose services we can list.
    pub fn has_service_manager(&self) -> bool {
        self.path("/run/systemd/system").is_dir()
    }

    /// The services by name. Templates (`name@.service`) are none.
    pub fn services(&self) -> Vec<Service> {
        if !self.has_service_manager() {
            return Vec::new();
        }
        let wanted = self.wanted_units();
        let mut services: Vec<Service> = Vec::new();
        for directory in UNIT_PATHS {
            for file in names(&self.path(directory)) {
                let Some(name) = file.strip_suffix(".service") else { continue };
                if name.ends_with('@') || services.iter().any(|known| known.name == name) {
                    continue;
                }
                services.push(self.service(name, &format!("{directory}/{file}"), wanted.contains(&file)));
            }
        }
        services.sort_by(|left, right| left.name.cmp(&right.name));
        services
    }

    fn service(&self, name: &str, path: &str, automatic: bool) -> Service {
        let target = std::fs::read_link(self.path(path)).ok();
        let text = self.text(path).unwrap_or_default();
        Service {
            name: name.to_owned(),
            description: unit_value(&text, "Description"),
            command: unit_value(&text, "ExecStart")
                .map(|line| line.trim_start_matches(['-', '@', '+']).to_owned()),
            automatic,
            masked: target.is_some_and(|target| target == std::path::Path::new("/dev/null")),
            user: unit_value(&text, "User"),
            processes: self.service_processes(name),
        }
    }

    /// The units that a target asks for.
    fn wanted_units(&self) -> Vec<String> {
        let base = "/etc/systemd/system";
        let targets = names(&self.path(base)).into_iter().filter(|name| name.ends_with(".wants"));
        targets.flat_map(|target| names(&self.path(&format!("{base}/{target}")))).collect()
    }

    /// The processes in the service's control group, in either layout of the hierarchy.
    fn service_processes(&self, name: &str) -> Vec<u32> {
        let group = |base: &str| self.text(&format!("{base}/system.slice/{name}.service/cgroup.procs"));
        let text = group("/sys/fs/cgroup").or_else(|| group("/sys/fs/cgroup/systemd")).unwrap_or_default();
        text.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }
}

/// The first value of a key in a unit file.
fn unit_value(text: &str, key: &str) -> Option<String> {
    let value =
        text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_values_are_read_by_their_whole_key() {
        let text = "[Unit]\nDescription=OpenBSD Secure Shell server\nDescriptionX=no\n[Service]\nUser=\n";
        assert_eq!(unit_value(text, "Description").as_deref(), Some("OpenBSD Secure Shell server"));
        assert_eq!(unit_value(text, "User"), None);
    }

    #[test]
    fn without_a_manager_there_are_no_services() {
        assert!(Facts::at("/nonexistent").services().is_empty());
    }
}
