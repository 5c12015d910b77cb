//! The commands that come with the host, one file a family.

mod commands;
pub(crate) mod copying;
mod date;
mod event;
mod file;
mod file_object;
mod file_paths;
mod format;
mod host;
mod interactive;
mod measure;
mod output;
mod process;
mod select;
mod sort;
mod where_object;
mod write;

use std::sync::Arc;

use super::cmdlet::Cmdlet;
use super::command::CommandInfo;

/// Every command that comes with the host.
pub(crate) fn all() -> Vec<Arc<dyn Cmdlet>> {
    let families = [
        commands::all(),
        date::all(),
        event::all(),
        file::all(),
        format::all(),
        host::all(),
        interactive::all(),
        measure::all(),
        output::all(),
        process::all(),
        select::all(),
        sort::all(),
        where_object::all(),
        write::all(),
    ];
    families.into_iter().flatten().collect()
}

const CORE: &str = "Microsoft.PowerShell.Core";
const UTILITY: &str = "Microsoft.PowerShell.Utility";
const MANAGEMENT: &str = "Microsoft.PowerShell.Management";

/// A command of PowerShell's own: module, class and syntax as PowerShell's.
///
/// The declarations stand in this crate and a test reads them all, so a bad one cannot be met at run time;
/// it would yield a command without parameters.
fn declare(name: &str, module: &str, class: &str, syntax: &[&str]) -> CommandInfo {
    let info = CommandInfo::new(name, syntax);
    debug_assert!(info.is_ok(), "{info:?}");
    let info = info.or_else(|_| CommandInfo::new(name, &[]));
    match info {
        Ok(info) => info.implemented_by(module, &format!("Microsoft.PowerShell.Commands.{class}")),
        Err(_) => CommandInfo::empty(name),
    }
}

/// A command that the table of cmdlets declares.
fn declare_from_table(name: &str) -> CommandInfo {
    let info = crate::powershell::table::declared(name);
    debug_assert!(info.is_some(), "{name} is not in the table");
    info.unwrap_or_else(|| CommandInfo::empty(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_is_read_and_every_name_is_unique() {
        let all = all();
        let mut names: Vec<_> = all.iter().map(|command| command.info().name().to_lowercase()).collect();
        names.extend(all.iter().flat_map(|command| command.info().aliases().to_vec()));
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(all.iter().all(|command| !command.info().help().is_empty()));
    }
}
