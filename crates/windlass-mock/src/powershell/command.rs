//! What a command is called and which parameters it takes.

use std::fmt;

use super::kind::Kind;

/// A command as `Get-Command` shows it: name, module and parameters.
///
/// Parameters are declared in the notation that PowerShell itself prints, one line for each parameter
/// set:
///
/// ```
/// use windlass_mock::powershell::CommandInfo;
///
/// let info = CommandInfo::new("Get-Greeting", &["[-Name] <string> [[-Count] <int>] [-Loud]"]).unwrap();
/// assert_eq!(info.parameters().len(), 3);
/// ```
#[derive(Debug, Clone)]
pub struct CommandInfo {
    name: String,
    module: String,
    implementing_type: String,
    aliases: Vec<String>,
    synopsis: String,
    /// The lines of syntax as they were written; none where a table declares the sets.
    written: Vec<String>,
    set_names: Vec<String>,
    default_set: Option<String>,
    parameters: Vec<ParameterInfo>,
    output_types: Vec<String>,
}

/// A parameter of a command.
#[derive(Debug, Clone)]
pub struct ParameterInfo {
    /// The name without a dash.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// Other names.
    pub aliases: Vec<String>,
    /// The smallest and the largest number that it takes.
    pub range: Option<(i64, i64)>,
    /// What else its values must be.
    pub check: Check,
    /// The only values that it takes; any where empty.
    pub only: Vec<String>,
    /// Whether PowerShell's own command does not have it, or only on Windows.
    pub is_own: bool,
    /// Whether input of the pipeline binds to it.
    pub pipeline: bool,
    /// Whether properties of its name, of input of the pipeline, bind to it.
    pub pipeline_by_name: bool,
    /// Whether it takes all arguments that are left over.
    pub remaining: bool,
    /// Its place in each parameter set that it belongs to.
    pub places: Vec<Place>,
}

/// What the values of a parameter must be, besides of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Check {
    /// Anything.
    #[default]
    Any,
    /// Not null.
    NotNull,
    /// Neither null nor empty, nor is any item of a list.
    NotNullOrEmpty,
}

/// The place of a parameter in one parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the set.
    pub set: usize,
    /// Its position among arguments without names.
    pub position: Option<usize>,
    /// Whether it must be given.
    pub mandatory: bool,
    /// Whether input of the pipeline binds to it in this set.
    pub pipeline: bool,
    /// Whether properties of its name do so.
    pub by_name: bool,
    /// Whether PowerShell's own command does not have it in this set.
    pub is_own: bool,
}

/// A declaration of parameters that does not follow the notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("syntax of {command}: {reason} at '{near}'")]
pub struct SyntaxError {
    command: String,
    reason: &'static str,
    near: String,
}

impl CommandInfo {
    /// A command with one parameter set for each line of syntax; the first is the default.
    ///
    /// # Errors
    /// When a line does not follow PowerShell's notation or names a type that is not known.
    pub fn new(name: &str, syntax: &[&str]) -> Result<Self, SyntaxError> {
        let noun = name.replace('-', "");
        let implementing_type = format!("Windlass.Commands.{noun}Command");
        let mut info = Self { implementing_type, ..Self::empty(name) };
        info.set_names = vec![String::new(); syntax.len().max(1)];
        for (set, line) in syntax.iter().enumerate() {
            info.written.push((*line).to_owned());
            info.add_set(set, line)?;
        }
        Ok(info)
    }

