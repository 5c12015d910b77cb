//! The table of cmdlets: what PowerShell 7 calls them and which parameters they take.
//!
//! One table serves all that has to know: the binding of arguments, the commands of the program, help and
//! completion. Its lines are
//!
//! | line | meaning |
//! |---|---|
//! | `cmdlet NAME MODULE CLASS` | begins a cmdlet |
//! | `alias NAME` | another name of it |
//! | `param NAME TYPE [alias=A] [notnull] [notempty] [range=A..B] [only=A,B] [own]` | one of its parameters |
//! | `set NAME [PARAMETER[:MARKS]]` | a parameter set, the default one first; `!` mandatory, a number is the position, `v` takes input, `n` takes a property of input, `r` takes what remains, `o` marks what is ours |

use std::collections::HashMap;
use std::sync::OnceLock;

use super::command::{Check, CommandInfo, ParameterInfo, Place};
use super::kind::Kind;

const TABLES: [&str; 5] = [
    include_str!("table/sessions.txt"),
    include_str!("table/cim.txt"),
    include_str!("table/wsman.txt"),
    include_str!("table/utility.txt"),
    include_str!("table/management.txt"),
];

/// The cmdlet of this name, as the table declares it.
pub fn declared(name: &str) -> Option<CommandInfo> {
    read(blocks().get(&name.to_ascii_lowercase())?)
}

/// The lines of each cmdlet by its name in lower case: found once, as every program asks for all of them.
fn blocks() -> &'static HashMap<String, &'static str> {
    static BLOCKS: OnceLock<HashMap<String, &'static str>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let blocks = TABLES.iter().flat_map(|table| table.split("\n\n"));
        let named = blocks.filter_map(|block| {
            let first = block.lines().find_map(|line| line.strip_prefix("cmdlet "))?;
            Some((first.split(' ').next()?.to_ascii_lowercase(), block))
        });
        named.collect()
    })
}

/// The names of all cmdlets of the table.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| line.strip_prefix("cmdlet ")?.split(' ').next())
}

fn read(block: &str) -> Option<CommandInfo> {
    let mut info = None;
    let mut parameters: Vec<ParameterInfo> = Vec::new();
    let mut sets = Vec::new();
    for line in block.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        match words.next()? {
            "cmdlet" => {
                let (name, module, class) = (words.next()?, words.next()?, words.next()?);
                info = Some(CommandInfo::empty(name).implemented_by(module, class));
            }
            "alias" => info = Some(info?.alias(words.next()?)),
            "param" => parameters.push(parameter(words)?),
            "set" => {
                let set = sets.len();
                sets.push(words.next()?.to_owned());
                for word in words {
                    let (name, marks) = word.split_once(':').unwrap_or((word, ""));
                    let known = parameters.iter_mut().find(|parameter| parameter.name == name)?;
                    known.places.push(place(set, marks));
                    known.pipeline |= marks.contains('v');
                    known.pipeline_by_name |= marks.contains('n');
                    known.remaining |= marks.contains('r');
                }
            }
            _ => return None,
        }
    }
    let default = sets.first().cloned().filter(|_| sets.len() > 1);
    Some(info?.tabled(parameters, sets, default))
}

fn parameter<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<ParameterInfo> {
    let mut parameter = ParameterInfo::new(words.next()?, Kind::parse(words.next()?)?);
    for word in words {
        match word.split_once('=') {
            None if word == "notnull" => parameter.check = Check::NotNull,
            None if word == "notempty" => parameter.check = Check::NotNullOrEmpty,
            None if word == "own" => parameter.is_own = true,
            Some(("alias", alias)) => parameter.aliases.push(alias.to_owned()),
            Some(("only", values)) => parameter.only = values.split(',').map(str::to_owned).collect(),
            Some(("range", range)) => {
                let (least, most) = range.split_once("..")?;
                parameter.range = Some((least.parse().ok()?, most.parse().ok()?));
            }
            _ => return None,
        }
    }
    Some(parameter)
}

fn place(set: usize, marks: &str) -> Place {
    let digits: String = marks.chars().filter(char::is_ascii_digit).collect();
    Place {
        set,
        position: digits.parse().ok(),
        mandatory: marks.contains('!'),
        pipeline: marks.contains('v'),
        by_name: marks.contains('n'),
        is_own: marks.contains('o'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cmdlet_of_the_table_is_read() {
        assert!(names().count() > 40);
        for name in names() {
            let info = declared(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(info.name(), name);
            for parameter in info.parameters() {
                assert!(!parameter.places.is_empty(), "{name} -{} is in no set", parameter.name);
            }
        }
    }

    #[test]
    fn syntax_is_printed_as_powershell_prints_it() {
        let info = declared("new-cimsession").unwrap();
        assert_eq!(
            info.syntax().nth(1).unwrap(),
            "New-CimSession [[-ComputerName] <string[]>] [-Name <string>] [-OperationTimeoutSec <uint>] \
             [-SkipTestConnection] [-Port <uint>] [-SessionOption <CimSessionOptions>] \
             [-CertificateThumbprint <string>] [-ThrottleLimit <int>] [-UseSSL] [<CommonParameters>]"
        );
        assert_eq!(info.default_set(), Some("CredentialParameterSet"));
    }
}
