//! What programs that the host starts for clients see of the host's environment: passwords may stand in it.

use std::process::Command;

/// Leaves what programs need and what tells nothing. Programs of Windows need more than can be listed.
pub(crate) fn hide_all_but_common(command: &mut Command) {
    const COMMON: [&str; 6] = ["HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TERM"];
    keep(command, |name| match cfg!(windows) {
        true => !is_hosts_own(name),
        false => is_everybodys(name) || COMMON.contains(&name),
    });
}

/// Leaves what means the same to every user.
pub(crate) fn hide_all_but_everybodys(command: &mut Command) {
    keep(command, is_everybodys);
}

/// Hides what is for the host alone.
pub(crate) fn hide_hosts_own(command: &mut Command) {
    keep(command, |name| !is_hosts_own(name));
}

fn keep(command: &mut Command, is_kept: impl Fn(&str) -> bool) {
    for (name, _) in std::env::vars_os() {
        if !is_kept(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

fn is_everybodys(name: &str) -> bool {
    matches!(name, "PATH" | "TZ" | "LANG" | "LANGUAGE") || name.starts_with("LC_")
}

fn is_hosts_own(name: &str) -> bool {
    name.to_ascii_uppercase().starts_with("WINDLASS_")
}