    /// A command without parameters.
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            module: String::new(),
            implementing_type: String::new(),
            aliases: Vec::new(),
            synopsis: String::new(),
            written: Vec::new(),
            set_names: vec![String::new()],
            default_set: None,
            parameters: Vec::new(),
            output_types: Vec::new(),
        }
    }

    /// In this module, with this name of the .NET class that stands in error identifiers.
    #[must_use]
    pub fn implemented_by(mut self, module: &str, implementing_type: &str) -> Self {
        self.module = module.to_owned();
        self.implementing_type = implementing_type.to_owned();
        self
    }

    /// With another name for the command.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }

    /// With a line of help.
    #[must_use]
    pub fn synopsis(mut self, text: &str) -> Self {
        self.synopsis = text.to_owned();
        self
    }

    /// With the type of what it writes.
    #[must_use]
    pub fn output(mut self, type_name: &str) -> Self {
        self.output_types.push(type_name.to_owned());
        self
    }

    /// With another name for a parameter.
    #[must_use]
    pub fn parameter_alias(self, parameter: &str, alias: &str) -> Self {
        self.change(parameter, |parameter| parameter.aliases.push(alias.to_owned()))
    }

    /// With a parameter that takes the input of the pipeline.
    #[must_use]
    pub fn pipeline(self, parameter: &str) -> Self {
        self.change(parameter, |parameter| parameter.pipeline = true)
    }

    /// With a parameter that takes all arguments that are left over.
    #[must_use]
    pub fn remaining(self, parameter: &str) -> Self {
        self.change(parameter, |parameter| parameter.remaining = true)
    }

    /// With bounds for the number that a parameter takes.
    #[must_use]
    pub fn range(self, parameter: &str, least: i64, most: i64) -> Self {
        self.change(parameter, |parameter| parameter.range = Some((least, most)))
    }

    /// With a switch in every parameter set that PowerShell's own command does not have.
    #[must_use]
    pub fn own_switch(mut self, name: &str) -> Self {
        let place = |set| Place {
            set,
            position: None,
            mandatory: false,
            pipeline: false,
            by_name: false,
            is_own: true,
        };
        self.parameters.push(ParameterInfo {
            name: name.to_owned(),
            kind: Kind::Switch,
            aliases: Vec::new(),
            range: None,
            check: Check::Any,
            only: Vec::new(),
            is_own: true,
            pipeline: false,
            pipeline_by_name: false,
            remaining: false,
            places: (0..self.set_count()).map(place).collect(),
        });
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The module that it counts to; may be empty.
    pub fn module(&self) -> &str {
        &self.module
    }

    /// The name of the class that implements it, as it stands in error identifiers.
    pub fn implementing_type(&self) -> &str {
        &self.implementing_type
    }

    /// Other names.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// A line of help; may be empty.
    pub fn help(&self) -> &str {
        &self.synopsis
    }

    /// The parameters, in the order of their declaration.
    pub fn parameters(&self) -> &[ParameterInfo] {
        &self.parameters
    }

    /// A parameter by its name, in any case.
    pub fn parameter(&self, name: &str) -> Option<&ParameterInfo> {
        self.parameters.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// Types of what it writes.
    pub fn output_types(&self) -> &[String] {
        &self.output_types
    }

    /// The lines of syntax, one for each parameter set.
    pub fn syntax(&self) -> impl Iterator<Item = String> {
        (0..self.set_count()).map(|set| {
            let line = self.written.get(set).cloned().unwrap_or_else(|| self.line(set));
            format!("{} {line} [<CommonParameters>]", self.name)
        })
    }

    /// The line of a set, with parameters by position, then the mandatory ones, then the others.
    fn line(&self, set: usize) -> String {
        let mut members: Vec<((usize, bool), &ParameterInfo)> = self
            .parameters
            .iter()
            .filter_map(|parameter| {
                let place = parameter.place(set)?;
                Some(((place.position.unwrap_or(usize::MAX), !place.mandatory), parameter))
            })
            .collect();
        members.sort_by_key(|(order, _)| *order);
        members.iter().map(|(_, parameter)| parameter.syntax(set)).collect::<Vec<_>>().join(" ")
    }

    /// The names of the parameter sets; empty where a declaration gives none.
    pub fn set_names(&self) -> &[String] {
        &self.set_names
    }

    /// The name of the set that is meant where several fit.
    pub fn default_set(&self) -> Option<&str> {
        self.default_set.as_deref()
    }

    /// Adds the parameter sets that a table declares, instead of those that are there.
    pub(crate) fn tabled(
        mut self,
        parameters: Vec<ParameterInfo>,
        set_names: Vec<String>,
        default_set: Option<String>,
    ) -> Self {
        (self.parameters, self.set_names, self.default_set) = (parameters, set_names, default_set);
        self
    }

    /// How many parameter sets there are.
    pub(crate) fn set_count(&self) -> usize {
        self.set_names.len()
    }

    /// Whether this is one of the command's names, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }

    fn change(mut self, name: &str, change: impl FnOnce(&mut ParameterInfo)) -> Self {
        let known = self.parameters.iter_mut().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        debug_assert!(known.is_some(), "{} has no parameter {name}", self.name);
        if let Some(parameter) = known {
            change(parameter);
        }
        self
    }

    fn add_set(&mut self, set: usize, line: &str) -> Result<(), SyntaxError> {
        let mut position = 0;
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (item, after) = self.item(rest)?;
            let place = item.positional.then(|| {
                position += 1;
                position - 1
            });
            let place = Place {
                set,
                position: place,
                mandatory: item.mandatory,
                pipeline: false,
                by_name: false,
                is_own: false,
            };
            match self.parameters.iter_mut().find(|known| known.name == item.name) {
                Some(known) => known.places.push(place),
                None => {
                    let parameter = ParameterInfo::new(item.name, item.kind);
                    self.parameters.push(ParameterInfo { places: vec![place], ..parameter });
                }
            }
            rest = after.trim_start();
        }
        Ok(())
    }

    /// Reads one of `-Name`, `-Name <type>`, `[-Name]`, `[-Name <type>]`, `[-Name] <type>` and
    /// `[[-Name] <type>]`.
    fn item<'a>(&self, text: &'a str) -> Result<(Item, &'a str), SyntaxError> {
        let fail = |reason, near: &str| SyntaxError {
            command: self.name.clone(),
            reason,
            near: near.chars().take(24).collect(),
        };
        let kind = |text: &'a str| {
            let (name, after) = text.split_once('>').ok_or_else(|| fail("missing '>'", text))?;
            let kind = Kind::parse(name).ok_or_else(|| fail("unknown type", name))?;
            Ok((kind, after))
        };
        if let Some(inner) = text.strip_prefix("[[-") {
            let (name, after) = inner.split_once("] <").ok_or_else(|| fail("missing type", text))?;
            let (kind, after) = kind(after)?;
            let after = after.strip_prefix(']').ok_or_else(|| fail("missing ']'", after))?;
            return Ok((Item::new(name, kind, true, false), after));
        }
        if let Some(inner) = text.strip_prefix("[-") {
            let end = inner.find([']', ' ']).ok_or_else(|| fail("missing ']'", text))?;
            let (name, after) = inner.split_at(end);
            if let Some(after) = after.strip_prefix("] <") {
                let (kind, after) = kind(after)?;
                return Ok((Item::new(name, kind, true, true), after));
            }
            if let Some(after) = after.strip_prefix(']') {
                return Ok((Item::new(name, Kind::Switch, false, false), after));
            }
            let (kind, after) = kind(after.strip_prefix(" <").ok_or_else(|| fail("missing type", after))?)?;
            let after = after.strip_prefix(']').ok_or_else(|| fail("missing ']'", after))?;
            return Ok((Item::new(name, kind, false, false), after));
        }
        let inner = text.strip_prefix('-').ok_or_else(|| fail("expected a parameter", text))?;
        let (name, after) = inner.split_at(inner.find(' ').unwrap_or(inner.len()));
        match after.strip_prefix(" <") {
            Some(after) => {
                let (kind, after) = kind(after)?;
                Ok((Item::new(name, kind, false, true), after))
            }
            None => Ok((Item::new(name, Kind::Switch, false, true), after)),
        }
    }
}

