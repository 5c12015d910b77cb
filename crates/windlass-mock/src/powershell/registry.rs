//! The commands of an endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cmdlet::Cmdlet;
use super::cmdlets;

/// Commands by name and alias, in any case.
#[derive(Clone, Default)]
pub struct Commands {
    by_name: BTreeMap<String, Arc<dyn Cmdlet>>,
    aliases: BTreeMap<String, (String, String)>,
}

impl Commands {
    /// No commands.
    pub fn none() -> Self {
        Self::default()
    }

    /// The commands that come with the host.
    pub fn built_in() -> Self {
        let mut commands = Self::none();
        for command in cmdlets::all() {
            commands.add(command);
        }
        commands
    }

    /// Adds a command with its aliases; one of the same name is replaced.
    pub fn add(&mut self, command: Arc<dyn Cmdlet>) {
        let info = command.info();
        let name = info.name().to_lowercase();
        for alias in info.aliases() {
            self.aliases.insert(alias.to_lowercase(), (alias.clone(), name.clone()));
        }
        self.by_name.insert(name, command);
    }

    /// Leaves only the commands that are named.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.by_name.retain(|_, command| keep(command.info().name()));
        let by_name = &self.by_name;
        self.aliases.retain(|_, (_, name)| by_name.contains_key(name));
    }

    /// The command of this name or alias. A module before a backslash must be the command's own.
    pub fn find(&self, name: &str) -> Option<&Arc<dyn Cmdlet>> {
        let (module, name) = match name.rsplit_once('\\') {
            Some((module, name)) => (Some(module), name),
            None => (None, name),
        };
        let name = name.to_lowercase();
        let target = self.aliases.get(&name).map_or(&name, |(_, target)| target);
        let found = self.by_name.get(target)?;
        match module {
            Some(module) if !found.info().module().eq_ignore_ascii_case(module) => None,
            _ => Some(found),
        }
    }

    /// All commands by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Cmdlet>> {
        self.by_name.values()
    }

    /// All aliases: the alias and the command that it stands for.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &Arc<dyn Cmdlet>)> {
        self.aliases.values().filter_map(|(alias, name)| Some((alias.as_str(), self.by_name.get(name)?)))
    }
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|command| command.info().name())).finish()
    }
}
