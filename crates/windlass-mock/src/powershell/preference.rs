//! Preferences: what becomes of errors, warnings and other records.

use super::kind::{ACTION_PREFERENCE, Kind, Scalar};

/// What happens to a record (`ActionPreference` of PowerShell).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Action {
    /// It is not shown, but an error still counts.
    SilentlyContinue,
    /// It ends the pipeline.
    Stop,
    /// It is written to its stream.
    #[default]
    Continue,
    /// The user is asked; nobody can answer here, so it is written.
    Inquire,
    /// It is as if it had not happened.
    Ignore,
}

impl Action {
    /// The action of this name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Action); 5] = [
            ("SilentlyContinue", Action::SilentlyContinue),
            ("Stop", Action::Stop),
            ("Continue", Action::Continue),
            ("Inquire", Action::Inquire),
            ("Ignore", Action::Ignore),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, action)| *action)
    }

    /// The action of this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            0 => Self::SilentlyContinue,
            1 => Self::Stop,
            2 => Self::Continue,
            3 => Self::Inquire,
            4 => Self::Ignore,
            _ => return None,
        })
    }
}

/// What a command's common parameters ask for; `None` where the runspace decides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Preferences {
    pub(crate) error: Option<Action>,
    pub(crate) warning: Option<Action>,
    pub(crate) verbose: Option<Action>,
    pub(crate) debug: Option<Action>,
    pub(crate) information: Option<Action>,
    pub(crate) progress: Option<Action>,
}

/// A parameter that every command has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommonParameter {
    pub(crate) name: &'static str,
    pub(crate) alias: &'static str,
    pub(crate) kind: Kind,
}

/// The parameters that every command has.
pub(crate) static COMMON_PARAMETERS: [CommonParameter; 12] = {
    const ACTION: Kind = Kind::One(Scalar::Enum(&ACTION_PREFERENCE));
    const TEXT: Kind = Kind::One(Scalar::String);
    const fn common(name: &'static str, alias: &'static str, kind: Kind) -> CommonParameter {
        CommonParameter { name, alias, kind }
    }
    [
        common("Verbose", "vb", Kind::Switch),
        common("Debug", "db", Kind::Switch),
        common("ErrorAction", "ea", ACTION),
        common("WarningAction", "wa", ACTION),
        common("InformationAction", "infa", ACTION),
        common("ProgressAction", "proga", ACTION),
        common("ErrorVariable", "ev", TEXT),
        common("WarningVariable", "wv", TEXT),
        common("InformationVariable", "iv", TEXT),
        common("OutVariable", "ov", TEXT),
        common("OutBuffer", "ob", Kind::One(Scalar::Int32)),
        common("PipelineVariable", "pv", TEXT),
    ]
};

impl Preferences {
    /// Takes the value of a common parameter. The variables that some of them name are not kept, as
    /// nothing in this language can read them.
    pub(crate) fn set(&mut self, parameter: &CommonParameter, value: &windlass_clixml::PsValue) {
        let action = value.as_i64().and_then(Action::from_code);
        let switch = value.as_bool().map(|on| if on { Action::Continue } else { Action::SilentlyContinue });
        match parameter.name {
            "Verbose" => self.verbose = switch,
            "Debug" => self.debug = switch,
            "ErrorAction" => self.error = action,
            "WarningAction" => self.warning = action,
            "InformationAction" => self.information = action,
            "ProgressAction" => self.progress = action,
            _ => {}
        }
    }

    /// These, and where they say nothing, what `defaults` say.
    pub(crate) fn or(self, defaults: Self) -> Self {
        Self {
            error: self.error.or(defaults.error),
            warning: self.warning.or(defaults.warning),
            verbose: self.verbose.or(defaults.verbose),
            debug: self.debug.or(defaults.debug),
            information: self.information.or(defaults.information),
            progress: self.progress.or(defaults.progress),
        }
    }
}