/// One parameter of a line of syntax.
struct Item {
    name: String,
    kind: Kind,
    positional: bool,
    mandatory: bool,
}

impl Item {
    fn new(name: &str, kind: Kind, positional: bool, mandatory: bool) -> Self {
        Self { name: name.to_owned(), kind, positional, mandatory }
    }
}

impl ParameterInfo {
    /// A parameter that takes any value of its kind, in no set yet.
    pub(super) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            aliases: Vec::new(),
            range: None,
            check: Check::Any,
            only: Vec::new(),
            is_own: false,
            pipeline: false,
            pipeline_by_name: false,
            remaining: false,
            places: Vec::new(),
        }
    }

    /// As PowerShell prints it in the syntax of a parameter set.
    fn syntax(&self, set: usize) -> String {
        let Some(place) = self.place(set) else { return String::new() };
        let (name, kind) = (&self.name, self.kind.short_name());
        let named = match place.position {
            Some(_) => format!("[-{name}]"),
            None => format!("-{name}"),
        };
        let whole = if kind.is_empty() { format!("-{name}") } else { format!("{named} <{kind}>") };
        if place.mandatory { whole } else { format!("[{whole}]") }
    }

    /// Its place in a parameter set, if it belongs to it.
    pub fn place(&self, set: usize) -> Option<Place> {
        self.places.iter().find(|place| place.set == set).copied()
    }

    /// Whether this is its name or another name of it, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for CommandInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_notation_is_read() {
        let line = "[-A] <string> [[-B] <int>] -C <Object[]> [-D <long>] -E [-F]";
        let info = CommandInfo::new("Get-X", &[line, "-E [-A <string>]"]).unwrap();
        let of = |name: &str| info.parameter(name).unwrap();
        let place = |name: &str| of(name).place(0).map(|place| (place.position, place.mandatory));
        assert_eq!(place("a"), Some((Some(0), true)));
        assert_eq!(place("b"), Some((Some(1), false)));
        assert_eq!(place("c"), Some((None, true)));
        assert_eq!(place("d"), Some((None, false)));
        assert_eq!(place("e"), Some((None, true)));
        assert_eq!(place("f"), Some((None, false)));
        assert_eq!((of("C").kind.type_name(), of("E").kind), ("System.Object[]", Kind::Switch));
        assert_eq!(of("A").places.len(), 2);
        assert!(of("B").place(1).is_none());
        assert_eq!(info.syntax().next().unwrap(), format!("Get-X {line} [<CommonParameters>]"));
    }

    #[test]
    fn what_does_not_follow_it_is_refused() {
        for line in ["Name", "[-Name <string>", "-Name <nosuch>", "[[-Name]", "[-Name"] {
            assert!(CommandInfo::new("Get-X", &[line]).is_err(), "{line}");
        }
    }
}
